/* kit/stream.h: one stream of bytes to a peer, for plugins that speak a
 * protocol of their own: resolved on the worker's pool, dialled by libcurl
 * (CONNECT_ONLY), through a proxy or not, within TLS or not, or to a unix
 * socket.
 *
 * A stream is opened for a probe and calls back on the worker's loop. It
 * reports the phases dns, connect and tls of the probe that it serves, and
 * names faults in the words that all plugins of ours share (kit/why.h). What it
 * does not know is the protocol: auth, send, wait, receive are its user's.
 *
 *     kit_stream_open → KIT_OPEN → (kit_stream_send, KIT_READABLE →
 *     kit_stream_receive until KIT_EMPTY)… → kit_stream_close, or the end of
 *     its scope
 *
 * KIT_FAILED comes in place of KIT_OPEN, and nothing after it; once open, the
 * end comes out of kit_stream_receive(), after the last byte that the peer
 * sent, and again nothing after it. kit_stream_fault() then sets the probe's
 * fault. Callbacks are never called from inside a call of the user's; from one,
 * the stream may be closed and the probe ended. */
#ifndef KIT_STREAM_H
#define KIT_STREAM_H

#include "kit/certs.h"
#include "kit/init.h"

/* ----------------------------------------------------------------- options */

enum kit_family { KIT_FAMILY_ANY, KIT_FAMILY_4, KIT_FAMILY_6 };
enum kit_tls_version { KIT_TLS_1_0, KIT_TLS_1_1, KIT_TLS_1_2, KIT_TLS_1_3 };

/* How to reach a peer; a member of a plugin's conf struct, filled through the
 * rows of KIT_NET_OPTIONS. */
struct kit_net {
    int64_t ip_family;     /* enum kit_family */
    int64_t all_addresses; /* each address of the name is probed */
    const char *proxy;     /* "http://host:port", socks5h://…; NULL: none */
    const char *ca_file, *cert_file, *key_file, *key_passphrase, *server_name;
    int64_t min_version; /* enum kit_tls_version */
    int64_t verify;
};

// clang-format off
#define KIT_NET_OPTIONS(conf, net)                                              \
    {"ip_family", RLV_ENUM, 0, offsetof(struct conf, net.ip_family), "any", "any|4|6", \
     "Which addresses of a name to use."},                                      \
    {"all_addresses", RLV_BOOL, 0, offsetof(struct conf, net.all_addresses), "false", NULL, \
     "Probe each address of the name, one after the other; the first that fails is named."}, \
    {"proxy", RLV_STRING, RLV_SECRET_PARTS, offsetof(struct conf, net.proxy), NULL, NULL, \
     "Go through this proxy: http://, https://, socks4a:// or socks5h://, with user:password@ where it asks."}, \
    {"tls.ca_file", RLV_STRING, 0, offsetof(struct conf, net.ca_file), NULL, NULL, \
     "Trust the certificates in this file instead of the system's."},           \
    {"tls.cert_file", RLV_STRING, 0, offsetof(struct conf, net.cert_file), NULL, NULL, \
     "Our own certificate, PEM, where the server asks for one."},               \
    {"tls.key_file", RLV_STRING, 0, offsetof(struct conf, net.key_file), NULL, NULL, \
     "The key of cert_file, PEM; without it, cert_file holds both."},           \
    {"tls.key_passphrase", RLV_SECRET, 0, offsetof(struct conf, net.key_passphrase), NULL, NULL, \
     "What the key is encrypted with."},                                        \
    {"tls.server_name", RLV_STRING, 0, offsetof(struct conf, net.server_name), NULL, NULL, \
     "The name to ask for and to verify, where it is not the host."},           \
    {"tls.min_version", RLV_ENUM, 0, offsetof(struct conf, net.min_version), "1.2", "1.0|1.1|1.2|1.3", \
     "The oldest version of TLS that will do."},                                \
    {"tls.verify", RLV_BOOL, 0, offsetof(struct conf, net.verify), "true", NULL, \
     "Whether the server's certificate must be valid."}
// clang-format on

/* What tables cannot say: key without certificate, an unreadable proxy, ….
 * False: *option and why are filled, as for rlv_plugin.validate. */
KIT_EXPORT bool kit_net_validate(const struct kit_net *, const char **option,
                                 char *why, size_t size);

/* ----------------------------------------------------------------- streams */

/* Strings are borrowed until the stream is open or has failed. */
struct kit_peer_at {
    const char *host; /* a name or an address, IPv6 without brackets */
    uint16_t port;
    const char *unix_path; /* not NULL: in place of host and port */
    bool tls;
    unsigned address; /* all_addresses: which one of them, from 0 */
    const struct kit_net *net;
};

enum kit_event {
    KIT_OPEN,     /* connected, and the TLS handshake done */
    KIT_READABLE, /* receive until KIT_EMPTY */
    KIT_SENT,     /* what had to wait is with the kernel now */
    KIT_FAILED    /* not opened: kit_stream_fault() knows why */
};

struct kit_stream; /* one connection; owned by its scope */
typedef void kit_stream_fn(void *arg, enum kit_event);

/* Begins to connect for probe. Never NULL; a failure comes as KIT_FAILED. The
 * stream ends with scope: the probe's, or the check's where it is to be kept.
 */
KIT_EXPORT struct kit_stream *kit_stream_open(struct rlv_scope *scope,
                                              struct rlv_probe *probe,
                                              const struct kit_peer_at *,
                                              kit_stream_fn *, void *arg);

/* A kept stream, of the check's scope, serves the next probe, or nobody (NULL,
 * NULL, NULL) between probes, as it does where its probe just ends. One that is
 * not open by then is closed; one that the peer ends meanwhile is dead. */
KIT_EXPORT void kit_stream_lend(struct kit_stream *, struct rlv_probe *,
                                kit_stream_fn *, void *arg);
KIT_EXPORT bool kit_stream_dead(const struct kit_stream *);

/* Sends what the kernel takes, and a copy of the rest as soon as it can. False:
 * more than 1 MiB would wait, and nothing was taken. */
KIT_EXPORT bool kit_stream_send(struct kit_stream *, const void *, size_t);

/* TLS from here on, where the protocol has just agreed on it (STARTTLS), for
 * that name; `net` is borrowed until KIT_OPEN or KIT_FAILED comes again. The
 * peer must not have said more than was received: what it sends before the
 * handshake, anybody on the way may have written, and the handshake fails. */
KIT_EXPORT void kit_stream_start_tls(struct kit_stream *, const char *name,
                                     const struct kit_net *net);

#define KIT_EMPTY  0  /* nothing more for now, or enough for one turn */
#define KIT_CLOSED -1 /* the peer ended the stream, orderly */
#define KIT_BROKEN -2 /* reset, TLS error, …: kit_stream_fault() */

/* Bytes received, or one of the above. */
KIT_EXPORT ptrdiff_t kit_stream_receive(struct kit_stream *, void *,
                                        size_t size);

/* After KIT_CLOSED or KIT_BROKEN: whether the peer has ended it of its own
 * will. An end of TLS without its own farewell is one all the same. */
KIT_EXPORT bool kit_stream_was_ended(const struct kit_stream *);

/* Ends it now; no callback comes any more. NULL is fine. */
KIT_EXPORT void kit_stream_close(struct kit_stream *);

/* Why it failed, as the probe's fault: dns, refused, connect_timeout, tls,
 * certificate, reset, closed, …. `doing` names what the user was waiting for
 * ("the reply to PING"), for the text of closed and reset. */
KIT_EXPORT void kit_stream_fault(struct kit_stream *, const char *doing);

/* The deadline came: the fault for the stage that it was in; an open stream's
 * is `timeout`, code = what was waited for ("PING"), text from doing. Either
 * reports the phase that it was in, too. */
KIT_EXPORT void kit_stream_fault_deadline(struct kit_stream *, const char *code,
                                          const char *doing);

/* Facts. */
KIT_EXPORT bool kit_stream_is_open(const struct kit_stream *);
KIT_EXPORT int64_t kit_stream_opened_ns(const struct kit_stream *);
/* "127.0.0.1 port 6379", "example.com (192.0.2.7) port 443", "unix /run/x" */
KIT_EXPORT const char *kit_stream_peer(const struct kit_stream *);
KIT_EXPORT const char *kit_stream_ip(const struct kit_stream *); /* or "" */
KIT_EXPORT unsigned kit_stream_addresses(const struct kit_stream *);
/* What the TLS handshake learnt; NULL without TLS. */
KIT_EXPORT const struct kit_peer *
kit_stream_certificate(const struct kit_stream *);

#endif

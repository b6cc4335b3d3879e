/* kit/why.h: why a peer could not be reached or broke off, in the words that
 * all plugins of ours share.
 *
 * Each call sets the fault of the probe and nothing else. `peer` is a text by
 * kit_peer_text(); `text` is libcurl's, in which OpenSSL's errors stand, too.
 */
#ifndef KIT_WHY_H
#define KIT_WHY_H

#include "kit/certs.h"
#include "kit/easy.h"
#include "kit/init.h"

/* "127.0.0.1 port 80", "example.com (192.0.2.7) port 443". literal: the host is
 * an address. tried: the address of the last connection, AF_UNSPEC: of none. */
KIT_EXPORT void kit_peer_text(char *text, size_t size, const char *host,
                              uint16_t port, bool literal,
                              const struct sockaddr_storage *tried);
/* Adds " by proxy 10.0.0.1 port 3128". */
KIT_EXPORT void kit_peer_by_proxy(char *text, size_t size,
                                  const struct kit_proxy *);
#define KIT_IP_SIZE 46 /* INET6_ADDRSTRLEN */
/* The address alone; "" for AF_UNSPEC. */
KIT_EXPORT void kit_ip_text(char *text, size_t size,
                            const struct sockaddr_storage *);

/* EAI_NONAME, … */
KIT_EXPORT const char *kit_gai_code(int gai);
/* Not resolved; gai 0: no address came. */
KIT_EXPORT void kit_why_resolve(struct rlv_probe *, const char *host, int gai);
/* The fault of a connect() that failed with sys_errno. */
KIT_EXPORT enum rlv_fault kit_why_fault(int sys_errno);

/* What became of the attempt to reach a peer by proxy. */
struct kit_way_lost {
    CURLcode rc;
    int sys_errno;
    long answer;  /* the proxy's: HTTP status or CURLPX_; 0: none */
    bool through; /* the way stood: what came after is the peer's */
    const char *text;
};
/* False: it is not the proxy's doing, and no fault is set. */
KIT_EXPORT bool kit_why_proxy(struct rlv_probe *, const struct kit_proxy *,
                              const char *peer, const struct kit_way_lost *);

/* No connection. sys_errno 0: only libcurl's text is known. */
KIT_EXPORT void kit_why_connect(struct rlv_probe *, const char *peer,
                                int sys_errno, const char *text);
/* Of the socket `peer`. False: none of the reasons that only unix sockets
 * have, and no fault is set. */
KIT_EXPORT bool kit_why_unix(struct rlv_probe *, const char *peer,
                             int sys_errno);
KIT_EXPORT void kit_why_tls(struct rlv_probe *, const char *peer,
                            const char *text);
/* literal: `host`, which the certificate should be for, is an address. */
KIT_EXPORT void kit_why_certificate(struct rlv_probe *, const struct kit_peer *,
                                    const char *host, bool literal);
/* The same in words, for who sets the fault itself; the code is returned. */
KIT_EXPORT const char *kit_certificate_words(const struct kit_peer *,
                                             const char *host, bool literal,
                                             char *text, size_t size);
/* The connection broke after it stood. False: it is none of the ways that are
 * the same in every protocol, and no fault is set. */
KIT_EXPORT bool kit_why_broken(struct rlv_probe *, const char *peer,
                               int sys_errno, const char *text);

/* The deadline came before the certificates were loaded, the name resolved,
 * the connection made, the handshake finished; after spent_ns. */
KIT_EXPORT void kit_why_late_trust(struct rlv_probe *, int64_t spent_ns);
KIT_EXPORT void kit_why_late_resolve(struct rlv_probe *, const char *host,
                                     int64_t spent_ns);
KIT_EXPORT void kit_why_late_connect(struct rlv_probe *, const char *peer,
                                     int64_t spent_ns);
KIT_EXPORT void kit_why_late_proxy(struct rlv_probe *, const char *peer,
                                   int64_t spent_ns);
KIT_EXPORT void kit_why_late_queue(struct rlv_probe *, const char *peer,
                                   int64_t spent_ns);
KIT_EXPORT void kit_why_late_tls(struct rlv_probe *, const char *peer,
                                 int64_t spent_ns);

/* OpenSSL's reason out of libcurl's text, and as a code:
 * WRONG_VERSION_NUMBER. NULL: there is none. */
KIT_EXPORT const char *kit_tls_reason(const char *text, char *code,
                                      size_t size);

#endif

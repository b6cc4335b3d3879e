/* kit/dial.h: a stream, as its own files see it.
 *
 *   stream.c   its life, its events, what is sent and received
 *   dial.c     how it is opened: certificates, addresses
 *   easy.c     libcurl's options, which plugins have in common with it
 *   starttls.c TLS on a stream that stood without it
 *   lost.c     why it failed
 *   net.c      the options of kit_net: what is wrong with them; proxies
 *   crank.c    what turns libcurl
 */
#ifndef KIT_DIAL_H
#define KIT_DIAL_H

#include <arpa/inet.h>

#include "kit/attempt.h"
#include "kit/crank.h"
#include "kit/easy.h"
#include "kit/stream.h"

enum kit_stage {
    KIT_STAGE_TRUST, /* the trusted certificates are being loaded */
    KIT_STAGE_RESOLVE,
    KIT_STAGE_CONNECT, /* and, through a proxy, until that has made the way */
    KIT_STAGE_TLS,
    KIT_STAGE_OPEN,
    KIT_STAGE_FAILED, /* never was open */
    KIT_STAGE_CLOSED  /* nothing is left but facts */
};

/* What made it fail before it was open. */
enum kit_lost {
    KIT_LOST_LIBCURL, /* rc, error */
    KIT_LOST_TRUST,   /* error: the bundle cannot be read */
    KIT_LOST_RESOLVE, /* gai */
    KIT_LOST_CONFIG,  /* error */
    KIT_LOST_RESOURCE /* error */
};

/* That a stream serves a probe; in the probe's scope. */
struct kit_lease {
    struct kit_stream *stream; /* NULL: no longer */
};

struct kit_stream {
    struct kit_transfer transfer; /* first; its probe is the stream's */
    struct rlv_scope *scope;
    struct kit_stream *next; /* while it waits to be used again */
    struct kit_lease *lease; /* NULL: serves nobody */
    kit_stream_fn *fn;
    void *arg;

    struct kit_peer_at at; /* its strings: until it is open or has failed */
    char host[256];        /* what was dialled: host or unix_path */
    char name[256];        /* that the certificate must be for */
    struct kit_proxy proxy;
    bool literal, name_literal, proxied;

    enum kit_stage stage;
    int64_t began_ns, stage_ns, opened_ns;
    int64_t served_ns; /* since when it serves this probe */
    unsigned addresses;
    struct kit_attempt attempt; /* at the proxy, if there is one */
    struct curl_slist *resolve, *connect_to;
    struct kit_peer certificate, proxy_certificate;
    unsigned handshakes; /* begun on this connection */
    char peer[600], ip[INET6_ADDRSTRLEN];

    enum kit_lost lost;
    CURLcode rc; /* of the connection, or of what ended the open stream */
    int gai, sys_errno;
    long answer; /* of a proxy that refuses: HTTP status or CURLPX_ */
    char error[CURL_ERROR_SIZE];

    int fd;
    struct rlv_watch *watch; /* of fd, once open */
    struct rlv_watch *kick;  /* timer: KIT_READABLE or KIT_FAILED is due */
    struct kit_bytes {
        char *at;
        size_t len, size, done;
    } queue;         /* waits to be sent, from done on */
    size_t received; /* in this turn */
    char ahead;      /* a byte that was read to see whether there is one */
    bool has_ahead;
    bool ended;      /* closed or broken: rc, sys_errno */
    bool unsendable; /* broken for what is sent; there may be more to read */
    bool announced;  /* KIT_OPEN was said */
    bool used;       /* sent on, or received from */
    bool opening;    /* in kit_stream_open(): no callback now */
    SSL *ssl;        /* of kit_stream_start_tls(); NULL: bytes go by libcurl */
};

/* dial.c */
void dial_begin(struct kit_stream *);
void dial_release(struct kit_stream *);
void dial_stage(struct kit_stream *, enum kit_stage); /* reports the last one */

/* The name that the certificate must be for. */
void dial_name(struct kit_stream *, const char *);
/* A handshake begins with this context: it trusts, and reports to the stream,
 * as the options of kit_net have it. False: the bundle is not there. */
bool dial_context(struct kit_stream *, SSL_CTX *);

/* stream.c, called by dial.c and starttls.c */
void stream_opened(struct kit_stream *);
void stream_failed(struct kit_stream *, enum kit_lost);
/* On the next turn of the loop: what is due. */
void stream_kick(struct kit_stream *);

/* starttls.c: one more step of the handshake; and what takes the place of
 * libcurl's calls after it. */
void starttls_turn(struct kit_stream *);
CURLcode starttls_recv(struct kit_stream *, void *, size_t, size_t *n);
CURLcode starttls_send(struct kit_stream *, const void *, size_t, size_t *n);
void starttls_end(struct kit_stream *);

/* lost.c: the stream opens: what failed until then is forgotten. libcurl writes
 * its error buffer once: where it already has, its words come another way. */
void lost_begin(struct kit_stream *);
/* Keeps what libcurl knows about a failure, while it does. */
void lost_note(struct kit_stream *, CURLcode);
/* Sets peer, from what is known by now. */
void lost_peer(struct kit_stream *);

/* crank.c: the plugin's own crank for its streams, and easy handles to be used
 * in it; NULL: out of memory. */
struct kit_crank *crank_here(void);
CURL *crank_easy(struct kit_crank *);
void crank_easy_back(struct kit_crank *, CURL *);

#endif

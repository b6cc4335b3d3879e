/* http/http.h: what the files of the http plugin share.
 *
 *   http.c     the tables and their validation
 *   fetch.c    one probe: resolve, transfer, follow redirects, end
 *   hops.c     what is told about each hop
 *   target.c   the URL of a hop
 *   way.c      where its connection is led: addresses, proxy, unix socket
 *   request.c  one hop's options for libcurl
 *   body.c     what it carries
 *   auth.c     who we are: credentials, cookies
 *   oauth.c    a token, fetched and kept
 *   answer.c   what came back: head, body, observations, hints, evidence
 *   content.c  what is made of the body: its hash, its state as a health page
 *   health.c   the usual bodies of health pages
 *   retry_after.c  when to ask again
 *   fault.c    why nothing came back
 *   lane.c     the crank that turns a transfer; the easy handles
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <curl/curl.h>
#include <openssl/evp.h>
#include <relevo/plugin.h>

#include "http/health.h"
#include "kit/attempt.h"
#include "kit/crank.h"
#include "kit/easy.h"
#include "kit/facts.h"
#include "kit/head.h"
#include "kit/why.h"

#define HTTP_HASH 32 /* bytes of SHA-256 */

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS
};
enum http_auth { HTTP_AUTH_BASIC, HTTP_AUTH_DIGEST };
enum http_secret { HTTP_SECRET_BASIC, HTTP_SECRET_POST };
enum http_version { HTTP_VERSION_AUTO, HTTP_VERSION_1_1, HTTP_VERSION_2 };

struct http_conf {
    const char *url;
    int64_t method; /* enum http_method */
    struct rlv_dict headers;
    const char *body, *body_file;
    struct rlv_dict form;
    struct rlv_steps multipart;
    struct rlv_dict cookies;
    int64_t auth; /* enum http_auth */
    const char *token_url, *client_id, *client_secret, *audience;
    struct rlv_list scopes;
    struct rlv_dict token_params;
    int64_t auth_method; /* enum http_secret */
    const char *username, *password, *bearer;
    int64_t follow_redirects, max_redirects, allow_downgrade;
    int64_t http_version; /* enum http_version */
    int64_t keep_alive, compression, health;
    int64_t max_body; /* bytes */
    const char *user_agent, *host_header;
    struct kit_net net;
    struct rlv_list resolve;    /* "host:port:ip[,ip]" */
    struct rlv_list connect_to; /* "host:port:host:port" */
    const char *unix_socket;
};

enum http_field {
    FIELD_STATUS,
    FIELD_LATENCY,
    FIELD_BODY,
    FIELD_HEADER,
    FIELD_SIZE,
    FIELD_TRUNCATED,
    FIELD_REDIRECTS,
    FIELD_URL_EFFECTIVE,
    FIELD_IP,
    FIELD_HTTP_VERSION,
    FIELD_SHA256,
    FIELD_CHANGED,
    FIELD_HEALTH,
    FIELD_COMPONENT,
    FIELD_COMPONENT_ERROR,
    FIELD_CERT_EXPIRY_OF,
    FIELD_RETRY_AFTER,
    FIELD_TLS /* and so on: kit/facts.h */
};

struct bytes {
    char *at;
    size_t len, size;
};

/* An easy handle, which is one transfer's, and its buffers, which are kept
 * between probes, so that a probe costs no allocation of them; held by at most
 * one fetch at a time. */
struct handle {
    struct kit_transfer transfer; /* first; easy NULL: none so far */
    struct handle *next;          /* while idle */
    struct fetch *fetch;          /* NULL while idle */
    struct bytes head; /* status line and headers of the last response */
    struct bytes body;
    char error[CURL_ERROR_SIZE];
};

struct lane; /* see lane.c */

struct token { /* see oauth.c */
    char *text;
    uint64_t print; /* of what it was got with */
    int64_t until_ns;
    bool deferred; /* its end is seen to */
};

/* What a check keeps from one probe to the next. */
struct kept {
    struct token token;
    unsigned char hash[HTTP_HASH]; /* of the last body; content.c */
    bool hashed;
};

/* Where one hop goes. Strings are libcurl's. */
struct target {
    CURLU *url;
    char *host; /* IPv6 in brackets; punycode */
    uint16_t port;
    bool https, literal; /* an address needs no resolution */
    bool no_memory;      /* that, and not the URL, is why it was not read */
};

/* What is dialled for a hop. */
struct way {
    char host[256]; /* the target, where connect_to leads, or the proxy */
    uint16_t port;
    bool literal;      /* an address needs no resolution */
    char to_host[256]; /* the same, behind the proxy */
    uint16_t to_port;
    bool elsewhere; /* connect_to: it is not the target */
    bool proxied;
    struct kit_proxy proxy;
    const char *unix_path; /* not NULL: in place of all that */
    unsigned handshakes;   /* begun on this connection */
    bool full;             /* the unix socket's queue */
};

enum stage { STAGE_TRUST, STAGE_RESOLVE, STAGE_TRANSFER };

/* One probe. Lives in the probe's scope. */
struct fetch {
    struct rlv_probe *probe;
    const struct http_conf *conf;
    struct handle *handle; /* NULL before the first transfer */
    enum stage stage;
    int64_t started_ns, stage_ns;

    struct target target;            /* this hop */
    struct way way;                  /* this hop's */
    unsigned address, address_count; /* all_addresses: which of how many */
    char *origin_host;               /* the first hop: credentials go there */
    uint16_t origin_port;            /* and nowhere else */
    bool origin_https;
    const char *username, *password; /* of the options, or of the URL */
    enum http_method method;
    bool send_body;
    unsigned redirects;
    bool asks_token;    /* this hop goes to the token endpoint */
    const char *token;  /* by oauth2 */
    unsigned responses; /* 401 with a challenge, on this hop */

    struct bytes sent;      /* this hop's body, where it is made here */
    curl_mime *mime;        /* likewise */
    struct curl_slist *jar; /* cookies that were set */
    struct curl_slist *headers, *addresses, *connect_to; /* this hop's */
    struct kit_attempt attempt;                          /* the last connect */

    struct kit_peer peer, proxy_peer; /* this hop's */
    struct kit_peer first; /* of the first hop that spoke TLS: that one's is
                              the certificate that the check is about */
    int64_t handshake_ns;  /* when TLS began; 0: not on this hop */

    int64_t body_max;   /* of them are read */
    int64_t body_bytes; /* after decompression */
    size_t body_keep;   /* how many of them are kept */
    bool cut;           /* the body reached max_body: stopped there */
    bool overlong_head;
    EVP_MD_CTX *digest;    /* of the body so far; NULL: nobody reads it */
    struct health *health; /* what was read; NULL: nothing */
};

extern const struct rlv_host *http_host;

/* http.c */
const char *http_method_name(enum http_method);
/* NULL, or the option that would break the request's headers. */
const char *http_broken_option(const struct http_conf *);

/* fetch.c */
void http_start(struct rlv_probe *, const void *conf);
void fetch_transferred(struct fetch *, CURLcode); /* called by the lane */
bool fetch_at_origin(const struct fetch *);
/* Another name than the URL's is asked for and verified. */
bool fetch_is_renamed(const struct fetch *);
/* A copy that lasts as long as the probe. */
char *fetch_text(struct fetch *, const char *text);
void fetch_hop(struct fetch *);      /* the target is known: find the way */
void fetch_transfer(struct fetch *); /* the way is known: off */
/* The probe ends without an answer. */
void fetch_fail(struct fetch *, enum rlv_fault, const char *code,
                const char *text);

/* target.c. False: why is filled. */
bool target_parse(struct target *, const char *url, char *why, size_t size);
/* Where a Location value, which may be relative, leads from there. False: why
 * is filled. Either way `to` must be finished. */
bool target_follow(const struct target *from, const char *location,
                   struct target *to, char *why, size_t size);
void target_fini(struct target *);
bool target_is_literal(const char *host);

/* way.c. Chooses what to dial; false: the proxy's URL is none. */
bool way_choose(struct fetch *);
bool way_uses_tls(const struct fetch *);
void way_begin(struct fetch *); /* goes on to fetch_transfer() */
bool way_lead(struct fetch *);  /* false: out of memory */
bool way_validate(const struct http_conf *, const char **option, char *why,
                  size_t size);

/* request.c: sets the handle up for the present hop. */
bool request_prepare(struct fetch *, char *why, size_t size);
void request_release(struct fetch *);

/* body.c. False: why is filled. */
bool body_set(struct fetch *, CURL *, char *why, size_t size);
bool body_is_given(const struct http_conf *);
const char *body_type(const struct fetch *); /* NULL: libcurl knows */
void body_add_field(struct bytes *, CURL *, const char *key, const char *value);
void body_send(CURL *, const char *, size_t len);
void body_release(struct fetch *);
bool body_validate(const struct http_conf *, const char **option, char *why,
                   size_t size);

/* auth.c */
void auth_take(struct fetch *); /* out of options and URL */
void auth_set(struct fetch *, CURL *);
bool auth_headers(struct fetch *); /* false: out of memory */
void auth_on_status(struct fetch *, const char *line, size_t len);
bool auth_validate(const struct http_conf *, const char **option, char *why,
                   size_t size);
void cookies_set(struct fetch *, CURL *);
void cookies_take(struct fetch *); /* from this hop to the next */
void cookies_drop(struct fetch *);

/* oauth.c. Whether a token has to be asked for: the probe is under way then,
 * or over. */
bool oauth_begin(struct fetch *);
bool oauth_set(struct fetch *, CURL *); /* false: out of memory */
/* False: the fault is set. */
bool oauth_answered(struct fetch *, CURLcode);
void oauth_forget(struct fetch *); /* the server refuses it */
void oauth_hide(struct fetch *);   /* in what was received */
bool oauth_validate(const struct http_conf *, const char **option, char *why,
                    size_t size);

/* retry_after.c. -1: not to be understood. */
int64_t retry_after_s(const char *text, size_t len, int64_t now_s);
void retry_after_observe(struct fetch *);

/* answer.c */
void bytes_append(struct bytes *, const char *, size_t);
void answer_reset(struct fetch *);
size_t answer_on_head(char *line, size_t size, size_t n, void *fetch);
size_t answer_on_body(char *bytes, size_t size, size_t n, void *fetch);
/* A header's value in the answer, cut from its line; NULL: absent. */
const char *answer_header(const struct fetch *, const char *name, size_t *len);
void answer_phases(struct fetch *);
void answer_observe(struct fetch *);        /* all fields, hint and evidence */
void answer_observe_broken(struct fetch *); /* what there is of a failure */

/* hops.c: a transfer is over; it leads elsewhere. */
void hops_certificate(struct fetch *);
void hops_redirect(struct fetch *, long status);

/* content.c */
void content_begin(struct fetch *); /* an answer is about to come in */
void content_add(struct fetch *, const char *, size_t);
void content_observe(struct fetch *);
void content_end(struct fetch *);
/* How much of the body it has to see whole. */
size_t content_needs(const struct fetch *);
/* The body is a health page that says so: text is why. */
bool content_is_bad(const struct fetch *, char *text, size_t);

/* fault.c */
void fault_transfer(struct fetch *, CURLcode);
void fault_resolve(struct fetch *, int gai);
void fault_deadline(struct fetch *);
/* Who is being talked to. */
void fault_peer_text(const struct fetch *, char *text, size_t size);
bool fault_proxy_auth(struct fetch *, long status);

/* lane.c */
struct handle *handle_take(struct fetch *);
bool handle_renew(struct handle *); /* for the next transfer */
void handle_give(struct handle *);
/* The default lane, or the one whose connections trust ca_file; libcurl, on
 * looking for a connection to reuse, cannot tell those apart. */
struct lane *lane_for(const char *ca_file);
bool lane_start(struct lane *, struct fetch *);
void lane_stop(struct fetch *);

#endif

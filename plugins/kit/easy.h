/* kit/easy.h: what every easy handle of ours is set up with, as kit_net says:
 * TLS, addresses, the proxy, a unix socket; for streams, and for plugins that
 * use libcurl themselves. */
#ifndef KIT_EASY_H
#define KIT_EASY_H

#include <curl/curl.h>

#include "kit/stream.h"

struct kit_proxy {
    char host[256]; /* IPv6 in brackets */
    uint16_t port;
    bool socks, tls;
};

/* The parts of a proxy's URL. False: why is filled. */
KIT_EXPORT bool kit_proxy_parse(struct kit_proxy *, const char *url, char *why,
                                size_t size);

/* NULL, or what is wrong with the path of a unix socket. */
KIT_EXPORT const char *kit_unix_path_flaw(const char *path);

/* Whether that is an address, IPv6 without brackets, and no name. */
KIT_EXPORT bool kit_is_address(const char *host);

/* Appends a line. False: out of memory, and the list is as it was. */
KIT_EXPORT bool RLV_PRINTF(2, 3)
    kit_list_add(struct curl_slist **, const char *fmt, ...);

/* on_context(easy, SSL_CTX, arg) is called when a handshake begins, and is to
 * pass its context on to kit_easy_trust(). certificate: whether ours may be
 * shown to this peer. */
KIT_EXPORT void kit_easy_tls(CURL *, const struct kit_net *, bool certificate,
                             curl_ssl_ctx_callback on_context, void *arg);
KIT_EXPORT CURLcode kit_easy_trust(void *context, const struct kit_net *,
                                   struct kit_peer *);

/* NULL: none, whatever the environment says. */
KIT_EXPORT void kit_easy_proxy(CURL *, const char *proxy);

/* resolve: addresses that are known, or NULL; connect_to likewise. Both lists
 * must outlive the transfer. Its addresses share the probe's time. */
KIT_EXPORT void kit_easy_addresses(CURL *, const struct kit_net *,
                                   const struct rlv_probe *,
                                   struct curl_slist *resolve,
                                   struct curl_slist *connect_to);

/* Those of a name, for CURLOPT_RESOLVE: "1.2.3.4,[::1]", the first eight of
 * them; or, where each is probed, the one of that number in an order that stays
 * (in answers it changes from one to the next). Returns how many different ones
 * there are. */
#define KIT_ADDRESSES_SIZE 400
KIT_EXPORT unsigned kit_addresses_text(char *text, size_t size,
                                       const struct sockaddr_storage *,
                                       size_t count, bool each,
                                       unsigned number);

/* A path, or @name for an abstract one. */
KIT_EXPORT void kit_easy_unix(CURL *, const char *path);

/* Whether the queue of a unix socket is full: connect() fails at once, and
 * libcurl is at a loss for a reason. Where TCP would wait, so should we: such
 * a time, and then another try. */
#define KIT_ROOM_NS 50000000ll
KIT_EXPORT bool kit_unix_queue_full(CURLcode, int sys_errno);

#endif

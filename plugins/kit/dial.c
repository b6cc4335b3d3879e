/* kit/dial.c: how a stream is opened.
 *
 * Owns nothing but the lists that it hands to libcurl, which hang on the
 * stream until dial_release(). Called by stream.c.
 *
 * Happy path: dial_begin() sees to the trusted certificates, if TLS is to be
 * spoken, and resolves the host, or the proxy's, on the worker's pool, unless
 * it is an address; connect_now() hands the addresses to libcurl, which
 * connects, through the proxy, and shakes hands (CONNECT_ONLY);
 * stream_opened().
 *
 * Ways it can fail: any of these; stream_failed() with what is known. The
 * deadline is the user's to see to. A stream that is closed while its name is
 * being resolved has no lease any more, and the answer goes nowhere. */
#include "kit/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/why.h"

/* --------------------------------------------------------------- stages -- */

void dial_stage(struct kit_stream *stream, enum kit_stage stage)
{
    static const int phases[] = {[KIT_STAGE_TRUST] = -1,
                                 [KIT_STAGE_RESOLVE] = RLV_PH_DNS,
                                 [KIT_STAGE_CONNECT] = RLV_PH_CONNECT,
                                 [KIT_STAGE_TLS] = RLV_PH_TLS,
                                 [KIT_STAGE_OPEN] = -1,
                                 [KIT_STAGE_FAILED] = -1,
                                 [KIT_STAGE_CLOSED] = -1};
    int64_t now_ns = kit_host->now();
    int phase = phases[stream->stage];
    if (phase >= 0 && stream->transfer.probe)
        kit_host->phase(stream->transfer.probe, (enum rlv_phase)phase,
                        now_ns - stream->stage_ns);
    stream->stage = stage;
    stream->stage_ns = now_ns;
}

void dial_release(struct kit_stream *stream)
{
    curl_slist_free_all(stream->resolve);
    curl_slist_free_all(stream->connect_to);
    stream->resolve = stream->connect_to = NULL;
}

static void misconfigured(struct kit_stream *stream, const char *text)
{
    snprintf(stream->error, sizeof stream->error, "%s", text);
    stream_failed(stream, KIT_LOST_CONFIG);
}

static void short_of(struct kit_stream *stream, const char *text)
{
    snprintf(stream->error, sizeof stream->error, "%s", text);
    stream_failed(stream, KIT_LOST_RESOURCE);
}

/* ------------------------------------------------------------- callbacks - */

/* A queue that grows while OpenSSL waits to send its beginning again moves. */
bool dial_context(struct kit_stream *stream, SSL_CTX *context)
{
    dial_stage(stream, KIT_STAGE_TLS);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return kit_easy_trust(context, stream->at.net, &stream->certificate) ==
           CURLE_OK;
}

/* The handshake with a proxy that is spoken to within TLS comes first; it is
 * part of the way to the peer. */
static CURLcode on_ssl_context(CURL *easy, void *context, void *arg)
{
    (void)easy;
    struct kit_stream *stream = arg;
    bool proxy = stream->proxied && stream->proxy.tls && !stream->handshakes;
    stream->handshakes++;
    kit_host->serving(stream->transfer.probe);
    if (proxy)
        return kit_easy_trust(context, stream->at.net,
                              &stream->proxy_certificate);
    return dial_context(stream, context) ? CURLE_OK : CURLE_SSL_CACERT_BADFILE;
}

static size_t on_proxy_answer(char *at, size_t size, size_t n, void *arg)
{
    (void)at, (void)arg;
    return size * n;
}

static void connect_now(struct kit_stream *stream);

static void on_room(void *arg, int events)
{
    (void)events;
    struct kit_stream *stream = ((struct kit_lease *)arg)->stream;
    if (stream && stream->stage == KIT_STAGE_CONNECT)
        connect_now(stream);
}

/* Where TCP would wait, so does this: until there is room, or the deadline. */
static void wait_for_room(struct kit_stream *stream)
{
    struct kit_crank *crank = stream->transfer.crank;
    kit_crank_remove(&stream->transfer);
    crank_easy_back(crank, stream->transfer.easy);
    stream->transfer.easy = NULL;
    stream->sys_errno = EAGAIN;
    stream->error[0] = '\0';
    kit_host->timer(kit_host->probe_scope(stream->transfer.probe), KIT_ROOM_NS,
                    on_room, stream->lease);
}

static void on_dialled(struct kit_transfer *transfer, CURLcode rc)
{
    struct kit_stream *stream = (struct kit_stream *)(void *)transfer;
    if (rc == CURLE_OK) {
        stream_opened(stream);
        return;
    }
    lost_note(stream, rc);
    if (stream->at.unix_path && kit_unix_queue_full(rc, stream->sys_errno))
        wait_for_room(stream);
    else
        stream_failed(stream, KIT_LOST_LIBCURL);
}

/* --------------------------------------------------------------- options - */

static void set_proxy(struct kit_stream *stream, CURL *easy)
{
    kit_easy_proxy(easy, stream->proxied ? stream->at.net->proxy : NULL);
    if (!stream->proxied)
        return;
    curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_proxy_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_proxy_answer);
}

/* libcurl asks for, and verifies, the name in the URL. */
static void set_url(struct kit_stream *stream, CURL *easy)
{
    char url[sizeof stream->name + 32];
    bool v6 = strchr(stream->name, ':') != NULL;
    snprintf(url, sizeof url, "%s://%s%s%s:%u",
             stream->at.tls ? "https" : "http", v6 ? "[" : "", stream->name,
             v6 ? "]" : "", stream->at.port);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    if (stream->at.unix_path)
        kit_easy_unix(easy, stream->at.unix_path);
}

static void set_options(struct kit_stream *stream, CURL *easy)
{
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, stream->error);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    kit_attempt_note(easy, &stream->attempt);
    set_url(stream, easy);
    set_proxy(stream, easy);
    kit_easy_addresses(easy, stream->at.net, stream->transfer.probe,
                       stream->resolve, stream->connect_to);
    if (stream->at.tls || (stream->proxied && stream->proxy.tls)) {
        kit_easy_tls(easy, stream->at.net, true, on_ssl_context, stream);
        curl_easy_setopt(easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
    }
}

static void connect_now(struct kit_stream *stream)
{
    struct kit_crank *crank = crank_here();
    stream->transfer.easy = crank ? crank_easy(crank) : NULL;
    stream->transfer.on_done = on_dialled;
    if (!stream->transfer.easy) {
        short_of(stream, "out of memory");
        return;
    }
    set_options(stream, stream->transfer.easy);
    stream->handshakes = 0;
    dial_stage(stream, KIT_STAGE_CONNECT);
    if (!kit_crank_add(crank, &stream->transfer))
        short_of(stream, "libcurl refuses a connection");
}

/* ------------------------------------------------------------ resolution - */

static const char *bracket(const char *host, bool opening)
{
    return !strchr(host, ':') ? "" : opening ? "[" : "]";
}

/* libcurl's form is "+host:port:address,address"; the plus sign makes the
 * entry go away by itself. */
static bool give_addresses(struct kit_stream *stream, const char *addresses)
{
    return stream->proxied
               ? kit_list_add(&stream->resolve, "+%s:%u:%s", stream->proxy.host,
                              stream->proxy.port, addresses)
               : kit_list_add(&stream->resolve, "+%s:%u:%s", stream->name,
                              stream->at.port, addresses);
}

static void on_resolved(void *arg, int gai,
                        const struct sockaddr_storage *addresses, size_t count)
{
    struct kit_stream *stream = ((struct kit_lease *)arg)->stream;
    char list[KIT_ADDRESSES_SIZE];
    if (!stream || stream->stage != KIT_STAGE_RESOLVE)
        return;
    if (gai || !count) {
        stream->gai = gai;
        stream_failed(stream, KIT_LOST_RESOLVE);
        return;
    }
    stream->addresses =
        kit_addresses_text(list, sizeof list, addresses, count,
                           stream->at.net->all_addresses, stream->at.address);
    if (give_addresses(stream, list))
        connect_now(stream);
    else
        short_of(stream, "out of memory");
}

static bool family_fits(const struct kit_stream *stream, const char *address)
{
    int64_t family = stream->at.net->ip_family;
    return family == KIT_FAMILY_ANY ||
           (family == KIT_FAMILY_6) == (strchr(address, ':') != NULL);
}

/* What is dialled is an address. */
static void connect_to_address(struct kit_stream *stream, const char *address)
{
    char text[INET6_ADDRSTRLEN + 3];
    snprintf(text, sizeof text, "%s%s%s", bracket(address, true), address,
             bracket(address, false));
    stream->addresses = 1;
    if (!family_fits(stream, address))
        misconfigured(stream, "the address is not of the family that "
                              "ip_family asks for");
    else if (strcmp(address, stream->name) && !stream->proxied &&
             !give_addresses(stream, text))
        short_of(stream, "out of memory");
    else
        connect_now(stream);
}

static void resolve(struct kit_stream *stream)
{
    static const int families[] = {[KIT_FAMILY_ANY] = AF_UNSPEC,
                                   [KIT_FAMILY_4] = AF_INET,
                                   [KIT_FAMILY_6] = AF_INET6};
    const char *host = stream->proxied ? stream->proxy.host : stream->host;
    uint16_t port = stream->proxied ? stream->proxy.port : stream->at.port;
    if (stream->at.unix_path) {
        connect_now(stream);
        return;
    }
    if (kit_is_address(host)) {
        connect_to_address(stream, host);
        return;
    }
    dial_stage(stream, KIT_STAGE_RESOLVE);
    kit_host->resolve(stream->transfer.probe, host, port,
                      families[stream->at.net->ip_family], on_resolved,
                      stream->lease);
}

/* ----------------------------------------------------------------- begin - */

/* Called again, on the next turn of the loop, until the trusted certificates
 * are loaded; nearly always they are. */
static void on_trust(void *arg, int events)
{
    (void)events;
    struct kit_stream *stream = ((struct kit_lease *)arg)->stream;
    if (!stream || stream->stage != KIT_STAGE_TRUST)
        return;
    switch (kit_certs_load(stream->at.net->ca_file, stream->error,
                           sizeof stream->error)) {
    case KIT_TRUST_FAILED: stream_failed(stream, KIT_LOST_TRUST); return;
    case KIT_TRUST_LOADING:
        kit_host->timer(kit_host->probe_scope(stream->transfer.probe), 0,
                        on_trust, stream->lease);
        return;
    case KIT_TRUST_READY: break;
    }
    resolve(stream);
}

/* Not one that would be something else in a URL. */
static bool is_name(const char *name)
{
    return *name && !name[strcspn(name, "/?#@\\%[] \t\r\n")] &&
           (!strchr(name, ':') || kit_is_address(name));
}

void dial_name(struct kit_stream *stream, const char *name)
{
    snprintf(stream->name, sizeof stream->name, "%s", name);
    stream->name_literal = kit_is_address(stream->name);
}

static bool take_names(struct kit_stream *stream)
{
    const struct kit_peer_at *at = &stream->at;
    const char *name = at->tls ? at->net->server_name : NULL;
    if (!name)
        name = at->host && *at->host ? at->host : "localhost";
    const char *dialled = at->unix_path ? at->unix_path
                          : at->host    ? at->host
                                        : "";
    snprintf(stream->host, sizeof stream->host, "%s", dialled);
    stream->literal = kit_is_address(stream->host);
    dial_name(stream, name);
    if (at->unix_path)
        return !kit_unix_path_flaw(at->unix_path);
    return strlen(dialled) < sizeof stream->host && is_name(stream->host) &&
           strlen(name) < sizeof stream->name && is_name(stream->name);
}

static bool take_proxy(struct kit_stream *stream)
{
    const struct kit_net *net = stream->at.net;
    stream->proxied = net->proxy && *net->proxy && !stream->at.unix_path;
    if (!stream->proxied)
        return true;
    return kit_proxy_parse(&stream->proxy, net->proxy, stream->error,
                           sizeof stream->error) &&
           (strcmp(stream->host, stream->name) == 0 ||
            kit_list_add(&stream->connect_to, "::%s%s%s:%u",
                         bracket(stream->host, true), stream->host,
                         bracket(stream->host, false), stream->at.port));
}

void dial_begin(struct kit_stream *stream)
{
    stream->began_ns = stream->stage_ns = kit_host->now();
    if (!take_names(stream))
        misconfigured(stream, stream->at.unix_path
                                  ? kit_unix_path_flaw(stream->at.unix_path)
                                  : "not a host name or address");
    else if (!take_proxy(stream))
        stream_failed(stream, KIT_LOST_CONFIG);
    else if ((stream->at.tls || (stream->proxied && stream->proxy.tls)) &&
             stream->at.net->verify)
        on_trust(stream->lease, 0);
    else
        resolve(stream);
}

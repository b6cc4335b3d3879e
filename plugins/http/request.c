/* http/request.c: one hop's options for libcurl.
 *
 * Owns nothing; called by fetch.c before each transfer. The lists it makes
 * hang on the fetch until request_release().
 *
 * Credentials (username, bearer, Authorization, Cookie, our certificate) go to
 * the origin only: the scheme, host and port of the check's own url. */
#include "http/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ------------------------------------------------------------ connection - */

/* The handshake with a proxy that is spoken to within TLS comes first. */
static CURLcode on_ssl_context(CURL *easy, void *context, void *arg)
{
    (void)easy;
    struct fetch *fetch = arg;
    bool proxy =
        fetch->way.proxied && fetch->way.proxy.tls && !fetch->way.handshakes;
    fetch->way.handshakes++;
    http_host->serving(fetch->probe);
    if (proxy)
        return kit_easy_trust(context, &fetch->conf->net, &fetch->proxy_peer);
    fetch->handshake_ns = http_host->now();
    return kit_easy_trust(context, &fetch->conf->net, &fetch->peer);
}

static void set_proxy(const struct fetch *fetch, CURL *easy)
{
    bool proxied = fetch->way.proxied;
    kit_easy_proxy(easy, proxied ? fetch->conf->net.proxy : NULL);
    if (proxied)
        curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

static void set_connection(struct fetch *fetch, CURL *easy)
{
    const struct http_conf *conf = fetch->conf;
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    kit_attempt_note(easy, &fetch->attempt);
    if (!conf->keep_alive) {
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    }
    if (conf->http_version == HTTP_VERSION_1_1)
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                         (long)CURL_HTTP_VERSION_1_1);
    else if (conf->http_version == HTTP_VERSION_2 && !fetch->target.https)
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                         (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
    set_proxy(fetch, easy);
    if (fetch->way.unix_path)
        kit_easy_unix(easy, fetch->way.unix_path);
    kit_easy_addresses(easy, &conf->net, fetch->probe, fetch->addresses,
                       fetch->connect_to);
    if (way_uses_tls(fetch))
        kit_easy_tls(easy, &conf->net, fetch_at_origin(fetch), on_ssl_context,
                     fetch);
}

/* --------------------------------------------------------------- message - */

/* libcurl sends "Name:" for an empty value only if told by a semicolon. */
static bool add_header(struct fetch *fetch, const struct rlv_pair *header)
{
    if (!header->value[0])
        return kit_list_add(&fetch->headers, "%s;", header->key);
    return kit_list_add(&fetch->headers, "%s: %s", header->key, header->value);
}

static bool is_private(const char *name)
{
    return !strcasecmp(name, "authorization") || !strcasecmp(name, "host");
}

static bool add_own_headers(struct fetch *fetch, bool at_origin, char *why,
                            size_t size)
{
    const struct rlv_dict *headers = &fetch->conf->headers;
    for (size_t i = 0; i < headers->count; i++) {
        const struct rlv_pair *header = &headers->pairs[i];
        const char *flaw = kit_header_flaw(header);
        if (flaw) {
            snprintf(why, size, "header \"%s\" %s", header->key, flaw);
            return false;
        }
        if (!at_origin && is_private(header->key))
            continue;
        if (!strcasecmp(header->key, "cookie"))
            continue; /* auth.c */
        if (!fetch->send_body && !strcasecmp(header->key, "content-type"))
            continue;
        if (!add_header(fetch, header)) {
            snprintf(why, size, "out of memory");
            return false;
        }
    }
    return true;
}

static bool names_header(const struct rlv_dict *headers, const char *name)
{
    for (size_t i = 0; i < headers->count; i++)
        if (!strcasecmp(headers->pairs[i].key, name))
            return true;
    return false;
}

static bool set_headers(struct fetch *fetch, char *why, size_t size)
{
    const struct http_conf *conf = fetch->conf;
    bool at_origin = fetch_at_origin(fetch);
    const char *broken = http_broken_option(conf);
    if (broken) {
        snprintf(why, size, "%s has a line break in its value", broken);
        return false;
    }
    if (!add_own_headers(fetch, at_origin, why, size))
        return false;
    if (!auth_headers(fetch))
        return false;
    if (at_origin && conf->host_header)
        kit_list_add(&fetch->headers, "Host: %s", conf->host_header);
    if (fetch->send_body) {
        kit_list_add(&fetch->headers,
                     "Expect:"); /* no 100-continue round trip */
        const char *type = body_type(fetch);
        if (type && !names_header(&conf->headers, "content-type"))
            kit_list_add(&fetch->headers, "Content-Type: %s", type);
    }
    if (fetch->headers)
        curl_easy_setopt(fetch->handle->transfer.easy, CURLOPT_HTTPHEADER,
                         fetch->headers);
    return true;
}

static void set_method(struct fetch *fetch, CURL *easy)
{
    if (fetch->method == HTTP_HEAD)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else if (fetch->method != (fetch->send_body ? HTTP_POST : HTTP_GET))
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST,
                         http_method_name(fetch->method));
}

/* libcurl asks for the name in the URL. So the URL gets the wanted name, the
 * connection is led to the real host, and the Host header stays true. */
static bool set_server_name(struct fetch *fetch, CURL *easy)
{
    const struct target *target = &fetch->target;
    CURLU *url = curl_url_dup(target->url);
    bool ok = url && !curl_url_set(url, CURLUPART_HOST,
                                   fetch->conf->net.server_name, 0);
    if (ok && !fetch->conf->host_header &&
        !names_header(&fetch->conf->headers, "host"))
        ok = target->port == 443
                 ? kit_list_add(&fetch->headers, "Host: %s", target->host)
                 : kit_list_add(&fetch->headers, "Host: %s:%u", target->host,
                                (unsigned)target->port);
    char *text = NULL;
    if (ok && !curl_url_get(url, CURLUPART_URL, &text, 0))
        curl_easy_setopt(easy, CURLOPT_URL, text);
    ok = ok && text;
    curl_free(text);
    curl_url_cleanup(url);
    return ok;
}

static bool set_url(struct fetch *fetch, CURL *easy, char *why, size_t size)
{
    if (!fetch_is_renamed(fetch)) {
        curl_easy_setopt(easy, CURLOPT_CURLU, fetch->target.url);
        return true;
    }
    if (set_server_name(fetch, easy))
        return true;
    snprintf(why, size, "tls.server_name \"%s\" is not a host name",
             fetch->conf->net.server_name);
    return false;
}

/* why says "out of memory" already. */
bool request_prepare(struct fetch *fetch, char *why, size_t size)
{
    const struct http_conf *conf = fetch->conf;
    CURL *easy = fetch->handle->transfer.easy;
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fetch->handle->error);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, answer_on_head);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, fetch);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, answer_on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, conf->user_agent);
    if (conf->compression)
        curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    if (!way_lead(fetch))
        return false;
    set_connection(fetch, easy);
    if (fetch->asks_token)
        return oauth_set(fetch, easy) && set_url(fetch, easy, why, size);
    auth_set(fetch, easy);
    cookies_set(fetch, easy);
    if (fetch->send_body && !body_set(fetch, easy, why, size))
        return false;
    set_method(fetch, easy);
    return set_url(fetch, easy, why, size) && set_headers(fetch, why, size);
}

void request_release(struct fetch *fetch)
{
    curl_slist_free_all(fetch->headers);
    curl_slist_free_all(fetch->addresses);
    curl_slist_free_all(fetch->connect_to);
    body_release(fetch);
    fetch->headers = fetch->addresses = fetch->connect_to = NULL;
}

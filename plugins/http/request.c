/* http/request.c: where a hop goes, and one hop's options for libcurl.
 *
 * Owns nothing; called by fetch.c before each transfer. The lists it makes
 * hang on the fetch until request_release().
 *
 * Credentials (username, bearer, Authorization, Cookie) go to the origin only:
 * the scheme, host and port of the check's own url. */
#include "http/http.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---------------------------------------------------------------- target - */

void target_fini(struct target *target)
{
    curl_url_cleanup(target->url);
    curl_free(target->host);
    *target = (struct target){0};
}

static bool is_literal(const char *host)
{
    struct in_addr v4;
    return host[0] == '[' || inet_pton(AF_INET, host, &v4) == 1;
}

/* Of a call of libcurl's, which can also fail for want of memory. */
static bool failed(struct target *target, CURLUcode code)
{
    target->no_memory = target->no_memory || code == CURLUE_OUT_OF_MEMORY ||
                        target->url == NULL;
    return code != CURLUE_OK;
}

/* Reads scheme, host and port out of target->url. */
static bool target_read(struct target *target, char *why, size_t size)
{
    char *scheme = NULL, *port = NULL;
    curl_free(target->host);
    target->host = NULL;
    bool ok = false;
    if (failed(target,
               curl_url_get(target->url, CURLUPART_SCHEME, &scheme, 0)) ||
        (strcmp(scheme, "http") && strcmp(scheme, "https")))
        snprintf(why, size, "not an http:// or https:// URL");
    else if (failed(target, curl_url_get(target->url, CURLUPART_HOST,
                                         &target->host, CURLU_PUNYCODE)))
        snprintf(why, size,
                 "the URL's host is not valid (an international name is "
                 "written in its ASCII form, xn--...)");
    else if (failed(target, curl_url_get(target->url, CURLUPART_PORT, &port,
                                         CURLU_DEFAULT_PORT)))
        snprintf(why, size, "the URL's port is not valid");
    else
        ok = true;
    if (target->no_memory)
        snprintf(why, size, "out of memory");
    if (ok) {
        target->https = scheme[4] == 's';
        target->port = (uint16_t)strtoul(port, NULL, 10);
        target->literal = is_literal(target->host);
    }
    curl_free(scheme);
    curl_free(port);
    return ok;
}

bool target_parse(struct target *target, const char *url, char *why,
                  size_t size)
{
    if (!strstr(url, "://")) {
        snprintf(why, size, "a URL begins with http:// or https://");
        return false;
    }
    target->url = curl_url();
    CURLUcode code = curl_url_set(target->url, CURLUPART_URL, url, 0);
    if (!failed(target, code))
        return target_read(target, why, size);
    if (target->no_memory)
        snprintf(why, size, "out of memory");
    else if (code == CURLUE_UNSUPPORTED_SCHEME)
        snprintf(why, size, "not an http:// or https:// URL");
    else
        snprintf(why, size, "not a valid URL: %s", curl_url_strerror(code));
    return false;
}

/* Credentials in a Location are not used, nor shown. */
bool target_follow(const struct target *from, const char *location,
                   struct target *to, char *why, size_t size)
{
    to->url = curl_url_dup(from->url);
    CURLUcode code =
        curl_url_set(to->url, CURLUPART_URL, location, CURLU_URLENCODE);
    if (failed(to, code)) {
        snprintf(why, size, "%s",
                 to->no_memory ? "out of memory" : curl_url_strerror(code));
        return false;
    }
    curl_url_set(to->url, CURLUPART_USER, NULL, 0);
    curl_url_set(to->url, CURLUPART_PASSWORD, NULL, 0);
    return target_read(to, why, size);
}

/* ------------------------------------------------------------ connection - */

static CURLcode on_ssl_context(CURL *easy, void *context, void *arg)
{
    (void)easy;
    struct fetch *fetch = arg;
    fetch->handshake_ns = http_host->now();
    kit_peer_begin(&fetch->peer, fetch->conf->verify);
    http_host->serving(fetch->probe);
    return kit_certs_use(context, fetch->conf->ca_file, &fetch->peer)
               ? CURLE_OK
               : CURLE_SSL_CACERT_BADFILE;
}

static void set_tls(struct fetch *fetch, CURL *easy)
{
    bool verify = fetch->conf->verify;
    /* No bundle by path: libcurl would load it for each connection. */
    curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_ssl_context);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, fetch);
    if (!verify) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    /* A resumed session shows no certificate, and one that was verified
     * against another bundle would be taken for good. */
    curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
}

static void set_connection(struct fetch *fetch, CURL *easy)
{
    const struct http_conf *conf = fetch->conf;
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    kit_attempt_note(easy, &fetch->attempt);
    if (!conf->keep_alive) {
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    }
    /* Our own addresses must outlive the instant between being handed over
     * and being looked up, which a second's end may fall into. */
    curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT,
                     fetch->addresses ? 2L : 0L);
    if (fetch->addresses)
        curl_easy_setopt(easy, CURLOPT_RESOLVE, fetch->addresses);
    if (fetch->address_count > 1) {
        /* libcurl shares this time out among the addresses. */
        int64_t left_ns = http_host->deadline(fetch->probe) - http_host->now();
        long left_ms = (long)(left_ns / HTTP_MS) + 100;
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, left_ms);
    }
    if (conf->ip_family != HTTP_ANY)
        curl_easy_setopt(easy, CURLOPT_IPRESOLVE,
                         conf->ip_family == HTTP_IPV4 ? CURL_IPRESOLVE_V4
                                                      : CURL_IPRESOLVE_V6);
    if (conf->http_version == HTTP_VERSION_1_1)
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                         (long)CURL_HTTP_VERSION_1_1);
    else if (conf->http_version == HTTP_VERSION_2 && !fetch->target.https)
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                         (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
    if (fetch->target.https)
        set_tls(fetch, easy);
}

/* --------------------------------------------------------------- message - */

static bool add(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer)
        *list = longer;
    return longer != NULL;
}

static bool RLV_PRINTF(2, 3)
    add_format(struct curl_slist **list, const char *fmt, ...)
{
    char *line = NULL;
    va_list args;
    va_start(args, fmt);
    int n = vasprintf(&line, fmt, args);
    va_end(args);
    bool ok = n >= 0 && add(list, line);
    if (n >= 0)
        free(line);
    return ok;
}

/* libcurl sends "Name:" for an empty value only if told by a semicolon. */
static bool add_header(struct fetch *fetch, const struct rlv_pair *header)
{
    if (!header->value[0])
        return add_format(&fetch->headers, "%s;", header->key);
    return add_format(&fetch->headers, "%s: %s", header->key, header->value);
}

static bool is_private(const char *name)
{
    return !strcasecmp(name, "authorization") || !strcasecmp(name, "cookie") ||
           !strcasecmp(name, "host");
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
    if (at_origin && conf->bearer) {
        add_format(&fetch->headers, "Authorization: Bearer %s", conf->bearer);
    }
    if (at_origin && conf->host_header)
        add_format(&fetch->headers, "Host: %s", conf->host_header);
    if (fetch->send_body) {
        add(&fetch->headers, "Expect:"); /* no 100-continue round trip */
        if (conf->body && (conf->body[0] == '{' || conf->body[0] == '[') &&
            !names_header(&conf->headers, "content-type"))
            add(&fetch->headers, "Content-Type: application/json");
    }
    if (fetch->headers)
        curl_easy_setopt(fetch->handle->transfer.easy, CURLOPT_HTTPHEADER,
                         fetch->headers);
    return true;
}

static void set_method(struct fetch *fetch, CURL *easy)
{
    if (fetch->send_body) {
        const char *body = fetch->conf->body ? fetch->conf->body : "";
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)strlen(body));
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    }
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
    bool ok = url &&
              !curl_url_set(url, CURLUPART_HOST, fetch->conf->server_name, 0) &&
              add_format(&fetch->connect_to, "::%s:%u", target->host,
                         (unsigned)target->port);
    if (ok && !fetch->conf->host_header &&
        !names_header(&fetch->conf->headers, "host"))
        ok = target->port == 443
                 ? add_format(&fetch->headers, "Host: %s", target->host)
                 : add_format(&fetch->headers, "Host: %s:%u", target->host,
                              (unsigned)target->port);
    char *text = NULL;
    if (ok && !curl_url_get(url, CURLUPART_URL, &text, 0)) {
        curl_easy_setopt(easy, CURLOPT_URL, text);
        curl_easy_setopt(easy, CURLOPT_CONNECT_TO, fetch->connect_to);
    }
    ok = ok && text;
    curl_free(text);
    curl_url_cleanup(url);
    return ok;
}

static bool set_url(struct fetch *fetch, CURL *easy, char *why, size_t size)
{
    bool renamed = fetch->conf->server_name && fetch->target.https &&
                   fetch_at_origin(fetch);
    if (!renamed) {
        curl_easy_setopt(easy, CURLOPT_CURLU, fetch->target.url);
        return true;
    }
    if (set_server_name(fetch, easy))
        return true;
    snprintf(why, size, "tls.server_name \"%s\" is not a host name",
             fetch->conf->server_name);
    return false;
}

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
    if (fetch->username && fetch_at_origin(fetch)) {
        curl_easy_setopt(easy, CURLOPT_USERNAME, fetch->username);
        curl_easy_setopt(easy, CURLOPT_PASSWORD,
                         fetch->password ? fetch->password : "");
    }
    set_connection(fetch, easy);
    set_method(fetch, easy);
    return set_url(fetch, easy, why, size) && set_headers(fetch, why, size);
}

void request_release(struct fetch *fetch)
{
    curl_slist_free_all(fetch->headers);
    curl_slist_free_all(fetch->addresses);
    curl_slist_free_all(fetch->connect_to);
    fetch->headers = fetch->addresses = fetch->connect_to = NULL;
    fetch->address_count = 0;
}

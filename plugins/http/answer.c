/* http/answer.c: what came back, on its way in and when it is complete.
 *
 * libcurl calls answer_on_head() for each header line and answer_on_body()
 * for each piece of the unpacked body; both fill the buffers of the fetch's
 * handle. fetch.c calls the rest, once a transfer is over. */
#include "http/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define HEAD_MAX     (256 * 1024)
#define HEADERS_MAX  128 /* observed; the rest is not */
#define EXCERPT      (16 * 1024)
#define TOKEN_ANSWER (64 * 1024) /* read of a token endpoint's */

/* -------------------------------------------------------------- incoming - */

void bytes_append(struct bytes *bytes, const char *at, size_t n)
{
    if (bytes->len + n > bytes->size) {
        size_t size = bytes->size ? bytes->size : 4096;
        while (size < bytes->len + n)
            size *= 2;
        bytes->at = kit_realloc(bytes->at, size);
        bytes->size = size;
    }
    if (n > 0) /* else there may be no room yet */
        memcpy(bytes->at + bytes->len, at, n);
    bytes->len += n;
}

void answer_reset(struct fetch *fetch)
{
    fetch->handle->head.len = fetch->handle->body.len = 0;
    fetch->handle->error[0] = '\0';
    fetch->body_bytes = 0;
    fetch->cut = fetch->overlong_head = false;
    fetch->attempt.no_socket = 0;
    bool wanted = http_host->wants(fetch->probe, FIELD_BODY);
    size_t needed = content_needs(fetch);
    fetch->body_keep = wanted             ? (size_t)fetch->conf->max_body
                       : needed > EXCERPT ? needed
                                          : EXCERPT;
    content_begin(fetch);
    fetch->body_max = fetch->conf->max_body;
    if (fetch->asks_token)
        fetch->body_max = (int64_t)(fetch->body_keep = TOKEN_ANSWER);
}

static bool head_is_complete(const struct bytes *head)
{
    return head->len >= 4 &&
           (memcmp(head->at + head->len - 4, "\r\n\r\n", 4) == 0 ||
            memcmp(head->at + head->len - 2, "\n\n", 2) == 0);
}

/* A connection that is used again: its handshake was in an earlier probe. */
static void look_at_certificate(struct fetch *fetch)
{
    CURL *easy = fetch->handle->transfer.easy;
    struct curl_tlssessioninfo *session = NULL;
    long connects = 1;
    curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
    if (!connects && !curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &session) &&
        session->backend == CURLSSLBACKEND_OPENSSL && session->internals)
        kit_peer_look(&fetch->peer, session->internals);
}

size_t answer_on_head(char *line, size_t size, size_t n, void *arg)
{
    struct fetch *fetch = arg;
    struct bytes *head = &fetch->handle->head;
    n *= size;
    http_host->serving(fetch->probe);
    if (n > 5 && memcmp(line, "HTTP/", 5) == 0)
        auth_on_status(fetch, line, n);
    if (fetch->target.https && !fetch->peer.seen)
        look_at_certificate(fetch);
    /* A second status line: the first response was a 100 or a 103. */
    if (n > 5 && memcmp(line, "HTTP/", 5) == 0 && head_is_complete(head))
        head->len = 0;
    if (head->len + n > HEAD_MAX) {
        fetch->overlong_head = true;
        return 0;
    }
    bytes_append(head, line, n);
    return n;
}

size_t answer_on_body(char *at, size_t size, size_t n, void *arg)
{
    struct fetch *fetch = arg;
    struct bytes *body = &fetch->handle->body;
    n *= size;
    int64_t room = fetch->body_max - fetch->body_bytes;
    size_t take = (int64_t)n < room ? n : (size_t)room;
    size_t keep = fetch->body_keep - body->len;
    if (keep > take)
        keep = take;
    if (keep)
        bytes_append(body, at, keep);
    content_add(fetch, at, take);
    fetch->body_bytes += (int64_t)take;
    fetch->cut = take < n;
    return take;
}

/* --------------------------------------------------------------- headers - */

const char *answer_header(const struct fetch *fetch, const char *name,
                          size_t *len)
{
    const struct bytes *head = &fetch->handle->head;
    struct kit_header header;
    for (size_t at = 0; kit_header_next(head->at, head->len, &at, &header);) {
        if (kit_header_is(&header, name)) {
            *len = header.value_len;
            return header.value;
        }
    }
    return NULL;
}

/* A field that comes several times is one list (RFC 9110 section 5.2). */
static void observe_joined(struct fetch *fetch, const struct kit_header *all,
                           size_t count, size_t first, const char *name)
{
    struct bytes joined = {0};
    for (size_t i = first; i < count; i++) {
        if (!kit_header_same(&all[first], &all[i]))
            continue;
        if (joined.len)
            bytes_append(&joined, ", ", 2);
        bytes_append(&joined, all[i].value, all[i].value_len);
    }
    http_host->observe_key(fetch->probe, FIELD_HEADER, name,
                           rlv_text_n(joined.at ? joined.at : "", joined.len));
    free(joined.at);
}

static void observe_header(struct fetch *fetch, const struct kit_header *all,
                           size_t count, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (kit_header_same(&all[k], &all[i]))
            return; /* was joined to that one */
    char name[128];
    if (all[i].name_len >= sizeof name)
        return;
    memcpy(name, all[i].name, all[i].name_len);
    name[all[i].name_len] = '\0';
    for (size_t k = i + 1; k < count; k++) {
        if (kit_header_same(&all[k], &all[i])) {
            observe_joined(fetch, all, count, i, name);
            return;
        }
    }
    http_host->observe_key(fetch->probe, FIELD_HEADER, name,
                           rlv_text_n(all[i].value, all[i].value_len));
}

static void observe_headers(struct fetch *fetch)
{
    struct kit_header all[HEADERS_MAX];
    const struct bytes *head = &fetch->handle->head;
    size_t count = 0, at = 0;
    while (count < HEADERS_MAX &&
           kit_header_next(head->at, head->len, &at, &all[count]))
        count++;
    for (size_t i = 0; i < count; i++)
        observe_header(fetch, all, count, i);
}

/* ---------------------------------------------------------------- phases - */

static int64_t spent(CURL *easy, CURLINFO info)
{
    curl_off_t us = 0;
    curl_easy_getinfo(easy, info, &us);
    return (int64_t)us * 1000;
}

/* libcurl gives the time since its start at the end of each phase, or 0 where
 * that end was not reached: such a phase lasted until now. Its time of the
 * TCP connection is there only after TLS, so the start of TLS stands for it. */
void answer_phases(struct fetch *fetch)
{
    CURL *easy = fetch->handle->transfer.easy;
    int64_t at = spent(easy, CURLINFO_NAMELOOKUP_TIME_T);
    int64_t end = http_host->now() - fetch->stage_ns;
    int64_t pretransfer = spent(easy, CURLINFO_PRETRANSFER_TIME_T);
    int64_t connected = fetch->handshake_ns
                            ? fetch->handshake_ns - fetch->stage_ns
                            : spent(easy, CURLINFO_CONNECT_TIME_T);
    long connects = 0;
    curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
    struct {
        enum rlv_phase phase;
        bool applies;
        int64_t at;
    } steps[] = {
        {RLV_PH_CONNECT, connects > 0 || !pretransfer, connected},
        {RLV_PH_TLS, fetch->target.https && (connects > 0 || !pretransfer),
         spent(easy, CURLINFO_APPCONNECT_TIME_T)},
        {RLV_PH_SEND, true, pretransfer},
        {RLV_PH_WAIT, true, spent(easy, CURLINFO_STARTTRANSFER_TIME_T)},
        {RLV_PH_RECEIVE, true, end},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (!steps[i].applies)
            continue;
        bool reached = steps[i].at > 0;
        int64_t until = reached ? steps[i].at : end;
        int64_t took = until > at ? until - at : 0;
        http_host->phase(fetch->probe, steps[i].phase, took);
        at = at > until ? at : until;
        if (!reached)
            return;
    }
}

/* -------------------------------------------------------------- evidence - */

static void evidence(struct fetch *fetch)
{
    struct bytes *head = &fetch->handle->head;
    const struct bytes *body = &fetch->handle->body;
    char *url = NULL, request[1024];
    curl_url_get(fetch->target.url, CURLUPART_URL, &url, 0);
    int n = snprintf(request, sizeof request, "%s %s",
                     http_method_name(fetch->method), url ? url : "");
    curl_free(url);
    size_t len = (size_t)n < sizeof request ? (size_t)n : sizeof request - 1;
    http_host->evidence(fetch->probe, "request", request, len);
    if (head->len) {
        head->len = kit_head_hide_cookies(head->at, head->len);
        http_host->evidence(fetch->probe, "response", head->at, head->len);
    }
    if (body->len)
        http_host->evidence(fetch->probe, "body", body->at,
                            body->len < EXCERPT ? body->len : EXCERPT);
}

/* ---------------------------------------------------------- observations - */

static void observe_certificate(struct fetch *fetch)
{
    const struct kit_peer *first = &fetch->first;
    kit_facts_observe(fetch->probe, FIELD_TLS,
                      first->seen ? first : &fetch->peer);
}

static long observe_status(struct fetch *fetch)
{
    long status = 0;
    curl_easy_getinfo(fetch->handle->transfer.easy, CURLINFO_RESPONSE_CODE,
                      &status);
    if (status)
        http_host->observe(fetch->probe, FIELD_STATUS, rlv_int(status));
    return status;
}

void answer_observe_broken(struct fetch *fetch)
{
    observe_status(fetch);
    observe_certificate(fetch);
    evidence(fetch);
}

static const char *version_text(CURL *easy)
{
    long version = 0;
    curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
    switch (version) {
    case CURL_HTTP_VERSION_1_0: return "1.0";
    case CURL_HTTP_VERSION_1_1: return "1.1";
    case CURL_HTTP_VERSION_2_0: return "2";
    default: return NULL;
    }
}

static void hint(struct fetch *fetch, long status)
{
    char code[32], why[460];
    bool bad = content_is_bad(fetch, why, sizeof why);
    if (status >= 400) {
        snprintf(code, sizeof code, "%ld", status);
        http_host->hint(fetch->probe, kit_status_fault(status), code,
                        "%ld %s%s%s", status, kit_status_text(status),
                        bad ? ", " : "", why);
    } else if (bad) {
        snprintf(code, sizeof code, "%s", fetch->health->state);
        http_host->hint(fetch->probe, RLV_F_ERROR_RESPONSE, code, "%s", why);
    }
}

static void observe_text(struct fetch *fetch, enum http_field field,
                         const char *text)
{
    if (text && *text)
        http_host->observe(fetch->probe, field, rlv_text(text));
}

static void observe_url(struct fetch *fetch)
{
    char *url = NULL;
    curl_url_get(fetch->target.url, CURLUPART_URL, &url, 0);
    observe_text(fetch, FIELD_URL_EFFECTIVE, url);
    curl_free(url);
}

static void observe_body(struct fetch *fetch)
{
    const struct bytes *body = &fetch->handle->body;
    http_host->observe(fetch->probe, FIELD_SIZE, rlv_size(fetch->body_bytes));
    http_host->observe(fetch->probe, FIELD_TRUNCATED, rlv_bool(fetch->cut));
    if (http_host->wants(fetch->probe, FIELD_BODY))
        http_host->observe(fetch->probe, FIELD_BODY,
                           rlv_body(body->at ? body->at : "", body->len));
    if (fetch->cut)
        http_host->log(fetch->probe, RLV_LOG_INFO,
                       "body longer than max_body (%lld bytes): cut there",
                       (long long)fetch->conf->max_body);
}

void answer_observe(struct fetch *fetch)
{
    CURL *easy = fetch->handle->transfer.easy;
    char *ip = NULL;
    long status = observe_status(fetch);
    curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &ip);
    http_host->observe(fetch->probe, FIELD_LATENCY,
                       rlv_duration(http_host->now() - fetch->started_ns));
    http_host->observe(fetch->probe, FIELD_REDIRECTS,
                       rlv_int(fetch->redirects));
    observe_body(fetch);
    content_observe(fetch);
    if (http_host->wants(fetch->probe, FIELD_URL_EFFECTIVE))
        observe_url(fetch);
    if (!fetch->way.proxied && !fetch->way.unix_path)
        observe_text(fetch, FIELD_IP, ip);
    observe_text(fetch, FIELD_HTTP_VERSION, version_text(easy));
    observe_certificate(fetch);
    retry_after_observe(fetch);
    if (http_host->wants(fetch->probe, FIELD_HEADER))
        observe_headers(fetch);
    hint(fetch, status);
    evidence(fetch);
}

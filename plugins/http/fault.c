/* http/fault.c: why nothing came back, in the words of the fault list.
 *
 * Called by fetch.c when a resolution or a transfer failed, or when the
 * deadline came; sets the probe's fault, and nothing else. */
#include "http/http.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

/* Which of the two that a probe may talk to. */
static const char *part_of(const struct fetch *fetch)
{
    return fetch->asks_token ? "token endpoint " : "";
}

void fault_peer_text(const struct fetch *fetch, char *text, size_t size)
{
    static const struct sockaddr_storage none = {.ss_family = AF_UNSPEC};
    const struct way *way = &fetch->way;
    if (way->unix_path) {
        snprintf(text, size, "unix %s", way->unix_path);
        return;
    }
    char host[320];
    snprintf(host, sizeof host, "%s%s", part_of(fetch), fetch->target.host);
    kit_peer_text(text, size, host, fetch->target.port,
                  fetch->target.literal && !way->elsewhere,
                  way->proxied ? &none : &fetch->attempt.address);
    if (way->proxied)
        kit_peer_by_proxy(text, size, &way->proxy);
}

void fault_resolve(struct fetch *fetch, int gai)
{
    char host[300];
    snprintf(host, sizeof host, "%s%s", part_of(fetch), fetch->way.host);
    kit_why_resolve(fetch->probe, host, gai);
}

/* -------------------------------------------------------------- deadline - */

/* Connected, or about to be. */
static void fault_late(struct fetch *fetch, const char *peer, int64_t spent_ns)
{
    double s = (double)spent_ns / 1e9;
    CURL *easy = fetch->handle->transfer.easy;
    curl_off_t ready = 0, answered = 0;
    curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &ready);
    curl_easy_getinfo(easy, CURLINFO_STARTTRANSFER_TIME_T, &answered);
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (fetch->way.full)
        kit_why_late_queue(fetch->probe, peer, spent_ns);
    else if (!ready && !fetch->handshake_ns && fetch->way.proxied)
        kit_why_late_proxy(fetch->probe, peer, spent_ns);
    else if (!ready && !fetch->handshake_ns)
        kit_why_late_connect(fetch->probe, peer, spent_ns);
    else if (!ready)
        kit_why_late_tls(fetch->probe, peer, spent_ns);
    else if (!answered && !fetch->handle->head.len)
        http_host->fault(fetch->probe, RLV_F_TIMEOUT, "wait", 0,
                         "connected to %s, no answer in %.2f s", peer, s);
    else if (!fetch->body_bytes)
        http_host->fault(fetch->probe, RLV_F_TIMEOUT, "receive", 0,
                         "%s began to answer, head of %zu bytes not followed "
                         "by the rest in %.2f s",
                         peer, fetch->handle->head.len, s);
    else
        http_host->fault(fetch->probe, RLV_F_TIMEOUT, "receive", 0,
                         "%s answered %ld, body of %lld bytes so far not "
                         "complete in %.2f s",
                         peer, status, (long long)fetch->body_bytes, s);
}

static void fault_late_resolve(struct fetch *fetch, int64_t spent_ns)
{
    char host[300];
    snprintf(host, sizeof host, "%s%s", part_of(fetch), fetch->way.host);
    kit_why_late_resolve(fetch->probe, host, spent_ns);
}

void fault_deadline(struct fetch *fetch)
{
    char peer[600];
    fault_peer_text(fetch, peer, sizeof peer);
    int64_t spent_ns = http_host->now() - fetch->started_ns;
    if (fetch->stage == STAGE_TRUST)
        kit_why_late_trust(fetch->probe, spent_ns);
    else if (fetch->stage == STAGE_RESOLVE)
        fault_late_resolve(fetch, spent_ns);
    else
        fault_late(fetch, peer, spent_ns);
}

/* ------------------------------------------------------------ connection - */

static void fault_connect(struct fetch *fetch, const char *peer, int sys_errno)
{
    if (fetch->way.unix_path && kit_why_unix(fetch->probe, peer, sys_errno))
        return;
    kit_why_connect(fetch->probe, peer,
                    fetch->attempt.no_socket ? fetch->attempt.no_socket
                                             : sys_errno,
                    fetch->handle->error);
}

static void fault_certificate(struct fetch *fetch)
{
    const char *name = fetch->conf->net.server_name;
    bool renamed = fetch_is_renamed(fetch);
    char host[320];
    snprintf(host, sizeof host, "%s%s", part_of(fetch),
             renamed ? name : fetch->target.host);
    kit_why_certificate(fetch->probe, &fetch->peer, host,
                        fetch->target.literal && !renamed);
}

/* ------------------------------------------------------------ the answer - */

static void fault_broken(struct fetch *fetch, const char *peer, CURLcode rc,
                         int sys_errno)
{
    const char *text = fetch->handle->error;
    char code[32] = "";
    if (kit_why_broken(fetch->probe, peer, sys_errno, text))
        return;
    kit_tls_reason(text, code, sizeof code);
    if (strcmp(code, "UNEXPECTED_EOF_WHILE_READING") == 0 &&
        !fetch->handle->head.len)
        http_host->fault(fetch->probe, RLV_F_CLOSED, "closed", 0,
                         "%s closed the connection without an answer", peer);
    else
        http_host->fault(fetch->probe, RLV_F_PROTOCOL, *code ? code : "broken",
                         0, "answer of %s broken off: %s", peer,
                         *text ? text : curl_easy_strerror(rc));
}

static void fault_protocol(struct fetch *fetch, const char *peer,
                           const char *code, CURLcode rc)
{
    const char *text = fetch->handle->error;
    http_host->fault(fetch->probe, RLV_F_PROTOCOL, code, 0, "answer of %s: %s",
                     peer, *text ? text : curl_easy_strerror(rc));
}

static void fault_head(struct fetch *fetch, const char *peer, CURLcode rc)
{
    long status = 0;
    curl_easy_getinfo(fetch->handle->transfer.easy, CURLINFO_RESPONSE_CODE,
                      &status);
    if (rc == CURLE_WEIRD_SERVER_REPLY && !status)
        fault_protocol(fetch, peer, "status_line", rc);
    else if (rc == CURLE_WEIRD_SERVER_REPLY)
        fault_protocol(fetch, peer, "header", rc);
    else
        http_host->fault(fetch->probe, RLV_F_PROTOCOL, "header", 0,
                         "answer of %s: a header line, or one after the last "
                         "chunk, is not valid",
                         peer);
}

/* libcurl's own limits for one header line and for all of them together come
 * out as lack of memory; what its unpacking was left with, as a failed write.
 */
static void fault_size(struct fetch *fetch, const char *peer, CURLcode rc)
{
    curl_off_t answered = 0;
    curl_easy_getinfo(fetch->handle->transfer.easy,
                      CURLINFO_STARTTRANSFER_TIME_T, &answered);
    if (rc == CURLE_WRITE_ERROR && !fetch->overlong_head)
        http_host->fault(fetch->probe, RLV_F_PROTOCOL, "content_encoding", 0,
                         "answer of %s: bytes after the end of its compressed "
                         "data",
                         peer);
    else if (fetch->overlong_head || (answered && !fetch->body_bytes))
        http_host->fault(fetch->probe, RLV_F_PROTOCOL, "header_size", 0,
                         "answer of %s: headers too large", peer);
    else
        http_host->fault(fetch->probe, RLV_F_RESOURCE, "ENOMEM", ENOMEM,
                         "reading the answer of %s: %s", peer,
                         curl_easy_strerror(rc));
}

static void fault_ours(struct fetch *fetch, CURLcode rc)
{
    const char *text = fetch->handle->error;
    bool url = rc == CURLE_URL_MALFORMAT;
    http_host->fault(fetch->probe, url ? RLV_F_CONFIG : RLV_F_RESOURCE,
                     url ? "url" : "libcurl", 0, "%s",
                     *text ? text : curl_easy_strerror(rc));
}

/* What a proxy says to a request that it forwards is an answer, and judged,
 * but for one: that it does not know us. */
bool fault_proxy_auth(struct fetch *fetch, long status)
{
    char peer[600];
    if (status != 407 || !fetch->way.proxied)
        return false;
    fault_peer_text(fetch, peer, sizeof peer);
    http_host->fault(fetch->probe, RLV_F_CONFIG, "proxy_407", 0,
                     "no way to %s: the proxy asks who we are", peer);
    return true;
}

static bool is_proxys(struct fetch *fetch, const char *peer, CURLcode rc,
                      int sys_errno)
{
    CURL *easy = fetch->handle->transfer.easy;
    const struct way *way = &fetch->way;
    long status = 0, reply = 0;
    curl_off_t ready = 0;
    if (!way->proxied)
        return false;
    curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &status);
    curl_easy_getinfo(easy, CURLINFO_PROXY_ERROR, &reply);
    curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &ready);
    struct kit_way_lost lost = {.rc = rc,
                                .sys_errno = sys_errno,
                                .answer = way->proxy.socks ? reply : status,
                                .through = ready || fetch->handshake_ns,
                                .text = fetch->handle->error};
    return kit_why_proxy(fetch->probe, &way->proxy, peer, &lost);
}

void fault_transfer(struct fetch *fetch, CURLcode rc)
{
    char peer[600];
    long sys_errno = 0;
    fault_peer_text(fetch, peer, sizeof peer);
    curl_easy_getinfo(fetch->handle->transfer.easy, CURLINFO_OS_ERRNO,
                      &sys_errno);
    if (is_proxys(fetch, peer, rc, (int)sys_errno))
        return;
    switch (rc) {
    /* It has the addresses from us, all of a family that it may take. */
    case CURLE_COULDNT_RESOLVE_HOST: fault_resolve(fetch, EAI_MEMORY); break;
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
        fault_connect(fetch, peer,
                      rc == CURLE_COULDNT_CONNECT ? (int)sys_errno : ETIMEDOUT);
        break;
    case CURLE_SSL_CONNECT_ERROR:
        kit_why_tls(fetch->probe, peer, fetch->handle->error);
        break;
    case CURLE_PEER_FAILED_VERIFICATION: fault_certificate(fetch); break;
    case CURLE_SSL_CERTPROBLEM:
        http_host->fault(fetch->probe, RLV_F_CONFIG, "tls.cert_file", 0, "%s",
                         fetch->handle->error);
        break;
    case CURLE_GOT_NOTHING:
        http_host->fault(fetch->probe, RLV_F_CLOSED, "closed", 0,
                         "%s closed the connection without an answer", peer);
        break;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR: fault_broken(fetch, peer, rc, (int)sys_errno); break;
    case CURLE_PARTIAL_FILE:
        fault_protocol(fetch, peer, "incomplete", rc);
        break;
    case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9: no status line at all */
        fault_protocol(fetch, peer, "status_line", rc);
        break;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_FUNCTION_ARGUMENT: fault_head(fetch, peer, rc); break;
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: fault_protocol(fetch, peer, "http2", rc); break;
    case CURLE_BAD_CONTENT_ENCODING:
        fault_protocol(fetch, peer, "content_encoding", rc);
        break;
    case CURLE_WRITE_ERROR:
    case CURLE_OUT_OF_MEMORY: fault_size(fetch, peer, rc); break;
    default: fault_ours(fetch, rc); break;
    }
}

/* http/fault.c: why nothing came back, in the words of the fault list.
 *
 * Called by fetch.c when a resolution or a transfer failed, or when the
 * deadline came; sets the probe's fault, and nothing else. */
#include "http/http.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who was being talked to: "127.0.0.1 port 80", "example.com (192.0.2.7) port
 * 443". */
static void peer_text(const struct fetch *fetch, char *text, size_t size)
{
    const struct target *target = &fetch->target;
    char ip[INET6_ADDRSTRLEN] = "";
    const void *tried = &fetch->tried;
    if (fetch->tried.ss_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)tried)->sin_addr, ip,
                  sizeof ip);
    else if (fetch->tried.ss_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)tried)->sin6_addr,
                  ip, sizeof ip);
    if (target->literal || !*ip)
        snprintf(text, size, "%s port %u", target->host, target->port);
    else
        snprintf(text, size, "%s (%s) port %u", target->host, ip, target->port);
}

/* ----------------------------------------------------------------- names - */

static const char *gai_code(int gai)
{
    switch (gai) {
    case EAI_NONAME: return "EAI_NONAME";
    case EAI_NODATA: return "EAI_NODATA";
    case EAI_AGAIN: return "EAI_AGAIN";
    case EAI_FAIL: return "EAI_FAIL";
    case EAI_FAMILY: return "EAI_FAMILY";
    case EAI_ADDRFAMILY: return "EAI_ADDRFAMILY";
    case EAI_SYSTEM: return "EAI_SYSTEM";
    default: return "EAI_OTHER";
    }
}

void fault_resolve(struct fetch *fetch, int gai)
{
    const char *host = fetch->target.host;
    if (gai == EAI_MEMORY)
        http_host->fault(fetch->probe, RLV_F_RESOURCE, "EAI_MEMORY", 0,
                         "resolve %s: out of memory", host);
    else
        http_host->fault(fetch->probe, RLV_F_DNS, gai_code(gai), 0,
                         "resolve %s: %s", host,
                         gai ? gai_strerror(gai) : "no address");
}

/* -------------------------------------------------------------- deadline - */

void fault_deadline(struct fetch *fetch)
{
    char peer[400];
    peer_text(fetch, peer, sizeof peer);
    double s = (double)(http_host->now() - fetch->started_ns) / 1e9;
    if (fetch->stage == STAGE_TRUST) {
        http_host->fault(fetch->probe, RLV_F_RESOURCE, "tls.ca_file", 0,
                         "trusted certificates not loaded in %.2f s", s);
        return;
    }
    if (fetch->stage == STAGE_RESOLVE) {
        http_host->fault(fetch->probe, RLV_F_DNS, "timeout", 0,
                         "resolve %s: no answer in %.2f s", fetch->target.host,
                         s);
        return;
    }
    CURL *easy = fetch->handle->easy;
    curl_off_t ready = 0, answered = 0;
    curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &ready);
    curl_easy_getinfo(easy, CURLINFO_STARTTRANSFER_TIME_T, &answered);
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (!ready && !fetch->handshake_ns)
        http_host->fault(fetch->probe, RLV_F_CONNECT_TIMEOUT, "ETIMEDOUT",
                         ETIMEDOUT, "connect to %s: no answer in %.2f s", peer,
                         s);
    else if (!ready)
        http_host->fault(fetch->probe, RLV_F_TLS, "timeout", 0,
                         "connected to %s, TLS handshake not finished in "
                         "%.2f s",
                         peer, s);
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

/* --------------------------------------------------------------- connect - */

static enum rlv_fault connect_fault(int sys_errno)
{
    switch (sys_errno) {
    case ECONNREFUSED: return RLV_F_REFUSED;
    case ECONNRESET:
    case EPIPE: return RLV_F_RESET;
    case ETIMEDOUT: return RLV_F_CONNECT_TIMEOUT;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EADDRNOTAVAIL: return RLV_F_RESOURCE;
    default: return RLV_F_UNREACHABLE;
    }
}

static void fault_connect(struct fetch *fetch, const char *peer, int sys_errno)
{
    if (fetch->socket_errno)
        sys_errno = fetch->socket_errno;
    if (sys_errno)
        http_host->fault(fetch->probe, connect_fault(sys_errno), NULL,
                         sys_errno, "connect to %s failed: %s", peer,
                         strerror(sys_errno));
    else
        http_host->fault(fetch->probe, RLV_F_UNREACHABLE, "connect", 0,
                         "connect to %s failed: %s", peer,
                         fetch->handle->error);
}

/* ------------------------------------------------------------------- TLS - */

/* OpenSSL's reason out of libcurl's text, "error:0A00010B:SSL
 * routines::wrong version number", as a code: WRONG_VERSION_NUMBER. The names
 * of alerts lose their "sslv3 " or "tlsv13 ", which tells the reader nothing
 * about the version spoken. Also returns the reason as it stands. */
static const char *tls_reason(const char *text, char *code, size_t size)
{
    const char *at = strstr(text, "error:");
    const char *reason =
        at ? ERR_reason_error_string(strtoul(at + 6, NULL, 16)) : NULL;
    if (!reason)
        return NULL;
    const char *alert = strstr(reason, "alert ");
    size_t n = 0;
    for (const char *c = alert ? alert : reason; *c && n + 1 < size; c++)
        code[n++] = *c == ' ' ? '_' : (char)toupper((unsigned char)*c);
    code[n] = '\0';
    return reason;
}

static void fault_tls(struct fetch *fetch, const char *peer)
{
    const char *text = fetch->handle->error;
    char code[32] = "handshake";
    const char *reason = tls_reason(text, code, sizeof code);
    if (strstr(text, strerror(ECONNRESET)))
        http_host->fault(fetch->probe, RLV_F_RESET, NULL, ECONNRESET,
                         "%s reset the connection during the TLS handshake",
                         peer);
    else
        http_host->fault(fetch->probe, RLV_F_TLS, code, 0,
                         "TLS handshake with %s failed: %s", peer,
                         reason ? reason : text);
}

static void fault_certificate(struct fetch *fetch)
{
    const struct kit_peer *shown = &fetch->peer;
    const char *host = fetch->conf->server_name && fetch_at_origin(fetch)
                           ? fetch->conf->server_name
                           : fetch->target.host;
    if (shown->error == X509_V_OK) {
        int error = fetch->target.literal && !fetch->conf->server_name
                        ? X509_V_ERR_IP_ADDRESS_MISMATCH
                        : X509_V_ERR_HOSTNAME_MISMATCH;
        http_host->fault(fetch->probe, RLV_F_CERTIFICATE, kit_certs_code(error),
                         0, "certificate is not for %s: it names %s", host,
                         shown->names[0] ? shown->names : "no host");
        return;
    }
    char reason[320];
    kit_certs_reason(shown, reason, sizeof reason);
    http_host->fault(fetch->probe, RLV_F_CERTIFICATE,
                     kit_certs_code(shown->error), 0, "certificate of %s: %s",
                     host, reason);
}

/* ------------------------------------------------------------ the answer - */

static void fault_broken(struct fetch *fetch, const char *peer, CURLcode rc,
                         int sys_errno)
{
    const char *text = fetch->handle->error;
    char code[32] = "";
    const char *reason = tls_reason(text, code, sizeof code);
    if (sys_errno == ECONNRESET || sys_errno == EPIPE)
        http_host->fault(fetch->probe, RLV_F_RESET, NULL, sys_errno,
                         "%s reset the connection", peer);
    else if (sys_errno == ETIMEDOUT)
        http_host->fault(fetch->probe, RLV_F_TIMEOUT, NULL, sys_errno,
                         "%s no longer acknowledges what is sent", peer);
    else if (sys_errno == EHOSTUNREACH || sys_errno == ENETUNREACH)
        http_host->fault(fetch->probe, RLV_F_UNREACHABLE, NULL, sys_errno,
                         "%s can no longer be reached", peer);
    else if (reason && strncmp(code, "ALERT_", 6) == 0)
        http_host->fault(fetch->probe, RLV_F_TLS, code, 0,
                         "%s ended the TLS session: %s", peer, reason);
    else if (strcmp(code, "UNEXPECTED_EOF_WHILE_READING") == 0 &&
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

/* libcurl's own limits for one header line and for all of them together come
 * out as lack of memory. */
static void fault_size(struct fetch *fetch, const char *peer, CURLcode rc)
{
    curl_off_t answered = 0;
    curl_easy_getinfo(fetch->handle->easy, CURLINFO_STARTTRANSFER_TIME_T,
                      &answered);
    if (fetch->overlong_head || (answered && !fetch->body_bytes))
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

void fault_transfer(struct fetch *fetch, CURLcode rc)
{
    char peer[400];
    long sys_errno = 0;
    peer_text(fetch, peer, sizeof peer);
    curl_easy_getinfo(fetch->handle->easy, CURLINFO_OS_ERRNO, &sys_errno);
    switch (rc) {
    /* It has the addresses from us, all of a family that it may take. */
    case CURLE_COULDNT_RESOLVE_HOST: fault_resolve(fetch, EAI_MEMORY); break;
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
        fault_connect(fetch, peer,
                      rc == CURLE_COULDNT_CONNECT ? (int)sys_errno : ETIMEDOUT);
        break;
    case CURLE_SSL_CONNECT_ERROR: fault_tls(fetch, peer); break;
    case CURLE_PEER_FAILED_VERIFICATION: fault_certificate(fetch); break;
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
    case CURLE_WEIRD_SERVER_REPLY:
        fault_protocol(fetch, peer, "status_line", rc);
        break;
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

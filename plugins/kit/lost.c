/* kit/lost.c: why a stream failed: what libcurl knew, and what that is called.
 *
 * Owns nothing. lost_note() is called while libcurl still knows; the rest by
 * the stream's user, who then ends its probe. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kit/dial.h"
#include "kit/why.h"

static int on_text(CURL *easy, curl_infotype type, char *text, size_t len,
                   void *arg)
{
    (void)easy;
    struct kit_stream *stream = arg;
    if (type == CURLINFO_TEXT)
        snprintf(stream->error, sizeof stream->error, "%.*s",
                 (int)(len && text[len - 1] == '\n' ? len - 1 : len), text);
    return 0;
}

void lost_begin(struct kit_stream *stream)
{
    CURL *easy = stream->transfer.easy;
    if (*stream->error) {
        curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, on_text);
        curl_easy_setopt(easy, CURLOPT_DEBUGDATA, stream);
        curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
    }
    stream->error[0] = '\0';
}

void lost_note(struct kit_stream *stream, CURLcode rc)
{
    CURL *easy = stream->transfer.easy;
    long sys_errno = 0, status = 0, reply = 0;
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &sys_errno);
    curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &status);
    curl_easy_getinfo(easy, CURLINFO_PROXY_ERROR, &reply);
    stream->rc = rc;
    stream->sys_errno =
        stream->attempt.no_socket ? stream->attempt.no_socket : (int)sys_errno;
    stream->answer = stream->proxy.socks ? reply : status;
    /* It may stem from an address that was tried before. */
    if (stream->stage == KIT_STAGE_OPEN && stream->sys_errno &&
        !strstr(stream->error, strerror(stream->sys_errno)))
        stream->sys_errno = 0;
    if (!*stream->error)
        snprintf(stream->error, sizeof stream->error, "%s",
                 curl_easy_strerror(rc));
}

void lost_peer(struct kit_stream *stream)
{
    static const struct sockaddr_storage none = {.ss_family = AF_UNSPEC};
    if (stream->opened_ns)
        return; /* it is known since then */
    if (stream->at.unix_path) {
        snprintf(stream->peer, sizeof stream->peer, "unix %s", stream->host);
        return;
    }
    kit_peer_text(stream->peer, sizeof stream->peer, stream->host,
                  stream->at.port, stream->literal,
                  stream->proxied ? &none : &stream->attempt.address);
    if (stream->proxied)
        kit_peer_by_proxy(stream->peer, sizeof stream->peer, &stream->proxy);
}

/* --------------------------------------------------------------- connect - */

static void fault_connect(struct kit_stream *stream, struct rlv_probe *probe)
{
    int sys_errno =
        stream->rc == CURLE_OPERATION_TIMEDOUT ? ETIMEDOUT : stream->sys_errno;
    if (!stream->at.unix_path || !kit_why_unix(probe, stream->peer, sys_errno))
        kit_why_connect(probe, stream->peer, sys_errno, stream->error);
}

static void fault_closed(struct kit_stream *stream, struct rlv_probe *probe,
                         const char *doing)
{
    kit_host->fault(probe, RLV_F_CLOSED, "closed", 0,
                    "%s closed the connection%s%s", stream->peer,
                    doing ? " without " : "", doing ? doing : "");
}

/* Before it was open. */
static void fault_broken(struct kit_stream *stream, struct rlv_probe *probe)
{
    if (!kit_why_broken(probe, stream->peer, stream->sys_errno, stream->error))
        fault_closed(stream, probe, NULL);
}

static bool is_proxys(struct kit_stream *stream, struct rlv_probe *probe)
{
    struct kit_way_lost lost = {.rc = stream->rc,
                                .sys_errno = stream->sys_errno,
                                .answer = stream->answer,
                                .through = stream->opened_ns ||
                                           stream->handshakes >
                                               (stream->proxy.tls ? 1u : 0u),
                                .text = stream->error};
    return stream->proxied &&
           kit_why_proxy(probe, &stream->proxy, stream->peer, &lost);
}

static void fault_dial(struct kit_stream *stream, struct rlv_probe *probe)
{
    const char *text = stream->error;
    if (is_proxys(stream, probe))
        return;
    switch (stream->rc) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT: fault_connect(stream, probe); break;
    case CURLE_SSL_CONNECT_ERROR: kit_why_tls(probe, stream->peer, text); break;
    case CURLE_PEER_FAILED_VERIFICATION:
        kit_why_certificate(probe, &stream->certificate, stream->name,
                            stream->name_literal);
        break;
    case CURLE_SSL_CERTPROBLEM:
        kit_host->fault(probe, RLV_F_CONFIG, "tls.cert_file", 0, "%s", text);
        break;
    case CURLE_URL_MALFORMAT:
        kit_host->fault(probe, RLV_F_CONFIG, "host", 0, "%s", text);
        break;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR: fault_broken(stream, probe); break;
    default:
        kit_host->fault(probe, RLV_F_RESOURCE, "libcurl", 0, "%s", text);
        break;
    }
}

/* ------------------------------------------------------------- the stream - */

static void fault_failed(struct kit_stream *stream, struct rlv_probe *probe)
{
    switch (stream->lost) {
    case KIT_LOST_LIBCURL: fault_dial(stream, probe); break;
    case KIT_LOST_TRUST:
        kit_host->fault(probe, RLV_F_CONFIG, "tls.ca_file", 0, "%s",
                        stream->error);
        break;
    case KIT_LOST_RESOLVE:
        kit_why_resolve(probe,
                        stream->proxied ? stream->proxy.host : stream->host,
                        stream->gai);
        break;
    case KIT_LOST_CONFIG:
        kit_host->fault(probe, RLV_F_CONFIG, "host", 0, "%s: %s", stream->host,
                        stream->error);
        break;
    case KIT_LOST_RESOURCE:
        kit_host->fault(probe, RLV_F_RESOURCE, "libcurl", 0, "%s",
                        stream->error);
        break;
    }
}

bool kit_stream_was_ended(const struct kit_stream *stream)
{
    char code[32] = "";
    kit_tls_reason(stream->error, code, sizeof code);
    return stream->ended && (stream->rc == CURLE_OK ||
                             strcmp(code, "UNEXPECTED_EOF_WHILE_READING") == 0);
}

static void fault_ended(struct kit_stream *stream, struct rlv_probe *probe,
                        const char *doing)
{
    char code[32] = "";
    const char *reason = kit_tls_reason(stream->error, code, sizeof code);
    if (kit_stream_was_ended(stream))
        fault_closed(stream, probe, doing);
    else if (!kit_why_broken(probe, stream->peer, stream->sys_errno,
                             stream->error))
        kit_host->fault(probe, RLV_F_PROTOCOL, reason ? code : "broken", 0,
                        "connection to %s broken off: %s", stream->peer,
                        reason ? reason : stream->error);
}

void kit_stream_fault(struct kit_stream *stream, const char *doing)
{
    struct rlv_probe *probe = stream->transfer.probe;
    if (stream->stage == KIT_STAGE_FAILED)
        fault_failed(stream, probe);
    else
        fault_ended(stream, probe, doing);
}

static void late_connect(struct kit_stream *stream, struct rlv_probe *probe,
                         int64_t spent_ns)
{
    if (stream->proxied)
        kit_why_late_proxy(probe, stream->peer, spent_ns);
    else if (stream->at.unix_path && stream->sys_errno == EAGAIN)
        kit_why_late_queue(probe, stream->peer, spent_ns);
    else
        kit_why_late_connect(probe, stream->peer, spent_ns);
}

void kit_stream_fault_deadline(struct kit_stream *stream, const char *code,
                               const char *doing)
{
    struct rlv_probe *probe = stream->transfer.probe;
    int64_t spent_ns = kit_host->now() - stream->served_ns;
    enum kit_stage stage = stream->stage;
    if (stage < KIT_STAGE_OPEN) {
        lost_peer(stream);
        dial_stage(stream, stage); /* the phase lasted until now */
    }
    switch (stage) {
    case KIT_STAGE_TRUST: kit_why_late_trust(probe, spent_ns); break;
    case KIT_STAGE_RESOLVE:
        kit_why_late_resolve(
            probe, stream->proxied ? stream->proxy.host : stream->host,
            spent_ns);
        break;
    case KIT_STAGE_CONNECT: late_connect(stream, probe, spent_ns); break;
    case KIT_STAGE_TLS: kit_why_late_tls(probe, stream->peer, spent_ns); break;
    case KIT_STAGE_FAILED: fault_failed(stream, probe); break;
    case KIT_STAGE_OPEN:
    case KIT_STAGE_CLOSED:
        kit_host->fault(probe, RLV_F_TIMEOUT, code, 0,
                        "connected to %s, %s did not come in %.2f s",
                        stream->peer, doing, (double)spent_ns / 1e9);
        break;
    }
}

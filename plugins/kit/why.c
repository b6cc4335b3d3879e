/* kit/why.c: see why.h. Owns nothing; called by plugins when a resolution, a
 * connection or a handshake failed, or when the deadline came. */
#include "kit/why.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/facts.h"

#define SECONDS(ns) ((double)(ns) / 1e9)

/* ----------------------------------------------------------------- peers - */

void kit_ip_text(char *text, size_t size, const struct sockaddr_storage *tried)
{
    const void *any = tried;
    text[0] = '\0';
    if (tried->ss_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)any)->sin_addr, text,
                  (socklen_t)size);
    else if (tried->ss_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)any)->sin6_addr,
                  text, (socklen_t)size);
}

void kit_peer_text(char *text, size_t size, const char *host, uint16_t port,
                   bool literal, const struct sockaddr_storage *tried)
{
    char ip[INET6_ADDRSTRLEN];
    kit_ip_text(ip, sizeof ip, tried);
    if (literal || !*ip)
        snprintf(text, size, "%s port %u", host, port);
    else
        snprintf(text, size, "%s (%s) port %u", host, ip, port);
}

void kit_peer_by_proxy(char *text, size_t size, const struct kit_proxy *proxy)
{
    size_t len = strlen(text);
    snprintf(text + len, size - len, " by proxy %s port %u", proxy->host,
             proxy->port);
}

/* ------------------------------------------------------------ resolution - */

const char *kit_gai_code(int gai)
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

void kit_why_resolve(struct rlv_probe *probe, const char *host, int gai)
{
    if (gai == EAI_MEMORY)
        kit_host->fault(probe, RLV_F_RESOURCE, "EAI_MEMORY", 0,
                        "resolve %s: out of memory", host);
    else
        kit_host->fault(probe, RLV_F_DNS, kit_gai_code(gai), 0,
                        "resolve %s: %s", host,
                        gai ? gai_strerror(gai) : "no address");
}

/* --------------------------------------------------------------- connect - */

enum rlv_fault kit_why_fault(int sys_errno)
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

void kit_why_connect(struct rlv_probe *probe, const char *peer, int sys_errno,
                     const char *text)
{
    if (sys_errno)
        kit_host->fault(probe, kit_why_fault(sys_errno), NULL, sys_errno,
                        "connect to %s failed: %s", peer, strerror(sys_errno));
    else
        kit_host->fault(probe, RLV_F_UNREACHABLE, "connect", 0,
                        "connect to %s failed: %s", peer, text);
}

/* Whose socket it is does not run; or we may not use it, which is ours. */
bool kit_why_unix(struct rlv_probe *probe, const char *peer, int sys_errno)
{
    bool away = sys_errno == ENOENT;
    if (!away && sys_errno != EACCES && sys_errno != EPERM)
        return false;
    kit_host->fault(probe, away ? RLV_F_REFUSED : RLV_F_CONFIG, NULL, sys_errno,
                    "connect to %s failed: %s", peer, strerror(sys_errno));
    return true;
}

/* ----------------------------------------------------------------- proxy - */

/* The proxy answered, and did not let us through. Its being unable to is the
 * path's fault; our not being welcome there is ours; what it says of the target
 * is the target's. */
static void refused_way(struct rlv_probe *probe, const struct kit_proxy *proxy,
                        const char *peer, const struct kit_way_lost *lost)
{
    char code[32] = "socks";
    bool ours = proxy->socks ? lost->answer == CURLPX_USER_REJECTED ||
                                   lost->answer == CURLPX_NO_AUTH
                             : lost->answer == 407 || lost->answer == 401;
    if (proxy->socks && lost->answer == CURLPX_REPLY_CONNECTION_REFUSED) {
        kit_host->fault(probe, RLV_F_REFUSED, NULL, ECONNREFUSED,
                        "connect to %s failed: the proxy says: %s", peer,
                        strerror(ECONNREFUSED));
        return;
    }
    if (!proxy->socks)
        snprintf(code, sizeof code, "proxy_%ld", lost->answer);
    kit_host->fault(probe, ours ? RLV_F_CONFIG : RLV_F_UNREACHABLE, code, 0,
                    "no way to %s: %s", peer, lost->text);
}

bool kit_why_proxy(struct rlv_probe *probe, const struct kit_proxy *proxy,
                   const char *peer, const struct kit_way_lost *lost)
{
    bool late = lost->rc == CURLE_OPERATION_TIMEDOUT;
    int sys_errno = late ? ETIMEDOUT : lost->sys_errno;
    const char *code = "proxy";
    if (lost->through || lost->rc == CURLE_OUT_OF_MEMORY ||
        lost->rc == CURLE_URL_MALFORMAT || lost->rc == CURLE_SSL_CERTPROBLEM)
        return false;
    if (lost->answer && (proxy->socks || lost->answer / 100 != 2)) {
        refused_way(probe, proxy, peer, lost);
        return true;
    }
    if (late || lost->rc == CURLE_COULDNT_CONNECT) {
        if (sys_errno && kit_why_fault(sys_errno) == RLV_F_RESOURCE)
            return false;
        kit_host->fault(probe, RLV_F_UNREACHABLE, sys_errno ? NULL : "connect",
                        sys_errno, "connect to %s failed: %s", peer,
                        sys_errno ? strerror(sys_errno) : lost->text);
        return true;
    }
    if (lost->rc == CURLE_SSL_CONNECT_ERROR ||
        lost->rc == CURLE_PEER_FAILED_VERIFICATION)
        code = "proxy_tls";
    kit_host->fault(probe, RLV_F_UNREACHABLE, code, 0, "no way to %s: %s", peer,
                    lost->text);
    return true;
}

/* ------------------------------------------------------------------- TLS - */

/* libcurl writes "error:0A00010B:SSL routines::wrong version number". The
 * names of alerts lose their "sslv3 " or "tlsv13 ", which tells the reader
 * nothing about the version spoken. */
const char *kit_tls_reason(const char *text, char *code, size_t size)
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

void kit_why_tls(struct rlv_probe *probe, const char *peer, const char *text)
{
    char code[32] = "handshake";
    const char *reason = kit_tls_reason(text, code, sizeof code);
    if (strstr(text, strerror(ECONNRESET)))
        kit_host->fault(probe, RLV_F_RESET, NULL, ECONNRESET,
                        "%s reset the connection during the TLS handshake",
                        peer);
    else
        kit_host->fault(probe, RLV_F_TLS, code, 0,
                        "TLS handshake with %s failed: %s", peer,
                        reason ? reason : text);
}

const char *kit_certificate_words(const struct kit_peer *shown,
                                  const char *host, bool literal, char *text,
                                  size_t size)
{
    char words[320];
    if (shown->error != X509_V_OK) {
        kit_certs_reason(shown, words, sizeof words);
        snprintf(text, size, "certificate of %s: %s", host, words);
        return kit_certs_code(shown->error);
    }
    kit_facts_names(shown, words, 160);
    snprintf(text, size, "certificate is not for %s: it names %s", host,
             *words ? words : "no host");
    return kit_certs_code(literal ? X509_V_ERR_IP_ADDRESS_MISMATCH
                                  : X509_V_ERR_HOSTNAME_MISMATCH);
}

void kit_why_certificate(struct rlv_probe *probe, const struct kit_peer *shown,
                         const char *host, bool literal)
{
    char text[640];
    const char *code =
        kit_certificate_words(shown, host, literal, text, sizeof text);
    kit_host->fault(probe, RLV_F_CERTIFICATE, code, 0, "%s", text);
}

/* ---------------------------------------------------------------- broken - */

bool kit_why_broken(struct rlv_probe *probe, const char *peer, int sys_errno,
                    const char *text)
{
    char code[32] = "";
    const char *reason = kit_tls_reason(text, code, sizeof code);
    if (sys_errno == ECONNRESET || sys_errno == EPIPE)
        kit_host->fault(probe, RLV_F_RESET, NULL, sys_errno,
                        "%s reset the connection", peer);
    else if (sys_errno == ETIMEDOUT)
        kit_host->fault(probe, RLV_F_TIMEOUT, NULL, sys_errno,
                        "%s no longer acknowledges what is sent", peer);
    else if (sys_errno == EHOSTUNREACH || sys_errno == ENETUNREACH)
        kit_host->fault(probe, RLV_F_UNREACHABLE, NULL, sys_errno,
                        "%s can no longer be reached", peer);
    else if (reason && strncmp(code, "ALERT_", 6) == 0)
        kit_host->fault(probe, RLV_F_TLS, code, 0,
                        "%s ended the TLS session: %s", peer, reason);
    else
        return false;
    return true;
}

/* -------------------------------------------------------------- too late - */

void kit_why_late_trust(struct rlv_probe *probe, int64_t spent_ns)
{
    kit_host->fault(probe, RLV_F_RESOURCE, "tls.ca_file", 0,
                    "trusted certificates not loaded in %.2f s",
                    SECONDS(spent_ns));
}

void kit_why_late_resolve(struct rlv_probe *probe, const char *host,
                          int64_t spent_ns)
{
    kit_host->fault(probe, RLV_F_DNS, "timeout", 0,
                    "resolve %s: no answer in %.2f s", host, SECONDS(spent_ns));
}

void kit_why_late_connect(struct rlv_probe *probe, const char *peer,
                          int64_t spent_ns)
{
    kit_host->fault(probe, RLV_F_CONNECT_TIMEOUT, "ETIMEDOUT", ETIMEDOUT,
                    "connect to %s: no answer in %.2f s", peer,
                    SECONDS(spent_ns));
}

void kit_why_late_proxy(struct rlv_probe *probe, const char *peer,
                        int64_t spent_ns)
{
    kit_host->fault(probe, RLV_F_UNREACHABLE, NULL, ETIMEDOUT,
                    "connect to %s: no way in %.2f s", peer, SECONDS(spent_ns));
}

void kit_why_late_queue(struct rlv_probe *probe, const char *peer,
                        int64_t spent_ns)
{
    kit_host->fault(probe, RLV_F_CONNECT_TIMEOUT, NULL, EAGAIN,
                    "connect to %s: its queue of connections was full for "
                    "%.2f s, nobody takes them",
                    peer, SECONDS(spent_ns));
}

void kit_why_late_tls(struct rlv_probe *probe, const char *peer,
                      int64_t spent_ns)
{
    kit_host->fault(probe, RLV_F_TLS, "timeout", 0,
                    "connected to %s, TLS handshake not finished in %.2f s",
                    peer, SECONDS(spent_ns));
}

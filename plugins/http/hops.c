/* http/hops.c: what is told about each hop of a redirected request, beside what
 * the check as a whole observes: the first certificate and the last answer.
 *
 * Owns nothing. Called by fetch.c: hops_certificate() when a hop's transfer is
 * over, well or not; hops_redirect() when it leads elsewhere. */
#include "http/http.h"

#include <stdio.h>

#define DAY_NS (24ll * 3600 * 1000000000)

/* As in the url: the port where it is not the usual one. */
void hops_certificate(struct fetch *fetch)
{
    const struct target *target = &fetch->target;
    char host[300];
    if (!fetch->peer.seen ||
        !http_host->wants(fetch->probe, FIELD_CERT_EXPIRY_OF))
        return;
    if (target->port == 443)
        snprintf(host, sizeof host, "%.250s", target->host);
    else
        snprintf(host, sizeof host, "%.240s:%u", target->host,
                 (unsigned)target->port);
    http_host->observe_key(
        fetch->probe, FIELD_CERT_EXPIRY_OF, host,
        rlv_duration(kit_certs_left_ns(fetch->peer.not_after_s)));
}

void hops_redirect(struct fetch *fetch, long status)
{
    char *url = NULL, text[1024], end[64] = "";
    curl_url_get(fetch->target.url, CURLUPART_URL, &url, 0);
    if (fetch->peer.seen)
        snprintf(
            end, sizeof end, ", certificate ends in %lld days",
            (long long)(kit_certs_left_ns(fetch->peer.not_after_s) / DAY_NS));
    int n = snprintf(text, sizeof text, "%ld %.900s%s", status, url ? url : "",
                     end);
    curl_free(url);
    http_host->evidence(fetch->probe, "redirect", text, (size_t)n);
}

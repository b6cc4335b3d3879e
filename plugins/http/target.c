/* http/target.c: the URL of a hop: read, and followed to where a Location
 * leads.
 *
 * Owns nothing but what it puts into a target; called by fetch.c and oauth.c,
 * and when a configuration is checked. */
#include "http/http.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void target_fini(struct target *target)
{
    curl_url_cleanup(target->url);
    curl_free(target->host);
    *target = (struct target){0};
}

bool target_is_literal(const char *host)
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
        target->literal = target_is_literal(target->host);
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

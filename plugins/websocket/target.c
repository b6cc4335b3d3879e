/* websocket/target.c: the url: where to go, what to ask for, as whom.
 *
 * Pure; called when the configuration is loaded, and by each probe. libcurl
 * takes the url apart, which knows ws and wss as any other scheme. */
#include "websocket/websocket.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *keep(struct target *target, const char *text, size_t len)
{
    if (len >= sizeof target->text - target->used)
        return NULL;
    char *at = target->text + target->used;
    memcpy(at, text, len);
    at[len] = '\0';
    target->used += len + 1;
    return at;
}

static const char *keep_part(struct target *target, CURLU *url, CURLUPart part,
                             unsigned flags)
{
    char *text = NULL;
    const char *kept = NULL;
    if (!curl_url_get(url, part, &text, flags))
        kept = keep(target, text, strlen(text));
    curl_free(text);
    return kept;
}

static bool read_scheme(struct target *target, CURLU *url)
{
    char *scheme = NULL;
    bool known = false;
    if (!curl_url_get(url, CURLUPART_SCHEME, &scheme, 0)) {
        target->tls = !strcasecmp(scheme, "wss");
        known = target->tls || !strcasecmp(scheme, "ws");
    }
    curl_free(scheme);
    return known;
}

static bool read_port(struct target *target, CURLU *url)
{
    char *port = NULL;
    target->port = target->tls ? 443 : 80;
    if (!curl_url_get(url, CURLUPART_PORT, &port, 0))
        target->port = (uint16_t)strtoul(port, NULL, 10);
    curl_free(port);
    return target->port != 0;
}

/* The port is said where it is not the scheme's own (RFC 6455 section 4.1). */
static bool make_authority(struct target *target)
{
    char text[300];
    bool v6 = strchr(target->host, ':') != NULL;
    int n = snprintf(text, sizeof text, v6 ? "[%s]" : "%s", target->host);
    if (n < 0 || (size_t)n + 7 > sizeof text)
        return false;
    if (target->port != (target->tls ? 443 : 80))
        n += snprintf(text + n, sizeof text - (size_t)n, ":%u", target->port);
    target->authority = keep(target, text, (size_t)n);
    return target->authority != NULL;
}

static bool read_host(struct target *target, CURLU *url)
{
    const char *host = keep_part(target, url, CURLUPART_HOST, CURLU_PUNYCODE);
    if (!host || !*host)
        return false;
    if (*host == '[')
        host = keep(target, host + 1, strlen(host) - 2);
    target->host = host;
    return host && make_authority(target);
}

static bool read_resource(struct target *target, CURLU *url)
{
    char *path = NULL, *query = NULL;
    char *at = target->text + target->used;
    size_t room = sizeof target->text - target->used;
    curl_url_get(url, CURLUPART_PATH, &path, 0);
    curl_url_get(url, CURLUPART_QUERY, &query, 0);
    int n = snprintf(at, room, "%s%s%s", path ? path : "/", query ? "?" : "",
                     query ? query : "");
    if (n >= 0 && (size_t)n < room) {
        target->resource = at;
        target->used += (size_t)n + 1;
    }
    curl_free(path);
    curl_free(query);
    return target->resource != NULL;
}

static const char *take_apart(struct target *target, CURLU *url)
{
    char *fragment = NULL;
    bool has_fragment = !curl_url_get(url, CURLUPART_FRAGMENT, &fragment, 0);
    curl_free(fragment);
    if (!read_scheme(target, url))
        return "a URL begins with ws:// or wss://";
    if (has_fragment)
        return "the URL has a #fragment, which a WebSocket URL may not";
    if (!read_port(target, url))
        return "the URL's port is not valid";
    if (!read_host(target, url))
        return "the URL's host is not valid (an international name is "
               "written in its ASCII form, xn--...)";
    if (!read_resource(target, url))
        return "the URL is too long";
    target->username = keep_part(target, url, CURLUPART_USER, CURLU_URLDECODE);
    target->password =
        keep_part(target, url, CURLUPART_PASSWORD, CURLU_URLDECODE);
    return NULL;
}

bool target_read(struct target *target, const char *text, char *why,
                 size_t size)
{
    const char *flaw = "a URL begins with ws:// or wss://";
    const char *rest = strstr(text, "://");
    memset(target, 0, offsetof(struct target, text));
    CURLU *url = curl_url();
    if (rest && rest[3] == '/') { /* libcurl would guess what was meant */
        flaw = "the URL names no host";
    } else if (url && rest) {
        CURLUcode code =
            curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
        flaw = code ? curl_url_strerror(code) : take_apart(target, url);
    }
    curl_url_cleanup(url);
    if (flaw)
        snprintf(why, size, "%s", flaw);
    return !flaw;
}

/* web/guard.c: see guard.h. In this order: is it HTTP that has one meaning, is
 * it meant for us (Host), does the path exist, may one do that there, who asks.
 */
#include "web/guard.h"

#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/str.h"
#include "web/link.h"

static bool refuse(struct web_response *r, unsigned status, const char *why)
{
    response_error(r, status, "%s", why);
    return false;
}

/* --------------------------------------------------------------- host --- */

static bool is_host(const char *host, size_t n, const char *name)
{
    return strlen(name) == n && strncasecmp(host, name, n) == 0;
}

/* "status.example.com:8970", "[::1]:8970": without the port. */
static size_t host_length(const char *host)
{
    const char *end = host[0] == '[' ? strchr(host, ']') : NULL;
    return end != NULL ? (size_t)(end - host) + 1 : strcspn(host, ":");
}

/* A name of somebody else's that leads to us (DNS rebinding) would let that
 * site's pages read ours: what a browser sends as Host must be ours. */
static bool is_our_host(const char *host)
{
    static const char *const always[] = {"localhost", "127.0.0.1", "[::1]"};
    const struct rlv_list *hosts = &link_settings()->hosts;
    size_t n = host_length(host);
    for (size_t i = 0; i < ARRAY_LEN(always); i++)
        if (is_host(host, n, always[i]))
            return true;
    for (size_t i = 0; i < hosts->count; i++)
        if (is_host(host, n, hosts->items[i]))
            return true;
    return false;
}

/* --------------------------------------------------------------- token --- */

/* As long for a wrong one, wherever it differs. */
static bool is_token(const char *given, size_t n)
{
    const char *token = link_settings()->token;
    size_t len = strlen(token);
    unsigned differs = n != len;
    for (size_t i = 0; i < n; i++)
        differs |= (unsigned char)given[i] ^ (unsigned char)token[i % len];
    return differs == 0;
}

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c == '\0' ? NULL : strchr(digits, c);
    return at == NULL ? -1 : (int)(at - digits);
}

/* "name:password" out of base64. False: it is none, or too long. */
static bool decode_basic(const char *text, char *out, size_t size, size_t *n)
{
    unsigned bits = 0, have = 0;
    *n = 0;
    for (; *text != '\0' && *text != '='; text++) {
        int digit = base64_digit(*text);
        if (digit < 0 || *n == size)
            return false;
        bits = (bits << 6 | (unsigned)digit) & 0xffff;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[(*n)++] = (char)(bits >> have & 0xff);
        }
    }
    return true;
}

static bool has_token(const struct web_request *q)
{
    const char *given = web_header(q, "Authorization");
    char pair[512];
    size_t n;
    if (given == NULL)
        return false;
    if (strncasecmp(given, "Bearer ", 7) == 0)
        return is_token(given + 7, strlen(given + 7));
    if (strncasecmp(given, "Basic ", 6) != 0 ||
        !decode_basic(given + 6, pair, sizeof pair, &n))
        return false;
    const char *colon = memchr(pair, ':', n);
    return colon != NULL && is_token(colon + 1, n - (size_t)(colon + 1 - pair));
}

static bool may_ask(const struct web_request *q, struct web_response *r)
{
    bool open = q->route != NULL && (q->route->needs & OPEN_TO_ALL) != 0;
    if (link_settings()->token == NULL || open || has_token(q))
        return true;
    r->challenge = true;
    return refuse(r, 401, "a token is needed, or this one is wrong");
}

/* -------------------------------------------------------------- method --- */

static enum web_method method_of(const char *method)
{
    if (str_eq(method, "GET") || str_eq(method, "HEAD"))
        return GET;
    return str_eq(method, "POST") ? POST : 0;
}

static const char *allowed(unsigned methods)
{
    if (methods == (GET | POST))
        return "GET, HEAD, POST, OPTIONS";
    return methods == GET ? "GET, HEAD, OPTIONS" : "POST, OPTIONS";
}

static bool may_be_asked_so(struct web_request *q, const char *method,
                            struct web_response *r)
{
    r->allow = allowed(q->route->methods);
    if (str_eq(method, "OPTIONS")) {
        r->status = 204;
        return false;
    }
    q->method = method_of(method);
    if ((q->route->methods & q->method) == 0)
        return refuse(r, 405, "it can only be read");
    r->allow = NULL;
    return true;
}

bool guard_admits(struct web_request *q, const struct guard_facts *f,
                  struct web_response *r)
{
    const char *host = web_header(q, "Host");
    if (!f->has_uri)
        return refuse(r, 400, "no path that means one thing only");
    if (!f->over_path && (host == NULL || !is_our_host(host)))
        return refuse(r, 421,
                      "this name is not mine: web = { hosts = [\"…\"]; } "
                      "lists the names by which I may be asked");
    q->route = route_find(&q->uri, q->arena, &q->rest);
    if (!may_ask(q, r)) /* before it is told what there is */
        return false;
    if (q->route == NULL)
        return refuse(r, 404, "there is nothing here");
    r->type = q->route->type;
    return may_be_asked_so(q, f->method, r);
}

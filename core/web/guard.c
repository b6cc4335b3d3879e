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
    if (link_settings() == NULL)
        return refuse(r, 503, "not ready yet");
    if (!f->has_uri)
        return refuse(r, 400, "no path that means one thing only");
    if (!f->over_path && (host == NULL || !is_our_host(host)))
        return refuse(r, 421,
                      "this name is not mine: web = { hosts = [\"…\"]; } "
                      "lists the names by which I may be asked");
    q->route = route_find(&q->uri, q->arena, &q->rest);
    if (q->route == NULL)
        return refuse(r, 404, "there is nothing here");
    r->type = q->route->type;
    return may_be_asked_so(q, f->method, r);
}

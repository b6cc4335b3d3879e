/* web/route.c: see route.h. Paths are few: they are tried one after another. */
#include "web/route.h"

#include <string.h>

#include "base/str.h"

/* The next segment of a pattern, from *at on; its length. */
static size_t next_segment(const char **at, const char **segment)
{
    *segment = *at + (**at == '/');
    size_t n = strcspn(*segment, "/");
    *at = *segment + n;
    return n;
}

static bool is_place(const char *segment, size_t n)
{
    return n > 2 && segment[0] == '{' && segment[n - 1] == '}';
}

static bool is_rest(const char *segment, size_t n)
{
    return is_place(segment, n) && n > 5 &&
           memcmp(segment + n - 4, "...}", 4) == 0;
}

/* The segments from i on, with slashes between them. */
static const char *join(const struct uri *u, size_t i, struct arena *arena)
{
    struct buf text = {0};
    for (size_t k = i; k < u->segment_count; k++)
        buf_addf(&text, "%s%s", k > i ? "/" : "", u->segments[k]);
    const char *joined = arena_strdup(arena, buf_text(&text));
    buf_free(&text);
    return joined;
}

/* "/badge/{check...}.svg": what follows the place ends the path. */
static bool fits(const struct route *route, const struct uri *u,
                 struct arena *arena, const char **rest)
{
    const char *at = route->path, *segment;
    size_t i = 0;
    while (at[0] != '\0' && at[1] != '\0') {
        size_t n = next_segment(&at, &segment);
        if (i == u->segment_count)
            return false;
        if (is_rest(segment, n)) {
            *rest = join(u, i, arena);
            return true;
        }
        if (!is_place(segment, n) && (strlen(u->segments[i]) != n ||
                                      memcmp(u->segments[i], segment, n) != 0))
            return false;
        i++;
    }
    return i == u->segment_count;
}

const struct route *route_find(const struct uri *u, struct arena *arena,
                               const char **rest)
{
    const struct route *route;
    *rest = "";
    for (size_t i = 0; (route = route_at(i)) != NULL; i++)
        if (fits(route, u, arena, rest))
            return route;
    return NULL;
}

const char *web_param(const struct web_request *q, const char *name)
{
    const char *at = q->route->path, *segment;
    size_t len = strlen(name);
    for (size_t i = 0; *at != '\0' && i < q->uri.segment_count; i++) {
        size_t n = next_segment(&at, &segment);
        if (is_rest(segment, n))
            return q->rest;
        if (is_place(segment, n) && n == len + 2 &&
            memcmp(segment + 1, name, len) == 0)
            return q->uri.segments[i];
    }
    return "";
}

const char *web_query(const struct web_request *q, const char *name)
{
    return uri_query(&q->uri, name);
}

bool web_limit(const struct web_request *q, struct web_response *r,
               size_t fallback, size_t most, size_t *limit)
{
    const char *text = web_query(q, "limit");
    int64_t n = (int64_t)fallback;
    if (text != NULL && (!str_to_i64(text, &n) || n < 1 || n > (int64_t)most)) {
        response_error(r, 400, "limit: expected a number from 1 to %zu", most);
        return false;
    }
    *limit = (size_t)n;
    return true;
}

/* web/uri.c: see uri.h. */
#include "web/uri.h"

#include <string.h>

#include "base/str.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_utf8(const char *s, size_t n)
{
    uint32_t codepoint;
    for (size_t len; n > 0; s += len, n -= len)
        if ((len = str_utf8(s, n, &codepoint)) == 0)
            return false;
    return true;
}

/* NULL: it is no text, or one with control characters. */
static const char *decode(const char *s, size_t n, bool plus_is_space,
                          struct arena *arena)
{
    char *out = arena_alloc(arena, n + 1);
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        int c = (unsigned char)s[i];
        if (c == '%') {
            int high = i + 2 < n ? hex(s[i + 1]) : -1;
            int low = high < 0 ? -1 : hex(s[i + 2]);
            if (low < 0)
                return NULL;
            c = high * 16 + low;
            i += 2;
        } else if (c <= ' ' || c >= 0x7f) {
            return NULL; /* it stands in an escape, or nowhere */
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (c < ' ' || c == 0x7f)
            return NULL;
        out[len++] = (char)c;
    }
    return is_utf8(out, len) ? out : NULL;
}

static bool add_segment(struct uri *u, const char *s, size_t n,
                        struct arena *arena)
{
    const char *text = decode(s, n, false, arena);
    if (text == NULL || n == 0 || u->segment_count == URI_SEGMENTS ||
        str_eq(text, ".") || str_eq(text, "..") || strpbrk(text, "/\\") != NULL)
        return false;
    u->segments[u->segment_count++] = text;
    return true;
}

static bool add_pair(struct uri *u, const char *s, size_t n,
                     struct arena *arena)
{
    const char *equals = memchr(s, '=', n);
    size_t name_len = equals == NULL ? n : (size_t)(equals - s);
    size_t value_at = equals == NULL ? n : name_len + 1;
    if (n == 0)
        return true; /* "a=1&" */
    if (u->pair_count == URI_PAIRS)
        return false;
    struct uri_pair pair = {decode(s, name_len, true, arena),
                            decode(s + value_at, n - value_at, true, arena)};
    if (pair.name == NULL || pair.value == NULL ||
        uri_query(u, pair.name) != NULL)
        return false;
    u->pairs[u->pair_count++] = pair;
    return true;
}

bool uri_parse(const char *text, struct arena *arena, struct uri *u)
{
    *u = (struct uri){0};
    size_t n = strcspn(text, "?");
    if (text[0] != '/' || strchr(text, '#') != NULL)
        return false;
    for (const char *at = text + 1; at < text + n;) {
        size_t len = strcspn(at, "/?");
        if (!add_segment(u, at, len, arena))
            return false;
        at += len + (at[len] == '/');
    }
    if (n > 2 && text[n - 1] == '/' && text[n - 2] == '/')
        return false;
    for (const char *at = text + n + (text[n] == '?'); *at != '\0';) {
        size_t len = strcspn(at, "&");
        if (!add_pair(u, at, len, arena))
            return false;
        at += len + (at[len] == '&');
    }
    return true;
}

const char *uri_query(const struct uri *u, const char *name)
{
    for (size_t i = 0; i < u->pair_count; i++)
        if (str_eq(u->pairs[i].name, name))
            return u->pairs[i].value;
    return NULL;
}

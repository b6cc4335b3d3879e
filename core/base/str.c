/* base/str.c: see str.h. */
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool str_eq(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool str_eq_secret(const char *secret, const char *given)
{
    size_t n = strlen(secret), m = strlen(given);
    volatile unsigned char differ = n != m;
    for (size_t i = 0; i < m; i++)
        differ |= (unsigned char)(given[i] ^ secret[i < n ? i : n]);
    return differ == 0;
}

bool str_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

bool str_glob(const char *pattern, const char *text)
{
    return fnmatch(pattern, text, 0) == 0;
}

enum { LONGEST_WORD = 48 };

/* Optimal string alignment: insertions, deletions, substitutions and swaps of
 * neighbours each cost 1 (Damerau 1964). */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
    unsigned char d[LONGEST_WORD + 1][LONGEST_WORD + 1];
    for (size_t i = 0; i <= n; i++)
        d[i][0] = (unsigned char)i;
    for (size_t j = 0; j <= m; j++)
        d[0][j] = (unsigned char)j;
    for (size_t i = 1; i <= n; i++)
        for (size_t j = 1; j <= m; j++) {
            size_t best = (size_t)d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (d[i - 1][j] + 1u < best)
                best = d[i - 1][j] + 1u;
            if (d[i][j - 1] + 1u < best)
                best = d[i][j - 1] + 1u;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
                a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1u < best)
                best = d[i - 2][j - 2] + 1u;
            d[i][j] = (unsigned char)best;
        }
    return d[n][m];
}

const char *str_nearest(const char *word,
                        const char *(*candidate)(const void *, size_t),
                        const void *arg)
{
    size_t n = strlen(word), best = n / 3 + 1;
    const char *found = NULL, *c;
    if (n == 0 || n > LONGEST_WORD)
        return NULL;
    for (size_t i = 0; (c = candidate(arg, i)) != NULL; i++) {
        size_t m = strlen(c);
        if (m > LONGEST_WORD)
            continue;
        size_t d = distance(word, n, c, m);
        if (d < best) {
            best = d;
            found = c;
        }
    }
    return found;
}

static const char *nth(const void *arg, size_t i)
{
    return ((const char *const *)arg)[i];
}

const char *str_nearest_of(const char *word, const char *const *candidates)
{
    return str_nearest(word, nth, candidates);
}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
size_t str_utf8(const char *s, size_t n, uint32_t *codepoint)
{
    const unsigned char *u = (const unsigned char *)s;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len;
    uint32_t c;
    if (n == 0)
        return 0;
    if (u[0] < 0x80) {
        *codepoint = u[0];
        return 1;
    }
    if (u[0] >= 0xc2 && u[0] < 0xe0)
        len = 2, c = u[0] & 0x1fu;
    else if ((u[0] & 0xf0) == 0xe0)
        len = 3, c = u[0] & 0x0fu;
    else if (u[0] >= 0xf0 && u[0] < 0xf5)
        len = 4, c = u[0] & 0x07u;
    else
        return 0;
    if (len > n)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (u[i] & 0x3fu);
    }
    if (c < least[len] || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
        return 0;
    *codepoint = c;
    return len;
}

/* C0, DEL, C1, the characters that reorder or hide text around them, and what
 * is no character. */
static bool is_unsafe(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c ||
           (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0xfeff ||
           (c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef) ||
           (c >= 0xe0000 && c <= 0xe007f);
}

void str_clean_buf(struct buf *out, const char *s, size_t n, bool keep_newlines)
{
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        size_t len = str_utf8(s + i, n - i, &c);
        if (len == 0) {
            buf_addf(out, "\\x%02x", (unsigned char)s[i]);
            i++;
            continue;
        }
        if (!is_unsafe(c) || (keep_newlines && (c == '\n' || c == '\t')))
            buf_add(out, s + i, len);
        else
            buf_addf(out, c < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned)c);
        i += len;
    }
}

char *str_clean(char *out, size_t size, const char *s, size_t n)
{
    struct buf b = {0};
    if (size == 0)
        return out;
    str_clean_buf(&b, s, n, false);
    size_t keep = b.len < size ? b.len : size - 1;
    while (keep > 0 && keep < b.len && (b.data[keep] & 0xc0) == 0x80)
        keep--;
    if (keep > 0)
        memcpy(out, b.data, keep);
    out[keep] = '\0';
    buf_free(&b);
    return out;
}

void str_to_utf8(struct buf *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint32_t c;
        size_t len = str_utf8(s + i, n - i, &c);
        if (len == 0 || c == 0) {
            buf_adds(out, "\xef\xbf\xbd");
            i++;
        } else {
            buf_add(out, s + i, len);
            i += len;
        }
    }
}

/* Such characters stand only inside of strings. */
void str_clean_json(struct buf *out, const char *json)
{
    for (size_t n = strlen(json); n > 0;) {
        uint32_t c = 0;
        size_t len = str_utf8(json, n, &c);
        if (len == 0 || c == '\n' || !is_unsafe(c))
            buf_add(out, json, len > 0 ? len : 1);
        else if (c > 0xffff)
            buf_addf(out, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
                     0xdc00 + (c & 0x3ff));
        else
            buf_addf(out, "\\u%04x", c);
        json += len > 0 ? len : 1;
        n -= len > 0 ? len : 1;
    }
}

/* http://www.isthe.com/chongo/tech/comp/fnv/ */
uint64_t str_hash(const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 0x100000001b3u;
    return h;
}

bool str_to_i64(const char *s, int64_t *out)
{
    char *end;
    if (!isdigit((unsigned char)*s) && *s != '-')
        return false;
    errno = 0;
    long long v = strtoll(s, &end, 10);
    if (errno != 0 || *end != '\0')
        return false;
    *out = v;
    return true;
}

bool str_to_double(const char *s, double *out)
{
    char *end;
    if (*s == '\0' || isspace((unsigned char)*s))
        return false;
    errno = 0;
    double v = strtod(s, &end);
    if (*end != '\0' || !isfinite(v))
        return false;
    *out = v;
    return true;
}

/* web/head.c: see head.h. */
#include "web/head.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"

enum { LINES_MOST = 64, METHOD_MOST = 16, LENGTH_DIGITS = 9 };

struct seen { /* of the headers that matter for where a request ends */
    unsigned hosts, lengths, encodings;
};

static bool is_token(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static size_t token_length(const char *s, size_t n)
{
    size_t len = 0;
    while (len < n && is_token(s[len]))
        len++;
    return len;
}

/* "GET /path HTTP/1.1": one space each, nothing that is not printable. */
static bool is_request_line(const char *s, size_t n)
{
    static const char version[] = " HTTP/1.";
    size_t at = token_length(s, n), tail = sizeof version; /* with its digit */
    if (at == 0 || at > METHOD_MOST || n < at + 2 + tail || s[at] != ' ')
        return false;
    const char *end = s + n - tail;
    if (memcmp(end, version, tail - 1) != 0 ||
        (s[n - 1] != '0' && s[n - 1] != '1'))
        return false;
    for (const char *c = s + at + 1; c < end; c++)
        if (*c <= ' ' || *c >= 0x7f)
            return false;
    return true;
}

static bool is_value(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (((unsigned char)s[i] < ' ' && s[i] != '\t') || s[i] == 0x7f)
            return false;
    return true;
}

static bool is_length(const char *s, size_t n)
{
    while (n > 0 && (*s == ' ' || *s == '\t'))
        s++, n--;
    while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
        n--;
    if (n == 0 || n > LENGTH_DIGITS)
        return false;
    for (size_t i = 0; i < n; i++)
        if (s[i] < '0' || s[i] > '9')
            return false;
    return true;
}

static bool is_named(const char *s, size_t n, const char *name)
{
    return strlen(name) == n && strncasecmp(s, name, n) == 0;
}

/* A folded line begins with a space: it has no name, and is refused. */
static bool take_header(const char *s, size_t n, struct seen *seen)
{
    size_t name = token_length(s, n);
    if (name == 0 || name == n || s[name] != ':' ||
        !is_value(s + name + 1, n - name - 1))
        return false;
    if (is_named(s, name, "Content-Length")) {
        seen->lengths++;
        return is_length(s + name + 1, n - name - 1);
    }
    seen->hosts += is_named(s, name, "Host");
    seen->encodings += is_named(s, name, "Transfer-Encoding") ||
                       is_named(s, name, "Content-Encoding");
    return true;
}

static enum head verdict(const struct seen *seen)
{
    if (seen->hosts != 1 || seen->lengths > 1)
        return HEAD_BAD;
    if (seen->encodings > 0)
        return seen->lengths > 0 ? HEAD_BAD : HEAD_CODED;
    return HEAD_FINE;
}

enum head head_judge(const char *bytes, size_t n)
{
    struct seen seen = {0};
    const char *at = bytes, *end = bytes + n;
    for (unsigned line = 0; line < LINES_MOST; line++) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        if (lf == NULL)
            return n > HEAD_MOST ? HEAD_LONG : HEAD_MORE;
        if (lf == at || lf[-1] != '\r')
            return HEAD_BAD;
        size_t len = (size_t)(lf - at) - 1;
        if (line > 0 && len == 0)
            return lf + 1 - bytes > HEAD_MOST ? HEAD_LONG : verdict(&seen);
        if (line == 0 ? !is_request_line(at, len)
                      : !take_header(at, len, &seen))
            return HEAD_BAD;
        at = lf + 1;
    }
    return HEAD_LONG;
}

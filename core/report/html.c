/* report/html.c: see html.h. */
#include "report/html.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

struct html {
    struct buf out;
};

struct html *html_new(void) { return xcalloc(1, sizeof(struct html)); }

void html_free(struct html *h)
{
    if (h != NULL)
        buf_free(&h->out);
    free(h);
}

struct buf html_take(struct html *h)
{
    struct buf out = h->out;
    h->out = (struct buf){0};
    return out;
}

size_t html_length(const struct html *h) { return h->out.len; }

void html_literal_(struct html *h, const char *s, size_t n)
{
    buf_add(&h->out, s, n);
}

/* ------------------------------------------------------------------ text ---
 */

/* The five that can end a text node or a quoted attribute, or begin a
 * reference. The same set for both places: one table is easier to trust. */
static const char *entity_of(char c)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

/* ASCII that stands for itself everywhere. */
static bool is_plain(char c)
{
    return c >= ' ' && c < 0x7f && c != '&' && c != '<' && c != '>' &&
           c != '"' && c != '\'';
}

static size_t plain_run(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n && is_plain(s[i]))
        i++;
    return i;
}

static void put_escaped(struct buf *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        const char *entity = entity_of(s[i]);
        if (entity != NULL) {
            buf_adds(out, entity);
            i++;
            continue;
        }
        size_t run = i + 1;
        while (run < n && entity_of(s[run]) == NULL)
            run++;
        buf_add(out, s + i, run - i);
        i = run;
    }
}

static void put_text(struct html *h, const char *s, size_t n, bool lines)
{
    size_t plain = plain_run(s, n);
    buf_add(&h->out, s, plain);
    if (plain == n)
        return;
    struct buf clean = {0};
    str_clean_buf(&clean, s + plain, n - plain, lines);
    put_escaped(&h->out, buf_text(&clean), clean.len);
    buf_free(&clean);
}

void html_text_n(struct html *h, const char *s, size_t n)
{
    put_text(h, s, n, false);
}

void html_text(struct html *h, const char *s)
{
    if (s != NULL)
        put_text(h, s, strlen(s), false);
}

static void put_formatted(struct html *h, const char *fmt, va_list args)
{
    char few[256];
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(few, sizeof few, fmt, args);
    if (n >= 0 && (size_t)n < sizeof few) {
        put_text(h, few, (size_t)n, false);
    } else {
        struct buf text = {0};
        buf_addv(&text, fmt, again);
        put_text(h, buf_text(&text), text.len, false);
        buf_free(&text);
    }
    va_end(again);
}

void html_textf(struct html *h, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    put_formatted(h, fmt, args);
    va_end(args);
}

void html_lines(struct html *h, const char *s, size_t n, size_t most)
{
    size_t at = 0;
    while (n > 0 && (s[n - 1] == '\n' || s[n - 1] == '\r'))
        n--;
    for (size_t lines = 0; at < n && lines < most; lines++) {
        const char *end = memchr(s + at, '\n', n - at);
        size_t length = end == NULL ? n - at : (size_t)(end - s) - at;
        size_t shown = length;
        while (shown > 0 && s[at + shown - 1] == '\r')
            shown--;
        if (lines > 0)
            buf_addc(&h->out, '\n');
        put_text(h, s + at, shown, true);
        at += length + 1;
    }
    if (at < n)
        buf_adds(&h->out, "\n…");
}

/* ------------------------------------------------------------ attributes ---
 */

void html_attr_value(struct html *h, const char *value) { html_text(h, value); }

void html_attr_valuef(struct html *h, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    put_formatted(h, fmt, args);
    va_end(args);
}

/* RFC 3986, 2.3. */
static bool is_unreserved(char c)
{
    return isalnum((unsigned char)c) || strchr("-._~", c) != NULL;
}

static void put_url(struct html *h, const char *s, bool slashes)
{
    for (; *s != '\0'; s++)
        if (is_unreserved(*s) || (slashes && *s == '/'))
            buf_addc(&h->out, *s);
        else
            buf_addf(&h->out, "%%%02X", (unsigned)(unsigned char)*s);
}

void html_url_path(struct html *h, const char *path) { put_url(h, path, true); }

void html_url_query(struct html *h, const char *value)
{
    put_url(h, value, false);
}

bool html_url_is_safe(const char *url)
{
    if (!str_starts(url, "http://") && !str_starts(url, "https://"))
        return false;
    for (; *url != '\0'; url++)
        if (!isalnum((unsigned char)*url) &&
            strchr("-._~:/?#[]@!$&'()*+,;=%", *url) == NULL)
            return false;
    return true;
}

/* report/md.c: see md.h. */
#include "report/md.h"

#include <ctype.h>
#include <string.h>

#include "base/str.h"

/* Between letters an underscore is none but itself. */
static bool is_inside_word(const struct buf *text, size_t i)
{
    return i > 0 && i + 1 < text->len &&
           isalnum((unsigned char)text->data[i - 1]) &&
           isalnum((unsigned char)text->data[i + 1]);
}

/* Entities where a reader of tables or a filter of HTML may look at the bytes
 * before the Markdown is read; a backslash for the rest (CommonMark 0.30,
 * 2.4). What has a meaning at the beginning of a line only never stands there.
 */
static void put_escaped(struct buf *b, const struct buf *text, size_t i)
{
    char c = text->data[i];
    switch (c) {
    case '&': buf_adds(b, "&amp;"); break;
    case '<': buf_adds(b, "&lt;"); break;
    case '>': buf_adds(b, "&gt;"); break;
    case '|': buf_adds(b, "&#124;"); break;
    case '`': buf_adds(b, "&#96;"); break;
    case '\\': buf_adds(b, "&#92;"); break;
    default:
        if (strchr("*[]#~$", c) != NULL ||
            (c == '_' && !is_inside_word(text, i)))
            buf_addc(b, '\\');
        buf_addc(b, c);
    }
}

void md_text(struct buf *b, const char *text)
{
    struct buf clean = {0};
    str_clean_buf(&clean, text, strlen(text), false);
    for (size_t i = 0; i < clean.len; i++)
        put_escaped(b, &clean, i);
    buf_free(&clean);
}

static size_t longest_ticks(const char *s)
{
    size_t most = 0;
    while (*s != '\0') {
        size_t n = strspn(s, "`");
        most = n > most ? n : most;
        s += n > 0 ? n : 1;
    }
    return most;
}

void md_code(struct buf *b, const char *text)
{
    struct buf clean = {0};
    str_clean_buf(&clean, text, strlen(text), false);
    const char *s = buf_text(&clean);
    size_t fence = longest_ticks(s) + 1;
    for (size_t i = 0; i < fence; i++)
        buf_addc(b, '`');
    bool padded = s[0] == '`' || s[0] == ' ' || s[0] == '\0' ||
                  s[strlen(s) - 1] == '`' || s[strlen(s) - 1] == ' ';
    buf_addf(b, padded ? " %s " : "%s", s);
    for (size_t i = 0; i < fence; i++)
        buf_addc(b, '`');
    buf_free(&clean);
}

/* Nothing that Markdown or HTML would read, and no space. */
static bool is_plain_url(const char *url)
{
    if (!str_starts(url, "http://") && !str_starts(url, "https://"))
        return false;
    for (; *url != '\0'; url++)
        if (*url <= ' ' || *url > '~' || strchr("<>\"`\\|", *url) != NULL)
            return false;
    return true;
}

void md_url(struct buf *b, const char *url)
{
    if (is_plain_url(url))
        buf_addf(b, "<%s>", url);
    else
        md_code(b, url);
}

void md_block(struct buf *b, const char *text, size_t n)
{
    struct buf clean = {0};
    for (size_t at = 0; at < n;) {
        const char *end = memchr(text + at, '\n', n - at);
        size_t length = end == NULL ? n - at : (size_t)(end - text) - at;
        size_t shown = length;
        while (shown > 0 && text[at + shown - 1] == '\r')
            shown--;
        str_clean_buf(&clean, text + at, shown, false);
        buf_addc(&clean, '\n');
        at += length + 1;
    }
    size_t fence = longest_ticks(buf_text(&clean)) + 1;
    fence = fence < 3 ? 3 : fence;
    for (size_t side = 0; side < 2; side++) {
        for (size_t i = 0; i < fence; i++)
            buf_addc(b, '`');
        buf_adds(b, "\n");
        buf_adds(b, side == 0 ? buf_text(&clean) : "");
    }
    buf_free(&clean);
}

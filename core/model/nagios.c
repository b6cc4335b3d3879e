/* model/nagios.c: see nagios.h. */
#include "model/nagios.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t without_end(const char *text, size_t n)
{
    while (n > 0 && is_blank(text[n - 1]))
        n--;
    return n;
}

/* One after the other, with a blank between them. */
static void add_perfdata(struct buf *all, const char *text, size_t n)
{
    while (n > 0 && is_blank(*text)) {
        text++;
        n--;
    }
    n = without_end(text, n);
    if (n == 0)
        return;
    if (all->len > 0)
        buf_addc(all, ' ');
    buf_add(all, text, n);
}

static const char *find(const char *text, size_t n, char wanted)
{
    return n == 0 ? NULL : memchr(text, wanted, n);
}

/* All after the bar is performance data: a bar at the beginning of one of its
 * lines is nothing more. */
static void add_lines(struct buf *all, const char *text, size_t n)
{
    while (n > 0) {
        const char *newline = find(text, n, '\n');
        size_t len = newline == NULL ? n : (size_t)(newline - text);
        size_t bar = len > 0 && text[0] == '|';
        add_perfdata(all, text + bar, len - bar);
        len += newline != NULL;
        text += len;
        n -= len;
    }
}

/* Everything after the first line. */
static void cut_rest(const char *text, size_t n, struct nagios_output *out,
                     struct buf *perfdata)
{
    const char *bar = find(text, n, '|');
    size_t len = bar == NULL ? n : (size_t)(bar - text);
    if (len > 0) {
        out->long_text = text;
        out->long_len = len;
    }
    if (bar != NULL)
        add_lines(perfdata, bar + 1, n - len - 1);
}

void nagios_cut(const char *output, size_t n, struct arena *arena,
                struct nagios_output *out)
{
    struct buf perfdata = {0};
    *out = (struct nagios_output){0};
    if (n == 0)
        return;
    const char *newline = find(output, n, '\n');
    size_t line = newline == NULL ? n : (size_t)(newline - output);
    const char *bar = find(output, line, '|');
    size_t text = bar == NULL ? line : (size_t)(bar - output);
    out->text = output;
    out->text_len = without_end(output, text);
    if (bar != NULL)
        add_perfdata(&perfdata, bar + 1, line - text - 1);
    if (newline != NULL)
        cut_rest(newline + 1, n - line - 1, out, &perfdata);
    if (perfdata.len > 0) {
        out->perfdata = arena_strndup(arena, perfdata.data, perfdata.len);
        out->perfdata_len = perfdata.len;
    }
    buf_free(&perfdata);
}

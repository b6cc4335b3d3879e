/* tests/unit/test_report_markup.h: is a report in Markdown still what it was,
 * whatever text stands in it: lines, rows, cells, and no markup of the text's
 * own. */
#ifndef TEST_REPORT_MARKUP_H
#define TEST_REPORT_MARKUP_H

#include <stdio.h>
#include <string.h>

#include "base/buf.h"

/* A row is a line that begins with a pipe; a backslash would take the meaning
 * of the next character. */
static size_t cells(const char *line, size_t n)
{
    size_t pipes = 0;
    for (size_t i = 0; i < n; i++) {
        if (line[i] == '\\')
            i++;
        else
            pipes += line[i] == '|';
    }
    return pipes;
}

/* Lines of the text; those that are rows, summed up by number and cells. */
static size_t shape(const char *text, size_t *rows, size_t *pipes)
{
    size_t lines = 0;
    *rows = *pipes = 0;
    while (*text != '\0') {
        size_t n = strcspn(text, "\n");
        if (text[0] == '|') {
            ++*rows;
            *pipes += cells(text, n);
        }
        lines++;
        text += n + 1;
    }
    return lines;
}

/* Of "<https://…>", which is a link that we wrote; 0: there is none. */
static size_t link_length(const char *text)
{
    size_t n = strcspn(text, "> \n\"\\`|");
    if (strncmp(text, "<http://", 8) != 0 && strncmp(text, "<https://", 9) != 0)
        return 0;
    return text[n] == '>' && memchr(text + 1, '<', n - 1) == NULL ? n + 1 : 0;
}

/* Outside of code spans no character is left that begins markup. */
static void assert_no_markup(const char *text, const char *string)
{
    for (size_t i = 0; text[i] != '\0'; i++) {
        if (text[i] == '`') {
            size_t fence = strspn(text + i, "`");
            const char *end = text + i + fence;
            while ((end = strchr(end, '`')) != NULL &&
                   strspn(end, "`") != fence)
                end += strspn(end, "`");
            if (end == NULL)
                fail_msg("a code span does not end: %s\n%s", string, text);
            i = (size_t)(end - text) + fence - 1;
        } else if (link_length(text + i) > 0) {
            i += link_length(text + i) - 1;
        } else if (text[i] == '<' || text[i] == '>') {
            fail_msg("HTML: %s\n%s", string, text);
        } else if (text[i] == '\\') {
            i++;
        }
    }
}

static void assert_clean(const struct buf *text)
{
    for (size_t i = 0; i < text->len; i++)
        if ((unsigned char)text->data[i] < 0x20 && text->data[i] != '\n')
            fail_msg("control character 0x%02x:\n%s", (unsigned)text->data[i],
                     text->data);
    assert_null(strstr(text->data, "\xe2\x80\xae")); /* RTL override */
}

/* As many lines, rows and cells as with "plain". */
static void assert_keeps_shape(struct buf (*render)(const char *string),
                               const char *string)
{
    size_t lines, rows, pipes, its_lines, its_rows, its_pipes;
    struct buf plain = render("plain"), text = render(string);
    lines = shape(plain.data, &rows, &pipes);
    its_lines = shape(text.data, &its_rows, &its_pipes);
    if (its_lines != lines || its_rows != rows || its_pipes != pipes)
        fail_msg("%zu lines, %zu rows, %zu pipes, expected %zu, %zu, %zu:\n%s",
                 its_lines, its_rows, its_pipes, lines, rows, pipes, text.data);
    assert_clean(&text);
    assert_no_markup(text.data, string);
    buf_free(&plain);
    buf_free(&text);
}

#endif

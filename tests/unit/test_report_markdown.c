/* The Markdown report: its tables, and that no text from outside can break
 * them or become markup. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_report_fixture.h"

static bool says(const struct buf *text, const char *part)
{
    if (strstr(text->data, part) != NULL)
        return true;
    fprintf(stderr, "expected \"%s\" in:\n%s\n", part, text->data);
    return false;
}

static void what_stands_in_it(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "# Relevo test: staging\n",
        "**passed: only minor checks failed**",
        "10 of 11 passed (90.9 %), 1 minor failure, 1 degraded, 6 skipped; "
        "2.3 s",
        "| Passed | Failed | Skipped | Pass rate | Wanted | Started |\n",
        "| 10 | 1 | 6 | 90.9 % | 90 % | 2026-03-28T00:00:00.000Z |\n",
        "| Result | Check | Title | Owner | Target | Latency | Why |\n"
        "|---|---|---|---|---|---:|---|\n",
        "| passed | staging/check-00 |  |  | app.example.com:443 | 1ms |  "
        "|\n",
        "| failed (minor) | staging/check-03 | The documentation can be read "
        "| web team |",
        "## Failures\n\n### staging/check-03: The documentation can be "
        "read\n",
        "- `status == 200` was `503`\n",
        "## Degraded\n\n### staging/check-05\n",
        "- `warn_unless latency < 200ms` was `312ms`\n",
        "## Skipped\n\n- **staging/check-11**: env \"STG_API_TOKEN\" is "
        "not set\n",
        "## Slowest\n\n| Check | Latency | Whole probe |\n|---|---:|---:|\n"
        "| staging/check-10 | 11ms | 12ms |\n"
        "| staging/check-09 | 10ms | 12ms |\n",
    };
    struct suite *s = fixture_suite();
    struct buf text = {0};
    suite_markdown(s, &text);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        assert_true(says(&text, parts[i]));
    assert_null(strstr(text.data, "check-05 | 6ms | 12ms |\n"));
    buf_free(&text);
    fixture_free(s);
}

static void empty_columns_are_left_out(void **state)
{
    (void)state;
    struct suite *s = fixture_suite();
    struct buf text = {0};
    s->checks[3].title = s->checks[3].owner = NULL;
    suite_markdown(s, &text);
    assert_true(says(&text, "| Result | Check | Target | Latency | Why |\n"));
    buf_free(&text);
    fixture_free(s);
}

/* ------------------------------------------------------------ any text --- */

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

static struct buf rendered(const char *string)
{
    struct buf text = {0};
    struct suite *s = fixture_named(string);
    suite_markdown(s, &text);
    fixture_free(s);
    return text;
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
        } else if (text[i] == '<' || text[i] == '>') {
            fail_msg("HTML: %s\n%s", string, text);
        } else if (text[i] == '\\') {
            i++;
        }
    }
}

static void keeps_its_shape(const char *string)
{
    static size_t lines, rows, pipes;
    if (string[0] == '\0')
        return; /* columns are left out */
    if (lines == 0) {
        struct buf plain = rendered("plain");
        lines = shape(plain.data, &rows, &pipes);
        buf_free(&plain);
    }
    struct buf text = rendered(string);
    size_t its_rows, its_pipes,
        its_lines = shape(text.data, &its_rows, &its_pipes);
    if (its_lines != lines || its_rows != rows || its_pipes != pipes)
        fail_msg("%zu lines, %zu rows, %zu pipes, expected %zu, %zu, %zu:\n%s",
                 its_lines, its_rows, its_pipes, lines, rows, pipes, text.data);
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] < 0x20 && text.data[i] != '\n')
            fail_msg("control character 0x%02x:\n%s", (unsigned)text.data[i],
                     text.data);
    assert_null(strstr(text.data, "\xe2\x80\xae")); /* RTL override */
    assert_no_markup(text.data, string);
    buf_free(&text);
}

static void any_text_keeps_the_tables(void **state)
{
    (void)state;
    size_t n = fixture_each(keeps_its_shape);
    assert_in_range(n, 14, 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stands_in_it),
        cmocka_unit_test(empty_columns_are_left_out),
        cmocka_unit_test(any_text_keeps_the_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

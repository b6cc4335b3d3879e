/* The Markdown report: its tables, and that no text from outside can break
 * them or become markup. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_report_fixture.h"
#include "test_report_markup.h"

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

static struct buf rendered(const char *string)
{
    struct buf text = {0};
    struct suite *s = fixture_named(string);
    suite_markdown(s, &text);
    fixture_free(s);
    return text;
}

static void keeps_its_shape(const char *string)
{
    if (string[0] != '\0') /* columns would be left out */
        assert_keeps_shape(rendered, string);
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

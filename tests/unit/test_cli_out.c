/* How commands lay text out: words wrapped at a terminal's width. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/out.h"

static void assert_wrapped(const char *text, int indent, int columns,
                           const char *expected)
{
    struct buf out = {0};
    out_put_wrapped(&out, text, indent, columns);
    assert_string_equal(buf_text(&out), expected);
    buf_free(&out);
}

static void test_wrapping(void **state)
{
    (void)state;
    assert_wrapped("look at db, with a free disk first", 2, 14,
                   "look at db,\n  with a free\n  disk first");
    assert_wrapped("exactly twelve", 0, 14, "exactly twelve");
    assert_wrapped("exactly twelv ", 0, 13, "exactly twelv");
    assert_wrapped("no terminal, no breaks at all", 4, 0,
                   "no terminal, no breaks at all");
    assert_wrapped("", 2, 10, "");
}

static void test_characters_not_bytes(void **state)
{
    (void)state;
    assert_wrapped("áéíóú áéíóú", 0, 11, "áéíóú áéíóú");
    assert_wrapped("áéíóú áéíóú", 1, 10, "áéíóú\n áéíóú");
}

static void test_words_stay_whole(void **state)
{
    (void)state;
    assert_wrapped("see https://app.example.com/health now", 2, 12,
                   "see\n  https://app.example.com/health\n  now");
    assert_wrapped("a b", 9, 4, "a\n         b");
    assert_wrapped("  two   spaces  ", 0, 5, "  two\nspaces");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrapping),
        cmocka_unit_test(test_characters_not_bytes),
        cmocka_unit_test(test_words_stay_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

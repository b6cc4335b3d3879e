/* tests/unit/test_expect_regex.c: matching, and that its work is bounded. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "expect/regex.h"

enum { MIB = 1 << 20 };

static struct regex *compile(const char *pattern, bool nocase)
{
    size_t offset;
    char why[120];
    struct regex *r = regex_compile(pattern, strlen(pattern), nocase, &offset,
                                    why, sizeof why);
    if (r == NULL)
        fail_msg("%s: %s", pattern, why);
    return r;
}

static int match(const char *pattern, const char *s, size_t n, struct err *err)
{
    struct regex *r = compile(pattern, false);
    int got = regex_match(r, s, n, err);
    regex_free(r);
    return got;
}

static void a_text_that_is_not_utf8_is_searched(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(match("ok", "\xff\xfe ok \x80", 8, &err), 1);
    assert_int_equal(match("^.$", "\xff", 1, &err), 0);
    assert_int_equal(match("^.$", "é", 2, &err), 1);
    assert_int_equal(match("^$", NULL, 0, &err), 1);
}

static void a_pattern_with_an_error_names_its_place(void **state)
{
    (void)state;
    size_t offset = 0;
    char why[120];
    assert_null(regex_compile("ab(c", 4, false, &offset, why, sizeof why));
    assert_int_equal(offset, 4);
    assert_string_equal(why, "missing closing parenthesis");
}

/* Windows of starting places must not lose a match at or across their edges. */
static void a_match_anywhere_in_a_long_text_is_found(void **state)
{
    (void)state;
    char *text = xmalloc(MIB);
    struct err err;
    static const size_t places[] = {0,    1,     4094,  4095,  4096,
                                    4097, 12287, 12288, 12289, MIB - 5};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        memset(text, '.', MIB);
        memcpy(text + places[i], "ready", 5);
        assert_int_equal(match("r[e]ady", text, MIB, &err), 1);
        assert_int_equal(match("ready\\z", text, MIB, &err),
                         places[i] == MIB - 5);
        assert_int_equal(match("(?<=rea)dy", text, MIB, &err), 1);
        assert_int_equal(match("^ready", text, MIB, &err), places[i] == 0);
        assert_int_equal(match("rеady", text, MIB, &err), 0);
    }
    memset(text, '\xa9', MIB); /* the second half of é, only */
    assert_int_equal(match("é", text, MIB, &err), 0);
    memcpy(text + 4095, "é", 2);
    assert_int_equal(match("é", text, MIB, &err), 1);
    free(text);
}

static void exponential_work_is_refused(void **state)
{
    (void)state;
    struct err err = {0};
    const char *as = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!";
    assert_int_equal(match("^(a+)+$", as, strlen(as), &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_int_equal(match("(a|aa)+$", as, strlen(as), &err), -1);
    assert_int_equal(match("(a*)*b", as, strlen(as), &err), 0);
}

/* Each starting place stays below the limit, and there are a million. The
 * promise is 0.2 s and one window; the bound here only catches a hang. */
static void much_work_at_every_place_is_stopped(void **state)
{
    (void)state;
    struct err err = {0};
    char *text = xmalloc(MIB);
    memset(text, 'a', MIB);
    int64_t start_ns = clock_mono_ns();
    int got = match(".{0,200}.{0,200}[xy]", text, MIB, &err);
    int64_t spent_ms = (clock_mono_ns() - start_ns) / NS_PER_MS;
    free(text);
    assert_int_equal(got, -1);
    assert_non_null(strstr(err.text, "regex needs too much work"));
    if (spent_ms > 20000)
        fail_msg("took %lld ms", (long long)spent_ms);
}

static void depth_and_memory_are_limited(void **state)
{
    (void)state;
    struct err err = {0};
    char *text = xmalloc(MIB);
    memset(text, 'a', MIB);
    assert_int_equal(match("^(?:(a)|b)*c", text, MIB, &err), -1);
    assert_int_equal(match("^((?:a|(?1))*)c", text, MIB, &err), -1);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_that_is_not_utf8_is_searched),
        cmocka_unit_test(a_pattern_with_an_error_names_its_place),
        cmocka_unit_test(a_match_anywhere_in_a_long_text_is_found),
        cmocka_unit_test(exponential_work_is_refused),
        cmocka_unit_test(much_work_at_every_place_is_stopped),
        cmocka_unit_test(depth_and_memory_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

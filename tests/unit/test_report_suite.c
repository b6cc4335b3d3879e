/* What a test run is judged as: the pass rate, minor checks, what was skipped,
 * what nobody could look at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_report_fixture.h"

static void the_first_users_suite(void **state)
{
    (void)state;
    struct suite *s = fixture_suite();
    struct buf text = {0};
    assert_int_equal(s->totals.run, 11);
    assert_int_equal(s->totals.passed, 10);
    assert_int_equal(s->totals.degraded, 1);
    assert_int_equal(s->totals.minor, 1);
    assert_int_equal(s->totals.skipped, 6);
    assert_true(s->passed);
    suite_put_counts(&text, s);
    assert_string_equal(text.data,
                        "10 of 11 passed (90.9 %), 1 minor failure, 1 "
                        "degraded, 6 skipped; 2.3 s");
    buf_clear(&text);
    suite_put_verdict(&text, s);
    assert_string_equal(text.data, "passed: only minor checks failed");
    buf_free(&text);
    fixture_free(s);
}

static void too_few_passed(void **state)
{
    (void)state;
    struct suite *s = fixture_suite();
    struct buf text = {0};
    s->min_pass = 95;
    suite_judge(s);
    assert_false(s->passed);
    suite_put_verdict(&text, s);
    assert_string_equal(text.data, "failed: 90.9 % passed, 95 % are wanted");
    s->min_pass = 100.0 * 10 / 11; /* exactly as many as passed */
    suite_judge(s);
    assert_true(s->passed);
    buf_free(&text);
    fixture_free(s);
}

static void a_major_failure_breaks(void **state)
{
    (void)state;
    struct suite *s = fixture_suite();
    s->checks[3].minor = false;
    suite_judge(s);
    assert_false(s->passed);
    assert_int_equal(s->totals.breaking, 1);
    fixture_free(s);
}

static void degraded_fails_when_asked(void **state)
{
    (void)state;
    struct suite *s = fixture_suite();
    struct buf text = {0};
    s->fail_on_degraded = true;
    suite_judge(s);
    assert_false(s->passed);
    suite_put_counts(&text, s);
    assert_string_equal(text.data, "9 of 11 passed (81.8 %), 1 failure, 1 "
                                   "minor failure, 6 skipped; 2.3 s");
    buf_free(&text);
    fixture_free(s);
}

/* Nobody looked: neither passed nor left out of the rate. */
static void unknown_is_not_passed(void **state)
{
    (void)state;
    struct suite *s = fixture_suite();
    struct result *r = fixture_result(OUTCOME_UNKNOWN, "it crashed", "");
    s->min_pass = -1;
    result_free((struct result *)(uintptr_t)s->checks[0].result);
    s->checks[0].result = r;
    suite_judge(s);
    assert_false(s->passed);
    assert_int_equal(s->totals.unknown, 1);
    assert_int_equal(s->totals.passed, 9);
    assert_int_equal(s->totals.run, 11);
    fixture_free(s);
}

static void nothing_run_is_not_passed(void **state)
{
    (void)state;
    struct suite *s = fixture_suite();
    struct buf text = {0};
    s->min_pass = 0;
    for (size_t i = 0; i < s->check_count; i++) {
        result_free((struct result *)(uintptr_t)s->checks[i].result);
        s->checks[i].result = NULL;
        s->checks[i].skip = "no token";
    }
    suite_judge(s);
    assert_false(s->passed);
    for (size_t i = 0; i < suite_renderer_count; i++)
        suite_renderers[i].render(s, &text);
    assert_null(strstr(text.data, "100"));
    buf_free(&text);
    fixture_free(s);
}

/* 1999 of 2000 are 99.95 %: that is not 100.0. */
static void a_failure_is_never_rounded_away(void **state)
{
    (void)state;
    struct suite_totals t = {.run = 2000, .passed = 1999, .failed = 1};
    assert_float_equal(suite_rate(&t), 99.9, 1e-9);
    t.passed = 2000;
    assert_float_equal(suite_rate(&t), 100.0, 1e-9);
    t = (struct suite_totals){.run = 3, .passed = 2};
    assert_float_equal(suite_rate(&t), 66.7, 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_users_suite),
        cmocka_unit_test(too_few_passed),
        cmocka_unit_test(a_major_failure_breaks),
        cmocka_unit_test(degraded_fails_when_asked),
        cmocka_unit_test(unknown_is_not_passed),
        cmocka_unit_test(nothing_run_is_not_passed),
        cmocka_unit_test(a_failure_is_never_rounded_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_model_active.c: the hours in which a runbook may run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/tz.h"
#include "model/internal.h"

enum { FRI = 16, SAT = 32, SUN = 64, WORKDAYS = 31 };

static int64_t at(const char *text)
{
    int64_t us = 0;
    assert_true(clock_parse(text, &us));
    return us;
}

static struct runbook_spec book_of(struct active_span *spans, size_t count)
{
    return (struct runbook_spec){.active = spans, .active_count = count};
}

static void without_spans_it_is_always_active(void **unused)
{
    (void)unused;
    struct runbook_spec book = {0};
    assert_true(active_now(&book, NULL, at("2026-01-03T04:05:06Z")));
    assert_int_equal(active_next(&book, NULL, 0), INT64_MAX);
}

static void office_hours(void **unused)
{
    (void)unused;
    struct active_span span = {WORKDAYS, 9 * 60, 18 * 60};
    struct runbook_spec book = book_of(&span, 1);
    /* 2026-01-02 is a Friday. */
    assert_false(active_now(&book, NULL, at("2026-01-02T08:59:59.999Z")));
    assert_true(active_now(&book, NULL, at("2026-01-02T09:00:00Z")));
    assert_true(active_now(&book, NULL, at("2026-01-02T17:59:59.999Z")));
    assert_false(active_now(&book, NULL, at("2026-01-02T18:00:00Z")));
    assert_false(active_now(&book, NULL, at("2026-01-03T12:00:00Z")));
    assert_int_equal(active_next(&book, NULL, at("2026-01-02T08:00:00Z")),
                     at("2026-01-02T09:00:00Z"));
    assert_int_equal(active_next(&book, NULL, at("2026-01-02T09:00:00Z")),
                     at("2026-01-05T09:00:00Z"));
}

static void a_span_may_go_over_midnight(void **unused)
{
    (void)unused;
    struct active_span spans[] = {{FRI, 22 * 60, 6 * 60},
                                  {SUN, 18 * 60, 24 * 60}};
    struct runbook_spec book = book_of(spans, 2);
    assert_true(active_now(&book, NULL, at("2026-01-02T23:00:00Z")));
    assert_true(active_now(&book, NULL, at("2026-01-03T05:59:00Z")));
    assert_false(active_now(&book, NULL, at("2026-01-03T06:00:00Z")));
    assert_false(active_now(&book, NULL, at("2026-01-02T05:00:00Z")));
    assert_true(active_now(&book, NULL, at("2026-01-04T23:59:59Z")));
    assert_false(active_now(&book, NULL, at("2026-01-05T00:00:00Z")));
    assert_int_equal(active_next(&book, NULL, at("2026-01-03T06:00:00Z")),
                     at("2026-01-04T18:00:00Z"));
}

static void hours_are_those_of_the_zone(void **unused)
{
    (void)unused;
    struct err err;
    struct tz *madrid = tz_load("Europe/Madrid", &err);
    if (madrid == NULL)
        skip();
    struct active_span span = {WORKDAYS | SAT | SUN, 2 * 60 + 30, 4 * 60};
    struct runbook_spec book = book_of(&span, 1);
    assert_true(active_now(&book, madrid, at("2026-01-02T01:30:00Z")));
    assert_false(active_now(&book, madrid, at("2026-01-02T03:30:00Z")));
    /* 2026-03-29 has no 02:30 there: the clock jumps at 01:00 UTC. */
    assert_int_equal(active_next(&book, madrid, at("2026-03-28T12:00:00Z")),
                     at("2026-03-29T01:00:00Z"));
    assert_true(active_now(&book, madrid, at("2026-03-29T01:00:00Z")));
    tz_free(madrid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_spans_it_is_always_active),
        cmocka_unit_test(office_hours),
        cmocka_unit_test(a_span_may_go_over_midnight),
        cmocka_unit_test(hours_are_those_of_the_zone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

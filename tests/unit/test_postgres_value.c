/* tests/unit/test_postgres_value.c: intervals and times, as a server writes
 * them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "postgres/value.h"

#define SECOND 1000000000ll
#define DAY    (86400 * SECOND)

static int64_t interval(const char *text)
{
    int64_t ns = 0;
    if (!value_interval(text, &ns))
        fail_msg("%s is no interval", text);
    return ns;
}

static void intervals(void **state)
{
    (void)state;
    assert_int_equal(interval("PT0S"), 0);
    assert_int_equal(interval("PT1.5S"), SECOND * 3 / 2);
    assert_int_equal(interval("PT-0.000001S"), -1000);
    assert_int_equal(interval("P1DT2H3M4S"), DAY + 7384 * SECOND);
    assert_int_equal(interval("P-1DT1H"), -DAY + 3600 * SECOND);
    assert_int_equal(interval("P1M"), 30 * DAY);
    assert_int_equal(interval("P1Y"), 365 * DAY + DAY / 4);
    assert_int_equal(interval("PT1M"), 60 * SECOND);
}

static void what_is_no_interval(void **state)
{
    static const char *const texts[] = {"",      "1 day",  "P1",  "P1X",
                                        "PT5",   "P T1S?", "PxD", "P9999Y",
                                        "PinfD", "PnanD"};
    int64_t ns;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (value_interval(texts[i], &ns))
            fail_msg("\"%s\" is taken for %lld", texts[i], (long long)ns);
}

static int64_t moment(const char *text)
{
    int64_t us = 0;
    if (!value_time(text, &us))
        fail_msg("%s is no time", text);
    return us;
}

static void times(void **state)
{
    (void)state;
    assert_int_equal(moment("1970-01-01 00:00:00+00"), 0);
    assert_int_equal(moment("1970-01-02"), 86400000000);
    assert_int_equal(moment("1970-01-01 00:00:00.25+00"), 250000);
    assert_int_equal(moment("1970-01-01 02:30:00+02:30"), 0);
    assert_int_equal(moment("1969-12-31 16:00:00-08"), 0);
    assert_int_equal(moment("2026-11-28 23:45:00.000001"), 1795909500000001);
}

static void what_is_no_time(void **state)
{
    static const char *const texts[] = {"",
                                        "infinity",
                                        "-infinity",
                                        "0044-03-15 00:00:00+00 BC",
                                        "tomorrow",
                                        "2026-13-01",
                                        "2026-01-01 25:00:00",
                                        "12:00:00",
                                        "294276-12-31 23:59:59+00"};
    int64_t us;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (value_time(texts[i], &us))
            fail_msg("\"%s\" is taken for %lld", texts[i], (long long)us);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals),
        cmocka_unit_test(what_is_no_interval),
        cmocka_unit_test(times),
        cmocka_unit_test(what_is_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

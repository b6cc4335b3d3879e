/* Times as text: RFC 3339 out and in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/clock.h"

static void test_format(void **state)
{
    (void)state;
    char out[CLOCK_TEXT];
    assert_string_equal(clock_format(0, out), "1970-01-01T00:00:00.000Z");
    assert_string_equal(clock_format(-1, out), "1969-12-31T23:59:59.999Z");
    assert_string_equal(clock_format(1774656000123456, out),
                        "2026-03-28T00:00:00.123Z");
    assert_true(strlen(clock_format(INT64_MAX, out)) < CLOCK_TEXT);
    assert_true(strlen(clock_format(INT64_MIN, out)) < CLOCK_TEXT);
}

static void test_format_short(void **state)
{
    (void)state;
    char out[CLOCK_TEXT];
    setenv("TZ", "XXX-3", 1);
    tzset();
    assert_string_equal(clock_format_short(0, out), "03:00:00");
    unsetenv("TZ");
    tzset();
}

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00z", 0},
        {"1969-12-31T23:59:59.5Z", -500000},
        {"1970-01-01T01:00:00+01:00", 0},
        {"1969-12-31T18:30:00-05:30", 0},
        {"1970-01-01T00:00:00-00:00", 0},
        {"1970-01-01T00:00:00.000001Z", 1},
        {"1970-01-01T00:00:00.1234567899Z", 123456},
        {"2026-03-28T00:00:00Z", 1774656000000000},
        {"2024-02-29T00:00:00Z", 1709164800000000},
        {"2016-12-31T23:59:60Z", 1483228800000000}, /* a leap second */
        {"0001-01-01T00:00:00Z", -62135596800000000},
        {"9999-12-31T23:59:59Z", 253402300799000000},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t us = -1;
        if (!clock_parse(rows[i].text, &us))
            fail_msg("\"%s\" was refused", rows[i].text);
        if (us != rows[i].us)
            fail_msg("%s: %lld, expected %lld", rows[i].text, (long long)us,
                     (long long)rows[i].us);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "now",
        "2026-03-28",
        "2026-03-28T00:00:00",
        "2026-03-28 00:00:00Z",
        "2026-3-8T1:2:3Z",
        " 2026-03-28T00:00:00Z",
        "2026-03-28T00:00:00Z ",
        "2026-02-30T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00,5Z",
        "2026-01-01T00:00:00+0100",
        "2026-01-01T00:00:00+ 1:00",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+01:60",
        "2026-01-01T00:00:00+01:00x",
        "+026-01-01T00:00:00Z",
    };
    int64_t us = 0;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (clock_parse(bad[i], &us))
            fail_msg("\"%s\" was accepted as %lld", bad[i], (long long)us);
}

static void test_round_trip(void **state)
{
    (void)state;
    char out[CLOCK_TEXT];
    for (int64_t s = -62135596800; s < 253402300800; s += 987654321) {
        int64_t us = s * US_PER_S + 123000, back = 0;
        if (!clock_parse(clock_format(us, out), &back))
            fail_msg("\"%s\" was refused", out);
        assert_int_equal(back, us);
    }
}

static void test_clocks_go_on(void **state)
{
    (void)state;
    int64_t a = clock_mono_ns(), b = clock_mono_ns();
    assert_true(b >= a);
    struct now now = clock_now();
    assert_true(now.mono_ns >= b);
    assert_true(now.wall_us > 1600000000 * US_PER_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_format_short),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_clocks_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

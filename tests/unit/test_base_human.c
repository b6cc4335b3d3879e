/* Durations and sizes: what is read, what is refused and with which
 * suggestion, and that printing is what reading accepts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/human.h"

struct good {
    const char *text;
    int64_t value;
};

typedef bool parse_fn(const char *, int64_t *, struct err *);

static void check_good(parse_fn *parse, const struct good *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int64_t value = -1;
        struct err err = {0};
        if (!parse(rows[i].text, &value, &err))
            fail_msg("%s", err.text);
        if (value != rows[i].value)
            fail_msg("%s: %lld, expected %lld", rows[i].text, (long long)value,
                     (long long)rows[i].value);
    }
}

/* Refuses with an example, or with a suggestion that is accepted. */
static void check_refused(parse_fn *parse, const char *text)
{
    int64_t value;
    struct err err = {0};
    char meant[64];
    if (parse(text, &value, &err))
        fail_msg("\"%s\" was accepted as %lld", text, (long long)value);
    assert_int_equal(err.code, ERR_CONFIG);
    const char *at = strstr(err.text, "did you mean \"");
    if (at == NULL) {
        if (strstr(err.text, "such as \"") == NULL)
            fail_msg("no suggestion in \"%s\"", err.text);
        return;
    }
    assert_int_equal(sscanf(at, "did you mean \"%63[^\"]", meant), 1);
    assert_string_not_equal(meant, text);
    if (!parse(meant, &value, NULL))
        fail_msg("\"%s\" suggests \"%s\", which is refused", text, meant);
}

static void test_durations(void **state)
{
    (void)state;
    static const struct good rows[] = {
        {"0", 0},
        {"0s", 0},
        {"7ns", 7},
        {"250us", 250 * NS_PER_US},
        {"250ms", 250 * NS_PER_MS},
        {"30s", 30 * NS_PER_S},
        {"5m", 300 * NS_PER_S},
        {"1h30m", 5400 * NS_PER_S},
        {"1.5h", 5400 * NS_PER_S},
        {".5s", NS_PER_S / 2},
        {"14d", 14 * 86400 * NS_PER_S},
        {"2w", 14 * 86400 * NS_PER_S},
        {"1d2h3m4s5ms", 93784 * NS_PER_S + 5 * NS_PER_MS},
    };
    check_good(human_parse_duration, rows, ARRAY_LEN(rows));
}

static void test_refused_durations(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",           "5",    "5x",
        "10 seconds", "5min", "2 hrs",
        "-5s",        "s",    "1.2.3s",
        "0x10s",      "1e3s", "5 m",
        " 5m",        "5m ",  "inf",
        "nan",        "1h30", "99999999999999999w",
        "9999999w",   "5S",   "5\xc2\xb5s",
        "..s",        "1,5s"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        check_refused(human_parse_duration, bad[i]);
}

static void check_message(parse_fn *parse, const char *text,
                          const char *expected)
{
    int64_t value;
    struct err err = {0};
    assert_false(parse(text, &value, &err));
    assert_string_equal(err.text, expected);
}

static void test_suggestions(void **state)
{
    (void)state;
    parse_fn *duration = human_parse_duration, *size = human_parse_size;
    check_message(duration, "30",
                  "\"30\" is not a duration; did you mean \"30s\"?");
    check_message(duration, "10 seconds",
                  "\"10 seconds\" is not a duration; did you mean \"10s\"?");
    check_message(duration, "5min",
                  "\"5min\" is not a duration; did you mean \"5m\"?");
    check_message(duration, "5 millis",
                  "\"5 millis\" is not a duration; did you mean \"5ms\"?");
    check_message(duration, "soon",
                  "\"soon\" is not a duration such as \"30s\" or \"5m\"");
    check_message(size, "10k",
                  "\"10k\" is not a size; did you mean \"10KiB\"?");
    check_message(size, "4 KiB",
                  "\"4 KiB\" is not a size; did you mean \"4KiB\"?");
    check_message(size, "2G", "\"2G\" is not a size; did you mean \"2GiB\"?");
    check_message(size, "big",
                  "\"big\" is not a size such as \"64KiB\" or \"1MiB\"");
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct good rows[] = {
        {"0", 0},          {"512", 512},
        {"512B", 512},     {"4KiB", 4096},
        {"1MiB", 1048576}, {"2GB", 2000000000},
        {"1.5KiB", 1536},  {"1TiB", INT64_C(1) << 40},
        {"1KB", 1000},
    };
    check_good(human_parse_size, rows, ARRAY_LEN(rows));
}

static void test_refused_sizes(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "-1",
                                      "1.5",
                                      "0x10",
                                      "1e3",
                                      "4 KiB",
                                      "4kib",
                                      "10k",
                                      "KiB",
                                      "1XB",
                                      "99999999999999999999",
                                      "9999999999TiB"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        check_refused(human_parse_size, bad[i]);
}

static void test_units(void **state)
{
    (void)state;
    int64_t factor = 0;
    assert_true(human_duration_unit("ms", 2, &factor));
    assert_int_equal(factor, NS_PER_MS);
    assert_true(human_duration_unit("mx", 1, &factor));
    assert_int_equal(factor, 60 * NS_PER_S);
    assert_false(human_duration_unit("MiB", 3, &factor));
    assert_false(human_duration_unit("", 0, &factor));
    assert_true(human_size_unit("KiB", 3, &factor));
    assert_int_equal(factor, 1024);
}

static void test_printing(void **state)
{
    (void)state;
    char out[HUMAN_TEXT];
    static const struct good durations[] = {
        {"0s", 0},
        {"1ns", 1},
        {"999ns", 999},
        {"1us", 1000},
        {"1.23ms", 1234567},
        {"250ms", 250 * NS_PER_MS},
        {"1.5s", 1500 * NS_PER_MS},
        {"1m30s", 90 * NS_PER_S},
        {"14d", 14 * 86400 * NS_PER_S},
        {"1d1s", 86401 * NS_PER_S},
        {"-5s", -5 * NS_PER_S},
    };
    for (size_t i = 0; i < ARRAY_LEN(durations); i++)
        assert_string_equal(human_duration(durations[i].value, out),
                            durations[i].text);
    assert_string_equal(human_elapsed(14200 * NS_PER_MS, out), "14.2s");
    assert_string_equal(human_elapsed(185 * NS_PER_S, out), "3m 5s");
    assert_string_equal(human_elapsed(7800 * NS_PER_S, out), "2h 10m");
    assert_string_equal(human_elapsed(442800 * NS_PER_S, out), "5d 3h");
    assert_string_equal(human_size(0, out), "0B");
    assert_string_equal(human_size(1536, out), "1.5KiB");
    assert_string_equal(human_size(1 << 20, out), "1MiB");
    human_duration(INT64_MIN, out);
    human_duration(INT64_MAX, out);
    human_size(INT64_MAX, out);
    human_elapsed(INT64_MAX, out);
}

/* Short ones exactly, all to three digits (whole seconds from a minute on). */
static void test_counts(void **state)
{
    (void)state;
    char out[HUMAN_TEXT];
    assert_string_equal(human_count(0, "check", out), "0 checks");
    assert_string_equal(human_count(1, "check", out), "1 check");
    assert_string_equal(human_count(1000, "check", out), "1000 checks");
}

static void test_round_trips(void **state)
{
    (void)state;
    char out[HUMAN_TEXT];
    uint64_t seed = 42;
    for (int i = 0; i < 20000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        int64_t value = (int64_t)(seed >> (2 + seed % 61)), back = -1;
        int64_t slack = value < 60 * NS_PER_S ? value / 200 + 1 : NS_PER_S;
        assert_true(
            human_parse_duration(human_duration(value, out), &back, NULL));
        if (back < value - slack || back > value + slack)
            fail_msg("%lld reads back from \"%s\" as %lld", (long long)value,
                     out, (long long)back);
        if (!human_parse_size(human_size(value, out), &back, NULL))
            fail_msg("\"%s\" is not read back", out);
        slack = value / 200 + 1;
        if (back < value - slack || back > value + slack)
            fail_msg("%lld reads back from \"%s\" as %lld", (long long)value,
                     out, (long long)back);
    }
    for (int64_t s = 1; s < 200000; s += 61) {
        int64_t back = -1;
        human_duration(s * NS_PER_S, out);
        if (s < 60)
            continue;
        assert_true(human_parse_duration(out, &back, NULL));
        assert_int_equal(back, s * NS_PER_S);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_refused_durations),
        cmocka_unit_test(test_suggestions),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_refused_sizes),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_printing),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

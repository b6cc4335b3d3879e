/* Time zones: real ones against the C library, and made-up TZif files for what
 * no real one has, broken ones among them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/civil.h"
#include "base/clock.h"
#include "base/str.h"
#include "base/tz.h"

/* ------------------------------------------------------------- helpers --- */

static struct tz *zone(const char *name)
{
    struct err err = {0};
    struct tz *z = tz_load(name, &err);
    if (z == NULL && err.code == ERR_NOT_FOUND) {
        print_message("skipped: %s (tzdata)\n", err.text);
        skip();
    }
    if (z == NULL)
        fail_msg("%s", err.text);
    return z;
}

static int64_t seconds(const char *text)
{
    int64_t us = 0;
    if (!clock_parse(text, &us))
        fail_msg("\"%s\" is not a time", text);
    return us / US_PER_S;
}

static void add_be(struct buf *b, int64_t value, int width)
{
    for (int shift = 8 * (width - 1); shift >= 0; shift -= 8)
        buf_addc(b, (char)(value >> shift & 0xff));
}

static void add_header(struct buf *b, char version, int times, int types,
                       int chars)
{
    buf_add(b, "TZif", 4);
    buf_addc(b, version);
    for (int i = 0; i < 15; i++)
        buf_addc(b, 0);
    const int counts[] = {0, 0, 0, times, types, chars};
    for (size_t i = 0; i < 6; i++)
        add_be(b, counts[i], 4);
}

/* A zone "AAA" at +1 h that becomes "BBB" at +2 h at second 1000, then the
 * footer (NULL: a file of version 1). */
static void make_file(struct buf *b, const char *footer)
{
    int width = footer != NULL ? 8 : 4;
    if (footer != NULL)
        add_header(b, '2', 0, 0, 0);
    add_header(b, footer != NULL ? '2' : '\0', 1, 2, 8);
    add_be(b, 1000, width);
    buf_addc(b, 1);
    add_be(b, 3600, 4);
    buf_add(b, "\0\0", 2);
    add_be(b, 7200, 4);
    buf_add(b, "\1\4", 2);
    buf_add(b, "AAA\0BBB\0", 8);
    if (footer != NULL)
        buf_addf(b, "\n%s\n", footer);
}

static struct tz *made(const char *footer)
{
    struct buf b = {0};
    struct err err = {0};
    make_file(&b, footer);
    struct tz *z = tz_parse("Made/Up", b.data, b.len, &err);
    buf_free(&b);
    if (z == NULL)
        fail_msg("%s", err.text);
    return z;
}

static void check_local(const struct tz *z, const char *local, enum tz_fit fit,
                        const char *first, const char *last)
{
    char a[TZ_TEXT], b[TZ_TEXT];
    int64_t first_s, last_s;
    assert_int_equal(tz_from_local(z, seconds(local), &first_s, &last_s), fit);
    assert_string_equal(tz_format(z, first_s, a, sizeof a), first);
    assert_string_equal(tz_format(z, last_s, b, sizeof b), last);
}

/* --------------------------------------------------------------- dates --- */

static void test_civil_dates(void **state)
{
    (void)state;
    for (int64_t days = -800000; days < 3000000; days += 367) {
        struct civil c = civil_from_days(days);
        time_t t = (time_t)(days * CIVIL_DAY_S);
        struct tm tm;
        gmtime_r(&t, &tm);
        assert_int_equal(c.year, tm.tm_year + 1900);
        assert_int_equal(c.month, tm.tm_mon + 1);
        assert_int_equal(c.day, tm.tm_mday);
        assert_int_equal(civil_weekday(days), tm.tm_wday);
        assert_int_equal(civil_to_days(c.year, c.month, c.day), days);
    }
    assert_int_equal(civil_month_days(2000, 2), 29);
    assert_int_equal(civil_month_days(2100, 2), 28);
    assert_int_equal(civil_floor_div(-1, 60), -1);
    assert_int_equal(civil_floor_div(-60, 60), -1);
}

/* --------------------------------------------------------------- names --- */

static void test_utc_needs_no_file(void **state)
{
    (void)state;
    char text[TZ_TEXT];
    struct tz *z = tz_load("UTC", NULL);
    assert_non_null(z);
    assert_string_equal(tz_format(z, 0, text, sizeof text),
                        "1970-01-01T00:00:00Z");
    assert_string_equal(tz_format(NULL, -1, text, sizeof text),
                        "1969-12-31T23:59:59Z");
    assert_string_equal(tz_name(NULL), "UTC");
    assert_int_equal(tz_span(z, 0).end_s, INT64_MAX);
    tz_free(z);
    tz_free(NULL);
}

static void test_fixed_offsets(void **state)
{
    (void)state;
    char text[TZ_TEXT];
    struct tz *z = tz_load("-03:30", NULL);
    assert_non_null(z);
    assert_int_equal(tz_offset(z, 0), -12600);
    assert_string_equal(tz_format(z, 0, text, sizeof text),
                        "1969-12-31T20:30:00-03:30");
    tz_free(z);
    assert_null(tz_load("+24:00", NULL));
    assert_null(tz_load("+1:00", NULL));
}

static void check_refused(const char *name, enum err_code code,
                          const char *expected)
{
    struct err err = {0};
    struct tz *z = tz_load(name, &err);
    if (z != NULL)
        fail_msg("\"%s\" was accepted", name);
    if (strstr(err.text, expected) == NULL)
        fail_msg("expected \"%s\" in \"%s\"", expected, err.text);
    assert_int_equal(err.code, code);
}

static void test_bad_names(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "/etc/passwd",
        "../../../etc/passwd",
        "Europe/../Europe/Madrid",
        "a b",
        "Europe/",
        "zone.tab",
        "Europe/Madrid\n",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        check_refused(bad[i], ERR_CONFIG, "is not a time zone such as");
    check_refused("Nowhere/Atall", ERR_NOT_FOUND, "no time zone");
    check_refused("Europe", ERR_NOT_FOUND, "no time zone");
}

static void test_suggestions(void **state)
{
    (void)state;
    tz_free(zone("Europe/Madrid"));
    check_refused("Europe/Madird", ERR_NOT_FOUND, "mean \"Europe/Madrid\"?");
    check_refused("europe/madrid", ERR_NOT_FOUND, "mean \"Europe/Madrid\"?");
    check_refused("Madrid", ERR_NOT_FOUND, "mean \"Europe/Madrid\"?");
    check_refused("buenos_aires", ERR_NOT_FOUND,
                  "mean \"America/Argentina/Buenos_Aires\"?");
}

/* $TZDIR is honoured, and what is not a zone in it is refused. */
static void test_other_folder(void **state)
{
    (void)state;
    char dir[] = "/tmp/relevo-tz-XXXXXX", path[64];
    struct buf b = {0};
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/Mine", dir);
    make_file(&b, "BBB-2");
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fwrite(b.data, 1, b.len, f);
    fclose(f);
    setenv("TZDIR", dir, 1);
    struct tz *z = tz_load("Mine", NULL);
    assert_non_null(z);
    assert_int_equal(tz_offset(z, 2000), 7200);
    tz_free(z);
    assert_int_equal(truncate(path, 60), 0);
    check_refused("Mine", ERR_PROTOCOL, "time zone Mine: the file has");
    assert_int_equal(truncate(path, 0), 0);
    check_refused("Mine", ERR_PROTOCOL, "another format than TZif");
    check_refused("Europe/Madrid", ERR_NOT_FOUND, dir);
    unsetenv("TZDIR");
    unlink(path);
    rmdir(dir);
    buf_free(&b);
}

/* ---------------------------------------------------------- real zones --- */

static void test_against_the_c_library(void **state)
{
    (void)state;
    static const char *const names[] = {
        "Europe/Madrid",     "America/New_York",  "Australia/Lord_Howe",
        "Pacific/Apia",      "Europe/Dublin",     "Africa/Casablanca",
        "America/Sao_Paulo", "Antarctica/Troll",  "Asia/Kathmandu",
        "America/Nuuk",      "Pacific/Kwajalein", "Asia/Jerusalem",
        "Africa/Cairo",      "Pacific/Chatham",   "America/Santiago"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct tz *z = zone(names[i]);
        setenv("TZ", names[i], 1);
        tzset();
        for (int64_t t = -3000000000; t < 14000000000; t += 2600001) {
            struct tm tm;
            time_t at = (time_t)t;
            struct tz_span span = tz_span(z, t);
            localtime_r(&at, &tm);
            if (span.offset_s != tm.tm_gmtoff ||
                span.is_dst != (tm.tm_isdst > 0) ||
                strcmp(span.abbreviation, tm.tm_zone) != 0)
                fail_msg("%s at %lld: %d %d %s, expected %ld %d %s", names[i],
                         (long long)t, span.offset_s, span.is_dst,
                         span.abbreviation, tm.tm_gmtoff, tm.tm_isdst,
                         tm.tm_zone);
            assert_true(span.begin_s <= t && t < span.end_s);
        }
        tz_free(z);
    }
    unsetenv("TZ");
    tzset();
}

/* The seconds around every change of a zone. */
static void test_spans_meet_at_changes(void **state)
{
    (void)state;
    struct tz *z = zone("Europe/Madrid");
    setenv("TZ", "Europe/Madrid", 1);
    tzset();
    int changes = 0;
    int64_t t = tz_span(z, INT64_MIN).end_s;
    for (; t < 33000000000; t = tz_span(z, t).end_s, changes++)
        for (int64_t at = t - 1; at <= t; at++) {
            struct tm tm;
            localtime_r(&(time_t){at}, &tm);
            assert_int_equal(tz_offset(z, at), tm.tm_gmtoff);
        }
    assert_true(changes > 2 * (3015 - 1980));
    unsetenv("TZ");
    tzset();
    tz_free(z);
}

static void test_local_times(void **state)
{
    (void)state;
    struct tz *z = zone("Europe/Madrid");
    check_local(z, "2026-03-29T01:59:59Z", TZ_ONCE, "2026-03-29T01:59:59+01:00",
                "2026-03-29T01:59:59+01:00");
    check_local(z, "2026-03-29T02:00:00Z", TZ_SKIPPED,
                "2026-03-29T03:00:00+02:00", "2026-03-29T03:00:00+02:00");
    check_local(z, "2026-03-29T02:59:59Z", TZ_SKIPPED,
                "2026-03-29T03:00:00+02:00", "2026-03-29T03:00:00+02:00");
    check_local(z, "2026-03-29T03:00:00Z", TZ_ONCE, "2026-03-29T03:00:00+02:00",
                "2026-03-29T03:00:00+02:00");
    check_local(z, "2026-10-25T01:59:59Z", TZ_ONCE, "2026-10-25T01:59:59+02:00",
                "2026-10-25T01:59:59+02:00");
    check_local(z, "2026-10-25T02:00:00Z", TZ_REPEATED,
                "2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00");
    check_local(z, "2026-10-25T03:00:00Z", TZ_ONCE, "2026-10-25T03:00:00+01:00",
                "2026-10-25T03:00:00+01:00");
    check_local(z, "2400-07-01T00:00:00Z", TZ_ONCE, "2400-07-01T00:00:00+02:00",
                "2400-07-01T00:00:00+02:00");
    tz_free(z);
}

static void test_format_odd_offsets(void **state)
{
    (void)state;
    char text[TZ_TEXT];
    struct tz *z = zone("Europe/Madrid");
    /* Local mean time, -0:14:44: not to be had in RFC 3339. */
    assert_int_equal(tz_offset(z, seconds("1890-01-01T00:00:00Z")), -884);
    assert_string_equal(
        tz_format(z, seconds("1890-01-01T00:00:00Z"), text, sizeof text),
        "1890-01-01T00:00:00Z");
    tz_format(z, INT64_MAX, text, sizeof text);
    tz_format(z, INT64_MIN, text, sizeof text);
    char small[8];
    assert_string_equal(tz_format(z, 0, small, sizeof small), "1970-01");
    tz_free(z);
}

/* --------------------------------------------------- files and footers --- */

static void test_version_1(void **state)
{
    (void)state;
    struct tz *z = made(NULL);
    assert_int_equal(tz_offset(z, INT64_MIN), 3600);
    assert_int_equal(tz_offset(z, 999), 3600);
    assert_int_equal(tz_offset(z, 1000), 7200);
    assert_int_equal(tz_offset(z, INT64_MAX), 7200);
    assert_string_equal(tz_span(z, 0).abbreviation, "AAA");
    assert_string_equal(tz_span(z, 5000).abbreviation, "BBB");
    tz_free(z);
}

static void test_footers(void **state)
{
    (void)state;
    // clang-format off
    static const struct { const char *footer, *at; int offset; } rows[] = {
        {"", "2030-01-01T00:00:00Z", 7200},
        {"BBB-2", "2030-07-01T00:00:00Z", 7200},
        {"<+0530>-5:30", "2030-07-01T00:00:00Z", 19800},
        {"EST5EDT,M3.2.0,M11.1.0", "2031-03-09T06:59:59Z", -18000},
        {"EST5EDT,M3.2.0,M11.1.0", "2031-03-09T07:00:00Z", -14400},
        {"EST5EDT,M3.2.0,M11.1.0", "2031-11-02T06:00:00Z", -18000},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", "2031-01-01T00:00:00Z", 0},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", "2031-07-01T00:00:00Z", 3600},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2031-03-30T00:59:59Z", -7200},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2031-03-30T01:00:00Z", -3600},
        {"IST-2IDT,M3.4.4/26,M10.5.0", "2031-03-27T23:59:59Z", 7200},
        {"IST-2IDT,M3.4.4/26,M10.5.0", "2031-03-28T00:00:00Z", 10800},
        {"AAA0BBB,J60/0,J300/0", "2032-02-29T23:59:59Z", 0},
        {"AAA0BBB,J60/0,J300/0", "2032-03-01T00:00:00Z", 3600},
        {"AAA0BBB,59/0,300/0", "2032-02-28T23:59:59Z", 0},
        {"AAA0BBB,59/0,300/0", "2032-02-29T00:00:00Z", 3600},
        {"XXX3EDT4,0/0,J365/23", "2031-12-31T23:59:59Z", -14400},
        {"XXX3EDT4,0/0,J365/23", "2032-01-01T04:00:00Z", -14400},
        {"AAA0BBB,0/-167,200/0", "2030-12-26T00:00:00Z", 3600},
        {"AAA0BBB,0/-167,200/0", "2030-12-25T00:00:00Z", 0},
    };
    // clang-format on
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct tz *z = made(rows[i].footer);
        int got = tz_offset(z, seconds(rows[i].at));
        if (got != rows[i].offset)
            fail_msg("%s at %s: %d, expected %d", rows[i].footer, rows[i].at,
                     got, rows[i].offset);
        assert_int_equal(tz_offset(z, 500), 3600);
        tz_free(z);
    }
}

static void test_broken_footers(void **state)
{
    (void)state;
    static const char *const bad[] = {"X",
                                      "AA0",
                                      "AAA",
                                      "AAA25",
                                      "AAA0BBB",
                                      "AAA0BBB,J0,J1",
                                      "AAA0BBB,1",
                                      "AAA0BBB,366,1",
                                      "AAA0BBB,M13.1.0,1",
                                      "AAA0BBB,M1.6.0,1",
                                      "AAA0BBB,M1.1.7,1",
                                      "AAA0BBB,1/168,2",
                                      "AAA0BBB,1,2,3",
                                      "<AAA0",
                                      "AAA0:60",
                                      "AAA0:",
                                      "<>0",
                                      "AAAAAAAAAAAAAAAAAAAA0"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct buf b = {0};
        struct err err = {0};
        make_file(&b, bad[i]);
        struct tz *z = tz_parse("Made/Up", b.data, b.len, &err);
        if (z != NULL)
            fail_msg("footer \"%s\" was accepted", bad[i]);
        assert_non_null(strstr(err.text, "footer"));
        buf_free(&b);
    }
}

/* Cut anywhere it is refused; changed anywhere it does no harm. */
static void test_broken_files(void **state)
{
    (void)state;
    struct buf b = {0};
    make_file(&b, "EST5EDT,M3.2.0,M11.1.0");
    for (size_t n = 0; n < b.len; n++) {
        char *cut = malloc(n + 1);
        memcpy(cut, b.data, n);
        struct tz *z = tz_parse("cut", cut, n, NULL);
        if (z != NULL)
            fail_msg("accepted when cut to %zu bytes", n);
        free(cut);
    }
    static const char values[] = {0, 1, 127, (char)128, (char)255};
    for (size_t i = 0; i < b.len * ARRAY_LEN(values); i++) {
        char old = b.data[i / ARRAY_LEN(values)];
        b.data[i / ARRAY_LEN(values)] = values[i % ARRAY_LEN(values)];
        struct tz *z = tz_parse("changed", b.data, b.len, NULL);
        int64_t first, last;
        for (int64_t t = -5000000000; z && t < 5000000000; t += 100000000)
            tz_from_local(z, t, &first, &last);
        tz_free(z);
        b.data[i / ARRAY_LEN(values)] = old;
    }
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_civil_dates),
        cmocka_unit_test(test_utc_needs_no_file),
        cmocka_unit_test(test_fixed_offsets),
        cmocka_unit_test(test_bad_names),
        cmocka_unit_test(test_suggestions),
        cmocka_unit_test(test_other_folder),
        cmocka_unit_test(test_against_the_c_library),
        cmocka_unit_test(test_spans_meet_at_changes),
        cmocka_unit_test(test_local_times),
        cmocka_unit_test(test_format_odd_offsets),
        cmocka_unit_test(test_version_1),
        cmocka_unit_test(test_footers),
        cmocka_unit_test(test_broken_footers),
        cmocka_unit_test(test_broken_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Cron expressions: the dialect, its errors, the clock's jumps, and the rows
 * of three public test suites (shared/vectors/cron, skipped where absent). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/cron.h"

/* ------------------------------------------------------------- helpers --- */

static struct tz *zone(const char *name)
{
    struct err err = {0};
    struct tz *tz = tz_load(name, &err);
    if (tz == NULL && err.code == ERR_NOT_FOUND) {
        print_message("skipped: %s (tzdata)\n", err.text);
        skip();
    }
    if (tz == NULL)
        fail_msg("%s", err.text);
    return tz;
}

static int64_t seconds(const char *text)
{
    int64_t us = 0;
    if (!clock_parse(text, &us))
        fail_msg("\"%s\" is not a time", text);
    return us / US_PER_S;
}

static struct cron parsed(const char *text)
{
    struct cron c = {0};
    struct err err = {0};
    if (!cron_parse(text, &c, &err))
        fail_msg("%s", err.text);
    return c;
}

/* Checks the times that follow `from`; the list ends with NULL. */
static void check_times(const char *text, const char *zone_name,
                        const char *from, const char *const *expected)
{
    struct tz *tz = zone(zone_name);
    struct cron c = parsed(text);
    int64_t t = seconds(from);
    for (; *expected != NULL; expected++) {
        char shown[TZ_TEXT] = "never";
        t = cron_next(&c, tz, t);
        if (t != CRON_NEVER)
            tz_format(tz, t, shown, sizeof shown);
        assert_string_equal(shown, *expected);
    }
    tz_free(tz);
}

#define CHECK_TIMES(text, zone_name, from, ...) \
    check_times(text, zone_name, from, (const char *[]){__VA_ARGS__, NULL})

/* --------------------------------------------------------- the dialect --- */

static void test_fields(void **state)
{
    (void)state;
    struct cron c = parsed("*/20,7 8-10 1,31 jan,Mar-APR sat-sun");
    assert_int_equal(c.minutes, 1 | 1 << 7 | 1 << 20 | INT64_C(1) << 40);
    assert_int_equal(c.hours, 7 << 8);
    assert_int_equal(c.days, 1 << 1 | INT64_C(1) << 31);
    assert_int_equal(c.months, 1 << 1 | 1 << 3 | 1 << 4);
    assert_int_equal(c.weekdays, 1 | 1 << 6);
    assert_true(c.follows_wall);
    assert_false(c.both_days);
}

static void test_equal_forms(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"@hourly", "0 * * * *"},
        {"@daily", "0 0 * * *"},
        {"@midnight", " @DAILY "},
        {"@weekly", "0 0 * * 7"},
        {"@monthly", "0\t0 1  * *"},
        {"@yearly", "0 0 1 1 *"},
        {"@annually", "0 0 1 JAN *"},
        {"5/15 * * * *", "5,20,35,50 * * * *"},
        {"0 0 * * 0/3", "0 0 * * 0,3,6"},
        {"0 0 * * 7/3", "0 0 * * SUN/3"},
        {"0 0 * * 5-7", "0 0 * * FRI-SUN"},
        {"0 0 * * 1/2", "0 0 * * 1,3,5"},
        {"0 0 * * 0-7", "0 0 * * SUN-SAT"},
        {"1-9/4 * * * *", "1,5,9 * * * *"},
        {"*/70 * * * *", "*/60 * * * *"},
        {"0 0 * * MON-SUN", "0 0 * * 0-6"},
    };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct cron a = parsed(pairs[i][0]), b = parsed(pairs[i][1]);
        if (!cron_equal(&a, &b))
            fail_msg("\"%s\" is not \"%s\"", pairs[i][0], pairs[i][1]);
    }
}

/* Each error names the field, the value and what is allowed. */
static void test_errors(void **state)
{
    (void)state;
    // clang-format off
    static const struct { const char *text, *expected; } rows[] = {
        {"61 * * * *", "cron \"61 * * * *\": minute: 61 is out of range; allowed are 0-59"},
        {"0 24 * * *", "hour: 24 is out of range; allowed are 0-23 (midnight is 0)"},
        {"0 0 0 * *", "day of month: 0 is out of range; allowed are 1-31"},
        {"0 0 1 13 *", "month: 13 is out of range; allowed are 1-12 or JAN-DEC"},
        {"0 0 * * 8", "day of week: 8 is out of range; allowed are 0-7 or SUN-SAT"},
        {"0 0 * * 99999999999999999999", "day of week: 99999999999999999999 is out of range"},
        {"-1 * * * *", "minute: a value is missing"},
        {"1, * * * *", "minute: a value is missing"},
        {"!!!!!!!!!!!! * * * *", "minute: \"!!!!!!!!!!!!\" is not a value"},
        {"x * * * *", "minute: \"x\" is not a value; allowed are 0-59"},
        {"* JAN * * *", "hour: \"JAN\" is not a value"},
        {"0 0 * JANUARY *", "month: \"JANUARY\" is not a value; did you mean \"JAN\"?"},
        {"0 0 * * wednesday", "did you mean \"WED\"?"},
        {"*/0 * * * *", "minute: \"0\" is not a step in \"*/0\"; a step is a whole number from 1"},
        {"*/ * * * *", "minute: \"\" is not a step in \"*/\""},
        {"1//2 * * * *", "minute: \"/2\" is not a step in \"1//2\""},
        {"0 0 * * FRI-MON", "day of week: \"FRI-MON\" runs backwards; did you mean \"5-6,0-1\"?"},
        {"0 0 * * 7-1", "did you mean \"0-1\"?"},
        {"0 22-2 * * *", "hour: \"22-2\" runs backwards; did you mean \"22-23,0-2\"?"},
        {"0 0 9 * * 1", "this has 6 fields; Relevo's cron has 5 (no seconds); did you mean \"0 9 * * 1\"?"},
        {"0 0 9 ? * MON", "did you mean \"0 9 * * MON\"?"},
        {"0 0 9 L * ?", "this has 6 fields; Relevo's cron has 5 (no seconds)"},
        {"* * *", "this has 3 fields; cron has 5: minute, hour, day of month"},
        {"* * * * * * *", "this has 7 fields"},
        {"", "this has 0 fields"},
        {"x", "this has 1 field;"},
        {"@dayly", "did you mean \"@daily\"?"},
        {"@reboot", "unknown nickname; there are @hourly @daily"},
        {"@every 5m", "use the option \"interval\""},
        {"TZ=UTC 0 0 * * *", "use the option \"timezone\""},
        {"0 0 ? * *", "day of month: \"?\": '?' is an extension of other crons"},
        {"0 0 L * *", "day of month: \"L\": 'L' is an extension"},
        {"0 0 15W * *", "day of month: \"15W\": 'W' is an extension"},
        {"0 0 LW * *", "'L' is an extension"},
        {"0 0 * * 5L", "day of week: \"5L\": 'L' is an extension"},
        {"0 0 * * MONL", "day of week: \"MONL\": 'L' is an extension"},
        {"0 0 * * 1#2", "day of week: \"1#2\": '#' is an extension"},
        {"H * * * *", "minute: \"H\": 'H' is an extension"},
        {"0 0 30 2 *", "this would never run"},
        {"0 0 31 2,4,6,9,11 *", "this would never run"},
        {"\x1b[2J * * * *", "minute: \"\\x1b[2J\" is not a value"},
    };
    // clang-format on
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cron c;
        struct err err = {0};
        if (cron_parse(rows[i].text, &c, &err))
            fail_msg("\"%s\" was accepted", rows[i].text);
        if (strstr(err.text, rows[i].expected) == NULL)
            fail_msg("expected \"%s\" in \"%s\"", rows[i].expected, err.text);
        assert_int_equal(err.code, ERR_CONFIG);
    }
}

static void test_days_and_or(void **state)
{
    (void)state;
    CHECK_TIMES("0 0 13 * FRI", "UTC", "2026-03-01T00:00:00Z",
                "2026-03-06T00:00:00Z", "2026-03-13T00:00:00Z",
                "2026-03-20T00:00:00Z");
    CHECK_TIMES("0 9 1-7 * */7", "UTC", "2026-03-01T09:00:00Z",
                "2026-04-05T09:00:00Z", "2026-05-03T09:00:00Z");
    CHECK_TIMES("0 0 */10 * SUN", "UTC", "2026-03-01T00:00:00Z",
                "2026-05-31T00:00:00Z", "2026-06-21T00:00:00Z");
}

static void test_leap_years(void **state)
{
    (void)state;
    CHECK_TIMES("0 0 29 2 *", "UTC", "2096-02-29T00:00:00Z",
                "2104-02-29T00:00:00Z");
    CHECK_TIMES("0 0 29 2 */7", "UTC", "2088-02-29T00:00:00Z",
                "2128-02-29T00:00:00Z");
    CHECK_TIMES("59 23 31 12 *", "UTC", "1969-12-31T23:58:59Z",
                "1969-12-31T23:59:00Z", "1970-12-31T23:59:00Z");
}

static void test_strictly_after(void **state)
{
    (void)state;
    CHECK_TIMES("* * * * *", "UTC", "2026-01-01T00:00:00Z",
                "2026-01-01T00:01:00Z");
    CHECK_TIMES("* * * * *", "UTC", "2026-01-01T00:00:59Z",
                "2026-01-01T00:01:00Z");
    CHECK_TIMES("0 0 1 1 *", "UTC", "2025-12-31T23:59:59Z",
                "2026-01-01T00:00:00Z");
}

static void test_never(void **state)
{
    (void)state;
    struct cron c;
    assert_false(cron_parse("0 0 30 2 *", &c, NULL));
    assert_int_equal(cron_next(&c, NULL, 0), CRON_NEVER);
    c = parsed("* * * * *");
    assert_int_equal(cron_next(&c, NULL, INT64_MAX), CRON_NEVER);
    assert_int_equal(cron_next(&c, NULL, INT64_MIN), -62135596740);
    c = parsed("0 0 1 1 *");
    assert_int_equal(cron_next(&c, NULL, 253402300799), CRON_NEVER);
    assert_int_equal(cron_next(&c, NULL, 253370764799), 253370764800);
    /* The second Sunday of March at 2 is always skipped there. */
    struct tz *tz = zone("America/New_York");
    c = parsed("*/30 2 8-14 3 */7");
    assert_int_equal(cron_next(&c, tz, seconds("2026-01-01T00:00:00Z")),
                     CRON_NEVER);
    tz_free(tz);
}

/* --------------------------------------------------- the clock's jumps --- */

static void test_skipped_hour(void **state)
{
    (void)state;
    CHECK_TIMES("30 2 * * *", "Europe/Madrid", "2026-03-28T00:00:00Z",
                "2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00",
                "2026-03-30T02:30:00+02:00");
    CHECK_TIMES("*/30 2 * * *", "Europe/Madrid", "2026-03-28T02:00:00Z",
                "2026-03-30T02:00:00+02:00");
    CHECK_TIMES("0,20,40 2 * * *", "Europe/Madrid", "2026-03-28T12:00:00Z",
                "2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00");
}

static void test_repeated_hour(void **state)
{
    (void)state;
    CHECK_TIMES("30 2 * * *", "Europe/Madrid", "2026-10-24T12:00:00Z",
                "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00");
    CHECK_TIMES("30 * * * *", "Europe/Madrid", "2026-10-25T00:00:00Z",
                "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00",
                "2026-10-25T03:30:00+01:00");
}

static void test_far_future_by_the_rule(void **state)
{
    (void)state;
    CHECK_TIMES("30 2 29 3 *", "Europe/Madrid", "2420-04-01T00:00:00Z",
                "2421-03-29T02:30:00+02:00");
    CHECK_TIMES("0 12 1 7 *", "Europe/Madrid", "2999-01-01T00:00:00Z",
                "2999-07-01T12:00:00+02:00");
}

static void test_odd_zones(void **state)
{
    (void)state;
    /* Half an hour of summer time, and a whole day that was skipped. */
    CHECK_TIMES("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z",
                "2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00");
    CHECK_TIMES("0 6 30 12 *", "Pacific/Apia", "2011-01-01T00:00:00Z",
                "2011-12-31T00:00:00+14:00", "2012-12-30T06:00:00+14:00");
    CHECK_TIMES("0 * * * *", "Asia/Kathmandu", "2026-01-01T00:00:00Z",
                "2026-01-01T06:00:00+05:45");
}

/* What cron_next must find, one minute after the other. */
static int64_t next_slowly(const struct cron *c, const struct tz *tz,
                           int64_t after, int64_t limit)
{
    for (int64_t t = after + 60 - after % 60; t < limit; t += 60) {
        int64_t local = t + tz_offset(tz, t), shown, first, last;
        int64_t begin = tz_span(tz, t).begin_s;
        bool jumped = begin == t && tz_offset(tz, t - 1) < tz_offset(tz, t);
        int64_t from = jumped ? t + tz_offset(tz, t - 1) : local;
        for (shown = from; shown <= local; shown += 60) {
            bool skipped = shown < local;
            struct cron utc = *c;
            utc.follows_wall = true;
            if (cron_next(&utc, NULL, shown - 1) != shown)
                continue;
            if (c->follows_wall && skipped)
                continue;
            tz_from_local(tz, shown, &first, &last);
            if (c->follows_wall || skipped || first == t)
                return t;
        }
    }
    return CRON_NEVER;
}

static void test_against_every_minute(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "*/7 * * * *", "0 */2 * * *",     "10,50 1-3 * * *", "30 2 29,30 3 *",
        "0 0 * * SUN", "5 0-4/2 25 10 *", "59 1 * 3,10 0",   "* 2 * * *",
    };
    static const char *const froms[] = {"2026-03-28T20:11:00Z",
                                        "2026-10-24T21:13:00Z"};
    struct tz *tz = zone("Europe/Madrid");
    for (size_t i = 0; i < ARRAY_LEN(texts) * ARRAY_LEN(froms); i++) {
        struct cron c = parsed(texts[i / 2]);
        int64_t begin = seconds(froms[i % 2]), limit = begin + 30 * 3600;
        for (int64_t t = begin; t < limit; t += 37 * 60) {
            int64_t slow = next_slowly(&c, tz, t, limit);
            int64_t fast = cron_next(&c, tz, t);
            if (fast >= limit)
                fast = CRON_NEVER;
            if (slow != fast)
                fail_msg("\"%s\" after %lld: %lld, expected %lld", texts[i / 2],
                         (long long)t, (long long)fast, (long long)slow);
        }
    }
    tz_free(tz);
}

/* ---------------------------------------- what others expect (vectors) --- */

struct row {
    char *id, *ours, *expression, *as_5, *zone, *start, *expected;
};

/* Rows that this dialect answers otherwise, and why. */
static const struct {
    const char *id;
    enum { COUNTS_AS_STAR, SKIPPED_RUNS, REPEATED_RUNS_ONCE } why;
} otherwise[] = {
    /* robfig takes "*" with a step in a day field as a restriction (OR) */
    {"L0025", COUNTS_AS_STAR},
    {"L0043", COUNTS_AS_STAR},
    /* robfig drops what the clock skips */
    {"L0049", SKIPPED_RUNS},
    {"L0060", SKIPPED_RUNS},
    /* robfig runs fixed times twice in a repeated hour */
    {"L0062", REPEATED_RUNS_ONCE},
    {"L0067", REPEATED_RUNS_ONCE},
    {"L0077", REPEATED_RUNS_ONCE},
};

/* Rows whose start was lost on the way out of the original test. */
static const struct {
    const char *id, *start;
} starts[] = {
    {"L0303", "2021-10-31T03:58:00+03:00"},
    {"L0308", "2021-10-31T03:58:00+03:00"},
};

static bool is_otherwise(const char *id)
{
    for (size_t i = 0; i < ARRAY_LEN(otherwise); i++)
        if (strcmp(otherwise[i].id, id) == 0)
            return true;
    return false;
}

static FILE *open_vectors(void)
{
    char path[600];
    const char *dir = getenv("RELEVO_VECTORS"), *source;
    if (dir != NULL)
        snprintf(path, sizeof path, "%s/cron/cron_literal.tsv", dir);
    else if ((source = getenv("RELEVO_SOURCE")) != NULL)
        snprintf(path, sizeof path,
                 "%s/../shared/vectors/cron/cron_literal.tsv", source);
    else
        snprintf(path, sizeof path, "../shared/vectors/cron/cron_literal.tsv");
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        print_message("skipped: no %s\n", path);
        skip();
    }
    return f;
}

static bool read_row(FILE *f, char *line, int size, struct row *r)
{
    do
        if (fgets(line, size, f) == NULL)
            return false;
    while (line[0] == '#');
    line[strcspn(line, "\n")] = '\0';
    char *rest = line;
    char **columns[] = {&r->id,   &r->ours,  &r->expression, &r->as_5,
                        &r->zone, &r->start, &r->expected};
    for (size_t i = 0; i < ARRAY_LEN(columns); i++)
        if ((*columns[i] = strsep(&rest, "\t")) == NULL)
            fail_msg("%s: too few columns", line);
    return true;
}

/* Whether our answer to `text` is what the row expects. */
static bool answers(const struct row *r, const char *text)
{
    struct cron c;
    struct err err = {0};
    bool good = cron_parse(text, &c, &err);
    if (strcmp(r->expected, "INVALID") == 0)
        return !good;
    if (strcmp(r->expected, "NEVER") == 0)
        return strstr(err.text, "never") != NULL &&
               cron_next(&c, NULL, seconds(r->start)) == CRON_NEVER;
    if (!good)
        return false;
    const char *start = r->start;
    for (size_t i = 0; i < ARRAY_LEN(starts); i++)
        if (strcmp(starts[i].id, r->id) == 0)
            start = starts[i].start;
    struct tz *tz = zone(r->zone);
    int64_t next = cron_next(&c, tz, seconds(start));
    tz_free(tz);
    if (r->expected[0] == '!')
        return next != seconds(r->expected + 2);
    return next == seconds(r->expected + (r->expected[0] == '='));
}

/* Runs the rows that `pick` gives a text for; each must be answered as
 * expected, but for those that are listed above, which must not be. */
static void run_rows(const char *(*pick)(const struct row *), int passes,
                     int exceptions)
{
    char line[1024];
    struct row r;
    int passed = 0, excepted = 0;
    FILE *f = open_vectors();
    while (read_row(f, line, sizeof line, &r)) {
        const char *text = pick(&r);
        if (text == NULL)
            continue;
        bool same = answers(&r, text);
        if (same == is_otherwise(r.id))
            fail_msg("%s: \"%s\" after %s in %s: %s expected %s", r.id, text,
                     r.start, r.zone, same ? "unexpectedly as" : "not as",
                     r.expected);
        passed += same;
        excepted += !same;
    }
    fclose(f);
    assert_int_equal(passed, passes);
    assert_int_equal(excepted, exceptions);
}

static const char *pick_ours(const struct row *r)
{
    return strcmp(r->ours, "yes") == 0 ? r->expression : NULL;
}

static void test_vectors_ours(void **state)
{
    (void)state;
    run_rows(pick_ours, 230, 1);
}

static const char *pick_as_5(const struct row *r)
{
    return r->as_5[0] != '\0' ? r->as_5 : NULL;
}

static void test_vectors_as_5_fields(void **state)
{
    (void)state;
    run_rows(pick_as_5, 84, 6);
}

/* Refused, or the answer is right: "5/15" is supported. */
static const char *pick_extensions(const struct row *r)
{
    struct cron c;
    if (strcmp(r->ours, "ext") != 0)
        return NULL;
    return strcmp(r->expected, "INVALID") == 0 ||
                   cron_parse(r->expression, &c, NULL)
               ? r->expression
               : NULL;
}

static void test_vectors_extensions(void **state)
{
    (void)state;
    run_rows(pick_extensions, 87, 0);
}

static void test_vectors_six_fields_are_refused(void **state)
{
    (void)state;
    char line[1024];
    struct row r;
    struct cron c;
    int refused = 0;
    FILE *f = open_vectors();
    while (read_row(f, line, sizeof line, &r)) {
        if (strcmp(r.ours, "six") != 0)
            continue;
        if (cron_parse(r.expression, &c, NULL))
            fail_msg("%s: \"%s\" was accepted", r.id, r.expression);
        refused++;
    }
    fclose(f);
    assert_int_equal(refused, 208);
}

/* Drops the field of seconds; where that is the one in question, the one of
 * minutes, which has the same range. */
static void drop_field(char *text)
{
    char *second = text + strcspn(text, " ");
    if (text[0] != '*' || second - text > 1)
        memmove(second, second + 2, strlen(second + 2) + 1);
    else
        memmove(text, second, strlen(second) + 1);
}

static void test_vectors_same(void **state)
{
    (void)state;
    char line[1024];
    struct row r;
    struct cron a, b;
    int equal = 0, refused = 0;
    FILE *f = open_vectors();
    while (read_row(f, line, sizeof line, &r)) {
        if (!str_starts(r.expected, "SAME:"))
            continue;
        char *other = r.expected + strlen("SAME:");
        drop_field(r.expression);
        drop_field(other);
        if (!cron_parse(r.expression, &a, NULL))
            fail_msg("%s: \"%s\" was refused", r.id, r.expression);
        if (!cron_parse(other, &b, NULL)) {
            assert_non_null(strchr(other, '?'));
            refused++;
            continue;
        }
        if (a.minutes != b.minutes || a.hours != b.hours || a.days != b.days ||
            a.months != b.months || a.weekdays != b.weekdays)
            fail_msg("%s: \"%s\" is not \"%s\"", r.id, r.expression, other);
        equal++;
    }
    fclose(f);
    assert_int_equal(equal, 9);
    assert_int_equal(refused, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_equal_forms),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_days_and_or),
        cmocka_unit_test(test_leap_years),
        cmocka_unit_test(test_strictly_after),
        cmocka_unit_test(test_never),
        cmocka_unit_test(test_skipped_hour),
        cmocka_unit_test(test_repeated_hour),
        cmocka_unit_test(test_far_future_by_the_rule),
        cmocka_unit_test(test_odd_zones),
        cmocka_unit_test(test_against_every_minute),
        cmocka_unit_test(test_vectors_ours),
        cmocka_unit_test(test_vectors_as_5_fields),
        cmocka_unit_test(test_vectors_extensions),
        cmocka_unit_test(test_vectors_six_fields_are_refused),
        cmocka_unit_test(test_vectors_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* `relevo history` by period and `relevo db`, over a store that the test
 * writes: what a person reads, the JSON, exit statuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "store/store.h"
#include "test_cli_capture.h"

#define DAY (86400 * US_PER_S)

struct fixture {
    char dir[64], state[80], copy[80];
    int64_t today_us; /* its beginning, UTC */
};

static void append_result(struct store *s, uint64_t *sequence, int64_t at_us,
                          enum outcome outcome, int64_t latency_ns)
{
    struct result *r = result_new();
    r->check = 1;
    r->probe = *sequence;
    r->started_us = at_us;
    r->duration_ns = latency_ns;
    r->outcome = outcome;
    struct record record = {.kind = RECORD_RESULT, .sequence = ++*sequence};
    record.as.result = r;
    store_append(s, record_copy(&record));
    result_free(r);
}

/* Ten days, one result in 15 minutes: 10 ms, on day 5 a third of a day failing
 * and slow before; days 3 and 4 nobody watched; on day 7 an hour unknown. */
static void fill(struct fixture *f)
{
    struct store_options options = {.dir = f->state};
    struct store *s = store_open(&options, NULL);
    uint64_t sequence = 0;
    assert_non_null(s);
    struct record check = {.kind = RECORD_CHECK, .sequence = ++sequence};
    check.as.check = (struct check_row){1, "api", "", "http", 0};
    store_append(s, record_copy(&check));
    for (int day = 10; day > 0; day--)
        for (int i = 0; i < 96; i++) {
            bool failing = day == 5 && i >= 64, slow = day == 5 && i >= 32;
            if (day == 3 || day == 4)
                continue;
            append_result(s, &sequence,
                          f->today_us - day * DAY + i * 900 * US_PER_S,
                          failing             ? OUTCOME_FAIL
                          : day == 7 && i < 4 ? OUTCOME_UNKNOWN
                                              : OUTCOME_OK,
                          slow ? 400 * NS_PER_MS : 10 * NS_PER_MS);
        }
    store_close(s);
}

static int setup(void **state)
{
    static struct fixture f;
    setenv("TZ", "UTC", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    unsetenv("TERM");
    f = (struct fixture){.dir = "/tmp/relevo-cli-XXXXXX"};
    assert_non_null(mkdtemp(f.dir));
    snprintf(f.state, sizeof f.state, "%s/state", f.dir);
    snprintf(f.copy, sizeof f.copy, "%s/copy.db", f.dir);
    f.today_us = clock_wall_us() / DAY * DAY;
    fill(&f);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    fs_remove_tree(f->dir);
    return 0;
}

static void assert_says(const struct captured *c, int status,
                        const char *const *words)
{
    if (c->status != status)
        fail_msg("status %d: %s", c->status, buf_text(&c->err));
    for (; *words != NULL; words++)
        assert_true(says(status < 2 ? &c->out : &c->err, *words));
}

#define SAYS(c, status, ...) \
    assert_says(c, status, (const char *const[]){__VA_ARGS__, NULL})

static const char *date(const struct fixture *f, int days_ago)
{
    static char ring[4][CLOCK_TEXT];
    static unsigned next;
    char *text = ring[next++ % 4];
    clock_format(f->today_us - days_ago * DAY, text);
    text[10] = '\0';
    return text;
}

/* --------------------------------------------------------------- history ---
 */

static void test_a_long_time_is_shown_by_day(void **state)
{
    struct fixture *f = *state;
    char failed[200], gap[80], before[80];
    snprintf(
        failed, sizeof failed,
        "%s                24/24 h       64  0     32    0        66.66 %%",
        date(f, 5));
    snprintf(gap, sizeof gap, "%s to %s  not watched", date(f, 4), date(f, 3));
    snprintf(before, sizeof before, "%s to %s  nothing kept", date(f, 30),
             date(f, 11));
    struct captured c = RUN(f->dir, "--state-dir", f->state, "history", "api",
                            "--since", "30d");
    SAYS(&c, 0, "DAY (UTC)", "GOOD", "P50", "P95", "P99", failed, gap, before,
         "768 results in 8 of 31 days: 95.81 % of the 764 that were measured "
         "were good; p50 10.1ms, p95 10.1ms, p99 398ms, at most 400ms",
         "▁▁▁▁▁█  ▁▁", "failed|", "0 to 33.3 %", "(blank: no answer)");
    captured_free(&c);
}

static void test_plain_where_there_is_no_utf8(void **state)
{
    struct fixture *f = *state;
    setenv("LC_ALL", "C", 1);
    struct captured c = RUN(f->dir, "--state-dir", f->state, "history", "api",
                            "--since", "30d");
    SAYS(&c, 0, "p95   |", "@", "_");
    assert_null(strstr(buf_text(&c.out), "█"));
    captured_free(&c);
    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("TERM", "dumb", 1);
    c = RUN(f->dir, "--state-dir", f->state, "history", "api", "--since",
            "30d");
    assert_null(strstr(buf_text(&c.out), "█"));
    captured_free(&c);
    unsetenv("TERM");
}

static const json_t *period_at(const json_t *o, const char *day)
{
    size_t i;
    json_t *p;
    json_array_foreach (json_object_get(o, "periods"), i, p)
        if (strncmp(json_string_value(json_object_get(p, "at")), day, 10) == 0)
            return p;
    return NULL;
}

static int64_t number(const json_t *o, const char *name)
{
    return json_integer_value(json_object_get(o, name));
}

static void test_periods_as_json(void **state)
{
    struct fixture *f = *state;
    struct captured c = RUN(f->dir, "--state-dir", f->state, "history", "api",
                            "--since", "30d", "--by", "day", "--json");
    SAYS(&c, 0, "periods");
    json_t *o = json_loads(buf_text(&c.out), 0, NULL);
    assert_non_null(o);
    assert_string_equal(json_string_value(json_object_get(o, "by")), "day");
    assert_int_equal(json_array_size(json_object_get(o, "periods")), 8);
    const json_t *bad = period_at(o, date(f, 5));
    assert_int_equal(number(bad, "results"), 96);
    assert_int_equal(number(bad, "ok"), 64);
    assert_int_equal(number(bad, "fail"), 32);
    assert_int_equal(number(bad, "watched"), 24);
    double good = json_number_value(json_object_get(bad, "good"));
    assert_true(good > 0.666 && good < 0.667);
    double p95 = json_number_value(json_object_get(bad, "p95_ms"));
    assert_true(p95 >= 394 && p95 <= 400);
    assert_int_equal(number(period_at(o, date(f, 7)), "watched"), 23);
    assert_null(period_at(o, date(f, 4))); /* not watched, so not there */
    assert_int_equal(number(json_object_get(o, "total"), "results"), 768);
    json_decref(o);
    captured_free(&c);
}

/* Without --by the shape is the one of single results, however long. */
static void test_json_keeps_its_shape(void **state)
{
    struct fixture *f = *state;
    struct captured c = RUN(f->dir, "--state-dir", f->state, "history", "api",
                            "--since", "30d", "--json");
    json_t *o = json_loads(buf_text(&c.out), 0, NULL);
    assert_true(json_is_array(o));
    assert_int_equal(json_array_size(o), 768);
    json_decref(o);
    captured_free(&c);
    c = RUN(f->dir, "--state-dir", f->state, "history", "api", "--since", "30d",
            "-n", "5");
    SAYS(&c, 0, "OUTCOME", "5 results");
    captured_free(&c);
}

static void test_other_periods(void **state)
{
    struct fixture *f = *state;
    struct captured c = RUN(f->dir, "--state-dir", f->state, "history", "api",
                            "--since", "40h");
    SAYS(&c, 0, "OUTCOME"); /* not long: result by result */
    captured_free(&c);
    c = RUN(f->dir, "--state-dir", f->state, "history", "api", "--since",
            "60h");
    SAYS(&c, 0, "HOUR", "4/60 min");
    captured_free(&c);
    c = RUN(f->dir, "--state-dir", f->state, "history", "api", "--by", "minute",
            "--since", "3d");
    SAYS(&c, 0, "MINUTE", "not watched");
    captured_free(&c);
    c = RUN(f->dir, "--state-dir", f->state, "history", "api", "--by", "week");
    SAYS(&c, 2, "\"week\" is not minute, hour or day");
    captured_free(&c);
    c = RUN(f->dir, "--state-dir", f->state, "history", "api", "--by", "day",
            "-n", "3");
    SAYS(&c, 2, "--limit counts results");
    captured_free(&c);
}

/* -------------------------------------------------------------------- db ---
 */

static void test_db_stats(void **state)
{
    struct fixture *f = *state;
    struct captured c = RUN(f->dir, "--state-dir", f->state, "db", "stats");
    SAYS(&c, 0, "TABLE", "hot", "768", "kept: results for ever", "lost: 0");
    captured_free(&c);
    c = RUN(f->dir, "--state-dir", f->state, "db", "stats", "--json");
    json_t *o = json_loads(buf_text(&c.out), 0, NULL);
    assert_non_null(o);
    assert_int_equal(number(o, "lost"), 0);
    assert_true(number(o, "file_bytes") > 0);
    assert_true(json_array_size(json_object_get(o, "tables")) > 10);
    json_decref(o);
    captured_free(&c);
}

static void test_db_check(void **state)
{
    struct fixture *f = *state;
    char file[120];
    struct captured c = RUN(f->dir, "--state-dir", f->state, "db", "check");
    SAYS(&c, 0, "sound: ");
    captured_free(&c);
    snprintf(file, sizeof file, "%s/history.db", f->state);
    struct err err;
    assert_true(fs_replace(file,
                           "no database at all, but long enough to be "
                           "looked at",
                           52, 0600, &err));
    c = RUN(f->dir, "--state-dir", f->state, "db", "check");
    SAYS(&c, 1, "1 finding");
    captured_free(&c);
    c = RUN(f->dir, "--state-dir", f->state, "db", "check", "--json");
    json_t *o = json_loads(buf_text(&c.out), 0, NULL);
    assert_true(json_is_false(json_object_get(o, "sound")));
    json_decref(o);
    captured_free(&c);
    assert_int_equal(remove(file), 0);
    c = RUN(f->dir, "--state-dir", f->state, "db", "check");
    SAYS(&c, 3, "no history");
    captured_free(&c);
}

static void test_db_backup(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    struct captured c =
        RUN(f->dir, "--state-dir", f->state, "db", "backup", f->copy);
    SAYS(&c, 0, "copy.db");
    captured_free(&c);
    assert_int_equal(stat(f->copy, &st), 0);
    c = RUN(f->dir, "--state-dir", f->state, "db", "backup", f->copy);
    SAYS(&c, 2, "never overwrites");
    captured_free(&c);
    c = RUN(f->dir, "--state-dir", f->state, "db", "backup",
            "/nonexistent/copy.db");
    SAYS(&c, 3, "/nonexistent/copy.db");
    captured_free(&c);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_long_time_is_shown_by_day),
        CASE(test_plain_where_there_is_no_utf8),
        CASE(test_periods_as_json),
        CASE(test_json_keeps_its_shape),
        CASE(test_other_periods),
        CASE(test_db_stats),
        CASE(test_db_check),
        CASE(test_db_backup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

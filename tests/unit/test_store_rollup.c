/* Rollups as the store writes and reads them: what counts and how, packed and
 * not packed alike, clocks set back, damaged bytes, an older file, and each
 * result exactly once wherever the writer dies. */
#include "test_store_fixture.h"

#include <signal.h>
#include <sys/wait.h>

#include "store/db.h"
#include "store/rollup.h"

#define T0     INT64_C(1700000000000000) /* 22:13:20 UTC */
#define MINUTE (60 * US_PER_S)
#define HOUR   (60 * MINUTE)

static int setup(void **state)
{
    fixture_setup(state);
    struct fixture *f = *state;
    f->options.hot_ns = 3600 * NS_PER_S;
    return 0;
}

static void append_timed(struct fixture *f, int64_t at_us, enum outcome outcome,
                         int64_t latency_ns, enum purpose purpose)
{
    struct result *r = fixture_result(1, at_us, outcome);
    struct observation o = {"latency", NULL, rlv_duration(latency_ns), true};
    r->purpose = purpose;
    r->duration_ns = 5 * NS_PER_MS;
    if (latency_ns >= 0) {
        r->observations = arena_memdup(r->arena, &o, sizeof o);
        r->observation_count = 1;
    }
    fixture_append(f, (struct record){.kind = RECORD_RESULT, .as.result = r});
    result_free(r);
}

/* All that is in hot is packed: the writer is opened with a hot of no age. */
static void pack_all(struct fixture *f)
{
    if (f->store != NULL)
        fixture_sync(f);
    fixture_close(f);
    f->options.hot_ns = 1;
    fixture_open(f);
    for (int i = 0;; i++) {
        if (fixture_number(f, "SELECT count(*) FROM hot") == 0)
            break;
        if (i > 20000)
            fail_msg("hot is not packed");
        fixture_sleep_ms(1);
    }
    fixture_close(f);
    f->options.hot_ns = 3600 * NS_PER_S;
    fixture_open(f);
}

static size_t read_periods(struct fixture *f, enum resolution resolution,
                           int64_t since_us, int64_t before_us,
                           struct rollup **out)
{
    struct err err = {0};
    size_t n;
    struct reader *r = fixture_reader(f);
    struct reader_window w = {
        .check = 1, .since_us = since_us, .before_us = before_us};
    if (!reader_periods(r, f->arena, &w, resolution, out, &n, &err))
        fail_msg("%s", err.text);
    reader_close(r);
    return n;
}

static void assert_period(const struct rollup *r, int64_t from_us, unsigned ok,
                          unsigned warn, unsigned fail, unsigned unknown)
{
    assert_int_equal(r->from_us, from_us);
    assert_int_equal(r->counts[OUTCOME_OK], ok);
    assert_int_equal(r->counts[OUTCOME_WARN], warn);
    assert_int_equal(r->counts[OUTCOME_FAIL], fail);
    assert_int_equal(r->counts[OUTCOME_UNKNOWN], unknown);
}

/* ------------------------------------------------------------- counting --- */

static void append_two_minutes(struct fixture *f)
{
    int64_t ms = NS_PER_MS, m = resolution_floor(RESOLUTION_MINUTE, T0);
    append_timed(f, m, OUTCOME_OK, 10 * ms, PURPOSE_SCHEDULE);
    append_timed(f, m + US_PER_S, OUTCOME_WARN, 30 * ms, PURPOSE_CONFIRM);
    append_timed(f, m + 2 * US_PER_S, OUTCOME_FAIL, 20 * ms, PURPOSE_PARENT);
    append_timed(f, m + 3 * US_PER_S, OUTCOME_FAIL, -1, PURPOSE_SCHEDULE);
    append_timed(f, m + 4 * US_PER_S, OUTCOME_OK, -1, PURPOSE_SCHEDULE);
    append_timed(f, m + 5 * US_PER_S, OUTCOME_UNKNOWN, -1, PURPOSE_SCHEDULE);
    append_timed(f, m + 6 * US_PER_S, OUTCOME_FAIL, 9 * ms, PURPOSE_MANUAL);
    append_timed(f, m + 7 * US_PER_S, OUTCOME_FAIL, 9 * ms, PURPOSE_VERIFY);
    append_timed(f, m + 8 * US_PER_S, OUTCOME_FAIL, 9 * ms, PURPOSE_TEST);
    append_timed(f, m + MINUTE, OUTCOME_OK, 40 * ms, PURPOSE_SCHEDULE);
    fixture_sync(f);
}

static void assert_two_minutes(struct fixture *f)
{
    struct rollup *r;
    int64_t m = resolution_floor(RESOLUTION_MINUTE, T0);
    assert_int_equal(read_periods(f, RESOLUTION_MINUTE, 0, 0, &r), 2);
    assert_period(&r[0], m, 2, 1, 2, 1);
    /* 10, 30, 20 ms observed; the good one without latency took 5 ms; the
     * failure without an answer and the unknown have no time. */
    assert_int_equal(r[0].timed, 4);
    assert_int_equal(r[0].min_ns, 5 * NS_PER_MS);
    assert_int_equal(r[0].max_ns, 30 * NS_PER_MS);
    assert_int_equal(r[0].sum_ns, 65 * NS_PER_MS);
    assert_period(&r[1], m + MINUTE, 1, 0, 0, 0);
    assert_int_equal(r[1].sum_ns, 40 * NS_PER_MS);
    for (unsigned i = RESOLUTION_HOUR; i < RESOLUTION_COUNT; i++) {
        enum resolution k = (enum resolution)i;
        assert_int_equal(read_periods(f, k, 0, 0, &r), 1);
        assert_period(&r[0], resolution_floor(k, T0), 3, 1, 2, 1);
        assert_int_equal(r[0].timed, 5);
        assert_int_equal(r[0].sum_ns, 105 * NS_PER_MS);
        assert_int_equal(sketch_count(&r[0].sketch), 5);
        int64_t p50 = sketch_percentile(&r[0].sketch, 50);
        assert_in_range(p50, 19 * NS_PER_MS, 21 * NS_PER_MS);
    }
}

static void test_packed_or_not_counts_are_the_same(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    append_two_minutes(f);
    assert_two_minutes(f); /* all of it from hot */
    assert_int_equal(fixture_number(f, "SELECT count(*) FROM rollup_day"), 0);
    pack_all(f);
    assert_two_minutes(f); /* all of it from rollups */
    assert_int_equal(fixture_number(f, "SELECT count(*) FROM rollup_day"), 1);
}

static void test_later_results_are_added(void **state)
{
    struct fixture *f = *state;
    struct rollup *r;
    fixture_open(f);
    append_two_minutes(f);
    pack_all(f);
    append_timed(f, T0, OUTCOME_OK, 50 * NS_PER_MS, PURPOSE_SCHEDULE);
    pack_all(f);
    append_timed(f, T0 + 1, OUTCOME_OK, 60 * NS_PER_MS, PURPOSE_SCHEDULE);
    fixture_sync(f); /* this one lies in hot */
    int64_t m = resolution_floor(RESOLUTION_MINUTE, T0);
    assert_int_equal(read_periods(f, RESOLUTION_MINUTE, 0, 0, &r), 2);
    assert_period(&r[0], m, 4, 1, 2, 1);
    assert_int_equal(r[0].max_ns, 60 * NS_PER_MS);
    assert_int_equal(read_periods(f, RESOLUTION_DAY, 0, 0, &r), 1);
    assert_period(&r[0], resolution_floor(RESOLUTION_DAY, T0), 5, 1, 2, 1);
}

/* ----------------------------------------------------------- all checks --- */

static void append_checks(struct fixture *f, uint32_t count, int64_t at_us)
{
    static const struct check_row row = {
        .name = "c", .environment = "", .plugin = "http"};
    for (uint32_t check = 1; check <= count; check++) {
        struct record r = {.kind = RECORD_CHECK, .as.check = row};
        r.as.check.check = check;
        fixture_append(f, r);
        for (int64_t i = 0; i < 40; i++)
            fixture_append_result(f, check, at_us + i * (7 + check) * MINUTE,
                                  i % 9 == check ? OUTCOME_FAIL : OUTCOME_OK);
    }
    fixture_sync(f);
}

struct compared {
    struct fixture *fixture;
    struct reader *other; /* the first is within its call */
    enum resolution by;
    int64_t since_us, before_us;
    uint32_t count;
};

static void assert_same_as_alone(void *arg, const struct check_periods *all)
{
    struct compared *c = arg;
    struct err err = {0};
    struct rollup *one;
    size_t n;
    struct reader_window w = {all->check, c->since_us, c->before_us, 0};
    assert_int_equal(all->check, ++c->count);
    assert_true(
        reader_periods(c->other, c->fixture->arena, &w, c->by, &one, &n, &err));
    assert_int_equal(all->set.count, n);
    for (size_t k = 0; k < n; k++) {
        const struct rollup *a = &all->set.items[k], *b = &one[k];
        assert_int_equal(a->from_us, b->from_us);
        assert_memory_equal(a->counts, b->counts, sizeof a->counts);
        assert_int_equal(a->sum_ns, b->sum_ns);
        assert_int_equal(sketch_count(&a->sketch), sketch_count(&b->sketch));
        assert_int_equal(rollup_percentile(a, 50), rollup_percentile(b, 50));
    }
}

static void assert_same_as_one_by_one(struct fixture *f, enum resolution by,
                                      int64_t since_us, int64_t before_us)
{
    struct err err = {0};
    struct reader *r = fixture_reader(f);
    struct compared c = {f, fixture_reader(f), by, since_us, before_us, 0};
    const struct periods_taker taker = {assert_same_as_alone, &c};
    assert_true(reader_all_periods(r, since_us, before_us, by, &taker, &err));
    assert_int_equal(c.count, 3);
    reader_close(c.other);
    reader_close(r);
}

static int64_t newest(struct fixture *f)
{
    struct err err = {0};
    int64_t at_us = -1;
    struct reader *r = fixture_reader(f);
    assert_true(reader_newest(r, &at_us, &err));
    reader_close(r);
    return at_us;
}

static void test_all_checks_at_once(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    assert_int_equal(newest(f), 0);
    append_checks(f, 2, T0);
    pack_all(f);
    int64_t last_us = T0 + 39 * 9 * MINUTE; /* of the second check */
    assert_int_equal(newest(f), rollup_block(RESOLUTION_MINUTE, last_us));
    append_checks(f, 3, T0 + HOUR); /* these lie in hot */
    assert_int_equal(newest(f), T0 + HOUR + 39 * 10 * MINUTE);
    for (unsigned k = 0; k < RESOLUTION_COUNT; k++) {
        assert_same_as_one_by_one(f, (enum resolution)k, 0, 0);
        assert_same_as_one_by_one(f, (enum resolution)k, T0 + HOUR,
                                  T0 + 3 * HOUR);
    }
}

static void test_a_clock_set_back(void **state)
{
    struct fixture *f = *state;
    struct rollup *r;
    fixture_open(f);
    for (int i = 0; i < 120; i++)
        append_timed(f, T0 + i * MINUTE, OUTCOME_OK, 1000, PURPOSE_SCHEDULE);
    pack_all(f);
    for (int i = 0; i < 60; i++) /* half an hour back, and forth again */
        append_timed(f, T0 + (i + 90) * MINUTE, OUTCOME_FAIL, 1000,
                     PURPOSE_SCHEDULE);
    append_timed(f, T0 - 400 * HOUR, OUTCOME_WARN, 1000, PURPOSE_SCHEDULE);
    pack_all(f);
    assert_int_equal(read_periods(f, RESOLUTION_MINUTE, 0, 0, &r), 151);
    int64_t m = resolution_floor(RESOLUTION_MINUTE, T0);
    assert_period(&r[0], m - 400 * HOUR, 0, 1, 0, 0);
    for (int i = 0; i < 150; i++)
        assert_period(&r[i + 1], m + i * MINUTE, i < 120, 0, i >= 90, 0);
}

static void test_a_window_is_widened_to_whole_periods(void **state)
{
    struct fixture *f = *state;
    struct rollup *r;
    fixture_open(f);
    for (int i = 0; i < 60; i++)
        append_timed(f, T0 + i * MINUTE, OUTCOME_OK, 1000, PURPOSE_SCHEDULE);
    int64_t m = resolution_floor(RESOLUTION_MINUTE, T0);
    for (int packed = 0; packed < 2; packed++) {
        fixture_sync(f);
        size_t n = read_periods(f, RESOLUTION_MINUTE, m + 5 * MINUTE + 1,
                                m + 9 * MINUTE + 1, &r);
        assert_int_equal(n, 5);
        assert_int_equal(r[0].from_us, m + 5 * MINUTE);
        assert_int_equal(r[4].from_us, m + 9 * MINUTE);
        n = read_periods(f, RESOLUTION_MINUTE, m + 5 * MINUTE, m + 9 * MINUTE,
                         &r);
        assert_int_equal(n, 4);
        pack_all(f);
    }
}

static void test_resolution_follows_the_range(void **state)
{
    (void)state;
    assert_int_equal(resolution_for(HOUR), RESOLUTION_MINUTE);
    assert_int_equal(resolution_for(48 * HOUR), RESOLUTION_HOUR);
    assert_int_equal(resolution_for(720 * HOUR), RESOLUTION_DAY);
    assert_int_equal(resolution_for(INT64_MAX), RESOLUTION_DAY);
}

/* --------------------------------------------------------------- damage --- */

static void test_damaged_bytes_are_told_and_begun_anew(void **state)
{
    struct fixture *f = *state;
    struct rollup *periods;
    struct err err = {0};
    size_t n;
    fixture_open(f);
    append_two_minutes(f);
    pack_all(f);
    fixture_sql(f, "UPDATE rollup_minute SET data = x'01ffffffffffff'");
    struct reader *r = fixture_reader(f);
    struct reader_window w = {.check = 1};
    assert_false(
        reader_periods(r, f->arena, &w, RESOLUTION_MINUTE, &periods, &n, &err));
    assert_non_null(strstr(err.text, "damaged bytes"));
    reader_close(r);
    append_timed(f, T0, OUTCOME_OK, 1000, PURPOSE_SCHEDULE);
    pack_all(f);
    assert_int_equal(read_periods(f, RESOLUTION_MINUTE, 0, 0, &periods), 1);
    assert_int_equal(rollup_total(&periods[0]), 1);
    assert_int_equal(read_periods(f, RESOLUTION_HOUR, 0, 0, &periods), 1);
    assert_int_equal(rollup_total(&periods[0]), 8); /* nothing else is lost */
}

static uint64_t seed = 88172645463325252u;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static struct rollup random_period(struct fixture *f, int64_t from_us)
{
    struct rollup r = {.from_us = from_us, .sketch.arena = f->arena};
    for (int i = 0; i < OUTCOME_COUNT; i++)
        r.counts[i] = next_random() % 5;
    r.counts[OUTCOME_OK] += 1;
    r.timed = next_random() % (rollup_total(&r) + 1);
    for (uint64_t i = 0; i < r.timed; i++) {
        int64_t ns = (int64_t)(next_random() >> (20 + next_random() % 40));
        r.min_ns = i == 0 || ns < r.min_ns ? ns : r.min_ns;
        r.max_ns = i == 0 || ns > r.max_ns ? ns : r.max_ns;
        r.sum_ns += ns;
        sketch_add(&r.sketch, ns, 1);
    }
    return r;
}

static void assert_same(const struct rollup *a, const struct rollup *b)
{
    assert_int_equal(a->from_us, b->from_us);
    assert_memory_equal(a->counts, b->counts, sizeof a->counts);
    assert_int_equal(a->timed, b->timed);
    assert_int_equal(a->sum_ns, b->sum_ns);
    assert_int_equal(a->min_ns, b->min_ns);
    assert_int_equal(a->max_ns, b->max_ns);
    assert_int_equal(sketch_count(&a->sketch), sketch_count(&b->sketch));
    for (unsigned p = 1; p <= 100; p += 11)
        assert_int_equal(sketch_percentile(&a->sketch, p),
                         sketch_percentile(&b->sketch, p));
}

/* What was put is got; a block cut short or with a byte changed is refused or
 * reads as some block, and never past its end (the sanitizers look on). */
static void test_bytes_of_any_block(void **state)
{
    struct fixture *f = *state;
    int64_t block_us = rollup_block(RESOLUTION_MINUTE, T0);
    for (int round = 0; round < 300; round++) {
        struct rollup in[15];
        size_t n = 0;
        struct buf b = {0};
        for (int64_t i = 0; i < 15; i++)
            if (next_random() % 3 > 0)
                in[n++] = random_period(f, block_us + i * MINUTE);
        rollup_put(&b, RESOLUTION_MINUTE, block_us, in, n);
        struct rollup_set set = {RESOLUTION_MINUTE, f->arena, NULL, 0, 0};
        assert_true(rollup_get(&set, block_us, b.data, b.len));
        assert_int_equal(set.count, n);
        for (size_t i = 0; i < n; i++)
            assert_same(&in[i], &set.items[i]);
        char *copy = xmalloc(b.len);
        memcpy(copy, b.data, b.len);
        copy[next_random() % b.len] ^= (char)(1 << next_random() % 8);
        char *cut = xmalloc(b.len); /* its own: reading past it is seen */
        size_t length = next_random() % b.len;
        cut = xrealloc(cut, length + 1);
        memcpy(cut, copy, length);
        struct rollup_set other = {RESOLUTION_MINUTE, f->arena, NULL, 0, 0};
        (void)!rollup_get(&other, block_us, copy, b.len);
        (void)!rollup_get(&other, block_us, cut, length);
        for (size_t i = 0; i < other.count; i++)
            assert_in_range(other.items[i].from_us, block_us,
                            block_us + 14 * MINUTE);
        free(copy);
        free(cut);
        buf_free(&b);
    }
}

/* ------------------------------------------------------------ migration --- */

/* A file as version 2 left it, with a result in hot. */
static void make_version_2(struct fixture *f)
{
    struct db db = {0};
    struct err err = {0};
    fixture_open(f); /* a chunk, evidence and an output as they are written */
    append_two_minutes(f);
    pack_all(f);
    fixture_close(f);
    char old[120];
    snprintf(old, sizeof old, "%s/old.db", f->dir);
    assert_int_equal(sqlite3_open(old, &db.handle), SQLITE_OK);
    if (db_migrate_to(&db, 2, &err) != DB_FINE)
        fail_msg("%s", err.text);
    db_close(&db);
    char sql[400];
    snprintf(sql, sizeof sql,
             "ATTACH '%s' AS old;"
             "INSERT INTO old.chunk SELECT * FROM main.chunk;"
             "INSERT INTO old.run(node, number, kind, check_id, incident,"
             " state, verdict, occasion, intended_us, started_us, ended_us,"
             " exit_status, pid, pid_start, output, fault)"
             " VALUES(3,1,0,1,1,2,0,0,1,1,1,0,0,0,'twelve bytes',0);",
             old);
    fixture_sql(f, sql);
    assert_int_equal(rename(old, f->file), 0);
}

static void test_an_older_file_counts_from_now_on(void **state)
{
    struct fixture *f = *state;
    struct rollup *r;
    make_version_2(f);
    assert_int_equal(fixture_number(f, "PRAGMA user_version"), 2);
    int64_t before_us = clock_wall_us();
    fixture_open(f);
    assert_int_equal(fixture_number(f, "PRAGMA user_version"),
                     db_schema_version);
    assert_in_range(fixture_number(f, "SELECT value FROM counter WHERE name ="
                                      " 'rollups_from'"),
                    before_us, clock_wall_us() + US_PER_S);
    assert_int_equal(fixture_number(f, "SELECT value FROM counter WHERE name ="
                                       " 'outputs_bytes'"),
                     12);
    append_timed(f, T0 + HOUR, OUTCOME_OK, 1000, PURPOSE_SCHEDULE);
    pack_all(f);
    assert_int_equal(read_periods(f, RESOLUTION_DAY, 0, 0, &r), 1);
    assert_int_equal(rollup_total(&r[0]), 1); /* never rebuilt */
    assert_int_equal(fixture_number(f, "SELECT total(n) FROM chunk"), 11);
}

/* ----------------------------------------------------------------- death ---
 */

static void child_committed(void *arg, uint64_t sequence)
{
    if (write(*(int *)arg, &sequence, sizeof sequence) < 0)
        _exit(1);
}

/* Results of three checks, packed every 500. */
static void child_main(struct fixture *f, int out)
{
    f->options.committed = child_committed;
    f->options.trouble = NULL;
    f->options.arg = &out;
    f->options.hot_rows = 500;
    fixture_open(f);
    int64_t from_us = clock_wall_us();
    for (int i = 0; i < 1000000; i++) {
        fixture_append_result(f, (uint32_t)i % 3 + 1, from_us + i * US_PER_S,
                              OUTCOME_OK);
        if (i % 40 == 0)
            fixture_sleep_ms(1);
    }
    _exit(0);
}

/* The last sequence that was reported before the child died. */
static uint64_t run_child(struct fixture *f, const char *failpoint,
                          long kill_after_ms)
{
    int ends[2], status;
    uint64_t last = 0, sequence;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        if (failpoint != NULL)
            setenv("RELEVO_FAILPOINT", failpoint, 1);
        child_main(f, ends[1]);
    }
    close(ends[1]);
    if (failpoint == NULL) {
        assert_int_equal(read(ends[0], &last, sizeof last), sizeof last);
        fixture_sleep_ms(kill_after_ms);
        kill(pid, SIGKILL);
    }
    while (read(ends[0], &sequence, sizeof sequence) == sizeof sequence)
        last = sequence;
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return last;
}

static int64_t counted(struct fixture *f, enum resolution resolution)
{
    struct err err = {0};
    int64_t sum = 0;
    struct reader *r = fixture_reader(f);
    for (uint32_t check = 1; check <= 3; check++) {
        struct rollup *periods;
        size_t n;
        struct reader_window w = {.check = check};
        assert_true(
            reader_periods(r, f->arena, &w, resolution, &periods, &n, &err));
        for (size_t i = 0; i < n; i++)
            sum += (int64_t)rollup_total(&periods[i]);
    }
    reader_close(r);
    return sum;
}

/* Every committed result is counted once: before the next start, after it, and
 * when all is packed. */
static void assert_counted_once(struct fixture *f, int64_t at_least)
{
    const char *all = "SELECT (SELECT count(*) FROM hot) +"
                      " (SELECT total(n) FROM chunk)";
    int64_t results = fixture_number(f, all);
    assert_true(results >= at_least);
    for (unsigned k = 0; k < RESOLUTION_COUNT; k++)
        assert_int_equal(counted(f, (enum resolution)k), results);
    pack_all(f);
    fixture_close(f);
    assert_int_equal(fixture_number(f, all), results);
    for (unsigned k = 0; k < RESOLUTION_COUNT; k++)
        assert_int_equal(counted(f, (enum resolution)k), results);
}

static void test_killed_at_any_time(void **state)
{
    struct fixture *f = *state;
    int64_t reported = 0;
    for (int round = 0; round < 6; round++) {
        reported += (int64_t)run_child(f, NULL, 40 + round * 37);
        assert_counted_once(f, reported);
    }
}

static void test_dies_at_the_worst_moments(void **state)
{
#if !defined(RELEVO_FAILPOINTS)
    (void)state;
    skip();
#else
    static const char *const moments[] = {
        "store.mid_rollup=kill@1", "store.mid_rollup=kill@3",
        "store.mid_rollup=kill@8", "store.mid_pack=kill@2",
        "store.before_commit=kill@5"};
    struct fixture *f = *state;
    int64_t reported = 0;
    for (size_t i = 0; i < ARRAY_LEN(moments); i++) {
        reported += (int64_t)run_child(f, moments[i], 0);
        assert_counted_once(f, reported);
    }
#endif
}

static void test_a_packing_that_fails_changes_nothing(void **state)
{
#if !defined(RELEVO_FAILPOINTS)
    (void)state;
    skip();
#else
    struct fixture *f = *state;
    fixture_open(f);
    append_two_minutes(f);
    fixture_close(f);
    setenv("RELEVO_FAILPOINT", "store.mid_rollup=error@1", 1);
    f->options.hot_ns = 1;
    fixture_open(f);
    for (int i = 0; i < 10000 && !fixture_told(f, "packing"); i++)
        fixture_sleep_ms(1);
    fixture_close(f);
    unsetenv("RELEVO_FAILPOINT");
    assert_int_equal(fixture_number(f, "SELECT count(*) FROM hot"), 10);
    assert_int_equal(fixture_number(f, "SELECT count(*) FROM rollup_hour"), 0);
    pack_all(f);
    assert_two_minutes(f);
#endif
}

#define CASE(test) \
    cmocka_unit_test_setup_teardown(test, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_packed_or_not_counts_are_the_same),
        CASE(test_later_results_are_added),
        CASE(test_all_checks_at_once),
        CASE(test_a_clock_set_back),
        CASE(test_a_window_is_widened_to_whole_periods),
        CASE(test_resolution_follows_the_range),
        CASE(test_damaged_bytes_are_told_and_begun_anew),
        CASE(test_bytes_of_any_block),
        CASE(test_an_older_file_counts_from_now_on),
        CASE(test_killed_at_any_time),
        CASE(test_dies_at_the_worst_moments),
        CASE(test_a_packing_that_fails_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

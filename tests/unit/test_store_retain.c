/* How long and how much is kept: by age, by size under a flood, outputs and
 * evidence, a reader that never ends, death in mid-purge; and that what must
 * stay stays. */
#include "test_store_fixture.h"

#include <signal.h>
#include <sys/wait.h>

#include "store/db.h"

#define DAY  (86400 * US_PER_S)
#define DAYS (86400 * NS_PER_S)

static int setup(void **state)
{
    fixture_setup(state);
    struct fixture *f = *state;
    f->options.hot_ns = 100 * NS_PER_MS;
    f->options.purge_ns = 20 * NS_PER_MS;
    return 0;
}

/* Within twenty seconds. */
static void wait_for(struct fixture *f, const char *sql, int64_t number)
{
    int64_t n = -1;
    for (int i = 0; i < 4000; i++) {
        if ((n = fixture_number(f, sql)) == number)
            return;
        fixture_sleep_ms(5);
    }
    fail_msg("%s: %lld, not %lld", sql, (long long)n, (long long)number);
}

/* A failing result with evidence of so many bytes. */
static void append_failing(struct fixture *f, uint32_t check, int64_t at_us,
                           size_t evidence)
{
    struct result *r = fixture_result(check, at_us, OUTCOME_FAIL);
    char *bytes = arena_alloc(r->arena, evidence + 1);
    memset(bytes, 'e', evidence);
    struct evidence e = {"body", bytes, evidence, 0};
    r->fault = RLV_F_REFUSED;
    r->message = "connection refused by a server that is not there, told at "
                 "some length, so that a result takes the room that one takes";
    if (evidence > 0) {
        r->evidence = arena_memdup(r->arena, &e, sizeof e);
        r->evidence_count = 1;
    }
    fixture_append(f, (struct record){.kind = RECORD_RESULT, .as.result = r});
    result_free(r);
}

static void append_run(struct fixture *f, uint64_t number, int64_t at_us,
                       const char *output)
{
    struct run_row row = {.number = number,
                          .runbook = "look",
                          .check = 1,
                          .state = RUN_ENDED,
                          .verdict = VERDICT_FIXED,
                          .intended_us = at_us,
                          .findings = "[{\"summary\":\"kept\"}]",
                          .output = output};
    fixture_append(f, (struct record){.kind = RECORD_RUN, .as.run = row});
}

/* One of each kind of row that is kept for ever. */
static void append_lasting(struct fixture *f, int64_t at_us)
{
    const struct record rows[] = {
        {.kind = RECORD_CHECK, .as.check = {1, "api", "", "http", 0}},
        {.kind = RECORD_STATE, .as.state = {.check = 1, .state = STATE_DOWN}},
        {.kind = RECORD_TRANSITION,
         .as.transition = {1, at_us, STATE_SUSPECT, STATE_DOWN, 0, "", ""}},
        {.kind = RECORD_INCIDENT,
         .as.incident = {.number = 1, .check = 1, .began_us = at_us}},
        {.kind = RECORD_EVENT, .as.event = {1, 1, at_us, "opened", "x"}},
        {.kind = RECORD_MARK, .as.mark = {.at_us = at_us, .text = "deploy"}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        fixture_append(f, rows[i]);
    fixture_append_audit(f, "x");
}

static void assert_lasting(struct fixture *f)
{
    static const char *const tables[] = {"\"check\"", "state", "transition",
                                         "incident",  "event", "mark",
                                         "audit"};
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        char sql[80];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", tables[i]);
        if (fixture_number(f, sql) < 1)
            fail_msg("%s is empty", tables[i]);
    }
    struct audit_verdict v;
    struct err err = {0};
    struct reader *r = fixture_reader(f);
    assert_true(reader_verify_audit(r, &v, &err));
    assert_int_equal(v.bad_id, 0);
    reader_close(r);
}

static int64_t counter(struct fixture *f, const char *name)
{
    char sql[120];
    snprintf(sql, sizeof sql,
             "SELECT total(value) FROM counter WHERE name = '%s'", name);
    return fixture_number(f, sql);
}

/* ------------------------------------------------------------------ ages ---
 */

static void append_ages(struct fixture *f, int64_t now_us)
{
    static const int ages[] = {1000, 100, 20, 5, 0}; /* days */
    for (size_t i = 0; i < ARRAY_LEN(ages); i++) {
        int64_t at_us = now_us - ages[i] * DAY;
        for (int k = 0; k < 1500; k++)
            fixture_append_result(f, 1, at_us - k * US_PER_S, OUTCOME_OK);
        append_failing(f, 1, at_us - 1500 * US_PER_S, 100);
        append_failing(f, 1, at_us - 1501 * US_PER_S, 0);
        append_run(f, i + 1, at_us, "what it printed");
        fixture_append_audit(f, "each age has chunks of its own");
        fixture_sync(f);
        wait_for(f, "SELECT count(*) FROM hot", 0);
    }
    append_lasting(f, now_us - 1000 * DAY);
    fixture_sync(f);
}

static void assert_remains(struct fixture *f, int64_t at_us)
{
    struct err err = {0};
    struct result *found = NULL;
    struct reader *r = fixture_reader(f);
    assert_true(reader_result(r, f->arena, 1, at_us, &found, &err));
    assert_non_null(found);
    assert_int_equal(found->outcome, OUTCOME_FAIL);
    assert_int_equal(found->fault, RLV_F_REFUSED);
    assert_int_equal(found->evidence_count, 1);
    reader_close(r);
}

static void test_each_kind_has_its_age(void **state)
{
    struct fixture *f = *state;
    int64_t now_us = clock_wall_us();
    fixture_open(f);
    append_ages(f, now_us);
    assert_int_equal(fixture_number(f, "SELECT total(n) FROM chunk"), 7510);
    struct history_spec keep = {.raw_ns = 14 * DAYS,
                                .minute_ns = 90 * DAYS,
                                .hour_ns = 730 * DAYS,
                                .outputs_ns = 90 * DAYS};
    store_keep(f->store, &keep);
    fixture_append_audit(f, "wakes the writer");
    wait_for(f, "SELECT total(n) FROM chunk", 2 * 1502);
    wait_for(f, "SELECT count(*) FROM run WHERE output IS NOT NULL", 3);
    /* Details go with their results, but for evidence of the last 90 days. */
    assert_int_equal(fixture_number(f, "SELECT count(*) FROM detail"), 5);
    assert_remains(f, now_us - 20 * DAY - 1500 * US_PER_S);
    char sql[120];
    for (int i = 0; i < 3; i++) {
        static const char *const names[] = {"minute", "hour", "day"};
        static const int days[] = {91, 731, 100000}, least[] = {20, 100, 1000};
        snprintf(sql, sizeof sql, "SELECT min(t0) FROM rollup_%s", names[i]);
        int64_t oldest_us = fixture_number(f, sql);
        assert_true(oldest_us > now_us - days[i] * DAY);
        assert_true(oldest_us < now_us - least[i] * DAY);
    }
    assert_int_equal(
        fixture_number(f, "SELECT count(*) FROM run WHERE verdict <> 0"
                          " AND findings LIKE '%kept%'"),
        5);
    assert_true(counter(f, "swept_us") > now_us - 15 * DAY);
    assert_int_equal(counter(f, "keep_raw_ns"), 14 * DAYS);
    assert_int_equal(counter(f, "outputs_bytes"),
                     3 * (int64_t)strlen("what it printed") +
                         fixture_number(f, "SELECT total(length(evidence))"
                                           " FROM detail"));
    assert_lasting(f);
}

static void test_nothing_goes_where_nothing_is_said(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    append_ages(f, clock_wall_us());
    fixture_sleep_ms(200); /* ten passes */
    fixture_append_audit(f, "wakes the writer");
    fixture_sync(f);
    assert_int_equal(fixture_number(f, "SELECT total(n) FROM chunk"), 7510);
    assert_int_equal(fixture_number(f, "SELECT count(*) FROM detail"), 10);
}

static void test_outputs_have_a_bound_of_their_own(void **state)
{
    struct fixture *f = *state;
    char output[4001];
    memset(output, 'o', 4000);
    output[4000] = '\0';
    f->options.keep.outputs_bytes = 200000;
    fixture_open(f);
    int64_t from_us = clock_wall_us() - DAY;
    for (uint64_t i = 1; i <= 100; i++) {
        append_run(f, i, from_us + (int64_t)i * US_PER_S, output);
        append_failing(f, 1, from_us + (int64_t)i * US_PER_S, 4000);
    }
    fixture_sync(f);
    for (int i = 0; counter(f, "outputs_bytes") > 200000; i++) {
        if (i > 4000)
            fail_msg("%lld bytes", (long long)counter(f, "outputs_bytes"));
        fixture_sleep_ms(5);
    }
    int64_t runs =
        fixture_number(f, "SELECT count(*) FROM run WHERE output NOT NULL");
    int64_t evidence = fixture_number(
        f, "SELECT count(*) FROM detail WHERE evidence NOT NULL");
    assert_in_range(runs, 10, 30); /* both lose their oldest */
    assert_in_range(evidence, 10, 30);
    assert_int_equal(fixture_number(f, "SELECT min(number) + count(*) FROM run"
                                       " WHERE output NOT NULL"),
                     101);
    assert_int_equal(fixture_number(f, "SELECT count(*) FROM run"), 100);
    assert_int_equal(fixture_number(f, "SELECT count(*) FROM detail"), 100);
}

/* ------------------------------------------------------------------ size ---
 */

enum { MOST = 6 << 20, SLACK = 1 << 20 };

static int64_t file_bytes(const struct fixture *f, const char *suffix)
{
    char path[120];
    struct stat st;
    snprintf(path, sizeof path, "%s%s", f->file, suffix);
    return stat(path, &st) == 0 ? st.st_size : 0;
}

/* Failing results of twenty checks; the most that the file and its log took
 * meanwhile. */
static int64_t flood(struct fixture *f, int count, size_t evidence)
{
    static int64_t from_us;
    int64_t most = 0;
    if (from_us == 0)
        from_us = clock_wall_us() - 10 * DAY;
    for (int i = 0; i < count; i++) {
        append_failing(f, (uint32_t)i % 20 + 1, from_us, evidence);
        from_us += 100 * US_PER_MS;
        if (i % 2000 == 1999) {
            fixture_sync(f);
            int64_t bytes = file_bytes(f, "") + file_bytes(f, "-wal");
            most = bytes > most ? bytes : most;
        }
    }
    fixture_sync(f);
    return most;
}

static void test_a_flood_stays_below_max_size(void **state)
{
    struct fixture *f = *state;
    f->options.keep.max_bytes = MOST;
    fixture_open(f);
    append_lasting(f, clock_wall_us());
    append_run(f, 1, clock_wall_us(), "");
    int64_t most = flood(f, 60000, 0);
    print_message("%.1f MiB at most\n", (double)most / (1 << 20));
    assert_true(most > MOST / 2); /* it was a flood */
    assert_true(most <= MOST + SLACK);
    assert_lasting(f);
    assert_int_equal(fixture_number(f, "SELECT count(*) FROM run"), 1);
    assert_int_equal(store_lost(f->store), 0);
    wait_for(f, "SELECT count(*) FROM hot", 0);
    /* The oldest went first, of all checks: what is left is the newest of
     * each, without holes. */
    int64_t swept_us = counter(f, "swept_us");
    assert_true(swept_us > 0);
    assert_int_equal(
        fixture_number(f, "SELECT count(DISTINCT check_id) FROM chunk"), 20);
    assert_true(fixture_number(f, "SELECT total(n) FROM chunk") > 5000);
    char sql[200];
    snprintf(sql, sizeof sql,
             "SELECT (max(started_us) - %lld) / 100000 - count(*) FROM detail"
             " WHERE started_us >= %lld",
             (long long)swept_us, (long long)swept_us);
    assert_in_range(fixture_number(f, sql) + 20, 18, 20);
    assert_true(fixture_number(f, "SELECT count(*) FROM rollup_day") >= 20);
}

static void test_a_flood_of_evidence_leaves_the_results(void **state)
{
    struct fixture *f = *state;
    f->options.keep.max_bytes = MOST;
    fixture_open(f);
    append_lasting(f, clock_wall_us());
    int64_t most = flood(f, 8000, 4000);
    print_message("%.1f MiB at most\n", (double)most / (1 << 20));
    assert_true(most <= MOST + SLACK);
    assert_true(counter(f, "outputs_bytes") < MOST);
    wait_for(f, "SELECT count(*) FROM hot", 0);
    assert_true(fixture_number(f, "SELECT total(n) FROM chunk") > 4000);
    assert_lasting(f);
}

static void test_a_smaller_max_size_makes_the_file_shorter(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    flood(f, 80000, 0);
    wait_for(f, "SELECT count(*) FROM hot", 0);
    assert_true(fixture_number(f, "PRAGMA page_count") * 4096 > MOST);
    struct history_spec keep = {.max_bytes = MOST};
    store_keep(f->store, &keep);
    for (int i = 0; i < 4000; i++) {
        if (i % 20 == 0)
            fixture_append_audit(f, "wakes the writer");
        if (fixture_number(f, "PRAGMA page_count") * 4096 <= MOST)
            return;
        fixture_sleep_ms(5);
    }
    fail_msg("%lld pages", (long long)fixture_number(f, "PRAGMA page_count"));
}

static void test_an_older_small_file_can_shrink_too(void **state)
{
    struct fixture *f = *state;
    struct db db = {0};
    struct err err = {0};
    assert_int_equal(sqlite3_open(f->file, &db.handle), SQLITE_OK);
    assert_int_equal(db_migrate_to(&db, 2, &err), DB_FINE);
    db_close(&db);
    assert_int_equal(fixture_number(f, "PRAGMA auto_vacuum"), 0);
    fixture_open(f);
    assert_int_equal(fixture_number(f, "PRAGMA auto_vacuum"), 2);
    assert_false(fixture_told(f, "set aside"));
}

/* What must stay is too much for max_size: told once, and nothing of it
 * goes. */
static void test_what_must_stay_is_told(void **state)
{
    struct fixture *f = *state;
    char text[2001];
    memset(text, 't', 2000);
    text[2000] = '\0';
    f->options.keep.max_bytes = 1; /* taken as 3 MiB */
    fixture_open(f);
    for (int i = 0; i < 3000; i++) {
        struct record r = {.kind = RECORD_EVENT,
                           .as.event = {1, 1, i, "note", text}};
        fixture_append(f, r);
    }
    fixture_sync(f);
    for (int i = 0; !fixture_told(f, "must be kept"); i++) {
        if (i > 4000)
            fail_msg("not told");
        fixture_append_audit(f, "wakes the writer");
        fixture_sleep_ms(5);
    }
    fixture_sync(f);
    assert_int_equal(fixture_number(f, "SELECT count(*) FROM event"), 3000);
    assert_ptr_equal(
        strstr(strstr(f->trouble, "must be kept") + 1, "must be kept"), NULL);
}

/* ---------------------------------------------------------- slow readers ---
 */

/* A process that reads and never ends. */
static pid_t start_reader(struct fixture *f)
{
    int ends[2];
    char ready;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        sqlite3 *db;
        bool ok = sqlite3_open(f->file, &db) == SQLITE_OK &&
                  sqlite3_exec(db, "BEGIN; SELECT count(*) FROM audit", NULL,
                               NULL, NULL) == SQLITE_OK;
        (void)!write(ends[1], "r", 1);
        while (ok)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ends[0], &ready, 1), 1);
    close(ends[0]);
    close(ends[1]);
    return pid;
}

static void test_a_reader_that_never_ends(void **state)
{
    struct fixture *f = *state;
    char words[40];
    int64_t most = 0, bound = 4 * (1 << 20) + SLACK;
    f->options.keep.max_bytes = 8 << 20; /* of it 1 MiB for the log */
    fixture_open(f);
    append_lasting(f, clock_wall_us());
    fixture_sync(f);
    pid_t reader = start_reader(f);
    snprintf(words, sizeof words, "process %d ", reader);
    for (int i = 0; i < 60 && !fixture_told(f, words); i++) {
        flood(f, 1000, 0);
        int64_t bytes = file_bytes(f, "-wal");
        most = bytes > most ? bytes : most;
    }
    assert_true(fixture_told(f, words));
    flood(f, 10000, 0);
    for (int i = 0; i < 500; i++)
        fixture_append_audit(f, "goes on");
    fixture_sync(f);
    int64_t bytes = file_bytes(f, "-wal");
    most = bytes > most ? bytes : most;
    print_message("log: %.1f MiB at most\n", (double)most / (1 << 20));
    assert_true(most <= bound);
    assert_int_equal(fixture_number(f, "SELECT count(*) FROM audit"), 501);
    assert_in_range(store_lost(f->store), 9000, 80000);
    kill(reader, SIGKILL);
    waitpid(reader, NULL, 0);
    for (int i = 0; !fixture_told(f, "results are kept again"); i++) {
        if (i > 4000)
            fail_msg("not told that it has ended");
        fixture_sleep_ms(5);
    }
    uint64_t lost = store_lost(f->store);
    flood(f, 1000, 0);
    assert_int_equal(store_lost(f->store), lost);
    assert_true(file_bytes(f, "-wal") < bound / 2);
    assert_int_equal(counter(f, "lost"), lost);
}

/* ----------------------------------------------------------------- death ---
 */

static void test_death_in_mid_purge(void **state)
{
#if !defined(RELEVO_FAILPOINTS)
    (void)state;
    skip();
#else
    static const char *const moments[] = {"store.mid_purge=kill@1",
                                          "store.mid_purge=kill@2",
                                          "store.mid_purge=kill@4"};
    struct fixture *f = *state;
    int64_t now_us = clock_wall_us();
    fixture_open(f);
    append_ages(f, now_us);
    fixture_close(f);
    f->options.keep.raw_ns = 14 * DAYS;
    f->options.keep.outputs_ns = 90 * DAYS;
    for (size_t i = 0; i < ARRAY_LEN(moments); i++) {
        int status;
        pid_t pid = fork();
        if (pid == 0) {
            setenv("RELEVO_FAILPOINT", moments[i], 1);
            fixture_open(f);
            for (;;)
                pause();
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(
            fixture_number(f, "SELECT count(*) FROM pragma_integrity_check"
                              " WHERE integrity_check <> 'ok'"),
            0);
    }
    fixture_open(f);
    wait_for(f, "SELECT total(n) FROM chunk", 2 * 1502);
    wait_for(f, "SELECT count(*) FROM detail", 5);
    assert_remains(f, now_us - 20 * DAY - 1500 * US_PER_S);
    assert_lasting(f);
#endif
}

#define CASE(test) \
    cmocka_unit_test_setup_teardown(test, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_each_kind_has_its_age),
        CASE(test_nothing_goes_where_nothing_is_said),
        CASE(test_outputs_have_a_bound_of_their_own),
        CASE(test_a_flood_stays_below_max_size),
        CASE(test_a_flood_of_evidence_leaves_the_results),
        CASE(test_a_smaller_max_size_makes_the_file_shorter),
        CASE(test_an_older_small_file_can_shrink_too),
        CASE(test_what_must_stay_is_told),
        CASE(test_a_reader_that_never_ends),
        CASE(test_death_in_mid_purge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

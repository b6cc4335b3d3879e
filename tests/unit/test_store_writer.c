/* The writer when things go wrong: damaged files, a full queue, a disk that
 * refuses, kill -9; and what it promises about order and sequence. */
#include "test_store_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "store/db.h"

static void write_file(struct fixture *f, const void *bytes, size_t n)
{
    struct err err = {0};
    if (!fs_replace(f->file, bytes, n, 0600, &err))
        fail_msg("%s", err.text);
}

static void assert_works(struct fixture *f)
{
    fixture_append_audit(f, "after");
    fixture_sync(f);
    struct err err = {0};
    struct audit_verdict v;
    struct reader *r = fixture_reader(f);
    assert_true(reader_verify_audit(r, &v, &err));
    assert_int_equal(v.bad_id, 0);
    assert_true(v.rows >= 1);
    reader_close(r);
}

static void test_folder_and_file_are_private(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    char dir[120], inner[130];
    snprintf(dir, sizeof dir, "%s/a", f->dir);
    snprintf(inner, sizeof inner, "%s/b", dir);
    f->options.dir = inner;
    fixture_open(f);
    assert_int_equal(stat(inner, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    char file[160];
    snprintf(file, sizeof file, "%s/history.db", inner);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    fixture_close(f);
    char wal[170];
    snprintf(wal, sizeof wal, "%s-wal", file);
    assert_int_not_equal(access(wal, F_OK), 0); /* closed cleanly */
    assert_int_equal(remove(file) | remove(inner) | remove(dir), 0);
}

static void test_garbage_is_set_aside(void **state)
{
    struct fixture *f = *state;
    char garbage[8000];
    for (size_t i = 0; i < sizeof garbage; i++)
        garbage[i] = (char)(i * 7919 >> 3);
    write_file(f, garbage, sizeof garbage);
    fixture_open(f);
    assert_true(fixture_told(f, "set aside"));
    assert_int_equal(fixture_files(f, "history.db.corrupt-"), 1);
    assert_works(f);
}

static void test_an_empty_file_is_begun(void **state)
{
    struct fixture *f = *state;
    write_file(f, "", 0);
    fixture_open(f);
    assert_false(fixture_told(f, "set aside"));
    assert_works(f);
}

static void test_a_truncated_file_is_set_aside(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    for (int i = 0; i < 3000; i++)
        fixture_append_result(f, 1, 1000 + i, OUTCOME_FAIL);
    fixture_close(f);
    assert_int_equal(truncate(f->file, 20000), 0);
    fixture_open(f);
    assert_true(fixture_told(f, "set aside"));
    assert_works(f);
}

static void test_a_foreign_database_is_set_aside(void **state)
{
    struct fixture *f = *state;
    fixture_sql(f, "CREATE TABLE theirs(a); INSERT INTO theirs VALUES(1)");
    fixture_open(f);
    assert_true(fixture_told(f, "something else"));
    assert_int_equal(fixture_files(f, "history.db.corrupt-"), 1);
    assert_works(f);
}

static void assert_refused(struct fixture *f, const char *words)
{
    struct err err = {0};
    f->store = store_open(&f->options, &err);
    assert_null(f->store);
    if (strstr(err.text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
}

static void test_a_folder_in_its_place_is_an_error(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(mkdir(f->file, 0700), 0);
    assert_refused(f, "history.db");
}

static void test_a_newer_file_is_left_alone(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_close(f);
    fixture_sql(f, "PRAGMA user_version = 4711");
    assert_refused(f, "written by a newer relevo");
    assert_int_equal(fixture_files(f, "corrupt"), 0);
    struct err err = {0};
    assert_null(reader_open(f->dir, 3, &err));
    assert_non_null(strstr(err.text, "newer"));
}

static void test_no_history_yet(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    assert_null(reader_open(f->dir, 3, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
}

/* Damage that shows only while the daemon runs: what is known goes on. */
static void test_damage_while_running(void **state)
{
    struct fixture *f = *state;
    struct check_row *checks;
    struct state_row *states;
    struct incident_row incident;
    size_t n;
    fixture_open(f);
    fixture_append(f, (struct record){.kind = RECORD_CHECK,
                                      .as.check = {5, "api", "p", "http", 1}});
    fixture_append(
        f, (struct record){
               .kind = RECORD_STATE,
               .as.state = {.check = 5, .state = STATE_DOWN, .incident = 9}});
    fixture_append(
        f, (struct record){
               .kind = RECORD_INCIDENT,
               .grade = GRADE_DURABLE,
               .as.incident = {.number = 9, .check = 5, .code = "503"}});
    fixture_sync(f);
    fixture_close(f);
    fixture_open(f);
    /* Pages of zeros, but for the first: no b-tree is left. */
    int fd = open(f->file, O_RDWR);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    char *zeros = calloc(1, (size_t)st.st_size);
    ssize_t length = (ssize_t)st.st_size - 4096;
    assert_int_equal(pwrite(fd, zeros, (size_t)length, 4096), length);
    free(zeros);
    close(fd);
    for (int i = 0; i < 50; i++)
        fixture_append_audit(f, "x");
    fixture_sync(f);
    assert_true(fixture_told(f, "set aside"));
    assert_int_equal(store_lost(f->store), 0);
    struct err err = {0};
    struct reader *r = fixture_reader(f);
    assert_true(reader_checks(r, f->arena, &checks, &n, &err));
    assert_int_equal(n, 1);
    assert_string_equal(checks[0].name, "api");
    assert_true(reader_states(r, f->arena, &states, &n, &err));
    assert_int_equal(n, 1);
    assert_int_equal(states[0].state, STATE_DOWN);
    assert_true(reader_incident(r, f->arena, 9, &incident, &err));
    assert_string_equal(incident.code, "503");
    struct audit_verdict v;
    assert_true(reader_verify_audit(r, &v, &err));
    assert_int_equal(v.bad_id, 0);
    assert_int_equal(v.rows, 51); /* the first says what happened */
    reader_close(r);
}

/* --------------------------------------------------------------- queue --- */

static struct rlimit file_limit;

/* No file may grow: no commit succeeds. */
static void break_disk(void)
{
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &file_limit), 0);
    struct rlimit tiny = {4096, file_limit.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tiny), 0);
}

static void repair_disk(void)
{
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &file_limit), 0);
}

static void test_overflow_drops_only_good_results(void **state)
{
    struct fixture *f = *state;
    f->options.queue_bytes = 2 << 20;
    fixture_open(f);
    break_disk();
    for (int i = 0; i < 6000; i++) {
        fixture_append_result(f, 1, 1000 + i, OUTCOME_OK);
        if (i % 20 == 0)
            fixture_append_result(f, 2, 1000 + i, OUTCOME_FAIL);
        if (i % 50 == 0)
            fixture_append_audit(f, "x");
        if (i % 50 == 1)
            fixture_append(f, (struct record){.kind = RECORD_TRANSITION,
                                              .as.transition = {.check = 1}});
    }
    uint64_t lost = store_lost(f->store);
    assert_true(lost > 0);
    repair_disk();
    fixture_sync(f);
    assert_true(fixture_told(f, "good results are being dropped"));
    assert_true(fixture_told(f, "results were dropped while"));
    assert_int_equal(
        fixture_number(f, "SELECT count(*) FROM hot WHERE outcome = 2"), 300);
    assert_int_equal(fixture_number(f, "SELECT count(*) FROM audit"), 120);
    assert_int_equal(fixture_number(f, "SELECT count(*) FROM transition"), 120);
    assert_int_equal(
        fixture_number(f, "SELECT count(*) FROM hot WHERE outcome = 0"),
        6000 - (int64_t)lost);
    /* The oldest went, but for the batch that the writer held already. */
    assert_int_equal(
        fixture_number(f, "SELECT max(started_us) FROM hot WHERE check_id = 1"),
        6999);
}

static void test_a_disk_that_refuses_is_told_once(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_append_audit(f, "before");
    fixture_sync(f);
    break_disk();
    fixture_append_audit(f, "during");
    for (int i = 0; i < 3000 && !fixture_told(f, "trying again"); i++)
        fixture_sleep_ms(1);
    fixture_sleep_ms(250);
    repair_disk();
    fixture_sync(f);
    assert_true(fixture_told(f, "trying again"));
    assert_true(fixture_told(f, "writing again"));
    assert_int_equal(store_lost(f->store), 0);
    assert_int_equal(fixture_number(f, "SELECT count(*) FROM audit"), 2);
    pthread_mutex_lock(&f->lock);
    const char *first = strstr(f->trouble, "trying again");
    assert_null(strstr(first + 1, "trying again"));
    pthread_mutex_unlock(&f->lock);
}

static void test_closing_over_a_disk_that_refuses_ends(void **state)
{
    struct fixture *f = *state;
    f->options.close_ns = 200 * NS_PER_MS;
    fixture_open(f);
    fixture_append_audit(f, "before");
    fixture_sync(f);
    break_disk();
    fixture_append_audit(f, "never");
    int64_t from_ns = clock_mono_ns();
    fixture_close(f);
    assert_true(clock_mono_ns() - from_ns < 20 * NS_PER_S);
    repair_disk();
    assert_int_equal(atomic_load(&f->committed), 1);
    assert_int_equal(fixture_number(f, "SELECT count(*) FROM audit"), 1);
}

static void test_an_urgent_record_is_not_gathered(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_append_audit(f, "warm up");
    fixture_sync(f);
    int64_t best_ns = INT64_MAX;
    for (int i = 0; i < 5; i++) {
        int64_t from_ns = clock_mono_ns();
        fixture_append(f,
                       (struct record){.kind = RECORD_RUN,
                                       .urgent = true,
                                       .as.run = {.number = (uint64_t)i + 1}});
        fixture_sync(f);
        int64_t took_ns = clock_mono_ns() - from_ns;
        best_ns = took_ns < best_ns ? took_ns : best_ns;
    }
    assert_true(best_ns < 40 * NS_PER_MS); /* gathering alone takes 50 */
}

/* ---------------------------------------------------------------- kill --- */

/* A child that writes audit rows and results, and tells by a pipe what was
 * committed. */
static void child_committed(void *arg, uint64_t sequence)
{
    if (write(*(int *)arg, &sequence, sizeof sequence) < 0)
        _exit(1);
}

static void child_main(struct fixture *f, int out)
{
    struct store_options o = {.dir = f->dir,
                              .node = 3,
                              .committed = child_committed,
                              .arg = &out,
                              .hot_rows = 700};
    struct err err = {0};
    f->store = store_open(&o, &err);
    if (f->store == NULL)
        _exit(2);
    for (int i = 0; i < 1000000; i++) {
        struct record r = {.kind = RECORD_AUDIT,
                           .grade = i % 64 ? GRADE_RELAXED : GRADE_DURABLE,
                           .as.audit = {i, "a", "b", "c", "d"}};
        fixture_append(f, r);
        fixture_append_result(f, (uint32_t)i % 7, (int64_t)f->sequence / 2,
                              OUTCOME_OK);
        if (i % 40 == 0)
            fixture_sleep_ms(1);
    }
    _exit(0);
}

static uint64_t run_and_kill(struct fixture *f, long after_ms)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        child_main(f, ends[1]);
    }
    close(ends[1]);
    uint64_t last = 0, sequence;
    bool first = read(ends[0], &sequence, sizeof sequence) == sizeof sequence;
    assert_true(first);
    fixture_sleep_ms(after_ms);
    assert_int_equal(kill(pid, SIGKILL), 0);
    last = sequence;
    while (read(ends[0], &sequence, sizeof sequence) == sizeof sequence) {
        assert_true(sequence > last);
        last = sequence;
    }
    close(ends[0]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return last;
}

static void test_kill_loses_nothing_that_was_reported(void **state)
{
    struct fixture *f = *state;
    int64_t audit = 0, results = 0;
    for (int round = 0; round < 5; round++) {
        int64_t last = (int64_t)run_and_kill(f, 15 + round * 31);
        fixture_open(f);
        assert_false(fixture_told(f, "set aside"));
        fixture_close(f);
        int64_t a = fixture_number(f, "SELECT count(*) FROM audit");
        int64_t r = fixture_number(f, "SELECT (SELECT count(*) FROM hot) + "
                                      "(SELECT total(n) FROM chunk)");
        /* Odd sequences are audit rows, even ones results. */
        assert_true(a - audit >= (last + 1) / 2);
        assert_true(r - results >= last / 2);
        assert_in_range(a - audit - (r - results), 0, 1); /* no holes */
        audit = a;
        results = r;
        struct err err = {0};
        struct audit_verdict v;
        struct reader *reader = fixture_reader(f);
        assert_true(reader_verify_audit(reader, &v, &err));
        assert_int_equal(v.bad_id, 0);
        reader_close(reader);
    }
}

/* ---------------------------------------------------------- failpoints --- */

static void die_at(struct fixture *f, const char *failpoint)
{
    int ends[2], status = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        setenv("RELEVO_FAILPOINT", failpoint, 1);
        child_main(f, ends[1]);
    }
    close(ends[1]);
    uint64_t sequence;
    while (read(ends[0], &sequence, sizeof sequence) > 0)
        ;
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void test_death_at_the_worst_moments(void **state)
{
    static const char *const moments[] = {
        "store.mid_migration=kill",   "store.before_commit=kill@3",
        "store.after_commit=kill@3",  "store.mid_pack=kill@3",
        "store.before_commit=kill@9", "store.mid_pack=kill@1"};
    struct fixture *f = *state;
#if !defined(RELEVO_FAILPOINTS)
    skip();
#endif
    for (size_t i = 0; i < ARRAY_LEN(moments); i++) {
        die_at(f, moments[i]);
        fixture_open(f);
        assert_false(fixture_told(f, "set aside"));
        fixture_close(f);
        int64_t audit = fixture_number(f, "SELECT count(*) FROM audit");
        int64_t results =
            fixture_number(f, "SELECT (SELECT count(*) FROM hot) + "
                              "(SELECT total(n) FROM chunk)");
        assert_in_range(audit - results, 0, i);
        if (i > 0)
            assert_true(audit > 0);
    }
}

/* ------------------------------------------------------------- readers --- */

static void test_reading_while_writing(void **state)
{
    struct fixture *f = *state;
    f->options.hot_rows = 1000;
    fixture_open(f);
    struct reader *r = fixture_reader(f);
    size_t seen = 0;
    for (int i = 0; i < 8000; i++) {
        fixture_append_result(f, 1, 1000 + i, OUTCOME_OK);
        if (i % 400 != 0)
            continue;
        struct err err = {0};
        struct result **results;
        struct arena *a = arena_new();
        size_t n;
        struct reader_window w = {.check = 1};
        if (!reader_history(r, a, &w, &results, &n, &err))
            fail_msg("%s", err.text);
        assert_true(n >= seen); /* never fewer, no holes, none twice */
        for (size_t k = 0; k < n; k++)
            assert_int_equal(results[k]->started_us, 1000 + (n - 1 - k));
        seen = n;
        arena_free(a);
    }
    reader_close(r);
}

static void test_reading_a_closed_history_without_writing(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_append_audit(f, "x");
    fixture_close(f);
    assert_int_equal(chmod(f->file, 0400), 0);
    assert_int_equal(chmod(f->dir, 0500), 0);
    pid_t pid = fork();
    if (pid == 0) { /* root would be let through */
        struct err err = {0};
        struct audit_verdict v;
        if (getuid() == 0 &&
            (chown(f->dir, 65534, 65534) != 0 ||
             chown(f->file, 65534, 65534) != 0 || setuid(65534) != 0))
            _exit(9);
        struct reader *r = reader_open(f->dir, 3, &err);
        if (r == NULL || !reader_verify_audit(r, &v, &err)) {
            fprintf(stderr, "%s\n", err.text);
            _exit(1);
        }
        reader_close(r);
        _exit(v.rows == 1 && fixture_files(f, "-wal") == 0 ? 0 : 2);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    chmod(f->dir, 0700);
    assert_int_equal(status, 0);
}

int main(void)
{
#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_folder_and_file_are_private),
        TEST(test_garbage_is_set_aside),
        TEST(test_an_empty_file_is_begun),
        TEST(test_a_truncated_file_is_set_aside),
        TEST(test_a_foreign_database_is_set_aside),
        TEST(test_a_folder_in_its_place_is_an_error),
        TEST(test_a_newer_file_is_left_alone),
        TEST(test_no_history_yet),
        TEST(test_damage_while_running),
        TEST(test_overflow_drops_only_good_results),
        TEST(test_a_disk_that_refuses_is_told_once),
        TEST(test_closing_over_a_disk_that_refuses_ends),
        TEST(test_an_urgent_record_is_not_gathered),
        TEST(test_kill_loses_nothing_that_was_reported),
        TEST(test_death_at_the_worst_moments),
        TEST(test_reading_while_writing),
        TEST(test_reading_a_closed_history_without_writing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

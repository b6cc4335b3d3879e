/* The power goes at any instant, again and again (tests/lib/crashvfs.h): after
 * each cut the history opens again, whole; nothing that was reported as
 * committed with fsync is missing, and of the rest only the newest: what is
 * left is what was written first, without a hole, step by step.
 *
 * Every record carries its sequence as its time. A disk that only says that it
 * has synced must be found out, or all this proves nothing.
 *
 * RELEVO_LONG=1: 500 cuts in place of 20; RELEVO_SEED: of the first one. */
#include "test_store_fixture.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "../lib/crashvfs.h"
#include "base/fs.h"

enum {
    KINDS = 5,       /* sequence % KINDS: what the record is */
    STEP = 7,        /* steps of 1, 5 and 1 records */
    RECORDS = 700,   /* at most, in one life */
    LIVES = 25,      /* on one history, one after another */
    MOST_CUT = 1400, /* operations */
    CHECK = 1
};

static bool is_durable(uint64_t sequence) { return sequence % 11 < 4; }

static bool has_more(uint64_t sequence)
{
    return sequence % STEP >= 1 && sequence % STEP <= 4;
}

/* --------------------------------------------------------------- a life --- */

static void append_result(struct fixture *f, uint64_t sequence, bool urgent)
{
    struct result *r = fixture_result(CHECK, (int64_t)sequence, OUTCOME_FAIL);
    struct record record = {.kind = RECORD_RESULT, .as.result = r};
    record.more = has_more(sequence);
    record.urgent = urgent;
    fixture_append(f, record);
    result_free(r);
}

static struct record record_of(uint64_t sequence)
{
    int64_t at_us = (int64_t)sequence;
    switch (sequence % KINDS) {
    case 0:
        return (struct record){.kind = RECORD_TRANSITION,
                               .as.transition = {CHECK, at_us, STATE_UP,
                                                 STATE_DOWN, RLV_F_REFUSED, "",
                                                 "a reason"}};
    case 1:
        return (struct record){.kind = RECORD_EVENT,
                               .as.event = {1, CHECK, at_us, "down", "text"}};
    case 2:
        return (struct record){.kind = RECORD_RUN,
                               .as.run = {.number = sequence,
                                          .intended_us = at_us,
                                          .runbook = "look",
                                          .held_by = "",
                                          .reason = "",
                                          .sha256 = "",
                                          .boot_id = "",
                                          .findings = "",
                                          .output = ""}};
    default: break;
    }
    return (struct record){.kind = RECORD_AUDIT,
                           .as.audit = {at_us, "relevo", "run.start", "", ""}};
}

static void append_next(struct fixture *f, bool urgent)
{
    uint64_t sequence = f->sequence + 1;
    if (sequence % KINDS == 4) {
        append_result(f, sequence, urgent);
        return;
    }
    struct record r = record_of(sequence);
    r.grade = is_durable(sequence) ? GRADE_DURABLE : GRADE_RELAXED;
    r.more = has_more(sequence);
    r.urgent = urgent;
    fixture_append(f, r);
}

static int report_to;

static void report(void *arg, uint64_t sequence)
{
    fixture_committed(arg, sequence);
    if (write(report_to, &sequence, sizeof sequence) != sizeof sequence)
        _exit(3);
}

/* Commits of all sizes, packed often, the log emptied now and then. */
static _Noreturn void live(struct fixture *f, const struct crash_plan *plan,
                           uint64_t from)
{
    uint64_t random = plan->seed ^ 0xfeed;
    f->sequence = from;
    f->options.committed = report;
    f->options.hot_rows = 60;
    f->options.keep.max_bytes = 16 << 20;
    crash_begin(plan);
    struct err err = {0};
    f->store = store_open(&f->options, &err);
    if (f->store == NULL) {
        fprintf(stderr, "%s\n", err.text);
        _exit(2);
    }
    while (f->sequence < from + RECORDS) {
        uint64_t dice = crash_random(&random);
        for (uint64_t n = dice % 12 + 1; n > 0 || has_more(f->sequence);
             n -= n > 0)
            append_next(f, dice % 3 == 0);
        if (dice % 3 == 0)
            fixture_sync(f);
    }
    fixture_close(f);
    crash_cut();
    _exit(3);
}

/* The highest sequence that is safe, of those reported before the cut. */
static uint64_t read_reports(int from, uint64_t first)
{
    uint64_t sequence, safe = first, next = first + 1;
    while (read(from, &sequence, sizeof sequence) == sizeof sequence)
        for (; next <= sequence; next++)
            if (next % KINDS != 4 && is_durable(next))
                safe = next;
    close(from);
    return safe;
}

/* The folder after the cut takes the place of the one before it. */
static void take_image(struct fixture *f, const char *into)
{
    static const char *const names[] = {"history.db", "history.db-wal",
                                        "history.db-shm", "history.db-journal"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char from[200], to[200];
        snprintf(from, sizeof from, "%s/%s", into, names[i]);
        snprintf(to, sizeof to, "%s/%s", f->dir, names[i]);
        unlink(to);
        if (rename(from, to) != 0)
            assert_int_equal(errno, ENOENT);
    }
    assert_int_equal(rmdir(into), 0);
}

/* One life from that sequence on, and its cut. Returns what is safe. */
static uint64_t live_and_cut(struct fixture *f, struct crash_plan *plan,
                             uint64_t from)
{
    int ends[2], status;
    char into[100];
    snprintf(into, sizeof into, "%s/after", f->dir);
    assert_int_equal(mkdir(into, 0700), 0);
    plan->into = into;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        report_to = ends[1];
        live(f, plan, from);
    }
    close(ends[1]);
    uint64_t safe = read_reports(ends[0], from);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    take_image(f, into);
    return safe;
}

/* ------------------------------------------------------------- what's left */

struct left {
    bool *seen; /* by sequence */
    size_t size;
    char wrong[200]; /* "": nothing */
};

static void see(struct left *l, int64_t sequence)
{
    if (sequence < 1 || (size_t)sequence >= l->size)
        snprintf(l->wrong, sizeof l->wrong, "record %lld was never written",
                 (long long)sequence);
    else if (l->seen[sequence])
        snprintf(l->wrong, sizeof l->wrong, "record %lld is there twice",
                 (long long)sequence);
    else
        l->seen[sequence] = true;
}

/* In the order in which they were written. */
static void see_rows(struct left *l, sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    int64_t last = 0;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        int64_t sequence = sqlite3_column_int64(stmt, 0);
        if (sequence <= last)
            snprintf(l->wrong, sizeof l->wrong, "record %lld after %lld",
                     (long long)sequence, (long long)last);
        see(l, sequence);
        last = sequence;
        rc = SQLITE_OK;
    }
    if (rc != SQLITE_DONE)
        snprintf(l->wrong, sizeof l->wrong, "%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_finalize(stmt);
}

static void see_results(struct left *l, struct fixture *f)
{
    struct err err = {0};
    struct result **results;
    struct reader_window w = {.check = CHECK};
    struct arena *a = arena_new();
    size_t n = 0;
    struct reader *r = reader_open(f->dir, 3, &err);
    if (r == NULL || !reader_history(r, a, &w, &results, &n, &err))
        snprintf(l->wrong, sizeof l->wrong, "%.190s", err.text);
    for (size_t i = 0; i < n; i++)
        see(l, results[i]->started_us);
    struct audit_verdict v = {0};
    if (r != NULL && (!reader_verify_audit(r, &v, &err) || v.bad_id != 0))
        snprintf(l->wrong, sizeof l->wrong, "the audit's chain is broken");
    reader_close(r);
    arena_free(a);
}

static void look_whole(struct left *l, sqlite3 *db)
{
    sqlite3_stmt *stmt = NULL;
    const char *text = NULL;
    if (sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &stmt, NULL) ==
            SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        text = (const char *)sqlite3_column_text(stmt, 0);
    if (text == NULL || strcmp(text, "ok") != 0)
        snprintf(l->wrong, sizeof l->wrong, "damaged: %.150s",
                 text == NULL ? sqlite3_errmsg(db) : text);
    sqlite3_finalize(stmt);
}

/* The last of those that are there without a hole before them. */
static uint64_t last_of(struct left *l, uint64_t safe)
{
    uint64_t last = 0;
    while (last + 1 < l->size && l->seen[last + 1])
        last++;
    for (size_t i = last + 1; i < l->size; i++)
        if (l->seen[i])
            snprintf(l->wrong, sizeof l->wrong, "%zu is there and %llu is not",
                     i, (unsigned long long)last + 1);
    if (l->wrong[0] == '\0' && last < safe)
        snprintf(l->wrong, sizeof l->wrong,
                 "%llu was committed with fsync, the last one there is %llu",
                 (unsigned long long)safe, (unsigned long long)last);
    if (l->wrong[0] == '\0' && has_more(last))
        snprintf(l->wrong, sizeof l->wrong, "half a step, up to %llu",
                 (unsigned long long)last);
    return last;
}

/* Opens as the daemon would, then looks with other eyes. */
static uint64_t look(struct fixture *f, uint64_t from, uint64_t safe,
                     char wrong[200])
{
    struct left l = {.size = from + RECORDS + STEP + 13};
    sqlite3 *db = NULL;
    l.seen = xcalloc(l.size, sizeof *l.seen);
    f->trouble[0] = '\0';
    fixture_open(f);
    fixture_close(f);
    snprintf(l.wrong, sizeof l.wrong, "%.190s", f->trouble);
    assert_int_equal(sqlite3_open(f->file, &db), SQLITE_OK);
    if (l.wrong[0] == '\0')
        look_whole(&l, db);
    see_rows(&l, db, "SELECT at_us FROM transition ORDER BY rowid");
    see_rows(&l, db, "SELECT at_us FROM event ORDER BY rowid");
    see_rows(&l, db, "SELECT intended_us FROM run ORDER BY number");
    see_rows(&l, db, "SELECT at_us FROM audit ORDER BY id");
    sqlite3_close(db);
    see_results(&l, f);
    uint64_t last = last_of(&l, safe);
    memcpy(wrong, l.wrong, sizeof l.wrong);
    free(l.seen);
    return last;
}

/* -------------------------------------------------------------- the tests ---
 */

static uint64_t number_from(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

/* Several lives on one history; true: something was wrong, and what. */
static bool lives(struct fixture *f, uint64_t seed, int count, bool lies,
                  char wrong[200])
{
    uint64_t last = 0;
    for (int i = 0; i < count; i++) {
        uint64_t random = seed + (uint64_t)i;
        struct crash_plan plan = {
            .seed = seed + (uint64_t)i,
            .operations = (long)(crash_random(&random) % MOST_CUT) + 1,
            .lies = lies};
        uint64_t safe = live_and_cut(f, &plan, last);
        last = look(f, last, safe, wrong);
        if (wrong[0] != '\0') {
            print_message("RELEVO_SEED=%llu, cut at operation %ld%s: %s\n",
                          (unsigned long long)plan.seed, plan.operations,
                          lies ? ", of a disk that lies" : "", wrong);
            return true;
        }
    }
    return false;
}

static void another_folder(void **state)
{
    fixture_teardown(state);
    fixture_setup(state);
}

static void test_nothing_synced_is_lost(void **state)
{
    bool is_long = getenv("RELEVO_LONG") != NULL;
    uint64_t seed = number_from("RELEVO_SEED", 1);
    int cuts = is_long ? 500 : 20;
    char wrong[200];
    for (int done = 0; done < cuts; done += LIVES) {
        int count = cuts - done < LIVES ? cuts - done : LIVES;
        print_message("RELEVO_SEED=%llu, %d cuts\n",
                      (unsigned long long)seed + (unsigned)done, count);
        if (lives(*state, seed + (unsigned)done, count, false, wrong))
            fail_msg("%s", wrong);
        another_folder(state);
    }
}

static void test_a_disk_that_lies_is_found_out(void **state)
{
    char wrong[200];
    int found = 0;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        found += lives(*state, seed, 2, true, wrong);
        another_folder(state);
    }
    assert_true(found > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_synced_is_lost,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_disk_that_lies_is_found_out,
                                        fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests_name("store: power", tests, NULL, NULL);
}

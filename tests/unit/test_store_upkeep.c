/* The file looked at from outside: sizes, soundness, a copy of it while it is
 * being written. */
#include "test_store_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "store/upkeep.h"

#define T0 INT64_C(1700000000000000)

static int setup(void **state)
{
    fixture_setup(state);
    struct fixture *f = *state;
    f->options.hot_rows = 500;
    return 0;
}

/* 3000 results of three checks, 2 packings or more, some still in hot. */
static void fill(struct fixture *f)
{
    static const enum outcome outcomes[] = {OUTCOME_OK, OUTCOME_OK, OUTCOME_OK,
                                            OUTCOME_FAIL, OUTCOME_WARN};
    for (int i = 0; i < 3000; i++) {
        fixture_append_result(f, (uint32_t)i % 3 + 1, T0 + i * 10 * US_PER_S,
                              outcomes[i % 5]);
        if (i % 1000 == 999)
            fixture_sync(f);
    }
    for (int i = 0; i < 20; i++)
        fixture_append_audit(f, "x");
    fixture_sync(f);
}

/* -------------------------------------------------------------- inspect --- */

struct told {
    char text[4000];
};

static void on_finding(void *arg, const char *text)
{
    struct told *t = arg;
    size_t n = strlen(t->text);
    snprintf(t->text + n, sizeof t->text - n, "%s\n", text);
}

static uint64_t inspect(struct fixture *f, struct told *t)
{
    struct err err = {0};
    struct inspection i = {.finding = on_finding, .arg = t};
    struct reader *r = fixture_reader(f);
    t->text[0] = '\0';
    if (!reader_inspect(r, &i, &err))
        fail_msg("%s", err.text);
    reader_close(r);
    return i.findings;
}

static void assert_sound(struct fixture *f)
{
    struct told t;
    if (inspect(f, &t) != 0)
        fail_msg("%s", t.text);
}

static void assert_finding(struct fixture *f, const char *sql,
                           const char *words)
{
    struct told t;
    fixture_sql(f, sql);
    assert_true(inspect(f, &t) > 0);
    if (strstr(t.text, words) == NULL)
        fail_msg("\"%s\" is not in:\n%s", words, t.text);
}

static void test_a_sound_file(void **state)
{
    struct fixture *f = *state;
    struct told t;
    struct err err = {0};
    struct inspection i = {.finding = on_finding, .arg = &t};
    fixture_open(f);
    assert_sound(f); /* empty */
    fill(f);
    assert_sound(f); /* while the writer has it */
    fixture_close(f);
    struct reader *r = fixture_reader(f);
    t.text[0] = '\0';
    assert_true(reader_inspect(r, &i, &err));
    reader_close(r);
    assert_int_equal(i.findings, 0);
    assert_int_equal(i.checks, 3);
    assert_int_equal(i.results,
                     fixture_number(f, "SELECT total(n) FROM chunk"));
    assert_true(i.results >= 2000);
    assert_true(i.periods > 100);
    assert_int_equal(i.audit_rows, 20);
}

static void test_what_is_not_sound_is_found(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fill(f);
    fixture_close(f);
    assert_finding(f,
                   "UPDATE rollup_hour SET data = (SELECT data FROM rollup_hour"
                   " ORDER BY t0 LIMIT 1) WHERE t0 = (SELECT max(t0) FROM"
                   " rollup_hour) AND check_id = 1",
                   "its rollup counts");
    assert_finding(f, "DELETE FROM rollup_minute WHERE check_id = 2",
                   "check 2: the minute of 2023-11-14T22:");
    assert_finding(f, "UPDATE rollup_day SET data = x'02' WHERE check_id = 3",
                   "check 3: the rollup by day of 2023-11-14");
    assert_finding(f, "UPDATE chunk SET n = n + 1 WHERE check_id = 1",
                   "cannot be decoded");
    assert_finding(f,
                   "DROP TRIGGER audit_update;"
                   "UPDATE audit SET object = 'y' WHERE id = 7",
                   "audit row 7");
}

static void test_damaged_pages_are_found(void **state)
{
    struct fixture *f = *state;
    struct told t;
    fixture_open(f);
    fill(f);
    fixture_close(f);
    int64_t root = fixture_number(
        f, "SELECT rootpage FROM sqlite_schema WHERE name = 'detail'");
    char garbage[4096];
    memset(garbage, 0x5a, sizeof garbage);
    int fd = open(f->file, O_RDWR);
    assert_int_equal(pwrite(fd, garbage, sizeof garbage, (root - 1) * 4096),
                     (int)sizeof garbage);
    close(fd);
    assert_true(inspect(f, &t) > 0);
    assert_non_null(strstr(t.text, "SQLite"));
}

/* Where results were deleted, rollups have nothing to agree with. */
static void test_sound_after_results_were_deleted(void **state)
{
    struct fixture *f = *state;
    f->options.purge_ns = 10 * NS_PER_MS;
    f->options.hot_ns = 50 * NS_PER_MS;
    fixture_open(f);
    fill(f);
    fixture_sleep_ms(200);
    struct history_spec keep = {.raw_ns = 1};
    store_keep(f->store, &keep);
    fixture_append_audit(f, "wakes the writer");
    for (int i = 0; fixture_number(f, "SELECT count(*) FROM chunk") > 0; i++) {
        if (i > 4000)
            fail_msg("not deleted");
        fixture_sleep_ms(5);
    }
    assert_true(fixture_number(f, "SELECT count(*) FROM rollup_day") > 0);
    assert_sound(f);
}

/* ---------------------------------------------------------------- stats --- */

static const struct table_stats *table(const struct store_stats *s,
                                       const char *name)
{
    for (size_t i = 0; i < s->table_count; i++)
        if (strcmp(s->tables[i].name, name) == 0)
            return &s->tables[i];
    fail_msg("no table %s", name);
    return NULL;
}

static void test_stats(void **state)
{
    struct fixture *f = *state;
    struct store_stats s;
    struct err err = {0};
    f->options.keep = (struct history_spec){.raw_ns = 7, .max_bytes = 1 << 30};
    fixture_open(f);
    fill(f);
    struct reader *r = fixture_reader(f);
    if (!reader_stats(r, f->arena, &s, &err))
        fail_msg("%s", err.text);
    reader_close(r);
    assert_true(s.version >= 3);
    assert_true(s.can_shrink);
    assert_true(s.file_bytes > 0);
    assert_int_equal(s.keep.raw_ns, 7);
    assert_int_equal(s.keep.max_bytes, 1 << 30);
    assert_int_equal(s.lost, 0);
    assert_int_equal(table(&s, "hot")->rows + table(&s, "chunk")->rows, 3000);
    assert_int_equal(table(&s, "detail")->rows, 1200);
    assert_int_equal(table(&s, "audit")->rows, 20);
    assert_int_equal(table(&s, "chunk")->oldest_us, T0);
    assert_true(table(&s, "detail")->bytes >= 20 * 1200);
    for (size_t i = 1; i < s.table_count; i++)
        assert_true(s.tables[i].bytes <= s.tables[i - 1].bytes);
}

/* --------------------------------------------------------------- backup --- */

static char *beside(struct fixture *f, const char *name)
{
    return arena_printf(f->arena, "%s/%s", f->dir, name);
}

static bool backup(struct fixture *f, const char *file, struct err *err)
{
    struct reader *r = fixture_reader(f);
    bool ok = reader_backup(r, file, NULL, NULL, err);
    reader_close(r);
    return ok;
}

static void *write_on(void *arg)
{
    struct fixture *f = arg;
    for (int i = 0; i < 3000; i++) {
        fixture_append_audit(f, "meanwhile");
        fixture_append_result(f, 9, T0 + i * US_PER_S, OUTCOME_FAIL);
        if (i % 100 == 0)
            fixture_sleep_ms(1);
    }
    return NULL;
}

static void test_a_backup_while_it_is_written(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct stat st;
    pthread_t writer;
    char *copy = beside(f, "copy.db");
    fixture_open(f);
    fill(f);
    assert_int_equal(pthread_create(&writer, NULL, write_on, f), 0);
    bool ok = backup(f, copy, &err);
    pthread_join(writer, NULL);
    if (!ok)
        fail_msg("%s", err.text);
    fixture_sync(f);
    fixture_close(f);
    assert_int_equal(stat(copy, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(fixture_files(f, "copy.db"), 1); /* and nothing beside */
    /* It is a history like any other, as of one instant. */
    assert_int_equal(rename(copy, f->file), 0);
    assert_sound(f);
    assert_true(fixture_number(f, "SELECT count(*) FROM audit") >= 20);
    int64_t sequence = (int64_t)f->sequence;
    fixture_open(f);
    fixture_append_audit(f, "goes on");
    fixture_sync(f);
    assert_true((int64_t)f->sequence > sequence);
    fixture_close(f);
    assert_sound(f);
}

static void test_a_backup_overwrites_nothing(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    char *copy = beside(f, "copy.db"), *partial = beside(f, "copy.db.partial");
    char text[8] = "";
    fixture_open(f);
    fill(f);
    FILE *out = fopen(copy, "w");
    fputs("mine", out);
    fclose(out);
    assert_false(backup(f, copy, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_non_null(strstr(err.text, "never overwrites"));
    out = fopen(copy, "r");
    assert_non_null(fgets(text, sizeof text, out));
    fclose(out);
    assert_string_equal(text, "mine");
    assert_int_equal(remove(copy), 0);
    assert_int_equal(symlink("/nonexistent", copy), 0);
    assert_false(backup(f, copy, &err)); /* not through a link either */
    assert_int_equal(remove(copy), 0);
    out = fopen(partial, "w");
    fclose(out);
    assert_false(backup(f, copy, &err));
    assert_non_null(strstr(err.text, ".partial"));
    assert_int_not_equal(access(copy, F_OK), 0);
    assert_int_equal(access(partial, F_OK), 0); /* not ours */
}

static void test_a_backup_that_fails_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct rlimit whole, small;
    fixture_open(f);
    fill(f);
    fixture_close(f);
    assert_false(backup(f, "/nonexistent/copy.db", &err));
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &whole), 0);
    small = (struct rlimit){65536, whole.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    bool ok = backup(f, beside(f, "copy.db"), &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &whole), 0);
    assert_false(ok);
    assert_int_equal(fixture_files(f, "copy.db"), 0);
    assert_true(backup(f, beside(f, "copy.db"), &err));
}

#define CASE(test) \
    cmocka_unit_test_setup_teardown(test, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_sound_file),
        CASE(test_what_is_not_sound_is_found),
        CASE(test_damaged_pages_are_found),
        CASE(test_sound_after_results_were_deleted),
        CASE(test_stats),
        CASE(test_a_backup_while_it_is_written),
        CASE(test_a_backup_overwrites_nothing),
        CASE(test_a_backup_that_fails_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

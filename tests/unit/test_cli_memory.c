/* The n-th allocation fails: once, or from then on. Short lives of the core's
 * units (expressions, cron, a configuration, the store, the model over an
 * incident, the readers' commands, messages) are lived in a process of their
 * own each: it ends in an orderly way, having done it, told an error or said
 * "out of memory", and gives back what it took; what its store had reported as
 * committed is in the file. Two hundred by a seed (RELEVO_SEED); RELEVO_LONG=1:
 * each n. A configuration is read with ever more memory, too. Sanitizers
 * have their own allocator: skipped there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "conf/conf.h"
#include "expect/expect.h"
#include "lib/world.h"
#include "report/json.h"
#include "store/store.h"
#include "wire/msg.h"

enum { SAMPLES = 200, PATIENCE_S = 60 };

/* -------------------------------------------------------- the allocator --- */

static _Atomic long calls, fail_from, fail_to, held; /* from 0: nothing fails */
static _Atomic long room = LONG_MAX;                 /* bytes that there are */

#if !defined(RELEVO_SANITIZED)
/* The libraries are to find ours. */
#pragma GCC visibility push(default)

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void __libc_free(void *);

/* libconfig 1.5 asks for no result of any allocation: one that fails crashes in
 * its own code. That there is room is seen to before (test_no_room). */
static bool is_beyond_help(void)
{
    void *frames[12];
    Dl_info where;
    int n = backtrace(frames, 12);
    for (int i = 0; i < n; i++)
        if (dladdr(frames[i], &where) != 0 && where.dli_fname != NULL &&
            strstr(where.dli_fname, "libconfig") != NULL)
            return true;
    return false;
}

static bool fails(size_t bytes)
{
    if ((long)bytes > atomic_load(&room))
        return true;
    long n = atomic_fetch_add(&calls, 1) + 1, from = atomic_load(&fail_from);
    return from != 0 && n >= from && n <= atomic_load(&fail_to) &&
           !is_beyond_help();
}

static void *taken(void *p)
{
    if (p == NULL)
        return NULL;
    atomic_fetch_add(&held, 1);
    atomic_fetch_sub(&room, (long)malloc_usable_size(p));
    return p;
}

void *malloc(size_t n) { return fails(n) ? NULL : taken(__libc_malloc(n)); }

void *calloc(size_t count, size_t n)
{
    return fails(count * n) ? NULL : taken(__libc_calloc(count, n));
}

void *realloc(void *old, size_t n)
{
    if (fails(n))
        return NULL;
    if (old != NULL) {
        atomic_fetch_sub(&held, 1);
        atomic_fetch_add(&room, (long)malloc_usable_size(old));
    }
    return taken(__libc_realloc(old, n));
}

void free(void *p)
{
    if (p != NULL) {
        atomic_fetch_sub(&held, 1);
        atomic_fetch_add(&room, (long)malloc_usable_size(p));
    }
    __libc_free(p);
}

#pragma GCC visibility pop
#endif

/* ------------------------------------------------------------- the lives ---
 */

/* Without a failure each life does what it is for. */
static void go_wrong(bool wrong, const char *what)
{
    if (!wrong || atomic_load(&fail_from) != 0)
        return;
    fprintf(stderr, "%s: not done\n", what);
    _exit(4);
}

static char dir[64], state[80], config[80];

static void command(const char *const *words)
{
    char *argv[16] = {(char *)(uintptr_t) "relevo"};
    int argc = 1;
    for (; words[argc - 1] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    int status = cli_main(argc, argv);
    fflush(NULL);
    go_wrong(status > EXIT_FINDINGS, words[0]);
}

#define COMMAND(...) command((const char *const[]){__VA_ARGS__, NULL})

static const struct rlv_field fields[] = {{"status", RLV_T_INT},
                                          {"body", RLV_T_BODY}};

static const struct rlv_value *observed(const void *arg, unsigned field,
                                        const char *key)
{
    (void)key;
    return (const struct rlv_value *)arg + field;
}

/* Parsed, evaluated, explained; a regular expression, a path into JSON. */
static void live_expect(void)
{
    static const char *const lines[] = {
        "status == 503 and body contains 'refused'",
        "json('.db') ~ /^ref.*d$/ or status in 200..299"};
    static const char body[] = "{\"db\":\"refused\"}";
    const struct rlv_value values[] = {rlv_int(503),
                                       rlv_body(body, sizeof body - 1)};
    const struct expect_scope scope = {fields, ARRAY_LEN(fields)};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct expect_input in = {observed, values, 0, expect_cache_new()};
        struct expect_error error;
        struct err err;
        struct buf text = {0};
        struct expect *e = expect_parse(lines[i], &scope, &error);
        enum expect_verdict verdict =
            e == NULL ? EXPECT_ERROR : expect_eval(e, &in, &err);
        go_wrong(verdict != EXPECT_TRUE, lines[i]);
        if (e != NULL)
            expect_explain(e, &in, &text);
        expect_free(e);
        expect_cache_free(in.cache);
        buf_free(&text);
    }
}

static void live_cron(void)
{
    COMMAND("cron", "*/15 3 * * 1-5", "--timezone",
            "America/Argentina/Buenos_Aires", "--from", "2026-01-01T00:00:00Z",
            "--count", "5");
}

static void live_readers(void)
{
    COMMAND("status", "--state-dir", state);
    COMMAND("history", "api", "--json", "--state-dir", state);
    COMMAND("history", "api", "--by", "hour", "--state-dir", state);
    COMMAND("incident", "show", "--state-dir", state);
    COMMAND("runbook", "log", "--json", "--state-dir", state);
    COMMAND("db", "check", "--state-dir", state);
}

static void live_conf(void)
{
    struct conf_errors *errors = conf_errors_new();
    struct conf_source source = {.file = config, .state_dir = dir};
    struct conf_draft *draft = conf_read(&source, errors);
    struct buf text = {0};
    conf_errors_write(errors, &text);
    go_wrong(text.len > 0, buf_text(&text));
    buf_free(&text);
    conf_draft_free(draft);
    conf_errors_free(errors);
}

static _Atomic uint64_t *committed; /* shared with the child */

static void on_committed(void *arg, uint64_t sequence)
{
    (void)arg;
    atomic_store(committed, sequence);
}

static void append(struct store *s, uint64_t sequence, struct record r)
{
    r.sequence = sequence;
    r.grade = GRADE_DURABLE;
    store_append(s, record_copy(&r));
}

/* One check, a failing result, an incident. */
static void write_some(struct store *s)
{
    struct result *r = result_new();
    r->check = 1;
    r->started_us = clock_wall_us();
    r->outcome = OUTCOME_FAIL;
    r->fault = RLV_F_REFUSED;
    r->message = "connection refused";
    append(s, 1,
           (struct record){.kind = RECORD_CHECK,
                           .as.check = {1, "api", "", "http", 1}});
    append(s, 2, (struct record){.kind = RECORD_RESULT, .as.result = r});
    append(s, 3,
           (struct record){.kind = RECORD_INCIDENT,
                           .as.incident = {.number = 1,
                                           .check = 1,
                                           .began_us = r->started_us,
                                           .opened_us = r->started_us,
                                           .code = "ECONNREFUSED",
                                           .summary = "refused",
                                           .cause = ""}});
    append(s, 4,
           (struct record){.kind = RECORD_RUN,
                           .as.run = {.number = 1,
                                      .runbook = "look",
                                      .check = 1,
                                      .incident = 1,
                                      .attempt = 1,
                                      .findings = "[]",
                                      .output = "said"}});
    result_free(r);
}

static void live_store_in(const char *where)
{
    struct err err;
    struct store_options options = {
        .dir = where, .committed = on_committed, .close_ns = 300 * NS_PER_MS};
    struct store_snapshot snapshot;
    struct store *s = store_open(&options, &err);
    if (s == NULL)
        return;
    if (store_load(s, clock_wall_us(), &snapshot, &err))
        store_snapshot_free(&snapshot);
    write_some(s);
    store_close(s);
}

static const char *store_of(pid_t pid)
{
    static char where[100];
    snprintf(where, sizeof where, "%s/store-%d", dir, (int)pid);
    return where;
}

static void live_store(void) { live_store_in(store_of(getpid())); }

static int count_rows(sqlite3 *db, const char *table)
{
    char query[80];
    sqlite3_stmt *st = NULL;
    snprintf(query, sizeof query, "SELECT count(*) FROM %s", table);
    int count = -1;
    if (sqlite3_prepare_v2(db, query, -1, &st, NULL) == SQLITE_OK &&
        sqlite3_step(st) == SQLITE_ROW)
        count = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    return count;
}

/* What the store of that process has reported as committed is there: the
 * records of write_some, whose n-th is the first row of the n-th table. */
static bool has_kept(pid_t pid)
{
    static const char *const tables[] = {"\"check\"", "hot", "incident", "run"};
    char path[120];
    uint64_t count = atomic_load(committed);
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/history.db", store_of(pid));
    bool kept = sqlite3_open(path, &db) == SQLITE_OK || count == 0;
    for (size_t i = 0; kept && i < count && i < ARRAY_LEN(tables); i++)
        kept = count_rows(db, tables[i]) == 1;
    sqlite3_close(db);
    return kept;
}

/* Up, down with an incident and its runbooks, up again. */
static void live_model(void)
{
    static struct world w;
    world_begin(&w, 2, 10 * NS_PER_S);
    world_book(&w, "look", RUNBOOK_DIAGNOSE, 1u << ON_SUSPECT);
    world_book(&w, "call", RUNBOOK_NOTIFY, 1u << ON_DOWN | 1u << ON_RECOVERED);
    world_config(&w);
    for (int i = 0; i < 12; i++) {
        bool bad = i > 2 && i < 8;
        world_next(&w, 1, bad ? OUTCOME_FAIL : OUTCOME_OK,
                   bad ? RLV_F_REFUSED : RLV_F_NONE, bad ? "ECONNREFUSED" : "");
        for (uint64_t run = 1; run <= model_last_run(w.model); run++)
            world_run_ends(&w, run, 0, "the database");
    }
    world_wait(&w, 60 * NS_PER_S);
    go_wrong(strstr(buf_text(&w.log), "incident 1 resolved") == NULL,
             buf_text(&w.log));
    world_end(&w);
}

static void live_wire(void)
{
    struct buf b = {0};
    struct result *r = result_new(), *again;
    r->observations = arena_alloc(r->arena, sizeof *r->observations);
    r->observation_count = 1;
    r->observations[0] = (struct observation){
        .name = "latency", .value = rlv_duration(5), .recorded = true};
    r->message = "well";
    msg_put_result(&b, r);
    again = msg_get_result(b.data, b.len);
    json_decref(report_result(again, "api"));
    result_free(again);
    result_free(r);
    buf_free(&b);
}

static const struct life {
    const char *name;
    void (*live)(void);
} lives[] = {
    {"expect", live_expect}, {"cron", live_cron},   {"readers", live_readers},
    {"conf", live_conf},     {"store", live_store}, {"model", live_model},
    {"wire", live_wire},
};

/* -------------------------------------------------------- each in a child ---
 */

struct ending {
    long calls, held;
    pid_t pid;
};

/* What the child writes of itself, if it lives so long. */
static void be_child(const struct life *life, long from, long to, int out)
{
    int null = open(getenv("SHOW") ? "/dev/stderr" : "/dev/null", O_RDWR);
    alarm(PATIENCE_S); /* a hang ends as a signal */
    for (int i = 1; i < NSIG; i++)
        signal(i, SIG_DFL); /* cmocka catches some */
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    json_set_alloc_funcs(xmalloc, free); /* as main does */
    uv_replace_allocator(xmalloc, xrealloc, xcalloc, free);
    long before = atomic_load(&held);
    atomic_store(&calls, 0);
    atomic_store(&fail_to, to);
    atomic_store(&fail_from, from);
    life->live();
    atomic_store(&fail_from, 0);
    struct ending end = {atomic_load(&calls), atomic_load(&held) - before, 0};
    _exit(fs_write_all(out, &end, sizeof end) ? 0 : 1);
}

/* Its exit status; negative: the signal. */
static int live_with(const struct life *life, long from, long to,
                     struct ending *end)
{
    int ends[2], status = 0;
    assert_int_equal(pipe(ends), 0);
    atomic_store(committed, 0);
    pid_t pid = fork();
    if (pid == 0)
        be_child(life, from, to, ends[1]);
    close(ends[1]);
    *end = (struct ending){0};
    (void)!read(ends[0], end, sizeof *end);
    close(ends[0]);
    end->pid = pid;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static size_t problems;

static void one(const struct life *life, long n, bool once,
                const struct ending *well)
{
    struct ending end;
    int status = live_with(life, n, once ? n : 1L << 60, &end);
    const char *what = status < 0 && status == -SIGALRM       ? "hangs"
                       : status < 0                           ? "crashes"
                       : status != 0 && status != 3           ? "ends oddly"
                       : status == 0 && end.held > well->held ? "leaks"
                       : life->live == live_store && !has_kept(end.pid)
                           ? "loses what was committed"
                           : NULL;
    if (life->live == live_store)
        fs_remove_tree(store_of(end.pid)); /* its number may come again */
    if (what == NULL)
        return;
    problems++;
    fprintf(stderr, "%s: allocation %ld %s: %s (%d, %ld held, %ld when well)\n",
            life->name, n, once ? "fails" : "and all later ones fail", what,
            status, end.held, well->held);
}

static void share_committed(void)
{
    committed = mmap(NULL, sizeof *committed, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(committed, MAP_FAILED);
}

/* Every n, in processes side by side: a life of the store mostly waits. */
static void every_one(const struct life *life, const struct ending *well)
{
    enum { AT_ONCE = 16 };
    pid_t pids[AT_ONCE];
    for (int i = 0; i < AT_ONCE; i++) {
        pids[i] = fork();
        if (pids[i] != 0)
            continue;
        problems = 0; /* of this process */
        share_committed();
        for (long n = i + 1; n <= well->calls; n += AT_ONCE) {
            one(life, n, true, well);
            one(life, n, false, well);
        }
        _exit(problems > 0);
    }
    for (int i = 0; i < AT_ONCE; i++) {
        int status = 0;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        problems += status != 0;
    }
}

static void live_through(const struct life *life, long samples)
{
    struct ending well;
    assert_int_equal(live_with(life, 0, 0, &well), 0);
    assert_true(well.calls > 0);
    if (life->live == live_store) {
        assert_int_equal(atomic_load(committed), 4);
        assert_true(has_kept(well.pid));
        fs_remove_tree(store_of(well.pid));
    }
    bool all = getenv("RELEVO_LONG") != NULL;
    fprintf(stderr, "%s: %ld allocations\n", life->name, well.calls);
    if (all)
        every_one(life, &well);
    for (long i = 0; i < samples; i++) {
        long n = 1 + random() % well.calls;
        one(life, n, true, &well);
        one(life, n, false, &well);
    }
}

static void test_allocations(void **unused)
{
    (void)unused;
#if defined(RELEVO_SANITIZED)
    skip();
#endif
    const char *seed = getenv("RELEVO_SEED");
    srandom(seed == NULL ? 1 : (unsigned)strtoul(seed, NULL, 10));
    for (size_t i = 0; i < ARRAY_LEN(lives); i++)
        live_through(&lives[i], SAMPLES / 2 / (long)ARRAY_LEN(lives) + 1);
    assert_int_equal(problems, 0);
}

/* A configuration, with so much memory and no more: whatever it is that gets
 * none, libconfig included, it ends in an orderly way. */
static int read_within(long bytes)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        for (int i = 1; i < NSIG; i++)
            signal(i, SIG_DFL);
        dup2(null, STDERR_FILENO);
        atomic_store(&room, bytes);
        live_conf();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void write_large_conf(void)
{
    struct buf text = {0};
    buf_adds(&text, "defaults = { interval = \"30s\"; };\nchecks = {\n");
    for (int i = 0; i < 200; i++)
        buf_addf(&text, "c%d = { url = \"http://127.0.0.1:1/\"; };\n", i);
    buf_adds(&text, "};\n");
    assert_true(fs_replace(config, text.data, text.len, 0600, NULL));
    buf_free(&text);
}

static void test_no_room(void **unused)
{
    (void)unused;
#if defined(RELEVO_SANITIZED)
    skip();
#endif
    enum { STEP = 4096, MOST = 64 << 20 };
    long bytes = 0;
    int status = 3;
    write_large_conf();
    for (; status != 0 && bytes < MOST; bytes += STEP) {
        status = read_within(bytes);
        if (status != 0 && status != 3)
            fail_msg("%ld bytes: %d", bytes, status);
    }
    fprintf(stderr, "%ld bytes are enough\n", bytes);
    assert_int_equal(status, 0);
    assert_true(bytes > 20L * STEP);
}

static int setup(void **unused)
{
    (void)unused;
    static const char conf[] =
        "defaults = { interval = \"30s\"; };\n"
        "checks = { api = { url = \"http://127.0.0.1:1/\"; expect = [\"status "
        "== 200\"]; depends_on = [\"db\"]; };\n db = { of = \"api\"; expect = "
        "[\"status < 500\"]; }; };\n"
        "vars = { a = { env = \"HOME\"; }; };\n";
    void *frame;
    (void)!backtrace(&frame, 1); /* loads what it needs */
    strcpy(dir, "/tmp/relevo-memory-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(state, sizeof state, "%s/state", dir);
    snprintf(config, sizeof config, "%s/relevo.cfg", dir);
    share_committed();
    live_store_in(state);
    return fs_replace(config, conf, sizeof conf - 1, 0600, NULL) ? 0 : 1;
}

static int teardown(void **unused)
{
    (void)unused;
    fs_remove_tree(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allocations),
        cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

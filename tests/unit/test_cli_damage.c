/* A history that was damaged, in a hundred seeded ways (RELEVO_LONG=1: in a
 * thousand): bits flipped, pages of zeros, a file that was cut, a log with the
 * wrong salt, parts of another file, a folder or a FIFO in its place. Each is
 * read by every command that reads, opened by the store, and given to the
 * model: never a crash, never a hang, never silence. What cannot be read any
 * more is set aside, at the start or while the store writes, and a new file is
 * begun. RELEVO_SEED: the first seed. Sanitizers see to the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "model/model.h"
#include "store/store.h"
#include "test_cli_capture.h"

enum { DAMAGES = 100, LONG_DAMAGES = 1000, CHECKS = 3, PAGE = 4096, PARTS = 3 };

static const char *const parts[PARTS] = {"", "-wal", "-shm"};

struct image { /* a history and what belongs to it, as bytes */
    struct buf part[PARTS];
};

struct fixture {
    char dir[64], state[80], file[100];
    struct image closed, open, other;
    uint64_t random;
    struct store *store;
    _Atomic uint64_t committed;
    uint64_t sequence;
    char told[4000];
};

/* ----------------------------------------------------------- the images --- */

static void append(struct fixture *f, struct record r)
{
    r.sequence = ++f->sequence;
    r.grade = GRADE_DURABLE;
    store_append(f->store, record_copy(&r));
}

static void append_result(struct fixture *f, uint32_t check, int64_t at_us,
                          bool good)
{
    struct result *r = result_new();
    r->check = check;
    r->probe = f->sequence;
    r->started_us = at_us;
    r->duration_ns = 2 * NS_PER_MS + at_us % 1000;
    r->outcome = good ? OUTCOME_OK : OUTCOME_FAIL;
    r->observation_count = 1;
    r->observations = arena_alloc(r->arena, sizeof *r->observations);
    r->observations[0] =
        (struct observation){.name = "latency",
                             .value = rlv_duration(r->duration_ns),
                             .recorded = true};
    if (!good) {
        r->fault = RLV_F_ERROR_RESPONSE;
        snprintf(r->code, sizeof r->code, "503");
        r->message = "status 503 Service Unavailable";
        r->evidence_count = 1;
        r->evidence = arena_alloc(r->arena, sizeof *r->evidence);
        r->evidence[0] =
            (struct evidence){.label = "body", .bytes = "refused", .len = 7};
    }
    append(f, (struct record){.kind = RECORD_RESULT, .as.result = r});
    result_free(r);
}

static void append_incident(struct fixture *f, int64_t at_us)
{
    append(f, (struct record){.kind = RECORD_INCIDENT,
                              .as.incident = {.number = 1,
                                              .check = 1,
                                              .began_us = at_us,
                                              .opened_us = at_us + 1,
                                              .fault = RLV_F_ERROR_RESPONSE,
                                              .code = "503",
                                              .summary = "503",
                                              .cause = "the database"}});
    append(f, (struct record){.kind = RECORD_STATE,
                              .as.state = {.check = 1,
                                           .state = STATE_DOWN,
                                           .since_us = at_us,
                                           .incident = 1}});
    append(f, (struct record){.kind = RECORD_EVENT,
                              .as.event = {1, 1, at_us, "down", "503"}});
    for (uint64_t i = 1; i <= 3; i++)
        append(f, (struct record){.kind = RECORD_RUN,
                                  .as.run = {.number = i,
                                             .runbook = "look",
                                             .check = 1,
                                             .incident = 1,
                                             .state = (enum run_state)(i % 3),
                                             .intended_us = at_us,
                                             .attempt = 1,
                                             .findings = "[]",
                                             .output = "what it said"}});
    append(f, (struct record){.kind = RECORD_IMPACT,
                              .as.impact = {1, 2, at_us, 0}});
    append(f, (struct record){.kind = RECORD_MARK,
                              .as.mark = {at_us, "ana", "deployed", ""}});
}

static void fill(struct fixture *f)
{
    int64_t at_us = clock_wall_us() - 3600 * US_PER_S;
    for (uint32_t i = 1; i <= CHECKS; i++) {
        char name[8];
        snprintf(name, sizeof name, "c%u", i);
        append(f, (struct record){.kind = RECORD_CHECK,
                                  .as.check = {i, name, "", "http", i}});
        append(f, (struct record){.kind = RECORD_STATE,
                                  .as.state = {.check = i, .state = STATE_UP}});
    }
    for (int i = 0; i < 900; i++)
        append_result(f, (uint32_t)i % CHECKS + 1, at_us + i * US_PER_S,
                      i % 9 != 0);
    append_incident(f, at_us);
    for (int i = 0; i < 30; i++)
        append(f, (struct record){.kind = RECORD_AUDIT,
                                  .as.audit = {at_us, "ana", "hold", "x", ""}});
}

static void on_committed(void *arg, uint64_t sequence)
{
    atomic_store(&((struct fixture *)arg)->committed, sequence);
}

/* On the writer's thread, and on ours while opening: never at once. */
static void on_trouble(void *arg, enum store_news news, const char *text)
{
    (void)news;
    struct fixture *f = arg;
    size_t n = strlen(f->told);
    snprintf(f->told + n, sizeof f->told - n, "%s\n", text);
}

static bool open_store(struct fixture *f, struct err *err)
{
    struct store_options options = {.dir = f->state,
                                    .committed = on_committed,
                                    .trouble = on_trouble,
                                    .arg = f,
                                    .hot_rows = 250};
    f->told[0] = '\0';
    f->sequence = 0;
    atomic_store(&f->committed, 0);
    f->store = store_open(&options, err);
    return f->store != NULL;
}

static void sync_store(struct fixture *f)
{
    for (int i = 0; atomic_load(&f->committed) < f->sequence; i++) {
        struct timespec t = {0, NS_PER_MS};
        nanosleep(&t, NULL);
        if (i > 60000)
            fail_msg("committed %llu of %llu: %s",
                     (unsigned long long)atomic_load(&f->committed),
                     (unsigned long long)f->sequence, f->told);
    }
}

static void read_image(struct fixture *f, struct image *out)
{
    for (size_t i = 0; i < PARTS; i++) {
        char path[120];
        snprintf(path, sizeof path, "%s%s", f->file, parts[i]);
        if (!fs_read(path, 64 << 20, &out->part[i], NULL))
            assert_true(i > 0);
    }
}

static void write_image(struct fixture *f, const struct image *image)
{
    assert_int_equal(mkdir(f->state, 0700), 0);
    for (size_t i = 0; i < PARTS; i++) {
        char path[120];
        snprintf(path, sizeof path, "%s%s", f->file, parts[i]);
        if (image->part[i].len > 0)
            assert_true(fs_replace(path, image->part[i].data,
                                   image->part[i].len, 0600, NULL));
    }
}

static void clear(struct fixture *f)
{
    store_close(f->store);
    f->store = NULL;
    fs_remove_tree(f->state);
}

static void make_image(struct fixture *f, struct image *closed,
                       struct image *open)
{
    struct err err = {0};
    assert_true(open_store(f, &err));
    fill(f);
    sync_store(f);
    read_image(f, open);
    store_close(f->store);
    f->store = NULL;
    if (closed != NULL)
        read_image(f, closed);
    clear(f);
}

static int setup(void **state)
{
    static struct fixture f;
    setenv("TZ", "UTC", 1);
    f = (struct fixture){.dir = "/tmp/relevo-cli-XXXXXX"};
    assert_non_null(mkdtemp(f.dir));
    snprintf(f.state, sizeof f.state, "%s/state", f.dir);
    snprintf(f.file, sizeof f.file, "%s/history.db", f.state);
    make_image(&f, &f.closed, &f.open);
    make_image(&f, NULL, &f.other);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    clear(f);
    fs_remove_tree(f->dir);
    for (size_t i = 0; i < PARTS; i++) {
        buf_free(&f->closed.part[i]);
        buf_free(&f->open.part[i]);
        buf_free(&f->other.part[i]);
    }
    return 0;
}

/* ---------------------------------------------------------- the damages --- */

static uint64_t below(struct fixture *f, uint64_t n)
{
    f->random = f->random * 6364136223846793005u + 1442695040888963407u;
    return (f->random >> 33) % n;
}

/* A file of ours, opened to be spoilt; -1: it is not there, or empty. */
static int spoil(const struct fixture *f, size_t part, uint64_t *size)
{
    char path[120];
    struct stat st;
    snprintf(path, sizeof path, "%s%s", f->file, parts[part]);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -1;
    assert_int_equal(fstat(fd, &st), 0);
    *size = (uint64_t)st.st_size;
    if (st.st_size > 0)
        return fd;
    close(fd);
    return -1;
}

static void flip_bits(struct fixture *f, size_t part)
{
    uint64_t size;
    int fd = spoil(f, part, &size);
    for (uint64_t n = fd < 0 ? 0 : 1 + below(f, 24); n > 0; n--) {
        unsigned char byte;
        off_t at = (off_t)below(f, size);
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= (unsigned char)(1u << below(f, 8));
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    if (fd >= 0)
        close(fd);
}

/* Whole pages: of zeros, or of anything. */
static void spoil_pages(struct fixture *f, size_t part, bool zeros)
{
    unsigned char page[PAGE] = {0};
    uint64_t size;
    int fd = spoil(f, part, &size);
    for (uint64_t n = fd < 0 ? 0 : 1 + below(f, 4); n > 0; n--) {
        for (size_t i = 0; !zeros && i < PAGE; i++)
            page[i] = (unsigned char)below(f, 256);
        off_t at = (off_t)(below(f, (size + PAGE - 1) / PAGE) * PAGE);
        assert_int_equal(pwrite(fd, page, PAGE, at), PAGE);
    }
    if (fd >= 0)
        close(fd);
}

static void cut(struct fixture *f, size_t part)
{
    uint64_t size;
    int fd = spoil(f, part, &size);
    if (fd < 0)
        return;
    assert_int_equal(ftruncate(fd, (off_t)below(f, size)), 0);
    close(fd);
}

/* The header of a write-ahead log: its salts are at 16 and 20. */
static void wrong_salt(struct fixture *f)
{
    uint64_t size;
    uint32_t salt = (uint32_t)below(f, UINT32_MAX);
    int fd = spoil(f, 1, &size);
    if (fd < 0)
        return;
    assert_int_equal(pwrite(fd, &salt, 4, below(f, 2) ? 16 : 20), 4);
    close(fd);
}

/* What lies there is something else; size 0: nothing. */
static void put(struct fixture *f, size_t part, const void *bytes, size_t n)
{
    char path[120];
    snprintf(path, sizeof path, "%s%s", f->file, parts[part]);
    remove(path);
    if (n > 0)
        assert_true(fs_replace(path, bytes, n, 0600, NULL));
}

static void put_text(struct fixture *f)
{
    char text[5000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i % 61 == 0 ? '\n' : 'a' + (int)below(f, 26));
    put(f, 0, text, 1 + below(f, sizeof text - 1));
}

static void put_foreign(struct fixture *f, const char *sql)
{
    sqlite3 *db;
    put(f, 0, NULL, 0);
    put(f, 1, NULL, 0);
    put(f, 2, NULL, 0);
    assert_int_equal(sqlite3_open(f->file, &db), SQLITE_OK);
    sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_close(db);
}

/* Two pages in each other's place. */
static void swap_pages(struct fixture *f)
{
    unsigned char a[PAGE], b[PAGE];
    uint64_t size;
    int fd = spoil(f, 0, &size);
    off_t x = (off_t)(below(f, size / PAGE) * PAGE),
          y = (off_t)(below(f, size / PAGE) * PAGE);
    assert_int_equal(pread(fd, a, PAGE, x), PAGE);
    assert_int_equal(pread(fd, b, PAGE, y), PAGE);
    assert_int_equal(pwrite(fd, b, PAGE, x), PAGE);
    assert_int_equal(pwrite(fd, a, PAGE, y), PAGE);
    close(fd);
}

enum sort {
    BITS,
    ZEROS,
    NOISE,
    CUT,
    SWAPPED,
    LOG_BITS,
    LOG_NOISE,
    LOG_CUT,
    LOG_SALT,
    INDEX_NOISE,
    LOG_OF_ANOTHER,
    INDEX_OF_ANOTHER,
    TEXT,
    FOREIGN,
    NEWER,
    FOLDER,
    FIFO,
    SORTS
};

/* With a log beside it (as after a crash), or closed cleanly. */
static void damage(struct fixture *f, enum sort sort)
{
    const struct buf *other = f->other.part;
    switch (sort) {
    case BITS: flip_bits(f, 0); break;
    case ZEROS: spoil_pages(f, 0, true); break;
    case NOISE: spoil_pages(f, 0, false); break;
    case CUT: cut(f, 0); break;
    case SWAPPED: swap_pages(f); break;
    case LOG_BITS: flip_bits(f, 1); break;
    case LOG_NOISE: spoil_pages(f, 1, false); break;
    case LOG_CUT: cut(f, 1); break;
    case LOG_SALT: wrong_salt(f); break;
    case INDEX_NOISE: spoil_pages(f, 2, false); break;
    case LOG_OF_ANOTHER: put(f, 1, other[1].data, other[1].len); break;
    case INDEX_OF_ANOTHER: put(f, 2, other[2].data, other[2].len); break;
    case TEXT: put_text(f); break;
    case FOREIGN: put_foreign(f, "CREATE TABLE theirs(a)"); break;
    case NEWER:
        put_foreign(f, "PRAGMA application_id = 0x524c564f;"
                       "PRAGMA user_version = 4711; CREATE TABLE a(b)");
        break;
    case FOLDER:
        put(f, 0, NULL, 0);
        assert_int_equal(mkdir(f->file, 0700), 0);
        break;
    case FIFO:
        put(f, 0, NULL, 0);
        assert_int_equal(mkfifo(f->file, 0600), 0);
        break;
    default: break;
    }
}

static bool needs_a_person(enum sort sort)
{
    return sort == NEWER || sort == FOLDER || sort == FIFO;
}

/* -------------------------------------------------------------- looking --- */

static void run_command(struct fixture *f, const char *const *words)
{
    struct captured c = capture(f->dir, words);
    assert_in_range(c.status, EXIT_FINE, EXIT_INTERNAL);
    if (c.status > EXIT_FINDINGS && c.err.len == 0)
        fail_msg("%s %s: exit %d and not a word", words[0], words[1], c.status);
    captured_free(&c);
}

/* What a person asks when something is wrong, without a daemon. */
static void read_it(struct fixture *f)
{
    const char *const asked[][8] = {
        {"status", "--state-dir", f->state},
        {"history", "c1", "--state-dir", f->state},
        {"history", "c2", "--json", "--state-dir", f->state},
        {"history", "c1", "--by", "hour", "--state-dir", f->state},
        {"incident", "list", "--state-dir", f->state},
        {"incident", "show", "--state-dir", f->state},
        {"incident", "show", "--json", "--state-dir", f->state},
        {"runbook", "log", "--state-dir", f->state},
        {"db", "check", "--state-dir", f->state},
        {"db", "stats", "--state-dir", f->state},
    };
    for (size_t i = 0; i < ARRAY_LEN(asked); i++)
        run_command(f, asked[i]);
}

/* As the daemon does at its start. */
static void restore_it(struct fixture *f)
{
    struct store_snapshot s;
    struct err err = {0};
    if (!store_load(f->store, clock_wall_us(), &s, &err))
        fail_msg("opened, and not to be loaded: %s", err.text);
    struct model *m = model_new(0);
    for (size_t i = 0; i < s.check_count; i++)
        model_restore_check(m, &s.checks[i]);
    for (size_t i = 0; i < s.state_count; i++)
        model_restore_state(m, &s.states[i]);
    for (size_t i = 0; i < s.incident_count; i++)
        model_restore_incident(m, &s.incidents[i]);
    for (size_t i = 0; i < s.run_count; i++)
        model_restore_run(m, &s.runs[i]);
    for (size_t i = 0; i < s.impact_count; i++)
        model_restore_impact(m, &s.impacts[i]);
    for (size_t i = 0; i < s.window_count; i++)
        model_restore_window(m, &s.windows[i]);
    model_restore_numbers(m, s.last_check, s.last_incident, s.last_run,
                          s.last_window);
    struct event tick = {.kind = EVENT_TICK};
    model_step(m, &tick, clock_now());
    model_free(m);
    store_snapshot_free(&s);
}

static void write_more(struct fixture *f)
{
    int64_t at_us = clock_wall_us();
    for (int i = 0; i < 300; i++)
        append_result(f, (uint32_t)i % CHECKS + 1, at_us + i, i % 9 != 0);
    append_incident(f, at_us);
    append(f, (struct record){.kind = RECORD_AUDIT,
                              .as.audit = {at_us, "ana", "hold", "y", ""}});
    sync_store(f);
}

static void go_on(struct fixture *f)
{
    write_more(f);
    store_close(f->store);
    f->store = NULL;
    read_it(f);
}

/* It lay there damaged when we came. */
static void before_the_start(struct fixture *f, enum sort sort)
{
    struct err err = {0};
    damage(f, sort);
    read_it(f);
    if (!open_store(f, &err)) {
        if (!needs_a_person(sort))
            fail_msg("refused: %s", err.text);
        assert_non_null(strstr(err.text, "history.db"));
        return;
    }
    assert_false(needs_a_person(sort));
    restore_it(f);
    go_on(f);
}

/* It is damaged under our hands; what needs another inode is a start's. */
static void while_running(struct fixture *f, enum sort sort)
{
    struct err err = {0};
    if (sort >= LOG_OF_ANOTHER || sort == INDEX_NOISE)
        sort = (enum sort)(sort % SWAPPED);
    assert_true(open_store(f, &err));
    write_more(f);
    damage(f, sort);
    write_more(f);
    go_on(f);
}

static void one_damage(struct fixture *f, uint64_t seed)
{
    f->random = seed * 2654435761u + 1;
    enum sort sort = (enum sort)(seed % SORTS);
    bool running = seed / SORTS % 3 == 2;
    bool closed = sort < LOG_BITS && seed / SORTS % 3 == 1;
    write_image(f, closed ? &f->closed : &f->open);
    if (running)
        while_running(f, sort);
    else
        before_the_start(f, sort);
    clear(f);
}

static void test_damages(void **state)
{
    struct fixture *f = *state;
    const char *first = getenv("RELEVO_SEED");
    uint64_t from = first == NULL ? 1 : strtoull(first, NULL, 10);
    uint64_t n = getenv("RELEVO_LONG") == NULL ? DAMAGES : LONG_DAMAGES;
    for (uint64_t seed = from; seed < from + n; seed++) {
        fprintf(stderr, "RELEVO_SEED=%llu\r", (unsigned long long)seed);
        one_damage(f, seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_damages, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

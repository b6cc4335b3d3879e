/* store/writer.c: the SQLite store as the daemon sees it: a queue and the one
 * thread that owns the write connection.
 *
 * Happy path: append queues a record and returns; the thread takes what has
 * gathered (500 ms or 2,000 relaxed records; at once when a durable or urgent
 * one is among them), writes it in one transaction, with fsync when a durable
 * one is among it, and reports the last sequence. When hot has enough rows or
 * is old enough it is packed. The write-ahead log is emptied hourly and when
 * it is large. What is old or too much is deleted between two batches.
 *
 * Ways it can fail:
 *   the disk refuses      the batch is kept and tried again after 100 ms to
 *                         5 s; told when it begins and when it ends
 *   the file is damaged,  set aside; a new one gets what is needed to go on
 *   removed, replaced     (mirror.h), then the batch
 *   one record's values   it alone is dropped and counted
 *   do not fit
 *   a reader never ends   results are dropped once the log is at its bound
 *                         (wal.c); counted, told
 *   the queue is full     good results go first (queue.h); counted, told
 *   closing while the     given up after 5 s; what is left is counted as lost
 *   disk refuses */
#include "store/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/fs.h"
#include "base/mem.h"

#define HOT_ROWS       100000
#define HOT_NS         (600 * NS_PER_S)
#define RETRY_LEAST_NS (100 * NS_PER_MS)
#define RETRY_MOST_NS  (5 * NS_PER_S)
#define CLOSE_NS       (5 * NS_PER_S)
#define MOST_NS        (3600 * NS_PER_S)
#define PACK_AGAIN_NS  (1 * NS_PER_S)
#define TROUBLE_NS     (10 * NS_PER_S)

enum { PACK_PATIENCE = 3, START_RETRIES = 2, NEW_FILES = 3 };

static struct sqlite_store *self(const struct store *s)
{
    return (struct sqlite_store *)(void *)(uintptr_t)s;
}

static uint64_t lost(const struct store *base)
{
    struct sqlite_store *s = self(base);
    return queue_dropped(&s->queue) + atomic_load(&s->refused);
}

static struct store_pulse pulse(const struct store *base)
{
    struct sqlite_store *s = self(base);
    int doing = atomic_load(&s->doing);
    return (struct store_pulse){
        atomic_load(&s->turns),
        doing == WRITER_WAITS_DISK ||
            (doing == WRITER_WAITS_RECORDS && queue_is_empty(&s->queue))};
}

/* ---------------------------------------------------------------- tell --- */

/* Once until it works again: what comes after the first refusal (a connection
 * that cannot be opened anew) has the same cause. */
static void tell_trouble(struct sqlite_store *s, const char *text)
{
    if (s->is_troubled)
        return;
    s->is_troubled = true;
    writer_tell(s, STORE_REFUSED, "%s; results wait in memory, trying again",
                text);
}

static void tell_works(struct sqlite_store *s)
{
    if (s->is_troubled)
        writer_tell(s, STORE_WRITES, "history: writing again");
    s->is_troubled = false;
}

/* Said when losing begins, and how many when a commit has made room. */
static void tell_losses(struct sqlite_store *s, bool committed)
{
    uint64_t now = queue_dropped(&s->queue);
    if (!s->is_losing && now > s->lost_before) {
        s->is_losing = true;
        writer_tell(
            s, STORE_LOSES,
            "history: %zu MiB wait to be written: the oldest good results "
            "are being dropped",
            s->queue.limit >> 20);
    } else if (s->is_losing && committed) {
        writer_tell(
            s, STORE_LOST,
            "history: %llu results were dropped while the disk was behind",
            (unsigned long long)(now - s->lost_before));
        s->is_losing = false;
        s->lost_before = now;
    }
}

/* -------------------------------------------------------------- commit --- */

static int set_synchronous(struct sqlite_store *s, bool full)
{
    if (full == s->is_full)
        return SQLITE_OK;
    int rc = db_exec(&s->db, full ? "PRAGMA synchronous = FULL"
                                  : "PRAGMA synchronous = NORMAL");
    if (rc == SQLITE_OK)
        s->is_full = full;
    return rc;
}

/* Records that are not written, their number, and why: their values do not fit
 * ("": there is no room in the log, which is told elsewhere). */
struct left_out {
    uint64_t count;
    char text[200];
};

static int write_batch(struct sqlite_store *s, const struct batch *b,
                       struct counters *c, uint64_t *results,
                       struct left_out *left_out)
{
    bool no_results = s->retention.log_is_stuck;
    for (const struct queued *n = b->first; n != NULL; n = n->next) {
        if (no_results && n->record->kind == RECORD_RESULT) {
            left_out->count++;
            continue;
        }
        int rc = write_record(&s->db, s->options.node, n->record, c);
        if (db_failure_of(rc) == DB_ILL) {
            left_out->count++;
            snprintf(left_out->text, sizeof left_out->text, "%s",
                     sqlite3_errmsg(s->db.handle));
        } else if (rc != SQLITE_OK)
            return rc;
        *results += n->record->kind == RECORD_RESULT;
    }
    return write_counters(&s->db, s->options.node, &s->counters, c);
}

static int try_commit(struct sqlite_store *s, const struct batch *b)
{
    uint64_t lost_now = lost(&s->base), results = 0;
    struct counters c = retain_counters(s);
    struct left_out left_out = {0};
    c.lost += lost_now - s->lost_counted;
    wal_is_stuck(s);
    int rc = set_synchronous(s, b->durable);
    if (rc == SQLITE_OK)
        rc = db_exec(&s->db, "BEGIN IMMEDIATE");
    if (rc == SQLITE_OK)
        rc = write_batch(s, b, &c, &results, &left_out);
    if (FAILPOINT("store.before_commit"))
        rc = SQLITE_IOERR;
    if (rc == SQLITE_OK)
        rc = db_exec(&s->db, "COMMIT");
    if (rc != SQLITE_OK)
        return rc;
    s->counters = c;
    s->lost_counted = lost_now;
    s->hot_rows += results;
    if (s->hot_rows > 0 && s->hot_since_ns == WRITER_NEVER)
        s->hot_since_ns = clock_mono_ns();
    atomic_fetch_add(&s->refused, left_out.count);
    if (left_out.text[0] != '\0')
        writer_tell(s, STORE_REMARK,
                    "history: %llu records do not fit and are dropped: %s",
                    (unsigned long long)left_out.count, left_out.text);
    return SQLITE_OK;
}

/* One attempt; on failure the connection is closed unless it is worth
 * keeping. */
static enum db_failure attempt(struct sqlite_store *s, const struct batch *b,
                               struct err *err)
{
    if (s->db.handle == NULL) {
        enum db_failure failure = writer_open_file(s, err);
        if (failure != DB_FINE)
            return failure;
    } else if (writer_lost_file(s, err)) {
        return writer_replace_file(s, err) == DB_FINE ? DB_BROKEN : DB_REFUSED;
    }
    int rc = try_commit(s, b);
    if (rc == SQLITE_OK)
        return DB_FINE;
    enum db_failure failure = db_failure_now(&s->db, rc);
    db_err(&s->db, err, "writing");
    db_exec(&s->db, "ROLLBACK");
    if (failure == DB_BROKEN)
        return writer_replace_file(s, err) == DB_FINE ? DB_BROKEN : DB_REFUSED;
    /* A connection that met a read-only or failing disk stays so. */
    int code = rc & 0xff;
    if (code != SQLITE_BUSY && code != SQLITE_FULL)
        db_close(&s->db);
    return DB_REFUSED;
}

static void go_on(struct sqlite_store *s)
{
    atomic_fetch_add(&s->turns, 1);
    atomic_store(&s->doing, WRITER_WORKS);
}

/* Closing over a disk that refuses has an end. */
static void start_giving_up(struct sqlite_store *s)
{
    if (s->give_up_ns == 0 && queue_is_closing(&s->queue))
        s->give_up_ns = clock_mono_ns() + s->options.close_ns;
}

static void pause_ns(struct sqlite_store *s, int64_t ns)
{
    atomic_store(&s->doing, WRITER_WAITS_DISK);
    queue_pause(&s->queue, ns);
    if (queue_is_closing(&s->queue)) {
        struct timespec t = {0, 100 * NS_PER_MS};
        nanosleep(&t, NULL);
    }
    go_on(s);
}

static void report(struct sqlite_store *s, struct batch *b)
{
    uint64_t sequence = b->last->record->sequence;
    for (struct queued *n = b->first; n != NULL; n = n->next)
        mirror_note(&s->mirror, &n->record);
    if (FAILPOINT("store.after_commit"))
        return;
    if (s->options.committed != NULL)
        s->options.committed(s->options.arg, sequence);
}

/* Until the batch is on disk, or the store is closed over a disk that
 * refuses. */
static void commit(struct sqlite_store *s, struct batch *b)
{
    int64_t delay_ns = RETRY_LEAST_NS;
    int new_files = 0; /* so many at once; more are as bad as a refusal */
    for (;;) {
        struct err err = {0};
        if (s->give_up_ns != 0 && clock_mono_ns() >= s->give_up_ns) {
            atomic_fetch_add(&s->refused, b->count);
            return;
        }
        enum db_failure failure = attempt(s, b, &err);
        if (failure == DB_FINE)
            break;
        if (failure == DB_BROKEN && new_files++ < NEW_FILES)
            continue; /* a new file is there */
        start_giving_up(s);
        tell_trouble(s, err.text);
        tell_losses(s, false);
        pause_ns(s, delay_ns);
        delay_ns = delay_ns * 2 < RETRY_MOST_NS ? delay_ns * 2 : RETRY_MOST_NS;
    }
    tell_works(s);
    tell_losses(s, true);
    report(s, b);
}

/* -------------------------------------------------------- housekeeping --- */

static int64_t pack_due_ns(const struct sqlite_store *s)
{
    if (s->hot_rows == 0 || s->hot_since_ns == WRITER_NEVER)
        return WRITER_NEVER;
    int64_t due_ns = s->hot_rows >= retain_hot_rows(s)
                         ? 0
                         : s->hot_since_ns + s->options.hot_ns;
    return due_ns > s->pack_not_before_ns ? due_ns : s->pack_not_before_ns;
}

static void housekeeping_failed(struct sqlite_store *s, int rc, struct err *err)
{
    if (db_failure_now(&s->db, rc) == DB_BROKEN)
        writer_replace_file(s, err);
    else
        tell_trouble(s, err->text);
}

static void pack_hot(struct sqlite_store *s)
{
    const struct pack_options options = {
        .queue = &s->queue,
        .insist = s->pack_interrupted >= PACK_PATIENCE,
        .rollups = true,
    };
    int rc = set_synchronous(s, false);
    if (rc == SQLITE_OK)
        rc = pack(&s->db, &options);
    if (rc == SQLITE_OK) {
        s->hot_rows = 0;
        s->hot_since_ns = WRITER_NEVER;
        s->pack_interrupted = 0;
        return;
    }
    s->pack_not_before_ns = clock_mono_ns() + PACK_AGAIN_NS;
    if (rc == SQLITE_INTERRUPT) {
        s->pack_interrupted++;
        return;
    }
    struct err err = {0};
    db_err(&s->db, &err, "packing");
    s->pack_not_before_ns += TROUBLE_NS;
    housekeeping_failed(s, rc, &err);
}

static int64_t checkpoint_due_ns(const struct sqlite_store *s)
{
    bool large = wal_bytes(s) > s->retention.log_bytes;
    int64_t due_ns = large ? 0 : s->checkpoint_ns;
    return due_ns > s->checkpoint_not_before_ns ? due_ns
                                                : s->checkpoint_not_before_ns;
}

static void retain_some(struct sqlite_store *s, int64_t now_ns)
{
    struct err err = {0};
    int rc = set_synchronous(s, false);
    if (rc == SQLITE_OK)
        rc = retain(s, now_ns);
    if (rc == SQLITE_OK)
        return;
    db_err(&s->db, &err, "deleting what is old");
    s->retention.purge.running = false;
    s->retain_not_before_ns = now_ns + TROUBLE_NS;
    housekeeping_failed(s, rc, &err);
}

/* What makes the log grow waits while a reader keeps it from being emptied. */
static void keep_house(struct sqlite_store *s)
{
    int64_t now_ns = clock_mono_ns();
    if (s->db.handle == NULL || queue_is_closing(&s->queue))
        return;
    if (checkpoint_due_ns(s) <= now_ns)
        wal_empty(s, now_ns);
    if (s->retention.log_is_stuck && wal_is_stuck(s))
        return;
    if (pack_due_ns(s) <= now_ns)
        pack_hot(s);
    if (s->db.handle != NULL && s->retain_not_before_ns <= now_ns)
        retain_some(s, now_ns);
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t wake_ns(const struct sqlite_store *s)
{
    int64_t most_ns = clock_mono_ns() + MOST_NS;
    if (s->db.handle == NULL)
        return most_ns;
    most_ns = least(most_ns, checkpoint_due_ns(s));
    if (s->retention.log_is_stuck)
        return least(most_ns, s->stuck_not_before_ns);
    int64_t retain_ns = retain_due_ns(s);
    if (retain_ns < s->retain_not_before_ns)
        retain_ns = s->retain_not_before_ns;
    return least(most_ns, least(pack_due_ns(s), retain_ns));
}

static void take_keep(struct sqlite_store *s)
{
    struct history_spec keep;
    pthread_mutex_lock(&s->keep_lock);
    bool changed = s->keep_changed;
    keep = s->keep;
    s->keep_changed = false;
    pthread_mutex_unlock(&s->keep_lock);
    if (!changed)
        return;
    retain_set(s, &keep);
    if (s->db.handle != NULL)
        wal_limit(s);
}

static void *writer_main(void *arg)
{
    struct sqlite_store *s = arg;
    struct batch b;
    for (;;) {
        take_keep(s);
        atomic_store(&s->doing, WRITER_WAITS_RECORDS);
        queue_take(&s->queue, wake_ns(s), &b);
        go_on(s);
        if (FAILPOINT("store.writer_ends"))
            return NULL;
        tell_losses(s, false);
        bool empty = b.first == NULL;
        if (!empty)
            commit(s, &b);
        queue_done(&b);
        if (empty && queue_is_closing(&s->queue))
            break;
        keep_house(s);
    }
    if (s->db.handle != NULL)
        wal_empty(s, clock_mono_ns());
    db_close(&s->db);
    return NULL;
}

/* ----------------------------------------------------------- the table --- */

static void append(struct store *base, struct record *r)
{
    queue_append(&self(base)->queue, r);
}

static void keep(struct store *base, const struct history_spec *spec)
{
    struct sqlite_store *s = self(base);
    pthread_mutex_lock(&s->keep_lock);
    s->keep = *spec;
    s->keep_changed = true;
    pthread_mutex_unlock(&s->keep_lock);
}

static void destroy(struct sqlite_store *s)
{
    pthread_mutex_destroy(&s->keep_lock);
    db_close(&s->db);
    queue_fini(&s->queue);
    mirror_free(&s->mirror);
    free(s->wal);
    free(s->path);
    free(s->dir);
    free(s);
}

static void close_store(struct store *base)
{
    struct sqlite_store *s = self(base);
    queue_close(&s->queue);
    pthread_join(s->thread, NULL);
    destroy(s);
}

static bool load(struct store *base, int64_t now_us, struct store_snapshot *out,
                 struct err *err)
{
    const struct sqlite_store *s = self(base);
    struct err why = {0};
    if (sqlite_load(s->dir, s->options.node, now_us, out, &why))
        return true;
    if (why.code != ERR_NOT_FOUND)
        return err_set(err, why.code, 0, "%s", why.text);
    /* There is none, and none could be begun. */
    *out = (struct store_snapshot){.arena = arena_new()};
    return true;
}

static const struct store_ops ops = {
    .append = append,
    .close = close_store,
    .lost = lost,
    .pulse = pulse,
    .load = load,
    .keep = keep,
};

static struct sqlite_store *new_store(const struct store_options *options)
{
    struct sqlite_store *s = xcalloc(1, sizeof *s);
    s->base.ops = &ops;
    s->options = *options;
    s->dir = xstrdup(options->dir);
    s->options.dir = s->dir;
    s->path = xasprintf("%s/%s", s->dir, STORE_FILE);
    s->wal = xasprintf("%s-wal", s->path);
    if (s->options.hot_rows == 0)
        s->options.hot_rows = HOT_ROWS;
    if (s->options.close_ns == 0)
        s->options.close_ns = CLOSE_NS;
    if (s->options.hot_ns == 0)
        s->options.hot_ns = HOT_NS;
    s->hot_since_ns = WRITER_NEVER;
    s->checkpoint_ns = clock_mono_ns() + MOST_NS;
    pthread_mutex_init(&s->keep_lock, NULL);
    size_t limit = options->queue_bytes;
    if (FAILPOINT("store.small_queue"))
        limit = 1 << 20;
    queue_init(&s->queue, limit > 0 ? limit : STORE_QUEUE_BYTES);
    retain_set(s, &options->keep);
    return s;
}

/* The mirror begins with what the file knows. */
static bool fill_mirror(struct sqlite_store *s, struct err *err)
{
    struct store_snapshot snapshot;
    if (!sqlite_load(s->dir, s->options.node, clock_wall_us(), &snapshot, err))
        return false;
    mirror_load(&s->mirror, &snapshot);
    store_snapshot_free(&snapshot);
    return true;
}

/* What refuses once may have been a moment's weakness. */
static enum db_failure open_at_start(struct sqlite_store *s, struct err *err)
{
    struct timespec pause = {0, RETRY_LEAST_NS};
    enum db_failure failure = writer_open_file(s, err);
    for (int i = 0; failure == DB_REFUSED && i < START_RETRIES; i++) {
        nanosleep(&pause, NULL);
        failure = writer_open_file(s, err);
    }
    return failure;
}

static bool start_file(struct sqlite_store *s, struct err *err)
{
    enum db_failure failure = open_at_start(s, err);
    if (failure == DB_FINE && fill_mirror(s, err))
        return true;
    /* Damage that only reading all of what we need has shown. */
    if (failure == DB_FINE && err->code == ERR_PROTOCOL) {
        failure = writer_replace_file(s, err);
        if (failure == DB_FINE)
            return true;
    }
    if (failure != DB_REFUSED)
        return false;
    tell_trouble(s, err->text);
    struct err unread;
    (void)!fill_mirror(s, &unread); /* store_load says so */
    return true;
}

struct store *sqlite_store_open(const struct store_options *options,
                                struct err *err)
{
    struct err ours = {0};
    if (!fs_mkdirs(options->dir, 0700, &ours)) {
        err_set(err, ours.code, 0, "%s", ours.text);
        return NULL;
    }
    struct sqlite_store *s = new_store(options);
    bool ok = start_file(s, &ours);
    int rc = ok ? pthread_create(&s->thread, NULL, writer_main, s) : 0;
    if (rc != 0)
        ok = err_set(&ours, ERR_IO, rc, "history: start the writer");
    if (ok)
        return &s->base;
    err_set(err, ours.code, 0, "%s", ours.text);
    destroy(s);
    return NULL;
}

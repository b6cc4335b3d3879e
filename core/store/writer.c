/* store/writer.c: the SQLite store as the daemon sees it: a queue and the one
 * thread that owns the write connection.
 *
 * Happy path: append queues a record and returns; the thread takes what has
 * gathered (250 ms or 2,000 relaxed records; at once when a durable or urgent
 * one is among them), writes it in one transaction, with fsync when a durable
 * one is among it, and reports the last sequence. When hot has enough rows or
 * is old enough it is packed. The write-ahead log is emptied hourly and when
 * it is large.
 *
 * Ways it can fail:
 *   the disk refuses      the batch is kept and tried again after 100 ms to
 *                         5 s; told when it begins and when it ends
 *   the file is damaged   set aside; a new one gets what is needed to go on
 *                         (mirror.h), then the batch
 *   one record's values   it alone is dropped and counted
 *   do not fit
 *   the queue is full     good results go first (queue.h); counted, told
 *   closing while the     given up after 5 s; what is left is counted as lost
 *   disk refuses */
#include "store/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/fs.h"
#include "base/mem.h"

#define HOT_ROWS       100000
#define HOT_NS         (600 * NS_PER_S)
#define RETRY_LEAST_NS (100 * NS_PER_MS)
#define RETRY_MOST_NS  (5 * NS_PER_S)
#define CLOSE_NS       (5 * NS_PER_S)
#define WAL_BYTES      ((off_t)64 << 20)
#define CHECKPOINT_NS  (3600 * NS_PER_S)
#define CHECKPOINT_MIN (10 * NS_PER_S) /* between two attempts */
#define PACK_AGAIN_NS  (1 * NS_PER_S)

enum { PACK_PATIENCE = 3, CHECKPOINT_BUSY_MS = 100 };

static struct sqlite_store *self(const struct store *s)
{
    return (struct sqlite_store *)(void *)(uintptr_t)s;
}

static uint64_t lost(const struct store *base)
{
    struct sqlite_store *s = self(base);
    return queue_dropped(&s->queue) + atomic_load(&s->refused);
}

/* ---------------------------------------------------------------- tell --- */

/* Once until it works again: what comes after the first refusal (a connection
 * that cannot be opened anew) has the same cause. */
static void tell_trouble(struct sqlite_store *s, const char *text)
{
    if (s->is_troubled)
        return;
    s->is_troubled = true;
    writer_tell(s, "%s; results wait in memory, trying again", text);
}

static void tell_works(struct sqlite_store *s)
{
    if (s->is_troubled)
        writer_tell(s, "history: writing again");
    s->is_troubled = false;
}

/* Said when losing begins, and how many when a commit has made room. */
static void tell_losses(struct sqlite_store *s, bool committed)
{
    uint64_t now = queue_dropped(&s->queue);
    if (!s->is_losing && now > s->lost_before) {
        s->is_losing = true;
        writer_tell(
            s,
            "history: %zu MiB wait to be written: the oldest good results "
            "are being dropped",
            s->queue.limit >> 20);
    } else if (s->is_losing && committed) {
        writer_tell(
            s, "history: %llu results were dropped while the disk was behind",
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

/* Records whose values do not fit are left out: their number, and why. */
struct misfits {
    uint64_t count;
    char text[200];
};

static int write_batch(struct sqlite_store *s, const struct batch *b,
                       struct counters *c, uint64_t *results,
                       struct misfits *misfits)
{
    for (const struct queued *n = b->first; n != NULL; n = n->next) {
        int rc = write_record(&s->db, s->options.node, n->record, c);
        if (db_failure_of(rc) == DB_ILL) {
            misfits->count++;
            snprintf(misfits->text, sizeof misfits->text, "%s",
                     sqlite3_errmsg(s->db.handle));
        } else if (rc != SQLITE_OK)
            return rc;
        *results += n->record->kind == RECORD_RESULT;
    }
    return write_counters(&s->db, s->options.node, &s->counters, c);
}

static int try_commit(struct sqlite_store *s, const struct batch *b)
{
    struct counters c = s->counters;
    struct misfits misfits = {0};
    uint64_t results = 0;
    int rc = set_synchronous(s, b->durable);
    if (rc == SQLITE_OK)
        rc = db_exec(&s->db, "BEGIN IMMEDIATE");
    if (rc == SQLITE_OK)
        rc = write_batch(s, b, &c, &results, &misfits);
    if (FAILPOINT("store.before_commit"))
        rc = SQLITE_IOERR;
    if (rc == SQLITE_OK)
        rc = db_exec(&s->db, "COMMIT");
    if (rc != SQLITE_OK)
        return rc;
    s->counters = c;
    s->hot_rows += results;
    if (s->hot_rows > 0 && s->hot_since_ns == WRITER_NEVER)
        s->hot_since_ns = clock_mono_ns();
    if (misfits.count > 0) {
        atomic_fetch_add(&s->refused, misfits.count);
        writer_tell(s, "history: %llu records do not fit and are dropped: %s",
                    (unsigned long long)misfits.count, misfits.text);
    }
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
    }
    int rc = try_commit(s, b);
    if (rc == SQLITE_OK)
        return DB_FINE;
    db_err(&s->db, err, "writing");
    db_exec(&s->db, "ROLLBACK");
    enum db_failure failure = db_failure_of(rc);
    if (failure == DB_BROKEN)
        return writer_replace_file(s, err) == DB_FINE ? DB_BROKEN : DB_REFUSED;
    /* A connection that met a read-only or failing disk stays so. */
    int code = rc & 0xff;
    if (code != SQLITE_BUSY && code != SQLITE_FULL)
        db_close(&s->db);
    return DB_REFUSED;
}

/* Closing over a disk that refuses has an end. */
static void start_giving_up(struct sqlite_store *s)
{
    if (s->give_up_ns == 0 && queue_is_closing(&s->queue))
        s->give_up_ns = clock_mono_ns() + s->options.close_ns;
}

static void pause_ns(struct sqlite_store *s, int64_t ns)
{
    queue_pause(&s->queue, ns);
    if (queue_is_closing(&s->queue)) {
        struct timespec t = {0, 100 * NS_PER_MS};
        nanosleep(&t, NULL);
    }
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
    for (;;) {
        struct err err = {0};
        if (s->give_up_ns != 0 && clock_mono_ns() >= s->give_up_ns) {
            atomic_fetch_add(&s->refused, b->count);
            return;
        }
        enum db_failure failure = attempt(s, b, &err);
        if (failure == DB_FINE)
            break;
        if (failure == DB_BROKEN)
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
    int64_t due_ns = s->hot_rows >= s->options.hot_rows
                         ? 0
                         : s->hot_since_ns + s->options.hot_ns;
    return due_ns > s->pack_not_before_ns ? due_ns : s->pack_not_before_ns;
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
    s->pack_not_before_ns += CHECKPOINT_MIN;
    if (db_failure_of(rc) == DB_BROKEN)
        writer_replace_file(s, &err);
    else
        tell_trouble(s, err.text);
}

static int64_t checkpoint_due_ns(const struct sqlite_store *s)
{
    struct stat st;
    bool large = stat(s->wal, &st) == 0 && st.st_size > WAL_BYTES;
    int64_t due_ns = large ? 0 : s->checkpoint_ns;
    return due_ns > s->checkpoint_not_before_ns ? due_ns
                                                : s->checkpoint_not_before_ns;
}

/* Empties the write-ahead log; a reader in the way is not waited for long. */
static void checkpoint(struct sqlite_store *s, int64_t now_ns)
{
    sqlite3_busy_timeout(s->db.handle, CHECKPOINT_BUSY_MS);
    int rc = sqlite3_wal_checkpoint_v2(s->db.handle, NULL,
                                       SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(s->db.handle, DB_BUSY_MS);
    s->checkpoint_not_before_ns = now_ns + CHECKPOINT_MIN;
    if (rc == SQLITE_OK)
        s->checkpoint_ns = now_ns + CHECKPOINT_NS;
}

static void keep_house(struct sqlite_store *s)
{
    int64_t now_ns = clock_mono_ns();
    if (s->db.handle == NULL || queue_is_closing(&s->queue))
        return;
    if (pack_due_ns(s) <= now_ns)
        pack_hot(s);
    if (s->db.handle != NULL && checkpoint_due_ns(s) <= now_ns)
        checkpoint(s, now_ns);
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t wake_ns(const struct sqlite_store *s)
{
    int64_t most_ns = clock_mono_ns() + CHECKPOINT_NS;
    if (s->db.handle == NULL)
        return most_ns;
    return least(most_ns, least(pack_due_ns(s), checkpoint_due_ns(s)));
}

static void *writer_main(void *arg)
{
    struct sqlite_store *s = arg;
    struct batch b;
    for (;;) {
        queue_take(&s->queue, wake_ns(s), &b);
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
        checkpoint(s, clock_mono_ns());
    db_close(&s->db);
    return NULL;
}

/* ----------------------------------------------------------- the table --- */

static void append(struct store *base, struct record *r)
{
    queue_append(&self(base)->queue, r);
}

static void destroy(struct sqlite_store *s)
{
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
    return sqlite_load(s->dir, s->options.node, now_us, out, err);
}

static const struct store_ops ops = {append, close_store, lost, load};

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
    s->checkpoint_ns = clock_mono_ns() + CHECKPOINT_NS;
    queue_init(&s->queue, options->queue_bytes > 0 ? options->queue_bytes
                                                   : STORE_QUEUE_BYTES);
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

static bool start_file(struct sqlite_store *s, struct err *err)
{
    enum db_failure failure = writer_open_file(s, err);
    if (failure == DB_FINE)
        return fill_mirror(s, err);
    if (failure != DB_REFUSED)
        return false;
    tell_trouble(s, err->text);
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

/* store/pack.c: moves results from hot into chunk.
 *
 * Happy path: hot's rows are sorted by check; each check's samples are counted
 * in its rollups and become a chunk, joined with the chunk before when that one
 * is small; hot is emptied; all in one transaction.
 *
 * The chunks of a check never overlap in time, so that a reader may walk them:
 * where the clock was set back, chunks in the way are taken apart and made
 * anew together with the new samples.
 *
 * Ways it can fail: the disk refuses, or a record comes that must not wait:
 * rolled back, hot is as it was. Damaged bytes of a chunk: it is left alone. */
#include <stdlib.h>
#include <string.h>

#include "base/failpoint.h"
#include "base/mem.h"
#include "store/hot.h"
#include "store/rollup.h"
#include "store/sample.h"
#include "store/write.h"

#define CHUNK_APART_US (7 * 24 * 3600 * US_PER_S)

enum {
    STATEMENT_ROW = WRITE_STATEMENTS_PACK,
    STATEMENT_BEFORE,
    STATEMENT_DELETE,
    STATEMENT_INSERT,
};

static const char row_sql[] = "SELECT " HOT_COLUMNS " FROM hot WHERE rowid = ?";
static const char before_sql[] =
    "SELECT t0, n, data FROM chunk WHERE node = ? AND check_id = ?"
    " AND t0 <= ? ORDER BY t0 DESC";
static const char delete_sql[] =
    "DELETE FROM chunk WHERE node = ? AND check_id = ? AND t0 = ?";
static const char insert_sql[] =
    "INSERT OR REPLACE INTO chunk VALUES(?,?,?,?,?)";

struct hot_row { /* of a row of hot */
    int64_t rowid;
    uint32_t check;
    uint16_t node;
};

struct packing {
    struct db *db;
    const struct pack_options *options;
    uint16_t node; /* of the check at hand */
    uint32_t check;
    struct arena *arena;
    struct sample *samples;
    size_t count, cap;
    int64_t *gone; /* t0 of chunks to be replaced */
    size_t gone_count, gone_cap;
};

static int db_code(const struct db *db)
{
    return sqlite3_extended_errcode(db->handle);
}

static void add_sample(struct packing *p, const struct sample *s)
{
    p->samples = xgrow(p->samples, p->count, &p->cap, sizeof *p->samples);
    p->samples[p->count++] = *s;
}

static int read_row(struct packing *p, int64_t rowid)
{
    sqlite3_stmt *q = db_statement(p->db, STATEMENT_ROW, row_sql);
    if (q == NULL)
        return db_code(p->db);
    sqlite3_bind_int64(q, 1, rowid);
    int rc = sqlite3_step(q);
    if (rc == SQLITE_ROW) {
        struct sample s;
        (void)!hot_read(q, p->arena, &s); /* what is damaged is left out */
        add_sample(p, &s);
    }
    int reset = sqlite3_reset(q);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? reset : rc;
}

static void span(const struct packing *p, int64_t *first, int64_t *last)
{
    *first = *last = p->samples[0].started_us;
    for (size_t i = 1; i < p->count; i++) {
        int64_t at = p->samples[i].started_us;
        *first = at < *first ? at : *first;
        *last = at > *last ? at : *last;
    }
}

/* Takes a chunk apart. false: its bytes are damaged. */
static bool join_chunk(struct packing *p, sqlite3_stmt *q)
{
    struct sample *samples;
    size_t n = (size_t)sqlite3_column_int64(q, 1);
    if (!chunk_get(sqlite3_column_blob(q, 2),
                   (size_t)sqlite3_column_bytes(q, 2), n, p->arena, &samples))
        return false;
    for (size_t i = 0; i < n; i++)
        add_sample(p, &samples[i]);
    p->gone = xgrow(p->gone, p->gone_count, &p->gone_cap, sizeof *p->gone);
    p->gone[p->gone_count++] = sqlite3_column_int64(q, 0);
    return true;
}

/* The chunks that overlap the new samples, and the one before if small. */
static int join_neighbours(struct packing *p)
{
    int64_t first, last, end;
    span(p, &first, &last);
    sqlite3_stmt *q = db_statement(p->db, STATEMENT_BEFORE, before_sql);
    if (q == NULL)
        return db_code(p->db);
    sqlite3_bind_int(q, 1, p->node);
    sqlite3_bind_int64(q, 2, p->check);
    sqlite3_bind_int64(q, 3, last);
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        int64_t t0 = sqlite3_column_int64(q, 0);
        bool before = t0 < first;
        if (before && sqlite3_column_int64(q, 1) >= PACK_SMALL &&
            chunk_end(sqlite3_column_blob(q, 2),
                      (size_t)sqlite3_column_bytes(q, 2), t0, &end) &&
            end < first)
            break;
        join_chunk(p, q);
        if (before)
            break;
    }
    int reset = sqlite3_reset(q);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? reset : rc;
}

/* By time, then by arrival. */
static int compare_samples(const void *a, const void *b)
{
    const struct sample *x = *(const struct sample *const *)a;
    const struct sample *y = *(const struct sample *const *)b;
    if (x->started_us != y->started_us)
        return x->started_us < y->started_us ? -1 : 1;
    return x < y ? -1 : x > y;
}

static void sort_samples(struct packing *p, size_t fresh)
{
    /* Those of former chunks arrived before the fresh ones, which come first
     * in the array. */
    const struct sample **order = xmalloc(p->count * sizeof *order);
    struct sample *sorted = xmalloc(p->count * sizeof *sorted);
    size_t old = p->count - fresh;
    memcpy(sorted, p->samples + fresh, old * sizeof *sorted);
    memcpy(sorted + old, p->samples, fresh * sizeof *sorted);
    memcpy(p->samples, sorted, p->count * sizeof *sorted);
    for (size_t i = 0; i < p->count; i++)
        order[i] = &p->samples[i];
    qsort(order, p->count, sizeof *order, compare_samples);
    for (size_t i = 0; i < p->count; i++)
        sorted[i] = *order[i];
    free(order);
    free(p->samples);
    p->samples = sorted;
    p->cap = p->count;
}

static int delete_gone(struct packing *p)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; i < p->gone_count && rc == SQLITE_OK; i++) {
        sqlite3_stmt *q = db_statement(p->db, STATEMENT_DELETE, delete_sql);
        if (q == NULL)
            return db_code(p->db);
        sqlite3_bind_int(q, 1, p->node);
        sqlite3_bind_int64(q, 2, p->check);
        sqlite3_bind_int64(q, 3, p->gone[i]);
        sqlite3_step(q);
        rc = sqlite3_reset(q);
    }
    return rc;
}

static int insert_chunk(struct packing *p, const struct sample *s, size_t n)
{
    sqlite3_stmt *q = db_statement(p->db, STATEMENT_INSERT, insert_sql);
    if (q == NULL)
        return db_code(p->db);
    struct buf data = {0};
    chunk_put(&data, s, n);
    sqlite3_bind_int(q, 1, p->node);
    sqlite3_bind_int64(q, 2, p->check);
    sqlite3_bind_int64(q, 3, s[0].started_us);
    sqlite3_bind_int64(q, 4, (int64_t)n);
    sqlite3_bind_blob64(q, 5, data.data, data.len, SQLITE_STATIC);
    sqlite3_step(q);
    int rc = sqlite3_reset(q);
    sqlite3_clear_bindings(q);
    buf_free(&data);
    return rc;
}

/* Samples so far apart do not share a chunk: one that a wrong clock has dated
 * in ten years would overlap all that comes until then, and be packed anew with
 * each of it. */
static bool is_apart(const struct packing *p, size_t i)
{
    return p->samples[i].started_us - p->samples[i - 1].started_us >
           CHUNK_APART_US;
}

/* Equal times stay in one chunk: its first one names it. */
static int insert_chunks(struct packing *p)
{
    int rc = SQLITE_OK;
    for (size_t from = 0, n; from < p->count && rc == SQLITE_OK; from += n) {
        size_t most =
            p->count - from < PACK_CHUNK ? p->count - from : PACK_CHUNK;
        for (n = 1; n < most && !is_apart(p, from + n);)
            n++;
        while (from + n < p->count && n < CHUNK_MOST &&
               p->samples[from + n].started_us ==
                   p->samples[from + n - 1].started_us)
            n++;
        rc = insert_chunk(p, p->samples + from, n);
    }
    return rc;
}

static int pack_check(struct packing *p, const struct hot_row *rows, size_t n)
{
    int rc = SQLITE_OK;
    p->node = rows[0].node;
    p->check = rows[0].check;
    p->arena = arena_new();
    p->count = p->gone_count = 0;
    for (size_t i = 0; i < n && rc == SQLITE_OK; i++)
        rc = read_row(p, rows[i].rowid);
    size_t fresh = p->count;
    if (rc == SQLITE_OK && p->options->rollups)
        rc =
            rollup_write(p->db, p->node, p->check, p->samples, fresh, p->arena);
    if (rc == SQLITE_OK && fresh > 0)
        rc = join_neighbours(p);
    if (rc == SQLITE_OK && fresh > 0) {
        sort_samples(p, fresh);
        rc = delete_gone(p);
    }
    if (rc == SQLITE_OK)
        rc = insert_chunks(p);
    arena_free(p->arena);
    return rc;
}

static int compare_places(const void *a, const void *b)
{
    const struct hot_row *x = a, *y = b;
    if (x->node != y->node)
        return x->node < y->node ? -1 : 1;
    if (x->check != y->check)
        return x->check < y->check ? -1 : 1;
    return x->rowid < y->rowid ? -1 : x->rowid > y->rowid;
}

static int read_places(struct db *db, struct hot_row **places, size_t *count)
{
    size_t cap = 0;
    sqlite3_stmt *q = NULL;
    *places = NULL;
    *count = 0;
    int rc = sqlite3_prepare_v2(
        db->handle, "SELECT rowid, node, check_id FROM hot", -1, &q, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        *places = xgrow(*places, *count, &cap, sizeof **places);
        (*places)[(*count)++] = (struct hot_row){
            sqlite3_column_int64(q, 0), (uint32_t)sqlite3_column_int64(q, 2),
            (uint16_t)sqlite3_column_int64(q, 1)};
        rc = SQLITE_OK;
    }
    sqlite3_finalize(q);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int pack_all(struct packing *p, const struct hot_row *places,
                    size_t count)
{
    int rc = SQLITE_OK;
    for (size_t from = 0, n; from < count && rc == SQLITE_OK; from += n) {
        for (n = 1; from + n < count &&
                    places[from + n].check == places[from].check &&
                    places[from + n].node == places[from].node;)
            n++;
        rc = pack_check(p, places + from, n);
        if (FAILPOINT("store.mid_pack"))
            return SQLITE_IOERR;
        if (rc == SQLITE_OK && !p->options->insist &&
            queue_is_pressing(p->options->queue))
            return SQLITE_INTERRUPT;
    }
    return rc;
}

int pack(struct db *db, const struct pack_options *options)
{
    struct packing p = {.db = db, .options = options};
    struct hot_row *places = NULL;
    size_t count = 0;
    int rc = db_exec(db, "BEGIN IMMEDIATE");
    if (rc == SQLITE_OK)
        rc = read_places(db, &places, &count);
    if (rc == SQLITE_OK && count > 0) {
        qsort(places, count, sizeof *places, compare_places);
        rc = pack_all(&p, places, count);
    }
    if (rc == SQLITE_OK)
        rc = db_exec(db, "DELETE FROM hot");
    if (rc == SQLITE_OK)
        rc = db_exec(db, "COMMIT");
    if (rc != SQLITE_OK)
        db_exec(db, "ROLLBACK");
    free(places);
    free(p.samples);
    free(p.gone);
    return rc;
}

/* store/purge.c: see purge.h. */
#include "store/purge.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/failpoint.h"
#include "store/rollup.h"
#include "store/sample.h"

/* What a step may do before it commits. */
enum { STEP_ROWS = 1000, STEP_CHUNKS = 64 };
#define STEP_NS (8 * NS_PER_MS)

enum {
    STATEMENT_NEXT = WRITE_STATEMENTS_PURGE, /* by kind, to PURGE_DAYS */
    STATEMENT_ROLLUP = STATEMENT_NEXT + PURGE_OUTPUTS, /* likewise */
    STATEMENT_CHUNKS = STATEMENT_ROLLUP + PURGE_OUTPUTS,
    STATEMENT_CHUNK,
    STATEMENT_DETAILS,
    STATEMENT_EVIDENCES,
    STATEMENT_EVIDENCE,
    STATEMENT_DETAIL,
    STATEMENT_OUTPUTS,
    STATEMENT_OUTPUT,
    STATEMENT_LAST
};
_Static_assert((int)STATEMENT_LAST <= (int)DB_STATEMENTS, "statements");

static const char *const tables[PURGE_OUTPUTS] = {
    [PURGE_RESULTS] = "chunk",
    [PURGE_MINUTES] = "rollup_minute",
    [PURGE_HOURS] = "rollup_hour",
    [PURGE_DAYS] = "rollup_day",
};

static const char chunks_sql[] =
    "SELECT t0, data FROM chunk WHERE node = ?1 AND check_id = ?2"
    " AND t0 < ?3 ORDER BY t0 LIMIT ?4";
static const char chunk_sql[] =
    "DELETE FROM chunk WHERE node = ?1 AND check_id = ?2 AND t0 = ?3";
static const char details_sql[] =
    "DELETE FROM detail WHERE node = ?1 AND check_id = ?2"
    " AND started_us >= ?3 AND started_us <= ?4 AND evidence IS NULL";
static const char evidences_sql[] =
    "SELECT check_id, started_us, probe, length(evidence) FROM detail"
    " WHERE node = ?1 AND evidence IS NOT NULL AND started_us < ?2"
    " ORDER BY started_us LIMIT ?3";
static const char evidence_sql[] =
    "UPDATE detail SET evidence = NULL WHERE node = ?1 AND check_id = ?2"
    " AND started_us = ?3 AND probe = ?4";
static const char detail_sql[] =
    "DELETE FROM detail WHERE node = ?1 AND check_id = ?2"
    " AND started_us = ?3 AND probe = ?4";
static const char outputs_sql[] =
    "SELECT number, length(CAST(output AS BLOB)), intended_us FROM run"
    " WHERE node = ?1 AND output IS NOT NULL ORDER BY number LIMIT ?2";
static const char output_sql[] =
    "UPDATE run SET output = NULL WHERE node = ?1 AND number = ?2";

/* A step under way. */
struct step {
    struct db *db;
    struct purge *purge;
    struct counters *counters;
    int64_t end_ns;
    uint16_t node;
    uint64_t rows;
    int rc; /* of the first statement that failed; SQLITE_OK */
};

static bool is_over(const struct step *s)
{
    return s->rc != SQLITE_OK || s->rows >= STEP_ROWS ||
           clock_mono_ns() >= s->end_ns;
}

/* Bound to these numbers; NULL: s->rc tells. */
static sqlite3_stmt *prepare(struct step *s, unsigned which, const char *sql,
                             const int64_t *numbers, int n)
{
    sqlite3_stmt *q = db_statement(s->db, which, sql);
    if (q == NULL) {
        s->rc = sqlite3_extended_errcode(s->db->handle);
        return NULL;
    }
    sqlite3_bind_int(q, 1, s->node);
    for (int i = 0; i < n; i++)
        sqlite3_bind_int64(q, i + 2, numbers[i]);
    return q;
}

/* Runs one that returns no rows; counts what it changed. */
static uint64_t change(struct step *s, unsigned which, const char *sql,
                       const int64_t *numbers, int n)
{
    sqlite3_stmt *q = prepare(s, which, sql, numbers, n);
    if (q == NULL)
        return 0;
    sqlite3_step(q);
    s->rc = sqlite3_reset(q);
    int rows = s->rc == SQLITE_OK ? sqlite3_changes(s->db->handle) : 0;
    s->rows += (uint64_t)rows;
    s->purge->deleted += (uint64_t)rows;
    return (uint64_t)rows;
}

static bool next_row(struct step *s, sqlite3_stmt *q)
{
    int rc = sqlite3_step(q);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        s->rc = rc;
    return rc == SQLITE_ROW;
}

/* --------------------------------------------------------------- results ---
 */

/* Times of chunks to be deleted: deleting under an open SELECT of the same
 * table is not defined. */
struct doomed {
    int64_t first_us[STEP_CHUNKS], last_us[STEP_CHUNKS];
    size_t count;
    bool more;
};

static void find_chunks(struct step *s, int64_t check, struct doomed *d)
{
    int64_t before_us = s->purge->before_us[PURGE_RESULTS];
    const int64_t numbers[] = {check, before_us, STEP_CHUNKS};
    sqlite3_stmt *q = prepare(s, STATEMENT_CHUNKS, chunks_sql, numbers, 3);
    *d = (struct doomed){.more = true};
    if (q == NULL)
        return;
    while (d->count < STEP_CHUNKS && (d->more = next_row(s, q))) {
        int64_t t0 = sqlite3_column_int64(q, 0), end_us;
        if (!chunk_end(sqlite3_column_blob(q, 1),
                       (size_t)sqlite3_column_bytes(q, 1), t0, &end_us))
            end_us = t0; /* damaged: it goes with its first */
        if (end_us >= before_us) {
            d->more = false;
            break;
        }
        d->first_us[d->count] = t0;
        d->last_us[d->count++] = end_us;
    }
    sqlite3_reset(q);
}

/* True: nothing of that check is left to be done. */
static bool purge_results(struct step *s, int64_t check)
{
    struct doomed d;
    find_chunks(s, check, &d);
    for (size_t i = 0; i < d.count && s->rc == SQLITE_OK; i++) {
        if (is_over(s) && i > 0)
            return false;
        const int64_t numbers[] = {check, d.first_us[i], d.last_us[i]};
        change(s, STATEMENT_CHUNK, chunk_sql, numbers, 2);
        if (s->rc == SQLITE_OK)
            change(s, STATEMENT_DETAILS, details_sql, numbers, 3);
    }
    return !d.more;
}

/* --------------------------------------------------------------- rollups ---
 */

static int64_t block_us(enum purge_kind kind)
{
    return rollup_block_us((enum resolution)(kind - PURGE_MINUTES));
}

static bool purge_rollups(struct step *s, enum purge_kind kind, int64_t check)
{
    struct buf sql = {0};
    int64_t before_us = s->purge->before_us[kind];
    if (before_us != PURGE_ALL)
        before_us -= block_us(kind) - 1; /* a block that has ended */
    const int64_t numbers[] = {check, before_us, STEP_ROWS};
    buf_addf(&sql,
             "DELETE FROM %s WHERE node = ?1 AND check_id = ?2"
             " AND t0 < min(?3, ifnull((SELECT t0 FROM %s WHERE node = ?1"
             " AND check_id = ?2 ORDER BY t0 LIMIT 1 OFFSET ?4), ?3))",
             tables[kind], tables[kind]);
    uint64_t n =
        change(s, STATEMENT_ROLLUP + (unsigned)kind, sql.data, numbers, 3);
    buf_free(&sql);
    return n < STEP_ROWS;
}

/* The check after that one which has rows of that kind; -1: none. */
static int64_t next_check(struct step *s, enum purge_kind kind, int64_t after)
{
    struct buf sql = {0};
    buf_addf(&sql,
             "SELECT min(check_id) FROM %s WHERE node = ?1 AND check_id > ?2",
             tables[kind]);
    sqlite3_stmt *q =
        prepare(s, STATEMENT_NEXT + (unsigned)kind, sql.data, &after, 1);
    int64_t check = -1;
    buf_free(&sql);
    if (q == NULL)
        return -1;
    if (next_row(s, q) && sqlite3_column_type(q, 0) != SQLITE_NULL)
        check = sqlite3_column_int64(q, 0);
    sqlite3_reset(q);
    return check;
}

/* True: that kind is done. */
static bool purge_checks(struct step *s, enum purge_kind kind)
{
    while (!is_over(s)) {
        int64_t check = next_check(s, kind, s->purge->check);
        if (check < 0)
            return s->rc == SQLITE_OK;
        if (kind == PURGE_RESULTS ? purge_results(s, check)
                                  : purge_rollups(s, kind, check))
            s->purge->check = check;
    }
    return false;
}

/* --------------------------------------------------------------- outputs ---
 */

static void count_off(struct counters *c, int64_t bytes)
{
    uint64_t n = (uint64_t)bytes;
    c->outputs_bytes -= n < c->outputs_bytes ? n : c->outputs_bytes;
}

/* What a row's evidence belongs to is there still: the row stays. True: none is
 * left that is old enough. */
static bool purge_evidence(struct step *s)
{
    int64_t found[STEP_CHUNKS][4];
    const int64_t numbers[] = {s->purge->before_us[PURGE_OUTPUTS], STEP_CHUNKS};
    sqlite3_stmt *q =
        prepare(s, STATEMENT_EVIDENCES, evidences_sql, numbers, 2);
    size_t n = 0;
    while (q != NULL && n < STEP_CHUNKS && next_row(s, q)) {
        for (int i = 0; i < 4; i++)
            found[n][i] = sqlite3_column_int64(q, i);
        n++;
    }
    sqlite3_reset(q);
    for (size_t i = 0; i < n && s->rc == SQLITE_OK; i++) {
        bool gone = found[i][1] < (int64_t)s->counters->swept_us;
        change(s, gone ? STATEMENT_DETAIL : STATEMENT_EVIDENCE,
               gone ? detail_sql : evidence_sql, found[i], 3);
        if (s->rc == SQLITE_OK)
            count_off(s->counters, found[i][3]);
    }
    return n < STEP_CHUNKS && s->rc == SQLITE_OK;
}

/* Runs' numbers grow with time. */
static bool purge_run_outputs(struct step *s)
{
    int64_t found[STEP_CHUNKS][2], limit = STEP_CHUNKS;
    sqlite3_stmt *q = prepare(s, STATEMENT_OUTPUTS, outputs_sql, &limit, 1);
    size_t n = 0;
    while (q != NULL && n < STEP_CHUNKS && next_row(s, q)) {
        if (sqlite3_column_int64(q, 2) >= s->purge->before_us[PURGE_OUTPUTS])
            break;
        found[n][0] = sqlite3_column_int64(q, 0);
        found[n++][1] = sqlite3_column_int64(q, 1);
    }
    sqlite3_reset(q);
    for (size_t i = 0; i < n && s->rc == SQLITE_OK; i++) {
        change(s, STATEMENT_OUTPUT, output_sql, found[i], 1);
        if (s->rc == SQLITE_OK)
            count_off(s->counters, found[i][1]);
    }
    return n < STEP_CHUNKS && s->rc == SQLITE_OK;
}

static bool purge_outputs(struct step *s)
{
    bool done = false;
    while (!done && !is_over(s))
        done = purge_evidence(s) && purge_run_outputs(s);
    return done;
}

/* ------------------------------------------------------------------ pass ---
 */

void purge_begin(struct purge *w)
{
    w->running = true;
    w->deleted = 0;
    w->kind = 0;
    w->check = -1;
}

static void end_kind(struct step *s)
{
    int64_t before_us = s->purge->before_us[PURGE_RESULTS];
    if (before_us == PURGE_ALL)
        before_us = clock_wall_us();
    if (s->purge->kind == PURGE_RESULTS &&
        before_us > (int64_t)s->counters->swept_us)
        s->counters->swept_us = (uint64_t)before_us;
    s->purge->kind++;
    s->purge->check = -1;
}

static void advance(struct step *s)
{
    struct purge *w = s->purge;
    while (w->kind < PURGE_KINDS && !is_over(s)) {
        enum purge_kind kind = (enum purge_kind)w->kind;
        if (w->before_us[kind] == PURGE_NOTHING ||
            (kind == PURGE_OUTPUTS ? purge_outputs(s) : purge_checks(s, kind)))
            end_kind(s);
    }
    w->running = w->kind < PURGE_KINDS;
}

int purge_step(struct db *db, uint16_t node, struct purge *purge,
               const struct counters *was, struct counters *now)
{
    struct purge after = *purge;
    struct step s = {.db = db,
                     .purge = &after,
                     .counters = now,
                     .node = node,
                     .end_ns = clock_mono_ns() + STEP_NS};
    s.rc = db_exec(db, "BEGIN IMMEDIATE");
    if (s.rc == SQLITE_OK)
        advance(&s);
    if (s.rc == SQLITE_OK)
        s.rc = write_counters(db, node, was, now);
    if (s.rc == SQLITE_OK && FAILPOINT("store.mid_purge"))
        s.rc = SQLITE_IOERR;
    if (s.rc == SQLITE_OK)
        s.rc = db_exec(db, "COMMIT");
    if (s.rc != SQLITE_OK) {
        db_exec(db, "ROLLBACK");
        return s.rc;
    }
    *purge = after;
    return SQLITE_OK;
}

/* ------------------------------------------------------------------ span ---
 */

/* From key to key: there is no index by time. */
#define SPAN_SQL(table)                                                      \
    "WITH RECURSIVE c(id) AS ("                                              \
    " SELECT min(check_id) FROM " table " WHERE node = ?1"                   \
    " UNION ALL SELECT (SELECT min(check_id) FROM " table " WHERE node = ?1" \
    "  AND check_id > c.id) FROM c WHERE c.id IS NOT NULL)"                  \
    "SELECT min(first), max(last) FROM (SELECT"                              \
    " (SELECT min(t0) FROM " table " WHERE node = ?1 AND check_id = c.id)"   \
    "  AS first,"                                                            \
    " (SELECT max(t0) FROM " table " WHERE node = ?1 AND check_id = c.id)"   \
    "  AS last FROM c WHERE c.id IS NOT NULL)"

static const char *const span_sql[PURGE_KINDS] = {
    [PURGE_RESULTS] = SPAN_SQL("chunk"),
    [PURGE_MINUTES] = SPAN_SQL("rollup_minute"),
    [PURGE_HOURS] = SPAN_SQL("rollup_hour"),
    [PURGE_DAYS] = SPAN_SQL("rollup_day"),
    [PURGE_OUTPUTS] =
        "SELECT min(first), max(last) FROM ("
        "SELECT min(started_us) AS first, max(started_us) AS last FROM detail"
        " WHERE node = ?1 AND evidence IS NOT NULL"
        " UNION ALL SELECT min(intended_us), max(intended_us) FROM run"
        "  WHERE node = ?1 AND output IS NOT NULL)",
};

bool purge_span(struct db *db, uint16_t node, enum purge_kind kind,
                int64_t *oldest_us, int64_t *newest_us)
{
    sqlite3_stmt *q = NULL;
    bool found = false;
    if (sqlite3_prepare_v2(db->handle, span_sql[kind], -1, &q, NULL) ==
        SQLITE_OK) {
        sqlite3_bind_int(q, 1, node);
        found = sqlite3_step(q) == SQLITE_ROW &&
                sqlite3_column_type(q, 0) != SQLITE_NULL;
    }
    if (found) {
        *oldest_us = sqlite3_column_int64(q, 0);
        *newest_us = sqlite3_column_int64(q, 1);
    }
    sqlite3_finalize(q);
    return found;
}

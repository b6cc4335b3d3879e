/* store/read.c: lists of rows, read-only; and the snapshot at start. */
#include "store/read.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/rows.h"
#include "store/write.h"

#define REOPEN_US (600 * US_PER_S)
#define RECENT_US (86400 * US_PER_S)

enum { LOOK_STEP = 1000 }; /* instructions between two looks at the clock */

static int past_deadline(void *arg)
{
    const struct sqlite_reader *r = arg;
    return clock_mono_ns() > r->deadline_ns;
}

struct sqlite_reader *reader_self(struct reader *r)
{
    return (struct sqlite_reader *)(void *)r;
}

void reader_begin(struct sqlite_reader *r)
{
    r->deadline_ns = clock_mono_ns() + r->deadline_ms * NS_PER_MS;
}

bool reader_failed(struct sqlite_reader *r, struct err *err)
{
    if (sqlite3_errcode(r->db.handle) == SQLITE_INTERRUPT)
        return err_set(err, ERR_LIMIT, 0,
                       "history: not read within %lld ms: ask for less",
                       (long long)r->deadline_ms);
    return db_err(&r->db, err, "reading");
}

/* --------------------------------------------------------------- lists --- */

/* Parameters, all of them in every list: ?1 node, ?2 number, ?3 since,
 * ?4 before (the greatest number where there is no bound), ?5 limit, ?6 name.
 */
static const struct {
    enum record_kind kind;
    const char *tail;
} lists[LIST_COUNT] = {
    [LIST_CHECKS] = {RECORD_CHECK, "node = ?1 ORDER BY check_id"},
    [LIST_CHECK_BY_NAME] = {RECORD_CHECK,
                            "node = ?1 AND name = ?6 ORDER BY check_id DESC"},
    [LIST_STATES] = {RECORD_STATE, "node = ?1 ORDER BY check_id"},
    [LIST_TRANSITIONS] = {RECORD_TRANSITION,
                          "node = ?1 AND check_id = ?2 AND at_us >= ?3"
                          " AND at_us < ?4 ORDER BY at_us DESC, rowid DESC"},
    [LIST_INCIDENTS] = {RECORD_INCIDENT,
                        "node = ?1 AND number < ?4 ORDER BY number DESC"},
    [LIST_INCIDENTS_OF] = {RECORD_INCIDENT,
                           "node = ?1 AND check_id = ?2 AND (resolved_us = 0"
                           " OR resolved_us > ?3) ORDER BY number DESC"},
    [LIST_INCIDENT] =
        {RECORD_INCIDENT,
         "node = ?1 AND number >= ?3 AND number < ?4 ORDER BY number DESC"},
    [LIST_EVENTS] = {RECORD_EVENT,
                     "node = ?1 AND incident = ?2 ORDER BY rowid"},
    [LIST_RUNS] = {RECORD_RUN,
                   "node = ?1 AND number < ?4 ORDER BY number DESC"},
    [LIST_RUN] =
        {RECORD_RUN,
         "node = ?1 AND number >= ?3 AND number < ?4 ORDER BY number DESC"},
    [LIST_RUNS_OF] = {RECORD_RUN,
                      "node = ?1 AND incident = ?2 ORDER BY number"},
    [LIST_OPEN_INCIDENTS] = {RECORD_INCIDENT,
                             "node = ?1 AND (resolved_us = 0"
                             " OR resolved_us > ?3 OR number IN (SELECT"
                             " incident FROM state WHERE node = ?1)"
                             /* A notice about it waits, or was held (3). */
                             " OR number IN (SELECT incident FROM run"
                             "  WHERE node = ?1 AND state < 2)"
                             " OR resolved_us > ?3 - 86400000000 AND EXISTS("
                             "  SELECT 1 FROM run WHERE run.node = ?1"
                             "  AND run.incident = incident.number"
                             "  AND run.state = 3)"
                             /* It had recovered, what it impacted had not. */
                             " OR number IN (SELECT incident FROM impact"
                             "  WHERE node = ?1 AND until_us = 0))"
                             " ORDER BY +number"},
    [LIST_LIVE_RUNS] =
        {RECORD_RUN,
         "node = ?1 AND number IN ("
         " SELECT number FROM run WHERE node = ?1 AND state < 2"
         " UNION SELECT number FROM run"
         "  WHERE node = ?1 AND state <= 2 AND intended_us > ?3"
         /* Who was told what, and what was held. */
         " UNION SELECT number FROM run WHERE node = ?1 AND incident IN ("
         "  SELECT number FROM incident WHERE node = ?1 AND"
         "  (resolved_us = 0 OR resolved_us > ?3))"
         " UNION SELECT max(number) FROM run WHERE node = ?1 AND state <= 2"
         "  GROUP BY runbook, check_id, fault) ORDER BY number"},
    [LIST_IMPACT] = {RECORD_IMPACT, "node = ?1 AND incident = ?2"
                                    " ORDER BY since_us, check_id"},
    [LIST_OPEN_IMPACTS] = {RECORD_IMPACT, "node = ?1 AND until_us = 0"},
    [LIST_BEATS] = {RECORD_BEAT, "node = ?1"},
    [LIST_MARKS] = {RECORD_MARK, "node = ?1 AND at_us >= ?3 AND at_us < ?4"
                                 " ORDER BY at_us DESC, rowid DESC"},
    [LIST_WINDOWS] = {RECORD_WINDOW,
                      "node = ?1 AND until_us > ?3 AND (ended_us = 0"
                      " OR ended_us > ?3) ORDER BY number"},
};

static sqlite3_stmt *list_statement(struct sqlite_reader *r,
                                    enum reader_list list)
{
    const struct row_table *t = row_table(lists[list].kind);
    struct buf sql = {0};
    buf_adds(&sql, "SELECT ");
    rows_columns_sql(t, &sql);
    buf_addf(&sql, " FROM %s WHERE %s LIMIT ?5", t->name, lists[list].tail);
    sqlite3_stmt *stmt = db_statement(&r->db, list, sql.data);
    buf_free(&sql);
    return stmt;
}

static void bind_query(sqlite3_stmt *stmt, uint16_t node,
                       const struct reader_query *q)
{
    int64_t limit = q->limit == 0 ? -1 : (int64_t)q->limit;
    bool single = q->list == LIST_INCIDENT || q->list == LIST_RUN ||
                  q->list == LIST_CHECK_BY_NAME;
    sqlite3_bind_int(stmt, 1, node);
    sqlite3_bind_int64(stmt, 2, (int64_t)q->number);
    sqlite3_bind_int64(stmt, 3, q->since);
    sqlite3_bind_int64(stmt, 4, q->before == 0 ? INT64_MAX : q->before);
    sqlite3_bind_int64(stmt, 5, single ? 1 : limit);
    sqlite3_bind_text(stmt, 6, q->name, -1, SQLITE_STATIC);
}

static bool list(struct reader *base, struct arena *a,
                 const struct reader_query *query, void **rows, size_t *count,
                 struct err *err)
{
    struct sqlite_reader *r = reader_self(base);
    const struct row_table *t = row_table(lists[query->list].kind);
    reader_begin(r);
    sqlite3_stmt *stmt = list_statement(r, query->list);
    if (stmt == NULL)
        return reader_failed(r, err);
    bind_query(stmt, r->node, query);
    char *found = NULL;
    size_t n = 0, cap = 0;
    int rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        found = xgrow(found, n, &cap, t->row_size);
        memset(found + n * t->row_size, 0, t->row_size);
        rows_read(stmt, 0, t, a, found + n * t->row_size);
        n++;
    }
    bool ok = rc == SQLITE_DONE || reader_failed(r, err);
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    *rows = arena_memdup(a, found, ok ? n * t->row_size : 0);
    *count = ok ? n : 0;
    free(found);
    return ok;
}

/* ------------------------------------------------------------ snapshot --- */

static bool snapshot_lists(struct reader *r, int64_t now_us,
                           struct store_snapshot *out, struct err *err)
{
    const struct {
        struct reader_query query;
        void *rows;
        size_t *count;
    } wanted[] = {
        {{.list = LIST_CHECKS}, &out->checks, &out->check_count},
        {{.list = LIST_STATES}, &out->states, &out->state_count},
        {{.list = LIST_OPEN_INCIDENTS, .since = now_us - REOPEN_US},
         &out->incidents,
         &out->incident_count},
        {{.list = LIST_LIVE_RUNS, .since = now_us - RECENT_US},
         &out->runs,
         &out->run_count},
        {{.list = LIST_OPEN_IMPACTS}, &out->impacts, &out->impact_count},
        {{.list = LIST_WINDOWS, .since = now_us},
         &out->windows,
         &out->window_count},
        {{.list = LIST_BEATS}, &out->beats, &out->beat_count},
    };
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if (!list(r, out->arena, &wanted[i].query, wanted[i].rows,
                  wanted[i].count, err))
            return false;
    return true;
}

bool sqlite_load(const char *dir, uint16_t node, int64_t now_us,
                 struct store_snapshot *out, struct err *err)
{
    *out = (struct store_snapshot){.arena = arena_new()};
    struct reader *r = sqlite_reader_open(dir, node, err);
    struct counters c;
    bool ok = r != NULL && snapshot_lists(r, now_us, out, err);
    if (ok && write_load_counters(&reader_self(r)->db, node, &c) != SQLITE_OK)
        ok = reader_failed(reader_self(r), err);
    if (ok) {
        out->last_check = (uint32_t)c.check;
        out->last_incident = c.incident;
        out->last_run = c.run;
        out->last_window = c.window;
    } else
        store_snapshot_free(out);
    reader_close(r);
    return ok;
}

/* ----------------------------------------------------------- the table --- */

static void close_reader(struct reader *base)
{
    struct sqlite_reader *r = reader_self(base);
    db_close(&r->db);
    free(r);
}

static void set_deadline(struct reader *base, int64_t ms)
{
    reader_self(base)->deadline_ms = ms;
}

static const struct reader_ops ops = {
    .close = close_reader,
    .set_deadline = set_deadline,
    .list = list,
    .history = sqlite_history,
    .periods = sqlite_periods,
    .newest = sqlite_newest,
    .all_periods = sqlite_all_periods,
    .audit = sqlite_audit,
    .verify_audit = sqlite_verify_audit,
    .stats = sqlite_stats,
    .keeping = sqlite_keeping,
    .inspect = sqlite_inspect,
    .backup = sqlite_backup,
};

struct reader *sqlite_reader_open(const char *dir, uint16_t node,
                                  struct err *err)
{
    struct sqlite_reader *r = xcalloc(1, sizeof *r);
    char *path = xasprintf("%s/%s", dir, STORE_FILE);
    bool ok = db_open_reader(&r->db, path, err);
    free(path);
    if (!ok) {
        free(r);
        return NULL;
    }
    r->base.ops = &ops;
    r->node = node;
    r->deadline_ms = READER_DEADLINE_MS;
    reader_begin(r);
    sqlite3_progress_handler(r->db.handle, LOOK_STEP, past_deadline, r);
    return &r->base;
}

/* store/read_history.c: the results of one check, newest first, out of hot and
 * chunk, with what lies in detail.
 *
 * Both are read within one transaction: a pack that commits in between moves
 * nothing under the reader. Chunks do not overlap in time and are walked from
 * the newest; hot is scanned once. */
#include "store/read.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/fault.h"
#include "store/hot.h"
#include "store/sample.h"

enum {
    STATEMENT_HOT = READ_STATEMENTS_HISTORY,
    STATEMENT_CHUNK,
    STATEMENT_DETAIL,
    STATEMENT_REMAINS,
};

static const char hot_sql[] =
    "SELECT " HOT_COLUMNS " FROM hot"
    " WHERE check_id = ?2 AND node = ?1 AND started_us < ?3"
    " AND started_us >= ?4";
static const char chunk_sql[] =
    "SELECT t0, n, data FROM chunk WHERE node = ?1 AND check_id = ?2"
    " AND t0 < ?3 ORDER BY t0 DESC";
static const char detail_sql[] =
    "SELECT fault, sys_errno, code, message, data, evidence FROM detail"
    " WHERE node = ?1 AND check_id = ?2 AND started_us = ?3 AND probe = ?4";

struct found {
    struct sample sample;
    size_t order; /* of arrival, among the hot ones */
};

struct emitted {
    struct result *result;
    bool has_detail;
};

struct walk {
    struct sqlite_reader *reader;
    struct arena *arena;
    struct reader_window window; /* with bounds in place of "no bound" */
    struct found *hot;           /* newest first */
    size_t hot_count, hot_cap, hot_next;
    struct emitted *emitted;
    size_t count, cap;
    bool damaged; /* a chunk's bytes made no sense */
};

static int compare_found(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    if (x->sample.started_us != y->sample.started_us)
        return x->sample.started_us > y->sample.started_us ? -1 : 1;
    return x->order > y->order ? -1 : x->order < y->order;
}

static void read_hot(sqlite3_stmt *q, struct walk *w)
{
    w->hot = xgrow(w->hot, w->hot_count, &w->hot_cap, sizeof *w->hot);
    struct found *f = &w->hot[w->hot_count];
    f->order = w->hot_count++;
    if (!hot_read(q, w->arena, &f->sample))
        w->damaged = true;
}

static void bind_window(sqlite3_stmt *q, const struct walk *w)
{
    sqlite3_bind_int(q, 1, w->reader->node);
    sqlite3_bind_int64(q, 2, w->window.check);
    sqlite3_bind_int64(q, 3, w->window.before_us);
}

static int scan_hot(struct walk *w)
{
    sqlite3_stmt *q = db_statement(&w->reader->db, STATEMENT_HOT, hot_sql);
    if (q == NULL)
        return SQLITE_ERROR;
    bind_window(q, w);
    sqlite3_bind_int64(q, 4, w->window.since_us);
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW)
        read_hot(q, w);
    sqlite3_reset(q);
    if (w->hot_count > 0)
        qsort(w->hot, w->hot_count, sizeof *w->hot, compare_found);
    return rc;
}

static bool is_full(const struct walk *w)
{
    return w->window.limit > 0 && w->count >= w->window.limit;
}

static void emit(struct walk *w, const struct sample *s)
{
    w->emitted = xgrow(w->emitted, w->count, &w->cap, sizeof *w->emitted);
    w->emitted[w->count++] = (struct emitted){
        sample_result(s, w->reader->node, w->window.check, w->arena),
        s->has_detail};
}

/* The hot ones that are newer than this, or of the same time. */
static void emit_hot(struct walk *w, int64_t until_us)
{
    while (w->hot_next < w->hot_count && !is_full(w) &&
           w->hot[w->hot_next].sample.started_us >= until_us)
        emit(w, &w->hot[w->hot_next++].sample);
}

/* false: no older chunk can matter. */
static bool emit_chunk(struct walk *w, sqlite3_stmt *q)
{
    struct sample *samples;
    size_t n = (size_t)sqlite3_column_int64(q, 1);
    if (!chunk_get(sqlite3_column_blob(q, 2),
                   (size_t)sqlite3_column_bytes(q, 2), n, w->arena, &samples)) {
        w->damaged = true;
        return true;
    }
    for (size_t i = n; i-- > 0 && !is_full(w);) {
        const struct sample *s = &samples[i];
        if (s->started_us < w->window.since_us)
            return false;
        if (s->started_us >= w->window.before_us)
            continue;
        emit_hot(w, s->started_us);
        if (!is_full(w))
            emit(w, s);
    }
    return !is_full(w);
}

static int walk_chunks(struct walk *w)
{
    sqlite3_stmt *q = db_statement(&w->reader->db, STATEMENT_CHUNK, chunk_sql);
    if (q == NULL)
        return SQLITE_ERROR;
    bind_window(q, w);
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW)
        if (!emit_chunk(w, q))
            break;
    sqlite3_reset(q);
    return rc == SQLITE_ROW ? SQLITE_DONE : rc;
}

static const char *column_text(sqlite3_stmt *q, int i, struct arena *a)
{
    const void *text = sqlite3_column_text(q, i);
    return text == NULL
               ? ""
               : arena_strndup(a, text, (size_t)sqlite3_column_bytes(q, i));
}

static void take_detail(struct walk *w, struct result *r, sqlite3_stmt *q)
{
    r->fault = fault_checked((unsigned)sqlite3_column_int(q, 0));
    r->sys_errno = sqlite3_column_int(q, 1);
    strncpy(r->code, column_text(q, 2, w->arena), RESULT_CODE - 1);
    r->message = column_text(q, 3, w->arena);
    const void *data = sqlite3_column_blob(q, 4);
    if (data != NULL &&
        !detail_get(r, data, (size_t)sqlite3_column_bytes(q, 4), w->arena))
        w->damaged = true;
    const void *evidence = sqlite3_column_blob(q, 5);
    if (!detail_get_evidence(r, evidence, (size_t)sqlite3_column_bytes(q, 5),
                             w->arena))
        w->damaged = true;
}

static int add_detail(struct walk *w, struct result *r)
{
    sqlite3_stmt *q =
        db_statement(&w->reader->db, STATEMENT_DETAIL, detail_sql);
    if (q == NULL)
        return SQLITE_ERROR;
    sqlite3_bind_int(q, 1, w->reader->node);
    sqlite3_bind_int64(q, 2, r->check);
    sqlite3_bind_int64(q, 3, r->started_us);
    sqlite3_bind_int64(q, 4, (int64_t)r->probe);
    int rc = sqlite3_step(q);
    if (rc == SQLITE_ROW)
        take_detail(w, r, q);
    sqlite3_reset(q);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* A result whose numbers are past their time while its evidence is kept:
 * the outcome follows from what is. Duration and purpose are gone. */
static int add_remains(struct walk *w)
{
    static const char sql[] = "SELECT probe FROM detail WHERE node = ?1 AND"
                              " check_id = ?2 AND started_us = ?3 LIMIT 1";
    sqlite3_stmt *q = db_statement(&w->reader->db, STATEMENT_REMAINS, sql);
    if (q == NULL)
        return SQLITE_ERROR;
    sqlite3_bind_int(q, 1, w->reader->node);
    sqlite3_bind_int64(q, 2, w->window.check);
    sqlite3_bind_int64(q, 3, w->window.since_us);
    struct sample s = {.started_us = w->window.since_us,
                       .outcome = OUTCOME_WARN,
                       .has_detail = true};
    int rc = sqlite3_step(q);
    if (rc == SQLITE_ROW) {
        s.probe = (uint64_t)sqlite3_column_int64(q, 0);
        emit(w, &s);
    }
    sqlite3_reset(q);
    if (w->count == 0 || add_detail(w, w->emitted[0].result) != SQLITE_OK)
        return rc;
    w->emitted[0].has_detail = false;
    struct result *r = w->emitted[0].result;
    if (r->fault != RLV_F_NONE)
        r->outcome = fault_info(r->fault)->blame == RLV_BLAME_SELF
                         ? OUTCOME_UNKNOWN
                         : OUTCOME_FAIL;
    for (size_t i = 0; i < r->line_count; i++)
        if (!r->lines[i].holds && !r->lines[i].warn)
            r->outcome = OUTCOME_FAIL;
    return rc;
}

static bool walk(struct walk *w)
{
    if (scan_hot(w) != SQLITE_DONE || walk_chunks(w) != SQLITE_DONE)
        return false;
    emit_hot(w, INT64_MIN);
    bool one = w->window.before_us - 1 == w->window.since_us;
    if (one && w->count == 0 && add_remains(w) == SQLITE_ERROR)
        return false;
    for (size_t i = 0; i < w->count; i++)
        if (w->emitted[i].has_detail &&
            add_detail(w, w->emitted[i].result) != SQLITE_OK)
            return false;
    return true;
}

bool sqlite_history(struct reader *base, struct arena *a,
                    const struct reader_window *window,
                    struct result ***results, size_t *count, struct err *err)
{
    struct walk w = {.reader = reader_self(base), .arena = a};
    w.window = *window;
    if (w.window.since_us == 0)
        w.window.since_us = INT64_MIN;
    if (w.window.before_us == 0)
        w.window.before_us = INT64_MAX;
    *results = NULL;
    *count = 0;
    reader_begin(w.reader);
    bool ok = db_exec(&w.reader->db, "BEGIN") == SQLITE_OK && walk(&w);
    if (!ok)
        reader_failed(w.reader, err);
    if (!sqlite3_get_autocommit(w.reader->db.handle))
        db_exec(&w.reader->db, "COMMIT");
    if (ok && w.damaged)
        ok = err_set(err, ERR_PROTOCOL, 0,
                     "history: damaged bytes among the results of check %u",
                     (unsigned)window->check);
    if (ok) {
        *results = arena_alloc(a, w.count * sizeof **results);
        for (size_t i = 0; i < w.count; i++)
            (*results)[i] = w.emitted[i].result;
        *count = w.count;
    }
    free(w.emitted);
    free(w.hot);
    return ok;
}

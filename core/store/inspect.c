/* store/inspect.c: is the file sound? See upkeep.h.
 *
 * After SQLite's own check of the pages: check by check, within a transaction
 * each, chunks and rollups are decoded and the chunks' results counted anew.
 * Where both must still be there, they must agree: periods that began after
 * rollups were introduced, after what results were swept away, and within the
 * time that rollups are kept. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/read.h"
#include "store/sample.h"
#include "store/upkeep.h"
#include "store/write.h"

enum {
    TOLD = 100,
    TOLD_EACH = 3 /* periods of one check and resolution that disagree */
};

/* Of one check. */
struct look {
    struct sqlite_reader *reader;
    struct inspection *report;
    struct arena *arena;
    const struct counters *counters;
    int64_t check;
    struct rollup_set counted[RESOLUTION_COUNT]; /* from its chunks */
    struct rollup_set rollups;                   /* of the resolution at hand */
};

static void found(struct inspection *i, const char *fmt, ...) PRINTF(2, 3);

static void found(struct inspection *i, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (i->findings++ < TOLD)
        i->finding(i->arg, text);
}

/* Steps through a statement's rows; false: it could not be read. */
static bool each(struct sqlite_reader *r, const char *sql, int64_t check,
                 void (*row)(struct look *, sqlite3_stmt *), struct look *l)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(r->db.handle, sql, -1, &q, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_bind_int(q, 1, r->node);
        sqlite3_bind_int64(q, 2, check);
        while ((rc = sqlite3_step(q)) == SQLITE_ROW)
            row(l, q);
    }
    sqlite3_finalize(q);
    return rc == SQLITE_DONE;
}

/* ----------------------------------------------------------------- pages ---
 */

static void page_row(struct look *l, sqlite3_stmt *q)
{
    const char *text = (const char *)sqlite3_column_text(q, 0);
    if (text != NULL && strcmp(text, "ok") != 0)
        found(l->report, "SQLite: %s", text);
}

/* ---------------------------------------------------------------- chunks ---
 */

static void chunk_row(struct look *l, sqlite3_stmt *q)
{
    char when[CLOCK_TEXT];
    int64_t t0 = sqlite3_column_int64(q, 0);
    size_t n = (size_t)sqlite3_column_int64(q, 1);
    struct arena *a = arena_new();
    struct sample *samples;
    if (!chunk_get(sqlite3_column_blob(q, 2),
                   (size_t)sqlite3_column_bytes(q, 2), n, a, &samples)) {
        found(l->report, "check %lld: %zu results from %s on cannot be decoded",
              (long long)l->check, n, clock_format(t0, when));
        n = 0;
    }
    for (size_t i = 0; i < n; i++)
        for (unsigned k = 0; k < RESOLUTION_COUNT; k++)
            rollup_set_add(&l->counted[k], &samples[i]);
    if (n > 0 && samples[0].started_us != t0)
        found(l->report, "check %lld: results from %s on begin elsewhere",
              (long long)l->check, clock_format(t0, when));
    l->report->results += n;
    arena_free(a);
}

/* --------------------------------------------------------------- rollups ---
 */

/* The first period that results and rollups must agree about. */
static int64_t agree_from(const struct look *l, enum resolution r)
{
    const struct counters *c = l->counters;
    const uint64_t keep_ns[RESOLUTION_COUNT] = {
        c->keep_minute_ns, c->keep_hour_ns, c->keep_day_ns};
    int64_t from_us = (int64_t)c->swept_us;
    if ((int64_t)c->rollups_from > from_us)
        from_us = (int64_t)c->rollups_from;
    if (keep_ns[r] > 0) {
        int64_t kept_us = clock_wall_us() - (int64_t)(keep_ns[r] / 1000);
        from_us = kept_us > from_us ? kept_us : from_us;
    }
    return from_us == 0 ? INT64_MIN
                        : rollup_block(r, from_us) + rollup_block_us(r);
}

static bool is_same(const struct rollup *a, const struct rollup *b)
{
    return memcmp(a->counts, b->counts, sizeof a->counts) == 0 &&
           a->timed == b->timed && a->sum_ns == b->sum_ns &&
           a->min_ns == b->min_ns && a->max_ns == b->max_ns;
}

static void disagree(struct look *l, enum resolution r, int64_t from_us,
                     const struct rollup *results, const struct rollup *rollup)
{
    char when[CLOCK_TEXT];
    found(l->report,
          "check %lld: the %s of %s has %llu results, its rollup counts %llu%s",
          (long long)l->check, resolution_name(r), clock_format(from_us, when),
          results == NULL ? 0ULL : (unsigned long long)rollup_total(results),
          rollup == NULL ? 0ULL : (unsigned long long)rollup_total(rollup),
          results != NULL && rollup != NULL &&
                  rollup_total(results) == rollup_total(rollup)
              ? " of other kinds or times"
              : "");
}

static void compare(struct look *l, const struct rollup_set *results,
                    const struct rollup_set *rollups)
{
    int64_t from_us = agree_from(l, results->resolution);
    size_t i = 0, k = 0, wrong = 0;
    while (i < results->count || k < rollups->count) {
        int64_t a_us =
            i < results->count ? results->items[i].from_us : INT64_MAX;
        int64_t b_us =
            k < rollups->count ? rollups->items[k].from_us : INT64_MAX;
        int64_t at_us = a_us < b_us ? a_us : b_us;
        const struct rollup *a = a_us == at_us ? &results->items[i++] : NULL;
        const struct rollup *b = b_us == at_us ? &rollups->items[k++] : NULL;
        if (at_us < from_us || (a != NULL && b != NULL && is_same(a, b)))
            continue;
        if (++wrong <= TOLD_EACH)
            disagree(l, results->resolution, at_us, a, b);
    }
    if (wrong > TOLD_EACH)
        found(l->report, "check %lld: and so do %zu more %ss",
              (long long)l->check, wrong - TOLD_EACH,
              resolution_name(results->resolution));
}

static void rollup_row(struct look *l, sqlite3_stmt *q)
{
    char when[CLOCK_TEXT];
    int64_t t0 = sqlite3_column_int64(q, 0);
    if (!rollup_get(&l->rollups, t0, sqlite3_column_blob(q, 1),
                    (size_t)sqlite3_column_bytes(q, 1)))
        found(l->report, "check %lld: the rollup by %s of %s is damaged",
              (long long)l->check, resolution_name(l->rollups.resolution),
              clock_format(t0, when));
}

static bool look_at_rollups(struct look *l, enum resolution r)
{
    char sql[120];
    l->rollups = (struct rollup_set){.resolution = r, .arena = l->arena};
    snprintf(sql, sizeof sql,
             "SELECT t0, data FROM %s WHERE node = ?1 AND check_id = ?2"
             " ORDER BY t0",
             rollup_tables[r]);
    if (!each(l->reader, sql, l->check, rollup_row, l))
        return false;
    l->report->periods += l->rollups.count;
    compare(l, &l->counted[r], &l->rollups);
    return true;
}

/* ---------------------------------------------------------------- checks ---
 */

static bool look_at_check(struct look *l)
{
    struct db *db = &l->reader->db;
    reader_begin(l->reader);
    l->arena = arena_new();
    for (unsigned k = 0; k < RESOLUTION_COUNT; k++)
        l->counted[k] = (struct rollup_set){.resolution = (enum resolution)k,
                                            .arena = l->arena};
    bool ok = db_exec(db, "BEGIN") == SQLITE_OK &&
              each(l->reader,
                   "SELECT t0, n, data FROM chunk WHERE node = ?1"
                   " AND check_id = ?2 ORDER BY t0",
                   l->check, chunk_row, l);
    for (unsigned k = 0; k < RESOLUTION_COUNT && ok; k++)
        ok = look_at_rollups(l, (enum resolution)k);
    if (!sqlite3_get_autocommit(db->handle))
        db_exec(db, "COMMIT");
    arena_free(l->arena);
    l->report->checks++;
    return ok;
}

/* The next check that has chunks or rollups; -1: none. */
static bool next_check(struct look *l)
{
    static const char sql[] =
        "SELECT min(c) FROM ("
        "SELECT min(check_id) AS c FROM chunk WHERE node = ?1 AND check_id > ?2"
        " UNION ALL SELECT min(check_id) FROM rollup_minute WHERE node = ?1"
        "  AND check_id > ?2"
        " UNION ALL SELECT min(check_id) FROM rollup_hour WHERE node = ?1"
        "  AND check_id > ?2"
        " UNION ALL SELECT min(check_id) FROM rollup_day WHERE node = ?1"
        "  AND check_id > ?2)";
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(l->reader->db.handle, sql, -1, &q, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_bind_int(q, 1, l->reader->node);
        sqlite3_bind_int64(q, 2, l->check);
        rc = sqlite3_step(q);
    }
    l->check = rc == SQLITE_ROW && sqlite3_column_type(q, 0) != SQLITE_NULL
                   ? sqlite3_column_int64(q, 0)
                   : -1;
    sqlite3_finalize(q);
    return rc == SQLITE_ROW;
}

static bool look_at_checks(struct look *l)
{
    l->check = -1;
    while (next_check(l)) {
        if (l->check < 0)
            return true;
        if (!look_at_check(l))
            return false;
    }
    return false;
}

static bool look_at_audit(struct look *l, struct err *err)
{
    struct audit_verdict v;
    if (!sqlite_verify_audit(&l->reader->base, &v, err))
        return false;
    l->report->audit_rows = v.rows;
    if (v.bad_id != 0)
        found(l->report, "audit row %llu: %s", (unsigned long long)v.bad_id,
              v.text);
    return true;
}

/* What cannot be read because it is damaged is a finding. */
static bool is_damage(struct look *l, bool ok)
{
    struct db *db = &l->reader->db;
    if (ok || db_failure_of(sqlite3_extended_errcode(db->handle)) != DB_BROKEN)
        return ok;
    found(l->report, "SQLite: %s", sqlite3_errmsg(db->handle));
    return true;
}

bool sqlite_inspect(struct reader *base, struct inspection *report,
                    struct err *err)
{
    struct sqlite_reader *r = reader_self(base);
    struct counters counters;
    struct look l = {.reader = r, .report = report, .counters = &counters};
    reader_begin(r);
    bool ok = write_load_counters(&r->db, r->node, &counters) == SQLITE_OK &&
              each(r, "PRAGMA integrity_check", 0, page_row, &l);
    ok = is_damage(&l, ok) && is_damage(&l, look_at_checks(&l));
    if (!ok)
        return reader_failed(r, err);
    reader_begin(r);
    return is_damage(&l, look_at_audit(&l, err));
}

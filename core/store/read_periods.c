/* store/read_periods.c: the results of one check, or of all, by period: what
 * was packed from its rollups, what still lies in hot counted on the way.
 *
 * Both are read within one transaction, and a result moves from hot into the
 * rollups by one: it is counted once, whenever the reader comes. */
#include "store/read.h"

#include <stdlib.h>

#include "base/buf.h"
#include "store/hot.h"

enum {
    STATEMENT_HOT = READ_STATEMENTS_PERIODS,
    STATEMENT_ROLLUP,
    STATEMENT_CHECKS = STATEMENT_ROLLUP + RESOLUTION_COUNT,
    STATEMENT_ALL_HOT,
    STATEMENT_NEWEST,
    STATEMENT_ALL_ROLLUP /* and the two after it */
};

/* The term that excludes most rows comes first. */
static const char hot_sql[] =
    "SELECT " HOT_COUNTED_COLUMNS " FROM hot"
    " WHERE check_id = ?2 AND node = ?1 AND started_us >= ?3"
    " AND started_us < ?4";

/* The window in whole periods. */
struct periods {
    struct sqlite_reader *reader;
    uint32_t check;
    int64_t since_us, before_us;
    bool damaged; /* bytes made no sense */
};

static void bind_range(sqlite3_stmt *q, const struct periods *p,
                       int64_t since_us)
{
    sqlite3_bind_int(q, 1, p->reader->node);
    sqlite3_bind_int64(q, 2, p->check);
    sqlite3_bind_int64(q, 3, since_us);
    sqlite3_bind_int64(q, 4, p->before_us);
}

static int count_hot(struct periods *p, struct rollup_set *set)
{
    sqlite3_stmt *q = db_statement(&p->reader->db, STATEMENT_HOT, hot_sql);
    if (q == NULL)
        return SQLITE_ERROR;
    bind_range(q, p, p->since_us);
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct sample s;
        if (!hot_read_counted(q, set->arena, &s))
            p->damaged = true;
        rollup_set_add(set, &s);
    }
    sqlite3_reset(q);
    return rc;
}

static sqlite3_stmt *rollup_statement(struct periods *p, enum resolution r)
{
    struct buf sql = {0};
    buf_addf(&sql,
             "SELECT t0, data FROM %s WHERE node = ?1 AND check_id = ?2"
             " AND t0 >= ?3 AND t0 < ?4 ORDER BY t0",
             rollup_tables[r]);
    sqlite3_stmt *q =
        db_statement(&p->reader->db, STATEMENT_ROLLUP + (unsigned)r, sql.data);
    buf_free(&sql);
    return q;
}

/* A block may begin before the window. */
static int64_t first_block(const struct periods *p, enum resolution r)
{
    return p->since_us == INT64_MIN ? INT64_MIN : rollup_block(r, p->since_us);
}

static int add_rollups(struct periods *p, struct rollup_set *set)
{
    sqlite3_stmt *q = rollup_statement(p, set->resolution);
    if (q == NULL)
        return SQLITE_ERROR;
    bind_range(q, p, first_block(p, set->resolution));
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW)
        if (!rollup_get(set, sqlite3_column_int64(q, 0),
                        sqlite3_column_blob(q, 1),
                        (size_t)sqlite3_column_bytes(q, 1)))
            p->damaged = true;
    sqlite3_reset(q);
    return rc;
}

/* Blocks reach beyond the window. */
static void cut(const struct periods *p, struct rollup_set *set)
{
    while (set->count > 0 && set->items[0].from_us < p->since_us) {
        set->items++;
        set->count--;
        set->cap--;
    }
    while (set->count > 0 && set->items[set->count - 1].from_us >= p->before_us)
        set->count--;
}

static struct periods widened(struct sqlite_reader *r,
                              const struct reader_window *w,
                              enum resolution resolution)
{
    int64_t us = resolution_us(resolution);
    return (struct periods){
        .reader = r,
        .check = w->check,
        .since_us = w->since_us == 0
                        ? INT64_MIN
                        : resolution_floor(resolution, w->since_us),
        .before_us = w->before_us == 0
                         ? INT64_MAX
                         : resolution_floor(resolution, w->before_us - 1) + us,
    };
}

bool sqlite_periods(struct reader *base, const struct reader_window *window,
                    struct rollup_set *set, struct err *err)
{
    struct periods p = widened(reader_self(base), window, set->resolution);
    struct db *db = &p.reader->db;
    reader_begin(p.reader);
    bool ok = db_exec(db, "BEGIN") == SQLITE_OK &&
              add_rollups(&p, set) == SQLITE_DONE &&
              count_hot(&p, set) == SQLITE_DONE;
    if (!ok)
        reader_failed(p.reader, err);
    if (!sqlite3_get_autocommit(db->handle))
        db_exec(db, "COMMIT");
    if (ok && p.damaged)
        ok = err_set(err, ERR_PROTOCOL, 0,
                     "history: damaged bytes among the periods of check %u:"
                     " relevo db check tells more",
                     (unsigned)window->check);
    cut(&p, set);
    return ok;
}

/* The hot ones are those of the last minutes before the writer stopped; where
 * there are none, the quarter of an hour that was packed last. */
bool sqlite_newest(struct reader *base, int64_t *at_us, struct err *err)
{
    static const char sql[] =
        "SELECT coalesce((SELECT max(started_us) FROM hot WHERE node = ?1),"
        " (SELECT max((SELECT max(t0) FROM rollup_minute AS r WHERE"
        "  r.node = ?1 AND r.check_id = c.check_id)) FROM \"check\" AS c"
        "  WHERE c.node = ?1), 0)";
    struct sqlite_reader *r = reader_self(base);
    reader_begin(r);
    sqlite3_stmt *q = db_statement(&r->db, STATEMENT_NEWEST, sql);
    if (q == NULL)
        return reader_failed(r, err);
    sqlite3_bind_int(q, 1, r->node);
    int rc = sqlite3_step(q);
    bool ok = rc == SQLITE_ROW || reader_failed(r, err);
    *at_us = ok ? sqlite3_column_int64(q, 0) : 0;
    sqlite3_reset(q);
    return ok;
}

/* ---------------------------------------------------------- all checks --- */

/* What is hot is counted first, for all checks; then the rollups are walked
 * check by check, and each is given away before the next is read. */
struct all {
    struct periods window;
    enum resolution resolution;
    struct arena *arena;          /* of what is hot */
    struct arena *scratch;        /* of the check at hand, of the row at hand */
    struct check_periods *checks; /* by number; what is hot of each */
    size_t count, cap, given;
    struct rollup_set set; /* of checks[given] */
    const struct periods_taker *taker;
};

static int add_checks(struct all *all)
{
    static const char sql[] =
        "SELECT check_id FROM \"check\" WHERE node = ?1 ORDER BY check_id";
    sqlite3_stmt *q =
        db_statement(&all->window.reader->db, STATEMENT_CHECKS, sql);
    if (q == NULL)
        return SQLITE_ERROR;
    sqlite3_bind_int(q, 1, all->window.reader->node);
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        all->checks =
            xgrow(all->checks, all->count, &all->cap, sizeof *all->checks);
        all->checks[all->count++] = (struct check_periods){
            (uint32_t)sqlite3_column_int64(q, 0),
            {.resolution = all->resolution, .arena = all->arena}};
    }
    sqlite3_reset(q);
    return rc;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = ((const struct check_periods *)a)->check,
             y = ((const struct check_periods *)b)->check;
    return x < y ? -1 : x > y;
}

static struct rollup_set *hot_of(const struct all *all, int64_t check)
{
    struct check_periods key = {.check = (uint32_t)check};
    struct check_periods *found = all->count == 0
                                      ? NULL
                                      : bsearch(&key, all->checks, all->count,
                                                sizeof *all->checks, by_number);
    return found == NULL ? NULL : &found->set;
}

static int count_all_hot(struct all *all)
{
    static const char sql[] =
        "SELECT " HOT_COUNTED_COLUMNS ", check_id FROM hot"
        " WHERE node = ?1 AND started_us >= ?3"
        " AND started_us < ?4";
    sqlite3_stmt *q =
        db_statement(&all->window.reader->db, STATEMENT_ALL_HOT, sql);
    if (q == NULL)
        return SQLITE_ERROR;
    bind_range(q, &all->window, all->window.since_us);
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct sample s;
        struct rollup_set *set =
            hot_of(all, sqlite3_column_int64(q, HOT_COUNTED));
        if (!hot_read_counted(q, all->scratch, &s))
            all->window.damaged = true;
        if (set != NULL)
            rollup_set_add(set, &s);
        arena_reset(all->scratch);
    }
    sqlite3_reset(q);
    return rc;
}

static void give_next(struct all *all)
{
    const struct check_periods *hot = &all->checks[all->given++];
    for (size_t i = 0; i < hot->set.count; i++)
        rollup_set_merge(&all->set, &hot->set.items[i]);
    cut(&all->window, &all->set);
    struct check_periods whole = {hot->check, all->set};
    all->taker->take(all->taker->arg, &whole);
    arena_reset(all->scratch);
    all->set = (struct rollup_set){.resolution = all->resolution,
                                   .arena = all->scratch};
}

static void give_until(struct all *all, int64_t check)
{
    while (all->given < all->count && all->checks[all->given].check < check)
        give_next(all);
}

/* Check by check through the primary key: the table holds years, the window
 * seldom more than a day. They come in order of time: said in the statement, it
 * would be sorted once more. */
static sqlite3_stmt *all_rollups_statement(struct all *all)
{
    struct buf sql = {0};
    buf_addf(&sql,
             "SELECT r.t0, r.data, r.check_id FROM \"check\" AS c CROSS JOIN"
             " %s AS r ON r.node = ?1 AND r.check_id = c.check_id"
             " AND r.t0 >= ?3 AND r.t0 < ?4"
             " WHERE c.node = ?1 ORDER BY c.check_id",
             rollup_tables[all->resolution]);
    sqlite3_stmt *q = db_statement(
        &all->window.reader->db,
        STATEMENT_ALL_ROLLUP + (unsigned)all->resolution, sql.data);
    buf_free(&sql);
    return q;
}

static int give_all(struct all *all)
{
    sqlite3_stmt *q = all_rollups_statement(all);
    if (q == NULL)
        return SQLITE_ERROR;
    bind_range(q, &all->window, first_block(&all->window, all->resolution));
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        give_until(all, sqlite3_column_int64(q, 2));
        if (!rollup_get(&all->set, sqlite3_column_int64(q, 0),
                        sqlite3_column_blob(q, 1),
                        (size_t)sqlite3_column_bytes(q, 1)))
            all->window.damaged = true;
    }
    sqlite3_reset(q);
    give_until(all, INT64_MAX);
    return rc;
}

bool sqlite_all_periods(struct reader *base, const struct reader_window *window,
                        enum resolution resolution,
                        const struct periods_taker *taker, struct err *err)
{
    struct all all = {.window = widened(reader_self(base), window, resolution),
                      .resolution = resolution,
                      .arena = arena_new(),
                      .scratch = arena_new(),
                      .taker = taker};
    struct db *db = &all.window.reader->db;
    all.set =
        (struct rollup_set){.resolution = resolution, .arena = all.scratch};
    reader_begin(all.window.reader);
    bool ok =
        db_exec(db, "BEGIN") == SQLITE_OK && add_checks(&all) == SQLITE_DONE &&
        count_all_hot(&all) == SQLITE_DONE && give_all(&all) == SQLITE_DONE;
    if (!ok)
        reader_failed(all.window.reader, err);
    if (!sqlite3_get_autocommit(db->handle))
        db_exec(db, "COMMIT");
    if (ok && all.window.damaged)
        ok = err_set(err, ERR_PROTOCOL, 0,
                     "history: damaged bytes among the periods:"
                     " relevo db check tells more");
    free(all.checks);
    arena_free(all.scratch);
    arena_free(all.arena);
    return ok;
}

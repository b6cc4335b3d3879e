/* store/rollup_write.c: rollups into their rows, by the writer. See rollup.h.
 *
 * The new results are counted by minute, these minutes merged into hours and
 * days; then each block that one of them falls into is read, added to and
 * written back. A block whose bytes are damaged begins anew: `relevo db check`
 * tells. */
#include <string.h>

#include "base/failpoint.h"
#include "store/rollup.h"
#include "store/sample.h"
#include "store/write.h"

/* Two for each resolution. */
enum {
    STATEMENT_READ = WRITE_STATEMENTS_ROLLUP,
    STATEMENT_WRITE = STATEMENT_READ + RESOLUTION_COUNT
};

const char *const rollup_tables[RESOLUTION_COUNT] = {
    [RESOLUTION_MINUTE] = "rollup_minute",
    [RESOLUTION_HOUR] = "rollup_hour",
    [RESOLUTION_DAY] = "rollup_day",
};

static sqlite3_stmt *statement(struct db *db, unsigned first, enum resolution r,
                               const char *before, const char *after)
{
    unsigned which = first + (unsigned)r;
    if (db->statements[which] != NULL)
        return db->statements[which];
    struct buf sql = {0};
    buf_addf(&sql, "%s %s %s", before, rollup_tables[r], after);
    sqlite3_stmt *stmt = db_statement(db, which, sql.data);
    buf_free(&sql);
    return stmt;
}

static void bind_place(sqlite3_stmt *q, uint16_t node, uint32_t check,
                       int64_t block_us)
{
    sqlite3_bind_int(q, 1, node);
    sqlite3_bind_int64(q, 2, check);
    sqlite3_bind_int64(q, 3, block_us);
}

static int read_block(struct db *db, uint16_t node, uint32_t check,
                      int64_t block_us, struct rollup_set *set)
{
    sqlite3_stmt *q =
        statement(db, STATEMENT_READ, set->resolution, "SELECT data FROM",
                  "WHERE node = ? AND check_id = ? AND t0 = ?");
    if (q == NULL)
        return sqlite3_extended_errcode(db->handle);
    bind_place(q, node, check, block_us);
    int rc = sqlite3_step(q);
    if (rc == SQLITE_ROW &&
        !rollup_get(set, block_us, sqlite3_column_blob(q, 0),
                    (size_t)sqlite3_column_bytes(q, 0)))
        set->count = 0;
    int reset = sqlite3_reset(q);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? reset : rc;
}

static int write_block(struct db *db, uint16_t node, uint32_t check,
                       int64_t block_us, const struct rollup_set *set)
{
    sqlite3_stmt *q = statement(db, STATEMENT_WRITE, set->resolution,
                                "INSERT OR REPLACE INTO", "VALUES(?, ?, ?, ?)");
    if (q == NULL)
        return sqlite3_extended_errcode(db->handle);
    struct buf data = {0};
    rollup_put(&data, set->resolution, block_us, set->items, set->count);
    bind_place(q, node, check, block_us);
    sqlite3_bind_blob64(q, 4, data.data, data.len, SQLITE_STATIC);
    sqlite3_step(q);
    int rc = sqlite3_reset(q);
    sqlite3_clear_bindings(q);
    buf_free(&data);
    return rc;
}

static int write_set(struct db *db, uint16_t node, uint32_t check,
                     const struct rollup_set *fresh)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; i < fresh->count && rc == SQLITE_OK;) {
        int64_t block_us =
            rollup_block(fresh->resolution, fresh->items[i].from_us);
        int64_t end_us = block_us + rollup_block_us(fresh->resolution);
        struct rollup_set block = {fresh->resolution, fresh->arena, NULL, 0, 0};
        rc = read_block(db, node, check, block_us, &block);
        for (; i < fresh->count && fresh->items[i].from_us < end_us; i++)
            rollup_set_merge(&block, &fresh->items[i]);
        if (rc == SQLITE_OK)
            rc = write_block(db, node, check, block_us, &block);
    }
    return rc;
}

int rollup_write(struct db *db, uint16_t node, uint32_t check,
                 const struct sample *samples, size_t count, struct arena *a)
{
    struct rollup_set sets[RESOLUTION_COUNT];
    int rc = SQLITE_OK;
    for (unsigned r = 0; r < RESOLUTION_COUNT; r++)
        sets[r] = (struct rollup_set){(enum resolution)r, a, NULL, 0, 0};
    for (size_t i = 0; i < count; i++)
        rollup_set_add(&sets[0], &samples[i]);
    for (unsigned r = 1; r < RESOLUTION_COUNT; r++)
        for (size_t i = 0; i < sets[r - 1].count; i++)
            rollup_set_merge(&sets[r], &sets[r - 1].items[i]);
    for (unsigned r = 0; r < RESOLUTION_COUNT && rc == SQLITE_OK; r++)
        rc = write_set(db, node, check, &sets[r]);
    if (rc == SQLITE_OK && FAILPOINT("store.mid_rollup"))
        rc = SQLITE_IOERR;
    return rc;
}

/* store/read_stats.c: how large the file is and what is in it. See upkeep.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/mem.h"
#include "store/purge.h"
#include "store/read.h"
#include "store/upkeep.h"

static void from_counters(const struct counters *c, struct store_stats *out)
{
    out->keep = (struct history_spec){
        .raw_ns = (int64_t)c->keep_raw_ns,
        .minute_ns = (int64_t)c->keep_minute_ns,
        .hour_ns = (int64_t)c->keep_hour_ns,
        .day_ns = (int64_t)c->keep_day_ns,
        .outputs_ns = (int64_t)c->keep_outputs_ns,
        .max_bytes = (int64_t)c->keep_bytes,
        .outputs_bytes = (int64_t)c->keep_outputs_bytes,
    };
    out->lost = c->lost;
    out->outputs_bytes = (int64_t)c->outputs_bytes;
    out->swept_us = (int64_t)c->swept_us;
    out->rollups_from_us = (int64_t)c->rollups_from;
}

bool sqlite_keeping(struct reader *base, struct store_stats *out,
                    struct err *err)
{
    struct sqlite_reader *r = reader_self(base);
    struct counters c;
    *out = (struct store_stats){0};
    reader_begin(r);
    if (write_load_counters(&r->db, r->node, &c) != SQLITE_OK)
        return reader_failed(r, err);
    from_counters(&c, out);
    return true;
}

static int64_t size_of(const char *path, const char *suffix)
{
    struct stat st;
    char *whole = xasprintf("%s%s", path, suffix);
    int64_t bytes = stat(whole, &st) == 0 ? st.st_size : 0;
    free(whole);
    return bytes;
}

static bool whole_file(struct sqlite_reader *r, struct store_stats *out)
{
    int64_t version, page, unused, mode;
    struct db *db = &r->db;
    const char *path = sqlite3_db_filename(db->handle, "main");
    if (db_number(db, "PRAGMA user_version", &version) != SQLITE_OK ||
        db_number(db, "PRAGMA page_size", &page) != SQLITE_OK ||
        db_number(db, "PRAGMA freelist_count", &unused) != SQLITE_OK ||
        db_number(db, "PRAGMA auto_vacuum", &mode) != SQLITE_OK)
        return false;
    out->version = (int)version;
    out->free_bytes = unused * page;
    out->can_shrink = mode == 2;
    out->file_bytes = size_of(path, "");
    out->log_bytes = size_of(path, "-wal");
    return true;
}

/* The oldest time in a table's first column that is one; 0: none. */
static int64_t oldest_in(struct db *db, const char *table)
{
    static const char *const columns[] = {
        "at_us",   "started_us", "intended_us", "began_us",
        "from_us", "t0",         "since_us"};
    struct buf sql = {0};
    int64_t oldest_us = 0;
    for (size_t i = 0; i < ARRAY_LEN(columns) && oldest_us == 0; i++) {
        int64_t has = 0;
        buf_clear(&sql);
        buf_addf(&sql,
                 "SELECT count(*) FROM pragma_table_info('%s') WHERE name = "
                 "'%s'",
                 table, columns[i]);
        if (db_number(db, sql.data, &has) != SQLITE_OK || has == 0)
            continue;
        buf_clear(&sql);
        buf_addf(&sql, "SELECT min(%s) FROM \"%s\" WHERE %s > 0", columns[i],
                 table, columns[i]);
        (void)!db_number(db, sql.data, &oldest_us);
    }
    buf_free(&sql);
    return oldest_us;
}

static void one_table(struct db *db, struct table_stats *t)
{
    struct buf sql = {0};
    buf_addf(&sql, "SELECT %s FROM \"%s\"",
             strcmp(t->name, "chunk") == 0 ? "total(n)" : "count(*)", t->name);
    (void)!db_number(db, sql.data, &t->rows);
    buf_clear(&sql);
    buf_addf(&sql,
             "SELECT sum(pgsize) FROM dbstat WHERE aggregate = TRUE AND name IN"
             " (SELECT name FROM sqlite_schema WHERE tbl_name = '%s')",
             t->name);
    if (db_number(db, sql.data, &t->bytes) != SQLITE_OK)
        t->bytes = -1;
    buf_free(&sql);
    t->oldest_us = oldest_in(db, t->name);
}

static int by_size(const void *a, const void *b)
{
    const struct table_stats *x = a, *y = b;
    return x->bytes != y->bytes ? (x->bytes > y->bytes ? -1 : 1)
                                : strcmp(x->name, y->name);
}

static bool tables(struct sqlite_reader *r, struct arena *a,
                   struct store_stats *out, struct err *err)
{
    static const char sql[] = "SELECT name FROM sqlite_schema WHERE"
                              " type = 'table' AND name NOT LIKE 'sqlite_%'";
    struct table_stats *found = NULL;
    size_t n = 0, cap = 0;
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(r->db.handle, sql, -1, &q, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        found = xgrow(found, n, &cap, sizeof *found);
        found[n] = (struct table_stats){
            .name = arena_strdup(a, (const char *)sqlite3_column_text(q, 0))};
        n++;
        rc = SQLITE_OK;
    }
    sqlite3_finalize(q);
    for (size_t i = 0; i < n; i++)
        one_table(&r->db, &found[i]);
    if (n > 0)
        qsort(found, n, sizeof *found, by_size);
    out->tables = arena_memdup(a, found, n * sizeof *found);
    out->table_count = n;
    free(found);
    return rc == SQLITE_DONE || reader_failed(r, err);
}

bool sqlite_stats(struct reader *base, struct arena *a, struct store_stats *out,
                  struct err *err)
{
    struct sqlite_reader *r = reader_self(base);
    if (!sqlite_keeping(base, out, err))
        return false;
    reader_begin(r);
    if (!whole_file(r, out))
        return reader_failed(r, err);
    return tables(r, a, out, err);
}

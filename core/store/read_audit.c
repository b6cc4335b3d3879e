/* store/read_audit.c: the audit, read and verified. See audit.h. */
#include "store/read.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/audit.h"
#include "store/rows.h"

enum {
    STATEMENT_AUDIT = READ_STATEMENTS_AUDIT,
    STATEMENT_CHAIN,
    STATEMENT_LAST
};

static sqlite3_stmt *audit_statement(struct sqlite_reader *r, unsigned which,
                                     const char *tail)
{
    struct buf sql = {0};
    buf_adds(&sql, "SELECT id, hash, ");
    rows_columns_sql(row_table(RECORD_AUDIT), &sql);
    buf_addf(&sql, " FROM audit WHERE node = ?1 %s", tail);
    sqlite3_stmt *stmt = db_statement(&r->db, which, sql.data);
    buf_free(&sql);
    if (stmt != NULL)
        sqlite3_bind_int(stmt, 1, r->node);
    return stmt;
}

static void read_entry(sqlite3_stmt *stmt, struct arena *a,
                       struct audit_entry *e)
{
    const void *hash = sqlite3_column_text(stmt, 1);
    e->id = (uint64_t)sqlite3_column_int64(stmt, 0);
    e->hash = arena_strdup(a, hash == NULL ? "" : hash);
    rows_read(stmt, 2, row_table(RECORD_AUDIT), a, &e->row);
}

bool sqlite_audit(struct reader *base, struct arena *a, uint64_t before,
                  size_t limit, struct audit_entry **entries, size_t *count,
                  struct err *err)
{
    struct sqlite_reader *r = reader_self(base);
    reader_begin(r);
    sqlite3_stmt *stmt = audit_statement(
        r, STATEMENT_AUDIT, "AND id < ?2 ORDER BY id DESC LIMIT ?3");
    if (stmt == NULL)
        return reader_failed(r, err);
    sqlite3_bind_int64(stmt, 2, before == 0 ? INT64_MAX : (int64_t)before);
    sqlite3_bind_int64(stmt, 3, limit == 0 ? -1 : (int64_t)limit);
    struct audit_entry *found = NULL;
    size_t n = 0, cap = 0;
    int rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        found = xgrow(found, n, &cap, sizeof *found);
        read_entry(stmt, a, &found[n++]);
    }
    bool ok = rc == SQLITE_DONE || reader_failed(r, err);
    sqlite3_reset(stmt);
    *count = ok ? n : 0;
    *entries = arena_memdup(a, found, *count * sizeof *found);
    free(found);
    return ok;
}

/* The number that the writer gave out last, kept apart from the rows: rows
 * cut off at the end are missed. */
static bool last_id(struct sqlite_reader *r, uint64_t *id, struct err *err)
{
    sqlite3_stmt *stmt = db_statement(
        &r->db, STATEMENT_LAST,
        "SELECT value FROM counter WHERE node = ? AND name = 'audit'");
    if (stmt == NULL)
        return reader_failed(r, err);
    sqlite3_bind_int(stmt, 1, r->node);
    int rc = sqlite3_step(stmt);
    *id = rc == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(stmt, 0) : 0;
    bool ok = rc == SQLITE_ROW || rc == SQLITE_DONE || reader_failed(r, err);
    sqlite3_reset(stmt);
    return ok;
}

static const char *what_is_wrong(uint16_t node, uint64_t expected,
                                 const char *previous,
                                 const struct audit_entry *e)
{
    char hash[SHA256_TEXT];
    if (e->id != expected)
        return "a row is missing before it";
    audit_hash(previous, node, e->id, &e->row, hash);
    return strcmp(hash, e->hash) == 0 ? NULL
                                      : "its hash does not fit its content "
                                        "and the row before";
}

static bool walk_chain(struct sqlite_reader *r, sqlite3_stmt *stmt,
                       struct audit_verdict *v, struct err *err)
{
    char previous[SHA256_TEXT] = "";
    int rc = SQLITE_DONE;
    while (v->bad_id == 0 && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct arena *a = arena_new();
        struct audit_entry e = {0};
        read_entry(stmt, a, &e);
        const char *wrong = what_is_wrong(r->node, v->rows + 1, previous, &e);
        v->rows++;
        if (wrong != NULL) {
            v->bad_id = e.id;
            v->text = wrong;
        }
        snprintf(previous, sizeof previous, "%s", e.hash);
        arena_free(a);
        reader_begin(r); /* a long chain may take its time */
    }
    return v->bad_id != 0 || rc == SQLITE_DONE || reader_failed(r, err);
}

bool sqlite_verify_audit(struct reader *base, struct audit_verdict *v,
                         struct err *err)
{
    struct sqlite_reader *r = reader_self(base);
    uint64_t last = 0;
    *v = (struct audit_verdict){.text = ""};
    reader_begin(r);
    /* The counter first: what is appended meanwhile does no harm. */
    if (!last_id(r, &last, err))
        return false;
    sqlite3_stmt *stmt = audit_statement(r, STATEMENT_CHAIN, "ORDER BY id");
    if (stmt == NULL)
        return reader_failed(r, err);
    bool ok = walk_chain(r, stmt, v, err);
    sqlite3_reset(stmt);
    if (ok && v->bad_id == 0 && v->rows < last) {
        v->bad_id = v->rows + 1;
        v->text = "rows are missing at the end";
    }
    return ok;
}

/* store/write.c: records as rows. See write.h. */
#include "store/write.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "store/audit.h"
#include "store/rows.h"
#include "store/sample.h"

/* Statements by number: the kinds of records first (RECORD_RESULT: hot). */
enum {
    STATEMENT_DETAIL = RECORD_KINDS,
    STATEMENT_COUNTER,
    STATEMENT_OUTPUT,
};
_Static_assert((int)STATEMENT_OUTPUT < (int)WRITE_STATEMENTS_PACK,
               "numbers overlap");

static const char hot_sql[] = "INSERT INTO hot VALUES(?,?,?,?,?,?,?,?,?,?,?,?)";
static const char detail_sql[] =
    "INSERT OR REPLACE INTO detail VALUES(?,?,?,?,?,?,?,?,?,?)";
static const char output_sql[] = "SELECT length(CAST(output AS BLOB)) FROM run "
                                 "WHERE node = ? AND number = ?";
static const char counter_sql[] =
    "INSERT INTO counter(node, name, value) VALUES(?,?,?)"
    " ON CONFLICT(node, name) DO UPDATE SET value = excluded.value";

/* Runs a statement that returns no rows. */
static int run(sqlite3_stmt *stmt)
{
    int rc = sqlite3_step(stmt);
    int reset = sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : reset != SQLITE_OK ? reset : rc;
}

static int bind_numbers(sqlite3_stmt *stmt, const int64_t *numbers, int n)
{
    int rc = SQLITE_OK;
    for (int i = 0; i < n && rc == SQLITE_OK; i++)
        rc = sqlite3_bind_int64(stmt, i + 1, numbers[i]);
    return rc;
}

/* An empty blob is NULL. */
static int bind_blob(sqlite3_stmt *stmt, int place, const struct buf *b)
{
    return b->len == 0 ? sqlite3_bind_null(stmt, place)
                       : sqlite3_bind_blob64(stmt, place, b->data, b->len,
                                             SQLITE_STATIC);
}

static int write_detail(struct db *db, const struct result *r,
                        struct counters *c)
{
    sqlite3_stmt *stmt = db_statement(db, STATEMENT_DETAIL, detail_sql);
    if (stmt == NULL)
        return sqlite3_extended_errcode(db->handle);
    const int64_t numbers[] = {r->node,           r->check,
                               r->started_us,     (int64_t)r->probe,
                               (int64_t)r->fault, r->sys_errno};
    struct buf data = {0}, evidence = {0};
    detail_put(&data, r);
    detail_put_evidence(&evidence, r);
    int rc = bind_numbers(stmt, numbers, 6);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(stmt, 7, r->code, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(stmt, 8, r->message, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = bind_blob(stmt, 9, &data);
    if (rc == SQLITE_OK)
        rc = bind_blob(stmt, 10, &evidence);
    int done = run(stmt);
    if (rc == SQLITE_OK && done == SQLITE_OK)
        c->outputs_bytes += evidence.len;
    buf_free(&data);
    buf_free(&evidence);
    return rc == SQLITE_OK ? done : rc;
}

static int write_result(struct db *db, const struct result *r,
                        struct counters *c)
{
    sqlite3_stmt *stmt = db_statement(db, RECORD_RESULT, hot_sql);
    if (stmt == NULL)
        return sqlite3_extended_errcode(db->handle);
    struct sample s = sample_of(r);
    const int64_t numbers[] = {
        r->node,      r->check,           s.started_us,
        s.started_ns, s.duration_ns,      (int64_t)s.probe,
        s.generation, (int64_t)s.outcome, (int64_t)s.purpose,
        s.flags,      s.has_detail};
    struct buf observations = {0};
    sample_put_observations(&observations, r);
    int rc = s.has_detail ? write_detail(db, r, c) : SQLITE_OK;
    if (rc == SQLITE_OK)
        rc = bind_numbers(stmt, numbers, 11);
    if (rc == SQLITE_OK)
        rc = bind_blob(stmt, 12, &observations);
    if (rc == SQLITE_OK)
        rc = run(stmt);
    buf_free(&observations);
    return rc;
}

static sqlite3_stmt *row_statement(struct db *db, enum record_kind kind)
{
    if (db->statements[kind] != NULL)
        return db->statements[kind];
    struct buf sql = {0};
    bool audit = kind == RECORD_AUDIT;
    rows_insert_sql(row_table(kind), audit ? ", id, hash" : "", audit ? 2 : 0,
                    &sql);
    sqlite3_stmt *stmt = db_statement(db, kind, sql.data);
    buf_free(&sql);
    return stmt;
}

static int write_row(struct db *db, uint16_t node, const struct record *r)
{
    sqlite3_stmt *stmt = row_statement(db, r->kind);
    if (stmt == NULL)
        return sqlite3_extended_errcode(db->handle);
    int rc = rows_bind(stmt, row_table(r->kind), node, &r->as);
    int done = run(stmt);
    return rc == SQLITE_OK ? done : rc;
}

static int write_audit(struct db *db, uint16_t node,
                       const struct audit_row *row, struct counters *c)
{
    sqlite3_stmt *stmt = row_statement(db, RECORD_AUDIT);
    if (stmt == NULL)
        return sqlite3_extended_errcode(db->handle);
    const struct row_table *t = row_table(RECORD_AUDIT);
    char hash[SHA256_TEXT];
    audit_hash(c->audit_hash, node, c->audit + 1, row, hash);
    int after = (int)t->column_count + 2, rc = rows_bind(stmt, t, node, row);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(stmt, after, (int64_t)c->audit + 1);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(stmt, after + 1, hash, -1, SQLITE_STATIC);
    int done = run(stmt);
    if (rc != SQLITE_OK || done != SQLITE_OK)
        return rc != SQLITE_OK ? rc : done;
    c->audit++;
    memcpy(c->audit_hash, hash, sizeof hash);
    return SQLITE_OK;
}

/* Before the row is written: the same run is written more than once. */
static int count_output(struct db *db, uint16_t node, const struct run_row *row,
                        struct counters *c)
{
    if (row->output == NULL || row->output[0] == '\0')
        return SQLITE_OK;
    sqlite3_stmt *stmt = db_statement(db, STATEMENT_OUTPUT, output_sql);
    if (stmt == NULL)
        return sqlite3_extended_errcode(db->handle);
    sqlite3_bind_int(stmt, 1, node);
    sqlite3_bind_int64(stmt, 2, (int64_t)row->number);
    int rc = sqlite3_step(stmt);
    uint64_t before =
        rc == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(stmt, 0) : 0;
    c->outputs_bytes += strlen(row->output);
    c->outputs_bytes -= before < c->outputs_bytes ? before : c->outputs_bytes;
    int reset = sqlite3_reset(stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? reset : rc;
}

static void raise(uint64_t *counter, uint64_t number)
{
    if (number > *counter)
        *counter = number;
}

static void count_numbers(const struct record *r, struct counters *c)
{
    switch (r->kind) {
    case RECORD_CHECK: raise(&c->check, r->as.check.check); break;
    case RECORD_STATE: raise(&c->incident, r->as.state.incident); break;
    case RECORD_INCIDENT: raise(&c->incident, r->as.incident.number); break;
    case RECORD_EVENT: raise(&c->incident, r->as.event.incident); break;
    case RECORD_RUN:
        raise(&c->run, r->as.run.number);
        raise(&c->incident, r->as.run.incident);
        break;
    case RECORD_WINDOW: raise(&c->window, r->as.window.number); break;
    default: break;
    }
}

int write_record(struct db *db, uint16_t node, const struct record *r,
                 struct counters *c)
{
    if (r->kind == RECORD_RESULT)
        return write_result(db, r->as.result, c);
    if (r->kind == RECORD_AUDIT)
        return write_audit(db, node, &r->as.audit, c);
    int rc = SQLITE_OK;
    if (r->kind == RECORD_RUN)
        rc = count_output(db, node, &r->as.run, c);
    if (rc == SQLITE_OK)
        rc = write_row(db, node, r);
    if (rc == SQLITE_OK)
        count_numbers(r, c);
    return rc;
}

/* ------------------------------------------------------------ counters --- */

static const struct {
    const char *name;
    size_t offset;
} counter_table[] = {
    {"check", offsetof(struct counters, check)},
    {"incident", offsetof(struct counters, incident)},
    {"run", offsetof(struct counters, run)},
    {"audit", offsetof(struct counters, audit)},
    {"window", offsetof(struct counters, window)},
    {"lost", offsetof(struct counters, lost)},
    {"outputs_bytes", offsetof(struct counters, outputs_bytes)},
    {"swept_us", offsetof(struct counters, swept_us)},
    {"rollups_from", offsetof(struct counters, rollups_from)},
    {"keep_raw_ns", offsetof(struct counters, keep_raw_ns)},
    {"keep_minute_ns", offsetof(struct counters, keep_minute_ns)},
    {"keep_hour_ns", offsetof(struct counters, keep_hour_ns)},
    {"keep_day_ns", offsetof(struct counters, keep_day_ns)},
    {"keep_outputs_ns", offsetof(struct counters, keep_outputs_ns)},
    {"keep_bytes", offsetof(struct counters, keep_bytes)},
    {"keep_outputs_bytes", offsetof(struct counters, keep_outputs_bytes)},
    {"aged_us", offsetof(struct counters, aged_us)},
    {"jumped_to_us", offsetof(struct counters, jumped_to_us)},
    {"jumped_by_us", offsetof(struct counters, jumped_by_us)},
};

static uint64_t *counter_at(const struct counters *c, size_t i)
{
    return (uint64_t *)(void *)((char *)(uintptr_t)c + counter_table[i].offset);
}

int write_counters(struct db *db, uint16_t node, const struct counters *was,
                   const struct counters *now)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; i < ARRAY_LEN(counter_table) && rc == SQLITE_OK; i++) {
        uint64_t value = *counter_at(now, i);
        if (value == *counter_at(was, i))
            continue;
        sqlite3_stmt *stmt = db_statement(db, STATEMENT_COUNTER, counter_sql);
        if (stmt == NULL)
            return sqlite3_extended_errcode(db->handle);
        sqlite3_bind_int(stmt, 1, node);
        sqlite3_bind_text(stmt, 2, counter_table[i].name, -1, SQLITE_STATIC);
        sqlite3_bind_int64(stmt, 3, (int64_t)value);
        rc = run(stmt);
    }
    return rc;
}

static int load_audit_end(struct db *db, uint16_t node, struct counters *c)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(
        db->handle,
        "SELECT id, hash FROM audit WHERE node = ? ORDER BY id DESC LIMIT 1",
        -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int(stmt, 1, node);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        const void *hash = sqlite3_column_text(stmt, 1);
        size_t n = (size_t)sqlite3_column_bytes(stmt, 1);
        c->audit = (uint64_t)sqlite3_column_int64(stmt, 0);
        memcpy(c->audit_hash, hash == NULL ? "" : hash,
               n < SHA256_TEXT ? n : SHA256_TEXT - 1);
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int write_load_counters(struct db *db, uint16_t node, struct counters *c)
{
    *c = (struct counters){0};
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(
        db->handle, "SELECT name, value FROM counter WHERE node = ?", -1, &stmt,
        NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int(stmt, 1, node);
    while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        const void *name = sqlite3_column_text(stmt, 0);
        for (size_t i = 0; i < ARRAY_LEN(counter_table) && name != NULL; i++)
            if (strcmp(name, counter_table[i].name) == 0)
                *counter_at(c, i) = (uint64_t)sqlite3_column_int64(stmt, 1);
        rc = SQLITE_OK;
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_DONE || rc == SQLITE_OK ? load_audit_end(db, node, c)
                                                : rc;
}

/* store/db.c: see db.h. */
#include "store/db.h"

#include <string.h>

#include "base/attr.h"

void db_close(struct db *db)
{
    for (size_t i = 0; i < DB_STATEMENTS; i++)
        sqlite3_finalize(db->statements[i]);
    sqlite3_close_v2(db->handle);
    memset(db, 0, sizeof *db);
}

sqlite3_stmt *db_statement(struct db *db, unsigned which, const char *sql)
{
    must(which < DB_STATEMENTS);
    if (db->statements[which] == NULL)
        sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
                           &db->statements[which], NULL);
    return db->statements[which];
}

int db_exec(struct db *db, const char *sql)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
}

int db_number(struct db *db, const char *sql, int64_t *out)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        *out = sqlite3_column_int64(stmt, 0);
        rc = SQLITE_OK;
    }
    sqlite3_finalize(stmt);
    return rc;
}

enum db_failure db_failure_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE: return DB_FINE;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return DB_BROKEN;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
    case SQLITE_TOOBIG: return DB_ILL;
    default: return DB_REFUSED;
    }
}

enum db_failure db_failure_now(const struct db *db, int rc)
{
    static const char *const missing[] = {"no such ", "table "};
    if ((rc & 0xff) != SQLITE_ERROR)
        return db_failure_of(rc);
    const char *text = sqlite3_errmsg(db->handle);
    for (size_t i = 0; i < ARRAY_LEN(missing); i++)
        if (strncmp(text, missing[i], strlen(missing[i])) == 0)
            return DB_BROKEN;
    return DB_REFUSED;
}

bool db_err(const struct db *db, struct err *err, const char *what)
{
    int rc = sqlite3_extended_errcode(db->handle);
    return err_set(
        err, db_failure_now(db, rc) == DB_BROKEN ? ERR_PROTOCOL : ERR_IO, 0,
        "history: %s: %s (SQLite %d)", what, sqlite3_errmsg(db->handle), rc);
}

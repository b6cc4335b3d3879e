/* store/db.h: one SQLite connection with its prepared statements, the schema
 * and the file under it. The writer has one, every reader has one. */
#ifndef RELEVO_STORE_DB_H
#define RELEVO_STORE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define DB_APPLICATION_ID 0x524c564f /* "RLVO" */
#define DB_BUSY_MS        2000
#define DB_STATEMENTS     64

/* What a failure means to those above. */
enum db_failure {
    DB_FINE,
    DB_REFUSED, /* the disk or the system: later it may work */
    DB_BROKEN,  /* the file is damaged or not ours: set it aside */
    DB_NEWER,   /* written by a version that knows more than this one */
    DB_ILL,     /* this one statement: its values do not fit */
    DB_USAGE    /* the path itself is wrong: nothing will help but a person */
};

struct db {
    sqlite3 *handle; /* NULL: not open */
    sqlite3_stmt *statements[DB_STATEMENTS];
};

void db_close(struct db *);
/* Prepared at first use, then kept; NULL: sqlite3_errmsg tells. `which` is the
 * caller's own number below DB_STATEMENTS. Reset it after use. */
sqlite3_stmt *db_statement(struct db *, unsigned which, const char *sql);
/* Statements without parameters and rows. An SQLite code. */
int db_exec(struct db *, const char *sql);
/* The first column of the first row. An SQLite code (SQLITE_DONE: no row). */
int db_number(struct db *, const char *sql, int64_t *out);
enum db_failure db_failure_of(int rc);
/* The same of what has just failed on this connection. Our statements fit our
 * schema: where a table or a column is missing, the schema is damaged. */
enum db_failure db_failure_now(const struct db *, int rc);
/* Sets err from the connection's last message (ERR_PROTOCOL: the file is
 * damaged). Returns false. */
bool db_err(const struct db *, struct err *, const char *what);

/* ------------------------------------------------------------ schema.c --- */

extern const int db_schema_version;
/* Up to the present version, all steps in one transaction: there is nothing
 * between a file that was begun and one that may be used. */
enum db_failure db_migrate(struct db *, struct err *);
/* Only up to that version: for tests of what an older one left behind. */
enum db_failure db_migrate_to(struct db *, int version, struct err *);
/* The same question without changing anything: DB_FINE, DB_NEWER, DB_BROKEN
 * (not ours) or DB_REFUSED (older: the daemon has yet to migrate it). */
enum db_failure db_check_version(struct db *, struct err *);

/* -------------------------------------------------------------- file.c --- */

/* Opens path for the writer: makes it with 0600, looks at it (thoroughly, for
 * at most 200 ms, when it was not closed cleanly), migrates. On failure
 * nothing stays open. */
enum db_failure db_open_writer(struct db *, const char *path, struct err *);
/* Opens read-only, whatever the state of its write-ahead log. */
bool db_open_reader(struct db *, const char *path, struct err *);
/* Renames the file and what belongs to it to PATH.corrupt-TIME; *aside (which
 * may be NULL) gets the new name, to be freed. */
bool db_set_aside(const char *path, char **aside, struct err *);

#endif

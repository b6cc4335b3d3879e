/* store/rows.h: the structs of model/record.h as rows: one table of columns
 * each, from which the statements that write and read them are made. The
 * CREATE TABLE statements stand in schema.c, because a migration that has been
 * shipped must never change. */
#ifndef RELEVO_STORE_ROWS_H
#define RELEVO_STORE_ROWS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/record.h"

enum column_type {
    COLUMN_INT,   /* int; enums too */
    COLUMN_ENUM,  /* an enum whose numbers are below `most` */
    COLUMN_FAULT, /* enum rlv_fault */
    COLUMN_U32,
    COLUMN_I32,
    COLUMN_U64,
    COLUMN_I64,
    COLUMN_TEXT
};

struct row_column {
    const char *name;
    enum column_type type;
    size_t offset;
    int most; /* of COLUMN_ENUM */
};

struct row_table {
    const char *name; /* quoted where SQL needs it */
    const char *key;  /* columns that name a row; NULL: append-only */
    const struct row_column *columns;
    size_t column_count, row_size;
};

/* Of a record kind; NULL for RECORD_RESULT. */
const struct row_table *row_table(enum record_kind);

/* INSERT with the node as ?1 and the columns from ?2 on; replaces the row of
 * the same node and key. `more` names further columns at the end, or "". */
void rows_insert_sql(const struct row_table *, const char *more, size_t n_more,
                     struct buf *);
/* "a, b, c" */
void rows_columns_sql(const struct row_table *, struct buf *);
/* row is the struct that the table describes. Returns an SQLite code. */
int rows_bind(sqlite3_stmt *, const struct row_table *, uint16_t node,
              const void *row);
/* Columns from `first` on into the struct; texts onto the arena. A number that
 * no enum has reads as its first. */
void rows_read(sqlite3_stmt *, int first, const struct row_table *,
               struct arena *, void *row);

#endif

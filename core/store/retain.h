/* store/retain.h: how much is kept, by age and by size; and a write-ahead log
 * that a reader keeps from being emptied. Of the writer's thread only. */
#ifndef RELEVO_STORE_RETAIN_H
#define RELEVO_STORE_RETAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "store/age.h"
#include "store/purge.h"

struct sqlite_store;

struct retention {
    struct history_spec keep;
    struct purge purge;
    int64_t due_ns;         /* the next pass by age */
    struct age age;         /* seen each time when nothing else is to do */
    unsigned shift;         /* a squeeze takes a 2^shift-th of what there is */
    unsigned empty;         /* kinds that gave nothing, a bit each */
    enum purge_kind victim; /* of the squeeze under way */
    bool squeezing;         /* the pass is one for size */
    bool is_crowded;        /* told that what must stay is too much */
    int64_t crowded_ns;     /* when that was last seen */
    int64_t log_bytes; /* of the write-ahead log: emptied when it has more */
    bool log_is_stuck; /* it has grown to its bound */
};

/* Begins to keep by that. */
void retain_set(struct sqlite_store *, const struct history_spec *);
/* The counters with what is kept now, which readers like to know. */
struct counters retain_counters(const struct sqlite_store *);
/* Results that may lie in hot: a small file has no room for many. */
uint64_t retain_hot_rows(const struct sqlite_store *);
int64_t retain_due_ns(const struct sqlite_store *);
/* A few milliseconds of it, or more while the file is too large. An SQLite
 * code. */
int retain(struct sqlite_store *, int64_t now_ns);

/* ---------------------------------------------------------------- wal.c --- */

/* The connection's own limits, after it was opened or log_bytes has changed. */
void wal_limit(struct sqlite_store *);
int64_t wal_bytes(const struct sqlite_store *);
/* Empties it; a reader in the way is not waited for long. */
void wal_empty(struct sqlite_store *, int64_t now_ns);
/* Whether there is no room in the log for results (log_is_stuck, too). Outside
 * a transaction. Tells when that begins, who is in the way, when it ends. */
bool wal_is_stuck(struct sqlite_store *);

#endif

/* store/write.h: one record, one statement or two, inside the writer's
 * transaction; and the packing of results. Used by writer.c only. */
#ifndef RELEVO_STORE_WRITE_H
#define RELEVO_STORE_WRITE_H

#include <stdint.h>

#include "base/sha256.h"
#include "model/record.h"
#include "store/db.h"
#include "store/queue.h"

/* The highest numbers ever given out, and the end of the audit's chain. Kept
 * with the file; a transaction works on a copy, so that a rollback leaves them
 * as they are on disk. */
struct counters {
    uint64_t check, incident, run, audit, window;
    char audit_hash[SHA256_TEXT]; /* "" before the first row */
};

/* Returns an SQLite code; SQLITE_OK or an error with nothing of it written. */
int write_record(struct db *, uint16_t node, const struct record *,
                 struct counters *);
int write_counters(struct db *, uint16_t node, const struct counters *was,
                   const struct counters *now);
int write_load_counters(struct db *, uint16_t node, struct counters *);

/* -------------------------------------------------------------- pack.c --- */

enum {
    PACK_CHUNK = 1024, /* samples in a chunk, about */
    PACK_SMALL = 128   /* a chunk of fewer is joined with what comes after */
};

/* Moves all of hot into chunk in one transaction. SQLITE_INTERRUPT: records
 * that cannot wait came meanwhile; nothing was changed (with insist it does
 * not look). */
int pack(struct db *, struct queue *, bool insist);

#endif

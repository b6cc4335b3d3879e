/* store/write.h: one record, one statement or two, inside the writer's
 * transaction; and the packing of results. Used by writer.c only. */
#ifndef RELEVO_STORE_WRITE_H
#define RELEVO_STORE_WRITE_H

#include <stdint.h>

#include "base/sha256.h"
#include "model/record.h"
#include "store/db.h"
#include "store/queue.h"

/* Where the numbers of the writer's statements begin, by file; those of write.c
 * begin at 0. */
enum {
    WRITE_STATEMENTS_PACK = 24,
    WRITE_STATEMENTS_ROLLUP = 32,
    WRITE_STATEMENTS_PURGE = 40
};

/* The highest numbers ever given out, the end of the audit's chain, and what
 * would be dear to count again. Kept with the file; a transaction works on a
 * copy, so that a rollback leaves them as they are on disk. */
struct counters {
    uint64_t check, incident, run, audit, window;
    uint64_t lost;          /* records, ever: to a full queue or the disk */
    uint64_t outputs_bytes; /* of runs' outputs and of evidence, about */
    uint64_t swept_us;      /* results that began before it are gone */
    uint64_t rollups_from;  /* wall µs: whatever is packed since is in them */
    /* struct history_spec, for those who look at the file */
    uint64_t keep_raw_ns, keep_minute_ns, keep_hour_ns, keep_day_ns;
    uint64_t keep_outputs_ns, keep_bytes, keep_outputs_bytes;
    uint64_t aged_us, jumped_to_us, jumped_by_us; /* struct age */
    char audit_hash[SHA256_TEXT];                 /* "" before the first row */
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

struct pack_options {
    struct queue *queue;
    bool insist;  /* do not look at the queue */
    bool rollups; /* count them there, too */
};

/* Moves all of hot into chunk and rollups in one transaction. SQLITE_INTERRUPT:
 * records that cannot wait came meanwhile; nothing was changed. */
int pack(struct db *, const struct pack_options *);

#endif

/* store/upkeep.h: the history's file looked at from outside: how large it is,
 * whether it is sound, a copy of it. For `relevo db`, beside a daemon that
 * writes. Set a long deadline first: these read all of the file. */
#ifndef RELEVO_STORE_UPKEEP_H
#define RELEVO_STORE_UPKEEP_H

#include "model/spec.h"
#include "store/reader.h"

struct table_stats {
    const char *name;
    int64_t rows;      /* of chunk: results */
    int64_t bytes;     /* indexes too; -1: this SQLite cannot tell */
    int64_t oldest_us; /* 0: it has no times, or no rows */
};

struct store_stats {
    int version; /* of the schema */
    int64_t file_bytes, log_bytes;
    int64_t free_bytes; /* of pages in it that are used again */
    bool can_shrink;
    struct history_spec keep;   /* as the daemon was told last */
    uint64_t lost;              /* records, ever */
    int64_t outputs_bytes;      /* of runs' outputs and of evidence, about */
    int64_t swept_us;           /* results that began before it are gone; 0 */
    int64_t rollups_from_us;    /* what was packed before it is in none; 0 */
    struct table_stats *tables; /* by size */
    size_t table_count;
};

bool reader_stats(struct reader *, struct arena *, struct store_stats *,
                  struct err *) MUST_CHECK;
/* Only what is cheap: keep, lost, outputs_bytes, swept_us, rollups_from_us. */
bool reader_keeping(struct reader *, struct store_stats *,
                    struct err *) MUST_CHECK;

/* What a look through it found, in words; a line each. */
struct inspection {
    void (*finding)(void *arg, const char *text);
    void *arg;
    uint64_t findings; /* how many; only the first hundred are told */
    uint64_t checks, results, periods, audit_rows; /* that were looked at */
};

/* SQLite's own check; every chunk and every rollup is decoded and compared
 * with the other; the audit's chain. false: it could not be read. */
bool reader_inspect(struct reader *, struct inspection *,
                    struct err *) MUST_CHECK;

/* A copy as of now, in a file that must not be there yet: it appears whole,
 * looked through and on the disk, or not at all. `progress` may be NULL. */
bool reader_backup(struct reader *, const char *file,
                   void (*progress)(void *arg, int done, int of), void *arg,
                   struct err *) MUST_CHECK;

#endif

/* store/read.h: what the files that read SQLite share. */
#ifndef RELEVO_STORE_READ_H
#define RELEVO_STORE_READ_H

#include "store/backend.h"
#include "store/db.h"

struct sqlite_reader {
    struct reader base; /* first */
    struct db db;
    uint16_t node;
    int64_t deadline_ms;
    int64_t deadline_ns; /* of the call at hand */
};

/* Where the numbers of a reader's statements begin, by file; those of read.c
 * begin at 0. */
enum {
    READ_STATEMENTS_HISTORY = LIST_COUNT,
    READ_STATEMENTS_AUDIT = READ_STATEMENTS_HISTORY + 4,
    READ_STATEMENTS_PERIODS = READ_STATEMENTS_AUDIT + 3,
};

struct sqlite_reader *reader_self(struct reader *);
/* Every call begins with it. */
void reader_begin(struct sqlite_reader *);
/* Sets err from what the connection says; a missed deadline in plain words.
 * Returns false. */
bool reader_failed(struct sqlite_reader *, struct err *);

bool sqlite_history(struct reader *, struct arena *,
                    const struct reader_window *, struct result ***,
                    size_t *count, struct err *);
bool sqlite_periods(struct reader *, const struct reader_window *,
                    struct rollup_set *, struct err *);
bool sqlite_newest(struct reader *, int64_t *at_us, struct err *);
bool sqlite_all_periods(struct reader *, const struct reader_window *,
                        enum resolution, const struct periods_taker *,
                        struct err *);
bool sqlite_audit(struct reader *, struct arena *, uint64_t before,
                  size_t limit, struct audit_entry **, size_t *count,
                  struct err *);
bool sqlite_verify_audit(struct reader *, struct audit_verdict *, struct err *);
bool sqlite_stats(struct reader *, struct arena *, struct store_stats *,
                  struct err *);
bool sqlite_keeping(struct reader *, struct store_stats *, struct err *);
bool sqlite_inspect(struct reader *, struct inspection *, struct err *);
bool sqlite_backup(struct reader *, const char *file,
                   void (*progress)(void *arg, int done, int of), void *arg,
                   struct err *);

#endif

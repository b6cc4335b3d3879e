/* web/days.h: the last 24 hours of every check, by the hour, for the overview.
 *
 * They are read at once for all checks, and at most once in ten seconds however
 * many look; of a thousand checks that is 24,000 rollups, so that hours which
 * ended an hour ago or more are read once in a minute. What is kept is small:
 * counts, and two percentiles of the whole day. */
#ifndef RELEVO_WEB_DAYS_H
#define RELEVO_WEB_DAYS_H

#include "store/reader.h"

enum { DAY_HOURS = 24 };

struct day {
    uint32_t check;
    struct rollup *items; /* by hour, oldest first, without sketches */
    size_t count;
    bool timed; /* there was an answer */
    int64_t p50_ns, p95_ns;
};

/* Borrowed until the next call. *since_us: the beginning of the first hour. */
bool days_read(struct reader *, int64_t now_us, int64_t *since_us,
               struct err *) MUST_CHECK;
/* NULL: the history knows nothing of it. */
const struct day *days_find(uint32_t check);
/* What is read next may be another history. */
void days_forget(void);

#endif

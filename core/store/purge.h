/* store/purge.h: deletes what is older than it is to be kept, in transactions
 * of a few milliseconds, so that what is to be written never waits long.
 *
 * A purge is a pass over what ages, kind by kind and check by check; it begins
 * with a time for each kind and is then made step by step, by the writer's
 * thread between two batches. What must not be lost has no kind: checks,
 * states, transitions, incidents, events, runs with their findings and
 * verdicts, marks, maintenance, the audit. */
#ifndef RELEVO_STORE_PURGE_H
#define RELEVO_STORE_PURGE_H

#include <stdbool.h>
#include <stdint.h>

#include "store/db.h"
#include "store/write.h"

enum purge_kind {
    PURGE_RESULTS, /* chunks, and the details of their results but for those
                      with evidence */
    PURGE_MINUTES,
    PURGE_HOURS,
    PURGE_DAYS,
    PURGE_OUTPUTS /* runs' outputs, and evidence */
};
enum { PURGE_KINDS = PURGE_OUTPUTS + 1 };

#define PURGE_NOTHING INT64_MIN
#define PURGE_ALL     INT64_MAX

struct purge {
    int64_t before_us[PURGE_KINDS]; /* what ended before it goes */
    bool running;
    uint64_t deleted; /* rows, by this pass */
    /* how far it has come */
    unsigned kind;
    int64_t check; /* and all before it are done; -1: none */
};

/* Begins a pass; before_us is set. */
void purge_begin(struct purge *);
/* One transaction, which writes the counters, too: `was` are on disk, `now`
 * gets what it changes. Ends the pass when there is nothing left to do. An
 * SQLite code; after an error nothing has changed but *now. */
int purge_step(struct db *, uint16_t node, struct purge *,
               const struct counters *was, struct counters *now);

/* The beginnings of the oldest and the newest that there is of a kind; false:
 * nothing. */
bool purge_span(struct db *, uint16_t node, enum purge_kind, int64_t *oldest_us,
                int64_t *newest_us);

#endif

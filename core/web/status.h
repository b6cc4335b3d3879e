/* web/status.h: what main knows of every check, asked for when a request needs
 * it, and kept for a second: main is asked at most once in that time, however
 * many requests there are.
 *
 * Happy path: status_want → parts come (status_take) → status_now is fresh.
 * Ways it can fail: main does not answer in time: what was known stays, with
 * its age (status_age_ns). The configuration changes between two parts: from
 * the beginning. */
#ifndef RELEVO_WEB_STATUS_H
#define RELEVO_WEB_STATUS_H

#include "wire/msg.h"

struct status {
    int64_t at_us, at_ns; /* when it was asked for; wall clock, monotonic */
    /* In the configuration's order; struct msg_status says what of a view is
     * filled in. */
    struct check_view *checks;
    size_t check_count;
    const struct msg_trouble *troubles; /* of the monitor itself */
    size_t trouble_count;
    const char *distrust;    /* why it distrusts itself; NULL: it does not */
    int64_t distrust_ns;     /* for how long still */
    const uint64_t *letters; /* numbers of runs: notices that were given up */
    size_t letter_count;
    struct arena *arena; /* owns all of it */
};

/* NULL: nothing is known yet. Valid until the handler returns. */
const struct status *status_now(void);
bool status_is_fresh(void);
/* Is on its way, or sets out. */
void status_want(void);
/* Main's answer to a part. True: it is complete, and fresh. */
bool status_take(const struct msg_question *answer);
/* It has been waited for long enough. */
void status_give_up(void);
void status_close(void);

int64_t status_age_ns(const struct status *);
/* NULL: none of that name is configured. */
const struct check_view *status_check(const struct status *, const char *name);

#endif

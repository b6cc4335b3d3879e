/* model/beat.h: what a job reports, and what a worker is given to judge.
 *
 * A check of the kind `heartbeat` is not probed. Its job sends beats; when one
 * ends a run, or none comes in time (beat.c), a report goes to the check's
 * worker in place of a probe's question, as the values of that probe. */
#ifndef RELEVO_MODEL_BEAT_H
#define RELEVO_MODEL_BEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "relevo/plugin.h"

enum beat_kind {
    BEAT_START,  /* a run begins */
    BEAT_LOG,    /* it says something */
    BEAT_END,    /* it ended with an exit status; of a plain beat 0 */
    BEAT_FAIL,   /* it says that it failed */
    BEAT_OVERDUE /* nobody said anything */
};

enum {
    BEAT_TEXT = 8192, /* bytes of a text that are kept, its end */
    BEAT_RID = 64     /* bytes of the name of a run */
};

struct beat_report {
    enum beat_kind kind; /* END, FAIL or OVERDUE */
    int64_t exit;
    int64_t started_us, duration_ns; /* started 0: it reported no start */
    int64_t late_ns;                 /* 0: in time */
    const char *text, *log; /* sent with its end; before; "" when nothing was */
    const char *why;        /* a sentence; "" unless it is overdue */
};

/* Letters, digits and -_.: or nothing, not too long. */
bool beat_is_rid(const char *);

struct rlv_dict beat_report_put(const struct beat_report *, struct arena *);
/* Borrows the texts. false: these are no report. */
bool beat_report_get(const struct rlv_dict *, struct beat_report *);

#endif

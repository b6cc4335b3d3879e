/* store/age.h: how old what is kept truly is. Pure.
 *
 * A wall clock that is set ten years ahead makes all that was stored before
 * look ten years older; it must not be deleted for that. The largest jump
 * ahead is remembered: what lies before it is younger by its size. A time in
 * which nobody watched looks the same after a restart, and what was stored
 * before it is kept so much longer. Used by the writer's retention and for the
 * folders of runs. */
#ifndef RELEVO_STORE_AGE_H
#define RELEVO_STORE_AGE_H

#include <stdint.h>

#include "base/clock.h"

struct age {
    struct now last;      /* when it was looked at last; wall 0: never, mono 0:
                             by an earlier process */
    int64_t jumped_to_us; /* where the jump led to */
    int64_t jumped_by_us; /* 0: there was none */
};

/* Sees whether the wall clock has jumped by more than a day since the last
 * look. */
void age_look(struct age *, struct now);
/* What is dated before this has been kept for so long. */
int64_t age_before(const struct age *, int64_t now_us, int64_t keep_ns);

#endif

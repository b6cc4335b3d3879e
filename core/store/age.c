/* store/age.c: see age.h. */
#include "store/age.h"

#define JUMP_US (24 * 3600 * US_PER_S)
#define YEAR_US (365 * JUMP_US)
/* So long after a jump it is forgotten: what is kept longer than this is
 * mostly kept for ever. */
#define FORGET_US (4 * YEAR_US)

/* Jumps of years add up: no machine is off for so long again and again. */
static void jump_ahead(struct age *a, int64_t now_us, int64_t by_us)
{
    if (by_us > YEAR_US && a->jumped_by_us > YEAR_US)
        by_us += a->jumped_by_us;
    if (by_us < a->jumped_by_us)
        return;
    a->jumped_to_us = now_us;
    a->jumped_by_us = by_us;
}

/* Mostly it is put right again. */
static void jump_back(struct age *a, int64_t by_us)
{
    a->jumped_by_us -= by_us;
    if (a->jumped_by_us < JUMP_US)
        a->jumped_by_us = a->jumped_to_us = 0;
}

void age_look(struct age *a, struct now now)
{
    int64_t passed_us =
        a->last.mono_ns == 0 ? 0 : (now.mono_ns - a->last.mono_ns) / NS_PER_US;
    int64_t moved_us = now.wall_us - a->last.wall_us - passed_us;
    if (a->last.wall_us != 0 && moved_us > JUMP_US)
        jump_ahead(a, now.wall_us, moved_us);
    else if (a->last.wall_us != 0 && moved_us < -JUMP_US)
        jump_back(a, -moved_us);
    else if (now.wall_us - a->jumped_to_us > FORGET_US)
        a->jumped_by_us = a->jumped_to_us = 0;
    a->last = now;
}

int64_t age_before(const struct age *a, int64_t now_us, int64_t keep_ns)
{
    int64_t before_us = now_us - keep_ns / NS_PER_US;
    return before_us < a->jumped_to_us ? before_us - a->jumped_by_us
                                       : before_us;
}

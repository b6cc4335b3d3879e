/* model/distrust.c: distrust of ourselves: the wall clock jumped, or we stood
 * still (stopped, starved, suspended). Called from model.c at the begin of each
 * step.
 *
 * For HOLD_NS after that results are marked disturbed, and a check that fails
 * does not go down yet: it waits as suspect, for what was measured right after
 * we were disturbed shall accuse nobody. The network of a machine that wakes up
 * comes back seconds after it.
 *
 * It must not hide an outage: a check that has failed for MOST_NS goes down all
 * the same, and its timeline says so. Where it begins again and again, that is
 * a trouble of its own, which a person hears of.
 *
 * We stood still when a step comes much later than the model has asked for. The
 * wall clock has jumped when it has not gone as far as the monotonic one; a
 * suspended machine looks the same, since its monotonic clock stands.
 *
 * Times of the wall clock that are a distance from now (cooldowns, delays,
 * pauses and windows opened by hand) move with it, so that they last as long as
 * was said. Times that people see and that are past stay as they were. */
#include "model/internal.h"

#include <stdlib.h>

#include "base/human.h"
#include "base/str.h"

#define GAP_NS  (2 * NS_PER_S)
#define HOLD_NS (30 * NS_PER_S)
/* No check is held back for longer, however often distrust is renewed. */
#define MOST_NS (60 * NS_PER_S)
/* So often within so long is a trouble, until it has not been for so long. */
#define OFTEN_NS (600 * NS_PER_S)
/* The wall clock is steered by up to 500 ppm without having jumped; small steps
 * are followed, but disturb nothing. */
#define STEP_US (500 * US_PER_MS)
#define JUMP_US (2 * US_PER_S)

static void begin(struct model *m, const char *what)
{
    struct distrust *d = &m->distrust;
    char time[HUMAN_TEXT];
    d->until_ns = m->now.mono_ns + HOLD_NS;
    d->calm_ns = m->now.mono_ns + OFTEN_NS;
    for (size_t i = 1; i < ARRAY_LEN(d->begun_ns); i++)
        d->begun_ns[i - 1] = d->begun_ns[i];
    d->begun_ns[ARRAY_LEN(d->begun_ns) - 1] = m->now.mono_ns;
    d->is_new = true;
    model_own(&d->why, what);
    model_tell(m, TELL_NOTE, NULL,
               "%s: for %s results are marked and nothing goes down", what,
               human_duration(HOLD_NS, time));
}

static void stood_still(struct model *m, int64_t for_ns)
{
    char time[HUMAN_TEXT];
    m->distrust.resumed_ns = m->now.mono_ns;
    m->distrust.stood_still = true;
    begin(m, model_text(m, "the monitor stood still for %s",
                        human_elapsed(for_ns, time)));
}

static void clock_moved(struct model *m, int64_t by_us)
{
    char time[HUMAN_TEXT];
    int64_t far_us = by_us < 0 ? -by_us : by_us;
    m->distrust.moved_us = by_us;
    run_clock_moved(m, by_us);
    incident_clock_moved(m, by_us);
    hush_clock_moved(m, by_us);
    if (far_us > JUMP_US)
        begin(m, model_text(m,
                            by_us > 0 ? "the wall clock jumped ahead by %s"
                                      : "the wall clock went back by %s",
                            human_elapsed(far_us * NS_PER_US, time)));
}

void distrust_look(struct model *m)
{
    struct distrust *d = &m->distrust;
    int64_t offset_us = m->now.wall_us - m->now.mono_ns / NS_PER_US;
    int64_t moved_us = d->began ? offset_us - d->offset_us : 0;
    bool was_late = d->began && d->awaited_ns != MODEL_NEVER &&
                    m->now.mono_ns - d->awaited_ns > GAP_NS;
    if (!d->began) /* a trouble of an earlier life may be over */
        d->calm_ns = m->now.mono_ns + OFTEN_NS;
    d->began = true;
    d->offset_us = offset_us;
    d->stood_still = false;
    d->moved_us = 0;
    if (moved_us > STEP_US || moved_us < -STEP_US)
        clock_moved(m, moved_us);
    if (was_late)
        stood_still(m, m->now.mono_ns - d->awaited_ns);
}

void distrust_await(struct model *m, int64_t wake_ns)
{
    m->distrust.awaited_ns = wake_ns;
}

bool distrust_holds_back(struct model *m, struct node *n)
{
    if (!distrust_holds(m))
        return false;
    if (n->held_back_ns == 0)
        n->held_back_ns = m->now.mono_ns;
    return m->now.mono_ns - n->held_back_ns < MOST_NS;
}

void distrust_settle(struct model *m)
{
    struct distrust *d = &m->distrust;
    struct trouble t = {.kind = TROUBLE_OF_TIME, .object = "self"};
    bool often = d->is_new && d->begun_ns[0] != 0 &&
                 m->now.mono_ns - d->begun_ns[0] < OFTEN_NS;
    t.over = !often && m->now.mono_ns >= d->calm_ns;
    d->is_new = false;
    if (!often && !t.over)
        return;
    t.text = t.over ? "no clock has jumped, and the monitor has not stood "
                      "still, for 10 minutes"
                    : model_text(m,
                                 "disturbed %zu times within 10 minutes, at "
                                 "last: %s; outages are told up to 60s later",
                                 ARRAY_LEN(d->begun_ns), d->why);
    if (t.over)
        d->calm_ns = MODEL_NEVER;
    trouble_event(m, &t);
}

bool distrust_holds(const struct model *m)
{
    return m->now.mono_ns < m->distrust.until_ns;
}

void distrust_free(struct model *m)
{
    free((void *)(uintptr_t)m->distrust.why);
}

const char *model_distrust(const struct model *m, int64_t now_ns,
                           int64_t *left_ns)
{
    *left_ns = m->distrust.until_ns - now_ns;
    return *left_ns > 0 ? m->distrust.why : NULL;
}

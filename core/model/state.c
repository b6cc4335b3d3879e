/* model/state.c: what one result does to a check's state. Pure.
 *
 * A table of state × input says which rule applies; the rules count. Counting
 * is HAProxy's rise and fall and Nagios' soft and hard states in one:
 *
 *   - failure_threshold failing results in a row (or "m of n") make a suspect
 *     check down; from suspect one good result makes it up;
 *   - from down success_threshold good ones make it up;
 *   - an unknown result neither adds to nor clears those counts; as many of
 *     them in a row as the failure threshold make the state unknown;
 *   - a check that would go down does so only if its parents allow it: it waits
 *     as suspect while one of them is undecided, and is impacted under one that
 *     is down, until success_threshold good results make it up, or a failing
 *     one under parents that are fine makes it suspect anew. */
#include "model/internal.h"

#include <stdio.h>

enum input { GOOD, WARNED, BAD, BLIND, INPUT_COUNT };

enum rule {
    RULE_UP,      /* good: up or degraded at once */
    RULE_SUSPECT, /* bad: count towards down */
    RULE_HEAL,    /* good while down: count towards up */
    RULE_STILL,   /* bad while down: the good count begins anew */
    RULE_LINGER,  /* bad while impacted: still, or suspect anew */
    RULE_BLIND    /* unknown: count towards unknown */
};

/* `unknown` is not a row: a check that was down when it became unknown goes on
 * as down, any other as pending (effective_state). */
static const unsigned char rules[STATE_COUNT][INPUT_COUNT] = {
    [STATE_PENDING] = {RULE_UP, RULE_UP, RULE_SUSPECT, RULE_BLIND},
    [STATE_UP] = {RULE_UP, RULE_UP, RULE_SUSPECT, RULE_BLIND},
    [STATE_DEGRADED] = {RULE_UP, RULE_UP, RULE_SUSPECT, RULE_BLIND},
    [STATE_SUSPECT] = {RULE_UP, RULE_UP, RULE_SUSPECT, RULE_BLIND},
    [STATE_DOWN] = {RULE_HEAL, RULE_HEAL, RULE_STILL, RULE_BLIND},
    [STATE_IMPACTED] = {RULE_HEAL, RULE_HEAL, RULE_LINGER, RULE_BLIND},
    [STATE_UNKNOWN] = {RULE_UP, RULE_UP, RULE_SUSPECT, RULE_BLIND},
    [STATE_PAUSED] = {RULE_UP, RULE_UP, RULE_SUSPECT, RULE_BLIND},
};

static enum input input_of(enum outcome outcome)
{
    static const enum input inputs[OUTCOME_COUNT] = {
        [OUTCOME_OK] = GOOD,
        [OUTCOME_WARN] = WARNED,
        [OUTCOME_FAIL] = BAD,
        [OUTCOME_UNKNOWN] = BLIND,
    };
    return inputs[outcome];
}

static enum check_state effective_state(const struct state_row *s,
                                        bool confirmed)
{
    if (s->state == STATE_UNKNOWN && confirmed)
        return STATE_DOWN;
    return s->state;
}

static int window_fails(const struct state_row *s, int64_t size)
{
    uint64_t mask = size >= 64 ? UINT64_MAX : ((uint64_t)1 << size) - 1;
    return __builtin_popcountll(s->window & mask);
}

static bool is_enough(const struct state_row *s, const struct check_spec *spec)
{
    if (spec->window_size > 0)
        return window_fails(s, spec->window_size) >= spec->window_fails;
    return s->fails >= spec->failure_threshold;
}

static const char *rule_up(struct state_row *s, enum input in)
{
    s->fails = s->goods = 0;
    s->state = in == WARNED ? STATE_DEGRADED : STATE_UP;
    return in == WARNED ? "a warn_unless line is false" : "a good result";
}

/* An impacted check counts from nothing when it fails by itself later. */
static const char *fall(struct state_row *s, enum parents parents,
                        const struct check_spec *spec)
{
    static const enum check_state to[] = {[PARENTS_ALLOW] = STATE_DOWN,
                                          [PARENTS_WAIT] = STATE_SUSPECT,
                                          [PARENTS_BLAME] = STATE_IMPACTED};
    s->state = to[parents];
    if (s->state != STATE_SUSPECT)
        s->goods = 0;
    if (s->state == STATE_IMPACTED) {
        s->fails = 0;
        s->window = 0;
    }
    return spec->window_size > 0 ? "enough failing results in the window"
                                 : "enough failing results in a row";
}

static const char *rule_suspect(struct state_row *s, enum parents parents,
                                const struct check_spec *spec)
{
    if (s->fails < INT32_MAX)
        s->fails++;
    if (is_enough(s, spec))
        return fall(s, parents, spec);
    s->state = STATE_SUSPECT;
    return "a failing result";
}

static const char *rule_heal(struct state_row *s, enum input in,
                             const struct check_spec *spec)
{
    s->goods++;
    if (s->goods < spec->success_threshold) {
        if (s->state != STATE_IMPACTED)
            s->state = STATE_DOWN;
        return "a good result, not enough yet";
    }
    s->window = 0;
    rule_up(s, in);
    return "enough good results in a row";
}

static const char *rule_still(struct state_row *s)
{
    s->goods = 0;
    if (s->fails < INT32_MAX)
        s->fails++;
    s->state = STATE_DOWN;
    return "still failing";
}

/* Its parents have recovered, and are to be asked again: it does not go down
 * with this result, even where one is enough. */
static const char *rule_linger(struct state_row *s, enum parents parents,
                               const struct check_spec *spec)
{
    s->goods = 0;
    if (parents != PARENTS_ALLOW)
        return "still failing";
    s->fails = 0;
    s->window = 1;
    return rule_suspect(s, PARENTS_WAIT, spec);
}

static const char *rule_blind(struct state_row *s,
                              const struct check_spec *spec)
{
    if (s->unknowns < INT32_MAX)
        s->unknowns++;
    if (s->unknowns < spec->failure_threshold)
        return "not measured";
    s->state = STATE_UNKNOWN;
    return "not measured several times in a row";
}

static const char *apply(enum rule rule, struct state_row *s, enum input in,
                         enum parents parents, const struct check_spec *spec)
{
    switch (rule) {
    case RULE_UP: return rule_up(s, in);
    case RULE_SUSPECT: return rule_suspect(s, parents, spec);
    case RULE_HEAL: return rule_heal(s, in, spec);
    case RULE_STILL: return rule_still(s);
    case RULE_LINGER: return rule_linger(s, parents, spec);
    case RULE_BLIND: break;
    }
    return rule_blind(s, spec);
}

struct state_change state_step(struct state_row *s, bool confirmed,
                               const struct check_spec *spec,
                               enum outcome outcome, enum parents parents,
                               int64_t now_us)
{
    struct state_row before = *s;
    enum input in = input_of(outcome);
    if (in != BLIND) {
        s->unknowns = 0;
        s->window = s->window << 1 | (in == BAD);
    }
    enum rule rule = (enum rule)rules[effective_state(s, confirmed)][in];
    const char *reason = apply(rule, s, in, parents, spec);
    bool changed = s->state != before.state;
    if (changed)
        s->since_us = now_us;
    bool window = spec->window_size > 0 && s->window != before.window;
    bool counted = s->fails != before.fails || s->goods != before.goods ||
                   s->unknowns != before.unknowns || window;
    return (struct state_change){changed, counted || changed, before.state,
                                 s->state, reason};
}

bool state_is_ripe(const struct state_row *s, const struct check_spec *spec)
{
    return s->state == STATE_SUSPECT && is_enough(s, spec);
}

struct state_change state_decide(struct state_row *s, enum parents parents,
                                 const struct check_spec *spec, int64_t now_us)
{
    const char *reason = fall(s, parents, spec);
    bool changed = s->state != STATE_SUSPECT;
    if (changed)
        s->since_us = now_us;
    return (struct state_change){changed, changed, STATE_SUSPECT, s->state,
                                 reason};
}

static long long at_most(long long n, int64_t limit)
{
    return n < limit ? n : limit;
}

/* One that waits for its parents has more failing results than it needs. */
void state_count_text(const struct state_row *s, const struct check_spec *spec,
                      char out[24])
{
    out[0] = '\0';
    if (s->state == STATE_SUSPECT && spec->window_size > 0)
        snprintf(
            out, 24, "%lld/%lld",
            at_most(window_fails(s, spec->window_size), spec->window_fails),
            (long long)spec->window_fails);
    else if (s->state == STATE_SUSPECT)
        snprintf(out, 24, "%lld/%lld",
                 at_most(s->fails, spec->failure_threshold),
                 (long long)spec->failure_threshold);
    else if ((s->state == STATE_DOWN || s->state == STATE_IMPACTED) &&
             s->goods > 0)
        snprintf(out, 24, "%d/%lld", s->goods,
                 (long long)spec->success_threshold);
}

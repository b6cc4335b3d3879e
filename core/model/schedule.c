/* model/schedule.c: when each check is probed.
 *
 * Intervals lie on absolute deadlines of the monotonic clock, k·interval +
 * phase, so nothing drifts. The phase is frac(n · 0.6180339887) · interval for
 * the n-th check of that interval: the golden ratio spreads any number of
 * checks evenly (Knuth, TAOCP 3, 6.4), and n is stored, so the phase is stable
 * over reload and restart. Missed slots are skipped, never made up. Cron times
 * are wall times, converted anew when the wall clock jumps. */
#include "model/internal.h"

#include <math.h>

#include "base/err.h"

/* First probes come within this, or within so much for each check. */
#define FIRST_EACH_NS   (1 * NS_PER_MS)
#define FIRST_SPREAD_NS (2 * NS_PER_S)
/* Further than the wall clock is steered: the same time is not met twice. */
#define JUMP_US (500 * US_PER_MS)
/* Put back by more than this, the wall clock was wrong before (as cron(8)). */
#define PUT_BACK_S (3 * 60 * 60)
/* Missed probes are made up for within so much each, and so much in all. */
#define CATCH_UP_EACH_NS (5 * NS_PER_MS)
#define CATCH_UP_NS      (10 * NS_PER_S)
/* Nobody is woken for a probe before this; any step asks for all those that are
 * due within MODEL_AHEAD_NS. So they go out together, and where there are few,
 * the result of one takes the next along. */
#define LEAST_AHEAD_NS (70 * NS_PER_MS)
#define LOOK_NS        (10 * NS_PER_S)
/* For its children a check is probed at most once in this. */
#define HURRY_NS (1 * NS_PER_S)

static int64_t spread(uint32_t ordinal, int64_t interval_ns)
{
    double whole, part = modf((double)ordinal * 0.6180339887498949, &whole);
    return (int64_t)(part * (double)interval_ns);
}

/* The first slot strictly after t. */
static int64_t next_slot(const struct node *n, int64_t t)
{
    int64_t interval = n->spec->interval_ns;
    int64_t phase = spread(n->row.ordinal, interval);
    int64_t k = (t - phase) / interval;
    if ((t - phase) % interval < 0)
        k--;
    return (k + 1) * interval + phase;
}

/* A probe is asked for MODEL_AHEAD_NS before it is due, and its result may come
 * before that, too (it could not be made at all): its slot is used up all the
 * same. */
static int64_t used_until(const struct model *m, const struct node *n)
{
    return n->probed_due_ns > m->now.mono_ns ? n->probed_due_ns
                                             : m->now.mono_ns;
}

static int64_t next_cron(const struct model *m, const struct node *n)
{
    int64_t ahead_us = (used_until(m, n) - m->now.mono_ns) / NS_PER_US;
    int64_t after = ahead_us > 0
                        ? (m->now.wall_us + ahead_us + JUMP_US) / US_PER_S
                        : m->now.wall_us / US_PER_S;
    if (!n->cron.follows_wall && after < m->cron_past_s)
        after = m->cron_past_s;
    int64_t at = cron_next(&n->cron, n->spec->zone, after);
    if (at == CRON_NEVER)
        return MODEL_NEVER;
    return m->now.mono_ns + (at * US_PER_S - m->now.wall_us) * NS_PER_US;
}

static void set_due(struct model *m, struct node *n, int64_t due)
{
    if (due == MODEL_NEVER)
        heap_remove(&m->queue, &n->due);
    else
        heap_set(&m->queue, &n->due, due);
}

static int64_t regular_due(const struct model *m, const struct node *n)
{
    if (n->state.state == STATE_PAUSED)
        return MODEL_NEVER;
    switch (n->spec->schedule) {
    case SCHEDULE_INTERVAL: return next_slot(n, used_until(m, n));
    case SCHEDULE_CRON: return next_cron(m, n);
    case SCHEDULE_MANUAL:
    case SCHEDULE_BEAT: break;
    }
    return MODEL_NEVER;
}

static int64_t first_spread(const struct model *m)
{
    int64_t all = (int64_t)m->conf->check_count * FIRST_EACH_NS;
    return all > FIRST_SPREAD_NS ? all : FIRST_SPREAD_NS;
}

static bool is_suspect(const struct node *n)
{
    for (size_t i = 0; i < n->depend.derived_count; i++)
        if (n->depend.derived[i]->state.state == STATE_SUSPECT)
            return true;
    return n->state.state == STATE_SUSPECT;
}

static int64_t other_interval(const struct node *n)
{
    if (n->state.state == STATE_SUSPECT)
        return n->spec->retry_interval_ns;
    if (n->state.state == STATE_DOWN)
        return n->spec->down_interval_ns;
    return MODEL_NEVER;
}

/* How long after a probe the next one is wanted: by the check, and by those
 * that are judged from it and are not well. */
static int64_t wanted_interval(const struct node *n)
{
    int64_t shortest = other_interval(n);
    if (shortest == MODEL_NEVER)
        shortest = n->spec->interval_ns;
    for (size_t i = 0; i < n->depend.derived_count; i++) {
        int64_t other = other_interval(n->depend.derived[i]);
        if (other < shortest)
            shortest = other;
    }
    return shortest;
}

/* A check that has never been probed does not wait for its slot, nor does one
 * that was suspect or down when we stopped wait longer than it did then. */
static int64_t soonest(const struct model *m, const struct node *n)
{
    int64_t window = wanted_interval(n);
    if (n->state.state == STATE_PENDING)
        window = first_spread(m);
    if (window >= n->spec->interval_ns)
        window = n->spec->interval_ns;
    return m->now.mono_ns + spread(n->row.ordinal, window);
}

/* What is judged from another check is never probed itself. */
void schedule_config(struct model *m, struct node *n)
{
    if (n->spec->schedule != SCHEDULE_BEAT || n->depend.source != NULL)
        beat_removed(m, n);
    if (n->depend.source != NULL) {
        heap_remove(&m->queue, &n->due);
        n->asked.wanted = n->hurry.wanted = false;
        return;
    }
    if (n->spec->schedule == SCHEDULE_BEAT) {
        beat_config(m, n);
        return;
    }
    if (n->spec->schedule == SCHEDULE_CRON) {
        must(cron_parse(n->spec->cron, &n->cron, NULL));
        m->has_cron = true;
    }
    if (n->probing != 0)
        return; /* its result sets the next time */
    int64_t due = regular_due(m, n);
    bool steady = n->state.state != STATE_PENDING && !is_suspect(n) &&
                  n->state.state != STATE_DOWN;
    if (n->spec->schedule == SCHEDULE_INTERVAL && !steady &&
        soonest(m, n) < due)
        due = soonest(m, n);
    set_due(m, n, due);
}

/* It is due then, or after HURRY_NS, if that is before its turn. */
static void hurry(struct model *m, struct node *n, int64_t due_ns)
{
    if (n->hurry.purpose == PURPOSE_PARENT &&
        due_ns < n->hurry.last_ns + HURRY_NS)
        due_ns = n->hurry.last_ns + HURRY_NS;
    if (!heap_has(&n->due) || n->due.due > due_ns)
        set_due(m, n, due_ns);
}

/* After a result: sooner while suspect, as configured while down. */
void schedule_next(struct model *m, struct node *n, const struct result *r)
{
    if (n->depend.source != NULL)
        return;
    if (n->spec->schedule == SCHEDULE_BEAT) {
        beat_arm(m, n);
        return;
    }
    if (n->asked.wanted) {
        schedule_ask(m, n, n->asked.purpose, n->asked.trace);
        return;
    }
    /* Neither those that need it nor those judged from it wake it. */
    if (n->state.state == STATE_PAUSED) {
        heap_remove(&m->queue, &n->due);
        n->hurry.wanted = false;
        return;
    }
    int64_t due = regular_due(m, n);
    int64_t other = wanted_interval(n);
    bool differs = n->spec->schedule == SCHEDULE_INTERVAL
                       ? other != n->spec->interval_ns
                       : is_suspect(n);
    if (r->purpose == PURPOSE_TRIGGER && n->turn_ns != MODEL_NEVER)
        due = n->turn_ns; /* triggers take no turn away */
    else if (differs && n->spec->schedule != SCHEDULE_MANUAL)
        due = r->started_ns + other;
    if (due < m->now.mono_ns)
        due = m->now.mono_ns;
    set_due(m, n, due);
    if (n->hurry.wanted)
        hurry(m, n, m->now.mono_ns);
    trigger_next(m, n);
}

static struct action *emit_probe(struct model *m, struct node *n,
                                 enum purpose purpose, int64_t due_ns,
                                 const char *reason)
{
    struct action *a = model_act(m, ACTION_PROBE, reason);
    n->probing = ++m->last_probe;
    n->probing_ns = due_ns;
    n->probing_counts = purpose_counts(purpose);
    n->late = n->catching_up ? n->probing : 0;
    n->catching_up = false;
    a->as.probe.probe = n->probing;
    a->as.probe.check = n->row.check;
    a->as.probe.purpose = purpose;
    a->as.probe.due_ns = due_ns;
    return a;
}

/* A check never overlaps itself: while a probe is in flight the wish waits. */
void schedule_ask(struct model *m, struct node *n, enum purpose purpose,
                  bool trace)
{
    if (n->depend.source != NULL)
        n = n->depend.source;
    bool paused = n->state.state == STATE_PAUSED && purpose != PURPOSE_MANUAL;
    if (paused || n->spec->schedule == SCHEDULE_BEAT)
        return;
    if (n->probing != 0) {
        n->asked.wanted = true;
        n->asked.trace = trace;
        n->asked.purpose = purpose;
        return;
    }
    n->asked.wanted = false;
    heap_remove(&m->queue, &n->due);
    emit_probe(m, n, purpose, m->now.mono_ns, "asked for")->as.probe.trace =
        trace;
}

uint64_t schedule_report(struct model *m, struct node *n,
                         const struct rlv_dict *report, const char *reason)
{
    struct action *a =
        emit_probe(m, n, PURPOSE_SCHEDULE, m->now.mono_ns, reason);
    a->as.probe.values = report;
    return n->probing;
}

uint64_t schedule_trigger(struct model *m, struct node *n,
                          const struct rlv_dict *values)
{
    n->turn_ns = heap_has(&n->due) ? n->due.due : MODEL_NEVER;
    heap_remove(&m->queue, &n->due);
    struct action *a =
        emit_probe(m, n, PURPOSE_TRIGGER, m->now.mono_ns, "triggered");
    a->as.probe.values = values;
    return n->probing;
}

/* Many children that fail one after another while their parent is fine shall
 * not probe it more often than once in HURRY_NS. */
void schedule_need(struct model *m, struct node *n, int64_t since_ns)
{
    if (n->depend.source != NULL)
        n = n->depend.source;
    bool on_its_way =
        n->probing != 0 && n->probing_counts && n->probing_ns >= since_ns;
    if (on_its_way || !spec_is_timed(n->spec) || n->state.state == STATE_PAUSED)
        return;
    n->hurry.wanted = true;
    n->hurry.purpose = PURPOSE_PARENT;
    if (n->probing == 0)
        hurry(m, n, m->now.mono_ns);
}

void schedule_soon(struct model *m, struct node *n, int64_t due_ns)
{
    if (n->depend.source != NULL)
        n = n->depend.source;
    if (n->spec->schedule == SCHEDULE_BEAT)
        beat_again(m, n);
    if (!spec_is_timed(n->spec) || n->state.state == STATE_PAUSED)
        return;
    if (!n->hurry.wanted) {
        n->hurry.wanted = true;
        n->hurry.purpose = PURPOSE_CONFIRM;
    }
    if (n->probing == 0)
        hurry(m, n, due_ns);
}

/* ------------------------------------------------------------- disturbed ---
 */

/* The jump skipped a fixed time: it is due now, once. */
static bool was_skipped(const struct model *m, const struct node *n)
{
    int64_t moved_us = m->distrust.moved_us;
    int64_t before_s = (m->now.wall_us - moved_us) / US_PER_S;
    return moved_us > 0 && !n->cron.follows_wall &&
           cron_next(&n->cron, n->spec->zone, before_s) <=
               m->now.wall_us / US_PER_S;
}

/* The wall clock was moved: what is due by it must be looked up again. What
 * ran at a fixed time does not run again when a clock that was put back comes
 * there once more. */
static void rearm_cron(struct model *m)
{
    int64_t moved_us = m->distrust.moved_us;
    int64_t now_s = m->now.wall_us / US_PER_S;
    int64_t before_s = (m->now.wall_us - moved_us) / US_PER_S;
    if (before_s > m->cron_past_s)
        m->cron_past_s = before_s;
    if (m->cron_past_s - now_s > PUT_BACK_S)
        m->cron_past_s = 0;
    for (size_t i = 0; i < m->node_count; i++) {
        struct node *n = m->nodes[i];
        if (n->spec == NULL || n->spec->schedule != SCHEDULE_CRON ||
            !heap_has(&n->due))
            continue;
        n->catching_up = was_skipped(m, n);
        set_due(m, n, n->catching_up ? m->now.mono_ns : next_cron(m, n));
    }
}

/* It is overdue: what it missed is left out, but for one probe, if that comes
 * sooner than its turn. */
static void catch_up(struct model *m, struct node *n, int64_t at_ns)
{
    bool turn = n->spec->schedule == SCHEDULE_INTERVAL &&
                next_slot(n, m->now.mono_ns) <= at_ns;
    n->catching_up = !turn;
    set_due(m, n, turn ? next_slot(n, m->now.mono_ns) : at_ns);
}

static bool is_overdue(const struct model *m, const struct node *n)
{
    return heap_has(&n->due) && n->due.due <= m->now.mono_ns;
}

/* All that became due while we stood still, one after another. */
static void catch_all_up(struct model *m)
{
    int64_t count = 0, i = 0;
    for (size_t k = 0; k < m->node_count; k++)
        count += is_overdue(m, m->nodes[k]);
    int64_t all_ns = count * CATCH_UP_EACH_NS;
    if (all_ns > CATCH_UP_NS)
        all_ns = CATCH_UP_NS;
    for (size_t k = 0; count > 0 && k < m->node_count; k++)
        if (is_overdue(m, m->nodes[k]))
            catch_up(m, m->nodes[k], m->now.mono_ns + 1 + all_ns * i++ / count);
}

static void after_disturbance(struct model *m)
{
    if (m->distrust.moved_us != 0)
        rearm_cron(m);
    beat_disturbed(m);
    if (m->distrust.moved_us != 0 || m->distrust.stood_still)
        catch_all_up(m);
}

static void emit_hurried(struct model *m, struct node *n, int64_t due_ns)
{
    bool parent = n->hurry.purpose == PURPOSE_PARENT;
    if (parent)
        n->hurry.last_ns = due_ns;
    n->hurry.wanted = false;
    emit_probe(m, n, n->hurry.purpose, due_ns,
               parent ? "a check that needs it fails"
                      : "what it needs is decided");
}

void schedule_tick(struct model *m)
{
    after_disturbance(m);
    struct heap_node *h;
    while ((h = heap_first(&m->queue)) != NULL &&
           h->due <= m->now.mono_ns + MODEL_AHEAD_NS) {
        struct node *n =
            (struct node *)(void *)h; /* `due` is its first member */
        int64_t due = h->due;
        heap_remove(&m->queue, h);
        if (n->spec->schedule == SCHEDULE_BEAT) {
            beat_due(m, n);
            continue;
        }
        n->probed_due_ns = due;
        bool confirming = is_suspect(n);
        if (n->hurry.wanted)
            emit_hurried(m, n, due);
        else
            emit_probe(m, n, confirming ? PURPOSE_CONFIRM : PURPOSE_SCHEDULE,
                       due, confirming ? "suspect: confirm" : "scheduled");
    }
}

/* Cron times are looked at now and then, for the wall clock may be set. */
int64_t schedule_wake(const struct model *m)
{
    const struct heap_node *h = heap_first(&m->queue);
    if (h == NULL)
        return MODEL_NEVER;
    int64_t wake = h->due - LEAST_AHEAD_NS, look = m->now.mono_ns + LOOK_NS;
    return m->has_cron && look < wake ? look : wake;
}

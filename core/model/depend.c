/* model/depend.c: when those that a check needs, its parents, decide for it.
 * What they say is in need.c; who is listed where, in impact.c; model.c calls
 * this at each result and at the end of each step.
 *
 * Happy path:
 *   1. depend_ask: a check fails for the first time; parents that have not been
 *      measured since are probed (schedule_need: once for all their children)
 *   2. depend_defers: its diagnosis waits for them, at most DIAGNOSIS_WAIT_NS
 *   3. it has failed often enough: depend_ask says what the parents allow, and
 *      state.c makes it down, impacted, or lets it wait as suspect
 *   4. depend_changed, depend_settle: a parent got another result; those that
 *      wait for it are decided, those that it impacted are probed
 * Ways it can fail:
 *   - a parent that does not answer in time: see need.c; the child is looked at
 *     again when its patience ends
 *   - a check or a need is gone with a new configuration: depend_resume
 *   - a restart: states and impacts are stored; a diagnosis that waited is not
 *     run
 *
 * Children hear through a queue, not by recursion: chains may be long. A check
 * derived from another is decided like any; its probes are its source's. */
#include "model/internal.h"

#include <stdlib.h>

#include "base/mem.h"

#define DIAGNOSIS_WAIT_NS (2 * NS_PER_S)
/* Freed children are probed within so much each, and within so much in all. */
#define FREED_EACH_NS   (50 * NS_PER_MS)
#define FREED_SPREAD_NS (10 * NS_PER_S)

/* ---------------------------------------------------------------- words --- */

const char *depend_reason(struct model *m, const struct node *n,
                          enum parents say, const struct state_change *change)
{
    if (n->depend.bond_count == 0 || !change->changed)
        return change->reason;
    if (change->to == STATE_IMPACTED)
        return model_text(m, "%s; %s", change->reason,
                          need_list(m, n, say, true));
    if (change->to == STATE_SUSPECT && say == PARENTS_WAIT &&
        state_is_ripe(&n->state, n->spec))
        return model_text(m, "%s; waits for %s", change->reason,
                          need_list(m, n, say, false));
    return change->reason;
}

static void show_wait(struct model *m, struct node *n, enum parents say)
{
    const char *text = "";
    if (say != PARENTS_ALLOW &&
        (n->depend.waiting || n->state.state == STATE_IMPACTED))
        text = need_list(m, n, say, false);
    if (text[0] != '\0' || n->depend.waits_for != NULL)
        model_own(&n->depend.waits_for, text);
}

/* -------------------------------------------------------------- results --- */

static void enqueue(struct model *m, struct node *n)
{
    if (n->depend.queued || n->depend.child_count == 0)
        return;
    n->depend.queued = true;
    n->depend.next_queued = NULL;
    if (m->changed_first == NULL)
        m->changed_first = n;
    else
        m->changed_last->depend.next_queued = n;
    m->changed_last = n;
}

static void begin_failing(struct model *m, struct node *n,
                          const struct result *r)
{
    n->depend.failing_ns = r->started_ns;
    n->depend.asked_ns = m->now.mono_ns;
}

/* A parent that is judged from the very probe that this result is of answers
 * with it. */
static void ask_parents(struct model *m, struct node *n, const struct result *r)
{
    for (size_t i = 0; i < n->depend.bond_count; i++) {
        const struct bond *b = &n->depend.bonds[i];
        for (size_t k = 0; k < b->count; k++) {
            struct node *p = b->parents[k];
            bool same = r->probe != 0 && need_prober(p)->probing == r->probe;
            if (!same && need_owes(m, n, p))
                schedule_need(m, p, n->depend.failing_ns);
        }
    }
}

enum parents depend_ask(struct model *m, struct node *n, const struct result *r)
{
    if (n->depend.bond_count == 0 || r->outcome != OUTCOME_FAIL)
        return PARENTS_ALLOW;
    if (n->depend.failing_ns == 0)
        begin_failing(m, n, r);
    enum parents say = need_judge(m, n, false);
    if (say == PARENTS_ALLOW && n->state.state == STATE_IMPACTED)
        begin_failing(m, n, r); /* by itself, from now on */
    ask_parents(m, n, r);
    return say;
}

static void forget_deferred(struct node *n)
{
    result_free(n->depend.deferred);
    n->depend.deferred = NULL;
}

/* Waits for the next word of each undecided parent, and not for ever. */
static void arm(struct model *m, struct node *n)
{
    struct depend *d = &n->depend;
    int64_t due = d->deferred == NULL ? MODEL_NEVER : d->deferred_until_ns;
    bool undecided = d->waiting || n->state.state == STATE_IMPACTED;
    for (size_t i = 0; i < d->bond_count; i++)
        for (size_t k = 0; k < d->bonds[i].count; k++) {
            struct node *p = d->bonds[i].parents[k];
            enum answer a = need_answer(m, n, p);
            if (a != UNANSWERED && a != SAYS_SUSPECT)
                continue;
            if (undecided || d->deferred != NULL)
                p->depend.awaited = true;
            if (undecided && need_gives_up_ns(m, n, p) < due)
                due = need_gives_up_ns(m, n, p);
        }
    if (due == MODEL_NEVER)
        heap_remove(&m->patience, &d->patience);
    else
        heap_set(&m->patience, &d->patience, due);
}

static bool is_well(const struct node *n)
{
    return n->state.state == STATE_PENDING || n->state.state == STATE_UP ||
           n->state.state == STATE_DEGRADED || n->state.state == STATE_PAUSED;
}

static void note_waiting(struct model *m, struct node *n, enum parents say)
{
    bool waits = say == PARENTS_WAIT && state_is_ripe(&n->state, n->spec);
    bool begins = waits && !n->depend.waiting;
    n->depend.waiting = waits;
    show_wait(m, n, say);
    if (!begins)
        return;
    incident_event(m, n, "waits", "failing often enough; waits for %s",
                   n->depend.waits_for);
    model_tell(m, TELL_NOTE, n, "waits for %s", n->depend.waits_for);
}

static void leave(struct model *m, struct node *n, const char *reason)
{
    if (n->state.state != STATE_IMPACTED && n->depend.impacts != NULL)
        impact_over(m, n,
                    model_text(m, "%s is %s%s%s", n->row.name,
                               state_name(n->state.state),
                               reason[0] ? ": " : "", reason));
    if (is_well(n))
        n->depend.failing_ns = 0;
    bool may_diagnose =
        n->state.state == STATE_SUSPECT || n->state.state == STATE_DOWN;
    if (!may_diagnose)
        forget_deferred(n);
}

void depend_stepped(struct model *m, struct node *n, enum parents say,
                    const struct state_change *change, const struct result *r)
{
    if (n->depend.bond_count == 0 && n->depend.impacts == NULL &&
        n->depend.waits_for == NULL && !n->depend.waiting)
        return;
    bool failed = r->outcome == OUTCOME_FAIL;
    if (failed ||
        (n->state.state != STATE_SUSPECT && n->state.state != STATE_IMPACTED))
        note_waiting(m, n, say);
    if (failed && n->state.state == STATE_IMPACTED &&
        impact_update(m, n, r, change->reason))
        enqueue(m, n);
    leave(m, n, change->reason);
    arm(m, n);
}

/* ----------------------------------------------------------- diagnoses --- */

bool depend_defers(struct model *m, struct node *n, enum runbook_on occasion,
                   const struct result *r)
{
    if (occasion != ON_SUSPECT || n->depend.bond_count == 0 || r == NULL ||
        n->depend.firing || need_judge(m, n, true) != PARENTS_WAIT)
        return false;
    if (n->depend.deferred == NULL)
        n->depend.deferred_until_ns = m->now.mono_ns + DIAGNOSIS_WAIT_NS;
    forget_deferred(n);
    n->depend.deferred = result_copy(r);
    arm(m, n);
    return true;
}

/* The first parent because of which a need is not met. */
static struct node *first_culprit(const struct model *m, const struct node *n)
{
    for (size_t i = 0; i < n->depend.bond_count; i++) {
        const struct bond *b = &n->depend.bonds[i];
        if (need_judge_one(m, n, b, true) != PARENTS_BLAME)
            continue;
        for (size_t k = 0; k < b->count; k++) {
            enum answer a = need_answer(m, n, b->parents[k]);
            if (a == SAYS_DOWN || a == SAYS_SUSPECT)
                return b->parents[k];
        }
    }
    return NULL;
}

const char *depend_holds(struct model *m, struct node *n,
                         const struct runbook_spec *book,
                         enum runbook_on occasion)
{
    struct node *p = occasion == ON_SUSPECT ? first_culprit(m, n) : NULL;
    if (p == NULL)
        return NULL;
    struct node *cause = impact_cause(m, p);
    const char *reason =
        model_text(m, "%s is %s: its diagnosis runs instead", cause->row.name,
                   state_name(cause->state.state));
    struct episode *e = incident_find(m, cause->state.incident);
    if (e != NULL)
        impact_event(m, e, "held",
                     model_text(m, "%s %s of %s: %s",
                                runbook_kind_name(book->kind), book->name,
                                n->row.name, reason));
    return reason;
}

static void settle_deferred(struct model *m, struct node *n)
{
    struct result *about = n->depend.deferred;
    if (about == NULL || (need_judge(m, n, true) == PARENTS_WAIT &&
                          m->now.mono_ns < n->depend.deferred_until_ns))
        return;
    n->depend.deferred = NULL;
    n->depend.firing = true;
    run_occasion(m, n, ON_SUSPECT, about);
    n->depend.firing = false;
    result_free(about);
}

/* ------------------------------------------------------------ decisions --- */

/* Its latest result still fails: no other one need be waited for. */
static bool still_fails(const struct node *n)
{
    return n->depend.counted_ns != 0 && n->depend.counted == OUTCOME_FAIL &&
           n->last != NULL && n->last->outcome == OUTCOME_FAIL &&
           n->last->generation >= n->judged_from;
}

static void reconsider(struct model *m, struct node *n)
{
    if (n->spec == NULL)
        return;
    settle_deferred(m, n);
    enum parents say = need_judge(m, n, false);
    bool decided = say != PARENTS_WAIT &&
                   !(say == PARENTS_ALLOW && distrust_holds_back(m, n));
    if (n->depend.waiting && decided && still_fails(n))
        model_decide(m, n, say);
    else if (n->state.state == STATE_IMPACTED && say == PARENTS_BLAME &&
             impact_update(m, n, n->last, "still failing"))
        enqueue(m, n);
    show_wait(m, n, say);
    arm(m, n);
}

/* Nothing that it needs is in the way any more, but it must be measured. */
static bool is_freed(const struct model *m, const struct node *n)
{
    return n->spec != NULL &&
           (n->depend.waiting || n->state.state == STATE_IMPACTED) &&
           need_judge(m, n, false) == PARENTS_ALLOW;
}

static void probe_freed(struct model *m, struct node **freed, size_t count)
{
    int64_t spread = (int64_t)count * FREED_EACH_NS;
    if (spread > FREED_SPREAD_NS)
        spread = FREED_SPREAD_NS;
    for (size_t i = 0; i < count; i++)
        schedule_soon(m, freed[i],
                      m->now.mono_ns + spread * (int64_t)i / (int64_t)count);
}

/* A check that was down before keeps its incident: it was told. */
static void note_down_too(struct model *m, struct node *n, const struct node *p)
{
    if (n->confirmed && need_judge(m, n, false) == PARENTS_BLAME)
        incident_event(m, n, "parent", "%s is %s too: probably the cause",
                       p->row.name, state_name(p->state.state));
}

static void tell_children(struct model *m, struct node *p)
{
    struct depend *d = &p->depend;
    struct node **freed =
        arena_alloc(m->scratch, (d->child_count + 1) * sizeof *freed);
    size_t freed_count = 0;
    bool fell = d->fell;
    d->queued = d->fell = d->awaited = false;
    for (size_t i = 0; i < d->child_count; i++) {
        struct node *child = d->children[i];
        if (fell)
            note_down_too(m, child, p);
        reconsider(m, child);
        if (is_freed(m, child))
            freed[freed_count++] = child;
    }
    probe_freed(m, freed, freed_count);
}

void depend_changed(struct model *m, struct node *n)
{
    struct depend *d = &n->depend;
    enum standing now = need_standing(n);
    bool moved = now != d->standing;
    leave(m, n, "");
    if (is_well(n))
        note_waiting(m, n, PARENTS_ALLOW);
    d->fell =
        d->fell || (moved && (now == STANDS_DOWN || now == STANDS_IMPACTED));
    d->standing = now;
    if (moved || d->awaited)
        enqueue(m, n);
}

void depend_settle(struct model *m)
{
    struct heap_node *h;
    while ((h = heap_first(&m->patience)) != NULL && h->due <= m->now.mono_ns) {
        struct node *n =
            (struct node *)(void *)((char *)h -
                                    offsetof(struct node, depend.patience));
        heap_remove(&m->patience, h);
        reconsider(m, n);
        if (is_freed(m, n))
            probe_freed(m, &n, 1);
    }
    while (m->changed_first != NULL) {
        struct node *p = m->changed_first;
        m->changed_first = p->depend.next_queued;
        tell_children(m, p);
    }
}

int64_t depend_wake(const struct model *m)
{
    const struct heap_node *h = heap_first(&m->patience);
    return h == NULL ? MODEL_NEVER : h->due;
}

/* --------------------------------------------------- reload and restart --- */

void depend_config(struct model *m)
{
    need_bind(m);
    m->changed_first = m->changed_last = NULL;
    for (size_t i = 0; i < m->node_count; i++) {
        struct depend *d = &m->nodes[i]->depend;
        d->awaited = d->fell = d->queued = false;
        d->standing = need_standing(m->nodes[i]);
    }
}

/* Needs may have come or gone; who waited when we stopped waits on. */
void depend_resume(struct model *m)
{
    struct node **freed =
        arena_alloc(m->scratch, (m->node_count + 1) * sizeof *freed);
    size_t freed_count = 0;
    for (size_t i = 0; i < m->node_count; i++) {
        struct node *n = m->nodes[i];
        struct depend *d = &n->depend;
        if (n->spec == NULL)
            continue;
        if (d->bond_count > 0 && state_is_ripe(&n->state, n->spec))
            d->waiting = true;
        if (n->state.state == STATE_SUSPECT)
            d->asked_ns = m->now.mono_ns;
        if (!d->waiting && d->deferred == NULL &&
            n->state.state != STATE_IMPACTED)
            continue;
        reconsider(m, n);
        if (is_freed(m, n))
            freed[freed_count++] = n;
    }
    probe_freed(m, freed, freed_count);
}

void depend_removed(struct model *m, struct node *n)
{
    forget_deferred(n);
    impact_over(m, n, model_text(m, "%s is no longer configured", n->row.name));
    n->depend.waiting = false;
    n->depend.failing_ns = n->depend.counted_ns = 0;
    heap_remove(&m->patience, &n->depend.patience);
    if (n->depend.waits_for != NULL)
        model_own(&n->depend.waits_for, "");
}

void depend_free_node(struct node *n)
{
    forget_deferred(n);
    free((void *)(uintptr_t)n->depend.waits_for);
}

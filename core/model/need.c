/* model/need.c: what a check needs (`depends_on`) as a graph of nodes, and what
 * those that it needs say about its failure. Answers only: it changes nothing
 * but the graph. What follows from an answer is decided in depend.c.
 *
 * A parent that is well answers a failing child only by a result that began no
 * earlier than the child's first failing one: until then its answer is owed. A
 * parent that nobody measures (manual, paused, unknown), or that has not
 * answered within its timeout and GRACE_NS, says nothing, which holds nothing
 * back. A derived parent is measured by the probes of its source. */
#include "model/internal.h"

#include "base/buf.h"
#include "base/mem.h"

#define GRACE_NS (2 * NS_PER_S)

/* ---------------------------------------------------------------- graph --- */

static struct node **alloc_nodes(struct model *m, size_t n)
{
    return arena_alloc(m->graph, (n + 1) * sizeof(struct node *));
}

static void unbind(struct model *m, struct node *n)
{
    struct depend *d = &n->depend;
    d->bonds = NULL;
    d->children = d->derived = NULL;
    d->bond_count = d->child_count = d->derived_count = 0;
    d->source = NULL;
    if (n->spec != NULL && n->spec->source != NULL)
        d->source = map_get(m->by_name, n->spec->source->name);
    if (d->source != NULL && d->source->spec == NULL)
        d->source = NULL;
}

static void bind_needs(struct model *m, struct node *n)
{
    const struct check_spec *spec = n->spec;
    struct depend *d = &n->depend;
    d->bonds = arena_alloc(m->graph, spec->need_count * sizeof *d->bonds);
    d->bond_count = spec->need_count;
    for (size_t i = 0; i < spec->need_count; i++) {
        const struct need *need = &spec->needs[i];
        struct bond *b = &d->bonds[i];
        b->any = need->any;
        b->parents = alloc_nodes(m, need->parent_count);
        for (size_t k = 0; k < need->parent_count; k++) {
            struct node *p = map_get(m->by_name, need->parents[k]->name);
            if (p != NULL && p->spec != NULL && p != n)
                b->parents[b->count++] = p;
        }
        for (size_t k = 0; k < b->count; k++)
            b->parents[k]->depend.child_count++;
    }
}

/* Children come one after another, so one look back finds a double. */
static void add_child(struct model *m, struct node *p, struct node *child)
{
    struct depend *d = &p->depend;
    if (d->children == NULL) {
        d->children = alloc_nodes(m, d->child_count);
        d->child_count = 0;
    }
    if (d->child_count == 0 || d->children[d->child_count - 1] != child)
        d->children[d->child_count++] = child;
}

static void add_children(struct model *m, struct node *n)
{
    for (size_t i = 0; i < n->depend.bond_count; i++)
        for (size_t k = 0; k < n->depend.bonds[i].count; k++)
            add_child(m, n->depend.bonds[i].parents[k], n);
}

static void add_derived(struct model *m, struct node *n)
{
    struct depend *d = &n->depend.source->depend;
    if (d->derived == NULL) {
        d->derived = alloc_nodes(m, d->derived_count);
        d->derived_count = 0;
    }
    d->derived[d->derived_count++] = n;
}

static void bind_derived(struct model *m)
{
    for (size_t i = 0; i < m->node_count; i++)
        if (m->nodes[i]->depend.source != NULL)
            m->nodes[i]->depend.source->depend.derived_count++;
    for (size_t i = 0; i < m->node_count; i++)
        if (m->nodes[i]->depend.source != NULL)
            add_derived(m, m->nodes[i]);
}

void need_bind(struct model *m)
{
    arena_free(m->graph);
    m->graph = arena_new();
    for (size_t i = 0; i < m->node_count; i++)
        unbind(m, m->nodes[i]);
    for (size_t i = 0; i < m->node_count; i++)
        if (m->nodes[i]->spec != NULL && m->nodes[i]->spec->need_count > 0)
            bind_needs(m, m->nodes[i]);
    for (size_t i = 0; i < m->node_count; i++)
        add_children(m, m->nodes[i]);
    bind_derived(m);
}

/* -------------------------------------------------------------- answers --- */

const struct node *need_prober(const struct node *n)
{
    return n->depend.source == NULL ? n : n->depend.source;
}

enum standing need_standing(const struct node *p)
{
    if (p->spec == NULL || need_prober(p)->spec->schedule == SCHEDULE_MANUAL)
        return STANDS_MUTE;
    switch (p->state.state) {
    case STATE_PENDING:
    case STATE_UP:
    case STATE_DEGRADED: return STANDS_FINE;
    case STATE_SUSPECT: return STANDS_SUSPECT;
    case STATE_DOWN: return STANDS_DOWN;
    case STATE_IMPACTED: return STANDS_IMPACTED;
    case STATE_UNKNOWN: return p->confirmed ? STANDS_DOWN : STANDS_MUTE;
    case STATE_PAUSED: break;
    }
    return STANDS_MUTE;
}

static int64_t patience_ns(const struct node *p)
{
    return need_prober(p)->spec->timeout_ns + GRACE_NS;
}

/* Since when the parent is waited for. */
static int64_t waited_since_ns(const struct model *m, const struct node *child,
                               const struct node *p)
{
    const struct node *source = need_prober(p);
    if (need_standing(p) != STANDS_SUSPECT)
        return child->depend.asked_ns;
    if (source->probing != 0)
        return source->probing_ns;
    return heap_has(&source->due) ? source->due.due : m->now.mono_ns;
}

/* The time in which we stood still ourselves is not the parent's. */
int64_t need_gives_up_ns(const struct model *m, const struct node *child,
                         const struct node *p)
{
    int64_t since_ns = waited_since_ns(m, child, p);
    if (since_ns < m->distrust.resumed_ns)
        since_ns = m->distrust.resumed_ns;
    return since_ns + patience_ns(p);
}

static bool is_late(const struct model *m, const struct node *child,
                    const struct node *p)
{
    return need_gives_up_ns(m, child, p) <= m->now.mono_ns;
}

/* What its job said last stands until it says something else. */
static bool is_heartbeat(const struct node *p)
{
    return need_prober(p)->spec->schedule == SCHEDULE_BEAT;
}

/* It was measured since the child began to fail. */
static bool is_fresh(const struct node *child, const struct node *p)
{
    if (is_heartbeat(p))
        return true;
    return p->depend.counted_ns != 0 &&
           p->depend.counted_ns >= child->depend.failing_ns;
}

bool need_owes(const struct model *m, const struct node *child,
               const struct node *p)
{
    return need_standing(p) == STANDS_FINE && !is_fresh(child, p) &&
           !is_late(m, child, p);
}

/* To an impacted child a parent that is well has recovered: no answer is owed,
 * the child is measured first. */
enum answer need_answer(const struct model *m, const struct node *child,
                        const struct node *p)
{
    switch (need_standing(p)) {
    case STANDS_DOWN:
    case STANDS_IMPACTED: return SAYS_DOWN;
    case STANDS_SUSPECT:
        return is_heartbeat(p) || is_late(m, child, p) ? SAYS_NOTHING
                                                       : SAYS_SUSPECT;
    case STANDS_MUTE: return SAYS_NOTHING;
    case STANDS_FINE: break;
    }
    if (child->state.state == STATE_IMPACTED)
        return SAYS_FINE;
    if (!is_fresh(child, p))
        return is_late(m, child, p) ? SAYS_NOTHING : UNANSWERED;
    return p->depend.counted == OUTCOME_UNKNOWN ? SAYS_NOTHING : SAYS_FINE;
}

/* With `any` one that is fine, or cannot say, is enough; else one that is down
 * is one too many. hasty: a suspect one is as good as down. */
enum parents need_judge_one(const struct model *m, const struct node *n,
                            const struct bond *b, bool hasty)
{
    size_t down = 0, open = 0;
    for (size_t i = 0; i < b->count; i++) {
        enum answer a = need_answer(m, n, b->parents[i]);
        bool is_down = a == SAYS_DOWN || (hasty && a == SAYS_SUSPECT);
        down += is_down;
        open += !is_down && (a == UNANSWERED || a == SAYS_SUSPECT);
    }
    if (b->any && down + open < b->count)
        return PARENTS_ALLOW;
    if (b->any)
        return open > 0   ? PARENTS_WAIT
               : down > 0 ? PARENTS_BLAME
                          : PARENTS_ALLOW;
    return down > 0 ? PARENTS_BLAME : open > 0 ? PARENTS_WAIT : PARENTS_ALLOW;
}

enum parents need_judge(const struct model *m, const struct node *n, bool hasty)
{
    enum parents worst = PARENTS_ALLOW;
    for (size_t i = 0; i < n->depend.bond_count; i++) {
        enum parents one = need_judge_one(m, n, &n->depend.bonds[i], hasty);
        if (one > worst)
            worst = one;
    }
    return worst;
}

/* A term that says the same and is told before n's i-th names it already. */
static bool is_told_before(const struct model *m, const struct node *n,
                           size_t i, enum parents say, const struct node *p)
{
    for (size_t j = 0; j < i; j++) {
        const struct bond *b = &n->depend.bonds[j];
        if (need_judge_one(m, n, b, false) != say)
            continue;
        for (size_t k = 0; k < b->count; k++)
            if (b->parents[k] == p)
                return true;
    }
    return false;
}

static bool is_to_tell(enum parents say, enum answer a)
{
    return (say == PARENTS_BLAME) == (a == SAYS_DOWN) && a != SAYS_FINE &&
           a != SAYS_NOTHING;
}

const char *need_list(struct model *m, const struct node *n, enum parents say,
                      bool with_state)
{
    struct buf text = {0};
    for (size_t i = 0; i < n->depend.bond_count; i++) {
        const struct bond *b = &n->depend.bonds[i];
        if (need_judge_one(m, n, b, false) != say)
            continue;
        for (size_t k = 0; k < b->count; k++) {
            const struct node *p = b->parents[k];
            if (!is_to_tell(say, need_answer(m, n, p)) ||
                is_told_before(m, n, i, say, p))
                continue;
            buf_addf(&text, "%s%s", text.len > 0 ? ", " : "", p->row.name);
            if (with_state)
                buf_addf(&text, " is %s", state_name(p->state.state));
        }
    }
    const char *kept = arena_strdup(m->scratch, buf_text(&text));
    buf_free(&text);
    return kept;
}

/* model/impact.c: which checks an incident's cause impacts: rows, events, and
 * the view. Called from depend.c, which decides who is impacted.
 *
 * Causes are found by following parents that are down or impacted up to those
 * that have an incident. As an impacted parent is itself listed with its
 * causes, one look at each parent is enough. An impact ends when its check is
 * not impacted any more, or is so by other causes only; if all its causes have
 * recovered it lasts until the check has been measured. */
#include "model/internal.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/fault.h"

/* Lines about other checks in an incident's timeline. */
#define TOLD_OF_OTHERS 60

static void store_impact(struct model *m, const struct impact *i)
{
    struct record r = {.kind = RECORD_IMPACT};
    r.as.impact = i->row;
    model_commit(m, GRADE_RELAXED, r);
}

static struct impact *add_impact(struct episode *e, struct node *n)
{
    struct impact *i = xcalloc(1, sizeof *i);
    i->episode = e;
    i->prev = e->last_impact;
    *(i->prev == NULL ? &e->impacts : &i->prev->next) = i;
    e->last_impact = i;
    i->other = n->depend.impacts;
    n->depend.impacts = i;
    i->row.incident = e->row.number;
    i->row.check = n->row.check;
    return i;
}

/* Takes it out of its episode; out of its check's list it is already. */
static void drop_impact(struct impact *i)
{
    struct episode *e = i->episode;
    *(i->prev == NULL ? &e->impacts : &i->prev->next) = i->next;
    *(i->next == NULL ? &e->last_impact : &i->next->prev) = i->prev;
    free(i);
}

/* A parent may have a thousand children: so much of them is told, no more. */
void impact_event(struct model *m, struct episode *e, const char *event,
                  const char *text)
{
    if (e->told_of_others > TOLD_OF_OTHERS)
        return;
    if (e->told_of_others++ == TOLD_OF_OTHERS) {
        event = "more";
        text = "of more checks nothing is told here: the impact has them all, "
               "the log of runbooks what was held back";
    }
    struct record r = {.kind = RECORD_EVENT};
    r.as.event = (struct event_row){e->row.number, e->row.check, m->now.wall_us,
                                    event, text};
    model_commit(m, GRADE_RELAXED, r);
}

/* --------------------------------------------------------------- causes --- */

struct causes {
    struct episode **items;
    size_t count, cap;
};

static void add_cause(struct causes *all, struct episode *e)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i] == e)
            return;
    all->items = xgrow(all->items, all->count, &all->cap, sizeof *all->items);
    all->items[all->count++] = e;
}

static void add_causes_of(const struct model *m, struct causes *all,
                          const struct node *p)
{
    struct episode *own =
        p->confirmed ? incident_find(m, p->state.incident) : NULL;
    if (own != NULL)
        add_cause(all, own);
    else
        for (struct impact *i = p->depend.impacts; i != NULL; i = i->other)
            add_cause(all, i->episode);
}

static struct causes find_causes(const struct model *m, const struct node *n)
{
    struct causes all = {0};
    for (size_t i = 0; i < n->depend.bond_count; i++) {
        const struct bond *b = &n->depend.bonds[i];
        if (need_judge_one(m, n, b, false) != PARENTS_BLAME)
            continue;
        for (size_t k = 0; k < b->count; k++) {
            enum standing s = need_standing(b->parents[k]);
            if (s == STANDS_DOWN || s == STANDS_IMPACTED)
                add_causes_of(m, &all, b->parents[k]);
        }
    }
    return all;
}

struct node *impact_cause(const struct model *m, struct node *n)
{
    const struct impact *i = n->depend.impacts;
    struct node *cause =
        i == NULL ? NULL : model_node(m, i->episode->row.check);
    return cause == NULL ? n : cause;
}

/* ---------------------------------------------------------------- words --- */

static bool would_match(const struct runbook_spec *book, const struct node *n,
                        const struct result *r)
{
    return match_runbook(book, n->spec, STATE_SUSPECT, r, ON_SUSPECT) ||
           match_runbook(book, n->spec, STATE_DOWN, r, ON_DOWN);
}

/* "api is impacted: still failing, refused ECONNREFUSED; its runbooks are not
 * run (api-diagnose, oncall): db is the cause" */
static const char *impact_text(struct model *m, const struct node *n,
                               const struct result *r, const char *reason,
                               const struct causes *causes)
{
    struct buf text = {0};
    size_t books = 0;
    buf_addf(&text, "%s is impacted: %s", n->row.name, reason);
    if (r != NULL && r->outcome == OUTCOME_FAIL)
        buf_addf(&text, ", %s%s%s", fault_name(r->fault), r->code[0] ? " " : "",
                 r->code);
    for (size_t i = 0; i < m->conf->runbook_count; i++) {
        if (!would_match(&m->conf->runbooks[i], n, r))
            continue;
        buf_addf(&text, "%s%s",
                 books++ == 0 ? "; its runbooks are not run (" : ", ",
                 m->conf->runbooks[i].name);
    }
    buf_addf(&text, "%s", books > 0 ? "): " : "; ");
    for (size_t i = 0; i < causes->count; i++) {
        const struct node *cause = model_node(m, causes->items[i]->row.check);
        buf_addf(&text, "%s%s", i > 0 ? ", " : "",
                 cause == NULL ? "?" : cause->row.name);
    }
    buf_addf(&text, " %s the cause", causes->count > 1 ? "are" : "is");
    const char *kept = arena_strdup(m->scratch, buf_text(&text));
    buf_free(&text);
    return kept;
}

/* -------------------------------------------------------------- changes --- */

static bool is_listed(const struct node *n, const struct episode *e)
{
    for (const struct impact *i = n->depend.impacts; i != NULL; i = i->other)
        if (i->episode == e)
            return true;
    return false;
}

static bool is_cause(const struct causes *all, const struct episode *e)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i] == e)
            return true;
    return false;
}

static void end_impact(struct model *m, struct impact *i, const char *why)
{
    i->row.until_us = m->now.wall_us;
    store_impact(m, i);
    impact_event(m, i->episode, "impact_over", why);
    drop_impact(i);
}

static bool end_others(struct model *m, struct node *n,
                       const struct causes *causes)
{
    bool ended = false;
    for (struct impact **link = &n->depend.impacts, *i; (i = *link) != NULL;) {
        if (is_cause(causes, i->episode)) {
            link = &i->other;
            continue;
        }
        *link = i->other;
        end_impact(m, i,
                   model_text(m, "%s has another cause now", n->row.name));
        ended = true;
    }
    return ended;
}

bool impact_update(struct model *m, struct node *n, const struct result *r,
                   const char *reason)
{
    struct causes causes = find_causes(m, n);
    const char *text = NULL;
    for (size_t i = 0; i < causes.count; i++) {
        if (is_listed(n, causes.items[i]))
            continue;
        if (text == NULL)
            text = impact_text(m, n, r, reason, &causes);
        struct impact *added = add_impact(causes.items[i], n);
        added->row.since_us = m->now.wall_us;
        store_impact(m, added);
        impact_event(m, causes.items[i], "impact", text);
    }
    bool ended = causes.count > 0 && end_others(m, n, &causes);
    free(causes.items);
    if (text != NULL)
        model_tell(m, TELL_NOTE, n, "%s", /* its name stands before it */
                   text + strlen(n->row.name) + 1);
    return ended || text != NULL;
}

void impact_over(struct model *m, struct node *n, const char *why)
{
    while (n->depend.impacts != NULL) {
        struct impact *i = n->depend.impacts;
        n->depend.impacts = i->other;
        end_impact(m, i, why);
    }
}

void impact_free(struct episode *e)
{
    while (e->impacts != NULL) {
        struct impact *i = e->impacts;
        e->impacts = i->next;
        free(i);
    }
}

void model_restore_impact(struct model *m, const struct impact_row *row)
{
    struct episode *e = incident_find(m, row->incident);
    struct node *n = model_node(m, row->check);
    if (e == NULL || n == NULL || row->until_us != 0 || is_listed(n, e))
        return;
    add_impact(e, n)->row = *row;
}

const struct check_row *model_impact(const struct model *m, uint64_t incident,
                                     size_t i)
{
    const struct episode *e = incident_find(m, incident);
    const struct impact *impact = e == NULL ? NULL : e->impacts;
    for (; impact != NULL; impact = impact->next)
        if (i-- == 0) {
            const struct node *n = model_node(m, impact->row.check);
            return n == NULL ? NULL : &n->row;
        }
    return NULL;
}

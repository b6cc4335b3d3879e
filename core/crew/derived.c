/* crew/derived.c: checks that are judged from another's results, and not probed
 * themselves. A worker that has the source has them too and judges them.
 *
 * Promise: whatever becomes of a probe, each check derived from the probed one
 * has its result right before that one's, a parent before what needs it.
 *
 * Happy path: the worker sends their results, which are held → it sends the
 * source's → all are given on at once.
 * Ways it can fail: the worker dies in between: what is held is dropped, the
 * probe is redone or ends. A result is missing (the probe ended here, a secret
 * has no value, a reload came in between): it is made up, as unknown. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "crew/internal.h"

struct held {
    struct held *next;
    struct result *result;
};

/* ---------------------------------------------------------------- plan --- */

struct standing {
    const struct crew_check *check;
    unsigned rank; /* beyond that of every derived check that it needs */
    size_t index;  /* in the configuration */
};

static int by_standing(const void *a, const void *b)
{
    const struct standing *x = a, *y = b;
    if (x->check->of != y->check->of)
        return x->check->of < y->check->of ? -1 : 1;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static unsigned rank_above(const struct conf *conf, const unsigned *ranks,
                           const struct check_spec *spec)
{
    unsigned rank = 0;
    for (size_t i = 0; i < spec->need_count; i++)
        for (size_t k = 0; k < spec->needs[i].parent_count; k++) {
            const struct check_spec *parent = spec->needs[i].parents[k];
            if (parent->source != NULL && ranks[parent - conf->checks] >= rank)
                rank = ranks[parent - conf->checks] + 1;
        }
    return rank;
}

/* Needs have no cycles: as many rounds as the longest chain is long. */
static void find_ranks(const struct conf *conf, struct standing *order,
                       size_t n)
{
    unsigned *ranks = xcalloc(conf->check_count + 1, sizeof *ranks);
    bool settled = false;
    for (size_t round = 0; !settled && round <= n; round++) {
        settled = true;
        for (size_t i = 0; i < n; i++) {
            order[i].rank = rank_above(conf, ranks, order[i].check->spec);
            settled = settled && order[i].rank == ranks[order[i].index];
            ranks[order[i].index] = order[i].rank;
        }
    }
    free(ranks);
}

void derived_plan(struct crew *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->check_count; i++)
        n += c->checks[i].of != 0;
    c->derived_count = n;
    c->derived =
        xrealloc(c->derived, (n + 1) * sizeof(const struct crew_check *));
    if (n == 0)
        return;
    struct standing *order = xcalloc(n, sizeof *order);
    for (size_t i = 0, k = 0; i < c->check_count; i++)
        if (c->checks[i].of != 0)
            order[k++] = (struct standing){
                .check = &c->checks[i],
                .index = (size_t)(c->checks[i].spec - c->conf->checks)};
    find_ranks(c->conf, order, n);
    qsort(order, n, sizeof *order, by_standing);
    for (size_t i = 0; i < n; i++)
        c->derived[i] = order[i].check;
    free(order);
}

/* The first that is derived from it, or where it would stand. */
static size_t first_of(const struct crew *c, uint32_t source)
{
    size_t lo = 0, hi = c->derived_count;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (c->derived[mid]->of < source)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* ---------------------------------------------------------------- hold --- */

bool derived_hold(const struct crew *c, struct flight *f, struct result *r)
{
    const struct crew_check *check = crew_check(c, r->check);
    bool twice = false;
    for (const struct held *h = f->held; h != NULL; h = h->next)
        twice = twice || h->result->check == r->check;
    if (twice || check == NULL || check->of != f->probe.check) {
        result_free(r); /* a reload has removed it, or it tells lies */
        return !twice;
    }
    struct held *h = xcalloc(1, sizeof *h);
    h->result = r;
    h->next = f->held;
    f->held = h;
    return true;
}

void derived_drop(struct flight *f)
{
    while (f->held != NULL) {
        struct held *h = f->held;
        f->held = h->next;
        result_free(h->result);
        free(h);
    }
}

static struct result *take_held(struct flight *f, uint32_t check)
{
    struct held **link = f == NULL ? NULL : &f->held;
    while (link != NULL && *link != NULL) {
        struct held *h = *link;
        if (h->result->check != check) {
            link = &h->next;
            continue;
        }
        struct result *r = h->result;
        *link = h->next;
        free(h);
        return r;
    }
    return NULL;
}

/* ---------------------------------------------------------------- give --- */

static struct result *made_up(const struct crew *c,
                              const struct crew_check *check,
                              const struct result *source)
{
    struct result *r = result_new();
    const char *name = check->spec->source->name;
    r->probe = source->probe;
    r->check = check->check;
    r->purpose = source->purpose;
    r->generation = source->generation;
    r->flags = source->flags;
    r->started_us = source->started_us;
    r->started_ns = source->started_ns;
    r->duration_ns = source->duration_ns;
    r->outcome = OUTCOME_UNKNOWN;
    r->fault =
        source->outcome == OUTCOME_UNKNOWN ? source->fault : RLV_F_CANCELLED;
    if (check->spec->missing != NULL) {
        r->fault = RLV_F_CONFIG;
        r->message =
            arena_printf(r->arena, "%s has no value", check->spec->missing);
    } else if (source->generation != c->conf->generation) {
        r->message = arena_printf(
            r->arena, "%s was probed for an earlier configuration", name);
    } else {
        r->message = arena_printf(r->arena, "%s was not observed: %s", name,
                                  source->message);
    }
    return r;
}

void derived_give(struct crew *c, struct flight *f, struct result *r)
{
    for (size_t i = first_of(c, r->check);
         i < c->derived_count && c->derived[i]->of == r->check; i++) {
        struct result *own = take_held(f, c->derived[i]->check);
        if (own == NULL)
            own = made_up(c, c->derived[i], r);
        c->events.result(c->events.arg, own);
    }
    c->events.result(c->events.arg, r);
}

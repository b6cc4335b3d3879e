/* model/generation.c: a new configuration. Checks are known by their name: one
 * that stays keeps its number, its state and, where it did not change, its
 * phase; one that is gone is forgotten but for its history. Called from
 * model.c. */
#include "model/internal.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"

static void store_check(struct model *m, const struct node *n)
{
    struct record r = {.kind = RECORD_CHECK, .as.check = n->row};
    model_commit(m, GRADE_RELAXED, r);
}

/* What a check was before a new generation came. */
struct former {
    bool configured;
    uint64_t fingerprint;
    int64_t interval_ns;
};

static struct former former_of(const struct node *n)
{
    if (n == NULL || n->spec == NULL)
        return (struct former){false, 0, 0};
    return (struct former){true, n->spec->fingerprint, n->spec->interval_ns};
}

static struct node *new_node(struct model *m, const struct check_spec *spec)
{
    struct check_row row = {.check = m->last_check + 1,
                            .ordinal = UINT32_MAX,
                            .name = spec->name,
                            .environment = spec->environment,
                            .plugin = spec->plugin};
    struct node *n = model_add_node(m, &row);
    n->state.since_us = m->now.wall_us;
    return n;
}

/* One past the highest ordinal among the checks of each interval. */
static uintptr_t *next_ordinal(struct map *by_interval, struct arena *arena,
                               int64_t interval_ns)
{
    char key[24];
    snprintf(key, sizeof key, "%lld", (long long)interval_ns);
    uintptr_t *next = map_get(by_interval, key);
    if (next == NULL) {
        next = arena_alloc(arena, sizeof *next);
        map_set(by_interval, key, next);
    }
    return next;
}

/* Checks keep the ordinal they have; new ones and those whose interval changed
 * (marked UINT32_MAX) get the next free one. */
static void assign_ordinals(struct model *m)
{
    struct map *by_interval = map_new();
    for (size_t i = 0; i < m->node_count; i++) {
        const struct node *n = m->nodes[i];
        if (n->spec == NULL || n->row.ordinal == UINT32_MAX)
            continue;
        uintptr_t *next =
            next_ordinal(by_interval, m->scratch, n->spec->interval_ns);
        if (n->row.ordinal >= *next)
            *next = n->row.ordinal + 1;
    }
    for (size_t i = 0; i < m->node_count; i++) {
        struct node *n = m->nodes[i];
        if (n->spec == NULL || n->row.ordinal != UINT32_MAX)
            continue;
        uintptr_t *next =
            next_ordinal(by_interval, m->scratch, n->spec->interval_ns);
        n->row.ordinal = (uint32_t)(*next)++;
        store_check(m, n);
    }
    map_free(by_interval);
}

static void remove_node(struct model *m, struct node *n)
{
    heap_remove(&m->queue, &n->due);
    n->probing = 0;
    n->asked.wanted = n->hurry.wanted = false;
    incident_removed(m, n);
    depend_removed(m, n);
    trigger_removed(m, n);
    beat_removed(m, n);
    n->spec = NULL;
    enum check_state from = n->state.state;
    n->state.state = STATE_PENDING;
    n->state.fails = n->state.goods = n->state.unknowns = 0;
    n->state.since_us = m->now.wall_us;
    if (from != STATE_PENDING)
        model_store_change(m, n, from, "removed from the configuration");
    else
        model_store_state(m, n, GRADE_RELAXED);
}

/* Gives each check its spec; nodes that got none are no longer configured. */
static void bind_specs(struct model *m, struct conf *conf, struct former *was)
{
    size_t known = m->node_count;
    for (size_t i = 0; i < known; i++) {
        was[i] = former_of(m->nodes[i]);
        m->nodes[i]->spec = NULL;
    }
    for (size_t i = 0; i < conf->check_count; i++) {
        const struct check_spec *spec = &conf->checks[i];
        struct node *n = map_get(m->by_name, spec->name);
        if (n == NULL)
            n = new_node(m, spec);
        n->spec = spec;
        if (!str_eq(n->row.plugin, spec->plugin)) {
            model_own(&n->row.plugin, spec->plugin);
            if (n->row.ordinal != UINT32_MAX)
                store_check(m, n);
        }
    }
    for (size_t i = 0; i < known; i++) {
        struct node *n = m->nodes[i];
        if (trouble_is(&n->row))
            continue;
        if (n->spec == NULL &&
            (was[i].configured || n->state.state != STATE_PENDING))
            remove_node(m, n); /* also one that went while we were stopped */
        else if (n->spec != NULL && was[i].configured &&
                 was[i].interval_ns != n->spec->interval_ns)
            n->row.ordinal = UINT32_MAX;
    }
}

/* Checks that did not change keep their phase and what they wait for. */
static void reschedule(struct model *m, const struct former *was, size_t known)
{
    for (size_t i = 0; i < m->node_count; i++) {
        struct node *n = m->nodes[i];
        if (n->spec == NULL)
            continue;
        bool same = i < known && was[i].configured &&
                    was[i].fingerprint == n->spec->fingerprint;
        if (!same) {
            n->judged_from = m->conf->generation;
            n->bound_from = m->last_probe + 1;
        }
        if (same && n->spec->cron != NULL)
            must(cron_parse(n->spec->cron, &n->cron, NULL));
        if (!same || (!heap_has(&n->due) && n->probing == 0))
            schedule_config(m, n);
    }
}

void generation_begin(struct model *m, struct conf *conf)
{
    bool first = m->conf == NULL;
    struct conf *old = m->conf;
    size_t known = m->node_count;
    struct former *was = arena_alloc(m->scratch, (known + 1) * sizeof *was);
    m->conf = conf_ref(conf);
    bind_specs(m, conf, was);
    assign_ordinals(m);
    depend_config(m);
    if (first) {
        incident_resume(m);
        run_resume(m);
        run_start_waiting(m);
    }
    hush_config(m);
    reschedule(m, was, known);
    depend_resume(m);
    outbox_changed(m);
    conf_unref(old);
    /* Urgent: who asks for the history of a check does not wait for the group.
     */
    model_audit(m, GRADE_RELAXED, "relevo", "config.load",
                conf->file == NULL ? "" : conf->file,
                model_text(m,
                           "generation %u, %zu checks, %zu runbooks, sha256 %s",
                           conf->generation, conf->check_count,
                           conf->runbook_count, conf->sha256));
}

/* tests/lib/crowd.h: one parent and any number of checks that need it, in a
 * simulated time in which every probe is answered a millisecond after it was
 * due. For the unit tests of core/model and for tests/bench; include it from
 * one .c file. */
#ifndef RELEVO_TESTS_CROWD_H
#define RELEVO_TESTS_CROWD_H

#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "model/internal.h"

struct crowd {
    struct model *model;
    struct conf *conf; /* the model's */
    size_t children;
    struct now now;
    struct action *queue; /* probes to answer, from `answered` on */
    size_t answered, count, cap;
    int64_t wake_ns;

    /* what the model asked for */
    size_t probes, parent_probes, incidents, impacts, impacts_over;
    size_t parent_events;  /* in the timeline of its incident */
    double longest_step_s; /* CPU */
};

static inline void crowd_spec(struct conf *conf, size_t i)
{
    struct check_spec *c = &conf->checks[i];
    c->name = c->target = arena_printf(conf->arena, "check-%zu", i);
    c->plugin = "http";
    c->environment = "";
    c->interval_ns = c->down_interval_ns = c->timeout_ns = 10 * NS_PER_S;
    c->retry_interval_ns = 5 * NS_PER_S;
    c->failure_threshold = 3;
    c->success_threshold = 2;
    c->fingerprint = i + 1;
    if (i == 0)
        return;
    c->needs = arena_alloc(conf->arena, sizeof *c->needs);
    c->need_count = 1;
    c->needs->parents = arena_alloc(conf->arena, sizeof *c->needs->parents);
    c->needs->parents[0] = &conf->checks[0];
    c->needs->parent_count = 1;
}

static inline struct conf *crowd_conf(size_t children)
{
    struct arena *arena = arena_new();
    struct conf *conf = arena_alloc(arena, sizeof *conf);
    conf->arena = arena;
    conf->refs = 1;
    conf->generation = 1;
    conf->check_count = children + 1;
    conf->checks = arena_alloc(arena, conf->check_count * sizeof *conf->checks);
    for (size_t i = 0; i < conf->check_count; i++)
        crowd_spec(conf, i);
    return conf;
}

static inline void crowd_note(struct crowd *c, const struct action *a)
{
    const struct record *r = &a->as.record;
    if (a->kind == ACTION_PROBE) {
        c->queue = xgrow(c->queue, c->count, &c->cap, sizeof *c->queue);
        c->queue[c->count++] = *a;
        c->probes++;
        c->parent_probes += a->as.probe.purpose == PURPOSE_PARENT;
    } else if (a->kind == ACTION_COMMIT && r->kind == RECORD_INCIDENT) {
        c->incidents += r->as.incident.state == INCIDENT_OPEN;
    } else if (a->kind == ACTION_COMMIT && r->kind == RECORD_EVENT) {
        c->parent_events += r->as.event.check == 1;
    } else if (a->kind == ACTION_COMMIT && r->kind == RECORD_IMPACT) {
        c->impacts += r->as.impact.until_us == 0;
        c->impacts_over += r->as.impact.until_us != 0;
    }
}

static inline void crowd_step(struct crowd *c, const struct event *e)
{
    clock_t from = clock();
    struct actions acts = model_step(c->model, e, c->now);
    double took = (double)(clock() - from) / CLOCKS_PER_SEC;
    if (took > c->longest_step_s)
        c->longest_step_s = took;
    c->wake_ns = acts.next_wake_ns;
    for (size_t i = 0; i < acts.count; i++)
        crowd_note(c, &acts.items[i]);
}

static inline void crowd_move(struct crowd *c, int64_t to_ns)
{
    if (to_ns <= c->now.mono_ns)
        return;
    c->now.wall_us += (to_ns - c->now.mono_ns) / NS_PER_US;
    c->now.mono_ns = to_ns;
}

static inline void crowd_answer(struct crowd *c, const struct action *a,
                                enum outcome outcome)
{
    struct result *r = result_new();
    crowd_move(c, a->as.probe.due_ns + NS_PER_MS);
    r->probe = a->as.probe.probe;
    r->check = a->as.probe.check;
    r->purpose = a->as.probe.purpose;
    r->generation = 1;
    r->started_ns = a->as.probe.due_ns;
    r->started_us = c->now.wall_us;
    r->outcome = outcome;
    r->fault = outcome == OUTCOME_FAIL ? RLV_F_REFUSED : RLV_F_NONE;
    struct event e = {.kind = EVENT_RESULT, .as.result = r};
    crowd_step(c, &e);
}

/* Until then the parent's probes end so, and those of the others so. */
static inline void crowd_until(struct crowd *c, int64_t until_ns,
                               enum outcome parent, enum outcome children)
{
    struct event tick = {.kind = EVENT_TICK};
    while (c->now.mono_ns < until_ns) {
        if (c->answered < c->count) {
            struct action a = c->queue[c->answered++];
            crowd_answer(c, &a, a.as.probe.check == 1 ? parent : children);
            continue;
        }
        c->answered = c->count = 0;
        crowd_move(c, c->wake_ns);
        crowd_step(c, &tick);
    }
}

/* How many children are in that state. */
static inline size_t crowd_in(const struct crowd *c, enum check_state state)
{
    size_t n = 0;
    for (size_t i = 1; i <= c->children; i++)
        n += c->model->nodes[i]->state.state == state;
    return n;
}

/* At 1,000 s of the simulated clock, nothing measured yet. */
static inline void crowd_begin(struct crowd *c, size_t children)
{
    struct conf *conf = crowd_conf(children);
    struct event e = {.kind = EVENT_CONFIG, .as.conf = conf};
    *c = (struct crowd){.children = children,
                        .now = {1000 * NS_PER_S, 1700000000 * US_PER_S}};
    c->model = model_new(0);
    c->conf = conf;
    crowd_step(c, &e);
    conf_unref(conf);
}

static inline void crowd_end(struct crowd *c)
{
    model_free(c->model);
    free(c->queue);
}

#endif

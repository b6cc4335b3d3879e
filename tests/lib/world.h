/* tests/lib/world.h: a model driven by hand: a configuration made in memory, a
 * clock that the test moves, and a record of everything the model asked for.
 * For unit tests of core/model; include it from one .c file. */
#ifndef RELEVO_TESTS_WORLD_H
#define RELEVO_TESTS_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/fault.h"
#include "model/internal.h"

enum { WORLD_CHECKS = 8, WORLD_BOOKS = 8 };

struct world {
    struct model *model;
    struct conf *conf;
    struct now now;
    struct actions last;              /* of the latest step */
    struct buf log;                   /* one line an action */
    struct buf texts;                 /* one line an event: "1 down: why" */
    struct buf tells;                 /* one line a thing that people hear */
    uint64_t probe[WORLD_CHECKS + 1]; /* in flight, by check number */
    int64_t due[WORLD_CHECKS + 1];
    enum purpose purpose[WORLD_CHECKS + 1];
    struct catalog catalog;
    struct beat_row beats[WORLD_CHECKS + 1]; /* as stored, by check number */
};

/* The log's words: "probe 1 schedule", "state 1 down", "incident 1 open", … */
static inline void world_note(struct world *w, const struct action *a)
{
    const struct record *r = &a->as.record;
    switch (a->kind) {
    case ACTION_PROBE:
        w->probe[a->as.probe.check] = a->as.probe.probe;
        w->due[a->as.probe.check] = a->as.probe.due_ns;
        w->purpose[a->as.probe.check] = a->as.probe.purpose;
        buf_addf(&w->log, "probe %u %s\n", a->as.probe.check,
                 purpose_name(a->as.probe.purpose));
        return;
    case ACTION_RUN:
        buf_addf(&w->log, "run %s after %d\n", a->as.run.runbook->name,
                 (int)(a->after != 0));
        return;
    case ACTION_TELL: buf_addf(&w->tells, "%s\n", a->as.tell.text); return;
    case ACTION_ANSWER:
        buf_addf(&w->log, "answer %d %s %s\n", (int)a->as.answer.ticket,
                 fault_name(a->as.answer.fault), a->as.answer.text);
        return;
    case ACTION_HEARD:
        buf_addf(&w->log, "heard %d%s%s\n", (int)a->as.heard.ticket,
                 a->as.heard.refusal == NULL ? "" : ": ",
                 a->as.heard.refusal == NULL ? "" : a->as.heard.refusal);
        return;
    case ACTION_COMMIT: break;
    }
    if (r->kind == RECORD_BEAT) {
        struct beat_row *beat = &w->beats[r->as.beat.check];
        free((void *)(uintptr_t)beat->runs);
        *beat = r->as.beat;
        beat->runs = xstrdup(beat->runs);
    } else if (r->kind == RECORD_TRANSITION) {
        buf_addf(&w->log, "transition %u %s\n", r->as.transition.check,
                 state_name(r->as.transition.to));
        buf_addf(&w->texts, "%u %s because %s\n", r->as.transition.check,
                 state_name(r->as.transition.to), r->as.transition.reason);
    } else if (r->kind == RECORD_INCIDENT)
        buf_addf(&w->log, "incident %d %s %s%s\n", (int)r->as.incident.number,
                 incident_state_name(r->as.incident.state),
                 fault_name(r->as.incident.fault),
                 r->grade == GRADE_DURABLE ? " durable" : "");
    else if (r->kind == RECORD_EVENT) {
        buf_addf(&w->log, "event %d %s\n", (int)r->as.event.incident,
                 r->as.event.event);
        buf_addf(&w->texts, "%d %s: %s\n", (int)r->as.event.incident,
                 r->as.event.event, r->as.event.text);
    } else if (r->kind == RECORD_IMPACT)
        buf_addf(&w->log, "impact %d of %u%s\n", (int)r->as.impact.incident,
                 r->as.impact.check, r->as.impact.until_us ? " over" : "");
    else if (r->kind == RECORD_RUN)
        buf_addf(&w->log, "stored %s %s%s%s\n", r->as.run.runbook,
                 run_state_name(r->as.run.state),
                 r->as.run.held_by[0] ? " " : "", r->as.run.held_by);
}

static inline void world_step(struct world *w, const struct event *e)
{
    w->last = model_step(w->model, e, w->now);
    for (size_t i = 0; i < w->last.count; i++)
        world_note(w, &w->last.items[i]);
}

/* A configuration of n checks named a, b, c, … every interval_ns. */
static inline void world_begin(struct world *w, size_t n, int64_t interval_ns)
{
    memset(w, 0, sizeof *w);
    w->now = (struct now){1000 * NS_PER_S, 1700000000 * US_PER_S};
    w->model = model_new(0);
    w->conf = xcalloc(1, sizeof *w->conf);
    w->conf->arena = arena_new();
    w->conf->refs = 1;
    w->conf->generation = 1;
    w->conf->automation = AUTOMATION_DIAGNOSE;
    w->conf->checks =
        arena_alloc(w->conf->arena, WORLD_CHECKS * sizeof *w->conf->checks);
    w->conf->runbooks =
        arena_alloc(w->conf->arena, WORLD_BOOKS * sizeof *w->conf->runbooks);
    for (size_t i = 0; i < n; i++) {
        struct check_spec *c = &w->conf->checks[w->conf->check_count++];
        c->name = arena_printf(w->conf->arena, "%c", (char)('a' + i));
        c->plain_name = c->name;
        c->environment = "";
        c->severity = "major";
        c->plugin = "http";
        c->target = c->name;
        c->interval_ns = interval_ns;
        c->retry_interval_ns = interval_ns / 2;
        c->down_interval_ns = interval_ns;
        c->timeout_ns = interval_ns;
        c->failure_threshold = 3;
        c->success_threshold = 2;
        c->fingerprint = i + 1;
    }
}

/* The child-th check depends on the others, counted from 0, or on any of
 * them. Before world_config. */
static inline void world_needs(struct world *w, size_t child, bool any,
                               size_t count, const size_t *parents)
{
    struct check_spec *c = &w->conf->checks[child];
    struct need *all =
        arena_alloc(w->conf->arena, (c->need_count + 1) * sizeof *c->needs);
    for (size_t i = 0; i < c->need_count; i++)
        all[i] = c->needs[i];
    c->needs = all;
    struct need *n = &all[c->need_count++];
    n->any = any;
    n->parents = arena_alloc(w->conf->arena, count * sizeof *n->parents);
    n->parent_count = count;
    for (size_t i = 0; i < count; i++)
        n->parents[i] = &w->conf->checks[parents[i]];
}

static inline struct runbook_spec *world_book(struct world *w, const char *name,
                                              enum runbook_kind kind,
                                              unsigned on)
{
    struct runbook_spec *b = &w->conf->runbooks[w->conf->runbook_count++];
    b->name = name;
    b->path = "/none";
    b->kind = kind;
    b->on = on;
    b->mode = AUTOMATION_AUTO;
    b->timeout_ns = 30 * NS_PER_S;
    b->cooldown_ns = kind == RUNBOOK_DIAGNOSE ? 300 * NS_PER_S : 0;
    return b;
}

static inline void world_config(struct world *w)
{
    struct event e = {.kind = EVENT_CONFIG, .as.conf = w->conf};
    world_step(w, &e);
}

static inline void world_pass(struct world *w, int64_t ns)
{
    struct event tick = {.kind = EVENT_TICK};
    w->now.mono_ns += ns;
    w->now.wall_us += ns / NS_PER_US;
    world_step(w, &tick);
}

/* Looked at every second, whether the model asked for it or not. */
static inline void world_seconds(struct world *w, int seconds)
{
    for (int i = 0; i < seconds; i++)
        world_pass(w, NS_PER_S);
}

/* Moves to when the model wants to be woken. */
static inline void world_wake(struct world *w)
{
    int64_t ns = w->last.next_wake_ns - w->now.mono_ns;
    world_pass(w, ns > 0 ? ns : 0);
}

/* Time passes as it does for a daemon, which wakes the model as it asked. */
static inline void world_wait(struct world *w, int64_t ns)
{
    int64_t end_ns = w->now.mono_ns + ns;
    while (w->now.mono_ns < end_ns) {
        int64_t wake_ns = w->last.next_wake_ns;
        if (wake_ns <= w->now.mono_ns)
            wake_ns = w->now.mono_ns + NS_PER_MS;
        world_pass(w, (wake_ns < end_ns ? wake_ns : end_ns) - w->now.mono_ns);
    }
}

/* The probe in flight of `probed` ends so for that check: its own, or one that
 * is judged from it. */
static inline void world_judged(struct world *w, uint32_t probed,
                                uint32_t check, enum outcome outcome,
                                enum rlv_fault fault, const char *code)
{
    struct result *r = result_new();
    r->probe = w->probe[probed];
    r->check = check;
    r->generation = w->model->conf->generation;
    r->outcome = outcome;
    r->fault = fault;
    if (w->purpose[probed] == PURPOSE_TRIGGER)
        r->purpose = PURPOSE_TRIGGER;
    snprintf(r->code, sizeof r->code, "%s", code);
    r->message = "a message";
    if (w->due[probed] > w->now.mono_ns) {
        w->now.wall_us += (w->due[probed] - w->now.mono_ns) / NS_PER_US;
        w->now.mono_ns = w->due[probed];
    }
    r->started_ns = w->now.mono_ns;
    r->started_us = w->now.wall_us;
    if (check == probed)
        w->probe[check] = 0;
    struct event e = {.kind = EVENT_RESULT, .as.result = r};
    world_step(w, &e);
}

/* The probe in flight of that check ends so. */
static inline void world_result(struct world *w, uint32_t check,
                                enum outcome outcome, enum rlv_fault fault,
                                const char *code)
{
    world_judged(w, check, check, outcome, fault, code);
}

/* Waits for the check's next probe and ends it so. */
static inline void world_next(struct world *w, uint32_t check,
                              enum outcome outcome, enum rlv_fault fault,
                              const char *code)
{
    for (int i = 0; i < 1000 && w->probe[check] == 0; i++)
        world_wake(w);
    world_result(w, check, outcome, fault, code);
}

/* The next result of a check: refused, or good. */
#define FAIL(w, check) \
    world_next(w, check, OUTCOME_FAIL, RLV_F_REFUSED, "ECONNREFUSED")
#define FINE(w, check) world_next(w, check, OUTCOME_OK, RLV_F_NONE, "")

static inline void world_run_ends(struct world *w, uint64_t run,
                                  int exit_status, const char *headline)
{
    struct event e = {.kind = EVENT_RUN_ENDED};
    e.as.run_ended = (struct run_ending){.run = run,
                                         .known = true,
                                         .exit_status = exit_status,
                                         .error = "",
                                         .sha256 = "",
                                         .findings = "[]",
                                         .output = "",
                                         .headline = headline};
    world_step(w, &e);
}

/* The i-th audit row of the latest step: "ana check.pause a: the detail". */
static inline const char *world_audited(const struct world *w, size_t i)
{
    static char text[200];
    for (size_t k = 0; k < w->last.count; k++) {
        const struct action *a = &w->last.items[k];
        const struct audit_row *row = &a->as.record.as.audit;
        if (a->kind != ACTION_COMMIT || a->as.record.kind != RECORD_AUDIT ||
            i-- != 0)
            continue;
        snprintf(text, sizeof text, "%s %s %s: %s", row->actor, row->action,
                 row->object, row->detail);
        return text;
    }
    return "";
}

/* What was noted since the last call; lives until the next. */
static inline const char *world_said(struct world *w)
{
    static char said[16384];
    snprintf(said, sizeof said, "%s", buf_text(&w->log));
    buf_clear(&w->log);
    return said;
}

static inline void world_end(struct world *w)
{
    model_free(w->model);
    arena_free(w->conf->arena);
    free(w->conf);
    buf_free(&w->log);
    buf_free(&w->texts);
    buf_free(&w->tells);
    for (size_t i = 0; i < ARRAY_LEN(w->beats); i++)
        free((void *)(uintptr_t)w->beats[i].runs);
}

static inline void assert_says(const char *said, const char *expected)
{
    if (strstr(said, expected) == NULL)
        fail_msg("expected \"%s\" in:\n%s", expected, said);
}

static inline void assert_silent(const char *said, const char *unexpected)
{
    if (strstr(said, unexpected) != NULL)
        fail_msg("did not expect \"%s\" in:\n%s", unexpected, said);
}

static inline int occurrences(const char *text, const char *word)
{
    int n = 0;
    while ((text = strstr(text, word)) != NULL) {
        n++;
        text += strlen(word);
    }
    return n;
}

/* Feeds what the first model stored to a second one. */
static inline void world_restart(struct world *w, struct world *old)
{
    for (size_t i = 0; i < old->model->node_count; i++) {
        model_restore_check(w->model, &old->model->nodes[i]->row);
        model_restore_state(w->model, &old->model->nodes[i]->state);
    }
    for (size_t i = 0; i < ARRAY_LEN(w->beats); i++) {
        w->beats[i] = old->beats[i];
        old->beats[i] = (struct beat_row){0};
        if (w->beats[i].check != 0)
            model_restore_beat(w->model, &w->beats[i]);
    }
    for (size_t i = 0; i < old->model->episode_count; i++)
        if (!old->model->episodes[i]->forming ||
            old->model->episodes[i]->reopening) /* stored as resolved */
            model_restore_incident(w->model, &old->model->episodes[i]->row);
    struct run_list *lists[] = {&old->model->past, &old->model->live,
                                &old->model->waiting};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        for (struct run *r = lists[i]->first; r != NULL; r = r->next)
            model_restore_run(w->model, &r->row);
    for (size_t k = 0; k < old->model->episode_count; k++)
        for (struct impact *i = old->model->episodes[k]->impacts; i != NULL;
             i = i->next)
            model_restore_impact(w->model, &i->row);
    model_restore_numbers(w->model, old->model->last_check,
                          old->model->last_incident, old->model->last_run,
                          old->model->last_window);
}

#endif

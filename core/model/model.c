/* model/model.c: the door: events in, actions out. See model.h. What a result
 * means is here too; a new configuration is in generation.c, what others may
 * see in view.c. */
#include "model/model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/human.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/fault.h"
#include "model/internal.h"

enum { ACTIONS_KEPT = 1024 }; /* from one step to the next */

/* ------------------------------------------------------------- helpers --- */

struct node *model_node(const struct model *m, uint32_t check)
{
    for (size_t lo = 0, hi = m->node_count; lo < hi;) {
        size_t mid = (lo + hi) / 2;
        if (m->nodes[mid]->row.check == check)
            return m->nodes[mid];
        if (m->nodes[mid]->row.check < check)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

void model_own(const char **text, const char *value)
{
    char *copy = xstrdup(value == NULL ? "" : value);
    free((void *)(uintptr_t)*text);
    *text = copy;
}

char *model_text(struct model *m, const char *fmt, ...)
{
    char text[1200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return arena_strdup(m->scratch, text);
}

struct action *model_act(struct model *m, enum action_kind kind,
                         const char *reason)
{
    m->actions =
        xgrow(m->actions, m->action_count, &m->action_cap, sizeof *m->actions);
    struct action *a = &m->actions[m->action_count++];
    *a = (struct action){.kind = kind, .reason = reason};
    return a;
}

uint64_t model_commit(struct model *m, enum grade grade, struct record record)
{
    record.grade = grade;
    record.sequence = ++m->sequence;
    record_keep_texts(&record, m->scratch); /* ours may change in this step */
    model_act(m, ACTION_COMMIT, "")->as.record = record;
    return record.sequence;
}

void model_audit(struct model *m, enum grade grade, const char *actor,
                 const char *action, const char *object, const char *detail)
{
    struct record r = {.kind = RECORD_AUDIT, .urgent = true};
    r.as.audit =
        (struct audit_row){m->now.wall_us, actor, action, object, detail};
    model_commit(m, grade, r);
}

void model_tell(struct model *m, enum tell_kind kind, const struct node *n,
                const char *fmt, ...)
{
    char text[1200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct action *a = model_act(m, ACTION_TELL, "");
    a->as.tell.kind = kind;
    a->as.tell.check = n == NULL ? 0 : n->row.check;
    a->as.tell.text = arena_strdup(m->scratch, text);
}

void model_store_change(struct model *m, const struct node *n,
                        enum check_state from, const char *reason)
{
    struct record transition = {.kind = RECORD_TRANSITION, .urgent = true};
    transition.as.transition = (struct transition_row){
        n->row.check, m->now.wall_us, from, n->state.state, RLV_F_NONE,
        "",           reason};
    model_commit(m, GRADE_DURABLE, transition);
    struct record state = {.kind = RECORD_STATE, .urgent = true};
    state.as.state = n->state;
    model_commit(m, GRADE_DURABLE, state);
}

void model_store_state(struct model *m, const struct node *n, enum grade grade)
{
    struct record r = {.kind = RECORD_STATE, .as.state = n->state};
    model_commit(m, grade, r);
}

/* --------------------------------------------------------------- nodes --- */

struct node *model_add_node(struct model *m, const struct check_row *row)
{
    struct node *n = xcalloc(1, sizeof *n);
    n->row.check = row->check;
    n->row.ordinal = row->ordinal;
    model_own(&n->row.name, row->name);
    model_own(&n->row.environment, row->environment);
    model_own(&n->row.plugin, row->plugin);
    n->state.check = row->check;
    m->nodes = xgrow(m->nodes, m->node_count, &m->node_cap, sizeof *m->nodes);
    must(m->node_count == 0 ||
         m->nodes[m->node_count - 1]->row.check < row->check);
    m->nodes[m->node_count++] = n;
    map_set(m->by_name, n->row.name, n);
    if (row->check > m->last_check)
        m->last_check = row->check;
    return n;
}

static void free_node(struct node *n)
{
    free((void *)(uintptr_t)n->row.name);
    free((void *)(uintptr_t)n->row.environment);
    free((void *)(uintptr_t)n->row.plugin);
    if (n->last_good != n->last)
        result_free(n->last_good);
    result_free(n->last);
    depend_free_node(n);
    trigger_free_node(n);
    beat_free_node(n);
    free(n);
}

struct model *model_new(uint16_t node)
{
    struct model *m = xcalloc(1, sizeof *m);
    m->node_id = node;
    m->by_name = map_new();
    m->scratch = arena_new();
    m->distrust.awaited_ns = MODEL_NEVER;
    return m;
}

void model_free(struct model *m)
{
    if (m == NULL)
        return;
    incident_free_all(m);
    for (size_t i = 0; i < m->node_count; i++)
        free_node(m->nodes[i]);
    run_free_all(m);
    hush_free_all(m);
    distrust_free(m);
    free(m->nodes);
    free(m->actions);
    heap_free(&m->queue);
    heap_free(&m->patience);
    arena_free(m->graph);
    map_free(m->by_name);
    arena_free(m->scratch);
    conf_unref(m->conf);
    free(m);
}

void model_restore_check(struct model *m, const struct check_row *row)
{
    model_add_node(m, row);
}

void model_restore_state(struct model *m, const struct state_row *row)
{
    struct node *n = model_node(m, row->check);
    if (n == NULL)
        return;
    n->state = *row;
}

void model_restore_numbers(struct model *m, uint32_t check, uint64_t incident,
                           uint64_t run, uint64_t window)
{
    if (window > m->last_window)
        m->last_window = window;
    if (check > m->last_check)
        m->last_check = check;
    if (incident > m->last_incident)
        m->last_incident = incident;
    if (run > m->last_run)
        m->last_run = run;
}

/* ------------------------------------------------------------- results --- */

static void remember(struct node *n, struct result *r)
{
    struct past *p = &n->history[n->history_next];
    *p = (struct past){r->started_us, r->duration_ns, r->outcome, r->fault};
    n->history_next = (n->history_next + 1) % MODEL_HISTORY;
    if (n->history_count < MODEL_HISTORY)
        n->history_count++;
    if (n->last != n->last_good)
        result_free(n->last);
    n->last = r;
    if (r->outcome == OUTCOME_OK || r->outcome == OUTCOME_WARN) {
        if (n->last_good != r)
            result_free(n->last_good);
        n->last_good = r;
    }
}

static void store_transition(struct model *m, const struct node *n,
                             const struct state_change *change,
                             const struct result *r, enum grade grade)
{
    struct record record = {.kind = RECORD_TRANSITION};
    record.as.transition = (struct transition_row){
        n->row.check, m->now.wall_us, change->from,  change->to,
        r->fault,     r->code,        change->reason};
    model_commit(m, grade, record);
}

static void tell_change(struct model *m, const struct node *n,
                        const struct state_change *change,
                        const struct result *r)
{
    char count[24];
    state_count_text(&n->state, n->spec, count);
    bool bad = r->outcome != OUTCOME_OK;
    const char *fault = r->fault == RLV_F_NONE ? "" : fault_name(r->fault);
    model_tell(m, TELL_STATE, n, "%s%s%s%s%s%s%s%s%s", state_name(change->to),
               count[0] ? " " : "", count, bad && fault[0] ? "  " : "", fault,
               r->code[0] ? " " : "", r->code, bad ? ": " : "",
               bad ? r->message : "");
}

/* What a change of state means beyond the state itself, in the order in which
 * a person would tell it. */
static void react(struct model *m, struct node *n,
                  const struct state_change *change, struct result *r)
{
    bool was_confirmed = n->confirmed;
    bool begins = (change->to == STATE_SUSPECT || change->to == STATE_DOWN) &&
                  n->state.incident == 0;
    if (begins)
        incident_suspect(m, n, r);
    bool otherwise = !begins && change->to == STATE_DOWN &&
                     r->outcome == OUTCOME_FAIL && incident_still(m, n, r);
    if (change->to == STATE_DOWN && !was_confirmed) {
        n->confirmed = true;
        incident_down(m, n, r, change->reason);
    }
    if (begins || otherwise)
        run_occasion(m, n, ON_SUSPECT, r);
    if (change->to == STATE_DOWN && !was_confirmed)
        run_occasion(m, n, ON_DOWN, r);
    if (change->to == STATE_UNKNOWN) {
        if (n->state.incident != 0)
            incident_event(m, n, "unknown", "%s: %s", change->reason,
                           r->message);
        run_occasion(m, n, ON_UNKNOWN, r);
    }
    if (change->to == STATE_IMPACTED)
        incident_impacted(m, n, change->reason);
    bool well = change->to == STATE_UP || change->to == STATE_DEGRADED;
    if (well && was_confirmed) {
        incident_recovered(m, n, change->reason);
        run_occasion(m, n, ON_RECOVERED, r);
        n->state.incident = 0;
        n->state.suspect_us = 0;
    } else if (well && n->state.incident != 0) {
        incident_blip(m, n);
    }
    if (change->to == STATE_DEGRADED)
        run_occasion(m, n, ON_DEGRADED, r);
}

/* To and from down and unknown are durable: someone may act on them. */
static enum grade grade_of(const struct state_change *c)
{
    bool heavy = c->from == STATE_DOWN || c->to == STATE_DOWN ||
                 c->from == STATE_UNKNOWN || c->to == STATE_UNKNOWN;
    return heavy && c->changed ? GRADE_DURABLE : GRADE_RELAXED;
}

static void apply_change(struct model *m, struct node *n,
                         struct state_change change, enum parents say,
                         struct result *r)
{
    change.reason = depend_reason(m, n, say, &change);
    if (change.changed) {
        tell_change(m, n, &change, r);
        store_transition(m, n, &change, r, grade_of(&change));
        react(m, n, &change, r);
    } else if (r->outcome == OUTCOME_FAIL && incident_still(m, n, r)) {
        run_occasion(m, n, ON_SUSPECT, r);
    }
    depend_stepped(m, n, say, &change, r);
    if (change.changed || change.counted)
        model_store_state(m, n, grade_of(&change));
}

/* While we distrust ourselves nothing goes down by itself: it waits as suspect
 * for its next result, as if a parent were undecided. */
static void confirm(struct model *m, struct node *n, struct result *r)
{
    enum parents say = depend_ask(m, n, r);
    bool waits = r->outcome == OUTCOME_FAIL && say == PARENTS_ALLOW &&
                 distrust_holds_back(m, n);
    if (r->outcome == OUTCOME_OK || r->outcome == OUTCOME_WARN)
        n->held_back_ns = 0;
    struct state_change change =
        state_step(&n->state, n->confirmed, n->spec, r->outcome,
                   waits ? PARENTS_WAIT : say, m->now.wall_us);
    if (change.from == STATE_IMPACTED && change.to == STATE_SUSPECT)
        say = need_judge(m, n, false); /* of the failure that begins now */
    n->depend.counted_ns = r->started_ns;
    n->depend.counted = r->outcome;
    apply_change(m, n, change, say, r);
    if (change.changed && change.to == STATE_DOWN && distrust_holds(m))
        incident_event(m, n, "distrust",
                       "%s; but it has failed too long to wait for that",
                       m->distrust.why);
}

void model_decide(struct model *m, struct node *n, enum parents say)
{
    struct state_change change =
        state_decide(&n->state, say, n->spec, m->now.wall_us);
    apply_change(m, n, change, say, n->last);
    depend_changed(m, n);
}

static void on_result(struct model *m, struct result *r)
{
    struct node *n = model_node(m, r->check);
    if (n == NULL || n->spec == NULL) {
        result_free(r);
        return;
    }
    bool awaited = r->probe == n->probing;
    if (awaited)
        n->probing = 0;
    if (distrust_holds(m))
        r->flags |= RESULT_DISTURBED;
    if (r->probe != 0 && r->probe == need_prober(n)->late)
        r->flags |= RESULT_LATE;
    trigger_result(m, n, r);
    struct record record = {.kind = RECORD_RESULT, .as.result = r};
    model_commit(m, GRADE_RELAXED, record);
    /* A probe that an older generation began says nothing of the new one. */
    if (purpose_counts(r->purpose) && r->generation >= n->judged_from &&
        hush_counts(n, r))
        confirm(m, n, r);
    if (awaited && n->spec->schedule == SCHEDULE_BEAT)
        beat_judged(m, n);
    if (awaited)
        schedule_next(m, n, r);
    remember(n, r);
    depend_changed(m, n);
}

/* ---------------------------------------------------------------- door --- */

static void handle(struct model *m, const struct event *e)
{
    struct node *n;
    switch (e->kind) {
    case EVENT_TICK: break;
    case EVENT_CONFIG: generation_begin(m, e->as.conf); break;
    case EVENT_RESULT: on_result(m, e->as.result); break;
    case EVENT_RUN_STARTED: run_started(m, e); break;
    case EVENT_RUN_ENDED: run_ended(m, &e->as.run_ended); break;
    case EVENT_PROBE_ASKED:
        n = model_node(m, e->as.probe_asked.check);
        if (n != NULL && n->spec != NULL)
            schedule_ask(m, n, e->as.probe_asked.purpose,
                         e->as.probe_asked.trace);
        break;
    case EVENT_RUN_ASKED:
        n = model_node(m, e->as.run_asked.check);
        if (n != NULL && n->spec != NULL)
            run_asked(m, n, e->as.run_asked.runbook);
        break;
    case EVENT_TROUBLE: trouble_event(m, &e->as.trouble); break;
    case EVENT_PAUSE:
    case EVENT_ACKNOWLEDGE:
    case EVENT_MARK:
    case EVENT_WINDOW: hush_event(m, e); break;
    case EVENT_TRIGGER: trigger_asked(m, &e->as.trigger); break;
    case EVENT_BEAT: beat_event(m, &e->as.beat); break;
    }
}

/* What one step has to remember is committed as a whole or not at all: a state
 * without its incident, or an incident without its notice, would survive a
 * sudden death as a contradiction. */
static void bind_records(struct model *m)
{
    struct record *next = NULL;
    for (size_t i = m->action_count; i-- > 0;) {
        struct action *a = &m->actions[i];
        if (a->kind != ACTION_COMMIT)
            continue;
        a->as.record.more = next != NULL;
        next = &a->as.record;
    }
}

/* A configuration of many checks is one step with as many actions; no other is
 * as large. */
static void forget_actions(struct model *m)
{
    m->action_count = 0;
    if (m->action_cap <= ACTIONS_KEPT)
        return;
    free(m->actions);
    m->actions = NULL;
    m->action_cap = 0;
}

struct actions model_step(struct model *m, const struct event *event,
                          struct now now)
{
    arena_free(m->scratch);
    m->scratch = arena_new();
    forget_actions(m);
    m->now = now;
    distrust_look(m);
    if (m->conf != NULL)
        hush_tick(m);
    handle(m, event);
    if (m->conf != NULL) {
        hush_tick(m);
        depend_settle(m);
        distrust_settle(m);
        schedule_tick(m);
        outbox_tick(m);
        incident_forget(m);
        run_tidy(m);
    }
    bind_records(m);
    int64_t wake = schedule_wake(m);
    const int64_t others[] = {hush_wake(m), depend_wake(m), outbox_wake(m)};
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (others[i] < wake)
            wake = others[i];
    distrust_await(m, wake);
    return (struct actions){m->actions, m->action_count, wake};
}

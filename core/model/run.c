/* model/run.c: which runbooks run, when, and what holds them back.
 *
 * Happy path of a run:
 *   1. an occasion (suspect, down, recovered, …) matches a runbook: run_occasion
 *   2. the guardrails let it pass; its intention is committed
 *   3. a place is free: ACTION_RUN, to be performed once the intention is stored
 *   4. run_started: the keeper lives; 5. run_ended: verdict, findings, output.
 * Ways it can fail, each recorded: a guardrail holds it (mode, secret,
 * cooldown), it cannot be started, it fails, it times out or its keeper is
 * lost (unknown: never started again by itself).
 *
 * Diagnoses run at once, at most DIAGNOSES at a time and one per target;
 * notices of one runbook entry one after another, so that they are never
 * reordered; remediations are recorded as what would have run. */
#include "model/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/human.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/fault.h"

enum { DIAGNOSES = 4 };
/* Ended runs are remembered this long for cooldowns beyond their own. */
#define REMEMBER_US (15 * 60 * US_PER_S)

static void own_texts(struct run_row *to, const struct run_row *from)
{
    to->runbook = to->held_by = to->reason = to->sha256 = to->boot_id =
        to->findings = to->output = NULL;
    model_own(&to->runbook, from->runbook);
    model_own(&to->held_by, from->held_by);
    model_own(&to->reason, from->reason);
    model_own(&to->sha256, from->sha256);
    model_own(&to->boot_id, from->boot_id);
    model_own(&to->findings, from->findings);
    model_own(&to->output, from->output);
}

void run_free(struct run *run)
{
    const char **texts[] = {&run->row.runbook, &run->row.held_by,
                            &run->row.reason,  &run->row.sha256,
                            &run->row.boot_id, &run->row.findings,
                            &run->row.output};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        free((void *)(uintptr_t)*texts[i]);
    free(run);
}

static struct run *add_run(struct model *m, const struct run_row *row)
{
    struct run *run = xcalloc(1, sizeof *run), **link = &m->runs;
    run->row = *row;
    own_texts(&run->row, row);
    while (*link != NULL)
        link = &(*link)->next;
    *link = run;
    return run;
}

static struct run *find_run(const struct model *m, uint64_t number)
{
    struct run *run = m->runs;
    while (run != NULL && run->row.number != number)
        run = run->next;
    return run;
}

static bool is_live(const struct run *run)
{
    return run->row.state == RUN_INTENDED || run->row.state == RUN_STARTED;
}

static uint64_t store_run(struct model *m, const struct run *run,
                          enum grade grade, bool urgent)
{
    struct record r = {.kind = RECORD_RUN, .urgent = urgent};
    r.as.run = run->row;
    return model_commit(m, grade, r);
}

/* ------------------------------------------------------------ guardrails --- */

struct held {
    const char *by; /* NULL: nothing holds it */
    const char *reason;
};

static struct held held_by_cooldown(struct model *m, const struct node *n,
                                    const struct runbook_spec *book,
                                    enum rlv_fault fault)
{
    for (const struct run *run = m->runs; run != NULL; run = run->next) {
        const struct run_row *row = &run->row;
        if (row->check != n->row.check || row->fault != fault ||
            row->state == RUN_HELD || !str_eq(row->runbook, book->name))
            continue;
        if (is_live(run))
            return (struct held){"running", "it is running already"};
        int64_t left_us =
            row->ended_us + book->cooldown_ns / NS_PER_US - m->now.wall_us;
        char text[HUMAN_TEXT];
        if (row->state == RUN_ENDED && left_us > 0)
            return (struct held){
                "cooldown",
                model_text(m, "cooldown, %s left",
                           human_elapsed(left_us * NS_PER_US, text))};
    }
    return (struct held){NULL, NULL};
}

/* In the order of the design; each refusal is recorded with its reason. */
static struct held guardrails(struct model *m, const struct node *n,
                              const struct runbook_spec *book,
                              enum rlv_fault fault)
{
    enum automation ceiling = m->conf->automation < book->mode
                                  ? m->conf->automation
                                  : book->mode;
    if (book->missing != NULL)
        return (struct held){"secret",
                             model_text(m, "%s has no value", book->missing)};
    if (book->kind == RUNBOOK_DIAGNOSE && ceiling < AUTOMATION_DIAGNOSE)
        return (struct held){
            "mode", model_text(m, "automation is \"%s\"",
                               automation_name(ceiling))};
    if (book->kind != RUNBOOK_DIAGNOSE || book->cooldown_ns == 0)
        return (struct held){NULL, NULL};
    return held_by_cooldown(m, n, book, fault);
}

/* ---------------------------------------------------------------- places --- */

static bool shares_place(const struct model *m, const struct run *a,
                         const struct run *b)
{
    if (a->row.kind != b->row.kind)
        return false;
    if (a->row.kind == RUNBOOK_NOTIFY)
        return str_eq(a->row.runbook, b->row.runbook);
    const struct node *x = model_node(m, a->row.check);
    const struct node *y = model_node(m, b->row.check);
    return x != NULL && y != NULL && x->spec != NULL && y->spec != NULL &&
           str_eq(x->spec->target, y->spec->target);
}

static bool has_place(const struct model *m, const struct run *run)
{
    size_t busy = 0;
    for (const struct run *r = m->runs; r != NULL; r = r->next) {
        if (!is_live(r) || r == run)
            continue;
        bool earlier = r->row.number < run->row.number;
        if (shares_place(m, r, run) && (!r->waiting || earlier))
            return false;
        if (!r->waiting && r->row.kind == run->row.kind)
            busy++;
    }
    return run->row.kind != RUNBOOK_DIAGNOSE || busy < DIAGNOSES;
}

static void start(struct model *m, struct run *run,
                  const struct runbook_spec *book)
{
    run->waiting = false;
    struct action *a = model_act(m, ACTION_RUN, "its intention is stored");
    a->after = run->sequence;
    a->as.run.run = &run->row;
    a->as.run.runbook = book;
}

/* A runbook that a reload took away cannot run any more. */
static void give_up(struct model *m, struct run *run, const char *reason)
{
    run->waiting = false;
    run->row.state = RUN_HELD;
    model_own(&run->row.held_by, "config");
    model_own(&run->row.reason, reason);
    store_run(m, run, GRADE_RELAXED, false);
}

static void start_waiting(struct model *m)
{
    for (struct run *run = m->runs; run != NULL; run = run->next) {
        if (!run->waiting || !has_place(m, run))
            continue;
        const struct runbook_spec *book = conf_runbook(m->conf, run->row.runbook);
        if (book == NULL)
            give_up(m, run, "no longer configured");
        else
            start(m, run, book);
    }
}

/* -------------------------------------------------------------- occasions --- */

static struct run_row new_row(struct model *m, const struct node *n,
                              const struct runbook_spec *book,
                              enum runbook_on occasion, const struct result *r)
{
    return (struct run_row){
        .number = ++m->last_run,
        .runbook = book->name,
        .kind = book->kind,
        .check = n->row.check,
        .incident = n->state.incident,
        .on = occasion,
        .intended_us = m->now.wall_us,
        .exit_status = -1,
        .held_by = "",
        .reason = "",
        .sha256 = "",
        .boot_id = "",
        .findings = "",
        .output = "",
        .fault = r == NULL ? RLV_F_NONE : r->fault,
    };
}

static void record_held(struct model *m, struct node *n, struct run_row *row,
                        struct held held)
{
    row->state = RUN_HELD;
    row->held_by = held.by;
    row->reason = held.reason;
    struct record r = {.kind = RECORD_RUN};
    r.as.run = *row;
    model_commit(m, GRADE_RELAXED, r);
    incident_event(m, n, "held", "%s %s: %s", runbook_kind_name(row->kind),
                   row->runbook, held.reason);
}

static void record_would(struct model *m, struct node *n, struct run_row *row)
{
    row->state = RUN_WOULD;
    row->held_by = "mode";
    row->reason = model_text(m, "automation is \"%s\"",
                             automation_name(m->conf->automation));
    row->ended_us = m->now.wall_us;
    store_run(m, add_run(m, row), GRADE_RELAXED, false);
    incident_event(m, n, "would_run", "remediate %s would have run (%s)",
                   row->runbook, row->reason);
    model_tell(m, TELL_RUN, n, "would have run %s (%s)", row->runbook,
               row->reason);
}

static void intend(struct model *m, const struct run_row *row)
{
    enum grade grade =
        row->kind == RUNBOOK_DIAGNOSE ? GRADE_RELAXED : GRADE_DURABLE;
    struct run *run = add_run(m, row);
    run->row.state = RUN_INTENDED;
    run->waiting = true;
    run->sequence = store_run(m, run, grade, true);
}

static void consider(struct model *m, struct node *n,
                     const struct runbook_spec *book, enum runbook_on occasion,
                     const struct result *r)
{
    struct run_row row = new_row(m, n, book, occasion, r);
    if (book->kind == RUNBOOK_REMEDIATE) {
        record_would(m, n, &row);
        return;
    }
    struct held held = guardrails(m, n, book, row.fault);
    if (held.by != NULL)
        record_held(m, n, &row, held);
    else
        intend(m, &row);
}

/* Diagnoses first: what they say is the first thing a person reads. */
void run_occasion(struct model *m, struct node *n, enum runbook_on occasion,
                  const struct result *r)
{
    static const enum runbook_kind order[] = {RUNBOOK_DIAGNOSE,
                                              RUNBOOK_REMEDIATE, RUNBOOK_NOTIFY};
    for (size_t k = 0; k < ARRAY_LEN(order); k++)
        for (size_t i = 0; i < m->conf->runbook_count; i++) {
            const struct runbook_spec *book = &m->conf->runbooks[i];
            if (book->kind == order[k] &&
                match_runbook(book, n->spec, n->state.state, r, occasion))
                consider(m, n, book, occasion, r);
        }
    start_waiting(m);
}

/* By hand: a person's wish ignores the cooldown, but neither mode nor a missing
 * secret. */
void run_asked(struct model *m, struct node *n,
               const struct runbook_spec *book)
{
    struct run_row row = new_row(m, n, book, ON_ASKED, n->last);
    struct runbook_spec eager = *book;
    eager.cooldown_ns = 0;
    struct held held = guardrails(m, n, &eager, row.fault);
    if (book->kind == RUNBOOK_REMEDIATE)
        record_would(m, n, &row);
    else if (held.by != NULL)
        record_held(m, n, &row, held);
    else
        intend(m, &row);
    start_waiting(m);
}

/* ------------------------------------------------------------ its course --- */

void run_started(struct model *m, const struct event *e)
{
    struct run *run = find_run(m, e->as.run_started.run);
    if (run == NULL || run->row.state != RUN_INTENDED)
        return;
    run->row.state = RUN_STARTED;
    run->row.started_us = m->now.wall_us;
    run->row.pid = e->as.run_started.pid;
    run->row.pid_start = e->as.run_started.pid_start;
    model_own(&run->row.boot_id, e->as.run_started.boot_id);
    store_run(m, run, GRADE_RELAXED, false);
}

/* Exit 0 and 10 (not applicable), 11 (already healthy), 20 and 21 (a person is
 * needed; said in the findings) are work done; see docs/runbooks.md. */
static enum run_verdict verdict_of(const struct run_ending *end)
{
    static const int done[] = {0, 10, 11, 20, 21};
    if (!end->known || end->timed_out)
        return VERDICT_UNKNOWN;
    if (end->error[0] != '\0')
        return VERDICT_FAILED;
    for (size_t i = 0; i < ARRAY_LEN(done); i++)
        if (end->exit_status == done[i])
            return VERDICT_DONE;
    return VERDICT_FAILED;
}

static const char *ending_text(struct model *m, const struct run *run,
                               const struct run_ending *end)
{
    if (!end->known)
        return end->error[0] ? model_text(m, "%s", end->error)
                             : "its keeper was lost";
    if (end->timed_out)
        return "timed out";
    if (end->error[0] != '\0')
        return model_text(m, "could not be started: %s", end->error);
    if (run->row.verdict == VERDICT_DONE)
        return end->headline[0] ? model_text(m, "%s", end->headline) : "done";
    if (end->exit_status > 128)
        return model_text(m, "ended by signal %d", end->exit_status - 128);
    return model_text(m, "failed with exit status %d", end->exit_status);
}

static void tell_ending(struct model *m, const struct run *run,
                        const struct run_ending *end)
{
    struct node *n = model_node(m, run->row.check);
    if (n == NULL)
        return;
    const char *kind = run->row.kind == RUNBOOK_DIAGNOSE ? "diagnosis" : "notice";
    const char *text = ending_text(m, run, end);
    struct node at = *n; /* the incident of the run, whatever is open now */
    at.state.incident = run->row.incident;
    incident_event(m, &at, kind, "%s: %s", run->row.runbook, text);
    model_tell(m, TELL_RUN, n, "%s %s: %s", kind, run->row.runbook, text);
}

static void forget_old(struct model *m)
{
    struct run **link = &m->runs;
    while (*link != NULL) {
        struct run *run = *link;
        const struct runbook_spec *book = conf_runbook(m->conf, run->row.runbook);
        int64_t keep = book == NULL ? 0 : book->cooldown_ns / NS_PER_US;
        if (keep < REMEMBER_US)
            keep = REMEMBER_US;
        const struct episode *e = incident_find(m, run->row.incident);
        bool latest = e != NULL && e->diagnosis == run->row.number;
        if (is_live(run) || latest || m->now.wall_us < run->row.ended_us + keep) {
            link = &run->next;
            continue;
        }
        *link = run->next;
        run_free(run);
    }
}

void run_ended(struct model *m, const struct run_ending *end)
{
    struct run *run = find_run(m, end->run);
    if (run == NULL || !is_live(run))
        return;
    run->row.state = RUN_ENDED;
    run->waiting = false;
    run->row.verdict = verdict_of(end);
    run->row.ended_us = end->ended_us != 0 ? end->ended_us : m->now.wall_us;
    run->row.exit_status = end->known ? end->exit_status : -1;
    model_own(&run->row.sha256, end->sha256);
    model_own(&run->row.findings, end->findings);
    model_own(&run->row.output, end->output);
    model_own(&run->row.reason, run->row.verdict == VERDICT_DONE
                                    ? ""
                                    : ending_text(m, run, end));
    store_run(m, run, GRADE_RELAXED, false);
    if (run->row.kind == RUNBOOK_DIAGNOSE)
        incident_diagnosed(m, &run->row, end->headline);
    tell_ending(m, run, end);
    forget_old(m);
    start_waiting(m);
}

/* ---------------------------------------------------------------- restart --- */

void model_restore_run(struct model *m, const struct run_row *row)
{
    struct run *run = add_run(m, row);
    struct episode *e = incident_find(m, row->incident);
    if (e != NULL && row->kind == RUNBOOK_DIAGNOSE && row->state == RUN_ENDED &&
        row->number > e->diagnosis)
        e->diagnosis = row->number;
    /* A notice that was only intended is sent (again): at least once. */
    run->waiting = row->state == RUN_INTENDED && row->kind == RUNBOOK_NOTIFY;
}

void run_resume(struct model *m) { start_waiting(m); }

const struct run_row *model_live_run(const struct model *m, size_t i)
{
    for (const struct run *run = m->runs; run != NULL; run = run->next)
        if (is_live(run) && !run->waiting && i-- == 0)
            return &run->row;
    return NULL;
}

const struct run_row *model_would_run(const struct model *m, uint64_t incident,
                                      size_t i)
{
    for (const struct run *run = m->runs; run != NULL; run = run->next)
        if (run->row.state == RUN_WOULD && run->row.incident == incident &&
            i-- == 0)
            return &run->row;
    return NULL;
}

const struct run_row *model_diagnosis(const struct model *m, uint64_t incident)
{
    const struct episode *e = incident_find(m, incident);
    const struct run *run = e == NULL ? NULL : find_run(m, e->diagnosis);
    return run == NULL ? NULL : &run->row;
}

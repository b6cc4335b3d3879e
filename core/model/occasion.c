/* model/occasion.c: which runbooks a change of state calls, and what holds them
 * back. What may run goes to run.c as an intention; every refusal is recorded
 * with its reason; a remediation is recorded as what would have run. */
#include "model/internal.h"

#include "base/human.h"
#include "base/str.h"
#include "model/fault.h"

struct held {
    const char *by; /* NULL: nothing holds it */
    const char *reason;
};

/* The lowest of the configuration's, the environment's and the runbook's. */
static enum automation ceiling(const struct model *m, const struct node *n,
                               const struct runbook_spec *book)
{
    enum automation mode = m->conf->automation;
    const struct environment_spec *e =
        n->spec == NULL ? NULL
                        : conf_environment(m->conf, n->spec->environment);
    if (e != NULL && e->automation < mode)
        mode = e->automation;
    return book->mode < mode ? book->mode : mode;
}

static struct held held_by_mode(struct model *m, const struct node *n,
                                const struct runbook_spec *book)
{
    enum automation mode = ceiling(m, n, book);
    bool allowed =
        book->kind == RUNBOOK_REMEDIATE && mode >= AUTOMATION_APPROVE;
    return (struct held){
        "mode",
        model_text(m, "automation is \"%s\"%s", automation_name(mode),
                   allowed ? ", and this version starts no remediation" : "")};
}

static struct held held_by_time(struct model *m, const struct node *n,
                                const struct runbook_spec *book,
                                enum runbook_on occasion)
{
    bool notice = book->kind == RUNBOOK_NOTIFY;
    const char *window = notice ? n->maintenance : NULL;
    if (window != NULL)
        return (struct held){HELD_MAINTENANCE,
                             model_text(m, "maintenance %s", window)};
    /* Who got the alarm may have the all-clear at any hour. */
    if ((notice && occasion == ON_RECOVERED) ||
        active_now(book, m->conf->zone, m->now.wall_us))
        return (struct held){NULL, NULL};
    int64_t next_us = active_next(book, m->conf->zone, m->now.wall_us);
    return (struct held){HELD_ACTIVE,
                         next_us == INT64_MAX
                             ? "not in its active hours"
                             : model_text(m,
                                          "not in its active hours; the "
                                          "next begin at %s",
                                          window_time(m, next_us))};
}

static struct held held_by_cooldown(struct model *m, const struct node *n,
                                    const struct runbook_spec *book,
                                    enum rlv_fault fault)
{
    char text[HUMAN_TEXT];
    int64_t left_us = run_cooldown_us(m, n, book, fault);
    if (left_us == RUN_IS_LIVE)
        return (struct held){"running", "it is running already"};
    if (left_us <= 0)
        return (struct held){NULL, NULL};
    return (struct held){"cooldown",
                         model_text(m, "cooldown, %s left",
                                    human_elapsed(left_us * NS_PER_US, text))};
}

/* In the order of the design; each refusal is recorded with its reason. */
static struct held guardrails(struct model *m, const struct node *n,
                              const struct runbook_spec *book,
                              enum rlv_fault fault, enum runbook_on occasion)
{
    bool by_hand = occasion == ON_ASKED;
    if (book->missing != NULL)
        return (struct held){"secret",
                             model_text(m, "%s has no value", book->missing)};
    if (book->kind == RUNBOOK_DIAGNOSE &&
        ceiling(m, n, book) < AUTOMATION_DIAGNOSE)
        return held_by_mode(m, n, book);
    struct held held = {NULL, NULL};
    if (!by_hand)
        held = held_by_time(m, n, book, occasion);
    if (held.by != NULL || book->kind != RUNBOOK_DIAGNOSE)
        return held;
    if (run_waiting_diagnoses(m) >= RUN_QUEUE)
        return (struct held){"queue", "too many diagnoses wait already"};
    if (by_hand || book->cooldown_ns == 0)
        return (struct held){NULL, NULL};
    return held_by_cooldown(m, n, book, fault);
}

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
        .attempt = 1,
    };
}

static void record_held(struct model *m, struct node *n, struct run_row *row,
                        struct held held)
{
    row->state = RUN_HELD;
    row->held_by = held.by;
    row->reason = held.reason;
    struct record r = {.kind = RECORD_RUN, .as.run = *row};
    if (row->kind == RUNBOOK_NOTIFY) { /* it may be made up for */
        run_remember(m, row);
        outbox_changed(m);
    } else {
        model_commit(m, GRADE_RELAXED, r);
    }
    incident_event(m, n, "held", "%s %s: %s", runbook_kind_name(row->kind),
                   row->runbook, held.reason);
}

static void record_would(struct model *m, struct node *n, struct run_row *row,
                         struct held held)
{
    row->state = RUN_WOULD;
    row->held_by = held.by;
    row->reason = held.reason;
    row->ended_us = m->now.wall_us;
    run_remember(m, row);
    incident_event(m, n, "would_run", "remediate %s would have run (%s)",
                   row->runbook, row->reason);
    model_tell(m, TELL_RUN, n, "would have run %s (%s)", row->runbook,
               row->reason);
}

static void consider(struct model *m, struct node *n,
                     const struct runbook_spec *book, enum runbook_on occasion,
                     const struct result *r)
{
    struct run_row row = new_row(m, n, book, occasion, r);
    const char *cause = depend_holds(m, n, book, occasion);
    if (cause != NULL) {
        record_held(m, n, &row, (struct held){"root_cause", cause});
        return;
    }
    if (book->kind == RUNBOOK_REMEDIATE) {
        record_would(m, n, &row, held_by_mode(m, n, book));
        return;
    }
    struct held held = guardrails(m, n, book, row.fault, occasion);
    if (held.by != NULL)
        record_held(m, n, &row, held);
    else
        run_intend(m, &row, r);
}

/* A recovery is told to all who got the `down`, whatever they match by now, and
 * to who only asks for recoveries. */
static bool is_called(const struct model *m, const struct node *n,
                      const struct runbook_spec *book, enum runbook_on occasion,
                      const struct result *r)
{
    if (occasion == ON_RECOVERED && book->kind == RUNBOOK_NOTIFY &&
        (book->on & ON_RECOVERED) != 0) {
        if (outbox_was_told(m, book->name, n->state.incident, UINT64_MAX))
            return true;
        if ((book->on & ON_DOWN) != 0)
            return false;
    }
    return match_runbook(book, n->spec, n->state.state, r, occasion);
}

/* Diagnoses first: what they say is the first thing a person reads. */
void run_occasion(struct model *m, struct node *n, enum runbook_on occasion,
                  const struct result *r)
{
    static const enum runbook_kind order[] = {
        RUNBOOK_DIAGNOSE, RUNBOOK_REMEDIATE, RUNBOOK_NOTIFY};
    if (depend_defers(m, n, occasion, r))
        return;
    for (size_t k = 0; k < ARRAY_LEN(order); k++)
        for (size_t i = 0; i < m->conf->runbook_count; i++) {
            const struct runbook_spec *book = &m->conf->runbooks[i];
            if (book->kind == order[k] && is_called(m, n, book, occasion, r))
                consider(m, n, book, occasion, r);
        }
}

void run_troubled(struct model *m, struct node *n, const struct result *r)
{
    for (size_t i = 0; i < m->conf->runbook_count; i++)
        if (match_trouble(&m->conf->runbooks[i], n->row.name, r))
            consider(m, n, &m->conf->runbooks[i], ON_DOWN, r);
}

/* It may have no spec any more, and has not recovered: only who got the alarm
 * is told, and that is all he is waiting for. */
void run_closed(struct model *m, struct node *n)
{
    for (size_t i = 0; i < m->conf->runbook_count; i++) {
        const struct runbook_spec *book = &m->conf->runbooks[i];
        if (book->kind == RUNBOOK_NOTIFY && (book->on & ON_RECOVERED) != 0 &&
            outbox_was_told(m, book->name, n->state.incident, UINT64_MAX))
            consider(m, n, book, ON_RECOVERED, NULL);
    }
}

void run_made_up(struct model *m, struct node *n,
                 const struct runbook_spec *book, const struct run_row *held)
{
    struct node at = *n; /* the incident of the notice, whatever is open now */
    at.state.incident = held->incident;
    consider(m, &at, book, (enum runbook_on)held->on, n->last);
}

void run_repeat(struct model *m, struct node *n,
                const struct runbook_spec *book)
{
    consider(m, n, book, ON_STILL_DOWN, n->last);
}

/* By hand: a person's wish ignores the cooldown, but neither mode nor a missing
 * secret. */
void run_asked(struct model *m, struct node *n, const struct runbook_spec *book)
{
    consider(m, n, book, ON_ASKED, n->last);
}

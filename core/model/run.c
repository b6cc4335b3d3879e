/* model/run.c: the course of runs, from the intention to the verdict.
 *
 * Happy path of a run:
 *   1. an occasion (suspect, down, recovered, …) calls a runbook and nothing
 *      holds it back (occasion.c)
 *   2. run_intend: its intention is committed; it waits for a place
 *   3. a place is free: ACTION_RUN, performed once the intention is stored
 *   4. run_started: the keeper lives; 5. run_ended: verdict, findings, output.
 * Ways it can fail, each recorded: its turn never comes (the check recovered,
 * or a reload took it away), it cannot be started, it fails, it times out or
 * its keeper is lost (unknown: a diagnosis is never started again by itself; a
 * notice is intended again, see outbox.c).
 *
 * Diagnoses run at once, at most DIAGNOSES at a time and one per target;
 * notices of one runbook entry one after another, so that they are never
 * reordered. */
#include "model/internal.h"

#include "base/str.h"

enum { DIAGNOSES = 4 };
/* Ended runs are remembered this long for cooldowns beyond their own. */
#define REMEMBER_US (15 * 60 * US_PER_S)
#define TIDY_US     (60 * US_PER_S)

static uint64_t store_run(struct model *m, const struct run *run,
                          enum grade grade, bool urgent)
{
    struct record r = {.kind = RECORD_RUN, .urgent = urgent};
    r.as.run = run->row;
    return model_commit(m, grade, r);
}

void run_remember(struct model *m, const struct run_row *row)
{
    struct run *run = run_new(row);
    run_put_last(&m->past, run);
    store_run(m, run, GRADE_RELAXED, false);
}

/* ----------------------------------------------------------- questions --- */

static bool is_same(const struct run *run, const struct node *n,
                    const struct runbook_spec *book, enum rlv_fault fault)
{
    return run->row.check == n->row.check && run->row.fault == fault &&
           str_eq(run->row.runbook, book->name);
}

int64_t run_cooldown_us(const struct model *m, const struct node *n,
                        const struct runbook_spec *book, enum rlv_fault fault)
{
    const struct run_list *lists[] = {&m->waiting, &m->live};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        for (const struct run *r = lists[i]->first; r != NULL; r = r->next)
            if (is_same(r, n, book, fault))
                return RUN_IS_LIVE;
    int64_t left = 0, cooldown_us = book->cooldown_ns / NS_PER_US;
    for (const struct run *r = m->past.first; r != NULL; r = r->next) {
        int64_t this_left = r->row.ended_us + cooldown_us - m->now.wall_us;
        if (r->row.state == RUN_ENDED && is_same(r, n, book, fault) &&
            this_left > left)
            left = this_left;
    }
    return left;
}

size_t run_waiting_diagnoses(const struct model *m)
{
    size_t n = 0;
    for (const struct run *r = m->waiting.first; r != NULL; r = r->next)
        n += r->row.kind == RUNBOOK_DIAGNOSE;
    return n;
}

/* -------------------------------------------------------------- places --- */

/* Runs that may not be live together. */
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
    for (const struct run *r = m->live.first; r != NULL; r = r->next) {
        if (shares_place(m, r, run))
            return false;
        busy += r->row.kind == RUNBOOK_DIAGNOSE;
    }
    return run->row.kind != RUNBOOK_DIAGNOSE || busy < DIAGNOSES;
}

static void start(struct model *m, struct run *run,
                  const struct runbook_spec *book)
{
    run_take_out(&m->waiting, run);
    run_put_last(&m->live, run);
    struct action *a = model_act(m, ACTION_RUN, "its intention is stored");
    a->after = run->sequence;
    a->as.run.run = &run->row;
    a->as.run.runbook = book;
    a->as.run.about = run->about;
}

static void give_up(struct model *m, struct run *run, const char *by,
                    const char *reason)
{
    run_take_out(&m->waiting, run);
    run_put_last(&m->past, run);
    run->row.state = RUN_HELD;
    run->row.ended_us = m->now.wall_us;
    model_own(&run->row.held_by, by);
    model_own(&run->row.reason, reason);
    store_run(m, run, GRADE_RELAXED, false);
}

/* A notice of which nothing is true any more; NULL: it still says something. */
static const char *why_stale(const struct model *m, const struct run *run,
                             const struct runbook_spec *book)
{
    const struct episode *e = incident_find(m, run->row.incident);
    bool open = e != NULL && e->row.state == INCIDENT_OPEN;
    if (run->row.on == ON_STILL_DOWN && !open)
        return "nobody waits for it any more";
    if (run->row.on == ON_RECOVERED && (book->on & ON_DOWN) != 0 &&
        !outbox_was_told(m, run->row.runbook, run->row.incident,
                         outbox_first(run)))
        return "its \"down\" was not delivered";
    return NULL;
}

/* What has changed while it waited; true: it is not to run any more. */
static bool is_obsolete(struct model *m, struct run *run)
{
    const struct runbook_spec *book = conf_runbook(m->conf, run->row.runbook);
    const struct node *n = model_node(m, run->row.check);
    bool configured = n != NULL && (n->spec != NULL || trouble_is(&n->row));
    bool well = configured && (n->state.state == STATE_UP ||
                               n->state.state == STATE_DEGRADED);
    const char *stale = book == NULL || book->kind != RUNBOOK_NOTIFY
                            ? NULL
                            : why_stale(m, run, book);
    if (book == NULL)
        give_up(m, run, "config", "the runbook is no longer configured");
    else if (!configured && (n == NULL || run->row.on != ON_RECOVERED))
        give_up(m, run, "config", "the check is no longer configured");
    else if (book->missing != NULL)
        give_up(m, run, "secret", "a secret has no value any more");
    else if (run->row.kind == RUNBOOK_DIAGNOSE && run->row.on == ON_SUSPECT &&
             well)
        give_up(m, run, "moot", "the check recovered before its turn");
    else if (stale != NULL)
        give_up(m, run, "moot", stale);
    else
        return false;
    return true;
}

/* Notices of one runbook entry are never reordered: one that cannot start yet
 * keeps those behind it waiting, for its delay too. */
struct kept {
    const struct run **first; /* of each entry that is kept waiting */
    size_t count;
};

static bool is_kept(const struct kept *kept, const struct run *run)
{
    for (size_t i = 0; i < kept->count; i++)
        if (str_eq(kept->first[i]->row.runbook, run->row.runbook))
            return true;
    return false;
}

/* Oldest first. One that finds its place taken keeps those behind it waiting
 * only if they need the same place: so the order within a place holds. */
void run_start_waiting(struct model *m)
{
    struct run *next;
    struct kept kept = {arena_alloc(m->scratch, (m->conf->runbook_count + 1) *
                                                    sizeof *kept.first),
                        0};
    for (struct run *run = m->waiting.first; run != NULL; run = next) {
        next = run->next;
        bool notice = run->row.kind == RUNBOOK_NOTIFY;
        if (notice && is_kept(&kept, run))
            continue;
        if (!has_place(m, run) || (notice && !outbox_is_due(m, run))) {
            if (notice && kept.count < m->conf->runbook_count)
                kept.first[kept.count++] = run;
            continue;
        }
        if (!is_obsolete(m, run))
            start(m, run, conf_runbook(m->conf, run->row.runbook));
    }
}

static struct run *intended(struct model *m, const struct run_row *row,
                            const struct result *about)
{
    enum grade grade =
        row->kind == RUNBOOK_DIAGNOSE ? GRADE_RELAXED : GRADE_DURABLE;
    struct run *run = run_new(row);
    run->row.state = RUN_INTENDED;
    run->about = about == NULL ? NULL : result_copy(about);
    run->sequence = store_run(m, run, grade, true);
    return run;
}

void run_intend(struct model *m, const struct run_row *row,
                const struct result *about)
{
    run_put_last(&m->waiting, intended(m, row, about));
    outbox_changed(m);
    run_start_waiting(m);
}

void run_intend_again(struct model *m, const struct run_row *row,
                      const struct result *about)
{
    run_put_first(&m->waiting, intended(m, row, about));
    outbox_changed(m);
}

/* ---------------------------------------------------------- its course --- */

/* "R-7": diagnose api-diagnose for production/db: done, sha256 … */
static void audit_run(struct model *m, const struct run *run,
                      const char *action, const char *more)
{
    char id[ID_TEXT];
    const struct node *n = model_node(m, run->row.check);
    model_audit(
        m, GRADE_RELAXED, "relevo", action, id_text('R', run->row.number, id),
        model_text(m, "%s %s for %s%s", runbook_kind_name(run->row.kind),
                   run->row.runbook, n == NULL ? "?" : n->row.name, more));
}

void run_started(struct model *m, const struct event *e)
{
    struct run *run = run_find(&m->live, e->as.run_started.run);
    if (run == NULL || run->row.state != RUN_INTENDED)
        return;
    run->row.state = RUN_STARTED;
    run->row.started_us = m->now.wall_us;
    run->row.pid = e->as.run_started.pid;
    run->row.pid_start = e->as.run_started.pid_start;
    model_own(&run->row.boot_id, e->as.run_started.boot_id);
    store_run(m, run, GRADE_RELAXED, false);
    audit_run(m, run, "run.start", "");
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
    if (run->row.verdict == VERDICT_DONE && end->headline[0] != '\0')
        return model_text(m, "%s", end->headline);
    if (run->row.verdict == VERDICT_DONE)
        return run->row.kind == RUNBOOK_NOTIFY ? "delivered" : "done";
    if (end->exit_status > 128)
        return model_text(m, "ended by signal %d", end->exit_status - 128);
    bool says = run->row.kind == RUNBOOK_NOTIFY && end->headline[0] != '\0';
    return model_text(m, "failed with exit status %d%s%s", end->exit_status,
                      says ? ": " : "", says ? end->headline : "");
}

static void tell_ending(struct model *m, const struct run *run,
                        const struct run_ending *end, const char *then)
{
    struct node *n = model_node(m, run->row.check);
    if (n == NULL)
        return;
    const char *kind =
        run->row.kind == RUNBOOK_DIAGNOSE ? "diagnosis" : "notice";
    const char *text = ending_text(m, run, end);
    struct node at = *n; /* the incident of the run, whatever is open now */
    at.state.incident = run->row.incident;
    incident_event(m, &at, kind, "%s: %s%s", run->row.runbook, text, then);
    model_tell(m, TELL_RUN, n, "%s %s: %s%s", kind, run->row.runbook, text,
               then);
}

/* Until its own cooldown is over, and longer while its incident is open or it
 * is the incident's latest diagnosis. */
static bool is_needed(const struct model *m, const struct run *run)
{
    const struct runbook_spec *book = conf_runbook(m->conf, run->row.runbook);
    const struct episode *e = incident_find(m, run->row.incident);
    int64_t keep_us = book == NULL ? 0 : book->cooldown_ns / NS_PER_US;
    if (keep_us < REMEMBER_US)
        keep_us = REMEMBER_US;
    bool open = e != NULL && e->row.state != INCIDENT_RESOLVED &&
                run->row.kind != RUNBOOK_DIAGNOSE;
    bool latest = e != NULL && e->diagnosis == run->row.number;
    return open || latest || m->now.wall_us < run->row.ended_us + keep_us ||
           outbox_needs(m, run);
}

void run_tidy(struct model *m)
{
    if (m->now.wall_us - m->tidied_us < TIDY_US &&
        m->now.wall_us >= m->tidied_us)
        return;
    m->tidied_us = m->now.wall_us;
    struct run *next;
    for (struct run *run = m->past.first; run != NULL; run = next) {
        next = run->next;
        if (is_needed(m, run))
            continue;
        run_take_out(&m->past, run);
        run_free(run);
    }
}

static void move_times(struct run_row *row, int64_t by_us)
{
    int64_t *const times[] = {&row->intended_us, &row->not_before_us,
                              &row->started_us, &row->ended_us};
    for (size_t i = 0; i < ARRAY_LEN(times); i++)
        if (*times[i] != 0)
            *times[i] += by_us;
}

/* What is stored of those that are over stays as it was. */
void run_clock_moved(struct model *m, int64_t by_us)
{
    const struct run_list *lists[] = {&m->waiting, &m->live, &m->past};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        for (struct run *r = lists[i]->first; r != NULL; r = r->next)
            move_times(&r->row, by_us);
    outbox_clock_moved(m);
}

/* A clock that was put back while we were stopped lengthens no cooldown. */
void run_resume(struct model *m)
{
    for (struct run *r = m->past.first; r != NULL; r = r->next)
        if (r->row.ended_us > m->now.wall_us)
            r->row.ended_us = m->now.wall_us;
}

static void record_ending(struct model *m, struct run *run,
                          const struct run_ending *end)
{
    run->row.state = RUN_ENDED;
    run->row.verdict = verdict_of(end);
    run->row.ended_us = end->ended_us != 0 ? end->ended_us : m->now.wall_us;
    run->row.exit_status = end->known ? end->exit_status : -1;
    model_own(&run->row.sha256, end->sha256);
    model_own(&run->row.findings, end->findings);
    model_own(&run->row.output, end->output);
    model_own(&run->row.reason,
              run->row.verdict == VERDICT_DONE ? "" : ending_text(m, run, end));
    store_run(m, run, GRADE_RELAXED, false);
    model_own(&run->row.output,
              ""); /* nothing decides by it, and it is large */
}

void run_ended(struct model *m, const struct run_ending *end)
{
    struct run *run = run_find(&m->live, end->run);
    if (run == NULL)
        return;
    run_take_out(&m->live, run);
    run_put_last(&m->past, run);
    record_ending(m, run, end);
    audit_run(m, run, "run.end",
              model_text(m, ": %s, sha256 %s", verdict_name(run->row.verdict),
                         run->row.sha256));
    if (run->row.kind == RUNBOOK_DIAGNOSE)
        incident_diagnosed(m, &run->row, end->headline);
    const char *then = "";
    if (run->row.kind == RUNBOOK_NOTIFY)
        then = outbox_ended(m, run, end->known);
    tell_ending(m, run, end, then);
    result_free(run->about);
    run->about = NULL;
    outbox_changed(m);
    run_start_waiting(m);
}

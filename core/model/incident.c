/* model/incident.c: one incident per outage.
 *
 * An episode begins with the first failing result and reserves a number. If the
 * check recovers before its failure is confirmed, the episode is forgotten (its
 * diagnosis stays in the run log). Confirmed, it is stored, durable, and stays
 * open until the check has recovered. An outage that begins again within
 * REOPEN_US of the recovery reopens the incident instead of making another. */
#include "model/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/human.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/fault.h"

#define REOPEN_US (10 * 60 * US_PER_S)
/* What nothing needs any more is looked for this often. */
#define FORGET_NS (1 * NS_PER_S)

/* Where that number is among the episodes, or would be. */
static size_t place_of(const struct model *m, uint64_t number)
{
    size_t lo = 0, hi = m->episode_count;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (m->episodes[mid]->row.number < number)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

struct episode *incident_find(const struct model *m, uint64_t number)
{
    size_t i = place_of(m, number);
    bool found = i < m->episode_count && m->episodes[i]->row.number == number;
    return found ? m->episodes[i] : NULL;
}

void incident_event(struct model *m, const struct node *n, const char *event,
                    const char *fmt, ...)
{
    char text[1024];
    if (n->state.incident == 0)
        return; /* a state without an incident: degraded, unknown */
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct record r = {.kind = RECORD_EVENT};
    r.as.event.incident = n->state.incident;
    r.as.event.check = n->row.check;
    r.as.event.at_us = m->now.wall_us;
    r.as.event.event = model_text(m, "%s", event);
    r.as.event.text = model_text(m, "%s", text);
    model_commit(m, GRADE_RELAXED, r);
}

static uint64_t store_incident(struct model *m, const struct episode *e,
                               enum grade grade)
{
    struct record r = {.kind = RECORD_INCIDENT, .as.incident = e->row};
    return model_commit(m, grade, r);
}

static void free_episode(struct episode *e)
{
    free((void *)(uintptr_t)e->row.code);
    free((void *)(uintptr_t)e->row.summary);
    free((void *)(uintptr_t)e->row.cause);
    free((void *)(uintptr_t)e->row.acknowledged_by);
    free((void *)(uintptr_t)e->row.note);
    impact_free(e);
    free(e);
}

static struct episode *add_episode(struct model *m, uint64_t number,
                                   uint32_t check)
{
    struct episode *e = xcalloc(1, sizeof *e);
    e->row.number = number;
    e->row.check = check;
    model_own(&e->row.code, "");
    model_own(&e->row.summary, "");
    model_own(&e->row.cause, "");
    model_own(&e->row.acknowledged_by, "");
    model_own(&e->row.note, "");
    size_t at = place_of(m, number); /* nearly always the end */
    m->episodes = xgrow(m->episodes, m->episode_count, &m->episode_cap,
                        sizeof *m->episodes);
    memmove(m->episodes + at + 1, m->episodes + at,
            (m->episode_count - at) * sizeof *m->episodes);
    m->episodes[at] = e;
    m->episode_count++;
    return e;
}

static bool is_recent(const struct model *m, const struct episode *e)
{
    return e->row.state == INCIDENT_RESOLVED && !e->forming &&
           m->now.wall_us - e->row.resolved_us - e->resolved_moved_us <
               REOPEN_US;
}

/* The check's incident that was resolved so lately that it goes on. */
static struct episode *lately_resolved(const struct model *m,
                                       const struct node *n)
{
    struct episode *e = incident_find(m, n->latest_incident);
    return e != NULL && is_recent(m, e) ? e : NULL;
}

static void describe(struct episode *e, const struct result *r)
{
    e->row.fault = r->fault;
    model_own(&e->row.code, r->code);
    model_own(&e->row.summary, r->message);
}

static struct episode *begin_episode(struct model *m, struct node *n,
                                     const struct result *r)
{
    struct episode *e = lately_resolved(m, n);
    if (e != NULL) {
        e->forming = e->reopening = true;
    } else {
        e = add_episode(m, ++m->last_incident, n->row.check);
        e->forming = true;
        e->row.began_us = r->started_us;
    }
    describe(e, r);
    n->state.incident = e->row.number;
    n->state.suspect_us = r->started_us;
    return e;
}

void incident_suspect(struct model *m, struct node *n, const struct result *r)
{
    begin_episode(m, n, r);
    incident_event(m, n, "failing", "%s%s%s: %s", fault_name(r->fault),
                   r->code[0] ? " " : "", r->code, r->message);
}

/* Confirmed. */
static void open_incident(struct model *m, struct node *n, struct episode *e,
                          const struct result *r)
{
    describe(e, r);
    n->latest_incident = e->row.number;
    e->forming = false;
    e->row.state = INCIDENT_OPEN;
    e->row.resolved_us = 0;
    if (e->reopening)
        e->row.reopened++;
    else
        e->row.opened_us = m->now.wall_us;
    e->reopening = false;
    store_incident(m, e, GRADE_DURABLE);
    char id[ID_TEXT];
    model_tell(m, TELL_INCIDENT, n, "incident %s %s: %s%s%s: %s",
               id_text('I', e->row.number, id),
               e->row.reopened ? "reopened" : "opened", fault_name(r->fault),
               r->code[0] ? " " : "", r->code, r->message);
}

void incident_down(struct model *m, struct node *n, const struct result *r,
                   const char *reason)
{
    struct episode *e = incident_find(m, n->state.incident);
    if (e == NULL) { /* became down without having been suspect here */
        incident_suspect(m, n, r);
        e = incident_find(m, n->state.incident);
    }
    const char *word = e->reopening ? "reopened" : "down";
    incident_event(m, n, word, "%s: %s", reason, r->message);
    open_incident(m, n, e, r);
}

void incident_trouble(struct model *m, struct node *n, const struct result *r)
{
    struct episode *e = begin_episode(m, n, r);
    incident_event(m, n, e->reopening ? "reopened" : "trouble", "%s",
                   r->message);
    open_incident(m, n, e, r);
}

bool incident_still(struct model *m, struct node *n, const struct result *r)
{
    struct episode *e = incident_find(m, n->state.incident);
    if (e != NULL && e->row.fault == RLV_F_NONE)
        describe(e, r); /* forming when we stopped: how is not stored */
    if (e == NULL || (e->row.fault == r->fault && str_eq(e->row.code, r->code)))
        return false;
    incident_event(m, n, "changed", "now %s%s%s: %s (was %s%s%s)",
                   fault_name(r->fault), r->code[0] ? " " : "", r->code,
                   r->message, fault_name(e->row.fault),
                   e->row.code[0] ? " " : "", e->row.code);
    model_tell(m, TELL_NOTE, n, "now %s%s%s: %s", fault_name(r->fault),
               r->code[0] ? " " : "", r->code, r->message);
    describe(e, r);
    if (!e->forming)
        store_incident(m, e, GRADE_RELAXED);
    return true;
}

static void resolve(struct model *m, struct node *n, struct episode *e,
                    const char *reason)
{
    char took[HUMAN_TEXT], id[ID_TEXT];
    int64_t took_us = m->now.wall_us - e->row.began_us - e->began_moved_us;
    human_elapsed(took_us < 0 ? 0 : took_us * NS_PER_US, took);
    e->row.state = INCIDENT_RESOLVED;
    e->row.resolved_us = m->now.wall_us;
    e->resolved_moved_us = 0;
    incident_event(m, n, "recovered", "%s, after %s", reason, took);
    store_incident(m, e, GRADE_DURABLE);
    model_tell(m, TELL_INCIDENT, n, "incident %s resolved after %s",
               id_text('I', e->row.number, id), took);
}

void incident_retell(struct model *m, struct node *n, const char *text)
{
    struct episode *e = incident_find(m, n->state.incident);
    if (e == NULL || str_eq(e->row.summary, text))
        return;
    incident_event(m, n, "trouble", "%s", text);
    model_own(&e->row.summary, text);
    store_incident(m, e, GRADE_RELAXED);
}

void incident_recovered(struct model *m, struct node *n, const char *reason)
{
    struct episode *e = incident_find(m, n->state.incident);
    if (e != NULL)
        resolve(m, n, e, reason);
    n->confirmed = false;
}

void incident_blip(struct model *m, struct node *n)
{
    struct episode *e = incident_find(m, n->state.incident);
    if (e != NULL)
        incident_event(m, n, "passed", "a good result before confirmation");
    if (e != NULL && e->reopening)
        e->forming = e->reopening = false; /* it stays resolved */
    n->state.incident = 0;
    n->state.suspect_us = 0;
}

/* One that was forming anew stays resolved. */
void incident_impacted(struct model *m, struct node *n, const char *reason)
{
    struct episode *e = incident_find(m, n->state.incident);
    if (e != NULL)
        incident_event(m, n, "impacted", "%s", reason);
    if (e != NULL && e->reopening)
        e->forming = e->reopening = false;
    n->state.incident = 0;
    n->state.suspect_us = 0;
}

void incident_removed(struct model *m, struct node *n)
{
    struct episode *e = incident_find(m, n->state.incident);
    if (e != NULL && e->reopening)
        e->forming = e->reopening = false; /* it stays resolved */
    else if (e != NULL && !e->forming && e->row.state != INCIDENT_RESOLVED) {
        resolve(m, n, e, "the check was removed from the configuration");
        run_closed(m, n);
    }
    n->state.incident = 0;
    n->confirmed = false;
}

void incident_diagnosed(struct model *m, const struct run_row *run,
                        const char *headline)
{
    struct episode *e = incident_find(m, run->incident);
    struct node *n = model_node(m, run->check);
    if (e == NULL || n == NULL)
        return;
    e->diagnosis = run->number;
    if (headline[0] == '\0')
        return;
    model_own(&e->row.cause, headline);
    if (!e->forming)
        store_incident(m, e, GRADE_RELAXED);
}

/* Kept: what a check still refers to, and what may be reopened. */
static bool is_needed(const struct model *m, const struct episode *e)
{
    const struct node *n = model_node(m, e->row.check);
    if (n != NULL && (n->state.incident == e->row.number || e->impacts != NULL))
        return true;
    return is_recent(m, e) || (e->row.state == INCIDENT_RESOLVED &&
                               outbox_needs_incident(m, e->row.number));
}

/* Looked at first and forgotten then: to look, they are searched. */
void incident_forget(struct model *m)
{
    size_t kept = 0;
    if (m->now.mono_ns < m->forget_due_ns)
        return;
    m->forget_due_ns = m->now.mono_ns + FORGET_NS;
    bool *needed =
        arena_alloc(m->scratch, (m->episode_count + 1) * sizeof *needed);
    for (size_t i = 0; i < m->episode_count; i++)
        needed[i] = is_needed(m, m->episodes[i]);
    for (size_t i = 0; i < m->episode_count; i++)
        if (needed[i])
            m->episodes[kept++] = m->episodes[i];
        else
            free_episode(m->episodes[i]);
    m->episode_count = kept;
}

void incident_free_all(struct model *m)
{
    for (size_t i = 0; i < m->episode_count; i++)
        free_episode(m->episodes[i]);
    free(m->episodes);
}

void model_restore_incident(struct model *m, const struct incident_row *row)
{
    struct episode *e = add_episode(m, row->number, row->check);
    model_own(&e->row.code, row->code);
    model_own(&e->row.summary, row->summary);
    model_own(&e->row.cause, row->cause);
    model_own(&e->row.acknowledged_by, row->acknowledged_by);
    model_own(&e->row.note, row->note);
    e->row.acknowledged_us = row->acknowledged_us;
    e->row.state = row->state;
    e->row.began_us = row->began_us;
    e->row.opened_us = row->opened_us;
    e->row.resolved_us = row->resolved_us;
    e->row.fault = row->fault;
    e->row.reopened = row->reopened;
    struct node *n = model_node(m, row->check);
    if (n == NULL)
        return;
    if (row->number > n->latest_incident)
        n->latest_incident = row->number;
    if (row->state == INCIDENT_RESOLVED)
        return;
    n->confirmed = true;
    n->state.incident = row->number;
}

/* Suspect checks whose episode had not been confirmed when we stopped. */
void incident_resume(struct model *m)
{
    for (size_t i = 0; i < m->node_count; i++) {
        struct node *n = m->nodes[i];
        if (n->state.incident == 0)
            continue;
        struct episode *e = incident_find(m, n->state.incident);
        if (e == NULL) {
            e = add_episode(m, n->state.incident, n->row.check);
            e->forming = true;
            e->row.began_us = n->state.suspect_us;
        } else if (e->row.state == INCIDENT_RESOLVED) {
            e->forming = e->reopening = true;
        }
    }
    for (size_t i = 0; i < m->episode_count; i++)
        if (m->episodes[i]->row.resolved_us > m->now.wall_us)
            m->episodes[i]->resolved_moved_us =
                m->now.wall_us - m->episodes[i]->row.resolved_us;
}

void incident_clock_moved(struct model *m, int64_t by_us)
{
    for (size_t i = 0; i < m->episode_count; i++) {
        m->episodes[i]->began_moved_us += by_us;
        m->episodes[i]->resolved_moved_us += by_us;
    }
}

const struct incident_row *model_incident(const struct model *m,
                                          uint64_t number)
{
    const struct episode *e = incident_find(m, number);
    return e == NULL ? NULL : &e->row;
}

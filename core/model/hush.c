/* model/hush.c: what persons say to the watch: pauses, acknowledgements, marks;
 * and maintenance windows, through window.c. Called from model.c.
 *
 * A paused check is not probed, and no result of a probe that began before its
 * resumption counts. Nobody measures it, so its incident is closed ("paused"),
 * and who got its `down` is told so. What is judged from it is paused and
 * resumed with it. One with `enabled = false` is paused by the configuration,
 * until another one enables it. Everything is in the records of the step: it
 * survives a restart. */
#include "model/internal.h"

#include "base/str.h"

/* The wall clock may be set while we sleep: looked at this often. */
#define LOOK_NS (10 * NS_PER_S)

bool hush_counts(const struct node *n, const struct result *r)
{
    return n->state.state != STATE_PAUSED && r->probe >= n->counts_from;
}

/* -------------------------------------------------------------- records --- */

/* "until 14:30, by root: the reason" */
static const char *pause_text(struct model *m, int64_t until_us,
                              const char *actor, const char *reason)
{
    bool ends = until_us > 0;
    return model_text(m, "%s%s%sby %s%s%s", ends ? "until " : "",
                      ends ? window_time(m, until_us) : "", ends ? ", " : "",
                      actor, reason[0] ? ": " : "", reason);
}

static void store_incident(struct model *m, const struct episode *e)
{
    struct record r = {.kind = RECORD_INCIDENT, .urgent = true};
    r.as.incident = e->row;
    model_commit(m, GRADE_DURABLE, r);
}

/* --------------------------------------------------------------- pauses --- */

/* Its incident ends here: one that was confirmed is closed, one that was
 * forming is forgotten. */
static void close_incident(struct model *m, struct node *n, const char *text)
{
    struct episode *e = incident_find(m, n->state.incident);
    char id[ID_TEXT];
    if (e == NULL)
        return;
    incident_event(m, n, "paused", "%s", text);
    if (!e->forming && e->row.state != INCIDENT_RESOLVED) {
        e->row.state = INCIDENT_RESOLVED;
        e->row.resolved_us = m->now.wall_us;
        store_incident(m, e);
        model_tell(m, TELL_INCIDENT, n, "incident %s closed: paused",
                   id_text('I', e->row.number, id));
        run_closed(m, n);
    } else if (e->reopening) {
        e->forming = e->reopening = false;
    }
}

/* Counts begin anew, whatever is on its way. */
static void begin_anew(struct model *m, struct node *n, enum check_state state,
                       int64_t until_us)
{
    n->state = (struct state_row){.check = n->row.check,
                                  .state = state,
                                  .since_us = m->now.wall_us,
                                  .until_us = until_us};
    n->confirmed = false;
    n->counts_from = m->last_probe + 1;
}

static void pause_one(struct model *m, struct node *n, int64_t until_us,
                      const char *actor, const char *reason)
{
    enum check_state from = n->state.state;
    const char *text = pause_text(m, until_us, actor, reason);
    close_incident(m, n, text);
    begin_anew(m, n, STATE_PAUSED, until_us);
    if (until_us > 0 && until_us < m->hush_due_us)
        m->hush_due_us = until_us;
    heap_remove(&m->queue, &n->due);
    trigger_drop(m, n, "paused");
    n->hurry.wanted = false;
    if (n->asked.purpose != PURPOSE_MANUAL)
        n->asked.wanted = false;
    model_store_change(
        m, n, from,
        model_text(m, "by %s%s%s", actor, reason[0] ? ": " : "", reason));
    model_audit(m, GRADE_RELAXED, actor, "check.pause", n->row.name, text);
    model_tell(m, TELL_STATE, n, "paused %s", text);
    depend_changed(m, n);
}

/* It is to be probed again; asking for that is left to the caller. */
static void unpause(struct model *m, struct node *n, const char *actor,
                    const char *why)
{
    begin_anew(m, n, STATE_PENDING, 0);
    model_store_change(m, n, STATE_PAUSED, why);
    model_audit(m, GRADE_RELAXED, actor, "check.resume", n->row.name, why);
    model_tell(m, TELL_STATE, n, "pending: %s", why);
    depend_changed(m, n);
}

static void resume_one(struct model *m, struct node *n, const char *actor,
                       const char *why)
{
    if (n->state.state != STATE_PAUSED || n->spec->disabled)
        return;
    unpause(m, n, actor, why);
    if (n->spec->source == NULL && n->spec->schedule == SCHEDULE_BEAT)
        beat_excuse(m, n);
    else if (n->spec->source == NULL && spec_is_timed(n->spec))
        schedule_ask(m, n, PURPOSE_SCHEDULE, false);
}

static void pause_or_resume(struct model *m, struct node *n,
                            const struct event *e)
{
    const char *actor = e->as.pause.actor, *reason = e->as.pause.reason;
    if (n->spec->disabled)
        return; /* only a new configuration changes that */
    if (e->as.pause.paused)
        pause_one(m, n, e->as.pause.until_us, actor, reason);
    else
        resume_one(m, n, actor,
                   model_text(m, "resumed by %s%s%s", actor,
                              reason[0] ? ": " : "", reason));
}

/* What is judged from the check goes with it. */
static void on_pause(struct model *m, const struct event *e)
{
    struct node *about = model_node(m, e->as.pause.check);
    if (about == NULL || about->spec == NULL)
        return;
    pause_or_resume(m, about, e);
    for (size_t i = 0; i < about->depend.derived_count; i++)
        pause_or_resume(m, about->depend.derived[i], e);
}

static bool has_paused_source(const struct node *n)
{
    return n->depend.source != NULL &&
           n->depend.source->state.state == STATE_PAUSED;
}

/* Its first probe is asked for with those of all that changed. */
static void enable_or_disable(struct model *m, struct node *n)
{
    bool was =
        n->state.state == STATE_PAUSED && n->state.until_us == PAUSED_DISABLED;
    if (n->spec->disabled && !was)
        pause_one(m, n, PAUSED_DISABLED, "relevo", "enabled = false");
    else if (!n->spec->disabled && was)
        unpause(m, n, "relevo", "it is enabled");
}

/* What a new configuration judges from a paused check goes with it, too. */
void hush_config(struct model *m)
{
    for (size_t i = 0; i < m->node_count; i++)
        if (m->nodes[i]->spec != NULL)
            enable_or_disable(m, m->nodes[i]);
    for (size_t i = 0; i < m->node_count; i++) {
        struct node *n = m->nodes[i];
        if (has_paused_source(n) && n->state.state != STATE_PAUSED)
            pause_one(m, n, n->depend.source->state.until_us, "relevo",
                      model_text(m, "it is judged from %s, which is paused",
                                 n->depend.source->row.name));
    }
}

/* One that is judged from a check that stays paused stays so with it. */
static void end_pause(struct model *m, struct node *n)
{
    static const char over[] = "the time of the pause is over";
    if (has_paused_source(n))
        return;
    resume_one(m, n, "relevo", over);
    for (size_t i = 0; i < n->depend.derived_count; i++)
        resume_one(m, n->depend.derived[i], "relevo", over);
}

/* Ends the pauses whose time is over; returns when the next one ends. */
static int64_t settle_pauses(struct model *m)
{
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < m->node_count; i++) {
        struct node *n = m->nodes[i];
        if (n->spec == NULL || n->state.state != STATE_PAUSED ||
            n->state.until_us <= 0)
            continue;
        if (n->state.until_us <= m->now.wall_us)
            end_pause(m, n);
        else if (n->state.until_us < due)
            due = n->state.until_us;
    }
    return due;
}

void hush_clock_moved(struct model *m, int64_t by_us)
{
    window_clock_moved(m, by_us);
    for (size_t i = 0; i < m->node_count; i++) {
        struct node *n = m->nodes[i];
        if (n->state.state != STATE_PAUSED || n->state.until_us <= 0)
            continue;
        n->state.until_us += by_us;
        model_store_state(m, n, GRADE_RELAXED);
    }
    m->hush_due_us = m->now.wall_us;
}

/* ---------------------------------------------------------------- other --- */

static void on_acknowledge(struct model *m, const struct event *e)
{
    struct episode *i = incident_find(m, e->as.acknowledge.incident);
    const char *actor = e->as.acknowledge.actor;
    const char *note = e->as.acknowledge.note;
    const struct node *n = i == NULL ? NULL : model_node(m, i->row.check);
    char id[ID_TEXT];
    if (n == NULL || i->forming || i->row.state != INCIDENT_OPEN)
        return;
    i->row.state = INCIDENT_ACKNOWLEDGED;
    i->row.acknowledged_us = m->now.wall_us;
    outbox_changed(m);
    model_own(&i->row.acknowledged_by, actor);
    model_own(&i->row.note, note);
    store_incident(m, i);
    incident_event(m, n, "acknowledged", "by %s%s%s", actor,
                   note[0] ? ": " : "", note);
    id_text('I', i->row.number, id);
    model_audit(m, GRADE_RELAXED, actor, "incident.acknowledge", id, note);
    model_tell(m, TELL_INCIDENT, n, "incident %s acknowledged by %s%s%s", id,
               actor, note[0] ? ": " : "", note);
}

static void on_mark(struct model *m, const struct mark_row *mark)
{
    struct record r = {.kind = RECORD_MARK, .urgent = true};
    r.as.mark = *mark;
    r.as.mark.at_us = m->now.wall_us;
    model_commit(m, GRADE_RELAXED, r);
    model_audit(m, GRADE_RELAXED, mark->actor, "mark", mark->environment,
                mark->text);
    model_tell(m, TELL_NOTE, NULL, "mark%s%s by %s: %s",
               mark->environment[0] ? " " : "", mark->environment, mark->actor,
               mark->text);
}

void hush_ended(struct model *m, struct node *n)
{
    incident_event(m, n, "maintenance", "ends");
    outbox_changed(m);
}

static void settle(struct model *m)
{
    window_settle(m);
    int64_t due = settle_pauses(m);
    if (due < m->hush_due_us)
        m->hush_due_us = due;
    m->settled_us = m->now.wall_us;
}

void hush_event(struct model *m, const struct event *e)
{
    switch (e->kind) {
    case EVENT_PAUSE: on_pause(m, e); break;
    case EVENT_ACKNOWLEDGE: on_acknowledge(m, e); break;
    case EVENT_MARK: on_mark(m, &e->as.mark); break;
    case EVENT_WINDOW:
        window_event(m, &e->as.window);
        if (m->conf != NULL)
            settle(m);
        break;
    default: break;
    }
}

void hush_tick(struct model *m)
{
    if (m->planned_from != m->conf->generation ||
        m->now.wall_us >= m->hush_due_us || m->now.wall_us < m->settled_us)
        settle(m);
}

int64_t hush_wake(const struct model *m)
{
    if (m->conf == NULL || m->hush_due_us == INT64_MAX)
        return MODEL_NEVER;
    int64_t in_us = m->hush_due_us - m->now.wall_us;
    if (in_us > LOOK_NS / NS_PER_US)
        return m->now.mono_ns + LOOK_NS;
    return m->now.mono_ns + in_us * NS_PER_US;
}

void hush_free_all(struct model *m) { window_free_all(m); }

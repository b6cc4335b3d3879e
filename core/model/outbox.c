/* model/outbox.c: notices, from the intention until they are delivered or given
 * up. Its contents are runs in the model's lists, and rows in the store: so it
 * survives a restart. Called from run.c, occasion.c and model.c.
 *
 * Happy path: the intention is stored, its turn comes (run.c), the incident's
 * diagnosis has said what it found, the script ends well.
 * Ways it can fail:
 *   - the script fails, times out or cannot be started: intended again as
 *     another run of the same `first`, after a delay; what waits behind it in
 *     the same runbook entry goes on waiting, so that nothing is reordered
 *   - nobody knows how it ended (its keeper was lost): at once again
 *   - after TRIES attempts, or when the script says that its settings are wrong
 *     (exit status 78): given up, a dead letter
 *   - maintenance, or hours that are not `active`: held; what it would have
 *     said is made up for when that is over and it is still true
 *
 * Who got a `down`, or may have got it, gets the `recovered`; whose `down` was
 * given up does not. */
#include "model/internal.h"

#include "base/human.h"
#include "base/str.h"

enum { TRIES = 5, EXIT_MISCONFIGURED = 78 };

/* Before the second attempt and so on: 10 minutes in all. */
static const int64_t delays_us[TRIES - 1] = {15 * US_PER_S, 45 * US_PER_S,
                                             180 * US_PER_S, 360 * US_PER_S};

/* A `down` waits so long for its incident's diagnosis, to tell what it found.
 */
#define DIAGNOSIS_US (10 * US_PER_S)
/* So long a dead letter is shown. */
#define DEAD_SHOWN_US (24 * 60 * 60 * US_PER_S)
/* The wall clock may be set while we sleep: looked at this often. */
#define LOOK_US (10 * US_PER_S)
/* All of it is looked at not more often than this: there may be thousands. */
#define AGAIN_US US_PER_S

/* ----------------------------------------------------------- questions --- */

static bool is_about(const struct run *r, const char *runbook,
                     uint64_t incident, unsigned on)
{
    return r->row.kind == RUNBOOK_NOTIFY && r->row.incident == incident &&
           (r->row.on & on) != 0 && str_eq(r->row.runbook, runbook);
}

/* The receiver got it, may have got it, or will. */
static bool may_arrive(const struct run *r)
{
    switch (r->row.state) {
    case RUN_INTENDED:
    case RUN_STARTED: return true;
    case RUN_ENDED:
        return r->row.verdict == VERDICT_DONE ||
               r->row.verdict == VERDICT_UNKNOWN;
    case RUN_HELD:
    case RUN_WOULD: break;
    }
    return false;
}

/* The number of the newest of those notices that may arrive, of those before
 * `before`; 0: none. */
static uint64_t newest_arriving(const struct model *m, const char *runbook,
                                uint64_t incident, unsigned on, uint64_t before)
{
    const struct run_list *lists[] = {&m->waiting, &m->live, &m->past};
    uint64_t found = 0;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        for (const struct run *r = lists[i]->first; r != NULL; r = r->next)
            if (is_about(r, runbook, incident, on) && may_arrive(r) &&
                outbox_first(r) < before && outbox_first(r) > found)
                found = outbox_first(r);
    return found;
}

bool outbox_was_told(const struct model *m, const char *runbook,
                     uint64_t incident, uint64_t before)
{
    return newest_arriving(m, runbook, incident, ON_DOWN | ON_STILL_DOWN,
                           before) >
           newest_arriving(m, runbook, incident, ON_RECOVERED, before);
}

/* Another attempt is no newer notice than the first one. */
static bool is_newer(const struct run *a, const struct run *b)
{
    return outbox_first(a) != outbox_first(b)
               ? outbox_first(a) > outbox_first(b)
               : a->row.number > b->row.number;
}

/* The newest of those notices; NULL: none. */
static const struct run *newest(const struct model *m, const char *runbook,
                                uint64_t incident, unsigned on)
{
    const struct run *found = NULL;
    const struct run_list *lists[] = {&m->waiting, &m->live, &m->past};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        for (const struct run *r = lists[i]->first; r != NULL; r = r->next)
            if (is_about(r, runbook, incident, on) &&
                (found == NULL || is_newer(r, found)))
                found = r;
    return found;
}

/* Held for a time, and what it would have said is still true (or may be again:
 * see is_undecided). */
static bool is_owed(const struct model *m, const struct run *r)
{
    const struct episode *e = incident_find(m, r->row.incident);
    bool resolved = e != NULL && e->row.state == INCIDENT_RESOLVED;
    if (r->row.kind != RUNBOOK_NOTIFY || r->row.state != RUN_HELD ||
        r->superseded || e == NULL || (e->forming && !e->reopening))
        return false;
    bool timely = str_eq(r->row.held_by, HELD_MAINTENANCE) ||
                  str_eq(r->row.held_by, HELD_ACTIVE);
    bool holds_true = r->row.on == ON_DOWN
                          ? !resolved
                          : r->row.on == ON_RECOVERED && resolved;
    return timely && holds_true &&
           newest(m, r->row.runbook, r->row.incident, r->row.on) == r;
}

bool outbox_needs_incident(const struct model *m, uint64_t incident)
{
    const struct run_list *lists[] = {&m->waiting, &m->live};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        for (const struct run *r = lists[i]->first; r != NULL; r = r->next)
            if (r->row.incident == incident && r->row.kind == RUNBOOK_NOTIFY)
                return true;
    for (const struct run *r = m->past.first; r != NULL; r = r->next)
        if (r->row.incident == incident && is_owed(m, r))
            return true;
    return false;
}

static bool is_dead(const struct run *r)
{
    return r->row.kind == RUNBOOK_NOTIFY && r->row.state == RUN_ENDED &&
           r->row.verdict != VERDICT_DONE && r->row.on != ON_ASKED &&
           !r->superseded;
}

bool outbox_needs(const struct model *m, const struct run *r)
{
    if (r->row.kind != RUNBOOK_NOTIFY)
        return false;
    return (is_dead(r) && m->now.wall_us < r->row.ended_us + DEAD_SHOWN_US) ||
           outbox_needs_incident(m, r->row.incident);
}

const struct run_row *model_dead_letter(const struct model *m, size_t i)
{
    for (const struct run *r = m->past.first; r != NULL; r = r->next)
        if (is_dead(r) && i-- == 0)
            return &r->row;
    return NULL;
}

/* --------------------------------------------------------------- again --- */

uint64_t outbox_first(const struct run *r)
{
    return r->row.first != 0 ? r->row.first : r->row.number;
}

static void look_at(struct model *m, int64_t due_us)
{
    if (due_us < m->outbox_due_us)
        m->outbox_due_us = due_us;
}

/* When the diagnosis of its incident that runs now has had its time; 0: there
 * is none. */
static int64_t diagnosed_us(const struct model *m, const struct run *r)
{
    const struct run_list *lists[] = {&m->waiting, &m->live};
    int64_t latest_us = 0;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        for (const struct run *d = lists[i]->first; d != NULL; d = d->next)
            if (d->row.kind == RUNBOOK_DIAGNOSE &&
                d->row.incident == r->row.incident &&
                d->row.intended_us > latest_us)
                latest_us = d->row.intended_us;
    return latest_us == 0 ? 0 : latest_us + DIAGNOSIS_US;
}

/* A time that the wall clock has stretched does not count. */
static bool has_come(struct model *m, int64_t at_us, int64_t most_us)
{
    int64_t left_us = at_us - m->now.wall_us;
    if (left_us <= 0 || left_us > most_us)
        return true;
    look_at(m, at_us);
    return false;
}

bool outbox_is_due(struct model *m, const struct run *r)
{
    bool in_time = has_come(m, r->row.not_before_us, delays_us[TRIES - 2]);
    return in_time && (r->row.on != ON_DOWN ||
                       has_come(m, diagnosed_us(m, r), DIAGNOSIS_US));
}

static bool may_try_again(const struct model *m, const struct run *r)
{
    return r->row.attempt < TRIES && r->row.on != ON_ASKED &&
           r->row.exit_status != EXIT_MISCONFIGURED &&
           conf_runbook(m->conf, r->row.runbook) != NULL;
}

static void try_again(struct model *m, struct run *failed, int64_t delay_us)
{
    struct run_row row = failed->row;
    row.first = outbox_first(failed);
    row.number = ++m->last_run;
    row.attempt++;
    row.intended_us = m->now.wall_us;
    row.not_before_us = delay_us == 0 ? 0 : m->now.wall_us + delay_us;
    row.started_us = row.ended_us = 0;
    row.verdict = VERDICT_NONE;
    row.exit_status = -1;
    row.pid = 0;
    row.pid_start = 0;
    row.reason = row.sha256 = row.boot_id = row.findings = row.output = "";
    failed->superseded = true;
    run_intend_again(m, &row, failed->about);
}

const char *outbox_ended(struct model *m, struct run *r, bool known)
{
    char text[HUMAN_TEXT];
    if (r->row.verdict == VERDICT_DONE || r->row.on == ON_ASKED)
        return "";
    if (!may_try_again(m, r))
        return model_text(m, "; given up after %d attempt%s", r->row.attempt,
                          r->row.attempt == 1 ? "" : "s");
    int64_t delay_us = known ? delays_us[r->row.attempt - 1] : 0;
    try_again(m, r, delay_us);
    return model_text(
        m, "; attempt %d of %d %s%s", r->row.attempt + 1, TRIES,
        delay_us == 0 ? "follows" : "in ",
        delay_us == 0 ? "" : human_duration(delay_us * NS_PER_US, text));
}

/* -------------------------------------------------------------- in time --- */

/* False: it is held still; looked at again when that may be over. */
static bool is_active(struct model *m, const struct runbook_spec *book)
{
    if (active_now(book, m->conf->zone, m->now.wall_us))
        return true;
    look_at(m, active_next(book, m->conf->zone, m->now.wall_us));
    return false;
}

/* Its incident may be about to begin again: not known yet what is true. */
static bool is_undecided(struct model *m, const struct run *r)
{
    const struct episode *e = incident_find(m, r->row.incident);
    if (e == NULL || !e->reopening)
        return false;
    look_at(m, m->now.wall_us + LOOK_US);
    return true;
}

static void make_up_of(struct model *m, const struct runbook_spec *book)
{
    for (struct run *r = m->past.first; r != NULL; r = r->next) {
        if (r->row.state != RUN_HELD || r->superseded ||
            !str_eq(r->row.runbook, book->name))
            continue;
        struct node *n = model_node(m, r->row.check);
        if (n == NULL || n->maintenance != NULL)
            continue; /* the end of a window is told: outbox_changed */
        if (is_undecided(m, r))
            continue;
        bool owed = is_owed(m, r);
        r->superseded = true; /* said now, or never again true */
        if (owed)
            run_made_up(m, n, book, &r->row);
    }
}

/* What was held is said now. */
static void make_up(struct model *m)
{
    for (size_t i = 0; i < m->conf->runbook_count; i++) {
        const struct runbook_spec *book = &m->conf->runbooks[i];
        if (book->kind == RUNBOOK_NOTIFY && is_active(m, book))
            make_up_of(m, book);
    }
}

static void repeat_one(struct model *m, const struct runbook_spec *book,
                       const struct episode *e)
{
    struct node *n = model_node(m, e->row.check);
    const struct run *last =
        newest(m, book->name, e->row.number, ON_DOWN | ON_STILL_DOWN);
    if (n == NULL || (n->spec == NULL && !trouble_is(&n->row)) ||
        last == NULL || last->row.state != RUN_ENDED || book->missing != NULL)
        return;
    if (n->state.state != STATE_DOWN) { /* not seen: nothing to say for now */
        look_at(m, m->now.wall_us + LOOK_US);
        return;
    }
    int64_t repeat_us = book->repeat_ns / NS_PER_US;
    int64_t from_us = last->row.verdict == VERDICT_DONE ? last->row.intended_us
                                                        : last->row.ended_us;
    if (from_us > m->now.wall_us)
        from_us = m->now.wall_us; /* the wall clock went back */
    if (m->now.wall_us < from_us + repeat_us)
        look_at(m, from_us + repeat_us);
    else if (n->maintenance == NULL && is_active(m, book))
        run_repeat(m, n, book);
}

/* While nobody has taken the incident. */
static void repeat(struct model *m)
{
    for (size_t i = 0; i < m->conf->runbook_count; i++) {
        const struct runbook_spec *book = &m->conf->runbooks[i];
        if (book->kind != RUNBOOK_NOTIFY || book->repeat_ns == 0)
            continue;
        for (size_t k = 0; k < m->episode_count; k++)
            if (!m->episodes[k]->forming &&
                m->episodes[k]->row.state == INCIDENT_OPEN)
                repeat_one(m, book, m->episodes[k]);
    }
}

void outbox_changed(struct model *m)
{
    look_at(m, m->outbox_looked_us + AGAIN_US);
}

void outbox_clock_moved(struct model *m)
{
    m->outbox_due_us = m->outbox_looked_us = m->now.wall_us;
}

void outbox_tick(struct model *m)
{
    bool went_back = m->now.wall_us < m->outbox_looked_us;
    if (m->now.wall_us < m->outbox_due_us && !went_back)
        return;
    m->outbox_due_us = INT64_MAX;
    m->outbox_looked_us = m->now.wall_us;
    make_up(m);
    repeat(m);
    run_start_waiting(m);
}

int64_t outbox_wake(const struct model *m)
{
    if (m->conf == NULL || m->outbox_due_us == INT64_MAX)
        return MODEL_NEVER;
    int64_t in_us = m->outbox_due_us - m->now.wall_us;
    if (in_us > LOOK_US)
        in_us = LOOK_US;
    return m->now.mono_ns + (in_us < 0 ? 0 : in_us) * NS_PER_US;
}

/* model/beat.c: heartbeats: what a job reports, and when it is missed.
 *
 * A beat that ends a run becomes a report, which is judged by the check's
 * worker in place of a probe; its result goes the way of every result. A report
 * waits while another one is judged: a check never overlaps itself. What is
 * remembered of the run is stored in the same step as the result, and the beat
 * answered once both are on disk: killed before that, we have heard nothing,
 * and who sends it again is not taken for a repetition.
 *
 * The next beat is expected a period after the last, or at the next time of
 * `cron` (in its zone) after it, and missed `grace` later; a run whose start
 * was reported is missed when it lasts longer than that. Each miss is a failing
 * result, so that a second and third period without a beat count, too. A start
 * counts as having come: its end is then waited for.
 *
 * Time in which nobody could beat is not held against the job: after our own
 * start, a pause, a jump of the clock or a standstill nothing is missed before
 * `grace` has passed. */
#include "model/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/human.h"
#include "base/str.h"

/* A beat may be so much ahead of its time of `cron`: by another's clock. */
#define EARLY_US (60 * US_PER_S)
#define NEVER_US INT64_MAX
#define AHEAD_NS MODEL_AHEAD_NS
enum { WAITING_MOST = 64, EARLY_PART = 4 };

struct waiting { /* a report that is to be judged, or is */
    struct waiting *next;
    uint64_t ticket; /* 0: nobody waits for the answer */
    int64_t at_us;
    char rid[BEAT_RID + 1];
    bool of_run;               /* overdue: the run, not the beat */
    bool again;                /* judged a second time: nothing is new */
    bool twice;                /* the same beat, sent again */
    struct beat_report report; /* texts owned */
};

struct heart {
    struct beat_row row;   /* without its runs */
    int64_t not_before_us; /* nothing is missed before */
    struct beat_runs runs;
    struct waiting *first, **end; /* the first one is under way, if any is */
    size_t count;
    struct waiting *latest; /* the last one that was judged */
};

/* -------------------------------------------------------------- waiting --- */

static void free_waiting(struct waiting *w)
{
    if (w == NULL)
        return;
    free((void *)(uintptr_t)w->report.text);
    free((void *)(uintptr_t)w->report.log);
    free((void *)(uintptr_t)w->report.why);
    free(w);
}

static struct waiting *add_waiting(struct heart *h, const struct beat_report *r,
                                   const char *rid, int64_t at_us)
{
    struct waiting *w = xcalloc(1, sizeof *w);
    w->report = *r;
    w->report.text = xstrdup(r->text == NULL ? "" : r->text);
    w->report.log = xstrdup(r->log == NULL ? "" : r->log);
    w->report.why = xstrdup(r->why == NULL ? "" : r->why);
    w->at_us = at_us;
    snprintf(w->rid, sizeof w->rid, "%s", rid);
    *h->end = w;
    h->end = &w->next;
    h->count++;
    return w;
}

static struct waiting *take_first(struct heart *h)
{
    struct waiting *w = h->first;
    h->first = w->next;
    if (h->first == NULL)
        h->end = &h->first;
    h->count--;
    return w;
}

/* ---------------------------------------------------------------- times --- */

static int64_t grace_us(const struct node *n)
{
    return n->spec->heartbeat.grace_ns / NS_PER_US;
}

static int64_t next_tick(const struct node *n, int64_t after_us)
{
    int64_t at = cron_next(&n->cron, n->spec->zone, after_us / US_PER_S);
    return at == CRON_NEVER ? NEVER_US : at * US_PER_S;
}

static int64_t expected_us(const struct node *n)
{
    int64_t from_us = n->heart->row.from_us;
    if (n->spec->cron != NULL)
        return next_tick(n, from_us);
    return from_us + n->spec->heartbeat.period_ns / NS_PER_US;
}

/* From when on the next one is expected, after a beat at that time: one that
 * comes a little before a time of `cron` is the one of that time. */
static int64_t counted_from(const struct node *n, int64_t at_us)
{
    if (n->spec->cron == NULL)
        return at_us;
    int64_t next = next_tick(n, at_us), early_us = grace_us(n);
    if (next == NEVER_US)
        return at_us;
    int64_t after = next_tick(n, next);
    if (early_us > EARLY_US)
        early_us = EARLY_US;
    if (after != NEVER_US && (after - next) / EARLY_PART < early_us)
        early_us = (after - next) / EARLY_PART;
    return next - at_us <= early_us ? next : at_us;
}

static int64_t late_ns(const struct node *n, int64_t at_us)
{
    const struct beat_row *row = &n->heart->row;
    int64_t due_us = row->missed_us != 0 ? row->missed_us : expected_us(n);
    return at_us > due_us ? (at_us - due_us) * NS_PER_US : 0;
}

struct deadline {
    int64_t at_us;
    struct beat_run *run; /* whose end is missed then; NULL: the beat is */
};

static struct deadline next_deadline(struct node *n)
{
    struct heart *h = n->heart;
    struct deadline d = {expected_us(n), NULL};
    if (d.at_us != NEVER_US)
        d.at_us += grace_us(n);
    for (size_t i = 0; i < h->runs.count; i++) {
        struct beat_run *run = &h->runs.items[i];
        int64_t end_us = run->started_us + grace_us(n);
        if (run->started_us != 0 && run->ended_us == 0 && !run->missed &&
            end_us < d.at_us)
            d = (struct deadline){end_us, run};
    }
    if (d.at_us < h->not_before_us)
        d.at_us = h->not_before_us;
    return d;
}

/* It fails often enough, and was not let down: what it needs was to be asked
 * again, or we distrusted ourselves. No probe looks again, as with others: what
 * the job said last is judged again. */
static bool is_undecided(const struct node *n)
{
    return n->heart->latest != NULL && !n->depend.waiting &&
           state_is_ripe(&n->state, n->spec);
}

/* When the check is due next by the monotonic clock. */
static int64_t due_ns(const struct model *m, struct node *n)
{
    if (n->heart->first != NULL)
        return m->now.mono_ns;
    int64_t at_us = next_deadline(n).at_us, in_ns = 0;
    if (n->state.state == STATE_PAUSED)
        return MODEL_NEVER;
    if (is_undecided(n))
        return m->now.mono_ns + n->spec->retry_interval_ns;
    if (at_us == NEVER_US)
        return MODEL_NEVER;
    if (at_us > m->now.wall_us)
        in_ns = (at_us - m->now.wall_us) * NS_PER_US;
    /* The queue's are emitted that much before they are due. */
    return m->now.mono_ns + in_ns + AHEAD_NS;
}

void beat_arm(struct model *m, struct node *n)
{
    /* While one is judged, its result goes on. */
    int64_t due = n->probing != 0 ? MODEL_NEVER : due_ns(m, n);
    if (due == MODEL_NEVER)
        heap_remove(&m->queue, &n->due);
    else
        heap_set(&m->queue, &n->due, due);
}

void beat_excuse(struct model *m, struct node *n)
{
    n->heart->not_before_us = m->now.wall_us + grace_us(n);
    beat_arm(m, n);
}

/* -------------------------------------------------------------- records --- */

static void store(struct model *m, const struct node *n)
{
    struct buf runs = {0};
    struct record r = {.kind = RECORD_BEAT, .urgent = true};
    beat_runs_put(&n->heart->runs, &runs);
    r.as.beat = n->heart->row;
    r.as.beat.check = n->row.check;
    r.as.beat.runs = buf_text(&runs);
    model_commit(m, GRADE_RELAXED, r);
    buf_free(&runs);
}

static void heard(struct model *m, uint64_t ticket, const char *refusal)
{
    if (ticket == 0)
        return;
    struct action *a = model_act(m, ACTION_HEARD, "");
    a->after = refusal == NULL ? m->sequence : 0;
    a->as.heard.ticket = ticket;
    a->as.heard.refusal = refusal;
}

/* ---------------------------------------------------------------- beats --- */

/* One without a name is the job's only one: another start or line begins it
 * anew. NULL: it is over, and this came late. */
static struct beat_run *open_run(struct heart *h, const char *rid)
{
    struct beat_run *run = beat_runs_find(&h->runs, rid);
    if (run == NULL)
        return beat_runs_add(&h->runs, rid);
    if (run->ended_us == 0)
        return run;
    if (rid[0] != '\0')
        return NULL;
    run->started_us = run->ended_us = 0;
    run->missed = false;
    return run;
}

static void begin_run(struct model *m, struct node *n, const char *rid)
{
    struct heart *h = n->heart;
    struct beat_run *run = open_run(h, rid);
    bool sent_again =
        run != NULL && run->started_us != 0 && run->rid[0] != '\0';
    if (run == NULL || sent_again)
        return;
    run->started_us = m->now.wall_us;
    run->missed = false;
    run->late_ns = late_ns(n, m->now.wall_us);
    int64_t from_us = counted_from(n, m->now.wall_us);
    if (from_us > h->row.from_us)
        h->row.from_us = from_us;
    store(m, n);
}

static void note_log(struct model *m, struct node *n, const struct beat *b)
{
    struct beat_run *run = open_run(n->heart, b->rid);
    if (run == NULL || b->text[0] == '\0')
        return;
    beat_run_log(run, b->text);
    store(m, n);
}

static bool is_waiting(const struct heart *h, const char *rid)
{
    for (const struct waiting *w = h->first; w != NULL; w = w->next)
        if (str_eq(w->rid, rid) && w->report.kind != BEAT_OVERDUE)
            return true;
    return false;
}

static void end_run(struct model *m, struct node *n, const struct beat *b)
{
    struct heart *h = n->heart;
    struct beat_run *run = beat_runs_find(&h->runs, b->rid);
    struct beat_report report = {
        .kind = b->kind, .exit = b->exit, .text = b->text};
    bool named = b->rid[0] != '\0', over = run != NULL && run->ended_us != 0;
    if (named && over) {
        heard(m, b->ticket, NULL);
        return;
    }
    if (run != NULL && !over) {
        report.log = run->log;
        report.started_us = run->started_us;
    }
    report.late_ns =
        report.started_us != 0 ? run->late_ns : late_ns(n, m->now.wall_us);
    if (report.started_us == 0 && b->ran_us > 0) /* its start was not heard */
        report.started_us = m->now.wall_us - b->ran_us;
    if (report.started_us != 0 && report.started_us < m->now.wall_us)
        report.duration_ns = (m->now.wall_us - report.started_us) * NS_PER_US;
    bool twice = named && is_waiting(h, b->rid);
    struct waiting *w = add_waiting(h, &report, b->rid, m->now.wall_us);
    w->ticket = b->ticket;
    w->twice = twice;
}

void beat_event(struct model *m, const struct beat *b)
{
    struct node *n = model_node(m, b->check);
    bool known = n != NULL && n->spec != NULL && n->heart != NULL &&
                 n->spec->schedule == SCHEDULE_BEAT;
    if (!known || n->heart->count >= WAITING_MOST) {
        heard(m, b->ticket,
              known ? "too many beats of this check at once"
                    : "the check is no heartbeat");
        return;
    }
    if (b->kind == BEAT_END || b->kind == BEAT_FAIL) {
        end_run(m, n, b);
    } else {
        if (b->kind == BEAT_START)
            begin_run(m, n, b->rid);
        else
            note_log(m, n, b);
        heard(m, b->ticket, NULL);
    }
    beat_arm(m, n);
}

/* -------------------------------------------------------------- reports --- */

static const char *overdue_text(struct model *m, struct node *n,
                                const struct beat_run *run)
{
    const struct beat_row *row = &n->heart->row;
    char grace[HUMAN_TEXT];
    human_duration(n->spec->heartbeat.grace_ns, grace);
    if (run != NULL)
        return model_text(m, "the run that began at %s has not ended within %s",
                          window_time(m, run->started_us), grace);
    const char *due = window_time(m, expected_us(n));
    if (row->last_us == 0)
        return model_text(m,
                          "no beat: the first one was due at %s, and the grace "
                          "of %s is over",
                          due, grace);
    return model_text(m,
                      "no beat: one was due at %s, and the grace of %s is "
                      "over; the last one came at %s",
                      due, grace, window_time(m, row->last_us));
}

static void add_overdue(struct model *m, struct node *n, struct beat_run *run)
{
    struct beat_report report = {.kind = BEAT_OVERDUE,
                                 .why = overdue_text(m, n, run),
                                 .late_ns = late_ns(n, m->now.wall_us),
                                 .log = run == NULL ? NULL : run->log};
    struct waiting *w = add_waiting(
        n->heart, &report, run == NULL ? "" : run->rid, m->now.wall_us);
    w->of_run = run != NULL;
}

static void add_again(struct model *m, struct node *n)
{
    const struct waiting *latest = n->heart->latest;
    struct waiting *w =
        add_waiting(n->heart, &latest->report, latest->rid, m->now.wall_us);
    w->again = true;
}

static const char *reason_of(const struct waiting *w)
{
    return w->again                         ? "what it needs is decided"
           : w->report.kind == BEAT_OVERDUE ? "overdue"
                                            : "its job reports";
}

static void emit(struct model *m, struct node *n)
{
    struct heart *h = n->heart;
    while (h->first != NULL && h->first->twice) {
        struct waiting *w = take_first(h);
        heard(m, w->ticket, NULL);
        free_waiting(w);
    }
    if (h->first == NULL) {
        beat_arm(m, n);
        return;
    }
    struct rlv_dict *values = arena_alloc(m->scratch, sizeof *values);
    *values = beat_report_put(&h->first->report, m->scratch);
    schedule_report(m, n, values, reason_of(h->first));
}

void beat_due(struct model *m, struct node *n)
{
    if (n->probing != 0)
        return;
    if (n->heart->first != NULL) {
        emit(m, n);
        return;
    }
    struct deadline d = next_deadline(n);
    if (is_undecided(n)) {
        add_again(m, n);
        emit(m, n);
    } else if (d.at_us > m->now.wall_us || n->state.state == STATE_PAUSED) {
        beat_arm(m, n);
    } else {
        add_overdue(m, n, d.run);
        emit(m, n);
    }
}

void beat_again(struct model *m, struct node *n)
{
    bool failing =
        n->state.state == STATE_SUSPECT || n->state.state == STATE_IMPACTED;
    if (n->heart->latest == NULL || n->heart->first != NULL || !failing)
        return;
    add_again(m, n);
    beat_arm(m, n);
}

/* -------------------------------------------------------------- results --- */

/* Where the times of a long outage lie behind, they are not made up for. */
static void note_missed(struct model *m, struct node *n)
{
    struct beat_row *row = &n->heart->row;
    int64_t due_us = expected_us(n);
    if (row->missed_us == 0)
        row->missed_us = due_us;
    row->from_us = due_us;
    int64_t next_us = expected_us(n);
    if (next_us != NEVER_US && next_us + grace_us(n) <= m->now.wall_us)
        row->from_us = m->now.wall_us;
}

static void note_end(struct node *n, const struct waiting *w)
{
    struct heart *h = n->heart;
    struct beat_run *run = beat_runs_find(&h->runs, w->rid);
    if (run == NULL && w->rid[0] != '\0')
        run = beat_runs_add(&h->runs, w->rid);
    if (run != NULL) {
        run->ended_us = w->at_us;
        free(run->log);
        run->log = NULL;
    }
    h->row.last_us = w->at_us;
    h->row.missed_us = 0;
    bool begun = w->report.started_us != 0 && n->spec->cron != NULL;
    int64_t from_us = counted_from(n, w->at_us);
    if (!begun && from_us > h->row.from_us)
        h->row.from_us = from_us;
}

static void note_overdue(struct model *m, struct node *n,
                         const struct waiting *w)
{
    struct beat_run *run = beat_runs_find(&n->heart->runs, w->rid);
    if (!w->of_run)
        note_missed(m, n);
    else if (run != NULL)
        run->missed = true;
}

void beat_judged(struct model *m, struct node *n)
{
    struct heart *h = n->heart;
    if (h == NULL || h->first == NULL)
        return;
    struct waiting *w = take_first(h);
    w->next = NULL;
    if (!w->again) {
        if (w->report.kind == BEAT_OVERDUE)
            note_overdue(m, n, w);
        else
            note_end(n, w);
        store(m, n);
    }
    heard(m, w->ticket, NULL);
    free_waiting(h->latest);
    h->latest = w;
}

/* ------------------------------------------------------------- lifetime --- */

static struct heart *new_heart(void)
{
    struct heart *h = xcalloc(1, sizeof *h);
    h->end = &h->first;
    return h;
}

void model_restore_beat(struct model *m, const struct beat_row *row)
{
    struct node *n = model_node(m, row->check);
    bool known = row->from_us > 0 && row->from_us < BEAT_LATEST_US &&
                 row->missed_us >= 0 && row->missed_us < BEAT_LATEST_US;
    if (n == NULL || !known || n->heart != NULL)
        return;
    n->heart = new_heart();
    n->heart->row = *row;
    n->heart->row.runs = "";
    beat_runs_get(&n->heart->runs, row->runs);
}

/* Beats that came while our clock was ahead of the time are of now: else the
 * next one would not be missed before that time had come. */
static void bring_back(struct model *m, struct node *n)
{
    struct heart *h = n->heart;
    if (h->row.from_us > m->now.wall_us + EARLY_US)
        h->row.from_us = m->now.wall_us;
    for (size_t i = 0; i < h->runs.count; i++)
        if (h->runs.items[i].started_us > m->now.wall_us)
            h->runs.items[i].started_us = m->now.wall_us;
}

/* Of what it said before we were started only the state is known. */
static void recall_latest(struct model *m, struct node *n)
{
    static const struct beat_report failed = {
        .kind = BEAT_FAIL,
        .why = "what it reported before the monitor was started was a failure"};
    struct heart *h = n->heart;
    bool failing =
        n->state.state == STATE_SUSPECT || n->state.state == STATE_IMPACTED;
    if (h->latest != NULL || !failing)
        return;
    add_waiting(h, &failed, "", m->now.wall_us);
    h->latest = take_first(h);
}

void beat_config(struct model *m, struct node *n)
{
    if (n->spec->cron != NULL)
        must(cron_parse(n->spec->cron, &n->cron, NULL));
    m->has_cron = true; /* it is looked at by the wall clock */
    if (n->heart == NULL) {
        n->heart = new_heart();
        n->heart->row.from_us = m->now.wall_us;
        store(m, n);
    }
    bring_back(m, n);
    if (n->heart->first == NULL)
        recall_latest(m, n);
    beat_excuse(m, n);
}

/* A period lasts as long as was said; a run did. What is due at a time of the
 * day stays so. */
static void follow_clock(struct model *m, struct node *n)
{
    struct heart *h = n->heart;
    int64_t moved_us = m->distrust.moved_us;
    if (n->spec->cron == NULL)
        h->row.from_us += moved_us;
    for (size_t i = 0; i < h->runs.count; i++)
        if (h->runs.items[i].started_us != 0)
            h->runs.items[i].started_us += moved_us;
    bring_back(m, n);
    store(m, n);
}

void beat_disturbed(struct model *m)
{
    bool moved = m->distrust.moved_us != 0;
    if (!moved && !m->distrust.stood_still)
        return;
    for (size_t i = 0; i < m->node_count; i++) {
        struct node *n = m->nodes[i];
        if (n->spec == NULL || n->heart == NULL)
            continue;
        if (moved)
            follow_clock(m, n);
        beat_excuse(m, n);
    }
}

void beat_free_node(struct node *n)
{
    struct heart *h = n->heart;
    if (h == NULL)
        return;
    while (h->first != NULL)
        free_waiting(take_first(h));
    free_waiting(h->latest);
    beat_runs_clear(&h->runs);
    free(h);
    n->heart = NULL;
}

void beat_removed(struct model *m, struct node *n)
{
    if (n->heart == NULL)
        return;
    for (const struct waiting *w = n->heart->first; w != NULL; w = w->next)
        heard(m, w->ticket, "the check is no heartbeat any more");
    beat_runs_clear(&n->heart->runs);
    n->heart->row = (struct beat_row){0};
    store(m, n);
    beat_free_node(n);
}

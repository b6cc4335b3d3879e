/* Heartbeats: when a beat is missed, runs that overlap, what survives a
 * restart; and a month of a nightly job over the change to summer time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/str.h"
#include "lib/world.h"

enum { JOB = 1 };

#define MINUTE_NS (60 * NS_PER_S)
#define HOUR_NS   (60 * MINUTE_NS)

static struct tz *madrid;
static char latest[16384]; /* of the reports: "end 0 600s late 0s: log" */

/* ------------------------------------------------------------- a world --- */

static void make(struct world *w, const char *cron, int64_t period_ns,
                 int64_t grace_ns)
{
    world_begin(w, 1, 30 * NS_PER_S);
    struct check_spec *c = w->conf->checks;
    c->schedule = SCHEDULE_BEAT;
    c->plugin = "heartbeat";
    c->cron = cron;
    c->zone = madrid;
    c->heartbeat =
        (struct heartbeat_conf){.period_ns = period_ns, .grace_ns = grace_ns};
    c->failure_threshold = c->success_threshold = 1;
}

static void begin(struct world *w, const char *cron, int64_t period_ns,
                  int64_t grace_ns)
{
    make(w, cron, period_ns, grace_ns);
    world_config(w);
    world_said(w);
}

/* What a worker makes of the report that the latest step sends it. */
static bool judge(struct world *w)
{
    static const char *const kinds[] = {"start", "log", "end", "fail",
                                        "overdue"};
    struct beat_report b = {.kind = BEAT_START};
    for (size_t i = 0; i < w->last.count; i++)
        if (w->last.items[i].kind == ACTION_PROBE &&
            w->last.items[i].as.probe.check == JOB)
            assert_true(beat_report_get(w->last.items[i].as.probe.values, &b));
    if (b.kind == BEAT_START)
        return false;
    snprintf(latest, sizeof latest, "%s %d %ds late %ds: %.8000s|%.8000s%s",
             kinds[b.kind], (int)b.exit, (int)(b.duration_ns / NS_PER_S),
             (int)(b.late_ns / NS_PER_S), b.log, b.text, b.why);
    bool good = b.kind == BEAT_END && b.exit == 0;
    world_result(w, JOB, good ? OUTCOME_OK : OUTCOME_FAIL,
                 good                     ? RLV_F_NONE
                 : b.kind == BEAT_OVERDUE ? RLV_F_STALE
                                          : RLV_F_ERROR_RESPONSE,
                 "");
    return true;
}

static void judge_all(struct world *w)
{
    while (judge(w))
        ;
}

/* The daemon wakes the model as it asked, and a worker judges what comes. */
static void live_until(struct world *w, int64_t end_us)
{
    while (w->now.wall_us < end_us) {
        int64_t left_ns = (end_us - w->now.wall_us) * NS_PER_US;
        int64_t ns = w->last.next_wake_ns - w->now.mono_ns;
        if (ns < NS_PER_MS)
            ns = NS_PER_MS;
        world_pass(w, ns < left_ns ? ns : left_ns);
        judge_all(w);
    }
}

static void live(struct world *w, int64_t ns)
{
    live_until(w, w->now.wall_us + ns / NS_PER_US);
}

static void report(struct world *w, enum beat_kind kind, const char *rid,
                   int64_t status, const char *text)
{
    static uint64_t ticket;
    struct event e = {.kind = EVENT_BEAT};
    e.as.beat = (struct beat){.check = JOB,
                              .kind = kind,
                              .exit = status,
                              .rid = rid,
                              .text = text,
                              .ticket = ++ticket};
    world_step(w, &e);
}

static void beat(struct world *w, enum beat_kind kind, const char *rid,
                 int64_t status)
{
    report(w, kind, rid, status, "");
    judge_all(w);
}

static enum check_state state_of(const struct world *w)
{
    struct check_view v;
    assert_true(model_check_by_id(w->model, JOB, &v));
    return v.state->state;
}

#define assert_state(w, s) \
    assert_string_equal(state_name(state_of(w)), state_name(s))

/* --------------------------------------------------------------- period --- */

static void test_pending_until_the_first_is_missed(void **state)
{
    (void)state;
    struct world w;
    begin(&w, NULL, HOUR_NS, 5 * MINUTE_NS);
    live(&w, HOUR_NS + 4 * MINUTE_NS);
    assert_state(&w, STATE_PENDING);
    live(&w, 2 * MINUTE_NS);
    assert_state(&w, STATE_DOWN);
    assert_says(latest, "overdue 0 0s late 300s: |no beat: the first one was "
                        "due at 23:13, and the grace of 5m is over");
    beat(&w, BEAT_END, "", 0);
    assert_state(&w, STATE_UP);
    assert_string_equal(latest, "end 0 0s late 360s: |");
    world_end(&w);
}

static void test_each_period_without_a_beat_fails(void **state)
{
    (void)state;
    struct world w;
    make(&w, NULL, HOUR_NS, 5 * MINUTE_NS);
    w.conf->checks->failure_threshold = 3;
    world_config(&w);
    beat(&w, BEAT_END, "", 0);
    live(&w, 2 * HOUR_NS + 6 * MINUTE_NS);
    assert_state(&w, STATE_SUSPECT);
    live(&w, HOUR_NS);
    assert_state(&w, STATE_DOWN);
    assert_says(latest, "the last one came at 2023-11-14 22:13");
    world_end(&w);
}

/* One that begins in time may end a grace later; not after that. */
static void test_a_run_that_began_has_its_grace(void **state)
{
    (void)state;
    struct world w;
    begin(&w, NULL, HOUR_NS, 10 * MINUTE_NS);
    beat(&w, BEAT_END, "", 0);
    live(&w, HOUR_NS + 5 * MINUTE_NS);
    beat(&w, BEAT_START, "a", 0);
    live(&w, 9 * MINUTE_NS);
    assert_state(&w, STATE_UP);
    live(&w, 2 * MINUTE_NS);
    assert_state(&w, STATE_DOWN);
    assert_says(latest, "the run that began at 23:18 has not ended within 10m");
    live(&w, 4 * MINUTE_NS);
    beat(&w, BEAT_END, "a", 0);
    assert_state(&w, STATE_UP);
    assert_string_equal(latest, "end 0 900s late 300s: |");
    world_end(&w);
}

static void test_failures(void **state)
{
    (void)state;
    struct world w;
    begin(&w, NULL, HOUR_NS, 10 * MINUTE_NS);
    beat(&w, BEAT_END, "", 0);
    beat(&w, BEAT_FAIL, "", 0);
    assert_state(&w, STATE_DOWN);
    beat(&w, BEAT_END, "", 0);
    beat(&w, BEAT_END, "", 3);
    assert_state(&w, STATE_DOWN);
    assert_string_equal(latest, "end 3 0s late 0s: |");
    world_end(&w);
}

static void test_what_it_said_goes_with_its_end(void **state)
{
    (void)state;
    struct world w;
    begin(&w, NULL, HOUR_NS, 10 * MINUTE_NS);
    beat(&w, BEAT_START, "a", 0);
    report(&w, BEAT_LOG, "a", 0, "one\ttab");
    report(&w, BEAT_LOG, "b", 0, "another run");
    report(&w, BEAT_LOG, "a", 0, "two \\ back");
    report(&w, BEAT_END, "a", 0, "the end");
    judge_all(&w);
    assert_string_equal(latest,
                        "end 0 0s late 0s: one\ttab\ntwo \\ back|the end");
    live(&w, MINUTE_NS);
    world_end(&w);
}

/* ----------------------------------------------------------------- runs --- */

static void test_overlapping_runs_have_a_duration_each(void **state)
{
    (void)state;
    struct world w;
    begin(&w, NULL, HOUR_NS, 10 * MINUTE_NS);
    beat(&w, BEAT_START, "a", 0);
    live(&w, 2 * MINUTE_NS);
    beat(&w, BEAT_START, "b", 0);
    live(&w, MINUTE_NS);
    beat(&w, BEAT_END, "a", 0);
    assert_string_equal(latest, "end 0 180s late 0s: |");
    live(&w, MINUTE_NS);
    beat(&w, BEAT_END, "b", 0);
    assert_string_equal(latest, "end 0 120s late 0s: |");
    beat(&w, BEAT_END, "c", 0);
    assert_string_equal(latest, "end 0 0s late 0s: |");
    world_end(&w);
}

/* Sent again by curl --retry: heard, and counted once. */
static void test_a_beat_that_is_sent_again_counts_once(void **state)
{
    (void)state;
    struct world w;
    begin(&w, NULL, HOUR_NS, 10 * MINUTE_NS);
    beat(&w, BEAT_START, "a", 0);
    live(&w, MINUTE_NS);
    beat(&w, BEAT_START, "a", 0);
    world_said(&w);
    report(&w, BEAT_END, "a", 0, "");
    assert_silent(world_said(&w), "heard");
    struct world before = w; /* the step that its report is in */
    report(&w, BEAT_END, "a", 0, "");
    assert_string_equal(world_said(&w), "");
    w.last = before.last;
    world_result(&w, JOB, OUTCOME_OK, RLV_F_NONE, "");
    const char *said = world_said(&w);
    assert_int_equal(occurrences(said, "heard"), 2);
    assert_silent(said, "probe");
    beat(&w, BEAT_END, "a", 1);
    said = world_said(&w);
    assert_int_equal(occurrences(said, "heard"), 1);
    assert_silent(said, "probe");
    assert_state(&w, STATE_UP);
    world_end(&w);
}

/* The result, what is remembered of the run, and then the answer. */
static void test_heard_when_it_is_stored(void **state)
{
    (void)state;
    struct world w;
    uint64_t stored = 0, result = 0;
    begin(&w, NULL, HOUR_NS, 10 * MINUTE_NS);
    report(&w, BEAT_END, "a", 0, "");
    for (size_t i = 0; i < w.last.count; i++)
        assert_int_not_equal(w.last.items[i].kind, ACTION_COMMIT);
    judge_all(&w);
    for (size_t i = 0; i < w.last.count; i++) {
        const struct action *a = &w.last.items[i];
        if (a->kind == ACTION_COMMIT && a->as.record.kind == RECORD_BEAT)
            stored = a->as.record.sequence;
        if (a->kind == ACTION_COMMIT && a->as.record.kind == RECORD_RESULT)
            result = a->as.record.sequence;
        if (a->kind == ACTION_HEARD) {
            assert_null(a->as.heard.refusal);
            assert_true(a->after >= stored && stored > result && result > 0);
            world_end(&w);
            return;
        }
    }
    fail_msg("it was not answered");
}

static void test_more_runs_than_are_kept(void **state)
{
    (void)state;
    struct world w;
    char rid[8];
    begin(&w, NULL, HOUR_NS, 10 * MINUTE_NS);
    for (int i = 0; i < 3 * BEAT_RUNS; i++) {
        snprintf(rid, sizeof rid, "r%d", i);
        beat(&w, BEAT_START, rid, 0);
        if (i != 5)
            beat(&w, BEAT_END, rid, 0);
    }
    live(&w, 9 * MINUTE_NS);
    beat(&w, BEAT_END, "r5", 0); /* the one that goes on stayed */
    assert_string_equal(latest, "end 0 540s late 0s: |");
    world_end(&w);
}

static void test_too_many_at_once(void **state)
{
    (void)state;
    struct world w;
    begin(&w, NULL, HOUR_NS, 10 * MINUTE_NS);
    for (int i = 0; i < 65; i++)
        report(&w, BEAT_END, "", 0, "");
    assert_says(world_said(&w), "too many beats of this check at once");
    struct event e = {.kind = EVENT_BEAT,
                      .as.beat = {.check = 77, .ticket = 1}};
    world_step(&w, &e);
    assert_says(world_said(&w), "heard 1: the check is no heartbeat");
    world_end(&w);
}

/* ---------------------------------------------------------------- times --- */

/* The clock of the job's machine is a little ahead of ours. */
static void test_a_beat_right_before_its_time_is_the_one(void **state)
{
    (void)state;
    struct world w;
    int64_t at_us = 0;
    begin(&w, "0 4 * * *", 0, 30 * MINUTE_NS);
    assert_true(clock_parse("2023-11-15T02:59:30Z", &at_us));
    live_until(&w, at_us);
    beat(&w, BEAT_END, "", 0);
    live(&w, 2 * HOUR_NS);
    assert_state(&w, STATE_UP);
    assert_true(clock_parse("2023-11-16T02:50:00Z", &at_us));
    live_until(&w, at_us);
    beat(&w, BEAT_END, "", 0); /* by hand: it does not stand for the night's */
    live(&w, HOUR_NS);
    assert_state(&w, STATE_DOWN);
    world_end(&w);
}

static void test_a_jump_of_the_clock_accuses_nobody(void **state)
{
    (void)state;
    struct world w;
    begin(&w, "0 4 * * *", 0, 30 * MINUTE_NS);
    beat(&w, BEAT_END, "", 0);
    w.now.wall_us += 12 * (HOUR_NS / NS_PER_US);
    live(&w, 29 * MINUTE_NS);
    assert_state(&w, STATE_UP);
    live(&w, 2 * MINUTE_NS); /* it has not come since, either */
    assert_state(&w, STATE_DOWN);
    world_end(&w);

    begin(&w, NULL, HOUR_NS, 10 * MINUTE_NS);
    beat(&w, BEAT_END, "", 0);
    beat(&w, BEAT_START, "a", 0);
    w.now.wall_us += 5 * (HOUR_NS / NS_PER_US);
    live(&w, MINUTE_NS);
    beat(&w, BEAT_END, "a", 0);
    assert_string_equal(latest, "end 0 60s late 0s: |");
    live(&w, HOUR_NS);
    assert_state(&w, STATE_UP);
    world_end(&w);
}

static void test_a_standstill_accuses_nobody(void **state)
{
    (void)state;
    struct world w;
    begin(&w, NULL, HOUR_NS, 10 * MINUTE_NS);
    beat(&w, BEAT_END, "", 0);
    world_pass(&w, 3 * HOUR_NS);
    judge_all(&w);
    live(&w, 9 * MINUTE_NS);
    assert_state(&w, STATE_UP);
    live(&w, 2 * MINUTE_NS);
    assert_state(&w, STATE_DOWN);
    world_end(&w);
}

static void hold(struct world *w, bool paused)
{
    struct event e = {.kind = EVENT_PAUSE};
    e.as.pause.check = JOB;
    e.as.pause.paused = paused;
    e.as.pause.actor = "ana";
    e.as.pause.reason = "";
    world_step(w, &e);
    judge_all(w);
}

static void test_paused(void **state)
{
    (void)state;
    struct world w;
    begin(&w, NULL, HOUR_NS, 10 * MINUTE_NS);
    beat(&w, BEAT_END, "", 0);
    hold(&w, true);
    live(&w, 5 * HOUR_NS);
    beat(&w, BEAT_END, "", 1);
    assert_state(&w, STATE_PAUSED);
    live(&w, 5 * HOUR_NS);
    hold(&w, false);
    live(&w, 9 * MINUTE_NS);
    assert_state(&w, STATE_PENDING);
    live(&w, 2 * MINUTE_NS);
    assert_state(&w, STATE_DOWN);
    world_end(&w);
}

/* -------------------------------------------------------------- restart --- */

/* Another main begins so much later. */
static void restart(struct world *w, const char *cron, int64_t period_ns,
                    int64_t grace_ns, int64_t away_ns)
{
    struct world old = *w;
    make(w, cron, period_ns, grace_ns);
    w->now = old.now;
    w->now.mono_ns += away_ns;
    w->now.wall_us += away_ns / NS_PER_US;
    world_restart(w, &old);
    world_config(w);
    judge_all(w);
    world_end(&old);
}

static void test_restart_in_a_run(void **state)
{
    (void)state;
    struct world w;
    begin(&w, NULL, HOUR_NS, 10 * MINUTE_NS);
    beat(&w, BEAT_END, "", 0);
    beat(&w, BEAT_START, "a", 0);
    report(&w, BEAT_LOG, "a", 0, "halfway");
    live(&w, MINUTE_NS);
    restart(&w, NULL, HOUR_NS, 10 * MINUTE_NS, 4 * MINUTE_NS);
    assert_silent(world_said(&w), "transition");
    assert_state(&w, STATE_UP);
    beat(&w, BEAT_END, "a", 0);
    assert_string_equal(latest, "end 0 300s late 0s: halfway|");
    restart(&w, NULL, HOUR_NS, 10 * MINUTE_NS, MINUTE_NS);
    world_said(&w);
    beat(&w, BEAT_END, "a", 1); /* sent again */
    assert_silent(world_said(&w), "probe");
    assert_state(&w, STATE_UP);
    world_end(&w);
}

static void test_our_downtime_accuses_nobody(void **state)
{
    (void)state;
    struct world w;
    begin(&w, NULL, HOUR_NS, 10 * MINUTE_NS);
    beat(&w, BEAT_END, "", 0);
    restart(&w, NULL, HOUR_NS, 10 * MINUTE_NS, 24 * HOUR_NS);
    live(&w, 9 * MINUTE_NS);
    assert_state(&w, STATE_UP);
    live(&w, 2 * MINUTE_NS);
    assert_state(&w, STATE_DOWN);
    restart(&w, NULL, HOUR_NS, 10 * MINUTE_NS, HOUR_NS);
    assert_state(&w, STATE_DOWN);
    beat(&w, BEAT_END, "", 0);
    assert_state(&w, STATE_UP);
    assert_says(latest, "late 87060s"); /* from the first that was missed */
    world_end(&w);
}

/* A period that began before the restart goes on after it. */
static void test_a_restart_begins_no_new_period(void **state)
{
    (void)state;
    struct world w;
    begin(&w, NULL, 10 * HOUR_NS, 10 * MINUTE_NS);
    for (int i = 0; i < 10; i++) {
        live(&w, HOUR_NS);
        restart(&w, NULL, 10 * HOUR_NS, 10 * MINUTE_NS, MINUTE_NS);
    }
    assert_state(&w, STATE_PENDING);
    live(&w, 11 * MINUTE_NS);
    assert_state(&w, STATE_DOWN);
    world_end(&w);
}

/* The last beat came while our clock was years ahead; it was set right, then
 * or while we were stopped. */
static void test_a_clock_that_was_ahead(void **state)
{
    (void)state;
    for (int stopped = 0; stopped <= 1; stopped++) {
        struct world w;
        const int64_t year_ns = 365 * 24 * HOUR_NS;
        begin(&w, "0 4 * * *", 0, 30 * MINUTE_NS);
        w.now.wall_us += year_ns / NS_PER_US;
        beat(&w, BEAT_END, "", 0);
        beat(&w, BEAT_START, "a", 0);
        if (stopped) {
            restart(&w, "0 4 * * *", 0, 30 * MINUTE_NS, -year_ns);
        } else {
            w.now.wall_us -= year_ns / NS_PER_US;
            world_pass(&w, 0);
        }
        live(&w, MINUTE_NS);
        beat(&w, BEAT_END, "a", 0);
        assert_string_equal(latest, "end 0 60s late 0s: |");
        live(&w, 24 * HOUR_NS);
        assert_state(&w, STATE_DOWN);
        world_end(&w);
    }
}

static void test_nonsense_in_the_store(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "a",
        "a\t1",
        "a\t1\t2\t3\t0\t",
        "a\tx\t2\t3\t0\tlog\n",
        "a\t9223372036854775807\t-1\t3\t0\tlog\n",
        "\\",
        ("0123456789012345678901234567890123456789012345678901234567890123456"
         "\t1\t2\t3\t0\t\n")};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct beat_runs runs = {0};
        beat_runs_get(&runs, texts[i]);
        beat_runs_clear(&runs);
    }
}

/* ----------------------------------------------------------- depends_on --- */

/* Right after a jump of the clock nothing goes down; but soon. */
static void test_distrust_holds_it_for_a_while(void **state)
{
    (void)state;
    struct world w;
    begin(&w, NULL, HOUR_NS, 10 * MINUTE_NS);
    beat(&w, BEAT_END, "", 0);
    w.now.wall_us += HOUR_NS / NS_PER_US;
    beat(&w, BEAT_END, "", 4);
    assert_state(&w, STATE_SUSPECT);
    live(&w, MINUTE_NS);
    assert_state(&w, STATE_DOWN);
    assert_string_equal(latest, "end 4 0s late 0s: |");
    world_end(&w);
}

/* And so where we are restarted meanwhile. */
static void test_restart_while_it_is_held(void **state)
{
    (void)state;
    struct world w;
    begin(&w, NULL, HOUR_NS, 10 * MINUTE_NS);
    beat(&w, BEAT_END, "", 0);
    w.now.wall_us += HOUR_NS / NS_PER_US;
    beat(&w, BEAT_END, "", 4);
    restart(&w, NULL, HOUR_NS, 10 * MINUTE_NS, NS_PER_S);
    assert_state(&w, STATE_SUSPECT);
    live(&w, MINUTE_NS);
    assert_state(&w, STATE_DOWN);
    assert_says(latest, "before the monitor was started");
    world_end(&w);
}

/* The check b, an ordinary one, is what the job needs. */
static void test_it_failed_because_of_another(void **state)
{
    (void)state;
    enum { DATABASE = 2 };
    struct world w;
    world_begin(&w, 2, 10 * NS_PER_S);
    struct check_spec *c = w.conf->checks;
    c->schedule = SCHEDULE_BEAT;
    c->heartbeat =
        (struct heartbeat_conf){.period_ns = HOUR_NS, .grace_ns = HOUR_NS};
    c->failure_threshold = c->success_threshold = 1;
    world_needs(&w, 0, false, 1, (const size_t[]){1});
    world_config(&w);
    for (int i = 0; i < 3; i++)
        FAIL(&w, DATABASE);
    beat(&w, BEAT_END, "", 1);
    assert_state(&w, STATE_IMPACTED);
    FINE(&w, DATABASE);
    FINE(&w, DATABASE);
    /* The database is well, and what the job said still stands. */
    for (int i = 0; i < 100 && state_of(&w) != STATE_DOWN; i++) {
        if (judge(&w))
            continue;
        if (w.probe[DATABASE] != 0)
            FINE(&w, DATABASE);
        else
            world_wake(&w);
    }
    assert_state(&w, STATE_DOWN);
    assert_string_equal(latest, "end 1 0s late 0s: |");
    world_end(&w);
}

/* -------------------------------------------------------------- a month --- */

struct month {
    struct world w;
    struct buf story; /* "03-20 02:00 down", by UTC */
};

static void note(struct month *month, enum check_state *before)
{
    char text[CLOCK_TEXT];
    enum check_state now = state_of(&month->w);
    if (now == *before)
        return;
    clock_format(month->w.now.wall_us, text);
    buf_addf(&month->story, "%.11s %s\n", text + 5, state_name(now));
    *before = now;
}

/* The job's clock goes as cron(8) does: 02:30 of Madrid, but 03:00 on the day
 * on which there is none. */
static int64_t begins_us(int day)
{
    char text[CLOCK_TEXT];
    int64_t at_us = 0;
    int of_month = (day - 1) % 31 + 1, month = day <= 31 ? 3 : 4;
    snprintf(text, sizeof text, "2026-%02d-%02dT%sZ", month, of_month,
             day < 29    ? "01:30:02"
             : day == 29 ? "01:00:02"
                         : "00:30:02");
    assert_true(clock_parse(text, &at_us));
    return at_us;
}

enum { FIRST_DAY = 15, LAST_DAY = 45 };

static void run_job(struct month *month, const char *rid, int minutes)
{
    beat(&month->w, BEAT_START, rid, 0);
    live(&month->w, minutes * MINUTE_NS);
    beat(&month->w, BEAT_END, rid, 0);
}

/* On these days something else happens than a run of ten minutes. */
static void live_a_day(struct month *month, int day)
{
    struct world *w = &month->w;
    char rid[16];
    snprintf(rid, sizeof rid, "day-%d", day);
    live_until(w, begins_us(day));
    switch (day) {
    case 18: return; /* it does not run */
    case 21:
        live(w, 20 * MINUTE_NS);
        run_job(month, rid, 10);
        return;
    case 24: /* two at once */
        beat(w, BEAT_START, "other", 0);
        live(w, MINUTE_NS);
        run_job(month, rid, 10);
        assert_string_equal(latest, "end 0 600s late 0s: |");
        live(w, MINUTE_NS);
        beat(w, BEAT_END, "other", 0);
        assert_string_equal(latest, "end 0 720s late 2s: |");
        return;
    case 27: /* we are not there at its time, and miss its start */
        restart(w, "30 2 * * *", 0, 30 * MINUTE_NS, 40 * MINUTE_NS);
        beat(w, BEAT_END, rid, 0);
        return;
    case 33: /* we are restarted while it runs */
        beat(w, BEAT_START, rid, 0);
        restart(w, "30 2 * * *", 0, 30 * MINUTE_NS, 5 * MINUTE_NS);
        live(w, 5 * MINUTE_NS);
        beat(w, BEAT_END, rid, 0);
        assert_string_equal(latest, "end 0 600s late 2s: |");
        return;
    default: run_job(month, rid, 10);
    }
}

static void test_a_month(void **state)
{
    (void)state;
    struct month month = {0};
    enum check_state before = STATE_PENDING;
    begin(&month.w, "30 2 * * *", 0, 30 * MINUTE_NS);
    model_free(month.w.model);
    month.w.model = model_new(0);
    assert_true(clock_parse("2026-03-14T12:00:00Z", &month.w.now.wall_us));
    world_config(&month.w);
    for (int day = FIRST_DAY; day <= LAST_DAY; day++) {
        live_a_day(&month, day);
        note(&month, &before);
        live(&month.w, HOUR_NS);
        note(&month, &before);
    }
    /* Missed 30 min after 02:30 of the 18th, and no other day. */
    assert_string_equal(buf_text(&month.story), "03-15T01:40 up\n"
                                                "03-18T02:30 down\n"
                                                "03-19T01:40 up\n");
    buf_free(&month.story);
    world_end(&month.w);
}

static int set_up(void **state)
{
    struct err err;
    (void)state;
    madrid = tz_load("Europe/Madrid", &err);
    return madrid == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    tz_free(madrid);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pending_until_the_first_is_missed),
        cmocka_unit_test(test_each_period_without_a_beat_fails),
        cmocka_unit_test(test_a_run_that_began_has_its_grace),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_what_it_said_goes_with_its_end),
        cmocka_unit_test(test_overlapping_runs_have_a_duration_each),
        cmocka_unit_test(test_a_beat_that_is_sent_again_counts_once),
        cmocka_unit_test(test_heard_when_it_is_stored),
        cmocka_unit_test(test_more_runs_than_are_kept),
        cmocka_unit_test(test_too_many_at_once),
        cmocka_unit_test(test_a_beat_right_before_its_time_is_the_one),
        cmocka_unit_test(test_a_jump_of_the_clock_accuses_nobody),
        cmocka_unit_test(test_a_standstill_accuses_nobody),
        cmocka_unit_test(test_paused),
        cmocka_unit_test(test_restart_in_a_run),
        cmocka_unit_test(test_our_downtime_accuses_nobody),
        cmocka_unit_test(test_a_restart_begins_no_new_period),
        cmocka_unit_test(test_a_clock_that_was_ahead),
        cmocka_unit_test(test_nonsense_in_the_store),
        cmocka_unit_test(test_distrust_holds_it_for_a_while),
        cmocka_unit_test(test_restart_while_it_is_held),
        cmocka_unit_test(test_it_failed_because_of_another),
        cmocka_unit_test(test_a_month),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

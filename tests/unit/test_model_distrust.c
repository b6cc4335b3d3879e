/* test_model_distrust.c: bad clocks. The wall clock jumps (an hour, a day, ten
 * years, to 1970), or the monitor stands still: no burst, no hole, nothing that
 * goes down for it, and what was to last a time lasts that time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lib/world.h"

#define HOUR_US (3600 * US_PER_S)
#define DAY_US  (24 * HOUR_US)

/* Far, and too near to be more than a correction; the last leads to 1970. */
static const int64_t jumps_us[] = {HOUR_US,
                                   -HOUR_US,
                                   -DAY_US,
                                   3650 * DAY_US,
                                   -3650 * DAY_US,
                                   700 * US_PER_MS,
                                   -1700000900 * US_PER_S};

static void jump(struct world *w, int64_t by_us)
{
    w->now.wall_us += by_us;
    world_pass(w, 0);
}

/* Flags of the result in the latest step. */
static unsigned flags_of(const struct world *w)
{
    for (size_t i = 0; i < w->last.count; i++) {
        const struct action *a = &w->last.items[i];
        if (a->kind == ACTION_COMMIT && a->as.record.kind == RECORD_RESULT)
            return a->as.record.as.result->flags;
    }
    fail_msg("no result");
    return 0;
}

static enum check_state state_of(const struct world *w, uint32_t check)
{
    return w->model->nodes[check - 1]->state.state;
}

static const char *distrusts(const struct world *w)
{
    int64_t left_ns;
    const char *why = model_distrust(w->model, w->now.mono_ns, &left_ns);
    return why == NULL ? "" : why;
}

/* ----------------------------------------------------------- wall clock --- */

static void intervals_do_not_notice(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(jumps_us); i++) {
        struct world w;
        int64_t last_ns = 0;
        world_begin(&w, 1, 10 * NS_PER_S);
        world_config(&w);
        FINE(&w, 1);
        for (int n = 0; n < 60; n++) {
            if (n % 20 == 10)
                jump(&w, n % 40 == 10 ? jumps_us[i] : -jumps_us[i]);
            while (w.probe[1] == 0)
                world_wake(&w);
            if (n > 0)
                assert_int_equal(w.due[1] - last_ns, 10 * NS_PER_S);
            last_ns = w.due[1];
            FINE(&w, 1);
            assert_false(flags_of(&w) & RESULT_LATE);
        }
        assert_int_equal(state_of(&w, 1), STATE_UP);
        assert_silent(world_said(&w), "transition 1 suspect");
        world_end(&w);
    }
}

static void a_jump_is_distrusted_for_30_s(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 1, 10 * NS_PER_S);
    world_config(&w);
    FINE(&w, 1);
    assert_string_equal(distrusts(&w), "");
    assert_false(flags_of(&w) & RESULT_DISTURBED);
    jump(&w, -DAY_US);
    assert_string_equal(distrusts(&w), "the wall clock went back by 1d 0h");
    assert_says(buf_text(&w.tells),
                "the wall clock went back by 1d 0h: for 30s");
    for (int i = 0; i < 2; i++) {
        FINE(&w, 1);
        assert_true(flags_of(&w) & RESULT_DISTURBED);
    }
    FINE(&w, 1);
    FINE(&w, 1);
    assert_string_equal(distrusts(&w), "");
    assert_false(flags_of(&w) & RESULT_DISTURBED);
    world_end(&w);
}

static void a_correction_is_not_distrusted(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 1, 10 * NS_PER_S);
    world_config(&w);
    FINE(&w, 1);
    for (int i = 0; i < 10; i++) {
        jump(&w, (i % 2 ? -1 : 1) * 1900 * US_PER_MS);
        FINE(&w, 1);
        assert_false(flags_of(&w) & RESULT_DISTURBED);
    }
    assert_silent(buf_text(&w.tells), "clock");
    world_end(&w);
}

/* What fails right after it waits, and goes down when it still fails then. */
static void nothing_goes_down_meanwhile(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 1, 10 * NS_PER_S);
    w.conf->checks[0].failure_threshold = 2;
    world_config(&w);
    FINE(&w, 1);
    jump(&w, HOUR_US);
    int64_t end_ns = w.now.mono_ns + 30 * NS_PER_S;
    int fails = 0;
    while (w.now.mono_ns < end_ns - 5 * NS_PER_S) {
        FAIL(&w, 1);
        assert_int_equal(state_of(&w, 1), STATE_SUSPECT);
        fails++;
    }
    assert_in_range(fails, 4, 7);
    assert_silent(world_said(&w), "incident");
    while (state_of(&w, 1) == STATE_SUSPECT && w.now.mono_ns < end_ns * 2)
        FAIL(&w, 1);
    assert_in_range(w.now.mono_ns, end_ns, end_ns + 10 * NS_PER_S);
    assert_says(world_said(&w), "incident 1 open");
    world_end(&w);
}

/* A monitor that is starved again and again still tells of an outage. */
static void it_hides_no_outage_for_ever(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 1, 10 * NS_PER_S);
    world_config(&w);
    FINE(&w, 1);
    world_pass(&w, 20 * NS_PER_S);
    int64_t begin_ns = w.now.mono_ns;
    while (state_of(&w, 1) != STATE_DOWN &&
           w.now.mono_ns < begin_ns + 600 * NS_PER_S) {
        world_pass(&w, 15 * NS_PER_S);
        FAIL(&w, 1);
    }
    assert_string_not_equal(distrusts(&w), "");
    assert_in_range(w.now.mono_ns - begin_ns, 45 * NS_PER_S, 100 * NS_PER_S);
    assert_true(flags_of(&w) & RESULT_DISTURBED);
    assert_says(world_said(&w), "incident 1 open");
    assert_says(buf_text(&w.texts), "distrust: the monitor stood still for ");
    assert_says(buf_text(&w.texts), "failed too long to wait for that");
    world_end(&w);
}

/* The next failure is held back anew. */
static void a_good_result_ends_its_patience(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 1, 10 * NS_PER_S);
    w.conf->checks[0].failure_threshold = 1;
    world_config(&w);
    for (int i = 0; i < 20; i++) {
        jump(&w, i % 2 ? -HOUR_US : HOUR_US);
        FAIL(&w, 1);
        FAIL(&w, 1);
        assert_int_equal(state_of(&w, 1), STATE_SUSPECT);
        FINE(&w, 1);
    }
    world_end(&w);
}

static void again_and_again_is_a_trouble(void **unused)
{
    (void)unused;
    static const char name[] = "relevo:time:self";
    struct check_view v;
    struct world w;
    world_begin(&w, 1, 10 * NS_PER_S);
    world_book(&w, "call", RUNBOOK_NOTIFY, ON_DOWN | ON_RECOVERED);
    world_config(&w);
    for (int i = 0; i < 2; i++) {
        FINE(&w, 1);
        jump(&w, HOUR_US);
    }
    assert_false(model_trouble(w.model, 0, &v));
    FINE(&w, 1);
    jump(&w, -2 * HOUR_US);
    assert_true(model_trouble(w.model, 0, &v));
    assert_string_equal(v.row->name, name);
    assert_says(buf_text(&w.texts), "disturbed 3 times within 10 minutes, at "
                                    "last: the wall clock went back by 2h");
    assert_says(world_said(&w), "run call");
    world_run_ends(&w, model_live_run(w.model, 0)->number, 0, "");
    for (int i = 0; i < 59; i++)
        FINE(&w, 1);
    assert_true(model_trouble(w.model, 0, &v));
    FINE(&w, 1);
    FINE(&w, 1);
    assert_false(model_trouble(w.model, 0, &v));
    assert_says(world_said(&w), "run call");
    world_end(&w);
}

/* Seldom enough, it is none. */
static void now_and_then_is_no_trouble(void **unused)
{
    (void)unused;
    struct check_view v;
    struct world w;
    world_begin(&w, 1, 10 * NS_PER_S);
    world_config(&w);
    for (int i = 0; i < 10; i++) {
        jump(&w, HOUR_US);
        for (int n = 0; n < 31; n++)
            FINE(&w, 1);
        assert_false(model_trouble(w.model, 0, &v));
    }
    world_end(&w);
}

/* It was on when main ended, and is over ten minutes after the next start. */
static void a_trouble_ends_over_a_restart(void **unused)
{
    (void)unused;
    struct check_view v;
    struct world a, b;
    world_begin(&a, 1, 10 * NS_PER_S);
    world_begin(&b, 1, 10 * NS_PER_S);
    world_config(&a);
    for (int i = 0; i < 3; i++)
        jump(&a, HOUR_US);
    assert_true(model_trouble(a.model, 0, &v));
    world_restart(&b, &a);
    b.now = a.now;
    world_config(&b);
    assert_true(model_trouble(b.model, 0, &v));
    for (int i = 0; i < 62; i++)
        FINE(&b, 1);
    assert_false(model_trouble(b.model, 0, &v));
    world_end(&a);
    world_end(&b);
}

static void one_that_was_down_recovers_meanwhile(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 1, 10 * NS_PER_S);
    world_config(&w);
    for (int i = 0; i < 3; i++)
        FAIL(&w, 1);
    assert_int_equal(state_of(&w, 1), STATE_DOWN);
    jump(&w, -HOUR_US);
    FINE(&w, 1);
    FINE(&w, 1);
    assert_int_equal(state_of(&w, 1), STATE_UP);
    assert_says(buf_text(&w.texts),
                "recovered: enough good results in a row, after 30.0s");
    world_end(&w);
}

/* ----------------------------------------------------------- standstill --- */

/* All probes in flight end well; returns how many of that check there were. */
static int answer_all(struct world *w, uint32_t check, unsigned *flags)
{
    int n = 0;
    for (uint32_t i = 1; i <= w->conf->check_count; i++) {
        if (w->probe[i] == 0)
            continue;
        world_result(w, i, OUTCOME_OK, RLV_F_NONE, "");
        if (i == check && n++ == 0)
            *flags = flags_of(w);
    }
    return n;
}

static int run_until(struct world *w, uint32_t check, int64_t end_ns,
                     unsigned *flags)
{
    int n = answer_all(w, check, flags);
    while (w->now.mono_ns < end_ns) {
        world_wake(w);
        n += answer_all(w, check, flags);
    }
    return n;
}

static void each_check_catches_up_once(void **unused)
{
    (void)unused;
    int made_up = 0;
    for (uint32_t check = 1; check <= WORLD_CHECKS; check++) {
        struct world w;
        unsigned flags = 0, other = 0;
        world_begin(&w, WORLD_CHECKS, 60 * NS_PER_S);
        world_config(&w);
        run_until(&w, 1, w.now.mono_ns + 90 * NS_PER_S, &flags);
        world_pass(&w, 600 * NS_PER_S);
        int64_t resumed_ns = w.now.mono_ns;
        assert_says(distrusts(&w), "the monitor stood still for ");
        int first = run_until(&w, check, resumed_ns + 40 * NS_PER_MS, &flags);
        int all =
            first + run_until(&w, check, resumed_ns + 120 * NS_PER_S, &other);
        assert_true(first >= 1);
        bool late = (flags & RESULT_LATE) != 0;
        assert_in_range(all - late, 2, 3); /* its turns */
        assert_true(flags & RESULT_DISTURBED);
        assert_false(other & RESULT_LATE);
        made_up += late;
        world_end(&w);
    }
    assert_in_range(made_up, 6, WORLD_CHECKS);
}

/* They come one after another, not in one moment. */
static void catching_up_is_no_burst(void **unused)
{
    (void)unused;
    struct world w;
    unsigned flags;
    int64_t due_ns[WORLD_CHECKS + 1];
    world_begin(&w, WORLD_CHECKS, 60 * NS_PER_S);
    world_config(&w);
    run_until(&w, 1, w.now.mono_ns + 90 * NS_PER_S, &flags);
    world_pass(&w, 600 * NS_PER_S);
    memcpy(due_ns, w.due, sizeof due_ns);
    for (uint32_t i = 1; i <= WORLD_CHECKS; i++) {
        assert_true(w.probe[i] != 0);
        for (uint32_t k = 1; k < i; k++)
            assert_true(due_ns[i] - due_ns[k] >= 4 * NS_PER_MS);
    }
    world_end(&w);
}

static void a_frequent_check_goes_on_as_before(void **unused)
{
    (void)unused;
    struct world w;
    unsigned flags = 0;
    world_begin(&w, 3, NS_PER_S);
    world_config(&w);
    run_until(&w, 1, w.now.mono_ns + 10 * NS_PER_S, &flags);
    world_pass(&w, 60 * NS_PER_S);
    int n = run_until(&w, 1, w.now.mono_ns + 10 * NS_PER_S, &flags);
    assert_in_range(n, 10, 11);
    world_end(&w);
}

/* A machine that was suspended: its monotonic clock stood. */
static void a_suspended_machine_is_distrusted(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 1, 60 * NS_PER_S);
    world_config(&w);
    FINE(&w, 1);
    world_said(&w);
    jump(&w, 8 * HOUR_US);
    assert_says(distrusts(&w), "jumped ahead by 8h");
    assert_silent(world_said(&w), "probe");
    FINE(&w, 1);
    world_end(&w);
}

/* The child waits for its parent: not answered, because we slept. */
static void patience_begins_anew(void **unused)
{
    (void)unused;
    static const size_t a_only[] = {0};
    struct world w;
    world_begin(&w, 2, 10 * NS_PER_S);
    w.conf->checks[1].failure_threshold = 1;
    world_needs(&w, 1, false, 1, a_only);
    world_config(&w);
    FINE(&w, 1);
    FINE(&w, 2);
    FAIL(&w, 2);
    assert_int_equal(state_of(&w, 2), STATE_SUSPECT);
    while (w.probe[1] == 0)
        world_wake(&w);
    world_pass(&w, 60 * NS_PER_S);
    assert_int_equal(state_of(&w, 2), STATE_SUSPECT);
    world_wait(&w, 9 * NS_PER_S); /* less than timeout and grace */
    assert_int_equal(state_of(&w, 2), STATE_SUSPECT);
    world_result(&w, 1, OUTCOME_FAIL, RLV_F_REFUSED, "");
    FAIL(&w, 1);
    FAIL(&w, 1);
    for (int i = 0; state_of(&w, 1) != STATE_DOWN && i < 10; i++)
        FAIL(&w, 1);
    FAIL(&w, 2);
    assert_int_equal(state_of(&w, 2), STATE_IMPACTED);
    world_end(&w);
}

/* --------------------------------------------------------------- cron --- */

/* 2023-11-14T22:13:20Z is where a world begins. */
static void begin_cron(struct world *w, const char *cron)
{
    world_begin(w, 1, 10 * NS_PER_S);
    w->conf->checks[0].schedule = SCHEDULE_CRON;
    w->conf->checks[0].cron = cron;
    world_config(w);
}

/* Probes within that time. */
static int count(struct world *w, int64_t for_ns)
{
    unsigned flags;
    return run_until(w, 1, w->now.mono_ns + for_ns, &flags);
}

static void what_a_jump_skips_runs_once(void **unused)
{
    (void)unused;
    static const int64_t ahead_us[] = {HOUR_US, 30 * DAY_US, 3650 * DAY_US};
    for (size_t i = 0; i < ARRAY_LEN(ahead_us); i++) {
        struct world w;
        begin_cron(&w, "30 22 * * *");
        jump(&w, ahead_us[i]);
        assert_true(w.probe[1] != 0);
        world_result(&w, 1, OUTCOME_OK, RLV_F_NONE, "");
        assert_true(flags_of(&w) & RESULT_LATE);
        assert_int_equal(count(&w, 600 * NS_PER_S), 0);
        assert_int_equal(count(&w, 24 * 3600 * NS_PER_S), 1);
        world_end(&w);
    }
}

static void what_follows_the_wall_is_not_made_up(void **unused)
{
    (void)unused;
    struct world w;
    begin_cron(&w, "*/20 * * * *");
    jump(&w, HOUR_US);
    assert_int_equal(w.probe[1], 0);
    assert_int_equal(count(&w, 3600 * NS_PER_S), 3);
    jump(&w, -HOUR_US);
    assert_int_equal(count(&w, 3600 * NS_PER_S), 3);
    world_end(&w);
}

static void what_was_at_a_fixed_time_is_not_repeated(void **unused)
{
    (void)unused;
    struct world w;
    begin_cron(&w, "30 22 * * *");
    assert_int_equal(count(&w, 1200 * NS_PER_S), 1);
    jump(&w, -HOUR_US);
    assert_int_equal(count(&w, 7200 * NS_PER_S), 0);
    assert_int_equal(count(&w, 22 * 3600 * NS_PER_S), 0);
    assert_int_equal(count(&w, 3600 * NS_PER_S), 1);
    world_end(&w);
}

/* Far back: the clock was wrong before, and its times begin anew. */
static void a_wrong_clock_keeps_nothing_from_running(void **unused)
{
    (void)unused;
    static const int64_t back_us[] = {-DAY_US, -3650 * DAY_US};
    for (size_t i = 0; i < ARRAY_LEN(back_us); i++) {
        struct world w;
        begin_cron(&w, "30 22 * * *");
        jump(&w, -back_us[i]);
        if (w.probe[1] != 0)
            world_result(&w, 1, OUTCOME_OK, RLV_F_NONE, "");
        jump(&w, back_us[i]);
        assert_int_equal(count(&w, 3600 * NS_PER_S), 1);
        assert_int_equal(count(&w, 24 * 3600 * NS_PER_S), 1);
        world_end(&w);
    }
}

static void a_cron_check_catches_up_once(void **unused)
{
    (void)unused;
    struct world w;
    begin_cron(&w, "*/5 * * * *");
    world_pass(&w, 3600 * NS_PER_S);
    assert_true(w.probe[1] != 0);
    world_result(&w, 1, OUTCOME_OK, RLV_F_NONE, "");
    assert_true(flags_of(&w) & RESULT_LATE);
    assert_int_equal(count(&w, 590 * NS_PER_S), 2);
    world_end(&w);
}

/* ------------------------------------------------- what lasts for a time ---
 */

/* Diagnoses of the one check, which fails and recovers, within that time. */
static int diagnoses(struct world *w, int64_t for_ns)
{
    int64_t end_ns = w->now.mono_ns + for_ns;
    int n = 0;
    while (w->now.mono_ns < end_ns) {
        const struct run_row *live = model_live_run(w->model, 0);
        if (live != NULL) {
            world_run_ends(w, live->number, 0, "");
            n++;
            continue;
        }
        FAIL(w, 1);
        FINE(w, 1);
    }
    return n;
}

static void a_cooldown_lasts_as_long_as_ever(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(jumps_us); i++) {
        struct world w;
        world_begin(&w, 1, 10 * NS_PER_S);
        world_book(&w, "look", RUNBOOK_DIAGNOSE, ON_SUSPECT);
        world_config(&w);
        assert_int_equal(diagnoses(&w, 60 * NS_PER_S), 1);
        jump(&w, jumps_us[i]);
        assert_int_equal(diagnoses(&w, 200 * NS_PER_S), 0);
        assert_int_equal(diagnoses(&w, 120 * NS_PER_S), 1);
        world_end(&w);
    }
}

static void a_clock_put_back_while_stopped_lengthens_no_cooldown(void **unused)
{
    (void)unused;
    struct world a, b;
    struct world *both[] = {&a, &b};
    for (size_t i = 0; i < 2; i++) {
        world_begin(both[i], 1, 10 * NS_PER_S);
        world_book(both[i], "look", RUNBOOK_DIAGNOSE, ON_SUSPECT);
    }
    world_config(&a);
    diagnoses(&a, 60 * NS_PER_S);
    world_restart(&b, &a);
    b.now.wall_us = a.now.wall_us - DAY_US;
    world_config(&b);
    assert_int_equal(diagnoses(&b, 280 * NS_PER_S), 0);
    assert_int_equal(diagnoses(&b, 60 * NS_PER_S), 1);
    world_end(&a);
    world_end(&b);
}

static void a_pause_lasts_as_long_as_was_said(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(jumps_us); i++) {
        struct world w;
        world_begin(&w, 1, 10 * NS_PER_S);
        world_config(&w);
        FINE(&w, 1);
        struct event e = {.kind = EVENT_PAUSE};
        e.as.pause.check = 1;
        e.as.pause.paused = true;
        e.as.pause.until_us = w.now.wall_us + HOUR_US;
        e.as.pause.actor = "ana";
        e.as.pause.reason = "";
        world_step(&w, &e);
        world_wait(&w, 600 * NS_PER_S);
        jump(&w, jumps_us[i]);
        world_wait(&w, 2990 * NS_PER_S);
        assert_int_equal(state_of(&w, 1), STATE_PAUSED);
        world_wait(&w, 20 * NS_PER_S);
        assert_int_equal(state_of(&w, 1), STATE_PENDING);
        world_end(&w);
    }
}

static void a_window_lasts_as_long_as_was_said(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(jumps_us); i++) {
        struct world w;
        world_begin(&w, 1, 10 * NS_PER_S);
        world_config(&w);
        FINE(&w, 1);
        struct event e = {.kind = EVENT_WINDOW};
        e.as.window = (struct window_row){.until_us = w.now.wall_us + HOUR_US,
                                          .checks = "",
                                          .tags = "",
                                          .environments = "",
                                          .actor = "ana",
                                          .reason = ""};
        world_step(&w, &e);
        world_wait(&w, 600 * NS_PER_S);
        jump(&w, jumps_us[i]);
        world_wait(&w, 2990 * NS_PER_S);
        assert_non_null(w.model->nodes[0]->maintenance);
        world_wait(&w, 20 * NS_PER_S);
        assert_null(w.model->nodes[0]->maintenance);
        world_end(&w);
    }
}

/* It is sent again after 15 s, whatever the wall clock says. */
static void a_notice_is_sent_again_in_time(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(jumps_us); i++) {
        struct world w;
        world_begin(&w, 1, 10 * NS_PER_S);
        w.conf->checks[0].failure_threshold = 1;
        world_book(&w, "call", RUNBOOK_NOTIFY, ON_DOWN);
        world_config(&w);
        FAIL(&w, 1);
        world_run_ends(&w, 1, 1, "");
        world_wait(&w, 5 * NS_PER_S);
        jump(&w, jumps_us[i]);
        world_wait(&w, 8 * NS_PER_S);
        assert_null(model_live_run(w.model, 0));
        world_wait(&w, 4 * NS_PER_S);
        assert_int_equal(model_live_run(w.model, 0)->attempt, 2);
        world_end(&w);
    }
}

static void an_outage_within_ten_minutes_reopens(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(jumps_us); i++) {
        struct world w;
        world_begin(&w, 1, 10 * NS_PER_S);
        w.conf->checks[0].failure_threshold = 1;
        w.conf->checks[0].success_threshold = 1;
        world_config(&w);
        FAIL(&w, 1);
        FINE(&w, 1);
        jump(&w, jumps_us[i]);
        for (int n = 0; n < 50; n++)
            FINE(&w, 1);
        FAIL(&w, 1);
        assert_says(world_said(&w), "event 1 reopened");
        FINE(&w, 1);
        for (int n = 0; n < 61; n++)
            FINE(&w, 1);
        FAIL(&w, 1);
        assert_says(world_said(&w), "incident 2 open");
        world_end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_do_not_notice),
        cmocka_unit_test(a_jump_is_distrusted_for_30_s),
        cmocka_unit_test(a_correction_is_not_distrusted),
        cmocka_unit_test(nothing_goes_down_meanwhile),
        cmocka_unit_test(it_hides_no_outage_for_ever),
        cmocka_unit_test(a_good_result_ends_its_patience),
        cmocka_unit_test(again_and_again_is_a_trouble),
        cmocka_unit_test(now_and_then_is_no_trouble),
        cmocka_unit_test(a_trouble_ends_over_a_restart),
        cmocka_unit_test(one_that_was_down_recovers_meanwhile),
        cmocka_unit_test(each_check_catches_up_once),
        cmocka_unit_test(catching_up_is_no_burst),
        cmocka_unit_test(a_frequent_check_goes_on_as_before),
        cmocka_unit_test(a_suspended_machine_is_distrusted),
        cmocka_unit_test(patience_begins_anew),
        cmocka_unit_test(what_a_jump_skips_runs_once),
        cmocka_unit_test(what_follows_the_wall_is_not_made_up),
        cmocka_unit_test(what_was_at_a_fixed_time_is_not_repeated),
        cmocka_unit_test(a_wrong_clock_keeps_nothing_from_running),
        cmocka_unit_test(a_cron_check_catches_up_once),
        cmocka_unit_test(a_cooldown_lasts_as_long_as_ever),
        cmocka_unit_test(a_clock_put_back_while_stopped_lengthens_no_cooldown),
        cmocka_unit_test(a_pause_lasts_as_long_as_was_said),
        cmocka_unit_test(a_window_lasts_as_long_as_was_said),
        cmocka_unit_test(a_notice_is_sent_again_in_time),
        cmocka_unit_test(an_outage_within_ten_minutes_reopens),
    };
    return cmocka_run_group_tests_name("model_distrust", tests, NULL, NULL);
}

/* test_model_outbox.c: notices until they are delivered or given up: attempts,
 * order, who gets what, repetition, active hours, maintenance, restarts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/str.h"
#include "lib/world.h"
#include "model/fault.h"

#define BUSY 75
#define BOTH (ON_DOWN | ON_RECOVERED)

/* Checks that go down and up with one result, and one notice, "call". */
static struct runbook_spec *begin(struct world *w, size_t checks)
{
    world_begin(w, checks, 10 * NS_PER_S);
    for (size_t i = 0; i < checks; i++)
        w->conf->checks[i].failure_threshold =
            w->conf->checks[i].success_threshold = 1;
    return world_book(w, "call", RUNBOOK_NOTIFY, BOTH);
}

static uint64_t live(const struct world *w)
{
    const struct run_row *row = model_live_run(w->model, 0);
    return row == NULL ? 0 : row->number;
}

/* Time passes in small steps, as wakes would let it. */
static void a_failed_notice_is_tried_five_times_in_ten_minutes(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1);
    world_config(&w);
    FAIL(&w, 1);
    int64_t began_us = w.now.wall_us;
    for (int attempt = 1; attempt <= 5; attempt++) {
        for (int s = 0; s < 400 && live(&w) == 0; s++)
            world_pass(&w, NS_PER_S);
        const struct run_row *row = model_live_run(w.model, 0);
        assert_non_null(row);
        assert_int_equal(row->attempt, attempt);
        assert_int_equal(row->first, attempt == 1 ? 0 : 1);
        assert_null(model_dead_letter(w.model, 0));
        world_run_ends(&w, row->number, BUSY, "the receiver answered 503");
    }
    int64_t took_s = (w.now.wall_us - began_us) / US_PER_S;
    assert_in_range(took_s, 540, 660);
    world_seconds(&w, 900);
    assert_int_equal(live(&w), 0);
    assert_int_equal(model_dead_letter(w.model, 0)->attempt, 5);
    assert_null(model_dead_letter(w.model, 1));
    const char *texts = buf_text(&w.texts);
    assert_says(texts, "1 notice: call: failed with exit status 75: the "
                       "receiver answered 503; attempt 2 of 5 in 15s\n");
    assert_says(texts, "; given up after 5 attempts\n");
    world_pass(&w, 25 * 3600 * NS_PER_S);
    FINE(&w, 1);
    world_seconds(&w, 120);
    assert_null(model_dead_letter(w.model, 0));
    world_end(&w);
}

static void a_down_waits_for_its_diagnosis_but_not_for_long(void **unused)
{
    (void)unused;
    for (int ends = 0; ends < 2; ends++) {
        struct world w;
        begin(&w, 1);
        world_book(&w, "look", RUNBOOK_DIAGNOSE, ON_SUSPECT);
        world_config(&w);
        FAIL(&w, 1);
        const char *said = world_said(&w);
        assert_says(said, "run look");
        assert_silent(said, "run call");
        if (ends) {
            world_run_ends(&w, 1, 0, "the disk is full");
        } else {
            world_seconds(&w, 9);
            assert_silent(world_said(&w), "run call");
            world_seconds(&w, 2);
        }
        assert_says(world_said(&w), "run call");
        world_end(&w);
    }
}

static void wrong_settings_are_given_up_at_once(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1);
    world_config(&w);
    FAIL(&w, 1);
    world_run_ends(&w, 1, 78, "the receiver answered 404");
    assert_int_equal(model_dead_letter(w.model, 0)->number, 1);
    assert_says(buf_text(&w.texts), "given up after 1 attempt\n");
    world_end(&w);
}

static void by_hand_is_tried_once(void **unused)
{
    (void)unused;
    struct world w;
    struct runbook_spec *book = begin(&w, 1);
    world_config(&w);
    FINE(&w, 1);
    struct event e = {.kind = EVENT_RUN_ASKED};
    e.as.run_asked.check = 1;
    e.as.run_asked.runbook = book;
    world_step(&w, &e);
    world_run_ends(&w, 1, BUSY, "");
    world_seconds(&w, 60);
    assert_int_equal(live(&w), 0);
    assert_null(model_dead_letter(w.model, 0));
    world_end(&w);
}

static void a_failing_notice_holds_back_later_ones_of_its_entry(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 2);
    world_book(&w, "mail", RUNBOOK_NOTIFY, ON_DOWN);
    world_config(&w);
    FAIL(&w, 1);                     /* R-1 call, R-2 mail */
    world_run_ends(&w, 1, BUSY, ""); /* R-3 call again */
    world_run_ends(&w, 2, 0, "");
    world_said(&w);
    FAIL(&w, 2);
    const char *said = world_said(&w);
    assert_says(said, "run mail");
    assert_silent(said, "run call");
    world_seconds(&w, 16);
    assert_int_equal(occurrences(world_said(&w), "run call"), 1);
    world_run_ends(&w, 3, 0, "");
    assert_says(world_said(&w), "run call"); /* now that of check 2 */
    world_end(&w);
}

static void recovered_does_not_overtake_down(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1);
    world_config(&w);
    FAIL(&w, 1);
    world_run_ends(&w, 1, BUSY, "");
    FINE(&w, 1);
    world_said(&w);
    world_seconds(&w, 16);
    assert_int_equal(model_live_run(w.model, 0)->on, ON_DOWN);
    assert_null(model_live_run(w.model, 1));
    world_run_ends(&w, live(&w), 0, "");
    assert_int_equal(model_live_run(w.model, 0)->on, ON_RECOVERED);
    world_end(&w);
}

static void recovered_is_not_sent_where_down_was_given_up(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1);
    world_book(&w, "mail", RUNBOOK_NOTIFY, BOTH);
    world_config(&w);
    FAIL(&w, 1);
    world_run_ends(&w, 1, BUSY, "");
    world_run_ends(&w, 2, 0, "");
    FINE(&w, 1);
    assert_int_equal(model_live_run(w.model, 0)->on, ON_RECOVERED);
    world_run_ends(&w, live(&w), 0, ""); /* mail */
    world_seconds(&w, 16);
    world_run_ends(&w, live(&w), 78, "");
    assert_says(world_said(&w), "stored call held moot");
    assert_int_equal(live(&w), 0);
    world_end(&w);
}

static void whose_end_is_unknown_may_have_arrived(void **unused)
{
    (void)unused;
    struct world w;
    struct event e = {.kind = EVENT_RUN_ENDED};
    begin(&w, 1);
    world_config(&w);
    FAIL(&w, 1);
    e.as.run_ended = (struct run_ending){.run = 1,
                                         .known = true,
                                         .timed_out = true,
                                         .error = "",
                                         .sha256 = "",
                                         .findings = "[]",
                                         .output = "",
                                         .headline = ""};
    world_step(&w, &e);
    world_seconds(&w, 16);
    world_run_ends(&w, live(&w), 78, "");
    FINE(&w, 1);
    assert_int_equal(model_live_run(w.model, 0)->on, ON_RECOVERED);
    world_end(&w);
}

static void a_reload_does_not_change_who_gets_recovered(void **unused)
{
    (void)unused;
    struct world w, other;
    const char *globs[] = {"none"};
    begin(&w, 1);
    begin(&other, 1)->match.checks = (struct rlv_list){globs, 1};
    other.conf->generation = 2;
    world_config(&w);
    FAIL(&w, 1);
    world_run_ends(&w, 1, 0, "");
    struct event e = {.kind = EVENT_CONFIG, .as.conf = other.conf};
    world_step(&w, &e);
    FINE(&w, 1);
    assert_int_equal(model_live_run(w.model, 0)->on, ON_RECOVERED);
    world_end(&w);
    world_end(&other);
}

static void a_removed_check_has_its_recovered_sent(void **unused)
{
    (void)unused;
    struct world w, other;
    begin(&w, 2);
    begin(&other, 1);
    world_config(&w);
    FAIL(&w, 2);
    world_run_ends(&w, 1, 0, "");
    struct event e = {.kind = EVENT_CONFIG, .as.conf = other.conf};
    world_said(&w);
    world_step(&w, &e);
    assert_says(world_said(&w), "transition 2 pending"); /* not down for ever */
    assert_int_equal(model_live_run(w.model, 0)->on, ON_RECOVERED);
    struct check_view v;
    assert_true(model_check_known(w.model, 2, &v));
    assert_null(v.spec);
    world_run_ends(&w, 2, BUSY, "");
    world_seconds(&w, 16);
    assert_int_equal(model_live_run(w.model, 0)->attempt, 2);
    world_end(&w);
    world_end(&other);
}

/* ---------------------------------------------------------------- repeat ---
 */

static void it_is_repeated_while_the_incident_is_open(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1)->repeat_ns = 60 * NS_PER_S;
    world_config(&w);
    FAIL(&w, 1);
    world_run_ends(&w, 1, 0, "");
    world_said(&w);
    world_seconds(&w, 59);
    assert_silent(world_said(&w), "run call");
    world_seconds(&w, 2);
    assert_int_equal(model_live_run(w.model, 0)->on, ON_STILL_DOWN);
    world_seconds(&w, 120); /* not on top of one that is not delivered */
    assert_int_equal(occurrences(world_said(&w), "run call"), 1);
    world_run_ends(&w, 2, 0, "");
    world_seconds(&w, 2);
    assert_int_equal(occurrences(world_said(&w), "run call"), 1);
    world_run_ends(&w, 3, 0, "");
    FINE(&w, 1);
    assert_int_equal(model_live_run(w.model, 0)->on, ON_RECOVERED);
    world_run_ends(&w, live(&w), 0, "");
    world_said(&w);
    world_seconds(&w, 300);
    assert_silent(world_said(&w), "run call");
    world_end(&w);
}

static void an_acknowledged_incident_is_not_repeated(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1)->repeat_ns = 60 * NS_PER_S;
    world_config(&w);
    FAIL(&w, 1);
    world_run_ends(&w, 1, 0, "");
    struct event e = {.kind = EVENT_ACKNOWLEDGE};
    e.as.acknowledge.incident = 1;
    e.as.acknowledge.actor = "uid 0";
    e.as.acknowledge.note = "";
    world_step(&w, &e);
    world_said(&w);
    world_seconds(&w, 300);
    assert_silent(world_said(&w), "run call");
    FINE(&w, 1);
    assert_says(world_said(&w), "run call");
    world_end(&w);
}

static void a_repetition_is_a_new_chance_for_what_was_given_up(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1)->repeat_ns = 60 * NS_PER_S;
    world_config(&w);
    FAIL(&w, 1);
    world_run_ends(&w, 1, 78, "");
    world_seconds(&w, 61);
    world_run_ends(&w, live(&w), 0, "");
    FINE(&w, 1);
    assert_int_equal(model_live_run(w.model, 0)->on, ON_RECOVERED);
    world_end(&w);
}

/* ---------------------------------------------------------------- active ---
 */

/* world_begin's clock stands at 22:13:20 UTC. */
static struct active_span night = {127, 23 * 60, 24 * 60};

static void outside_its_hours_it_is_held_and_made_up_for(void **unused)
{
    (void)unused;
    struct world w;
    struct runbook_spec *book = begin(&w, 1);
    book->active = &night;
    book->active_count = 1;
    world_config(&w);
    FAIL(&w, 1);
    const char *said = world_said(&w);
    assert_says(said, "stored call held active");
    assert_silent(said, "run call");
    assert_says(buf_text(&w.texts), "the next begin at 23:00\n");
    world_seconds(&w, 46 * 60);
    assert_silent(world_said(&w), "run call");
    world_seconds(&w, 60);
    assert_int_equal(occurrences(world_said(&w), "run call"), 1);
    world_end(&w);
}

static void what_recovered_before_its_hours_is_not_told(void **unused)
{
    (void)unused;
    struct world w;
    struct runbook_spec *book = begin(&w, 1);
    book->active = &night;
    book->active_count = 1;
    world_config(&w);
    FAIL(&w, 1);
    FINE(&w, 1);
    world_seconds(&w, 60 * 60);
    assert_silent(world_said(&w), "run call");
    world_end(&w);
}

static void the_all_clear_comes_at_any_hour(void **unused)
{
    (void)unused;
    struct world w;
    struct runbook_spec *book = begin(&w, 1);
    struct active_span evening = {127, 22 * 60, 22 * 60 + 30};
    book->active = &evening;
    book->active_count = 1;
    book->repeat_ns = 3600 * NS_PER_S;
    world_config(&w);
    FAIL(&w, 1);
    world_run_ends(&w, 1, 0, "");
    world_said(&w);
    world_seconds(&w, 2 * 60 * 60); /* no repetition at night */
    assert_silent(world_said(&w), "run call");
    FINE(&w, 1);
    assert_int_equal(model_live_run(w.model, 0)->on, ON_RECOVERED);
    world_end(&w);
}

/* ----------------------------------------------------------- maintenance ---
 */

static void window(struct world *w, uint64_t number, int64_t seconds)
{
    struct event e = {.kind = EVENT_WINDOW};
    e.as.window =
        (struct window_row){.number = number,
                            .from_us = w->now.wall_us,
                            .until_us = w->now.wall_us + seconds * US_PER_S,
                            .checks = "a",
                            .tags = "",
                            .environments = "",
                            .actor = "uid 0",
                            .reason = ""};
    world_step(w, &e);
}

static void maintenance_mutes_and_what_is_still_true_follows(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 2)->repeat_ns = 30 * NS_PER_S;
    world_config(&w);
    window(&w, 0, 600);
    FAIL(&w, 1);
    FAIL(&w, 2);
    const char *said = world_said(&w);
    assert_says(said, "stored call held maintenance");
    assert_int_equal(occurrences(said, "run call"), 1); /* of check 2 */
    world_run_ends(&w, live(&w), 0, "");
    FINE(&w, 2);
    world_run_ends(&w, live(&w), 0, "");
    world_said(&w);
    world_seconds(&w, 500);
    assert_silent(world_said(&w), "run call");
    world_seconds(&w, 120);
    assert_int_equal(occurrences(world_said(&w), "run call"), 1);
    assert_int_equal(model_live_run(w.model, 0)->on, ON_DOWN);
    world_end(&w);
}

static void a_recovery_in_maintenance_is_told_after_it(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1);
    world_config(&w);
    FAIL(&w, 1);
    world_run_ends(&w, 1, 0, "");
    window(&w, 0, 7200);
    FINE(&w, 1);
    assert_says(world_said(&w), "stored call held maintenance");
    world_seconds(&w, 7100); /* longer than a resolved incident is remembered */
    assert_silent(world_said(&w), "run call");
    world_seconds(&w, 120);
    assert_int_equal(model_live_run(w.model, 0)->on, ON_RECOVERED);
    assert_non_null(model_incident(w.model, 1));
    world_run_ends(&w, live(&w), 0, "");
    world_seconds(&w, 2000);
    assert_null(model_incident(w.model, 1));
    world_end(&w);
}

/* Others are forgotten meanwhile, between two that it keeps. */
static void what_is_owed_is_found_while_others_are_forgotten(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 3);
    world_config(&w);
    for (uint32_t i = 1; i <= 3; i++) {
        FAIL(&w, i);
        world_run_ends(&w, live(&w), 0, "");
    }
    FINE(&w, 1);
    FINE(&w, 2);
    for (int i = 0; i < 2; i++)
        world_run_ends(&w, live(&w), 0, "");
    window(&w, 0, 1200);
    FINE(&w, 3);
    world_seconds(&w, 1100); /* longer than a resolved incident is remembered */
    assert_null(model_incident(w.model, 2));
    assert_non_null(model_incident(w.model, 3));
    world_seconds(&w, 120);
    assert_int_equal(model_live_run(w.model, 0)->on, ON_RECOVERED);
    assert_int_equal(model_live_run(w.model, 0)->incident, 3);
    world_end(&w);
}

/* At the end of the window the check fails, but that comes to nothing. */
static void a_held_recovery_outlives_a_blip(void **unused)
{
    (void)unused;
    struct world w;
    struct check_view v;
    begin(&w, 1);
    w.conf->checks[0].failure_threshold = 2;
    world_config(&w);
    FAIL(&w, 1);
    FAIL(&w, 1);
    world_run_ends(&w, 1, 0, "");
    window(&w, 0, 60);
    FINE(&w, 1);
    world_seconds(&w, 45);
    FAIL(&w, 1);
    assert_non_null(model_check_known(w.model, 1, &v) ? v.maintenance : NULL);
    for (int i = 0; i < 30 && v.maintenance != NULL; i++) {
        world_seconds(&w, 1);
        model_check_known(w.model, 1, &v);
    }
    world_seconds(&w, 2);
    assert_int_equal(live(&w), 0);
    FINE(&w, 1);
    world_seconds(&w, 15);
    assert_int_equal(model_live_run(w.model, 0)->on, ON_RECOVERED);
    world_end(&w);
}

/* Another attempt at an older notice is stored later, and is older. */
static void a_late_attempt_does_not_replace_a_held_recovery(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1);
    world_config(&w);
    FAIL(&w, 1);
    world_run_ends(&w, live(&w), 0, "");
    FINE(&w, 1);
    world_run_ends(&w, live(&w), BUSY, "");
    FAIL(&w, 1); /* told after that recovery */
    window(&w, 0, 120);
    FINE(&w, 1);
    assert_says(world_said(&w), "stored call held maintenance");
    world_seconds(&w, 10);
    world_run_ends(&w, live(&w), BUSY, "");
    world_seconds(&w, 50);
    assert_int_equal(model_live_run(w.model, 0)->on, ON_RECOVERED);
    world_run_ends(&w, live(&w), 0, "");
    assert_int_equal(model_live_run(w.model, 0)->on, ON_DOWN);
    world_run_ends(&w, live(&w), 0, "");
    world_seconds(&w, 120);
    assert_int_equal(model_live_run(w.model, 0)->on, ON_RECOVERED);
    world_end(&w);
}

/* A reopening that nobody heard of has no all-clear. */
static void one_recovered_for_each_down(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1);
    world_config(&w);
    FAIL(&w, 1);
    world_run_ends(&w, 1, 0, "");
    FINE(&w, 1);
    world_run_ends(&w, live(&w), 0, "");
    window(&w, 0, 60);
    world_said(&w);
    FAIL(&w, 1);
    FINE(&w, 1);
    world_seconds(&w, 120);
    const char *said = world_said(&w);
    assert_says(said, "stored call held maintenance");
    assert_silent(said, "run call");
    world_end(&w);
}

/* --------------------------------------------------------------- restart ---
 */

static void an_attempt_that_waits_survives_a_restart(void **unused)
{
    (void)unused;
    struct world a, b;
    begin(&a, 2);
    begin(&b, 2);
    world_config(&a);
    FAIL(&a, 1);
    FAIL(&a, 2);
    world_run_ends(&a, 1, BUSY, ""); /* R-3 is R-1 again; R-2 waits */
    b.now = a.now;
    world_restart(&b, &a);
    world_config(&b);
    assert_silent(world_said(&b), "run call");
    world_seconds(&b, 16);
    assert_int_equal(live(&b), 3);
    assert_null(model_dead_letter(b.model, 0));
    world_run_ends(&b, 3, 0, "");
    assert_int_equal(live(&b), 2);
    world_end(&a);
    world_end(&b);
}

static void what_is_owed_and_dead_survives_a_restart(void **unused)
{
    (void)unused;
    struct world a, b;
    struct runbook_spec *books[] = {begin(&a, 1), begin(&b, 1)};
    for (size_t i = 0; i < 2; i++) {
        books[i]->active = &night;
        books[i]->active_count = 1;
        world_book(i == 0 ? &a : &b, "mail", RUNBOOK_NOTIFY, BOTH);
    }
    world_config(&a);
    FAIL(&a, 1);
    world_run_ends(&a, live(&a), 78, ""); /* mail */
    b.now = a.now;
    world_restart(&b, &a);
    world_config(&b);
    assert_string_equal(model_dead_letter(b.model, 0)->runbook, "mail");
    world_said(&b);
    world_seconds(&b, 3600);
    assert_int_equal(occurrences(world_said(&b), "run call"), 1);
    world_end(&a);
    world_end(&b);
}

static void a_wall_clock_that_went_back_keeps_nobody_waiting(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1);
    world_config(&w);
    FAIL(&w, 1);
    world_run_ends(&w, 1, BUSY, "");
    w.now.wall_us -= 3600 * US_PER_S;
    world_seconds(&w, 16);
    assert_int_equal(model_live_run(w.model, 0)->attempt, 2);
    world_end(&w);
}

/* ------------------------------------------------------------ many at once ---
 */

enum { MANY = 2000 };

static void fail_all(struct world *w)
{
    for (uint32_t i = 1; i <= MANY; i++) {
        struct result *r = result_new();
        r->check = i;
        r->generation = 1;
        r->outcome = OUTCOME_FAIL;
        r->fault = RLV_F_REFUSED;
        struct event bad = {.kind = EVENT_RESULT, .as.result = r};
        world_step(w, &bad);
    }
}

static void many_are_told_in_their_order(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1)->repeat_ns = 24 * 3600 * NS_PER_S;
    w.conf->checks = arena_alloc(w.conf->arena, MANY * sizeof *w.conf->checks);
    for (size_t i = 0; i < MANY; i++) {
        struct check_spec *c = &w.conf->checks[i];
        *c = (struct check_spec){.plugin = "http",
                                 .environment = "",
                                 .severity = "major",
                                 .interval_ns = 60 * NS_PER_S,
                                 .failure_threshold = 1,
                                 .success_threshold = 1,
                                 .schedule = SCHEDULE_MANUAL};
        c->name = c->plain_name = c->target =
            arena_printf(w.conf->arena, "c%zu", i);
    }
    w.conf->check_count = MANY;
    world_config(&w);
    fail_all(&w);
    world_run_ends(&w, live(&w), BUSY, "");
    world_seconds(&w, 16);
    assert_int_equal(model_live_run(w.model, 0)->first, 1);
    uint32_t check = 0;
    while (live(&w) != 0) {
        assert_int_equal(model_live_run(w.model, 0)->check, ++check);
        world_run_ends(&w, live(&w), 0, "");
        world_pass(&w, NS_PER_MS);
        buf_clear(&w.log);
        buf_clear(&w.texts);
    }
    assert_int_equal(check, MANY);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_notice_is_tried_five_times_in_ten_minutes),
        cmocka_unit_test(a_down_waits_for_its_diagnosis_but_not_for_long),
        cmocka_unit_test(wrong_settings_are_given_up_at_once),
        cmocka_unit_test(by_hand_is_tried_once),
        cmocka_unit_test(a_failing_notice_holds_back_later_ones_of_its_entry),
        cmocka_unit_test(recovered_does_not_overtake_down),
        cmocka_unit_test(recovered_is_not_sent_where_down_was_given_up),
        cmocka_unit_test(whose_end_is_unknown_may_have_arrived),
        cmocka_unit_test(a_reload_does_not_change_who_gets_recovered),
        cmocka_unit_test(a_removed_check_has_its_recovered_sent),
        cmocka_unit_test(it_is_repeated_while_the_incident_is_open),
        cmocka_unit_test(an_acknowledged_incident_is_not_repeated),
        cmocka_unit_test(a_repetition_is_a_new_chance_for_what_was_given_up),
        cmocka_unit_test(outside_its_hours_it_is_held_and_made_up_for),
        cmocka_unit_test(what_recovered_before_its_hours_is_not_told),
        cmocka_unit_test(the_all_clear_comes_at_any_hour),
        cmocka_unit_test(maintenance_mutes_and_what_is_still_true_follows),
        cmocka_unit_test(a_recovery_in_maintenance_is_told_after_it),
        cmocka_unit_test(what_is_owed_is_found_while_others_are_forgotten),
        cmocka_unit_test(a_held_recovery_outlives_a_blip),
        cmocka_unit_test(a_late_attempt_does_not_replace_a_held_recovery),
        cmocka_unit_test(one_recovered_for_each_down),
        cmocka_unit_test(an_attempt_that_waits_survives_a_restart),
        cmocka_unit_test(what_is_owed_and_dead_survives_a_restart),
        cmocka_unit_test(a_wall_clock_that_went_back_keeps_nobody_waiting),
        cmocka_unit_test(many_are_told_in_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

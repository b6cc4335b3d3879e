/* test_model_model.c: the door: schedule, incidents, restart, reload. What runs
 * is in test_model_run.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/str.h"
#include "lib/world.h"
#include "model/fault.h"

/* ------------------------------------------------------------ schedule --- */

static void intervals_do_not_drift(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 3, 10 * NS_PER_S);
    world_config(&w);
    FINE(&w, 3);
    int64_t first = 0;
    for (int i = 0; i < 50; i++) {
        world_pass(&w, 137 * NS_PER_MS); /* somewhere between */
        for (int k = 0; k < 1000 && w.probe[3] == 0; k++)
            world_wake(&w);
        if (first == 0)
            first = w.due[3];
        assert_int_equal((w.due[3] - first) % (10 * NS_PER_S), 0);
        assert_int_equal((w.due[3] - first) / (10 * NS_PER_S), i);
        assert_true(w.due[3] >= w.now.mono_ns);
        world_result(&w, 3, OUTCOME_OK, RLV_F_NONE, "");
    }
    world_end(&w);
}

static void phases_are_spread(void **unused)
{
    (void)unused;
    struct world w;
    int64_t phase[8];
    world_begin(&w, 8, 8 * NS_PER_S);
    world_config(&w);
    for (uint32_t i = 1; i <= 8; i++)
        FINE(&w, i);
    for (uint32_t i = 1; i <= 8; i++) {
        while (w.probe[i] == 0)
            world_wake(&w);
        phase[i - 1] = w.due[i] % (8 * NS_PER_S);
    }
    for (int i = 0; i < 8; i++)
        for (int k = 0; k < i; k++) {
            int64_t apart =
                phase[i] > phase[k] ? phase[i] - phase[k] : phase[k] - phase[i];
            assert_true(apart > 300 * NS_PER_MS);
        }
    world_end(&w);
}

static void missed_slots_are_not_made_up(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 1, 10 * NS_PER_S);
    world_config(&w);
    FINE(&w, 1);
    world_said(&w);
    world_pass(&w, 3600 * NS_PER_S); /* as if stopped for an hour */
    assert_int_equal(occurrences(world_said(&w), "probe 1"), 1);
    world_result(&w, 1, OUTCOME_OK, RLV_F_NONE, "");
    assert_int_equal(occurrences(world_said(&w), "probe 1"), 0);
    while (w.probe[1] == 0)
        world_wake(&w);
    assert_true(w.due[1] > w.now.mono_ns - NS_PER_S);
    world_end(&w);
}

/* A probe that could not even be made is answered at once, which is before it
 * was due. */
static void a_result_before_its_time_uses_its_slot_up(void **unused)
{
    (void)unused;
    for (int cron = 0; cron < 2; cron++) {
        struct world w;
        world_begin(&w, 1, 10 * NS_PER_S);
        if (cron) {
            w.conf->checks[0].schedule = SCHEDULE_CRON;
            w.conf->checks[0].cron = "* * * * *";
        }
        world_config(&w);
        FINE(&w, 1);
        for (int i = 0; i < 5; i++) {
            while (w.probe[1] == 0)
                world_wake(&w);
            int64_t due = w.due[1];
            assert_true(w.now.mono_ns < due);
            w.due[1] = 0; /* world_result shall not wait for it */
            world_result(&w, 1, OUTCOME_OK, RLV_F_NONE, "");
            assert_int_equal(w.probe[1], 0);
            while (w.probe[1] == 0)
                world_wake(&w);
            assert_int_equal(w.due[1] - due, (cron ? 60 : 10) * NS_PER_S);
        }
        world_end(&w);
    }
}

static void what_a_step_stores_is_bound_together(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 1, 10 * NS_PER_S);
    w.conf->checks[0].failure_threshold = 1;
    world_book(&w, "call", RUNBOOK_NOTIFY, ON_DOWN);
    world_config(&w);
    FAIL(&w, 1);
    size_t count = 0;
    bool more = true;
    for (size_t i = 0; i < w.last.count; i++)
        if (w.last.items[i].kind == ACTION_COMMIT) {
            assert_true(more); /* until now others were to follow */
            more = w.last.items[i].as.record.more;
            count++;
        }
    assert_true(count >= 5); /* result, transition, incident, run, state */
    assert_false(more);
    world_end(&w);
}

static void suspect_is_probed_sooner(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 1, 10 * NS_PER_S);
    world_config(&w);
    FINE(&w, 1);
    FAIL(&w, 1);
    int64_t failed = w.now.mono_ns;
    world_said(&w);
    while (w.probe[1] == 0)
        world_wake(&w);
    assert_int_equal(w.due[1] - failed, 5 * NS_PER_S);
    assert_says(world_said(&w), "probe 1 confirm");
    world_end(&w);
}

static void manual_checks_wait_to_be_asked(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 1, 10 * NS_PER_S);
    w.conf->checks[0].schedule = SCHEDULE_MANUAL;
    world_config(&w);
    assert_true(w.last.next_wake_ns == MODEL_NEVER);
    struct event e = {.kind = EVENT_PROBE_ASKED};
    e.as.probe_asked.check = 1;
    e.as.probe_asked.purpose = PURPOSE_MANUAL;
    world_step(&w, &e);
    assert_says(world_said(&w), "probe 1 manual");
    world_end(&w);
}

static void cron_follows_the_wall_clock(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 1, 10 * NS_PER_S);
    w.conf->checks[0].schedule = SCHEDULE_CRON;
    w.conf->checks[0].cron = "*/5 * * * *";
    world_config(&w);
    assert_true(w.last.next_wake_ns - w.now.mono_ns <= 10 * NS_PER_S);
    while (w.probe[1] == 0)
        world_wake(&w);
    int64_t at_us = w.now.wall_us + (w.due[1] - w.now.mono_ns) / NS_PER_US;
    assert_int_equal(at_us % (300 * US_PER_S), 0);
    world_result(&w, 1, OUTCOME_OK, RLV_F_NONE, "");
    w.now.wall_us += 3600 * US_PER_S + 17 * US_PER_S; /* the clock is set */
    world_pass(&w, 0);
    while (w.probe[1] == 0)
        world_wake(&w);
    at_us = w.now.wall_us + (w.due[1] - w.now.mono_ns) / NS_PER_US;
    assert_int_equal(at_us % (300 * US_PER_S), 0);
    world_end(&w);
}

/* ----------------------------------------------------------- incidents --- */

static void one_incident_per_outage(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 1, 10 * NS_PER_S);
    world_config(&w);
    FINE(&w, 1);
    FAIL(&w, 1);
    FAIL(&w, 1);
    assert_silent(world_said(&w), "incident");
    FAIL(&w, 1);
    const char *said = world_said(&w);
    assert_says(said, "incident 1 open refused durable");
    assert_says(said, "event 1 down");
    FAIL(&w, 1);
    FINE(&w, 1);
    assert_silent(world_said(&w), "incident");
    FINE(&w, 1);
    said = world_said(&w);
    assert_says(said, "incident 1 resolved refused durable");
    assert_says(said, "transition 1 up");
    world_end(&w);
}

static void a_blip_makes_no_incident(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 1, 10 * NS_PER_S);
    world_config(&w);
    FINE(&w, 1);
    FAIL(&w, 1);
    FINE(&w, 1);
    const char *said = world_said(&w);
    assert_says(said, "event 1 failing");
    assert_says(said, "event 1 passed");
    assert_silent(said, "incident");
    world_end(&w);
}

static void an_outage_within_ten_minutes_reopens(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 1, 10 * NS_PER_S);
    w.conf->checks[0].failure_threshold = 1;
    w.conf->checks[0].success_threshold = 1;
    world_config(&w);
    FAIL(&w, 1);
    FINE(&w, 1);
    world_said(&w);
    FAIL(&w, 1);
    const char *said = world_said(&w);
    assert_says(said, "incident 1 open");
    assert_says(said, "event 1 reopened");
    FINE(&w, 1);
    world_wait(&w, 601 * NS_PER_S);
    world_result(&w, 1, OUTCOME_OK, RLV_F_NONE, "");
    world_said(&w);
    FAIL(&w, 1);
    assert_says(world_said(&w), "incident 2 open");
    world_end(&w);
}

static void a_failure_of_another_kind_is_told(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 1, 10 * NS_PER_S);
    world_book(&w, "look", RUNBOOK_DIAGNOSE, ON_SUSPECT);
    w.conf->checks[0].failure_threshold = 1;
    world_config(&w);
    world_next(&w, 1, OUTCOME_FAIL, RLV_F_ERROR_RESPONSE, "503");
    assert_says(world_said(&w), "run look");
    world_run_ends(&w, 1, 0, "the database");
    world_said(&w);
    FAIL(&w, 1);
    const char *said = world_said(&w);
    assert_says(said, "event 1 changed");
    assert_says(said, "incident 1 open refused");
    assert_says(said, "run look after 1");
    assert_int_equal(occurrences(said, "incident 1 open refused durable"), 0);
    world_end(&w);
}

/* ---------------------------------------------------------------- runs --- */

/* ------------------------------------------------------------- restart --- */

static void a_forming_incident_survives_without_a_word(void **unused)
{
    (void)unused;
    struct world a, b;
    world_begin(&a, 1, 10 * NS_PER_S);
    world_begin(&b, 1, 10 * NS_PER_S);
    world_book(&a, "look", RUNBOOK_DIAGNOSE, ON_SUSPECT);
    world_book(&b, "look", RUNBOOK_DIAGNOSE, ON_SUSPECT);
    world_config(&a);
    FINE(&a, 1);
    FAIL(&a, 1);
    world_restart(&b, &a);
    world_config(&b);
    world_said(&b);
    FAIL(&b, 1);
    const char *said = world_said(&b);
    assert_silent(said, "event 1 changed");
    assert_silent(said, "stored look held");
    world_end(&a);
    world_end(&b);
}

static void restart_goes_on_exactly(void **unused)
{
    (void)unused;
    for (int before = 0; before <= 4; before++) {
        struct world a, b;
        world_begin(&a, 1, 10 * NS_PER_S);
        world_begin(&b, 1, 10 * NS_PER_S);
        world_config(&a);
        FINE(&a, 1);
        for (int i = 0; i < before; i++)
            FAIL(&a, 1);
        world_restart(&b, &a);
        world_config(&b);
        assert_silent(world_said(&b), "transition"); /* silently */
        for (int i = before; i < 4; i++)
            FAIL(&b, 1);
        const char *said = world_said(&b);
        assert_int_equal(occurrences(said, "event 1 down"), before < 3);
        FINE(&b, 1);
        FINE(&b, 1);
        said = world_said(&b);
        assert_says(said, "incident 1 resolved");
        assert_int_equal(occurrences(said, "resolved"), 1);
        world_end(&a);
        world_end(&b);
    }
}

/* -------------------------------------------------------------- reload --- */

static void reload_keeps_what_did_not_change(void **unused)
{
    (void)unused;
    struct world w, other;
    world_begin(&w, 2, 10 * NS_PER_S);
    world_begin(&other, 2, 10 * NS_PER_S);
    other.conf->checks[1].fingerprint = 99;
    other.conf->checks[1].interval_ns = 5 * NS_PER_S;
    world_config(&w);
    FINE(&w, 1);
    FINE(&w, 2);
    FAIL(&w, 1);
    int64_t due = w.model->nodes[0]->due.due;
    struct event e = {.kind = EVENT_CONFIG, .as.conf = other.conf};
    world_step(&w, &e);
    assert_int_equal(w.model->nodes[0]->due.due, due);
    assert_int_equal(w.model->nodes[0]->state.state, STATE_SUSPECT);
    assert_int_equal(w.model->nodes[0]->state.fails, 1);
    assert_int_equal(w.model->nodes[1]->state.state, STATE_UP);
    world_end(&w);
    world_end(&other);
}

static void reload_removes_and_brings_back(void **unused)
{
    (void)unused;
    struct world w, other;
    world_begin(&w, 2, 10 * NS_PER_S);
    world_begin(&other, 1, 10 * NS_PER_S);
    w.conf->checks[1].failure_threshold = 1;
    world_config(&w);
    FAIL(&w, 2);
    world_said(&w);
    struct event less = {.kind = EVENT_CONFIG, .as.conf = other.conf};
    world_step(&w, &less);
    assert_says(world_said(&w), "incident 1 resolved");
    world_result(&w, 2, OUTCOME_FAIL, RLV_F_REFUSED, ""); /* comes too late */
    assert_string_equal(world_said(&w), "");
    struct event more = {.kind = EVENT_CONFIG, .as.conf = w.conf};
    world_step(&w, &more);
    FINE(&w, 2);
    assert_says(world_said(&w), "transition 2 up");
    world_end(&w);
    world_end(&other);
}

static void a_check_that_comes_back_is_probed(void **unused)
{
    (void)unused;
    struct world w, other;
    world_begin(&w, 2, 10 * NS_PER_S);
    world_begin(&other, 1, 10 * NS_PER_S);
    world_config(&w);
    while (w.probe[2] == 0)
        world_wake(&w);
    struct event less = {.kind = EVENT_CONFIG, .as.conf = other.conf};
    struct event more = {.kind = EVENT_CONFIG, .as.conf = w.conf};
    world_step(&w, &less);
    world_step(&w, &more);
    w.probe[2] = 0;
    FINE(&w, 2);
    assert_says(world_said(&w), "transition 2 up");
    world_end(&w);
    world_end(&other);
}

static void a_result_of_an_older_configuration_does_not_count(void **unused)
{
    (void)unused;
    struct world w, other;
    world_begin(&w, 1, 10 * NS_PER_S);
    world_begin(&other, 1, 10 * NS_PER_S);
    other.conf->generation = 2;
    other.conf->checks[0].fingerprint = 99;
    w.conf->checks[0].failure_threshold = 1;
    other.conf->checks[0].failure_threshold = 1;
    world_config(&w);
    while (w.probe[1] == 0)
        world_wake(&w);
    struct event e = {.kind = EVENT_CONFIG, .as.conf = other.conf};
    world_step(&w, &e);
    struct result *r = result_new();
    r->probe = w.probe[1];
    r->check = 1;
    r->generation = 1;
    r->outcome = OUTCOME_FAIL;
    r->fault = RLV_F_REFUSED;
    w.probe[1] = 0;
    struct event late = {.kind = EVENT_RESULT, .as.result = r};
    world_step(&w, &late);
    assert_silent(world_said(&w), "transition");
    FAIL(&w, 1);
    assert_says(world_said(&w), "transition 1 down");
    world_end(&w);
    world_end(&other);
}

static void a_good_result_after_unknown_is_no_failure(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 1, 10 * NS_PER_S);
    world_book(&w, "look", RUNBOOK_DIAGNOSE, ON_SUSPECT);
    w.conf->checks[0].failure_threshold = 1;
    world_config(&w);
    FAIL(&w, 1);
    world_next(&w, 1, OUTCOME_UNKNOWN, RLV_F_RESOURCE, "");
    world_run_ends(&w, 1, 0, "");
    world_said(&w);
    FINE(&w, 1);
    const char *said = world_said(&w);
    assert_silent(said, "changed");
    assert_silent(said, "look");
    assert_int_equal(model_incident(w.model, 1)->fault, RLV_F_REFUSED);
    world_end(&w);
}

static void a_probe_that_is_asked_for_does_not_overlap(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 1, 10 * NS_PER_S);
    world_config(&w);
    while (w.probe[1] == 0)
        world_wake(&w);
    world_said(&w);
    struct event e = {.kind = EVENT_PROBE_ASKED};
    e.as.probe_asked.check = 1;
    e.as.probe_asked.purpose = PURPOSE_MANUAL;
    world_step(&w, &e);
    assert_string_equal(world_said(&w), "");
    world_result(&w, 1, OUTCOME_OK, RLV_F_NONE, "");
    assert_says(world_said(&w), "probe 1 manual");
    world_result(&w, 1, OUTCOME_OK, RLV_F_NONE, "");
    FINE(&w, 1); /* and the schedule goes on */
    world_end(&w);
}

static void a_suspect_check_is_retried_soon_after_a_restart(void **unused)
{
    (void)unused;
    struct world a, b;
    world_begin(&a, 1, 3600 * NS_PER_S);
    world_begin(&b, 1, 3600 * NS_PER_S);
    a.conf->checks[0].retry_interval_ns = 5 * NS_PER_S;
    b.conf->checks[0].retry_interval_ns = 5 * NS_PER_S;
    world_config(&a);
    FAIL(&a, 1);
    world_restart(&b, &a);
    world_config(&b);
    while (b.probe[1] == 0)
        world_wake(&b);
    assert_true(b.due[1] - b.now.mono_ns <= 5 * NS_PER_S);
    world_end(&a);
    world_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_do_not_drift),
        cmocka_unit_test(phases_are_spread),
        cmocka_unit_test(missed_slots_are_not_made_up),
        cmocka_unit_test(a_result_before_its_time_uses_its_slot_up),
        cmocka_unit_test(what_a_step_stores_is_bound_together),
        cmocka_unit_test(a_forming_incident_survives_without_a_word),
        cmocka_unit_test(suspect_is_probed_sooner),
        cmocka_unit_test(manual_checks_wait_to_be_asked),
        cmocka_unit_test(cron_follows_the_wall_clock),
        cmocka_unit_test(one_incident_per_outage),
        cmocka_unit_test(a_blip_makes_no_incident),
        cmocka_unit_test(an_outage_within_ten_minutes_reopens),
        cmocka_unit_test(a_failure_of_another_kind_is_told),
        cmocka_unit_test(restart_goes_on_exactly),
        cmocka_unit_test(reload_keeps_what_did_not_change),
        cmocka_unit_test(reload_removes_and_brings_back),
        cmocka_unit_test(a_check_that_comes_back_is_probed),
        cmocka_unit_test(a_result_of_an_older_configuration_does_not_count),
        cmocka_unit_test(a_good_result_after_unknown_is_no_failure),
        cmocka_unit_test(a_probe_that_is_asked_for_does_not_overlap),
        cmocka_unit_test(a_suspect_check_is_retried_soon_after_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

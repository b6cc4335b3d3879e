/* test_model_model.c: the door: schedule, incidents, runs, restart, reload. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/str.h"
#include "lib/world.h"
#include "model/fault.h"

#define FAIL(w, check) \
    world_next(w, check, OUTCOME_FAIL, RLV_F_REFUSED, "ECONNREFUSED")
#define FINE(w, check) world_next(w, check, OUTCOME_OK, RLV_F_NONE, "")

static void assert_says(const char *said, const char *expected)
{
    if (strstr(said, expected) == NULL)
        fail_msg("expected \"%s\" in:\n%s", expected, said);
}

static void assert_silent(const char *said, const char *unexpected)
{
    if (strstr(said, unexpected) != NULL)
        fail_msg("did not expect \"%s\" in:\n%s", unexpected, said);
}

static int occurrences(const char *text, const char *word)
{
    int n = 0;
    while ((text = strstr(text, word)) != NULL) {
        n++;
        text += strlen(word);
    }
    return n;
}

/* --------------------------------------------------------------- schedule --- */

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
            int64_t apart = phase[i] > phase[k] ? phase[i] - phase[k]
                                                : phase[k] - phase[i];
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

/* -------------------------------------------------------------- incidents --- */

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
    world_pass(&w, 601 * NS_PER_S);
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

/* ------------------------------------------------------------------- runs --- */

static void a_diagnosis_begins_with_the_first_failing_result(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 1, 10 * NS_PER_S);
    world_book(&w, "look", RUNBOOK_DIAGNOSE, ON_SUSPECT);
    world_config(&w);
    FINE(&w, 1);
    world_said(&w);
    FAIL(&w, 1);
    const char *said = world_said(&w);
    assert_says(said, "stored look intended");
    assert_says(said, "run look after 1");
    FAIL(&w, 1);
    FAIL(&w, 1);
    assert_silent(world_said(&w), "run look");
    world_run_ends(&w, 1, 0, "disk full");
    assert_says(world_said(&w), "event 1 diagnosis");
    assert_string_equal(model_incident(w.model, 1)->cause, "disk full");
    world_end(&w);
}

static void a_cooldown_holds_and_says_so(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 1, 10 * NS_PER_S);
    world_book(&w, "look", RUNBOOK_DIAGNOSE, ON_SUSPECT);
    world_config(&w);
    FAIL(&w, 1);
    world_run_ends(&w, 1, 0, "");
    FINE(&w, 1);
    world_said(&w);
    FAIL(&w, 1);
    const char *said = world_said(&w);
    assert_says(said, "stored look held cooldown");
    assert_silent(said, "run look");
    FINE(&w, 1);
    world_pass(&w, 301 * NS_PER_S);
    world_result(&w, 1, OUTCOME_OK, RLV_F_NONE, "");
    world_said(&w);
    FAIL(&w, 1);
    assert_says(world_said(&w), "run look after 1");
    world_end(&w);
}

static void observe_runs_no_diagnosis(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 1, 10 * NS_PER_S);
    world_book(&w, "look", RUNBOOK_DIAGNOSE, ON_SUSPECT);
    world_book(&w, "call", RUNBOOK_NOTIFY, ON_DOWN);
    w.conf->automation = AUTOMATION_OBSERVE;
    w.conf->checks[0].failure_threshold = 1;
    world_config(&w);
    FAIL(&w, 1);
    const char *said = world_said(&w);
    assert_says(said, "stored look held mode");
    assert_says(said, "run call"); /* modes never mute notices */
    world_end(&w);
}

static void a_remediation_would_have_run(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 1, 10 * NS_PER_S);
    world_book(&w, "restart", RUNBOOK_REMEDIATE, ON_DOWN);
    w.conf->checks[0].failure_threshold = 1;
    world_config(&w);
    FAIL(&w, 1);
    const char *said = world_said(&w);
    assert_says(said, "stored restart would have run mode");
    assert_silent(said, "run restart");
    assert_non_null(model_would_run(w.model, 1, 0));
    world_end(&w);
}

static void a_missing_secret_holds(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 1, 10 * NS_PER_S);
    world_book(&w, "call", RUNBOOK_NOTIFY, ON_DOWN)->missing = "env URL";
    w.conf->checks[0].failure_threshold = 1;
    world_config(&w);
    FAIL(&w, 1);
    assert_says(world_said(&w), "stored call held secret");
    world_end(&w);
}

static void notices_keep_their_order(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 1, 10 * NS_PER_S);
    world_book(&w, "call", RUNBOOK_NOTIFY, ON_DOWN | ON_RECOVERED);
    w.conf->checks[0].failure_threshold = 1;
    w.conf->checks[0].success_threshold = 1;
    world_config(&w);
    FAIL(&w, 1);
    assert_says(world_said(&w), "run call after 1");
    FINE(&w, 1);
    const char *said = world_said(&w);
    assert_says(said, "stored call intended");
    assert_silent(said, "run call");
    world_run_ends(&w, 1, 0, "");
    assert_says(world_said(&w), "run call after 1");
    world_end(&w);
}

static void four_diagnoses_at_a_time_one_per_target(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 7, 10 * NS_PER_S);
    world_book(&w, "look", RUNBOOK_DIAGNOSE, ON_SUSPECT);
    w.conf->checks[6].target = w.conf->checks[0].target;
    world_config(&w);
    uint32_t order[] = {1, 7, 2, 3, 4, 5, 6};
    for (size_t i = 0; i < 7; i++)
        FAIL(&w, order[i]);
    assert_int_equal(occurrences(world_said(&w), "run look"), 4);
    world_run_ends(&w, 1, 0, ""); /* of check 1: now check 7 of its target */
    assert_int_equal(occurrences(world_said(&w), "run look"), 1);
    world_end(&w);
}

static void match_is_by_every_list(void **unused)
{
    (void)unused;
    struct check_spec check = {.name = "api-1", .plugin = "http"};
    struct runbook_spec book = {.on = ON_DOWN};
    const char *globs[] = {"db*", "api*"}, *faults[] = {"refused"};
    const char *tags[] = {"prod"}, *own_tags[] = {"web", "prod"};
    struct result *r = result_new();
    r->fault = RLV_F_REFUSED;
    assert_true(match_runbook(&book, &check, STATE_DOWN, r, ON_DOWN));
    assert_false(match_runbook(&book, &check, STATE_DOWN, r, ON_SUSPECT));
    book.match.checks = (struct rlv_list){globs, 1};
    assert_false(match_runbook(&book, &check, STATE_DOWN, r, ON_DOWN));
    book.match.checks = (struct rlv_list){globs, 2};
    assert_true(match_runbook(&book, &check, STATE_DOWN, r, ON_DOWN));
    book.match.tags = (struct rlv_list){tags, 1};
    assert_false(match_runbook(&book, &check, STATE_DOWN, r, ON_DOWN));
    check.tags = (struct rlv_list){own_tags, 2};
    assert_true(match_runbook(&book, &check, STATE_DOWN, r, ON_DOWN));
    book.match.faults = (struct rlv_list){faults, 1};
    assert_true(match_runbook(&book, &check, STATE_DOWN, r, ON_DOWN));
    r->fault = RLV_F_TIMEOUT;
    assert_false(match_runbook(&book, &check, STATE_DOWN, r, ON_DOWN));
    result_free(r);
}

/* ---------------------------------------------------------------- restart --- */

/* Feeds what the first model stored to a second one. */
static void restart(struct world *w, struct world *old)
{
    struct node *n = old->model->nodes[0];
    model_restore_check(w->model, &n->row);
    model_restore_state(w->model, &n->state);
    for (struct episode *e = old->model->episodes; e != NULL; e = e->next)
        if (!e->forming)
            model_restore_incident(w->model, &e->row);
    struct run_list *lists[] = {&old->model->past, &old->model->live,
                                &old->model->waiting};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        for (struct run *r = lists[i]->first; r != NULL; r = r->next)
            model_restore_run(w->model, &r->row);
    model_restore_numbers(w->model, old->model->last_check,
                          old->model->last_incident, old->model->last_run);
}

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
    restart(&b, &a);
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
        restart(&b, &a);
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

static void a_notice_that_was_only_intended_is_sent(void **unused)
{
    (void)unused;
    struct world a, b;
    world_begin(&a, 1, 10 * NS_PER_S);
    world_begin(&b, 1, 10 * NS_PER_S);
    a.conf->checks[0].failure_threshold = 1;
    world_book(&a, "call", RUNBOOK_NOTIFY, ON_DOWN);
    world_book(&b, "call", RUNBOOK_NOTIFY, ON_DOWN);
    world_config(&a);
    FAIL(&a, 1);
    restart(&b, &a);
    world_config(&b);
    assert_says(world_said(&b), "run call");
    world_end(&a);
    world_end(&b);
}

static void a_diagnosis_is_never_started_twice(void **unused)
{
    (void)unused;
    struct world a, b;
    world_begin(&a, 1, 10 * NS_PER_S);
    world_begin(&b, 1, 10 * NS_PER_S);
    world_book(&a, "look", RUNBOOK_DIAGNOSE, ON_SUSPECT);
    world_book(&b, "look", RUNBOOK_DIAGNOSE, ON_SUSPECT);
    world_config(&a);
    FAIL(&a, 1);
    restart(&b, &a);
    world_config(&b);
    assert_silent(world_said(&b), "run look");
    assert_non_null(model_live_run(b.model, 0)); /* the daemon looks after it */
    world_end(&a);
    world_end(&b);
}

/* ----------------------------------------------------------------- reload --- */

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

static void what_waits_for_a_removed_check_is_held(void **unused)
{
    (void)unused;
    struct world w, other;
    world_begin(&w, 2, 10 * NS_PER_S);
    world_begin(&other, 1, 10 * NS_PER_S);
    world_book(&w, "call", RUNBOOK_NOTIFY, ON_DOWN);
    world_book(&other, "call", RUNBOOK_NOTIFY, ON_DOWN);
    w.conf->checks[0].failure_threshold = 1;
    w.conf->checks[1].failure_threshold = 1;
    world_config(&w);
    FAIL(&w, 1);
    FAIL(&w, 2);
    struct event e = {.kind = EVENT_CONFIG, .as.conf = other.conf};
    world_step(&w, &e);
    world_said(&w);
    world_run_ends(&w, 1, 0, "");
    const char *said = world_said(&w);
    assert_says(said, "stored call held config");
    assert_silent(said, "run call");
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

static void world_run_is_lost(struct world *w, uint64_t run)
{
    struct event e = {.kind = EVENT_RUN_ENDED};
    e.as.run_ended = (struct run_ending){.run = run,
                                         .error = "",
                                         .sha256 = "",
                                         .findings = "",
                                         .output = "",
                                         .headline = ""};
    world_step(w, &e);
}

static void a_lost_notice_is_sent_again_a_few_times(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 1, 10 * NS_PER_S);
    world_book(&w, "call", RUNBOOK_NOTIFY, ON_DOWN);
    w.conf->checks[0].failure_threshold = 1;
    world_config(&w);
    FAIL(&w, 1);
    int sent = occurrences(world_said(&w), "run call");
    for (uint64_t run = 1; run <= 10; run++) {
        world_run_is_lost(&w, run);
        sent += occurrences(world_said(&w), "run call");
    }
    assert_int_equal(sent, 5);
    world_end(&w);
}

static void recovered_goes_to_who_got_the_down(void **unused)
{
    (void)unused;
    struct world w;
    const char *faults[] = {"timeout"};
    world_begin(&w, 1, 10 * NS_PER_S);
    world_book(&w, "call", RUNBOOK_NOTIFY, ON_DOWN | ON_RECOVERED);
    world_book(&w, "page", RUNBOOK_NOTIFY, ON_DOWN | ON_RECOVERED)
        ->match.faults = (struct rlv_list){faults, 1};
    world_book(&w, "log", RUNBOOK_NOTIFY, ON_RECOVERED);
    w.conf->checks[0].failure_threshold = 1;
    w.conf->checks[0].success_threshold = 1;
    world_config(&w);
    FAIL(&w, 1);
    world_run_ends(&w, 1, 0, "");
    world_said(&w);
    FINE(&w, 1);
    const char *said = world_said(&w);
    assert_says(said, "run call");
    assert_says(said, "run log");
    assert_silent(said, "page");
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
    restart(&b, &a);
    world_config(&b);
    while (b.probe[1] == 0)
        world_wake(&b);
    assert_true(b.due[1] - b.now.mono_ns <= 5 * NS_PER_S);
    world_end(&a);
    world_end(&b);
}

static void many_failures_at_once_are_decided_quickly(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 1, 10 * NS_PER_S);
    world_book(&w, "look", RUNBOOK_DIAGNOSE, ON_SUSPECT);
    enum { MANY = 2000 };
    w.conf->checks = arena_alloc(w.conf->arena, MANY * sizeof *w.conf->checks);
    for (size_t i = 0; i < MANY; i++) {
        struct check_spec *c = &w.conf->checks[i];
        c->name = c->target = arena_printf(w.conf->arena, "c%zu", i);
        c->plugin = "http";
        c->interval_ns = c->retry_interval_ns = c->down_interval_ns =
            60 * NS_PER_S;
        c->failure_threshold = 1;
        c->success_threshold = 1;
        c->schedule = SCHEDULE_MANUAL;
    }
    w.conf->check_count = MANY;
    struct event e = {.kind = EVENT_CONFIG, .as.conf = w.conf};
    model_step(w.model, &e, w.now);
    size_t held = 0, ran = 0;
    for (uint32_t i = 1; i <= MANY; i++) {
        struct result *r = result_new();
        r->check = i;
        r->generation = 1;
        r->outcome = OUTCOME_FAIL;
        r->fault = RLV_F_REFUSED;
        struct event bad = {.kind = EVENT_RESULT, .as.result = r};
        struct actions a = model_step(w.model, &bad, w.now);
        for (size_t k = 0; k < a.count; k++) {
            const struct record *rec = &a.items[k].as.record;
            held += a.items[k].kind == ACTION_COMMIT &&
                    rec->kind == RECORD_RUN && rec->as.run.state == RUN_HELD;
            ran += a.items[k].kind == ACTION_RUN;
        }
    }
    assert_int_equal(ran, 4);
    assert_int_equal(held, MANY - 4 - RUN_QUEUE);
    world_end(&w);
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
        cmocka_unit_test(a_diagnosis_begins_with_the_first_failing_result),
        cmocka_unit_test(a_cooldown_holds_and_says_so),
        cmocka_unit_test(observe_runs_no_diagnosis),
        cmocka_unit_test(a_remediation_would_have_run),
        cmocka_unit_test(a_missing_secret_holds),
        cmocka_unit_test(notices_keep_their_order),
        cmocka_unit_test(four_diagnoses_at_a_time_one_per_target),
        cmocka_unit_test(match_is_by_every_list),
        cmocka_unit_test(restart_goes_on_exactly),
        cmocka_unit_test(a_notice_that_was_only_intended_is_sent),
        cmocka_unit_test(a_diagnosis_is_never_started_twice),
        cmocka_unit_test(reload_keeps_what_did_not_change),
        cmocka_unit_test(reload_removes_and_brings_back),
        cmocka_unit_test(a_check_that_comes_back_is_probed),
        cmocka_unit_test(a_result_of_an_older_configuration_does_not_count),
        cmocka_unit_test(what_waits_for_a_removed_check_is_held),
        cmocka_unit_test(a_good_result_after_unknown_is_no_failure),
        cmocka_unit_test(a_lost_notice_is_sent_again_a_few_times),
        cmocka_unit_test(recovered_goes_to_who_got_the_down),
        cmocka_unit_test(a_probe_that_is_asked_for_does_not_overlap),
        cmocka_unit_test(a_suspect_check_is_retried_soon_after_a_restart),
        cmocka_unit_test(many_failures_at_once_are_decided_quickly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_model_hush.c: what persons say to the watch: pause, resume, acknowledge,
 * mark. What a pause does to those that need the check: test_model_depend.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/str.h"
#include "lib/world.h"

/* ------------------------------------------------------------- helpers --- */

/* Checks that go down and up with one result, and a notice of both. */
static void begin(struct world *w, size_t checks)
{
    world_begin(w, checks, 10 * NS_PER_S);
    for (size_t i = 0; i < checks; i++)
        w->conf->checks[i].failure_threshold =
            w->conf->checks[i].success_threshold = 1;
    world_book(w, "call", RUNBOOK_NOTIFY, ON_DOWN | ON_RECOVERED);
}

/* b is judged from a's answers. */
static void derive_b(struct world *w)
{
    w->conf->checks[1].source = &w->conf->checks[0];
}

static void say_pause(struct world *w, uint32_t check, bool paused,
                      int64_t seconds)
{
    struct event e = {.kind = EVENT_PAUSE};
    e.as.pause.check = check;
    e.as.pause.paused = paused;
    e.as.pause.until_us =
        seconds == 0 ? 0 : w->now.wall_us + seconds * US_PER_S;
    e.as.pause.actor = "ana";
    e.as.pause.reason = "a new disk";
    world_step(w, &e);
}

static void pause_it(struct world *w, uint32_t check, int64_t seconds)
{
    say_pause(w, check, true, seconds);
}

static void resume(struct world *w, uint32_t check)
{
    say_pause(w, check, false, 0);
}

static void assert_state(struct world *w, uint32_t check,
                         enum check_state state)
{
    struct check_view v;
    assert_true(model_check_by_id(w->model, check, &v));
    assert_string_equal(state_name(v.state->state), state_name(state));
}

static void ask_probe(struct world *w, uint32_t check)
{
    struct event e = {.kind = EVENT_PROBE_ASKED};
    e.as.probe_asked.check = check;
    e.as.probe_asked.purpose = PURPOSE_MANUAL;
    world_step(w, &e);
}

/* --------------------------------------------------------------- pauses --- */

static void a_paused_check_is_not_probed(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 2);
    world_config(&w);
    FINE(&w, 1);
    world_said(&w);
    pause_it(&w, 1, 0);
    assert_state(&w, 1, STATE_PAUSED);
    assert_string_equal(world_audited(&w, 0),
                        "ana check.pause a: by ana: a new disk");
    assert_says(buf_text(&w.tells), "paused by ana: a new disk\n");
    assert_says(world_said(&w), "transition 1 paused");
    world_seconds(&w, 3600);
    assert_silent(world_said(&w), "probe 1");
    world_end(&w);
}

/* What was on its way when it was paused says nothing, nor does it start
 * another probe. */
static void what_is_on_its_way_does_not_count(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1);
    world_config(&w);
    while (w.probe[1] == 0)
        world_wake(&w);
    schedule_soon(w.model, w.model->nodes[0], w.now.mono_ns);
    pause_it(&w, 1, 0);
    world_said(&w);
    world_result(&w, 1, OUTCOME_FAIL, RLV_F_REFUSED, "ECONNREFUSED");
    assert_state(&w, 1, STATE_PAUSED);
    world_seconds(&w, 600);
    const char *said = world_said(&w);
    assert_silent(said, "incident");
    assert_silent(said, "probe 1");
    world_end(&w);
}

/* Asked for by hand it is probed, once, and its state does not change. */
static void it_may_be_probed_by_hand(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1);
    world_config(&w);
    FINE(&w, 1);
    pause_it(&w, 1, 0);
    world_said(&w);
    ask_probe(&w, 1);
    assert_says(world_said(&w), "probe 1 manual");
    world_result(&w, 1, OUTCOME_FAIL, RLV_F_REFUSED, "ECONNREFUSED");
    assert_state(&w, 1, STATE_PAUSED);
    world_seconds(&w, 600);
    assert_silent(world_said(&w), "probe 1");
    world_end(&w);
}

static void its_incident_is_closed_and_who_got_the_alarm_hears_it(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1);
    world_config(&w);
    FAIL(&w, 1);
    world_run_ends(&w, 1, 0, "");
    world_said(&w);
    pause_it(&w, 1, 0);
    const char *said = world_said(&w);
    assert_says(said, "incident 1 resolved refused durable");
    assert_says(said, "event 1 paused");
    assert_says(said, "stored call intended");
    assert_says(said, "run call");
    world_run_ends(&w, 2, 0, "");
    world_seconds(&w, 600);
    assert_silent(world_said(&w), "run call"); /* once */
    assert_says(buf_text(&w.tells), "incident I-1 closed: paused\n");
    world_end(&w);
}

/* By a reload, while it is paused: it could not be measured, nor could b. */
static void what_comes_to_be_judged_from_a_paused_one_is_paused(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 2);
    world_config(&w);
    FINE(&w, 1);
    FAIL(&w, 2);
    pause_it(&w, 1, 60);
    derive_b(&w);
    w.conf->generation = 2;
    world_config(&w);
    assert_state(&w, 2, STATE_PAUSED);
    assert_says(buf_text(&w.tells), "it is judged from a, which is paused");
    assert_says(world_said(&w), "incident 1 resolved");
    pause_it(&w, 2, 30);
    world_seconds(&w, 40);
    assert_state(&w, 2, STATE_PAUSED);
    assert_silent(world_said(&w), "probe 1");
    world_seconds(&w, 40);
    assert_state(&w, 1, STATE_PENDING);
    assert_state(&w, 2, STATE_PENDING);
    assert_says(world_said(&w), "probe 1");
    world_end(&w);
}

/* Nobody was told of the outage: nobody hears that it is of no interest. */
static void paused_under_maintenance_it_says_nothing(void **unused)
{
    (void)unused;
    struct world w;
    struct event e = {.kind = EVENT_WINDOW};
    begin(&w, 1);
    world_config(&w);
    FINE(&w, 1);
    e.as.window =
        (struct window_row){.until_us = w.now.wall_us + 3600 * US_PER_S,
                            .checks = "",
                            .tags = "",
                            .environments = "",
                            .actor = "ana",
                            .reason = ""};
    world_step(&w, &e);
    FAIL(&w, 1);
    pause_it(&w, 1, 0);
    world_seconds(&w, 4000);
    assert_silent(world_said(&w), "run call");
    world_end(&w);
}

static void resumed_it_is_probed_at_once_and_counts_anew(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1);
    w.conf->checks[0].failure_threshold = 3;
    world_config(&w);
    FAIL(&w, 1);
    FAIL(&w, 1);
    pause_it(&w, 1, 0);
    world_seconds(&w, 60);
    world_said(&w);
    resume(&w, 1);
    assert_state(&w, 1, STATE_PENDING);
    assert_says(world_said(&w), "probe 1 schedule");
    assert_string_equal(world_audited(&w, 0),
                        "ana check.resume a: resumed by ana: a new disk");
    world_result(&w, 1, OUTCOME_FAIL, RLV_F_REFUSED, "ECONNREFUSED");
    assert_state(&w, 1, STATE_SUSPECT);
    FAIL(&w, 1);
    assert_state(&w, 1, STATE_SUSPECT);
    FAIL(&w, 1);
    assert_state(&w, 1, STATE_DOWN);
    world_end(&w);
}

static void resuming_what_is_not_paused_is_nothing(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1);
    world_config(&w);
    FAIL(&w, 1);
    world_said(&w);
    resume(&w, 1);
    assert_state(&w, 1, STATE_DOWN);
    assert_string_equal(world_audited(&w, 0), "");
    resume(&w, 7); /* there is none */
    assert_silent(world_said(&w), "transition");
    world_end(&w);
}

static void paused_and_resumed_while_a_probe_is_on_its_way(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1);
    world_config(&w);
    while (w.probe[1] == 0)
        world_wake(&w);
    pause_it(&w, 1, 0);
    resume(&w, 1);
    world_result(&w, 1, OUTCOME_FAIL, RLV_F_REFUSED, "ECONNREFUSED");
    assert_state(&w, 1, STATE_PENDING);
    FINE(&w, 1);
    assert_state(&w, 1, STATE_UP);
    world_end(&w);
}

static void a_pause_ends_by_itself(void **unused)
{
    (void)unused;
    struct world w;
    struct check_view v;
    begin(&w, 1);
    world_config(&w);
    FINE(&w, 1);
    pause_it(&w, 1, 600);
    assert_true(model_check_by_id(w.model, 1, &v));
    assert_int_equal(v.state->until_us, w.now.wall_us + 600 * US_PER_S);
    world_seconds(&w, 599);
    assert_state(&w, 1, STATE_PAUSED);
    world_said(&w);
    world_wake(&w);
    assert_state(&w, 1, STATE_PENDING);
    assert_says(world_said(&w), "probe 1 schedule");
    assert_says(buf_text(&w.texts),
                "1 pending because the time of the pause is over\n");
    world_end(&w);
}

/* The later word holds: another end, or none. */
static void a_second_pause_replaces_the_first(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 2);
    world_config(&w);
    pause_it(&w, 1, 60);
    pause_it(&w, 1, 600);
    pause_it(&w, 2, 60);
    pause_it(&w, 2, 0);
    world_seconds(&w, 599);
    assert_state(&w, 1, STATE_PAUSED);
    world_seconds(&w, 2);
    assert_state(&w, 1, STATE_PENDING);
    world_seconds(&w, 3600);
    assert_state(&w, 2, STATE_PAUSED);
    world_end(&w);
}

static void what_is_judged_from_it_goes_with_it(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 2);
    derive_b(&w);
    world_config(&w);
    FINE(&w, 1);
    pause_it(&w, 1, 0);
    assert_state(&w, 2, STATE_PAUSED);
    resume(&w, 1);
    assert_state(&w, 2, STATE_PENDING);
    pause_it(&w, 2, 0);
    assert_state(&w, 1, STATE_PENDING);
    assert_state(&w, 2, STATE_PAUSED);
    world_end(&w);
}

/* b may be resumed alone; a probe by hand then tells about b, and a stays
 * unprobed though b fails. */
static void a_derived_check_does_not_wake_its_paused_source(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 2);
    derive_b(&w);
    w.conf->checks[1].failure_threshold = 3;
    world_config(&w);
    FINE(&w, 1);
    pause_it(&w, 1, 0);
    resume(&w, 2);
    ask_probe(&w, 1);
    world_judged(&w, 1, 2, OUTCOME_FAIL, RLV_F_MISMATCH, "");
    world_result(&w, 1, OUTCOME_OK, RLV_F_NONE, "");
    world_said(&w);
    world_seconds(&w, 600);
    assert_silent(world_said(&w), "probe 1");
    world_end(&w);
}

static void a_pause_survives_restart_and_reload(void **unused)
{
    (void)unused;
    struct world a, b;
    begin(&a, 2);
    begin(&b, 2);
    world_config(&a);
    FINE(&a, 1);
    FINE(&a, 2);
    pause_it(&a, 1, 0);
    pause_it(&a, 2, 60);
    b.now = a.now;
    b.now.mono_ns += 3600 * NS_PER_S; /* the second one's time is over */
    b.now.wall_us += 3600 * US_PER_S;
    world_restart(&b, &a);
    world_config(&b);
    assert_state(&b, 1, STATE_PAUSED);
    assert_state(&b, 2, STATE_PENDING);
    FINE(&b, 2);
    b.conf->generation++;
    b.conf->checks[0].interval_ns = 5 * NS_PER_S;
    b.conf->checks[0].fingerprint = 77;
    world_config(&b);
    world_said(&b);
    world_seconds(&b, 600);
    assert_state(&b, 1, STATE_PAUSED);
    assert_silent(world_said(&b), "probe 1");
    resume(&b, 1);
    assert_says(world_said(&b), "probe 1 schedule");
    world_end(&a);
    world_end(&b);
}

/* ------------------------------------------------------------- disabled --- */

static void reload(struct world *w, bool disabled)
{
    struct check_spec *a = &w->conf->checks[0];
    a->disabled = disabled;
    a->fingerprint += 100;
    w->conf->generation++;
    world_config(w);
}

/* From the beginning: it is paused, and only a configuration ends that. */
static void a_disabled_check_is_not_probed(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 2);
    w.conf->checks[0].disabled = true;
    world_config(&w);
    assert_state(&w, 1, STATE_PAUSED);
    assert_says(buf_text(&w.tells), "paused by relevo: enabled = false\n");
    world_seconds(&w, 3600);
    assert_says(world_said(&w), "probe 2");
    resume(&w, 1);
    pause_it(&w, 1, 60);
    schedule_soon(w.model, w.model->nodes[0], w.now.mono_ns);
    schedule_need(w.model, w.model->nodes[0], w.now.mono_ns);
    world_seconds(&w, 3600);
    assert_silent(world_said(&w), "probe 1");
    assert_state(&w, 1, STATE_PAUSED);
    ask_probe(&w, 1);
    assert_says(world_said(&w), "probe 1 manual");
    world_result(&w, 1, OUTCOME_FAIL, RLV_F_REFUSED, "ECONNREFUSED");
    assert_state(&w, 1, STATE_PAUSED);
    world_end(&w);
}

/* By a reload while it is down, over a pause of somebody's; enabled again after
 * a restart. */
static void a_reload_disables_and_enables(void **unused)
{
    (void)unused;
    struct world w, old;
    begin(&w, 1);
    world_config(&w);
    FAIL(&w, 1);
    world_said(&w);
    reload(&w, true);
    assert_state(&w, 1, STATE_PAUSED);
    assert_says(world_said(&w), "incident 1 resolved");
    old = w;
    begin(&w, 1);
    w.conf->checks[0].disabled = true;
    world_restart(&w, &old);
    world_config(&w);
    world_end(&old);
    world_seconds(&w, 60);
    assert_silent(world_said(&w), "probe 1");
    reload(&w, false);
    assert_state(&w, 1, STATE_PENDING);
    FINE(&w, 1);
    assert_state(&w, 1, STATE_UP);
    pause_it(&w, 1, 60);
    reload(&w, true);
    world_seconds(&w, 600);
    assert_state(&w, 1, STATE_PAUSED);
    world_end(&w);
}

/* One that a person paused stays so, whatever is reloaded. */
static void a_reload_resumes_nothing_else(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1);
    world_config(&w);
    pause_it(&w, 1, 0);
    reload(&w, false);
    assert_state(&w, 1, STATE_PAUSED);
    world_end(&w);
}

/* What is judged from a check goes with it; one that is disabled itself does
 * not come back with its source. */
static void disabled_with_its_source(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 2);
    derive_b(&w);
    w.conf->checks[0].disabled = w.conf->checks[1].disabled = true;
    world_config(&w);
    assert_state(&w, 2, STATE_PAUSED);
    reload(&w, false);
    assert_state(&w, 1, STATE_PENDING);
    assert_state(&w, 2, STATE_PAUSED);
    pause_it(&w, 1, 0);
    resume(&w, 1);
    assert_state(&w, 1, STATE_PENDING);
    assert_state(&w, 2, STATE_PAUSED);
    world_end(&w);
}

/* -------------------------------------------------------- acknowledging --- */

static void acknowledge(struct world *w, uint64_t incident, const char *actor)
{
    struct event e = {.kind = EVENT_ACKNOWLEDGE};
    e.as.acknowledge.incident = incident;
    e.as.acknowledge.actor = actor;
    e.as.acknowledge.note = "on my way";
    world_step(w, &e);
}

static void an_incident_is_acknowledged_once(void **unused)
{
    (void)unused;
    struct world w;
    struct check_view v;
    begin(&w, 1);
    world_config(&w);
    FAIL(&w, 1);
    world_said(&w);
    acknowledge(&w, 1, "ana");
    assert_says(world_said(&w), "incident 1 acknowledged refused durable");
    assert_string_equal(world_audited(&w, 0),
                        "ana incident.acknowledge I-1: on my way");
    assert_says(buf_text(&w.texts), "1 acknowledged: by ana: on my way\n");
    const struct incident_row *row = model_incident(w.model, 1);
    assert_string_equal(row->acknowledged_by, "ana");
    assert_string_equal(row->note, "on my way");
    assert_int_equal(row->acknowledged_us, w.now.wall_us);
    assert_true(model_check_by_id(w.model, 1, &v));
    assert_true(v.acknowledged);
    acknowledge(&w, 1, "eva");
    assert_string_equal(model_incident(w.model, 1)->acknowledged_by, "ana");
    assert_silent(world_said(&w), "incident");
    world_end(&w);
}

static void an_acknowledged_one_recovers_with_notice(void **unused)
{
    (void)unused;
    struct world w;
    struct check_view v;
    begin(&w, 1);
    world_config(&w);
    FAIL(&w, 1);
    world_run_ends(&w, 1, 0, "");
    acknowledge(&w, 1, "ana");
    world_said(&w);
    FINE(&w, 1);
    const char *said = world_said(&w);
    assert_says(said, "incident 1 resolved");
    assert_says(said, "run call");
    assert_true(model_check_by_id(w.model, 1, &v));
    assert_false(v.acknowledged);
    acknowledge(&w, 1, "eva"); /* too late */
    assert_silent(world_said(&w), "incident");
    world_end(&w);
}

/* Nobody takes what is not confirmed, or not there. */
static void what_is_no_incident_yet_is_not_acknowledged(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1);
    w.conf->checks[0].failure_threshold = 3;
    world_config(&w);
    FAIL(&w, 1);
    world_said(&w);
    acknowledge(&w, 1, "ana");
    acknowledge(&w, 99, "ana");
    assert_silent(world_said(&w), "acknowledged");
    FAIL(&w, 1);
    FAIL(&w, 1);
    assert_says(world_said(&w), "incident 1 open");
    world_end(&w);
}

static void an_acknowledgement_survives_a_restart(void **unused)
{
    (void)unused;
    struct world a, b;
    struct check_view v;
    begin(&a, 1);
    begin(&b, 1);
    world_config(&a);
    FAIL(&a, 1);
    acknowledge(&a, 1, "ana");
    b.now = a.now;
    world_restart(&b, &a);
    world_config(&b);
    assert_true(model_check_by_id(b.model, 1, &v));
    assert_true(v.acknowledged);
    assert_string_equal(model_incident(b.model, 1)->acknowledged_by, "ana");
    world_end(&a);
    world_end(&b);
}

/* ---------------------------------------------------------------- marks --- */

static void a_mark_is_kept_with_its_time_and_author(void **unused)
{
    (void)unused;
    struct world w;
    struct event e = {.kind = EVENT_MARK};
    begin(&w, 1);
    world_config(&w);
    e.as.mark = (struct mark_row){
        .environment = "staging", .actor = "ana", .text = "release 4.2"};
    world_step(&w, &e);
    bool kept = false;
    for (size_t i = 0; i < w.last.count; i++) {
        const struct record *r = &w.last.items[i].as.record;
        if (w.last.items[i].kind != ACTION_COMMIT || r->kind != RECORD_MARK)
            continue;
        kept = true;
        assert_int_equal(r->as.mark.at_us, w.now.wall_us);
        assert_string_equal(r->as.mark.text, "release 4.2");
    }
    assert_true(kept);
    assert_string_equal(world_audited(&w, 0), "ana mark staging: release 4.2");
    assert_says(buf_text(&w.tells), "mark staging by ana: release 4.2\n");
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_paused_check_is_not_probed),
        cmocka_unit_test(what_is_on_its_way_does_not_count),
        cmocka_unit_test(it_may_be_probed_by_hand),
        cmocka_unit_test(its_incident_is_closed_and_who_got_the_alarm_hears_it),
        cmocka_unit_test(paused_under_maintenance_it_says_nothing),
        cmocka_unit_test(what_comes_to_be_judged_from_a_paused_one_is_paused),
        cmocka_unit_test(resumed_it_is_probed_at_once_and_counts_anew),
        cmocka_unit_test(resuming_what_is_not_paused_is_nothing),
        cmocka_unit_test(paused_and_resumed_while_a_probe_is_on_its_way),
        cmocka_unit_test(a_pause_ends_by_itself),
        cmocka_unit_test(a_second_pause_replaces_the_first),
        cmocka_unit_test(a_disabled_check_is_not_probed),
        cmocka_unit_test(a_reload_disables_and_enables),
        cmocka_unit_test(a_reload_resumes_nothing_else),
        cmocka_unit_test(disabled_with_its_source),
        cmocka_unit_test(what_is_judged_from_it_goes_with_it),
        cmocka_unit_test(a_derived_check_does_not_wake_its_paused_source),
        cmocka_unit_test(a_pause_survives_restart_and_reload),
        cmocka_unit_test(an_incident_is_acknowledged_once),
        cmocka_unit_test(an_acknowledged_one_recovers_with_notice),
        cmocka_unit_test(what_is_no_incident_yet_is_not_acknowledged),
        cmocka_unit_test(an_acknowledgement_survives_a_restart),
        cmocka_unit_test(a_mark_is_kept_with_its_time_and_author),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

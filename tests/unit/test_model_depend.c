/* test_model_depend.c: what a check waits for before it goes down, when it is
 * impacted instead, what it is when its parent has recovered, and diagnoses
 * that wait for the parents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "test_model_depend_fixture.h"

/* --------------------------------------------------------------- waiting ---
 */

static void the_first_failure_asks_the_parent(void **unused)
{
    (void)unused;
    struct world w;
    begin_pair(&w);
    both_fine(&w);
    FAIL(&w, 2);
    if (w.probe[1] != 0 && strstr(world_said(&w), "probe 1 parent") == NULL)
        FINE(&w, 1); /* one that began before does not count */
    FINE(&w, 1);
    world_said(&w);
    FAIL(&w, 2);
    FAIL(&w, 2);
    assert_silent(world_said(&w), "parent"); /* once */
    assert_is(&w, 2, STATE_DOWN, "");
    world_end(&w);
}

static void a_child_waits_for_a_suspect_parent(void **unused)
{
    (void)unused;
    struct world w;
    struct check_view v;
    begin_pair(&w);
    both_fine(&w);
    FAIL(&w, 1);
    for (int i = 0; i < 4; i++)
        FAIL(&w, 2);
    assert_is(&w, 2, STATE_SUSPECT, "a");
    model_check_by_id(w.model, 2, &v);
    assert_string_equal(v.count, "3/3");
    const char *said = world_said(&w);
    assert_silent(said, "incident");
    assert_int_equal(occurrences(said, "waits"), 1);
    fail_until(&w, 1, STATE_DOWN);
    said = world_said(&w);
    assert_is(&w, 2, STATE_IMPACTED, "a"); /* without another result */
    assert_int_equal(occurrences(said, " open "), 1);
    assert_true(strstr(said, "transition 1 down") <
                strstr(said, "transition 2 impacted"));
    assert_true(strstr(said, "incident 1 open") <
                strstr(said, "impact 1 of 2"));
    world_end(&w);
}

static void a_waiting_child_goes_down_when_its_parent_is_fine(void **unused)
{
    (void)unused;
    struct world w;
    begin_pair(&w);
    world_book(&w, "oncall", RUNBOOK_NOTIFY, ON_DOWN);
    both_fine(&w);
    FAIL(&w, 1);
    for (int i = 0; i < 3; i++)
        FAIL(&w, 2);
    assert_is(&w, 2, STATE_SUSPECT, "a");
    world_said(&w);
    FINE(&w, 1);
    assert_is(&w, 2, STATE_DOWN, "");
    const char *said = world_said(&w);
    assert_says(said, "incident 2 open refused");
    assert_int_equal(occurrences(said, "run oncall"), 1);
    world_end(&w);
}

static void a_good_result_ends_the_wait(void **unused)
{
    (void)unused;
    struct world w;
    begin_pair(&w);
    both_fine(&w);
    FAIL(&w, 1);
    for (int i = 0; i < 3; i++)
        FAIL(&w, 2);
    FINE(&w, 2);
    assert_is(&w, 2, STATE_UP, "");
    fail_until(&w, 1, STATE_DOWN);
    assert_is(&w, 2, STATE_UP, "");
    world_end(&w);
}

/* Its latest result does not say that it fails: another one is wanted. */
static void an_unknown_result_is_no_ground_to_go_down(void **unused)
{
    (void)unused;
    struct world w;
    begin_pair(&w);
    both_fine(&w);
    FAIL(&w, 1);
    for (int i = 0; i < 3; i++)
        FAIL(&w, 2);
    BLIND(&w, 2);
    w.probe[2] = 0;
    FINE(&w, 1);
    assert_is(&w, 2, STATE_SUSPECT, "");
    world_end(&w);
}

/* depends_on = ["a", { tags = ["base"]; }] means a twice. */
static void a_parent_of_two_terms_is_named_once(void **unused)
{
    (void)unused;
    struct world w;
    begin_pair(&w);
    world_needs(&w, 1, false, 1, a_only);
    both_fine(&w);
    impact_b(&w);
    assert_says(texts(&w), "2 impacted because enough failing results in a "
                           "row; a is down");
    world_end(&w);
}

static void one_failure_is_enough_and_waits_too(void **unused)
{
    (void)unused;
    struct world w;
    begin_pair(&w);
    w.conf->checks[1].failure_threshold = 1;
    both_fine(&w);
    FAIL(&w, 2);
    assert_is(&w, 2, STATE_SUSPECT, "a");
    assert_says(texts(&w), "2 suspect because enough failing results in a "
                           "row; waits for a");
    while (strstr(world_said(&w), "probe 1 parent") == NULL)
        FINE(&w, 1);
    FINE(&w, 1);
    assert_is(&w, 2, STATE_DOWN, "");
    world_end(&w);
}

static void a_parent_that_does_not_answer_holds_nothing(void **unused)
{
    (void)unused;
    struct world w;
    begin_pair(&w);
    w.conf->checks[1].failure_threshold = 1;
    both_fine(&w);
    FAIL(&w, 2);
    int64_t asked = w.now.mono_ns;
    assert_is(&w, 2, STATE_SUSPECT, "a");
    for (int i = 0; i < 1000; i++) {
        if (w.model->nodes[1]->state.state == STATE_DOWN)
            break;
        w.probe[2] = 0;
        world_wake(&w);
    }
    assert_is(&w, 2, STATE_DOWN, "");
    assert_int_equal(w.now.mono_ns - asked, 12 * NS_PER_S); /* timeout + 2 s */
    world_end(&w);
}

static void a_suspect_parent_whose_probe_hangs_holds_nothing(void **unused)
{
    (void)unused;
    struct world w;
    begin_pair(&w);
    both_fine(&w);
    FAIL(&w, 1);
    for (int i = 0; i < 3; i++)
        FAIL(&w, 2);
    assert_is(&w, 2, STATE_SUSPECT, "a");
    for (int i = 0; i < 1000; i++) {
        if (w.model->nodes[1]->state.state == STATE_DOWN)
            break;
        world_wake(&w);
    }
    assert_is(&w, 2, STATE_DOWN, "");
    world_end(&w);
}

static void a_parent_that_nobody_measures_holds_nothing(void **unused)
{
    (void)unused;
    for (int how = 0; how < 3; how++) {
        struct world w;
        begin_pair(&w);
        if (how == 0)
            w.conf->checks[0].schedule = SCHEDULE_MANUAL;
        world_config(&w);
        for (int i = 0; how == 1 && i < 3; i++)
            BLIND(&w, 1);
        struct event e = {.kind = EVENT_PAUSE};
        e.as.pause.check = 1;
        e.as.pause.paused = true;
        e.as.pause.actor = e.as.pause.reason = "";
        if (how == 2)
            world_step(&w, &e);
        world_said(&w);
        for (int i = 0; i < 3; i++)
            FAIL(&w, 2);
        assert_is(&w, 2, STATE_DOWN, "");
        world_end(&w);
    }
}

/* Down, and then not measured any more: still the cause. */
static void an_unknown_parent_with_an_incident_is_down(void **unused)
{
    (void)unused;
    struct world w;
    begin_pair(&w);
    both_fine(&w);
    fail_until(&w, 1, STATE_DOWN);
    for (int i = 0; i < 3; i++)
        BLIND(&w, 1);
    assert_is(&w, 1, STATE_UNKNOWN, "");
    for (int i = 0; i < 3; i++)
        FAIL(&w, 2);
    assert_is(&w, 2, STATE_IMPACTED, "a");
    assert_says(texts(&w), "enough failing results in a row; a is unknown");
    world_end(&w);
}

/* A pause of the parent frees the child: it goes on by itself. */
static void a_paused_parent_frees_what_waits(void **unused)
{
    (void)unused;
    struct world w;
    begin_pair(&w);
    both_fine(&w);
    FAIL(&w, 1);
    for (int i = 0; i < 3; i++)
        FAIL(&w, 2);
    assert_is(&w, 2, STATE_SUSPECT, "a");
    struct event e = {.kind = EVENT_PAUSE};
    e.as.pause.check = 1;
    e.as.pause.paused = true;
    e.as.pause.actor = e.as.pause.reason = "";
    world_step(&w, &e);
    assert_is(&w, 2, STATE_DOWN, "");
    world_end(&w);
}

/* ------------------------------------------------------------------- any ---
 */

static void begin_any(struct world *w)
{
    world_begin(w, 3, 10 * NS_PER_S);
    world_needs(w, 2, true, 2, a_and_b);
    world_config(w);
    for (uint32_t i = 1; i <= 3; i++)
        FINE(w, i);
}

static void one_of_several_is_enough(void **unused)
{
    (void)unused;
    struct world w;
    begin_any(&w);
    fail_until(&w, 1, STATE_DOWN);
    FAIL(&w, 3);
    FINE(&w, 2);
    FINE(&w, 2);
    FAIL(&w, 3);
    FAIL(&w, 3);
    assert_is(&w, 3, STATE_DOWN, "");
    world_end(&w);
}

static void all_of_several_down_is_the_cause(void **unused)
{
    (void)unused;
    struct world w;
    begin_any(&w);
    fail_until(&w, 1, STATE_DOWN);
    fail_until(&w, 2, STATE_DOWN);
    for (int i = 0; i < 3; i++)
        FAIL(&w, 3);
    assert_is(&w, 3, STATE_IMPACTED, "a, b");
    const char *said = world_said(&w);
    assert_says(said, "impact 1 of 3\n");
    assert_says(said, "impact 2 of 3\n");
    assert_says(texts(&w), "a, b are the cause");
    world_end(&w);
}

static void several_of_which_one_is_undecided_are_waited_for(void **unused)
{
    (void)unused;
    struct world w;
    begin_any(&w);
    fail_until(&w, 1, STATE_DOWN);
    FAIL(&w, 2);
    for (int i = 0; i < 3; i++)
        FAIL(&w, 3);
    assert_is(&w, 3, STATE_SUSPECT, "b");
    fail_until(&w, 2, STATE_DOWN);
    assert_is(&w, 3, STATE_IMPACTED, "a, b");
    world_end(&w);
}

/* -------------------------------------------------------------- recovery ---
 */

static void an_impacted_child_is_quiet(void **unused)
{
    (void)unused;
    struct world w;
    begin_pair(&w);
    both_fine(&w);
    fail_until(&w, 1, STATE_DOWN);
    static const char *const b[] = {"b"};
    book_for(&w, "any", b, RUNBOOK_NOTIFY, ON_DOWN | ON_RECOVERED | ON_SUSPECT);
    for (int i = 0; i < 3; i++)
        FAIL(&w, 2);
    world_said(&w);
    for (int i = 0; i < 5; i++)
        world_next(&w, 2, OUTCOME_FAIL, RLV_F_TIMEOUT, "");
    const char *said = world_said(&w);
    assert_silent(said, "transition");
    assert_silent(said, "event");
    assert_silent(said, "stored any");
    assert_silent(said, "impact");
    FINE(&w, 2);
    assert_is(&w, 2, STATE_IMPACTED, "a");
    FINE(&w, 2);
    assert_is(&w, 2, STATE_UP, "");
    said = world_said(&w);
    assert_silent(said, "incident");
    assert_silent(said, "stored any");
    assert_says(said, "impact 1 of 2 over");
    world_end(&w);
}

static void a_recovered_parent_has_its_child_probed_at_once(void **unused)
{
    (void)unused;
    struct world w;
    begin_pair(&w);
    w.conf->checks[1].interval_ns = 600 * NS_PER_S;
    w.conf->checks[1].retry_interval_ns = 5 * NS_PER_S;
    w.conf->checks[1].down_interval_ns = 600 * NS_PER_S;
    both_fine(&w);
    impact_b(&w);
    FINE(&w, 1);
    world_said(&w);
    assert_int_equal(w.probe[2], 0);
    FINE(&w, 1);
    assert_says(world_said(&w), "probe 2 confirm");
    assert_int_equal(w.due[2], w.now.mono_ns);
    world_end(&w);
}

static void what_fails_after_its_parent_recovered_fails_by_itself(void **unused)
{
    (void)unused;
    struct world w;
    begin_pair(&w);
    world_book(&w, "look", RUNBOOK_DIAGNOSE, ON_SUSPECT);
    world_book(&w, "oncall", RUNBOOK_NOTIFY, ON_DOWN);
    both_fine(&w);
    impact_b(&w);
    FINE(&w, 1);
    FINE(&w, 1);
    world_run_ends(&w, 1, 0, "");
    world_run_ends(&w, 2, 0, "");
    world_run_ends(&w, 3, 0, "");
    world_said(&w);
    world_pass(&w, NS_PER_MS); /* so that its failure is the later one */
    FAIL(&w, 2);
    assert_is(&w, 2, STATE_SUSPECT, "");
    const char *said = world_said(&w);
    assert_says(said, "impact 1 of 2 over");
    assert_says(said, "probe 1 parent");
    FINE(&w, 1);
    assert_says(world_said(&w), "run look");
    FAIL(&w, 2);
    FAIL(&w, 2);
    assert_is(&w, 2, STATE_DOWN, "");
    said = world_said(&w);
    assert_says(said, "incident 3 open refused");
    assert_says(said, "stored oncall intended");
    world_end(&w);
}

/* Even where one failing result is enough: its parents are asked again. */
static void what_was_impacted_does_not_go_down_unasked(void **unused)
{
    (void)unused;
    struct world w;
    begin_pair(&w);
    w.conf->checks[1].failure_threshold = 1;
    both_fine(&w);
    impact_b(&w);
    FINE(&w, 1);
    FINE(&w, 1);
    world_pass(&w, NS_PER_MS);
    world_said(&w);
    FAIL(&w, 2);
    assert_is(&w, 2, STATE_SUSPECT, "a");
    assert_says(world_said(&w), "probe 1 parent");
    FINE(&w, 1);
    assert_is(&w, 2, STATE_DOWN, "");
    world_end(&w);
}

static void what_was_down_before_stays_down(void **unused)
{
    (void)unused;
    struct world w;
    begin_pair(&w);
    both_fine(&w);
    FAIL(&w, 2);
    FINE(&w, 1);
    FINE(&w, 1);
    fail_until(&w, 2, STATE_DOWN);
    world_said(&w);
    fail_until(&w, 1, STATE_DOWN);
    FAIL(&w, 2);
    assert_is(&w, 2, STATE_DOWN, "");
    assert_int_equal(occurrences(texts(&w), "1 parent: a is down too: "
                                            "probably the cause"),
                     1);
    assert_silent(world_said(&w), "impact");
    FINE(&w, 2);
    FINE(&w, 2);
    assert_says(world_said(&w), "incident 1 resolved");
    world_end(&w);
}

static void an_impacted_child_may_be_paused(void **unused)
{
    (void)unused;
    struct world w;
    begin_pair(&w);
    both_fine(&w);
    impact_b(&w);
    world_said(&w);
    struct event e = {.kind = EVENT_PAUSE};
    e.as.pause.check = 2;
    e.as.pause.paused = true;
    e.as.pause.actor = e.as.pause.reason = "";
    world_step(&w, &e);
    assert_says(world_said(&w), "impact 1 of 2 over");
    assert_is(&w, 2, STATE_PAUSED, "");
    world_end(&w);
}

static void an_impacted_child_that_cannot_be_seen_is_unknown(void **unused)
{
    (void)unused;
    struct world w;
    begin_pair(&w);
    both_fine(&w);
    impact_b(&w);
    for (int i = 0; i < 3; i++)
        BLIND(&w, 2);
    assert_is(&w, 2, STATE_UNKNOWN, "");
    assert_says(world_said(&w), "impact 1 of 2 over");
    for (int i = 0; i < 3; i++)
        FAIL(&w, 2);
    assert_is(&w, 2, STATE_IMPACTED, "a");
    world_end(&w);
}

/* ------------------------------------------------------------- diagnoses ---
 */

/* b fails for the first time; a has been asked, and has not answered. */
static void begin_diagnosis(struct world *w)
{
    begin_pair(w);
    world_book(w, "look", RUNBOOK_DIAGNOSE, ON_SUSPECT);
    both_fine(w);
    while (w->probe[2] == 0)
        world_wake(w);
    if (w->probe[1] != 0)
        FINE(w, 1);
    world_said(w);
    FAIL(w, 2);
    const char *said = world_said(w);
    assert_says(said, "probe 1 parent");
    assert_silent(said, "look");
}

static void a_diagnosis_waits_for_a_parent_that_is_fine(void **unused)
{
    (void)unused;
    struct world w;
    begin_diagnosis(&w);
    world_pass(&w, 300 * NS_PER_MS);
    assert_silent(world_said(&w), "look");
    FINE(&w, 1);
    assert_says(world_said(&w), "run look after 1");
    world_end(&w);
}

static void a_diagnosis_does_not_wait_for_ever(void **unused)
{
    (void)unused;
    struct world w;
    begin_diagnosis(&w);
    int64_t failed = w.now.mono_ns;
    while (strstr(world_said(&w), "run look") == NULL &&
           w.now.mono_ns < failed + 10 * NS_PER_S)
        world_wake(&w);
    assert_int_equal(w.now.mono_ns - failed, 2 * NS_PER_S);
    world_end(&w);
}

static void a_diagnosis_is_held_when_the_parent_fails(void **unused)
{
    (void)unused;
    struct world w;
    begin_diagnosis(&w);
    FAIL(&w, 1);
    const char *said = world_said(&w);
    assert_int_equal(occurrences(said, "run look"), 1); /* of a */
    assert_int_equal(occurrences(said, "stored look held root_cause"), 1);
    assert_says(texts(&w), "2 held: diagnose look of b: a is suspect");
    world_end(&w);
}

static void a_recovery_cancels_a_diagnosis_that_waits(void **unused)
{
    (void)unused;
    struct world w;
    begin_diagnosis(&w);
    struct event e = {.kind = EVENT_PROBE_ASKED};
    e.as.probe_asked.check = 2;
    e.as.probe_asked.purpose = PURPOSE_CONFIRM;
    world_step(&w, &e);
    FINE(&w, 2);
    FINE(&w, 1);
    world_pass(&w, 3 * NS_PER_S);
    assert_silent(world_said(&w), "look");
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_failure_asks_the_parent),
        cmocka_unit_test(a_child_waits_for_a_suspect_parent),
        cmocka_unit_test(a_waiting_child_goes_down_when_its_parent_is_fine),
        cmocka_unit_test(a_good_result_ends_the_wait),
        cmocka_unit_test(an_unknown_result_is_no_ground_to_go_down),
        cmocka_unit_test(a_parent_of_two_terms_is_named_once),
        cmocka_unit_test(one_failure_is_enough_and_waits_too),
        cmocka_unit_test(a_parent_that_does_not_answer_holds_nothing),
        cmocka_unit_test(a_suspect_parent_whose_probe_hangs_holds_nothing),
        cmocka_unit_test(a_parent_that_nobody_measures_holds_nothing),
        cmocka_unit_test(an_unknown_parent_with_an_incident_is_down),
        cmocka_unit_test(a_paused_parent_frees_what_waits),
        cmocka_unit_test(one_of_several_is_enough),
        cmocka_unit_test(all_of_several_down_is_the_cause),
        cmocka_unit_test(several_of_which_one_is_undecided_are_waited_for),
        cmocka_unit_test(an_impacted_child_is_quiet),
        cmocka_unit_test(a_recovered_parent_has_its_child_probed_at_once),
        cmocka_unit_test(what_fails_after_its_parent_recovered_fails_by_itself),
        cmocka_unit_test(what_was_impacted_does_not_go_down_unasked),
        cmocka_unit_test(what_was_down_before_stays_down),
        cmocka_unit_test(an_impacted_child_may_be_paused),
        cmocka_unit_test(an_impacted_child_that_cannot_be_seen_is_unknown),
        cmocka_unit_test(a_diagnosis_waits_for_a_parent_that_is_fine),
        cmocka_unit_test(a_diagnosis_does_not_wait_for_ever),
        cmocka_unit_test(a_diagnosis_is_held_when_the_parent_fails),
        cmocka_unit_test(a_recovery_cancels_a_diagnosis_that_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_model_derived.c: checks that are judged from another one's answers: when
 * they are measured, and as parents. First the founding case: an API whose
 * answer says that its database is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "test_model_depend_fixture.h"

/* api is probed, db judged from its answers; api needs db. */
static void begin_founding(struct world *w)
{
    world_begin(w, 2, 10 * NS_PER_S);
    w->conf->checks[0].name = w->conf->checks[0].plain_name = "api";
    w->conf->checks[1].name = w->conf->checks[1].plain_name = "db";
    w->conf->checks[1].source = &w->conf->checks[0];
    world_needs(w, 0, false, 1, b_only);
}

static void both(struct world *w, enum outcome db, enum outcome api)
{
    for (int i = 0; i < 1000 && w->probe[1] == 0; i++)
        world_wake(w);
    bool bad = db == OUTCOME_FAIL;
    world_judged(w, 1, 2, db, bad ? RLV_F_MISMATCH : RLV_F_NONE, "");
    bad = api == OUTCOME_FAIL;
    world_result(w, 1, api, bad ? RLV_F_ERROR_RESPONSE : RLV_F_NONE,
                 bad ? "503" : "");
}

static void the_founding_case(void **unused)
{
    (void)unused;
    static const char *const api[] = {"api"}, *const db[] = {"db"};
    static const char *const all[] = {NULL};
    struct world w;
    begin_founding(&w);
    book_for(&w, "api-diagnose", api, RUNBOOK_DIAGNOSE, ON_SUSPECT);
    book_for(&w, "db-diagnose", db, RUNBOOK_DIAGNOSE, ON_SUSPECT);
    book_for(&w, "oncall", all, RUNBOOK_NOTIFY, ON_DOWN | ON_RECOVERED);
    world_config(&w);
    both(&w, OUTCOME_OK, OUTCOME_OK);
    world_said(&w);
    for (int i = 0; i < 3; i++)
        both(&w, OUTCOME_FAIL, OUTCOME_FAIL);
    const char *said = world_said(&w);
    assert_int_equal(occurrences(said, " open "), 1);
    assert_says(said, "incident 1 open mismatch durable");
    assert_int_equal(occurrences(said, "run "), 2);
    assert_says(said, "run db-diagnose after 1");
    assert_says(said, "run oncall after 1");
    assert_int_equal(occurrences(said, "stored api-diagnose held root_cause"),
                     1);
    assert_says(said, "transition 1 impacted");
    assert_says(said, "impact 1 of 1\n");
    assert_says(texts(&w), "2 held: diagnose api-diagnose: db is suspect: its "
                           "diagnosis runs instead");
    assert_says(texts(&w), "1 held: diagnose api-diagnose of api: db is "
                           "suspect: its diagnosis runs instead");
    assert_says(texts(&w),
                "1 impacted because enough failing results in a row; db is "
                "down");
    assert_says(texts(&w),
                "1 impact: api is impacted: enough failing results in a row; "
                "db is down, error_response 503; its runbooks are "
                "not run (api-diagnose, oncall): db is the cause");
    assert_is(&w, 2, STATE_DOWN, "");
    assert_is(&w, 1, STATE_IMPACTED, "db");
    assert_string_equal(model_impact(w.model, 1, 0)->name, "api");
    assert_null(model_impact(w.model, 1, 1));
    uint64_t call = model_last_run(w.model);
    world_run_ends(&w, call, 0, "");
    world_said(&w);
    both(&w, OUTCOME_OK, OUTCOME_OK);
    assert_is(&w, 1, STATE_IMPACTED, "db");
    both(&w, OUTCOME_OK, OUTCOME_OK);
    said = world_said(&w);
    assert_is(&w, 1, STATE_UP, "");
    assert_is(&w, 2, STATE_UP, "");
    assert_says(said, "incident 1 resolved");
    assert_says(said, "impact 1 of 1 over");
    assert_int_equal(occurrences(said, "run oncall"), 1);
    assert_says(texts(&w), "1 impact_over: api is up: enough good results");
    assert_null(model_impact(w.model, 1, 0));
    world_end(&w);
}

static void a_derived_check_is_never_probed(void **unused)
{
    (void)unused;
    struct world w;
    begin_founding(&w);
    world_config(&w);
    for (int i = 0; i < 20; i++)
        both(&w, i % 4 == 0 ? OUTCOME_FAIL : OUTCOME_OK, OUTCOME_OK);
    const char *said = world_said(&w);
    assert_silent(said, "probe 2");
    assert_says(said, "probe 1");
    world_end(&w);
}

static void who_asks_for_a_derived_check_gets_its_source_probed(void **unused)
{
    (void)unused;
    struct world w;
    begin_founding(&w);
    world_config(&w);
    both(&w, OUTCOME_OK, OUTCOME_OK);
    world_said(&w);
    struct event e = {.kind = EVENT_PROBE_ASKED};
    e.as.probe_asked.check = 2;
    e.as.probe_asked.purpose = PURPOSE_MANUAL;
    e.as.probe_asked.trace = true;
    world_step(&w, &e);
    assert_string_equal(world_said(&w), "probe 1 manual\n");
    assert_true(w.last.items[0].as.probe.trace);
    world_end(&w);
}

static void a_suspect_derived_check_hurries_its_source(void **unused)
{
    (void)unused;
    struct world w;
    begin_founding(&w);
    w.conf->checks[1].retry_interval_ns = 3 * NS_PER_S;
    w.conf->checks[1].down_interval_ns = 7 * NS_PER_S;
    w.conf->checks[0].need_count = 0;
    world_config(&w);
    both(&w, OUTCOME_OK, OUTCOME_OK);
    for (int i = 0; i < 4; i++) {
        both(&w, OUTCOME_FAIL, OUTCOME_OK);
        int64_t failed = w.now.mono_ns;
        world_said(&w);
        while (w.probe[1] == 0)
            world_wake(&w);
        assert_int_equal(w.due[1] - failed, (i < 2 ? 3 : 7) * NS_PER_S);
        assert_says(world_said(&w),
                    i < 2 ? "probe 1 confirm" : "probe 1 schedule");
    }
    world_end(&w);
}

/* Down with a long down_interval, the derived one being well: no hurry. */
static void a_derived_check_that_is_well_wants_nothing(void **unused)
{
    (void)unused;
    struct world w;
    begin_founding(&w);
    w.conf->checks[0].failure_threshold = 1;
    w.conf->checks[0].down_interval_ns = 300 * NS_PER_S;
    world_config(&w);
    both(&w, OUTCOME_OK, OUTCOME_FAIL);
    assert_is(&w, 1, STATE_DOWN, "");
    int64_t failed = w.now.mono_ns;
    while (w.probe[1] == 0)
        world_wake(&w);
    assert_int_equal(w.due[1] - failed, 300 * NS_PER_S);
    world_end(&w);
}

static void reload_makes_a_check_derived_and_back(void **unused)
{
    (void)unused;
    struct world w, other;
    begin_founding(&w);
    begin_founding(&other);
    other.conf->generation = 2;
    other.conf->checks[1].source = NULL;
    other.conf->checks[1].fingerprint = 99;
    struct event to_other = {.kind = EVENT_CONFIG, .as.conf = other.conf};
    struct event back = {.kind = EVENT_CONFIG, .as.conf = w.conf};
    world_config(&w);
    both(&w, OUTCOME_OK, OUTCOME_OK);
    world_step(&w, &to_other);
    FINE(&w, 2); /* it is probed now */
    FINE(&w, 1);
    w.conf->generation = 3;
    world_step(&w, &back);
    world_said(&w);
    w.probe[2] = 0;
    for (int i = 0; i < 5; i++)
        both(&w, OUTCOME_OK, OUTCOME_OK);
    assert_silent(world_said(&w), "probe 2");
    world_end(&w);
    world_end(&other);
}

/* The source could not be observed: the derived one is not measured, and holds
 * nothing back. */
static void a_derived_parent_that_is_not_observed_holds_nothing(void **unused)
{
    (void)unused;
    struct world w;
    begin_founding(&w);
    world_config(&w);
    both(&w, OUTCOME_OK, OUTCOME_OK);
    for (int i = 0; i < 3; i++)
        both(&w, OUTCOME_UNKNOWN, OUTCOME_FAIL);
    assert_is(&w, 2, STATE_UNKNOWN, "");
    assert_is(&w, 1, STATE_DOWN, "");
    assert_silent(world_said(&w), "parent"); /* nor was it probed again */
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_founding_case),
        cmocka_unit_test(a_derived_check_is_never_probed),
        cmocka_unit_test(who_asks_for_a_derived_check_gets_its_source_probed),
        cmocka_unit_test(a_suspect_derived_check_hurries_its_source),
        cmocka_unit_test(a_derived_check_that_is_well_wants_nothing),
        cmocka_unit_test(reload_makes_a_check_derived_and_back),
        cmocka_unit_test(a_derived_parent_that_is_not_observed_holds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

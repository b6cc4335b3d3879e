/* test_model_depend.c: what depends on what: derived checks, waiting, impact,
 * held diagnoses, recovery, reload and restart. Checks are named by letters and
 * numbered from 1; a is the parent unless a test says otherwise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <time.h>

#include "lib/world.h"

#define FAIL(w, check) \
    world_next(w, check, OUTCOME_FAIL, RLV_F_REFUSED, "ECONNREFUSED")
#define FINE(w, check) world_next(w, check, OUTCOME_OK, RLV_F_NONE, "")
#define BLIND(w, check) \
    world_next(w, check, OUTCOME_UNKNOWN, RLV_F_RESOURCE, "")

static const size_t a_only[] = {0}, b_only[] = {1}, a_and_b[] = {0, 1};

/* Check n (from 1) is in that state, waiting for those. */
static void assert_is(struct world *w, uint32_t check, enum check_state state,
                      const char *waits_for)
{
    struct check_view v;
    assert_true(model_check_by_id(w->model, check, &v));
    if (v.state->state != state)
        fail_msg("check %u is %s, not %s", check, state_name(v.state->state),
                 state_name(state));
    assert_string_equal(v.waits_for, waits_for);
}

static const char *texts(struct world *w) { return buf_text(&w->texts); }

/* a, and b that needs it; both have been fine. */
static void begin_pair(struct world *w)
{
    world_begin(w, 2, 10 * NS_PER_S);
    world_needs(w, 1, false, 1, a_only);
}

static void both_fine(struct world *w)
{
    world_config(w);
    FINE(w, 1);
    FINE(w, 2);
    world_said(w);
}

/* a is down, b impacted by it. */
static void impact_b(struct world *w)
{
    for (int i = 0; i < 3; i++)
        FAIL(w, 1);
    for (int i = 0; i < 3; i++)
        FAIL(w, 2);
    assert_is(w, 2, STATE_IMPACTED, "a");
}

/* Both get results until the check is in the state. */
static void fail_until(struct world *w, uint32_t check, enum check_state state)
{
    for (int i = 0; i < 20; i++) {
        if (w->model->nodes[check - 1]->state.state == state)
            return;
        FAIL(w, check);
    }
    fail_msg("check %u never became %s", check, state_name(state));
}

/* ------------------------------------------------------------- derived --- */

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

static void book_for(struct world *w, const char *name,
                     const char *const *check, enum runbook_kind kind,
                     unsigned on)
{
    struct runbook_spec *b = world_book(w, name, kind, on);
    b->match.checks = (struct rlv_list){check, check[0] != NULL};
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
                "db is down, error_response 503: a message; its runbooks are "
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

/* ------------------------------------------------------------- waiting --- */

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

/* ----------------------------------------------------------------- any --- */

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

/* ------------------------------------------------------------ recovery --- */

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
    assert_says(said, "run oncall");
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

/* ----------------------------------------------------------- diagnoses --- */

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

/* --------------------------------------------------------------- depth --- */

/* a is needed by b, b by c. */
static void begin_chain(struct world *w)
{
    world_begin(w, 3, 10 * NS_PER_S);
    world_needs(w, 1, false, 1, a_only);
    world_needs(w, 2, false, 1, b_only);
    world_config(w);
    for (uint32_t i = 1; i <= 3; i++)
        FINE(w, i);
    world_said(w);
}

static void a_chain_waits_and_falls_as_one(void **unused)
{
    (void)unused;
    struct world w;
    begin_chain(&w);
    FAIL(&w, 1);
    for (int i = 0; i < 3; i++)
        FAIL(&w, 2);
    for (int i = 0; i < 3; i++)
        FAIL(&w, 3);
    assert_is(&w, 2, STATE_SUSPECT, "a");
    assert_is(&w, 3, STATE_SUSPECT, "b");
    world_said(&w);
    fail_until(&w, 1, STATE_DOWN);
    assert_is(&w, 2, STATE_IMPACTED, "a");
    assert_is(&w, 3, STATE_IMPACTED, "b");
    const char *said = world_said(&w);
    assert_int_equal(occurrences(said, " open "), 1);
    assert_says(said, "impact 1 of 2\n");
    assert_says(said, "impact 1 of 3\n");
    assert_says(texts(&w), "1 impact: c is impacted: enough failing results "
                           "in a row; b is impacted");
    for (int round = 0; round < 4; round++)
        for (uint32_t i = 1; i <= 3; i++)
            FINE(&w, i);
    for (uint32_t i = 1; i <= 3; i++)
        assert_is(&w, i, STATE_UP, "");
    assert_null(model_impact(w.model, 1, 0));
    world_end(&w);
}

/* The middle one turns out to have a failure of its own. */
static void the_cause_moves_down_the_chain(void **unused)
{
    (void)unused;
    struct world w;
    begin_chain(&w);
    fail_until(&w, 1, STATE_DOWN);
    fail_until(&w, 2, STATE_IMPACTED);
    fail_until(&w, 3, STATE_IMPACTED);
    FINE(&w, 1);
    FINE(&w, 1);
    FAIL(&w, 2);
    assert_is(&w, 2, STATE_SUSPECT, "");
    FINE(&w, 1);
    FAIL(&w, 3);
    assert_is(&w, 3, STATE_IMPACTED, "b");
    world_said(&w);
    fail_until(&w, 2, STATE_DOWN);
    const char *said = world_said(&w);
    assert_is(&w, 3, STATE_IMPACTED, "b");
    assert_says(said, "impact 1 of 3 over");
    assert_int_equal(occurrences(said, " of 3\n"), 1);
    assert_says(texts(&w), "impact_over: c has another cause now");
    world_end(&w);
}

/* d needs b and c, which both need a. */
static void a_diamond_has_one_cause(void **unused)
{
    (void)unused;
    static const size_t middle[] = {1, 2};
    struct world w;
    world_begin(&w, 4, 10 * NS_PER_S);
    world_needs(&w, 1, false, 1, a_only);
    world_needs(&w, 2, false, 1, a_only);
    world_needs(&w, 3, false, 2, middle);
    world_config(&w);
    for (uint32_t i = 1; i <= 4; i++)
        FINE(&w, i);
    for (uint32_t i = 1; i <= 4; i++)
        fail_until(&w, i, i == 1 ? STATE_DOWN : STATE_IMPACTED);
    assert_is(&w, 4, STATE_IMPACTED, "b, c");
    const char *said = world_said(&w);
    assert_int_equal(occurrences(said, " open "), 1);
    assert_int_equal(occurrences(said, "impact 1 of 4\n"), 1);
    world_end(&w);
}

static void a_second_cause_is_listed_when_it_comes(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 3, 10 * NS_PER_S);
    world_needs(&w, 2, false, 1, a_only);
    world_needs(&w, 2, false, 1, b_only);
    world_config(&w);
    for (uint32_t i = 1; i <= 3; i++)
        FINE(&w, i);
    fail_until(&w, 1, STATE_DOWN);
    fail_until(&w, 3, STATE_IMPACTED);
    fail_until(&w, 2, STATE_DOWN);
    assert_is(&w, 3, STATE_IMPACTED, "a, b");
    assert_string_equal(
        model_impact(w.model, w.model->nodes[1]->state.incident, 0)->name, "c");
    world_said(&w);
    FINE(&w, 1);
    FINE(&w, 1);
    assert_is(&w, 3, STATE_IMPACTED, "b");
    assert_says(world_said(&w), "impact 1 of 3 over");
    world_end(&w);
}

/* -------------------------------------------------------------- reload --- */

static void a_dependency_may_go_while_it_impacts(void **unused)
{
    (void)unused;
    struct world w, other;
    begin_pair(&w);
    world_begin(&other, 2, 10 * NS_PER_S);
    other.conf->checks[1].fingerprint = 99;
    other.conf->generation = 2;
    both_fine(&w);
    impact_b(&w);
    struct event e = {.kind = EVENT_CONFIG, .as.conf = other.conf};
    world_said(&w);
    world_step(&w, &e);
    w.probe[2] = w.model->nodes[1]->probing;
    FAIL(&w, 2);
    assert_is(&w, 2, STATE_SUSPECT, "");
    assert_says(world_said(&w), "impact 1 of 2 over");
    fail_until(&w, 2, STATE_DOWN);
    assert_int_equal(occurrences(world_said(&w), " open "), 1);
    world_end(&w);
    world_end(&other);
}

static void a_dependency_may_come_while_it_fails(void **unused)
{
    (void)unused;
    struct world w, other;
    world_begin(&w, 2, 10 * NS_PER_S);
    begin_pair(&other);
    both_fine(&w);
    fail_until(&w, 1, STATE_DOWN);
    FAIL(&w, 2);
    struct event e = {.kind = EVENT_CONFIG, .as.conf = other.conf};
    world_step(&w, &e);
    fail_until(&w, 2, STATE_IMPACTED);
    assert_is(&w, 2, STATE_IMPACTED, "a");
    world_end(&w);
    world_end(&other);
}

static void a_wait_ends_with_its_dependency(void **unused)
{
    (void)unused;
    struct world w, other;
    begin_pair(&w);
    world_begin(&other, 2, 10 * NS_PER_S);
    both_fine(&w);
    FAIL(&w, 1);
    for (int i = 0; i < 3; i++)
        FAIL(&w, 2);
    assert_is(&w, 2, STATE_SUSPECT, "a");
    struct event e = {.kind = EVENT_CONFIG, .as.conf = other.conf};
    world_step(&w, &e);
    assert_is(&w, 2, STATE_DOWN, "");
    world_end(&w);
    world_end(&other);
}

/* The parent leaves the configuration: its incident is closed, and the child
 * goes on by itself. */
static void the_parent_may_go_while_it_impacts(void **unused)
{
    (void)unused;
    struct world w, other;
    begin_pair(&w);
    world_begin(&other, 2, 10 * NS_PER_S);
    other.conf->checks++; /* only b */
    other.conf->check_count = 1;
    both_fine(&w);
    impact_b(&w);
    world_said(&w);
    struct event e = {.kind = EVENT_CONFIG, .as.conf = other.conf};
    world_step(&w, &e);
    assert_says(world_said(&w), "incident 1 resolved");
    w.probe[2] = w.model->nodes[1]->probing;
    fail_until(&w, 2, STATE_DOWN);
    const char *said = world_said(&w);
    assert_says(said, "impact 1 of 2 over");
    assert_int_equal(occurrences(said, " open "), 1);
    world_end(&w);
    world_end(&other);
}

static void the_child_may_go_while_it_is_impacted(void **unused)
{
    (void)unused;
    struct world w, other;
    begin_pair(&w);
    world_begin(&other, 1, 10 * NS_PER_S);
    both_fine(&w);
    impact_b(&w);
    world_said(&w);
    struct event e = {.kind = EVENT_CONFIG, .as.conf = other.conf};
    world_step(&w, &e);
    assert_says(world_said(&w), "impact 1 of 2 over");
    assert_null(model_impact(w.model, 1, 0));
    FINE(&w, 1);
    FINE(&w, 1);
    world_end(&w);
    world_end(&other);
}

static void a_reload_that_changes_nothing_is_silent(void **unused)
{
    (void)unused;
    struct world w, other;
    begin_pair(&w);
    begin_pair(&other);
    both_fine(&w);
    impact_b(&w);
    world_said(&w);
    struct event e = {.kind = EVENT_CONFIG, .as.conf = other.conf};
    world_step(&w, &e);
    assert_silent(world_said(&w), "impact");
    assert_is(&w, 2, STATE_IMPACTED, "a");
    FINE(&w, 1);
    FINE(&w, 1);
    assert_is(&w, 1, STATE_UP, "");
    FINE(&w, 2);
    FINE(&w, 2);
    assert_is(&w, 2, STATE_UP, "");
    world_end(&w);
    world_end(&other);
}

/* ------------------------------------------------------------- restart --- */

/* Both worlds get the same; the second one takes over after so many results of
 * the child. In the end there has been one incident, one impact, one notice. */
static void a_restart_goes_on_exactly(void **unused)
{
    (void)unused;
    for (int before = 0; before <= 5; before++) {
        struct world a, b;
        begin_pair(&a);
        begin_pair(&b);
        world_book(&a, "oncall", RUNBOOK_NOTIFY, ON_DOWN);
        world_book(&b, "oncall", RUNBOOK_NOTIFY, ON_DOWN);
        both_fine(&a);
        fail_until(&a, 1, STATE_DOWN);
        world_run_ends(&a, 1, 0, "");
        for (int i = 0; i < before; i++)
            FAIL(&a, 2);
        world_restart(&b, &a);
        b.now = a.now;
        world_config(&b);
        const char *said = world_said(&b);
        assert_silent(said, "transition");
        assert_silent(said, "impact");
        assert_is(&b, 2,
                  before == 0  ? STATE_UP
                  : before < 3 ? STATE_SUSPECT
                               : STATE_IMPACTED,
                  before < 3 ? "" : "a");
        for (int i = before; i < 6; i++)
            FAIL(&b, 2);
        said = world_said(&b);
        assert_int_equal(occurrences(said, "impact 1 of 2\n"), before < 3);
        assert_silent(said, "open");
        assert_silent(said, "run oncall");
        assert_is(&b, 2, STATE_IMPACTED, "a");
        assert_string_equal(model_impact(b.model, 1, 0)->name, "b");
        for (int i = 0; i < 2; i++)
            FINE(&b, 1);
        for (int i = 0; i < 2; i++)
            FINE(&b, 2);
        said = world_said(&b);
        assert_is(&b, 2, STATE_UP, "");
        assert_int_equal(occurrences(said, "impact 1 of 2 over"), 1);
        assert_int_equal(occurrences(said, "incident 1 resolved"), 1);
        world_end(&a);
        world_end(&b);
    }
}

static void a_restart_keeps_the_wait(void **unused)
{
    (void)unused;
    for (int parent_recovers = 0; parent_recovers < 2; parent_recovers++) {
        struct world a, b;
        begin_pair(&a);
        begin_pair(&b);
        both_fine(&a);
        FAIL(&a, 1);
        for (int i = 0; i < 4; i++)
            FAIL(&a, 2);
        world_restart(&b, &a);
        b.now = a.now;
        world_config(&b);
        assert_is(&b, 2, STATE_SUSPECT, "a");
        FAIL(&b, 2);
        assert_is(&b, 2, STATE_SUSPECT, "a");
        assert_silent(world_said(&b), "waits");
        if (parent_recovers)
            FINE(&b, 1);
        else
            fail_until(&b, 1, STATE_DOWN);
        assert_is(&b, 2, parent_recovers ? STATE_DOWN : STATE_IMPACTED,
                  parent_recovers ? "" : "a");
        assert_int_equal(occurrences(world_said(&b), " open "), 1);
        world_end(&a);
        world_end(&b);
    }
}

/* The parent recovered just before we stopped; the child had not been measured
 * since. */
static void a_restart_frees_what_its_parent_impacted(void **unused)
{
    (void)unused;
    struct world a, b;
    begin_pair(&a);
    begin_pair(&b);
    b.conf->checks[1].interval_ns = 600 * NS_PER_S;
    both_fine(&a);
    impact_b(&a);
    FINE(&a, 1);
    FINE(&a, 1);
    assert_is(&a, 2, STATE_IMPACTED, "");
    world_restart(&b, &a);
    b.now = a.now;
    world_config(&b);
    assert_says(world_said(&b), "probe 2");
    FAIL(&b, 2);
    assert_is(&b, 2, STATE_SUSPECT, "");
    assert_says(world_said(&b), "impact 1 of 2 over");
    world_end(&a);
    world_end(&b);
}

/* ---------------------------------------------------------------- many --- */

enum { MANY = 1000 };

static struct conf *many_children(void)
{
    struct conf *conf = calloc(1, sizeof *conf);
    conf->arena = arena_new();
    conf->refs = 1;
    conf->generation = 1;
    conf->checks = arena_alloc(conf->arena, (MANY + 1) * sizeof *conf->checks);
    conf->check_count = MANY + 1;
    for (size_t i = 0; i <= MANY; i++) {
        struct check_spec *c = &conf->checks[i];
        c->name = c->target = arena_printf(conf->arena, "check-%zu", i);
        c->plugin = "http";
        c->environment = "";
        c->interval_ns = c->down_interval_ns = c->timeout_ns = 10 * NS_PER_S;
        c->retry_interval_ns = 5 * NS_PER_S;
        c->failure_threshold = 3;
        c->success_threshold = 2;
        c->fingerprint = i + 1;
        if (i == 0)
            continue;
        c->needs = arena_alloc(conf->arena, sizeof *c->needs);
        c->need_count = 1;
        c->needs->parents = arena_alloc(conf->arena, sizeof *c->needs->parents);
        c->needs->parents[0] = &conf->checks[0];
        c->needs->parent_count = 1;
    }
    return conf;
}

struct crowd {
    struct model *model;
    struct now now;
    struct action *queue; /* probes to answer */
    size_t count, cap;
    int64_t wake_ns;
    size_t parent_probes, incidents, impacts, impacts_over;
    int64_t first_due, last_due; /* of the children's latest probes */
};

static void crowd_step(struct crowd *c, const struct event *e)
{
    struct actions acts = model_step(c->model, e, c->now);
    c->wake_ns = acts.next_wake_ns;
    for (size_t i = 0; i < acts.count; i++) {
        const struct action *a = &acts.items[i];
        const struct record *r = &a->as.record;
        if (a->kind == ACTION_PROBE) {
            c->queue = xgrow(c->queue, c->count, &c->cap, sizeof *c->queue);
            c->queue[c->count++] = *a;
            c->parent_probes += a->as.probe.purpose == PURPOSE_PARENT;
        } else if (a->kind == ACTION_COMMIT && r->kind == RECORD_INCIDENT) {
            c->incidents += r->as.incident.state == INCIDENT_OPEN;
        } else if (a->kind == ACTION_COMMIT && r->kind == RECORD_IMPACT) {
            c->impacts += r->as.impact.until_us == 0;
            c->impacts_over += r->as.impact.until_us != 0;
        }
    }
}

/* Answers all probes, each a millisecond after it was due, until then. */
static void crowd_until(struct crowd *c, int64_t until_ns, enum outcome parent,
                        enum outcome children)
{
    while (c->now.mono_ns < until_ns) {
        struct event tick = {.kind = EVENT_TICK};
        if (c->count == 0) {
            if (c->wake_ns > c->now.mono_ns) {
                c->now.wall_us += (c->wake_ns - c->now.mono_ns) / NS_PER_US;
                c->now.mono_ns = c->wake_ns;
            }
            crowd_step(c, &tick);
            continue;
        }
        struct action a = c->queue[0];
        memmove(c->queue, c->queue + 1, --c->count * sizeof *c->queue);
        int64_t at = a.as.probe.due_ns + NS_PER_MS;
        if (at > c->now.mono_ns) {
            c->now.wall_us += (at - c->now.mono_ns) / NS_PER_US;
            c->now.mono_ns = at;
        }
        struct result *r = result_new();
        r->probe = a.as.probe.probe;
        r->check = a.as.probe.check;
        r->purpose = a.as.probe.purpose;
        r->generation = 1;
        r->started_ns = a.as.probe.due_ns;
        r->started_us = c->now.wall_us;
        r->outcome = r->check == 1 ? parent : children;
        if (r->outcome == OUTCOME_FAIL)
            r->fault = RLV_F_REFUSED;
        struct event e = {.kind = EVENT_RESULT, .as.result = r};
        crowd_step(c, &e);
    }
}

static size_t crowd_in(const struct crowd *c, enum check_state state)
{
    size_t n = 0;
    for (size_t i = 1; i <= MANY; i++)
        n += c->model->nodes[i]->state.state == state;
    return n;
}

static void crowd_begin(struct crowd *c)
{
    *c = (struct crowd){.now = {1000 * NS_PER_S, 1700000000 * US_PER_S}};
    c->model = model_new(0);
    struct conf *conf = many_children();
    struct event e = {.kind = EVENT_CONFIG, .as.conf = conf};
    crowd_step(c, &e);
    conf_unref(conf);
    crowd_until(c, 1030 * NS_PER_S, OUTCOME_OK, OUTCOME_OK);
    assert_int_equal(crowd_in(c, STATE_UP), MANY);
    c->parent_probes = 0;
}

static void crowd_end(struct crowd *c)
{
    model_free(c->model);
    free(c->queue);
}

static void a_thousand_children_of_one_parent(void **unused)
{
    (void)unused;
    struct crowd c;
    crowd_begin(&c);
    clock_t from = clock();
    crowd_until(&c, 1060 * NS_PER_S, OUTCOME_FAIL, OUTCOME_FAIL);
    double took = (double)(clock() - from) / CLOCKS_PER_SEC;
    print_message("1000 children decided in %.0f ms of CPU\n", took * 1000);
    assert_int_equal(crowd_in(&c, STATE_IMPACTED), MANY);
    assert_int_equal(c.incidents, 1);
    assert_int_equal(c.impacts, MANY);
    assert_true(c.parent_probes <= 3);
    assert_true(took < 20.0); /* against a hang only */
    crowd_until(&c, 1100 * NS_PER_S, OUTCOME_OK, OUTCOME_OK);
    assert_int_equal(crowd_in(&c, STATE_UP), MANY);
    assert_int_equal(c.impacts_over, MANY);
    assert_int_equal(c.incidents, 1);
    crowd_end(&c);
}

/* They fail one after another while the parent is fine: it is not probed for
 * each of them. */
static void a_thousand_children_ask_their_parent_seldom(void **unused)
{
    (void)unused;
    struct crowd c;
    crowd_begin(&c);
    crowd_until(&c, 1060 * NS_PER_S, OUTCOME_OK, OUTCOME_FAIL);
    assert_int_equal(crowd_in(&c, STATE_DOWN), MANY);
    assert_true(c.parent_probes >= 1);
    assert_true(c.parent_probes <= 15);
    crowd_end(&c);
}

static void freed_children_are_spread(void **unused)
{
    (void)unused;
    struct crowd c;
    crowd_begin(&c);
    crowd_until(&c, 1060 * NS_PER_S, OUTCOME_FAIL, OUTCOME_FAIL);
    size_t busiest = 0;
    for (int i = 0; i < 300; i++) { /* 30 s in tenths */
        size_t before = c.count;
        crowd_until(&c, c.now.mono_ns + 100 * NS_PER_MS, OUTCOME_OK,
                    OUTCOME_OK);
        if (c.count > before && c.count - before > busiest)
            busiest = c.count - before;
    }
    print_message("at most %zu probes at once\n", busiest);
    assert_true(busiest < 50);
    assert_int_equal(crowd_in(&c, STATE_UP), MANY);
    crowd_end(&c);
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
        cmocka_unit_test(the_first_failure_asks_the_parent),
        cmocka_unit_test(a_child_waits_for_a_suspect_parent),
        cmocka_unit_test(a_waiting_child_goes_down_when_its_parent_is_fine),
        cmocka_unit_test(a_good_result_ends_the_wait),
        cmocka_unit_test(an_unknown_result_is_no_ground_to_go_down),
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
        cmocka_unit_test(what_was_down_before_stays_down),
        cmocka_unit_test(an_impacted_child_may_be_paused),
        cmocka_unit_test(an_impacted_child_that_cannot_be_seen_is_unknown),
        cmocka_unit_test(a_diagnosis_waits_for_a_parent_that_is_fine),
        cmocka_unit_test(a_diagnosis_does_not_wait_for_ever),
        cmocka_unit_test(a_diagnosis_is_held_when_the_parent_fails),
        cmocka_unit_test(a_recovery_cancels_a_diagnosis_that_waits),
        cmocka_unit_test(a_chain_waits_and_falls_as_one),
        cmocka_unit_test(the_cause_moves_down_the_chain),
        cmocka_unit_test(a_diamond_has_one_cause),
        cmocka_unit_test(a_second_cause_is_listed_when_it_comes),
        cmocka_unit_test(a_dependency_may_go_while_it_impacts),
        cmocka_unit_test(a_dependency_may_come_while_it_fails),
        cmocka_unit_test(a_wait_ends_with_its_dependency),
        cmocka_unit_test(the_parent_may_go_while_it_impacts),
        cmocka_unit_test(the_child_may_go_while_it_is_impacted),
        cmocka_unit_test(a_reload_that_changes_nothing_is_silent),
        cmocka_unit_test(a_restart_goes_on_exactly),
        cmocka_unit_test(a_restart_keeps_the_wait),
        cmocka_unit_test(a_restart_frees_what_its_parent_impacted),
        cmocka_unit_test(a_thousand_children_of_one_parent),
        cmocka_unit_test(a_thousand_children_ask_their_parent_seldom),
        cmocka_unit_test(freed_children_are_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_model_run.c: which runbooks run, when, in what order, and what holds
 * them back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/str.h"
#include "lib/world.h"
#include "model/fault.h"

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

static void a_run_is_audited(void **unused)
{
    (void)unused;
    struct world w;
    world_begin(&w, 1, 10 * NS_PER_S);
    world_book(&w, "look", RUNBOOK_DIAGNOSE, ON_SUSPECT);
    world_config(&w);
    FAIL(&w, 1);
    struct event e = {.kind = EVENT_RUN_STARTED};
    e.as.run_started.run = 1;
    e.as.run_started.boot_id = "";
    world_step(&w, &e);
    assert_string_equal(world_audited(&w, 0),
                        "relevo run.start R-1: diagnose look for a");
    world_run_ends(&w, 1, 0, "");
    assert_string_equal(
        world_audited(&w, 0),
        "relevo run.end R-1: diagnose look for a: done, sha256 ");
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

/* The mode is the lowest of three; one that would allow it says that nothing
 * is started in this version. */
static void the_lowest_mode_is_the_reason(void **unused)
{
    (void)unused;
    static const struct {
        enum automation global, environment, book;
        const char *reason;
    } rows[] = {
        {AUTOMATION_AUTO, AUTOMATION_AUTO, AUTOMATION_AUTO,
         "automation is \"auto\", and this version starts no remediation"},
        {AUTOMATION_AUTO, AUTOMATION_APPROVE, AUTOMATION_AUTO,
         "automation is \"approve\", and this version starts no remediation"},
        {AUTOMATION_AUTO, AUTOMATION_DIAGNOSE, AUTOMATION_AUTO,
         "automation is \"diagnose\""},
        {AUTOMATION_AUTO, AUTOMATION_AUTO, AUTOMATION_OBSERVE,
         "automation is \"observe\""},
        {AUTOMATION_DIAGNOSE, AUTOMATION_AUTO, AUTOMATION_AUTO,
         "automation is \"diagnose\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world w;
        struct environment_spec staging = {.name = "staging",
                                           .automation = rows[i].environment};
        world_begin(&w, 1, 10 * NS_PER_S);
        w.conf->environments = &staging;
        w.conf->environment_count = 1;
        w.conf->checks[0].environment = "staging";
        w.conf->automation = rows[i].global;
        world_book(&w, "restart", RUNBOOK_REMEDIATE, ON_DOWN)->mode =
            rows[i].book;
        world_config(&w);
        for (int k = 0; k < 3; k++)
            FAIL(&w, 1);
        assert_non_null(model_would_run(w.model, 1, 0));
        assert_string_equal(model_would_run(w.model, 1, 0)->reason,
                            rows[i].reason);
        assert_null(model_live_run(w.model, 0));
        world_end(&w);
    }
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
    struct check_spec check = {.name = "api-1",
                               .plain_name = "api-1",
                               .environment = "",
                               .plugin = "http"};
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
    world_restart(&b, &a);
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
    world_restart(&b, &a);
    world_config(&b);
    assert_silent(world_said(&b), "run look");
    assert_non_null(model_live_run(b.model, 0)); /* the daemon looks after it */
    world_end(&a);
    world_end(&b);
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
        cmocka_unit_test(a_diagnosis_begins_with_the_first_failing_result),
        cmocka_unit_test(a_cooldown_holds_and_says_so),
        cmocka_unit_test(observe_runs_no_diagnosis),
        cmocka_unit_test(a_remediation_would_have_run),
        cmocka_unit_test(the_lowest_mode_is_the_reason),
        cmocka_unit_test(a_missing_secret_holds),
        cmocka_unit_test(notices_keep_their_order),
        cmocka_unit_test(four_diagnoses_at_a_time_one_per_target),
        cmocka_unit_test(match_is_by_every_list),
        cmocka_unit_test(a_notice_that_was_only_intended_is_sent),
        cmocka_unit_test(a_diagnosis_is_never_started_twice),
        cmocka_unit_test(what_waits_for_a_removed_check_is_held),
        cmocka_unit_test(a_run_is_audited),
        cmocka_unit_test(a_lost_notice_is_sent_again_a_few_times),
        cmocka_unit_test(recovered_goes_to_who_got_the_down),
        cmocka_unit_test(many_failures_at_once_are_decided_quickly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

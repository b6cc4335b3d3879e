/* test_model_trigger.c: a probe that has another check probed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/str.h"
#include "lib/world.h"

enum { JOURNEY = 1, PUBLISH = 2, OTHER = 3 }; /* numbers of checks */

#define LATER (5 * NS_PER_S)

/* a triggers b, which nothing else probes. */
static void begin(struct world *w, enum schedule_kind schedule)
{
    world_begin(w, 3, 10 * NS_PER_S);
    struct check_spec *c = w->conf->checks;
    c[0].triggers = arena_alloc(w->conf->arena, sizeof *c[0].triggers);
    c[0].triggers[0] = &c[1];
    c[0].trigger_count = 1;
    c[1].schedule = schedule;
    c[2].triggers = c[0].triggers;
    c[2].trigger_count = 1;
    world_config(w);
    world_next(w, JOURNEY, OUTCOME_OK, RLV_F_NONE, "");
    world_said(w);
}

static void ask_as(struct world *w, uint32_t asker, uint64_t probe,
                   uint64_t ticket, const char *check, int64_t within_ns)
{
    static const struct rlv_pair value = {"nonce", "n-1"};
    struct event e = {.kind = EVENT_TRIGGER,
                      .as.trigger = {.asker = asker,
                                     .probe = probe,
                                     .ticket = ticket,
                                     .check = check,
                                     .deadline_ns = w->now.mono_ns + within_ns,
                                     .values = {&value, 1}}};
    world_step(w, &e);
}

static void ask(struct world *w, uint32_t asker, uint64_t ticket,
                const char *check, int64_t within_ns)
{
    ask_as(w, asker, 77, ticket, check, within_ns);
}

static void finish(struct world *w, uint32_t check, enum outcome outcome,
                   enum rlv_fault fault)
{
    world_result(w, check, outcome, fault, "");
}

static void test_it_is_probed_and_answered(void **state)
{
    (void)state;
    struct world w;
    begin(&w, SCHEDULE_MANUAL);
    ask(&w, JOURNEY, 5, "b", LATER);
    assert_string_equal(world_said(&w), "probe 2 trigger\n");
    const struct action *a = &w.last.items[0];
    assert_int_equal(a->kind, ACTION_PROBE);
    assert_int_equal(a->as.probe.values->count, 1);
    assert_string_equal(a->as.probe.values->pairs[0].value, "n-1");
    finish(&w, PUBLISH, OUTCOME_OK, RLV_F_NONE);
    assert_string_equal(world_said(&w), "answer 5 none \n");
    ask(&w, JOURNEY, 6, "b", LATER);
    world_said(&w);
    finish(&w, PUBLISH, OUTCOME_FAIL, RLV_F_REFUSED);
    assert_string_equal(world_said(&w),
                        "answer 6 refused b: refused: a message\n");
    world_end(&w);
}

/* Recorded, but not counted: neither good nor bad ones change its state. */
static void test_it_does_not_count(void **state)
{
    (void)state;
    struct world w;
    struct check_view v;
    begin(&w, SCHEDULE_MANUAL);
    for (uint64_t i = 0; i < 5; i++) {
        ask(&w, JOURNEY, i, "b", LATER);
        finish(&w, PUBLISH, OUTCOME_FAIL, RLV_F_REFUSED);
    }
    assert_true(model_check_by_id(w.model, PUBLISH, &v));
    assert_int_equal(v.state->state, STATE_PENDING);
    assert_int_equal(v.last->purpose, PURPOSE_TRIGGER);
    assert_int_equal(v.last->fault, RLV_F_REFUSED);
    world_end(&w);
}

static void test_never_twice_at_once(void **state)
{
    (void)state;
    struct world w;
    begin(&w, SCHEDULE_MANUAL);
    ask(&w, JOURNEY, 1, "b", LATER);
    ask(&w, OTHER, 2, "b", LATER);
    ask(&w, JOURNEY, 3, "b", LATER);
    assert_string_equal(world_said(&w), "probe 2 trigger\n");
    finish(&w, PUBLISH, OUTCOME_OK, RLV_F_NONE);
    assert_string_equal(world_said(&w), "answer 1 none \nprobe 2 trigger\n");
    finish(&w, PUBLISH, OUTCOME_OK, RLV_F_NONE);
    assert_string_equal(world_said(&w), "answer 2 none \nprobe 2 trigger\n");
    world_end(&w);
}

/* Someone's `relevo check` goes before those that wait. */
static void test_people_first(void **state)
{
    (void)state;
    struct world w;
    begin(&w, SCHEDULE_MANUAL);
    struct event e = {.kind = EVENT_PROBE_ASKED};
    e.as.probe_asked.check = PUBLISH;
    e.as.probe_asked.purpose = PURPOSE_MANUAL;
    ask(&w, JOURNEY, 1, "b", LATER);
    ask(&w, JOURNEY, 2, "b", LATER);
    world_step(&w, &e);
    world_said(&w);
    finish(&w, PUBLISH, OUTCOME_OK, RLV_F_NONE);
    assert_string_equal(world_said(&w), "answer 1 none \nprobe 2 manual\n");
    finish(&w, PUBLISH, OUTCOME_OK, RLV_F_NONE);
    assert_says(world_said(&w), "probe 2 trigger\n");
    world_end(&w);
}

static void test_nobody_listens_any_more(void **state)
{
    (void)state;
    struct world w;
    begin(&w, SCHEDULE_MANUAL);
    ask(&w, JOURNEY, 1, "b", LATER);
    ask(&w, JOURNEY, 2, "b", NS_PER_S);
    w.now.mono_ns += 2 * NS_PER_S;
    w.now.wall_us += 2 * US_PER_S;
    world_said(&w);
    finish(&w, PUBLISH, OUTCOME_OK, RLV_F_NONE);
    assert_says(world_said(&w),
                "answer 1 none \n"
                "answer 2 timeout b was under way all the time\n");
    world_end(&w);
}

static void test_refusals(void **state)
{
    (void)state;
    struct world w;
    begin(&w, SCHEDULE_MANUAL);
    ask(&w, JOURNEY, 1, "c", LATER);
    assert_string_equal(
        world_said(&w),
        "answer 1 config no option of a names the check \"c\"\n");
    ask(&w, 99, 2, "b", LATER);
    assert_string_equal(world_said(&w),
                        "answer 2 cancelled the check that triggers is no "
                        "longer configured\n");
    world_end(&w);
}

static void set_paused(struct world *w, bool paused)
{
    struct event e = {.kind = EVENT_PAUSE};
    e.as.pause.check = PUBLISH;
    e.as.pause.paused = paused;
    e.as.pause.actor = "ana";
    e.as.pause.reason = "";
    world_step(w, &e);
}

static void test_paused(void **state)
{
    (void)state;
    struct world w;
    begin(&w, SCHEDULE_MANUAL);
    ask(&w, JOURNEY, 1, "b", LATER);
    ask(&w, JOURNEY, 2, "b", LATER);
    world_said(&w);
    set_paused(&w, true);
    assert_says(world_said(&w), "answer 2 cancelled b is paused\n");
    finish(&w, PUBLISH, OUTCOME_OK, RLV_F_NONE); /* was under way */
    assert_string_equal(world_said(&w), "answer 1 none \n");
    ask(&w, JOURNEY, 3, "b", LATER);
    assert_string_equal(world_said(&w), "answer 3 cancelled b is paused\n");
    world_end(&w);
}

static void test_disabled(void **state)
{
    (void)state;
    struct world w;
    begin(&w, SCHEDULE_MANUAL);
    w.conf->checks[1].disabled = true;
    w.conf->generation = 2;
    world_config(&w);
    world_said(&w);
    ask(&w, JOURNEY, 2, "b", LATER);
    assert_string_equal(world_said(&w),
                        "answer 2 config b has enabled = false\n");
    world_end(&w);
}

static void test_no_longer_configured(void **state)
{
    (void)state;
    struct world w, without;
    begin(&w, SCHEDULE_MANUAL);
    world_begin(&without, 1, 10 * NS_PER_S);
    without.conf->generation = 2;
    struct event e = {.kind = EVENT_CONFIG, .as.conf = without.conf};
    ask(&w, JOURNEY, 1, "b", LATER);
    ask(&w, JOURNEY, 2, "b", LATER);
    world_said(&w);
    world_step(&w, &e);
    const char *said = world_said(&w);
    assert_says(said, "answer 1 cancelled b is no longer configured\n");
    assert_says(said, "answer 2 cancelled b is no longer configured\n");
    world_end(&w);
    world_end(&without);
}

/* A probe that began before the reload asks for what its check named then. */
static void test_no_longer_named(void **state)
{
    (void)state;
    struct world w, without;
    begin(&w, SCHEDULE_MANUAL);
    world_begin(&without, 2, 10 * NS_PER_S);
    without.conf->generation = 2;
    without.conf->checks[0].fingerprint++;
    struct event e = {.kind = EVENT_CONFIG, .as.conf = without.conf};
    world_step(&w, &e);
    world_said(&w);
    ask_as(&w, JOURNEY, 1, 1, "b", LATER);
    assert_string_equal(world_said(&w),
                        "answer 1 cancelled a was configured anew meanwhile\n");
    ask(&w, JOURNEY, 2, "b", LATER);
    assert_string_equal(
        world_said(&w),
        "answer 2 config no option of a names the check \"b\"\n");
    world_end(&w);
    world_end(&without);
}

/* A check that is also probed by itself loses no turn to triggers. */
static void test_turns_are_kept(void **state)
{
    (void)state;
    struct world w;
    begin(&w, SCHEDULE_INTERVAL);
    world_next(&w, PUBLISH, OUTCOME_OK, RLV_F_NONE, "");
    int64_t due = w.model->nodes[PUBLISH - 1]->due.due;
    world_said(&w);
    ask(&w, JOURNEY, 1, "b", 60 * NS_PER_S);
    ask(&w, JOURNEY, 2, "b", 60 * NS_PER_S);
    assert_string_equal(world_said(&w), "probe 2 trigger\n");
    w.now.mono_ns = due + NS_PER_MS; /* it took that long */
    finish(&w, PUBLISH, OUTCOME_OK, RLV_F_NONE);
    assert_says(world_said(&w), "answer 1 none \n");
    assert_int_equal(w.model->nodes[PUBLISH - 1]->probing_counts, 1);
    finish(&w, PUBLISH, OUTCOME_OK, RLV_F_NONE);
    assert_says(world_said(&w), "probe 2 trigger\n");
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_probed_and_answered),
        cmocka_unit_test(test_it_does_not_count),
        cmocka_unit_test(test_never_twice_at_once),
        cmocka_unit_test(test_people_first),
        cmocka_unit_test(test_nobody_listens_any_more),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_paused),
        cmocka_unit_test(test_disabled),
        cmocka_unit_test(test_no_longer_configured),
        cmocka_unit_test(test_no_longer_named),
        cmocka_unit_test(test_turns_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_model_impact.c: who is listed with whose incident: chains, diamonds, and
 * several causes; what of it lives through reloads and restarts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "test_model_depend_fixture.h"

/* ----------------------------------------------------------------- depth ---
 */

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
    w.conf->checks[0].failure_threshold = 6;
    for (int i = 0; i < 5; i++)
        for (uint32_t check = 1; check <= 3; check++)
            FAIL(&w, check);
    assert_is(&w, 2, STATE_SUSPECT, "a");
    assert_is(&w, 3, STATE_SUSPECT, "b");
    world_said(&w);
    FAIL(&w, 1);
    assert_is(&w, 1, STATE_DOWN, "");
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

/* ---------------------------------------------------------------- reload ---
 */

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

/* --------------------------------------------------------------- restart ---
 */

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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

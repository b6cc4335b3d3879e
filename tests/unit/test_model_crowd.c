/* test_model_crowd.c: a thousand checks that need the same one. How long it
 * takes is for tests/bench/crowd.c to say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lib/crowd.h"

enum { MANY = 1000 };

static void begin_well(struct crowd *c)
{
    crowd_begin(c, MANY);
    crowd_until(c, 1030 * NS_PER_S, OUTCOME_OK, OUTCOME_OK);
    assert_int_equal(crowd_in(c, STATE_UP), MANY);
    c->parent_probes = 0;
}

static void a_thousand_children_of_one_parent(void **unused)
{
    (void)unused;
    struct crowd c;
    begin_well(&c);
    crowd_until(&c, 1060 * NS_PER_S, OUTCOME_FAIL, OUTCOME_FAIL);
    assert_int_equal(crowd_in(&c, STATE_IMPACTED), MANY);
    assert_int_equal(c.incidents, 1);
    assert_int_equal(c.impacts, MANY);
    assert_true(c.parent_probes <= 3);
    crowd_until(&c, 1100 * NS_PER_S, OUTCOME_OK, OUTCOME_OK);
    assert_int_equal(crowd_in(&c, STATE_UP), MANY);
    assert_int_equal(c.impacts_over, MANY);
    assert_true(c.parent_events < 80); /* a person is to read them */
    assert_int_equal(c.incidents, 1);
    crowd_end(&c);
}

/* They have failed often enough and wait; the parent's last failing result
 * decides all of them, in one step. */
static void all_that_wait_are_decided_in_one_step(void **unused)
{
    (void)unused;
    struct crowd c;
    crowd_begin(&c, MANY);
    c.conf->checks[0].failure_threshold = 6;
    crowd_until(&c, 1030 * NS_PER_S, OUTCOME_OK, OUTCOME_OK);
    int64_t now = c.now.mono_ns;
    while (c.incidents == 0 && now < 1200 * NS_PER_S) {
        assert_int_equal(crowd_in(&c, STATE_IMPACTED), 0);
        now += NS_PER_MS;
        crowd_until(&c, now, OUTCOME_FAIL, OUTCOME_FAIL);
    }
    assert_int_equal(c.incidents, 1);
    assert_int_equal(crowd_in(&c, STATE_IMPACTED), MANY);
    assert_int_equal(c.impacts, MANY);
    crowd_end(&c);
}

/* They fail one after another while the parent is fine: it is not probed for
 * each of them. */
static void a_thousand_children_ask_their_parent_seldom(void **unused)
{
    (void)unused;
    struct crowd c;
    begin_well(&c);
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
    begin_well(&c);
    crowd_until(&c, 1060 * NS_PER_S, OUTCOME_FAIL, OUTCOME_FAIL);
    size_t busiest = 0;
    for (int i = 0; i < 300; i++) { /* 30 s in tenths */
        size_t before = c.probes;
        crowd_until(&c, c.now.mono_ns + 100 * NS_PER_MS, OUTCOME_OK,
                    OUTCOME_OK);
        if (c.probes - before > busiest)
            busiest = c.probes - before;
    }
    print_message("at most %zu probes in a tenth of a second\n", busiest);
    assert_true(busiest < 50);
    assert_int_equal(crowd_in(&c, STATE_UP), MANY);
    crowd_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thousand_children_of_one_parent),
        cmocka_unit_test(all_that_wait_are_decided_in_one_step),
        cmocka_unit_test(a_thousand_children_ask_their_parent_seldom),
        cmocka_unit_test(freed_children_are_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

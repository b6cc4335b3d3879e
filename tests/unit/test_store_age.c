/* How old what is kept is, under clocks that jump. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "store/age.h"

#define DAY_US (24 * 3600 * US_PER_S)
#define DAY_NS (DAY_US * NS_PER_US)
#define BEGIN  (20000 * DAY_US) /* 2024 */
#define KEEP   (14 * DAY_NS)

struct life { /* what passes, and what the wall clock says */
    struct age age;
    struct now now;
};

static void begin(struct life *l)
{
    *l = (struct life){.now = {1000 * NS_PER_S, BEGIN}};
    age_look(&l->age, l->now);
}

/* Looked at every ten minutes. */
static void pass(struct life *l, int64_t ns)
{
    for (int64_t step = 600 * NS_PER_S; ns > 0; ns -= step) {
        l->now.mono_ns += step;
        l->now.wall_us += step / NS_PER_US;
        age_look(&l->age, l->now);
    }
}

static int64_t before(const struct life *l)
{
    return age_before(&l->age, l->now.wall_us, KEEP);
}

static void by_the_wall_clock(void **unused)
{
    (void)unused;
    struct life l;
    begin(&l);
    pass(&l, 100 * DAY_NS);
    assert_int_equal(before(&l), BEGIN + 86 * DAY_US);
}

static void a_jump_ahead_makes_nothing_older(void **unused)
{
    (void)unused;
    struct life l;
    begin(&l);
    pass(&l, 20 * DAY_NS);
    int64_t at_us = l.now.wall_us;
    l.now.wall_us += 3650 * DAY_US;
    pass(&l, 3600 * NS_PER_S);
    assert_in_range(before(&l), at_us - 14 * DAY_US,
                    at_us - 14 * DAY_US + 4000 * US_PER_S);
    pass(&l, 10 * DAY_NS);
    assert_in_range(before(&l), at_us - 4 * DAY_US,
                    at_us - 4 * DAY_US + 4000 * US_PER_S);
    pass(&l, 5 * DAY_NS); /* what was before is truly old now */
    assert_int_equal(before(&l), l.now.wall_us - 14 * DAY_US);
}

static void put_right_again(void **unused)
{
    (void)unused;
    struct life l;
    begin(&l);
    l.now.wall_us += 3650 * DAY_US;
    pass(&l, DAY_NS);
    l.now.wall_us -= 3650 * DAY_US;
    pass(&l, DAY_NS);
    assert_int_equal(before(&l), l.now.wall_us - 14 * DAY_US);
    assert_int_equal(l.age.jumped_by_us, 0);
}

/* A clock that began in 1970 and was set right: what it dated so is as young
 * as it is, and goes when it is old. */
static void out_of_1970(void **unused)
{
    (void)unused;
    struct life l = {.now = {1000 * NS_PER_S, 1000 * US_PER_S}};
    age_look(&l.age, l.now);
    pass(&l, DAY_NS);
    l.now.wall_us = BEGIN;
    pass(&l, DAY_NS);
    assert_true(before(&l) < 0);
    pass(&l, 14 * DAY_NS);
    assert_int_equal(before(&l), l.now.wall_us - 14 * DAY_US);
}

/* Another process goes on from what was stored. */
static void over_a_restart(void **unused)
{
    (void)unused;
    struct life l;
    begin(&l);
    pass(&l, 20 * DAY_NS);
    int64_t at_us = l.now.wall_us;
    l.age.last.mono_ns = 0;
    l.now.mono_ns = 50 * NS_PER_S;
    l.now.wall_us += 3650 * DAY_US;
    age_look(&l.age, l.now);
    assert_int_equal(before(&l), at_us - 14 * DAY_US);
}

static void twice_ten_years(void **unused)
{
    (void)unused;
    struct life l;
    begin(&l);
    for (int i = 0; i < 2; i++) {
        l.now.wall_us += 3650 * DAY_US;
        pass(&l, DAY_NS);
    }
    assert_in_range(before(&l), BEGIN - 13 * DAY_US, BEGIN - 11 * DAY_US);
}

/* A machine that is off each weekend: its history is kept by the wall clock,
 * or a weekend longer. */
static void weekends_do_not_add_up(void **unused)
{
    (void)unused;
    struct life l;
    begin(&l);
    for (int week = 0; week < 60; week++) {
        pass(&l, 5 * DAY_NS);
        l.age.last.mono_ns = 0;
        l.now.wall_us += 2 * DAY_US;
        age_look(&l.age, l.now);
    }
    assert_in_range(before(&l), l.now.wall_us - 16 * DAY_US,
                    l.now.wall_us - 14 * DAY_US);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_the_wall_clock),
        cmocka_unit_test(a_jump_ahead_makes_nothing_older),
        cmocka_unit_test(put_right_again),
        cmocka_unit_test(out_of_1970),
        cmocka_unit_test(over_a_restart),
        cmocka_unit_test(twice_ten_years),
        cmocka_unit_test(weekends_do_not_add_up),
    };
    return cmocka_run_group_tests_name("store_age", tests, NULL, NULL);
}

/* tests/unit/test_crew_derived.c: whatever becomes of a probe, what is derived
 * from it has its result first, a parent before what needs it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crew/internal.h"

enum { API, WS, DB, TASKS, OTHER, CHECKS };

struct rig {
    struct check_spec specs[CHECKS];
    struct need needs[CHECKS];
    const struct check_spec *parents[CHECKS];
    struct conf conf;
    struct crew_check checks[CHECKS];
    struct crew crew;
    char given[2000]; /* "NUMBER fault message\n" */
};

static void on_result(void *arg, struct result *r)
{
    struct rig *rig = arg;
    size_t n = strlen(rig->given);
    snprintf(rig->given + n, sizeof rig->given - n, "%u %u %s\n", r->check,
             (unsigned)r->fault, r->message);
    assert_int_equal(r->probe, 77);
    result_free(r);
}

static void needs(struct rig *rig, int child, int parent)
{
    rig->parents[child] = &rig->specs[parent];
    rig->needs[child] =
        (struct need){.parents = &rig->parents[child], .parent_count = 1};
    rig->specs[child].needs = &rig->needs[child];
    rig->specs[child].need_count = 1;
}

/* Numbers are 1 and up; ws (2) needs tasks (4), which needs db (3): all three
 * are derived from api (1), which needs db, too. */
static void begin(struct rig *rig)
{
    static const char *const names[] = {"api", "ws", "db", "tasks", "other"};
    *rig = (struct rig){0};
    for (size_t i = 0; i < CHECKS; i++) {
        rig->specs[i].name = names[i];
        if (i == WS || i == DB || i == TASKS)
            rig->specs[i].source = &rig->specs[API];
        rig->checks[i] = (struct crew_check){
            .check = (uint32_t)i + 1,
            .spec = &rig->specs[i],
            .of = rig->specs[i].source != NULL ? API + 1 : 0};
    }
    needs(rig, WS, TASKS);
    needs(rig, TASKS, DB);
    needs(rig, API, DB);
    rig->conf = (struct conf){
        .checks = rig->specs, .check_count = CHECKS, .generation = 3};
    rig->crew = (struct crew){.conf = &rig->conf,
                              .checks = rig->checks,
                              .check_count = CHECKS,
                              .events = {.result = on_result, .arg = rig}};
    derived_plan(&rig->crew);
}

static struct result *result_for(int check, const char *message)
{
    struct result *r = result_new();
    r->probe = 77;
    r->check = (uint32_t)check + 1;
    r->generation = 3;
    r->message = arena_strdup(r->arena, message);
    return r;
}

static void parents_come_first(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    assert_int_equal(rig.crew.derived_count, 3);
    assert_int_equal(rig.crew.derived[0]->check, DB + 1);
    assert_int_equal(rig.crew.derived[1]->check, TASKS + 1);
    assert_int_equal(rig.crew.derived[2]->check, WS + 1);
    free(rig.crew.derived);
}

static void held_results_come_before_the_sources(void **state)
{
    (void)state;
    struct rig rig;
    struct flight f = {.probe = {.probe = 77, .check = API + 1}};
    begin(&rig);
    assert_true(derived_hold(&rig.crew, &f, result_for(WS, "a")));
    assert_true(derived_hold(&rig.crew, &f, result_for(DB, "b")));
    assert_true(derived_hold(&rig.crew, &f, result_for(TASKS, "c")));
    assert_string_equal(rig.given, "");
    derived_give(&rig.crew, &f, result_for(API, "d"));
    assert_string_equal(rig.given, "3 0 b\n4 0 c\n2 0 a\n1 0 d\n");
    assert_null(f.held);
    derived_give(&rig.crew, NULL, result_for(OTHER, "e"));
    assert_string_equal(rig.given, "3 0 b\n4 0 c\n2 0 a\n1 0 d\n5 0 e\n");
    free(rig.crew.derived);
}

static void nonsense_is_not_held(void **state)
{
    (void)state;
    struct rig rig;
    struct flight f = {.probe = {.probe = 77, .check = API + 1}};
    begin(&rig);
    assert_true(derived_hold(&rig.crew, &f, result_for(OTHER, "not of api")));
    assert_true(derived_hold(&rig.crew, &f, result_for(98, "who?")));
    assert_null(f.held);
    assert_true(derived_hold(&rig.crew, &f, result_for(DB, "once")));
    assert_false(derived_hold(&rig.crew, &f, result_for(DB, "twice")));
    derived_drop(&f);
    assert_null(f.held);
    free(rig.crew.derived);
}

static void what_is_missing_is_made_up(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    struct result *r = result_for(API, "worker 1 was killed");
    r->outcome = OUTCOME_UNKNOWN;
    r->fault = RLV_F_PLUGIN;
    rig.specs[TASKS].missing = "env TOKEN";
    derived_give(&rig.crew, NULL, r);
    assert_string_equal(rig.given,
                        "3 93 api was not observed: worker 1 was killed\n"
                        "4 90 env TOKEN has no value\n"
                        "2 93 api was not observed: worker 1 was killed\n"
                        "1 93 worker 1 was killed\n");
    rig.given[0] = '\0';
    rig.specs[TASKS].missing = NULL;
    r = result_for(API, "");
    r->generation = 2;
    derived_give(&rig.crew, NULL, r);
    assert_string_equal(rig.given,
                        "3 94 api was probed for an earlier configuration\n"
                        "4 94 api was probed for an earlier configuration\n"
                        "2 94 api was probed for an earlier configuration\n"
                        "1 0 \n");
    free(rig.crew.derived);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parents_come_first),
        cmocka_unit_test(held_results_come_before_the_sources),
        cmocka_unit_test(nonsense_is_not_held),
        cmocka_unit_test(what_is_missing_is_made_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_model_trouble.c: what is wrong with the monitor itself is an incident of
 * its own: notices that match, no diagnosis, no remediation; it outlives main,
 * and is never doubled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/str.h"
#include "lib/world.h"

static void say(struct world *w, enum trouble_kind kind, const char *object,
                bool over, const char *text)
{
    struct event e = {.kind = EVENT_TROUBLE};
    e.as.trouble = (struct trouble){kind, object, over, text};
    world_step(w, &e);
}

static void begin(struct world *w)
{
    world_begin(w, 1, 10 * NS_PER_S);
    world_book(w, "call", RUNBOOK_NOTIFY, ON_DOWN | ON_RECOVERED);
}

static void configure(struct world *w)
{
    world_config(w);
    world_next(w, 1, OUTCOME_OK, RLV_F_NONE, "");
    world_said(w);
}

static void held_back(struct world *w)
{
    say(w, TROUBLE_OF_PROBES, "a", false, "the probes of a kill workers");
}

static void it_opens_an_incident_and_calls_notices(void **unused)
{
    (void)unused;
    struct world w;
    struct check_view v;
    begin(&w);
    world_book(&w, "look", RUNBOOK_DIAGNOSE, ON_SUSPECT | ON_DOWN);
    world_book(&w, "mend", RUNBOOK_REMEDIATE, ON_DOWN);
    configure(&w);
    assert_false(model_trouble(w.model, 0, &v));
    held_back(&w);
    const char *said = world_said(&w);
    assert_says(said, "incident 1 open plugin durable");
    assert_says(said, "run call after 1");
    assert_silent(said, "look");
    assert_silent(said, "mend");
    assert_silent(said, "transition");
    assert_says(buf_text(&w.texts), "1 trouble: the probes of a kill workers");
    assert_true(model_trouble(w.model, 0, &v));
    assert_string_equal(v.row->name, "relevo:probes:a");
    assert_false(model_trouble(w.model, 1, &v));
    assert_true(model_check_by_name(w.model, "a", &v));
    assert_string_equal(state_name(v.state->state), "up");
    assert_int_equal(v.state->incident, 0);
    world_end(&w);
}

static void it_is_told_once(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w);
    configure(&w);
    held_back(&w);
    world_said(&w);
    held_back(&w);
    assert_string_equal(world_said(&w), "");
    say(&w, TROUBLE_OF_PROBES, "a", false, "still");
    const char *said = world_said(&w);
    assert_says(said, "event 1 trouble");
    assert_silent(said, "run ");
    world_end(&w);
}

static void its_end_is_told_to_who_heard_of_it(void **unused)
{
    (void)unused;
    struct world w;
    struct check_view v;
    begin(&w);
    world_book(&w, "other", RUNBOOK_NOTIFY, ON_DOWN | ON_RECOVERED)
        ->match.plugins = (struct rlv_list){
        (const char *const[]){"http"},
        1,
    };
    configure(&w);
    held_back(&w);
    world_run_ends(&w, 1, 0, "");
    world_said(&w);
    say(&w, TROUBLE_OF_PROBES, "a", true, "it brings results again");
    const char *said = world_said(&w);
    assert_says(said, "incident 1 resolved plugin durable");
    assert_says(said, "run call after 1");
    assert_silent(said, "other");
    assert_false(model_trouble(w.model, 0, &v));
    say(&w, TROUBLE_OF_PROBES, "a", true, "again");
    assert_string_equal(world_said(&w), "");
    held_back(&w); /* within ten minutes: the same incident */
    assert_says(world_said(&w), "event 1 reopened\nincident 1 open");
    world_end(&w);
}

static void an_end_without_a_begin_is_nothing(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w);
    configure(&w);
    say(&w, TROUBLE_OF_PLUGIN, "http", true, "fine");
    assert_string_equal(world_said(&w), "");
    assert_int_equal(w.model->node_count, 1);
    world_end(&w);
}

static void several_are_several_incidents(void **unused)
{
    (void)unused;
    struct world w;
    struct check_view v;
    begin(&w);
    configure(&w);
    held_back(&w);
    say(&w, TROUBLE_OF_PLUGIN, "http", false, "it does not come up");
    assert_true(model_trouble(w.model, 1, &v));
    assert_string_equal(v.row->name, "relevo:plugin:http");
    assert_int_equal(v.state->incident, 2);
    say(&w, TROUBLE_OF_PROBES, "a", true, "fine");
    assert_true(model_trouble(w.model, 0, &v));
    assert_string_equal(v.row->name, "relevo:plugin:http");
    world_end(&w);
}

/* Its name is known only to itself: a reload removes no trouble. */
static void it_outlives_a_reload(void **unused)
{
    (void)unused;
    struct world w;
    struct check_view v;
    begin(&w);
    configure(&w);
    held_back(&w);
    world_said(&w);
    w.conf->generation++;
    world_config(&w);
    assert_silent(world_said(&w), "resolved");
    assert_true(model_trouble(w.model, 0, &v));
    world_end(&w);
}

static void it_outlives_main_and_is_not_doubled(void **unused)
{
    (void)unused;
    struct world a, b;
    struct check_view v;
    begin(&a);
    configure(&a);
    held_back(&a);
    world_run_ends(&a, 1, 0, "");
    begin(&b);
    world_restart(&b, &a);
    world_config(&b);
    world_said(&b);
    assert_true(model_trouble(b.model, 0, &v));
    assert_string_equal(v.row->name, "relevo:probes:a");
    held_back(&b);
    assert_string_equal(world_said(&b), "");
    say(&b, TROUBLE_OF_PROBES, "a", true, "fine");
    const char *said = world_said(&b);
    assert_says(said, "incident 1 resolved");
    assert_says(said, "run call after 1");
    world_end(&a);
    world_end(&b);
}

/* It has no tags, environment or observations, and is no check. */
static void who_asks_for_checks_is_not_called(void **unused)
{
    (void)unused;
    static const char *const word[] = {"relevo"}, *const glob[] = {"relevo:*"},
                             *const other[] = {"a"};
    const struct runbook_spec any = {.kind = RUNBOOK_NOTIFY, .on = ON_DOWN};
    struct result *r = result_new();
    r->fault = RLV_F_PLUGIN;
    r->message = "";
    struct runbook_spec book = any;
    assert_true(match_trouble(&book, "relevo:probes:a", r));
    book.match.plugins = (struct rlv_list){word, 1};
    book.match.checks = (struct rlv_list){glob, 1};
    assert_true(match_trouble(&book, "relevo:probes:a", r));
    book.match.checks = (struct rlv_list){other, 1};
    assert_false(match_trouble(&book, "relevo:probes:a", r));
    book = any;
    book.match.tags = (struct rlv_list){other, 1};
    assert_false(match_trouble(&book, "relevo:probes:a", r));
    book = any;
    book.match.when = "true";
    assert_false(match_trouble(&book, "relevo:probes:a", r));
    book = any;
    book.on = ON_RECOVERED;
    assert_false(match_trouble(&book, "relevo:probes:a", r));
    result_free(r);
}

static void its_name_says_what_it_is(void **unused)
{
    (void)unused;
    struct check_row row = {.name = "relevo:plugin:http", .plugin = "relevo"};
    enum trouble_kind kind;
    const char *object;
    assert_true(trouble_parse(&row, &kind, &object));
    assert_int_equal(kind, TROUBLE_OF_PLUGIN);
    assert_string_equal(object, "http");
    row.name = "relevo:future:x";
    assert_true(trouble_is(&row));
    assert_false(trouble_parse(&row, &kind, &object));
    row.plugin = "http";
    assert_false(trouble_is(&row));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_opens_an_incident_and_calls_notices),
        cmocka_unit_test(it_is_told_once),
        cmocka_unit_test(its_end_is_told_to_who_heard_of_it),
        cmocka_unit_test(an_end_without_a_begin_is_nothing),
        cmocka_unit_test(several_are_several_incidents),
        cmocka_unit_test(it_outlives_a_reload),
        cmocka_unit_test(it_outlives_main_and_is_not_doubled),
        cmocka_unit_test(who_asks_for_checks_is_not_called),
        cmocka_unit_test(its_name_says_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Recorded values, and checks that are judged from another's results. */
#include "lib/worker_rig.h"

static void record(struct rig *r, struct msg_check *c, const char *name,
                   const char *expression)
{
    if (c->records == NULL)
        c->records = arena_alloc(r->arena, 8 * sizeof *c->records);
    c->records[c->record_count++] = (struct record_spec){
        .name = name, .expression = arena_strdup(r->arena, expression)};
}

/* A check that is judged from that one's results. */
static struct msg_check *derive(struct rig *r, const struct msg_check *of,
                                const char *line)
{
    struct msg_check *c = &r->checks[r->load.check_count++];
    *c = (struct msg_check){.check = (uint32_t)r->load.check_count,
                            .of = of->check,
                            .plugin = of->plugin,
                            .name = "derived",
                            .timeout_ns = of->timeout_ns,
                            .evidence_bytes = of->evidence_bytes,
                            .fingerprint = r->load.check_count};
    if (line != NULL)
        rig_expect(r, c, line);
    return c;
}

/* What that probe came to for one of the checks that are derived. */
static struct result *of_derived(struct rig *r, const struct result *source,
                                 uint32_t check)
{
    for (size_t i = 0; i < r->result_count; i++)
        if (r->results[i]->probe == source->probe &&
            r->results[i]->check == check)
            return r->results[i];
    fail_msg("no result for check %u", check);
    return NULL;
}

static void show(const struct result *x)
{
    print_message("check %u: %s %s %s: %s\n", x->check,
                  outcome_name(x->outcome), fault_name(x->fault), x->code,
                  x->message);
}

/* ------------------------------------------------------------- records --- */

static void test_what_is_recorded(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    struct msg_check *c =
        rig_check(r, "actor", "text={\"db\":\"ok\",\"n\":[1,2,3],\"lag\":1.5}");
    record(r, c, "db", "json('.db')");
    record(r, c, "items", "len(json('.n'))");
    record(r, c, "list", "json('.n')");
    record(r, c, "lag", "json('.lag')");
    record(r, c, "nothing", "json('.nothing')");
    record(r, c, "kind", "header('Content-Type')");
    record(r, c, "cached", "header('age') == 7");
    record(r, c, "shout", "lower(db) == 'ok' and status == 200");
    rig_expect(r, c, "db == 'ok' and items == 3 and cached and shout");
    rig_expect(r, c, "lag < 2 and kind contains 'html'");
    rig_expect(r, c, "not exists nothing");
    rig_load(r);
    const struct result *x = rig_run(r, 1, 0);
    show(x);
    assert_int_equal(x->outcome, OUTCOME_OK);
    assert_string_equal(result_observation(x, "db", NULL)->as.s, "ok");
    assert_int_equal(result_observation(x, "items", NULL)->as.i, 3);
    assert_string_equal(result_observation(x, "list", NULL)->as.s, "[1,2,3]");
    assert_true(result_observation(x, "lag", NULL)->as.d == 1.5);
    assert_string_equal(result_observation(x, "kind", NULL)->as.s, "text/html");
    assert_int_equal(result_observation(x, "cached", NULL)->type, RLV_T_BOOL);
    assert_null(result_observation(x, "nothing", NULL));
    assert_int_equal(x->observation_count, 9); /* with status and latency */
    for (size_t i = 0; i < x->observation_count; i++)
        assert_true(x->observations[i].recorded);
    assert_int_equal(rig_end(r), 0);
}

/* One thing after another: a derived check that is not well ends it, too. */
static void test_another_asks_the_derived(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    const char *lines[] = {"what == 201", "what in 200..201"};
    for (size_t i = 0; i < 2; i++) {
        struct msg_check *c = rig_check(r, "actor", "act=another");
        record(r, c, "what", "status");
        derive(r, c, lines[i]);
    }
    rig_load(r);
    const struct result *x = rig_run(r, 1, 0);
    show(x);
    assert_int_equal(result_observation(x, "what", NULL)->as.i, 200);
    x = rig_run(r, 3, 0);
    show(x);
    assert_int_equal(result_observation(x, "what", NULL)->as.i, 201);
    assert_int_equal(rig_end(r), 0);
}

/* A costly field that only a record reads is asked for; a regex yields. */
static void test_records_are_wanted(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    struct msg_check *c = rig_check(r, "actor", "text=version 7.2");
    record(r, c, "is_seven", "note ~ /version 7/");
    rig_expect(r, c, "is_seven");
    rig_load(r);
    const struct result *x = rig_run(r, 1, 0);
    show(x);
    assert_int_equal(x->outcome, OUTCOME_OK);
    assert_int_equal(result_observation(x, "is_seven", NULL)->as.i, 1);
    assert_null(result_observation(x, "note", NULL));
    assert_int_equal(rig_end(r), 0);
}

/* Two checks with the same line text, of which one records another thing under
 * the name: each reads its own. */
static void test_names_are_the_checks_own(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    const char *expressions[] = {"status", "json('.a')", "status"};
    for (size_t i = 0; i < 3; i++) {
        struct msg_check *c = rig_check(r, "actor", "text={\"a\":1}");
        if (i == 2)
            record(r, c, "other", "big");
        record(r, c, "it", expressions[i]);
        rig_expect(r, c, "it == 200");
    }
    rig_load(r);
    assert_int_equal(rig_run(r, 1, 0)->outcome, OUTCOME_OK);
    const struct result *x = rig_run(r, 2, 0);
    assert_string_equal(x->message, "it == 200 (1)");
    assert_int_equal(rig_run(r, 3, 0)->outcome, OUTCOME_OK);
    assert_int_equal(rig_end(r), 0);
}

static void test_record_at_its_limits(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    char settings[6000] = "text=";
    memset(settings + 5, 'a', 5500);
    struct msg_check *c = rig_check(r, "actor", settings);
    record(r, c, "page", "body");
    c = rig_check(r, "actor", "text=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!");
    record(r, c, "bad", "note ~ /^(a+)+$/");
    struct msg_check *of_bad = derive(r, c, "bad");
    struct msg_check *of_status = derive(r, c, "status == 200");
    c = rig_check(r, "actor", "");
    record(r, c, "wrong", "json('db')");
    derive(r, c, "wrong == 1");
    rig_load(r);
    const struct result *x = rig_run(r, 1, 0);
    assert_int_equal(result_observation(x, "page", NULL)->len, 4096);
    x = rig_run(r, 2, 0);
    show(x);
    assert_int_equal(x->outcome, OUTCOME_UNKNOWN);
    assert_int_equal(x->fault, RLV_F_CONFIG);
    assert_memory_equal(x->message, "record bad: ", 12);
    const struct result *d = of_derived(r, x, of_bad->check);
    show(d);
    assert_int_equal(d->fault, RLV_F_CONFIG);
    assert_int_equal(of_derived(r, x, of_status->check)->outcome, OUTCOME_OK);
    x = rig_run(r, 5, 0);
    show(x);
    assert_int_equal(x->fault, RLV_F_CONFIG);
    assert_memory_equal(x->message, "record wrong: \"json('db')\", column", 33);
    assert_int_equal(of_derived(r, x, 6)->fault, RLV_F_CONFIG);
    assert_int_equal(rig_end(r), 0);
}

static void test_nothing_is_recorded_of_a_fault(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    struct msg_check *c = rig_check(r, "actor", "act=fault;text=db:5432");
    record(r, c, "seen", "exists status");
    rig_load(r);
    const struct result *x = rig_run(r, 1, PROBE_TRACE);
    show(x);
    assert_int_equal(x->fault, RLV_F_REFUSED);
    assert_null(result_observation(x, "seen", NULL));
    assert_int_equal(rig_end(r), 0);
}

/* With a failing result go all plain values, so that `when` can ask; they are
 * not recorded, and maps stay out. */
static void test_failing_results_tell_more(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    struct msg_check *c = rig_check(r, "actor", "number=503");
    rig_expect(r, c, "status == 200");
    rig_load(r);
    const struct result *x = rig_run(r, 1, 0);
    assert_int_equal(x->outcome, OUTCOME_FAIL);
    assert_true(result_observation(x, "ratio", NULL)->as.d == 0.25);
    assert_true(result_observation(x, "active", NULL)->as.i == 1);
    assert_null(result_observation(x, "header", "content-type"));
    assert_null(result_observation(x, "body", NULL));
    assert_null(result_observation(x, "duration", NULL));
    for (size_t i = 0; i < x->observation_count; i++) {
        const char *name = x->observations[i].name;
        bool recorded = !strcmp(name, "status") || !strcmp(name, "latency");
        assert_int_equal(x->observations[i].recorded, recorded);
    }
    assert_int_equal(rig_end(r), 0);
}

/* ------------------------------------------------------------- derived --- */

struct row {
    const char *settings, *expect, *warn;
    enum outcome outcome;
    enum rlv_fault fault;
    const char *code, *message;
};

/* All with db = json('.db') of the source. */
// clang-format off
static const struct row rows[] = {
    {"text={\"db\":\"ok\"}", "db == 'ok'", NULL, OUTCOME_OK, RLV_F_NONE, "", ""},
    {"text={\"db\":\"111\"}", "db == 'ok'", NULL, OUTCOME_FAIL,
        RLV_F_MISMATCH, "", "db == 'ok' ('111')"},
    {"text={\"db\":\"111\"};act=hint;number=503", "db == 'ok'", NULL,
        OUTCOME_FAIL, RLV_F_ERROR_RESPONSE, "503",
        "db == 'ok' ('111'): the peer says {\"db\":\"111\"}"},
    {"text={\"db\":\"ok\"};act=hint;number=503", "db == 'ok'", NULL, OUTCOME_OK,
        RLV_F_NONE, "", ""},
    {"text={\"db\":\"slow\"}", NULL, "db == 'ok'", OUTCOME_WARN,
        RLV_F_MISMATCH, "", "degraded: warn_unless db == 'ok' ('slow')"},
    /* an answer that does not speak of it */
    {"text=<html>;act=hint;number=502", "db == 'ok'", NULL, OUTCOME_UNKNOWN,
        RLV_F_CANCELLED, "", "check said nothing about db"},
    {"text={};number=200", "db != 'down'", NULL, OUTCOME_UNKNOWN,
        RLV_F_CANCELLED, "", "check said nothing about db"},
    {"text={}", NULL, "db == 'ok'", OUTCOME_UNKNOWN, RLV_F_CANCELLED, "",
        "check said nothing about db"},
    {"text={}", "status == 200", "db == 'ok'", OUTCOME_WARN, RLV_F_MISMATCH, "",
        "degraded: warn_unless db == 'ok' (absent)"},
    {"text={}", "json('.db') == 'ok'", NULL, OUTCOME_UNKNOWN, RLV_F_CANCELLED,
        "", "check said nothing about json('.db') == 'ok'"},
    {"text={}", "status == 200 and db == 'ok'", NULL, OUTCOME_UNKNOWN,
        RLV_F_CANCELLED, "", "check said nothing about db"},
    {"text={};number=503", "status == 200 and db == 'ok'", NULL, OUTCOME_FAIL,
        RLV_F_MISMATCH, "", "status == 200 and db == 'ok' (status 503, db (absent))"},
    {"text={}", "exists db", NULL, OUTCOME_FAIL, RLV_F_MISMATCH, "",
        "exists db (absent)"},
    {"text={}", "exists db and db == 'ok'", NULL, OUTCOME_FAIL, RLV_F_MISMATCH,
        "", "exists db and db == 'ok' (absent)"},
    {"text={}", "not exists db or db == 'ok'", NULL, OUTCOME_OK, RLV_F_NONE, "",
        ""},
    /* the source could not look */
    {"act=fault;text=db:5432", "db == 'ok'", NULL, OUTCOME_UNKNOWN,
        RLV_F_CANCELLED, "",
        "check was not observed: connecting to db:5432"},
    {"act=wrong-type", "exists db", NULL, OUTCOME_UNKNOWN, RLV_F_CANCELLED, "",
        "check was not observed: plugin actor broke its contract: field status is INT, and it observed TEXT"},
};
// clang-format on

static void check_row(struct rig *r, const struct row *row, uint32_t source)
{
    const struct result *x = of_derived(r, rig_run(r, source, 0), source + 1);
    print_message("%s | %s: ", row->settings,
                  row->expect ? row->expect : row->warn);
    show(x);
    assert_string_equal(outcome_name(x->outcome), outcome_name(row->outcome));
    assert_string_equal(fault_name(x->fault), fault_name(row->fault));
    assert_string_equal(x->code, row->code);
    assert_string_equal(x->message, row->message);
}

static void test_derived_table(void **state)
{
    (void)state;
    enum { AT_ONCE = RIG_CHECKS / 2 };
    for (size_t first = 0; first < ARRAY_LEN(rows); first += AT_ONCE) {
        struct rig *r = rig_start();
        size_t end = first + AT_ONCE;
        for (size_t i = first; i < end && i < ARRAY_LEN(rows); i++) {
            struct msg_check *c = rig_check(r, "actor", rows[i].settings);
            record(r, c, "db", "json('.db')");
            struct msg_check *d = derive(r, c, rows[i].expect);
            if (rows[i].warn != NULL)
                rig_warn(r, d, rows[i].warn);
        }
        rig_load(r);
        for (size_t i = first; i < end && i < ARRAY_LEN(rows); i++)
            check_row(r, &rows[i], (uint32_t)(2 * (i - first) + 1));
        assert_int_equal(rig_end(r), 0);
    }
}

/* In the order of the message, and all before the source's own, whether they
 * may wait for the beat or not. */
static void test_order_and_what_is_shared(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    struct msg_check *c = rig_check(
        r, "actor", "text={\"db\":\"no\",\"redis\":\"ok\"};spent=7ms");
    record(r, c, "db", "json('.db')");
    struct msg_check *redis = derive(r, c, "json('.redis') == 'ok'");
    struct msg_check *db = derive(r, c, "db == 'ok'");
    record(r, db, "is_no", "db == 'no'");
    rig_expect(r, db, "not is_no");
    rig_check(r, "actor", "");
    struct msg_check swap = *redis; /* the message's order counts */
    *redis = *db;
    *db = swap;
    rig_load(r);
    const struct result *x = rig_run(r, 1, PROBE_RETRIED);
    assert_int_equal(r->result_count, 3);
    assert_int_equal(r->results[0]->check, 3);
    assert_int_equal(r->results[1]->check, 2);
    assert_int_equal(r->results[2]->check, 1);
    const struct result *bad = r->results[0], *good = r->results[1];
    assert_string_equal(bad->message, "db == 'ok' ('no'), not is_no (true)");
    assert_int_equal(good->outcome, OUTCOME_OK);
    assert_int_equal(x->outcome, OUTCOME_OK);
    for (size_t i = 0; i < 2; i++) {
        const struct result *d = r->results[i];
        assert_int_equal(d->purpose, x->purpose);
        assert_int_equal(d->flags, RESULT_RETRIED);
        assert_int_equal(d->started_us, x->started_us);
        assert_int_equal(d->duration_ns, x->duration_ns);
        assert_int_equal(d->phases_ns[RLV_PH_CONNECT], 1500000);
        assert_string_equal(result_observation(d, "db", NULL)->as.s, "no");
        assert_int_equal(result_observation(d, "latency", NULL)->as.i,
                         7 * NS_PER_MS);
    }
    assert_int_equal(result_observation(bad, "is_no", NULL)->as.i, 1);
    assert_null(result_observation(good, "is_no", NULL));
    assert_null(result_observation(x, "is_no", NULL));
    assert_int_equal(bad->evidence_count, 1);
    assert_int_equal(good->evidence_count, 0);
    assert_int_equal(x->evidence_count, 0);
    /* with trace: everything, for all */
    x = rig_run(r, 1, PROBE_TRACE);
    good = of_derived(r, x, 2);
    assert_int_equal(good->line_count, 1);
    assert_true(good->lines[0].holds);
    assert_int_equal(good->evidence_count, 1);
    assert_int_equal(rig_end(r), 0);
}

/* A costly field that only a derived check reads is asked for, as soon as there
 * is such a check and no longer. */
static void test_reload(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    struct msg_check *c = rig_check(r, "actor", "text=hello");
    record(r, c, "it", "status");
    derive(r, c, "note == 'hello'");
    r->load.check_count = 1;
    rig_load(r);
    assert_non_null(rig_run(r, 1, 0));
    assert_int_equal(r->result_count, 1);
    r->load.check_count = 2;
    rig_load(r);
    const struct result *x = rig_run(r, 1, 0);
    assert_int_equal(of_derived(r, x, 2)->outcome, OUTCOME_OK);
    /* the source records another thing under the name: both are made anew */
    c->records[0].expression = "big";
    c->fingerprint = 77;
    rig_expect(r, &r->checks[1], "it == 1MiB");
    r->checks[1].fingerprint = 78;
    rig_load(r);
    x = rig_run(r, 1, 0);
    show(of_derived(r, x, 2));
    assert_int_equal(of_derived(r, x, 2)->outcome, OUTCOME_OK);
    /* only the source changes: its derived check follows */
    record(r, c, "more", "status");
    c->records[0].expression = "status";
    c->fingerprint = 79;
    rig_load(r);
    x = rig_run(r, 1, 0);
    show(of_derived(r, x, 2));
    assert_int_equal(of_derived(r, x, 2)->outcome, OUTCOME_FAIL);
    r->load.check_count = 1;
    rig_load(r);
    size_t before = r->result_count;
    assert_non_null(rig_run(r, 1, 0));
    assert_int_equal(r->result_count, before + 1);
    assert_int_equal(rig_end(r), 0);
}

/* A probe that is under way while its checks are removed ends as it began. */
static void test_reload_under_way(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    struct msg_check *c = rig_check(r, "actor", "act=slow;after=150ms");
    derive(r, c, "status == 200");
    rig_check(r, "actor", "");
    rig_load(r);
    uint64_t probe = rig_ask_at(r, 1, 0, clock_mono_ns());
    rig_turn(r, 30);
    r->checks[0] = r->checks[2];
    r->load.check_count = 1;
    rig_load(r);
    const struct result *x = rig_result(r, probe);
    show(x);
    assert_int_equal(x->check, 1);
    assert_int_equal(of_derived(r, x, 2)->outcome, OUTCOME_OK);
    assert_int_equal(rig_end(r), 0);
}

static void test_a_derived_check_is_not_probed(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    struct msg_check *c = rig_check(r, "actor", "");
    derive(r, c, "status == 200");
    rig_load(r);
    rig_ask_at(r, 2, 0, clock_mono_ns());
    rig_run(r, 1, 0);
    assert_int_equal(r->result_count, 2); /* both of the second probe */
    print_message("%s", buf_text(&r->logs));
    assert_non_null(strstr(buf_text(&r->logs),
                           "it was to be probed, but is judged from the "
                           "results of check"));
    assert_int_equal(rig_end(r), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_recorded),
        cmocka_unit_test(test_another_asks_the_derived),
        cmocka_unit_test(test_records_are_wanted),
        cmocka_unit_test(test_names_are_the_checks_own),
        cmocka_unit_test(test_record_at_its_limits),
        cmocka_unit_test(test_nothing_is_recorded_of_a_fault),
        cmocka_unit_test(test_failing_results_tell_more),
        cmocka_unit_test(test_derived_table),
        cmocka_unit_test(test_order_and_what_is_shared),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_reload_under_way),
        cmocka_unit_test(test_a_derived_check_is_not_probed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

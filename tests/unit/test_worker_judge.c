/* From observations to a result: faults, hints, expectations, what is kept. */
#include "lib/worker_rig.h"

struct row {
    const char *settings; /* of the plugin actor */
    const char *expects[3], *warns[3];
    enum outcome outcome;
    enum rlv_fault fault;
    const char *code, *message;
};

// clang-format off
static const struct row rows[] = {
    {"act=observe", {"status == 200"}, {0}, OUTCOME_OK, RLV_F_NONE, "", ""},
    {"act=at-once", {"status == 200"}, {0}, OUTCOME_OK, RLV_F_NONE, "", ""},
    /* no line at all */
    {"number=500", {0}, {0}, OUTCOME_OK, RLV_F_NONE, "", ""},
    /* false lines */
    {"number=503", {"status == 200"}, {0}, OUTCOME_FAIL, RLV_F_MISMATCH, "",
        "status == 200 (503)"},
    {"number=503;spent=2s", {"status == 200", "latency < 1s"}, {0},
        OUTCOME_FAIL, RLV_F_MISMATCH, "",
        "status == 200 (503), latency < 1s (2s)"},
    {"number=503;spent=2s", {"status == 200", "latency < 1s", "ratio > 1"}, {0},
        OUTCOME_FAIL, RLV_F_MISMATCH, "",
        "status == 200 (503), latency < 1s (2s) and 1 more"},
    {"spent=2s", {"status == 200", "latency < 1s"}, {0}, OUTCOME_FAIL,
        RLV_F_SLOW, "", "latency < 1s (2s)"},
    {"spent=2s", {"phase('wait') < 1s"}, {0}, OUTCOME_FAIL, RLV_F_SLOW, "",
        "phase('wait') < 1s (2s)"},
    {"", {"phase('connect') == 1500us"}, {0}, OUTCOME_OK, RLV_F_NONE, "", ""},
    {"", {"phase('tls') < 1s"}, {0}, OUTCOME_FAIL, RLV_F_SLOW, "",
        "phase('tls') < 1s (absent)"},
    {"", {"duration < 4s"}, {0}, OUTCOME_OK, RLV_F_NONE, "", ""},
    /* fields of all types */
    {"text=abc", {"note == 'abc' and load == 12.5%", "big == 1MiB", "active"},
        {0}, OUTCOME_OK, RLV_F_NONE, "", ""},
    {"", {"header('CONTENT-TYPE') == 'text/html'", "header('age') == 7",
        "not exists header('etag')"}, {0}, OUTCOME_OK, RLV_F_NONE, "", ""},
    {"text={\"db\":\"ok\"}", {"json('.db') == 'ok'"}, {0}, OUTCOME_OK,
        RLV_F_NONE, "", ""},
    /* warnings */
    {"spent=312ms", {"status == 200"}, {"latency < 200ms"}, OUTCOME_WARN,
        RLV_F_SLOW, "", "degraded: warn_unless latency < 200ms (312ms)"},
    {"number=201", {"status in 200..299"}, {"status == 200"}, OUTCOME_WARN,
        RLV_F_MISMATCH, "", "degraded: warn_unless status == 200 (201)"},
    {"number=503", {"status == 200"}, {"latency < 1ms"}, OUTCOME_FAIL,
        RLV_F_MISMATCH, "", "status == 200 (503)"},
    /* hints */
    {"act=hint;text=degraded", {"status == 200"}, {0}, OUTCOME_OK, RLV_F_NONE,
        "", ""},
    {"act=hint;text=degraded;number=503", {"status == 200"}, {0}, OUTCOME_FAIL,
        RLV_F_ERROR_RESPONSE, "503",
        "status == 200 (503): the peer says degraded"},
    {"act=hint;number=201", {0}, {"status == 200"}, OUTCOME_WARN,
        RLV_F_MISMATCH, "", "degraded: warn_unless status == 200 (201)"},
    /* one thing after another: the first that is not well ends it */
    {"act=another;number=503", {"status == 200"}, {0}, OUTCOME_FAIL,
        RLV_F_ERROR_RESPONSE, "503", "status == 200 (503): the first says so"},
    {"act=another", {"status == 200"}, {0}, OUTCOME_FAIL, RLV_F_MISMATCH, "",
        "status == 200 (201)"},
    {"act=another", {"status == 200 or not exists header('age')"},
        {"status == 200 or not exists active"}, OUTCOME_OK, RLV_F_NONE, "", ""},
    {"act=another", {"status in 200..201"}, {"status == 201"}, OUTCOME_WARN,
        RLV_F_MISMATCH, "", "degraded: warn_unless status == 201 (200)"},
    /* faults: lines are not judged */
    {"act=fault;text=db:5432", {"status == 1"}, {0}, OUTCOME_FAIL,
        RLV_F_REFUSED, "ECONNREFUSED", "connecting to db:5432"},
    {"act=self;text=no such thing", {0}, {0}, OUTCOME_UNKNOWN, RLV_F_CONFIG,
        "NOPE", "no such thing"},
    {"act=self", {0}, {0}, OUTCOME_UNKNOWN, RLV_F_CONFIG, "NOPE",
        "check is misconfigured"},
    {"act=shortage", {0}, {0}, OUTCOME_UNKNOWN, RLV_F_RESOURCE, "EMFILE",
        "socket"},
    /* contracts */
    {"act=unknown-field", {0}, {0}, OUTCOME_UNKNOWN, RLV_F_PLUGIN, "",
        "plugin actor broke its contract: it observed field 77 and has 13"},
    {"act=wrong-type", {0}, {0}, OUTCOME_UNKNOWN, RLV_F_PLUGIN, "",
        "plugin actor broke its contract: field status is INT, and it observed TEXT"},
    {"act=no-key", {0}, {0}, OUTCOME_UNKNOWN, RLV_F_PLUGIN, "",
        "plugin actor broke its contract: field header is MAP, and it observed TEXT"},
    {"act=null-key", {0}, {0}, OUTCOME_UNKNOWN, RLV_F_PLUGIN, "",
        "plugin actor broke its contract: it observed a key that is NULL"},
    {"act=core-fault", {0}, {0}, OUTCOME_UNKNOWN, RLV_F_PLUGIN, "",
        "plugin actor broke its contract: fault() with mismatch, which is not a plugin's to set"},
    {"act=no-fault", {0}, {0}, OUTCOME_UNKNOWN, RLV_F_PLUGIN, "",
        "plugin actor broke its contract: fault() with an unknown fault, which is not a plugin's to set"},
    {"act=phase", {0}, {0}, OUTCOME_UNKNOWN, RLV_F_PLUGIN, "",
        "plugin actor broke its contract: it named phase 99"},
};
// clang-format on

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows);) {
        struct rig *r = rig_start();
        size_t first = i;
        for (; i < ARRAY_LEN(rows) && i < first + RIG_CHECKS; i++) {
            struct msg_check *c = rig_check(r, "actor", rows[i].settings);
            for (size_t k = 0; k < 3; k++) {
                if (rows[i].expects[k] != NULL)
                    rig_expect(r, c, rows[i].expects[k]);
                if (rows[i].warns[k] != NULL)
                    rig_warn(r, c, rows[i].warns[k]);
            }
        }
        rig_load(r);
        for (size_t k = first; k < i; k++) {
            const struct row *row = &rows[k];
            const struct result *x = rig_run(r, (uint32_t)(k - first + 1), 0);
            print_message("%s: %s %s %s\n", row->settings,
                          outcome_name(x->outcome), fault_name(x->fault),
                          x->message);
            assert_string_equal(outcome_name(x->outcome),
                                outcome_name(row->outcome));
            assert_string_equal(fault_name(x->fault), fault_name(row->fault));
            assert_string_equal(x->code, row->code);
            assert_string_equal(x->message, row->message);
        }
        assert_int_equal(rig_end(r), 0);
    }
}

// clang-format off
static const struct must_fail {
    const char *settings, *faults[2];
    enum outcome outcome;
    enum rlv_fault fault;
    const char *code, *message;
} must_fail[] = {
    {"act=fault;text=db:5432", {"refused"}, OUTCOME_OK, RLV_F_NONE, "", ""},
    {"act=fault;text=db:5432", {"timeout", "refused"}, OUTCOME_OK, RLV_F_NONE,
        "", ""},
    {"act=fault;text=db:5432", {"reset"}, OUTCOME_FAIL, RLV_F_REFUSED,
        "ECONNREFUSED", "expected reset, not refused: connecting to db:5432"},
    {"number=200", {"refused"}, OUTCOME_FAIL, RLV_F_MISMATCH, "",
        "expected refused, but the target answered"},
    {"number=503", {"refused", "connect_timeout"}, OUTCOME_FAIL, RLV_F_MISMATCH,
        "", "expected refused or connect_timeout, but the target answered"},
    /* what an answer hints at */
    {"act=hint;text=degraded", {"error_response"}, OUTCOME_OK, RLV_F_NONE, "",
        ""},
    {"act=hint;text=degraded", {"refused"}, OUTCOME_FAIL, RLV_F_ERROR_RESPONSE,
        "503", "expected refused, but the target answered: the peer says "
        "degraded"},
    /* ours, or the plugin's: nothing about the target */
    {"act=self;text=no such thing", {"refused"}, OUTCOME_UNKNOWN, RLV_F_CONFIG,
        "NOPE", "no such thing"},
    {"act=shortage", {"refused"}, OUTCOME_UNKNOWN, RLV_F_RESOURCE, "EMFILE",
        "socket"},
    {"act=wrong-type", {"refused"}, OUTCOME_UNKNOWN, RLV_F_PLUGIN, "",
        "plugin actor broke its contract: field status is INT, and it observed TEXT"},
};
// clang-format on

static void test_must_fail(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    for (size_t i = 0; i < ARRAY_LEN(must_fail); i++) {
        struct msg_check *c = rig_check(r, "actor", must_fail[i].settings);
        const char *const *names = must_fail[i].faults;
        c->expect_faults = (struct rlv_list){names, names[1] ? 2 : 1};
    }
    rig_load(r);
    for (size_t i = 0; i < ARRAY_LEN(must_fail); i++) {
        const struct must_fail *row = &must_fail[i];
        const struct result *x = rig_run(r, (uint32_t)i + 1, 0);
        print_message("%s: %s\n", row->settings, x->message);
        assert_string_equal(outcome_name(x->outcome),
                            outcome_name(row->outcome));
        assert_string_equal(fault_name(x->fault), fault_name(row->fault));
        assert_string_equal(x->code, row->code);
        assert_string_equal(x->message, row->message);
        assert_int_equal(x->line_count, 0);
    }
    /* Who watches is told what it was. */
    const struct result *x = rig_run(r, 1, PROBE_TRACE);
    assert_int_equal(x->outcome, OUTCOME_OK);
    assert_string_equal(x->message,
                        "refused, as expected: connecting to db:5432");
    assert_int_equal(rig_end(r), 0);
}

static void test_good_result_is_small(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    struct msg_check *c = rig_check(r, "actor", "text=evidence;spent=7ms");
    rig_expect(r, c, "status == 200");
    rig_expect(r, c, "ratio < 1");
    rig_load(r);
    const struct result *x = rig_run(r, 1, PROBE_RETRIED);
    assert_int_equal(x->outcome, OUTCOME_OK);
    assert_int_equal(x->flags, RESULT_RETRIED);
    assert_int_equal(x->generation, 1);
    assert_int_equal(x->observation_count, 2); /* the recorded ones */
    assert_int_equal(result_observation(x, "status", NULL)->as.i, 200);
    assert_int_equal(result_observation(x, "latency", NULL)->as.i,
                     7 * NS_PER_MS);
    assert_true(x->observations[0].recorded);
    assert_int_equal(x->line_count, 0);
    assert_int_equal(x->evidence_count, 0);
    assert_int_equal(x->phases_ns[RLV_PH_CONNECT], 1500000);
    assert_int_equal(x->phases_ns[RLV_PH_DNS], RESULT_NO_PHASE);
    assert_true(x->started_us > 1600000000000000);
    assert_int_equal(rig_end(r), 0);
}

/* Neither the history nor a plugin's own line nor a watcher makes such a field
 * be filled; where a line of the check does, it is recorded. */
static void test_costly_and_recorded(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    struct msg_check *c = rig_check(r, "actor", "");
    rig_line(r, &c->warns, &c->warn_count, "dear < 100", true);
    rig_expect(r, rig_check(r, "actor", ""), "dear == 200");
    rig_load(r);
    const struct result *x = rig_run(r, 1, 0);
    assert_int_equal(x->outcome, OUTCOME_OK);
    assert_null(result_observation(x, "dear", NULL));
    x = rig_run(r, 1, PROBE_TRACE);
    assert_null(result_observation(x, "dear", NULL));
    x = rig_run(r, 2, 0);
    assert_int_equal(x->outcome, OUTCOME_OK);
    assert_int_equal(result_observation(x, "dear", NULL)->as.i, 200);
    assert_int_equal(rig_end(r), 0);
}

static void test_trace_reports_all(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    struct msg_check *c = rig_check(r, "actor", "text=hello");
    rig_expect(r, c, "status == 200");
    rig_warn(r, c, "latency > 1s");
    rig_load(r);
    const struct result *x = rig_run(r, 1, PROBE_TRACE);
    assert_int_equal(x->line_count, 2);
    assert_string_equal(x->lines[0].text, "status == 200");
    assert_string_equal(x->lines[0].values, "200");
    assert_true(x->lines[0].holds);
    assert_true(x->lines[1].warn);
    assert_false(x->lines[1].holds);
    /* wants(): somebody watches, so the costly field is there */
    assert_string_equal(result_observation(x, "note", NULL)->as.s, "hello");
    assert_string_equal(result_observation(x, "header", "Content-Type")->as.s,
                        "text/html");
    assert_true(result_observation(x, "active", NULL)->as.i == 1);
    assert_true(result_observation(x, "load", NULL)->as.d == 12.5);
    assert_int_equal(result_observation(x, "load", NULL)->type, RLV_T_PERCENT);
    assert_non_null(result_observation(x, "duration", NULL));
    assert_null(result_observation(x, "body", NULL));
    assert_null(result_observation(x, "expiry", NULL));
    assert_int_equal(x->evidence_count, 1);
    assert_memory_equal(x->evidence[0].bytes, "hello", 5);
    assert_int_equal(rig_end(r), 0);
}

/* Default lines are skipped where their field is absent, own lines are not. */
static void test_default_lines(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    struct msg_check *c = rig_check(r, "actor", "");
    rig_line(r, &c->expects, &c->expect_count, "expiry > 1d", true);
    rig_line(r, &c->warns, &c->warn_count, "expiry > 14d", true);
    c = rig_check(r, "actor", "");
    rig_warn(r, c, "expiry > 14d");
    c = rig_check(r, "actor", "number=404");
    rig_line(r, &c->expects, &c->expect_count, "status in 200..299", true);
    rig_load(r);
    assert_int_equal(rig_run(r, 1, 0)->outcome, OUTCOME_OK);
    const struct result *x = rig_run(r, 2, 0);
    assert_string_equal(x->message,
                        "degraded: warn_unless expiry > 14d (absent)");
    x = rig_run(r, 3, 0);
    assert_string_equal(x->message, "status in 200..299 (404)");
    assert_int_equal(rig_end(r), 0);
}

/* A regex that would take for ever is the monitor's fault, not the target's;
 * what is certainly false still counts. */
static void test_line_that_cannot_be_judged(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    const char *settings =
        "text=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!";
    struct msg_check *c = rig_check(r, "actor", settings);
    rig_expect(r, c, "note ~ /^(a+)+$/");
    c = rig_check(r, "actor", settings);
    rig_expect(r, c, "note ~ /^(a+)+$/");
    rig_expect(r, c, "status == 500");
    rig_load(r);
    const struct result *x = rig_run(r, 1, 0);
    print_message("%s\n", x->message);
    assert_int_equal(x->outcome, OUTCOME_UNKNOWN);
    assert_int_equal(x->fault, RLV_F_CONFIG);
    assert_non_null(strstr(x->message, "note ~"));
    x = rig_run(r, 2, 0);
    assert_int_equal(x->outcome, OUTCOME_FAIL);
    assert_int_equal(x->fault, RLV_F_MISMATCH);
    assert_int_equal(rig_end(r), 0);
}

static void test_caps(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    rig_check(r, "actor", "act=much")->evidence_bytes = 16384;
    rig_check(r, "actor", "act=much")->evidence_bytes = 100;
    rig_load(r);
    const struct result *x = rig_run(r, 1, PROBE_TRACE);
    assert_string_equal(fault_name(x->fault), "protocol");
    assert_int_equal(strlen(x->message), 400);
    assert_string_equal(x->code, "a code that is far too long for");
    assert_int_equal(result_observation(x, "note", NULL)->len, 4096);
    assert_int_equal(result_observation(x, "ratio", NULL)->as.d * 100, 25);
    size_t keys = 0, bytes = 0, dropped = 0;
    for (size_t i = 0; i < x->observation_count; i++)
        keys += x->observations[i].key != NULL;
    assert_int_equal(keys, 1024);
    assert_int_equal(x->evidence_count, 6); /* the first is empty */
    for (size_t i = 0; i < x->evidence_count; i++) {
        bytes += x->evidence[i].len;
        dropped += x->evidence[i].dropped;
    }
    assert_int_equal(bytes, 48 * 1024);
    assert_int_equal(dropped, 5 * 40000 - bytes);
    assert_int_equal(x->evidence[1].len, 16 * 1024);
    assert_true(x->flags & RESULT_TRUNCATED);
    x = rig_run(r, 2, 0);
    assert_int_equal(x->evidence[1].len, 100);
    assert_int_equal(rig_end(r), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_must_fail),
        cmocka_unit_test(test_good_result_is_small),
        cmocka_unit_test(test_costly_and_recorded),
        cmocka_unit_test(test_trace_reports_all),
        cmocka_unit_test(test_default_lines),
        cmocka_unit_test(test_line_that_cannot_be_judged),
        cmocka_unit_test(test_caps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

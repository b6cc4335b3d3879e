/* tests/unit/test_model_match.c: `when` of a runbook, over what the failing
 * result carries. The lists of a match are tested in test_model_run.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "model/internal.h"

static const struct rlv_field fields[] = {
    {"status", RLV_T_INT, RLV_RECORDED, "", ""},
    {"header", RLV_T_MAP, RLV_NOCASE, "", ""},
    {"body", RLV_T_BODY, 0, "", ""},
    {"latency", RLV_T_DURATION, RLV_RECORDED, "", ""},
    {"duration", RLV_T_DURATION, 0, "", ""},
    {"phase", RLV_T_MAP, 0, "", ""},
    {"db", RLV_T_ANY, RLV_RECORDED, "", ""},
};

static const struct check_spec check = {.name = "db",
                                        .plain_name = "db",
                                        .environment = "",
                                        .plugin = "http",
                                        .fields = fields,
                                        .field_count = ARRAY_LEN(fields)};

static struct result *failing(void)
{
    static struct observation observed[4];
    struct result *r = result_new();
    observed[0] = (struct observation){"status", NULL, rlv_int(503), true};
    observed[1] = (struct observation){"db", NULL, rlv_text("errno 111"), true};
    observed[2] =
        (struct observation){"header", "Server", rlv_text("nginx"), false};
    observed[3] = (struct observation){"latency", NULL,
                                       rlv_duration(20 * NS_PER_MS), true};
    r->observations = observed;
    r->observation_count = ARRAY_LEN(observed);
    r->outcome = OUTCOME_FAIL;
    r->fault = RLV_F_ERROR_RESPONSE;
    r->duration_ns = 30 * NS_PER_MS;
    r->phases_ns[RLV_PH_CONNECT] = 5 * NS_PER_MS;
    return r;
}

static bool matches(const char *when, const struct result *r,
                    enum runbook_on occasion)
{
    struct runbook_spec book = {.on = (unsigned)occasion,
                                .match = {.when = when}};
    return match_runbook(&book, &check, STATE_DOWN, r, occasion);
}

struct row {
    const char *when;
    bool matches;
};

static const struct row rows[] = {
    {NULL, true},
    {"db contains '111'", true},
    {"db contains '104'", false},
    {"status == 503 and latency < 1s", true},
    {"status in 200..299", false},
    {"header('server') == 'nginx'", true},
    {"header('SERVER') == 'apache'", false},
    {"duration > 25ms and duration < 35ms", true},
    {"phase('connect') < 10ms", true},
    {"phase('tls') < 10ms", false},
    {"phase('connect') < duration and duration > phase('connect')", true},
    {"not exists phase('tls')", true},
    {"json('.db') == 'x'", false}, /* a body stays with its worker */
    {"nothing == 1", false},       /* no such field here */
    {"status ==", false},          /* no expression at all */
    {"db ~ /^errno (1+)+$/", true},
};

static void when_asks_the_result(void **state)
{
    (void)state;
    struct result *r = failing();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (matches(rows[i].when, r, ON_DOWN) != rows[i].matches)
            fail_msg("%s: not %d", rows[i].when, rows[i].matches);
    result_free(r);
}

static void a_recovery_is_not_asked(void **state)
{
    (void)state;
    struct result *r = failing();
    assert_true(matches("db contains 'other'", r, ON_RECOVERED));
    assert_true(matches("nothing == 1", NULL, ON_RECOVERED));
    assert_false(matches("db contains 'other'", r, ON_SUSPECT));
    result_free(r);
}

static void without_a_result_nothing_is_observed(void **state)
{
    (void)state;
    assert_false(matches("exists db", NULL, ON_DOWN));
    assert_false(matches("not exists db", NULL, ON_DOWN));
    assert_true(matches(NULL, NULL, ON_DOWN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when_asks_the_result),
        cmocka_unit_test(a_recovery_is_not_asked),
        cmocka_unit_test(without_a_result_nothing_is_observed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* tests/unit/test_expect_undecided.c: which lines are false only for want of
 * what was not observed. Observed: see test_expect_scope.h; `missing` and
 * `gone` are not. */
#include "test_expect_scope.h"

struct row {
    const char *text;
    bool undecided;
};

static const struct row rows[] = {
    {"status == 503", false},
    {"status == 200", false},
    {"missing == 1", true},
    {"missing != 1", true},
    {"missing not in [1, 2]", true},
    {"gone ~ /x/", true},
    {"gone !~ /x/", true},
    {"status == missing", true},
    {"status in [200, 201]", false},
    {"status > len(gone)", true},
    {"header('nothing') == 'x'", true},
    {"json('.db') == 'ok'", false},
    {"json('.nothing') == 'ok'", true},
    {"age(json('.nothing')) < 5m", true},
    /* what is known decides */
    {"status == 503 and missing == 1", true},
    {"status == 200 and missing == 1", false},
    {"missing == 1 and status == 200", false},
    {"status == 503 or missing == 1", false},
    {"status == 200 or missing == 1", true},
    {"missing == 1 or status == 503", false},
    {"not (missing == 1)", true},
    {"not (missing == 1 and status == 200)", false},
    {"not (status == 503)", false},
    /* whoever asks gets an answer */
    {"exists missing", false},
    {"not exists missing", false},
    {"exists missing and missing == 1", false},
    {"not exists missing or missing == 1", false},
    {"exists status and missing == 1", true},
};

static void undecided(void **state)
{
    (void)state;
    const char *body = "{\"db\":\"ok\"}";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct observed o = {body, strlen(body), 0};
        struct expect_input in = scope_input(&o);
        struct expect *e = scope_parse(rows[i].text);
        bool got = expect_is_undecided(e, &in);
        if (got != rows[i].undecided)
            fail_msg("%s: %d, wanted %d", rows[i].text, got, rows[i].undecided);
        expect_free(e);
    }
}

static void a_body_that_is_no_json(void **state)
{
    (void)state;
    const char *body = "<html>";
    struct observed o = {body, strlen(body), 0};
    struct expect_input in = scope_input(&o);
    struct expect *e = scope_parse("json('.db') == 'ok'");
    assert_true(expect_is_undecided(e, &in));
    expect_free(e);
    e = scope_parse("body contains 'ok'");
    assert_false(expect_is_undecided(e, &in));
    expect_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(undecided),
        cmocka_unit_test(a_body_that_is_no_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

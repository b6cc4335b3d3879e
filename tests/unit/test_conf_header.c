/* Header comments of runbook scripts. */
#include "test_conf_fixture.h"

#include "conf/header.h"

static void a_whole_header(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct script_header h;
    struct err err = {0};
    assert_true(header_parse("#!/bin/sh\n"
                             "# kind: remediate\n"
                             "#\n"
                             "# title:  start it again \n"
                             "# on: down, recovered suspect\n"
                             "# timeout: 1m30s\n"
                             "# needs: curl jq\n"
                             "# param: service required \"which one\"\n"
                             "# param: token secret\n"
                             "# param: map [default=] \"a=b, c\"\n"
                             "# param: text default=\"a b\" \"what\"\n"
                             "\n"
                             "echo\n"
                             "# kind: notify\n",
                             arena, &h, &err));
    assert_int_equal(h.kind, RUNBOOK_REMEDIATE);
    assert_string_equal(h.title, "start it again");
    assert_int_equal(h.on, ON_DOWN | ON_RECOVERED | ON_SUSPECT);
    assert_int_equal(h.timeout_ns, 90000000000LL);
    assert_int_equal(h.param_count, 4);
    assert_true(h.params[0].required && !h.params[0].secret);
    assert_string_equal(h.params[0].help, "which one");
    assert_true(h.params[1].secret && h.params[1].fallback == NULL);
    assert_string_equal(h.params[2].fallback, "");
    assert_string_equal(h.params[2].help, "a=b, c");
    assert_string_equal(h.params[3].fallback, "a b");
    assert_ptr_equal(header_param(&h, "map"), &h.params[2]);
    assert_null(header_param(&h, "nap"));
    arena_free(arena);
}

static void kinds_have_defaults(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned on;
        int64_t timeout_s;
    } rows[] = {
        {"// kind: diagnose", ON_SUSPECT, 30},
        {"# kind: remediate", ON_DOWN, 300},
        {"-- kind: notify\r\n", ON_DOWN | ON_RECOVERED, 30},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *arena = arena_new();
        struct script_header h;
        struct err err = {0};
        assert_true(header_parse(rows[i].text, arena, &h, &err));
        assert_int_equal(h.on, rows[i].on);
        assert_int_equal(h.timeout_ns, rows[i].timeout_s * 1000000000LL);
        arena_free(arena);
    }
}

static void mistakes_name_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"echo\n# kind: notify\n",
         "there is no line \"# kind: diagnose\" (or remediate, or notify) at "
         "its beginning"},
        {"#!/bin/sh\n# kind: fix\n",
         "line 2: kind: \"fix\" is not \"diagnose\", \"remediate\" or "
         "\"notify\""},
        {"# kind: notify\n# on: dwon\n",
         "line 2: on: \"dwon\" is not something a runbook can run on"},
        {"# timeout: 5\n",
         "line 1: timeout: \"5\" is not a duration; did you mean \"5s\"?"},
        {"# param: url scret\n",
         "line 1: param: parameter \"url\": \"scret\" is not \"secret\", "
         "\"required\" or \"default=…\""},
        {"# param: A\n", "line 1: param: \"A\" is not the name of a new "
                         "parameter: small letters, digits, \"-\" and \"_\""},
        {"# param: a\n# param: a\n",
         "line 2: param: \"a\" is not the name of a new parameter: small "
         "letters, digits, \"-\" and \"_\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *arena = arena_new();
        struct script_header h;
        struct err err = {0};
        assert_false(header_parse(rows[i].text, arena, &h, &err));
        assert_string_equal(err.text, rows[i].error);
        arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_header),
        cmocka_unit_test(kinds_have_defaults),
        cmocka_unit_test(mistakes_name_their_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

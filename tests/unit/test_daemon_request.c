/* Lines on the control socket: what is understood, what refuses the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/request.h"

static void each_command_is_understood(void **unused)
{
    (void)unused;
    static const char *const lines[] = {
#define X(NAME, name, changes) "{\"command\": \"" name "\", \"name\": \"api\"}",
        REQUEST_MAP(X)
#undef X
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct request r;
        assert_null(request_parse(lines[i], strlen(lines[i]), true, &r));
        assert_int_equal(r.kind, i);
        assert_string_equal(request_text(&r, "name"), "api");
        assert_null(request_text(&r, "check"));
        request_fini(&r);
    }
}

static void readers_change_nothing(void **unused)
{
    (void)unused;
    static const struct {
        const char *line;
        bool allowed;
    } cases[] = {
        {"{\"command\": \"status\"}", true},
        {"{\"command\": \"version\"}", true},
        {"{\"command\": \"check\"}", false},
        {"{\"command\": \"reload\"}", false},
        {"{\"command\": \"runbook.run\"}", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct request r;
        const char *refusal =
            request_parse(cases[i].line, strlen(cases[i].line), false, &r);
        assert_int_equal(refusal == NULL, cases[i].allowed);
        if (refusal == NULL)
            request_fini(&r);
        else
            assert_string_equal(
                refusal, "only root and the daemon's own user may do that");
    }
}

static void nonsense_is_refused(void **unused)
{
    (void)unused;
    static const char *const expected[] = {
        "",      "hello",
        "[]",    "null",
        "{}",    "{\"command\": 5}",
        "\xff",  "{",
        "\"x\"", "{\"command\": \"status\", \"command\": 1}"};
    struct request r;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_string_equal(
            request_parse(expected[i], strlen(expected[i]), true, &r),
            "expected one JSON object a line: {\"command\": \"status\"}");
    static const char unknown[] = "{\"command\": \"stauts\"}";
    assert_string_equal(request_parse(unknown, strlen(unknown), true, &r),
                        "unknown command");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_command_is_understood),
        cmocka_unit_test(readers_change_nothing),
        cmocka_unit_test(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Lines of descriptor 3: what is a finding, what is not, which weighs most. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "model/finding.h"

static void known_and_unknown_types_pass(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "{\"t\":\"finding\",\"sev\":\"crit\",\"title\":\"disk full\"}",
        "{\"t\":\"verdict\",\"class\":\"disk_full\",\"confidence\":0.95}",
        "{\"t\":\"metric\",\"name\":\"rto_seconds\",\"value\":1.08}",
        "{\"t\":\"progress\",\"pct\":40,\"msg\":\"..\"}",
        "{\"t\":\"set\",\"key\":\"new_primary\",\"value\":\"10.0.0.6\"}",
        "{\"t\":\"recommend\",\"runbook\":\"postgres-failover\"}",
        "{\"t\":\"artifact\",\"path\":\"/tmp/x\",\"title\":\"x\"}",
        "{\"t\":\"of_a_later_version\",\"x\":[1,{\"y\":null}]}",
        "  {\"t\":\"set\",\"key\":\"k\"}\r",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct err err = {0};
        json_t *f = finding_parse(lines[i], strlen(lines[i]), &err);
        assert_string_equal(err.text, "");
        assert_non_null(f);
        json_decref(f);
    }
}

static void what_is_no_finding_says_why(void **state)
{
    (void)state;
    static const struct {
        const char *line, *why;
    } cases[] = {
        {"no json", "not JSON: column 2: "},
        {"{\"t\":\"set\",\"key\":\"k\"} trailing", "not JSON: column 30: "},
        {"[1,2]", "not a JSON object"},
        {"{}", "\"t\", the type, is missing or no string"},
        {"{\"t\":7}", "\"t\", the type, is missing or no string"},
        {"{\"t\":\"finding\",\"sev\":\"info\"}",
         "a \"finding\" needs \"title\", a string"},
        {"{\"t\":\"finding\",\"title\":\"x\"}",
         "\"sev\" must be info, warn or crit"},
        {"{\"t\":\"finding\",\"title\":\"x\",\"sev\":\"fatal\"}",
         "\"sev\" must be info, warn or crit"},
        {"{\"t\":\"metric\",\"name\":\"n\",\"value\":\"1\"}",
         "a \"metric\" needs \"value\", a number"},
        {"{\"t\":\"set\",\"key\":\"a\\u0000b\"}", "not JSON: column "},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        assert_null(finding_parse(cases[i].line, strlen(cases[i].line), &err));
        if (strncmp(err.text, cases[i].why, strlen(cases[i].why)) != 0)
            fail_msg("\"%s\" is not \"%s\"", err.text, cases[i].why);
    }
}

static void bytes_and_length_are_bounded(void **state)
{
    (void)state;
    struct err err = {0};
    static const char latin1[] = "{\"t\":\"set\",\"key\":\"caf\xe9\"}";
    json_t *f = finding_parse(latin1, sizeof latin1 - 1, &err);
    assert_non_null(f);
    assert_string_equal(json_string_value(json_object_get(f, "key")),
                        "caf\xef\xbf\xbd");
    json_decref(f);

    struct buf line = {0};
    buf_adds(&line, "{\"t\":\"set\",\"key\":\"");
    while (line.len < FINDING_LINE)
        buf_addc(&line, 'x');
    buf_adds(&line, "\"}");
    assert_null(finding_parse(line.data, line.len, &err));
    assert_string_equal(err.text, "longer than 8192 bytes");
    buf_clear(&line);
    for (int i = 0; i < 4000; i++)
        buf_addc(&line, '[');
    assert_null(finding_parse(line.data, line.len, &err));
    buf_free(&line);
}

static void a_malformed_line_is_shown_clean(void **state)
{
    (void)state;
    json_t *f = finding_malformed("why", "a\0b\033[31m", 8);
    assert_string_equal(json_string_value(json_object_get(f, "code")),
                        "runbook.malformed");
    assert_string_equal(json_string_value(json_object_get(f, "sev")), "warn");
    assert_string_equal(json_string_value(json_object_get(f, "title")),
                        "a line on descriptor 3 is no finding: why");
    assert_string_equal(json_string_value(json_object_get(f, "detail")),
                        "a\\x00b\\x1b[31m");
    json_decref(f);
}

#define F(sev, code, title)                                   \
    "{\"t\":\"finding\",\"sev\":\"" sev "\",\"code\":\"" code \
    "\",\"title\":\"" title "\"}"

static void the_weightiest_is_the_first_of_the_most_severe(void **state)
{
    (void)state;
    static const struct {
        const char *findings, *title;
    } cases[] = {
        {"[" F("info", "a", "one") "," F("crit", "b", "two") "," F("crit", "c",
                                                                   "three") "]",
         "two"},
        {"[" F("warn", "runbook.malformed", "x") "," F("info", "a", "y") "]",
         "y"},
        {"[" F("crit", "runbook.needs", "x") "]", ""},
        {"[{\"t\":\"verdict\",\"class\":\"c\"},7,null,{}]", ""},
        {"[{\"t\":\"finding\",\"sev\":\"crit\"}]", ""},
        {"[]", ""},
        {"{}", ""},
        {"", ""},
        {"not json", ""},
    };
    struct arena *arena = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(finding_weightiest(cases[i].findings, arena),
                            cases[i].title);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_and_unknown_types_pass),
        cmocka_unit_test(what_is_no_finding_says_why),
        cmocka_unit_test(bytes_and_length_are_bounded),
        cmocka_unit_test(a_malformed_line_is_shown_clean),
        cmocka_unit_test(the_weightiest_is_the_first_of_the_most_severe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_conf_triggers.c: options that name another check, and what a
 * configuration does with {{name}} places. */
#include "test_conf_fixture.h"

static const struct check_spec *check(const struct conf *c, const char *name)
{
    for (size_t i = 0; i < c->check_count; i++)
        if (str_eq(c->checks[i].name, name))
            return &c->checks[i];
    fail_msg("no check %s", name);
    return NULL;
}

static const char *setting(const struct check_spec *c, const char *name)
{
    for (size_t i = 0; i < c->setting_count; i++)
        if (str_eq(c->settings[i].name, name))
            return c->settings[i].value.text;
    return NULL;
}

#define URL "url = \"http://h/\"; "

static void a_name_is_found_in_its_environment(void **state)
{
    (void)state;
    struct conf *c =
        fixture_good("environments = { staging = { }; production = { }; };\n"
                     "checks = { a = { " URL "trigger = \"b\"; }; b = { " URL
                     "schedule = \"manual\"; }; };");
    const struct check_spec *a = check(c, "production/a");
    assert_int_equal(a->trigger_count, 1);
    assert_ptr_equal(a->triggers[0], check(c, "production/b"));
    assert_ptr_equal(check(c, "staging/a")->triggers[0], check(c, "staging/b"));
    assert_int_equal(check(c, "staging/b")->trigger_count, 0);
    conf_unref(c);
}

static void what_is_wrong_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *text, *told;
    } cases[] = {
        {"checks = { a = { " URL "trigger = \"publsh\"; }; publish = { " URL
         "}; };",
         "x.cfg:1:47: check \"a\": trigger: there is no check "
         "\"publsh\"; did you mean \"publish\"?\n"},
        {"checks = { a = { " URL "trigger = \"a\"; }; };",
         "x.cfg:1:12: check \"a\": it triggers itself: a → a\n"},
        {"checks = {\na = { " URL "trigger = \"b\"; };\nb = { " URL
         "trigger = \"c\"; };\nc = { " URL "trigger = \"b\"; }; };",
         "x.cfg:3:1: check \"b\": it triggers itself: b → c → b\n"},
        {"environments = { s = { }; p = { }; };\n"
         "checks = { a = { " URL "trigger = \"b\"; };\n"
         "b = { " URL "environments = [\"p\"]; }; };",
         "x.cfg:2:47: check \"a\": trigger: there is no check \"b\" in "
         "the environment s\n"},
        {"checks = { a = { " URL "trigger = \"d\"; };\n"
         "d = { of = \"b\"; }; b = { " URL "}; };",
         "x.cfg:1:47: check \"a\": trigger: \"d\" is judged from the "
         "results of b: it has no probe to trigger\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *told = fixture_told(cases[i].text);
        assert_string_equal(told, cases[i].told);
        free(told);
    }
}

static void what_nobody_triggers_is_warned_of(void **state)
{
    (void)state;
    char *told = fixture_told("checks = { a = { url = \"http://h/{{nonce}}\"; "
                              "}; };");
    assert_string_equal(
        told, "warning: x.cfg:1:12: check \"a\": only a check that triggers it "
              "gives its {{name}} places a value: probed by itself it is "
              "unknown; give it schedule = \"manual\"\n");
    free(told);
    told = fixture_told("checks = { a = { url = \"http://h/{{nonce}}\"; "
                        "schedule = \"manual\"; }; };");
    assert_string_equal(told, "");
    free(told);
}

/* Filled in at probe time: the plugin's texts stay as written, all others have
 * their literals put right. A secret is no text to fill in. */
static void places_stay_and_literals_too(void **state)
{
    (void)state;
    setenv("BRACES", "p{{q}}", 1);
    struct conf *c = fixture_good(
        "vars = { v = \"{{{{v}}\"; s = { env = \"BRACES\"; }; };\n"
        "checks = { a = { url = \"http://h/{{nonce}}/${v}/{{{{x\"; "
        "title = \"a {{{{b}} {{c}}\"; tls = { ca_file = \"${s}{{n}}\"; }; }; "
        "};");
    const struct check_spec *a = check(c, "a");
    assert_string_equal(setting(a, "url"), "http://h/{{nonce}}/{{{{v}}/{{{{x");
    assert_string_equal(a->title, "a {{b}} {{c}}");
    assert_string_equal(setting(a, "tls.ca_file"), "p{{{{q}}{{n}}");
    conf_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_found_in_its_environment),
        cmocka_unit_test(what_is_wrong_is_told),
        cmocka_unit_test(what_nobody_triggers_is_warned_of),
        cmocka_unit_test(places_stay_and_literals_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Environments, templates, optional secrets, derived checks, needs: what the
 * same few lines come to in each world, and every mistake in them. */
#include "test_conf_fixture.h"

#include "base/clock.h"

#define WORLDS                                                                 \
    "environments = {\n"                                                       \
    "  staging = { vars = { base = \"stg\"; token = { env = \"NO_TOKEN\"; }; " \
    "};\n"                                                                     \
    "              automation = \"observe\"; };\n"                             \
    "  production = { vars = { base = \"app\"; key = \"k\"; near = "           \
    "\"keyed\"; }; };\n"                                                       \
    "};\n"

static const struct check_spec *check(const struct conf *c, const char *name)
{
    const struct check_spec *spec = conf_check(c, name);
    assert_non_null(spec);
    return spec;
}

static const struct setting *setting(const struct check_spec *c,
                                     const char *name)
{
    for (size_t i = 0; i < c->setting_count; i++)
        if (str_eq(c->settings[i].name, name))
            return &c->settings[i];
    return NULL;
}

static void each_world_has_its_own_values(void **state)
{
    (void)state;
    struct conf *c = fixture_good(
        WORLDS
        "automation = \"auto\";\nvars = { path = \"/${base}/x\"; };\n"
        "checks = { api = { url = \"http://${base}${path}\"; };\n"
        "  only = { url = \"http://h\"; environments = [\"production\"]; "
        "}; };");
    assert_int_equal(c->check_count, 3);
    assert_string_equal(c->checks[0].name, "staging/api");
    assert_string_equal(c->checks[1].name, "production/api");
    assert_string_equal(c->checks[2].name, "production/only");
    const struct check_spec *api = check(c, "production/api");
    assert_string_equal(api->plain_name, "api");
    assert_string_equal(api->environment, "production");
    assert_string_equal(setting(api, "url")->value.text, "http://app/app/x");
    assert_string_equal(api->target, "app:80");
    assert_string_equal(check(c, "staging/api")->target, "stg:80");
    assert_int_equal(conf_environment(c, "staging")->automation,
                     AUTOMATION_OBSERVE);
    assert_int_equal(conf_environment(c, "production")->automation,
                     AUTOMATION_AUTO);
    conf_unref(c);
}

static void what_has_no_value_here_is_missing_here(void **state)
{
    (void)state;
    struct conf *c = fixture_good(
        WORLDS
        "checks = {\n"
        "  tasks = { url = \"http://h\"; headers = { A = \"${token}\"; }; };\n"
        "  keyed = { url = \"http://h/${key}\"; };\n"
        "  asks  = { url = \"http://h\"; requires = [\"token\", \"key\"]; };\n"
        "  needs = { url = \"http://h\"; depends_on = [\"${near}\", \"asks\"];"
        " };\n"
        "};");
    assert_string_equal(check(c, "staging/tasks")->missing, "env \"NO_TOKEN\"");
    assert_string_equal(check(c, "production/tasks")->missing,
                        "variable \"token\"");
    assert_string_equal(check(c, "staging/keyed")->missing, "variable \"key\"");
    assert_null(check(c, "production/keyed")->missing);
    assert_string_equal(check(c, "staging/asks")->missing, "env \"NO_TOKEN\"");
    assert_string_equal(check(c, "production/asks")->missing,
                        "variable \"token\"");
    const struct check_spec *needs = check(c, "staging/needs");
    assert_string_equal(needs->missing, "variable \"near\"");
    assert_int_equal(needs->need_count, 1);
    needs = check(c, "production/needs");
    assert_null(needs->missing);
    assert_int_equal(needs->need_count, 2);
    conf_unref(c);
}

static void an_optional_secret_counts_as_not_given(void **state)
{
    (void)state;
    struct conf *c = fixture_good(
        "vars = { url = { env = \"NO_URL\"; optional = true; }; };\n"
        "checks = {\n"
        "  parts = { plugin = \"redis\"; url = \"${url}\"; host = \"h\"; };\n"
        "  plain = { plugin = \"redis\"; password = { env = \"NO_URL\"; "
        "optional "
        "= true; }; };\n"
        "  whole = { url = \"http://h/${url}\"; };\n"
        "  must  = { plugin = \"redis\"; password = { env = \"NO_URL\"; }; };\n"
        "  only  = { url = \"${url}\"; };\n"
        "  http  = { plugin = \"http\"; url = \"${url}\"; };\n"
        "};");
    const struct check_spec *parts = check(c, "parts");
    assert_null(parts->missing);
    assert_null(setting(parts, "url"));
    assert_string_equal(parts->target, "h:6379");
    assert_null(check(c, "plain")->missing);
    assert_string_equal(check(c, "whole")->missing, "env \"NO_URL\"");
    assert_string_equal(check(c, "must")->missing, "env \"NO_URL\"");
    assert_string_equal(check(c, "only")->missing, "env \"NO_URL\"");
    assert_string_equal(check(c, "http")->missing, "env \"NO_URL\"");
    conf_unref(c);
}

static void what_looks_like_a_variable_can_be_written(void **state)
{
    (void)state;
    struct conf *c =
        fixture_good("vars = { a = \"v\"; };\n"
                     "checks = { a = { url = "
                     "\"http://h/$${a}/${a}/{{{{b}}/{{c}}/$d\"; }; };");
    assert_string_equal(setting(check(c, "a"), "url")->value.text,
                        "http://h/${a}/v/{{{{b}}/{{c}}/$d");
    conf_unref(c);
}

/* Thousands of them name the same pattern, and make one chain. */
static void many_checks_in_a_row(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    struct buf text = {0};
    buf_adds(&text,
             "checks = { c0 = { url = \"http://h\"; tags = \"all\"; };\n");
    for (int i = 1; i < COUNT; i++)
        buf_addf(&text,
                 "c%d = { url = \"http://h\"; depends_on = (\"c%d\", "
                 "\"c[0]\", { tags = [\"all\"]; }); };\n",
                 i, i - 1);
    buf_adds(&text, "};");
    struct conf *c = fixture_good(buf_text(&text));
    const struct check_spec *last = &c->checks[COUNT - 1];
    assert_int_equal(last->need_count, 3);
    assert_ptr_equal(last->needs[0].parents[0], last - 1);
    assert_ptr_equal(last->needs[1].parents[0], &c->checks[0]);
    assert_ptr_equal(last->needs[2].parents[0], &c->checks[0]);
    conf_unref(c);
    buf_free(&text);
}

static void layers_lie_over_each_other(void **state)
{
    (void)state;
    struct conf *c = fixture_good(
        "defaults = { timeout = \"1s\"; interval = \"9s\"; tags = [\"d\"]; "
        "http = { method = \"HEAD\"; headers = { A = \"1\"; B = \"1\"; }; }; "
        "};\n"
        "templates = { one = { url = \"http://h/one\"; timeout = \"2s\"; tags "
        "= "
        "[\"one\"]; headers = { B = \"2\"; C = \"2\"; }; };\n"
        "  two = { timeout = \"3s\"; interval = \"30s\"; links = { a = \"x\"; "
        "}; "
        "}; };\n"
        "checks = { a = { use = [\"one\", \"two\"]; headers = { C = \"3\"; }; "
        "links = { b = \"y\"; }; }; };");
    const struct check_spec *a = check(c, "a");
    assert_string_equal(a->plugin, "http");
    assert_int_equal(a->timeout_ns, 3 * NS_PER_S);
    assert_int_equal(a->interval_ns, 30 * NS_PER_S);
    assert_int_equal(a->tags.count, 1);
    assert_string_equal(a->tags.items[0], "one");
    assert_string_equal(setting(a, "method")->value.text, "HEAD");
    const struct rlv_dict *headers = &setting(a, "headers")->value.dict;
    assert_int_equal(headers->count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(headers->pairs[i].value[0],
                         headers->pairs[i].key[0] - 'A' + '1');
    assert_int_equal(a->links.count, 2);
    conf_unref(c);
}

static void a_derived_check_is_its_sources(void **state)
{
    (void)state;
    struct conf *c = fixture_good(
        "checks = {\n"
        "  db  = { of = \"api\"; expect = [\"db == 'ok'\", \"lag < 5\"]; "
        "record "
        "= { lag = \"json('.lag')\"; }; };\n"
        "  api = { url = \"http://h:81/\"; interval = \"7s\"; depends_on = "
        "[\"db\"]; record = { db = \"json('.db')\"; }; expect = [\"db == "
        "'ok'\"]; };\n"
        "};");
    const struct check_spec *db = check(c, "db"), *api = check(c, "api");
    assert_ptr_equal(db->source, api);
    assert_string_equal(db->plugin, "http");
    assert_string_equal(db->target, "h:81");
    assert_int_equal(db->interval_ns, 7 * NS_PER_S);
    assert_int_equal(db->expect_count, 2); /* none of the plugin's own */
    assert_int_equal(api->expect_count, 2);
    assert_int_equal(db->field_count, api->field_count + 1);
    assert_string_equal(db->fields[db->field_count - 1].name, "lag");
    assert_string_equal(api->fields[api->field_count - 1].name, "db");
    assert_int_equal(db->record_count, 1);
    assert_int_equal(api->need_count, 1);
    assert_ptr_equal(api->needs[0].parents[0], db);
    conf_unref(c);
}

static void needs_mean_the_same_environment(void **state)
{
    (void)state;
    struct conf *c = fixture_good(
        WORLDS
        "defaults = { depends_on = [\"net\"]; };\n"
        "checks = { net = { url = \"http://h\"; };\n"
        "  a1 = { url = \"http://h\"; tags = [\"s\"]; };\n"
        "  a2 = { url = \"http://h\"; tags = [\"s\"]; };\n"
        "  late = { url = \"http://h\"; environments = [\"production\"]; };\n"
        "  api = { url = \"http://h\"; depends_on = (\"net\", \"late\", { any "
        "= "
        "[\"a1\", \"a2\"]; }, { tags = [\"s\"]; }, \"a*\"); }; };");
    const struct check_spec *api = check(c, "production/api");
    assert_int_equal(check(c, "staging/net")->need_count, 0);
    assert_int_equal(check(c, "staging/a1")->need_count, 1);
    assert_int_equal(api->need_count, 5);
    assert_int_equal(check(c, "staging/api")->need_count, 4);
    assert_string_equal(api->needs[1].parents[0]->name, "production/late");
    assert_true(api->needs[2].any);
    assert_string_equal(api->needs[2].text, "any of a1, a2");
    assert_ptr_equal(api->needs[2].parents[1], check(c, "production/a2"));
    assert_false(api->needs[3].any);
    assert_int_equal(api->needs[3].parent_count, 2);
    assert_int_equal(api->needs[4].parent_count, 2);
    conf_unref(c);
}

static const char *origin(const struct check_spec *c, const char *option)
{
    for (size_t i = 0; i < c->origins.count; i++)
        if (str_eq(c->origins.items[i].option, option))
            return c->origins.items[i].text;
    return "built in";
}

static struct conf *load_with_origins(const char *text, bool origins)
{
    struct conf_errors *errors = conf_errors_new();
    struct conf *c = fixture_load_source(
        &(struct conf_source){
            .file = "x.cfg", .text = text, .origins = origins},
        errors);
    assert_non_null(c);
    conf_errors_free(errors);
    return c;
}

static void each_value_has_an_origin(void **state)
{
    (void)state;
    static const char text[] =
        "defaults = { interval = \"9s\"; timezone = \"UTC\";\n"
        "  http = { headers = { A = \"1\"; }; tls = { ca_file = \"/a\"; }; }; "
        "};\n"
        "templates = { one = { headers = { B = \"1\"; };\n"
        "  tags = \"t\"; }; };\n"
        "checks = { a = { use = \"one\"; url = \"http://h\";\n"
        "  headers = { C = \"1\"; }; }; };";
    struct conf *c = load_with_origins(text, true);
    const struct check_spec *a = check(c, "a");
    assert_string_equal(origin(a, "interval"), "x.cfg:1 (defaults)");
    assert_string_equal(origin(a, "tls.ca_file"), "x.cfg:2 (defaults.http)");
    assert_string_equal(origin(a, "tags"), "x.cfg:4 (template one)");
    assert_string_equal(origin(a, "url"), "x.cfg:5");
    assert_string_equal(origin(a, "headers"),
                        "x.cfg:6, x.cfg:3 (template one), x.cfg:2 "
                        "(defaults.http)");
    assert_string_equal(origin(a, "expect"), "plugin http");
    assert_string_equal(origin(a, "method"), "built in");
    conf_unref(c);
    c = load_with_origins(text, false); /* a daemon keeps none */
    assert_int_equal(check(c, "a")->origins.count, 0);
    assert_null(check(c, "a")->origins.items);
    conf_unref(c);
}

/* Only what is judged makes another check of it. */
static void a_fingerprint_follows_the_judgement(void **state)
{
    (void)state;
    static const char *const variants[] = {
        "title = \"x\"; severity = \"minor\"; depends_on = [\"b\"];",
        "record = { v = \"json('.v')\"; };", "tags = [\"x\"];"};
    uint64_t plain = 0, derived = 0;
    for (size_t i = 0; i <= ARRAY_LEN(variants); i++) {
        char text[400];
        snprintf(text, sizeof text,
                 "checks = { a = { url = \"http://h\"; %s }; "
                 "b = { url = \"http://h\"; }; d = { of = \"a\"; }; };",
                 i == 0 ? "" : variants[i - 1]);
        struct conf *c = fixture_good(text);
        uint64_t now = check(c, "a")->fingerprint;
        if (i == 0) {
            plain = now;
            derived = check(c, "d")->fingerprint;
        } else {
            assert_int_equal(now == plain, i == 1);
            assert_int_equal(check(c, "d")->fingerprint == derived, i == 1);
        }
        conf_unref(c);
    }
}

// clang-format off
static const struct {
    const char *text, *told;
} cases[] = {
    {WORLDS "checks = { a = { url = \"http://${bse}\"; }; };",
     "x.cfg:6:32: check \"a\": url: there is no variable \"bse\"; did you mean \"base\"?\n"},
    {WORLDS "checks = { a = { url = \"http://h\"; environments = [\"prodction\"]; }; };",
     "x.cfg:6:52: check \"a\": environments: there is no environment \"prodction\"; did you mean \"production\"?\n"
     "warning: x.cfg:1:1: there are no checks\n"},
    {WORLDS "state_dir = \"/${base}\"; checks = { a = { url = \"http://h\"; }; };",
     "x.cfg:6:15: state_dir: the variable \"base\" is one of environments: what stands here is the same in all of them\n"},
    {"environments = { a = { vars = { t = \"5x\"; }; }; b = { vars = { t = \"5s\"; }; }; };\n"
     "vars = { u = \"${t}\"; };\n"
     "defaults = { expect = [\"status == 200\", \"latency < ${t}\"]; };\n"
     "checks = { c = { url = \"http://h\"; interval = \"${t}\"; timeout = \"${u}\"; }; };",
     "x.cfg:3:41: defaults.expect (environment a): unknown unit \"x\"; there are us ms s m h d w, B KB MB GB KiB MiB GiB, %\n"
     "x.cfg:4:47: check \"c\": interval (environment a): \"5x\" is not a duration; did you mean \"5s\"?\n"
     "x.cfg:4:65: check \"c\": timeout (environment a): \"5x\" is not a duration; did you mean \"5s\"?\n"},
    {"environments = { a = { var = {}; }; }; checks = { a = { url = \"http://h\"; }; };",
     "x.cfg:1:24: environments.a: unknown key \"var\"; did you mean \"vars\"?\n"},
    {"environments = { a = 5; }; checks = { a = { url = \"http://h\"; }; };",
     "x.cfg:1:22: environments.a: an environment is a group with a name of letters, digits, - and _, such as staging = { vars = { … }; };\n"},
    {"environments = {}; checks = { a = { url = \"http://h\"; }; };",
     "x.cfg:1:16: environments: there is none in it\n"},
    {"environments = { a = { automation = \"full\"; }; }; checks = { a = { url = \"http://h\"; }; };",
     "x.cfg:1:37: environments.a.automation: \"full\" is not \"observe\", \"diagnose\", \"approve\" or \"auto\"\n"},
    {"environments = { a = { vars = { x = [1]; }; }; }; checks = { a = { url = \"http://h\"; }; };",
     "x.cfg:1:37: environments.a.vars.x: a variable is text, a number, or a secret { env = \"NAME\"; }, not an array [ ]\n"},
    {"templates = { u = { timeout = \"1s\"; }; v = 3; }; checks = { a = { url = \"http://h\"; use = \"w\"; }; };",
     "x.cfg:1:44: templates.v: a template is a group of options, such as v = { interval = \"1m\"; };, not a whole number\n"
     "x.cfg:1:91: check \"a\": use: there is no template \"w\"\n"
     "warning: x.cfg:1:15: templates.u: no check uses it\n"},
    {"templates = { u = { use = \"u\"; }; }; checks = { a = { url = \"http://h\"; use = \"u\"; }; };",
     "x.cfg:1:21: templates.u: \"use\" stands in a check only\n"},
    {"templates = { u = { timout = \"1s\"; }; }; checks = { a = { url = \"http://h\"; use = \"u\"; }; };",
     "x.cfg:1:21: templates.u: unknown key \"timout\"; did you mean \"timeout\"?\n"},
    {"checks = { a = { url = \"http://h\"; }; b = { of = \"aa\"; }; };",
     "x.cfg:1:50: check \"b\": of: there is no check \"aa\"\n"},
    {"checks = { a = { url = \"http://h\"; }; b = { of = \"a\"; }; c = { of = \"b\"; }; };",
     "x.cfg:1:69: check \"c\": of: \"b\" is derived itself: name the check that is probed\n"},
    {"checks = { a = { of = \"a\"; }; };",
     "x.cfg:1:23: check \"a\": of: a check cannot be derived from itself\n"},
    {"checks = { a = { url = \"http://h\"; }; b = { of = \"a\"; url = \"http://h\"; interval = \"5s\"; }; };",
     "x.cfg:1:55: check \"b\": a derived check (\"of\") has no option \"url\": it is not probed itself\n"
     "x.cfg:1:73: check \"b\": a derived check (\"of\") is judged when its source is probed: it has no \"interval\" of its own\n"},
    {"checks = { a = { url = \"http://h\"; record = { status = \"json('.a')\"; in = \"status\"; x-y = \"status\"; z = \"json(\"; }; }; };",
     "x.cfg:1:47: check \"a\": record.status: \"status\" is the name of something observed or recorded already\n"
     "x.cfg:1:70: check \"a\": record.in: \"in\" is a word of the expectation language\n"
     "x.cfg:1:85: check \"a\": record.x-y: a recorded name has letters, digits and _ only, so that expressions can use it\n"
     "x.cfg:1:111: check \"a\": record.z: expected a field, a function or a value, found the end\n"},
    {"checks = { a = { url = \"http://h\"; depends_on = [\"b\"]; }; b = { url = \"http://h\"; depends_on = [\"c\"]; }; c = { url = \"http://h\"; depends_on = [\"b\"]; }; };",
     "x.cfg:1:59: check \"b\": depends_on: it needs itself: b → c → b\n"},
    {"checks = { a = { url = \"http://h\"; depends_on = [\"a\"]; }; };",
     "x.cfg:1:12: check \"a\": depends_on: it needs itself: a → a\n"},
    {"checks = { db1 = { url = \"http://h\"; depends_on = ({ all = [\"db2\"]; }, {}, \"db3\", 5); }; db2 = { url = \"http://h\"; }; };",
     "x.cfg:1:60: check \"db1\": depends_on.all: \"all\" is neither \"any\" nor \"tags\"\n"
     "x.cfg:1:72: check \"db1\": depends_on: { any = [\"a\", \"b\"]; } or { tags = [\"x\"]; }: this group is empty\n"
     "x.cfg:1:76: check \"db1\": depends_on: there is no check \"db3\"; did you mean \"db1\"?\n"
     "x.cfg:1:83: check \"db1\": depends_on: the name of a check is text, not a whole number\n"},
    {"checks = { a = { url = \"http://h\"; requires = [\"tokn\"]; }; }; vars = { token = \"x\"; };",
     "x.cfg:1:47: check \"a\": requires: there is no variable \"tokn\"; did you mean \"token\"?\n"},
    {"checks = { a = { url = \"http://h\"; expect_fault = [\"refusd\", \"mismatch\", \"config\", \"none\", \"exec\"]; }; };",
     "x.cfg:1:52: check \"a\": expect_fault: \"refusd\" is not a fault (`relevo fault list` has all); did you mean \"refused\"?\n"
     "x.cfg:1:62: check \"a\": expect_fault: \"mismatch\" is what an answer is called that came, and was not good: `expect` is for that\n"
     "x.cfg:1:74: check \"a\": expect_fault: \"config\" is the monitor's own: it says nothing about the target\n"
     "x.cfg:1:84: check \"a\": expect_fault: \"none\" is not a fault (`relevo fault list` has all)\n"
     "x.cfg:1:92: check \"a\": expect_fault: \"exec\" is the monitor's own: it says nothing about the target\n"},
    {"checks = { a = { url = \"http://h\"; expect_fault = \"refused\"; expect = \"status == 200\"; }; };",
     "x.cfg:1:71: check \"a\": expect: a check that must fail (expect_fault) has no answer to judge: leave `expect` out\n"},
    {"templates = { u = { warn_unless = \"latency < 1s\"; }; }; checks = { a = { url = \"http://h\"; expect_fault = \"refused\"; use = \"u\"; }; };",
     "x.cfg:1:35: templates.u.warn_unless: a check that must fail (expect_fault) has no answer to judge: leave `warn_unless` out\n"},
    {"checks = { a = { url = \"http://h\"; expect_fault = \"refused\"; }; b = { of = \"a\"; }; };",
     "x.cfg:1:76: check \"b\": of: \"a\" must fail (expect_fault): there is no answer that something could be derived from\n"},
    {"checks = { a = { url = \"http://h\"; }; b = { of = \"a\"; expect_fault = \"refused\"; }; };",
     "x.cfg:1:55: check \"b\": a derived check (\"of\") is judged when its source is probed: it has no \"expect_fault\" of its own\n"},
    {"checks = { a = { url = \"http://h\"; severity = \"low\"; }; };",
     "x.cfg:1:47: check \"a\": severity: \"low\" is not \"major\" or \"minor\"\n"},
};
// clang-format on

static void each_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *told = fixture_told(cases[i].text);
        if (strcmp(told, cases[i].told) != 0)
            print_message("%s\n", cases[i].text);
        assert_string_equal(told, cases[i].told);
        free(told);
    }
}

int main(void)
{
    unsetenv("NO_TOKEN");
    unsetenv("NO_URL");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_world_has_its_own_values),
        cmocka_unit_test(what_has_no_value_here_is_missing_here),
        cmocka_unit_test(an_optional_secret_counts_as_not_given),
        cmocka_unit_test(what_looks_like_a_variable_can_be_written),
        cmocka_unit_test(many_checks_in_a_row),
        cmocka_unit_test(layers_lie_over_each_other),
        cmocka_unit_test(a_derived_check_is_its_sources),
        cmocka_unit_test(needs_mean_the_same_environment),
        cmocka_unit_test(each_value_has_an_origin),
        cmocka_unit_test(a_fingerprint_follows_the_judgement),
        cmocka_unit_test(each_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

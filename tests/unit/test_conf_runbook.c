/* Runbooks: the exact messages of mistakes, and what comes of good ones. */
#include "test_conf_fixture.h"

#include <sys/stat.h>
#include <unistd.h>

// clang-format off
static const struct {
    const char *text, *told;
} cases[] = {
    {
     "checks = { api = { url = \"http://h\"; tags = [\"a\"]; }; };\n"
     "runbooks = { r = { script = \"/no/such\"; match = { fault = \"refuse\"; }; }; };",
     "x.cfg:2:29: runbook \"r\": script: there is no script \"/no/such\"\n"
     "x.cfg:2:59: runbook \"r\": match.fault: \"refuse\" is not a fault (`relevo fault list` has all); did you mean \"refused\"?\n"},
    {
     "checks = { api = { url = \"http://h\"; tags = [\"a\"]; }; };\n"
     "runbooks = { r = { script = \"/no/such\"; match = { check = [\"ap\", \"a*\"]; }; }; };",
     "x.cfg:2:29: runbook \"r\": script: there is no script \"/no/such\"\n"
     "x.cfg:2:60: runbook \"r\": match.check: \"ap\" is not the name of a check, nor a pattern that fits one\n"},
    {
     "checks = { api = { url = \"http://h\"; tags = [\"a\"]; }; };\n"
     "runbooks = { r = { script = \"/no/such\"; match = { check = \"relevo:*\"; plugin = \"relevo\"; }; }; };",
     "x.cfg:2:29: runbook \"r\": script: there is no script \"/no/such\"\n"},
    {
     "checks = { api = { url = \"http://h\"; tags = [\"a\"]; }; };\n"
     "runbooks = { r = { script = \"/no/such\"; match = { state = \"dwn\"; tags = \"b\"; plugin = \"htp\"; }; }; };",
     "x.cfg:2:29: runbook \"r\": script: there is no script \"/no/such\"\n"
     "x.cfg:2:59: runbook \"r\": match.state: \"dwn\" is not a state; did you mean \"down\"?\n"
     "warning: x.cfg:2:73: runbook \"r\": match.tags: no check has the tag \"b\"\n"
     "warning: x.cfg:2:87: runbook \"r\": match.plugin: no check has the plugin \"htp\"\n"},
    {
     "checks = { api = { url = \"http://h\"; tags = [\"a\"]; }; };\n"
     "runbooks = { r = { script = \"/no/such\"; match = { when = \"x\"; environments = [\"x\"]; cheks = 1; }; }; };",
     "x.cfg:2:29: runbook \"r\": script: there is no script \"/no/such\"\n"
     "x.cfg:2:58: runbook \"r\": match.when: no check fits the rest of `match`\n"
     "x.cfg:2:79: runbook \"r\": match.environments: \"x\" is not an environment\n"
     "x.cfg:2:85: runbook \"r\": match: unknown key \"cheks\"\n"},
    {
     "checks = { api = { url = \"http://h\"; tags = [\"a\"]; }; };\n"
     "runbooks = { r = { script = \"/no/such\"; on = []; match = { check = []; fault = (); environments = []; }; }; };",
     "x.cfg:2:29: runbook \"r\": script: there is no script \"/no/such\"\n"
     "x.cfg:2:46: runbook \"r\": on: an empty list never runs; leave `on` out for what the script says\n"
     "x.cfg:2:68: runbook \"r\": match.check: an empty list selects nothing; leave `check` out for all\n"
     "x.cfg:2:80: runbook \"r\": match.fault: an empty list selects nothing; leave `fault` out for all\n"
     "x.cfg:2:99: runbook \"r\": match.environments: an empty list selects nothing; leave `environments` out for all\n"},
    {
     "checks = { api = { url = \"http://h\"; tags = [\"a\"]; }; };\n"
     "runbooks = { r = { script = \"/no/such\"; match = \"http\"; }; };",
     "x.cfg:2:29: runbook \"r\": script: there is no script \"/no/such\"\n"
     "x.cfg:2:49: runbook \"r\": match: match is a group, such as { plugin = \"http\"; }, not text\n"},
    {
     "checks = { api = { url = \"http://h\"; tags = [\"a\"]; }; };\n"
     "runbooks = { r = { script = \"no/such\"; on = [\"dwon\", \"still_down\"]; }; };",
     "x.cfg:2:29: runbook \"r\": script: there is no script \"no/such\" in runbook_dir, which names no folder\n"
     "x.cfg:2:46: runbook \"r\": on: \"dwon\" is not something a runbook can run on; did you mean \"down\"?\n"
     "x.cfg:2:54: runbook \"r\": on: \"still_down\" is not in this version\n"},
    {
     "checks = { api = { url = \"http://h\"; tags = [\"a\"]; }; };\n"
     "runbooks = { r = { script = \"/etc/hostname\"; on = 5; }; };",
     "x.cfg:2:29: runbook \"r\": script: /etc/hostname: there is no line \"# kind: diagnose\" (or remediate, or notify) at its beginning\n"
     "x.cfg:2:51: runbook \"r\": on: a list of texts is expected, such as [\"a\", \"b\"], not a whole number\n"},
    {
     "checks = { api = { url = \"http://h\"; tags = [\"a\"]; }; };\n"
     "runbooks = { r = { script = \"/no/such\"; budget = \"2\"; after = \"1m\"; settle = \"x\"; witness = []; }; };",
     "x.cfg:2:29: runbook \"r\": script: there is no script \"/no/such\"\n"
     "x.cfg:2:55: runbook \"r\": \"after\" is not in this version\n"
     "x.cfg:2:78: runbook \"r\": settle: \"x\" is not a duration such as \"30s\" or \"5m\"\n"
     "x.cfg:2:83: runbook \"r\": \"witness\" is not in this version\n"},
    {
     "checks = { api = { url = \"http://h\"; tags = [\"a\"]; }; };\n"
     "runbooks = { r = { script = \"/no/such\"; automation = \"aprove\"; timeout = \"0s\"; kind = \"diagnose\"; scirpt = \"x\"; params = 5; }; };",
     "x.cfg:2:29: runbook \"r\": script: there is no script \"/no/such\"\n"
     "x.cfg:2:54: runbook \"r\": automation: \"aprove\" is not \"observe\", \"diagnose\", \"approve\" or \"auto\"; did you mean \"approve\"?\n"
     "x.cfg:2:74: runbook \"r\": timeout: 0s is not within 1s..24h\n"
     "x.cfg:2:80: runbook \"r\": kind: the kind stands in the script's header: no configuration can change it\n"
     "x.cfg:2:99: runbook \"r\": unknown key \"scirpt\"; did you mean \"script\"?\n"
     "x.cfg:2:122: runbook \"r\": params: params is a group, such as { url = \"…\"; }, not a whole number\n"},
    {
     "checks = { api = { url = \"http://h\"; tags = [\"a\"]; }; };\n"
     "runbooks = { r = { on = \"down\"; }; };",
     "x.cfg:2:14: runbook \"r\": \"script\" is missing: The executable: an absolute path, or a name in `runbook_dir` such as \"http/diagnose\".\n"},
    {
     "checks = { api = { url = \"http://h\"; tags = [\"a\"]; }; };\n"
     "runbooks = { r = 5; };",
     "x.cfg:2:18: runbook \"r\": a runbook is a group, such as r = { script = \"…\"; };, not a whole number\n"},
    {
     "checks = { api = { url = \"http://h\"; tags = [\"a\"]; }; };\n"
     "runbooks = [];",
     "x.cfg:2:12: runbooks is a group of named entries, such as runbooks = { name = { … }; };, not an array [ ]\n"},
};
// clang-format on

static void each_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *told = fixture_told(cases[i].text);
        assert_string_equal(told, cases[i].told);
        free(told);
    }
}

static const char checks_text[] =
    "checks = { api = { url = \"http://h\"; }; };\n";

struct folder {
    char path[64], script[128];
};

static void put(const char *path, const char *text, int mode)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, (mode_t)mode), 0);
}

static int make_folder(void **state)
{
    struct folder *f = calloc(1, sizeof *f);
    char area[80];
    snprintf(f->path, sizeof f->path, "/tmp/relevo-runbook-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    snprintf(area, sizeof area, "%s/notify", f->path);
    assert_int_equal(mkdir(area, 0755), 0);
    snprintf(f->script, sizeof f->script, "%s/webhook", area);
    put(f->script,
        "#!/bin/sh\n# kind: notify\n# title: tell\n# timeout: 20s\n"
        "# param: url secret required \"where\"\n"
        "# param: format default=json \"how\"\n# param: more \"what\"\n",
        0755);
    *state = f;
    return 0;
}

static int remove_folder(void **state)
{
    struct folder *f = *state;
    char area[80];
    snprintf(area, sizeof area, "%s/notify", f->path);
    unlink(f->script);
    rmdir(area);
    rmdir(f->path);
    free(f);
    return 0;
}

static struct conf *load(const struct folder *f, const char *runbooks,
                         struct conf_errors *errors)
{
    const char *dirs[] = {f->path, NULL};
    char *text;
    assert_true(asprintf(&text, "%s%s", checks_text, runbooks) > 0);
    struct conf_source source = {
        .file = "x.cfg", .text = text, .runbook_dirs = dirs};
    struct conf *conf = fixture_load_source(&source, errors);
    free(text);
    return conf;
}

static void assert_told(const struct folder *f, const char *runbooks,
                        const char *expected)
{
    struct conf_errors *errors = conf_errors_new();
    struct buf told = {0};
    assert_null(load(f, runbooks, errors));
    conf_errors_write(errors, &told);
    assert_string_equal(buf_text(&told), expected);
    buf_free(&told);
    conf_errors_free(errors);
}

static void header_gives_kind_on_timeout_and_params(void **state)
{
    struct conf_errors *errors = conf_errors_new();
    struct conf *c =
        load(*state,
             "runbooks = { tell = { script = \"notify/webhook\"; "
             "params = { url = \"http://secret.example\"; }; }; };",
             errors);
    assert_int_equal(conf_errors_count(errors), 0);
    assert_non_null(c);
    assert_int_equal(c->runbook_count, 1);
    const struct runbook_spec *r = &c->runbooks[0];
    assert_int_equal(r->kind, RUNBOOK_NOTIFY);
    assert_int_equal(r->on, ON_DOWN | ON_RECOVERED);
    assert_int_equal(r->timeout_ns, 20 * 1000000000LL);
    assert_int_equal(r->cooldown_ns, 0);
    assert_string_equal(r->title, "tell");
    assert_string_equal(r->path, ((struct folder *)*state)->script);
    assert_int_equal(r->param_count, 2);
    assert_string_equal(r->params[0].value, "http://secret.example");
    assert_true(r->params[0].secret);
    assert_string_equal(r->params[1].value, "json");
    assert_false(r->params[1].secret);
    assert_int_equal(c->secret_count, 1);
    assert_string_equal(c->secrets[0], "http://secret.example");
    conf_unref(c);
    conf_errors_free(errors);
}

static void missing_secret_holds_the_runbook(void **state)
{
    struct conf_errors *errors = conf_errors_new();
    struct conf *c = load(
        *state,
        "runbooks = { tell = { script = \"notify/webhook\"; on = \"down\"; "
        "params = { url = { env = \"RELEVO_TEST_NO_SUCH\"; }; }; }; };",
        errors);
    assert_non_null(c);
    assert_string_equal(c->runbooks[0].missing, "env \"RELEVO_TEST_NO_SUCH\"");
    assert_int_equal(c->runbooks[0].on, ON_DOWN);
    conf_unref(c);
    conf_errors_free(errors);
}

static void params_are_checked_against_the_header(void **state)
{
    assert_told(*state,
                "runbooks = { tell = { script = \"notify/webhook\"; params = { "
                "formt = \"slack\"; }; }; };",
                "x.cfg:2:50: runbook \"tell\": params: \"url\" is missing: "
                "where\n"
                "x.cfg:2:61: runbook \"tell\": params.formt: the script "
                "notify/webhook has no such parameter; did you mean "
                "\"format\"?\n");
}

static void script_is_suggested_from_what_is_there(void **state)
{
    const struct folder *f = *state;
    char expected[300];
    snprintf(expected, sizeof expected,
             "x.cfg:2:32: runbook \"tell\": script: there is no script "
             "\"notify/webhok\" in %s; did you mean \"notify/webhook\"?\n",
             f->path);
    assert_told(f, "runbooks = { tell = { script = \"notify/webhok\"; }; };",
                expected);
}

static void script_must_be_executable(void **state)
{
    const struct folder *f = *state;
    char expected[300];
    assert_int_equal(chmod(f->script, 0644), 0);
    snprintf(expected, sizeof expected,
             "x.cfg:2:32: runbook \"tell\": script: %s is not executable: "
             "Permission denied\n",
             f->script);
    assert_told(f, "runbooks = { tell = { script = \"notify/webhook\"; }; };",
                expected);
}

int main(void)
{
#define IN_FOLDER(f) \
    cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_told),
        IN_FOLDER(header_gives_kind_on_timeout_and_params),
        IN_FOLDER(missing_secret_holds_the_runbook),
        IN_FOLDER(params_are_checked_against_the_header),
        IN_FOLDER(script_is_suggested_from_what_is_there),
        IN_FOLDER(script_must_be_executable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

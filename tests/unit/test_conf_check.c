/* What becomes of good checks: layers, variables, secrets, targets, times. */
#include "test_conf_fixture.h"

#include <unistd.h>

#include "base/clock.h"

static const struct setting *setting_of(const struct check_spec *c,
                                        const char *name)
{
    for (size_t i = 0; i < c->setting_count; i++)
        if (strcmp(c->settings[i].name, name) == 0)
            return &c->settings[i];
    return NULL;
}

static const char *header_of(const struct check_spec *c, const char *key)
{
    const struct setting *s = setting_of(c, "headers");
    for (size_t i = 0; s != NULL && i < s->value.dict.count; i++)
        if (strcmp(s->value.dict.pairs[i].key, key) == 0)
            return s->value.dict.pairs[i].value;
    return NULL;
}

static void built_in_values(void **state)
{
    (void)state;
    struct conf *c = fixture_good("checks = { a = { url = \"http://h\"; }; };");
    const struct check_spec *a = conf_check(c, "a");
    assert_string_equal(a->plugin, "http");
    assert_int_equal(a->interval_ns, 30 * NS_PER_S);
    assert_int_equal(a->retry_interval_ns, 5 * NS_PER_S);
    assert_int_equal(a->down_interval_ns, 30 * NS_PER_S);
    assert_int_equal(a->timeout_ns, 10 * NS_PER_S);
    assert_int_equal(a->failure_threshold, 3);
    assert_int_equal(a->success_threshold, 2);
    assert_int_equal(a->enabled, 1);
    assert_int_equal(a->evidence_bytes, 4096);
    assert_int_equal(a->schedule, SCHEDULE_INTERVAL);
    assert_null(a->missing);
    assert_int_equal(a->place.line, 1);
    assert_int_equal(a->place.column, 12);
    assert_string_equal(c->timezone, "UTC");
    assert_int_equal(c->automation, AUTOMATION_DIAGNOSE);
    conf_unref(c);
}

static void inner_layers_win(void **state)
{
    (void)state;
    struct conf *c = fixture_good(
        "defaults = { interval = \"20s\"; tags = [\"d\"]; timeout = \"9s\";\n"
        "  http = { timeout = \"5s\"; method = \"HEAD\"; max_body = \"2KiB\";\n"
        "    headers = { A = \"1\"; B = \"1\"; }; tls = { ca_file = \"/d\"; }; "
        "};\n"
        "};\n"
        "checks = {\n"
        "  a = { url = \"http://h\"; method = \"POST\"; tags = [\"x\", "
        "\"y\"];\n"
        "    headers = { B = \"2\"; C = 3; }; };\n"
        "  r = { url = \"redis://h\"; };\n"
        "};\n");
    const struct check_spec *a = conf_check(c, "a"), *r = conf_check(c, "r");
    assert_int_equal(a->interval_ns, 20 * NS_PER_S);
    assert_int_equal(a->timeout_ns, 5 * NS_PER_S);
    assert_int_equal(r->timeout_ns, 9 * NS_PER_S);
    assert_int_equal(a->tags.count, 2);
    assert_string_equal(r->tags.items[0], "d");
    assert_string_equal(setting_of(a, "method")->value.text, "POST");
    assert_string_equal(setting_of(a, "tls.ca_file")->value.text, "/d");
    assert_string_equal(header_of(a, "A"), "1");
    assert_string_equal(header_of(a, "B"), "2");
    assert_string_equal(header_of(a, "C"), "3");
    assert_int_equal(setting_of(a, "method")->place.line, 6);
    conf_unref(c);
}

static void innermost_schedule_decides(void **state)
{
    (void)state;
    struct conf *c = fixture_good(
        "timezone = \"Europe/Madrid\"; defaults = { cron = \"0 * * * *\"; };\n"
        "checks = {\n"
        "  a = { url = \"http://h\"; };\n"
        "  b = { url = \"http://h\"; interval = \"1m\"; };\n"
        "  c = { url = \"http://h\"; schedule = \"manual\"; };\n"
        "};\n");
    const struct check_spec *a = conf_check(c, "a");
    assert_int_equal(a->schedule, SCHEDULE_CRON);
    assert_string_equal(a->cron, "0 * * * *");
    assert_string_equal(a->timezone, "Europe/Madrid");
    assert_non_null(a->zone);
    assert_int_equal(conf_check(c, "b")->schedule, SCHEDULE_INTERVAL);
    assert_null(conf_check(c, "b")->cron);
    assert_int_equal(conf_check(c, "c")->schedule, SCHEDULE_MANUAL);
    conf_unref(c);
}

static void numbers_beyond_32_bits_are_kept(void **state)
{
    (void)state;
    struct conf *c = fixture_good(
        "checks = { a = { url = \"http://h\"; headers = { N = 3000000000; "
        "H = 0x10; L = 5000000000L; T = True; R = 1.50; }; }; };");
    const struct check_spec *a = conf_check(c, "a");
    assert_string_equal(header_of(a, "N"), "3000000000");
    assert_string_equal(header_of(a, "H"), "16");
    assert_string_equal(header_of(a, "L"), "5000000000");
    assert_string_equal(header_of(a, "T"), "true");
    assert_string_equal(header_of(a, "R"), "1.50");
    conf_unref(c);
}

static void texts_are_read_as_libconfig_reads_them(void **state)
{
    (void)state;
    struct conf *c = fixture_good(
        "// a comment\nchecks = { a = { url = \"http://h\" \"/x\"; # joined\n"
        "headers : { A = \"\\x41\\\"\\n\\\\\", B = \"\303\251\" } } /* done */ "
        "}");
    const struct check_spec *a = conf_check(c, "a");
    assert_string_equal(setting_of(a, "url")->value.text, "http://h/x");
    assert_string_equal(header_of(a, "A"), "A\"\n\\");
    assert_string_equal(header_of(a, "B"), "\303\251");
    conf_unref(c);
}

static void variables_are_put_in_place(void **state)
{
    (void)state;
    struct conf *c = fixture_good(
        "vars = { host = \"h\"; port = 81; base = \"http://${host}:${port}\"; "
        "};\n"
        "checks = { a = { url = \"${base}/x\"; headers = { L = \"$${x} $ 5\"; "
        "}; }; };");
    const struct check_spec *a = conf_check(c, "a");
    assert_string_equal(setting_of(a, "url")->value.text, "http://h:81/x");
    assert_string_equal(header_of(a, "L"), "${x} $ 5");
    assert_false(setting_of(a, "headers")->value.secret);
    assert_string_equal(a->target, "h:81");
    conf_unref(c);
}

static void a_text_with_a_secret_is_secret(void **state)
{
    (void)state;
    setenv("RELEVO_TEST_TOKEN", "tok-4711", 1);
    struct conf *c = fixture_good(
        "vars = { token = { env = \"RELEVO_TEST_TOKEN\"; }; };\n"
        "checks = { a = { url = \"http://h\"; headers = { A = \"Bearer "
        "${token}\"; }; }; r = { plugin = \"redis\"; password = \"swordfish\"; "
        "}; u = { url = \"http://me:letmein@h\"; }; };");
    unsetenv("RELEVO_TEST_TOKEN");
    const struct check_spec *a = conf_check(c, "a");
    assert_true(setting_of(a, "headers")->value.secret);
    assert_string_equal(header_of(a, "A"), "Bearer tok-4711");
    assert_true(setting_of(conf_check(c, "r"), "password")->value.secret);
    bool token = false, whole = false, password = false, part = false;
    for (size_t i = 0; i < c->secret_count; i++) {
        token |= strcmp(c->secrets[i], "tok-4711") == 0;
        whole |= strcmp(c->secrets[i], "Bearer tok-4711") == 0;
        password |= strcmp(c->secrets[i], "swordfish") == 0;
        part |= strcmp(c->secrets[i], "letmein") == 0;
    }
    assert_true(token && whole && password && part);
    struct buf shown = {0};
    conf_show(c, NULL, &shown);
    assert_null(strstr(buf_text(&shown), "tok-4711"));
    assert_null(strstr(buf_text(&shown), "swordfish"));
    assert_null(strstr(buf_text(&shown), "letmein"));
    assert_non_null(strstr(buf_text(&shown), "A = \"***\";"));
    assert_non_null(strstr(buf_text(&shown), "http://me:***@h"));
    buf_free(&shown);
    conf_unref(c);
}

static void a_missing_secret_is_no_error(void **state)
{
    (void)state;
    struct conf *c = fixture_good(
        "vars = { t = { env = \"RELEVO_TEST_NO_SUCH\"; }; };\n"
        "checks = {\n"
        "  a = { url = \"http://h\"; headers = { A = \"Bearer ${t}\"; }; };\n"
        "  b = { url = { file = \"/no/such/file\"; }; };\n"
        "  c = { plugin = \"http\"; url = \"${t}\"; expect = [\"${t}\"]; };\n"
        "  d = { url = \"http://h\"; };\n"
        "};");
    const struct check_spec *b = conf_check(c, "b");
    assert_string_equal(conf_check(c, "a")->missing,
                        "env \"RELEVO_TEST_NO_SUCH\"");
    assert_null(setting_of(conf_check(c, "a"), "headers"));
    assert_string_equal(b->missing,
                        "file \"/no/such/file\" (No such file or directory)");
    assert_string_equal(b->plugin, "");
    assert_null(b->catalog);
    assert_string_equal(conf_check(c, "c")->plugin, "http");
    assert_non_null(conf_check(c, "c")->missing);
    assert_null(conf_check(c, "d")->missing);
    conf_unref(c);
}

static void secrets_reach_no_message(void **state)
{
    (void)state;
    setenv("RELEVO_TEST_TOKEN", "s3cr3t", 1);
    char *told = fixture_told(
        "vars = { t = { env = \"RELEVO_TEST_TOKEN\"; }; };\n"
        "timezone = \"${t}\"; workers = \"${t}\"; automation = \"${t}\";\n"
        "checks = {\n"
        "  a = { url = \"http://h\"; interval = \"${t}\"; method = \"${t}\"; "
        "max_body = \"${t}\"; expect = [\"${t} ==\", \"status == '${t}'\"]; "
        "cron = \"${t}\"; timezone = \"x${t}\"; failure_window = \"${t}\"; };\n"
        "  b = { plugin = \"${t}\"; };\n"
        "  c = { url = \"${t}://x\"; };\n"
        "};\n"
        "runbooks = { r = { script = \"${t}\"; on = [\"${t}\"]; match = { "
        "fault = \"${t}\"; check = \"${t}\"; state = \"${t}\"; tags = "
        "\"${t}\"; "
        "}; }; };");
    unsetenv("RELEVO_TEST_TOKEN");
    assert_null(strstr(told, "s3cr3t"));
    assert_non_null(
        strstr(told, "interval: the secret value is not a duration"));
    free(told);
}

static void what_everybody_sees_holds_no_secret(void **state)
{
    (void)state;
    setenv("RELEVO_TEST_TOKEN", "s3cr3t", 1);
    char *told = fixture_told(
        "vars = { t = { env = \"RELEVO_TEST_TOKEN\"; }; plain = \"x\"; };\n"
        "checks = { a = { url = \"http://h\"; title = \"a ${t}\"; "
        "owner = \"${t}\"; tags = [\"a\", \"${t}\"]; skip = \"${t}\"; "
        "links = { look = \"https://h/${t}\"; }; };\n"
        "  b = { url = \"http://h\"; title = \"b ${plain}\"; }; };");
    unsetenv("RELEVO_TEST_TOKEN");
    static const char *const options[] = {"title", "owner", "tags", "skip",
                                          "links"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        char line[100];
        snprintf(
            line, sizeof line,
            "check \"a\": %s: everybody sees it: it cannot hold a secret\n",
            options[i]);
        assert_non_null(strstr(told, line));
    }
    assert_null(strstr(told, "check \"b\""));
    assert_null(strstr(told, "s3cr3t"));
    free(told);
}

static void a_secret_file_loses_one_newline(void **state)
{
    (void)state;
    char path[] = "/tmp/relevo-secret-XXXXXX", text[200];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "pass\n\n", 6), 6);
    close(fd);
    snprintf(text, sizeof text,
             "checks = { r = { plugin = \"redis\"; password = { file = "
             "\"%s\"; }; }; };",
             path);
    struct conf *c = fixture_good(text);
    unlink(path);
    assert_string_equal(setting_of(conf_check(c, "r"), "password")->value.text,
                        "pass\n");
    conf_unref(c);
}

static void default_lines_stay_unless_their_field_is_read(void **state)
{
    (void)state;
    struct conf *c = fixture_good(
        "checks = {\n"
        "  a = { url = \"http://h\"; };\n"
        "  b = { url = \"http://h\"; expect = \"latency < 1s\"; };\n"
        "  c = { url = \"http://h\"; expect = [\"status == 404\"]; "
        "warn_unless = [\"latency < 1s\", \"cert_expiry > 1d\"]; };\n"
        "};");
    const struct check_spec *a = conf_check(c, "a"), *b = conf_check(c, "b"),
                            *d = conf_check(c, "c");
    assert_int_equal(a->expect_count, 1);
    assert_string_equal(a->expects[0].text, "status in 200..299");
    assert_true(a->expects[0].is_default);
    assert_int_equal(a->warn_count, 1);
    assert_int_equal(b->expect_count, 2);
    assert_string_equal(b->expects[0].text, "latency < 1s");
    assert_false(b->expects[0].is_default);
    assert_int_equal(b->expects[0].place.line, 3);
    assert_string_equal(b->expects[1].text, "status in 200..299");
    assert_int_equal(d->expect_count, 1);
    assert_int_equal(d->warn_count, 2);
    conf_unref(c);
}

static void targets(void **state)
{
    (void)state;
    static const struct {
        const char *options, *target;
    } rows[] = {
        {"url = \"https://h/x\"", "h:443"},
        {"url = \"http://h:8080?x\"", "h:8080"},
        {"url = \"http://user:a@b@[::1]/\"", "[::1]:80"},
        {"url = \"http://[::1]:81\"", "[::1]:81"},
        {"url = \"REDISS://h\"", "h:6379"},
        {"plugin = \"redis\"; host = \"h\"", "h:6379"},
        {"plugin = \"redis\"; host = \"::1\"; port = 1", "[::1]:1"},
        {"plugin = \"redis\"; host = \"/run/r.sock\"", "/run/r.sock"},
        {"plugin = \"redis\"", "a"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[200];
        snprintf(text, sizeof text, "checks = { a = { %s; }; };",
                 rows[i].options);
        struct conf *c = fixture_good(text);
        assert_string_equal(c->checks[0].target, rows[i].target);
        conf_unref(c);
    }
}

static uint64_t print_of(const char *options)
{
    char text[300];
    snprintf(text, sizeof text,
             "vars = { t = { env = \"RELEVO_TEST_TOKEN\"; }; };\n"
             "checks = { a = { url = \"http://h\"; %s }; };",
             options);
    struct conf *c = fixture_good(text);
    uint64_t print = c->checks[0].fingerprint;
    conf_unref(c);
    return print;
}

static void a_fingerprint_tells_changes(void **state)
{
    (void)state;
    static const char *const options[] = {
        "",
        "interval = \"31s\";",
        "expect = \"latency < 1s\";",
        "warn_unless = \"latency < 1s\";",
        "method = \"HEAD\";",
        "headers = { A = \"1\"; };",
        "headers = { A = \"2\"; };",
        "tags = [\"a\"];",
        "expect_fault = \"refused\";",
        "expect_fault = \"timeout\";",
        "headers = { A = \"${t}\"; };",
    };
    setenv("RELEVO_TEST_TOKEN", "one-value", 1);
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        assert_true(print_of(options[i]) == print_of(options[i]));
        for (size_t k = 0; k < i; k++)
            assert_true(print_of(options[i]) != print_of(options[k]));
    }
    uint64_t before = print_of("headers = { A = \"${t}\"; };");
    setenv("RELEVO_TEST_TOKEN", "other-value", 1);
    assert_true(before != print_of("headers = { A = \"${t}\"; };"));
    unsetenv("RELEVO_TEST_TOKEN");
}

static void what_must_fail_has_no_lines(void **state)
{
    (void)state;
    struct conf *c = fixture_good(
        "defaults = { expect = \"latency < 1s\"; expect_fault = \"reset\"; };\n"
        "checks = { a = { url = \"http://h\"; };\n"
        "  b = { url = \"http://h\"; expect_fault = [\"refused\", \"dns\"]; "
        "};\n"
        "  c = { url = \"http://h\"; expect_fault = []; }; d = { of = \"c\"; "
        "};\n"
        "};");
    assert_string_equal(c->checks[0].expect_faults.items[0], "reset");
    assert_int_equal(c->checks[1].expect_faults.count, 2);
    assert_int_equal(c->checks[1].expect_count, 0);
    assert_int_equal(c->checks[1].warn_count, 0);
    assert_int_equal(c->checks[2].expect_faults.count, 0);
    assert_int_equal(c->checks[2].expect_count, 2);
    assert_int_equal(c->checks[3].expect_faults.count, 0);
    conf_unref(c);
}

static void an_outage_is_noticed_within(void **state)
{
    (void)state;
    int64_t min, max;
    struct conf *c = fixture_good(
        "checks = { a = { url = \"http://h\"; };\n"
        "  b = { url = \"http://h\"; failure_window = \"2 of 5\"; };\n"
        "  c = { url = \"http://h\"; cron = \"@daily\"; }; };");
    assert_true(conf_outage_window(&c->checks[0], &min, &max));
    assert_int_equal(min, 10 * NS_PER_S);
    assert_int_equal(max, 40 * NS_PER_S);
    assert_true(conf_outage_window(&c->checks[1], &min, &max));
    assert_int_equal(min, 5 * NS_PER_S);
    assert_int_equal(c->checks[1].window_size, 5);
    assert_false(conf_outage_window(&c->checks[2], &min, &max));
    conf_unref(c);
}

static void a_plugin_must_not_take_a_common_name(void **unused)
{
    (void)unused;
    char *told = fixture_told("checks = { a = { plugin = \"greedy\"; }; };");
    assert_non_null(strstr(told, "option \"timeout\" has the name of an option "
                                 "of every check"));
    free(told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plugin_must_not_take_a_common_name),
        cmocka_unit_test(built_in_values),
        cmocka_unit_test(inner_layers_win),
        cmocka_unit_test(innermost_schedule_decides),
        cmocka_unit_test(numbers_beyond_32_bits_are_kept),
        cmocka_unit_test(texts_are_read_as_libconfig_reads_them),
        cmocka_unit_test(variables_are_put_in_place),
        cmocka_unit_test(a_text_with_a_secret_is_secret),
        cmocka_unit_test(a_missing_secret_is_no_error),
        cmocka_unit_test(secrets_reach_no_message),
        cmocka_unit_test(what_everybody_sees_holds_no_secret),
        cmocka_unit_test(a_secret_file_loses_one_newline),
        cmocka_unit_test(default_lines_stay_unless_their_field_is_read),
        cmocka_unit_test(targets),
        cmocka_unit_test(a_fingerprint_tells_changes),
        cmocka_unit_test(what_must_fail_has_no_lines),
        cmocka_unit_test(an_outage_is_noticed_within),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

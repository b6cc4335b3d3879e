/* Checks of the kind `heartbeat`: when their beats are due, what they cannot
 * have, tokens. */
#include "test_conf_fixture.h"

#include "base/clock.h"

static const struct {
    const char *text, *told;
} mistakes[] = {
    {"checks = { a = { plugin = \"heartbeat\"; }; };",
     "x.cfg:1:12: check \"a\": when is its beat due? period = \"1h\", or cron "
     "= "
     "\"15 3 * * *\"\n"},
    {"checks = { a = { plugin = \"heartbeat\"; period = \"1h\"; cron = "
     "\"@daily\"; }; };",
     "x.cfg:1:12: check \"a\": \"cron\" and \"period\" exclude each other\n"},
    {"checks = { a = { plugin = \"heartbeat\"; cron = \"15 3 * *\"; }; };",
     "x.cfg:1:47: check \"a\": cron: cron \"15 3 * *\": this has 4 fields"},
    {"checks = { a = { plugin = \"heartbeat\"; period = \"1h\"; interval = "
     "\"1h\"; }; };",
     "x.cfg:1:55: check \"a\": a heartbeat is not probed, its job reports it: "
     "it has no \"interval\", but a \"period\" or \"cron\"\n"},
    {"checks = { a = { plugin = \"heartbeat\"; period = \"1h\"; timeout = "
     "\"1h\"; schedule = \"manual\"; }; };",
     "it has no \"schedule\""},
    {"checks = { a = { plugin = \"heartbeat\"; period = \"0.5s\"; }; };",
     "period: 0.5s"},
    {"checks = { a = { plugin = \"heartbeat\"; period = \"1h\"; graze = "
     "\"1m\"; "
     "}; };",
     "did you mean \"grace\"?"},
    {"checks = { a = { plugin = \"heartbeat\"; period = \"1h\"; expect = "
     "[\"latency < 1s\"]; }; };",
     "latency"},
    {"defaults = { heartbeat = { token = \"0123456789abcdef\"; }; };\n"
     "checks = { a = { plugin = \"heartbeat\"; period = \"1h\"; };\n"
     "  b = { plugin = \"heartbeat\"; period = \"2h\"; }; };",
     "x.cfg:3:3: check \"b\": token: \"a\" has the same one: a token says "
     "whose "
     "beat it is\n"},
    {"checks = { a = { plugin = \"heartbeat\"; period = \"1h\"; };\n"
     "  b = { url = \"http://h\"; trigger = \"a\"; }; };",
     "\"a\" is a heartbeat: it has no probe to trigger"},
};

static void each_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
        char *told = fixture_told(mistakes[i].text);
        if (strstr(told, mistakes[i].told) == NULL)
            assert_string_equal(told, mistakes[i].told);
        assert_null(strstr(told, "0123456789abcdef"));
        free(told);
    }
}

static void times_and_thresholds(void **state)
{
    (void)state;
    struct conf *conf = fixture_good(
        "timezone = \"+02:00\";\n"
        "defaults = { failure_threshold = 5; failure_window = \"3 of 5\"; "
        "interval = \"1m\"; heartbeat = { grace = \"7m\"; }; };\n"
        "templates = { nightly = { cron = \"@daily\"; success_threshold = 3; };"
        " };\n"
        "checks = { a = { plugin = \"heartbeat\"; cron = \"15 3 * * *\"; };\n"
        "  b = { plugin = \"heartbeat\"; period = \"90m\"; "
        "failure_threshold = 2; grace = \"1s\"; };\n"
        "  c = { use = [\"nightly\"]; plugin = \"heartbeat\"; };\n"
        "  d = { use = [\"nightly\"]; plugin = \"heartbeat\"; "
        "period = \"2h\"; };\n"
        "  e = { of = \"a\"; expect = [\"exit in [0, 24]\"]; }; };");
    const struct check_spec *c = conf->checks;
    assert_int_equal(c[0].schedule, SCHEDULE_BEAT);
    assert_string_equal(c[0].cron, "15 3 * * *");
    assert_int_equal(c[0].heartbeat.period_ns, 0);
    assert_int_equal(c[0].heartbeat.grace_ns, 7 * 60 * NS_PER_S);
    assert_int_equal(c[0].failure_threshold, 1);
    assert_int_equal(c[0].success_threshold, 1);
    assert_int_equal(c[0].window_size, 0);
    assert_string_equal(c[0].timezone, "+02:00");
    assert_string_equal(c[0].expects[0].text, "exit == 0");
    assert_null(c[1].cron);
    assert_int_equal(c[1].heartbeat.period_ns, 90 * 60 * NS_PER_S);
    assert_int_equal(c[1].failure_threshold, 2);
    assert_string_equal(c[2].cron, "@daily");
    assert_int_equal(c[2].success_threshold, 3);
    assert_null(c[3].cron);
    assert_int_equal(c[3].heartbeat.period_ns, 2 * 3600 * NS_PER_S);
    assert_int_equal(c[4].failure_threshold, 1);
    assert_int_equal(c[4].expect_count, 1);
    conf_unref(conf);
}

static void what_is_shown_can_be_read_again(void **state)
{
    (void)state;
    struct conf *first = fixture_good(
        "checks = { a = { plugin = \"heartbeat\"; cron = \"15 3 * * *\"; };\n"
        "  b = { plugin = \"heartbeat\"; period = \"1h\"; grace = \"2m\"; }; "
        "};");
    struct buf shown = {0}, again = {0};
    conf_show(first, NULL, &shown);
    struct conf *second = fixture_good(buf_text(&shown));
    conf_show(second, NULL, &again);
    assert_string_equal(buf_text(&again), buf_text(&shown));
    assert_null(strstr(buf_text(&shown), "interval"));
    assert_null(strstr(buf_text(&shown), "timeout"));
    buf_free(&shown);
    buf_free(&again);
    conf_unref(first);
    conf_unref(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_told),
        cmocka_unit_test(times_and_thresholds),
        cmocka_unit_test(what_is_shown_can_be_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

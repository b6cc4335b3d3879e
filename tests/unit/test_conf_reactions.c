/* When what reacts may run, when nobody is called, how long what is kept: the
 * options of runbooks beyond their script, `maintenance`, `history`. Scripts
 * are those of runbooks/ in the source folder. */
#include "test_conf_fixture.h"

#include "base/clock.h"
#include "base/tz.h"

#define CHECKS                                                                \
    "environments = { staging = {}; production = {}; };\n"                    \
    "checks = { api = { url = \"http://h\"; tags = [\"a\"]; record = { db = " \
    "\"json('.db')\"; }; }; db = { of = \"api\"; }; red = { plugin = "        \
    "\"redis\"; }; };\n"

static struct conf *load(const char *text, struct conf_errors *errors)
{
    static char dir[4096];
    const char *source_dir = getenv("RELEVO_SOURCE");
    if (source_dir == NULL)
        skip();
    snprintf(dir, sizeof dir, "%s/runbooks", source_dir);
    const char *dirs[] = {dir, NULL};
    char *whole;
    assert_true(asprintf(&whole, "%s%s", CHECKS, text) > 0);
    struct conf_source source = {
        .file = "x.cfg", .text = whole, .runbook_dirs = dirs};
    struct conf *conf = fixture_load_source(&source, errors);
    free(whole);
    return conf;
}

static struct conf *good(const char *text)
{
    struct conf_errors *errors = conf_errors_new();
    struct buf told = {0};
    struct conf *c = load(text, errors);
    conf_errors_write(errors, &told);
    assert_string_equal(buf_text(&told), "");
    assert_non_null(c);
    buf_free(&told);
    conf_errors_free(errors);
    return c;
}

static void a_remediation_has_limits(void **state)
{
    (void)state;
    struct conf *c =
        good("automation = \"auto\";\n"
             "runbooks = {\n"
             "  plain = { script = \"service/restart\"; params = { service = "
             "\"x\"; }; };\n"
             "  own   = { script = \"service/restart\"; params = { service = "
             "\"x\"; };\n"
             "            budget = \"5 per 1h\"; settle = \"0\"; verify_within "
             "= \"3m\";\n"
             "            cooldown = \"1m\"; automation = \"approve\"; };\n"
             "};");
    const struct runbook_spec *plain = conf_runbook(c, "plain");
    const struct runbook_spec *own = conf_runbook(c, "own");
    assert_int_equal(plain->kind, RUNBOOK_REMEDIATE);
    assert_int_equal(plain->budget, 2);
    assert_int_equal(plain->budget_ns, 24 * 3600 * NS_PER_S);
    assert_int_equal(plain->settle_ns, 10 * NS_PER_S);
    assert_int_equal(plain->verify_within_ns, 120 * NS_PER_S);
    assert_int_equal(plain->mode, AUTOMATION_AUTO);
    assert_int_equal(own->budget, 5);
    assert_int_equal(own->budget_ns, 3600 * NS_PER_S);
    assert_int_equal(own->settle_ns, 0);
    assert_int_equal(own->mode, AUTOMATION_APPROVE);
    conf_unref(c);
}

static void a_notice_has_hours_and_repeats(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned days;
        int from, to;
    } spans[] = {
        {"Mon-Fri 09:00-18:00", 0x1f, 540, 1080},
        {"sat,Sunday 9:30-24:00", 0x60, 570, 1440},
        {"Fri-Mon 22:00-06:00", 0x71, 1320, 360},
        {"00:00-24:00", 0x7f, 0, 1440},
    };
    struct conf *c = good(
        "runbooks = { tell = { script = \"notify/webhook\"; params = { url = "
        "\"http://r\"; }; repeat = \"2h\"; environments = [\"production\"];\n"
        "active = [\"Mon-Fri 09:00-18:00\", \"sat,Sunday 9:30-24:00\", "
        "\"Fri-Mon 22:00-06:00\", \"00:00-24:00\"]; }; };");
    const struct runbook_spec *r = conf_runbook(c, "tell");
    assert_int_equal(r->repeat_ns, 7200 * NS_PER_S);
    assert_int_equal(r->match.environments.count, 1);
    assert_int_equal(r->active_count, ARRAY_LEN(spans));
    for (size_t i = 0; i < ARRAY_LEN(spans); i++) {
        assert_int_equal(r->active[i].days, spans[i].days);
        assert_int_equal(r->active[i].from, spans[i].from);
        assert_int_equal(r->active[i].to, spans[i].to);
    }
    conf_unref(c);
}

static void windows_recur_or_are_once(void **state)
{
    (void)state;
    struct conf *c = good(
        "timezone = \"Europe/Madrid\";\n"
        "maintenance = {\n"
        "  weekly = { environments = [\"staging\"]; cron = \"0 3 * * 0\"; "
        "duration = \"1h\"; reason = \"updates\"; };\n"
        "  once = { checks = [\"api\"]; tags = [\"a\"]; from = "
        "\"2026-12-24T22:00:00+01:00\"; until = \"2026-12-25T01:00:00+01:00\"; "
        "};\n"
        "  lasts = { from = \"2026-12-24T22:00:00Z\"; duration = \"90m\"; };\n"
        "  ever = { from = \"2026-12-24T22:00:00Z\";"
        " until = \"9999-12-31T23:59:59Z\"; };\n"
        "};");
    assert_int_equal(c->maintenance_count, 4);
    const struct maintenance_spec *w = c->maintenance;
    assert_string_equal(w[0].cron, "0 3 * * 0");
    assert_string_equal(tz_name(w[0].zone), "Europe/Madrid");
    assert_int_equal(w[0].duration_ns, 3600 * NS_PER_S);
    assert_string_equal(w[0].reason, "updates");
    assert_null(w[1].cron);
    assert_int_equal(w[1].until_us - w[1].from_us, 3 * 3600 * US_PER_S);
    assert_int_equal(w[1].from_us, INT64_C(1798146000) * US_PER_S);
    assert_int_equal(w[2].until_us - w[2].from_us, 90 * 60 * US_PER_S);
    assert_int_equal(w[3].until_us, INT64_C(253402300799) * US_PER_S);
    conf_unref(c);
}

static void history_has_tiers(void **state)
{
    (void)state;
    struct conf *c = good("");
    assert_int_equal(c->history.raw_ns, 14 * 86400 * NS_PER_S);
    assert_int_equal(c->history.day_ns, 0);
    assert_int_equal(c->history.max_bytes, INT64_C(2) << 30);
    conf_unref(c);
    c = good("history = { raw = \"3d\"; max_size = \"100MiB\"; };");
    assert_int_equal(c->history.raw_ns, 3 * 86400 * NS_PER_S);
    assert_int_equal(c->history.minute_ns, 90 * 86400 * NS_PER_S);
    assert_int_equal(c->history.max_bytes, 100 << 20);
    conf_unref(c);
}

static void what_is_shown_comes_to_the_same(void **state)
{
    (void)state;
    struct conf *c = good(
        "runbooks = { fix = { script = \"service/restart\"; params = { service "
        "= "
        "\"x\"; }; match = { check = \"db\"; when = \"db contains '111'\"; }; "
        "};\n"
        "  tell = { script = \"notify/webhook\"; active = \"Mon 09:00-10:00\"; "
        "repeat = \"1h\"; params = { url = \"http://r\"; }; }; };\n"
        "maintenance = { w = { cron = \"0 3 * * 0\"; duration = \"1h\"; }; };");
    struct buf shown = {0};
    conf_show(c, NULL, &shown);
    static const char *const parts[] = {"budget = \"2 per 1d\";",
                                        "settle = \"10s\";",
                                        "when = \"db contains '111'\";",
                                        "active = [\"Mon 09:00-10:00\"];",
                                        "repeat = \"1h\";",
                                        "cron = \"0 3 * * 0\";",
                                        "raw = \"14d\";"};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (strstr(buf_text(&shown), parts[i]) == NULL)
            assert_string_equal(buf_text(&shown), parts[i]);
    buf_free(&shown);
    conf_unref(c);
}

// clang-format off
static const struct {
    const char *text, *told;
} cases[] = {
    {"runbooks = { r = { script = \"service/restart\"; params = { service = \"x\"; }; budget = \"2\"; repeat = \"1h\"; }; };",
     "x.cfg:3:86: runbook \"r\": budget: \"2\" is not of the form \"2 per 24h\"\n"
     "x.cfg:3:91: runbook \"r\": \"repeat\" is for the kind notify; the header of service/restart says remediate\n"},
    {"runbooks = { r = { script = \"http/diagnose\"; settle = \"1s\"; match = { when = \"bd == 'x'\"; }; }; };",
     "x.cfg:3:46: runbook \"r\": \"settle\" is for the kind remediate; the header of http/diagnose says diagnose\n"
     "x.cfg:3:79: runbook \"r\": match.when: unknown field \"bd\"; there are status, latency, cert_expiry, body, duration, phase, db (a text needs quotes)\n"},
    {"runbooks = { r = { script = \"http/diagnose\"; match = { check = \"red\"; when = \"db == 'x'\"; }; }; };",
     "x.cfg:3:79: runbook \"r\": match.when: unknown field \"db\"; there are status, latency, cert_expiry, body, duration, phase (a text needs quotes)\n"},
    {"runbooks = { r = { script = \"http/diagnose\"; match = { plugin = \"http\"; when = \"status >\"; }; }; };",
     "x.cfg:3:89: runbook \"r\": match.when: expected a field, a function or a value, found the end\n"},
    {"runbooks = { r = { script = \"http/diagnose\"; environments = [\"prod\"]; match = { environments = [\"staging\"]; }; }; };",
     "x.cfg:3:61: runbook \"r\": environments: it stands in `match`, too\n"
     "x.cfg:3:62: runbook \"r\": environments: \"prod\" is not an environment\n"},
    {"runbooks = { r = { script = \"http/diagnose\"; active = \"Mon-Fry 09:00-18:00\"; }; };",
     "x.cfg:3:55: runbook \"r\": active: \"Mon-Fry 09:00-18:00\": days are Mon Tue Wed Thu Fri Sat Sun, such as \"Mon-Fri 09:00-18:00\", \"Sat,Sun 10:00-16:00\" or \"22:00-06:00\"\n"},
    {"runbooks = { r = { script = \"http/diagnose\"; active = [\"Mon 9-18\", \"Mon\", \"10:00-10:00\", \"09:00-25:00\"]; }; };",
     "x.cfg:3:56: runbook \"r\": active: \"Mon 9-18\": hours are from 00:00 to 24:00, such as \"Mon-Fri 09:00-18:00\", \"Sat,Sun 10:00-16:00\" or \"22:00-06:00\"\n"
     "x.cfg:3:68: runbook \"r\": active: \"Mon\": after the days come the hours, such as \"Mon-Fri 09:00-18:00\", \"Sat,Sun 10:00-16:00\" or \"22:00-06:00\"\n"
     "x.cfg:3:75: runbook \"r\": active: \"10:00-10:00\" is no time at all\n"
     "x.cfg:3:90: runbook \"r\": active: \"09:00-25:00\": hours are from 00:00 to 24:00, such as \"Mon-Fri 09:00-18:00\", \"Sat,Sun 10:00-16:00\" or \"22:00-06:00\"\n"},
    {"maintenance = { w = { cron = \"0 3 * * 0\"; }; v = { from = \"x\"; until = \"y\"; }; u = { until = \"2026-01-01T00:00:00Z\"; }; t = 5; };",
     "x.cfg:3:17: maintenance.w: a window has `cron` and `duration`, or `from` and either `until` or `duration`\n"
     "x.cfg:3:59: maintenance.v.from: \"x\" is no time such as \"2026-12-24T22:00:00+01:00\"\n"
     "x.cfg:3:80: maintenance.u: a window has `cron` and `duration`, or `from` and either `until` or `duration`\n"
     "x.cfg:3:125: maintenance.t: a window is a group, such as t = { cron = \"0 3 * * 0\"; duration = \"1h\"; };, not a whole number\n"},
    {"maintenance = { w = { cron = \"0 3 * *\"; duration = \"1h\"; checks = [\"apo\"]; environments = [\"stagin\"]; reson = \"x\"; }; };",
     "x.cfg:3:30: maintenance.w.cron: cron \"0 3 * *\": this has 4 fields; cron has 5: minute, hour, day of month, month, day of week, such as \"30 2 * * MON-FRI\"\n"
     "x.cfg:3:68: maintenance.w.checks: \"apo\" is not the name of a check, nor a pattern that fits one; did you mean \"api\"?\n"
     "x.cfg:3:92: maintenance.w.environments: \"stagin\" is not an environment; did you mean \"staging\"?\n"
     "x.cfg:3:103: maintenance.w: unknown key \"reson\"; did you mean \"reason\"?\n"},
    {"maintenance = { w = { from = \"2026-01-02T00:00:00Z\"; until = \"2026-01-01T00:00:00Z\"; }; };",
     "x.cfg:3:62: maintenance.w.until: it is not after `from`\n"},
    {"runbooks = { r = { script = \"http/diagnose\"; active = [\"09:-5-10:00\", \"9: 5-10:00\", \"09:+5-10:00\", \"9:5-10:00\", \"09:60-10:00\"]; }; };",
     "x.cfg:3:56: runbook \"r\": active: \"09:-5-10:00\": hours are from 00:00 to 24:00, such as \"Mon-Fri 09:00-18:00\", \"Sat,Sun 10:00-16:00\" or \"22:00-06:00\"\n"
     "x.cfg:3:71: runbook \"r\": active: \"9: 5-10:00\": hours are from 00:00 to 24:00, such as \"Mon-Fri 09:00-18:00\", \"Sat,Sun 10:00-16:00\" or \"22:00-06:00\"\n"
     "x.cfg:3:85: runbook \"r\": active: \"09:+5-10:00\": hours are from 00:00 to 24:00, such as \"Mon-Fri 09:00-18:00\", \"Sat,Sun 10:00-16:00\" or \"22:00-06:00\"\n"
     "x.cfg:3:100: runbook \"r\": active: \"9:5-10:00\": hours are from 00:00 to 24:00, such as \"Mon-Fri 09:00-18:00\", \"Sat,Sun 10:00-16:00\" or \"22:00-06:00\"\n"
     "x.cfg:3:113: runbook \"r\": active: \"09:60-10:00\": hours are from 00:00 to 24:00, such as \"Mon-Fri 09:00-18:00\", \"Sat,Sun 10:00-16:00\" or \"22:00-06:00\"\n"},
    {"maintenance = { w = { from = \"2026-01-01T00:00:00Z\"; duration = \"1h\"; timezone = \"Europe/Madrid\"; checks = []; tags = []; environments = []; }; };",
     "x.cfg:3:82: maintenance.w.timezone: it is for `cron`; `from` and `until` have their own\n"
     "x.cfg:3:108: maintenance.w.checks: an empty list selects nothing; leave `checks` out for all\n"
     "x.cfg:3:119: maintenance.w.tags: an empty list selects nothing; leave `tags` out for all\n"
     "x.cfg:3:138: maintenance.w.environments: an empty list selects nothing; leave `environments` out for all\n"},
    {"history = { raw = \"5\"; days = \"1d\"; };",
     "x.cfg:3:19: history.raw: \"5\" is not a duration; did you mean \"5s\"?\n"
     "x.cfg:3:24: history: unknown key \"days\"; did you mean \"day\"?\n"},
};
// clang-format on

/* `maintenance list` and `runbook list` show them. */
static void what_everybody_sees_holds_no_secret(void **state)
{
    (void)state;
    struct conf_errors *errors = conf_errors_new();
    struct buf told = {0};
    setenv("RELEVO_TEST_TOKEN", "s3cr3t", 1);
    struct conf *c =
        load("vars = { t = { env = \"RELEVO_TEST_TOKEN\"; }; };\n"
             "runbooks = { r = { script = \"http/diagnose\"; match = { when = "
             "\"body == '${t}'\"; tags = [\"${t}\"]; }; }; };\n"
             "maintenance = { w = { cron = \"0 3 * * 0\"; duration = \"1h\"; "
             "reason = \"${t}\"; }; };",
             errors);
    unsetenv("RELEVO_TEST_TOKEN");
    assert_null(c);
    conf_errors_write(errors, &told);
    assert_string_equal(
        buf_text(&told),
        "x.cfg:4:63: runbook \"r\": match.when: everybody sees it: it cannot "
        "hold a secret\n"
        "x.cfg:4:89: runbook \"r\": match.tags: everybody sees it: it cannot "
        "hold a secret\n"
        "x.cfg:5:69: maintenance.w.reason: everybody sees it: it cannot hold a "
        "secret\n");
    buf_free(&told);
    conf_errors_free(errors);
}

static void each_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct conf_errors *errors = conf_errors_new();
        struct buf told = {0};
        struct conf *c = load(cases[i].text, errors);
        conf_errors_write(errors, &told);
        if (strcmp(buf_text(&told), cases[i].told) != 0)
            print_message("%s\n%s\n", cases[i].text, buf_text(&told));
        assert_string_equal(buf_text(&told), cases[i].told);
        conf_unref(c);
        buf_free(&told);
        conf_errors_free(errors);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_remediation_has_limits),
        cmocka_unit_test(a_notice_has_hours_and_repeats),
        cmocka_unit_test(windows_recur_or_are_once),
        cmocka_unit_test(history_has_tiers),
        cmocka_unit_test(what_is_shown_comes_to_the_same),
        cmocka_unit_test(what_everybody_sees_holds_no_secret),
        cmocka_unit_test(each_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

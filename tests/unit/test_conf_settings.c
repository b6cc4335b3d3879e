/* Configurations with mistakes in checks and defaults: the exact messages. */
#include "test_conf_fixture.h"

// clang-format off
static const struct {
    const char *text, *told;
} cases[] = {
    {
     "checks = { a = { url = \"http://h\"; timeuot = \"5s\"; }; };",
     "x.cfg:1:36: check \"a\": unknown key \"timeuot\"; did you mean \"timeout\"?\n"},
    {
     "checks = { a = { url = \"http://h\"; mehtod = \"GET\"; }; };",
     "x.cfg:1:36: check \"a\": unknown key \"mehtod\"; did you mean \"method\"?\n"},
    {
     "checks = { a = { url = \"http://h\"; tls = { ca_fle = \"\"; }; }; };",
     "x.cfg:1:44: check \"a\": tls: unknown key \"ca_fle\"; did you mean \"ca_file\"?\n"},
    {
     "checks = { a = { url = \"http://h\"; zzz = 1; }; };",
     "x.cfg:1:36: check \"a\": unknown key \"zzz\"\n"},
    {
     "checks = { a = { url = \"http://h\"; method = \"get\"; }; };",
     "x.cfg:1:45: check \"a\": method: \"get\" is not \"GET\", \"HEAD\" or \"POST\"\n"},
    {
     "checks = { a = { url = \"http://h\"; max_body = \"1GiB\"; }; };",
     "x.cfg:1:47: check \"a\": max_body: 1GiB is not within 0..64MiB\n"},
    {
     "checks = { a = { url = \"http://h\"; follow = \"maybe\"; }; };",
     "x.cfg:1:45: check \"a\": follow: true or false is expected, not text\n"},
    {
     "checks = { a = { url = \"http://h\"; resolve = 5; }; };",
     "x.cfg:1:46: check \"a\": resolve: a list of texts is expected, such as [\"a\", \"b\"], not a whole number\n"},
    {
     "checks = { a = { url = \"http://h\"; headers = [\"a\"]; }; };",
     "x.cfg:1:46: check \"a\": headers: a group of texts is expected, such as { name = \"text\"; }, not a list\n"},
    {
     "checks = { a = { url = \"http://h\"; headers = { a = { b = 1; }; }; }; };",
     "x.cfg:1:46: check \"a\": headers: a: a group { } has no place in here\n"},
    {
     "checks = { a = { url = \"http://h\"; steps = ({ a = 1; }, \"x\"); }; };",
     "x.cfg:1:44: check \"a\": steps: text stands among groups\n"},
    {
     "checks = { a = { url = \"http://h\"; interval = \"5x\"; }; };",
     "x.cfg:1:47: check \"a\": interval: \"5x\" is not a duration; did you mean \"5s\"?\n"},
    {
     "checks = { a = { url = \"http://h\"; interval = \"10ms\"; }; };",
     "x.cfg:1:47: check \"a\": interval: 10ms is not within 50ms..366d\n"},
    {
     "checks = { a = { url = \"http://h\"; timeout = 30; }; };",
     "x.cfg:1:46: check \"a\": timeout: \"30\" is not a duration; did you mean \"30s\"?\n"},
    {
     "checks = { a = { url = \"http://h\"; failure_threshold = 0; }; };",
     "x.cfg:1:56: check \"a\": failure_threshold: 0 is not within 1..100\n"},
    {
     "checks = { a = { url = \"http://h\"; failure_threshold = 4294967297; }; };",
     "x.cfg:1:56: check \"a\": failure_threshold: 4294967297 is not within 1..100\n"},
    {
     "checks = { a = { url = \"http://h\"; failure_threshold = \"three\"; }; };",
     "x.cfg:1:56: check \"a\": failure_threshold: \"three\" is not a whole number\n"},
    {
     "checks = { a = { url = \"http://h\"; failure_window = \"5 of 3\"; }; };",
     "x.cfg:1:53: check \"a\": failure_window: \"5 of 3\" is not of the form \"3 of 5\", with at most 64 results\n"},
    {
     "checks = { a = { url = \"http://h\"; failure_window = \"3of5\"; }; };",
     "x.cfg:1:53: check \"a\": failure_window: \"3of5\" is not of the form \"3 of 5\", with at most 64 results\n"},
    {
     "checks = { a = { url = \"http://h\"; tags = 5; }; };",
     "x.cfg:1:43: check \"a\": tags: a list of texts is expected, such as [\"a\", \"b\"], not a whole number\n"},
    {
     "checks = { a = { url = \"http://h\"; schedule = \"manually\"; }; };",
     "x.cfg:1:47: check \"a\": schedule: \"manually\" is not \"manual\"; did you mean \"manual\"?\n"},
    {
     "checks = { a = { url = \"http://h\"; cron = \"* * *\"; }; };",
     "x.cfg:1:43: check \"a\": cron: cron \"* * *\": this has 3 fields; cron has 5: minute, hour, day of month, month, day of week, such as \"30 2 * * MON-FRI\"\n"},
    {
     "checks = { a = { url = \"http://h\"; cron = \"* * * * *\"; timezone = \"Europe/Madird\"; }; };",
     "x.cfg:1:67: check \"a\": timezone: no time zone \"Europe/Madird\"; did you mean \"Europe/Madrid\"?\n"},
    {
     "checks = { a = { url = \"http://h\"; interval = \"10s\"; cron = \"* * * * *\"; }; };",
     "x.cfg:1:54: check \"a\": \"cron\" and \"interval\" exclude each other\n"},
    {
     "checks = { a = { url = \"http://h\"; expect = [\"status == 200\", \"statsu == 200\"]; }; };",
     "x.cfg:1:64: check \"a\": expect: unknown field \"statsu\"; did you mean \"status\"?\n"},
    {
     "checks = { a = { url = \"http://h\"; expect = \"status == 'x'\"; }; };",
     "x.cfg:1:56: check \"a\": expect: status is a number and 'x' a text: they do not compare\n"},
    {
     "checks = { a = { url = \"http://h\"; warn_unless = [\"latency <\"]; }; };",
     "x.cfg:1:61: check \"a\": warn_unless: expected a field, a function or a value, found the end\n"},
    {
     "checks = { a = { url = \"http://h\"; expect = [\"status == 200\" \"latency < 1s\"]; }; };",
     "x.cfg:1:46: check \"a\": expect: unknown unit \"latency\"; there are us ms s m h d w, B KB MB GB KiB MiB GiB, %\n"
     "warning: x.cfg:1:62: two texts without a comma between them become one\n"},
    {
     "checks = { a = { url = \"http://h\"; timeout = \"50s\"; }; };",
     "warning: x.cfg:1:46: check \"a\": timeout: a timeout of 50s is longer than the interval of 30s: while a probe hangs, the next ones are skipped\n"},
    {
     "checks = { a = { url = \"http://h\"; interval = \"100ms\"; timeout = \"50ms\"; }; };",
     "warning: x.cfg:1:47: check \"a\": interval: a probe more often than once a second is a load test\n"},
    {
     "checks = { a = { url = \"http://h\"; record = { a = \"x\"; }; depends_on = [\"b\"]; use = [\"x\"]; }; };",
     "x.cfg:1:52: check \"a\": record.a: unknown field \"x\"; there are status, latency, cert_expiry, body, duration, phase (a text needs quotes)\n"
     "x.cfg:1:73: check \"a\": depends_on: there is no check \"b\"\n"
     "x.cfg:1:86: check \"a\": use: there is no template \"x\"\n"},
    {
     "checks = { a = { url = \"http://h\"; headers = { A = { env = \"RELEVO_TEST_NO_SUCH\"; optional = 1; }; }; }; };",
     "x.cfg:1:94: check \"a\": headers.A: optional is true or false, not a whole number\n"},
    {
     "environments = {}; budget = {}; chekcs = {}; foo = 1;",
     "x.cfg:1:16: environments: there is none in it\n"
     "x.cfg:1:20: \"budget\" is not in this version\n"
     "x.cfg:1:33: unknown key \"chekcs\"; did you mean \"checks\"?\n"
     "x.cfg:1:46: unknown key \"foo\"\n"
     "warning: x.cfg:1:1: there are no checks\n"},
    {
     "checks = { a = { plugin = \"group\"; }; b = { plugin = \"suite\"; }; };",
     "x.cfg:1:27: check \"a\": plugin: \"group\" is not in this version\n"
     "x.cfg:1:54: check \"b\": plugin: \"suite\" is not in this version\n"},
    {
     "checks = { a = { plugin = \"htp\"; url = \"x\"; }; };",
     "x.cfg:1:27: check \"a\": plugin: there is no plugin \"htp\"; did you mean \"http\"?\n"},
    {
     "checks = { a = { plugin = \"../http\"; }; };",
     "x.cfg:1:27: check \"a\": plugin: \"../http\" is not the name of a plugin\n"},
    {
     "checks = { a = { }; };",
     "x.cfg:1:12: check \"a\": \"plugin\" is missing, and there is no `url` whose scheme names it\n"},
    {
     "checks = { a = { url = \"gopher://x\"; }; };",
     "x.cfg:1:12: check \"a\": \"plugin\" is missing: the scheme of `url` is none of http, https, redis, rediss, postgres, postgresql, ws, wss, tcp, tls, dns\n"},
    {
     "checks = { a = { plugin = \"http\"; }; };",
     "x.cfg:1:12: check \"a\": \"url\" is missing: About url.\n"},
    {
     "checks = { a = \"http://h\"; };",
     "x.cfg:1:16: check \"a\": a check is a group, such as a = { url = \"…\"; };, not text\n"
     "warning: x.cfg:1:1: there are no checks\n"},
    {
     "checks = ({ url = \"http://h\"; });",
     "x.cfg:1:10: checks is a group of named entries, such as checks = { name = { … }; };, not a list ( )\n"
     "warning: x.cfg:1:1: there are no checks\n"},
    {
     "vars = { base = \"x\"; }; checks = { a = { url = \"http://${bas}\"; }; };",
     "x.cfg:1:56: check \"a\": url: there is no variable \"bas\"; did you mean \"base\"?\n"},
    {
     "vars = { a = \"${b}\"; b = \"${a}\"; }; checks = { a = { url = \"http://${a}/\"; }; };",
     "x.cfg:1:26: vars.b: this variable needs itself\n"},
    {
     "checks = { a = { url = \"http://${}\"; }; };",
     "x.cfg:1:32: check \"a\": url: \"${\" begins a variable, as in \"${name}\"; a literal one is written \"$${\"\n"},
    {
     "vars = { a = [1]; }; checks = { a = { url = \"http://h\"; }; };",
     "x.cfg:1:14: vars.a: a variable is text, a number, or a secret { env = \"NAME\"; }, not an array [ ]\n"},
    {
     "defaults = { interval = \"5x\"; http = { timeout = \"x\"; }; };\n"
     "checks = { a = { url = \"http://h\"; }; b = { url = \"http://h\"; }; };",
     "x.cfg:1:25: defaults.interval: \"5x\" is not a duration; did you mean \"5s\"?\n"
     "x.cfg:1:50: defaults.http.timeout: \"x\" is not a duration such as \"30s\" or \"5m\"\n"},
    {
     "defaults = { method = \"GET\"; intervall = \"4s\"; group = {}; http = { metod = \"x\"; }; htpp = { a = 1; }; };\n"
     "checks = { a = { url = \"http://h\"; }; };",
     "x.cfg:1:14: defaults: \"method\" is not an option of every check; one of a plugin stands in its block, such as http = { method = …; };\n"
     "x.cfg:1:30: defaults: unknown key \"intervall\"; did you mean \"interval\"?\n"
     "x.cfg:1:48: defaults: \"group\" is not in this version\n"
     "x.cfg:1:69: defaults.http: unknown key \"metod\"; did you mean \"method\"?\n"
     "x.cfg:1:92: defaults.htpp: there is no plugin \"htpp\"; did you mean \"http\"?\n"},
    {
     "automation = \"autp\"; timezone = \"Mars/X\"; workers = -1; log = \"inf\";\n"
     "checks = { a = { url = \"http://h\"; }; };",
     "x.cfg:1:14: automation: \"autp\" is not \"observe\", \"diagnose\", \"approve\" or \"auto\"; did you mean \"auto\"?\n"
     "x.cfg:1:33: timezone: no time zone \"Mars/X\" in /usr/share/zoneinfo; names look like \"Europe/Madrid\" or \"UTC\"\n"
     "x.cfg:1:53: workers: -1 is not within 0..64\n"
     "x.cfg:1:63: log: \"inf\" is not \"debug\", \"info\", \"warn\" or \"error\"; did you mean \"info\"?\n"},
    {
     "",
     "warning: x.cfg:1:1: there are no checks\n"},
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

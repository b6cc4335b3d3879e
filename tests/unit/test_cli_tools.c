/* The commands that need neither history nor daemon: cron, fault list, what
 * expect reads its observations from, a plugin's manual. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/clock.h"
#include "cli/observed.h"
#include "cli/plugin_page.h"
#include "test_cli_capture.h"

static int setup(void **state)
{
    static char dir[64];
    snprintf(dir, sizeof dir, "/tmp/relevo-cli-XXXXXX");
    assert_non_null(mkdtemp(dir));
    *state = dir;
    return 0;
}

static int teardown(void **state)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf '%s'", (const char *)*state);
    return system(command);
}

/* ---------------------------------------------------------------- cron --- */

/* One time that the change of the clock repeats; then as on any day. */
static void cron_prints_times_in_the_zone(void **state)
{
    struct captured c =
        RUN(*state, "cron", "30 2 * * *", "--timezone", "Europe/Madrid",
            "--from", "2026-10-24T12:00:00Z", "--count", "2");
    assert_int_equal(c.status, EXIT_FINE);
    assert_string_equal(
        c.out.data, "2026-10-25T02:30:00+02:00\n2026-10-26T02:30:00+01:00\n");
    captured_free(&c);
    c = RUN(*state, "cron", "0 0 1 1 *", "--from", "2026-01-01T00:00:00Z", "-n",
            "1", "--json");
    assert_string_equal(c.out.data, "[\"2027-01-01T00:00:00Z\"]\n");
    captured_free(&c);
}

static void cron_refuses(void **state)
{
    static const struct {
        const char *words[4];
        const char *says;
    } cases[] = {
        {{"cron", "61 * * * *"}, "minute: 61 is out of range"},
        {{"cron", "@daily", "--from", "noon"}, "--from: \"noon\""},
        {{"cron", "@daily", "--count", "0"}, "--count: \"0\""},
        {{"cron", "@daily", "--timezone", "Mars/Base"}, "Mars/Base"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *const *w = cases[i].words;
        struct captured c = RUN(*state, w[0], w[1], w[2], w[3]);
        assert_int_equal(c.status, EXIT_USAGE);
        assert_int_equal(c.out.len, 0);
        assert_true(says(&c.err, cases[i].says));
        captured_free(&c);
    }
}

/* ------------------------------------------------------------------ faults --
 */

static void faults_from_their_table(void **state)
{
    struct captured c = RUN(*state, "fault", "list");
    assert_int_equal(c.status, EXIT_FINE);
    assert_true(says(&c.out, "10      refused          target  plugin"));
    assert_true(says(&c.out, "50      mismatch         target  core"));
    captured_free(&c);
    c = RUN(*state, "fault", "list", "--json");
    json_t *all = json_loads(c.out.data, 0, NULL);
    const json_t *none = json_array_get(all, 0);
    assert_string_equal(json_string_value(json_object_get(none, "name")),
                        "none");
    json_decref(all);
    captured_free(&c);
}

/* --------------------------------------------------------------- a catalog --
 */

static struct catalog *made_up(void)
{
    static const struct rlv_option options[] = {
        {"url", RLV_STRING, RLV_REQUIRED, 0, NULL, NULL, "Where."},
        {"tls.mode", RLV_ENUM, RLV_REQUIRED, 0, NULL, "strict|lax", "How."},
        {"retries", RLV_INT, 0, 0, "2", "0..9", "How \x1b[31moften."},
    };
    static const struct rlv_field fields[] = {
        {"status", RLV_T_INT, RLV_RECORDED, "", "The code."},
        {"body", RLV_T_BODY, 0, "", "The answer."},
        {"header", RLV_T_MAP, RLV_NOCASE, "", "One line."},
        {"size", RLV_T_SIZE, 0, "", "Its length."},
        {"used", RLV_T_PERCENT, 0, "", "Of the disk."},
        {"at", RLV_T_TIME, 0, "", "When."},
        {"up", RLV_T_BOOL, 0, "", "Is it?"},
    };
    static const char *const expects[] = {"status in 200..299", NULL};
    const struct rlv_plugin plugin = {.name = "http",
                                      .version = "2.1",
                                      .summary = "Made up",
                                      .option_size = sizeof options[0],
                                      .option_count = ARRAY_LEN(options),
                                      .field_size = sizeof fields[0],
                                      .field_count = ARRAY_LEN(fields),
                                      .options = options,
                                      .fields = fields,
                                      .expects = expects};
    return catalog_of(&plugin, "/somewhere/http.so");
}

static void manual_from_the_tables(void **state)
{
    static const char *const parts[] = {
        "http 2.1: Made up\n/somewhere/http.so\n",
        "  url: text, required\n      Where.\n",
        "  retries: a whole number, 0..9, default 2\n      How "
        "\\x1b[31moften.\n",
        "  status: whole number, recorded\n      The code.\n",
        "  header('KEY'): map\n",
        "  expect      status in 200..299\n",
        "    my-http = {\n      plugin = \"http\";\n"
        "      url = \"http://HOST:80/\";\n"
        "      tls = { mode = \"strict\"; };\n",
    };
    struct catalog *c = made_up();
    struct buf page = {0};
    (void)state;
    plugin_page(c, &page);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        assert_true(says(&page, parts[i]));
    json_t *o = plugin_page_json(c);
    const json_t *option = json_array_get(json_object_get(o, "options"), 2);
    assert_string_equal(json_string_value(json_object_get(option, "default")),
                        "2");
    assert_false(json_is_true(json_object_get(option, "required")));
    json_decref(o);
    buf_free(&page);
    catalog_free(c);
}

/* ------------------------------------------------------------ observations --
 */

/* "true", "false", or why the observations could not be read. */
static const char *verdict_over(const struct catalog *plugin, const char *json,
                                const char *text)
{
    static struct err err;
    struct expect_error wrong;
    struct arena *arena = arena_new();
    json_t *given = json_loads(json, 0, NULL);
    const struct catalog *c = observed_names(plugin, given, arena);
    struct expect_scope scope = {c->fields, c->field_count};
    struct expect *e = expect_parse(text, &scope, &wrong);
    if (e == NULL || given == NULL)
        fail_msg("%s: %s", text, wrong.text);
    err.text[0] = '\0';
    struct observed *o = observed_read(c, given, arena, &err);
    struct expect_input in = {.get = observed_get, .arg = o};
    const char *verdict = err.text;
    if (o != NULL)
        verdict = expect_eval(e, &in, &err) == EXPECT_TRUE ? "true" : "false";
    expect_free(e);
    json_decref(given);
    arena_free(arena);
    return verdict;
}

static void observations_by_type(void **state)
{
    static const struct {
        const char *json, *text, *verdict;
    } cases[] = {
        {"{\"status\":503}", "status == 503", "true"},
        {"{\"status\":503}", "status == 200", "false"},
        {"{\"latency\":\"620ms\"}", "latency > 600ms", "true"},
        {"{\"latency\":620}", "latency in 619ms..621ms", "true"},
        {"{\"size\":\"4KiB\"}", "size == 4096 B", "true"},
        {"{\"size\":4096}", "size == 4KiB", "true"},
        {"{\"used\":\"97.5%\"}", "used > 97%", "true"},
        {"{\"used\":3}", "used > 97%", "false"},
        {"{\"at\":\"2000-01-01T00:00:00Z\"}", "exists at", "true"},
        {"{\"up\":true}", "up", "true"},
        {"{\"body\":\"a 111 b\"}", "body ~ /111/", "true"},
        {"{\"body\":{\"db\":\"ok\"}}", "json('.db') == 'ok'", "true"},
        {"{\"body\":[1,2]}", "json('.[1]') == 2", "true"},
        {"{\"header\":{\"ETag\":\"x\"}}", "header('etag') == 'x'", "true"},
        {"{\"headers\":{\"ETag\":\"x\"}}", "header('etag') == 'x'", "true"},
        {"{\"phase\":{\"connect\":\"3ms\"}}", "phase('connect') < 5ms", "true"},
        {"{\"observations\":{\"status\":204}}", "status == 204", "true"},
        {"{\"observations\":{\"status\":200,\"db\":\"ok\"}}", "db == 'ok'",
         "true"}, /* recorded by its check */
        {"{\"status\":null}", "status == 204", "false"},
        {"{\"status\":\"503\"}", "status == 503",
         "\"status\": expected a whole number"},
        {"{\"statu\":503}", "status == 503",
         "http has no field \"statu\"; did you mean \"status\"?"},
        {"{\"header\":3}", "status == 503",
         "\"header\": expected an object, key to value"},
        {"{\"header\":{\"a\":[]}}", "status == 503",
         "\"header\": a: expected a text, a number, true or false"},
        {"[1]", "status == 503", "expected a JSON object: field to value"},
    };
    struct catalog *c = made_up();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *got = verdict_over(c, cases[i].json, cases[i].text);
        if (strcmp(got, cases[i].verdict) != 0)
            fail_msg("%s over %s: expected %s, got %s", cases[i].text,
                     cases[i].json, cases[i].verdict, got);
    }
    catalog_free(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cron_prints_times_in_the_zone),
        TEST(cron_refuses),
        TEST(faults_from_their_table),
        cmocka_unit_test(manual_from_the_tables),
        cmocka_unit_test(observations_by_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

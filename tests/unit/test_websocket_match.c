/* What a step awaits: patterns held against messages, captures, {{name}} in
 * texts; paths into JSON; ages and sequences of messages. */
#include "websocket/websocket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct message *message_new(const char *text, size_t len)
{
    struct message *message = calloc(1, sizeof *message + len + 1);
    assert_non_null(message);
    message->len = len;
    memcpy(message->bytes, text, len);
    return message;
}

/* The captured value "v" (the caller frees), "" without one, NULL: no match. */
static char *match(enum verb verb, const char *text, const char *equals,
                   const char *bytes)
{
    struct step step = {
        .verb = verb, .text = text, .equals = equals, .capture = "v"};
    struct kit_values values = {0};
    struct pattern pattern;
    char why[200] = "", *found = NULL;
    struct message *message = message_new(bytes, strlen(bytes));
    message->binary = verb == VERB_RECEIVE_HEX;
    kit_values_set(&values, "nonce", "a.c", 3);
    if (!pattern_prepare(&pattern, &step, &values, why, sizeof why))
        fail_msg("%s: %s", text, why);
    if (pattern_matches(&pattern, message, &values))
        found = strdup(values.count > 1 ? values.pairs[1].value : "");
    pattern_fini(&pattern);
    kit_values_fini(&values);
    free(message);
    return found;
}

static void patterns_match_and_capture(void **state)
{
    (void)state;
    static const struct {
        enum verb verb;
        const char *text, *equals, *bytes, *captured;
    } table[] = {
        {VERB_RECEIVE, "ab", NULL, "ab", "ab"},
        {VERB_RECEIVE, "ab", NULL, "abc", NULL},
        {VERB_RECEIVE, "", NULL, "", ""},
        {VERB_RECEIVE_CONTAINS, "b", NULL, "abc", "abc"},
        {VERB_RECEIVE_CONTAINS, "{{nonce}}", NULL, "xa.cx", "xa.cx"},
        {VERB_RECEIVE_REGEX, "[0-9]+", NULL, "a12b", "12"},
        {VERB_RECEIVE_REGEX, "id=(\\w+)", NULL, "id=x7;", "x7"},
        {VERB_RECEIVE_REGEX, "^{{nonce}}$", NULL, "a.c", "a.c"},
        {VERB_RECEIVE_REGEX, "^{{nonce}}$", NULL, "abc", NULL},
        {VERB_RECEIVE_REGEX, "ü", NULL, "\xff", NULL},
        {VERB_RECEIVE_JSON, ".a", NULL, "{\"a\":{\"b\":1}}", "{\"b\":1}"},
        {VERB_RECEIVE_JSON, ".a", "x", "{\"a\":\"x\"}", "x"},
        {VERB_RECEIVE_JSON, ".a", "1", "{\"a\":1}", "1"},
        {VERB_RECEIVE_JSON, ".a", "y", "{\"a\":\"x\"}", NULL},
        {VERB_RECEIVE_JSON, ".a", NULL, "{\"b\":1}", NULL},
        {VERB_RECEIVE_JSON, ".a", NULL, "no json", NULL},
        {VERB_RECEIVE_HEX, "61 62", NULL, "ab", "ab"},
        {VERB_RECEIVE_HEX, "61", NULL, "ab", NULL},
        {VERB_RECEIVE_ANY, "true", NULL, "x", "x"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char *found = match(table[i].verb, table[i].text, table[i].equals,
                            table[i].bytes);
        if (!found != !table[i].captured)
            fail_msg("%s on %s: %s", table[i].text, table[i].bytes,
                     found ? found : "no match");
        if (found)
            assert_string_equal(found, table[i].captured);
        free(found);
    }
}

/* Far more steps of the engine than a worker can give. */
static void a_hostile_subject_ends(void **state)
{
    (void)state;
    char bytes[4096];
    memset(bytes, 'a', sizeof bytes - 1);
    bytes[sizeof bytes - 1] = '\0';
    assert_null(match(VERB_RECEIVE_REGEX, "(a+)+$x", NULL, bytes));
}

static void names_are_filled_in_and_quoted(void **state)
{
    (void)state;
    static const struct {
        enum kit_quoting quoting;
        const char *text, *filled; /* NULL: missing */
    } table[] = {
        {KIT_QUOTE_NONE, "a {{v}} b {{v}}", "a \"x.\\ b \"x.\\"},
        {KIT_QUOTE_JSON, "[\"{{v}}\"]", "[\"\\\"x.\\\\\"]"},
        {KIT_QUOTE_REGEX, "^{{v}}$", "^\"x\\.\\\\$"},
        {KIT_QUOTE_NONE, "{{{{v}} {{v}}", "{{v}} \"x.\\"},
        {KIT_QUOTE_NONE, "{{v", "{{v"},
        {KIT_QUOTE_NONE, "{{w}}", NULL},
        {KIT_QUOTE_NONE, "", ""},
    };
    struct kit_values values = {0};
    kit_values_set(&values, "v", "old", 3);
    kit_values_set(&values, "v", "\"x.\\", 4);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const char *missing;
        char *filled =
            kit_values_fill(&values, table[i].text, table[i].quoting, &missing);
        if (table[i].filled) {
            assert_non_null(filled);
            assert_string_equal(filled, table[i].filled);
        } else {
            assert_null(filled);
            assert_memory_equal(missing, "w}}", 3);
        }
        free(filled);
    }
    kit_values_fini(&values);
}

/* ------------------------------------------------------------------ path - */

static void paths_lead_somewhere_or_nowhere(void **state)
{
    (void)state;
    static const struct {
        const char *path, *text; /* NULL: nowhere */
    } table[] = {
        {".", "{\"a\":[1,{\"b c\":\"x\"}],\"n\":null}"},
        {"$", "{\"a\":[1,{\"b c\":\"x\"}],\"n\":null}"},
        {".a[0]", "1"},
        {"$.a[-1][\"b c\"]", "x"},
        {".n", "null"},
        {".a[2]", NULL},
        {".a[-3]", NULL},
        {".a.b", NULL},
        {".x.y", NULL},
    };
    json_t *root =
        json_loads("{\"a\": [1, {\"b c\": \"x\"}], \"n\": null}", 0, NULL);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        assert_true(path_is_valid(table[i].path));
        const json_t *value = path_get(table[i].path, root);
        char *text = value ? path_text(value) : NULL;
        if (!text != !table[i].text)
            fail_msg("%s leads to %s", table[i].path, text ? text : "nothing");
        if (text)
            assert_string_equal(text, table[i].text);
        free(text);
    }
    json_decref(root);
}

static void what_is_no_path(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "a",   ".a..b", ".a[",   ".a[x]",
                                      ".a[1", ".a.", "[\"a]", ".a b[", ".a[-]"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (path_is_valid(bad[i]))
            fail_msg("%s was taken for a path", bad[i]);
}

/* -------------------------------------------------------------- watchful - */

static void times_in_every_notation(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int64_t ns; /* -1: none */
    } table[] = {
        {"\"2020-01-01T00:00:00Z\"", 1577836800000000000},
        {"\"2020-01-01T00:00:00.25Z\"", 1577836800250000000},
        {"\"2020-01-01t02:00:00+02:00\"", 1577836800000000000},
        {"\"2019-12-31 20:30:00-0330\"", 1577836800000000000},
        {"1577836800", 1577836800000000000},
        {"1577836800.5", 1577836800500000000},
        {"1577836800000", 1577836800000000000},
        {"1577836800000000", 1577836800000000000},
        {"1577836800000000000", 1577836800000000000},
        {"-1", -1},
        {"1e300", -1},
        {"99999999999", -1},
        {"\"0001-01-01T00:00:00Z\"", -1}, /* what some call no time at all */
        {"\"9999-12-31T23:59:59Z\"", -1},
        {"\"yesterday\"", -1},
        {"\"2020-01-01\"", -1},
        {"\"2020-01-01T00:00:00\"", -1},
        {"true", -1},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        int64_t ns = -1;
        json_t *value = json_loads(table[i].json, JSON_DECODE_ANY, NULL);
        bool is_time = watchful_time(value, &ns);
        json_decref(value);
        if (is_time != (table[i].ns >= 0) || (is_time && ns != table[i].ns))
            fail_msg("%s is %lld", table[i].json, (long long)ns);
    }
}

static void sequences_and_gaps(void **state)
{
    (void)state;
    static const char *const texts[] = {"{\"n\":1}", "{\"n\":2}", "{\"n\":5}",
                                        "{\"n\":5}", "{\"n\":4}", "{\"m\":9}",
                                        "nonsense"};
    struct websocket_conf conf = {.sequence = ".n"};
    struct watchful w;
    watchful_begin(&w, 1000);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct message *message = message_new(texts[i], strlen(texts[i]));
        message->at_ns = 1000 + 10 * (int64_t)(i + 1) + (i > 3 ? 500 : 0);
        watchful_message(&w, &conf, message);
        free(message);
    }
    watchful_end(&w, 1600);
    assert_int_equal(w.missing, 2);
    assert_int_equal(w.disordered, 2);
    assert_int_equal(w.gap_ns, 510);
    assert_false(w.aged);
}

/* Numbers as far apart as there are: nothing overflows. */
static void sequences_of_extremes(void **state)
{
    (void)state;
    static const char *const texts[] = {"-9223372036854775808",
                                        "9223372036854775807",
                                        "-9223372036854775808", "0", "7"};
    struct websocket_conf conf = {.sequence = "."};
    struct watchful w;
    watchful_begin(&w, 0);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct message *message = message_new(texts[i], strlen(texts[i]));
        watchful_message(&w, &conf, message);
        free(message);
    }
    assert_int_equal(w.missing, INT64_MAX);
    assert_int_equal(w.disordered, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_and_capture),
        cmocka_unit_test(a_hostile_subject_ends),
        cmocka_unit_test(names_are_filled_in_and_quoted),
        cmocka_unit_test(paths_lead_somewhere_or_nowhere),
        cmocka_unit_test(what_is_no_path),
        cmocka_unit_test(times_in_every_notation),
        cmocka_unit_test(sequences_and_gaps),
        cmocka_unit_test(sequences_of_extremes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

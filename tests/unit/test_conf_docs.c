/* docs/config.md is what the tables say; what `config show` prints can be read
 * again; every word of later is told as such. */
#include "test_conf_fixture.h"

#include "conf/tables.h"

static void docs_are_fresh(void **state)
{
    (void)state;
    const char *source = getenv("RELEVO_SOURCE");
    char path[4096];
    if (source == NULL) {
        print_message("RELEVO_SOURCE is not set\n");
        skip();
    }
    snprintf(path, sizeof path, "%s/docs/config.md", source);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    struct buf there = {0}, made = {0};
    char chunk[4096];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_add(&there, chunk, n);
    fclose(f);
    conf_write_docs(&made);
    if (strcmp(buf_text(&there), buf_text(&made)) != 0 &&
        getenv("RELEVO_WRITE_DOCS") != NULL) {
        f = fopen(path, "w");
        assert_non_null(f);
        fputs(buf_text(&made), f);
        fclose(f);
        print_message("%s is written anew\n", path);
    } else if (strcmp(buf_text(&there), buf_text(&made)) != 0) {
        print_message("%s is stale: run this test with RELEVO_WRITE_DOCS=1\n",
                      path);
        assert_string_equal(buf_text(&there), buf_text(&made));
    }
    buf_free(&there);
    buf_free(&made);
}

static void every_row_has_a_sentence_and_a_default_that_fits(void **state)
{
    (void)state;
    const struct option_table *const tables[] = {
        &global_options, &check_options, &runbook_options, &match_options};
    static union {
        struct global_values global;
        struct check_values check;
        struct runbook_values runbook;
    } values;
    struct arena *arena = arena_new();
    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        struct err err = {0};
        bool ok = option_defaults(tables[t]->rows, tables[t]->count, &values,
                                  arena, &err);
        assert_string_equal(err.text, "");
        assert_true(ok);
        for (size_t i = 0; i < tables[t]->count; i++)
            assert_true(str_ends(tables[t]->rows[i].help, "."));
    }
    arena_free(arena);
}

static void what_is_shown_can_be_read_again(void **state)
{
    (void)state;
    struct conf *first = fixture_good(
        "automation = \"observe\"; log = \"warn\";\n"
        "checks = { a = { url = \"http://h/\\\"q\\\"\"; tls = { ca_file = "
        "\"/c\"; }; headers = { A = \"1\"; }; steps = ({ k = \"v\"; }); "
        "expect = [\"body ~ /a\\\\/b/\"]; };\n"
        "  b = { plugin = \"redis\"; cron = \"@daily\"; }; };");
    struct buf shown = {0}, again = {0};
    conf_show(first, NULL, &shown);
    struct conf *second = fixture_good(buf_text(&shown));
    conf_show(second, NULL, &again);
    assert_string_equal(buf_text(&again), buf_text(&shown));
    buf_free(&shown);
    buf_free(&again);
    conf_unref(first);
    conf_unref(second);
}

static void words_of_later_are_never_unknown(void **state)
{
    (void)state;
    static const struct {
        const char *format;
        const char *words[16];
    } places[] = {
        {"%s = 1; checks = { a = { url = \"http://h\"; }; };",
         {"budget", "suites", "connectivity"}},
        {"checks = { a = { url = \"http://h\"; %s = 1; }; };",
         {"group", "suite", "active", "witness", "slo"}},
        {"defaults = { %s = 1; }; checks = { a = { url = \"http://h\"; }; };",
         {"group", "suite", "slo"}},
        {"checks = { a = { plugin = \"%s\"; }; };", {"group", "suite"}},
        {"runbooks = { r = { script = \"/x\"; %s = 1; }; };",
         {"witness", "after", "lock", "fence"}},
        {"runbooks = { r = { script = \"/x\"; on = \"%s\"; }; };",
         {"still_down", "flapping"}},
    };
    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        for (size_t k = 0; k < 16 && places[i].words[k] != NULL; k++) {
            char *text, *expected;
            assert_true(asprintf(&text, "%.*s%s%s",
                                 (int)(strstr(places[i].format, "%s") -
                                       places[i].format),
                                 places[i].format, places[i].words[k],
                                 strstr(places[i].format, "%s") + 2) > 0);
            assert_true(asprintf(&expected, "\"%s\" is not in this version",
                                 places[i].words[k]) > 0);
            char *told = fixture_told(text);
            if (strstr(told, expected) == NULL)
                assert_string_equal(told, expected);
            assert_null(strstr(told, "unknown key"));
            free(text);
            free(expected);
            free(told);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(docs_are_fresh),
        cmocka_unit_test(every_row_has_a_sentence_and_a_default_that_fits),
        cmocka_unit_test(what_is_shown_can_be_read_again),
        cmocka_unit_test(words_of_later_are_never_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

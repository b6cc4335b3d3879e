/* tests/unit/test_expect_explain.c: the values that a line is shown with, and
 * that every operator and function stands on the users' page. */
#include "test_expect_scope.h"

#include <stdlib.h>

static void check(const char *text, const char *body, const char *wanted)
{
    struct observed o = {body, body == NULL ? 0 : strlen(body), 0};
    struct expect_input in = scope_input(&o);
    struct expect *e = scope_parse(text);
    struct buf out = {0};
    expect_explain(e, &in, &out);
    if (strcmp(buf_text(&out), wanted) != 0)
        fail_msg("%s\n  got    %s\n  wanted %s", text, buf_text(&out), wanted);
    buf_free(&out);
    expect_free(e);
}

static void every_type_is_shown(void **state)
{
    (void)state;
    // clang-format off
    static const char *const rows[][2] = {
        {"status == 200",         "503"},
        {"latency < 500ms",       "612ms"},
        {"memory < 1MiB",         "3MiB"},
        {"hit_ratio > 99%",       "97.5%"},
        {"load < 0.5",            "0.75"},
        {"not tls",               "true"},
        {"expires > '2026-03-28T12:00:00Z'", "2026-03-28T11:58:30.000Z"},
        {"role == 'replica'",     "'primary'"},
        {"header('etag') == 'x'", "'\"a1\"'"},
        {"value('lag') < 1s",     "1.5s"},
        {"reply == 'x'",          "'PONG'"},
        {"len(role) > 9",         "7"},
        {"age(expires) < 1m",     "1m30s"},
        {"within(status, '502')", "503"},
        {"lower(reply) == 'x'",   "'pong'"},
        {"missing == 1",          "(absent)"},
        {"header('x') == 'y'",    "(absent)"},
        {"json('.a') == 1",       "(absent)"},
        {"true",                  ""},
    };
    // clang-format on
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(rows[i][0], NULL, rows[i][1]);
}

static void several_are_named(void **state)
{
    (void)state;
    check("status == 200 and latency < 500ms", NULL,
          "status 503, latency 612ms");
    check("status == 200 or status == 204", NULL, "503");
    check("latency < limit", NULL, "latency 612ms, limit 500ms");
    check("not (exists missing and header('etag') == 'x')", NULL,
          "missing (absent), header('etag') '\"a1\"'");
    check("status in [200, missing]", NULL, "status 503, missing (absent)");
}

static void json_is_shown(void **state)
{
    (void)state;
    const char *body = "{\"a\":null,\"b\":[1,{\"c\":2}],\"s\":\"x\\u0007y\"}";
    check("json('.a') == 1", body, "(absent)");
    check("json('.b') == 1", body, "[1,{\"c\":2}]");
    check("len(json('.b')) == 1", body, "2");
    check("json('.s') == 'z'", body, "'x\\x07y'");
    check("json('.s') == 'z'", "<html>", "(absent): the body is not JSON");
    check("len(json('.s')) == 1", "<html>", "(absent): the body is not JSON");
}

static void long_texts_are_cut_and_cleaned(void **state)
{
    (void)state;
    char body[400], wanted[400];
    memset(body, 'x', sizeof body);
    memcpy(body + 118, "é€", 5); /* byte 120 is inside the second */
    body[399] = '\0';
    snprintf(wanted, sizeof wanted, "'%.120s…' of 399 bytes", body);
    check("body contains 'ready'", body, wanted);
    memcpy(body + 118, "x€x", 5); /* cut before it */
    snprintf(wanted, sizeof wanted, "'%.119s…' of 399 bytes", body);
    check("body contains 'ready'", body, wanted);
    check("body contains 'ready'", "a\x1b[31m\n\xff", "'a\\x1b[31m\\x0a\\xff'");
}

static void check_page(const char *page, const struct expect_word *w)
{
    char *cell = xasprintf("| `%s`", w->name);
    if (strstr(page, cell) == NULL)
        fail_msg("docs/expectations.md has no row for %s", w->name);
    free(cell);
}

static void the_page_has_every_word(void **state)
{
    (void)state;
    const char *source = getenv("RELEVO_SOURCE");
    if (source == NULL)
        skip();
    char path[512];
    snprintf(path, sizeof path, "%s/docs/expectations.md", source);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    char *page = xcalloc(1, 1 << 20);
    assert_true(fread(page, 1, (1 << 20) - 1, f) > 0);
    fclose(f);
    const struct expect_word *w;
    for (size_t i = 0; (w = expect_operator_at(i)) != NULL; i++)
        check_page(page, w);
    for (size_t i = 0; (w = expect_function_at(i)) != NULL; i++)
        check_page(page, w);
    free(page);
}

/* The forms in the tables are what help prints: they must be right. */
static void every_form_in_the_tables_parses(void **state)
{
    (void)state;
    static const struct rlv_field fields[] = {
        {"status", RLV_T_INT},   {"latency", RLV_T_DURATION},
        {"role", RLV_T_TEXT},    {"queue", RLV_T_INT},
        {"version", RLV_T_TEXT}, {"cert_expiry", RLV_T_DURATION},
        {"body", RLV_T_BODY},    {"header", RLV_T_MAP},
        {"host", RLV_T_TEXT},    {"restarts", RLV_T_INT, RLV_COUNTER},
        {"errors", RLV_T_INT},
    };
    struct expect_scope wide = {fields, ARRAY_LEN(fields)};
    const struct expect_word *w;
    for (size_t i = 0; (w = expect_operator_at(i)) != NULL; i++) {
        struct expect_error error;
        struct expect *e = expect_parse(w->form, &wide, &error);
        if (e == NULL)
            fail_msg("%s: %s", w->form, error.text);
        expect_free(e);
    }
    for (size_t i = 0; (w = expect_function_at(i)) != NULL; i++) {
        struct expect_error error;
        struct expect *e = expect_parse_value(w->form, &wide, &error);
        if (e == NULL && strstr(error.text, "not in this version") == NULL)
            fail_msg("%s: %s", w->form, error.text);
        expect_free(e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_shown),
        cmocka_unit_test(several_are_named),
        cmocka_unit_test(json_is_shown),
        cmocka_unit_test(long_texts_are_cut_and_cleaned),
        cmocka_unit_test(the_page_has_every_word),
        cmocka_unit_test(every_form_in_the_tables_parses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

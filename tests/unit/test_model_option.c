/* Option rows: kinds, limits, defaults, required ones, and how values are
 * shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/attr.h"
#include "model/option.h"

struct values {
    const char *text, *secret, *word, *url;
    int64_t number, duration, size, flag, choice;
    double real;
    struct rlv_list list;
    struct rlv_dict dict;
    struct rlv_steps steps;
};

#define ROW(kind, name, flags, fallback, limits)                               \
    {                                                                          \
#name, kind, flags, (uint32_t)offsetof(struct values, name), fallback, \
            limits, "About " #name "."                                         \
    }

static const struct rlv_option rows[] = {
    ROW(RLV_STRING, text, RLV_REQUIRED, NULL, NULL),
    ROW(RLV_SECRET, secret, 0, NULL, NULL),
    ROW(RLV_STRING, word, 0, "low", "low|high"),
    ROW(RLV_STRING, url, RLV_SECRET_PARTS, NULL, NULL),
    ROW(RLV_INT, number, 0, "7", "1..65535"),
    ROW(RLV_DURATION, duration, 0, "250ms", "1ms..60s"),
    ROW(RLV_SIZE, size, 0, "4KiB", "0..1MiB"),
    ROW(RLV_BOOL, flag, 0, "true", NULL),
    ROW(RLV_ENUM, choice, 0, "HEAD", "GET|HEAD|POST"),
    ROW(RLV_REAL, real, 0, "0.5", "0..1"),
    ROW(RLV_LIST, list, 0, "a, b", NULL),
    ROW(RLV_DICT, dict, 0, NULL, NULL),
    ROW(RLV_STEPS, steps, 0, NULL, NULL),
};

static struct raw text_of(const char *text)
{
    return (struct raw){.type = RAW_TEXT, .text = text};
}

static void defaults_are_stored(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct values v;
    struct err err = {0};
    memset(&v, 0xff, sizeof v);
    assert_true(option_defaults(rows, ARRAY_LEN(rows), &v, arena, &err));
    assert_null(v.text);
    assert_null(v.secret);
    assert_string_equal(v.word, "low");
    assert_int_equal(v.number, 7);
    assert_int_equal(v.duration, 250000000);
    assert_int_equal(v.size, 4096);
    assert_int_equal(v.flag, 1);
    assert_int_equal(v.choice, 1);
    assert_true(v.real > 0.49 && v.real < 0.51);
    assert_int_equal(v.list.count, 2);
    assert_string_equal(v.list.items[1], "b");
    assert_int_equal(v.dict.count, 0);
    assert_int_equal(v.steps.count, 0);
    arena_free(arena);
}

static void a_default_that_does_not_fit_is_an_error(void **state)
{
    (void)state;
    static const struct rlv_option bad[] = {
        ROW(RLV_INT, number, 0, "0", "1..9")};
    struct arena *arena = arena_new();
    struct values v;
    struct err err = {0};
    assert_false(option_defaults(bad, 1, &v, arena, &err));
    assert_string_equal(err.text,
                        "default of option \"number\": 0 is not within 1..9");
    arena_free(arena);
}

// clang-format off
static const struct {
    const char *name;
    struct raw raw;
    const char *error; /* NULL: fits */
} settings[] = {
    {"text",     {RAW_TEXT, .text = "x"},      NULL},
    {"text",     {RAW_INT,  .text = "5"},      "text is expected, such as \"text\", not a whole number"},
    {"word",     {RAW_TEXT, .text = "high"},   NULL},
    {"word",     {RAW_TEXT, .text = "hihg"},   "\"hihg\" is not \"low\" or \"high\"; did you mean \"high\"?"},
    {"number",   {RAW_INT,  .text = "65535"},  NULL},
    {"number",   {RAW_TEXT, .text = "12"},     NULL},
    {"number",   {RAW_INT,  .text = "65536"},  "65536 is not within 1..65535"},
    {"number",   {RAW_INT,  .text = "-1"},     "-1 is not within 1..65535"},
    {"number",   {RAW_TEXT, .text = "1x"},     "\"1x\" is not a whole number"},
    {"number",   {RAW_REAL, .text = "1.5"},    "a whole number is expected, such as 5, not a number"},
    {"number",   {RAW_BOOL, .text = "true"},   "a whole number is expected, such as 5, not true or false"},
    {"duration", {RAW_TEXT, .text = "1ms"},    NULL},
    {"duration", {RAW_TEXT, .text = "60s"},    NULL},
    {"duration", {RAW_TEXT, .text = "61s"},    "61s is not within 1ms..60s"},
    {"duration", {RAW_TEXT, .text = "999us"},  "999us is not within 1ms..60s"},
    {"duration", {RAW_INT,  .text = "30"},     "\"30\" is not a duration; did you mean \"30s\"?"},
    {"size",     {RAW_INT,  .text = "512"},    NULL},
    {"size",     {RAW_TEXT, .text = "2MiB"},   "2MiB is not within 0..1MiB"},
    {"flag",     {RAW_BOOL, .text = "false"},  NULL},
    {"flag",     {RAW_TEXT, .text = "true"},   NULL},
    {"flag",     {RAW_INT,  .text = "1"},      "true or false is expected, not a whole number"},
    {"choice",   {RAW_TEXT, .text = "POST"},   NULL},
    {"choice",   {RAW_TEXT, .text = "PSOT"},   "\"PSOT\" is not \"GET\", \"HEAD\" or \"POST\"; did you mean \"POST\"?"},
    {"choice",   {RAW_LIST, .text = NULL},     "one of some words is expected, such as \"word\", not a list"},
    {"real",     {RAW_REAL, .text = "0.25"},   NULL},
    {"real",     {RAW_INT,  .text = "1"},      NULL},
    {"real",     {RAW_REAL, .text = "1.5"},    "1.5 is not within 0..1"},
    {"real",     {RAW_TEXT, .text = "nan"},    "\"nan\" is not a number"},
    {"list",     {RAW_TEXT, .text = "x"},      NULL},
    {"list",     {RAW_LIST, .text = NULL},     NULL},
    {"list",     {RAW_DICT, .text = NULL},     "a list of texts is expected, such as [\"a\", \"b\"], not a group"},
    {"dict",     {RAW_DICT, .text = NULL},     NULL},
    {"dict",     {RAW_TEXT, .text = "x"},      "a group of texts is expected, such as { name = \"text\"; }, not text"},
    {"steps",    {RAW_STEPS, .text = NULL},    NULL},
    {"steps",    {RAW_LIST, .text = NULL},     NULL},
    {"steps",    {RAW_DICT, .text = NULL},     "a list of groups is expected, such as ({ name = \"text\"; }), not a group"},
    {"number",   {RAW_TEXT, true, "hunter2"},  "the secret value is not a whole number within 1..65535"},
    {"secret",   {RAW_INT,  .text = "5"},      "the secret value is not a secret"},
};
// clang-format on

static void values_are_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        struct arena *arena = arena_new();
        struct values v = {0};
        struct err err = {0};
        bool ok =
            option_set(option_find(rows, ARRAY_LEN(rows), settings[i].name),
                       &settings[i].raw, &v, arena, &err);
        assert_string_equal(err.text,
                            settings[i].error == NULL ? "" : settings[i].error);
        assert_int_equal(ok, settings[i].error == NULL);
        arena_free(arena);
    }
}

static void what_is_stored_is_a_copy(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct values v = {0};
    struct err err = {0};
    char key[] = "key", value[] = "value";
    struct rlv_pair pair = {key, value};
    struct rlv_dict dict = {&pair, 1};
    struct raw raw = {.type = RAW_STEPS, .steps = {&dict, 1}};
    assert_true(option_set(option_find(rows, ARRAY_LEN(rows), "steps"), &raw,
                           &v, arena, &err));
    key[0] = value[0] = 'X';
    assert_int_equal(v.steps.count, 1);
    assert_string_equal(v.steps.steps[0].pairs[0].key, "key");
    assert_string_equal(v.steps.steps[0].pairs[0].value, "value");
    arena_free(arena);
}

static void filling_names_the_culprit(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct values v;
    const struct setting given[] = {
        {.name = "text", .value = text_of("x")},
        {.name = "elsewhere", .value = text_of("x")},
        {.name = "number", .value = text_of("0")},
    };
    const struct setting *culprit = NULL;
    struct err err = {0};
    assert_true(option_fill(rows, ARRAY_LEN(rows), given, 2, &v, arena,
                            &culprit, &err));
    assert_string_equal(v.text, "x");
    assert_int_equal(v.number, 7);
    assert_false(option_fill(rows, ARRAY_LEN(rows), given, 3, &v, arena,
                             &culprit, &err));
    assert_ptr_equal(culprit, &given[2]);
    assert_string_equal(err.text, "0 is not within 1..65535");
    assert_false(option_fill(rows, ARRAY_LEN(rows), given + 1, 1, &v, arena,
                             &culprit, &err));
    assert_null(culprit);
    assert_string_equal(err.text, "\"text\" is missing: About text.");
    arena_free(arena);
}

static void names_are_found_and_suggested(void **state)
{
    (void)state;
    assert_ptr_equal(option_find(rows, ARRAY_LEN(rows), "size"), &rows[6]);
    assert_null(option_find(rows, ARRAY_LEN(rows), "sizes"));
    assert_string_equal(option_suggest(rows, ARRAY_LEN(rows), "numbre"),
                        "number");
    assert_null(option_suggest(rows, ARRAY_LEN(rows), "zzzz"));
    assert_string_equal(option_kind_text(RLV_DURATION), "a duration");
    assert_string_equal(option_kind_text(99), "of an unknown kind");
}

static void assert_shown(const char *name, const struct values *v,
                         const char *expected)
{
    struct buf out = {0};
    option_show(option_find(rows, ARRAY_LEN(rows), name), v, &out);
    assert_string_equal(buf_text(&out), expected);
    buf_free(&out);
}

static void values_are_shown_as_written(void **state)
{
    (void)state;
    const char *items[] = {"a", "b\"c"};
    const struct rlv_pair pairs[] = {{"A", "1"}, {"B", "2"}};
    const struct rlv_dict step = {pairs, 2};
    struct values v = {.text = "a\\\n\x01",
                       .secret = "hunter2",
                       .url = "redis://me:pass@h:1/0",
                       .number = -5,
                       .duration = 90000000000,
                       .size = 4096,
                       .flag = 1,
                       .choice = 2,
                       .real = 0.5,
                       .list = {items, 2},
                       .dict = {pairs, 2},
                       .steps = {&step, 1}};
    assert_shown("text", &v, "\"a\\\\\\n\\x01\"");
    assert_shown("secret", &v, "\"***\"");
    assert_shown("url", &v, "\"redis://me:***@h:1/0\"");
    assert_shown("number", &v, "-5");
    assert_shown("duration", &v, "\"1m30s\"");
    assert_shown("size", &v, "\"4KiB\"");
    assert_shown("flag", &v, "true");
    assert_shown("choice", &v, "\"POST\"");
    assert_shown("real", &v, "0.500000000000000");
    assert_shown("list", &v, "[\"a\", \"b\\\"c\"]");
    assert_shown("dict", &v, "{ A = \"1\"; B = \"2\"; }");
    assert_shown("steps", &v, "({ A = \"1\"; B = \"2\"; })");
    v.url = "https://token@h/";
    assert_shown("url", &v, "\"https://***@h/\"");
    v.url = "https://h/a@b:c";
    assert_shown("url", &v, "\"https://h/a@b:c\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_stored),
        cmocka_unit_test(a_default_that_does_not_fit_is_an_error),
        cmocka_unit_test(values_are_checked),
        cmocka_unit_test(what_is_stored_is_a_copy),
        cmocka_unit_test(filling_names_the_culprit),
        cmocka_unit_test(names_are_found_and_suggested),
        cmocka_unit_test(values_are_shown_as_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

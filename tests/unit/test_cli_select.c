/* Which checks `relevo test` is about, and why it skips some of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/test_select.h"

static const char *const uat[] = {"uat"}, *const smoke[] = {"smoke", "uat"};

static struct environment_spec worlds[] = {{.name = "staging"},
                                           {.name = "production"}};

static struct check_spec checks[] = {
    {.name = "staging/api", .plain_name = "api", .environment = "staging"},
    {.name = "staging/db", .plain_name = "db", .environment = "staging"},
    {.name = "staging/docs", .plain_name = "docs", .environment = "staging"},
    {.name = "production/api",
     .plain_name = "api",
     .environment = "production"},
    {.name = "production/db", .plain_name = "db", .environment = "production"},
};
enum { CHECKS = ARRAY_LEN(checks) };

static struct conf conf = {.file = "relevo.cfg",
                           .environments = worlds,
                           .environment_count = ARRAY_LEN(worlds),
                           .checks = checks,
                           .check_count = CHECKS};

static int setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECKS; i++) {
        checks[i].tags = (struct rlv_list){uat, 1};
        checks[i].enabled = true;
        checks[i].skip = checks[i].missing = NULL;
        checks[i].source = NULL;
    }
    checks[0].tags = (struct rlv_list){smoke, 2};
    checks[3].tags = (struct rlv_list){NULL, 0};
    return 0;
}

/* "1.1..": the first and the third; "refused" when it was. */
static const char *selected(const char *const *words, const struct given *given)
{
    static char shown[CHECKS + 1];
    struct args args = {.words = (const char **)(uintptr_t)words,
                        .given = given};
    bool chosen[CHECKS] = {false};
    while (words[args.word_count] != NULL)
        args.word_count++;
    while (given[args.given_count].name != NULL)
        args.given_count++;
    if (!test_select(&args, &conf, chosen))
        return "refused";
    for (size_t i = 0; i < CHECKS; i++)
        shown[i] = chosen[i] ? '1' : '.';
    return shown;
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define GIVEN(...) ((const struct given[]){__VA_ARGS__, {NULL, NULL}})
#define NO_WORDS   WORDS(NULL)
#define NO_OPTIONS ((const struct given[]){{NULL, NULL}})

static void by_name(void **state)
{
    (void)state;
    assert_string_equal(selected(NO_WORDS, NO_OPTIONS), "11111");
    assert_string_equal(selected(WORDS("api"), NO_OPTIONS), "1..1.");
    assert_string_equal(selected(WORDS("staging/api"), NO_OPTIONS), "1....");
    assert_string_equal(selected(WORDS("d*"), NO_OPTIONS), ".11.1");
    assert_string_equal(selected(WORDS("production/*", "docs"), NO_OPTIONS),
                        "..111");
    assert_string_equal(selected(WORDS("dcos"), NO_OPTIONS), "refused");
    assert_string_equal(selected(WORDS("api", "x*"), NO_OPTIONS), "refused");
}

static void by_environment(void **state)
{
    (void)state;
    assert_string_equal(selected(NO_WORDS, GIVEN({"env", "staging"})), "111..");
    assert_string_equal(
        selected(NO_WORDS, GIVEN({"env", "production,staging"})), "11111");
    assert_string_equal(selected(WORDS("api"), GIVEN({"env", "staging"},
                                                     {"env", "production"})),
                        "1..1.");
    /* Both are known; nothing is both. */
    assert_string_equal(selected(WORDS("docs"), GIVEN({"env", "production"})),
                        ".....");
    assert_string_equal(selected(NO_WORDS, GIVEN({"env", "stagin"})),
                        "refused");
}

static void by_tag(void **state)
{
    (void)state;
    assert_string_equal(selected(NO_WORDS, GIVEN({"tag", "smoke"})), "1....");
    assert_string_equal(selected(NO_WORDS, GIVEN({"tag", "uat"})), "111.1");
    assert_string_equal(
        selected(WORDS("db"), GIVEN({"tag", "smoke"}, {"tag", "uat"})),
        ".1..1");
    assert_string_equal(selected(NO_WORDS, GIVEN({"tag", "uta"})), "refused");
}

static void why_it_is_skipped(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct check_spec *api = &checks[0], *db = &checks[1];
    assert_null(test_skip_reason(api, arena));
    api->missing = "env \"TOKEN\"";
    assert_string_equal(test_skip_reason(api, arena),
                        "env \"TOKEN\" is not set");
    api->missing = "file \"token\"";
    assert_string_equal(test_skip_reason(api, arena),
                        "file \"token\" has no value");
    api->skip = "being rebuilt";
    assert_string_equal(test_skip_reason(api, arena), "being rebuilt");
    db->source = api;
    assert_string_equal(test_skip_reason(db, arena),
                        "its source staging/api: being rebuilt");
    api->skip = "";
    api->missing = NULL;
    assert_null(test_skip_reason(api, arena));
    assert_null(test_skip_reason(db, arena));
    api->enabled = false;
    assert_string_equal(test_skip_reason(db, arena),
                        "its source staging/api: disabled");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(by_name, setup),
        cmocka_unit_test_setup(by_environment, setup),
        cmocka_unit_test_setup(by_tag, setup),
        cmocka_unit_test_setup(why_it_is_skipped, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

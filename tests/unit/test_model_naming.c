/* What a word means: whole and plain names, globs, environments, and what is
 * said where it means nothing or too much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/str.h"
#include "model/naming.h"

static const struct named worlds[] = {{"staging/api", "staging"},
                                      {"staging/db", "staging"},
                                      {"production/api", "production"},
                                      {"production/db", "production"},
                                      {"production/docs", "production"}};
static const struct named plain[] = {{"api", ""}, {"db", ""}};

static bool at_worlds(const void *arg, size_t i, struct named *out)
{
    (void)arg;
    if (i >= ARRAY_LEN(worlds))
        return false;
    *out = worlds[i];
    return true;
}

static bool at_plain(const void *arg, size_t i, struct named *out)
{
    (void)arg;
    if (i >= ARRAY_LEN(plain))
        return false;
    *out = plain[i];
    return true;
}

static const struct naming in_worlds = {NULL, at_worlds, ""};
static const struct naming in_plain = {NULL, at_plain, "in the history"};

/* Its name, or the error. */
static const char *found(const struct naming *names, const char *word,
                         const char *environment)
{
    static struct err err;
    struct named c;
    size_t i;
    if (!naming_find(names, word, environment, &i, &err))
        return err.text;
    assert_true(names->at(names->arg, i, &c));
    return c.name;
}

static void one_check(void **state)
{
    (void)state;
    assert_string_equal(found(&in_worlds, "staging/api", NULL), "staging/api");
    assert_string_equal(found(&in_worlds, "docs", NULL), "production/docs");
    assert_string_equal(found(&in_worlds, "api", "production"),
                        "production/api");
    assert_string_equal(found(&in_plain, "api", NULL), "api");
}

static void too_much_or_nothing(void **state)
{
    (void)state;
    assert_string_equal(found(&in_worlds, "api", NULL),
                        "\"api\" is in 2 environments: staging/api, "
                        "production/api; give the whole name, or --env");
    assert_string_equal(found(&in_worlds, "docs", "staging"),
                        "\"docs\" is not in \"staging\"");
    assert_string_equal(found(&in_worlds, "dosc", NULL),
                        "no check \"dosc\"; did you mean \"docs\"?");
    assert_string_equal(found(&in_worlds, "api", "stagin"),
                        "no environment \"stagin\"; did you mean \"staging\"?");
    assert_string_equal(found(&in_plain, "api", "staging"),
                        "no environment \"staging\": there are none in the "
                        "history");
    assert_string_equal(found(&in_plain, "zzz", NULL),
                        "no check \"zzz\" in the history");
}

/* "1.1..": the first and the third; or the error. */
static const char *chosen(const char *word, const char *environment)
{
    static char shown[ARRAY_LEN(worlds) + 1];
    static struct err err;
    bool is[ARRAY_LEN(worlds)] = {false};
    if (!naming_choose(&in_worlds, word, environment, is, &err))
        return err.text;
    for (size_t i = 0; i < ARRAY_LEN(worlds); i++)
        shown[i] = is[i] ? '1' : '.';
    return shown;
}

static void many_checks(void **state)
{
    (void)state;
    assert_string_equal(chosen("*", NULL), "11111");
    assert_string_equal(chosen("*", "staging"), "11...");
    assert_string_equal(chosen("api", NULL), "1.1..");
    assert_string_equal(chosen("d*", NULL), ".1.11");
    assert_string_equal(chosen("production/*", NULL), "..111");
    assert_string_equal(chosen("x*", NULL), "no check fits \"x*\"");
    assert_string_equal(chosen("docs*", "staging"),
                        "no check fits \"docs*\" in environment staging");
    assert_string_equal(chosen("docs", "staging"),
                        "\"docs\" is not in \"staging\"");
    assert_string_equal(chosen("dosc", NULL),
                        "no check \"dosc\"; did you mean \"docs\"?");
}

static void wildcards_make_a_glob(void **state)
{
    (void)state;
    assert_true(naming_is_glob("a*"));
    assert_true(naming_is_glob("a?"));
    assert_true(naming_is_glob("[ab]"));
    assert_false(naming_is_glob("staging/api"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_check),
        cmocka_unit_test(too_much_or_nothing),
        cmocka_unit_test(many_checks),
        cmocka_unit_test(wildcards_make_a_glob),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

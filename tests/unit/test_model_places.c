/* test_model_places.c: {{name}} in texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/mem.h"
#include "model/places.h"

static const struct rlv_pair pairs[] = {{"nonce", "n-1"},
                                        {"a-b_2", "{{nonce}}"}};
static const struct rlv_dict values = {pairs, 2};

static void test_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *filled, *unfilled;
    } cases[] = {
        {"plain", "plain", NULL},
        {"", "", NULL},
        {"{{nonce}}", "n-1", NULL},
        {"a {{nonce}}{{nonce}} b", "a n-1n-1 b", NULL},
        {"{{a-b_2}}", "{{nonce}}", NULL}, /* a value is no text to fill */
        {"{{{{nonce}}", "{{nonce}}", NULL},
        {"{{{{{{nonce}}", "{{n-1", NULL},
        {"{{{nonce}}}", "{n-1}", NULL},
        {"{{{{{{{{x", "{{{{x", NULL},
        {"{{ nonce }}", "{{ nonce }}", NULL},
        {"{{nonce", "{{nonce", NULL},
        {"{{2}} {{}} }}", "{{2}} {{}} }}", NULL},
        {"{{nonse}}", NULL, "nonse"},
        {"{{nonce}} {{no}}", NULL, "no"},
    };
    struct arena *arena = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *unfilled = NULL;
        const char *filled =
            places_fill_text(cases[i].text, &values, arena, &unfilled);
        if (cases[i].filled == NULL) {
            assert_null(filled);
            assert_string_equal(unfilled, cases[i].unfilled);
        } else
            assert_string_equal(filled, cases[i].filled);
    }
    arena_free(arena);
}

/* What is escaped reads as it was, with values and without. */
static void test_escape(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "a", "{{nonce}}", "{{{x", "{{{{nonce}}", "{ {{{{{ }", "p{{q}}"};
    struct arena *arena = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const char *unfilled, *escaped = places_escape(texts[i], arena);
        assert_string_equal(
            places_fill_text(escaped, &values, arena, &unfilled), texts[i]);
        assert_string_equal(places_fill_text(escaped, NULL, arena, &unfilled),
                            texts[i]);
    }
    arena_free(arena);
}

/* Without values, places stay and literals are put right. */
static void test_whole_values(void **state)
{
    (void)state;
    const char *items[] = {"a", "{{nonce}}"};
    const struct rlv_pair group[] = {{"{{key}}", "{{{{x"}, {"k", "{{gone}}"}};
    const struct rlv_dict steps[] = {{group, 2}};
    const struct raw list = {.type = RAW_LIST, .list = {items, 2}},
                     dict = {.type = RAW_DICT, .dict = {group, 2}},
                     all = {.type = RAW_STEPS, .steps = {steps, 1}};
    struct arena *arena = arena_new();
    struct raw to;
    const char *unfilled = NULL;
    assert_true(places_are_in(&list) && places_are_in(&dict) &&
                places_are_in(&all));
    assert_true(places_fill(&list, &values, arena, &to, &unfilled));
    assert_string_equal(to.list.items[1], "n-1");
    assert_false(places_fill(&dict, &values, arena, &to, &unfilled));
    assert_string_equal(unfilled, "gone");
    assert_false(places_fill(&all, &values, arena, &to, &unfilled));
    assert_true(places_fill(&all, NULL, arena, &to, &unfilled));
    assert_string_equal(to.steps.steps[0].pairs[0].key, "{{key}}");
    assert_string_equal(to.steps.steps[0].pairs[0].value, "{{x");
    assert_string_equal(to.steps.steps[0].pairs[1].value, "{{gone}}");
    const struct raw literal = {.type = RAW_TEXT, .text = "{{{{nonce}}"};
    assert_false(places_are_in(&literal));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_escape),
        cmocka_unit_test(test_whole_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

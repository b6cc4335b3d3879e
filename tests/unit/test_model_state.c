/* test_model_state.c: thresholds and states, one result after another.
 *
 * A row is a sequence of outcomes (o w f u: ok, warn, fail, unknown) and the
 * states after each of them; suspect with its count. Between them b means that
 * from here on a parent is down, d that one is undecided, a that all allow it;
 * ! decides at once what they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "model/internal.h"

struct row {
    int fails, goods; /* thresholds */
    int window_fails, window_size;
    const char *outcomes;
    const char *states;
};

static const struct row rows[] = {
    /* first results */
    {3, 2, 0, 0, "o", "up"},
    {3, 2, 0, 0, "w", "degraded"},
    {3, 2, 0, 0, "f", "suspect1"},
    {3, 2, 0, 0, "u", "pending"},
    /* confirmation */
    {3, 2, 0, 0, "fff", "suspect1 suspect2 down"},
    {3, 2, 0, 0, "offo", "up suspect1 suspect2 up"},
    {1, 1, 0, 0, "fof", "down up down"},
    /* recovery */
    {1, 2, 0, 0, "fofoo", "down down down down up"},
    {1, 2, 0, 0, "fow", "down down degraded"},
    /* unknown neither adds nor clears */
    {3, 2, 0, 0, "ofuuf", "up suspect1 suspect1 suspect1 suspect2"},
    {3, 2, 0, 0, "ouuu", "up up up unknown"},
    {3, 2, 0, 0, "ouuuo", "up up up unknown up"},
    {2, 2, 0, 0, "uuf", "pending unknown suspect1"},
    /* a check that was down stays down through unknown */
    {2, 2, 0, 0, "ffuuoo", "suspect1 down down unknown down up"},
    {2, 2, 0, 0, "ffuuf", "suspect1 down down unknown down"},
    /* degraded and back */
    {3, 2, 0, 0, "owowo", "up degraded up degraded up"},
    {3, 2, 0, 0, "wfw", "degraded suspect1 degraded"},
    /* 2 of 4: a good result between does not help */
    {3, 1, 2, 4, "fof", "suspect1 up down"},
    {3, 1, 2, 4, "foooof", "suspect1 up up up up suspect1"},
    {3, 1, 2, 4, "fofof", "suspect1 up down up suspect1"},
    /* a parent is down */
    {3, 2, 0, 0, "fbff", "suspect1 suspect2 impacted"},
    {1, 2, 0, 0, "bfoo", "impacted impacted up"},
    {1, 2, 0, 0, "bfofoo", "impacted impacted impacted impacted up"},
    {1, 1, 0, 0, "bfw", "impacted degraded"},
    {3, 2, 2, 4, "bfof", "suspect1 up impacted"},
    /* and recovers: what fails then counts from nothing */
    {2, 2, 0, 0, "bffaff", "suspect1 impacted suspect1 down"},
    {1, 2, 0, 0, "bfaf", "impacted suspect1"}, /* they are asked again */
    {2, 2, 0, 0, "bffdff", "suspect1 impacted impacted impacted"},
    {2, 2, 0, 0, "bffaofo", "suspect1 impacted impacted suspect1 up"},
    {2, 2, 2, 3, "bffaff", "suspect1 impacted suspect1 down"},
    {2, 2, 0, 0, "bffuuf", "suspect1 impacted impacted unknown suspect1"},
    /* a parent is undecided */
    {2, 2, 0, 0, "dffff", "suspect1 suspect2 suspect3 suspect4"},
    {2, 2, 0, 0, "dfffo", "suspect1 suspect2 suspect3 up"},
    {2, 2, 0, 0, "dffa!", "suspect1 suspect2 down"},
    {2, 2, 0, 0, "dffb!oo", "suspect1 suspect2 impacted impacted up"},
    {2, 2, 0, 0, "dffaf", "suspect1 suspect2 down"},
    {1, 2, 0, 0, "df", "suspect1"},
    /* what is down already stays down whatever its parents are */
    {1, 2, 0, 0, "fbfdf", "down down down"},
};

static enum outcome outcome_of(char c)
{
    return c == 'o'   ? OUTCOME_OK
           : c == 'w' ? OUTCOME_WARN
           : c == 'f' ? OUTCOME_FAIL
                      : OUTCOME_UNKNOWN;
}

static bool is_said(char c, enum parents *parents)
{
    if (c == 'a')
        *parents = PARENTS_ALLOW;
    else if (c == 'b')
        *parents = PARENTS_BLAME;
    else if (c == 'd')
        *parents = PARENTS_WAIT;
    else
        return false;
    return true;
}

static void add_state(const struct state_row *s, char *out, size_t size)
{
    size_t n = strlen(out);
    snprintf(out + n, size - n, "%s%s", n ? " " : "", state_name(s->state));
    n = strlen(out);
    if (s->state == STATE_SUSPECT)
        snprintf(out + n, size - n, "%d", s->fails);
}

static void every_row(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct check_spec spec = {.failure_threshold = rows[i].fails,
                                  .success_threshold = rows[i].goods,
                                  .window_fails = rows[i].window_fails,
                                  .window_size = rows[i].window_size};
        struct state_row s = {0};
        char seen[200] = "";
        bool confirmed = false;
        enum parents parents = PARENTS_ALLOW;
        for (const char *c = rows[i].outcomes; *c != '\0'; c++) {
            if (is_said(*c, &parents))
                continue;
            if (*c == '!' && state_is_ripe(&s, &spec))
                state_decide(&s, parents, &spec, 1);
            else
                state_step(&s, confirmed, &spec, outcome_of(*c), parents, 1);
            if (s.state == STATE_DOWN)
                confirmed = true;
            else if (s.state == STATE_UP || s.state == STATE_DEGRADED)
                confirmed = false;
            add_state(&s, seen, sizeof seen);
        }
        if (strcmp(seen, rows[i].states) != 0)
            print_error("row %zu, %s: \n", i, rows[i].outcomes);
        assert_string_equal(seen, rows[i].states);
    }
}

static void since_moves_only_with_the_state(void **unused)
{
    (void)unused;
    struct check_spec spec = {.failure_threshold = 3, .success_threshold = 2};
    struct state_row s = {0};
    state_step(&s, false, &spec, OUTCOME_OK, PARENTS_ALLOW, 10);
    struct state_change same =
        state_step(&s, false, &spec, OUTCOME_OK, PARENTS_ALLOW, 20);
    assert_int_equal(s.since_us, 10);
    assert_false(same.changed);
    assert_false(same.counted);
    struct state_change bad =
        state_step(&s, false, &spec, OUTCOME_FAIL, PARENTS_ALLOW, 30);
    assert_int_equal(s.since_us, 30);
    assert_true(bad.changed);
    struct state_change more =
        state_step(&s, false, &spec, OUTCOME_FAIL, PARENTS_ALLOW, 40);
    assert_int_equal(s.since_us, 30);
    assert_false(more.changed);
    assert_true(more.counted);
}

static void counts_are_shown(void **unused)
{
    (void)unused;
    struct check_spec spec = {.failure_threshold = 3, .success_threshold = 2};
    struct state_row s = {0};
    char text[24];
    state_step(&s, false, &spec, OUTCOME_FAIL, PARENTS_ALLOW, 1);
    state_step(&s, false, &spec, OUTCOME_FAIL, PARENTS_ALLOW, 1);
    state_count_text(&s, &spec, text);
    assert_string_equal(text, "2/3");
    state_step(&s, false, &spec, OUTCOME_FAIL, PARENTS_ALLOW, 1);
    state_count_text(&s, &spec, text);
    assert_string_equal(text, "");
    state_step(&s, true, &spec, OUTCOME_OK, PARENTS_ALLOW, 1);
    state_count_text(&s, &spec, text);
    assert_string_equal(text, "1/2");
    s = (struct state_row){0};
    for (int i = 0; i < 5; i++)
        state_step(&s, false, &spec, OUTCOME_FAIL, PARENTS_WAIT, 1);
    state_count_text(&s, &spec, text);
    assert_string_equal(text, "3/3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row),
        cmocka_unit_test(since_moves_only_with_the_state),
        cmocka_unit_test(counts_are_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

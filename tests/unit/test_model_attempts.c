/* test_model_attempts.c: Nagios' soft and hard states against confirmation:
 * sequences of icinga2's tests (shared/vectors/nagios, skipped where absent).
 *
 * The same here: max_check_attempts is failure_threshold, with a
 * success_threshold of 1, as a single good result is a hard OK there. A soft
 * problem is `suspect` with the attempt as its count, a hard one `down`, OK is
 * `up`; "Problem" is told when it goes down, "Recovery" when it comes up from
 * that, and a recovery from a soft problem tells nobody.
 *
 * Not the same: UNKNOWN is an attempt there; here a result that says nothing
 * about the target neither adds nor clears. It is compared as what a check has
 * whose line reads `exit`: a failing one. A hard state's attempt, which starts
 * again from 1, is no count of ours. The five sequences about flapping set
 * icinga2's flapping state from outside and ask which notices that delays: here
 * flapping delays no notice; it holds remediation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "lib/vectors.h"
#include "model/internal.h"

enum { SEQUENCES = 11, FLAPPING = 5 };

static const char *text_of(const json_t *row, const char *name)
{
    return json_string_value(json_object_get(row, name));
}

struct watch {
    struct check_spec spec;
    struct state_row state;
    bool confirmed; /* an incident is open */
};

/* One result; what is told of it: "Problem", "Recovery" or NULL. */
static const char *step(struct watch *w, bool ok)
{
    bool was = w->confirmed;
    state_step(&w->state, was, &w->spec, ok ? OUTCOME_OK : OUTCOME_FAIL,
               PARENTS_ALLOW, 1);
    w->confirmed = w->state.state == STATE_DOWN;
    return w->confirmed == was ? NULL : was ? "Recovery" : "Problem";
}

static enum check_state wanted_state(const json_t *row)
{
    const char *state = text_of(row, "state");
    if (str_ends(state, "OK") || str_ends(state, "Up"))
        return STATE_UP;
    return str_eq(text_of(row, "type"), "soft") ? STATE_SUSPECT : STATE_DOWN;
}

static void compare(const char *name, size_t i, const json_t *row,
                    const struct watch *w, const char *told)
{
    enum check_state wanted = wanted_state(row);
    if (w->state.state != wanted || !str_eq(told, text_of(row, "notify")))
        fail_msg("%s, step %zu: %s, told %s", name, i,
                 state_name(w->state.state), told == NULL ? "nothing" : told);
    if (wanted == STATE_SUSPECT)
        assert_int_equal(w->state.fails,
                         json_integer_value(json_object_get(row, "attempt")));
}

static void follow(const json_t *sequence)
{
    struct watch w = {.state = {.state = STATE_UP}};
    const json_t *steps = json_object_get(sequence, "steps"), *row;
    size_t i;
    w.spec.success_threshold = 1;
    w.spec.failure_threshold =
        json_integer_value(json_object_get(sequence, "max_attempts"));
    json_array_foreach (steps, i, row) {
        const char *told = step(&w, str_eq(text_of(row, "result"), "OK"));
        compare(text_of(sequence, "test"), i, row, &w, told);
    }
}

static void soft_and_hard_states_are_ours(void **state)
{
    (void)state;
    json_t *all = vectors_load("nagios/icinga_soft_hard_states.json");
    json_t *sequence;
    size_t i, flapping = 0;
    json_array_foreach (all, i, sequence)
        if (strstr(text_of(sequence, "test"), "flapping") != NULL)
            flapping++;
        else
            follow(sequence);
    assert_int_equal(i, SEQUENCES);
    assert_int_equal(flapping, FLAPPING);
    json_decref(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(soft_and_hard_states_are_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_model_depend_fixture.h: checks that need each other, in a world (see
 * lib/world.h), for the tests of need.c, depend.c and impact.c. Checks are
 * named by letters and numbered from 1; a is the parent unless a test says
 * otherwise. Include it from one .c file. */
#ifndef RELEVO_TEST_MODEL_DEPEND_FIXTURE_H
#define RELEVO_TEST_MODEL_DEPEND_FIXTURE_H

#include "lib/world.h"

#define BLIND(w, check) \
    world_next(w, check, OUTCOME_UNKNOWN, RLV_F_RESOURCE, "")

static const size_t a_only[] = {0}, b_only[] = {1}, a_and_b[] = {0, 1};

/* Check n (from 1) is in that state, waiting for those. */
static inline void assert_is(struct world *w, uint32_t check,
                             enum check_state state, const char *waits_for)
{
    struct check_view v;
    assert_true(model_check_by_id(w->model, check, &v));
    if (v.state->state != state)
        fail_msg("check %u is %s, not %s", check, state_name(v.state->state),
                 state_name(state));
    assert_string_equal(v.waits_for, waits_for);
}

static inline const char *texts(struct world *w) { return buf_text(&w->texts); }

/* a, and b that needs it; both have been fine. */
static inline void begin_pair(struct world *w)
{
    world_begin(w, 2, 10 * NS_PER_S);
    world_needs(w, 1, false, 1, a_only);
}

static inline void both_fine(struct world *w)
{
    world_config(w);
    FINE(w, 1);
    FINE(w, 2);
    world_said(w);
}

/* a is down, b impacted by it. */
static inline void impact_b(struct world *w)
{
    for (int i = 0; i < 3; i++)
        FAIL(w, 1);
    for (int i = 0; i < 3; i++)
        FAIL(w, 2);
    assert_is(w, 2, STATE_IMPACTED, "a");
}

/* Both get results until the check is in the state. */
static inline void fail_until(struct world *w, uint32_t check,
                              enum check_state state)
{
    for (int i = 0; i < 20; i++) {
        if (w->model->nodes[check - 1]->state.state == state)
            return;
        FAIL(w, check);
    }
    fail_msg("check %u never became %s", check, state_name(state));
}

static inline void book_for(struct world *w, const char *name,
                            const char *const *check, enum runbook_kind kind,
                            unsigned on)
{
    struct runbook_spec *b = world_book(w, name, kind, on);
    b->match.checks = (struct rlv_list){check, check[0] != NULL};
}

#endif

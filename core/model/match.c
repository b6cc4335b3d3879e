/* model/match.c: which runbooks ask to run. Pure. Every list that is given
 * must have one member that fits; an absent list fits everything. */
#include "model/internal.h"

#include <strings.h>

#include "base/str.h"
#include "expect/expect.h"
#include "model/fault.h"

static bool any_glob(const struct rlv_list *patterns, const char *text)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (str_glob(patterns->items[i], text))
            return true;
    return patterns->count == 0;
}

static bool any_equal(const struct rlv_list *words, const char *text)
{
    for (size_t i = 0; i < words->count; i++)
        if (str_eq(words->items[i], text))
            return true;
    return words->count == 0;
}

/* ---------------------------------------------------------------- when --- */

struct asked { /* what `when` is evaluated over */
    const struct check_spec *check;
    const struct result *result;
    struct rlv_value duration, phases[RLV_PH_COUNT];
};

static const struct rlv_value *phase(const struct asked *a, const char *key)
{
    for (int i = 0; i < RLV_PH_COUNT; i++)
        if (str_eq(phase_names[i], key))
            return a->phases[i].type != 0 ? &a->phases[i] : NULL;
    return NULL;
}

static const struct rlv_value *
keyed(const struct result *r, const struct rlv_field *field, const char *key)
{
    bool nocase = (field->flags & RLV_NOCASE) != 0;
    for (size_t i = 0; i < r->observation_count; i++) {
        const struct observation *o = &r->observations[i];
        if (o->key != NULL && str_eq(o->name, field->name) &&
            (nocase ? strcasecmp(o->key, key) == 0 : str_eq(o->key, key)))
            return &o->value;
    }
    return NULL;
}

static const struct rlv_value *get(const void *arg, unsigned number,
                                   const char *key)
{
    const struct asked *a = arg;
    const struct rlv_field *field = &a->check->fields[number];
    if (key == NULL)
        return str_eq(field->name, "duration")
                   ? &a->duration
                   : result_observation(a->result, field->name, NULL);
    return str_eq(field->name, "phase") ? phase(a, key)
                                        : keyed(a->result, field, key);
}

/* One that cannot be parsed for this check (it has no such field) or cannot be
 * judged does not match. */
static bool holds(const char *when, const struct check_spec *check,
                  const struct result *r)
{
    struct expect_scope scope = {check->fields, check->field_count};
    struct expect_error error;
    struct err err;
    struct expect *e = r == NULL ? NULL : expect_parse(when, &scope, &error);
    if (e == NULL)
        return false;
    struct asked asked = {
        .check = check, .result = r, .duration = rlv_duration(r->duration_ns)};
    for (int i = 0; i < RLV_PH_COUNT; i++)
        if (r->phases_ns[i] != RESULT_NO_PHASE)
            asked.phases[i] = rlv_duration(r->phases_ns[i]);
    struct expect_input in = {.get = get,
                              .arg = &asked,
                              .now_us = r->started_us + r->duration_ns / 1000};
    bool truth = expect_eval(e, &in, &err) == EXPECT_TRUE;
    expect_free(e);
    return truth;
}

/* It has no tags, environment or observations: who asks for such is not meant.
 */
bool match_trouble(const struct runbook_spec *book, const char *name,
                   const struct result *r)
{
    const struct runbook_match *m = &book->match;
    return book->kind == RUNBOOK_NOTIFY && (book->on & ON_DOWN) != 0 &&
           any_equal(&m->faults, fault_name(r->fault)) &&
           any_glob(&m->codes, r->code) && any_glob(&m->checks, name) &&
           any_equal(&m->plugins, TROUBLE_PLUGIN) &&
           any_equal(&m->states, state_name(STATE_DOWN)) &&
           m->tags.count == 0 && m->environments.count == 0 && m->when == NULL;
}

bool match_runbook(const struct runbook_spec *book,
                   const struct check_spec *check, enum check_state state,
                   const struct result *r, enum runbook_on occasion)
{
    const struct runbook_match *m = &book->match;
    if ((book->on & (unsigned)occasion) == 0)
        return false;
    const char *fault = r == NULL ? "none" : fault_name(r->fault);
    /* A recovery has no fault: what named the failure does not exclude it. The
     * expression comes last: it costs most. */
    bool by_failure = occasion == ON_RECOVERED ||
                      (any_equal(&m->faults, fault) &&
                       any_glob(&m->codes, r == NULL ? "" : r->code));
    return by_failure &&
           check_is_selected(check, &m->checks, &m->tags, &m->environments) &&
           any_equal(&m->plugins, check->plugin) &&
           (occasion == ON_RECOVERED ||
            any_equal(&m->states, state_name(state))) &&
           (occasion == ON_RECOVERED || m->when == NULL ||
            holds(m->when, check, r));
}

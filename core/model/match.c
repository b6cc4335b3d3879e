/* model/match.c: which runbooks ask to run. Pure. Every list that is given
 * must have one member that fits; an absent list fits everything. */
#include "model/internal.h"

#include "base/str.h"
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

bool match_runbook(const struct runbook_spec *book,
                   const struct check_spec *check, enum check_state state,
                   const struct result *r, enum runbook_on occasion)
{
    const struct runbook_match *m = &book->match;
    if ((book->on & (unsigned)occasion) == 0)
        return false;
    const char *fault = r == NULL ? "none" : fault_name(r->fault);
    /* A recovery has no fault: what named the failure does not exclude it. */
    bool by_failure = occasion == ON_RECOVERED ||
                      (any_equal(&m->faults, fault) &&
                       any_glob(&m->codes, r == NULL ? "" : r->code));
    return by_failure &&
           check_is_selected(check, &m->checks, &m->tags, &m->environments) &&
           any_equal(&m->plugins, check->plugin) &&
           (occasion == ON_RECOVERED ||
            any_equal(&m->states, state_name(state)));
}

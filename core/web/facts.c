/* web/facts.c: see facts.h. */
#include "web/facts.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/naming.h"
#include "model/trouble.h"

static struct fact stored(const struct check_row *row,
                          const struct state_row *state)
{
    struct named named = {row->name, row->environment};
    return (struct fact){
        .check = row->check,
        .name = row->name,
        .plain_name = naming_plain(&named),
        .environment = row->environment,
        .plugin = row->plugin,
        .state = state->state,
        .count = "",
        .since_us = state->since_us,
        .until_us = state->until_us > 0 ? state->until_us : 0,
        .incident = state->incident,
        .disabled = state->until_us == PAUSED_DISABLED,
        .maintenance = "",
        .waits_for = "",
        .title = "",
        .owner = "",
        .fault = "",
        .code = "",
        .message = "",
    };
}

bool facts_from_store(struct reader *reader, struct arena *a, struct facts *out,
                      struct err *err)
{
    struct check_row *checks;
    struct state_row *states;
    size_t check_count, state_count;
    *out = (struct facts){0};
    if (!reader_newest(reader, &out->at_us, err) ||
        !reader_checks(reader, a, &checks, &check_count, err) ||
        !reader_states(reader, a, &states, &state_count, err))
        return false;
    out->checks = arena_alloc(a, (check_count + 1) * sizeof *out->checks);
    for (size_t i = 0, k = 0; i < check_count; i++) { /* both by number */
        while (k < state_count && states[k].check < checks[i].check)
            k++;
        if (k < state_count && states[k].check == checks[i].check &&
            !trouble_is(&checks[i]))
            out->checks[out->count++] = stored(&checks[i], &states[k]);
    }
    return true;
}

void facts_number(struct facts *f, const struct check_row *rows, size_t count)
{
    struct map *by_name = map_new();
    for (size_t i = 0; i < f->count; i++)
        map_set(by_name, f->checks[i].name, &f->checks[i]);
    for (size_t i = 0; i < count; i++) {
        struct fact *fact = map_get(by_name, rows[i].name);
        if (fact != NULL)
            fact->check = rows[i].check;
    }
    map_free(by_name);
}

void facts_environments(struct facts *f, struct arena *a)
{
    const char **names = arena_alloc(a, (f->count + 1) * sizeof *names);
    struct map *seen = map_new();
    f->environment_count = 0;
    for (size_t i = 0; i < f->count; i++) {
        const char *name = f->checks[i].environment;
        if (map_has(seen, name))
            continue;
        map_set(seen, name, &f->checks[i]);
        names[f->environment_count++] = name;
    }
    map_free(seen);
    f->environments = names;
}

const struct fact *facts_find(const struct facts *f, const char *name)
{
    for (size_t i = 0; i < f->count; i++)
        if (str_eq(f->checks[i].name, name))
            return &f->checks[i];
    return NULL;
}

bool fact_is_problem(const struct fact *f)
{
    return f->state != STATE_UP && f->state != STATE_PAUSED &&
           f->state != STATE_PENDING;
}

/* cli/test_select.c: see test_select.h. */
#include "cli/test_select.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "model/places.h"

/* Words of one sort and what they are called in messages. */
struct sort {
    const char *option; /* NULL: the names on the line */
    const char *what;
    const char *(*candidate)(const void *conf, size_t i);
};

/* The values of an option that repeats, each may be a list with commas. */
static struct rlv_list values_of(const struct args *args, const char *option,
                                 struct arena *arena)
{
    const char **items = NULL, *value;
    size_t count = 0, cap = 0;
    for (size_t i = 0; (value = args_nth(args, option, i)) != NULL; i++)
        while (*value != '\0') {
            size_t n = strcspn(value, ",");
            items = xgrow(items, count, &cap, sizeof *items);
            items[count++] = arena_strndup(arena, value, n);
            value += n + (value[n] == ',');
        }
    struct rlv_list list = {arena_memdup(arena, items, count * sizeof *items),
                            count};
    free(items);
    return list;
}

/* ------------------------------------------------------------- mistakes --- */

static const struct sort sorts[] = {
    {NULL, "check", conf_nth_name},
    {"tag", "check with the tag", conf_nth_tag},
    {"env", "environment", conf_nth_environment},
};
enum { SORTS = ARRAY_LEN(sorts) };

static bool fits_some(const struct conf *conf, const struct sort *sort,
                      const char *word)
{
    const char *candidate;
    if (str_eq(sort->option, "tag"))
        return conf_has_tag(conf, word);
    for (size_t i = 0; (candidate = sort->candidate(conf, i)) != NULL; i++)
        if (str_glob(word, candidate))
            return true;
    return false;
}

/* Every word of that sort fits something, or it is said which does not. */
static bool are_known(const struct conf *conf, const struct sort *sort,
                      const struct rlv_list *words)
{
    for (size_t i = 0; i < words->count; i++) {
        const char *word = words->items[i];
        if (fits_some(conf, sort, word))
            continue;
        const char *near = str_nearest(word, sort->candidate, conf);
        cli_fail(EXIT_USAGE, "no %s \"%s\" in %s%s%s%s", sort->what, word,
                 conf->file, near ? "; did you mean \"" : "", near ? near : "",
                 near ? "\"?" : "");
        return false;
    }
    return true;
}

bool test_select(const struct args *args, const struct conf *conf,
                 bool *selected)
{
    struct arena *arena = arena_new();
    struct rlv_list lists[SORTS] = {{args->words, args->word_count}};
    bool ok = are_known(conf, &sorts[0], &lists[0]);
    for (size_t k = 1; k < SORTS && ok; k++) {
        lists[k] = values_of(args, sorts[k].option, arena);
        ok = are_known(conf, &sorts[k], &lists[k]);
    }
    for (size_t i = 0; i < conf->check_count && ok; i++)
        selected[i] = check_is_selected(&conf->checks[i], &lists[0], &lists[1],
                                        &lists[2]);
    arena_free(arena);
    return ok;
}

/* ---------------------------------------------------------------- skips --- */

/* missing is as written: env "TOKEN". */
static const char *missing_reason(const char *missing, struct arena *arena)
{
    return arena_printf(arena,
                        str_starts(missing, "env ") ? "%s is not set"
                                                    : "%s has no value",
                        missing);
}

static const char *own_reason(const struct check_spec *c, struct arena *arena)
{
    if (c->skip != NULL && c->skip[0] != '\0')
        return c->skip;
    if (c->missing != NULL)
        return missing_reason(c->missing, arena);
    if (c->schedule == SCHEDULE_BEAT)
        return "a heartbeat is not probed: its job reports it";
    return c->catalog != NULL &&
                   places_are_in_any(c->catalog, c->settings, c->setting_count)
               ? "probed when another check triggers it"
               : NULL;
}

const char *test_skip_reason(const struct check_spec *c, struct arena *arena)
{
    const char *reason = own_reason(c, arena);
    if (reason != NULL || c->source == NULL)
        return reason;
    reason = c->source->enabled ? own_reason(c->source, arena) : "disabled";
    return reason == NULL ? NULL
                          : arena_printf(arena, "its source %s: %s",
                                         c->source->name, reason);
}

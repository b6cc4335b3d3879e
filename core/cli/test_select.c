/* cli/test_select.c: see test_select.h. */
#include "cli/test_select.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

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

/* Names, then plain names. */
static const char *nth_name(const void *arg, size_t i)
{
    const struct conf *conf = arg;
    size_t n = conf->check_count;
    return i < n       ? conf->checks[i].name
           : i < 2 * n ? conf->checks[i - n].plain_name
                       : NULL;
}

static const char *nth_tag(const void *arg, size_t i)
{
    const struct conf *conf = arg;
    for (size_t k = 0; k < conf->check_count; k++) {
        const struct rlv_list *tags = &conf->checks[k].tags;
        if (i < tags->count)
            return tags->items[i];
        i -= tags->count;
    }
    return NULL;
}

static const char *nth_environment(const void *arg, size_t i)
{
    const struct conf *conf = arg;
    return i < conf->environment_count ? conf->environments[i].name : NULL;
}

static const struct sort sorts[] = {
    {NULL, "check", nth_name},
    {"tag", "check with the tag", nth_tag},
    {"env", "environment", nth_environment},
};
enum { SORTS = ARRAY_LEN(sorts) };

/* Every word of that sort fits something, or it is said which does not. */
static bool are_known(const struct conf *conf, const struct sort *sort,
                      const struct rlv_list *words)
{
    for (size_t i = 0; i < words->count; i++) {
        const char *word = words->items[i], *candidate;
        bool found = false;
        for (size_t k = 0; (candidate = sort->candidate(conf, k)) != NULL; k++)
            found = found ||
                    (str_eq(sort->option, "tag") ? str_eq(word, candidate)
                                                 : str_glob(word, candidate));
        if (found)
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
    return c->missing == NULL ? NULL : missing_reason(c->missing, arena);
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

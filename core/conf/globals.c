/* conf/globals.c: the keys at the top, and what all readers of groups share. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/str.h"
#include "conf/draft.h"
#include "model/places.h"

/* --------------------------------------------------------- node to raw --- */

static bool take_scalar(const struct node *n, struct raw *raw,
                        const char **missing, const char **text,
                        struct err *err)
{
    if (n->type <= NODE_ARRAY && !n->is_secret)
        return err_set(err, ERR_CONFIG, 0, "%s has no place in here",
                       node_kind(n));
    if (n->missing != NULL && *missing == NULL)
        *missing = n->missing;
    raw->secret |= n->secret;
    *text = node_written(n);
    return true;
}

static bool take_pairs(const struct node *group, struct arena *arena,
                       struct raw *raw, const char **missing,
                       struct rlv_dict *out, struct err *err)
{
    struct rlv_pair *pairs =
        arena_alloc(arena, (group->count + 1) * sizeof *pairs);
    size_t i = 0;
    for (const struct node *n = group->first; n != NULL; n = n->next, i++) {
        pairs[i].key = n->name;
        if (!take_scalar(n, raw, missing, &pairs[i].value, err))
            return err_wrap(err, "%s", n->name);
    }
    *out = (struct rlv_dict){pairs, group->count};
    return true;
}

static bool take_list(const struct node *list, struct arena *arena,
                      struct raw *raw, const char **missing, struct err *err)
{
    const char **items = arena_alloc(arena, (list->count + 1) * sizeof *items);
    size_t i = 0;
    raw->type = RAW_LIST;
    for (const struct node *n = list->first; n != NULL; n = n->next)
        if (!take_scalar(n, raw, missing, &items[i++], err))
            return false;
    raw->list = (struct rlv_list){items, list->count};
    return true;
}

static bool take_steps(const struct node *list, struct arena *arena,
                       struct raw *raw, const char **missing, struct err *err)
{
    struct rlv_dict *steps =
        arena_alloc(arena, (list->count + 1) * sizeof *steps);
    size_t i = 0;
    raw->type = RAW_STEPS;
    for (const struct node *n = list->first; n != NULL; n = n->next) {
        if (n->type != NODE_GROUP)
            return err_set(err, ERR_CONFIG, 0, "%s stands among groups",
                           node_kind(n));
        if (!take_pairs(n, arena, raw, missing, &steps[i++], err))
            return false;
    }
    raw->steps = (struct rlv_steps){steps, list->count};
    return true;
}

static bool holds_groups(const struct node *list)
{
    return list->first != NULL && list->first->type == NODE_GROUP &&
           !list->first->is_secret;
}

bool raw_of(const struct node *n, unsigned kind, struct arena *arena,
            struct raw *raw, const char **missing, struct err *err)
{
    static const enum raw_type types[] = {[NODE_TEXT] = RAW_TEXT,
                                          [NODE_INT] = RAW_INT,
                                          [NODE_REAL] = RAW_REAL,
                                          [NODE_BOOL] = RAW_BOOL};
    *raw = (struct raw){0};
    if (n->type == NODE_GROUP && (!n->is_secret || kind == RLV_DICT)) {
        raw->type = RAW_DICT;
        return take_pairs(n, arena, raw, missing, &raw->dict, err);
    }
    if (n->type == NODE_LIST || n->type == NODE_ARRAY)
        return holds_groups(n) || kind == RLV_STEPS
                   ? take_steps(n, arena, raw, missing, err)
                   : take_list(n, arena, raw, missing, err);
    raw->type = n->type == NODE_GROUP ? RAW_TEXT : types[n->type];
    return take_scalar(n, raw, missing, &raw->text, err);
}

bool take_option(const struct rlv_option *row, struct node *n, void *values,
                 struct arena *arena, const char **missing,
                 struct conf_errors *errors)
{
    struct raw raw;
    struct err err = {0};
    const char *absent = NULL;
    if (n->bad)
        return false;
    bool ok = raw_of(n, row->kind, arena, &raw, &absent, &err);
    if (ok) /* nothing is filled in here: a literal {{ is one by now */
        (void)places_fill(&raw, NULL, arena, &raw, NULL);
    if (ok && absent != NULL) {
        if (missing != NULL && *missing == NULL)
            *missing = absent;
        return true;
    }
    if (ok && option_set(row, &raw, values, arena, &err))
        return true;
    conf_error(errors, n->at, "%s%s", node_path(n, arena), err.text);
    n->bad = true;
    return false;
}

void tell_unknown(enum scope scope, const struct node *n,
                  const char *suggestion, struct arena *arena,
                  struct conf_errors *errors)
{
    const char *before = node_path(n->parent, arena);
    if (table_is_later(scope, n->name))
        conf_error(errors, n->key, "%s\"%s\" is not in this version", before,
                   n->name);
    else if (suggestion != NULL)
        conf_error(errors, n->key, "%sunknown key \"%s\"; did you mean \"%s\"?",
                   before, n->name, suggestion);
    else
        conf_error(errors, n->key, "%sunknown key \"%s\"", before, n->name);
}

/* ------------------------------------------------------------- globals --- */

static struct node **top_group(struct conf_draft *d, const char *name)
{
    if (str_eq(name, "checks"))
        return &d->checks;
    if (str_eq(name, "runbooks"))
        return &d->runbooks;
    if (str_eq(name, "defaults"))
        return &d->defaults;
    if (str_eq(name, "templates"))
        return &d->templates;
    if (str_eq(name, "maintenance"))
        return &d->maintenance;
    if (str_eq(name, "history"))
        return &d->history;
    if (str_eq(name, "web"))
        return &d->web;
    return str_eq(name, "vars") ? &d->vars.group : NULL;
}

static const char *nth_top(const void *arg, size_t i)
{
    static const char *const groups[] = {
        "checks",       "runbooks",    "defaults", "vars", "templates",
        "environments", "maintenance", "history",  "web"};
    const struct option_table *table = arg;
    if (i < ARRAY_LEN(groups))
        return groups[i];
    i -= ARRAY_LEN(groups);
    return i < table->count ? table->rows[i].name : NULL;
}

/* Names that differ in what libconfig calls the same, and lists of groups. */
static void take_group(struct node *n, struct node **into,
                       struct conf_errors *errors)
{
    if (n->type == NODE_GROUP)
        *into = n;
    else
        conf_error(errors, n->at,
                   "%s is a group of named entries, such as %s = { name = "
                   "%s; };, not %s",
                   n->name, n->name,
                   str_eq(n->name, "vars") ? "\"text\"" : "{ … }",
                   node_kind(n));
}

static void take_top(struct conf_draft *d, struct node *n,
                     struct conf_errors *errors)
{
    struct node **group = top_group(d, n->name);
    const struct rlv_option *row =
        option_find(global_options.rows, global_options.count, n->name);
    const char *missing = NULL;
    if (str_eq(n->name, "environments"))
        return; /* environment.c */
    if (group != NULL) {
        take_group(n, group, errors);
        return;
    }
    if (row == NULL) {
        tell_unknown(SCOPE_TOP, n,
                     str_nearest(n->name, nth_top, &global_options), d->arena,
                     errors);
        return;
    }
    if (take_option(row, n, &d->globals, d->arena, &missing, errors) &&
        missing != NULL)
        conf_error(errors, n->at, "%s%s is missing", node_path(n, d->arena),
                   missing);
}

void draft_check_vars(const struct conf_draft *d, const struct node *group,
                      struct conf_errors *errors)
{
    for (struct node *n = group ? group->first : NULL; n != NULL; n = n->next)
        if (n->type <= NODE_ARRAY && !n->is_secret) {
            conf_error(errors, n->at,
                       "%sa variable is text, a number, or a secret { env = "
                       "\"NAME\"; }, not %s",
                       node_path(n, d->arena), node_kind(n));
            n->bad = true;
        }
}

const char *draft_absolute(struct conf_draft *d, const char *path)
{
    return path[0] == '/' ? path
                          : arena_printf(d->arena, "%s/%s", d->dir, path);
}

static bool is_among(const char *const *items, size_t n, const char *dir)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(items[i], dir))
            return true;
    return false;
}

/* Those that were given, then Relevo's own: who adds a folder loses nothing. */
static void complete_dirs(struct conf_draft *d, struct rlv_list *dirs,
                          const char *const *own)
{
    size_t own_count = 0, n = 0;
    while (own != NULL && own[own_count] != NULL)
        own_count++;
    const char **items =
        arena_alloc(d->arena, (dirs->count + own_count + 1) * sizeof *items);
    for (size_t i = 0; i < dirs->count; i++)
        items[n++] = draft_absolute(d, dirs->items[i]);
    for (size_t i = 0; i < own_count; i++)
        if (!is_among(items, n, own[i]))
            items[n++] = arena_strdup(d->arena, own[i]);
    *dirs = (struct rlv_list){items, n};
}

static const char *default_state_dir(struct conf_draft *d,
                                     const struct conf_source *source)
{
    const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (source->default_state_dir != NULL)
        return arena_strdup(d->arena, source->default_state_dir);
    if (geteuid() == 0)
        return "/var/lib/relevo";
    if (xdg != NULL && xdg[0] == '/')
        return arena_printf(d->arena, "%s/relevo", xdg);
    return arena_printf(d->arena, "%s/.local/state/relevo",
                        home == NULL ? "" : home);
}

static const char *override_state_dir(struct conf_draft *d, const char *path)
{
    char *here = path[0] == '/' ? NULL : getcwd(NULL, 0);
    const char *whole = here == NULL
                            ? arena_strdup(d->arena, path)
                            : arena_printf(d->arena, "%s/%s", here, path);
    free(here);
    return whole;
}

void draft_globals(struct conf_draft *d, const struct conf_source *source,
                   struct conf_errors *errors)
{
    struct err err = {0};
    struct global_values *g = &d->globals;
    if (!option_defaults(global_options.rows, global_options.count, g, d->arena,
                         &err))
        conf_error(errors, (struct place){0}, "%s", err.text);
    d->vars.group = node_find(d->root, "vars");
    if (d->vars.group != NULL && d->vars.group->type != NODE_GROUP)
        d->vars.group = NULL;
    d->environments = node_find(d->root, "environments");
    if (d->environments != NULL && d->environments->type != NODE_GROUP) {
        take_group(d->environments, &d->environments, errors);
        d->environments = NULL;
    }
    d->vars.environments = d->environments;
    for (struct node *n = d->root->first; n != NULL; n = n->next)
        if (!draft_is_of_environments(d, n))
            vars_expand(&d->vars, n);
    if (d->environments == NULL)
        draft_check_vars(d, d->vars.group, errors);
    for (struct node *n = d->root->first; n != NULL; n = n->next)
        take_top(d, n, errors);
    complete_dirs(d, &g->plugin_dir, source->plugin_dirs);
    complete_dirs(d, &g->runbook_dir, source->runbook_dirs);
    if (source->state_dir != NULL)
        g->state_dir = override_state_dir(d, source->state_dir);
    else if (g->state_dir != NULL)
        g->state_dir = draft_absolute(d, g->state_dir);
    else
        g->state_dir = default_state_dir(d, source);
}

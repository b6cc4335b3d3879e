/* conf/environment.c: the worlds of a configuration: the same checks, templates
 * and defaults, once for each environment with the variables of that one.
 *
 * What differs between environments is copied for each before its variables are
 * put in place, so that everything after it reads one plain tree a world.
 * Called by the first stage (draft.c, globals.c). */
#include <ctype.h>
#include <string.h>

#include "base/str.h"
#include "conf/draft.h"

bool draft_is_of_environments(const struct conf_draft *d, const struct node *n)
{
    static const char *const names[] = {"checks",       "defaults", "templates",
                                        "environments", "vars",     NULL};
    for (size_t i = 0; d->environments != NULL && names[i] != NULL; i++)
        if (str_eq(n->name, names[i]))
            return true;
    return false;
}

/* -------------------------------------------------------------- worlds --- */

static struct node *copy(struct conf_draft *d, const struct node *group)
{
    struct node *n =
        group == NULL ? NULL : node_clone(group, group->parent, d->arena);
    if (n != NULL)
        vars_expand(&d->vars, n);
    return n;
}

void draft_enter(struct conf_draft *d, const struct draft_environment *e)
{
    if (e->node == NULL)
        return;
    d->vars.group = e->vars;
    d->vars.own = e->own_vars;
    d->vars.environment = e->name;
}

static void expand_vars(struct conf_draft *d, struct node *vars,
                        struct conf_errors *errors)
{
    if (vars == NULL)
        return;
    vars_expand(&d->vars, vars);
    draft_check_vars(d, vars, errors);
}

static void take_members(struct conf_draft *d, struct draft_environment *e,
                         struct conf_errors *errors)
{
    static const char *const known[] = {"vars", "automation", NULL};
    for (struct node *n = e->node->first; n != NULL; n = n->next) {
        bool is_vars = str_eq(n->name, "vars");
        if (is_vars && n->type != NODE_GROUP)
            conf_error(errors, n->at, "%sthis is a group of variables, not %s",
                       node_path(n, d->arena), node_kind(n));
        else if (!is_vars && !str_eq(n->name, "automation"))
            tell_unknown(SCOPE_ENVIRONMENT, n, str_nearest_of(n->name, known),
                         d->arena, errors);
    }
}

static bool is_name(const char *s)
{
    if (!isalpha((unsigned char)*s))
        return false;
    while (isalnum((unsigned char)*s) || *s == '-' || *s == '_')
        s++;
    return *s == '\0';
}

static void add_world(struct conf_draft *d, struct node *node,
                      const struct node *vars, struct conf_errors *errors)
{
    struct draft_environment *e = &d->worlds[d->world_count];
    if (node->type != NODE_GROUP || !is_name(node->name)) {
        conf_error(
            errors, node->at,
            "%san environment is a group with a name of letters, digits, "
            "- and _, such as staging = { vars = { … }; };",
            node_path(node, d->arena));
        return;
    }
    struct node *own = node_find(node, "vars");
    *e = (struct draft_environment){.name = node->name, .node = node};
    take_members(d, e, errors);
    d->world_count++;
    if (vars != NULL)
        e->vars = node_clone(vars, vars->parent, d->arena);
    if (own != NULL && own->type == NODE_GROUP)
        e->own_vars = node_clone(own, own->parent, d->arena);
    draft_enter(d, e);
    expand_vars(d, e->vars, errors);
    expand_vars(d, e->own_vars, errors);
    e->checks = copy(d, d->checks);
    e->defaults = copy(d, d->defaults);
    e->templates = copy(d, d->templates);
}

void draft_environments(struct conf_draft *d, struct conf_errors *errors)
{
    size_t n = d->environments == NULL ? 0 : d->environments->count;
    struct node *vars = d->vars.group;
    d->worlds = arena_alloc(d->arena, (n + 1) * sizeof *d->worlds);
    for (struct node *e = n == 0 ? NULL : d->environments->first; e != NULL;
         e = e->next)
        add_world(d, e, vars, errors);
    d->vars.group = vars;
    d->vars.own = NULL;
    d->vars.environment = NULL;
    if (d->world_count > 0)
        return;
    if (d->environments != NULL && d->environments->count == 0)
        conf_error(errors, d->environments->at,
                   "environments: there is none in it");
    d->world_count = 1;
    d->worlds[0] = (struct draft_environment){.name = "",
                                              .vars = d->vars.group,
                                              .checks = d->checks,
                                              .defaults = d->defaults,
                                              .templates = d->templates};
}

/* -------------------------------------------------------------- layers --- */

struct node *draft_layered(const struct draft_check *c, const char *name)
{
    struct node *n = node_find(c->node, name);
    for (size_t i = c->template_count; n == NULL && i > 0; i--)
        n = node_find(c->templates[i - 1], name);
    return n != NULL ? n : node_find(c->environment->defaults, name);
}

static const char *nth_member(const void *arg, size_t i)
{
    const struct node *n =
        arg == NULL ? NULL : ((const struct node *)arg)->first;
    for (; n != NULL && i > 0; i--)
        n = n->next;
    return n == NULL ? NULL : n->name;
}

/* `check "a": use: ` for one of its words. */
static const char *word_path(const struct conf_draft *d,
                             const struct node *word)
{
    return node_path(word->name != NULL ? word : word->parent, d->arena);
}

static void add_template(struct conf_draft *d, struct draft_check *c,
                         struct node *word, struct conf_errors *errors)
{
    if (word->type != NODE_TEXT || word->bad || word->secret)
        return; /* told with the check's options */
    struct node *all = c->environment->templates;
    struct node *t = node_find(all, word->text);
    const char *near =
        t != NULL ? NULL : str_nearest(word->text, nth_member, all);
    if (t == NULL)
        conf_error(errors, word->at, "%sthere is no template \"%s\"%s%s%s",
                   word_path(d, word), word->text,
                   near == NULL ? "" : "; did you mean \"",
                   near == NULL ? "" : near, near == NULL ? "" : "\"?");
    else if (t->type == NODE_GROUP) {
        t->used = true;
        c->templates[c->template_count++] = t;
    }
}

static void find_templates(struct conf_draft *d, struct draft_check *c,
                           struct conf_errors *errors)
{
    struct node *use = node_find(c->node, "use"), *word;
    if (use == NULL || use->type == NODE_GROUP)
        return;
    size_t n = use->type > NODE_ARRAY ? 1 : use->count;
    c->templates = arena_alloc(d->arena, (n + 1) * sizeof(struct node *));
    for (size_t i = 0; (word = node_item(use, i)) != NULL; i++)
        add_template(d, c, word, errors);
}

static void check_templates(struct conf_draft *d,
                            const struct draft_environment *e,
                            struct conf_errors *errors)
{
    const struct node *all = e->templates;
    for (struct node *t = all ? all->first : NULL; t != NULL; t = t->next)
        if (t->type != NODE_GROUP)
            conf_error(errors, t->at,
                       "%sa template is a group of options, such as %s = { "
                       "interval = \"1m\"; };, not %s",
                       node_path(t, d->arena), t->name, node_kind(t));
        else if (!t->used)
            conf_warn(errors, t->key, "%sno check uses it",
                      node_path(t, d->arena));
}

/* -------------------------------------------------------------- checks --- */

static void check_environment(struct conf_draft *d, const struct node *word,
                              struct conf_errors *errors)
{
    if (node_find(d->environments, word->text) != NULL)
        return;
    const char *near = str_nearest(word->text, nth_member, d->environments);
    conf_error(errors, word->at, "%sthere is no environment \"%s\"%s%s%s",
               word_path(d, word), word->text,
               near == NULL ? "" : "; did you mean \"",
               near == NULL ? "" : near, near == NULL ? "" : "\"?");
}

/* `environments` names this one, or is not given. */
static bool is_here(struct conf_draft *d, const struct draft_check *c,
                    struct conf_errors *errors)
{
    struct node *list = draft_layered(c, "environments"), *word;
    bool here = list == NULL || list->type == NODE_GROUP;
    for (size_t i = 0; !here && (word = node_item(list, i)) != NULL; i++) {
        if (word->type != NODE_TEXT || word->bad)
            return true; /* told with the check's options */
        check_environment(d, word, errors);
    }
    for (size_t i = 0; !here && (word = node_item(list, i)) != NULL; i++)
        here = str_eq(word->text, c->environment->name);
    return here;
}

static void add_checks(struct conf_draft *d, const struct draft_environment *e,
                       struct conf_errors *errors)
{
    for (struct node *n = e->checks ? e->checks->first : NULL; n != NULL;
         n = n->next) {
        struct draft_check *c = &d->all[d->check_count];
        *c = (struct draft_check){
            .node = n, .environment = e, .plugin = NO_PLUGIN};
        if (n->type != NODE_GROUP) {
            conf_error(errors, n->at,
                       "%sa check is a group, such as %s = { url = \"…\"; };, "
                       "not %s",
                       node_path(n, d->arena), n->name, node_kind(n));
            continue;
        }
        find_templates(d, c, errors);
        d->check_count += is_here(d, c, errors);
    }
}

/* -------------------------------------------------------------- derived --- */

static const char *nth_check(const void *arg, size_t i)
{
    const struct map *checks = arg;
    return i < map_count(checks) ? map_key(checks, i) : NULL;
}

static void tell_source(struct conf_draft *d, const struct draft_check *c,
                        struct node *of, const struct map *checks,
                        struct conf_errors *errors)
{
    const char *near = str_nearest(of->text, nth_check, checks);
    conf_error(errors, of->at, "%sthere is no check \"%s\"%s%s%s%s%s",
               node_path(of, d->arena), of->text,
               c->environment->node != NULL ? " in " : "", c->environment->name,
               near == NULL ? "" : "; did you mean \"",
               near == NULL ? "" : near, near == NULL ? "" : "\"?");
}

static void find_source(struct conf_draft *d, struct draft_check *c,
                        const struct map *checks, struct conf_errors *errors)
{
    struct node *of = node_find(c->node, "of");
    if (of == NULL || of->type != NODE_TEXT || of->bad)
        return;
    const struct draft_check *source = map_get(checks, of->text);
    of->bad =
        source == NULL || source == c || node_find(source->node, "of") != NULL;
    if (source == NULL)
        tell_source(d, c, of, checks, errors);
    else if (source == c)
        conf_error(errors, of->at, "%sa check cannot be derived from itself",
                   node_path(of, d->arena));
    else if (of->bad)
        conf_error(errors, of->at,
                   "%s\"%s\" is derived itself: name the check that is probed",
                   node_path(of, d->arena), of->text);
    else
        c->source = source;
}

void draft_find_checks(struct conf_draft *d, struct conf_errors *errors)
{
    size_t n = d->checks == NULL ? 0 : d->checks->count;
    d->all = arena_alloc(d->arena, (n * d->world_count + 1) * sizeof *d->all);
    for (size_t w = 0; w < d->world_count; w++) {
        size_t first = d->check_count;
        struct map *checks = map_new();
        add_checks(d, &d->worlds[w], errors);
        for (size_t i = first; i < d->check_count; i++)
            map_set(checks, d->all[i].node->name, &d->all[i]);
        for (size_t i = first; i < d->check_count; i++)
            find_source(d, &d->all[i], checks, errors);
        check_templates(d, &d->worlds[w], errors);
        map_free(checks);
    }
}

/* conf/draft.c: stage 1 of conf.h: which plugins does this configuration use?
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "conf/draft.h"

/* Index of a plugin by name; new ones are added. */
static int plugin_index(struct conf_draft *d, const char *name,
                        const struct node *use)
{
    for (size_t i = 0; i < d->plugin_count; i++)
        if (str_eq(d->plugins[i], name))
            return (int)i;
    size_t n = d->plugin_count++;
    const char **names = arena_alloc(d->arena, (n + 2) * sizeof *names);
    const struct node **uses = arena_alloc(d->arena, (n + 1) * sizeof *uses);
    for (size_t i = 0; i < n; i++) {
        names[i] = d->plugins[i];
        uses[i] = d->plugin_uses[i];
    }
    names[n] = name;
    uses[n] = use;
    d->plugins = names;
    d->plugin_uses = uses;
    return (int)n;
}

static bool is_usable(const struct node *n)
{
    return n != NULL && n->type == NODE_TEXT && !n->bad && n->missing == NULL;
}

static int use_plugin(struct conf_draft *d, const struct node *use,
                      struct conf_errors *errors)
{
    const char *name = use->text;
    if (table_is_later(SCOPE_PLUGIN, name)) {
        conf_error(errors, use->at, "%s\"%s\" is not in this version",
                   node_path(use, d->arena), name);
        return NO_PLUGIN;
    }
    if (*name == '\0' || strpbrk(name, "/. ") != NULL) {
        conf_error(errors, use->at, "%s\"%s\" is not the name of a plugin",
                   node_path(use, d->arena), use->secret ? "***" : name);
        return NO_PLUGIN;
    }
    return plugin_index(d, name, use);
}

static const char *schemes_known(struct arena *arena)
{
    struct buf all = {0};
    const char *scheme, *plugin;
    int port;
    for (size_t i = 0; (scheme = table_scheme_nth(i, &plugin, &port)) != NULL;
         i++)
        buf_addf(&all, "%s%s", i == 0 ? "" : ", ", scheme);
    const char *text = arena_strdup(arena, buf_text(&all));
    buf_free(&all);
    return text;
}

/* `plugin` of the check or its templates, else the scheme of `url`, else
 * `plugin` of the defaults. */
static void find_plugin(struct conf_draft *d, struct draft_check *c,
                        struct conf_errors *errors)
{
    int port;
    const struct node *url = draft_layered(c, "url");
    const struct node *absent = node_find_absent(c->node, "url");
    const struct node *fallback = node_find(c->environment->defaults, "plugin");
    const struct node *plugin = draft_layered(c, "plugin");
    bool has_url = url != NULL && !url->bad && url->text != NULL;
    const char *named = has_url ? table_scheme(url->text, &port) : NULL;
    bool own = plugin != NULL && plugin != fallback;
    if (!own && named != NULL)
        c->plugin = plugin_index(d, named, url);
    else if (is_usable(plugin))
        c->plugin = use_plugin(d, plugin, errors);
    else if (own || (url != NULL && url->bad))
        c->missing = own ? plugin->missing : NULL;
    else if (url != NULL && url->missing != NULL)
        c->missing = url->missing;
    else if (url == NULL && absent != NULL)
        c->missing = absent->missing;
    else
        conf_error(errors, c->node->key, "%s\"plugin\" is missing%s%s",
                   node_path(c->node, d->arena),
                   !has_url ? ", and there is no `url` whose scheme names it"
                            : ": the scheme of `url` is none of ",
                   !has_url ? "" : schemes_known(d->arena));
}

/* What is derived has its source's. */
static void find_plugins(struct conf_draft *d, struct conf_errors *errors)
{
    for (size_t i = 0; i < d->check_count; i++)
        if (node_find(d->all[i].node, "of") == NULL)
            find_plugin(d, &d->all[i], errors);
    for (size_t i = 0; i < d->check_count; i++)
        if (d->all[i].source != NULL)
            d->all[i].plugin = d->all[i].source->plugin;
}

/* Blocks of defaults are checked too, though no check may use them. */
static void find_default_plugins(struct conf_draft *d)
{
    const struct node *defaults = d->worlds[0].defaults;
    for (const struct node *n = defaults ? defaults->first : NULL; n != NULL;
         n = n->next)
        if (is_plugin_block(n))
            plugin_index(d, n->name, n);
}

struct conf_draft *conf_read(const struct conf_source *source,
                             struct conf_errors *errors)
{
    struct arena *arena = arena_new();
    struct conf_draft *d = arena_alloc(arena, sizeof *d);
    d->arena = arena;
    d->origins = source->origins;
    d->given_state_dir = source->state_dir != NULL;
    d->given_web = arena_strdup(d->arena, source->web);
    d->root = draft_read_files(d, source, errors);
    d->vars.arena = arena;
    d->vars.errors = errors;
    d->vars.dir = d->dir;
    if (d->root == NULL) {
        conf_draft_free(d);
        return NULL;
    }
    draft_globals(d, source, errors);
    draft_environments(d, errors);
    draft_find_checks(d, errors);
    find_plugins(d, errors);
    find_default_plugins(d);
    return d;
}

void conf_draft_free(struct conf_draft *d)
{
    if (d == NULL)
        return;
    vars_fini(&d->vars);
    free(d->files);
    arena_free(d->arena);
}

size_t conf_draft_plugins(const struct conf_draft *d, const char *const **names)
{
    *names = d->plugins;
    return d->plugin_count;
}

const struct rlv_list *conf_draft_plugin_dirs(const struct conf_draft *d)
{
    return &d->globals.plugin_dir;
}

const char *conf_draft_state_dir(const struct conf_draft *d)
{
    return d->globals.state_dir;
}

struct rlv_list conf_draft_private(const struct conf_draft *d,
                                   struct arena *arena)
{
    size_t most = 1 + d->file_count + d->vars.file_count, n = 0;
    const char **all = arena_alloc(arena, most * sizeof *all);
    all[n++] = arena_strdup(arena, d->globals.state_dir);
    for (size_t i = 0; i < d->file_count; i++)
        all[n++] = arena_strdup(arena, d->files[i]);
    for (size_t i = 0; i < d->vars.file_count; i++)
        all[n++] = arena_strdup(arena, d->vars.files[i]);
    return (struct rlv_list){all, n};
}

void conf_draft_blame(const struct conf_draft *d, size_t i,
                      struct conf_errors *errors, const char *fmt, ...)
{
    struct buf text = {0};
    va_list args;
    va_start(args, fmt);
    buf_addv(&text, fmt, args);
    va_end(args);
    const struct node *use = d->plugin_uses[i];
    conf_error(errors, use->at, "%s%s", node_path(use, d->arena),
               buf_text(&text));
    buf_free(&text);
}

void conf_draft_unknown(const struct conf_draft *d, size_t i,
                        const char *const *known, struct conf_errors *errors)
{
    const char *near = str_nearest_of(d->plugins[i], known);
    conf_draft_blame(d, i, errors, "there is no plugin \"%s\"%s%s%s",
                     d->plugins[i], near == NULL ? "" : "; did you mean \"",
                     near == NULL ? "" : near, near == NULL ? "" : "\"?");
}

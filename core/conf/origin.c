/* conf/origin.c: where each value of a configuration comes from.
 *
 * Only `config show` wants to know, so a daemon does not keep it: origins are
 * found when the source asks for them (conf_source.origins), by looking through
 * the layers of the draft once more, innermost first, as settings.c laid them
 * over each other. show.c writes each behind its value. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/str.h"
#include "conf/draft.h"

struct layer {
    const struct node *group;
    const char *name; /* "template uat"; "" for the entry itself */
};

enum { OUTER_LAYERS = 3 };

/* --------------------------------------------------------------- layers --- */

/* "tls.ca_file" is ca_file in the group tls. */
static const struct node *member(const struct node *group, const char *option)
{
    const char *dot = strchr(option, '.');
    const struct node *n = node_find(group, option);
    if (n != NULL || dot == NULL || group == NULL)
        return n;
    for (n = group->first; n != NULL; n = n->next)
        if (strlen(n->name) == (size_t)(dot - option) &&
            strncmp(n->name, option, (size_t)(dot - option)) == 0)
            return member(n, dot + 1);
    return NULL;
}

/* Innermost first. */
static size_t layers_of(const struct builder *b, const struct draft_check *d,
                        struct layer *layers)
{
    struct arena *arena = b->draft->arena;
    const struct node *defaults = d->environment->defaults;
    size_t n = 0;
    layers[n++] = (struct layer){d->node, ""};
    for (size_t i = d->template_count; i > 0; i--)
        layers[n++] = (struct layer){
            d->templates[i - 1],
            arena_printf(arena, "template %s", d->templates[i - 1]->name)};
    if (d->source == NULL && d->plugin != NO_PLUGIN) {
        const char *plugin = b->draft->plugins[d->plugin];
        layers[n++] =
            (struct layer){node_find(defaults, plugin),
                           arena_printf(arena, "defaults.%s", plugin)};
    }
    layers[n++] = (struct layer){defaults, "defaults"};
    return n;
}

static void add_place(const struct node *n, const char *layer, struct buf *out)
{
    buf_addf(out, "%s%s:%d%s%s%s", out->len == 0 ? "" : ", ", n->key.file,
             n->key.line, *layer == '\0' ? "" : " (", layer,
             *layer == '\0' ? "" : ")");
}

/* Groups of texts may have members from several layers. */
static void find_places(const struct layer *layers, size_t count,
                        const struct rlv_option *row, struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct node *n = member(layers[i].group, row->name);
        if (n == NULL)
            continue;
        add_place(n, layers[i].name, out);
        if (row->kind != RLV_DICT)
            return;
    }
}

/* --------------------------------------------------------------- origins ---
 */

static void add(struct builder *b, struct origins *o, const char *option,
                struct buf *text)
{
    struct arena *arena = b->conf->arena;
    if (text->len > 0)
        o->items[o->count++] = (struct origin){
            arena_strdup(arena, option), arena_strdup(arena, buf_text(text))};
    buf_free(text);
}

static bool has_default_line(const struct line_spec *lines, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (lines[i].is_default)
            return true;
    return false;
}

/* What no layer says and is still not simply built in. */
static void add_reason(const struct check_spec *c, const char *option,
                       struct buf *text)
{
    bool lines = (str_eq(option, "expect") &&
                  has_default_line(c->expects, c->expect_count)) ||
                 (str_eq(option, "warn_unless") &&
                  has_default_line(c->warns, c->warn_count));
    if (lines)
        buf_addf(text, "%splugin %s", text->len == 0 ? "" : ", ", c->plugin);
    else if (text->len > 0)
        return;
    else if (str_eq(option, "plugin"))
        buf_adds(text, "the scheme of url");
    else if (str_eq(option, "timezone"))
        buf_adds(text, "timezone of the whole configuration");
    else if (str_eq(option, "retry_interval") ||
             str_eq(option, "down_interval"))
        buf_adds(text, "built in, by interval");
}

static void find_rows(struct builder *b, const struct layer *layers,
                      size_t count, const struct rlv_option *rows, size_t n,
                      struct check_spec *c)
{
    for (size_t i = 0; i < n; i++) {
        struct buf text = {0};
        find_places(layers, count, &rows[i], &text);
        add_reason(c, rows[i].name, &text);
        add(b, &c->origins, rows[i].name, &text);
    }
}

static void find_of_check(struct builder *b, const struct draft_check *d,
                          struct check_spec *c)
{
    size_t own =
        c->catalog == NULL || c->source != NULL ? 0 : c->catalog->option_count;
    struct layer *layers =
        xcalloc(d->template_count + OUTER_LAYERS, sizeof *layers);
    size_t n = layers_of(b, d, layers);
    c->origins.items =
        arena_alloc(b->conf->arena,
                    (check_options.count + own + 1) * sizeof(struct origin));
    find_rows(b, layers, n, check_options.rows, check_options.count, c);
    if (own > 0)
        find_rows(b, layers, n, c->catalog->options, own, c);
    free(layers);
}

/* Of what stands in one group only. */
static void find_members(struct builder *b, const struct node *group,
                         struct origins *o)
{
    size_t n = group == NULL ? 0 : group->count;
    o->items = arena_alloc(b->conf->arena, (n + 2) * sizeof(struct origin));
    for (const struct node *m = n == 0 ? NULL : group->first; m != NULL;
         m = m->next) {
        struct buf text = {0};
        add_place(m, "", &text);
        add(b, o, m->name, &text);
    }
}

/* The first of two counts. */
static void override_state_dir(struct origins *o)
{
    memmove(o->items + 1, o->items, o->count * sizeof *o->items);
    o->items[0] =
        (struct origin){"state_dir", "--state-dir or RELEVO_STATE_DIR"};
    o->count++;
}

void find_origins(struct builder *b)
{
    const struct conf_draft *d = b->draft;
    struct conf *c = b->conf;
    find_members(b, d->root, &c->origins);
    if (d->given_state_dir)
        override_state_dir(&c->origins);
    for (size_t i = 0; i < c->environment_count; i++)
        find_members(b, d->worlds[i].node, &c->environments[i].origins);
    for (size_t i = 0; i < c->check_count; i++)
        find_of_check(b, &d->all[i], &c->checks[i]);
    for (size_t i = 0; i < c->runbook_count; i++)
        find_members(b, node_find(d->runbooks, c->runbooks[i].name),
                     &c->runbooks[i].origins);
    find_members(b, node_find(d->root, "history"), &c->history_origins);
    find_members(b, node_find(d->root, "web"), &c->web.origins);
    const struct node *windows = node_find(d->root, "maintenance");
    for (size_t i = 0; i < c->maintenance_count; i++)
        find_members(b, node_find(windows, c->maintenance[i].name),
                     &c->maintenance[i].origins);
}

/* --------------------------------------------------------------- writing ---
 */

static const char *origin_of(const struct origins *o, const char *option,
                             const char *fallback)
{
    for (size_t i = 0; i < o->count; i++)
        if (str_eq(o->items[i].option, option))
            return o->items[i].text;
    return fallback;
}

/* One line of an entry: `name = value;`, or a group's first or last one. group
 * is the option that the line stands in, with its dot; or "". */
static void write_line(const char *line, size_t len, const struct origins *o,
                       const char *fallback, char group[64], struct buf *out)
{
    size_t indent = strspn(line, " "), name = strcspn(line + indent, " =");
    char option[192];
    buf_add(out, line, len);
    if (line[len - 1] == '{' && indent == 4)
        snprintf(group, 64, "%.*s.", (int)name, line + indent);
    else if (line[indent] == '}')
        group[0] = '\0';
    else if (line[len - 1] == ';') {
        snprintf(option, sizeof option, "%s%.*s", group, (int)name,
                 line + indent);
        buf_adds(out, "  # ");
        const char *text = origin_of(o, option, fallback);
        str_clean_buf(out, text, strlen(text), false);
    }
    buf_addc(out, '\n');
}

void write_origins(const char *entry, const struct origins *o,
                   const char *fallback, struct buf *out)
{
    char group[64] = "";
    if (o->items == NULL) {
        buf_adds(out, entry);
        return;
    }
    for (const char *line = entry; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        if (len > 0)
            write_line(line, len, o, fallback, group, out);
        line += len + (line[len] == '\n');
    }
}

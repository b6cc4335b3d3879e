/* conf/settings.c: the options of one check, laid over each other.
 *
 * built in < defaults < defaults.PLUGIN < templates < check. Common options go
 * into a struct by their rows; a plugin's own are checked by its catalog and
 * kept as they are: the worker that loads the plugin fills its struct. A
 * mistake in the defaults is told once, not for each check: its node is marked.
 */
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/str.h"
#include "base/url.h"
#include "conf/draft.h"
#include "model/places.h"

static const char *const schedule_names[] = {"interval", "cron", "schedule"};

void settings_begin(struct builder *b, struct settings *s)
{
    struct err err = {0};
    memset(s, 0, sizeof *s);
    must(check_options.count <= MOST_OPTIONS);
    must(option_defaults(check_options.rows, check_options.count, &s->values,
                         b->conf->arena, &err));
}

void settings_copy(struct settings *to, const struct settings *from)
{
    *to = *from;
    to->cap = 0;
    to->items = NULL;
    for (size_t i = 0; i < from->count; i++) {
        to->items = xgrow(to->items, i, &to->cap, sizeof *to->items);
        to->items[i] = from->items[i];
    }
}

void settings_end(struct settings *s) { free(s->items); }

struct node *settings_given(const struct settings *s, const char *name)
{
    const struct rlv_option *row =
        option_find(check_options.rows, check_options.count, name);
    must(row != NULL);
    return s->given[row - check_options.rows];
}

const struct item *settings_item(const struct settings *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (str_eq(s->items[i].setting.name, name))
            return &s->items[i];
    return NULL;
}

/* ------------------------------------------------------ plugin options --- */

/* Groups of texts are laid over each other by key; all else replaces. */
static struct rlv_dict lay_over(const struct rlv_dict *a,
                                const struct rlv_dict *b, struct arena *arena)
{
    struct rlv_pair *pairs =
        arena_alloc(arena, (a->count + b->count + 1) * sizeof *pairs);
    size_t n = 0;
    for (size_t i = 0; i < a->count; i++) {
        bool replaced = false;
        for (size_t k = 0; k < b->count; k++)
            replaced |= str_eq(a->pairs[i].key, b->pairs[k].key);
        if (!replaced)
            pairs[n++] = a->pairs[i];
    }
    for (size_t k = 0; k < b->count; k++)
        pairs[n++] = b->pairs[k];
    return (struct rlv_dict){pairs, n};
}

static void put_item(struct settings *s, struct item item, struct arena *arena)
{
    struct item *there = (struct item *)settings_item(s, item.setting.name);
    if (there == NULL) {
        s->items = xgrow(s->items, s->count, &s->cap, sizeof *s->items);
        s->items[s->count++] = item;
        return;
    }
    if (item.setting.value.type == RAW_DICT &&
        there->setting.value.type == RAW_DICT) {
        struct raw *over = &item.setting.value;
        over->dict = lay_over(&there->setting.value.dict, &over->dict, arena);
        over->secret |= there->setting.value.secret;
        if (item.missing == NULL)
            item.missing = there->missing;
    }
    *there = item;
}

/* Where a plugin's value would be stored is the plugin's business: here it is
 * only checked, into a slot that fits any kind. */
static bool fits(const struct rlv_option *option, const struct raw *raw,
                 struct arena *arena, struct err *err)
{
    union {
        int64_t i;
        double d;
        struct rlv_steps steps;
    } slot;
    struct rlv_option row = *option;
    row.offset = 0;
    return option_set(&row, raw, &slot, arena, err);
}

static void note_written(struct builder *b, const char *text)
{
    if (text != NULL)
        vars_note_secret(&b->draft->vars,
                         places_fill_text(text, NULL, b->draft->arena, NULL));
}

/* As it stands, and as the server gets it. A user without password is mostly
 * no secret, and a word that stands elsewhere, too. */
static void note_part(void *arg, enum url_secret kind, struct span part)
{
    struct builder *b = arg;
    struct buf decoded = {0};
    if (kind == URL_USER)
        return;
    note_written(b, arena_strndup(b->draft->arena, part.at, part.len));
    url_add_decoded(&decoded, part);
    if (decoded.len < part.len)
        note_written(b,
                     arena_strndup(b->draft->arena, decoded.data, decoded.len));
    buf_free(&decoded);
}

static void add_option(struct builder *b, struct settings *s,
                       const struct rlv_option *option, struct node *n)
{
    struct item item = {.setting = {.name = option->name}};
    struct err err = {0};
    struct arena *arena = b->draft->arena;
    bool ok = raw_of(n, option->kind, arena, &item.setting.value, &item.missing,
                     &err);
    if (option->kind == RLV_SECRET) {
        item.setting.value.secret = true;
        note_written(b, item.setting.value.text);
    } else if ((option->flags & RLV_SECRET_PARTS) != 0 &&
               item.setting.value.text != NULL)
        url_each_secret(item.setting.value.text, note_part, b);
    if (ok && item.missing == NULL)
        ok = fits(option, &item.setting.value, arena, &err);
    if (!ok) {
        tell(b, n, "%s", err.text);
        return;
    }
    /* Out of the draft's arena into the generation's. */
    item.setting.value = option_copy_raw(&item.setting.value, b->conf->arena);
    item.setting.place = keep_place(b, n->at);
    put_item(s, item, b->conf->arena);
}

struct known {
    const struct catalog *catalog;
    const char *prefix; /* "tls." inside that group */
};

static const char *nth_known(const void *arg, size_t i)
{
    const struct known *k = arg;
    size_t n = k->catalog == NULL ? 0 : k->catalog->option_count;
    if (i < n)
        return k->catalog->options[i].name;
    i -= n;
    return *k->prefix == '\0' && i < check_options.count
               ? check_options.rows[i].name
               : NULL;
}

static const char *suggest(const struct known *k, const char *whole)
{
    const char *near = str_nearest(whole, nth_known, k);
    if (near != NULL && str_starts(near, k->prefix))
        return near + strlen(k->prefix);
    return near;
}

static bool is_group_of_options(const struct catalog *catalog,
                                const char *prefix)
{
    for (size_t i = 0; i < catalog->option_count; i++)
        if (str_starts(catalog->options[i].name, prefix))
            return true;
    return false;
}

/* ca_file in tls is the option "tls.ca_file". */
static void add_own(struct builder *b, struct settings *s,
                    const struct catalog *catalog, const char *prefix,
                    struct node *n)
{
    struct arena *arena = b->draft->arena;
    const char *whole = *prefix == '\0'
                            ? n->name
                            : arena_printf(arena, "%s%s", prefix, n->name);
    const struct rlv_option *option =
        option_find(catalog->options, catalog->option_count, whole);
    if (option != NULL) {
        add_option(b, s, option, n);
        return;
    }
    const char *inner =
        n->type == NODE_GROUP ? arena_printf(arena, "%s.", whole) : NULL;
    if (inner != NULL && is_group_of_options(catalog, inner)) {
        for (struct node *c = n->first; c != NULL; c = c->next)
            if (!c->bad)
                add_own(b, s, catalog, inner, c);
        return;
    }
    n->bad = true;
    tell_unknown(*prefix == '\0' ? SCOPE_CHECK : SCOPE_SECRET, n,
                 suggest(&(struct known){catalog, prefix}, whole), arena,
                 b->errors);
}

/* ------------------------------------------------------ common options --- */

/* Only a check itself may say it: not a template, not the defaults. */
static bool is_misplaced(struct builder *b, struct node *n)
{
    const struct node *owner = n->parent;
    bool of_check =
        owner->parent != NULL && str_eq(owner->parent->name, "checks");
    if (of_check || (!str_eq(n->name, "use") && !str_eq(n->name, "of")))
        return false;
    n->bad = true;
    conf_error(b->errors, n->key, "%s\"%s\" stands in a check only",
               node_path(owner, b->draft->arena), n->name);
    return true;
}

/* What stands in every status, notice and report. */
static bool is_shown(const char *option)
{
    static const char *const shown[] = {"title", "owner", "links", "tags",
                                        "skip"};
    for (size_t i = 0; i < ARRAY_LEN(shown); i++)
        if (str_eq(option, shown[i]))
            return true;
    return false;
}

bool refuse_secret(struct builder *b, struct node *n)
{
    const struct node *told = n->secret ? n : NULL;
    for (const struct node *c = n->first; c != NULL && told == NULL;
         c = c->next)
        if (c->secret)
            told = c;
    if (told == NULL)
        return false;
    n->bad = true;
    conf_error(b->errors, told->at,
               "%severybody sees it: it cannot hold a secret",
               node_path(n, b->draft->arena));
    return true;
}

static void take_common(struct builder *b, struct settings *s,
                        const struct rlv_option *row, struct node *n)
{
    struct arena *arena = b->conf->arena;
    struct rlv_dict *dict = (void *)((char *)&s->values + row->offset),
                    under = {0};
    if (row->kind == RLV_DICT)
        under = *dict;
    if (!take_option(row, n, &s->values, arena, &s->missing, b->errors))
        return;
    if (row->kind == RLV_DICT)
        *dict = lay_over(&under, dict, arena);
    s->given[row - check_options.rows] = n;
}

static bool add_common(struct builder *b, struct settings *s, struct node *n)
{
    const struct rlv_option *row =
        option_find(check_options.rows, check_options.count, n->name);
    if (row == NULL)
        return false;
    if (is_misplaced(b, n) || (is_shown(n->name) && refuse_secret(b, n)))
        return true;
    if (str_eq(n->name, "depends_on")) /* it holds groups, too: needs.c */
        s->given[row - check_options.rows] = n;
    else
        take_common(b, s, row, n);
    return true;
}

/* Of interval, cron and schedule, those of the innermost layer with any. */
static void note_schedule(struct settings *s, const struct node *group)
{
    unsigned here = 0;
    for (size_t i = 0; i < ARRAY_LEN(schedule_names); i++)
        if (node_find(group, schedule_names[i]) != NULL)
            here |= 1u << i;
    if (here != 0)
        s->schedule = here;
}

void settings_add(struct builder *b, struct settings *s,
                  const struct catalog *catalog, struct node *group)
{
    note_schedule(s, group);
    for (struct node *n = group->first; n != NULL; n = n->next) {
        if (n->bad || add_common(b, s, n))
            continue;
        if (catalog != NULL)
            add_own(b, s, catalog, "", n);
        else if (table_is_later(SCOPE_CHECK, n->name)) {
            n->bad = true;
            tell_unknown(SCOPE_CHECK, n, NULL, b->draft->arena, b->errors);
        }
    }
}

void settings_add_derived(struct builder *b, struct settings *s,
                          struct node *group)
{
    for (struct node *n = group->first; n != NULL; n = n->next) {
        if (n->bad || add_common(b, s, n))
            continue;
        const char *near =
            str_nearest(n->name, nth_known, &(struct known){NULL, ""});
        n->bad = true;
        if (near != NULL)
            tell_unknown(SCOPE_CHECK, n, near, b->draft->arena, b->errors);
        else
            conf_error(b->errors, n->key,
                       "%sa derived check (\"of\") has no option \"%s\": it is "
                       "not probed itself",
                       node_path(group, b->draft->arena), n->name);
    }
}

bool is_plugin_block(const struct node *n)
{
    return n->type == NODE_GROUP && !n->is_secret &&
           option_find(check_options.rows, check_options.count, n->name) ==
               NULL &&
           !table_is_later(SCOPE_CHECK, n->name);
}

static void refuse_common(struct builder *b, struct node *n)
{
    const char *near =
        str_nearest(n->name, nth_known, &(struct known){NULL, ""});
    n->bad = true;
    if (near != NULL || table_is_later(SCOPE_CHECK, n->name))
        tell_unknown(SCOPE_CHECK, n, near, b->draft->arena, b->errors);
    else
        conf_error(b->errors, n->key,
                   "defaults: \"%s\" is not an option of every check; one of "
                   "a plugin stands in its block, such as http = { %s = …; };",
                   n->name, n->name);
}

void settings_add_common(struct builder *b, struct settings *s,
                         struct node *defaults)
{
    note_schedule(s, defaults);
    for (struct node *n = defaults->first; n != NULL; n = n->next) {
        if (!n->bad && !is_plugin_block(n) && !add_common(b, s, n))
            refuse_common(b, n);
    }
}

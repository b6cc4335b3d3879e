/* conf/derive.c: what checks record out of their answers, the names that their
 * lines may use, and checks that are derived from another's answers (`of`).
 *
 * A derived check knows its plugin's fields, what its source records, then what
 * it records itself, in this order: as worker/names.c has them. Called by
 * check.c for each check, a source before what is derived from it. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "conf/draft.h"
#include "expect/expect.h"

/* -------------------------------------------------------------- record --- */

static bool is_name(const char *s)
{
    if (!isalpha((unsigned char)*s))
        return false;
    while (isalnum((unsigned char)*s) || *s == '_')
        s++;
    return *s == '\0';
}

static bool is_known(const struct check_spec *c, const char *name)
{
    for (size_t i = 0; i < c->field_count; i++)
        if (str_eq(c->fields[i].name, name))
            return true;
    return false;
}

/* The name is free for a recorded value; false: told. */
static bool may_record(struct builder *b, const struct check_spec *c,
                       struct node *n)
{
    if (!is_name(n->name))
        conf_error(b->errors, n->key,
                   "%sa recorded name has letters, digits and _ only, so that "
                   "expressions can use it",
                   node_path(n, b->draft->arena));
    else if (expect_is_reserved(n->name))
        conf_error(b->errors, n->key,
                   "%s\"%s\" is a word of the expectation language",
                   node_path(n, b->draft->arena), n->name);
    else if (is_known(c, n->name))
        conf_error(b->errors, n->key,
                   "%s\"%s\" is the name of something observed or recorded "
                   "already",
                   node_path(n, b->draft->arena), n->name);
    else
        return true;
    n->bad = true;
    return false;
}

static void add_record(struct builder *b, struct check_spec *c,
                       struct rlv_field *fields, struct record_spec *records,
                       struct node *n)
{
    struct expect_scope scope = {c->fields, c->field_count};
    struct expect_error error;
    struct arena *arena = b->conf->arena;
    if (n->bad || n->missing != NULL || n->text == NULL || !may_record(b, c, n))
        return;
    struct expect *e = expect_parse_value(n->text, &scope, &error);
    if (e == NULL) {
        n->bad = true;
        conf_error(b->errors, line_error_place(n, error.column), "%s%s",
                   node_path(n, b->draft->arena), error.text);
        return;
    }
    const char *name = arena_strdup(arena, n->name);
    records[c->record_count++] = (struct record_spec){
        name, arena_strdup(arena, n->text), keep_place(b, n->at)};
    fields[c->field_count++] = (struct rlv_field){
        name, (uint16_t)expect_type(e), RLV_RECORDED, "", ""};
    expect_free(e);
}

/* ------------------------------------------------------------- layers --- */

enum { OTHER_LAYERS = 3 }; /* defaults, those of the plugin, the check */

/* The groups `record` of all layers of a check, the innermost last. */
static size_t record_groups(const struct draft_check *d, const char *plugin,
                            struct node **groups)
{
    struct node *defaults = d->environment->defaults;
    struct node *candidates[] = {
        node_find(defaults, "record"),
        node_find(node_find(defaults, plugin), "record")};
    size_t n = 0;
    for (size_t i = 0; i < 2; i++)
        if (candidates[i] != NULL && node_find(d->node, "of") == NULL)
            groups[n++] = candidates[i];
    for (size_t i = 0; i < d->template_count; i++)
        if ((groups[n] = node_find(d->templates[i], "record")) != NULL)
            n++;
    if ((groups[n] = node_find(d->node, "record")) != NULL)
        n++;
    return n;
}

static bool is_replaced(struct node *const *groups, size_t from, size_t n,
                        const char *name)
{
    for (size_t i = from; i < n; i++)
        if (node_find(groups[i], name) != NULL)
            return true;
    return false;
}

static size_t inherited_count(const struct check_spec *c)
{
    return c->source == NULL
               ? (c->catalog == NULL ? 0 : c->catalog->field_count)
               : c->source->field_count;
}

void build_fields(struct builder *b, struct check_spec *c,
                  const struct draft_check *d)
{
    struct node **groups =
        arena_alloc(b->draft->arena,
                    (d->template_count + OTHER_LAYERS) * sizeof(struct node *));
    size_t n = record_groups(d, c->plugin, groups), most = 0;
    if (d->source != NULL)
        c->source = spec_of(b, d->source);
    c->fields = c->source != NULL    ? c->source->fields
                : c->catalog == NULL ? NULL
                                     : c->catalog->fields;
    c->field_count = inherited_count(c);
    for (size_t i = 0; i < n; i++)
        most += groups[i]->count;
    if (most == 0 || c->catalog == NULL)
        return;
    struct arena *arena = b->conf->arena;
    struct rlv_field *fields =
        arena_alloc(arena, (c->field_count + most) * sizeof *fields);
    memcpy(fields, c->fields, c->field_count * sizeof *fields);
    c->fields = fields;
    c->records = arena_alloc(arena, most * sizeof *c->records);
    for (size_t i = 0; i < n; i++)
        for (struct node *m = groups[i]->first; m != NULL; m = m->next)
            if (groups[i]->type == NODE_GROUP &&
                !is_replaced(groups, i + 1, n, m->name))
                add_record(b, c, fields, c->records, m);
}

/* -------------------------------------------------------------- derived --- */

/* What a derived check cannot say for itself. */
static void refuse_own(struct builder *b, const struct draft_check *d)
{
    static const char *const own[] = {
        "plugin", "interval", "retry_interval", "down_interval", "timeout",
        "cron",   "schedule", "timezone",       "expect_fault"};
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        struct node *n = node_find(d->node, own[i]);
        if (n == NULL)
            continue;
        conf_error(b->errors, n->key,
                   "%sa derived check (\"of\") is judged when its source is "
                   "probed: it has no \"%s\" of its own",
                   node_path(d->node, b->draft->arena), own[i]);
    }
}

void finish_derived(struct builder *b, struct check_spec *c,
                    const struct draft_check *d)
{
    const struct check_spec *source = c->source;
    refuse_own(b, d);
    c->zone = b->conf->zone;
    c->target = c->name;
    c->expect_faults = (struct rlv_list){0};
    if (source == NULL)
        return; /* told */
    if (source->expect_faults.count > 0)
        tell(b, node_find(d->node, "of"),
             "\"%s\" must fail (expect_fault): there is no answer that "
             "something could be derived from",
             source->name);
    c->schedule = source->schedule;
    c->schedule_word = source->schedule_word;
    c->interval_ns = source->interval_ns;
    c->retry_interval_ns = source->retry_interval_ns;
    c->down_interval_ns = source->down_interval_ns;
    c->timeout_ns = source->timeout_ns;
    c->cron = source->cron;
    c->timezone = source->timezone;
    c->zone = source->zone;
    c->target = source->target;
    c->disabled = c->disabled || source->disabled;
}

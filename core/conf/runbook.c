/* conf/runbook.c: runbooks of a draft become runbook_specs. */
#include <string.h>

#include "base/attr.h"
#include "base/human.h"
#include "base/str.h"
#include "conf/draft.h"
#include "conf/header.h"
#include "model/fault.h"
#include "model/naming.h"
#include "model/record.h"

struct book {
    struct builder *b;
    struct node *node;
    struct runbook_values values;
    struct node *on, *params, *match; /* as given, or NULL */
    struct script_header header;
    struct runbook_spec spec;
};

/* --------------------------------------------------------------- match --- */

/* Where word i of a list stands; a text is a list of one. */
static struct node *word_node(struct node *list, size_t i)
{
    bool many =
        list != NULL && (list->type == NODE_LIST || list->type == NODE_ARRAY);
    struct node *n = many ? list->first : NULL;
    while (n != NULL && i-- > 0)
        n = n->next;
    return n == NULL ? list : n;
}

static void refuse_word(struct book *k, const char *key, size_t i,
                        const char *word, const char *what, const char *near)
{
    struct node *n = word_node(node_find(k->match, key), i);
    tell(k->b, n, "\"%s\" is not %s%s%s%s", n->secret ? "***" : word, what,
         near == NULL ? "" : "; did you mean \"", near == NULL ? "" : near,
         near == NULL ? "" : "\"?");
}

static void check_faults(struct book *k)
{
    const struct rlv_list *list = &k->values.match.faults;
    for (size_t i = 0; i < list->count; i++) {
        const struct fault_info *f = fault_by_name(list->items[i]);
        if (f == NULL || f->number == RLV_F_NONE)
            refuse_word(k, "fault", i, list->items[i],
                        "a fault (`relevo fault list` has all)",
                        fault_suggest(list->items[i]));
    }
}

static void check_states(struct book *k)
{
    const struct rlv_list *list = &k->values.match.states;
    const char *names[STATE_COUNT + 1] = {NULL};
    for (int s = 0; s < STATE_COUNT; s++)
        names[s] = state_name((enum check_state)s);
    for (size_t i = 0; i < list->count; i++) {
        enum check_state state;
        if (!state_parse(list->items[i], &state))
            refuse_word(k, "state", i, list->items[i], "a state",
                        str_nearest_of(list->items[i], names));
    }
}

/* Whole names, then plain ones. */
static const char *nth_check(const void *arg, size_t i)
{
    const struct conf *c = arg;
    size_t n = c->check_count;
    return i < n       ? c->checks[i].name
           : i < 2 * n ? c->checks[i - n].plain_name
                       : NULL;
}

static void check_names(struct book *k)
{
    const struct rlv_list *list = &k->values.match.checks;
    const struct conf *c = k->b->conf;
    for (size_t i = 0; i < list->count; i++) {
        bool found = false;
        for (size_t n = 0; !found && n < c->check_count; n++)
            found = naming_fits(
                &(struct named){c->checks[n].name, c->checks[n].environment},
                list->items[i]);
        if (!found)
            refuse_word(k, "check", i, list->items[i],
                        "the name of a check, nor a pattern that fits one",
                        str_nearest(list->items[i], nth_check, c));
    }
}

static bool is_used(const struct conf *c, const char *plugin)
{
    for (size_t i = 0; i < c->check_count; i++)
        if (str_eq(c->checks[i].plugin, plugin))
            return true;
    return false;
}

static bool has_tag(const struct conf *c, const char *tag)
{
    for (size_t i = 0; i < c->check_count; i++)
        for (size_t t = 0; t < c->checks[i].tags.count; t++)
            if (str_eq(c->checks[i].tags.items[t], tag))
                return true;
    return false;
}

static void warn_unused(struct book *k, const char *key,
                        const struct rlv_list *list,
                        bool (*used)(const struct conf *, const char *),
                        const char *what)
{
    struct node *n = node_find(k->match, key);
    for (size_t i = 0; i < list->count; i++)
        if (!used(k->b->conf, list->items[i]))
            conf_warn(k->b->errors, word_node(n, i)->at,
                      "%sno check has the %s \"%s\"",
                      node_path(n, k->b->draft->arena), what,
                      word_node(n, i)->secret ? "***" : list->items[i]);
}

static const char *nth_match(const void *arg, size_t i)
{
    (void)arg;
    return i < match_options.count ? match_options.rows[i].name : NULL;
}

static void read_match(struct book *k, struct node *group)
{
    struct arena *arena = k->b->conf->arena;
    if (group->type != NODE_GROUP || group->is_secret) {
        tell(k->b, group,
             "match is a group, such as { plugin = \"http\"; }, not %s",
             node_kind(group));
        return;
    }
    k->match = group;
    for (struct node *n = group->first; n != NULL; n = n->next) {
        const struct rlv_option *row =
            option_find(match_options.rows, match_options.count, n->name);
        if (row == NULL)
            tell_unknown(SCOPE_MATCH, n, str_nearest(n->name, nth_match, NULL),
                         k->b->draft->arena, k->b->errors);
        else
            take_option(row, n, &k->values, arena, &k->spec.missing,
                        k->b->errors);
    }
}

static void check_match(struct book *k)
{
    if (k->match == NULL)
        return;
    check_faults(k);
    check_states(k);
    check_names(k);
    warn_unused(k, "plugin", &k->values.match.plugins, is_used, "plugin");
    warn_unused(k, "tags", &k->values.match.tags, has_tag, "tag");
}

/* -------------------------------------------------------------- params --- */

static const char *nth_param(const void *arg, size_t i)
{
    const struct script_header *h = arg;
    return i < h->param_count ? h->params[i].name : NULL;
}

static void add_param(struct book *k, const struct header_param *p,
                      const char *value, bool secret)
{
    struct arena *arena = k->b->conf->arena;
    k->spec.params[k->spec.param_count++] = (struct param_spec){
        arena_strdup(arena, p->name), arena_strdup(arena, value), secret};
}

static void take_param(struct book *k, const struct header_param *p)
{
    struct node *n = node_find(k->params, p->name);
    bool scalar = n != NULL && (n->type > NODE_ARRAY || n->is_secret);
    if (n == NULL && p->required)
        conf_error(k->b->errors,
                   k->params == NULL ? k->node->key : k->params->key,
                   "%sparams: \"%s\" is missing: %s",
                   node_path(k->node, k->b->draft->arena), p->name, p->help);
    else if (n == NULL && p->fallback != NULL)
        add_param(k, p, p->fallback, p->secret);
    else if (n != NULL && !scalar)
        tell(k->b, n, "a parameter is text or a secret, not %s", node_kind(n));
    else if (n != NULL && n->missing != NULL)
        k->spec.missing = n->missing;
    else if (n != NULL && !n->bad) {
        add_param(k, p, n->text, p->secret || n->secret);
        if (p->secret && !n->secret)
            vars_note_secret(&k->b->draft->vars, n->text);
    }
}

static void take_params(struct book *k)
{
    const struct script_header *h = &k->header;
    k->spec.params = arena_alloc(k->b->conf->arena,
                                 (h->param_count + 1) * sizeof *k->spec.params);
    for (struct node *n = k->params == NULL ? NULL : k->params->first;
         n != NULL; n = n->next) {
        if (header_param(h, n->name) != NULL)
            continue;
        const char *near = str_nearest(n->name, nth_param, h);
        conf_error(k->b->errors, n->key,
                   "%sthe script %s has no such parameter%s%s%s",
                   node_path(n, k->b->draft->arena), k->spec.script,
                   near == NULL ? "" : "; did you mean \"",
                   near == NULL ? "" : near, near == NULL ? "" : "\"?");
    }
    for (size_t i = 0; i < h->param_count; i++)
        take_param(k, &h->params[i]);
}

/* ----------------------------------------------------------- one entry --- */

static const char *nth_key(const void *arg, size_t i)
{
    static const char *const groups[] = {"match", "params"};
    (void)arg;
    if (i < ARRAY_LEN(groups))
        return groups[i];
    i -= ARRAY_LEN(groups);
    return i < runbook_options.count ? runbook_options.rows[i].name : NULL;
}

static void take_key(struct book *k, struct node *n)
{
    struct builder *b = k->b;
    const struct rlv_option *row =
        option_find(runbook_options.rows, runbook_options.count, n->name);
    if (str_eq(n->name, "match"))
        read_match(k, n);
    else if (str_eq(n->name, "params") && n->type == NODE_GROUP)
        k->params = n;
    else if (str_eq(n->name, "params"))
        tell(b, n, "params is a group, such as { url = \"…\"; }, not %s",
             node_kind(n));
    else if (str_eq(n->name, "kind"))
        conf_error(b->errors, n->key,
                   "%sthe kind stands in the script's header: no "
                   "configuration can change it",
                   node_path(n, b->draft->arena));
    else if (row == NULL)
        tell_unknown(SCOPE_RUNBOOK, n, str_nearest(n->name, nth_key, NULL),
                     b->draft->arena, b->errors);
    else
        take_option(row, n, &k->values, b->conf->arena, &k->spec.missing,
                    b->errors);
}

static const char *nth_on(const void *arg, size_t i)
{
    (void)arg;
    return runbook_on_nth(i);
}

static void take_on(struct book *k)
{
    const struct rlv_list *list = &k->values.on;
    k->spec.on = list->count == 0 ? k->header.on : 0;
    for (size_t i = 0; i < list->count; i++) {
        bool later;
        struct node *n = word_node(node_find(k->node, "on"), i);
        unsigned bit = runbook_on_parse(list->items[i], &later);
        const char *word = n->secret ? "***" : list->items[i];
        const char *near =
            bit == 0 ? str_nearest(list->items[i], nth_on, NULL) : NULL;
        if (later)
            tell(k->b, n, "\"%s\" is not in this version", word);
        else if (bit == 0)
            tell(k->b, n, "\"%s\" is not something a runbook can run on%s%s%s",
                 word, near == NULL ? "" : "; did you mean \"",
                 near == NULL ? "" : near, near == NULL ? "" : "\"?");
        k->spec.on |= bit;
    }
}

static bool find_header(struct book *k)
{
    struct builder *b = k->b;
    struct node *script = node_find(k->node, "script");
    struct err err = {0};
    if (script == NULL)
        conf_error(b->errors, k->node->key, "%s\"script\" is missing: %s",
                   node_path(k->node, b->draft->arena),
                   runbook_options.rows[0].help);
    else if (script->missing != NULL)
        tell(b, script, "%s is missing", script->missing);
    if (script == NULL || script->bad || k->values.script == NULL)
        return false;
    k->spec.script = k->values.script;
    k->spec.path = find_script(b, script);
    if (k->spec.path == NULL)
        return false;
    if (!header_read(k->spec.path, b->conf->arena, &k->header, &err)) {
        tell(b, script, "%s", err.text);
        return false;
    }
    return true;
}

static void finish(struct book *k)
{
    struct runbook_spec *s = &k->spec;
    const struct runbook_values *v = &k->values;
    struct arena *arena = k->b->conf->arena;
    enum automation global = k->b->conf->automation;
    s->kind = k->header.kind;
    s->title = k->header.title;
    s->match = v->match;
    s->grace_ns = v->grace_ns;
    s->timeout_ns = v->timeout_ns != 0 ? v->timeout_ns : k->header.timeout_ns;
    s->cooldown_ns = node_find(k->node, "cooldown") != NULL
                         ? v->cooldown_ns
                         : runbook_default_cooldown_ns(s->kind);
    s->user = v->user;
    s->mode = global;
    if (v->automation != NULL && automation_of(v->automation) < global)
        s->mode = automation_of(v->automation);
    s->missing = arena_strdup(arena, s->missing);
}

static void build_runbook(struct builder *b, struct node *node)
{
    struct book k = {.b = b, .node = node};
    struct err err = {0};
    if (node->type != NODE_GROUP) {
        tell(b, node,
             "a runbook is a group, such as %s = { script = \"…\"; };, not %s",
             node->name, node_kind(node));
        return;
    }
    must(option_defaults(runbook_options.rows, runbook_options.count, &k.values,
                         b->conf->arena, &err));
    for (struct node *n = node->first; n != NULL; n = n->next)
        if (!n->bad)
            take_key(&k, n);
    k.spec.name = arena_strdup(b->conf->arena, node->name);
    k.spec.place = keep_place(b, node->key);
    check_match(&k);
    bool found = find_header(&k);
    take_on(&k);
    if (!found)
        return;
    take_params(&k);
    finish(&k);
    b->conf->runbooks[b->conf->runbook_count++] = k.spec;
}

void build_runbooks(struct builder *b)
{
    struct node *group = b->draft->runbooks;
    size_t n = group == NULL ? 0 : group->count;
    b->conf->runbooks =
        arena_alloc(b->conf->arena, (n + 1) * sizeof *b->conf->runbooks);
    for (struct node *c = n == 0 ? NULL : group->first; c != NULL; c = c->next)
        build_runbook(b, c);
}

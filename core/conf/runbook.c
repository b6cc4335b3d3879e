/* conf/runbook.c: runbooks of a draft become runbook_specs. */
#include <string.h>

#include "base/attr.h"
#include "base/human.h"
#include "base/str.h"
#include "conf/draft.h"
#include "conf/header.h"

#define DEFAULT_BUDGET "2 per 24h"

struct book {
    struct builder *b;
    struct node *node;
    struct runbook_values values;
    struct node *params, *match; /* as given, or NULL */
    struct script_header header;
    struct runbook_spec spec;
};

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
        k->match = read_match(b, n, &k->values, &k->spec.missing) ? n : NULL;
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
    struct node *given = node_find(k->node, "on");
    if (given != NULL && !given->bad && list->count == 0)
        tell(k->b, given,
             "an empty list never runs; leave `on` out for what the script "
             "says");
    k->spec.on = list->count == 0 ? k->header.on : 0;
    for (size_t i = 0; i < list->count; i++) {
        bool later;
        struct node *n = node_item(node_find(k->node, "on"), i);
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

/* Beside `match` or in it, not both. */
static void take_environments(struct book *k)
{
    struct rlv_list *inner = &k->values.match.environments;
    struct node *n = node_find(k->node, "environments");
    refuse_empty_list(k->b, n);
    if (n == NULL || k->values.environments.count == 0)
        return;
    check_list_of_environments(k->b, &k->values.environments, n);
    if (inner->count > 0)
        tell(k->b, n, "it stands in `match`, too");
    else
        *inner = k->values.environments;
}

static void take_active(struct book *k)
{
    const struct rlv_list *list = &k->values.active;
    k->spec.active = arena_alloc(k->b->conf->arena,
                                 (list->count + 1) * sizeof *k->spec.active);
    for (size_t i = 0; i < list->count; i++) {
        struct node *n = node_item(node_find(k->node, "active"), i);
        struct err err = {0};
        if (active_parse(list->items[i], &k->spec.active[i], &err))
            k->spec.active_count++;
        else
            tell(k->b, n, "%s",
                 n->secret ? "the secret value is no time" : err.text);
    }
}

static void take_budget(struct book *k)
{
    struct node *n = node_find(k->node, "budget");
    const char *text = k->values.budget;
    struct err err = {0};
    if (text == NULL && k->spec.kind == RUNBOOK_REMEDIATE)
        text = DEFAULT_BUDGET;
    if (text != NULL &&
        !budget_parse(text, &k->spec.budget, &k->spec.budget_ns, &err))
        tell(k->b, n, "%s",
             n->secret ? "the secret value is no budget" : err.text);
}

/* What only one kind of runbook has. */
static void refuse_others(struct book *k)
{
    static const struct {
        const char *name;
        enum runbook_kind kind;
    } own[] = {{"repeat", RUNBOOK_NOTIFY},
               {"budget", RUNBOOK_REMEDIATE},
               {"settle", RUNBOOK_REMEDIATE},
               {"verify_within", RUNBOOK_REMEDIATE}};
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        struct node *n = node_find(k->node, own[i].name);
        if (n != NULL && own[i].kind != k->spec.kind)
            conf_error(k->b->errors, n->key,
                       "%s\"%s\" is for the kind %s; the header of %s says %s",
                       node_path(k->node, k->b->draft->arena), own[i].name,
                       runbook_kind_name(own[i].kind), k->spec.script,
                       runbook_kind_name(k->spec.kind));
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
    s->repeat_ns = v->repeat_ns;
    if (s->kind == RUNBOOK_REMEDIATE) {
        s->settle_ns = v->settle_ns;
        s->verify_within_ns = v->verify_within_ns;
    }
    refuse_others(k);
    take_active(k);
    take_budget(k);
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
    take_environments(&k);
    if (k.match != NULL)
        check_match(b, k.match, &k.values.match);
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

/* conf/match.c: which failures a runbook is for: `match`, and `environments`
 * beside it. Called by runbook.c. */
#include <string.h>

#include "base/str.h"
#include "conf/draft.h"
#include "expect/expect.h"
#include "model/fault.h"
#include "model/record.h"
#include "model/trouble.h"

struct matching {
    struct builder *b;
    struct node *group; /* `match` as given; NULL: none */
    struct runbook_match *match;
};

static void refuse_word(struct matching *k, struct node *list, size_t i,
                        const char *word, const char *what, const char *near)
{
    struct node *n = node_item(list, i);
    n = n == NULL ? list : n;
    tell(k->b, n, "\"%s\" is not %s%s%s%s", n->secret ? "***" : word, what,
         near == NULL ? "" : "; did you mean \"", near == NULL ? "" : near,
         near == NULL ? "" : "\"?");
}

static void check_faults(struct matching *k)
{
    const struct rlv_list *list = &k->match->faults;
    for (size_t i = 0; i < list->count; i++) {
        const struct fault_info *f = fault_by_name(list->items[i]);
        if (f == NULL || f->number == RLV_F_NONE)
            refuse_word(k, node_find(k->group, "fault"), i, list->items[i],
                        "a fault (`relevo fault list` has all)",
                        fault_suggest(list->items[i]));
    }
}

static void check_states(struct matching *k)
{
    const struct rlv_list *list = &k->match->states;
    const char *names[STATE_COUNT + 1] = {NULL};
    for (int s = 0; s < STATE_COUNT; s++)
        names[s] = state_name((enum check_state)s);
    for (size_t i = 0; i < list->count; i++) {
        enum check_state state;
        if (!state_parse(list->items[i], &state))
            refuse_word(k, node_find(k->group, "state"), i, list->items[i],
                        "a state", str_nearest_of(list->items[i], names));
    }
}

/* --------------------------------------------------------------- names --- */

/* Each word fits a name of that sort, or begins so. */
static void check_words(struct builder *b, const struct rlv_list *list,
                        struct node *given,
                        const char *(*nth)(const void *conf, size_t i),
                        const char *prefix, const char *what)
{
    struct matching k = {.b = b};
    const char *name;
    for (size_t i = 0; i < list->count; i++) {
        bool found = prefix != NULL && str_starts(list->items[i], prefix);
        for (size_t n = 0; !found && (name = nth(b->conf, n)) != NULL; n++)
            found = str_glob(list->items[i], name);
        if (!found)
            refuse_word(&k, given, i, list->items[i], what,
                        str_nearest(list->items[i], nth, b->conf));
    }
}

static void check_names(struct builder *b, const struct rlv_list *list,
                        struct node *given, const char *prefix)
{
    check_words(b, list, given, conf_nth_name, prefix,
                "the name of a check, nor a pattern that fits one");
}

void check_list_of_checks(struct builder *b, const struct rlv_list *list,
                          struct node *given)
{
    check_names(b, list, given, NULL);
}

void check_list_of_environments(struct builder *b, const struct rlv_list *list,
                                struct node *given)
{
    check_words(b, list, given, conf_nth_environment, NULL, "an environment");
}

static bool is_used(const struct conf *c, const char *plugin)
{
    if (str_eq(plugin, TROUBLE_PLUGIN))
        return true;
    for (size_t i = 0; i < c->check_count; i++)
        if (str_eq(c->checks[i].plugin, plugin))
            return true;
    return false;
}

static void warn_unused(struct builder *b, const struct rlv_list *list,
                        struct node *given,
                        bool (*used)(const struct conf *, const char *),
                        const char *what)
{
    for (size_t i = 0; i < list->count; i++) {
        struct node *word = node_item(given, i);
        if (!used(b->conf, list->items[i]))
            conf_warn(b->errors, word->at, "%sno check has the %s \"%s\"",
                      node_path(given, b->draft->arena), what,
                      word->secret ? "***" : list->items[i]);
    }
}

void check_list_of_tags(struct builder *b, const struct rlv_list *list,
                        struct node *given)
{
    warn_unused(b, list, given, conf_has_tag, "tag");
}

void refuse_empty_list(struct builder *b, struct node *n)
{
    if (n != NULL && !n->bad &&
        (n->type == NODE_LIST || n->type == NODE_ARRAY) && n->first == NULL)
        tell(b, n, "an empty list selects nothing; leave `%s` out for all",
             n->name);
}

/* ---------------------------------------------------------------- when --- */

static bool is_candidate(const struct runbook_match *m,
                         const struct check_spec *c)
{
    bool fits = m->plugins.count == 0;
    for (size_t i = 0; i < m->plugins.count; i++)
        fits = fits || str_eq(m->plugins.items[i], c->plugin);
    return fits && c->field_count > 0 &&
           check_is_selected(c, &m->checks, &m->tags, &m->environments);
}

/* It must mean something for at least one check that the rest selects; for one
 * that has no such names it is never true. */
static void check_when(struct matching *k, struct node *n)
{
    const struct conf *c = k->b->conf;
    struct expect_error first = {0};
    bool any = false;
    for (size_t i = 0; i < c->check_count; i++) {
        struct expect_scope scope = {c->checks[i].fields,
                                     c->checks[i].field_count};
        struct expect_error error = {0};
        if (!is_candidate(k->match, &c->checks[i]))
            continue;
        struct expect *e = expect_parse(k->match->when, &scope, &error);
        if (e != NULL) {
            expect_free(e);
            return;
        }
        if (!any)
            first = error;
        any = true;
    }
    n->bad = true;
    if (any)
        conf_error(k->b->errors, line_error_place(n, first.column), "%s%s",
                   node_path(n, k->b->draft->arena), first.text);
    else
        conf_error(k->b->errors, n->at, "%sno check fits the rest of `match`",
                   node_path(n, k->b->draft->arena));
}

/* ----------------------------------------------------------------- all --- */

static const char *nth_match(const void *arg, size_t i)
{
    (void)arg;
    return i < match_options.count ? match_options.rows[i].name : NULL;
}

bool read_match(struct builder *b, struct node *group,
                struct runbook_values *values, const char **missing)
{
    if (group->type != NODE_GROUP || group->is_secret) {
        tell(b, group,
             "match is a group, such as { plugin = \"http\"; }, not %s",
             node_kind(group));
        return false;
    }
    for (struct node *n = group->first; n != NULL; n = n->next) {
        const struct rlv_option *row =
            option_find(match_options.rows, match_options.count, n->name);
        if (row == NULL)
            tell_unknown(SCOPE_MATCH, n, str_nearest(n->name, nth_match, NULL),
                         b->draft->arena, b->errors);
        else if (!refuse_secret(b, n)) /* `runbook list` shows it */
            take_option(row, n, values, b->conf->arena, missing, b->errors);
    }
    return true;
}

void check_match(struct builder *b, struct node *group,
                 struct runbook_match *match)
{
    struct matching k = {b, group, match};
    struct node *when = node_find(group, "when");
    for (struct node *n = group->first; n != NULL; n = n->next)
        refuse_empty_list(b, n);
    check_faults(&k);
    check_states(&k);
    /* Troubles of the monitor itself have names only once they are there. */
    check_names(b, &match->checks, node_find(group, "check"), TROUBLE_PREFIX);
    warn_unused(b, &match->plugins, node_find(group, "plugin"), is_used,
                "plugin");
    check_list_of_tags(b, &match->tags, node_find(group, "tags"));
    struct node *environments = node_find(group, "environments");
    if (environments != NULL) /* else told where they stand */
        check_list_of_environments(b, &match->environments, environments);
    if (when != NULL && !when->bad && match->when != NULL)
        check_when(&k, when);
}

/* conf/maintenance.c: the blocks `maintenance` and `history` of a draft become
 * the generation's. Called by build.c once the checks are built. */
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "conf/draft.h"
#include "model/cron.h"

/* -------------------------------------------------------------- groups --- */

static const char *nth_row(const void *arg, size_t i)
{
    const struct option_table *table = arg;
    return i < table->count ? table->rows[i].name : NULL;
}

void take_group_members(struct builder *b, enum scope scope,
                        const struct option_table *table, struct node *group,
                        void *values, const char **missing)
{
    for (struct node *n = group->first; n != NULL; n = n->next) {
        const struct rlv_option *row =
            option_find(table->rows, table->count, n->name);
        if (row == NULL)
            tell_unknown(scope, n, str_nearest(n->name, nth_row, table),
                         b->draft->arena, b->errors);
        else if (!n->bad)
            take_option(row, n, values, b->conf->arena, missing, b->errors);
    }
}

/* -------------------------------------------------------------- windows --- */

struct window {
    struct builder *b;
    struct node *node;
    struct maintenance_values values;
    struct maintenance_spec spec;
};

static bool take_time(struct window *w, const char *name, const char *text,
                      int64_t *us)
{
    struct node *n = node_find(w->node, name);
    if (text == NULL || n->bad)
        return false;
    if (clock_parse(text, us))
        return true;
    tell(w->b, n, "\"%s\" is no time such as \"2026-12-24T22:00:00+01:00\"",
         text);
    return false;
}

static void tell_form(struct window *w)
{
    conf_error(w->b->errors, w->node->key,
               "%sa window has `cron` and `duration`, or `from` and either "
               "`until` or `duration`",
               node_path(w->node, w->b->draft->arena));
}

static void take_recurring(struct window *w)
{
    struct node *n = node_find(w->node, "cron");
    struct node *zone = node_find(w->node, "timezone");
    struct cron cron;
    struct err err = {0};
    if (w->values.duration_ns == 0 || w->values.from != NULL ||
        w->values.until != NULL)
        tell_form(w);
    else if (!cron_parse(w->values.cron, &cron, &err))
        tell(w->b, n, "%s", err.text);
    w->spec.cron = w->values.cron;
    w->spec.duration_ns = w->values.duration_ns;
    w->spec.zone = zone == NULL ? w->b->conf->zone
                                : find_zone(w->b, w->values.timezone, zone);
}

static void take_once(struct window *w)
{
    struct maintenance_spec *s = &w->spec;
    bool ends = w->values.until != NULL;
    struct node *zone = node_find(w->node, "timezone");
    if (zone != NULL)
        tell(w->b, zone, "it is for `cron`; `from` and `until` have their own");
    if (w->values.from == NULL || ends == (w->values.duration_ns != 0)) {
        tell_form(w);
        return;
    }
    if (!take_time(w, "from", w->values.from, &s->from_us))
        return;
    s->until_us = s->from_us + w->values.duration_ns / NS_PER_US;
    if (ends && take_time(w, "until", w->values.until, &s->until_us) &&
        s->until_us <= s->from_us)
        tell(w->b, node_find(w->node, "until"), "it is not after `from`");
}

static void check_selection(struct window *w)
{
    const struct maintenance_values *v = &w->values;
    refuse_empty_list(w->b, node_find(w->node, "checks"));
    refuse_empty_list(w->b, node_find(w->node, "tags"));
    refuse_empty_list(w->b, node_find(w->node, "environments"));
    check_list_of_checks(w->b, &v->checks, node_find(w->node, "checks"));
    check_list_of_tags(w->b, &v->tags, node_find(w->node, "tags"));
    check_list_of_environments(w->b, &v->environments,
                               node_find(w->node, "environments"));
}

/* `maintenance list` shows all of a window. */
static bool holds_a_secret(struct window *w)
{
    bool any = false;
    for (struct node *n = w->node->first; n != NULL; n = n->next)
        any |= refuse_secret(w->b, n);
    return any;
}

static bool build_window(struct window *w)
{
    const char *missing = NULL;
    struct err err = {0};
    if (w->node->type != NODE_GROUP) {
        tell(w->b, w->node,
             "a window is a group, such as %s = { cron = \"0 3 * * 0\"; "
             "duration = \"1h\"; };, not %s",
             w->node->name, node_kind(w->node));
        return false;
    }
    if (holds_a_secret(w))
        return false;
    must(option_defaults(maintenance_options.rows, maintenance_options.count,
                         &w->values, w->b->conf->arena, &err));
    take_group_members(w->b, SCOPE_MAINTENANCE, &maintenance_options, w->node,
                       &w->values, &missing);
    if (missing != NULL)
        tell(w->b, w->node, "%s has no value", missing);
    if (w->node->bad)
        return false;
    w->spec.name = arena_strdup(w->b->conf->arena, w->node->name);
    w->spec.place = keep_place(w->b, w->node->key);
    w->spec.checks = w->values.checks;
    w->spec.tags = w->values.tags;
    w->spec.environments = w->values.environments;
    w->spec.reason = w->values.reason;
    check_selection(w);
    if (w->values.cron != NULL)
        take_recurring(w);
    else
        take_once(w);
    return true;
}

void build_maintenance(struct builder *b)
{
    struct node *group = b->draft->maintenance;
    struct conf *c = b->conf;
    size_t n = group == NULL ? 0 : group->count;
    c->maintenance = arena_alloc(c->arena, (n + 1) * sizeof *c->maintenance);
    for (struct node *m = n == 0 ? NULL : group->first; m != NULL;
         m = m->next) {
        struct window w = {.b = b, .node = m};
        if (build_window(&w))
            c->maintenance[c->maintenance_count++] = w.spec;
    }
}

/* -------------------------------------------------------------- history --- */

void build_history(struct builder *b)
{
    struct node *group = b->draft->history;
    const char *missing = NULL;
    struct err err = {0};
    must(option_defaults(history_options.rows, history_options.count,
                         &b->conf->history, b->conf->arena, &err));
    if (group == NULL)
        return;
    take_group_members(b, SCOPE_HISTORY, &history_options, group,
                       &b->conf->history, &missing);
    if (missing != NULL)
        tell(b, group, "%s has no value", missing);
}

/* conf/beats.c: what is different for checks of the kind `heartbeat`: their
 * jobs report, so that no interval probes them. Called from check.c. */
#include <string.h>

#include "base/map.h"
#include "base/str.h"
#include "conf/draft.h"
#include "model/kind.h"
#include "model/kind_heartbeat.h"

bool is_heartbeat(const struct check_spec *c)
{
    return c->catalog != NULL && c->catalog->path == NULL &&
           str_eq(c->plugin, kind_heartbeat.name);
}

/* Said of heartbeats, not of every check. */
static bool is_own(const struct node *n)
{
    return n != NULL && !str_eq(n->parent->name, "defaults");
}

void default_thresholds(const struct settings *s, struct check_spec *c)
{
    if (!is_own(settings_given(s, "failure_threshold")))
        c->failure_threshold = 1;
    if (!is_own(settings_given(s, "success_threshold")))
        c->success_threshold = 1;
    if (!is_own(settings_given(s, "failure_window"))) {
        c->failure_window = NULL;
        c->window_fails = c->window_size = 0;
    }
}

/* What says how a check is probed. */
static void refuse_probing(struct builder *b, const struct draft_check *draft)
{
    static const char *const probing[] = {
        "interval", "retry_interval", "down_interval", "timeout", "schedule"};
    for (size_t i = 0; i < ARRAY_LEN(probing); i++) {
        struct node *n = node_find(draft->node, probing[i]);
        if (n != NULL)
            conf_error(b->errors, n->key,
                       "%sa heartbeat is not probed, its job reports it: it "
                       "has no \"%s\", but a \"period\" or \"cron\"",
                       node_path(draft->node, b->draft->arena), probing[i]);
    }
}

/* One of the two says when a beat is due; the check's own goes before what it
 * inherits. */
static void choose_times(struct builder *b, struct settings *s,
                         const struct draft_check *draft)
{
    struct check_spec *c = &s->values.spec;
    bool period = settings_item(s, "period") != NULL;
    bool own_period = node_find(draft->node, "period") != NULL;
    bool own_cron = node_find(draft->node, "cron") != NULL;
    if (!period && c->cron == NULL)
        conf_error(b->errors, draft->node->key,
                   "%swhen is its beat due? period = \"1h\", or cron = \"15 3 "
                   "* * *\"",
                   node_path(draft->node, b->draft->arena));
    else if (period && c->cron != NULL && own_period == own_cron)
        conf_error(b->errors, draft->node->key,
                   "%s\"cron\" and \"period\" exclude each other",
                   node_path(draft->node, b->draft->arena));
    if (period && !own_cron)
        c->cron = NULL;
    else
        c->heartbeat.period_ns = 0;
}

void finish_beats(struct builder *b, struct settings *s,
                  const struct draft_check *draft)
{
    struct check_spec *c = &s->values.spec;
    struct err err = {0};
    c->schedule = SCHEDULE_BEAT;
    c->schedule_word = NULL;
    default_thresholds(s, c);
    refuse_probing(b, draft);
    /* What does not fit has been told, and its setting left out. */
    if (!option_fill(c->catalog->options, c->catalog->option_count, c->settings,
                     c->setting_count, &c->heartbeat, b->conf->arena, NULL,
                     &err))
        return;
    choose_times(b, s, draft);
}

/* A token names one check. */
void check_tokens(struct builder *b)
{
    struct conf *conf = b->conf;
    struct map *known = map_new();
    for (size_t i = 0; i < conf->check_count; i++) {
        struct check_spec *c = &conf->checks[i];
        const char *token = c->heartbeat.token;
        if (token == NULL)
            continue;
        const struct check_spec *other = map_get(known, token);
        if (other != NULL)
            conf_error(b->errors, c->place,
                       "check \"%s\": token: \"%s\" has the same one: a token "
                       "says whose beat it is",
                       c->name, other->name);
        map_set(known, token, c);
    }
    map_free(known);
}

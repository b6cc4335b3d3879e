/* conf/triggers.c: options that name another check, which the plugin may have
 * probed (RLV_CHECK_REF): `trigger` of a websocket check. A name means the
 * check of the same environment. Called once all checks are built; unknown
 * names and cycles are errors. */
#include <string.h>

#include "base/str.h"
#include "conf/draft.h"
#include "model/places.h"

/* Where it is named, so that the error can point at it. */
static struct node *node_of(const struct draft_check *d, const char *option)
{
    struct node *n = draft_layered(d, option);
    return n != NULL ? n : d->node;
}

struct world { /* the checks of one environment */
    const struct conf *conf;
    const char *environment;
};

static const char *nth_name(const void *arg, size_t i)
{
    const struct world *w = arg;
    for (size_t k = 0; k < w->conf->check_count; k++)
        if (str_eq(w->conf->checks[k].environment, w->environment) && i-- == 0)
            return w->conf->checks[k].plain_name;
    return NULL;
}

static const struct check_spec *find(const struct conf *conf,
                                     const struct check_spec *asker,
                                     const char *name, bool *elsewhere)
{
    const struct check_spec *found = NULL;
    *elsewhere = false;
    for (size_t i = 0; i < conf->check_count; i++) {
        const struct check_spec *c = &conf->checks[i];
        if (!str_eq(c->plain_name, name))
            continue;
        if (str_eq(c->environment, asker->environment))
            found = c;
        else
            *elsewhere = true;
    }
    return found;
}

static void tell_unknown_check(struct builder *b, struct node *n,
                               const struct check_spec *asker, const char *name,
                               bool elsewhere)
{
    struct world w = {b->conf, asker->environment};
    const char *near = str_nearest(name, nth_name, &w);
    if (elsewhere)
        tell(b, n, "there is no check \"%s\" in the environment %s", name,
             asker->environment);
    else
        tell(b, n, "there is no check \"%s\"%s%s%s", name,
             near == NULL ? "" : "; did you mean \"", near == NULL ? "" : near,
             near == NULL ? "" : "\"?");
}

static void take_name(struct builder *b, struct check_spec *c, struct node *n,
                      const struct setting *s)
{
    bool elsewhere;
    const char *name = s->value.text;
    if (n->bad || name == NULL || *name == '\0')
        return;
    if (s->value.secret) {
        tell(b, n, "the name of a check is no secret");
        return;
    }
    const struct check_spec *target = find(b->conf, c, name, &elsewhere);
    if (target == NULL)
        tell_unknown_check(b, n, c, name, elsewhere);
    else if (target->source != NULL)
        tell(b, n,
             "\"%s\" is judged from the results of %s: it has no probe "
             "to trigger",
             name, target->source->plain_name);
    else if (target->schedule == SCHEDULE_BEAT)
        tell(b, n, "\"%s\" is a heartbeat: it has no probe to trigger", name);
    else
        c->triggers[c->trigger_count++] = target;
}

static bool is_reference(const struct catalog *catalog, const char *option)
{
    const struct rlv_option *row =
        option_find(catalog->options, catalog->option_count, option);
    return row != NULL && (row->flags & RLV_CHECK_REF) != 0;
}

static void take_all(struct builder *b, struct check_spec *c,
                     const struct draft_check *draft)
{
    size_t most = 0;
    if (c->catalog == NULL || c->source != NULL)
        return;
    for (size_t i = 0; i < c->setting_count; i++)
        most += is_reference(c->catalog, c->settings[i].name);
    if (most == 0)
        return;
    c->triggers = arena_alloc(b->conf->arena, most * sizeof *c->triggers);
    for (size_t i = 0; i < c->setting_count; i++)
        if (is_reference(c->catalog, c->settings[i].name))
            take_name(b, c, node_of(draft, c->settings[i].name),
                      &c->settings[i]);
}

static const struct check_spec *nth_triggered(const struct check_spec *c,
                                              size_t i)
{
    return i < c->trigger_count ? c->triggers[i] : NULL;
}

/* Probed by its own schedule, nobody would give its places a value. */
static void warn_of_places(struct builder *b, const struct check_spec *c,
                           const struct node *check)
{
    if (c->catalog != NULL && c->source == NULL &&
        c->schedule != SCHEDULE_MANUAL && c->schedule != SCHEDULE_BEAT &&
        places_are_in_any(c->catalog, c->settings, c->setting_count))
        conf_warn(b->errors, check->key,
                  "%sonly a check that triggers it gives its {{name}} places a "
                  "value: probed by itself it is unknown; give it schedule = "
                  "\"manual\"",
                  node_path(check, b->draft->arena));
}

static void warn_of_disabled(struct builder *b, const struct check_spec *c,
                             const struct node *check)
{
    for (size_t i = 0; i < c->trigger_count && !c->disabled; i++)
        if (c->triggers[i]->disabled)
            conf_warn(
                b->errors, check->key,
                "%sit triggers \"%s\", which has enabled = false: it will "
                "be unknown",
                node_path(check, b->draft->arena), c->triggers[i]->name);
}

void build_triggers(struct builder *b)
{
    for (size_t i = 0; i < b->conf->check_count; i++) {
        take_all(b, &b->conf->checks[i], &b->draft->all[i]);
        warn_of_places(b, &b->conf->checks[i], b->draft->all[i].node);
        warn_of_disabled(b, &b->conf->checks[i], b->draft->all[i].node);
    }
    tell_cycles(b, nth_triggered, "it triggers itself");
}

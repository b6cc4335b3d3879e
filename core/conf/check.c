/* conf/check.c: checks of a draft become check_specs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/human.h"
#include "base/str.h"
#include "conf/draft.h"
#include "model/cron.h"

enum { BIT_INTERVAL = 1, BIT_CRON = 2, BIT_MANUAL = 4, LARGEST_WINDOW = 64 };

#define RETRY_AT_MOST_NS (5 * NS_PER_S)

static struct node *given_or(const struct settings *s, const char *name,
                             struct node *check)
{
    struct node *n = settings_given(s, name);
    return n == NULL ? check : n;
}

/* ------------------------------------------------------------ schedule --- */

static void finish_cron(struct builder *b, struct settings *s)
{
    struct check_spec *c = &s->values.spec;
    struct node *n = settings_given(s, "cron");
    struct cron cron;
    struct err err = {0};
    if (n != NULL && !n->bad && c->cron != NULL &&
        !cron_parse(c->cron, &cron, &err))
        tell(b, n, "%s",
             n->secret ? "the secret value is not a cron line" : err.text);
}

static void finish_zone(struct builder *b, struct settings *s)
{
    struct check_spec *c = &s->values.spec;
    struct node *n = settings_given(s, "timezone");
    if (c->timezone == NULL)
        c->timezone = b->conf->timezone;
    if (n == NULL)
        n = node_find(b->draft->root, "timezone");
    c->zone = find_zone(b, c->timezone, n);
}

static void finish_schedule(struct builder *b, struct settings *s,
                            struct node *check)
{
    struct check_spec *c = &s->values.spec;
    unsigned bits = s->schedule;
    bool both = (bits & BIT_CRON) != 0 && (bits & BIT_INTERVAL) != 0;
    struct node *cron = given_or(s, "cron", check);
    if (both && !cron->warned) {
        cron->warned = true;
        conf_error(b->errors, cron->key,
                   "%s\"cron\" and \"interval\" exclude each other",
                   node_path(cron->parent, b->draft->arena));
    }
    c->schedule = (bits & BIT_MANUAL) != 0 ? SCHEDULE_MANUAL
                  : (bits & BIT_CRON) != 0 ? SCHEDULE_CRON
                                           : SCHEDULE_INTERVAL;
    if (c->schedule != SCHEDULE_CRON && !is_heartbeat(c))
        c->cron = NULL;
    if (c->schedule != SCHEDULE_MANUAL)
        c->schedule_word = NULL;
    if (c->retry_interval_ns == 0)
        c->retry_interval_ns = c->interval_ns < RETRY_AT_MOST_NS
                                   ? c->interval_ns
                                   : RETRY_AT_MOST_NS;
    if (c->down_interval_ns == 0)
        c->down_interval_ns = c->interval_ns;
    finish_cron(b, s);
    finish_zone(b, s);
}

static void warn_once(struct builder *b, struct node *n, const char *text)
{
    if (!n->warned)
        conf_warn(b->errors, n->at, "%s%s", node_path(n, b->draft->arena),
                  text);
    n->warned = true;
}

static void warn_of_times(struct builder *b, const struct settings *s,
                          struct node *check)
{
    const struct check_spec *c = &s->values.spec;
    char timeout[HUMAN_TEXT], interval[HUMAN_TEXT], text[160];
    if (c->schedule != SCHEDULE_INTERVAL)
        return;
    if (c->interval_ns < NS_PER_S)
        warn_once(b, given_or(s, "interval", check),
                  "a probe more often than once a second is a load test");
    if (c->timeout_ns <= c->interval_ns)
        return;
    snprintf(text, sizeof text,
             "a timeout of %s is longer than the interval of %s: while a probe "
             "hangs, the next ones are skipped",
             human_duration(c->timeout_ns, timeout),
             human_duration(c->interval_ns, interval));
    struct node *n = settings_given(s, "timeout");
    warn_once(b, n != NULL ? n : given_or(s, "interval", check), text);
}

/* -------------------------------------------------------------- window --- */

static bool parse_window(const char *text, int64_t *fails, int64_t *size)
{
    const char *of = strstr(text, " of ");
    char first[8];
    if (of == NULL || of - text >= (int)sizeof first)
        return false;
    snprintf(first, sizeof first, "%.*s", (int)(of - text), text);
    return str_to_i64(first, fails) && str_to_i64(of + 4, size) &&
           *fails >= 1 && *size >= *fails && *size <= LARGEST_WINDOW;
}

static void finish_window(struct builder *b, struct settings *s)
{
    struct check_spec *c = &s->values.spec;
    struct node *n = settings_given(s, "failure_window");
    if (n == NULL || n->bad || c->failure_window == NULL)
        return;
    if (!parse_window(c->failure_window, &c->window_fails, &c->window_size))
        tell(b, n,
             "\"%s\" is not of the form \"3 of 5\", with at most %d results",
             n->secret ? "***" : c->failure_window, LARGEST_WINDOW);
}

/* ----------------------------------------------------------- one check --- */

/* What vet and worker get: the settings whose secret is there. */
static void finish_settings(struct builder *b, struct settings *s)
{
    struct check_spec *c = &s->values.spec;
    struct setting *kept =
        arena_alloc(b->conf->arena, (s->count + 1) * sizeof *kept);
    for (size_t i = 0; i < s->count; i++)
        if (s->items[i].missing == NULL)
            kept[c->setting_count++] = s->items[i].setting;
        else if (c->missing == NULL)
            c->missing = s->items[i].missing;
    c->settings = kept;
}

/* An optional secret that is not there does not make a required option one. */
static void check_required(struct builder *b, struct settings *s,
                           const struct draft_check *draft)
{
    struct check_spec *c = &s->values.spec;
    for (size_t i = 0; i < c->catalog->option_count; i++) {
        const struct rlv_option *row = &c->catalog->options[i];
        if ((row->flags & RLV_REQUIRED) == 0 ||
            settings_item(s, row->name) != NULL ||
            draft_layered(draft, row->name) != NULL)
            continue;
        const struct node *absent = node_find_absent(draft->node, row->name);
        if (absent == NULL)
            conf_error(b->errors, draft->node->key, "%s\"%s\" is missing: %s",
                       node_path(draft->node, b->draft->arena), row->name,
                       row->help);
        else if (c->missing == NULL)
            c->missing = absent->missing;
    }
}

/* The plugin's default lines are about the whole answer: they belong to the
 * check that is probed, not to what is derived from it. */
static void finish_lines(struct builder *b, struct settings *s)
{
    struct check_spec *c = &s->values.spec;
    const struct catalog *defaults = c->of == NULL ? c->catalog : NULL;
    struct lines expects =
        build_lines(b, c, settings_given(s, "expect"),
                    defaults == NULL ? NULL : defaults->expects);
    struct lines warns =
        build_lines(b, c, settings_given(s, "warn_unless"),
                    defaults == NULL ? NULL : defaults->warn_unless);
    c->expects = expects.items;
    c->expect_count = expects.count;
    c->warns = warns.items;
    c->warn_count = warns.count;
    if (c->missing == NULL)
        c->missing = expects.missing != NULL ? expects.missing : warns.missing;
}

/* The variable that has no value here, as `missing` says it; NULL: it has. */
static const char *lacks(struct builder *b, struct node *n, const char *name)
{
    const struct vars *vars = &b->draft->vars;
    const struct node *var = vars_find(vars, name);
    bool empty = var != NULL && var->text != NULL && var->text[0] == '\0';
    if (var != NULL && (var->missing != NULL || !empty))
        return var->missing;
    if (var != NULL || vars_is_elsewhere(vars, name))
        return arena_printf(b->draft->arena, "variable \"%s\"", name);
    const char *near = vars_suggest(vars, name);
    tell(b, n, "there is no variable \"%s\"%s%s%s", n->secret ? "***" : name,
         near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return NULL;
}

/* `requires`: each is a variable, and has a value here. */
static void finish_requires(struct builder *b, struct settings *s)
{
    struct check_spec *c = &s->values.spec;
    struct node *n = settings_given(s, "requires");
    for (size_t i = 0; i < c->needs_vars.count && n != NULL && !n->bad; i++) {
        const char *missing = lacks(b, n, c->needs_vars.items[i]);
        if (c->missing == NULL)
            c->missing = missing;
    }
}

static void finish_names(struct builder *b, struct check_spec *c,
                         const struct draft_check *draft)
{
    struct arena *arena = b->conf->arena;
    c->plain_name = arena_strdup(arena, draft->node->name);
    c->environment = arena_strdup(arena, draft->environment->name);
    c->name = draft->environment->node == NULL
                  ? c->plain_name
                  : arena_printf(arena, "%s/%s", c->environment, c->plain_name);
    c->place = keep_place(b, draft->node->key);
}

static void finish_check(struct builder *b, struct settings *s,
                         const struct draft_check *draft)
{
    struct check_spec *c = &s->values.spec;
    struct arena *arena = b->conf->arena;
    finish_names(b, c, draft);
    c->disabled = c->enabled == 0;
    c->missing = draft->missing != NULL ? draft->missing : s->missing;
    if (c->catalog != NULL && c->of == NULL)
        check_required(b, s, draft);
    build_fields(b, c, draft);
    if (c->of == NULL)
        finish_schedule(b, s, draft->node);
    else
        finish_derived(b, c, draft);
    finish_window(b, s);
    finish_settings(b, s);
    if (is_heartbeat(c) && c->of == NULL)
        finish_beats(b, s, draft);
    else if (is_heartbeat(c))
        default_thresholds(s, c);
    finish_lines(b, s);
    finish_expect_fault(b, s);
    finish_requires(b, s);
    if (c->of == NULL)
        warn_of_times(b, s, draft->node);
    c->missing = arena_strdup(arena, c->missing);
    if (c->of == NULL)
        c->target = check_target(s, c->catalog, c->name, arena);
    *spec_of(b, draft) = *c;
}

struct check_spec *spec_of(const struct builder *b,
                           const struct draft_check *draft)
{
    return &b->conf->checks[draft - b->draft->all];
}

static void build_check(struct builder *b, const struct draft_check *draft,
                        const struct settings *bases)
{
    const struct conf_draft *d = b->draft;
    int plugin = draft->plugin;
    bool derived = node_find(draft->node, "of") != NULL;
    bool bare = derived || plugin == NO_PLUGIN;
    struct settings s;
    settings_copy(&s, &bases[bare ? (int)d->plugin_count : plugin]);
    const struct catalog *catalog =
        plugin == NO_PLUGIN ? NULL : b->catalogs[plugin];
    for (size_t i = 0; i < draft->template_count; i++)
        settings_add(b, &s, derived ? NULL : catalog, draft->templates[i]);
    if (derived)
        settings_add_derived(b, &s, draft->node);
    else
        settings_add(b, &s, catalog, draft->node);
    s.values.spec.catalog = catalog;
    s.values.spec.plugin =
        plugin == NO_PLUGIN ? ""
                            : arena_strdup(b->conf->arena, d->plugins[plugin]);
    finish_check(b, &s, draft);
    settings_end(&s);
}

/* Everything below the check itself, once for each plugin; the last one is for
 * checks without. */
static struct settings *build_bases(struct builder *b, struct node *defaults)
{
    struct conf_draft *d = b->draft;
    struct settings *bases = xcalloc(d->plugin_count + 1, sizeof *bases);
    for (size_t i = 0; i <= d->plugin_count; i++) {
        settings_begin(b, &bases[i]);
        if (defaults != NULL)
            settings_add_common(b, &bases[i], defaults);
        struct node *block =
            i == d->plugin_count ? NULL : node_find(defaults, d->plugins[i]);
        if (block != NULL && block->type == NODE_GROUP)
            settings_add(b, &bases[i], b->catalogs[i], block);
    }
    return bases;
}

/* What is derived comes after what it is derived from. */
static void build_world(struct builder *b, const struct draft_environment *e)
{
    struct conf_draft *d = b->draft;
    draft_enter(d, e);
    struct settings *bases = build_bases(b, e->defaults);
    for (int derived = 0; derived <= 1; derived++)
        for (size_t i = 0; i < d->check_count; i++)
            if (d->all[i].environment == e &&
                (node_find(d->all[i].node, "of") != NULL) == derived)
                build_check(b, &d->all[i], bases);
    for (size_t i = 0; i <= d->plugin_count; i++)
        settings_end(&bases[i]);
    free(bases);
}

void build_checks(struct builder *b)
{
    struct conf_draft *d = b->draft;
    struct conf *conf = b->conf;
    conf->check_count = d->check_count;
    conf->checks =
        arena_alloc(conf->arena, (d->check_count + 1) * sizeof *conf->checks);
    for (size_t i = 0; i < d->world_count; i++)
        build_world(b, &d->worlds[i]);
    build_needs(b);
    build_triggers(b);
    check_tokens(b);
    for (int derived = 0; derived <= 1; derived++)
        for (size_t i = 0; i < conf->check_count; i++)
            if ((conf->checks[i].source != NULL) == derived)
                conf->checks[i].fingerprint =
                    check_fingerprint(&conf->checks[i]);
}

bool conf_outage_window(const struct check_spec *c, int64_t *min_ns,
                        int64_t *max_ns)
{
    int64_t fails = c->failure_threshold;
    if (c->window_fails > 0 && c->window_fails < fails)
        fails = c->window_fails;
    if (c->schedule != SCHEDULE_INTERVAL || c->disabled)
        return false;
    *min_ns = (fails - 1) * c->retry_interval_ns;
    *max_ns = *min_ns + c->interval_ns;
    return true;
}

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
    if (c->schedule != SCHEDULE_CRON)
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

static void check_required(struct builder *b, const struct settings *s,
                           struct node *check)
{
    const struct catalog *catalog = s->values.spec.catalog;
    for (size_t i = 0; i < catalog->option_count; i++) {
        const struct rlv_option *row = &catalog->options[i];
        if ((row->flags & RLV_REQUIRED) != 0 &&
            settings_item(s, row->name) == NULL &&
            node_find(check, row->name) == NULL)
            conf_error(b->errors, check->key, "%s\"%s\" is missing: %s",
                       node_path(check, b->draft->arena), row->name, row->help);
    }
}

static void finish_lines(struct builder *b, struct settings *s)
{
    struct check_spec *c = &s->values.spec;
    const struct catalog *catalog = c->catalog;
    struct lines expects =
        build_lines(b, catalog, settings_given(s, "expect"),
                    catalog == NULL ? NULL : catalog->expects);
    struct lines warns =
        build_lines(b, catalog, settings_given(s, "warn_unless"),
                    catalog == NULL ? NULL : catalog->warn_unless);
    c->expects = expects.items;
    c->expect_count = expects.count;
    c->warns = warns.items;
    c->warn_count = warns.count;
    if (c->missing == NULL)
        c->missing = expects.missing != NULL ? expects.missing : warns.missing;
}

static void finish_check(struct builder *b, struct settings *s,
                         const struct draft_check *draft)
{
    struct check_spec *c = &s->values.spec;
    struct arena *arena = b->conf->arena;
    c->name = c->plain_name = arena_strdup(arena, draft->node->name);
    c->environment = "";
    c->severity = "major";
    c->fields = c->catalog == NULL ? NULL : c->catalog->fields;
    c->field_count = c->catalog == NULL ? 0 : c->catalog->field_count;
    c->place = keep_place(b, draft->node->key);
    c->missing = draft->missing != NULL ? draft->missing : s->missing;
    if (c->catalog != NULL)
        check_required(b, s, draft->node);
    finish_schedule(b, s, draft->node);
    finish_window(b, s);
    finish_settings(b, s);
    finish_lines(b, s);
    warn_of_times(b, s, draft->node);
    c->missing = arena_strdup(arena, c->missing);
    c->target = check_target(s, c->catalog, c->name, arena);
    c->fingerprint = check_fingerprint(c);
    b->conf->checks[b->conf->check_count++] = *c;
}

static void build_check(struct builder *b, const struct draft_check *draft,
                        const struct settings *bases)
{
    const struct conf_draft *d = b->draft;
    int plugin = draft->plugin;
    struct settings s;
    settings_copy(&s,
                  &bases[plugin == NO_PLUGIN ? (int)d->plugin_count : plugin]);
    const struct catalog *catalog =
        plugin == NO_PLUGIN ? NULL : b->catalogs[plugin];
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
static struct settings *build_bases(struct builder *b)
{
    struct conf_draft *d = b->draft;
    struct settings *bases = xcalloc(d->plugin_count + 1, sizeof *bases);
    for (size_t i = 0; i <= d->plugin_count; i++) {
        settings_begin(b, &bases[i]);
        if (d->defaults != NULL)
            settings_add_common(b, &bases[i], d->defaults);
        struct node *block =
            i == d->plugin_count ? NULL : node_find(d->defaults, d->plugins[i]);
        if (block != NULL && block->type == NODE_GROUP)
            settings_add(b, &bases[i], b->catalogs[i], block);
    }
    return bases;
}

void build_checks(struct builder *b)
{
    struct conf_draft *d = b->draft;
    struct settings *bases = build_bases(b);
    b->conf->checks = arena_alloc(b->conf->arena, (d->check_count + 1) *
                                                      sizeof *b->conf->checks);
    for (size_t i = 0; i < d->check_count; i++)
        build_check(b, &d->all[i], bases);
    for (size_t i = 0; i <= d->plugin_count; i++)
        settings_end(&bases[i]);
    free(bases);
}

bool conf_outage_window(const struct check_spec *c, int64_t *min_ns,
                        int64_t *max_ns)
{
    int64_t fails = c->failure_threshold;
    if (c->window_fails > 0 && c->window_fails < fails)
        fails = c->window_fails;
    if (c->schedule != SCHEDULE_INTERVAL || c->enabled == 0)
        return false;
    *min_ns = (fails - 1) * c->retry_interval_ns;
    *max_ns = *min_ns + c->interval_ns;
    return true;
}

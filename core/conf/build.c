/* conf/build.c: stage 2 of conf.h: a draft and its plugins' catalogs become a
 * generation. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/tz.h"
#include "conf/draft.h"

struct place keep_place(struct builder *b, struct place place)
{
    if (place.file == NULL)
        return place;
    if (b->file_from != place.file) {
        b->file_from = place.file;
        b->file_kept = arena_strdup(b->conf->arena, place.file);
    }
    place.file = b->file_kept;
    return place;
}

void tell(struct builder *b, struct node *n, const char *fmt, ...)
{
    struct buf text = {0};
    va_list args;
    va_start(args, fmt);
    buf_addv(&text, fmt, args);
    va_end(args);
    n->bad = true;
    conf_error(b->errors, n->at, "%s%s", node_path(n, b->draft->arena),
               buf_text(&text));
    buf_free(&text);
}

const struct tz *find_zone(struct builder *b, const char *name, struct node *n)
{
    struct err err = {0};
    struct tz *zone = map_get(b->zones, name);
    if (zone != NULL || map_has(b->zones, name))
        return zone;
    zone = tz_load(name, &err);
    map_set(b->zones, name, zone);
    if (zone == NULL && n != NULL)
        tell(b, n, "%s",
             n->secret ? "the secret value is no time zone" : err.text);
    else if (zone == NULL)
        conf_error(b->errors, (struct place){0}, "timezone: %s", err.text);
    return zone;
}

enum automation automation_of(const char *word)
{
    enum automation mode = AUTOMATION_AUTO;
    while (mode > AUTOMATION_OBSERVE && !str_eq(automation_name(mode), word))
        mode--;
    return mode;
}

/* An environment's own ceiling; the global one where it says none. */
static enum automation take_ceiling(struct builder *b, struct node *environment)
{
    struct global_values values = {.automation = b->draft->globals.automation};
    const struct rlv_option *row =
        option_find(global_options.rows, global_options.count, "automation");
    struct node *n = node_find(environment, "automation");
    const char *missing = NULL;
    if (n != NULL &&
        take_option(row, n, &values, b->conf->arena, &missing, b->errors) &&
        missing != NULL)
        tell(b, n, "%s is missing", missing);
    return automation_of(values.automation);
}

static void take_environments(struct builder *b)
{
    const struct conf_draft *d = b->draft;
    struct conf *c = b->conf;
    c->environments =
        arena_alloc(c->arena, (d->world_count + 1) * sizeof *c->environments);
    for (size_t i = 0; i < d->world_count; i++) {
        struct node *n = d->worlds[i].node;
        if (n == NULL)
            continue;
        c->environments[c->environment_count++] =
            (struct environment_spec){.name = arena_strdup(c->arena, n->name),
                                      .place = keep_place(b, n->key),
                                      .automation = take_ceiling(b, n)};
    }
}

static void take_globals(struct builder *b)
{
    const struct conf_draft *d = b->draft;
    const struct global_values *g = &d->globals;
    struct conf *c = b->conf;
    struct arena *arena = c->arena;
    c->file = arena_strdup(arena, d->file);
    memcpy(c->sha256, d->sha256, sizeof c->sha256);
    c->timezone = arena_strdup(arena, g->timezone);
    c->state_dir = arena_strdup(arena, g->state_dir);
    c->runner = arena_strdup(arena, g->runner);
    c->user = arena_strdup(arena, g->user);
    c->log_level = arena_strdup(arena, g->log);
    c->plugin_dir = option_copy_list(&g->plugin_dir, arena);
    c->runbook_dir = option_copy_list(&g->runbook_dir, arena);
    c->automation = automation_of(g->automation);
    c->workers = g->workers;
    c->blocking = g->blocking;
    c->target_probes = g->target_probes;
    c->zone = find_zone(b, c->timezone, node_find(d->root, "timezone"));
}

static void take_secrets(struct builder *b)
{
    const struct vars *v = &b->draft->vars;
    struct conf *c = b->conf;
    c->secrets =
        arena_alloc(c->arena, (v->secret_count + 1) * sizeof *c->secrets);
    struct map *known = map_new();
    for (size_t i = 0; i < v->secret_count; i++) {
        if (map_has(known, v->secrets[i]))
            continue;
        map_set(known, v->secrets[i], NULL);
        c->secrets[c->secret_count++] = arena_strdup(c->arena, v->secrets[i]);
    }
    map_free(known);
}

static void take_zones(struct builder *b)
{
    struct conf *c = b->conf;
    size_t n = map_count(b->zones);
    c->zones = arena_alloc(c->arena, (n + 1) * sizeof *c->zones);
    for (size_t i = 0; i < n; i++)
        if (map_at(b->zones, i) != NULL)
            c->zones[c->zone_count++] = map_at(b->zones, i);
    map_free(b->zones);
}

/* Plugin options stand beside those of every check: none may take such a name,
 * nor one that a later version will need. */
static void check_names(const struct builder *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct catalog *c = b->catalogs[i];
        for (size_t k = 0; c != NULL && k < c->option_count; k++) {
            const char *name = c->options[k].name;
            if (option_find(check_options.rows, check_options.count, name) !=
                    NULL ||
                table_is_later(SCOPE_CHECK, name))
                conf_draft_blame(b->draft, i, b->errors,
                                 "its option \"%s\" has the name of an option "
                                 "of every check",
                                 name);
        }
    }
}

static void take_catalogs(struct builder *b, size_t n)
{
    struct conf *c = b->conf;
    c->catalogs = arena_alloc(c->arena, (n + 1) * sizeof(struct catalog *));
    for (size_t i = 0; i < n; i++) {
        if (b->catalogs[i] != NULL)
            c->catalogs[c->catalog_count++] = b->catalogs[i];
        b->catalogs[i] = NULL;
    }
}

struct conf *conf_build(struct conf_draft *draft, struct catalog **catalogs,
                        size_t n, uint32_t generation,
                        struct conf_errors *errors)
{
    struct arena *arena = arena_new();
    struct conf *conf = arena_alloc(arena, sizeof *conf);
    struct builder b = {.draft = draft,
                        .conf = conf,
                        .catalogs = catalogs,
                        .errors = errors,
                        .zones = map_new()};
    must(n == draft->plugin_count);
    check_names(&b, n);
    conf->refs = 1;
    conf->arena = arena;
    conf->generation = generation;
    take_globals(&b);
    take_environments(&b);
    build_checks(&b);
    build_runbooks(&b);
    build_maintenance(&b);
    build_history(&b);
    build_web(&b);
    if (draft->origins && conf_errors_count(errors) == 0)
        find_origins(&b);
    take_secrets(&b);
    conf->private_paths = conf_draft_private(draft, arena);
    take_zones(&b);
    if (draft->check_count == 0)
        conf_warn(errors, draft->root->key, "there are no checks");
    if (conf_errors_count(errors) > 0) {
        conf_unref(conf);
        return NULL;
    }
    take_catalogs(&b, n);
    return conf;
}

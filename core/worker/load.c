/* worker/load.c: see load.h.
 *
 * Happy path: main sends a generation; plugins that are new are opened and
 * inited; checks that are new or changed get their conf struct and parsed
 * lines; the others stay as they are, with their scopes.
 * Ways it can fail: a plugin does not open, a setting does not fit: the checks
 * concerned answer every probe with `plugin` or `config` and the reason. Main
 * has vetted all of it, so that means that a file changed since. */
#include "worker/load.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "worker/box.h"
#include "worker/host.h"
#include "worker/target.h"

static struct plugin *plugins;
static struct check **checks; /* by id */
static struct check *retired;
static size_t check_count;

/* ------------------------------------------------------------- plugins --- */

const char *plugin_name(const struct plugin *p)
{
    if (p == NULL)
        return "?";
    const char *slash = strrchr(p->path, '/');
    return p->catalog != NULL ? p->catalog->name
           : slash != NULL    ? slash + 1
                              : p->path;
}

static void start_plugin(struct plugin *p, const struct plug *plug)
{
    p->plug = plug;
    p->table = plug_table(plug);
    p->catalog = plug_catalog(plug);
    p->duration = catalog_duration(p->catalog);
    p->phase = catalog_phase(p->catalog);
    p->latency = catalog_latency(p->catalog);
    if ((size_t)p->latency < p->catalog->own_field_count)
        p->latency = -1;
    p->lines = map_new();
    p->inited = true;
    struct box_frame before = box_enter(BLACKBOX_INIT, p, 0);
    int status = p->table->init == NULL ? 0 : p->table->init(&worker_host);
    box_leave(&before);
    if (status != 0)
        p->broken = xasprintf("plugin %s: its init() refused with %d",
                              p->catalog->name, status);
}

static void open_plugin(struct plugin *p)
{
    struct err err;
    if (p->inited)
        return;
    free(p->broken);
    p->broken = NULL;
    struct box_frame before = box_enter(BLACKBOX_LOAD, p, 0);
    struct plug *plug = plug_open(p->path, &err);
    box_leave(&before);
    if (plug != NULL)
        start_plugin(p, plug);
    else
        p->broken = xstrdup(err.text);
    if (p->broken != NULL)
        log_error("%s", p->broken);
}

/* Opened, or tried again. */
static struct plugin *plugin_at(const char *path)
{
    struct plugin *p = plugins;
    while (p != NULL && !str_eq(p->path, path))
        p = p->next;
    if (p == NULL) {
        p = xcalloc(1, sizeof *p);
        p->path = xstrdup(path);
        p->next = plugins;
        plugins = p;
        scope_init(&p->scope, p, NULL, 0, NULL);
    }
    open_plugin(p);
    return p;
}

/* --------------------------------------------------------------- lines --- */

static struct line *line_of(struct plugin *p, const char *text,
                            struct expect_error *error)
{
    struct line *l = map_get(p->lines, text);
    if (l == NULL) {
        struct expect_scope scope = {p->catalog->fields,
                                     p->catalog->field_count};
        struct expect *e = expect_parse(text, &scope, error);
        if (e == NULL)
            return NULL;
        l = xcalloc(1, sizeof *l);
        l->expect = e;
        map_set(p->lines, text, l);
    }
    l->refs++;
    return l;
}

/* Forgets lines that no check has any more. */
static void sweep_lines(struct plugin *p)
{
    struct map *kept = map_new();
    for (size_t i = 0; i < map_count(p->lines); i++) {
        struct line *l = map_at(p->lines, i);
        if (l->refs > 0) {
            map_set(kept, map_key(p->lines, i), l);
            continue;
        }
        expect_free(l->expect);
        free(l);
    }
    map_free(p->lines);
    p->lines = kept;
}

static struct check_line *take_lines(struct check *c,
                                     const struct line_spec *specs, size_t n,
                                     size_t *count)
{
    struct check_line *lines = arena_alloc(c->arena, (n + 1) * sizeof *lines);
    for (size_t i = 0; i < n; i++) {
        struct expect_error error;
        struct line *l = line_of(c->plugin, specs[i].text, &error);
        if (l == NULL) {
            c->broken = arena_printf(c->arena, "\"%s\", column %d: %s",
                                     specs[i].text, error.column, error.text);
            continue;
        }
        lines[(*count)++] = (struct check_line){l, specs[i].is_default};
    }
    return lines;
}

static void drop_lines(struct check_line *lines, size_t n)
{
    for (size_t i = 0; i < n; i++)
        lines[i].line->refs--;
}

/* -------------------------------------------------------------- checks --- */

static void mark_wanted(struct check *c, const struct check_line *lines,
                        size_t n)
{
    unsigned field;
    const char *key;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0;
             expect_read_at(lines[i].line->expect, k, &field, &key); k++)
            c->wanted[field] = true;
}

static void find_wanted(struct check *c)
{
    const struct catalog *catalog = c->plugin->catalog;
    c->wanted = arena_alloc(c->arena, catalog->field_count);
    for (size_t i = 0; i < catalog->field_count; i++)
        c->wanted[i] = (catalog->fields[i].flags & RLV_RECORDED) != 0;
    mark_wanted(c, c->expects, c->expect_count);
    mark_wanted(c, c->warns, c->warn_count);
}

static void fill_conf(struct check *c, const struct msg_check *m,
                      const struct plug *plug)
{
    struct err err;
    const struct setting *culprit = NULL;
    c->conf = plug_fill(plug, m->settings, m->setting_count, c->arena, &culprit,
                        &err);
    if (c->conf == NULL && culprit != NULL)
        err_wrap(&err, "%s", culprit->name);
    if (c->conf == NULL)
        c->broken = arena_strdup(c->arena, err.text);
}

static struct check *make_check(const struct msg_check *m, struct plugin *p)
{
    struct check *c = xcalloc(1, sizeof *c);
    c->refs = 1;
    c->id = m->check;
    c->fingerprint = m->fingerprint;
    c->plugin = p;
    c->target = target_ref(m->target);
    c->timeout_ns = m->timeout_ns;
    c->evidence_bytes = m->evidence_bytes;
    c->arena = arena_new();
    scope_init(&c->scope, p, NULL, 0, NULL);
    if (p->broken != NULL)
        return c;
    fill_conf(c, m, p->plug);
    c->expects = take_lines(c, m->expects, m->expect_count, &c->expect_count);
    c->warns = take_lines(c, m->warns, m->warn_count, &c->warn_count);
    find_wanted(c);
    return c;
}

void check_unref(struct check *c)
{
    if (--c->refs > 0)
        return;
    c->next_retired = retired;
    retired = c;
}

static void free_check(struct check *c)
{
    scope_release(&c->scope);
    target_unref(c->target);
    drop_lines(c->expects, c->expect_count);
    drop_lines(c->warns, c->warn_count);
    arena_free(c->arena);
    free(c);
}

static void sweep_all_lines(void)
{
    for (struct plugin *p = plugins; p != NULL; p = p->next)
        if (p->lines != NULL)
            sweep_lines(p);
}

void load_bury(void)
{
    if (retired == NULL)
        return;
    while (retired != NULL) {
        struct check *c = retired;
        retired = c->next_retired;
        free_check(c);
    }
    sweep_all_lines();
}

static int by_id(const void *a, const void *b)
{
    uint32_t x = (*(struct check *const *)a)->id;
    uint32_t y = (*(struct check *const *)b)->id;
    return x < y ? -1 : x > y;
}

struct check *load_check(uint32_t id)
{
    for (size_t lo = 0, hi = check_count; lo < hi;) {
        size_t mid = (lo + hi) / 2;
        if (checks[mid]->id == id)
            return checks[mid];
        if (checks[mid]->id < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

/* ---------------------------------------------------------- generation --- */

/* A check made while its plugin was broken is made anew. */
static struct check *keep_or_make(const struct msg_check *m, struct plugin *p)
{
    struct check *old = load_check(m->check);
    if (old == NULL || old->fingerprint != m->fingerprint || old->plugin != p ||
        (old->wanted == NULL && p->broken == NULL))
        return make_check(m, p);
    old->refs++;
    return old;
}

static void replace_checks(struct check **fresh, size_t n)
{
    qsort(fresh, n, sizeof(struct check *), by_id);
    for (size_t i = 0; i < check_count; i++)
        check_unref(checks[i]);
    free(checks);
    checks = fresh;
    check_count = n;
}

bool load_generation(const void *payload, size_t n)
{
    struct msg_load load;
    struct arena *arena = arena_new();
    bool ok = msg_get_load(payload, n, arena, &load);
    struct box_frame before = box_enter(BLACKBOX_LOAD, NULL, 0);
    if (ok) {
        target_set_limit(load.target_probes);
        struct plugin **used = arena_alloc(arena, (load.plugins.count + 1) *
                                                      sizeof(struct plugin *));
        for (size_t i = 0; i < load.plugins.count; i++)
            used[i] = plugin_at(load.plugins.items[i]);
        struct check **fresh =
            xcalloc(load.check_count + 1, sizeof(struct check *));
        for (size_t i = 0; i < load.check_count; i++)
            fresh[i] =
                keep_or_make(&load.checks[i], used[load.checks[i].plugin]);
        replace_checks(fresh, load.check_count);
    }
    box_leave(&before);
    arena_free(arena);
    return ok;
}

static void close_plugin(struct plugin *p)
{
    if (p->inited) {
        scope_release(&p->scope);
        if (p->table->fini != NULL && p->broken == NULL)
            p->table->fini();
        sweep_lines(p);
        map_free(p->lines);
    }
    free(p->broken);
    free(p->path);
    free(p);
}

void load_close(void)
{
    for (size_t i = 0; i < check_count; i++)
        check_unref(checks[i]);
    free(checks);
    checks = NULL;
    check_count = 0;
    load_bury();
    while (plugins != NULL) {
        struct plugin *p = plugins;
        plugins = p->next;
        close_plugin(p);
    }
}

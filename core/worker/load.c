/* worker/load.c: see load.h.
 *
 * Happy path: main sends a generation; plugins that are new are opened and
 * inited; checks that are new or changed get their conf struct and parsed
 * lines; the others stay as they are, with their scopes; each learns which
 * checks are judged from its results.
 * Ways it can fail: a plugin does not open, a setting does not fit: the checks
 * concerned answer every probe with `plugin` or `config` and the reason. Main
 * has vetted all of it, so a file changed since, or memory or descriptors were
 * wanting: it is opened again now and then, and once it opens the worker is to
 * begin anew, with all its checks. So it is where the file of a plugin is not
 * the one that was opened. */
#include "worker/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "model/places.h"
#include "worker/box.h"
#include "worker/host.h"
#include "worker/kinds.h"
#include "worker/target.h"
#include "worker/view.h"

/* From one try to open a plugin to the next. */
#define AGAIN_NS (5 * NS_PER_S)

enum { CHECK_BYTES = 640 }; /* what one takes from its arena as a rule */

static struct plugin *plugins;
static struct check **checks; /* by id */
static struct check *retired;
static size_t check_count;
static char reopened[300];

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
    if ((size_t)p->duration < p->catalog->own_field_count)
        p->duration = -1;
    p->names = map_new();
    p->inited = true;
    struct box_frame before = box_enter(BLACKBOX_INIT, p, 0);
    int status = p->table->init == NULL ? 0 : p->table->init(&worker_host);
    box_leave(&before);
    if (status != 0)
        p->broken = xasprintf("plugin %s: its init() refused with %d",
                              p->catalog->name, status);
}

static bool is_file(const char *origin) { return strchr(origin, '/') != NULL; }

static struct plug *try_to_open(struct plugin *p, struct err *err)
{
    if (!is_file(p->path))
        return kinds_open(p->path, err);
    struct box_frame before = box_enter(BLACKBOX_LOAD, p, 0);
    if (stat(p->path, &p->file) != 0)
        p->file = (struct stat){0};
    struct plug *plug = plug_open(p->path, err);
    box_leave(&before);
    p->tried_ns = clock_mono_ns();
    return plug;
}

static void open_plugin(struct plugin *p)
{
    struct err err;
    if (p->inited)
        return;
    free(p->broken);
    p->broken = NULL;
    if (is_file(p->path))
        view_look_at_file(p->path);
    struct plug *plug = try_to_open(p, &err);
    /* As anywhere else in a worker: the next one may have more. */
    if (plug == NULL && strstr(err.text, strerror(ENOMEM)) != NULL)
        mem_exhausted(0);
    if (plug != NULL)
        start_plugin(p, plug);
    else
        p->broken = xstrdup(err.text);
    if (p->broken != NULL)
        log_error("%s", p->broken);
}

void load_look_again(struct plugin *p)
{
    struct err err;
    if (p->inited || clock_mono_ns() - p->tried_ns < AGAIN_NS)
        return;
    if (try_to_open(p, &err) != NULL)
        snprintf(reopened, sizeof reopened, "%.250s can be opened again",
                 p->path);
}

const char *load_reopened(void) { return reopened[0] ? reopened : NULL; }

/* Built anew or upgraded: what main has vetted is not what we have opened. One
 * that is gone for the moment is no reason. */
static void compare_file(const struct plugin *p)
{
    struct stat now;
    const struct stat *then = &p->file;
    if (!p->inited || !is_file(p->path) || stat(p->path, &now) != 0 ||
        (now.st_dev == then->st_dev && now.st_ino == then->st_ino &&
         now.st_size == then->st_size &&
         now.st_mtim.tv_sec == then->st_mtim.tv_sec &&
         now.st_mtim.tv_nsec == then->st_mtim.tv_nsec))
        return;
    snprintf(reopened, sizeof reopened, "%.250s is another file now", p->path);
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
    compare_file(p);
    open_plugin(p);
    return p;
}

/* --------------------------------------------------------------- lines --- */

static struct check_line *take_lines(struct check *c,
                                     const struct line_spec *specs, size_t n,
                                     size_t *count)
{
    struct check_line *lines = arena_alloc(c->arena, (n + 1) * sizeof *lines);
    for (size_t i = 0; i < n; i++) {
        struct expect_error error;
        struct line *l = names_line(c->names, specs[i].text, &error);
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

/* Recorded names are no fields of the plugin: what they read is. */
static void want(bool *wanted, size_t fields, const struct expect *e)
{
    unsigned field;
    const char *key;
    for (size_t i = 0; expect_read_at(e, i, &field, &key); i++)
        if (field < fields)
            wanted[field] = true;
}

/* A plugin's own line is skipped where its field is absent: it makes nothing be
 * asked for. */
static void want_lines(bool *wanted, size_t fields,
                       const struct check_line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!lines[i].is_default)
            want(wanted, fields, lines[i].line->expect);
}

static void want_all(bool *wanted, const struct check *c)
{
    if (c->names == NULL)
        return;
    want_lines(wanted, c->names->observed, c->expects, c->expect_count);
    want_lines(wanted, c->names->observed, c->warns, c->warn_count);
    for (size_t i = 0; i < c->names->record_count; i++)
        want(wanted, c->names->observed, c->names->records[i]);
}

/* Anew when other checks are derived from it: a probe in flight may ask. The
 * history alone is no reason for a costly field. */
static void find_wanted(struct check *c)
{
    const struct catalog *catalog = c->plugin->catalog;
    if (c->wanted == NULL)
        c->wanted = arena_alloc(c->arena, catalog->field_count);
    for (size_t i = 0; i < catalog->field_count; i++)
        c->wanted[i] = (catalog->fields[i].flags &
                        (RLV_RECORDED | RLV_COSTLY)) == RLV_RECORDED;
    want_all(c->wanted, c);
    for (size_t i = 0; i < c->derived_count; i++)
        want_all(c->wanted, c->derived[i]);
}

/* NULL: *why, on the arena. */
static const void *make_conf(const struct plug *plug,
                             const struct setting *settings, size_t count,
                             const struct rlv_dict *values, struct arena *arena,
                             const char **why)
{
    struct err err;
    const struct setting *culprit = NULL;
    const void *conf =
        plug_fill(plug, settings, count, values, arena, &culprit, &err);
    if (conf == NULL && culprit != NULL)
        err_wrap(&err, "%s", culprit->name);
    if (conf == NULL)
        *why = arena_strdup(arena, err.text);
    return conf;
}

/* A first time with its places as they are: is there anything else amiss? */
static void fill_conf(struct check *c, const struct msg_check *m,
                      const struct plug *plug)
{
    view_look_at_settings(m->settings, m->setting_count);
    c->conf = make_conf(plug, m->settings, m->setting_count, NULL, c->arena,
                        &c->broken);
    if (!places_are_in_any(plug_catalog(plug), m->settings, m->setting_count))
        return;
    c->conf = NULL;
    c->settings = option_copy_settings(m->settings, m->setting_count, c->arena);
    c->setting_count = m->setting_count;
}

const void *load_conf(const struct check *c, const struct rlv_dict *values,
                      struct arena *arena, const char **why)
{
    return c->settings == NULL
               ? c->conf
               : make_conf(c->plugin->plug, c->settings, c->setting_count,
                           values, arena, why);
}

static void take_expressions(struct check *c, const struct msg_check *m)
{
    struct plugin *p = c->plugin;
    if (c->source != NULL && c->source->names == NULL) {
        c->broken = arena_strdup(c->arena, c->source->broken);
        return;
    }
    c->names =
        names_ref(p->names, p->catalog, c->source ? c->source->names : NULL,
                  m->records, m->record_count, c->arena, &c->broken);
    if (c->names == NULL)
        return;
    c->expects = take_lines(c, m->expects, m->expect_count, &c->expect_count);
    c->warns = take_lines(c, m->warns, m->warn_count, &c->warn_count);
}

static void take_faults(struct check *c, const struct rlv_list *names)
{
    const char *all = NULL;
    for (size_t i = 0; i < names->count; i++) {
        const struct fault_info *f = fault_by_name(names->items[i]);
        if (f == NULL)
            continue; /* refused when the configuration was read */
        fault_set_add(&c->wanted_faults, f->number);
        all = all == NULL ? f->name
                          : arena_printf(c->arena, "%s or %s", all, f->name);
    }
    c->must_fail = all;
}

/* source: NULL, or what it is derived from; source_name: that one's name. */
static struct check *make_check(const struct msg_check *m, struct plugin *p,
                                const struct check *source,
                                const char *source_name)
{
    struct check *c = xcalloc(1, sizeof *c);
    c->refs = 1;
    c->id = m->check;
    c->fingerprint = m->fingerprint;
    c->plugin = p;
    c->source = source;
    c->target = target_ref(m->target);
    c->timeout_ns = m->timeout_ns;
    c->evidence_bytes = m->evidence_bytes;
    c->arena = arena_new_sized(CHECK_BYTES);
    c->source_name = arena_strdup(c->arena, source_name);
    scope_init(&c->scope, p, NULL, 0, NULL);
    if (p->broken != NULL)
        return c;
    if (source == NULL)
        fill_conf(c, m, p->plug);
    take_expressions(c, m);
    take_faults(c, &m->expect_faults);
    if (source == NULL)
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

/* The checks that are judged from its results; the array is taken over. */
static void set_derived(struct check *c, struct check **derived, size_t n)
{
    for (size_t i = 0; i < n; i++)
        derived[i]->refs++;
    for (size_t i = 0; i < c->derived_count; i++)
        check_unref(c->derived[i]);
    free(c->derived);
    c->derived = derived;
    c->derived_count = n;
}

static void free_check(struct check *c)
{
    scope_release(&c->scope);
    target_unref(c->target);
    drop_lines(c->expects, c->expect_count);
    drop_lines(c->warns, c->warn_count);
    names_unref(c->names);
    set_derived(c, NULL, 0);
    arena_free(c->arena);
    free(c);
}

static void sweep_all_lines(void)
{
    for (struct plugin *p = plugins; p != NULL; p = p->next)
        if (p->names != NULL)
            p->names = names_sweep(p->names);
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

struct fresh { /* a check of the generation that comes */
    const struct msg_check *msg;
    struct check *check;
    size_t source; /* of a derived one: index among those that are probed */
};

struct coming {
    const struct msg_load *load;
    struct plugin **plugins; /* by the message's index */
    struct fresh *probed;    /* by number */
    struct fresh *derived;   /* by source, then as in the message */
    size_t probed_count, derived_count;
};

/* One made while its plugin was broken is made anew, and a derived one when its
 * source is: it has that one's names. */
static struct check *keep_or_make(const struct coming *new,
                                  const struct msg_check *m,
                                  const struct fresh *source)
{
    struct plugin *p = new->plugins[m->plugin];
    struct check *old = load_check(m->check);
    const struct check *from = source == NULL ? NULL : source->check;
    if (old == NULL || old->fingerprint != m->fingerprint || old->plugin != p ||
        old->source != from || (old->names == NULL && p->broken == NULL))
        return make_check(m, p, from, source ? source->msg->name : NULL);
    old->refs++;
    return old;
}

static int by_number(const void *a, const void *b)
{
    const struct fresh *x = a, *y = b;
    return x->check->id < y->check->id ? -1 : x->check->id > y->check->id;
}

static void make_probed(struct coming *new)
{
    for (size_t i = 0; i < new->load->check_count; i++) {
        const struct msg_check *m = &new->load->checks[i];
        if (m->of == 0)
            new->probed[new->probed_count++] =
                (struct fresh){m, keep_or_make(new, m, NULL), 0};
    }
    qsort(new->probed, new->probed_count, sizeof *new->probed, by_number);
}

/* The decoder has seen to it that it is there. */
static size_t source_of(const struct coming *new, const struct msg_check *m)
{
    struct check key = {.id = m->of};
    const struct fresh wanted = {.check = &key};
    const struct fresh *found = bsearch(&wanted, new->probed, new->probed_count,
                                        sizeof *new->probed, by_number);
    must(found != NULL);
    return (size_t)(found - new->probed);
}

static int by_source(const void *a, const void *b)
{
    const struct fresh *x = a, *y = b;
    if (x->source != y->source)
        return x->source < y->source ? -1 : 1;
    return x->msg < y->msg ? -1 : x->msg > y->msg;
}

static void make_derived(struct coming *new)
{
    for (size_t i = 0; i < new->load->check_count; i++) {
        const struct msg_check *m = &new->load->checks[i];
        if (m->of == 0)
            continue;
        size_t source = source_of(new, m);
        new->derived[new->derived_count++] = (struct fresh){
            m, keep_or_make(new, m, &new->probed[source]), source};
    }
    qsort(new->derived, new->derived_count, sizeof *new->derived, by_source);
}

/* Gives each check those that are judged from its results. */
static void hand_out(const struct coming *new)
{
    size_t next = 0;
    for (size_t i = 0; i < new->probed_count; i++) {
        struct check *c = new->probed[i].check;
        size_t first = next;
        while (next < new->derived_count && i == new->derived[next].source)
            next++;
        if (next == first && c->derived_count == 0)
            continue;
        struct check **own = xcalloc(next - first + 1, sizeof(struct check *));
        for (size_t k = first; k < next; k++)
            own[k - first] = new->derived[k].check;
        set_derived(c, own, next - first);
        if (c->wanted != NULL)
            find_wanted(c);
    }
}

static int by_id(const void *a, const void *b)
{
    uint32_t x = (*(struct check *const *)a)->id;
    uint32_t y = (*(struct check *const *)b)->id;
    return x < y ? -1 : x > y;
}

static void replace_checks(const struct coming *new)
{
    size_t n = new->probed_count + new->derived_count;
    struct check **fresh = xcalloc(n + 1, sizeof(struct check *));
    for (size_t i = 0; i < new->probed_count; i++)
        fresh[i] = new->probed[i].check;
    for (size_t i = 0; i < new->derived_count; i++)
        fresh[new->probed_count + i] = new->derived[i].check;
    qsort(fresh, n, sizeof(struct check *), by_id);
    for (size_t i = 0; i < check_count; i++)
        check_unref(checks[i]);
    free(checks);
    checks = fresh;
    check_count = n;
}

static void take_over(const struct msg_load *load, struct arena *arena)
{
    size_t n = load->check_count;
    struct coming new = {.load = load};
    new.plugins =
        arena_alloc(arena, (load->plugins.count + 1) * sizeof(struct plugin *));
    new.probed = arena_alloc(arena, (n + 1) * sizeof *new.probed);
    new.derived = arena_alloc(arena, (n + 1) * sizeof *new.derived);
    target_set_limit(load->target_probes);
    view_take(&load->denied, &load->plugins);
    for (size_t i = 0; i < load->plugins.count; i++)
        new.plugins[i] = plugin_at(load->plugins.items[i]);
    make_probed(&new);
    make_derived(&new);
    hand_out(&new);
    replace_checks(&new);
}

bool load_generation(const void *payload, size_t n)
{
    struct msg_load load;
    struct arena *arena = arena_new();
    bool ok = msg_get_load(payload, n, arena, &load);
    struct box_frame before = box_enter(BLACKBOX_LOAD, NULL, 0);
    if (ok)
        take_over(&load, arena);
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
        map_free(names_sweep(p->names));
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

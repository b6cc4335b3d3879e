/* plug/plug.c: opening a plugin. See plug.h.
 *
 * Happy path: plug_open trusts the file, loads it, copies what both sides know
 * of its symbol, checks the tables, makes the catalog of them.
 * Ways it can fail: the file may not be trusted; the loader refuses it (a
 * library or a symbol is missing); it is no plugin, or one for another
 * version; a table is wrong. Its constructors may crash or hang: that is why
 * only roles that can be killed call this. */
#include "plug/plug.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/places.h"
#include "plug/check.h"

struct plug {
    struct plug *next; /* in `opened` */
    struct rlv_plugin table;
    struct catalog *catalog;
};

/* All of them: they live as long as the process. */
static struct plug *opened;

/* A plugin of another major version has another symbol. */
static bool no_symbol(void *handle, struct err *err)
{
    char name[32];
    for (unsigned v = 2; v < 10; v++) {
        snprintf(name, sizeof name, "relevo_plugin_v%u", v);
        if (v != RLV_ABI_MAJOR && dlsym(handle, name) != NULL)
            return err_set(err, ERR_PROTOCOL, 0,
                           "built for version %u of the plugin interface, "
                           "this Relevo has %u.%u: a newer Relevo is needed",
                           v, RLV_ABI_MAJOR, RLV_ABI_MINOR);
    }
    return err_set(err, ERR_PROTOCOL, 0,
                   "it has no symbol relevo_plugin_v1: not a plugin of Relevo");
}

/* dlerror() begins with the path as a rule; we say it once. */
static const char *loader_error(const char *real)
{
    const char *text = dlerror();
    size_t n = strlen(real);
    if (text == NULL)
        return "the loader refused it";
    if (strncmp(text, real, n) == 0 && strncmp(text + n, ": ", 2) == 0)
        return text + n + 2;
    return text;
}

static const struct rlv_plugin *load(const char *real, struct err *err)
{
    void *handle = dlopen(real, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        err_set(err, ERR_IO, 0, "%s", loader_error(real));
        return NULL;
    }
    const struct rlv_plugin *symbol = dlsym(handle, "relevo_plugin_v1");
    if (symbol == NULL)
        no_symbol(handle, err);
    return symbol;
}

static struct plug *copy(const struct rlv_plugin *symbol, const char *path)
{
    struct plug *p = xcalloc(1, sizeof *p);
    size_t size = symbol->size;
    memcpy(&p->table, symbol, size < sizeof p->table ? size : sizeof p->table);
    p->catalog = catalog_of(&p->table, path);
    return p;
}

static struct plug *keep(struct plug *p)
{
    p->next = opened;
    opened = p;
    return p;
}

/* Its tables are ours: tests/unit/test_plug_kind.c checks them. */
struct plug *plug_builtin(const struct rlv_plugin *kind)
{
    return keep(copy(kind, NULL));
}

static struct plug *make(const struct rlv_plugin *symbol, const char *path,
                         struct err *err)
{
    if (!check_header(symbol, err))
        return NULL;
    struct plug *p = copy(symbol, path);
    if (check_tables(p->catalog, err))
        return keep(p);
    catalog_free(p->catalog);
    free(p);
    return NULL;
}

struct plug *plug_open(const char *path, struct err *err)
{
    char *real = realpath(path, NULL);
    struct plug *p = NULL;
    if (real == NULL) {
        err_set(err, ERR_IO, errno, "%s", path);
        return NULL;
    }
    if (plug_trust(real, err)) {
        const struct rlv_plugin *symbol = load(real, err);
        if (symbol != NULL)
            p = make(symbol, path, err);
    }
    free(real);
    if (p == NULL)
        err_wrap(err, "%s", path);
    return p;
}

const struct rlv_plugin *plug_table(const struct plug *p) { return &p->table; }

const struct catalog *plug_catalog(const struct plug *p) { return p->catalog; }

/* NULL: *culprit has a place that no value is for. */
static struct setting *fill_places(const struct catalog *c,
                                   const struct setting *settings, size_t count,
                                   const struct rlv_dict *values,
                                   struct arena *arena, const char **unfilled,
                                   const struct setting **culprit)
{
    struct setting *filled =
        arena_memdup(arena, settings, count * sizeof *filled);
    for (size_t i = 0; i < count; i++) {
        *culprit = &settings[i];
        if (places_are_filled(c, settings[i].name) &&
            !places_fill(&settings[i].value, values, arena, &filled[i].value,
                         unfilled))
            return NULL;
    }
    return filled;
}

void *plug_fill(const struct plug *p, const struct setting *settings,
                size_t count, const struct rlv_dict *values,
                struct arena *arena, const struct setting **culprit,
                struct err *err)
{
    const struct catalog *c = p->catalog;
    const struct setting *blamed = NULL;
    const char *unfilled = NULL;
    void *conf = arena_alloc(arena, c->conf_size);
    struct setting *filled =
        fill_places(c, settings, count, values, arena, &unfilled, &blamed);
    bool ok = filled != NULL;
    if (!ok)
        err_set(err, ERR_CONFIG, 0,
                "{{%s}} has no value: a check that triggers this one gives it",
                unfilled);
    else if (!option_fill(c->options, c->option_count, filled, count, conf,
                          arena, &blamed, err)) {
        ok = false;
        blamed = blamed == NULL ? NULL : &settings[blamed - filled];
    }
    if (culprit != NULL)
        *culprit = ok ? NULL : blamed;
    return ok ? conf : NULL;
}

/* model/catalog.c: see catalog.h. */
#include "model/catalog.h"

#include <string.h>

#include "base/str.h"

void catalog_free(struct catalog *c)
{
    if (c != NULL)
        arena_free(c->arena);
}

/* A row of a table that the plugin was compiled with: `size` bytes there,
 * `ours` here; the common part is read and the rest is zero. */
static void copy_row(void *to, size_t ours, const void *table, size_t size,
                     size_t i)
{
    memset(to, 0, ours);
    memcpy(to, (const char *)table + i * size, size < ours ? size : ours);
}

static const char *text_or_empty(struct arena *a, const char *s)
{
    return s == NULL ? "" : arena_strdup(a, s);
}

static const char *const *copy_lines(struct arena *a, const char *const *lines)
{
    size_t n = 0;
    while (lines != NULL && lines[n] != NULL)
        n++;
    const char **copy = arena_alloc(a, (n + 1) * sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = arena_strdup(a, lines[i]);
    return copy;
}

static void copy_options(struct catalog *c, const struct rlv_plugin *p)
{
    struct rlv_option *rows =
        arena_alloc(c->arena, p->option_count * sizeof *rows);
    for (size_t i = 0; i < p->option_count; i++) {
        struct rlv_option *o = &rows[i];
        copy_row(o, sizeof *o, p->options, p->option_size, i);
        o->name = text_or_empty(c->arena, o->name);
        o->fallback = arena_strdup(c->arena, o->fallback);
        o->limits = arena_strdup(c->arena, o->limits);
        o->help = text_or_empty(c->arena, o->help);
    }
    c->options = rows;
    c->option_count = p->option_count;
}

static const struct rlv_field core_fields[] = {
    {"latency", RLV_T_DURATION, RLV_RECORDED, "",
     "what a user of the service waits for; here the whole probe"},
    {"duration", RLV_T_DURATION, 0, "", "the whole probe, with everything"},
    {"phase", RLV_T_MAP, 0, "",
     "time spent on one part: phase('connect'); a duration"},
};

static bool declares(const struct rlv_field *fields, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(fields[i].name, name))
            return true;
    return false;
}

static void copy_fields(struct catalog *c, const struct rlv_plugin *p)
{
    size_t n = p->field_count;
    struct rlv_field *rows =
        arena_alloc(c->arena, (n + ARRAY_LEN(core_fields)) * sizeof *rows);
    for (size_t i = 0; i < n; i++) {
        struct rlv_field *f = &rows[i];
        copy_row(f, sizeof *f, p->fields, p->field_size, i);
        f->name = text_or_empty(c->arena, f->name);
        f->unit = text_or_empty(c->arena, f->unit);
        f->help = text_or_empty(c->arena, f->help);
    }
    c->own_field_count = n;
    /* A built-in kind with a duration of its own measures no probe. */
    bool measured = !declares(rows, n, "duration");
    for (size_t i = measured ? 0 : 1; i < ARRAY_LEN(core_fields); i++)
        if (!declares(rows, c->own_field_count, core_fields[i].name))
            rows[n++] = core_fields[i];
    c->fields = rows;
    c->field_count = n;
}

struct catalog *catalog_of(const struct rlv_plugin *p, const char *path)
{
    struct arena *arena = arena_new();
    struct catalog *c = arena_alloc(arena, sizeof *c);
    c->arena = arena;
    c->path = arena_strdup(arena, path);
    c->name = text_or_empty(arena, p->name);
    c->version = text_or_empty(arena, p->version);
    c->summary = text_or_empty(arena, p->summary);
    c->conf_size = p->conf_size;
    c->blocking = p->blocking != NULL;
    c->expects = copy_lines(arena, p->expects);
    c->warn_unless = copy_lines(arena, p->warn_unless);
    copy_options(c, p);
    copy_fields(c, p);
    return c;
}

const char *catalog_origin(const struct catalog *c)
{
    return c->path != NULL ? c->path : c->name;
}

int catalog_field(const struct catalog *c, const char *name)
{
    for (size_t i = 0; i < c->field_count; i++)
        if (str_eq(c->fields[i].name, name))
            return (int)i;
    return -1;
}

static const char *nth_field(const void *arg, size_t i)
{
    const struct catalog *c = arg;
    return i < c->field_count ? c->fields[i].name : NULL;
}

const char *catalog_suggest_field(const struct catalog *c, const char *name)
{
    return str_nearest(name, nth_field, c);
}

int catalog_latency(const struct catalog *c)
{
    return catalog_field(c, "latency");
}

int catalog_duration(const struct catalog *c)
{
    return catalog_field(c, "duration");
}

int catalog_phase(const struct catalog *c) { return catalog_field(c, "phase"); }

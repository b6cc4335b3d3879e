/* model/catalog.h: a plugin's tables as plain data, owned by an arena.
 *
 * Made by the vet role from a loaded plugin (or taken from the description
 * cache) and read by everyone else, who therefore never loads one. To the
 * plugin's own fields the core appends what every check has: `latency` where
 * the plugin does not declare it, `duration` and `phase('…')`. */
#ifndef RELEVO_MODEL_CATALOG_H
#define RELEVO_MODEL_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "relevo/plugin.h"

struct catalog {
    struct arena *arena;
    const char *path; /* of the shared object; NULL for a built-in kind */
    const char *name, *version, *summary;
    const struct rlv_option *options;
    size_t option_count;
    uint32_t conf_size;
    const struct rlv_field *fields; /* the plugin's, then the core's */
    size_t field_count, own_field_count;
    const char *const *expects;     /* NULL-ended */
    const char *const *warn_unless; /* NULL-ended */
    bool blocking;                  /* has blocking(), not start() */
};

void catalog_free(struct catalog *); /* NULL is fine */
/* Copies a loaded plugin's tables. plugin rows may be larger or smaller than
 * ours (option_size, field_size): only what both sides know is read. */
struct catalog *catalog_of(const struct rlv_plugin *, const char *path);
/* What a worker opens: its file; of a built-in kind, its name. */
const char *catalog_origin(const struct catalog *);
/* -1: no such field. */
int catalog_field(const struct catalog *, const char *name);
const char *catalog_suggest_field(const struct catalog *, const char *name);

/* Indices of the core's own fields; -1: a built-in kind that has none. */
int catalog_latency(const struct catalog *);
int catalog_duration(const struct catalog *);
int catalog_phase(const struct catalog *);

#endif

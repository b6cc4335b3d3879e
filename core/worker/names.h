/* worker/names.h: what the lines of a check may name: its plugin's fields, and
 * what is recorded out of the answer. Most checks of a plugin record nothing
 * and share one set; checks that record the same share one too, so that a line
 * that thousands of them have is parsed once.
 *
 * Used by load.c (which owns the sets) and judge.c (which reads them). */
#ifndef RELEVO_WORKER_NAMES_H
#define RELEVO_WORKER_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/map.h"
#include "base/mem.h"
#include "expect/expect.h"
#include "model/catalog.h"
#include "model/spec.h"

struct line {
    struct expect *expect;
    unsigned refs;
};

struct names {
    struct arena *arena;
    const char *key;           /* in the map of all */
    struct expect_scope scope; /* the catalog's fields, then what is recorded:
                                  by the source first, where it has one */
    size_t observed;           /* fields of the catalog among them */
    size_t inherited;          /* recorded by the source */
    struct expect **records;   /* of the others, in their order */
    size_t record_count;
    struct map *lines; /* text → struct line */
    unsigned refs;     /* of checks */
};

/* Referenced. `all` is the plugin's sets by key; source is the set of the check
 * that this one is derived from, or NULL. NULL: an expression is wrong; *why
 * says so and hangs on the arena. */
struct names *names_ref(struct map *all, const struct catalog *,
                        const struct names *source,
                        const struct record_spec *records, size_t n,
                        struct arena *, const char **why);
void names_unref(struct names *); /* NULL is fine; names_sweep frees */

/* Referenced; NULL with *error: the line is wrong. */
struct line *names_line(struct names *, const char *text,
                        struct expect_error *error);

/* Frees sets and lines that no check has any more; returns what stays. */
struct map *names_sweep(struct map *all);

#endif

/* cli/vetted.h: what plugins say of themselves, for commands. A plugin is
 * described in a process of its own: none is ever loaded into this one. */
#ifndef RELEVO_CLI_VETTED_H
#define RELEVO_CLI_VETTED_H

#include "cli/cli.h"
#include "model/catalog.h"

struct vetted {
    const char *name, *path; /* as plug_list has them; path NULL: built in */
    struct catalog *catalog; /* NULL: error says why */
    char error[600];
};

/* The built-in kinds, then every plugin in the configured folders, or in the
 * default ones where there is no configuration; by name, on the arena. false: a
 * configuration was asked for that cannot be read; it has been said. */
bool vetted_list(const struct args *, struct arena *, struct vetted **,
                 size_t *count) MUST_CHECK;
/* One, likewise, also where it cannot be described; `path` lives as long as the
 * process. false: there is none, and that has been said. */
bool vetted_look(const struct args *, const char *word,
                 struct vetted *) MUST_CHECK;
/* One, by name, or by path where there is a '/' in it or ".so" at its end.
 * The caller frees the catalog. NULL: it has been said why. */
struct catalog *vetted_find(const struct args *, const char *word) MUST_CHECK;

void vetted_free(struct vetted *, size_t count); /* the catalogs */

#endif

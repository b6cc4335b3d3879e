/* plug/plug.h: plugins as files: found by name, opened, checked, and their
 * conf structs filled.
 *
 * Opening runs foreign code (constructors): only vet and worker call
 * plug_open. Finding and listing only look at names and may be called
 * anywhere. */
#ifndef RELEVO_PLUG_PLUG_H
#define RELEVO_PLUG_PLUG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/catalog.h"
#include "model/option.h"
#include "relevo/plugin.h"

struct plug;

/* Opens the shared object and checks everything that its tables say, so that
 * nobody after this has to. NULL with *err naming the file and what is wrong
 * with it. It stays open until the process ends: code of it may be anywhere in
 * the process by then. */
struct plug *plug_open(const char *path, struct err *) MUST_CHECK;

/* A built-in kind, with the function that observes in its table. */
struct plug *plug_builtin(const struct rlv_plugin *);

/* The plugin's symbol, as far as it is known to both sides; the rest zero. */
const struct rlv_plugin *plug_table(const struct plug *);
/* Its tables with rows of this program's size; belongs to the plug. */
const struct catalog *plug_catalog(const struct plug *);

/* A conf struct with defaults and these settings, on the arena, with the values
 * in their {{name}} places; values NULL: places stay as written. NULL with *err
 * and *culprit (may be NULL) as option_fill has them. */
void *plug_fill(const struct plug *, const struct setting *, size_t count,
                const struct rlv_dict *values, struct arena *,
                const struct setting **culprit, struct err *) MUST_CHECK;

/* The path of NAME.so in the first folder that has it. The error names the
 * folders and suggests a name that is there. */
bool plug_find(const struct rlv_list *dirs, const char *name, char *path,
               size_t size, struct err *) MUST_CHECK;

struct plug_file {
    const char *name, *path;
};

/* Every plugin in the folders by name, each once: what plug_find would find.
 * A folder that cannot be read counts as empty. On the arena. */
struct plug_file *plug_list(const struct rlv_list *dirs, struct arena *,
                            size_t *count);

#endif

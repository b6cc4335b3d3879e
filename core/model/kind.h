/* model/kind.h: the kinds of checks that are built in. Each has the tables of a
 * plugin, compiled into the core, one file each (kind_NAME.c), so that
 * validation, docs, expectations and results are one code. What observes stands
 * in worker/kinds.c: nothing here runs. */
#ifndef RELEVO_MODEL_KIND_H
#define RELEVO_MODEL_KIND_H

#include <stddef.h>

#include "model/catalog.h"

/* As `plugin =` names it; NULL: that is no built-in kind. */
const struct rlv_plugin *kind_find(const char *name);
const struct rlv_plugin *kind_nth(size_t i); /* NULL past the end */
/* A catalog without a path. */
struct catalog *kind_catalog(const struct rlv_plugin *);

/* kind_NAME.c */
extern const struct rlv_plugin kind_exec, kind_heartbeat;

#endif

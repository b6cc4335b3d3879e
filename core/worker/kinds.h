/* worker/kinds.h: the built-in kinds (model/kind.h) at work: for each the
 * function that observes, in a file of its own. It is a plugin's start(), but
 * sees all of the probe. Used by load.c. */
#ifndef RELEVO_WORKER_KINDS_H
#define RELEVO_WORKER_KINDS_H

#include "base/err.h"
#include "plug/plug.h"

/* NULL with *err: this program has no such kind. */
struct plug *kinds_open(const char *name, struct err *) MUST_CHECK;

/* kind_NAME.c */
void exec_start(struct rlv_probe *, const void *conf);
void heartbeat_start(struct rlv_probe *, const void *conf);

#endif

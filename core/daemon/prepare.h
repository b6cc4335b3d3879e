/* daemon/prepare.h: from files to a generation that every plugin accepts.
 *
 * Used at start, at reload and by commands that need a configuration. */
#ifndef RELEVO_DAEMON_PREPARE_H
#define RELEVO_DAEMON_PREPARE_H

#include <uv.h>

#include "conf/conf.h"

/* Calls done exactly once, from the loop or before this returns: conf is the
 * callback's (one reference), NULL when errors holds errors. errors lives
 * until done returns. */
void prepare_start(uv_loop_t *, const struct conf_source *, uint32_t generation,
                   void (*done)(void *arg, struct conf *, struct conf_errors *),
                   void *arg);

/* The same, waiting; errors and warnings go to standard error. NULL: refused.
 */
struct conf *prepare_now(uv_loop_t *, const struct conf_source *,
                         uint32_t generation);

#endif

/* runner/keeper.h: the process that keeps one run: starts the script, reads
 * what it says, ends it when its time is over, and leaves the outcome. */
#ifndef RELEVO_RUNNER_KEEPER_H
#define RELEVO_RUNNER_KEEPER_H

#include "base/attr.h"
#include "wire/msg.h"

/* Called in a fresh fork of the runner with SIGCHLD and SIGTERM blocked; the
 * run's folder has been made. SIGTERM stops the run. Ends the process: with
 * status 0 when the outcome was written, else 1 and a sentence in `words`. */
NORETURN void keeper_run(const struct msg_run *, int words);

#endif

/* runner/launch.h: the process of a check's command: which program, as whom,
 * with which environment; and its birth, by vfork, so that it costs the same
 * however large this process is. Used by command.c. */
#ifndef RELEVO_RUNNER_LAUNCH_H
#define RELEVO_RUNNER_LAUNCH_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/mem.h"
#include "runner/rules.h"
#include "wire/msg.h"

/* Starts it, in a session of its own, with nothing on descriptor 0, and with
 * `output` and `errors` as 1 and 2. What it may be is checked first: see
 * script.h, and rules.h where there are rules. The error's `sys` is the errno,
 * where there is one. */
bool launch(const struct msg_command *, const struct runner_rules *, int output,
            int errors, pid_t *, struct err *, int *sys) MUST_CHECK;

#endif

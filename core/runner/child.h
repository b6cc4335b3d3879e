/* runner/child.h: the script's process: descriptors, limits, user, exec. Used
 * by the keeper. */
#ifndef RELEVO_RUNNER_CHILD_H
#define RELEVO_RUNNER_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/mem.h"
#include "runner/account.h"
#include "runner/script.h"
#include "wire/msg.h"

/* The keeper's ends. */
struct child_pipes {
    int output, errors, findings;
    int failure; /* ends empty when exec succeeded, else child_explain */
};

struct child_plan {
    const struct msg_run *run;
    const struct script *script;
    const struct account *account;
    pid_t keeper; /* who starts it */
};

/* Forks. The script begins in a session of its own, in the run's folder, with
 * descriptors 0 (the JSON input) to 3, and with exactly the environment of the
 * run, RELEVO_RUN_DIR and one RELEVO_SECRET_… a secret. */
bool child_start(const struct child_plan *, pid_t *, struct child_pipes *,
                 struct err *) MUST_CHECK;

/* What came through `failure`: sets err and returns true when the script could
 * not be started, false when there was nothing to read. */
bool child_explain(const void *bytes, size_t n, const struct script *,
                   struct err *);

/* NAME=value texts, NULL at the end, on the arena. */
char **child_environment(const struct msg_run *, struct arena *);

#endif

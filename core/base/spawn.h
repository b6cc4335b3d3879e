/* base/spawn.h: starts this very program again in another role.
 *
 * By posix_spawn on /proc/self/exe, so that the cost does not grow with the
 * caller's memory and an upgrade on disk does not mix two versions. */
#ifndef RELEVO_BASE_SPAWN_H
#define RELEVO_BASE_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"

struct spawn_fd {
    int from; /* the caller's descriptor; it stays open there */
    int to;   /* its number in the child, from 2 to 9 */
};

/* argv ends with NULL, argv[0] included. The child gets: standard input from
 * /dev/null, the caller's standard output and error (unless 2 is mapped), the
 * mapped descriptors and no others; of the environment what a program needs to
 * run (spawn.c lists it), nothing that may be a secret; default signal
 * dispositions, an empty mask; with new_session a session of its own, which a
 * terminal's Ctrl-C does not reach. The caller reaps it. */
bool spawn_self(const char *const argv[], const struct spawn_fd *fds, size_t n,
                bool new_session, pid_t *pid, struct err *) MUST_CHECK;

#endif

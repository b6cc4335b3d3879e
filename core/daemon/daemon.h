/* daemon/daemon.h: role main: `relevo run`. */
#ifndef RELEVO_DAEMON_DAEMON_H
#define RELEVO_DAEMON_DAEMON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct daemon_options {
    const char *file;      /* -c, or NULL */
    const char *state_dir; /* --state-dir, or NULL */
    bool quiet;            /* no line for each event */
};

/* Watches until SIGTERM or SIGINT. Returns the exit status: 0, 2 when the
 * configuration is wrong (said on standard error), 3 for anything else. */
int daemon_run(const struct daemon_options *);

/* The path of the control socket for a state directory: in /run/relevo for the
 * system's own daemon, else in the state directory itself. */
void daemon_control_path(const char *state_dir, char *out, size_t size);

#endif

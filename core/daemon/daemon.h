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

/* Where the control socket of a state directory may be, best first: for the
 * system's own daemon /run/relevo, then the state directory itself. false past
 * the last. */
bool daemon_control_path(const char *state_dir, size_t i, char *out,
                         size_t size);

#endif

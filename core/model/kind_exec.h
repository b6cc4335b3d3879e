/* model/kind_exec.h: what a check of the kind `exec` has of its own: a command,
 * run by the runner (runner/command.c) when main says so (crew/command.c); what
 * it comes to is read in a worker (worker/kind_exec.c). */
#ifndef RELEVO_MODEL_KIND_EXEC_H
#define RELEVO_MODEL_KIND_EXEC_H

#include <stdint.h>

#include "relevo/plugin.h"

struct exec_conf {
    struct rlv_list command; /* at least the program */
    struct rlv_dict environment;
    const char *user; /* NULL: the daemon's */
    int64_t output_bytes;
};

enum exec_field {
    EXEC_EXIT,
    EXEC_TEXT,
    EXEC_LONG_TEXT,
    EXEC_STDERR,
    EXEC_BODY,
    EXEC_VALUE,
    EXEC_WITHIN_WARN,
    EXEC_WITHIN_CRIT,
    EXEC_UNIT,
    EXEC_LATENCY
};

/* Where a program without a slash in its name is looked for. */
#define EXEC_PATH "/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/nagios/plugins"

#endif

/* model/kind_heartbeat.h: what a check of the kind `heartbeat` has of its own.
 * It is not probed: its job reports, and is missed when it does not (beat.c).
 */
#ifndef RELEVO_MODEL_KIND_HEARTBEAT_H
#define RELEVO_MODEL_KIND_HEARTBEAT_H

#include <stdint.h>

struct heartbeat_conf {
    int64_t period_ns; /* 0: `cron` says when */
    int64_t grace_ns;
    const char *token; /* NULL: none */
};

enum heartbeat_field {
    HEARTBEAT_EXIT,
    HEARTBEAT_DURATION,
    HEARTBEAT_STARTED,
    HEARTBEAT_LATE,
    HEARTBEAT_BODY
};

#endif

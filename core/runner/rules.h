/* runner/rules.h: what a runner that is a unit of its own insists on, whatever
 * main asks for. It may be root, and main talks with strangers: so a main that
 * was taken over must gain nothing here but to run the scripts that an
 * administrator put into a folder, as users that he named. */
#ifndef RELEVO_RUNNER_RULES_H
#define RELEVO_RUNNER_RULES_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "wire/msg.h"

struct runner_rules {
    const char *daemon; /* who may connect, and as whom scripts run */
    uid_t daemon_uid;
    const char *runs; /* runs' folders are made in there */
    struct rlv_list scripts, users;
};

/* Makes the order what may be run: without a user it is the daemon's, the path
 * of the script is without links, and of the environment only RELEVO_* is
 * taken. false: it is refused. */
bool rules_apply(const struct runner_rules *, struct msg_run *, struct arena *,
                 struct err *) MUST_CHECK;

/* The same of a check's command: as the daemon's user where none is named, and
 * with no variable of its own but RELEVO_*. */
bool rules_command(const struct runner_rules *, struct msg_command *,
                   struct err *) MUST_CHECK;
/* A path without links lies in a folder that is allowed. */
bool rules_allow(const struct runner_rules *, const char *path,
                 struct err *) MUST_CHECK;

#endif

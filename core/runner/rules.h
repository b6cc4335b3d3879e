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

#endif

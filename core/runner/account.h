/* runner/account.h: as whom a script runs. */
#ifndef RELEVO_RUNNER_ACCOUNT_H
#define RELEVO_RUNNER_ACCOUNT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct account {
    char *name; /* NULL: as this process, nothing changes */
    uid_t uid;
    gid_t gid;
};

/* `user` NULL, or the user of this process: nothing changes. Anybody else
 * needs a runner that is root, else an error. */
bool account_find(struct account *, const char *user, struct err *) MUST_CHECK;

/* All groups of somebody else; *count is how many there is room for, and then
 * how many there are. Not after fork: it may open files. */
bool account_groups(const struct account *, gid_t *groups, int *count,
                    struct err *) MUST_CHECK;

/* Groups, gid, uid, in this order and for good; errno tells. After fork. */
bool account_become(const struct account *) MUST_CHECK;

#endif

/* runner/script.h: may this file be run? A script is refused when somebody
 * else could have changed it; its SHA-256 is taken from the very file that is
 * then run. Used by the keeper, and for the commands of checks. */
#ifndef RELEVO_RUNNER_SCRIPT_H
#define RELEVO_RUNNER_SCRIPT_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/sha256.h"

struct script {
    char path[PATH_MAX]; /* without symbolic links */
    struct stat seen;    /* when it was checked */
    char sha256[SHA256_TEXT];
};

/* Refuses, in one sentence that says what to change: anything but a regular,
 * executable file; an owner other than root, this process or `user`; a file or
 * a folder above it that group or others can write (a sticky folder of root's,
 * like /tmp, is fine). */
bool script_check(struct script *, const char *path, uid_t user,
                  struct err *) MUST_CHECK;

/* The same without the sum, for what runs again and again. */
bool script_trust(struct script *, const char *path, uid_t user,
                  struct err *) MUST_CHECK;

/* The file at the path is still the one that was checked. Safe after fork. */
bool script_is_same(const struct script *);

#endif

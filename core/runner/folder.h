/* runner/folder.h: the run's own folder: made by the runner, lent to the
 * script's user while the script runs, given back to whom the folder above it
 * belongs (main) with the outcome in it. Written only through its descriptor:
 * whatever the script put there, no symbolic link leads us out. */
#ifndef RELEVO_RUNNER_FOLDER_H
#define RELEVO_RUNNER_FOLDER_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "runner/account.h"
#include "wire/msg.h"

struct folder {
    int fd, secrets; /* secrets: -1 without any */
    uid_t uid;       /* of the folder above */
    gid_t gid;
};

/* Makes the folder, 0700, and those above where they are missing (0711: other
 * users' scripts must pass; a main that is not root makes them itself). One
 * that exists is an error: it belongs to a run that was started before, and
 * none starts twice. */
bool folder_make(const char *path, struct err *) MUST_CHECK;

bool folder_open(struct folder *, const char *path, struct err *) MUST_CHECK;
/* To the script's user, 0700. Where main is neither root nor that user, main's
 * group may read it (0750): it looks for the keeper's file. */
bool folder_lend(const struct folder *, const struct account *,
                 struct err *) MUST_CHECK;
void folder_take_back(const struct folder *);
/* The script may have removed it, moved it away or put something in its place:
 * what is there then is moved aside, and a new folder made, for the outcome
 * must be where main looks for it. */
bool folder_find_again(struct folder *, const char *path,
                       struct err *) MUST_CHECK;

/* Each as secrets/NAME, 0400, the script user's. */
bool folder_add_secrets(struct folder *, const struct msg_pair *, size_t n,
                        const struct account *, struct err *) MUST_CHECK;
void folder_remove_secrets(struct folder *, const struct msg_pair *, size_t n);

/* By rename, so that a reader never sees half of it. */
bool folder_write(const struct folder *, const char *name, const json_t *,
                  struct err *) MUST_CHECK;

#endif

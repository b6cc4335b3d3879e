/* base/fs.h: whole small files: read, replaced by rename, folders made. */
#ifndef RELEVO_BASE_FS_H
#define RELEVO_BASE_FS_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

/* Appends the content of a regular file of at most `limit` bytes to out. A
 * folder, a FIFO or a device is an error, never a wait. fs_read follows
 * symbolic links; fs_read_own does not follow the last one: for files in a
 * folder that somebody else may write in. */
bool fs_read(const char *path, size_t limit, struct buf *out,
             struct err *) MUST_CHECK;
bool fs_read_own(const char *path, size_t limit, struct buf *out,
                 struct err *) MUST_CHECK;

/* Writes all n bytes, over short writes and EINTR. false: errno tells. */
bool fs_write_all(int fd, const void *bytes, size_t n) MUST_CHECK;

/* The folder of a path, to be freed: "." where it names none. */
char *fs_folder(const char *path);

/* Readers see the old content or the new, never a part: writes a new file of
 * that mode beside it and renames. Not synced to the disk: for that see
 * fs_sync. */
bool fs_replace(const char *path, const void *bytes, size_t n, mode_t mode,
                struct err *) MUST_CHECK;
/* The same inside an open folder; `name` has no slash. With uid not -1 the
 * file is given to that user and group. */
bool fs_replace_at(int dir, const char *name, const void *bytes, size_t n,
                   mode_t mode, uid_t uid, gid_t gid, struct err *) MUST_CHECK;
/* Renames, but never over a file that is there: ERR_USAGE. */
bool fs_rename_new(const char *from, const char *to, struct err *) MUST_CHECK;
/* A new file, whole or not at all, with the mode that the umask leaves of 0666.
 * Never replaces one that is there: ERR_USAGE. */
bool fs_create(const char *path, const void *bytes, size_t n,
               struct err *) MUST_CHECK;
/* Makes what is in a file, or a rename in a folder, survive a power cut. */
/* That errno means that the disk, or the system, refuses for now: full,
 * read-only, failing, out of descriptors. */
bool fs_is_refusal(int sys);
bool fs_sync(const char *path, struct err *) MUST_CHECK;

/* Makes the folder and those above that are missing, each with exactly that
 * mode whatever the umask. One that exists is left as it is. */
bool fs_mkdirs(const char *path, mode_t mode, struct err *) MUST_CHECK;

/* Removes a folder with everything in it; links are removed, not followed.
 * What is not there is fine. Best effort. */
void fs_remove_tree(const char *path);

#endif

/* base/fs.c: see fs.h. */
#include "base/fs.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/mem.h"

enum { CHUNK = 16 * 1024 };

static bool read_all(int fd, size_t limit, struct buf *out, struct err *err)
{
    size_t got = 0;
    for (;;) {
        buf_reserve(out, CHUNK);
        ssize_t n = read(fd, out->data + out->len, CHUNK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(err, ERR_IO, errno, "reading");
        if (n == 0)
            return true;
        got += (size_t)n;
        if (got > limit)
            return err_set(err, ERR_LIMIT, 0, "larger than %zu bytes", limit);
        out->len += (size_t)n;
        out->data[out->len] = '\0';
    }
}

/* O_NONBLOCK: opening a FIFO must not wait for its writer. */
static bool read_file(const char *path, int flags, size_t limit,
                      struct buf *out, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);
    if (fd < 0)
        return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno,
                       "open %s", path);
    struct stat st;
    bool ok = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    if (!ok)
        err_set(err, ERR_IO, 0, "%s: not a regular file", path);
    else if (!(ok = read_all(fd, limit, out, err)))
        err_wrap(err, "%s", path);
    close(fd);
    return ok;
}

bool fs_read(const char *path, size_t limit, struct buf *out, struct err *err)
{
    return read_file(path, 0, limit, out, err);
}

bool fs_read_own(const char *path, size_t limit, struct buf *out,
                 struct err *err)
{
    return read_file(path, O_NOFOLLOW, limit, out, err);
}

bool fs_write_all(int fd, const void *bytes, size_t n)
{
    const char *at = bytes;
    while (n > 0) {
        ssize_t w = write(fd, at, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return false;
        at += w;
        n -= (size_t)w;
    }
    return true;
}

static bool write_new(int dir, const char *name, const void *bytes, size_t n,
                      mode_t mode, uid_t uid, gid_t gid)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(dir, name, flags, 0600);
    if (fd < 0)
        return false;
    bool ok = fs_write_all(fd, bytes, n) &&
              (uid == (uid_t)-1 || fchown(fd, uid, gid) == 0) &&
              fchmod(fd, mode) == 0;
    int saved = errno;
    ok = close(fd) == 0 && ok;
    if (!ok) {
        unlinkat(dir, name, 0);
        errno = saved;
    }
    return ok;
}

bool fs_replace_at(int dir, const char *name, const void *bytes, size_t n,
                   mode_t mode, uid_t uid, gid_t gid, struct err *err)
{
    char *temporary = xasprintf(".%s.%d", name, (int)getpid());
    unlinkat(dir, temporary, 0); /* a leftover of a pid that was reused */
    bool ok = write_new(dir, temporary, bytes, n, mode, uid, gid);
    if (ok)
        (void)FAILPOINT("fs.before_rename");
    if (!ok)
        err_set(err, ERR_IO, errno, "write %s", name);
    else if (!(ok = renameat(dir, temporary, dir, name) == 0)) {
        err_set(err, ERR_IO, errno, "rename to %s", name);
        unlinkat(dir, temporary, 0);
    }
    free(temporary);
    return ok;
}

char *fs_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL   ? xstrdup(".")
           : slash == path ? xstrdup("/")
                           : xstrndup(path, (size_t)(slash - path));
}

bool fs_replace(const char *path, const void *bytes, size_t n, mode_t mode,
                struct err *err)
{
    const char *slash = strrchr(path, '/');
    char *folder = fs_folder(path);
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = dir >= 0;
    if (!ok)
        err_set(err, ERR_IO, errno, "open %s", folder);
    else
        ok = fs_replace_at(dir, slash == NULL ? path : slash + 1, bytes, n,
                           mode, (uid_t)-1, (gid_t)-1, err);
    if (dir >= 0)
        close(dir);
    free(folder);
    return ok;
}

bool fs_rename_new(const char *from, const char *to, struct err *err)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return true;
    /* A file system that does not know the flag. */
    if (errno == EINVAL && link(from, to) == 0) {
        unlink(from);
        return true;
    }
    return err_set(err, errno == EEXIST ? ERR_USAGE : ERR_IO, errno,
                   "rename to %s", to);
}

bool fs_create(const char *path, const void *bytes, size_t n, struct err *err)
{
    mode_t mask = umask(0);
    umask(mask);
    char *partial = xasprintf("%s.%d.partial", path, (int)getpid());
    bool made = fs_replace(partial, bytes, n, 0666 & ~mask, err);
    bool ok = made && fs_rename_new(partial, path, err);
    if (made && !ok)
        unlink(partial);
    free(partial);
    return ok;
}

bool fs_is_refusal(int sys)
{
    return sys == ENOSPC || sys == EDQUOT || sys == EROFS || sys == EIO ||
           sys == EMFILE || sys == ENFILE;
}

bool fs_sync(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (!ok)
        err_set(err, ERR_IO, errno, "sync %s", path);
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool make_one(const char *path, mode_t mode, struct err *err)
{
    if (mkdir(path, 0700) == 0)
        return chmod(path, mode) == 0 ||
               err_set(err, ERR_IO, errno, "chmod %s", path);
    struct stat st;
    int saved = errno;
    if (stat(path, &st) != 0)
        return err_set(err, ERR_IO, saved, "make folder %s", path);
    return S_ISDIR(st.st_mode) ||
           err_set(err, ERR_IO, ENOTDIR, "make folder %s", path);
}

bool fs_mkdirs(const char *path, mode_t mode, struct err *err)
{
    char *copy = xstrdup(path);
    bool ok = true;
    for (char *at = copy; ok && *at != '\0'; at++) {
        if (*at != '/' || at == copy)
            continue;
        *at = '\0';
        ok = make_one(copy, mode, err);
        *at = '/';
    }
    if (ok && copy[0] != '\0' && strcmp(copy, "/") != 0)
        ok = make_one(copy, mode, err);
    free(copy);
    return ok;
}

static int remove_one(const char *path, const struct stat *st, int type,
                      struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path) == 0 ? 0 : 1;
}

void fs_remove_tree(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

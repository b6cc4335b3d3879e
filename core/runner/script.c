/* runner/script.c: see script.h. */
#include "runner/script.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WRITABLE = S_IWGRP | S_IWOTH, EXECUTABLE = 0111 };

static bool check_owner(const char *path, const struct stat *st, uid_t user,
                        struct err *err)
{
    if (st->st_uid == 0 || st->st_uid == geteuid() || st->st_uid == user)
        return true;
    return err_set(err, ERR_DENIED, 0,
                   "%s belongs to uid %u, who could change what is run: it "
                   "must belong to root or to uid %u",
                   path, (unsigned)st->st_uid, (unsigned)user);
}

static bool check_writers(const char *path, const struct stat *st,
                          struct err *err)
{
    bool shared =
        S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) != 0 && st->st_uid == 0;
    if ((st->st_mode & WRITABLE) == 0 || shared)
        return true;
    return err_set(err, ERR_DENIED, 0,
                   "%s is writable by %s (mode %04o), who could change what "
                   "is run: chmod go-w %s",
                   path, st->st_mode & S_IWOTH ? "others" : "its group",
                   (unsigned)st->st_mode & 07777, path);
}

static bool check_one(const char *path, uid_t user, struct err *err)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return err_set(err, ERR_IO, errno, "%s", path);
    return check_owner(path, &st, user, err) && check_writers(path, &st, err);
}

/* Every folder above `path`, from the root down. */
static bool check_folders(const char *path, uid_t user, struct err *err)
{
    char folder[PATH_MAX];
    bool ok = check_one("/", user, err);
    for (const char *slash = path + 1;
         ok && (slash = strchr(slash, '/')) != NULL; slash++) {
        size_t n = (size_t)(slash - path);
        memcpy(folder, path, n);
        folder[n] = '\0';
        ok = check_one(folder, user, err);
    }
    return ok;
}

static bool check_seen(const struct script *s, uid_t user, struct err *err)
{
    if (!S_ISREG(s->seen.st_mode))
        return err_set(err, ERR_DENIED, 0, "%s is not a regular file", s->path);
    if ((s->seen.st_mode & EXECUTABLE) == 0)
        return err_set(err, ERR_DENIED, 0,
                       "%s is not executable (mode %04o): chmod +x %s", s->path,
                       (unsigned)s->seen.st_mode & 07777, s->path);
    return check_owner(s->path, &s->seen, user, err) &&
           check_writers(s->path, &s->seen, err);
}

static bool check_file(struct script *s, int fd, uid_t user, struct err *err)
{
    if (fstat(fd, &s->seen) != 0)
        return err_set(err, ERR_IO, errno, "%s", s->path);
    return check_seen(s, user, err) && sha256_fd(fd, s->sha256, err);
}

bool script_trust(struct script *s, const char *path, uid_t user,
                  struct err *err)
{
    s->sha256[0] = '\0';
    if (realpath(path, s->path) == NULL || lstat(s->path, &s->seen) != 0)
        return err_set(err, ERR_IO, errno, "%s", path);
    return check_folders(s->path, user, err) && check_seen(s, user, err);
}

bool script_check(struct script *s, const char *path, uid_t user,
                  struct err *err)
{
    s->sha256[0] = '\0';
    if (realpath(path, s->path) == NULL)
        return err_set(err, ERR_IO, errno, "%s", path);
    if (!check_folders(s->path, user, err))
        return false;
    int fd = open(s->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, ERR_IO, errno, "%s", s->path);
    bool ok = check_file(s, fd, user, err);
    close(fd);
    return ok;
}

bool script_is_same(const struct script *s)
{
    struct stat now;
    return lstat(s->path, &now) == 0 && now.st_dev == s->seen.st_dev &&
           now.st_ino == s->seen.st_ino && now.st_size == s->seen.st_size &&
           now.st_mode == s->seen.st_mode && now.st_uid == s->seen.st_uid &&
           now.st_mtim.tv_sec == s->seen.st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == s->seen.st_mtim.tv_nsec &&
           now.st_ctim.tv_sec == s->seen.st_ctim.tv_sec &&
           now.st_ctim.tv_nsec == s->seen.st_ctim.tv_nsec;
}

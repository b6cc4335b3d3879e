/* plug/trust.c: whether a shared object may be loaded: whoever can write it,
 * or replace it by writing a folder above it, runs code as us. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plug/check.h"

static bool is_ours(const struct stat *st)
{
    return st->st_uid == 0 || st->st_uid == geteuid();
}

static bool check_file(const char *real, const struct stat *st, struct err *err)
{
    if (!S_ISREG(st->st_mode))
        return err_set(err, ERR_DENIED, 0, "not a regular file");
    if (!is_ours(st))
        return err_set(err, ERR_DENIED, 0,
                       "refused: it belongs to user %u, not to root or to the "
                       "user that Relevo runs as",
                       (unsigned)st->st_uid);
    if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return err_set(err, ERR_DENIED, 0,
                       "refused: others than its owner may write it; run "
                       "chmod go-w %s",
                       real);
    return true;
}

/* A sticky folder protects what is in it: only the owner may rename that. */
static bool check_dir(const char *dir, const struct stat *st, mode_t forbidden,
                      struct err *err)
{
    if (!is_ours(st))
        return err_set(err, ERR_DENIED, 0,
                       "refused: the folder %s belongs to user %u, not to root "
                       "or to the user that Relevo runs as",
                       dir, (unsigned)st->st_uid);
    if ((st->st_mode & forbidden) != 0 && (st->st_mode & S_ISVTX) == 0)
        return err_set(err, ERR_DENIED, 0,
                       "refused: others than its owner may write the folder "
                       "%s; run chmod go-w %s",
                       dir, dir);
    return true;
}

static bool stat_of(const char *path, struct stat *st, struct err *err)
{
    return stat(path, st) == 0 || err_set(err, ERR_IO, errno, "%s", path);
}

bool plug_trust(const char *real, struct err *err)
{
    char dir[4096];
    struct stat file, st;
    if (strlen(real) >= sizeof dir)
        return err_set(err, ERR_LIMIT, 0, "the path is too long");
    if (!stat_of(real, &file, err) || !check_file(real, &file, err))
        return false;
    snprintf(dir, sizeof dir, "%s", real);
    bool first = true;
    for (char *slash; (slash = strrchr(dir, '/')) != NULL; first = false) {
        slash[slash == dir ? 1 : 0] = '\0';
        if (!stat_of(dir, &st, err))
            return false;
        /* In a folder of our own nobody else can put a file that is ours: a
         * build tree that the group may write is fine. */
        bool own = first && st.st_uid == geteuid() && file.st_uid == geteuid();
        if (!check_dir(dir, &st, own ? S_IWOTH : S_IWGRP | S_IWOTH, err))
            return false;
        if (own || slash == dir)
            break;
    }
    return true;
}

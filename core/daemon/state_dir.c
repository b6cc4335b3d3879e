/* daemon/state_dir.c: the state directory at the start: locked, given to the
 * user that main becomes, with a folder for runs. Called by daemon.c, in this
 * order, before the store is opened. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/harden.h"
#include "base/log.h"
#include "daemon/internal.h"

bool state_dir_open(struct daemon *d, struct err *err)
{
    snprintf(d->state_dir, sizeof d->state_dir, "%s", d->conf->state_dir);
    if (!fs_mkdirs(d->state_dir, 0700, err))
        return false;
    /* The folder itself: a full or read-only disk has no room for a file. */
    int fd = open(d->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, ERR_IO, errno, "%s", d->state_dir);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int saved = errno;
        close(fd);
        if (saved != EWOULDBLOCK)
            return err_set(err, ERR_IO, saved, "locking %s", d->state_dir);
        return err_set(err, ERR_DENIED, 0,
                       "another relevo already runs on %s; stop it, or give "
                       "this one its own --state-dir",
                       d->state_dir);
    }
    return true; /* held, and the descriptor open, as long as we live */
}

/* What root made in the state directory, now or in an earlier life, becomes the
 * user's. Links are not followed, and a file with a second name is left alone:
 * it may be anybody's. */
static bool hand_over(const struct daemon *d, const struct passwd *p,
                      struct err *err)
{
    static const char *const names[] = {
        ".",          "catalogs",       "runs",
        "history.db", "history.db-wal", "history.db-shm"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[4200];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", d->state_dir, names[i]);
        if (lstat(path, &st) != 0 || st.st_uid != 0 ||
            (!S_ISDIR(st.st_mode) && st.st_nlink != 1))
            continue;
        if (lchown(path, p->pw_uid, p->pw_gid) != 0)
            return err_set(err, ERR_IO, errno, "giving %s to \"%s\"", path,
                           p->pw_name);
    }
    return true;
}

bool state_dir_become_user(struct daemon *d, struct err *err)
{
    if (getuid() != 0)
        return true;
    if (d->conf->user == NULL) {
        log_warn("running as root; give `user = \"relevo\";` to run as a user");
        return true;
    }
    const struct passwd *p = getpwnam(d->conf->user);
    if (p == NULL)
        return err_set(err, ERR_CONFIG, 0, "user \"%s\" does not exist",
                       d->conf->user);
    if (!hand_over(d, p, err))
        return false;
    if (initgroups(p->pw_name, p->pw_gid) != 0 || setgid(p->pw_gid) != 0 ||
        setuid(p->pw_uid) != 0)
        return err_set(err, ERR_IO, errno, "becoming user \"%s\"",
                       d->conf->user);
    harden_memory(); /* becoming somebody else has undone it */
    d->run_as = d->conf->user;
    return true;
}

/* Runs are folders in here. A script that runs as another user must be able to
 * reach its own: x for all, nothing more. */
bool state_dir_make_runs(const struct daemon *d, struct err *err)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/runs", d->state_dir);
    bool others = false;
    for (size_t i = 0; i < d->conf->runbook_count; i++)
        others = others || d->conf->runbooks[i].user != NULL;
    if (!fs_mkdirs(path, others ? 0711 : 0700, err))
        return false;
    if (others && (chmod(path, 0711) != 0 || chmod(d->state_dir, 0711) != 0))
        return err_set(err, ERR_IO, errno, "%s", path);
    return true;
}

/* runner/folder.c: see folder.h. */
#include "runner/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"

#define SECRETS "secrets"

enum { SECRET_NAME = 64 };

bool folder_make(const char *path, struct err *err)
{
    char *above = xstrndup(path, (size_t)(strrchr(path, '/') - path));
    bool ok = fs_mkdirs(above, 0711, err);
    free(above);
    if (!ok || (mkdir(path, 0700) == 0))
        return ok;
    if (errno == EEXIST)
        return err_set(err, ERR_DENIED, 0,
                       "%s exists: this run was started before, and none is "
                       "started twice",
                       path);
    return err_set(err, ERR_IO, errno, "make the run's folder %s", path);
}

bool folder_open(struct folder *f, const char *path, struct err *err)
{
    struct stat above;
    f->secrets = -1;
    f->fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (f->fd < 0 || fstatat(f->fd, "..", &above, 0) != 0)
        return err_set(err, ERR_IO, errno, "open the run's folder %s", path);
    f->uid = above.st_uid;
    f->gid = above.st_gid;
    return true;
}

bool folder_lend(const struct folder *f, const struct account *a,
                 struct err *err)
{
    bool shared = f->uid != 0 && f->uid != a->uid;
    if (geteuid() != 0)
        return true; /* nothing can be given away, nothing has to be */
    if (fchown(f->fd, a->uid, shared ? f->gid : a->gid) != 0 ||
        fchmod(f->fd, shared ? 0750 : 0700) != 0)
        return err_set(err, ERR_IO, errno, "lend the run's folder");
    return true;
}

void folder_take_back(const struct folder *f)
{
    if (geteuid() != 0 || fchown(f->fd, f->uid, f->gid) == 0)
        (void)fchmod(f->fd, 0700); /* the script may have changed it */
}

static bool is_there(const struct folder *f, const char *path)
{
    struct stat here, there;
    return fstat(f->fd, &here) == 0 && lstat(path, &there) == 0 &&
           here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

bool folder_find_again(struct folder *f, const char *path, struct err *err)
{
    if (is_there(f, path))
        return true;
    char *aside = xasprintf("%s.aside", path);
    bool free_now = rename(path, aside) == 0 || errno == ENOENT;
    free(aside);
    if (!free_now || mkdir(path, 0700) != 0)
        return err_set(err, ERR_IO, errno, "make the run's folder anew");
    close(f->fd);
    f->fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (f->fd < 0)
        return err_set(err, ERR_IO, errno, "open %s", path);
    folder_take_back(f);
    return true;
}

static bool add_secret(int dir, const struct msg_pair *p,
                       const struct account *a, struct err *err)
{
    size_t n = strlen(p->name);
    if (n == 0 || n > SECRET_NAME || strchr(p->name, '/') != NULL ||
        p->name[0] == '.')
        return err_set(err, ERR_CONFIG, 0, "\"%s\" cannot name a secret",
                       p->name);
    bool root = geteuid() == 0;
    return fs_replace_at(dir, p->name, p->value, strlen(p->value), 0400,
                         root ? a->uid : (uid_t)-1, root ? a->gid : (gid_t)-1,
                         err);
}

bool folder_add_secrets(struct folder *f, const struct msg_pair *secrets,
                        size_t n, const struct account *a, struct err *err)
{
    if (n == 0)
        return true;
    if (mkdirat(f->fd, SECRETS, 0700) != 0 ||
        (f->secrets =
             openat(f->fd, SECRETS, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        return err_set(err, ERR_IO, errno, "make the folder for secrets");
    for (size_t i = 0; i < n; i++)
        if (!add_secret(f->secrets, &secrets[i], a, err))
            return err_wrap(err, "secret parameter");
    if (geteuid() == 0 && fchown(f->secrets, a->uid, a->gid) != 0)
        return err_set(err, ERR_IO, errno, "lend the folder for secrets");
    return true;
}

void folder_remove_secrets(struct folder *f, const struct msg_pair *secrets,
                           size_t n)
{
    if (f->secrets < 0)
        return;
    for (size_t i = 0; i < n; i++)
        unlinkat(f->secrets, secrets[i].name, 0);
    unlinkat(f->fd, SECRETS, AT_REMOVEDIR);
    close(f->secrets);
    f->secrets = -1;
}

bool folder_write(const struct folder *f, const char *name,
                  const json_t *object, struct err *err)
{
    char *text = json_dumps(object, JSON_COMPACT);
    if (text == NULL)
        return err_set(err, ERR_INTERNAL, 0, "%s cannot be put as JSON", name);
    bool root = geteuid() == 0;
    bool ok = fs_replace_at(f->fd, name, text, strlen(text), 0600,
                            root ? f->uid : (uid_t)-1,
                            root ? f->gid : (gid_t)-1, err);
    free(text);
    return ok;
}

/* runner/account.c: see account.h. */
#include "runner/account.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "base/mem.h"

bool account_find(struct account *a, const char *user, struct err *err)
{
    *a = (struct account){NULL, geteuid(), getegid()};
    if (user == NULL)
        return true;
    errno = 0;
    const struct passwd *entry = getpwnam(user);
    if (entry == NULL)
        return err_set(err, ERR_CONFIG, errno == ENOENT ? 0 : errno,
                       "user \"%s\" is not known to this system", user);
    if (entry->pw_uid == a->uid)
        return true;
    if (a->uid != 0)
        return err_set(err, ERR_DENIED, 0,
                       "to run as user \"%s\" the runner must be started as "
                       "root; it is uid %u",
                       user, (unsigned)a->uid);
    *a = (struct account){xstrdup(user), entry->pw_uid, entry->pw_gid};
    return true;
}

bool account_groups(const struct account *a, gid_t *groups, int *count,
                    struct err *err)
{
    int room = *count;
    if (a->name == NULL)
        *count = 0;
    else if (getgrouplist(a->name, a->gid, groups, count) < 0)
        return err_set(err, ERR_LIMIT, 0,
                       "user \"%s\" is in more than %d groups", a->name, room);
    return true;
}

bool account_become(const struct account *a)
{
    return a->name == NULL || (initgroups(a->name, a->gid) == 0 &&
                               setresgid(a->gid, a->gid, a->gid) == 0 &&
                               setresuid(a->uid, a->uid, a->uid) == 0);
}

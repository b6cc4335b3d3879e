/* base/enclose.c: see enclose.h. Raw system calls: Debian 12 has neither
 * wrappers nor, in its headers, all of the constants. */
#include "base/enclose.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

#define ACCESS_TRUNCATE (1ULL << 14) /* since ABI 3 */
#define SCOPE_SIGNAL    (1ULL << 1)  /* since ABI 6 */

/* What a file can suffer, and what a folder can. Lists of names and execution
 * are left alone: neither tells a secret. */
#define OF_FILES (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)
#define OF_FOLDERS                                                    \
    (LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
     LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |     \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |     \
     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |   \
     LANDLOCK_ACCESS_FS_MAKE_SYM)

struct attributes { /* struct landlock_ruleset_attr as of ABI 6 */
    uint64_t access_fs, access_net, scoped;
};

struct inode {
    dev_t device;
    ino_t inode;
};

struct inodes {
    struct inode *items;
    size_t count, cap;
};

struct view {
    int ruleset;
    uint64_t of_files, of_folders;
    struct inodes denied, above; /* folders that hold a denied one */
};

enum { DEEPEST = 64 }; /* folders in a path that are taken apart */

int enclose_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
                       LANDLOCK_CREATE_RULESET_VERSION);
    return abi < 0 ? 0 : (int)abi;
}

/* Who has no memory would leave open what is to be denied, or the other way
 * round. NULL: there is none. */
static char *real_path(const char *path)
{
    char *real = realpath(path, NULL);
    if (real == NULL && errno == ENOMEM)
        mem_exhausted(0);
    return real;
}

static DIR *open_folder(const char *path)
{
    DIR *dir = opendir(path);
    if (dir == NULL && errno == ENOMEM)
        mem_exhausted(0);
    return dir;
}

static bool allow(const struct view *v, const char *path, uint64_t access)
{
    struct stat st;
    int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return true; /* gone, or not ours to reach */
    bool ok = fstat(fd, &st) == 0;
    if (ok && !S_ISLNK(st.st_mode)) {
        struct landlock_path_beneath_attr rule = {
            .allowed_access =
                S_ISDIR(st.st_mode) ? access : access & v->of_files,
            .parent_fd = fd};
        ok = syscall(SYS_landlock_add_rule, v->ruleset,
                     LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0 ||
             errno == EBADFD; /* a file that no path can be denied for */
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return ok;
}

static bool has(const struct inodes *set, const struct stat *st)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->items[i].device == st->st_dev &&
            set->items[i].inode == st->st_ino)
            return true;
    return false;
}

static bool allow_rest(const struct view *v, const char *path, int depth);

/* `folder` has no slash at its end; the root is "". */
static bool take_apart(const struct view *v, const char *folder, int depth)
{
    DIR *dir = open_folder(folder[0] == '\0' ? "/" : folder);
    if (dir == NULL)
        return true; /* what cannot be listed stays denied */
    bool ok = true;
    for (struct dirent *e; ok && (e = readdir(dir)) != NULL;) {
        if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
            continue;
        char *path = xasprintf("%s/%s", folder, e->d_name);
        ok = allow_rest(v, path, depth + 1);
        free(path);
    }
    closedir(dir);
    return ok;
}

/* The path and what is below it, but what is denied. Told by inode, not by
 * name: a file may have two, and a bind mount makes a second name of a folder.
 */
static bool allow_rest(const struct view *v, const char *path, int depth)
{
    struct stat st;
    if (lstat(path[0] == '\0' ? "/" : path, &st) != 0 || has(&v->denied, &st))
        return true;
    if (has(&v->above, &st))
        return depth == DEEPEST || take_apart(v, path, depth);
    return allow(v, path[0] == '\0' ? "/" : path, v->of_files | v->of_folders);
}

static void add(struct inodes *set, const struct stat *st)
{
    if (has(set, st))
        return;
    set->items = xgrow(set->items, set->count, &set->cap, sizeof *set->items);
    set->items[set->count++] = (struct inode){st->st_dev, st->st_ino};
}

/* `real` is absolute, without links; it is cut shorter and shorter. */
static void add_above(struct view *v, char *real)
{
    struct stat st;
    for (char *slash; (slash = strrchr(real, '/')) != NULL;) {
        *slash = '\0';
        if (stat(slash == real ? "/" : real, &st) == 0)
            add(&v->above, &st);
    }
}

static void resolve(struct view *v, const char *const *denied, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct stat st;
        char *real = real_path(denied[i]);
        if (real != NULL && stat(real, &st) == 0 &&
            (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))) {
            add(&v->denied, &st);
            add_above(v, real);
        }
        free(real);
    }
}

static bool open_ruleset(struct view *v, int abi)
{
    v->of_files = OF_FILES | (abi >= 3 ? ACCESS_TRUNCATE : 0);
    v->of_folders = OF_FOLDERS | (abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0);
    struct attributes a = {.access_fs = v->of_files | v->of_folders,
                           .scoped = abi >= 6 ? SCOPE_SIGNAL : 0};
    size_t size = abi >= 6   ? sizeof a
                  : abi >= 4 ? offsetof(struct attributes, scoped)
                             : offsetof(struct attributes, access_net);
    v->ruleset = (int)syscall(SYS_landlock_create_ruleset, &a, size, 0);
    return v->ruleset >= 0;
}

bool enclose(const char *const *denied, size_t n, const char *const *kept,
             size_t kept_count, struct err *err)
{
    struct view v = {.ruleset = -1};
    int abi = enclose_abi();
    if (abi == 0)
        return true;
    resolve(&v, denied, n);
    bool ok = open_ruleset(&v, abi) && allow_rest(&v, "", 0);
    for (size_t i = 0; ok && i < kept_count; i++) {
        char *real = real_path(kept[i]);
        ok = real == NULL || allow(&v, real, LANDLOCK_ACCESS_FS_READ_FILE);
        free(real);
    }
    ok = ok && syscall(SYS_landlock_restrict_self, v.ruleset, 0) == 0;
    if (!ok)
        err_set(err, ERR_IO, errno, "Landlock");
    if (v.ruleset >= 0)
        close(v.ruleset);
    free(v.denied.items);
    free(v.above.items);
    return ok;
}

bool enclose_hides(const char *path)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd < 0 && errno == EACCES;
}

/* tests/lib/preload/faulty.c: makes the n-th call of a sort fail, in the role
 * that a test names. Loaded with LD_PRELOAD; tests/lib/faulty.py tells it what
 * to do through a file beside it, which both have mapped: so rules can change
 * while the program runs, and calls are counted across restarts of a role.
 *
 * Sorts: disk (whatever changes a file below the plan's folder), fork (new
 * processes), memory (allocations). Without sanitizers only: they have their
 * own allocator. */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DISK = 1, FORK, MEMORY };
enum { ANY, MAIN, RUNNER, KEEPER, WORKER, VET, COMMAND, SCRIPT };
enum { RULES = 8, FOLDER = 256 };

/* As faulty.py packs it. */
struct rule {
    int32_t role, sort, error, unused; /* sort 0: no rule */
    int64_t first, last;               /* calls that fail, counted from 1 */
    _Atomic int64_t seen;
};

struct plan {
    char folder[FOLDER];
    struct rule rules[RULES];
};

static struct plan *plan; /* NULL: nothing fails */
static int role = ANY;

/* --------------------------------------------------------------- the plan ---
 */

static int find_role(void)
{
    static const struct {
        const char *name;
        int role;
    } roles[] = {{"worker", WORKER}, {"vet", VET}, {"runner", RUNNER}};
    char line[4096] = {0};
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, line, sizeof line - 1);
    if (fd >= 0)
        close(fd);
    const char *word = line, *last = "";
    bool is_role = false;
    for (; word < line + n; word += strlen(word) + 1) {
        for (size_t i = 0; is_role && i < sizeof roles / sizeof *roles; i++)
            if (strcmp(word, roles[i].name) == 0)
                return roles[i].role;
        is_role = strcmp(word, "--role") == 0;
        last = word;
    }
    return strcmp(last, "run") == 0 ? MAIN : COMMAND;
}

__attribute__((constructor)) static void load_plan(void)
{
    Dl_info self;
    char path[PATH_MAX];
    if (dladdr((void *)load_plan, &self) == 0)
        return;
    snprintf(path, sizeof path, "%s.plan", self.dli_fname);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    void *page = fd < 0 ? MAP_FAILED
                        : mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE,
                               MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    void *frame;
    (void)!backtrace(&frame, 1); /* loads what it needs */
    role = find_role();
    if (page != MAP_FAILED)
        plan = page;
}

/* Sets errno, too. */
static bool fails(int sort)
{
    bool failing = false;
    for (int i = 0; plan != NULL && role != SCRIPT && i < RULES; i++) {
        struct rule *r = &plan->rules[i];
        if (r->sort != sort || (r->role != ANY && r->role != role))
            continue;
        int64_t n = atomic_fetch_add(&r->seen, 1) + 1;
        if (n < r->first || n > r->last)
            continue;
        errno = r->error;
        failing = true;
    }
    return failing;
}

/* ----------------------------------------------------------------- disk --- */

static bool is_below(const char *path)
{
    return plan != NULL && plan->folder[0] != '\0' &&
           strncmp(path, plan->folder, strlen(plan->folder)) == 0;
}

static bool is_ours(int fd)
{
    char link[40], path[PATH_MAX];
    int saved = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n < 0 ? 0 : n] = '\0';
    errno = saved;
    return is_below(path);
}

static bool is_ours_at(int dir, const char *path)
{
    return path[0] == '/' || dir == AT_FDCWD ? is_below(path) : is_ours(dir);
}

#define NEXT(name) \
    __typeof__(&name) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define ON_FD(type, name, parameters, ...)      \
    type name parameters                        \
    {                                           \
        NEXT(name);                             \
        if (plan && is_ours(fd) && fails(DISK)) \
            return -1;                          \
        return next(__VA_ARGS__);               \
    }

ON_FD(ssize_t, write, (int fd, const void *bytes, size_t n), fd, bytes, n)
ON_FD(ssize_t, pwrite, (int fd, const void *b, size_t n, off_t at), fd, b, n,
      at)
ON_FD(ssize_t, pwrite64, (int fd, const void *b, size_t n, off64_t at), fd, b,
      n, at)
ON_FD(int, fsync, (int fd), fd)
ON_FD(int, fdatasync, (int fd), fd)
ON_FD(int, ftruncate, (int fd, off_t n), fd, n)
ON_FD(int, ftruncate64, (int fd, off64_t n), fd, n)
ON_FD(int, fchmod, (int fd, mode_t mode), fd, mode)

#define ON_PATH(type, name, parameters, dir, path, ...)   \
    type name parameters                                  \
    {                                                     \
        NEXT(name);                                       \
        if (plan && is_ours_at(dir, path) && fails(DISK)) \
            return -1;                                    \
        return next(__VA_ARGS__);                         \
    }

ON_PATH(int, mkdir, (const char *path, mode_t m), AT_FDCWD, path, path, m)
ON_PATH(int, mkdirat, (int dir, const char *path, mode_t m), dir, path, dir,
        path, m)
ON_PATH(int, rename, (const char *a, const char *b), AT_FDCWD, a, a, b)
ON_PATH(int, renameat, (int dir, const char *a, int to, const char *b), dir, a,
        dir, a, to, b)
ON_PATH(int, unlink, (const char *path), AT_FDCWD, path, path)
ON_PATH(int, unlinkat, (int dir, const char *path, int flags), dir, path, dir,
        path, flags)

#define MAKES(flags) (((flags)&O_CREAT) != 0)

#define OPEN(name)                                                 \
    int name(const char *path, int flags, ...)                     \
    {                                                              \
        NEXT(name);                                                \
        va_list ap;                                                \
        va_start(ap, flags);                                       \
        mode_t mode = MAKES(flags) ? va_arg(ap, mode_t) : 0;       \
        va_end(ap);                                                \
        if (plan && MAKES(flags) && is_below(path) && fails(DISK)) \
            return -1;                                             \
        return next(path, flags, mode);                            \
    }

OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                      \
    int name(int dir, const char *path, int flags, ...)                   \
    {                                                                     \
        NEXT(name);                                                       \
        va_list ap;                                                       \
        va_start(ap, flags);                                              \
        mode_t mode = MAKES(flags) ? va_arg(ap, mode_t) : 0;              \
        va_end(ap);                                                       \
        if (plan && MAKES(flags) && is_ours_at(dir, path) && fails(DISK)) \
            return -1;                                                    \
        return next(dir, path, flags, mode);                              \
    }

OPENAT(openat)
OPENAT(openat64)

/* ------------------------------------------------------------ processes --- */

/* A keeper is a fork of the runner, a script one of its keeper. */
pid_t fork(void)
{
    NEXT(fork);
    if (fails(FORK))
        return -1;
    pid_t pid = next();
    if (pid == 0)
        role = role == RUNNER ? KEEPER : role == KEEPER ? SCRIPT : role;
    return pid;
}

int posix_spawn(pid_t *pid, const char *path,
                const posix_spawn_file_actions_t *actions,
                const posix_spawnattr_t *attributes, char *const argv[],
                char *const envp[])
{
    NEXT(posix_spawn);
    if (fails(FORK))
        return errno;
    return next(pid, path, actions, attributes, argv, envp);
}

/* --------------------------------------------------------------- memory --- */

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);

/* libconfig asks for no result of any allocation: see core/conf/values.c. */
static bool is_beyond_help(void)
{
    void *frames[12];
    Dl_info where;
    int n = backtrace(frames, 12);
    for (int i = 0; i < n; i++)
        if (dladdr(frames[i], &where) != 0 && where.dli_fname != NULL &&
            strstr(where.dli_fname, "libconfig") != NULL)
            return true;
    return false;
}

static bool is_refused(void) { return fails(MEMORY) && !is_beyond_help(); }

void *malloc(size_t n) { return is_refused() ? NULL : __libc_malloc(n); }

void *calloc(size_t count, size_t n)
{
    return is_refused() ? NULL : __libc_calloc(count, n);
}

void *realloc(void *old, size_t n)
{
    return is_refused() ? NULL : __libc_realloc(old, n);
}

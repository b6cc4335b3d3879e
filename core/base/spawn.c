/* base/spawn.c: see spawn.h. */
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/mem.h"

/* What a role inherits of the environment. All else may be a secret that the
 * configuration names, and no role has to know more than it is told. "*" at
 * the end: any name that begins so. */
// clang-format off
static const char *const inherited[] = {
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_*", "TZ", "TZDIR", "TMPDIR",
    "JOURNAL_STREAM", "RELEVO_FAILPOINT", "RELEVO_FAILPOINT_ARM",
    "RELEVO_DUMPABLE",
    /* a clock that a test tells what to say */
    "FAKETIME*", "NO_FAKE_STAT",
    /* the loader's, malloc's, the resolver's, TLS' */
    "LD_LIBRARY_PATH", "LD_PRELOAD", "MALLOC_*", "GLIBC_TUNABLES",
    "RES_OPTIONS", "LOCALDOMAIN", "SSL_CERT_FILE", "SSL_CERT_DIR",
    /* sanitizers', coverage's */
    "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "GCOV_*",
    "LLVM_PROFILE_FILE"};
// clang-format on

enum { FIRST_TO = STDERR_FILENO, PAST_TO = 10 };

/* Copies of the sources above every target, so that no dup2 in the child hits
 * a descriptor that is still to be copied. All close-on-exec. */
static bool move_up(const struct spawn_fd *fds, size_t n, int moved[PAST_TO],
                    struct err *err)
{
    for (int to = 0; to < PAST_TO; to++)
        moved[to] = -1;
    for (size_t i = 0; i < n; i++) {
        must(fds[i].to >= FIRST_TO && fds[i].to < PAST_TO);
        must(moved[fds[i].to] < 0);
        int fd = fcntl(fds[i].from, F_DUPFD_CLOEXEC, PAST_TO);
        if (fd < 0)
            return err_set(err, ERR_IO, errno, "descriptor %d", fds[i].from);
        moved[fds[i].to] = fd;
    }
    return true;
}

static int set_actions(posix_spawn_file_actions_t *actions,
                       const int moved[PAST_TO])
{
    int failed = posix_spawn_file_actions_addopen(actions, STDIN_FILENO,
                                                  "/dev/null", O_RDONLY, 0);
    for (int to = FIRST_TO; failed == 0 && to < PAST_TO; to++)
        failed = moved[to] >= 0
                     ? posix_spawn_file_actions_adddup2(actions, moved[to], to)
                 : to == STDERR_FILENO
                     ? 0 /* ours */
                     : posix_spawn_file_actions_addclose(actions, to);
    if (failed == 0)
        failed = posix_spawn_file_actions_addclosefrom_np(actions, PAST_TO);
    return failed;
}

static int set_attributes(posix_spawnattr_t *attributes, bool new_session)
{
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    int flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
    if (new_session)
        flags |= POSIX_SPAWN_SETSID;
    posix_spawnattr_setsigdefault(attributes, &all);
    posix_spawnattr_setsigmask(attributes, &none);
    return posix_spawnattr_setflags(attributes, (short)flags);
}

static bool is_inherited(const char *entry)
{
    size_t len = strcspn(entry, "=");
    for (size_t i = 0; i < ARRAY_LEN(inherited); i++) {
        size_t n = strlen(inherited[i]);
        bool open = inherited[i][n - 1] == '*';
        if (open ? len >= n && strncmp(entry, inherited[i], n - 1) == 0
                 : len == n && strncmp(entry, inherited[i], n) == 0)
            return true;
    }
    return false;
}

static char **make_environment(void)
{
    size_t count = 0, kept = 0;
    while (environ[count] != NULL)
        count++;
    char **list = xcalloc(count + 1, sizeof *list);
    for (size_t i = 0; i < count; i++)
        if (is_inherited(environ[i]))
            list[kept++] = environ[i];
    return list;
}

static int start(const char *const argv[], const int moved[PAST_TO],
                 bool new_session, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed != 0)
        return failed;
    failed = posix_spawnattr_init(&attributes);
    if (failed == 0) {
        failed = set_actions(&actions, moved);
        if (failed == 0)
            failed = set_attributes(&attributes, new_session);
        char **environment = make_environment();
        if (failed == 0)
            failed = posix_spawn(pid, "/proc/self/exe", &actions, &attributes,
                                 (char *const *)argv, environment);
        free(environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

bool spawn_self(const char *const argv[], const struct spawn_fd *fds, size_t n,
                bool new_session, pid_t *pid, struct err *err)
{
    int moved[PAST_TO];
    bool ok = move_up(fds, n, moved, err);
    if (ok) {
        int failed = start(argv, moved, new_session, pid);
        ok = failed == 0 || err_set(err, ERR_IO, failed, "start the %s role",
                                    argv[1] != NULL ? argv[1] : argv[0]);
    }
    for (int to = 0; to < PAST_TO; to++)
        if (moved[to] >= 0)
            close(moved[to]);
    return ok;
}

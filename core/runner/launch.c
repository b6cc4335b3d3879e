/* runner/launch.c: see launch.h. Everything that may allocate, wait or open
 * files is done before vfork: the child shares our memory until it executes. */
#include "runner/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/harden.h"
#include "base/str.h"
#include "model/kind_exec.h"
#include "runner/account.h"
#include "runner/script.h"

enum { GROUPS = 256, TASKS = 512 };

struct launch {
    const char *path;
    char **argv, **environment;
    struct account account;
    gid_t groups[GROUPS];
    int group_count;
    int output, errors, null;
    unsigned long tasks; /* on the machine */
    int failed;          /* errno of the child, which shares our memory */
};

/* ------------------------------------------------------------- program --- */

/* The first folder of EXEC_PATH that has it; as it is where it has a slash.
 */
static const char *find_program(const char *name, struct arena *arena)
{
    if (strchr(name, '/') != NULL)
        return name;
    for (const char *dir = EXEC_PATH; *dir != '\0';) {
        size_t n = strcspn(dir, ":");
        const char *path = arena_printf(arena, "%.*s/%s", (int)n, dir, name);
        if (access(path, F_OK) == 0)
            return path;
        dir += n + (dir[n] == ':');
    }
    return NULL;
}

/* With rules: root's all the way up, and in a folder that they name. */
static bool settle_program(struct launch *l, const struct msg_command *m,
                           const struct runner_rules *rules,
                           struct arena *arena, struct err *err, int *sys)
{
    struct script s;
    const char *path = find_program(m->argv.items[0], arena);
    *sys = ENOENT;
    if (path == NULL)
        return err_set(err, ERR_NOT_FOUND, 0, "there is no %s in " EXEC_PATH,
                       m->argv.items[0]);
    if (!script_trust(&s, path, rules != NULL ? 0 : l->account.uid, err)) {
        *sys = access(path, F_OK) == 0 ? EACCES : errno;
        return false;
    }
    *sys = EACCES;
    if (rules != NULL && !rules_allow(rules, s.path, err))
        return false;
    l->path = arena_strdup(arena, path);
    return true;
}

/* --------------------------------------------------------- environment --- */

static const char *home_of(const char *name, struct arena *arena,
                           const char **user)
{
    const struct passwd *p =
        name != NULL ? getpwnam(name) : getpwuid(geteuid());
    *user = arena_strdup(arena, p != NULL ? p->pw_name : "");
    return arena_strdup(arena, p != NULL ? p->pw_dir : "/");
}

/* Of the runner's own user it is asked once. */
static const char *own_home(const char **user)
{
    static struct arena *kept;
    static const char *home, *name;
    if (kept == NULL) {
        kept = arena_new();
        home = home_of(NULL, kept, &name);
    }
    *user = name;
    return home;
}

static void fill_environment(struct launch *l, const struct msg_command *m,
                             struct arena *arena)
{
    const char *user, *home = l->account.name == NULL
                                  ? own_home(&user)
                                  : home_of(l->account.name, arena, &user);
    size_t n = 0;
    char **list =
        arena_alloc(arena, (m->environment_count + 6) * sizeof(char *));
    list[n++] = arena_strdup(arena, "PATH=" EXEC_PATH);
    list[n++] = arena_strdup(arena, "LANG=C.UTF-8");
    list[n++] = arena_printf(arena, "HOME=%s", home);
    list[n++] = arena_printf(arena, "USER=%s", user);
    list[n++] = arena_printf(arena, "LOGNAME=%s", user);
    for (size_t i = 0; i < m->environment_count; i++) {
        const struct msg_pair *own = &m->environment[i];
        size_t k = 0, len = strlen(own->name);
        while (k < n &&
               (strncmp(list[k], own->name, len) != 0 || list[k][len] != '='))
            k++;
        list[k] = arena_printf(arena, "%s=%s", own->name, own->value);
        n += k == n;
    }
    l->environment = list;
}

static void fill_argv(struct launch *l, const struct msg_command *m,
                      struct arena *arena)
{
    l->argv = arena_alloc(arena, (m->argv.count + 1) * sizeof(char *));
    for (size_t i = 0; i < m->argv.count; i++)
        l->argv[i] = arena_strdup(arena, m->argv.items[i]);
}

/* ----------------------------------------------------------- the child --- */

static bool place_descriptors(const struct launch *l)
{
    return dup2(l->null, STDIN_FILENO) >= 0 &&
           dup2(l->output, STDOUT_FILENO) >= 0 &&
           dup2(l->errors, STDERR_FILENO) >= 0 &&
           close_range(STDERR_FILENO + 1, ~0u, 0) == 0;
}

/* Handlers end with exec; what the runner ignores does not. */
static bool set_limits(const struct launch *l)
{
    static const int ignored[] = {SIGHUP, SIGINT, SIGPIPE};
    const struct rlimit none = {0, 0};
    for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
        signal(ignored[i], SIG_DFL);
    umask(077);
    harden_tasks_beyond(l->tasks, TASKS);
    return setrlimit(RLIMIT_CORE, &none) == 0;
}

/* If the runner is killed, it goes, too; becoming somebody else undoes that,
 * so it comes last. */
static bool become_user(const struct launch *l)
{
    const struct account *a = &l->account;
    bool ok =
        a->name == NULL || (setgroups((size_t)l->group_count, l->groups) == 0 &&
                            setresgid(a->gid, a->gid, a->gid) == 0 &&
                            setresuid(a->uid, a->uid, a->uid) == 0);
    return ok && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0;
}

NORETURN static void be_child(struct launch *l)
{
    sigset_t none;
    setsid();
    if (place_descriptors(l) && set_limits(l) && become_user(l) &&
        chdir("/") == 0) {
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execve(l->path, l->argv, l->environment);
    }
    l->failed = errno;
    _exit(127);
}

/* Apart, so that the child overwrites no variable of ours on the stack. */
static __attribute__((noinline)) pid_t give_birth(struct launch *l)
{
    pid_t pid = vfork();
    if (pid == 0)
        be_child(l);
    return pid;
}

/* --------------------------------------------------------------- launch --- */

static const char *advice(int sys, const char *path)
{
    if (sys == ENOEXEC)
        return " (its first line must name an interpreter, such as #!/bin/sh)";
    if (sys == ENOENT && access(path, F_OK) == 0)
        return " (the interpreter in its first line is missing)";
    return "";
}

static bool start(struct launch *l, pid_t *pid, struct err *err, int *sys)
{
    l->null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (l->null < 0) {
        *sys = errno;
        return err_set(err, ERR_IO, errno, "/dev/null");
    }
    *pid = give_birth(l);
    *sys = *pid < 0 ? errno : l->failed;
    close(l->null);
    if (*pid < 0)
        return err_set(err, ERR_IO, *sys, "start a process");
    if (l->failed == 0)
        return true;
    waitpid(*pid, NULL, 0);
    return err_set(err, ERR_IO, *sys, "%s%s", l->path, advice(*sys, l->path));
}

/* At most once a second: to ask the kernel for each command costs too much. */
static unsigned long count_tasks(void)
{
    static int64_t counted_ns;
    static unsigned long tasks;
    int64_t now_ns = clock_mono_ns();
    if (counted_ns == 0 || now_ns - counted_ns > NS_PER_S) {
        tasks = harden_count_tasks();
        counted_ns = now_ns;
    }
    return tasks;
}

/* Somebody else may open /dev/stderr: the pipes are given to him. */
static bool give_pipes(const struct launch *l)
{
    const struct account *a = &l->account;
    return a->name == NULL || (fchown(l->output, a->uid, a->gid) == 0 &&
                               fchown(l->errors, a->uid, a->gid) == 0);
}

static bool prepare(struct launch *l, const struct msg_command *m,
                    const struct runner_rules *rules, struct arena *arena,
                    struct err *err, int *sys)
{
    l->group_count = GROUPS;
    *sys = EPERM;
    if (!account_find(&l->account, m->user, err) ||
        !account_groups(&l->account, l->groups, &l->group_count, err) ||
        !settle_program(l, m, rules, arena, err, sys))
        return false;
    if (!give_pipes(l)) {
        *sys = errno;
        return err_set(err, ERR_IO, errno, "give it its pipes");
    }
    l->tasks = count_tasks();
    fill_argv(l, m, arena);
    fill_environment(l, m, arena);
    return true;
}

bool launch(const struct msg_command *order, const struct runner_rules *rules,
            int output, int errors, pid_t *pid, struct err *err, int *sys)
{
    static struct launch l; /* the child writes to it, too */
    struct arena *arena = arena_new();
    struct msg_command m = *order;
    l = (struct launch){.output = output, .errors = errors};
    *sys = EPERM;
    bool ok = (rules == NULL || rules_command(rules, &m, err)) &&
              prepare(&l, &m, rules, arena, err, sys) &&
              start(&l, pid, err, sys);
    free(l.account.name);
    arena_free(arena);
    return ok;
}

/* runner/child.c: see child.h. Between fork and exec nothing is called that
 * could wait or allocate, except the look-up of the user's groups. */
#include "runner/child.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/harden.h"

enum { FD_FINDINGS = 3, FD_FAILURE = 4, FD_SAFE = 20, NICE = 5 };
enum { TASKS = 512 }; /* more than there are, before fork fails */

/* X(NAME, text): steps that can fail in the child. */
#define STEP_MAP(X)                                           \
    X(DESCRIPTORS, "prepare its descriptors")                 \
    X(LIMITS, "set its limits")                               \
    X(USER, "become its user")                                \
    X(FOLDER, "enter the run's folder")                       \
    X(CHANGED, "the script was changed after it was checked") \
    X(EXEC, "execute")

enum step {
#define X(NAME, text) STEP_##NAME,
    STEP_MAP(X)
#undef X
};

static const char *const step_texts[] = {
#define X(NAME, text) text,
    STEP_MAP(X)
#undef X
};

struct failure {
    enum step step;
    int sys;
};

/* --------------------------------------------------------- preparation --- */

static char *secret_variable(const struct msg_run *m, const char *name,
                             struct arena *arena)
{
    char *text = arena_printf(arena, "RELEVO_SECRET_%s=%s/secrets/%s", name,
                              m->dir, name);
    for (char *at = text; *at != '='; at++)
        *at = isalnum((unsigned char)*at) ? (char)toupper((unsigned char)*at)
                                          : '_';
    return text;
}

static bool has_variable(const struct msg_run *m, const char *name)
{
    for (size_t i = 0; i < m->environment_count; i++)
        if (strcmp(m->environment[i].name, name) == 0)
            return true;
    return false;
}

char **child_environment(const struct msg_run *m, struct arena *arena)
{
    size_t n = m->environment_count + m->secret_count + 2, at = 0;
    char **list = arena_alloc(arena, n * sizeof *list);
    for (size_t i = 0; i < m->environment_count; i++)
        list[at++] = arena_printf(arena, "%s=%s", m->environment[i].name,
                                  m->environment[i].value);
    if (!has_variable(m, "RELEVO_RUN_DIR"))
        list[at++] = arena_printf(arena, "RELEVO_RUN_DIR=%s", m->dir);
    for (size_t i = 0; i < m->secret_count; i++)
        list[at++] = secret_variable(m, m->secrets[i].name, arena);
    return list;
}

/* A file that nobody can change any more, read from its beginning. */
static int make_input(const struct msg_run *m)
{
    int fd = memfd_create("input", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -1;
    if (fs_write_all(fd, m->input, m->input_len) &&
        lseek(fd, 0, SEEK_SET) == 0 &&
        fcntl(fd, F_ADD_SEALS,
              F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0)
        return fd;
    close(fd);
    return -1;
}

enum { INPUT, OUTPUT, ERRORS, FINDINGS, FAILURE, END_COUNT };

struct ends {
    int child[END_COUNT], keeper[END_COUNT]; /* keeper[INPUT] is unused */
};

static void close_all(int fds[END_COUNT])
{
    for (int i = 0; i < END_COUNT; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/* A script that runs as another user may open /dev/stderr: the pipes are
 * given to that user. */
static bool make_ends(const struct child_plan *plan, struct ends *e)
{
    for (int i = 0; i < END_COUNT; i++)
        e->child[i] = e->keeper[i] = -1;
    e->child[INPUT] = make_input(plan->run);
    if (e->child[INPUT] < 0)
        return false;
    for (int i = OUTPUT; i < END_COUNT; i++) {
        int fds[2];
        if (pipe2(fds, O_CLOEXEC) != 0)
            return false;
        e->keeper[i] = fds[0];
        e->child[i] = fds[1];
        if (fcntl(fds[0], F_SETFL, O_NONBLOCK) != 0)
            return false;
        if (plan->account->name != NULL &&
            fchown(fds[1], plan->account->uid, plan->account->gid) != 0)
            return false;
    }
    return true;
}

/* ----------------------------------------------------------- the child --- */

static bool place_descriptors(int ends[END_COUNT])
{
    for (int i = 0; i < END_COUNT; i++)
        if ((ends[i] = fcntl(ends[i], F_DUPFD_CLOEXEC, FD_SAFE)) < 0)
            return false;
    for (int i = 0; i <= FD_FINDINGS; i++)
        if (dup2(ends[i], i) < 0)
            return false;
    return dup3(ends[FAILURE], FD_FAILURE, O_CLOEXEC) >= 0 &&
           close_range(FD_FAILURE + 1, ~0u, 0) == 0;
}

static bool set_limits(void)
{
    const struct rlimit none = {0, 0};
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    umask(077);
    (void)!nice(NICE); /* a wish only */
    harden_tasks(TASKS);
    return setrlimit(RLIMIT_CORE, &none) == 0;
}

/* A script whose keeper is killed is to go with it; becoming somebody else
 * undoes that, so it comes last. */
static bool become_user(const struct account *a, pid_t keeper)
{
    return account_become(a) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 &&
           getppid() == keeper;
}

static void run_script(const struct child_plan *plan, int ends[END_COUNT],
                       char **environment, struct failure *f)
{
    char *argv[] = {(char *)plan->run->script, NULL};
    sigset_t none;
    setsid();
    f->step = STEP_DESCRIPTORS;
    if (!place_descriptors(ends))
        return;
    f->step = STEP_LIMITS;
    if (!set_limits())
        return;
    f->step = STEP_USER;
    if (!become_user(plan->account, plan->keeper))
        return;
    f->step = STEP_FOLDER;
    if (chdir(plan->run->dir) != 0)
        return;
    errno = 0;
    f->step = STEP_CHANGED;
    if (!script_is_same(plan->script))
        return;
    f->step = STEP_EXEC;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(plan->script->path, argv, environment);
}

NORETURN static void be_child(const struct child_plan *plan, struct ends *e,
                              char **environment)
{
    struct failure f = {0};
    run_script(plan, e->child, environment, &f);
    f.sys = errno;
    bool told = fs_write_all(FD_FAILURE, &f, sizeof f);
    _exit(told ? 127 : 126);
}

/* ---------------------------------------------------------- the keeper --- */

bool child_start(const struct child_plan *plan, pid_t *pid,
                 struct child_pipes *pipes, struct err *err)
{
    struct ends e;
    struct arena *arena = arena_new();
    char **environment = child_environment(plan->run, arena);
    bool ok = make_ends(plan, &e);
    if (ok && (*pid = fork()) == 0)
        be_child(plan, &e, environment);
    ok = ok && *pid > 0;
    if (!ok) {
        err_set(err, ERR_IO, errno, "start the script");
        close_all(e.keeper);
    }
    close_all(e.child);
    arena_free(arena);
    *pipes = (struct child_pipes){e.keeper[OUTPUT], e.keeper[ERRORS],
                                  e.keeper[FINDINGS], e.keeper[FAILURE]};
    return ok;
}

bool child_explain(const void *bytes, size_t n, const struct script *script,
                   struct err *err)
{
    struct failure f;
    if (n < sizeof f)
        return false;
    memcpy(&f, bytes, sizeof f);
    err_set(err, ERR_IO, f.sys, "%s: %s%s", script->path, step_texts[f.step],
            f.sys == ENOEXEC ? " (its first line must name an interpreter, "
                               "such as #!/bin/sh)"
            : f.sys == ENOENT && f.step == STEP_EXEC
                ? " (the interpreter in its first line is missing)"
                : "");
    return true;
}

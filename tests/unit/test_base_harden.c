/* What a process gives up. Each case in a child: there is no way back. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/harden.h"

/* Runs it in a child; what it returns is the exit status. */
static int in_child(int (*body)(void))
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(body());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void line_of(const char *file, const char *name, char out[256])
{
    size_t n = strlen(name);
    FILE *f = fopen(file, "re");
    out[0] = '\0';
    while (f != NULL && fgets(out, 256, f) != NULL)
        if (strncmp(out, name, n) == 0)
            break;
    if (f != NULL)
        fclose(f);
}

static bool has_no_capability(void)
{
    static const char *const sets[] = {
        "CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"};
    char line[256];
    bool none = true;
    for (size_t i = 0; i < 5; i++) {
        line_of("/proc/self/status", sets[i], line);
        /* who may not empty his bounding set has nothing to bound */
        if (strcmp(sets[i], "CapBnd:") == 0 && geteuid() != 0)
            continue;
        none = none && strtoull(line + strlen(sets[i]), NULL, 16) == 0 &&
               strlen(line) > 20;
    }
    return none;
}

static int give_up_rights(void)
{
    char line[256];
    if (!harden_rights() || !has_no_capability())
        return 1;
    line_of("/proc/self/status", "NoNewPrivs:", line);
    return strcmp(line, "NoNewPrivs:\t1\n") == 0 ? 0 : 2;
}

static void rights_are_given_up(void **state)
{
    (void)state;
    assert_int_equal(in_child(give_up_rights), 0);
}

/* root by number alone: what an executed program would get, too */
static int execute_without_rights(void)
{
    if (!harden_rights())
        return 1;
    execl("/bin/sh", "sh", "-c",
          "exec grep -q '^CapEff:[[:space:]]*0*$' /proc/self/status", NULL);
    return 2;
}

static void execution_gives_none_back(void **state)
{
    (void)state;
    assert_int_equal(in_child(execute_without_rights), 0);
}

static int be_private(void)
{
    struct rlimit core;
    harden_memory();
    if (prctl(PR_GET_DUMPABLE) != 0 || getrlimit(RLIMIT_CORE, &core) != 0)
        return 1;
    return core.rlim_cur == 0 && core.rlim_max == 0 ? 0 : 2;
}

static int be_debugged(void)
{
    setenv("RELEVO_DUMPABLE", "1", 1);
    harden_memory();
    return prctl(PR_GET_DUMPABLE) == 1 ? 0 : 1;
}

static void memory_is_private(void **state)
{
    (void)state;
    assert_int_equal(in_child(be_private), 0);
    assert_int_equal(in_child(be_debugged), 0);
}

/* The same user, and nobody with CAP_SYS_PTRACE, looks into it. */
static int look_into_a_private_one(void)
{
    char path[64];
    int status, ready[2];
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
        return 1;
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* becoming another has undone it */
    if (pipe(ready) != 0)
        return 2;
    pid_t pid = fork();
    if (pid == 0) {
        harden_memory();
        (void)!write(ready[1], "x", 1);
        pause();
    }
    (void)!read(ready[0], path, 1);
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int seen = errno;
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return fd < 0 && (seen == EACCES || seen == EPERM) ? 0 : 3;
}

static void nobody_else_looks_into_it(void **state)
{
    (void)state;
    assert_int_equal(in_child(look_into_a_private_one), 0);
}

static int score_for_oom(void)
{
    char line[256];
    harden_oom(321);
    line_of("/proc/self/oom_score_adj", "", line);
    return strcmp(line, "321\n") == 0 ? 0 : 1;
}

static void the_oom_killer_is_told(void **state)
{
    (void)state;
    assert_int_equal(in_child(score_for_oom), 0);
}

enum { MORE = 20, MOST = 5000 };

/* Forks until it cannot, or `most` times; how many it could. */
static int fork_many(int most)
{
    int made = 0;
    static pid_t pids[MOST];
    while (made < most && (pids[made] = fork()) >= 0) {
        if (pids[made] == 0) {
            pause();
            _exit(0);
        }
        made++;
    }
    for (int i = 0; i < made; i++) {
        kill(pids[i], SIGKILL);
        waitpid(pids[i], NULL, 0);
    }
    return made;
}

static int fork_within_limits(void)
{
    struct rlimit before, after;
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
        return 1;
    getrlimit(RLIMIT_NPROC, &before);
    harden_tasks(MORE);
    getrlimit(RLIMIT_NPROC, &after);
    if (after.rlim_cur > before.rlim_cur || after.rlim_cur != after.rlim_max)
        return 2;
    if (after.rlim_cur >= MOST)
        return 77; /* a busy machine: too many to try */
    int most = (int)after.rlim_cur + 1, made = fork_many(most);
    return made > 0 && made < most ? 0 : 3;
}

static void so_many_processes_and_no_more(void **state)
{
    (void)state;
    int status = in_child(fork_within_limits);
    if (status == 77)
        skip();
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rights_are_given_up),
        cmocka_unit_test(execution_gives_none_back),
        cmocka_unit_test(memory_is_private),
        cmocka_unit_test(nobody_else_looks_into_it),
        cmocka_unit_test(the_oom_killer_is_told),
        cmocka_unit_test(so_many_processes_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

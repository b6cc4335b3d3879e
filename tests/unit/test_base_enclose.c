/* What an enclosed process reaches. Each case in a child: there is no way
 * back. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/enclose.h"
#include "base/fs.h"

static char top[64]; /* state/db, state/deep/file, conf, beside/file, plugin */

static const char *at(const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", top, name);
    return path;
}

static void make_file(const char *name)
{
    struct err err;
    char *folder = fs_folder(at(name));
    assert_true(fs_mkdirs(folder, 0700, &err));
    assert_true(fs_replace(at(name), "secret", 6, 0600, &err));
    free(folder);
}

static int setup(void **state)
{
    (void)state;
    snprintf(top, sizeof top, "/tmp/relevo-enclose-XXXXXX");
    assert_non_null(mkdtemp(top));
    make_file("state/db");
    make_file("state/deep/file");
    make_file("state/plugins/one.so");
    make_file("conf");
    make_file("beside/file");
    make_file("twice/conf.d/one");
    make_file("twice/other");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fs_remove_tree(top);
    return 0;
}

static bool in_view(void)
{
    const char *denied[] = {at("state"), at("conf"), at("twice/conf.d"),
                            at("missing")};
    const char *kept[] = {at("state/plugins")};
    struct err err;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return false;
    if (enclose(denied, 4, kept, 1, &err))
        return true;
    fprintf(stderr, "%s\n", err.text);
    return false;
}

/* Runs it enclosed, in a child; 0 is what it should come to. */
static void enclosed(int (*body)(void))
{
    int status;
    if (enclose_abi() == 0) {
        print_message("skipped: the kernel has no Landlock\n");
        skip();
    }
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(in_view() ? body() : 99);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, WEXITSTATUS(status) << 8);
    assert_int_equal(WEXITSTATUS(status), 0);
}

static bool opens(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static bool refuses(const char *path, int flags)
{
    return !opens(path, flags) && errno == EACCES && enclose_hides(path);
}

static int read_denied(void)
{
    return refuses(at("state/db"), O_RDONLY) &&
                   refuses(at("state/deep/file"), O_RDONLY) &&
                   refuses(at("conf"), O_RDONLY) &&
                   refuses(at("twice/conf.d/one"), O_RDONLY) &&
                   refuses(at("state/db"), O_WRONLY)
               ? 0
               : 1;
}

static void what_is_denied_is_not_opened(void **state)
{
    (void)state;
    enclosed(read_denied);
}

static int change_denied(void)
{
    if (opens(at("state/new"), O_WRONLY | O_CREAT) ||
        unlink(at("state/db")) == 0 || unlink(at("conf")) == 0 ||
        mkdir(at("state/dir"), 0700) == 0 || truncate(at("state/db"), 0) == 0 ||
        symlink("/etc/passwd", at("state/link")) == 0)
        return 1;
    /* neither moved to where it could be read */
    if (rename(at("state/db"), at("beside/db")) == 0 ||
        link(at("conf"), at("beside/conf")) == 0 ||
        rename(at("conf"), at("beside/conf")) == 0)
        return 2;
    return 0;
}

static void what_is_denied_is_not_changed(void **state)
{
    (void)state;
    enclosed(change_denied);
}

static int use_the_rest(void)
{
    if (!opens(at("beside/file"), O_RDWR) || !opens(at("twice/other"), O_RDWR))
        return 1;
    if (!opens(at("beside/new"), O_WRONLY | O_CREAT) ||
        unlink(at("beside/new")) != 0)
        return 2;
    if (!opens("/etc/hosts", O_RDONLY) || !opens("/dev/null", O_RDWR) ||
        !opens("/proc/self/status", O_RDONLY))
        return 3;
    if (!opens(at("state/plugins/one.so"), O_RDONLY))
        return 4;
    return opens(at("state/plugins/one.so"), O_WRONLY) ? 5 : 0;
}

static void the_rest_is_as_it_was(void **state)
{
    (void)state;
    enclosed(use_the_rest);
}

/* As root it would be the one; as a user, whoever else runs as him. */
static int signal_parent(void)
{
    if (enclose_abi() < 6)
        return 0;
    if (kill(getppid(), 0) == 0 || errno != EPERM)
        return 1;
    pid_t own = fork();
    if (own == 0) {
        pause();
        _exit(0);
    }
    int status;
    return kill(own, SIGKILL) == 0 && waitpid(own, &status, 0) == own ? 0 : 2;
}

static void only_its_own_children_are_signalled(void **state)
{
    (void)state;
    enclosed(signal_parent);
}

static int inherit(void)
{
    char command[160];
    snprintf(command, sizeof command, "! cat %s 2>/dev/null", at("conf"));
    execl("/bin/sh", "sh", "-c", command, NULL);
    return 1;
}

static void what_it_starts_is_enclosed_too(void **state)
{
    (void)state;
    enclosed(inherit);
}

/* What comes into a folder that was taken apart is hidden: enclose_hides is how
 * one notices. */
static int here[2], there[2]; /* it has its view; the file is made */

static int look_at_newcomers(void)
{
    char byte;
    if (write(here[1], "v", 1) != 1 || read(there[0], &byte, 1) != 1)
        return 1;
    return enclose_hides(at("newcomer")) && !enclose_hides(at("beside/file")) &&
                   !enclose_hides(at("never-made"))
               ? 0
               : 2;
}

static void a_newcomer_is_hidden(void **state)
{
    (void)state;
    int status;
    char byte;
    if (enclose_abi() == 0)
        skip();
    assert_int_equal(pipe(here), 0);
    assert_int_equal(pipe(there), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(in_view() ? look_at_newcomers() : 99);
    assert_int_equal(read(here[0], &byte, 1), 1);
    make_file("newcomer");
    assert_int_equal(write(there[1], "m", 1), 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* A kernel without Landlock: the call is not there. */
static bool take_landlock_away(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {4, code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void without_landlock_all_goes_on(void **state)
{
    (void)state;
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        bool ok = take_landlock_away() && enclose_abi() == 0 && in_view() &&
                  opens(at("conf"), O_RDONLY);
        _exit(ok ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_denied_is_not_opened),
        cmocka_unit_test(what_is_denied_is_not_changed),
        cmocka_unit_test(the_rest_is_as_it_was),
        cmocka_unit_test(only_its_own_children_are_signalled),
        cmocka_unit_test(what_it_starts_is_enclosed_too),
        cmocka_unit_test(a_newcomer_is_hidden),
        cmocka_unit_test(without_landlock_all_goes_on),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

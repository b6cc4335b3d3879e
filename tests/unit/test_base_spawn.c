/* The program starts itself again: descriptors, signals, session. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/spawn.h"

/* ----------------------------------------- what the child reports on 3 --- */

static void list_descriptors(char *out, size_t size)
{
    for (int fd = 0; fd < 256; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            snprintf(out + strlen(out), size - strlen(out), "%d ", fd);
}

static void list_signals(char *out, size_t size)
{
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    for (int s = 1; s < 32; s++) {
        struct sigaction now;
        if (sigismember(&mask, s) == 1)
            snprintf(out + strlen(out), size - strlen(out), "blocked %d ", s);
        if (sigaction(s, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
            snprintf(out + strlen(out), size - strlen(out), "ignored %d ", s);
    }
}

static int be_child(const char *word)
{
    char out[1024] = "";
    char input;
    snprintf(out, sizeof out, "%s: ", word);
    list_descriptors(out, sizeof out);
    list_signals(out, sizeof out);
    const char *const names[] = {"SECRET_OF_A_TEST", "LC_OF_A_TEST",
                                 "PATH_OF_A_TEST"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i]) != NULL)
            snprintf(out + strlen(out), sizeof out - strlen(out), "%s ",
                     names[i]);
    snprintf(out + strlen(out), sizeof out - strlen(out), "%s%s",
             getsid(0) == getpid() ? "leader " : "",
             read(STDIN_FILENO, &input, 1) == 0 ? "eof" : "input");
    return fs_write_all(3, out, strlen(out)) ? 0 : 1;
}

/* ----------------------------------------------------------- the tests --- */

static void assert_reports(const struct spawn_fd *fds, size_t n, int report,
                           bool new_session, const char *expected)
{
    const char *argv[] = {"test", "child", "word", NULL};
    char text[1024] = "";
    struct err err = {0};
    pid_t pid = 0;
    int status = -1;
    if (!spawn_self(argv, fds, n, new_session, &pid, &err))
        fail_msg("%s", err.text);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_true(read(report, text, sizeof text - 1) > 0);
    assert_string_equal(text, expected);
}

static void only_what_is_mapped_is_open(void **state)
{
    (void)state;
    int fds[2], leak = open("/dev/null", O_RDONLY); /* not close-on-exec */
    int high = fcntl(leak, F_DUPFD, 100);
    assert_int_equal(pipe(fds), 0);
    assert_reports(&(struct spawn_fd){fds[1], 3}, 1, fds[0], false,
                   "word: 0 1 2 3 eof");
    close(leak);
    close(high);
    close(fds[0]);
    close(fds[1]);
}

/* 3 and 4 of the caller change places */
static void targets_may_be_each_others_sources(void **state)
{
    (void)state;
    int fds[2], saved[2] = {fcntl(3, F_DUPFD_CLOEXEC, 50),
                            fcntl(4, F_DUPFD_CLOEXEC, 50)};
    assert_int_equal(pipe(fds), 0);
    int report = fcntl(fds[0], F_DUPFD_CLOEXEC, 50);
    int end = fcntl(fds[1], F_DUPFD_CLOEXEC, 50);
    close(fds[0]);
    close(fds[1]);
    assert_int_equal(dup2(end, 4), 4);
    assert_int_equal(dup2(report, 3), 3);
    const struct spawn_fd map[] = {{4, 3}, {3, 4}};
    assert_reports(map, 2, report, true, "word: 0 1 2 3 4 leader eof");
    for (int i = 0; i < 2; i++) {
        close(3 + i);
        if (saved[i] >= 0) {
            dup2(saved[i], 3 + i);
            close(saved[i]);
        }
    }
    close(report);
    close(end);
}

static void signals_are_as_at_the_start_of_a_program(void **state)
{
    (void)state;
    int fds[2];
    sigset_t blocked, old;
    assert_int_equal(pipe(fds), 0);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    sigprocmask(SIG_BLOCK, &blocked, &old);
    assert_reports(&(struct spawn_fd){fds[1], 3}, 1, fds[0], false,
                   "word: 0 1 2 3 eof");
    sigprocmask(SIG_SETMASK, &old, NULL);
    signal(SIGPIPE, SIG_DFL);
    close(fds[0]);
    close(fds[1]);
}

static void secrets_in_the_environment_stay_behind(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    setenv("SECRET_OF_A_TEST", "1", 1);
    setenv("PATH_OF_A_TEST", "1", 1);
    setenv("LC_OF_A_TEST", "1", 1);
    assert_reports(&(struct spawn_fd){fds[1], 3}, 1, fds[0], false,
                   "word: 0 1 2 3 LC_OF_A_TEST eof");
    unsetenv("SECRET_OF_A_TEST");
    unsetenv("PATH_OF_A_TEST");
    unsetenv("LC_OF_A_TEST");
    close(fds[0]);
    close(fds[1]);
}

static void a_bad_descriptor_is_an_error(void **state)
{
    (void)state;
    const char *argv[] = {"test", "child", "word", NULL};
    struct err err = {0};
    pid_t pid = 0;
    assert_false(
        spawn_self(argv, &(struct spawn_fd){999, 3}, 1, false, &pid, &err));
    assert_non_null(strstr(err.text, "descriptor 999"));
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "child") == 0)
        return be_child(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_mapped_is_open),
        cmocka_unit_test(targets_may_be_each_others_sources),
        cmocka_unit_test(signals_are_as_at_the_start_of_a_program),
        cmocka_unit_test(secrets_in_the_environment_stay_behind),
        cmocka_unit_test(a_bad_descriptor_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

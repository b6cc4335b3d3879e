/* /proc: start times, boot id, descendants. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/proc.h"

static void a_process_is_known_by_pid_and_start(void **state)
{
    (void)state;
    int64_t start = 0, again = 0;
    char letter = 0;
    assert_true(proc_look(getpid(), &start, &letter));
    assert_int_equal(letter, 'R');
    assert_true(start > 0);
    assert_true(proc_look(getpid(), &again, NULL));
    assert_int_equal(start, again);
    assert_true(proc_is_alive(getpid(), start));
    assert_false(proc_is_alive(getpid(), start - 1));
    assert_false(proc_look(0x3fffffff, NULL, NULL));
}

/* comm may hold spaces and parentheses */
static void a_name_cannot_disturb_the_fields(void **state)
{
    (void)state;
    int64_t before = 0, after = 0;
    assert_true(proc_look(getpid(), &before, NULL));
    assert_int_equal(prctl(PR_SET_NAME, ") R 1 (x", 0, 0, 0), 0);
    assert_true(proc_look(getpid(), &after, NULL));
    assert_int_equal(before, after);
}

static void a_zombie_is_not_alive(void **state)
{
    (void)state;
    int64_t start = 0;
    char letter = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_true(proc_look(pid, &start, &letter));
    assert_int_equal(letter, 'Z');
    assert_false(proc_is_alive(pid, start));
    waitpid(pid, NULL, 0);
}

static void the_boot_has_an_id(void **state)
{
    (void)state;
    char a[PROC_BOOT_ID], b[PROC_BOOT_ID];
    assert_int_equal(strlen(proc_boot_id(a)), 36);
    assert_string_equal(a, proc_boot_id(b));
}

/* A child with a child of its own; tells the grandchild's pid. */
static pid_t start_family(pid_t *grandchild)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0) {
        pid_t below = fork();
        if (below == 0) {
            setsid();
            pause();
            _exit(0);
        }
        if (write(fds[1], &below, sizeof below) < 0)
            _exit(1);
        pause();
        _exit(0);
    }
    assert_int_equal(read(fds[0], grandchild, sizeof *grandchild),
                     sizeof *grandchild);
    close(fds[0]);
    close(fds[1]);
    return child;
}

static void descendants_are_found_across_sessions(void **state)
{
    (void)state;
    struct proc_list found = {0};
    pid_t grandchild = 0, child = start_family(&grandchild);
    proc_descendants(getpid(), &found);
    assert_int_equal(found.count, 2);
    assert_int_equal(found.pids[0], child);
    assert_int_equal(found.pids[1], grandchild);
    assert_true(proc_list_has(&found, grandchild));
    assert_false(proc_list_has(&found, getpid()));
    proc_list_free(&found);
    kill(grandchild, SIGKILL);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_is_known_by_pid_and_start),
        cmocka_unit_test(a_name_cannot_disturb_the_fields),
        cmocka_unit_test(a_zombie_is_not_alive),
        cmocka_unit_test(the_boot_has_an_id),
        cmocka_unit_test(descendants_are_found_across_sessions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

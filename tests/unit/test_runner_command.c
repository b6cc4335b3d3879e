/* Commands of checks: how they end, what is kept of what they print, who they
 * are, and that nothing of them is left behind or waited for. */
#include "lib/runner_rig.h"

/* Sends the order; the first argument is allowed. */
static void order(struct rig *r, const char *const *argv, size_t n,
                  int64_t timeout_ns)
{
    struct buf b = {0};
    struct msg_command m = {.order = 7,
                            .deadline_ns = clock_mono_ns() + timeout_ns,
                            .output_bytes = 4096,
                            .argv = {argv, n},
                            .environment = r->environment + 1,
                            .environment_count = 1};
    rig_allow(r, argv[0]);
    r->has_ended = false;
    msg_put_command(&b, &m);
    rig_send(r, MSG_COMMAND, &b);
}

static const struct msg_command_ended *finish(struct rig *r)
{
    rig_wait(r, &r->has_ended);
    assert_int_equal(r->ended.number, 7);
    return &r->ended;
}

static const struct msg_command_ended *run_text(struct rig *r, const char *text)
{
    const char *path = rig_script(r, "command", text);
    order(r, &path, 1, 20 * NS_PER_S);
    return finish(r);
}

static const struct msg_command_ended *run_shell(struct rig *r,
                                                 const char *text)
{
    const char *argv[] = {"/bin/sh", "-c", text};
    order(r, argv, 3, 20 * NS_PER_S);
    return finish(r);
}

static void the_exit_status_and_both_outputs_come(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    const struct msg_command_ended *m =
        run_shell(r, "echo \"$0 $#\"; echo oops >&2; exit 2");
    assert_int_equal(m->how, COMMAND_EXITED);
    assert_int_equal(m->status, 2);
    assert_string_equal(m->output.bytes, "/bin/sh 0\n");
    assert_string_equal(m->errors.bytes, "oops\n");
    assert_true(m->spent_ns > 0);
    rig_free(r);
}

static void a_signal_is_told(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    const struct msg_command_ended *m = run_shell(r, "kill -SEGV $$");
    assert_int_equal(m->how, COMMAND_SIGNALLED);
    assert_int_equal(m->status, SIGSEGV);
    rig_free(r);
}

static void arguments_are_no_shell_text(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    const char *argv[] = {"/usr/bin/printf", "%s|", "$HOME; `id`", "", "a b"};
    order(r, argv, 5, 20 * NS_PER_S);
    assert_string_equal(finish(r)->output.bytes, "$HOME; `id`||a b|");
    rig_free(r);
}

/* Nothing of the runner's own: no variable, descriptor or ignored signal. */
static void the_environment_is_clean(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    setenv("RELEVO_TEST_SECRET", "hush", 1);
    const struct msg_command_ended *m = run_shell(
        r, "env | sed 's/=.*//' | sort | tr '\\n' ' '; pwd; umask; "
           "ls -l /proc/self/fd | grep -c -e ' -> /' -e socket -e anon; "
           "grep -e SigIgn -e SigBlk -e NoNewPrivs /proc/self/status; "
           "cat; readlink /proc/self/fd/0");
    unsetenv("RELEVO_TEST_SECRET");
    assert_string_equal(m->output.bytes,
                        "HOME LANG LOGNAME PATH PWD RELEVO_RUN_ID USER /\n"
                        "0077\n2\n"
                        "SigBlk:\t0000000000000000\n"
                        "SigIgn:\t0000000000000000\n"
                        "NoNewPrivs:\t1\n/dev/null\n");
    rig_free(r);
}

static void what_cannot_be_started_says_why(void **state)
{
    (void)state;
    static const struct {
        const char *text; /* of the script; NULL: there is none */
        int mode, sys;
        const char *why;
    } rows[] = {
        {NULL, 0, ENOENT, "No such file"},
        {"#!/bin/sh\n", 0644, EACCES, "is not executable"},
        {"#!/bin/sh\n", 0775, EACCES, "is writable by its group"},
        {"no first line\n", 0755, ENOEXEC, "must name an interpreter"},
        {"#!/nonexistent/sh\n", 0755, ENOENT, "interpreter in its first line"},
    };
    struct rig *r = rig_new();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *path = arena_printf(r->arena, "%s/none", r->dir);
        if (rows[i].text != NULL)
            path = rig_script(r, "command", rows[i].text);
        if (rows[i].text != NULL)
            assert_int_equal(chmod(path, (mode_t)rows[i].mode), 0);
        order(r, &path, 1, 20 * NS_PER_S);
        const struct msg_command_ended *m = finish(r);
        assert_int_equal(m->how, COMMAND_NOT_STARTED);
        if (m->status != rows[i].sys || strstr(m->text, rows[i].why) == NULL)
            fail_msg("row %zu: %d, %s", i, m->status, m->text);
    }
    rig_free(r);
}

static void a_bare_name_is_looked_for(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    const char *argv[] = {"true"}, *none[] = {"no-such-program"};
    order(r, argv, 1, 20 * NS_PER_S);
    assert_int_equal(finish(r)->how, COMMAND_EXITED);
    order(r, none, 1, 20 * NS_PER_S);
    assert_int_equal(finish(r)->how, COMMAND_NOT_STARTED);
    assert_non_null(strstr(r->ended.text, "there is no no-such-program in /"));
    rig_free(r);
}

static void only_what_was_allowed_is_run(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    const char *argv[] = {"/bin/true"};
    struct buf b = {0};
    struct msg_command m = {.order = 7, .argv = {argv, 1}};
    msg_put_command(&b, &m);
    rig_send(r, MSG_COMMAND, &b);
    assert_int_equal(finish(r)->how, COMMAND_NOT_STARTED);
    assert_non_null(strstr(r->ended.text, "no program of the loaded"));
    rig_free(r);
}

static void nobody_else_is_become_without_rights(void **state)
{
    (void)state;
    if (geteuid() == 0)
        skip();
    struct rig *r = rig_new();
    const char *argv[] = {"true"};
    struct buf b = {0};
    struct msg_command m = {.order = 7,
                            .deadline_ns = clock_mono_ns() + NS_PER_S,
                            .user = "root",
                            .argv = {argv, 1}};
    rig_allow(r, argv[0]);
    msg_put_command(&b, &m);
    rig_send(r, MSG_COMMAND, &b);
    assert_int_equal(finish(r)->how, COMMAND_NOT_STARTED);
    assert_non_null(strstr(r->ended.text, "must be started as root"));
    rig_free(r);
}

static void another_user_is_become_wholly(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    struct rig *r = rig_new();
    const char *argv[] = {"/bin/sh", "-c",
                          "id -un; id -Gn; echo $HOME; echo x >/dev/stderr"};
    struct buf b = {0};
    struct msg_command m = {.order = 7,
                            .deadline_ns = clock_mono_ns() + 20 * NS_PER_S,
                            .output_bytes = 4096,
                            .user = "nobody",
                            .argv = {argv, 3}};
    rig_allow(r, argv[0]);
    msg_put_command(&b, &m);
    rig_send(r, MSG_COMMAND, &b);
    assert_string_equal(finish(r)->output.bytes,
                        "nobody\nnogroup\n/nonexistent\n");
    assert_string_equal(r->ended.errors.bytes, "x\n");
    rig_free(r);
}

/* ----------------------------------------------------------- its bounds --- */

static void output_is_cut_and_the_command_goes_on(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    const struct msg_command_ended *m =
        run_shell(r, "head -c 1000000 /dev/zero | tr '\\0' x; exit 1");
    assert_int_equal(m->how, COMMAND_EXITED);
    assert_int_equal(m->status, 1);
    assert_int_equal(m->output.len, 4096);
    assert_int_equal(m->output.dropped, 1000000 - 4096);
    rig_free(r);
}

static void who_prints_without_end_is_killed(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    const struct msg_command_ended *m = run_shell(r, "yes & exec yes");
    assert_int_equal(m->how, COMMAND_FLOODED);
    assert_int_equal(m->output.len, 4096);
    for (int i = 0; i < 2000 && rig_survivors(r) > 0; i++)
        usleep(10000);
    assert_int_equal(rig_survivors(r), 0);
    rig_free(r);
}

/* What it started in its group, and what has left that. */
static void at_the_deadline_all_of_it_is_killed(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    const char *argv[] = {"/bin/sh", "-c",
                          ("echo begun; sleep 100 & setsid sleep 100 & "
                           "(trap '' TERM; sleep 100); exit 0")};
    order(r, argv, 3, 300 * NS_PER_MS);
    const struct msg_command_ended *m = finish(r);
    assert_int_equal(m->how, COMMAND_TIMED_OUT);
    assert_string_equal(m->output.bytes, "begun\n");
    for (int i = 0; i < 2000 && rig_survivors(r) > 0; i++)
        usleep(10000);
    assert_int_equal(rig_survivors(r), 0);
    rig_free(r);
}

/* It has the pipes, and its own session; and it ends with the command. */
static void a_daemon_that_holds_the_pipes_is_not_waited_for(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    const struct msg_command_ended *m =
        run_shell(r, "(setsid sleep 100 &) ; sleep 0.1; echo done");
    assert_int_equal(m->how, COMMAND_EXITED);
    assert_string_equal(m->output.bytes, "done\n");
    assert_true(m->spent_ns < 20 * NS_PER_S);
    for (int i = 0; i < 2000 && rig_survivors(r) > 0; i++)
        usleep(10000);
    assert_int_equal(rig_survivors(r), 0);
    rig_free(r);
}

/* A run that goes on is none of what a command leaves behind. */
static void commands_leave_runs_alone(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    const char *path = rig_script(r, "script", RIG_WAITS);
    struct buf b = {0};
    const char *both[] = {path, "/bin/sh"};
    struct msg_allow all = {{both, 2}, {both, 2}};
    rig_allow(r, path);
    rig_start(r);
    rig_wait_file(r, "up");
    msg_put_allow(&b, &all);
    rig_send(r, MSG_ALLOW, &b);
    run_shell(r, "(setsid sleep 100 &) ; exit 3");
    assert_int_equal(r->ended.status, 3);
    rig_go(r);
    rig_finish(r);
    assert_int_equal(r->outcome.exit, 0);
    rig_free(r);
}

static void what_nobody_waits_for_is_killed(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    const char *argv[] = {"/bin/sh", "-c", "sleep 100 & sleep 100"};
    struct buf b = {0};
    order(r, argv, 3, 100 * NS_PER_S);
    for (int i = 0; i < 2000 && rig_survivors(r) < 3; i++)
        usleep(10000);
    assert_int_equal(rig_survivors(r), 3);
    msg_put_stop_command(&b, 7);
    rig_send(r, MSG_STOP_COMMAND, &b);
    for (int i = 0; i < 2000 && rig_survivors(r) > 0; i++)
        usleep(10000);
    assert_int_equal(rig_survivors(r), 0);
    assert_false(r->has_ended);
    assert_string_equal(run_text(r, "#!/bin/sh\necho next\n")->output.bytes,
                        "next\n");
    rig_free(r);
}

static void many_run_at_once(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    const char *argv[] = {"/bin/sh", "-c", "sleep 0.2; exit 4"};
    for (int i = 0; i < 20; i++)
        order(r, argv, 3, 20 * NS_PER_S);
    while (r->ended_count < 20) {
        r->has_ended = false;
        assert_int_equal(finish(r)->status, 4);
    }
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_exit_status_and_both_outputs_come),
        cmocka_unit_test(a_signal_is_told),
        cmocka_unit_test(arguments_are_no_shell_text),
        cmocka_unit_test(the_environment_is_clean),
        cmocka_unit_test(what_cannot_be_started_says_why),
        cmocka_unit_test(a_bare_name_is_looked_for),
        cmocka_unit_test(only_what_was_allowed_is_run),
        cmocka_unit_test(nobody_else_is_become_without_rights),
        cmocka_unit_test(another_user_is_become_wholly),
        cmocka_unit_test(output_is_cut_and_the_command_goes_on),
        cmocka_unit_test(who_prints_without_end_is_killed),
        cmocka_unit_test(at_the_deadline_all_of_it_is_killed),
        cmocka_unit_test(a_daemon_that_holds_the_pipes_is_not_waited_for),
        cmocka_unit_test(commands_leave_runs_alone),
        cmocka_unit_test(what_nobody_waits_for_is_killed),
        cmocka_unit_test(many_run_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

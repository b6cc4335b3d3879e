/* What the script finds when it starts, and that nothing of it is left when
 * the run is over. */
#include "lib/runner_rig.h"

#include <pwd.h>

/* ------------------------------------------------------- what it finds --- */

static void only_descriptors_0_to_3_are_open(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    /* ls itself opens the folder, as the next free number */
    rig_run_text(r, "#!/bin/sh\nexec ls /proc/self/fd\n");
    assert_string_equal(r->outcome.output, "0\n1\n2\n3\n4\n");
    rig_free(r);
}

static void the_environment_is_exactly_what_was_given(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    char expected[1024];
    struct msg_pair secret = {"url-x", "s3cret-value"};
    r->run.secrets = &secret;
    r->run.secret_count = 1;
    setenv("RELEVO_LEAKED", "1", 1);
    r->run.script = "/usr/bin/env";
    rig_run(r);
    snprintf(expected, sizeof expected,
             "PATH=/usr/bin:/bin\nRELEVO_RUN_ID=%s\nRELEVO_RUN_DIR=%s\n"
             "RELEVO_SECRET_URL_X=%s/secrets/url-x\n",
             r->id, r->run_dir, r->run_dir);
    assert_string_equal(r->outcome.output, expected);
    unsetenv("RELEVO_LEAKED");
    rig_free(r);
}

static void signals_mask_and_limits_are_plain(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_run_text(r, "#!/bin/sh\n"
                    "exec grep -E '^(Sig(Blk|Ign)|NoNewPrivs)' "
                    "/proc/self/status\n");
    assert_string_equal(r->outcome.output, "SigBlk:\t0000000000000000\n"
                                           "SigIgn:\t0000000000000000\n"
                                           "NoNewPrivs:\t1\n");
    rig_free(r);

    r = rig_new();
    rig_run_text(r, "#!/bin/sh\numask; ulimit -c; nice\n"
                    "read -r pid _ _ _ pgid sid _ </proc/$$/stat\n"
                    "[ $pid = $pgid ] && [ $pid = $sid ] && echo leader\n");
    char expected[64];
    snprintf(expected, sizeof expected, "0077\n0\n%d\nleader\n", 5 + nice(0));
    assert_string_equal(r->outcome.output, expected);
    rig_free(r);
}

static void the_input_is_whole_and_sealed(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    size_t n = 300 * 1000; /* more than a pipe takes, and than a packet */
    char *input = malloc(n);
    memset(input, 'i', n);
    r->run.input = input;
    r->run.input_len = n;
    rig_run_text(r, "#!/bin/sh\nwc -c\n(echo x >>/dev/stdin) 2>/dev/null ||"
                    " echo sealed\n");
    assert_string_equal(r->outcome.output, "300000\nsealed\n");
    free(input);
    rig_free(r);
}

static void secrets_are_files_and_go_away(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct msg_pair secrets[] = {{"url", "abcd-1234"}, {"key", "efgh-5678"}};
    char path[RIG_PATH + 32];
    r->run.secrets = secrets;
    r->run.secret_count = 2;
    rig_run_text(r,
                 "#!/bin/sh\n"
                 "stat -c '%a %s' \"$RELEVO_SECRET_URL\"\n"
                 "stat -c '%a' secrets .\n"
                 "[ \"$(cat $RELEVO_SECRET_KEY)\" = efgh-5678 ] && echo ok\n");
    assert_string_equal(r->outcome.output, "400 9\n700\n700\nok\n");
    snprintf(path, sizeof path, "%s/secrets", r->run_dir);
    assert_int_equal(access(path, F_OK), -1);
    rig_free(r);
}

static void a_secret_cannot_name_another_file(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct msg_pair secret = {"../escape", "abcd-1234"};
    r->run.secrets = &secret;
    r->run.secret_count = 1;
    rig_run_text(r, "#!/bin/sh\necho ran\n");
    assert_int_equal(r->outcome.exit, -1);
    assert_non_null(strstr(r->outcome.error, "cannot name a secret"));
    assert_string_equal(r->outcome.output, "");
    rig_free(r);
}

static void a_run_as_another_user(void **state)
{
    (void)state;
    const struct passwd *nobody = getpwnam("nobody");
    if (geteuid() != 0 || nobody == NULL) {
        print_message("skipped: needs root\n");
        skip();
    }
    struct rig *r = rig_new();
    struct msg_pair secret = {"key", "efgh-5678"};
    struct stat st;
    r->run.user = "nobody";
    r->run.secrets = &secret;
    r->run.secret_count = 1;
    assert_int_equal(chmod(r->dir, 0755), 0);
    rig_run_text(r, "#!/bin/sh\nid -un\nwc -c <secrets/key\ntouch mine\n"
                    "echo x >/dev/stderr\n"
                    "ln -s /etc/passwd outcome.json\n");
    assert_string_equal(r->outcome.error, "");
    assert_string_equal(r->outcome.output,
                        "nobody\n9\n--- standard error ---\nx\n");
    assert_int_equal(r->outcome.exit, 0);
    assert_int_equal(stat(r->run_dir, &st), 0);
    assert_int_equal(st.st_uid, 0); /* taken back */
    assert_int_equal(st.st_mode & 07777, 0700);
    rig_free(r);
}

/* Main is not root, the runner is: main must find the keeper's file while the
 * run is going on and own the outcome afterwards. */
static void main_gets_what_a_root_runner_leaves(void **state)
{
    (void)state;
    char runs[RIG_PATH + 8], file[RIG_PATH + 32];
    struct stat st;
    if (geteuid() != 0) {
        print_message("skipped: needs root\n");
        skip();
    }
    struct rig *r = rig_new();
    snprintf(runs, sizeof runs, "%s/runs", r->dir);
    snprintf(file, sizeof file, "%s/%s", r->run_dir, OUTCOME_FILE);
    assert_int_equal(mkdir(runs, 0711), 0);
    assert_int_equal(chown(runs, 65534, 65534), 0);
    rig_run_text(r, "#!/bin/sh\nstat -c '%u %g %a' .\n"
                    "stat -c '%u %g %a' keeper.json\n");
    assert_string_equal(r->outcome.output, "0 65534 750\n65534 65534 600\n");
    assert_int_equal(stat(r->run_dir, &st), 0);
    assert_int_equal(st.st_uid, 65534);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_uid, 65534);
    rig_free(r);
}

static void an_unknown_user_is_an_error(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    r->run.user = "no-such-user";
    rig_run_text(r, "#!/bin/sh\necho ran\n");
    assert_int_equal(r->outcome.exit, -1);
    assert_non_null(strstr(r->outcome.error, "\"no-such-user\""));
    rig_free(r);
}

/* ----------------------------------------------------- nothing is left --- */

static void a_timeout_ends_the_script(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    r->run.timeout_ns = 400 * NS_PER_MS;
    rig_run_text(r, "#!/bin/sh\necho begun\nsleep 30\n");
    assert_true(r->outcome.timed_out);
    assert_int_equal(r->outcome.signal, SIGTERM);
    assert_string_equal(r->outcome.output, "begun\n");
    assert_int_equal(r->outcome.left_behind, 0);
    assert_int_equal(rig_survivors(r), 0);
    rig_free(r);
}

static void a_script_may_clean_up_when_told_to_end(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    r->run.timeout_ns = 400 * NS_PER_MS;
    r->run.grace_ns = 5 * NS_PER_S;
    rig_run_text(r, "#!/bin/sh\ntrap 'echo cleaned; exit 30' TERM\n"
                    "while :; do sleep 0.05; done 2>/dev/null\n");
    assert_true(r->outcome.timed_out);
    assert_int_equal(r->outcome.exit, 30);
    assert_int_equal(strncmp(r->outcome.output, "cleaned\n", 8), 0);
    rig_free(r);
}

static void sigterm_ignored_is_killed(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    r->run.timeout_ns = 400 * NS_PER_MS;
    rig_run_text(r, "#!/bin/sh\ntrap '' TERM\n"
                    "setsid sh -c 'trap \"\" TERM; sleep 30; sleep 30' &\n"
                    "(setsid sh -c 'setsid sleep 30 & sleep 30' &)\n"
                    "sleep 30; sleep 30\n");
    assert_true(r->outcome.timed_out);
    assert_int_equal(r->outcome.signal, SIGKILL);
    assert_int_equal(r->outcome.left_behind, 0);
    assert_int_equal(rig_survivors(r), 0);
    rig_free(r);
}

static void daemons_left_behind_are_ended_and_counted(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    int64_t begin_ns = clock_mono_ns();
    /* one holds the pipes open, one forked twice and left the session */
    rig_run_text(r, "#!/bin/sh\nsleep 30 &\n"
                    "(setsid sleep 30 >/dev/null 2>&1 3>&- &)\n"
                    "sleep 0.1\nexit 3\n");
    assert_int_equal(r->outcome.exit, 3);
    assert_false(r->outcome.timed_out);
    assert_int_equal(r->outcome.survivors_killed, 2);
    assert_int_equal(rig_survivors(r), 0);
    assert_true(clock_mono_ns() - begin_ns < 10 * NS_PER_S);
    rig_free(r);
}

static void a_stopped_script_is_ended(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    r->run.timeout_ns = 400 * NS_PER_MS;
    rig_run_text(r, "#!/bin/sh\nkill -STOP $$\nsleep 30\n");
    assert_true(r->outcome.timed_out);
    assert_int_equal(r->outcome.signal, SIGTERM);
    rig_free(r);
}

static void ones_that_multiply_are_ended(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    r->run.timeout_ns = 300 * NS_PER_MS;
    rig_script(r, "script",
               "#!/bin/sh\ntrap '' TERM\nsleep 0.02\n"
               "setsid \"$0\" >/dev/null 2>&1 &\nsleep 30\n");
    rig_run(r);
    assert_true(r->outcome.timed_out);
    assert_int_equal(r->outcome.left_behind, 0);
    assert_int_equal(rig_survivors(r), 0);
    rig_free(r);
}

/* Neither its session, nor its parent, nor its environment say whose it is. */
static void who_hides_is_found(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    char mark[64];
    snprintf(mark, sizeof mark, "30.%d", (int)getpid());
    char *text = arena_printf(
        r->arena,
        "#!/bin/sh\n(env -i setsid sh -c '(trap \"\" TERM; sleep %s; sleep %s)"
        " >/dev/null 2>&1 3>&- &' &)\nsleep 0.2\n",
        mark, mark);
    rig_run_text(r, text);
    assert_int_equal(r->outcome.exit, 0);
    assert_true(r->outcome.survivors_killed >= 2);
    char *look =
        arena_printf(r->arena, "! pgrep -f '[s]leep %s' >/dev/null", mark);
    assert_int_equal(system(look), 0);
    rig_free(r);
}

/* As root no limit on processes counts. */
static void fork_without_end(const char *user)
{
    struct rig *r = rig_new();
    int64_t begin_ns = clock_mono_ns();
    r->run.user = user;
    assert_int_equal(chmod(r->dir, 0755), 0);
    rig_run_text(r, "#!/bin/sh\ntrap '' TERM\n"
                    "bomb() { bomb & bomb & wait; }\nbomb\n");
    assert_int_equal(r->outcome.left_behind, 0);
    assert_int_equal(rig_survivors(r), 0);
    assert_true(clock_mono_ns() - begin_ns < 60 * NS_PER_S);
    /* Its user's limit on processes may have ended it before we counted. */
    bool crowded =
        strstr(r->outcome.findings, "runbook.too_many_processes") != NULL;
    if (!crowded && !r->outcome.timed_out)
        assert_non_null(strstr(r->outcome.output, "Cannot fork"));
    rig_free(r);
}

static void a_fork_bomb_is_ended(void **state)
{
    (void)state;
    fork_without_end(NULL);
    if (geteuid() == 0 && getpwnam("nobody") != NULL)
        fork_without_end("nobody");
}

/* The runner sees to it that its keepers go on. */
static void a_script_cannot_stop_its_keeper(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    r->run.timeout_ns = 500 * NS_PER_MS;
    rig_run_text(r, "#!/bin/sh\necho begun\n"
                    "while :; do kill -STOP $PPID; done\n");
    assert_true(r->outcome.timed_out);
    assert_int_equal(r->outcome.left_behind, 0);
    assert_string_equal(r->outcome.output, "begun\n");
    rig_free(r);
}

/* -------------------------------------------------- the outcome is kept --- */

static void the_outcome_survives(const char *text)
{
    struct rig *r = rig_new();
    struct msg_pair secret = {"key", "efgh-5678"};
    struct stat st;
    r->run.secrets = &secret;
    r->run.secret_count = 1;
    rig_run_text(r, text);
    assert_string_equal(r->outcome.error, "");
    assert_string_equal(r->outcome.output, "said\n");
    assert_int_equal(r->outcome.exit, 3);
    assert_int_equal(lstat(r->run_dir, &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(st.st_mode & 07777, 0700);
    char *look = arena_printf(r->arena, "! grep -rq efgh-5678 %s", r->dir);
    assert_int_equal(system(look), 0);
    rig_free(r);
}

static void a_folder_that_is_removed(void **state)
{
    (void)state;
    the_outcome_survives("#!/bin/sh\nrm -rf \"$RELEVO_RUN_DIR\"\n"
                         "echo said\nexit 3\n");
}

static void a_folder_that_becomes_a_link(void **state)
{
    (void)state;
    the_outcome_survives(
        "#!/bin/sh\nmkdir ../../elsewhere\nmv \"$RELEVO_RUN_DIR\" ../../mine\n"
        "ln -s ../elsewhere \"$RELEVO_RUN_DIR\"\n"
        "[ -d \"$RELEVO_RUN_DIR\" ] && echo said\nexit 3\n");
}

static void a_folder_in_place_of_another(void **state)
{
    (void)state;
    the_outcome_survives(
        "#!/bin/sh\nmv \"$RELEVO_RUN_DIR\" ../../mine\n"
        "mkdir -m 777 \"$RELEVO_RUN_DIR\"\n"
        "echo '{}' >\"$RELEVO_RUN_DIR/outcome.json\"\necho said\nexit 3\n");
}

static void an_outcome_of_the_scripts_own(void **state)
{
    (void)state;
    the_outcome_survives("#!/bin/sh\nmkdir -p outcome.json.d\n"
                         "ln -s /etc/passwd .outcome.json.$PPID\n"
                         "echo '{\"exit\":0}' >outcome.json\n"
                         "chmod 0 .\necho said\nexit 3\n");
}

static void a_run_is_stopped_on_request(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_script(r, "script", "#!/bin/sh\necho up\n: >up\nsleep 30\n");
    rig_allow(r, r->run.script);
    rig_start(r);
    rig_wait(r, &r->has_started);
    rig_wait_file(r, "up");
    rig_stop(r);
    rig_finish(r);
    assert_true(r->outcome.stopped);
    assert_false(r->outcome.timed_out);
    assert_int_equal(r->outcome.signal, SIGTERM);
    assert_string_equal(r->outcome.output, "up\n");
    rig_free(r);
}

static void a_stop_right_after_the_start_counts(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_script(r, "script", "#!/bin/sh\nsleep 30\n");
    rig_allow(r, r->run.script);
    rig_start(r);
    rig_stop(r);
    rig_finish(r);
    assert_true(r->outcome.stopped);
    rig_free(r);
}

static void a_terminal_cannot_end_the_keeper(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_script(r, "script", RIG_WAITS "echo done\n");
    rig_allow(r, r->run.script);
    rig_start(r);
    rig_wait(r, &r->has_started);
    rig_wait_file(r, "up");
    assert_int_equal(getsid(r->started.pid), r->started.pid);
    kill(r->started.pid, SIGINT);
    kill(r->started.pid, SIGHUP);
    kill(r->runner, SIGINT);
    rig_go(r);
    rig_finish(r);
    assert_string_equal(r->outcome.output, "done\n");
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_descriptors_0_to_3_are_open),
        cmocka_unit_test(the_environment_is_exactly_what_was_given),
        cmocka_unit_test(signals_mask_and_limits_are_plain),
        cmocka_unit_test(the_input_is_whole_and_sealed),
        cmocka_unit_test(secrets_are_files_and_go_away),
        cmocka_unit_test(a_secret_cannot_name_another_file),
        cmocka_unit_test(a_run_as_another_user),
        cmocka_unit_test(main_gets_what_a_root_runner_leaves),
        cmocka_unit_test(an_unknown_user_is_an_error),
        cmocka_unit_test(a_timeout_ends_the_script),
        cmocka_unit_test(a_script_may_clean_up_when_told_to_end),
        cmocka_unit_test(sigterm_ignored_is_killed),
        cmocka_unit_test(daemons_left_behind_are_ended_and_counted),
        cmocka_unit_test(a_stopped_script_is_ended),
        cmocka_unit_test(ones_that_multiply_are_ended),
        cmocka_unit_test(who_hides_is_found),
        cmocka_unit_test(a_fork_bomb_is_ended),
        cmocka_unit_test(a_script_cannot_stop_its_keeper),
        cmocka_unit_test(a_folder_that_is_removed),
        cmocka_unit_test(a_folder_that_becomes_a_link),
        cmocka_unit_test(a_folder_in_place_of_another),
        cmocka_unit_test(an_outcome_of_the_scripts_own),
        cmocka_unit_test(a_run_is_stopped_on_request),
        cmocka_unit_test(a_stop_right_after_the_start_counts),
        cmocka_unit_test(a_terminal_cannot_end_the_keeper),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What a run comes to: statuses, findings, outputs, refusals, and that runner
 * and main may die. */
#include "lib/runner_rig.h"

static void exit_codes_are_kept(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    const struct run_outcome *o = rig_run_text(r, "#!/bin/sh\nexit 21\n");
    assert_int_equal(o->exit, 21);
    assert_int_equal(o->signal, 0);
    assert_string_equal(o->error, "");
    assert_int_equal(strlen(o->sha256), 64);
    assert_true(o->started_us > 0 && o->ended_us >= o->started_us);
    assert_int_equal(o->survivors_killed, 0);
    assert_true(r->has_started);
    assert_int_equal(r->started.run, 1);
    assert_true(r->started.pid_start > 0);
    rig_free(r);
}

static void a_signal_is_told_from_an_exit(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    const struct run_outcome *o = rig_run_text(r, "#!/bin/sh\nkill -9 $$\n");
    assert_int_equal(o->signal, SIGKILL);
    assert_int_equal(o->exit, 128 + SIGKILL);
    assert_false(o->timed_out);
    rig_free(r);
}

static void outputs_and_input_pass(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    r->run.input = "{\"n\":1}";
    r->run.input_len = 7;
    const struct run_outcome *o =
        rig_run_text(r, "#!/bin/sh\ncat\necho oops >&2\npwd\n");
    char expected[512];
    snprintf(expected, sizeof expected,
             "{\"n\":1}%s\n--- standard error ---\noops\n", r->run_dir);
    assert_string_equal(o->output, expected);
    rig_free(r);
}

static void findings_are_lines_of_descriptor_3(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    const struct run_outcome *o = rig_run_text(
        r, "#!/bin/sh\n"
           "echo '{\"t\":\"finding\",\"sev\":\"warn\",\"title\":\"lag\"}' >&3\n"
           "echo 'no json' >&3\n"
           "printf '{\"t\":\"finding\",\"sev\":\"crit\",\"title\":\"disk\"}'"
           " >&3\n");
    assert_non_null(strstr(o->findings, "\"title\":\"lag\""));
    assert_non_null(strstr(o->findings, "runbook.malformed"));
    assert_non_null(strstr(o->findings, "no json"));
    assert_non_null(strstr(o->findings, "\"title\":\"disk\""));
    rig_free(r);
}

static void huge_output_is_cut_and_drained(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    r->run.output_bytes = 4096;
    int64_t begin_ns = clock_mono_ns();
    const struct run_outcome *o =
        rig_run_text(r, "#!/bin/sh\necho first\n"
                        "head -c 20000000 /dev/zero | tr '\\0' x\n"
                        "echo; echo last\n");
    int64_t took_ns = clock_mono_ns() - begin_ns;
    assert_int_equal(o->exit, 0);
    assert_int_equal(o->stdout_dropped, 20000000 + 6 + 6 - 4096);
    assert_int_equal(strncmp(o->output, "first\nxxx", 9), 0);
    assert_non_null(strstr(o->output, "bytes dropped]"));
    assert_non_null(strstr(o->output, "x\nlast\n"));
    assert_true(took_ns < 10 * NS_PER_S);
    rig_free(r);
}

static void any_bytes_become_valid_json(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    const struct run_outcome *o =
        rig_run_text(r, "#!/bin/sh\nprintf 'a\\000b\\033[31m\\377\\n'\n");
    assert_string_equal(o->output, "a\xef\xbf\xbd"
                                   "b\033[31m\xef\xbf\xbd\n");
    rig_free(r);
}

static void secrets_are_blotted_out_everywhere(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    const char *values[] = {"correct-horse"};
    struct msg_pair secret = {"url", "battery-staple"};
    r->run.redact = (struct rlv_list){values, 1};
    r->run.secrets = &secret;
    r->run.secret_count = 1;
    const struct run_outcome *o = rig_run_text(
        r, "#!/bin/sh\n"
           "printf 'correct-'; sleep 0.05; printf 'horse\\n'\n"
           "cat \"$RELEVO_SECRET_URL\" >&2\n"
           "echo '{\"t\":\"set\",\"key\":\"correct-\\u0068orse\"}' >&3\n"
           "echo 'battery-staple is no json' >&3\n");
    assert_string_equal(o->output,
                        "[secret]\n--- standard error ---\n[secret]");
    assert_null(strstr(o->findings, "horse"));
    assert_null(strstr(o->findings, "staple"));
    assert_non_null(strstr(o->findings, "\"key\":\"[secret]\""));
    assert_non_null(strstr(o->findings, "[secret] is no json"));
    rig_free(r);
}

/* ------------------------------------------------------------ refusals --- */

static void a_script_that_is_not_allowed_is_refused(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_allow(r, "/bin/true");
    rig_script(r, "other", "#!/bin/sh\n");
    rig_start(r);
    rig_wait(r, &r->has_exited);
    assert_false(r->exited.has_outcome);
    assert_non_null(strstr(r->exited.text, "not a script of the loaded"));
    assert_int_equal(access(r->run_dir, F_OK), -1);
    rig_free(r);
}

static void an_untrusted_folder_is_refused(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_script(r, "script", "#!/bin/sh\necho ran\n");
    assert_int_equal(chmod(r->dir, 0777), 0);
    const struct run_outcome *o = rig_run(r);
    assert_int_equal(chmod(r->dir, 0700), 0);
    assert_int_equal(o->exit, -1);
    assert_non_null(strstr(o->error, "is writable by others (mode 0777)"));
    assert_string_equal(o->output, "");
    rig_free(r);
}

static void what_cannot_be_executed_says_why(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    const struct run_outcome *o = rig_run_text(r, "echo no interpreter\n");
    assert_int_equal(o->exit, -1);
    assert_non_null(strstr(o->error, "#!/bin/sh"));
    rig_free(r);

    r = rig_new();
    o = rig_run_text(r, "#!/nonexistent/interpreter\n");
    assert_int_equal(o->exit, -1);
    assert_non_null(strstr(o->error, "interpreter in its first line"));
    rig_free(r);

    r = rig_new();
    r->run.script = "/nonexistent/script";
    o = rig_run(r);
    assert_int_equal(o->exit, -1);
    assert_non_null(strstr(o->error, "/nonexistent/script"));
    rig_free(r);
}

static void no_run_starts_twice(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_run_text(r, "#!/bin/sh\necho once\n");
    rig_start(r);
    rig_wait(r, &r->has_exited);
    assert_false(r->has_started);
    assert_non_null(strstr(r->exited.text, "started before"));
    rig_free(r);
}

static void nonsense_ends_the_channel(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct buf b = {0};
    struct err err = {0};
    int status = -1;
    buf_adds(&b, "nonsense");
    assert_true(chan_send(r->chan, MSG_RUN, 1, &b));
    assert_int_equal(chan_flush(r->chan, &err), CHAN_OPEN);
    assert_int_equal(waitpid(r->runner, &status, 0), r->runner);
    assert_int_equal(status, 0);
    r->runner = 0;
    buf_free(&b);
    rig_free(r);
}

/* -------------------------------------------------------------- deaths --- */

static void wait_for_outcome(struct rig *r)
{
    rig_wait_file(r, OUTCOME_FILE);
    r->exited = (struct msg_run_exited){.run = 1, .has_outcome = true};
    rig_read_outcome(r);
}

static void a_keeper_outlives_its_runner(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    int status;
    rig_script(r, "script", RIG_WAITS "echo done\n");
    rig_allow(r, r->run.script);
    rig_start(r);
    rig_wait(r, &r->has_started);
    kill(r->runner, SIGKILL);
    assert_int_equal(waitpid(r->runner, &status, 0), r->runner);
    r->runner = 0;
    rig_wait_file(r, "up");
    rig_go(r);
    wait_for_outcome(r);
    assert_int_equal(r->outcome.exit, 0);
    assert_string_equal(r->outcome.output, "done\n");
    rig_free(r);
}

static void main_sees_the_death_of_a_busy_runner(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct err err;
    rig_script(r, "script", RIG_WAITS);
    rig_allow(r, r->run.script);
    rig_start(r);
    rig_wait(r, &r->has_started);
    rig_wait_file(r, "up");
    kill(r->runner, SIGKILL);
    struct pollfd p = {.fd = chan_fd(r->chan), .events = POLLIN};
    assert_int_equal(poll(&p, 1, 5000), 1); /* the keeper does not hold it */
    assert_int_equal(chan_receive(r->chan, rig_frame, r, &err), CHAN_CLOSED);
    waitpid(r->runner, NULL, 0);
    r->runner = 0;
    rig_go(r);
    wait_for_outcome(r);
    rig_free(r);
}

static void a_runner_without_main_waits_for_its_keepers(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    int status = -1;
    rig_script(r, "script", "#!/bin/sh\nsleep 0.3\n");
    rig_allow(r, r->run.script);
    rig_start(r);
    rig_wait(r, &r->has_started);
    chan_free(r->chan);
    r->chan = NULL;
    assert_int_equal(waitpid(r->runner, &status, 0), r->runner);
    assert_int_equal(status, 0);
    r->runner = 0;
    r->exited = (struct msg_run_exited){.run = 1, .has_outcome = true};
    rig_read_outcome(r);
    assert_int_equal(r->outcome.exit, 0);
    rig_free(r);
}

static void a_killed_keeper_is_reported(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_script(r, "script", "#!/bin/sh\nsetsid sleep 30 &\nsleep 30\n");
    rig_allow(r, r->run.script);
    rig_start(r);
    rig_wait(r, &r->has_started);
    for (int i = 0; i < 500 && rig_survivors(r) < 3; i++)
        usleep(10000); /* until the shell and both of its children are there */
    kill(r->started.pid, SIGKILL);
    rig_wait(r, &r->has_exited);
    assert_false(r->exited.has_outcome);
    assert_string_equal(r->exited.text, "its keeper was killed by signal 9");
    for (int i = 0; i < 500 && rig_survivors(r) > 0; i++)
        usleep(10000);
    assert_int_equal(rig_survivors(r), 0); /* nothing runs unwatched */
    rig_free(r);
}

static void the_keeper_can_be_found_by_its_file(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct buf b = {0};
    struct err err = {0};
    char path[RIG_PATH + 32], expected[160], boot_id[PROC_BOOT_ID];
    rig_run_text(r, "#!/bin/sh\ntest -s keeper.json\n");
    assert_int_equal(r->outcome.exit, 0); /* there before the script began */
    snprintf(path, sizeof path, "%s/%s", r->run_dir, KEEPER_FILE);
    if (!fs_read(path, 4096, &b, &err))
        fail_msg("%s", err.text);
    snprintf(expected, sizeof expected,
             "{\"run\":1,\"pid\":%d,\"pid_start\":%lld,\"boot_id\":\"%s\"}",
             (int)r->started.pid, (long long)r->started.pid_start,
             proc_boot_id(boot_id));
    assert_string_equal(b.data, expected);
    buf_free(&b);
    rig_free(r);
}

/* Promised: 5 ms on an idle machine. Here only a hang detector. */
static void the_script_begins_at_once(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_script(r, "script", "#!/bin/sh\ndate +%s%N\n");
    rig_allow(r, r->run.script);
    int64_t begin_us = clock_wall_us();
    rig_start(r);
    rig_finish(r);
    int64_t began_us = strtoll(r->outcome.output, NULL, 10) / 1000;
    print_message("first instruction after %lld us\n",
                  (long long)(began_us - begin_us));
    assert_true(began_us - begin_us < 5 * US_PER_S);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_codes_are_kept),
        cmocka_unit_test(a_signal_is_told_from_an_exit),
        cmocka_unit_test(outputs_and_input_pass),
        cmocka_unit_test(findings_are_lines_of_descriptor_3),
        cmocka_unit_test(huge_output_is_cut_and_drained),
        cmocka_unit_test(any_bytes_become_valid_json),
        cmocka_unit_test(secrets_are_blotted_out_everywhere),
        cmocka_unit_test(a_script_that_is_not_allowed_is_refused),
        cmocka_unit_test(an_untrusted_folder_is_refused),
        cmocka_unit_test(what_cannot_be_executed_says_why),
        cmocka_unit_test(no_run_starts_twice),
        cmocka_unit_test(nonsense_ends_the_channel),
        cmocka_unit_test(a_keeper_outlives_its_runner),
        cmocka_unit_test(main_sees_the_death_of_a_busy_runner),
        cmocka_unit_test(a_runner_without_main_waits_for_its_keepers),
        cmocka_unit_test(a_killed_keeper_is_reported),
        cmocka_unit_test(the_keeper_can_be_found_by_its_file),
        cmocka_unit_test(the_script_begins_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* lib/runner_rig.h: a runner in a forked process, a private folder, scripts
 * written by the test. For the unit tests of core/runner. */
#ifndef RELEVO_TESTS_RUNNER_RIG_H
#define RELEVO_TESTS_RUNNER_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "model/outcome.h"
#include "runner/runner.h"
#include "wire/blackbox.h"
#include "wire/chan.h"
#include "wire/msg.h"

enum { RIG_PATH = 256 };

struct rig {
    char dir[RIG_PATH];
    char run_dir[RIG_PATH];
    char id[64]; /* RELEVO_RUN_ID, unique on this machine */
    pid_t runner;
    struct chan *chan;
    struct arena *arena;
    struct msg_run run; /* to be changed before rig_run */
    struct msg_pair environment[8];
    struct msg_run_started started;
    struct msg_run_exited exited;
    struct msg_command_ended ended; /* of the last command */
    unsigned ended_count;
    bool has_started, has_exited, has_ended, closed;
    struct run_outcome outcome;
};

UNUSED static void rig_become_runner(int fd)
{
    int null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    dup2(fd, ROLE_FD_CHAN);
    close_range(ROLE_FD_CHAN + 1, ~0u, 0);
    _exit(runner_main());
}

UNUSED static void rig_defaults(struct rig *r)
{
    static unsigned count;
    snprintf(r->id, sizeof r->id, "R-%d-%u-%lld", (int)getpid(), count++,
             (long long)clock_mono_ns());
    snprintf(r->run_dir, sizeof r->run_dir, "%.200s/runs/1", r->dir);
    r->environment[0] = (struct msg_pair){"PATH", "/usr/bin:/bin"};
    r->environment[1] = (struct msg_pair){"RELEVO_RUN_ID", r->id};
    r->run = (struct msg_run){.run = 1,
                              .dir = r->run_dir,
                              .script = "/nonexistent",
                              .timeout_ns = 20 * NS_PER_S,
                              .grace_ns = 200 * NS_PER_MS,
                              .output_bytes = 64 * 1024,
                              .input = "{}",
                              .input_len = 2,
                              .environment = r->environment,
                              .environment_count = 2};
}

UNUSED static struct rig *rig_new(void)
{
    struct rig *r = calloc(1, sizeof *r);
    struct err err;
    int fds[2];
    snprintf(r->dir, sizeof r->dir, "/tmp/relevo-runner-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    rig_defaults(r);
    assert_true(chan_pair(fds, &err));
    r->runner = fork();
    if (r->runner == 0)
        rig_become_runner(fds[1]);
    close(fds[1]);
    r->chan = chan_new(fds[0], 1 << 20);
    r->arena = arena_new();
    return r;
}

/* Writes an executable script; its path lives as long as the rig. */
UNUSED static const char *rig_script(struct rig *r, const char *name,
                                     const char *text)
{
    struct err err = {0};
    char *path = arena_printf(r->arena, "%s/%s", r->dir, name);
    if (!fs_replace(path, text, strlen(text), 0755, &err))
        fail_msg("%s", err.text);
    r->run.script = path;
    return path;
}

UNUSED static bool rig_frame(void *arg, const struct frame *f)
{
    struct rig *r = arg;
    struct msg_log line;
    switch (f->type) {
    case MSG_RUN_STARTED:
        r->has_started = true;
        return msg_get_run_started(f->payload, f->len, &r->started);
    case MSG_RUN_EXITED:
        r->has_exited = true;
        return msg_get_run_exited(f->payload, f->len, r->arena, &r->exited);
    case MSG_COMMAND_ENDED:
        r->has_ended = true;
        r->ended_count++;
        return msg_get_command_ended(f->payload, f->len, r->arena, &r->ended);
    case MSG_LOG: return msg_get_log(f->payload, f->len, r->arena, &line);
    default: return false;
    }
}

UNUSED static void rig_send(struct rig *r, unsigned type, struct buf *b)
{
    struct err err = {0};
    assert_true(chan_send(r->chan, (uint16_t)type, 1, b));
    if (chan_flush(r->chan, &err) != CHAN_OPEN)
        fail_msg("%s", err.text);
    buf_free(b);
}

UNUSED static void rig_allow(struct rig *r, const char *path)
{
    struct buf b = {0};
    struct msg_allow m = {{&path, 1}, {&path, 1}};
    msg_put_allow(&b, &m);
    rig_send(r, MSG_ALLOW, &b);
}

UNUSED static void rig_start(struct rig *r)
{
    struct buf b = {0};
    r->has_started = r->has_exited = false;
    msg_put_run(&b, &r->run);
    rig_send(r, MSG_RUN, &b);
}

UNUSED static void rig_stop(struct rig *r)
{
    struct buf b = {0};
    msg_put_stop_run(&b, r->run.run);
    rig_send(r, MSG_STOP_RUN, &b);
}

/* Receives until *flag, at most 20 s. */
UNUSED static void rig_wait(struct rig *r, const bool *flag)
{
    int64_t until_ns = clock_mono_ns() + 20 * NS_PER_S;
    while (!*flag) {
        struct pollfd p = {.fd = chan_fd(r->chan), .events = POLLIN};
        struct err err = {0};
        if (clock_mono_ns() > until_ns)
            fail_msg("the runner said nothing for 20 s");
        poll(&p, 1, 100);
        enum chan_status s = chan_receive(r->chan, rig_frame, r, &err);
        if (s != CHAN_OPEN && !*flag)
            fail_msg("the channel ended: %s", err.text);
    }
}

UNUSED static void rig_read_outcome(struct rig *r)
{
    struct err err = {0};
    if (!r->exited.has_outcome)
        fail_msg("no outcome: %s", r->exited.text);
    if (!outcome_read(r->run.dir, &r->outcome, r->arena, &err))
        fail_msg("%s", err.text);
    assert_int_equal(r->outcome.run, r->run.run);
}

UNUSED static void rig_finish(struct rig *r)
{
    rig_wait(r, &r->has_exited);
    rig_read_outcome(r);
}

/* Allows the script of r->run, runs it, reads its outcome. */
UNUSED static const struct run_outcome *rig_run(struct rig *r)
{
    rig_allow(r, r->run.script);
    rig_start(r);
    rig_finish(r);
    return &r->outcome;
}

UNUSED static const struct run_outcome *rig_run_text(struct rig *r,
                                                     const char *text)
{
    rig_script(r, "script", text);
    return rig_run(r);
}

UNUSED static void rig_wait_file(struct rig *r, const char *name)
{
    char path[2 * RIG_PATH];
    snprintf(path, sizeof path, "%s/%s", r->run_dir, name);
    for (int i = 0; i < 2000 && access(path, F_OK) != 0; i++)
        usleep(10000);
    assert_int_equal(access(path, F_OK), 0);
}

/* A script that says so in a file and waits for rig_go. */
#define RIG_WAITS "#!/bin/sh\n: >up\nwhile [ ! -e go ]; do sleep 0.02; done\n"

UNUSED static void rig_go(struct rig *r)
{
    char path[2 * RIG_PATH];
    struct err err;
    snprintf(path, sizeof path, "%s/go", r->run_dir);
    assert_true(fs_replace(path, "", 0, 0644, &err));
}

static bool rig_has_id(const char *pid, const char *id)
{
    char path[300], text[65536];
    snprintf(path, sizeof path, "/proc/%s/environ", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);
    if (fd >= 0)
        close(fd);
    return n > 0 && memmem(text, (size_t)n, id, strlen(id)) != NULL;
}

/* Living processes that have the run's id in their environment. */
UNUSED static int rig_survivors(const struct rig *r)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    int found = 0;
    while ((entry = readdir(proc)) != NULL) {
        char state;
        pid_t pid = (pid_t)atoi(entry->d_name);
        if (pid > 0 && rig_has_id(entry->d_name, r->id) &&
            proc_look(pid, NULL, &state) && state != 'Z')
            found++;
    }
    closedir(proc);
    return found;
}

UNUSED static void rig_remove(const char *path)
{
    char command[RIG_PATH + 16];
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
}

/* Main goes away; the runner must follow with status 0. */
UNUSED static void rig_free(struct rig *r)
{
    int status = -1;
    chan_free(r->chan);
    if (r->runner > 0) {
        assert_int_equal(waitpid(r->runner, &status, 0), r->runner);
        assert_int_equal(status, 0);
    }
    assert_int_equal(rig_survivors(r), 0);
    rig_remove(r->dir);
    arena_free(r->arena);
    free(r);
}

#endif

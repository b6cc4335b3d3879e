/* cli/child.c: see child.h.
 *
 * Happy path: the command starts; what it prints is passed on and its end kept;
 * it ends; what is still in its pipes is passed on.
 * Ways it can fail: it cannot be started. It ends, and something that it has
 * started (a daemon) holds its outputs: nobody waits for that, and a process of
 * ours goes on passing them on, for a closed pipe would kill it. */
#include "cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/err.h"
#include "cli/cli.h"

enum { NOT_FOUND = 127, NOT_STARTED = 126, OUTPUTS = 2 };

static const int forwarded[] = {SIGINT,  SIGTERM, SIGHUP,
                                SIGQUIT, SIGUSR1, SIGUSR2};

struct running {
    pid_t pid;
    int pipes[OUTPUTS]; /* of its standard output and error; -1: at its end */
    int signals;        /* a signalfd */
    bool ended;
    int status;
    struct child_tail *tail;
};

/* ---------------------------------------------------------------- start --- */

/* Signals wait from here on: none is lost before the command is there. */
static int hold_signals(sigset_t *before)
{
    sigset_t held;
    signal(SIGCHLD, SIG_DFL);
    sigemptyset(&held);
    sigaddset(&held, SIGCHLD);
    for (size_t i = 0; i < ARRAY_LEN(forwarded); i++)
        sigaddset(&held, forwarded[i]);
    sigprocmask(SIG_BLOCK, &held, before);
    return signalfd(-1, &held, SFD_CLOEXEC);
}

/* 0, or the errno with which it could not be started. ends: what it gets as
 * its outputs; NULL: ours. */
static int start(const char *const *command, const sigset_t *mask,
                 const int *ends, pid_t *pid)
{
    extern char **environ;
    posix_spawnattr_t how;
    posix_spawn_file_actions_t files;
    posix_spawnattr_init(&how);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&how, mask);
    for (int i = 0; ends != NULL && i < OUTPUTS; i++)
        posix_spawn_file_actions_adddup2(&files, ends[i], STDOUT_FILENO + i);
    int failed = posix_spawnp(pid, command[0], &files, &how,
                              (char *const *)(uintptr_t)command, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&how);
    return failed;
}

static void open_pipes(struct running *r, int *ends)
{
    for (int i = 0; i < OUTPUTS; i++) {
        int both[2];
        must(pipe2(both, O_CLOEXEC) == 0);
        must(fcntl(both[0], F_SETFL, O_NONBLOCK) == 0);
        r->pipes[i] = both[0];
        ends[i] = both[1];
    }
}

/* -------------------------------------------------------------- outputs --- */

static void keep(struct child_tail *t, const char *bytes, size_t n)
{
    if (n > t->size) {
        bytes += n - t->size;
        n = t->size;
    }
    size_t stay = t->len < t->size - n ? t->len : t->size - n;
    memmove(t->bytes, t->bytes + t->len - stay, stay);
    memcpy(t->bytes + stay, bytes, n);
    t->len = stay + n;
}

/* Where nobody reads it any more, it is lost as it would have been. */
static void pass_on(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t written = write(fd, bytes, n);
        if (written < 0 && errno == EAGAIN) {
            struct pollfd room = {fd, POLLOUT, 0};
            poll(&room, 1, -1);
            continue;
        }
        if (written < 0 && errno != EINTR)
            return;
        bytes += written < 0 ? 0 : written;
        n -= written < 0 ? 0 : (size_t)written;
    }
}

/* What is there now. */
static void drain(struct running *r, int i)
{
    char bytes[16384];
    ssize_t n = -1;
    while (r->pipes[i] >= 0 &&
           ((n = read(r->pipes[i], bytes, sizeof bytes)) > 0 ||
            (n < 0 && errno == EINTR)))
        if (n > 0) {
            pass_on(STDOUT_FILENO + i, bytes, (size_t)n);
            keep(r->tail, bytes, (size_t)n);
        }
    if (r->pipes[i] < 0 || (n < 0 && errno == EAGAIN))
        return;
    close(r->pipes[i]);
    r->pipes[i] = -1;
}

/* -------------------------------------------------------------- waiting --- */

static void on_signal(struct running *r)
{
    struct signalfd_siginfo info;
    int ended = 0;
    if (read(r->signals, &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo != SIGCHLD && info.ssi_code != SI_KERNEL)
        kill(r->pid, (int)info.ssi_signo);
    if (waitpid(r->pid, &ended, WNOHANG) != r->pid)
        return;
    r->ended = true;
    r->status = WIFSIGNALED(ended) ? 128 + WTERMSIG(ended) : WEXITSTATUS(ended);
}

static void wait_for_end(struct running *r)
{
    while (!r->ended) {
        struct pollfd fds[OUTPUTS + 1] = {{r->signals, POLLIN, 0}};
        for (int i = 0; i < OUTPUTS; i++)
            fds[i + 1] = (struct pollfd){r->pipes[i], POLLIN, 0};
        if (poll(fds, OUTPUTS + 1, -1) < 0)
            continue;
        for (int i = 0; i < OUTPUTS; i++)
            if (fds[i + 1].revents != 0)
                drain(r, i);
        if (fds[0].revents != 0)
            on_signal(r);
    }
    for (int i = 0; i < OUTPUTS; i++)
        drain(r, i);
}

/* Somebody whom the command has started goes on. */
static void leave_outputs(struct running *r)
{
    bool held = r->pipes[0] >= 0 || r->pipes[1] >= 0;
    if (!held || fork() != 0)
        return;
    while (r->pipes[0] >= 0 || r->pipes[1] >= 0) {
        struct pollfd fds[OUTPUTS] = {{r->pipes[0], POLLIN, 0},
                                      {r->pipes[1], POLLIN, 0}};
        poll(fds, OUTPUTS, -1);
        for (int i = 0; i < OUTPUTS; i++)
            drain(r, i);
    }
    _exit(0);
}

int child_run(const char *const *command, struct child_tail *tail)
{
    struct running r = {.pipes = {-1, -1}, .tail = tail};
    int ends[OUTPUTS] = {-1, -1};
    sigset_t before;
    r.signals = hold_signals(&before);
    must(r.signals >= 0);
    if (tail != NULL) {
        signal(SIGPIPE, SIG_IGN);
        open_pipes(&r, ends);
    }
    int failed = start(command, &before, tail == NULL ? NULL : ends, &r.pid);
    for (int i = 0; tail != NULL && i < OUTPUTS; i++)
        close(ends[i]);
    if (failed == 0) {
        wait_for_end(&r);
        leave_outputs(&r);
    }
    for (int i = 0; i < OUTPUTS; i++)
        if (r.pipes[i] >= 0)
            close(r.pipes[i]);
    close(r.signals);
    if (failed == 0)
        return r.status;
    return cli_fail(failed == ENOENT ? NOT_FOUND : NOT_STARTED, "%s: %s",
                    command[0], strerror(failed));
}

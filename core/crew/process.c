/* crew/process.c: see process.h. Deaths are noticed through a pidfd, so nothing
 * here competes with others for SIGCHLD.
 *
 * Happy path: spawned with its end of a socket pair → what is queued in a turn
 * of the loop is flushed together → frames go to on_frame → its pidfd becomes
 * readable: what it sent last is read, it is reaped, on_death, freed.
 * Ways it can fail: it cannot be spawned: err, nothing is left. Its queue is
 * full, or a frame is nonsense: killed, and its death comes as any other. It
 * closes its channel and lives on: process_is_mute. It is no child of ours
 * (process_attach): the end of its channel is its death. */
#include "crew/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/spawn.h"
#include "crew/printed.h"

/* A dying process closes its channel a moment before it is dead. */
#define MUTE_NS (1 * NS_PER_S)

struct process {
    uv_loop_t *loop;
    struct process_options options;
    char label[32];
    pid_t pid; /* 0: no child of ours, see process_attach */
    int pidfd;
    int64_t born_ns, closed_ns; /* its end of the channel; 0: open */
    struct chan *chan;          /* NULL once closed */
    uv_poll_t chan_poll, pid_poll;
    int chan_events;      /* that chan_poll waits for; 0: not begun */
    uv_prepare_t flusher; /* active while something waits to be sent */
    int open_handles;
    struct blackbox *blackbox;
    struct printed *printed; /* NULL: it has main's standard error */
    char why[160];           /* we killed it: why */
    bool dead, was_shot;
    enum blame blame; /* when we killed it */
};

/* ------------------------------------------------------------- sending --- */

static void watch_channel(struct process *c);
static void report_lost(struct process *c);

static void flush(struct process *c)
{
    struct err err;
    if (c->chan == NULL)
        return;
    if (chan_flush(c->chan, &err) == CHAN_BROKEN)
        process_kill_for(c, BLAME_LAST, err.text);
    watch_channel(c);
}

/* Once per turn of the loop, so that what was queued in it travels together. */
static void on_prepare(uv_prepare_t *handle)
{
    struct process *c = handle->data;
    uv_prepare_stop(handle);
    if (c->pid == 0 && c->chan == NULL)
        report_lost(c);
    else
        flush(c);
}

void process_send(struct process *c, uint16_t type, uint32_t generation,
                  const struct buf *payload)
{
    if (c->chan == NULL || c->dead)
        return;
    if (!chan_send(c->chan, type, generation, payload)) {
        process_kill(c, "it does not read what is sent to it");
        return;
    }
    uv_prepare_start(&c->flusher, on_prepare);
}

/* ----------------------------------------------------------- receiving --- */

static void on_closed(uv_handle_t *handle)
{
    struct process *c = handle->data;
    if (--c->open_handles > 0)
        return;
    if (c->blackbox != NULL)
        munmap(c->blackbox, sizeof *c->blackbox);
    free(c);
}

/* The handle before the descriptor: closing a uv_poll_t takes the number that
 * it had out of epoll, whoever has it by then. */
static void close_channel(struct process *c)
{
    if (c->chan == NULL)
        return;
    uv_close((uv_handle_t *)&c->chan_poll, on_closed);
    uv_prepare_stop(&c->flusher);
    chan_free(c->chan);
    c->chan = NULL;
    if (c->pid == 0 && !c->dead) /* nothing else will tell */
        uv_prepare_start(&c->flusher, on_prepare);
}

static void receive(struct process *c)
{
    struct err err;
    enum chan_status status =
        chan_receive(c->chan, c->options.on_frame, c->options.arg, &err);
    if (status == CHAN_BROKEN)
        process_kill_for(c, BLAME_LAST, err.text);
    if (status != CHAN_OPEN) {
        close_channel(c); /* its death will be reported by the pidfd */
        c->closed_ns = clock_mono_ns();
    }
}

static void on_channel(uv_poll_t *handle, int status, int events)
{
    struct process *c = handle->data;
    if (status < 0 || (events & UV_READABLE))
        receive(c);
    if (c->chan != NULL && (events & UV_WRITABLE))
        flush(c);
}

static void watch_channel(struct process *c)
{
    if (c->chan == NULL)
        return;
    int events = UV_READABLE | UV_DISCONNECT;
    if (chan_wants_write(c->chan))
        events |= UV_WRITABLE;
    if (events == c->chan_events)
        return; /* as nearly always: a system call less */
    c->chan_events = events;
    uv_poll_start(&c->chan_poll, events, on_channel);
}

/* --------------------------------------------------------------- death --- */

static void describe_death(const struct process *c, int status, char *out,
                           size_t size)
{
    char how[96];
    if (WIFSIGNALED(status))
        snprintf(how, sizeof how, "killed by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(how, sizeof how, "exited with status %d", WEXITSTATUS(status));
    if (c->why[0] != '\0')
        snprintf(out, size, "ended by Relevo: %s", c->why);
    else
        snprintf(out, size, "%s", how);
}

static void free_process(struct process *c)
{
    close_channel(c);
    printed_end(c->printed);
    if (c->pid != 0) {
        uv_close((uv_handle_t *)&c->pid_poll, on_closed);
        close(c->pidfd);
    }
    uv_close((uv_handle_t *)&c->flusher, on_closed);
}

/* What it sent before it died is still in the socket: read that first. */
static void on_exit_seen(uv_poll_t *handle, int uv_status, int events)
{
    struct process *c = handle->data;
    int status = 0;
    (void)uv_status;
    (void)events;
    if (waitpid(c->pid, &status, WNOHANG) != c->pid)
        return;
    uv_poll_stop(handle);
    if (c->chan != NULL)
        receive(c);
    printed_end(c->printed);
    c->printed = NULL;
    c->dead = true;
    c->was_shot =
        WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && c->why[0] == '\0';
    char how[300];
    describe_death(c, status, how, sizeof how);
    c->options.on_death(c->options.arg, c, how);
    free_process(c);
}

/* Of one that is no child only the end of its channel is seen. */
static void report_lost(struct process *c)
{
    char how[300];
    c->dead = true;
    snprintf(how, sizeof how, "%s", c->why[0] != '\0' ? c->why : "it hung up");
    c->options.on_death(c->options.arg, c, how);
    free_process(c);
}

void process_kill_for(struct process *c, enum blame blame, const char *why)
{
    if (c->dead)
        return;
    if (c->why[0] == '\0') {
        snprintf(c->why, sizeof c->why, "%s", why);
        c->blame = blame;
    }
    if (c->pid == 0)
        chan_shut(c->chan); /* its end is read in the next turn */
    else
        kill(c->pid, SIGKILL);
}

void process_kill(struct process *c, const char *why)
{
    process_kill_for(c, BLAME_RUNNING, why);
}

void process_wake(struct process *c)
{
    siginfo_t info = {0};
    if (c->pid == 0 ||
        waitid(P_PID, (id_t)c->pid, &info, WSTOPPED | WNOHANG) != 0 ||
        info.si_pid == 0)
        return;
    log_warn("%s was stopped; it goes on", c->label);
    kill(c->pid, SIGCONT);
}

void process_release(struct process *c)
{
    if (c->chan != NULL)
        flush(c);
    if (c->pid != 0)
        uv_poll_stop(&c->pid_poll);
    c->dead = true;
    free_process(c);
}

void process_hang_up(struct process *c)
{
    flush(c);
    close_channel(c);
}

void process_destroy(struct process *c)
{
    if (c->pid != 0) {
        kill(c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
        uv_poll_stop(&c->pid_poll);
    }
    c->dead = true;
    free_process(c);
}

/* --------------------------------------------------------------- birth --- */

static int make_blackbox(struct process *c, struct err *err)
{
    int fd = memfd_create("relevo-blackbox", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, sizeof *c->blackbox) != 0) {
        err_set(err, ERR_IO, errno, "black-box page");
        if (fd >= 0)
            close(fd);
        return -1;
    }
    void *page = mmap(NULL, sizeof *c->blackbox, PROT_READ | PROT_WRITE,
                      MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) {
        err_set(err, ERR_IO, errno, "mapping the black-box page");
        close(fd);
        return -1;
    }
    c->blackbox = page;
    return fd;
}

/* Starts the process with its end of the channel; true: c->pid lives. */
static bool spawn(struct process *c, int theirs, struct err *err)
{
    struct spawn_fd fds[3 + PROCESS_FDS] = {{theirs, ROLE_FD_CHAN}};
    size_t n = 1;
    int box = -1, words = -1;
    if (c->options.blackbox) {
        box = make_blackbox(c, err);
        if (box < 0)
            return false;
        fds[n++] = (struct spawn_fd){box, ROLE_FD_BLACKBOX};
    }
    if (c->options.listen)
        c->printed =
            printed_new(c->loop, c->label, c->options.redact, &words, err);
    if (c->printed != NULL)
        fds[n++] = (struct spawn_fd){words, STDERR_FILENO};
    must(c->options.fd_count <= PROCESS_FDS);
    for (size_t i = 0; i < c->options.fd_count; i++)
        fds[n++] = c->options.fds[i];
    const char *argv[] = {"relevo", "--role", c->options.role, NULL};
    bool ok = (c->printed != NULL || !c->options.listen) &&
              spawn_self(argv, fds, n, c->options.new_session, &c->pid, err);
    if (box >= 0)
        close(box);
    if (words >= 0)
        close(words);
    return ok;
}

static void watch(struct process *c, int ours)
{
    c->chan = chan_new(ours, c->options.queue_bytes);
    must(uv_poll_init(c->loop, &c->chan_poll, ours) == 0);
    if (c->pid != 0)
        must(uv_poll_init(c->loop, &c->pid_poll, c->pidfd) == 0);
    must(uv_prepare_init(c->loop, &c->flusher) == 0);
    c->open_handles = c->pid != 0 ? 3 : 2;
    c->chan_poll.data = c->pid_poll.data = c->flusher.data = c;
    watch_channel(c);
    if (c->pid != 0)
        uv_poll_start(&c->pid_poll, UV_READABLE, on_exit_seen);
}

static struct process *give_up(struct process *c, int ours, struct err *err)
{
    err_wrap(err, "starting %s", c->label);
    close(ours);
    printed_end(c->printed);
    if (c->blackbox != NULL)
        munmap(c->blackbox, sizeof *c->blackbox);
    free(c);
    return NULL;
}

static struct process *new_process(uv_loop_t *loop,
                                   const struct process_options *options)
{
    struct process *c = xcalloc(1, sizeof *c);
    c->loop = loop;
    c->options = *options;
    snprintf(c->label, sizeof c->label, "%s", options->label);
    c->born_ns = clock_mono_ns();
    return c;
}

struct process *process_attach(uv_loop_t *loop,
                               const struct process_options *options, int fd)
{
    struct process *c = new_process(loop, options);
    watch(c, fd);
    return c;
}

struct process *process_start(uv_loop_t *loop,
                              const struct process_options *options,
                              struct err *err)
{
    int fds[2];
    if (!chan_pair(fds, err))
        return NULL;
    struct process *c = new_process(loop, options);
    bool ok = spawn(c, fds[1], err);
    close(fds[1]);
    if (!ok)
        return give_up(c, fds[0], err);
    c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
    if (c->pidfd < 0) {
        err_set(err, ERR_IO, errno, "pidfd_open");
        kill(c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
        return give_up(c, fds[0], err);
    }
    watch(c, fds[0]);
    return c;
}

pid_t process_pid(const struct process *c) { return c->pid; }

struct blackbox *process_blackbox(const struct process *c)
{
    return c->blackbox;
}

enum blame process_blame(const struct process *c)
{
    return c->was_shot ? BLAME_NOBODY : c->blame;
}

size_t process_memory(const struct process *c) { return proc_memory(c->pid); }

bool process_is_mute(const struct process *c, int64_t now_ns)
{
    return c->closed_ns != 0 && now_ns - c->closed_ns > MUTE_NS;
}

int64_t process_born_ns(const struct process *c) { return c->born_ns; }

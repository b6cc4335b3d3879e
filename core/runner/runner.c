/* runner/runner.c: see runner.h. Owns the list of scripts and commands that may
 * run and one keeper process for each run that is going on; command.c has the
 * commands of checks.
 *
 * Happy path: ALLOW; RUN → the folder is made, a keeper is forked, RUN_STARTED
 * → SIGCHLD → RUN_EXITED. STOP_RUN → SIGTERM to the keeper. COMMAND →
 * COMMAND_ENDED.
 *
 * Ways it can fail: the script is not on the list, the folder exists already,
 * no process can be forked (RUN_EXITED says so, nothing was started); a keeper
 * is stopped by its script (it goes on), is held up for ever (killed), or dies
 * without an outcome (RUN_EXITED says how; as a subreaper we inherit what
 * it kept and end it: nothing runs that nobody watches); main goes away or
 * sends nonsense (nothing new is started; we end after the last keeper); we are
 * killed (the keepers go on, they need nothing of ours). */
#include "runner/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/map.h"
#include "base/proc.h"
#include "model/outcome.h"
#include "runner/command.h"
#include "runner/folder.h"
#include "runner/keeper.h"
#include "runner/rules.h"
#include "wire/blackbox.h"
#include "wire/chan.h"
#include "wire/msg.h"

enum { QUEUE_LIMIT = 64 * 1024 * 1024 };

/* What a keeper takes at most after the script's time and grace are over. */
#define LONGEST_END (30 * NS_PER_S)

struct run {
    uint64_t number;
    uint32_t generation;
    pid_t keeper;
    int words;        /* the keeper's last ones */
    int64_t until_ns; /* by then it has ended, or something holds it up */
    char *dir;
    bool old; /* of a main that has gone: the next one looks for itself */
};

static struct {
    struct chan *chan;                /* NULL: main is gone */
    const struct runner_rules *rules; /* NULL: main is our parent */
    int listener;                     /* with rules */
    bool ending;
    bool deaf; /* main does not read: to be disconnected */
    int signals;
    struct map *allowed, *programs; /* scripts; programs of commands */
    struct run *runs;
    size_t count, cap;
} runner;

/* ------------------------------------------------------------- telling --- */

static void disconnect(const char *why)
{
    if (runner.chan == NULL)
        return;
    log_set_sink(NULL);
    chan_free(runner.chan);
    runner.chan = NULL;
    commands_close();
    for (size_t i = 0; i < runner.count; i++)
        runner.runs[i].old = true;
    if (runner.count > 0)
        log_info("%s: no new runs, %zu going on", why, runner.count);
}

static void tell(unsigned type, uint32_t generation, const struct buf *payload)
{
    if (runner.chan != NULL &&
        !chan_send(runner.chan, (uint16_t)type, generation, payload))
        runner.deaf = true;
}

static void send_log(enum log_level level, const char *line)
{
    struct buf b = {0};
    msg_put_log(&b, &(struct msg_log){.level = level, .text = line});
    if (chan_send(runner.chan, MSG_LOG, 0, &b))
        (void)chan_flush(runner.chan, NULL);
    buf_free(&b);
}

static void tell_exited(uint32_t generation, const struct msg_run_exited *m)
{
    struct buf b = {0};
    msg_put_run_exited(&b, m);
    tell(MSG_RUN_EXITED, generation, &b);
    buf_free(&b);
}

static void tell_command(uint32_t generation, const struct msg_command_ended *m)
{
    struct buf b = {0};
    msg_put_command_ended(&b, m);
    tell(MSG_COMMAND_ENDED, generation, &b);
    buf_free(&b);
}

static void tell_started(const struct run *r)
{
    struct buf b = {0};
    struct msg_run_started m = {r->number, r->keeper, 0};
    proc_look(r->keeper, &m.pid_start, NULL);
    msg_put_run_started(&b, &m);
    tell(MSG_RUN_STARTED, r->generation, &b);
    buf_free(&b);
}

/* ------------------------------------------------------------ starting --- */

static struct run *find_run(uint64_t number)
{
    for (size_t i = 0; i < runner.count; i++)
        if (runner.runs[i].number == number)
            return &runner.runs[i];
    return NULL;
}

static bool may_run(const struct msg_run *m, struct err *err)
{
    if (!map_has(runner.allowed, m->script))
        return err_set(err, ERR_DENIED, 0,
                       "%s is not a script of the loaded configuration",
                       m->script);
    if (find_run(m->run) != NULL)
        return err_set(err, ERR_DENIED, 0, "run %llu is going on",
                       (unsigned long long)m->run);
    return true;
}

static bool fork_keeper(const struct msg_run *m, struct run *r, struct err *err)
{
    int words[2];
    if (pipe2(words, O_CLOEXEC | O_NONBLOCK) != 0)
        return err_set(err, ERR_IO, errno, "pipe");
    r->words = words[0];
    r->keeper = fork();
    if (r->keeper == 0 && runner.rules != NULL)
        close(runner.listener);
    if (r->keeper == 0)
        keeper_run(m, words[1]);
    int saved = errno;
    close(words[1]);
    if (r->keeper > 0)
        return true;
    close(words[0]);
    return err_set(err, ERR_IO, saved, "fork a keeper");
}

static bool start_run(const struct msg_run *m, uint32_t generation,
                      struct err *err)
{
    struct run r = {.number = m->run, .generation = generation};
    if (!folder_make(m->dir, err))
        return false;
    if (FAILPOINT("runner.before_fork") || !fork_keeper(m, &r, err)) {
        rmdir(m->dir);
        return false;
    }
    (void)FAILPOINT("runner.after_fork");
    r.dir = xstrdup(m->dir);
    r.until_ns = clock_mono_ns() + m->timeout_ns + m->grace_ns + LONGEST_END;
    runner.runs =
        xgrow(runner.runs, runner.count, &runner.cap, sizeof *runner.runs);
    runner.runs[runner.count++] = r;
    tell_started(&r);
    return true;
}

/* ----------------------------------------------------------- receiving --- */

static void allow(struct map **allowed, const struct rlv_list *list)
{
    map_free(*allowed);
    *allowed = map_new();
    for (size_t i = 0; i < list->count; i++)
        map_set(*allowed, list->items[i], &runner);
}

static bool on_allow(const struct frame *f, struct arena *arena)
{
    struct msg_allow m;
    if (!msg_get_allow(f->payload, f->len, arena, &m))
        return false;
    allow(&runner.allowed, &m.scripts);
    allow(&runner.programs, &m.commands);
    return true;
}

static bool on_run(const struct frame *f, struct arena *arena)
{
    struct msg_run m;
    struct err err = {0};
    if (!msg_get_run(f->payload, f->len, arena, &m))
        return false;
    bool fits =
        may_run(&m, &err) &&
        (runner.rules == NULL || rules_apply(runner.rules, &m, arena, &err));
    if (!fits || !start_run(&m, f->generation, &err))
        tell_exited(f->generation,
                    &(struct msg_run_exited){.run = m.run, .text = err.text});
    return true;
}

static bool on_stop_run(const struct frame *f)
{
    uint64_t number;
    if (!msg_get_stop_run(f->payload, f->len, &number))
        return false;
    const struct run *r = find_run(number);
    if (r != NULL) /* not yet reaped, so the number is still its own */
        kill(r->keeper, SIGTERM);
    return true;
}

static bool on_command(const struct frame *f, struct arena *arena)
{
    struct msg_command m;
    if (!msg_get_command(f->payload, f->len, arena, &m))
        return false;
    if (map_has(runner.programs, m.argv.items[0])) {
        command_start(&m, f->generation);
        return true;
    }
    const char *text = arena_printf(
        arena, "%s is no program of the loaded configuration", m.argv.items[0]);
    tell_command(f->generation,
                 &(struct msg_command_ended){.number = m.order,
                                             .how = COMMAND_NOT_STARTED,
                                             .status = EPERM,
                                             .text = text});
    return true;
}

static bool on_stop_command(const struct frame *f)
{
    uint64_t order;
    bool ok = msg_get_stop_command(f->payload, f->len, &order);
    if (ok)
        command_stop(order);
    return ok;
}

static bool on_frame(void *arg, const struct frame *f)
{
    (void)arg;
    struct arena *arena = arena_new();
    bool ok = false;
    switch (f->type) {
    case MSG_ALLOW: ok = on_allow(f, arena); break;
    case MSG_RUN: ok = on_run(f, arena); break;
    case MSG_STOP_RUN: ok = on_stop_run(f); break;
    case MSG_COMMAND: ok = on_command(f, arena); break;
    case MSG_STOP_COMMAND: ok = on_stop_command(f); break;
    default: break;
    }
    arena_free(arena);
    return ok;
}

static void flush(void)
{
    struct err err;
    if (runner.deaf)
        disconnect("main does not read");
    if (runner.chan != NULL && chan_flush(runner.chan, &err) != CHAN_OPEN)
        disconnect(err.text);
}

static void receive(void)
{
    struct err err;
    if (runner.chan != NULL &&
        chan_receive(runner.chan, on_frame, NULL, &err) != CHAN_OPEN)
        disconnect(err.text);
}

/* -------------------------------------------------------------- ending --- */

static void explain_end(const struct run *r, int status, struct err *err)
{
    char text[sizeof err->text];
    ssize_t n = read(r->words, text, sizeof text - 1);
    if (n > 0)
        err_set(err, ERR_IO, 0, "%.*s", (int)n, text);
    else if (WIFSIGNALED(status))
        err_set(err, ERR_INTERNAL, 0, "its keeper was killed by signal %d",
                WTERMSIG(status));
    else
        err_set(err, ERR_INTERNAL, 0, "its keeper ended with status %d",
                WEXITSTATUS(status));
}

static void end_run(size_t index, int status)
{
    struct run *r = &runner.runs[index];
    struct err err = {0};
    char *path = xasprintf("%s/%s", r->dir, OUTCOME_FILE);
    struct msg_run_exited m = {.run = r->number,
                               .has_outcome = access(path, F_OK) == 0,
                               .killed = WIFSIGNALED(status),
                               .text = err.text};
    if (!m.has_outcome)
        explain_end(r, status, &err);
    (void)FAILPOINT("runner.before_report");
    if (!r->old)
        tell_exited(r->generation, &m);
    free(path);
    free(r->dir);
    close(r->words);
    *r = runner.runs[--runner.count];
}

static size_t find_keeper(pid_t pid)
{
    size_t i = 0;
    while (i < runner.count && runner.runs[i].keeper != pid)
        i++;
    return i; /* runner.count: it is no keeper */
}

static bool is_ours(pid_t pid)
{
    return find_keeper(pid) < runner.count || command_is(pid);
}

/* Our other children were left by a keeper that was killed, or by a command.
 */
static void kill_orphans(void)
{
    struct proc_list children = {0}, below = {0};
    proc_children(getpid(), &children);
    for (size_t i = 0; i < children.count; i++)
        if (!is_ours(children.pids[i])) {
            kill(children.pids[i], SIGKILL);
            proc_descendants(children.pids[i], &below);
        }
    for (size_t i = 0; i < below.count; i++)
        kill(below.pids[i], SIGKILL);
    proc_list_free(&children);
    proc_list_free(&below);
}

/* The next child whose state has changed, not reaped yet; 0: none. */
static pid_t peek(bool *ended)
{
    siginfo_t info = {0};
    if (waitid(P_ALL, 0, &info,
               WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL) != 0)
        return 0;
    *ended = info.si_code != CLD_STOPPED;
    return info.si_pid;
}

static void reap(void)
{
    int status;
    pid_t pid;
    bool orphans = false, ended;
    while ((pid = peek(&ended)) > 0) {
        orphans = (ended && command_has_ended(pid)) || orphans;
        if (waitpid(pid, &status, WNOHANG | WUNTRACED | __WALL) != pid)
            break;
        size_t i = find_keeper(pid);
        if (WIFSTOPPED(status)) {
            if (i < runner.count)
                kill(pid, SIGCONT);
            continue;
        }
        orphans = orphans || i == runner.count || status != 0;
        if (i < runner.count)
            end_run(i, status);
        command_reaped(pid, status);
    }
    if (orphans) /* their deaths bring us here again, until none is left */
        kill_orphans();
}

static void read_signals(void)
{
    struct signalfd_siginfo info;
    bool end = false;
    while (read(runner.signals, &info, sizeof info) == sizeof info)
        end = end || info.ssi_signo == SIGTERM;
    reap();
    runner.ending = runner.ending || end;
    if (end)
        disconnect("SIGTERM");
}

/* ---------------------------------------------------------------- loop --- */

static void start(void)
{
    sigset_t watched;
    log_init("runner");
    prctl(PR_SET_NAME, "relevo-runner", 0, 0, 0);
    must(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
    setsid(); /* a terminal's Ctrl-C is for main */
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&watched);
    sigaddset(&watched, SIGCHLD);
    sigaddset(&watched, SIGTERM);
    sigprocmask(SIG_SETMASK, &watched, NULL);
    runner.signals = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
    if (runner.signals < 0)
        die("signalfd: %s", strerror(errno));
    runner.allowed = map_new();
    runner.programs = map_new();
    commands_open(runner.rules, tell_command);
}

static int wait_ms(void)
{
    int64_t first_ns = commands_until_ns();
    for (size_t i = 0; i < runner.count; i++)
        if (runner.runs[i].until_ns < first_ns)
            first_ns = runner.runs[i].until_ns;
    if (first_ns == INT64_MAX)
        return -1;
    int64_t left_ms = (first_ns - clock_mono_ns()) / NS_PER_MS + 1;
    return left_ms < 0 ? 0 : left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

/* Its death brings us to what it kept. */
static void kill_late_keepers(void)
{
    int64_t now_ns = clock_mono_ns();
    for (size_t i = 0; i < runner.count; i++)
        if (now_ns >= runner.runs[i].until_ns) {
            log_error("the keeper of run R-%llu does not end: killed",
                      (unsigned long long)runner.runs[i].number);
            kill(runner.runs[i].keeper, SIGKILL);
            runner.runs[i].until_ns = now_ns + LONGEST_END;
        }
}

static void wait_for_events(void)
{
    enum { OWN = 3 };
    static struct pollfd polled[OWN + COMMANDS_MOST * COMMAND_FDS];
    polled[0] = (struct pollfd){.fd = runner.signals, .events = POLLIN};
    polled[1] = (struct pollfd){.fd = -1};
    polled[2] = (struct pollfd){.fd = runner.listener, .events = POLLIN};
    if (runner.chan != NULL) {
        polled[1].fd = chan_fd(runner.chan);
        polled[1].events = POLLIN;
        if (chan_wants_write(runner.chan))
            polled[1].events |= POLLOUT;
    }
    size_t n = commands_poll(polled + OWN);
    if (poll(polled, OWN + n, wait_ms()) > 0)
        commands_read(polled + OWN, n);
}

static void turn(void)
{
    wait_for_events();
    receive();
    read_signals();
    kill_late_keepers();
    commands_tick(clock_mono_ns());
    flush();
}

static void finish(void)
{
    map_free(runner.allowed);
    map_free(runner.programs);
    free(runner.runs);
    close(runner.signals);
}

int runner_main(void)
{
    start();
    runner.listener = -1;
    runner.chan = chan_new(ROLE_FD_CHAN, QUEUE_LIMIT);
    log_set_sink(send_log);
    while (runner.chan != NULL || runner.count > 0)
        turn();
    finish();
    return 0;
}

/* ------------------------------------------------- a unit of its own --- */

static bool may_connect(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
        (peer.uid == 0 || peer.uid == runner.rules->daemon_uid))
        return true;
    log_warn("uid %u is not the daemon: refused", (unsigned)peer.uid);
    return false;
}

/* A new main takes the place of one that we may not have seen die. */
static void greet(int fd)
{
    struct buf hello = {0};
    disconnect("another main is here");
    allow(&runner.allowed, &(struct rlv_list){0});
    allow(&runner.programs, &(struct rlv_list){0});
    runner.deaf = false;
    runner.chan = chan_new(fd, QUEUE_LIMIT);
    msg_put_text(&hello, RELEVO_VERSION);
    tell(MSG_HELLO, 0, &hello);
    buf_free(&hello);
    log_set_sink(send_log);
}

static void accept_main(void)
{
    int fd = accept4(runner.listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0 && may_connect(fd))
        greet(fd);
    else if (fd >= 0)
        close(fd);
}

int runner_stand(const struct runner_rules *rules, int listener)
{
    runner.rules = rules;
    start();
    runner.listener = listener;
    fcntl(listener, F_SETFD, FD_CLOEXEC);
    fcntl(listener, F_SETFL, O_NONBLOCK);
    while (!runner.ending) {
        turn();
        accept_main();
    }
    finish();
    return 0;
}

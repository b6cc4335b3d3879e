/* runner/command.c: see command.h. */
#include "runner/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"
#include "runner/launch.h"

enum { OUTPUT, ERRORS }; /* index of a descriptor and of what came through */
enum { CHUNK = 64 * 1024, FLOOD = 16 * 1024 * 1024 };

/* Most commands print little and end soon. So long nobody looks at their pipes,
 * which hold 64 KiB: their end is one event, not one for each line. */
#define PATIENCE_NS (30 * NS_PER_MS)

struct command {
    uint64_t order;
    uint32_t generation;
    pid_t pid;
    int fds[COMMAND_FDS]; /* -1: closed */
    struct buf texts[COMMAND_FDS];
    uint64_t dropped[COMMAND_FDS], total;
    size_t most; /* kept of each */
    int64_t started_ns, deadline_ns;
    bool watched; /* its pipes are polled */
    bool told;    /* only its process is still to be reaped */
};

static const struct runner_rules *rules;
static void (*tell)(uint32_t, const struct msg_command_ended *);
static struct command *commands[COMMANDS_MOST];
static size_t count;

/* ------------------------------------------------------------- telling --- */

static void close_pipes(struct command *c)
{
    for (int i = 0; i < COMMAND_FDS; i++) {
        if (c->fds[i] >= 0)
            close(c->fds[i]);
        c->fds[i] = -1;
    }
}

static void tell_end(struct command *c, enum command_end how, int status)
{
    struct msg_command_ended m = {
        .number = c->order,
        .how = how,
        .status = status,
        .spent_ns = clock_mono_ns() - c->started_ns,
        .text = "",
        .output = {buf_text(&c->texts[OUTPUT]), c->texts[OUTPUT].len,
                   c->dropped[OUTPUT]},
        .errors = {buf_text(&c->texts[ERRORS]), c->texts[ERRORS].len,
                   c->dropped[ERRORS]}};
    close_pipes(c);
    if (!c->told)
        tell(c->generation, &m);
    c->told = true;
}

static void tell_not_started(const struct msg_command *m, uint32_t generation,
                             int sys, const char *text)
{
    tell(generation, &(struct msg_command_ended){.number = m->order,
                                                 .how = COMMAND_NOT_STARTED,
                                                 .status = sys,
                                                 .text = text});
}

/* ------------------------------------------------------------- killing --- */

/* All below it, also who has left its group, and then the group: between the
 * two looks nobody of it is missed but who leaves it and its parents at once;
 * whoever that is comes to the runner, which ends what it did not start. */
static void kill_all(const struct command *c)
{
    struct proc_list below = {0};
    proc_descendants(c->pid, &below);
    kill(-c->pid, SIGKILL);
    for (size_t i = 0; i < below.count; i++)
        kill(below.pids[i], SIGKILL);
    proc_list_free(&below);
}

static struct command *find_order(uint64_t order)
{
    for (size_t i = 0; i < count; i++)
        if (commands[i]->order == order && !commands[i]->told)
            return commands[i];
    return NULL;
}

static size_t find_pid(pid_t pid)
{
    size_t i = 0;
    while (i < count && commands[i]->pid != pid)
        i++;
    return i; /* count: none */
}

static void drop(struct command *c)
{
    close_pipes(c);
    c->told = true;
    kill_all(c);
}

void command_stop(uint64_t order)
{
    struct command *c = find_order(order);
    if (c != NULL)
        drop(c);
}

/* ------------------------------------------------------------ starting --- */

void commands_open(const struct runner_rules *r,
                   void (*fn)(uint32_t, const struct msg_command_ended *))
{
    rules = r;
    tell = fn;
}

static bool make_pipe(int *ours, int *theirs, struct err *err, int *sys)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        *sys = errno;
        return err_set(err, ERR_IO, errno, "pipe");
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *ours = ends[0];
    *theirs = ends[1];
    return true;
}

static bool start(struct command *c, const struct msg_command *m,
                  struct err *err, int *sys)
{
    int theirs[COMMAND_FDS] = {-1, -1};
    bool ok = make_pipe(&c->fds[OUTPUT], &theirs[OUTPUT], err, sys) &&
              make_pipe(&c->fds[ERRORS], &theirs[ERRORS], err, sys);
    c->started_ns = clock_mono_ns();
    ok = ok &&
         launch(m, rules, theirs[OUTPUT], theirs[ERRORS], &c->pid, err, sys);
    for (int i = 0; i < COMMAND_FDS; i++)
        if (theirs[i] >= 0)
            close(theirs[i]);
    return ok;
}

void command_start(const struct msg_command *m, uint32_t generation)
{
    struct err err = {0};
    int sys = EAGAIN;
    if (count == COMMANDS_MOST) {
        tell_not_started(m, generation, sys,
                         "256 commands of checks are running already");
        return;
    }
    struct command *c = xcalloc(1, sizeof *c);
    c->order = m->order;
    c->generation = generation;
    c->most = (size_t)m->output_bytes;
    c->deadline_ns = m->deadline_ns;
    c->fds[OUTPUT] = c->fds[ERRORS] = -1;
    if (start(c, m, &err, &sys)) {
        commands[count++] = c;
        return;
    }
    tell_not_started(m, generation, sys, err.text);
    close_pipes(c);
    free(c);
}

/* ------------------------------------------------------------- reading --- */

static void take(struct command *c, int which, const char *bytes, size_t n)
{
    size_t room = c->most - c->texts[which].len;
    size_t kept = n < room ? n : room;
    buf_add(&c->texts[which], bytes, kept);
    c->dropped[which] += n - kept;
    c->total += n;
}

/* What is there now; false: it has printed more than anybody reads. */
static bool read_one(struct command *c, int which)
{
    static char chunk[CHUNK];
    ssize_t n = 1;
    while (c->fds[which] >= 0 && n > 0 && c->total <= FLOOD) {
        n = read(c->fds[which], chunk, sizeof chunk);
        if (n > 0)
            take(c, which, chunk, (size_t)n);
        if (n >= 0 && n < CHUNK && n != 0)
            break; /* it was all, as a rule; else poll() says so */
    }
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        close(c->fds[which]);
        c->fds[which] = -1;
    }
    return c->total <= FLOOD;
}

static void read_all(struct command *c)
{
    if (read_one(c, OUTPUT) && read_one(c, ERRORS))
        return;
    tell_end(c, COMMAND_FLOODED, 0);
    kill_all(c);
}

size_t commands_poll(struct pollfd *polled)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < COMMAND_FDS; k++)
            polled[n++] = (struct pollfd){
                .fd = commands[i]->watched ? commands[i]->fds[k] : -1,
                .events = POLLIN};
    return n;
}

/* None has gone since commands_poll. */
void commands_read(const struct pollfd *polled, size_t n)
{
    for (size_t i = 0; i < n && i < count * COMMAND_FDS; i++)
        if (polled[i].revents != 0 && !commands[i / COMMAND_FDS]->told)
            read_all(commands[i / COMMAND_FDS]);
}

/* -------------------------------------------------------------- ending --- */

static int64_t until_ns(const struct command *c)
{
    int64_t patient_ns = c->started_ns + PATIENCE_NS;
    return c->told                                      ? INT64_MAX
           : !c->watched && patient_ns < c->deadline_ns ? patient_ns
                                                        : c->deadline_ns;
}

int64_t commands_until_ns(void)
{
    int64_t first_ns = INT64_MAX;
    for (size_t i = 0; i < count; i++)
        if (until_ns(commands[i]) < first_ns)
            first_ns = until_ns(commands[i]);
    return first_ns;
}

void commands_tick(int64_t now_ns)
{
    for (size_t i = 0; i < count; i++) {
        struct command *c = commands[i];
        c->watched = c->watched || now_ns >= c->started_ns + PATIENCE_NS;
        if (c->told || now_ns < c->deadline_ns)
            continue;
        read_all(c);
        tell_end(c, COMMAND_TIMED_OUT, 0);
        kill_all(c);
    }
}

bool command_is(pid_t pid) { return find_pid(pid) < count; }

bool command_has_ended(pid_t pid)
{
    if (!command_is(pid))
        return false;
    kill(-pid, SIGKILL);
    return true;
}

void command_reaped(pid_t pid, int status)
{
    size_t i = find_pid(pid);
    if (i == count)
        return;
    struct command *c = commands[i];
    if (!c->told)
        read_all(c);
    if (WIFSIGNALED(status))
        tell_end(c, COMMAND_SIGNALLED, WTERMSIG(status));
    else
        tell_end(c, COMMAND_EXITED, WEXITSTATUS(status));
    commands[i] = commands[--count];
    for (int k = 0; k < COMMAND_FDS; k++)
        buf_free(&c->texts[k]);
    free(c);
}

/* Their processes are still to be reaped, if the runner lives on. */
void commands_close(void)
{
    for (size_t i = 0; i < count; i++)
        drop(commands[i]);
}

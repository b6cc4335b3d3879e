/* crew/process.h: one process of a role: its birth, its channel, its death.
 *
 * Used by workers.c, vetting.c and runner.c; each adds what its role means. A
 * child is freed only after it has been reaped.
 *
 * Happy path: process_start → frames arrive at on_frame → process_destroy, or
 * process_release.
 * Ways it can fail: it dies (on_death says how), it sends nonsense (killed), it
 * does not read (process_send false: killed), it cannot be started (err). */
#ifndef RELEVO_CREW_PROCESS_H
#define RELEVO_CREW_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include "base/err.h"
#include "base/spawn.h"
#include "wire/blackbox.h"
#include "wire/chan.h"

struct process;

/* What it died of was done by … */
enum blame {
    BLAME_ANY,     /* it died by itself: the callback that ran, or the last */
    BLAME_RUNNING, /* the callback that ran, if one did */
    BLAME_LAST,    /* whichever ran last, running still or not: no proof */
    BLAME_NOBODY
};

enum { PROCESS_FDS = 4 };

struct process_options {
    const char *role;  /* "worker", "vet", "runner", "web" */
    const char *label; /* for messages: "worker 2" */
    bool blackbox;
    bool listen; /* what it prints goes to the log (printed.h) */
    const struct redact *redact; /* beside the log's own; borrowed; or NULL */
    bool new_session;            /* Ctrl-C on the terminal does not reach it */
    const struct spawn_fd *fds;  /* more that it gets, at most PROCESS_FDS */
    size_t fd_count;
    size_t queue_bytes;
    bool (*on_frame)(void *arg, const struct frame *);
    /* how: "killed by signal 11 (Segmentation fault)". The child is freed
     * when this returns. */
    void (*on_death)(void *arg, struct process *, const char *how);
    void *arg;
};

/* A peer that is no child: `fd` is a connected socket, taken over. It is dead
 * when its channel is closed; to kill it is to hang up. */
struct process *process_attach(uv_loop_t *, const struct process_options *,
                               int fd);
struct process *process_start(uv_loop_t *, const struct process_options *,
                              struct err *);
/* Queues and sends; a child whose queue is full is killed. */
void process_send(struct process *, uint16_t type, uint32_t generation,
                  const struct buf *payload);
/* Kills it; `why` becomes part of what on_death hears. What it did was done by
 * a callback that still runs, or by nobody. */
void process_kill(struct process *, const char *why);
void process_kill_for(struct process *, enum blame, const char *why);
/* Lets it go on without us: its channel closes, nothing more is heard. */
void process_release(struct process *);
/* Closes its channel, which tells it to end; on_death says how it did. */
void process_hang_up(struct process *);
/* Kills it, reaps it, frees it; on_death is not called. For a crew that ends.
 */
void process_destroy(struct process *);

pid_t process_pid(const struct process *);
/* One that somebody has stopped goes on. */
void process_wake(struct process *);
struct blackbox *process_blackbox(const struct process *); /* NULL: none */
int64_t process_born_ns(const struct process *);
/* Known once it is dead. Nobody, too, for a SIGKILL that is not from us: an
 * administrator, or the kernel for want of memory. */
enum blame process_blame(const struct process *);
size_t process_memory(const struct process *); /* bytes; 0: not known */
/* It closed its channel a second ago and still lives: nobody hears it. */
bool process_is_mute(const struct process *, int64_t now_ns);

#endif

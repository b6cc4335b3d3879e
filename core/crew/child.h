/* crew/child.h: one process of a role: its birth, its channel, its death.
 *
 * Used by workers.c, vetting.c and runner.c; each adds what its role means. A
 * child is freed only after it has been reaped.
 *
 * Happy path: child_start → frames arrive at on_frame → child_stop (its channel
 * closes, so it exits) → on_death.
 * Ways it can fail: it dies (on_death says how), it sends nonsense (killed), it
 * does not read (child_send false: killed), it cannot be started (err). */
#ifndef RELEVO_CREW_CHILD_H
#define RELEVO_CREW_CHILD_H

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include "base/err.h"
#include "wire/blackbox.h"
#include "wire/chan.h"

struct child;

struct child_options {
    const char *role; /* "worker", "vet", "runner" */
    const char *label; /* for messages: "worker 2" */
    bool blackbox;
    bool new_session; /* Ctrl-C on the terminal does not reach it */
    size_t queue_bytes;
    bool (*on_frame)(void *arg, const struct frame *);
    /* how: "killed by signal 11 (Segmentation fault)". The child is freed
     * when this returns. */
    void (*on_death)(void *arg, struct child *, const char *how);
    void *arg;
};

struct child *child_start(uv_loop_t *, const struct child_options *,
                          struct err *);
/* Queues and sends; a child whose queue is full is killed. */
void child_send(struct child *, uint16_t type, uint32_t generation,
                const struct buf *payload);
/* Kills it; `why` becomes part of what on_death hears. */
void child_kill(struct child *, const char *why);
/* Closes the channel: a healthy role then ends by itself. */
void child_stop(struct child *);
/* Kills it, reaps it, frees it; on_death is not called. For a crew that ends. */
void child_destroy(struct child *);

pid_t child_pid(const struct child *);
const char *child_label(const struct child *);
struct blackbox *child_blackbox(const struct child *); /* NULL: none */
int64_t child_born_ns(const struct child *);

#endif

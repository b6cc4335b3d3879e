/* worker/loop.h: the worker's loop: descriptors and timers.
 *
 * An epoll set and a heap of timers. Not libuv: a worker needs timers finer
 * than a millisecond that never fire early, must survive descriptors that a
 * plugin closes without a word (libuv aborts), and two system calls less a
 * watch are felt at this rate. */
#ifndef RELEVO_WORKER_LOOP_H
#define RELEVO_WORKER_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"

struct loop_timer { /* zero-initialise, set fire */
    struct heap_node node;
    void (*fire)(struct loop_timer *);
};

/* What an event belongs to. It must stay allocated until the turn ends, after
 * loop_forget too; it is not called any more then. */
struct loop_source {
    void (*ready)(struct loop_source *, uint32_t events); /* NULL: gone */
};

struct loop_hooks {
    void (*before_wait)(void);
    void (*turn_began)(int64_t lag_ns); /* how much too late */
    void (*turn_ended)(int64_t busy_ns);
};

void loop_open(void);
void loop_close(void);
void loop_run(const struct loop_hooks *); /* until loop_stop */
void loop_stop(void);
int64_t loop_turn_ns(void); /* when this turn began, monotonic */

/* Fires once and never early. One that a timer sets waits for the next turn,
 * whenever it is due. */
void loop_timer_set(struct loop_timer *, int64_t due_ns);
void loop_timer_stop(struct loop_timer *); /* one that is not set is fine */
bool loop_timer_is_next(const struct loop_timer *); /* of all that are set */

/* EPOLLIN and EPOLLOUT, level-triggered. false: errno tells. */
bool loop_watch(int fd, uint32_t events, struct loop_source *);
bool loop_rewatch(int fd, uint32_t events, struct loop_source *);
void loop_forget(int fd);

#endif

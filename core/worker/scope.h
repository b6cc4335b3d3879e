/* worker/scope.h: lifetimes: of a probe, of a check, of a plugin in this
 * worker. A scope owns memory, watches, timers and deferred calls and lets go
 * of them in the order that relevo/plugin.h promises. */
#ifndef RELEVO_WORKER_SCOPE_H
#define RELEVO_WORKER_SCOPE_H

#include <stdint.h>

#include "base/mem.h"
#include "relevo/plugin.h"
#include "worker/loop.h"

struct plugin;

enum scope_state { SCOPE_OPEN, SCOPE_ENDING, SCOPE_OVER };

struct rlv_scope {
    enum scope_state state;
    struct plugin *plugin;
    struct rlv_probe *owner; /* NULL: a check's or the worker's */
    uint64_t probe;          /* number; 0 likewise */
    struct arena *arena;     /* NULL: made when it is first needed */
    struct deferred *deferred;
    struct rlv_watch *watches;
};

/* arena: borrowed; with NULL the scope makes its own and frees it. */
void scope_init(struct rlv_scope *, struct plugin *, struct rlv_probe *owner,
                uint64_t probe, struct arena *);
/* Ends it: once; again is fine. A borrowed arena stays. */
void scope_release(struct rlv_scope *);

void *scope_alloc(struct rlv_scope *, size_t n);
void scope_defer(struct rlv_scope *, void (*fn)(void *), void *arg);

/* watch.c. A watch that the system refuses fires once, with RLV_ERROR; where
 * it was for want of memory or files, its probe ends as `resource`. */
struct rlv_watch *watch_fd(struct rlv_scope *, int fd, int events,
                           rlv_event_fn *, void *arg);
struct rlv_watch *watch_timer(struct rlv_scope *, int64_t after_ns,
                              rlv_event_fn *, void *arg);
void watch_rearm(struct rlv_watch *, int events, int64_t after_ns);
void watch_end(struct rlv_watch *);
void watch_mute_all(struct rlv_scope *); /* release, step 1 */
void watch_end_all(struct rlv_scope *);  /* release, step 3 */
void watch_bury(void); /* between two turns: ended watches may be used again */
void watch_close(void);

#endif

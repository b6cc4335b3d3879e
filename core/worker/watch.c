/* worker/watch.c: what scopes watch: descriptors and timers. See scope.h.
 *
 * Watches are taken from and returned to a free list. One that ended goes there
 * only when the turn is over: an event for it may still wait in this turn, and
 * a plugin may end it twice. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "worker/box.h"
#include "worker/load.h"
#include "worker/probe.h"
#include "worker/scope.h"

enum watch_state { WATCH_FREE, WATCH_LIVE, WATCH_MUTED, WATCH_ENDED };

struct rlv_watch {
    struct loop_source source; /* first: events name it */
    struct loop_timer timer;
    enum watch_state state;
    struct rlv_scope *scope;
    struct rlv_watch *next, **link; /* of its scope; next also when free */
    rlv_event_fn *fn;
    void *arg;
    bool is_timer;
    bool added; /* to the loop */
    int fd, events;
};

static struct rlv_watch *free_watches, *ended;

static void call(struct rlv_watch *w, enum blackbox_callback callback,
                 int events)
{
    struct box_frame before =
        box_enter(callback, w->scope->plugin, w->scope->probe);
    w->fn(w->arg, events);
    box_leave(&before);
}

static void on_ready(struct loop_source *source, uint32_t happened)
{
    struct rlv_watch *w = (struct rlv_watch *)(void *)source;
    int events = (happened & EPOLLIN ? RLV_READ : 0) |
                 (happened & EPOLLOUT ? RLV_WRITE : 0);
    events &= w->events;
    if (happened & (EPOLLERR | EPOLLHUP))
        events |= RLV_ERROR;
    if (events != 0)
        call(w, BLACKBOX_WATCH, events);
}

/* For a timer; for a descriptor: it could not be watched. */
static void on_timer(struct loop_timer *t)
{
    char *at = (char *)t - offsetof(struct rlv_watch, timer);
    struct rlv_watch *w = (struct rlv_watch *)(void *)at;
    if (w->is_timer)
        call(w, BLACKBOX_TIMER, RLV_TIMER);
    else
        call(w, BLACKBOX_WATCH, RLV_ERROR);
}

static uint32_t epoll_events(int events)
{
    return (events & RLV_READ ? (uint32_t)EPOLLIN : 0) |
           (events & RLV_WRITE ? (uint32_t)EPOLLOUT : 0);
}

static void refused(struct rlv_watch *w, int sys)
{
    log_error("plugin %s: descriptor %d cannot be watched: %s",
              plugin_name(w->scope->plugin), w->fd, strerror(sys));
    if (w->scope->owner != NULL && probe_is_shortage(sys))
        probe_fault(w->scope->owner, RLV_F_RESOURCE, NULL, sys,
                    "a descriptor could not be watched");
    loop_timer_set(&w->timer, 0);
}

/* Without events it is taken out: the kernel reports errors to any watch, and
 * one that nobody looks at would keep the loop turning. */
static void update(struct rlv_watch *w, int events)
{
    uint32_t wanted = epoll_events(events);
    bool ok = true;
    if (wanted != 0 && !w->added)
        ok = loop_watch(w->fd, wanted, &w->source);
    else if (wanted != 0 && events != w->events)
        ok = loop_rewatch(w->fd, wanted, &w->source);
    else if (wanted == 0 && w->added)
        loop_forget(w->fd);
    int sys = errno;
    w->events = events;
    w->added = ok && wanted != 0;
    if (!ok)
        refused(w, sys);
}

static struct rlv_watch *take(struct rlv_scope *s, rlv_event_fn *fn, void *arg)
{
    struct rlv_watch *w = free_watches;
    if (w != NULL)
        free_watches = w->next;
    else
        w = xcalloc(1, sizeof *w);
    *w = (struct rlv_watch){.source = {on_ready},
                            .timer = {.fire = on_timer},
                            .state = s->state == SCOPE_OPEN ? WATCH_LIVE
                                                            : WATCH_MUTED,
                            .scope = s,
                            .next = s->watches,
                            .link = &s->watches,
                            .fn = fn,
                            .arg = arg};
    if (s->watches != NULL)
        s->watches->link = &w->next;
    s->watches = w;
    return w;
}

struct rlv_watch *watch_fd(struct rlv_scope *s, int fd, int events,
                           rlv_event_fn *fn, void *arg)
{
    struct rlv_watch *w = take(s, fn, arg);
    w->fd = fd;
    if (w->state == WATCH_LIVE)
        update(w, events);
    return w;
}

struct rlv_watch *watch_timer(struct rlv_scope *s, int64_t after_ns,
                              rlv_event_fn *fn, void *arg)
{
    struct rlv_watch *w = take(s, fn, arg);
    w->is_timer = true;
    watch_rearm(w, 0, after_ns);
    return w;
}

void watch_rearm(struct rlv_watch *w, int events, int64_t after_ns)
{
    if (w->state != WATCH_LIVE)
        return;
    if (!w->is_timer) {
        update(w, events);
        return;
    }
    int64_t now = clock_mono_ns();
    if (after_ns < 0)
        loop_timer_stop(&w->timer);
    else
        loop_timer_set(&w->timer,
                       after_ns > INT64_MAX - now ? INT64_MAX : now + after_ns);
}

/* From here on it is never called. */
static void mute(struct rlv_watch *w)
{
    if (w->added)
        loop_forget(w->fd);
    w->added = false;
    loop_timer_stop(&w->timer);
    w->source.ready = NULL;
    w->state = WATCH_MUTED;
}

static void end(struct rlv_watch *w)
{
    *w->link = w->next;
    if (w->next != NULL)
        w->next->link = w->link;
    w->state = WATCH_ENDED;
    w->scope = NULL;
    w->next = ended;
    ended = w;
}

void watch_end(struct rlv_watch *w)
{
    if (w->state != WATCH_LIVE)
        return; /* its scope is ending: that does it */
    mute(w);
    end(w);
}

void watch_mute_all(struct rlv_scope *s)
{
    for (struct rlv_watch *w = s->watches; w != NULL; w = w->next)
        mute(w);
}

void watch_end_all(struct rlv_scope *s)
{
    while (s->watches != NULL) {
        mute(s->watches);
        end(s->watches);
    }
}

void watch_bury(void)
{
    while (ended != NULL) {
        struct rlv_watch *w = ended;
        ended = w->next;
        w->state = WATCH_FREE;
        w->next = free_watches;
        free_watches = w;
    }
}

void watch_close(void)
{
    watch_bury();
    while (free_watches != NULL) {
        struct rlv_watch *w = free_watches;
        free_watches = w->next;
        free(w);
    }
}

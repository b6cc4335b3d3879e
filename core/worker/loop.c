/* worker/loop.c: see loop.h.
 *
 * Happy path: wait for an event or the first timer; call the sources, then the
 * timers that were due; say how long it took.
 * Ways it can fail: a kernel before 5.11 has no epoll_pwait2: timers are then
 * up to a millisecond late. A source may vanish while its event waits in the
 * same turn: its ready is NULL by then. */
#include "worker/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"

enum { MOST_EVENTS = 128 };

static int epoll_fd = -1;
static struct heap timers;
static int64_t turn_ns;
static bool stopped, coarse;

void loop_open(void)
{
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        die("epoll_create1: %s", strerror(errno));
    turn_ns = clock_mono_ns();
    stopped = false;
}

void loop_close(void)
{
    close(epoll_fd);
    heap_free(&timers);
}

void loop_stop(void) { stopped = true; }

int64_t loop_turn_ns(void) { return turn_ns; }

/* -------------------------------------------------------------- timers --- */

void loop_timer_set(struct loop_timer *t, int64_t due_ns)
{
    heap_set(&timers, &t->node, due_ns);
}

void loop_timer_stop(struct loop_timer *t) { heap_remove(&timers, &t->node); }

bool loop_timer_is_next(const struct loop_timer *t)
{
    return heap_first(&timers) == &t->node;
}

/* Only those that were set before: one of 0 ns must wait for the next turn, or
 * it could keep the loop for ever. */
static void run_timers(void)
{
    uint64_t last = timers.order;
    int64_t now = clock_mono_ns();
    struct heap_node *n;
    while ((n = heap_first(&timers)) != NULL && n->due <= now &&
           n->order <= last) {
        heap_remove(&timers, n);
        struct loop_timer *t = (struct loop_timer *)(void *)n;
        t->fire(t);
    }
}

/* ------------------------------------------------------------- sources --- */

static bool control(int operation, int fd, uint32_t events,
                    struct loop_source *source)
{
    struct epoll_event e = {.events = events, .data.ptr = source};
    return epoll_ctl(epoll_fd, operation, fd, &e) == 0;
}

bool loop_watch(int fd, uint32_t events, struct loop_source *source)
{
    if (control(EPOLL_CTL_ADD, fd, events, source))
        return true;
    /* Closed without a word while a copy of it is open elsewhere. */
    return errno == EEXIST && control(EPOLL_CTL_MOD, fd, events, source);
}

bool loop_rewatch(int fd, uint32_t events, struct loop_source *source)
{
    if (control(EPOLL_CTL_MOD, fd, events, source))
        return true;
    return errno == ENOENT && control(EPOLL_CTL_ADD, fd, events, source);
}

void loop_forget(int fd) { (void)control(EPOLL_CTL_DEL, fd, 0, NULL); }

/* ---------------------------------------------------------------- turn --- */

static int wait_coarsely(struct epoll_event *events, int64_t wait_ns)
{
    int64_t ms = wait_ns < 0 ? -1 : (wait_ns + NS_PER_MS - 1) / NS_PER_MS;
    return epoll_wait(epoll_fd, events, MOST_EVENTS,
                      ms > 3600000 ? 3600000 : (int)ms);
}

static int wait_for(struct epoll_event *events, int64_t wait_ns)
{
    struct timespec t = {wait_ns / NS_PER_S, wait_ns % NS_PER_S};
    if (!coarse) {
        int n = epoll_pwait2(epoll_fd, events, MOST_EVENTS,
                             wait_ns < 0 ? NULL : &t, NULL);
        if (n >= 0 || (errno != ENOSYS && errno != EPERM))
            return n;
        coarse = true;
    }
    return wait_coarsely(events, wait_ns);
}

/* How long to sleep: -1 for ever, 0 not at all. */
static int64_t sleep_ns(void)
{
    const struct heap_node *n = heap_first(&timers);
    if (n == NULL)
        return -1;
    int64_t left = n->due - clock_mono_ns();
    return left > 0 ? left : 0;
}

static int64_t lag_of(int64_t slept_ns)
{
    const struct heap_node *n = heap_first(&timers);
    return slept_ns > 0 && n != NULL && turn_ns > n->due ? turn_ns - n->due : 0;
}

void loop_run(const struct loop_hooks *hooks)
{
    struct epoll_event events[MOST_EVENTS];
    while (!stopped) {
        hooks->before_wait();
        if (stopped)
            break;
        int64_t wait_ns = sleep_ns();
        int n = wait_for(events, wait_ns);
        if (n < 0 && errno != EINTR)
            die("epoll_wait: %s", strerror(errno));
        turn_ns = clock_mono_ns();
        hooks->turn_began(lag_of(wait_ns));
        for (int i = 0; i < n; i++) {
            struct loop_source *source = events[i].data.ptr;
            if (source->ready != NULL)
                source->ready(source, events[i].events);
        }
        run_timers();
        hooks->turn_ended(clock_mono_ns() - turn_ns);
    }
}

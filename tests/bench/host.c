/* See host.h. One thread; all that lives longer than a turn hangs on a scope.
 */
#include "host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/mem.h"

enum { EVENTS = 128, TIMEOUT_S = 10 };

struct deferred {
    struct deferred *next;
    void (*fn)(void *);
    void *arg;
};

struct rlv_scope {
    struct arena *arena;
    struct deferred *deferred;
    struct rlv_watch *watches;
};

struct rlv_watch {
    struct heap_node node; /* first; of a timer */
    struct rlv_watch *next, **link;
    rlv_event_fn *fn; /* NULL: it is over */
    void *arg;
    int fd, events; /* fd -1: a timer */
};

struct rlv_probe {
    struct rlv_scope scope, check;
    void *kept;
    int64_t deadline_ns;
    bool faulty;
};

static struct rlv_scope worker;
static struct heap timers;
static struct rlv_watch *ended; /* in this turn: events may still name them */
static int epoll_fd;
static long good, over;
static struct rlv_probe **idle;
static long idle_count;

/* ---------------------------------------------------------------- scopes - */

static void *scope_alloc(struct rlv_scope *s, size_t n)
{
    if (s->arena == NULL)
        s->arena = arena_new();
    return arena_alloc(s->arena, n);
}

static void scope_defer(struct rlv_scope *s, void (*fn)(void *), void *arg)
{
    struct deferred *d = scope_alloc(s, sizeof *d);
    *d = (struct deferred){s->deferred, fn, arg};
    s->deferred = d;
}

static void mute(struct rlv_watch *w)
{
    if (w->fn == NULL)
        return;
    if (w->fd < 0)
        heap_remove(&timers, &w->node);
    else if (w->events != 0)
        epoll_ctl(epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
    w->fn = NULL;
}

static void bury(struct rlv_watch *w)
{
    *w->link = w->next;
    if (w->next != NULL)
        w->next->link = w->link;
    w->next = ended;
    ended = w;
}

static void unwatch(struct rlv_watch *w)
{
    if (w == NULL || w->fn == NULL)
        return;
    mute(w);
    bury(w);
}

static void scope_release(struct rlv_scope *s)
{
    for (struct rlv_watch *w = s->watches; w != NULL; w = w->next)
        mute(w);
    while (s->deferred != NULL) {
        struct deferred *d = s->deferred;
        s->deferred = d->next;
        d->fn(d->arg);
    }
    while (s->watches != NULL)
        bury(s->watches);
    arena_free(s->arena);
    s->arena = NULL;
}

static struct rlv_scope *probe_scope(struct rlv_probe *p) { return &p->scope; }
static struct rlv_scope *check_scope(struct rlv_probe *p) { return &p->check; }
static struct rlv_scope *worker_scope(void) { return &worker; }

static void *keep(struct rlv_probe *p, size_t n)
{
    if (p->kept == NULL)
        p->kept = scope_alloc(&p->check, n);
    return p->kept;
}

/* --------------------------------------------------------------- watches - */

static struct rlv_watch *take(struct rlv_scope *s, rlv_event_fn *fn, void *arg)
{
    struct rlv_watch *w = xcalloc(1, sizeof *w);
    *w = (struct rlv_watch){.next = s->watches,
                            .link = &s->watches,
                            .fn = fn,
                            .arg = arg,
                            .fd = -1};
    if (s->watches != NULL)
        s->watches->link = &w->next;
    s->watches = w;
    return w;
}

static void listen_for(struct rlv_watch *w, int events)
{
    struct epoll_event e = {.data.ptr = w};
    e.events = (events & RLV_READ ? (uint32_t)EPOLLIN : 0) |
               (events & RLV_WRITE ? (uint32_t)EPOLLOUT : 0);
    int op = w->events == 0 ? EPOLL_CTL_ADD
             : events == 0  ? EPOLL_CTL_DEL
                            : EPOLL_CTL_MOD;
    if (events != w->events)
        epoll_ctl(epoll_fd, op, w->fd, &e);
    w->events = events;
}

static struct rlv_watch *watch(struct rlv_scope *s, int fd, int events,
                               rlv_event_fn *fn, void *arg)
{
    struct rlv_watch *w = take(s, fn, arg);
    w->fd = fd;
    listen_for(w, events);
    return w;
}

static void rearm(struct rlv_watch *w, int events, int64_t after_ns)
{
    if (w == NULL || w->fn == NULL)
        return;
    if (w->fd >= 0)
        listen_for(w, events);
    else if (after_ns < 0)
        heap_remove(&timers, &w->node);
    else
        heap_set(&timers, &w->node, clock_mono_ns() + after_ns);
}

static struct rlv_watch *timer(struct rlv_scope *s, int64_t after_ns,
                               rlv_event_fn *fn, void *arg)
{
    struct rlv_watch *w = take(s, fn, arg);
    rearm(w, 0, after_ns);
    return w;
}

/* ---------------------------------------------------------------- probes - */

static int64_t deadline(const struct rlv_probe *p) { return p->deadline_ns; }

static void done(struct rlv_probe *p)
{
    scope_release(&p->scope);
    idle[idle_count++] = p;
    good += !p->faulty;
    over++;
}

static void fault(struct rlv_probe *p, enum rlv_fault f, const char *code,
                  int sys, const char *fmt, ...)
{
    va_list args;
    (void)sys;
    va_start(args, fmt);
    fprintf(stderr, "fault %d %s: ", (int)f, code ? code : "");
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    p->faulty = true;
}

static bool wants(const struct rlv_probe *p, unsigned field)
{
    (void)p, (void)field;
    return false;
}

static void serving(struct rlv_probe *p) { (void)p; }
static void phase(struct rlv_probe *p, enum rlv_phase phase, int64_t spent_ns)
{
    (void)p, (void)phase, (void)spent_ns;
}
static void observe(struct rlv_probe *p, unsigned field, struct rlv_value v)
{
    (void)p, (void)field, (void)v;
}
static void observe_key(struct rlv_probe *p, unsigned field, const char *key,
                        struct rlv_value v)
{
    (void)p, (void)field, (void)key, (void)v;
}
static void hint(struct rlv_probe *p, enum rlv_fault f, const char *code,
                 const char *fmt, ...)
{
    (void)p, (void)f, (void)code, (void)fmt;
}
static void evidence(struct rlv_probe *p, const char *label, const void *bytes,
                     size_t len)
{
    (void)p, (void)label, (void)bytes, (void)len;
}
static void log_line(struct rlv_probe *p, enum rlv_level level, const char *fmt,
                     ...)
{
    (void)p, (void)level, (void)fmt;
}

const struct rlv_host bench_host = {
    .size = (uint32_t)sizeof(struct rlv_host),
    .major = RLV_ABI_MAJOR,
    .minor = RLV_ABI_MINOR,
    .now = clock_mono_ns,
    .deadline = deadline,
    .probe_scope = probe_scope,
    .check_scope = check_scope,
    .worker_scope = worker_scope,
    .alloc = scope_alloc,
    .defer = scope_defer,
    .keep = keep,
    .watch = watch,
    .timer = timer,
    .rearm = rearm,
    .unwatch = unwatch,
    .serving = serving,
    .effects = serving,
    .wants = wants,
    .phase = phase,
    .observe = observe,
    .observe_key = observe_key,
    .fault = fault,
    .hint = hint,
    .evidence = evidence,
    .log = log_line,
    .done = done,
};

/* ------------------------------------------------------------------ loop - */

static void fire_timers(void)
{
    struct heap_node *node;
    int64_t now_ns = clock_mono_ns();
    while ((node = heap_first(&timers)) != NULL && node->due <= now_ns) {
        struct rlv_watch *w = (struct rlv_watch *)(void *)node;
        heap_remove(&timers, node);
        w->fn(w->arg, RLV_TIMER);
    }
}

static void fire_watches(const struct epoll_event *events, int n)
{
    for (int i = 0; i < n; i++) {
        struct rlv_watch *w = events[i].data.ptr;
        uint32_t e = events[i].events;
        int mask = (e & EPOLLIN ? RLV_READ : 0) |
                   (e & EPOLLOUT ? RLV_WRITE : 0) |
                   (e & (EPOLLERR | EPOLLHUP) ? RLV_ERROR : 0);
        if (w->fn != NULL)
            w->fn(w->arg, mask);
    }
}

static void turn(int64_t until_ns)
{
    struct epoll_event events[EVENTS];
    const struct heap_node *first = heap_first(&timers);
    if (first != NULL && (until_ns < 0 || first->due < until_ns))
        until_ns = first->due;
    int64_t left_ns = until_ns - clock_mono_ns();
    if (left_ns < 0)
        left_ns = 0;
    struct timespec t = {left_ns / 1000000000, left_ns % 1000000000};
    int n =
        epoll_pwait2(epoll_fd, events, EVENTS, until_ns < 0 ? NULL : &t, NULL);
    fire_watches(events, n);
    fire_timers();
    while (ended != NULL) {
        struct rlv_watch *w = ended;
        ended = w->next;
        free(w);
    }
}

static void begin(const struct load *load)
{
    struct rlv_probe *p = idle[--idle_count];
    p->faulty = false;
    p->deadline_ns = clock_mono_ns() + TIMEOUT_S * INT64_C(1000000000);
    load->start(p, load->conf);
}

static void run(const struct load *load, long count)
{
    int64_t from_ns = clock_mono_ns();
    long begun = 0;
    good = over = 0;
    while (over < count) {
        int64_t next_ns = -1;
        while (begun < count && idle_count > 0) {
            next_ns = load->rate == 0
                          ? 0
                          : from_ns + begun * INT64_C(1000000000) / load->rate;
            if (next_ns > clock_mono_ns())
                break;
            begun++;
            begin(load);
            next_ns = -1;
        }
        if (over < count)
            turn(next_ns);
    }
}

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

int bench_run(const struct load *load)
{
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    idle = xcalloc((size_t)load->in_flight, sizeof *idle);
    for (long i = 0; i < load->in_flight; i++)
        idle[idle_count++] = xcalloc(1, sizeof **idle);
    run(load, load->in_flight);
    double before_us = cpu_us();
    int64_t from_ns = clock_mono_ns();
    run(load, load->count);
    printf("{\"probes\": %ld, \"good\": %ld, \"cpu_us\": %.2f, "
           "\"seconds\": %.3f}\n",
           over, good, (cpu_us() - before_us) / (double)over,
           (double)(clock_mono_ns() - from_ns) / 1e9);
    return good == load->count ? 0 : 1;
}

/* worker/resolve.c: see resolve.h.
 *
 * Happy path: a name is queued; a thread looks it up; an eventfd wakes the
 * loop, which hands the addresses to everyone who asked for that name
 * meanwhile. An address instead of a name is handed over in the next turn.
 * Ways it can fail: no thread can be started, or getaddrinfo has no memory or
 * files: the probe ends as `resource`. A lookup hangs: its thread is lost to
 * others until the resolver gives up; the probe ends by its own deadline. */
#include "worker/resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "worker/box.h"
#include "worker/loop.h"
#include "worker/probe.h"
#include "worker/view.h"

enum { MOST_THREADS = 16, MOST_ADDRESSES = 64, STACK_BYTES = 1 << 20 };

struct lookup {
    struct lookup *next_asked; /* of all that are not answered; loop only */
    struct lookup *next;       /* in the queue, or among the answers */
    struct asker *askers;      /* loop only */
    char *name;
    int family;
    int gai, sys;
    struct sockaddr_storage *addrs;
    size_t count;
};

struct asker {
    struct asker *next_of_probe;
    struct asker *next, **link; /* of its lookup; link NULL: has none */
    struct rlv_probe *probe;
    struct loop_timer timer; /* for an address that needs no lookup */
    struct sockaddr_storage literal;
    int gai;
    uint16_t port;
    rlv_addr_fn *fn;
    void *arg;
};

static struct lookup *asked;
static struct loop_source wake;
static int wake_fd = -1;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work_there = PTHREAD_COND_INITIALIZER;
static struct lookup *queue, **queue_end = &queue; /* under the mutex, as */
static struct lookup *answers;                     /* are these four */
static size_t queued, idle, threads;
static bool closing;

/* ------------------------------------------------------------- threads --- */

static void look_up(struct lookup *l)
{
    struct addrinfo hints = {.ai_family = l->family,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    errno = 0;
    l->gai = getaddrinfo(l->name, NULL, &hints, &list);
    l->sys = l->gai == EAI_SYSTEM ? errno : 0;
    if (l->gai != 0)
        return;
    l->addrs = xcalloc(MOST_ADDRESSES, sizeof *l->addrs);
    for (struct addrinfo *a = list; a != NULL && l->count < MOST_ADDRESSES;
         a = a->ai_next)
        if (a->ai_addrlen <= sizeof *l->addrs)
            memcpy(&l->addrs[l->count++], a->ai_addr, a->ai_addrlen);
    freeaddrinfo(list);
}

/* With the mutex held; NULL: the worker is ending. */
static struct lookup *next_lookup(void)
{
    while (queue == NULL && !closing) {
        idle++;
        pthread_cond_wait(&work_there, &mutex);
        idle--;
    }
    struct lookup *l = closing ? NULL : queue;
    if (l != NULL) {
        queue = l->next;
        queued--;
        if (queue == NULL)
            queue_end = &queue;
    }
    return l;
}

static void *serve(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    for (struct lookup *l; (l = next_lookup()) != NULL;) {
        pthread_mutex_unlock(&mutex);
        look_up(l);
        pthread_mutex_lock(&mutex);
        l->next = answers;
        answers = l;
        if (!closing && eventfd_write(wake_fd, 1) != 0)
            die("the resolver cannot wake the loop: %s", strerror(errno));
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

/* A signal is for the loop's thread. */
static bool start_thread(void)
{
    pthread_t thread;
    pthread_attr_t attr;
    sigset_t all, before;
    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool ok = pthread_create(&thread, &attr, serve, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return ok;
}

/* false: there is no thread at all that could do it. */
static bool enqueue(struct lookup *l)
{
    pthread_mutex_lock(&mutex);
    if (queued >= idle && threads < MOST_THREADS && start_thread())
        threads++;
    bool ok = threads > 0;
    if (ok) {
        l->next = NULL;
        *queue_end = l;
        queue_end = &l->next;
        queued++;
        pthread_cond_signal(&work_there);
    }
    pthread_mutex_unlock(&mutex);
    return ok;
}

/* ------------------------------------------------------------- answers --- */

static void detach(struct asker *a)
{
    if (a->link != NULL) {
        *a->link = a->next;
        if (a->next != NULL)
            a->next->link = a->link;
        a->link = NULL;
    }
    loop_timer_stop(&a->timer);
}

static void set_port(struct sockaddr_storage *s, uint16_t port)
{
    if (s->ss_family == AF_INET)
        ((struct sockaddr_in *)(void *)s)->sin_port = htons(port);
    else if (s->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)s)->sin6_port = htons(port);
}

static void hand_over(struct asker *a, int gai, int sys,
                      struct sockaddr_storage *addrs, size_t count)
{
    struct rlv_probe *p = a->probe;
    for (size_t i = 0; i < count; i++)
        set_port(&addrs[i], a->port);
    if (gai == EAI_MEMORY || (gai == EAI_SYSTEM && probe_is_shortage(sys)))
        probe_fault(p, RLV_F_RESOURCE, NULL, sys != 0 ? sys : ENOMEM,
                    "the name could not be looked up");
    struct box_frame before =
        box_enter(BLACKBOX_ADDRESS, p->check->plugin, p->ask.probe);
    a->fn(a->arg, gai, addrs, count);
    box_leave(&before);
}

static void on_literal(struct loop_timer *t)
{
    char *at = (char *)t - offsetof(struct asker, timer);
    struct asker *a = (struct asker *)(void *)at;
    hand_over(a, a->gai, 0, &a->literal, a->gai == 0 ? 1 : 0);
}

static void forget_lookup(struct lookup *l)
{
    for (struct lookup **at = &asked; *at != NULL; at = &(*at)->next_asked)
        if (*at == l) {
            *at = l->next_asked;
            return;
        }
}

static void free_lookup(struct lookup *l)
{
    free(l->name);
    free(l->addrs);
    free(l);
}

/* An answer ends probes, and other askers of the same name with them. */
static void answer(struct lookup *l)
{
    forget_lookup(l);
    while (l->askers != NULL) {
        struct asker *a = l->askers;
        detach(a);
        hand_over(a, l->gai, l->sys, l->addrs, l->count);
    }
    free_lookup(l);
}

static void on_wake(struct loop_source *source, uint32_t events)
{
    (void)source;
    (void)events;
    eventfd_t count;
    (void)eventfd_read(wake_fd, &count);
    pthread_mutex_lock(&mutex);
    struct lookup *l = answers;
    answers = NULL;
    pthread_mutex_unlock(&mutex);
    while (l != NULL) {
        struct lookup *next = l->next;
        answer(l);
        l = next;
    }
}

/* ----------------------------------------------------------- questions --- */

static bool parse_address(const char *name, struct sockaddr_storage *s)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)s;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)s;
    if (inet_pton(AF_INET, name, &v4->sin_addr) == 1)
        s->ss_family = AF_INET;
    else if (inet_pton(AF_INET6, name, &v6->sin6_addr) == 1)
        s->ss_family = AF_INET6;
    return s->ss_family != 0;
}

static struct asker *new_asker(struct rlv_probe *p, uint16_t port,
                               rlv_addr_fn *fn, void *arg)
{
    struct asker *a = scope_alloc(&p->scope, sizeof *a);
    a->probe = p;
    a->port = port;
    a->fn = fn;
    a->arg = arg;
    a->timer.fire = on_literal;
    a->next_of_probe = p->askers;
    p->askers = a;
    return a;
}

static struct lookup *find_lookup(const char *name, int family)
{
    for (struct lookup *l = asked; l != NULL; l = l->next_asked)
        if (l->family == family && str_eq(l->name, name))
            return l;
    return NULL;
}

static struct lookup *start_lookup(const char *name, int family)
{
    struct lookup *l = xcalloc(1, sizeof *l);
    view_look_at_resolver();
    l->name = xstrdup(name);
    l->family = family;
    if (!enqueue(l)) {
        free_lookup(l);
        return NULL;
    }
    l->next_asked = asked;
    asked = l;
    return l;
}

/* Answered from the asker itself, in the next turn. */
static void answer_soon(struct asker *a, int gai)
{
    a->gai = gai;
    loop_timer_set(&a->timer, 0);
}

void resolve_ask(struct rlv_probe *p, const char *name, uint16_t port,
                 int family, rlv_addr_fn *fn, void *arg)
{
    struct asker *a = new_asker(p, port, fn, arg);
    if (parse_address(name, &a->literal)) {
        bool fits = family == AF_UNSPEC || family == a->literal.ss_family;
        answer_soon(a, fits ? 0 : EAI_ADDRFAMILY);
        return;
    }
    struct lookup *l = find_lookup(name, family);
    if (l == NULL)
        l = start_lookup(name, family);
    if (l == NULL) {
        answer_soon(a, EAI_MEMORY);
        return;
    }
    a->next = l->askers;
    a->link = &l->askers;
    if (a->next != NULL)
        a->next->link = &a->next;
    l->askers = a;
}

void resolve_forget(struct rlv_probe *p)
{
    for (struct asker *a = p->askers; a != NULL; a = a->next_of_probe)
        detach(a);
    p->askers = NULL;
}

/* --------------------------------------------------------------- open, close
 */

void resolve_open(void)
{
    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    wake.ready = on_wake;
    if (wake_fd < 0 || !loop_watch(wake_fd, EPOLLIN, &wake))
        die("eventfd: %s", strerror(errno));
}

void resolve_close(void)
{
    pthread_mutex_lock(&mutex);
    closing = true;
    pthread_cond_broadcast(&work_there);
    pthread_mutex_unlock(&mutex);
    close(wake_fd);
}

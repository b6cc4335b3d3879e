/* kit/crank.c: libcurl's multi handle on the worker's loop.
 *
 * Owns the multi handle, a watch for each socket that libcurl waits for, and
 * one timer a crank. All hang on the plugin's scope in the worker. Called by
 * kit/stream.c and by plugins that use libcurl themselves.
 *
 * Happy path: kit_crank_add() adds an easy handle and turns the crank; libcurl
 * names sockets (on_socket_wanted) and a time (on_time_wanted); the loop calls
 * on_event or on_timer; each turns the crank again and then hands finished
 * transfers to their on_done().
 *
 * Ways it can fail: a transfer that fails is a finished one with a CURLcode.
 * libcurl forbids calls into a multi handle from its own callbacks; those here
 * only note what is wanted. A probe that ends early calls kit_crank_remove(),
 * which is safe at any time outside of libcurl's callbacks, also while reap()
 * is going through finished transfers. */
#include "kit/dial.h"

#include <stdlib.h>

#define MS             1000000ll /* nanoseconds */
#define TURNS          8     /* of the crank, before the loop has its turn */
#define IDLE_MAX       64    /* easy handles for the next streams */
#define CONNECTION_MAX 4096L /* kept open in a crank */

struct kit_crank {
    struct kit_crank *next; /* those of crank_here() */
    CURLM *multi;
    struct rlv_scope *scope; /* the plugin's */
    struct rlv_watch *timer;
    int64_t wanted_ns; /* when libcurl wants to be called; -1: never */
    int64_t armed_ns;  /* when the timer fires; -1: it does not */
    bool busy;         /* the crank is being turned */
    CURL *idle[IDLE_MAX];
    size_t idle_count;
};

static struct kit_crank *cranks; /* those of crank_here() */

struct sock {
    struct kit_crank *crank;
    struct kit_transfer *transfer;
    struct rlv_watch *watch;
    int fd, events;
};

/* --------------------------------------------------------------- turning - */

/* Exactly when libcurl wants it: a timer that fires in vain wakes the worker.
 */
static void arm(struct kit_crank *crank)
{
    if (crank->armed_ns == crank->wanted_ns)
        return;
    int64_t after_ns = crank->wanted_ns - kit_host->now();
    if (after_ns < 0)
        after_ns = 0;
    kit_host->rearm(crank->timer, 0, crank->wanted_ns < 0 ? -1 : after_ns);
    crank->armed_ns = crank->wanted_ns;
}

static struct kit_transfer *transfer_of(CURL *easy)
{
    char *owner = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &owner);
    return (struct kit_transfer *)(void *)owner;
}

static void reap(struct kit_crank *crank)
{
    int left;
    CURLMsg *msg;
    while ((msg = curl_multi_info_read(crank->multi, &left))) {
        if (msg->msg != CURLMSG_DONE)
            continue;
        CURLcode code = msg->data.result; /* msg ends with the handle's stay */
        struct kit_transfer *transfer = transfer_of(msg->easy_handle);
        kit_host->serving(transfer->probe);
        transfer->on_done(transfer, code);
    }
}

static void turn(struct kit_crank *crank, curl_socket_t fd, int events)
{
    int running;
    if (crank->busy)
        return; /* whoever is turning sees wanted_ns */
    crank->busy = true;
    curl_multi_socket_action(crank->multi, fd, events, &running);
    reap(crank);
    for (int i = 0; i < TURNS && crank->wanted_ns >= 0 &&
                    crank->wanted_ns <= kit_host->now();
         i++) {
        crank->wanted_ns = -1;
        curl_multi_socket_action(crank->multi, CURL_SOCKET_TIMEOUT, 0,
                                 &running);
        reap(crank);
    }
    crank->busy = false;
    arm(crank);
    kit_host->serving(NULL);
}

static void on_timer(void *arg, int events)
{
    (void)events;
    struct kit_crank *crank = arg;
    crank->armed_ns = crank->wanted_ns = -1;
    turn(crank, CURL_SOCKET_TIMEOUT, 0);
}

static int on_time_wanted(CURLM *multi, long after_ms, void *arg)
{
    (void)multi;
    struct kit_crank *crank = arg;
    crank->wanted_ns = after_ms < 0 ? -1 : kit_host->now() + after_ms * MS;
    return 0;
}

/* --------------------------------------------------------------- sockets - */

/* An error wakes libcurl as what it was waiting for, too: the error alone
 * would end the transfer without anyone reading what it was. */
static void on_event(void *arg, int events)
{
    struct sock *sock = arg;
    int mask = 0;
    if (events & RLV_ERROR) {
        events |= sock->events;
        mask = CURL_CSELECT_ERR;
    }
    mask |= (events & RLV_READ ? CURL_CSELECT_IN : 0) |
            (events & RLV_WRITE ? CURL_CSELECT_OUT : 0);
    kit_host->serving(sock->transfer->probe);
    turn(sock->crank, sock->fd, mask);
}

static void sock_wait(struct sock *sock, int events)
{
    sock->events = events;
    if (sock->watch)
        kit_host->rearm(sock->watch, events, 0);
    else
        sock->watch = kit_host->watch(sock->crank->scope, sock->fd, events,
                                      on_event, sock);
}

static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg,
                            void *assigned)
{
    struct kit_crank *crank = arg;
    struct sock *sock = assigned;
    if (what == CURL_POLL_REMOVE) {
        if (sock) {
            curl_multi_assign(crank->multi, fd, NULL);
            kit_host->unwatch(sock->watch);
            free(sock);
        }
        return 0;
    }
    if (!sock) {
        sock = kit_calloc(1, sizeof *sock);
        sock->crank = crank;
        sock->fd = fd;
        curl_multi_assign(crank->multi, fd, sock);
    }
    sock->transfer = transfer_of(easy);
    sock_wait(sock, (what & CURL_POLL_IN ? RLV_READ : 0) |
                        (what & CURL_POLL_OUT ? RLV_WRITE : 0));
    return 0;
}

/* ---------------------------------------------------------------- cranks - */

static void crank_close(void *arg)
{
    struct kit_crank *crank = arg;
    for (struct kit_crank **at = &cranks; *at; at = &(*at)->next) {
        if (*at == crank) {
            *at = crank->next;
            break;
        }
    }
    while (crank->idle_count)
        curl_easy_cleanup(crank->idle[--crank->idle_count]);
    curl_multi_cleanup(crank->multi);
    free(crank);
}

struct kit_crank *kit_crank_open(void)
{
    struct kit_crank *crank = kit_calloc(1, sizeof *crank);
    crank->multi = curl_multi_init();
    if (!crank->multi) {
        free(crank);
        return NULL;
    }
    crank->wanted_ns = crank->armed_ns = -1;
    curl_multi_setopt(crank->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted);
    curl_multi_setopt(crank->multi, CURLMOPT_SOCKETDATA, crank);
    curl_multi_setopt(crank->multi, CURLMOPT_TIMERFUNCTION, on_time_wanted);
    curl_multi_setopt(crank->multi, CURLMOPT_TIMERDATA, crank);
    /* A probe measures a connection of its own, never shares one. */
    curl_multi_setopt(crank->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    curl_multi_setopt(crank->multi, CURLMOPT_MAXCONNECTS, CONNECTION_MAX);
    crank->scope = kit_host->worker_scope();
    crank->timer = kit_host->timer(crank->scope, 1000 * MS, on_timer, crank);
    kit_host->rearm(crank->timer, 0, -1);
    kit_host->defer(crank->scope, crank_close, crank);
    return crank;
}

struct kit_crank *crank_here(void)
{
    struct rlv_scope *scope = kit_host->worker_scope();
    struct kit_crank *crank = cranks;
    while (crank && crank->scope != scope)
        crank = crank->next;
    if (!crank && (crank = kit_crank_open())) {
        crank->next = cranks;
        cranks = crank;
    }
    return crank;
}

CURL *crank_easy(struct kit_crank *crank)
{
    return crank->idle_count ? crank->idle[--crank->idle_count]
                             : curl_easy_init();
}

void crank_easy_back(struct kit_crank *crank, CURL *easy)
{
    if (crank->idle_count < IDLE_MAX)
        crank->idle[crank->idle_count++] = easy;
    else
        curl_easy_cleanup(easy);
}

bool kit_crank_add(struct kit_crank *crank, struct kit_transfer *transfer)
{
    curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
    if (curl_multi_add_handle(crank->multi, transfer->easy) != CURLM_OK)
        return false;
    transfer->crank = crank;
    if (!crank->busy)
        crank->wanted_ns = -1; /* adding asked for a turn at once: here it is */
    turn(crank, CURL_SOCKET_TIMEOUT, 0);
    return true;
}

void kit_crank_remove(struct kit_transfer *transfer)
{
    if (!transfer->crank)
        return;
    curl_multi_remove_handle(transfer->crank->multi, transfer->easy);
    transfer->crank = NULL;
}

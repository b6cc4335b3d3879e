/* http/lane.c: libcurl's multi handle on the worker's loop, and the easy
 * handles.
 *
 * Owns the lanes (a multi handle each; nearly always there is one), a watch
 * for each socket that libcurl waits for, one timer a lane, and the pool of
 * easy handles. All hang on the worker's scope. Called by fetch.c.
 *
 * Happy path: lane_start() adds an easy handle and turns the crank; libcurl
 * names sockets (on_socket_wanted) and a time (on_time_wanted); the loop calls
 * on_event or on_timer; each turns the crank again and then hands finished
 * transfers to fetch_transferred().
 *
 * Ways it can fail: a transfer that fails is a finished one with a CURLcode.
 * libcurl forbids calls into a multi handle from its own callbacks; those here
 * only note what is wanted. A probe that ends early calls lane_stop(), which
 * is safe at any time outside of libcurl's callbacks, also while reap() is
 * going through finished transfers. */
#include "http/http.h"

#include <stdlib.h>
#include <string.h>

#define POOL_MAX       64 /* idle easy handles */
#define BUFFER_KEEP    (64 * 1024)
#define TURNS          8     /* of the crank, before the loop gets its turn */
#define CONNECTION_MAX 4096L /* kept open in a lane */

struct lane {
    struct lane *next;
    CURLM *multi;
    struct rlv_watch *timer;
    int64_t wanted_ns; /* when libcurl wants to be called; -1: never */
    int64_t armed_ns;  /* when the timer fires; -1: it does not */
    bool busy;         /* the crank is being turned */
    char ca_file[];
};

struct sock {
    struct lane *lane;
    struct handle *handle;
    struct rlv_watch *watch;
    int fd, events;
};

static struct lane *lanes;
static struct handle *pool;
static size_t pool_count;

/* ------------------------------------------------------------- the crank - */

/* Exactly when libcurl wants it: a timer that fires in vain wakes the worker.
 */
static void arm(struct lane *lane)
{
    if (lane->armed_ns == lane->wanted_ns)
        return;
    int64_t after_ns = lane->wanted_ns - http_host->now();
    if (after_ns < 0)
        after_ns = 0;
    http_host->rearm(lane->timer, 0, lane->wanted_ns < 0 ? -1 : after_ns);
    lane->armed_ns = lane->wanted_ns;
}

static void reap(struct lane *lane)
{
    int left;
    CURLMsg *msg;
    while ((msg = curl_multi_info_read(lane->multi, &left))) {
        if (msg->msg != CURLMSG_DONE)
            continue;
        CURLcode code = msg->data.result; /* msg ends with the handle's stay */
        char *owner = NULL;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &owner);
        struct fetch *fetch = ((struct handle *)(void *)owner)->fetch;
        http_host->serving(fetch->probe);
        lane_stop(fetch);
        fetch_transferred(fetch, code);
    }
}

static void turn(struct lane *lane, curl_socket_t fd, int events)
{
    int running;
    if (lane->busy)
        return; /* whoever is turning sees wanted_ns */
    lane->busy = true;
    curl_multi_socket_action(lane->multi, fd, events, &running);
    reap(lane);
    for (int i = 0; i < TURNS && lane->wanted_ns >= 0 &&
                    lane->wanted_ns <= http_host->now();
         i++) {
        lane->wanted_ns = -1;
        curl_multi_socket_action(lane->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        reap(lane);
    }
    lane->busy = false;
    arm(lane);
    http_host->serving(NULL);
}

static void on_timer(void *arg, int events)
{
    (void)events;
    struct lane *lane = arg;
    lane->armed_ns = lane->wanted_ns = -1;
    turn(lane, CURL_SOCKET_TIMEOUT, 0);
}

static int on_time_wanted(CURLM *multi, long after_ms, void *arg)
{
    (void)multi;
    struct lane *lane = arg;
    lane->wanted_ns = after_ms < 0 ? -1 : http_host->now() + after_ms * HTTP_MS;
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
    if (sock->handle->fetch)
        http_host->serving(sock->handle->fetch->probe);
    turn(sock->lane, sock->fd, mask);
}

static void sock_wait(struct sock *sock, int events)
{
    sock->events = events;
    if (sock->watch)
        http_host->rearm(sock->watch, events, 0);
    else
        sock->watch = http_host->watch(http_host->worker_scope(), sock->fd,
                                       events, on_event, sock);
}

static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg,
                            void *assigned)
{
    struct lane *lane = arg;
    struct sock *sock = assigned;
    if (what == CURL_POLL_REMOVE) {
        if (sock) {
            curl_multi_assign(lane->multi, fd, NULL);
            http_host->unwatch(sock->watch);
            free(sock);
        }
        return 0;
    }
    if (!sock) {
        sock = calloc(1, sizeof *sock);
        if (!sock)
            return -1;
        sock->lane = lane;
        sock->fd = fd;
        curl_multi_assign(lane->multi, fd, sock);
    }
    char *owner = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &owner);
    sock->handle = (struct handle *)(void *)owner;
    sock_wait(sock, (what & CURL_POLL_IN ? RLV_READ : 0) |
                        (what & CURL_POLL_OUT ? RLV_WRITE : 0));
    return 0;
}

/* ----------------------------------------------------------------- lanes - */

static void lane_close(void *arg)
{
    struct lane *lane = arg;
    for (struct lane **at = &lanes; *at; at = &(*at)->next) {
        if (*at == lane) {
            *at = lane->next;
            break;
        }
    }
    curl_multi_cleanup(lane->multi);
    free(lane);
}

static void pool_close(void *arg)
{
    (void)arg;
    while (pool) {
        struct handle *handle = pool;
        pool = handle->next;
        pool_count--;
        curl_easy_cleanup(handle->easy);
        free(handle->head.at);
        free(handle->body.at);
        free(handle);
    }
}

static struct lane *lane_open(const char *ca_file)
{
    size_t len = strlen(ca_file) + 1;
    struct lane *lane = calloc(1, sizeof *lane + len);
    if (!lane)
        return NULL;
    lane->multi = curl_multi_init();
    if (!lane->multi) {
        free(lane);
        return NULL;
    }
    memcpy(lane->ca_file, ca_file, len);
    lane->wanted_ns = lane->armed_ns = -1;
    curl_multi_setopt(lane->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted);
    curl_multi_setopt(lane->multi, CURLMOPT_SOCKETDATA, lane);
    curl_multi_setopt(lane->multi, CURLMOPT_TIMERFUNCTION, on_time_wanted);
    curl_multi_setopt(lane->multi, CURLMOPT_TIMERDATA, lane);
    /* A probe measures a connection of its own, never shares one. */
    curl_multi_setopt(lane->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    curl_multi_setopt(lane->multi, CURLMOPT_MAXCONNECTS, CONNECTION_MAX);
    struct rlv_scope *scope = http_host->worker_scope();
    if (!lanes)
        http_host->defer(scope, pool_close, NULL);
    lane->timer = http_host->timer(scope, 1000 * HTTP_MS, on_timer, lane);
    http_host->rearm(lane->timer, 0, -1);
    http_host->defer(scope, lane_close, lane);
    lane->next = lanes;
    lanes = lane;
    return lane;
}

struct lane *lane_for(const char *ca_file)
{
    if (!ca_file)
        ca_file = "";
    for (struct lane *lane = lanes; lane; lane = lane->next)
        if (strcmp(lane->ca_file, ca_file) == 0)
            return lane;
    return lane_open(ca_file);
}

bool lane_start(struct lane *lane, struct fetch *fetch)
{
    if (curl_multi_add_handle(lane->multi, fetch->handle->easy) != CURLM_OK)
        return false;
    fetch->lane = lane;
    if (!lane->busy)
        lane->wanted_ns = -1; /* adding asked for a turn at once: here it is */
    turn(lane, CURL_SOCKET_TIMEOUT, 0);
    return true;
}

void lane_stop(struct fetch *fetch)
{
    if (!fetch->lane)
        return;
    curl_multi_remove_handle(fetch->lane->multi, fetch->handle->easy);
    fetch->lane = NULL;
}

/* ------------------------------------------------------------------ pool - */

struct handle *handle_take(struct fetch *fetch)
{
    struct handle *handle = pool;
    if (handle) {
        pool = handle->next;
        pool_count--;
    } else {
        handle = calloc(1, sizeof *handle);
        if (handle && !(handle->easy = curl_easy_init())) {
            free(handle);
            handle = NULL;
        }
        if (!handle)
            return NULL;
    }
    handle->next = NULL;
    handle->fetch = fetch;
    return handle;
}

static void bytes_trim(struct bytes *bytes)
{
    if (bytes->size > BUFFER_KEEP) {
        free(bytes->at);
        *bytes = (struct bytes){0};
    }
    bytes->len = 0;
}

void handle_give(struct handle *handle)
{
    handle->fetch = NULL;
    bytes_trim(&handle->head);
    bytes_trim(&handle->body);
    if (pool_count >= POOL_MAX) {
        curl_easy_cleanup(handle->easy);
        free(handle->head.at);
        free(handle->body.at);
        free(handle);
        return;
    }
    handle->next = pool;
    pool = handle;
    pool_count++;
}

/* web/server.c: connections: accepted, bounded, and given to libmicrohttpd once
 * the head of their one request has been read and judged (head.h).
 *
 * Happy path: accepted → its head gathers in the socket → judged → handed over
 * → calls.c → answered, closed.
 * Ways it can fail: a client that dawdles (each step has its time, whatever
 * trickles in meanwhile), too many at once (whoever has waited longest without
 * having asked anything makes room), a head that is too long or none: told so
 * in one line, and closed. */
#include "web/server.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/listen.h"
#include "base/mem.h"
#include "web/calls.h"
#include "web/head.h"
#include "web/mhd.h"
#include "wire/blackbox.h"

enum {
    CONNECTIONS_MOST = 256,
    OF_ONE_ADDRESS_MOST = 64, /* not of this machine: it may be a proxy */
    ACCEPTED_A_TURN = 16,
    EVENTS_A_TURN = 64,
    MEMORY = 32 * 1024, /* libmicrohttpd's for a connection: more than a head */
    DRAINED_MOST = 64 * 1024,
    LOOK_MS = 500
};
#define HEAD_NS (10 * NS_PER_S) /* from connecting until all of it is there */

struct connection {
    struct connection *next;
    int fd;
    struct sockaddr_storage peer;
    socklen_t peer_len;
    bool handed_over; /* libmicrohttpd has it, and closes it */
    bool ended;       /* shut down: libmicrohttpd will close it */
    int64_t since_ns, until_ns;
};

static struct MHD_Daemon *daemon_;
static int arrivals = -1; /* epoll: sockets whose head is not all there */
static int listeners[WEB_LISTEN_MOST];
static size_t listener_count;
static struct connection *connections;
static size_t connection_count; /* that have not ended */

/* -------------------------------------------------------------- ending --- */

static void forget(struct connection *k)
{
    struct connection **link = &connections;
    while (*link != k)
        link = &(*link)->next;
    *link = k->next;
    if (!k->ended)
        connection_count--;
    free(k);
}

static void end_connection(struct connection *k)
{
    if (k->ended)
        return;
    if (!k->handed_over) {
        close(k->fd);
        forget(k);
        return;
    }
    k->ended = true;
    connection_count--;
    shutdown(k->fd, SHUT_RDWR);
}

static void end_the_late(void)
{
    int64_t now_ns = clock_mono_ns();
    for (struct connection *k = connections, *next; k != NULL; k = next) {
        next = k->next;
        if (now_ns > k->until_ns)
            end_connection(k);
    }
}

/* What is unread when a socket is closed would take our words with it. */
static void refuse(struct connection *k, const char *status)
{
    char bytes[4096], text[256];
    ssize_t n;
    size_t drained = 0;
    while (drained < DRAINED_MOST &&
           (n = recv(k->fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        drained += (size_t)n;
    int len = snprintf(text, sizeof text,
                       "HTTP/1.1 %s\r\nContent-Type: text/plain\r\n"
                       "X-Content-Type-Options: nosniff\r\n"
                       "Content-Length: %zu\r\nConnection: close\r\n\r\n%s\n",
                       status, strlen(status) + 1, status);
    (void)!send(k->fd, text, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
    end_connection(k);
}

/* ------------------------------------------------------------ its head --- */

static void hand_over(struct connection *k)
{
    int fd = k->fd;
    epoll_ctl(arrivals, EPOLL_CTL_DEL, fd, NULL);
    k->handed_over = true;
    if (mhd.MHD_add_connection(daemon_, fd, (const struct sockaddr *)&k->peer,
                               k->peer_len) == MHD_YES)
        return;
    for (struct connection *left = connections; left != NULL; left = left->next)
        if (left == k) { /* it was never told of it; the socket is closed */
            forget(k);
            return;
        }
}

/* More of it may have come; `over`: no more will. */
static void look_at_head(struct connection *k, bool over)
{
    static char bytes[HEAD_MOST + 1];
    ssize_t n = recv(k->fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && !over && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        end_connection(k);
        return;
    }
    switch (head_judge(bytes, (size_t)n)) {
    case HEAD_MORE:
        if (over)
            refuse(k, "400 Bad Request");
        break;
    case HEAD_FINE: hand_over(k); break;
    case HEAD_BAD: refuse(k, "400 Bad Request"); break;
    case HEAD_LONG: refuse(k, "431 Request Header Fields Too Large"); break;
    case HEAD_CODED: refuse(k, "411 Length Required"); break;
    }
}

static void look_at_arrivals(void)
{
    struct epoll_event events[EVENTS_A_TURN];
    int n = epoll_wait(arrivals, events, EVENTS_A_TURN, 0);
    for (int i = 0; i < n; i++) {
        struct connection *k = events[i].data.ptr;
        bool over = events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
        look_at_head(k, over);
    }
}

/* ------------------------------------------------------------ accepted --- */

static bool same_address(const struct sockaddr_storage *a,
                         const struct sockaddr_storage *b)
{
    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET)
        return memcmp(&((const struct sockaddr_in *)a)->sin_addr,
                      &((const struct sockaddr_in *)b)->sin_addr,
                      sizeof(struct in_addr)) == 0;
    return a->ss_family == AF_INET6 &&
           memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr,
                  &((const struct sockaddr_in6 *)b)->sin6_addr,
                  sizeof(struct in6_addr)) == 0;
}

static size_t count_of(const struct sockaddr_storage *peer)
{
    size_t n = 0;
    for (const struct connection *k = connections; k != NULL; k = k->next)
        n += !k->ended && same_address(&k->peer, peer);
    return n;
}

/* Who has waited longest without asking anything; peer NULL: of all. */
static bool make_room(const struct sockaddr_storage *peer)
{
    struct connection *longest = NULL;
    for (struct connection *k = connections; k != NULL; k = k->next)
        if (!k->handed_over && (peer == NULL || same_address(&k->peer, peer)) &&
            (longest == NULL || k->since_ns < longest->since_ns))
            longest = k;
    if (longest == NULL)
        return false;
    end_connection(longest);
    return true;
}

static bool may_come_in(const struct listen_at *peer)
{
    if (!listen_is_local(peer) &&
        count_of(&peer->address) >= OF_ONE_ADDRESS_MOST &&
        !make_room(&peer->address))
        return false;
    return connection_count < CONNECTIONS_MOST || make_room(NULL);
}

/* Edge-triggered: a head that comes in pieces wakes us once for each. */
static void take_in(int fd, const struct listen_at *peer)
{
    struct connection *k = xcalloc(1, sizeof *k);
    int64_t now_ns = clock_mono_ns();
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET,
                                .data = {.ptr = k}};
    *k = (struct connection){.next = connections,
                             .fd = fd,
                             .peer = peer->address,
                             .peer_len = peer->len,
                             .since_ns = now_ns,
                             .until_ns = now_ns + HEAD_NS};
    connections = k;
    connection_count++;
    if (epoll_ctl(arrivals, EPOLL_CTL_ADD, fd, &event) != 0)
        end_connection(k);
}

static void accept_some(int listener)
{
    for (int i = 0; i < ACCEPTED_A_TURN; i++) {
        struct listen_at peer = {.len = sizeof peer.address};
        int fd = accept4(listener, (struct sockaddr *)&peer.address, &peer.len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        if (may_come_in(&peer))
            take_in(fd, &peer);
        else
            close(fd);
    }
}

/* -------------------------------------------------------- handed over --- */

static struct connection *connection_of(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info =
        mhd.MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info->socket_context;
}

void server_set_deadline(struct MHD_Connection *c, int64_t in_ns)
{
    connection_of(c)->until_ns = clock_mono_ns() + in_ns;
}

bool server_is_over_path(struct MHD_Connection *c)
{
    return connection_of(c)->peer.ss_family == AF_UNIX;
}

/* libmicrohttpd tells of the socket that it was given, and when it closes it.
 */
static void on_connection(void *arg, struct MHD_Connection *c, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    (void)arg;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        forget(*context);
        return;
    }
    const union MHD_ConnectionInfo *info =
        mhd.MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    for (struct connection *k = connections; k != NULL; k = k->next)
        if (k->handed_over && !k->ended && k->fd == info->connect_fd)
            *context = k;
    must(*context != NULL);
}

/* ---------------------------------------------------------------- role --- */

static void find_listeners(void)
{
    int on = 0;
    socklen_t len = sizeof on;
    for (int fd = ROLE_FD_LISTEN;
         listener_count < ARRAY_LEN(listeners) &&
         getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on != 0;
         fd++)
        listeners[listener_count++] = fd;
}

void server_open(void)
{
    mhd_load();
    find_listeners();
    arrivals = epoll_create1(EPOLL_CLOEXEC);
    daemon_ = mhd.MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0,
        NULL, NULL, calls_on_request, NULL, MHD_OPTION_URI_LOG_CALLBACK,
        calls_on_uri, NULL, MHD_OPTION_NOTIFY_COMPLETED, calls_on_completed,
        NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection, NULL,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MOST * 2,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    if (daemon_ == NULL || arrivals < 0)
        die("the page cannot be served: %s", strerror(errno));
}

void server_close(void)
{
    calls_end();
    mhd.MHD_run(daemon_);
    mhd.MHD_stop_daemon(daemon_);
    while (connections != NULL)
        end_connection(connections);
    close(arrivals);
}

size_t server_polled(struct pollfd *fds, size_t most)
{
    const union MHD_DaemonInfo *info =
        mhd.MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD);
    size_t n = 0;
    fds[n++] = (struct pollfd){info->epoll_fd, POLLIN, 0};
    fds[n++] = (struct pollfd){arrivals, POLLIN, 0};
    for (size_t i = 0; i < listener_count && n < most; i++)
        fds[n++] = (struct pollfd){listeners[i], POLLIN, 0};
    return n;
}

int server_timeout(void)
{
    MHD_UNSIGNED_LONG_LONG ms;
    if (mhd.MHD_get_timeout(daemon_, &ms) == MHD_YES && ms < LOOK_MS)
        return (int)ms;
    return LOOK_MS;
}

void server_run(void)
{
    look_at_arrivals();
    for (size_t i = 0; i < listener_count; i++)
        accept_some(listeners[i]);
    end_the_late();
    calls_give_up();
    mhd.MHD_run(daemon_);
}

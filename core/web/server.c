/* web/server.c: connections are accepted here, bounded, and given to
 * libmicrohttpd, which reads requests and writes answers; all on one thread.
 *
 * Happy path: accepted → head read → guard.c admits it → body read → the
 * handler answers → written; the next request, or closed.
 * Ways it can fail: a client that dawdles (each step has its time, whatever
 * trickles in meanwhile), too many at once (whoever has waited longest without
 * having asked anything makes room), a head or body that is too long, nonsense
 * (400, closed). */
#include "web/server.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/listen.h"
#include "base/mem.h"
#include "base/str.h"
#include "web/guard.h"
#include "web/handlers.h"
#include "web/link.h"
#include "web/mhd.h"
#include "web/status.h"
#include "wire/blackbox.h"

enum {
    CONNECTIONS_MOST = 256,
    OF_ONE_ADDRESS_MOST = 64, /* not of this machine: it may be a proxy */
    ACCEPTED_A_TURN = 16,
    HEAD_BYTES = 16 * 1024, /* libmicrohttpd's memory for a connection */
    LOOK_MS = 500
};
#define HEAD_NS   (10 * NS_PER_S) /* from connecting, or the answer before */
#define BODY_NS   (10 * NS_PER_S)
#define ANSWER_NS (30 * NS_PER_S)
#define ASKING_NS (2 * NS_PER_S)

struct connection {
    struct connection *next;
    int fd;
    struct sockaddr_storage peer;
    bool over_path; /* of a socket with a path */
    bool ended;     /* shut down: libmicrohttpd will close it */
    bool busy;      /* its head has been read */
    int64_t since_ns, until_ns;
};

struct call {                   /* one request */
    struct web_request request; /* first: web_ask */
    struct web_response response;
    struct buf body;
    bool begun, too_long, has_uri;
    /* While main is asked it is suspended, and in the list. */
    struct call *next_waiting;
    struct MHD_Connection *connection;
    int64_t give_up_ns;
    bool waits_for_status, tried_status;
    uint64_t ticket; /* of its own question; 0: it has none */
    const void *answer;
    size_t answer_len;
    bool refused; /* response is ready */
};

static struct MHD_Daemon *daemon_;
static int listeners[8];
static size_t listener_count;
static struct connection *connections;
static size_t connection_count; /* that have not ended */
static struct call *waiting;

/* ------------------------------------------------------------- answers --- */

static void add_header(struct MHD_Response *m, const char *name,
                       const char *value)
{
    if (value != NULL)
        mhd.MHD_add_response_header(m, name, value);
}

/* Of every answer. The page has one stylesheet, of its own; nothing else is
 * loaded, run, framed or sent anywhere. */
static void add_headers(struct MHD_Response *m, const struct web_response *r)
{
    char refresh[16];
    add_header(m, "Content-Type", r->type == NULL ? WEB_TEXT : r->type);
    add_header(m, "Content-Language", r->language);
    add_header(m, "Vary", r->language == NULL ? NULL : "Accept-Language");
    if (r->refresh_s > 0) {
        snprintf(refresh, sizeof refresh, "%u", r->refresh_s);
        add_header(m, "Refresh", refresh);
    }
    add_header(m, "Allow", r->allow);
    add_header(m, "WWW-Authenticate",
               r->challenge ? "Basic realm=\"Relevo\", charset=\"UTF-8\""
                            : NULL);
    add_header(m, "Cache-Control", r->may_cache ? "max-age=3600" : "no-store");
    add_header(m, "Content-Security-Policy",
               "default-src 'none'; style-src 'self'; img-src 'self'; "
               "form-action 'self'; frame-ancestors 'none'; base-uri 'none'");
    add_header(m, "X-Content-Type-Options", "nosniff");
    add_header(m, "X-Frame-Options", "DENY");
    add_header(m, "Referrer-Policy", "no-referrer");
    add_header(m, "Cross-Origin-Resource-Policy", "same-origin");
    if (r->status >= 400)
        add_header(m, "Connection", "close");
}

/* To a person with a browser a refusal is a page, too. */
static void make_readable(const struct web_request *q, struct web_response *r)
{
    const char *accept = web_header(q, "Accept");
    bool is_page = q->route == NULL || str_eq(q->route->type, WEB_HTML);
    if (r->status < 400 || !is_page || !str_eq(r->type, WEB_TEXT) ||
        accept == NULL || strstr(accept, "text/html") == NULL)
        return;
    char *text = arena_strndup(q->arena, buf_text(&r->body),
                               strcspn(buf_text(&r->body), "\n"));
    page_error_handle(q, r, text);
}

static enum MHD_Result answer(struct MHD_Connection *c, struct call *call)
{
    struct web_response *r = &call->response;
    make_readable(&call->request, r);
    size_t len = r->body.len;
    if (r->status == 0)
        r->status = 200;
    struct MHD_Response *m = mhd.MHD_create_response_from_buffer(
        len, len == 0 ? NULL : buf_take(&r->body),
        len == 0 ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_FREE);
    must(m != NULL);
    add_headers(m, r);
    enum MHD_Result queued = mhd.MHD_queue_response(c, r->status, m);
    mhd.MHD_destroy_response(m);
    return queued;
}

/* ------------------------------------------------------------ requests --- */

static struct connection *connection_of(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info =
        mhd.MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info->socket_context;
}

static void set_deadline(struct MHD_Connection *c, int64_t ns, bool busy)
{
    struct connection *k = connection_of(c);
    k->busy = busy;
    k->until_ns = clock_mono_ns() + ns;
}

const char *web_header(const struct web_request *q, const char *name)
{
    return mhd.MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND,
                                           name);
}

/* The first thing that is known of a request: the state of it is made here. */
static void *on_uri(void *arg, const char *uri, struct MHD_Connection *c)
{
    struct call *call = xcalloc(1, sizeof *call);
    (void)arg;
    call->request.arena = arena_new();
    call->request.connection = c;
    call->has_uri = uri_parse(uri, call->request.arena, &call->request.uri);
    return call;
}

static void on_completed(void *arg, struct MHD_Connection *c, void **state,
                         enum MHD_RequestTerminationCode code)
{
    struct call *call = *state;
    (void)arg;
    (void)code;
    *state = NULL;
    set_deadline(c, HEAD_NS, false);
    if (call == NULL)
        return;
    arena_free(call->request.arena);
    buf_free(&call->response.body);
    buf_free(&call->body);
    free(call);
}

/* ------------------------------------------------------ questions to main ---
 */

static void wait_for_main(struct MHD_Connection *c, struct call *call)
{
    call->connection = c;
    call->give_up_ns = clock_mono_ns() + ASKING_NS;
    call->next_waiting = waiting;
    waiting = call;
    mhd.MHD_suspend_connection(c);
}

static void go_on(struct call *call)
{
    struct call **link = &waiting;
    while (*link != call)
        link = &(*link)->next_waiting;
    *link = call->next_waiting;
    call->waits_for_status = false;
    mhd.MHD_resume_connection(call->connection);
}

/* The first in the list of whom that is true. */
static struct call *find_waiting(bool (*is_it)(const struct call *, int64_t),
                                 int64_t value)
{
    struct call *call = waiting;
    while (call != NULL && !is_it(call, value))
        call = call->next_waiting;
    return call;
}

static bool is_for_status(const struct call *call, int64_t unused)
{
    (void)unused;
    return call->waits_for_status;
}

static bool has_ticket(const struct call *call, int64_t ticket)
{
    return call->ticket == (uint64_t)ticket;
}

static bool is_late(const struct call *call, int64_t now_ns)
{
    return now_ns > call->give_up_ns;
}

void server_answer(const struct msg_question *answer)
{
    struct call *call;
    if (answer->kind == QUESTION_STATUS) {
        if (!status_take(answer))
            return;
        while ((call = find_waiting(is_for_status, 0)) != NULL)
            go_on(call);
        return;
    }
    call = find_waiting(has_ticket, (int64_t)answer->ticket);
    if (call == NULL)
        return; /* it was given up */
    call->answer =
        arena_memdup(call->request.arena, answer->content, answer->len);
    call->answer_len = answer->len;
    go_on(call);
}

/* Main does not answer: what was known before is shown, or 503. */
static void give_up_waiting(void)
{
    struct call *call;
    int64_t now_ns = clock_mono_ns();
    while ((call = find_waiting(is_late, now_ns)) != NULL) {
        if (call->waits_for_status) {
            status_give_up();
        } else {
            response_error(&call->response, 503,
                           "the scheduler does not answer");
            call->refused = true;
        }
        go_on(call);
    }
}

void web_ask(const struct web_request *q, enum question_kind kind,
             const struct buf *content)
{
    struct call *call = (struct call *)(uintptr_t)q; /* its first member */
    call->ticket = link_ask(kind, content);
}

const void *web_answer(const struct web_request *q, size_t *len)
{
    const struct call *call = (const struct call *)q;
    *len = call->answer_len;
    return call->answer;
}

static enum MHD_Result begin(struct MHD_Connection *c, struct call *call,
                             const char *method, const char *version)
{
    const struct guard_facts facts = {
        method, version, connection_of(c)->over_path, call->has_uri};
    call->begun = true;
    set_deadline(c, BODY_NS, true);
    if (guard_admits(&call->request, &facts, &call->response))
        return MHD_YES;
    set_deadline(c, ANSWER_NS, true);
    return answer(c, call);
}

/* True: it has set out to ask main what the route needs. */
static bool lacks_status(struct MHD_Connection *c, struct call *call)
{
    if ((call->request.route->needs & NEEDS_STATUS) == 0 ||
        call->tried_status || status_is_fresh())
        return false;
    call->tried_status = call->waits_for_status = true;
    status_want();
    wait_for_main(c, call);
    return true;
}

static void handle(struct call *call)
{
    struct web_request *q = &call->request;
    bool needs_status = (q->route->needs & NEEDS_STATUS) != 0;
    q->now_us = clock_wall_us();
    q->body = buf_text(&call->body);
    q->body_len = call->body.len;
    q->status = needs_status ? status_now() : NULL;
    if (call->too_long)
        response_error(&call->response, 413, "the body is longer than 100 KiB");
    else
        q->route->handle(q, &call->response);
}

static enum MHD_Result finish(struct MHD_Connection *c, struct call *call)
{
    set_deadline(c, ANSWER_NS, true);
    if (!call->refused) {
        if (lacks_status(c, call))
            return MHD_YES;
        handle(call);
        if (call->ticket != 0 && call->answer == NULL) {
            wait_for_main(c, call);
            return MHD_YES;
        }
    }
    return answer(c, call);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c,
                                  const char *url, const char *method,
                                  const char *version, const char *upload,
                                  size_t *upload_len, void **state)
{
    struct call *call = *state;
    (void)arg;
    (void)url;
    if (call == NULL)
        return MHD_NO;
    if (!call->begun)
        return begin(c, call, method, version);
    if (*upload_len == 0)
        return finish(c, call);
    call->too_long |= call->body.len + *upload_len > BODY_MOST;
    if (!call->too_long)
        buf_add(&call->body, upload, *upload_len);
    *upload_len = 0;
    return MHD_YES;
}

/* --------------------------------------------------------- connections --- */

static void end_connection(struct connection *k)
{
    if (k->ended)
        return;
    k->ended = true;
    connection_count--;
    shutdown(k->fd, SHUT_RDWR);
}

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
        if (!k->ended && !k->busy &&
            (peer == NULL || same_address(&k->peer, peer)) &&
            (longest == NULL || k->since_ns < longest->since_ns))
            longest = k;
    if (longest != NULL)
        end_connection(longest);
    return longest != NULL;
}

static bool may_come_in(const struct listen_at *peer)
{
    if (!listen_is_local(peer) &&
        count_of(&peer->address) >= OF_ONE_ADDRESS_MOST &&
        !make_room(&peer->address))
        return false;
    return connection_count < CONNECTIONS_MOST || make_room(NULL);
}

/* libmicrohttpd tells of the socket that it was given. */
static void on_connection(void *arg, struct MHD_Connection *c, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    (void)arg;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            mhd.MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
        for (struct connection *k = connections; k != NULL; k = k->next)
            if (!k->ended && k->fd == info->connect_fd)
                *context = k;
        return;
    }
    struct connection **link = &connections, *k = *context;
    while (*link != k)
        link = &(*link)->next;
    *link = k->next;
    if (!k->ended)
        connection_count--;
    free(k);
}

static void take_in(int fd, const struct listen_at *peer)
{
    struct connection *k = xcalloc(1, sizeof *k);
    int64_t now_ns = clock_mono_ns();
    *k = (struct connection){.next = connections,
                             .fd = fd,
                             .peer = peer->address,
                             .over_path = peer->address.ss_family == AF_UNIX,
                             .since_ns = now_ns,
                             .until_ns = now_ns + HEAD_NS};
    connections = k;
    connection_count++;
    if (mhd.MHD_add_connection(daemon_, fd,
                               (const struct sockaddr *)&peer->address,
                               peer->len) == MHD_YES)
        return;
    if (connections == k) { /* it was never told of it */
        connections = k->next;
        connection_count--;
        free(k);
    }
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

static void end_the_late(void)
{
    int64_t now_ns = clock_mono_ns();
    for (struct connection *k = connections; k != NULL; k = k->next)
        if (now_ns > k->until_ns)
            end_connection(k);
}

/* ---------------------------------------------------------------- role --- */

static void find_listeners(void)
{
    int on = 0;
    socklen_t len = sizeof on;
    for (int fd = ROLE_FD_LISTEN;
         listener_count < 8 &&
         getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on != 0;
         fd++)
        listeners[listener_count++] = fd;
}

void server_open(void)
{
    mhd_load();
    find_listeners();
    daemon_ = mhd.MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0,
        NULL, NULL, on_request, NULL, MHD_OPTION_URI_LOG_CALLBACK, on_uri, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, NULL,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_BYTES,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MOST * 2,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    if (daemon_ == NULL)
        die("libmicrohttpd does not start");
}

void server_close(void)
{
    while (waiting != NULL)
        go_on(waiting);
    mhd.MHD_run(daemon_);
    mhd.MHD_stop_daemon(daemon_);
}

size_t server_polled(struct pollfd *fds, size_t most)
{
    const union MHD_DaemonInfo *info =
        mhd.MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD);
    size_t n = 0;
    fds[n++] = (struct pollfd){info->epoll_fd, POLLIN, 0};
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
    for (size_t i = 0; i < listener_count; i++)
        accept_some(listeners[i]);
    end_the_late();
    give_up_waiting();
    mhd.MHD_run(daemon_);
}

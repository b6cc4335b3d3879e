/* postgres/cancel.c: asks a server to give up what it is still at.
 *
 * PQcancel() waits for the server, and on a loop nobody may. So the sixteen
 * bytes are sent here, over a connection of their own, in the scope of the
 * worker: the probe ends meanwhile. Owns a few slots, each of them at most a
 * second long in use. Called by run.c.
 *
 * Happy path: cancel_send() → connected: the request is sent → the server
 * closes. Ways it can fail: any, and then the statement_timeout that the server
 * was given is what is left. */
#include "postgres/cancel.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define SLOTS    8
#define LIMIT_NS 1000000000ll
#define REQUEST  80877102u /* instead of a protocol's version */

struct slot {
    struct rlv_watch *watch, *timer; /* watch NULL: the slot is free */
    int fd;
    bool sent;
    unsigned char request[16];
};

static struct slot slots[SLOTS];

static void end(struct slot *slot)
{
    postgres_host->unwatch(slot->watch);
    postgres_host->unwatch(slot->timer);
    close(slot->fd);
    slot->watch = slot->timer = NULL;
}

static void on_limit(void *arg, int events)
{
    (void)events;
    end(arg);
}

static void on_event(void *arg, int events)
{
    (void)events;
    struct slot *slot = arg;
    if (slot->sent || send(slot->fd, slot->request, sizeof slot->request,
                           MSG_NOSIGNAL) != sizeof slot->request) {
        end(slot);
        return;
    }
    slot->sent = true;
    postgres_host->rearm(slot->watch, RLV_READ, 0);
}

static void put(unsigned char *at, uint32_t number)
{
    at[0] = (unsigned char)(number >> 24);
    at[1] = (unsigned char)(number >> 16);
    at[2] = (unsigned char)(number >> 8);
    at[3] = (unsigned char)number;
}

static struct slot *free_slot(void)
{
    for (size_t i = 0; i < SLOTS; i++)
        if (!slots[i].watch)
            return &slots[i];
    return NULL;
}

void cancel_send(const struct session *session)
{
    struct rlv_scope *scope = postgres_host->worker_scope();
    struct slot *slot = free_slot();
    struct sockaddr_storage to;
    struct sockaddr *at = (struct sockaddr *)(void *)&to;
    socklen_t size = sizeof to;
    if (!slot || !session->guard.has_key || !session->results ||
        getpeername(PQsocket(session->conn), at, &size))
        return;
    slot->fd =
        socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (slot->fd < 0)
        return;
    if (connect(slot->fd, at, size) && errno != EINPROGRESS) {
        close(slot->fd);
        return;
    }
    put(slot->request, sizeof slot->request);
    put(slot->request + 4, REQUEST);
    put(slot->request + 8, session->guard.pid);
    put(slot->request + 12, session->guard.key);
    slot->sent = false;
    slot->watch =
        postgres_host->watch(scope, slot->fd, RLV_WRITE, on_event, slot);
    slot->timer = postgres_host->timer(scope, LIMIT_NS, on_limit, slot);
}

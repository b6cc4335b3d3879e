/* The floor: what SELECT 1 costs a bare program on libpq's asynchronous
 * interface and epoll, in a new session each time or in kept ones.
 *
 *     bench_libpq_async CONNINFO COUNT IN_FLIGHT RATE new|keep
 *
 * CONNINFO should say gssencmode=disable and name an address. See floor.h. */
#include <libpq-fe.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "floor.h"

struct session {
    struct slot slot; /* first */
    PGconn *conn;     /* NULL: none */
    bool open;
};

static void end(struct session *session, bool good)
{
    if (!floor_keeps || !good) {
        floor_watch(&session->slot, 0);
        PQfinish(session->conn);
        session->conn = NULL;
    }
    floor_end(&session->slot, good);
}

static void ask(struct session *session)
{
    if (!PQsendQuery(session->conn, "SELECT 1") || PQflush(session->conn))
        end(session, false);
}

/* libpq may have closed its socket, and opened another. */
static void poll_it(struct session *session)
{
    floor_watch(&session->slot, 0);
    PostgresPollingStatusType polled = PQconnectPoll(session->conn);
    session->slot.fd = PQsocket(session->conn);
    if (polled == PGRES_POLLING_FAILED) {
        end(session, false);
        return;
    }
    floor_watch(&session->slot,
                polled == PGRES_POLLING_WRITING ? EPOLLOUT : EPOLLIN);
    if (polled != PGRES_POLLING_OK)
        return;
    session->open = true;
    PQsetnonblocking(session->conn, 1);
    ask(session);
}

static void receive(struct session *session)
{
    bool good = true;
    if (!PQconsumeInput(session->conn)) {
        end(session, false);
        return;
    }
    while (!PQisBusy(session->conn)) {
        PGresult *result = PQgetResult(session->conn);
        if (!result) {
            end(session, good);
            return;
        }
        good = good && PQntuples(result) == 1;
        PQclear(result);
    }
}

static void ready(struct slot *slot, uint32_t events)
{
    struct session *session = (struct session *)(void *)slot;
    (void)events;
    if (session->open)
        receive(session);
    else
        poll_it(session);
}

static void begin(struct slot *slot)
{
    struct session *session = (struct session *)(void *)slot;
    if (session->conn) {
        ask(session);
        return;
    }
    session->open = false;
    session->conn = PQconnectStart(floor_target);
    if (PQstatus(session->conn) == CONNECTION_BAD)
        exit(2);
    slot->fd = PQsocket(session->conn);
    slot->events = 0;
    floor_watch(slot, EPOLLOUT);
}

int main(int argc, char **argv)
{
    static const struct floor program = {sizeof(struct session), begin, ready};
    return floor_main(&program, argc, argv);
}

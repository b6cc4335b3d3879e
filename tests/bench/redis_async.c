/* The floor: what a PING costs a bare program on hiredis' asynchronous
 * interface and epoll, on a new connection each time or on kept ones.
 *
 *     bench_redis_async PORT COUNT IN_FLIGHT RATE new|keep
 *
 * See floor.h. */
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "floor.h"

struct connection {
    struct slot slot;         /* first */
    redisAsyncContext *redis; /* NULL: none */
};

/* ------------------------------------------------- hiredis' event hooks -- */

static void add_read(void *arg)
{
    struct slot *slot = arg;
    floor_watch(slot, slot->events | EPOLLIN);
}
static void del_read(void *arg)
{
    struct slot *slot = arg;
    floor_watch(slot, slot->events & ~EPOLLIN);
}
static void add_write(void *arg)
{
    struct slot *slot = arg;
    floor_watch(slot, slot->events | EPOLLOUT);
}
static void del_write(void *arg)
{
    struct slot *slot = arg;
    floor_watch(slot, slot->events & ~EPOLLOUT);
}
static void clean_up(void *slot) { floor_watch(slot, 0); }

static void ready(struct slot *slot, uint32_t events)
{
    struct connection *connection = (struct connection *)(void *)slot;
    if (connection->redis && (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) &&
        (slot->events & EPOLLIN))
        redisAsyncHandleRead(connection->redis);
    if (connection->redis && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) &&
        (slot->events & EPOLLOUT))
        redisAsyncHandleWrite(connection->redis);
}

/* ------------------------------------------------------------ operations - */

static bool answered; /* the PING of a connection that now is closed */

static void on_gone(const redisAsyncContext *redis, int status)
{
    struct connection *connection = redis->ev.data;
    (void)status;
    connection->redis = NULL;
    floor_end(&connection->slot, answered);
    answered = false;
}

static void on_pong(redisAsyncContext *redis, void *got, void *arg)
{
    const redisReply *reply = got;
    bool good = reply != NULL && reply->type == REDIS_REPLY_STATUS;
    (void)arg;
    if (floor_keeps && reply != NULL) {
        floor_end(redis->ev.data, good);
    } else if (!floor_keeps) {
        answered = good; /* on_gone() comes as soon as this returns */
        redisAsyncDisconnect(redis);
    }
}

static void begin(struct slot *slot)
{
    struct connection *connection = (struct connection *)(void *)slot;
    if (connection->redis == NULL) {
        redisAsyncContext *redis =
            redisAsyncConnect("127.0.0.1", atoi(floor_target));
        if (redis == NULL || redis->err)
            exit(2);
        connection->redis = redis;
        slot->fd = redis->c.fd;
        slot->events = 0;
        redis->ev.data = slot;
        redis->ev.addRead = add_read;
        redis->ev.delRead = del_read;
        redis->ev.addWrite = add_write;
        redis->ev.delWrite = del_write;
        redis->ev.cleanup = clean_up;
        redisAsyncSetDisconnectCallback(redis, on_gone);
    }
    redisAsyncCommand(connection->redis, on_pong, NULL, "PING");
}

int main(int argc, char **argv)
{
    static const struct floor program = {sizeof(struct connection), begin,
                                         ready};
    return floor_main(&program, argc, argv);
}

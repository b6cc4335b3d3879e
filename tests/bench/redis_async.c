/* The floor: what a PING costs a bare program on hiredis' asynchronous
 * interface and epoll, on a new connection each time or on kept ones.
 *
 *     bench_redis_async PORT COUNT IN_FLIGHT RATE new|keep
 *
 * As bench_plugin: IN_FLIGHT connections are warmed up first. Prints one JSON
 * line: microseconds of CPU a PING, from the first to the last. */
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

enum { EVENTS = 128 };

struct slot {
    redisAsyncContext *redis;
    int fd, events;
};

static struct {
    int epoll, port;
    bool keep;
    struct slot **idle;
    long idle_count, begun, ended, good, count, rate;
} f;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* ------------------------------------------------- hiredis' event hooks -- */

static void listen_for(struct slot *slot, int events)
{
    struct epoll_event e = {.events = (uint32_t)events, .data.ptr = slot};
    int op = slot->events == 0 ? EPOLL_CTL_ADD
             : events == 0     ? EPOLL_CTL_DEL
                               : EPOLL_CTL_MOD;
    if (events != slot->events)
        epoll_ctl(f.epoll, op, slot->fd, &e);
    slot->events = events;
}

static void add_read(void *slot)
{
    listen_for(slot, ((struct slot *)slot)->events | EPOLLIN);
}
static void del_read(void *slot)
{
    listen_for(slot, ((struct slot *)slot)->events & ~EPOLLIN);
}
static void add_write(void *slot)
{
    listen_for(slot, ((struct slot *)slot)->events | EPOLLOUT);
}
static void del_write(void *slot)
{
    listen_for(slot, ((struct slot *)slot)->events & ~EPOLLOUT);
}
static void clean_up(void *slot) { listen_for(slot, 0); }

/* ------------------------------------------------------------------ load - */

static void end(struct slot *slot)
{
    f.ended++;
    f.idle[f.idle_count++] = slot;
}

static void on_gone(const redisAsyncContext *redis, int status)
{
    struct slot *slot = redis->ev.data;
    (void)status;
    slot->redis = NULL;
    end(slot);
}

static void on_pong(redisAsyncContext *redis, void *got, void *arg)
{
    const redisReply *reply = got;
    (void)arg;
    f.good += reply != NULL && reply->type == REDIS_REPLY_STATUS;
    if (f.keep && reply != NULL)
        end(redis->ev.data);
    else if (!f.keep)
        redisAsyncDisconnect(redis);
}

static void begin(void)
{
    struct slot *slot = f.idle[--f.idle_count];
    f.begun++;
    if (slot->redis == NULL) {
        redisAsyncContext *redis = redisAsyncConnect("127.0.0.1", f.port);
        if (redis == NULL || redis->err)
            exit(2);
        slot->redis = redis;
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
    redisAsyncCommand(slot->redis, on_pong, NULL, "PING");
}

static void turn(int64_t until_ns)
{
    struct epoll_event events[EVENTS];
    int64_t left_ns = until_ns < 0 ? 1000000000 : until_ns - now_ns();
    if (left_ns < 0)
        left_ns = 0;
    struct timespec t = {left_ns / 1000000000, left_ns % 1000000000};
    int n = epoll_pwait2(f.epoll, events, EVENTS, &t, NULL);
    for (int i = 0; i < n; i++) {
        struct slot *slot = events[i].data.ptr;
        uint32_t e = events[i].events;
        if (slot->redis && (e & (EPOLLIN | EPOLLERR | EPOLLHUP)) &&
            (slot->events & EPOLLIN))
            redisAsyncHandleRead(slot->redis);
        if (slot->redis && (e & (EPOLLOUT | EPOLLERR | EPOLLHUP)) &&
            (slot->events & EPOLLOUT))
            redisAsyncHandleWrite(slot->redis);
    }
}

static void run(long count)
{
    int64_t from_ns = now_ns();
    f.begun = f.ended = f.good = 0;
    while (f.ended < count) {
        int64_t next_ns = -1;
        while (f.begun < count && f.idle_count > 0) {
            next_ns = f.rate == 0
                          ? 0
                          : from_ns + f.begun * INT64_C(1000000000) / f.rate;
            if (next_ns > now_ns())
                break;
            begin();
            next_ns = -1;
        }
        turn(next_ns);
    }
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: bench_redis_async PORT COUNT IN_FLIGHT RATE "
                        "new|keep\n");
        return 2;
    }
    f.port = atoi(argv[1]);
    f.count = atol(argv[2]);
    f.idle_count = atol(argv[3]);
    f.rate = atol(argv[4]);
    f.keep = strcmp(argv[5], "keep") == 0;
    f.epoll = epoll_create1(EPOLL_CLOEXEC);
    f.idle = calloc((size_t)f.idle_count, sizeof *f.idle);
    for (long i = 0; i < f.idle_count; i++)
        f.idle[i] = calloc(1, sizeof **f.idle);
    run(f.idle_count);
    double before_us = cpu_us();
    int64_t from_ns = now_ns();
    run(f.count);
    printf("{\"probes\": %ld, \"good\": %ld, \"cpu_us\": %.2f, "
           "\"seconds\": %.3f}\n",
           f.ended, f.good, (cpu_us() - before_us) / (double)f.ended,
           (double)(now_ns() - from_ns) / 1e9);
    return f.good == f.count ? 0 : 1;
}

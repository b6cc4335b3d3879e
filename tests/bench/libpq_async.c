/* The floor: what SELECT 1 costs a bare program on libpq's asynchronous
 * interface and epoll, in a new session each time or in kept ones.
 *
 *     bench_libpq_async CONNINFO COUNT IN_FLIGHT RATE new|keep
 *
 * CONNINFO should say gssencmode=disable and name an address. As bench_plugin:
 * IN_FLIGHT sessions are warmed up first. Prints one JSON line: microseconds of
 * CPU a query, from the first to the last. */
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

enum { EVENTS = 128 };

struct slot {
    PGconn *conn;
    bool open;
    int fd, events; /* events 0: it is not watched */
};

static struct {
    int epoll;
    const char *conninfo;
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

static void watch(struct slot *slot, int events)
{
    struct epoll_event e = {.events = (uint32_t)events, .data.ptr = slot};
    int op = slot->events == 0 ? EPOLL_CTL_ADD
             : events == 0     ? EPOLL_CTL_DEL
                               : EPOLL_CTL_MOD;
    if (events != slot->events)
        epoll_ctl(f.epoll, op, slot->fd, &e);
    slot->events = events;
}

/* ------------------------------------------------------------------ load - */

static void end(struct slot *slot, bool good)
{
    f.ended++;
    f.good += good;
    f.idle[f.idle_count++] = slot;
    if (f.keep && good)
        return;
    watch(slot, 0);
    PQfinish(slot->conn);
    slot->conn = NULL;
}

static void ask(struct slot *slot)
{
    if (!PQsendQuery(slot->conn, "SELECT 1") || PQflush(slot->conn))
        end(slot, false);
}

/* libpq may have closed its socket, and opened another. */
static void poll_it(struct slot *slot)
{
    watch(slot, 0);
    PostgresPollingStatusType polled = PQconnectPoll(slot->conn);
    slot->fd = PQsocket(slot->conn);
    if (polled == PGRES_POLLING_FAILED) {
        end(slot, false);
        return;
    }
    watch(slot, polled == PGRES_POLLING_WRITING ? EPOLLOUT : EPOLLIN);
    if (polled != PGRES_POLLING_OK)
        return;
    slot->open = true;
    PQsetnonblocking(slot->conn, 1);
    ask(slot);
}

static void receive(struct slot *slot)
{
    bool good = true;
    if (!PQconsumeInput(slot->conn)) {
        end(slot, false);
        return;
    }
    while (!PQisBusy(slot->conn)) {
        PGresult *result = PQgetResult(slot->conn);
        if (!result) {
            end(slot, good);
            return;
        }
        good = good && PQntuples(result) == 1;
        PQclear(result);
    }
}

static void begin(void)
{
    struct slot *slot = f.idle[--f.idle_count];
    f.begun++;
    if (slot->conn) {
        ask(slot);
        return;
    }
    slot->open = false;
    slot->conn = PQconnectStart(f.conninfo);
    if (PQstatus(slot->conn) == CONNECTION_BAD)
        exit(2);
    slot->fd = PQsocket(slot->conn);
    slot->events = 0;
    watch(slot, EPOLLOUT);
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
        if (slot->open)
            receive(slot);
        else
            poll_it(slot);
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
        fprintf(stderr, "usage: bench_libpq_async CONNINFO COUNT IN_FLIGHT "
                        "RATE new|keep\n");
        return 2;
    }
    f.conninfo = argv[1];
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

/* See floor.h. */
#include "floor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

enum { EVENTS = 128 };

const char *floor_target;
bool floor_keeps;

static struct {
    const struct floor *program;
    int epoll;
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

void floor_watch(struct slot *slot, int events)
{
    struct epoll_event e = {.events = (uint32_t)events, .data.ptr = slot};
    int op = slot->events == 0 ? EPOLL_CTL_ADD
             : events == 0     ? EPOLL_CTL_DEL
                               : EPOLL_CTL_MOD;
    if (events != slot->events)
        epoll_ctl(f.epoll, op, slot->fd, &e);
    slot->events = events;
}

void floor_end(struct slot *slot, bool good)
{
    f.ended++;
    f.good += good;
    f.idle[f.idle_count++] = slot;
}

static void begin(void)
{
    struct slot *slot = f.idle[--f.idle_count];
    f.begun++;
    f.program->begin(slot);
}

static void turn(int64_t until_ns)
{
    struct epoll_event events[EVENTS];
    int64_t left_ns = until_ns < 0 ? 1000000000 : until_ns - now_ns();
    if (left_ns < 0)
        left_ns = 0;
    struct timespec t = {left_ns / 1000000000, left_ns % 1000000000};
    int n = epoll_pwait2(f.epoll, events, EVENTS, &t, NULL);
    for (int i = 0; i < n; i++)
        f.program->ready(events[i].data.ptr, events[i].events);
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

int floor_main(const struct floor *program, int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: %s TARGET COUNT IN_FLIGHT RATE new|keep\n",
                argv[0]);
        return 2;
    }
    f.program = program;
    floor_target = argv[1];
    f.count = atol(argv[2]);
    f.idle_count = atol(argv[3]);
    f.rate = atol(argv[4]);
    floor_keeps = strcmp(argv[5], "keep") == 0;
    f.epoll = epoll_create1(EPOLL_CLOEXEC);
    f.idle = calloc((size_t)f.idle_count, sizeof *f.idle);
    for (long i = 0; i < f.idle_count; i++)
        f.idle[i] = calloc(1, program->slot_size);
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

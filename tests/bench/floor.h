/* A bare program that a plugin is held against: so many operations on slots,
 * each a connection of its own, at even distances, on epoll; and the CPU that
 * it took. Linked by bench_redis_async and bench_libpq_async. */
#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The beginning of what a program keeps for a connection. */
struct slot {
    int fd, events; /* events 0: it is not watched */
};

struct floor {
    size_t slot_size;
    void (*begin)(struct slot *); /* one operation; ends in floor_end() */
    void (*ready)(struct slot *, uint32_t events);
};

/* PROGRAM TARGET COUNT IN_FLIGHT RATE new|keep. IN_FLIGHT operations warm it
 * up; then COUNT of them are measured. Prints one JSON line: microseconds of
 * CPU each. Returns the exit status. */
int floor_main(const struct floor *, int argc, char **argv);

extern const char *floor_target;
extern bool floor_keeps; /* connections, from one operation to the next */

void floor_watch(struct slot *, int events);
void floor_end(struct slot *, bool good);

#endif

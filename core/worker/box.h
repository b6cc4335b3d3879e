/* worker/box.h: the black-box page, written around every call into a plugin,
 * so that main knows what a worker was doing when it died or hung. Cheap: no
 * system call. */
#ifndef RELEVO_WORKER_BOX_H
#define RELEVO_WORKER_BOX_H

#include <stdint.h>

#include "wire/blackbox.h"

struct plugin;

struct box_frame { /* what was going on */
    uint32_t callback;
    uint64_t probe;
    int64_t entered_ns;
    struct plugin *plugin;
};

/* Maps the page behind the descriptor; without one nobody looks. From then on
 * a deadly signal says whether it was this thread that it came to. */
void box_open(int fd);

/* Calls nest (done() in a callback judges, which ends a scope); the caller
 * keeps what box_enter returns for box_leave. */
struct box_frame box_enter(enum blackbox_callback, struct plugin *,
                           uint64_t probe);
void box_leave(const struct box_frame *before);
/* We end: what ends with us is no longer told from what went before. */
void box_close(void);
void box_serving(uint64_t probe); /* 0: as when the callback was entered */
void box_effects(uint64_t probe);

struct plugin *box_plugin(void); /* whose code runs, or ran last */
enum blackbox_callback box_callback(void);
int64_t box_entered_ns(void);
/* The probe of the longest callback since the last call, 0 for none in
 * particular; *took_ns how long it took. */
uint64_t box_longest(int64_t *took_ns);

#endif

/* wire/blackbox.h: the page that a worker and main share, so that main knows
 * what a worker was doing when it died or hung.
 *
 * The worker writes, main reads. One memfd a worker, at descriptor
 * ROLE_FD_BLACKBOX in the worker. */
#ifndef RELEVO_WIRE_BLACKBOX_H
#define RELEVO_WIRE_BLACKBOX_H

#include <stdatomic.h>
#include <stdint.h>

/* Descriptors that every role finds when it starts. */
enum {
    ROLE_FD_CHAN = 3,
    ROLE_FD_BLACKBOX = 4, /* workers only */
    ROLE_FD_LISTEN = 5    /* and as many after it as are open: web only */
};

/* X(NAME, text): the callback that was entered and has not returned. */
#define BLACKBOX_CALLBACK_MAP(X)      \
    X(NONE, "none")                   \
    X(LOAD, "loading")                \
    X(INIT, "init")                   \
    X(START, "start")                 \
    X(BLOCKING, "blocking")           \
    X(WATCH, "a watch callback")      \
    X(TIMER, "a timer callback")      \
    X(ADDRESS, "an address callback") \
    X(DEFER, "a deferred call")       \
    X(TRIGGER, "a trigger callback")  \
    X(COMMAND, "a command's output")  \
    X(JUDGE, "judging")

enum blackbox_callback {
#define X(NAME, text) BLACKBOX_##NAME,
    BLACKBOX_CALLBACK_MAP(X)
#undef X
};

enum {
    BLACKBOX_EFFECTS = 4096, /* probes that changed something */
    BLACKBOX_RECENT = 8
};

/* An outermost callback that ended, of a probe. */
struct blackbox_recent {
    _Atomic uint64_t probe;
    _Atomic uint32_t callback;
    _Atomic int64_t ended_ns;
};

struct blackbox {
    _Atomic uint64_t probe;     /* number; 0: none in particular */
    _Atomic uint32_t callback;  /* enum blackbox_callback */
    _Atomic int64_t entered_ns; /* monotonic; 0: no callback is running */
    char plugin[32];            /* of the callback; written before entered_ns */
    /* Who may have left the process in pieces: a ring, one place for several
     * callbacks in a row of one probe. `plugin` is still that of the newest. */
    struct blackbox_recent recent[BLACKBOX_RECENT];
    _Atomic uint32_t newest;  /* index */
    _Atomic uint32_t foreign; /* it died in a thread that is not the loop\'s */
    _Atomic uint64_t effects[BLACKBOX_EFFECTS]; /* [probe % size] = probe */
};

const char *blackbox_callback_text(unsigned callback);

#endif

/* The least host that a plugin's probes run in, for measurements of what the
 * plugin itself costs: scopes, watches and timers on epoll; what is observed is
 * dropped. Linked by bench_plugin and bench_stream. */
#ifndef BENCH_HOST_H
#define BENCH_HOST_H

#include <relevo/plugin.h>

extern const struct rlv_host bench_host;

typedef void probe_fn(struct rlv_probe *, const void *conf);

struct load {
    probe_fn *start;
    const void *conf;
    long count, in_flight; /* in_flight: checks, each one probe at a time */
    long rate;             /* a second, at even distances; 0: as many as go */
};

/* Runs in_flight probes, and then count more of them, whose CPU it prints as a
 * JSON line: {"probes", "good", "cpu_us", "seconds"}. Returns the exit status:
 * 1 where any had a fault. */
int bench_run(const struct load *);

#endif

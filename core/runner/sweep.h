/* runner/sweep.h: ending a script and everything that descends from it.
 *
 * The keeper is a subreaper: what leaves the script's session or outlives its
 * parent becomes the keeper's own child. So the walk over /proc/PID/task/TID/
 * children reaches all, and waitpid says when nobody is left.
 *
 * Happy path: SIGTERM to all, they end, ECHILD. Ways it can fail: SIGTERM is
 * ignored (SIGKILL after the grace), new ones are forked meanwhile (the walk
 * is repeated every SWEEP_TICK, with SIGKILL at once until it finds none, and
 * before all others where the kernel lets us), a process hangs in the kernel
 * (given up after SWEEP_LONGEST; it is reported). */
#ifndef RELEVO_RUNNER_SWEEP_H
#define RELEVO_RUNNER_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/proc.h"

#define SWEEP_TICK_NS    (50 * NS_PER_MS)
#define SWEEP_LONGEST_NS (10 * NS_PER_S)

enum sweep_phase { SWEEP_OFF, SWEEP_TERM, SWEEP_KILL, SWEEP_OVER };

struct sweep {
    /* read-only */
    enum sweep_phase phase;
    struct proc_list survivors; /* of the script, that were signalled */
    /* private */
    struct proc_list asked; /* have had their SIGTERM */
    int64_t kill_ns, give_up_ns;
};

/* `script` is its pid, which leads its process group; 0: it has ended. */
void sweep_begin(struct sweep *, pid_t script, int64_t now_ns,
                 int64_t grace_ns);
/* Every SWEEP_TICK_NS while the phase is TERM or KILL. */
void sweep_tick(struct sweep *, pid_t script, int64_t now_ns);

#endif

/* worker/target.h: how many probes run against one target (host and port) at
 * once. All checks of a target are with the same worker, so the count is exact.
 * One that finds no place waits in the order of its due time; its deadline
 * begins when it starts. Used by probe.c; targets belong to checks (load.c). */
#ifndef RELEVO_WORKER_TARGET_H
#define RELEVO_WORKER_TARGET_H

#include <stdbool.h>
#include <stdint.h>

struct target;
struct rlv_probe;

/* 0: no limit. Takes effect with the next probe that begins or ends. */
void target_set_limit(uint32_t most);
/* One reference for each check of it. */
struct target *target_ref(const char *name);
void target_unref(struct target *);

/* true: it may run now. Else it waits; target_leave of another starts it. */
bool target_enter(struct target *, struct rlv_probe *);
/* It is over, or never ran. Calls begin() for those that may run now. */
void target_leave(struct target *, struct rlv_probe *,
                  void (*begin)(struct rlv_probe *));

#endif

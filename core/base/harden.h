/* base/harden.h: what a process gives up of its own accord, for good. Called by
 * main.c for every process of ours, by the roles that run foreign code for
 * themselves, and by the keeper for a script. */
#ifndef RELEVO_BASE_HARDEN_H
#define RELEVO_BASE_HARDEN_H

#include <stdbool.h>
#include <stddef.h>

/* Nobody but root reads this process' memory, environment or descriptors, or
 * traces it, and it leaves no core file: all of these hold secrets. With
 * RELEVO_DUMPABLE in the environment none of that is done, for debuggers and
 * for measuring. Lasts until the next exec. */
void harden_memory(void);

/* The first to be ended when the machine has no memory: 0 to 1000. Before
 * harden_memory, after which only root may. */
void harden_oom(int score);

/* No capability, and none to be had by executing anything. false: not all of
 * it could be given up; errno tells. */
bool harden_rights(void);

/* No more private memory than that: what asks for it gets none. Not with a
 * sanitizer, which asks for terabytes. */
void harden_heap(size_t bytes);

/* At most so many more tasks than the machine runs at this moment, where the
 * kernel counts them (it never does for root). Safe after fork. */
void harden_tasks(unsigned more);
/* The same in two steps, for who starts many processes: how many tasks the
 * machine runs (0: not known), and the limit. */
unsigned long harden_count_tasks(void);
void harden_tasks_beyond(unsigned long now, unsigned more);

#endif

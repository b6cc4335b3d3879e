/* base/proc.h: what /proc says about processes: which boot this is, when one
 * began (pid and start time together name a process for ever within a boot),
 * and who descends from whom. */
#ifndef RELEVO_BASE_PROC_H
#define RELEVO_BASE_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROC_BOOT_ID 40

/* The kernel's random id of this boot, "" when it cannot be read. Returns
 * out. */
const char *proc_boot_id(char out[PROC_BOOT_ID]);

/* Start time in clock ticks since boot, field 22 of /proc/PID/stat, and its
 * state letter ('Z': ended, not yet reaped). Either pointer may be NULL.
 * false: no such process. */
bool proc_look(pid_t, int64_t *start, char *state);

/* The very process that was meant is still there, not merely its number. */
bool proc_is_alive(pid_t, int64_t start);

/* Kills every process that has this entry ("NAME=value") in the environment it
 * was started with, until none is found or the time is over; returns how many.
 * Looks at all processes of the machine: for a thread that may take its time.
 * Those of other users are out of reach, unless we are root. */
size_t proc_kill_marked(const char *entry, int64_t limit_ns);

/* Bytes of memory that it has; 0: not known. */
size_t proc_memory(pid_t);

/* Reads what fits of a file of /proc, which is made when it is read; out is
 * ended with a NUL. -1: it cannot be read. */
ssize_t proc_read(const char *path, char *out, size_t size);

struct proc_list {
    pid_t *pids;
    size_t count, cap;
};

void proc_list_free(struct proc_list *);
void proc_list_add(struct proc_list *, pid_t);
bool proc_list_has(const struct proc_list *, pid_t);
/* Appends the children of that process, zombies too. */
void proc_children(pid_t, struct proc_list *);
/* Appends all living descendants of that process, parents before children;
 * zombies are left out, what is below them is not. At most 4096. */
void proc_descendants(pid_t, struct proc_list *);

#endif

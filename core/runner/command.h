/* runner/command.h: the commands of `exec` checks that run now: started, read,
 * ended at their deadline, told. Used by the runner's loop.
 *
 * Happy path: command_start → its outputs are read as they come → its process
 * ends (command_reaped): what the pipes still hold is read, what it left behind
 * in its group is killed, and it is told.
 * Ways it can fail: it cannot be started, its deadline comes, it prints without
 * end: told at once, and killed with all below it. A grandchild that has left
 * its group holds the pipes: nobody waits for their end. Nobody wants it any
 * more: killed, nothing told. */
#ifndef RELEVO_RUNNER_COMMAND_H
#define RELEVO_RUNNER_COMMAND_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runner/rules.h"
#include "wire/msg.h"

/* rules: of a runner that is a unit, or NULL. tell: what a command came to. */
void commands_open(const struct runner_rules *rules,
                   void (*tell)(uint32_t generation,
                                const struct msg_command_ended *));
void commands_close(void); /* kills all, tells nothing */

/* Main has said that its program may be run. */
void command_start(const struct msg_command *, uint32_t generation);
void command_stop(uint64_t order);

/* The loop: what to poll for (at most COMMAND_FDS of each), what has come, and
 * when commands_tick is to be called; INT64_MAX: never. */
enum { COMMANDS_MOST = 256, COMMAND_FDS = 2 };
size_t commands_poll(struct pollfd *); /* room for COMMANDS_MOST of them */
void commands_read(const struct pollfd *, size_t count);
int64_t commands_until_ns(void);
void commands_tick(int64_t now_ns);

/* A child that has ended and is not reaped yet: is it one of ours? If so, its
 * group is ended while its number still means it. */
bool command_has_ended(pid_t);
/* It has been reaped. */
void command_reaped(pid_t, int status);
bool command_is(pid_t); /* one of ours, that has not been reaped */

#endif

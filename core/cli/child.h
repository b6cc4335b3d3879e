/* cli/child.h: a command that runs for one of ours and ends it with its exit
 * status: `relevo maintenance run`, `relevo beat`. */
#ifndef RELEVO_CLI_CHILD_H
#define RELEVO_CLI_CHILD_H

#include <stddef.h>

/* What it prints goes on to where it would have gone; the end of it is kept. */
struct child_tail {
    char *bytes; /* room for size of them */
    size_t size, len;
};

/* Runs it to its end; tail NULL: it has our outputs themselves. Signals that
 * somebody sends to us go on to it (those of the terminal reach it by
 * themselves); they stay held after that. Its exit status: 128+n for signal n;
 * 126 and 127: it could not be started, and that has been said. */
int child_run(const char *const *command, struct child_tail *tail);

#endif

/* crew/printed.h: what a process of ours, or a plugin or library in it, prints
 * on its standard error, as lines of the log: who printed it, secrets blotted
 * out, nothing raw. Used by process.c.
 *
 * Happy path: printed_new → lines → the process ends → printed_end reads what
 * is left. Ways it can go wrong: very long lines are cut, very many left out
 * and counted; somebody else holds the other end open: nobody waits for its
 * end. */
#ifndef RELEVO_CREW_PRINTED_H
#define RELEVO_CREW_PRINTED_H

#include <uv.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/redact.h"

struct printed;

/* *theirs is the end for the process; the caller closes it. The label is
 * borrowed, and so is what knows secrets that the log does not know yet (NULL:
 * none). NULL: no pipe is to be had. */
struct printed *printed_new(uv_loop_t *, const char *label,
                            const struct redact *, int *theirs,
                            struct err *) MUST_CHECK;
void printed_end(struct printed *); /* NULL is fine */

#endif

/* base/failpoint.h: named places where a test makes the program fail.
 *
 * Without RELEVO_FAILPOINTS a failpoint is the constant false. With it the
 * environment variable RELEVO_FAILPOINT holds a comma-separated list of
 *
 *     NAME=kill       SIGKILL to this very process
 *     NAME=error      FAILPOINT is true: the caller takes its error path
 *     NAME=sleep:MS   waits so many milliseconds
 *
 * each with an optional "@N": only the N-th time that this process reaches the
 * place. Every role inherits the variable; "PROCESS/NAME=…" is only for those
 * of that name (/proc/PID/comm: relevo-keeper, relevo-runner).
 *
 * RELEVO_FAILPOINT_ARM names a file: then a failpoint acts only when it is
 * there, and removes it. So one process acts once, and the test that made the
 * file sees that it happened. */
#ifndef RELEVO_BASE_FAILPOINT_H
#define RELEVO_BASE_FAILPOINT_H

#include <stdbool.h>

#if defined(RELEVO_FAILPOINTS)
bool failpoint_hit(const char *name);
#define FAILPOINT(name) failpoint_hit(name)
#else
static inline bool failpoint_none(void) { return false; }
#define FAILPOINT(name) failpoint_none()
#endif

#endif

/* base/err.h: errors that wrap and point.
 *
 * A function that can fail takes a `struct err *` last and returns bool. The
 * callee says what failed, each caller on the way up prepends where:
 *
 *     relevo.cfg:12:14: check "api": interval: "5x" is not a duration
 *
 * Four severities: a warning is logged and we go on; an err is returned; die()
 * ends a process whose environment is unusable; must() ends it over a bug of
 * ours, always compiled in: the supervisor restarts the role. */
#ifndef RELEVO_BASE_ERR_H
#define RELEVO_BASE_ERR_H

#include <stdbool.h>

#include "base/attr.h"

enum err_code {
    ERR_NONE,
    ERR_USAGE,     /* the command line is wrong */
    ERR_CONFIG,    /* the configuration is wrong */
    ERR_IO,        /* the system refused; sys holds errno */
    ERR_PROTOCOL,  /* a peer or a file sent what it must not */
    ERR_LIMIT,     /* a bound of ours was reached */
    ERR_NOT_FOUND, /* no such thing */
    ERR_DENIED,    /* not allowed */
    ERR_INTERNAL   /* anything else */
};

struct err {
    enum err_code code;
    int sys; /* errno, or 0 */
    char text[600];
};

/* Sets *err (which may be NULL) and returns false, so that a failing function
 * can end with `return err_set(…)`. A nonzero sys adds ": text (errno N)". */
bool err_set(struct err *err, enum err_code code, int sys, const char *fmt, ...)
    PRINTF(4, 5);

/* Prepends "<fmt>: " to what is there. Returns false. */
bool err_wrap(struct err *err, const char *fmt, ...) PRINTF(2, 3);

/* Ends the process with exit status 3: the environment is unusable. */
NORETURN void die(const char *fmt, ...) PRINTF(1, 2);

/* Called by must(); writes the place and aborts. */
NORETURN void must_failed(const char *expr, const char *file, int line);

#define must(expr) ((expr) ? (void)0 : must_failed(#expr, __FILE__, __LINE__))

#endif

/* base/err.c: see err.h. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

bool err_set(struct err *err, enum err_code code, int sys, const char *fmt, ...)
{
    if (err == NULL)
        return false;
    char text[sizeof err->text];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    err->code = code;
    err->sys = sys;
    if (sys == 0) {
        memcpy(err->text, text, sizeof text);
        return false;
    }
    char reason[96];
    snprintf(reason, sizeof reason, ": %s (errno %d)", strerror(sys), sys);
    snprintf(err->text, sizeof err->text, "%.*s%s",
             (int)(sizeof err->text - sizeof reason), text, reason);
    return false;
}

bool err_wrap(struct err *err, const char *fmt, ...)
{
    if (err == NULL)
        return false;
    char context[sizeof err->text];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(context, sizeof context, fmt, ap);
    va_end(ap);
    if (n < 0)
        return false;
    char inner[sizeof err->text];
    memcpy(inner, err->text, sizeof inner);
    size_t room = sizeof err->text - 1;
    size_t used = (size_t)n < room ? (size_t)n : room;
    memcpy(err->text, context, used);
    snprintf(err->text + used, sizeof err->text - used, ": %s", inner);
    return false;
}

void die(const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    log_error("%s", text);
    _exit(3);
}

void must_failed(const char *expr, const char *file, int line)
{
    log_error("bug: must(%s) failed at %s:%d", expr, file, line);
    abort();
}

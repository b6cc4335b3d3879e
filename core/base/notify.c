/* base/notify.c: see notify.h. */
#include "base/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

/* A relative path means nothing; one that is too long is no socket. */
static bool set_address(struct notify *n, const char *name)
{
    size_t len = strlen(name);
    n->to = (struct sockaddr_un){.sun_family = AF_UNIX};
    if ((name[0] != '/' && name[0] != '@') || len < 2 ||
        len >= sizeof n->to.sun_path)
        return false;
    memcpy(n->to.sun_path, name, len + 1);
    n->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (name[0] == '@')
        n->to.sun_path[0] = '\0'; /* abstract: exactly so many bytes */
    else
        n->to_len++;
    return true;
}

/* It may be meant for a process that executed us, or that we descend from. */
static int64_t watchdog_ns(void)
{
    const char *period = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    int64_t us, whose;
    if (period == NULL || !str_to_i64(period, &us) || us <= 0 ||
        us > INT64_MAX / NS_PER_US)
        return 0;
    if (pid != NULL && (!str_to_i64(pid, &whose) || whose != getpid()))
        return 0;
    return us * NS_PER_US;
}

void notify_open(struct notify *n)
{
    const char *name = getenv("NOTIFY_SOCKET");
    *n = (struct notify){.fd = -1};
    if (name != NULL && set_address(n, name)) {
        n->watchdog_ns = watchdog_ns();
        n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    } else if (name != NULL) {
        log_warn("NOTIFY_SOCKET is no path of a socket: nobody is told how the "
                 "daemon fares");
    }
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void notify_send(const struct notify *n, const char *fmt, ...)
{
    char text[512];
    va_list args;
    if (n->fd < 0)
        return;
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (len <= 0 || len >= (int)sizeof text)
        return;
    (void)sendto(n->fd, text, (size_t)len, MSG_NOSIGNAL,
                 (const struct sockaddr *)&n->to, n->to_len);
}

void notify_close(struct notify *n)
{
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
}

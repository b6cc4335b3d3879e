/* base/notify.h: words to a service manager: systemd's sd_notify protocol, a
 * datagram of "NAME=value" lines to the socket that NOTIFY_SOCKET names (a
 * path, or "@name" in the abstract name space). Without that variable, or with
 * nobody behind it, everything here does nothing.
 *
 * Owns one socket. Used by the daemon only; the variables are taken out of the
 * environment, so that no other process speaks for it. */
#ifndef RELEVO_BASE_NOTIFY_H
#define RELEVO_BASE_NOTIFY_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/attr.h"

struct notify {
    int fd; /* -1: nobody listens */
    struct sockaddr_un to;
    socklen_t to_len;
    int64_t watchdog_ns; /* expects WATCHDOG=1 within that; 0: does not */
};

void notify_open(struct notify *);
/* Never waits: a manager that does not read misses it. */
void notify_send(const struct notify *, const char *fmt, ...) PRINTF(2, 3);
void notify_close(struct notify *);

#endif

/* base/listen.h: an address to be served on: from its text to an open socket
 * and back. Used by conf, which checks the text, by the crew, which opens it,
 * and by the web role, which tells a request from this machine by it. */
#ifndef RELEVO_BASE_LISTEN_H
#define RELEVO_BASE_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/attr.h"
#include "base/err.h"

struct listen_at {
    struct sockaddr_storage address;
    socklen_t len;
};

/* "127.0.0.1:8970", "[::1]:8970", "localhost:8970", "*:8970" (every IPv4
 * address), "/run/relevo/web.sock". Port 0: any that is free. */
bool listen_parse(const char *text, struct listen_at *,
                  struct err *) MUST_CHECK;
/* A listening socket, non-blocking and close-on-exec; -1 with *err. A path
 * where nobody listens any more is replaced; its mode is 0660. */
int listen_open(const struct listen_at *, struct err *) MUST_CHECK;

#define LISTEN_URL 160
/* Where a listening socket is reached: "http://127.0.0.1:8970",
 * "unix:/run/relevo/web.sock". Returns out. */
const char *listen_url(int fd, char out[LISTEN_URL]);
/* Only this machine reaches it. */
bool listen_is_local(const struct listen_at *);
/* The literal of an IP address, without brackets; "" for a path. */
const char *listen_host(const struct listen_at *, char *out, size_t size);

#endif

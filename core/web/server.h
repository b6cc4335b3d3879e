/* web/server.h: sockets and connections. */
#ifndef RELEVO_WEB_SERVER_H
#define RELEVO_WEB_SERVER_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "web/mhd.h"

void server_open(void);
void server_close(void);
/* Fills fds, of which there is room for `most`; returns how many. */
size_t server_polled(struct pollfd *fds, size_t most);
/* Milliseconds until server_run is wanted, whatever happens. */
int server_timeout(void);
/* Accepts, reads, answers, ends what is late. */
void server_run(void);

/* For calls.c. The connection is ended then, whatever trickles in. */
void server_set_deadline(struct MHD_Connection *, int64_t in_ns);
/* It came in over a socket with a path: no browser did. */
bool server_is_over_path(struct MHD_Connection *);

#endif

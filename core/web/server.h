/* web/server.h: connections and requests. */
#ifndef RELEVO_WEB_SERVER_H
#define RELEVO_WEB_SERVER_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

void server_open(void);
void server_close(void);
/* Fills fds, of which there is room for `most`; returns how many. */
size_t server_polled(struct pollfd *fds, size_t most);
/* Milliseconds until server_run is wanted, whatever happens. */
int server_timeout(void);
/* Accepts, reads, answers, ends what is late. */
void server_run(void);

struct msg_question;
/* Main's answer to a question. */
void server_answer(const struct msg_question *);

#endif

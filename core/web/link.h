/* web/link.h: the web role's end of the channel to main: what it is to serve,
 * how main fares, and questions that only main can answer. */
#ifndef RELEVO_WEB_LINK_H
#define RELEVO_WEB_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/msg.h"

struct pulse {     /* the last that main sent */
    int64_t at_ns; /* monotonic; at first our own beginning */
    int64_t lag_ns, writer_ns;
    uint64_t lost;
    uint32_t checks;
};

/* answered: to each answer of main, borrowed. */
void link_open(void (*answered)(const struct msg_question *));
void link_close(void);
int link_fd(void);
/* Something waits to be sent. */
bool link_wants_write(void);
/* Reads and sends what can be. false: main is gone, or talks nonsense. */
bool link_run(void);

/* NULL before the first MSG_WEB. */
const struct msg_web *link_settings(void);
const struct pulse *link_pulse(void);

/* Asks main; the answer has the ticket that is returned. It may never come. */
uint64_t link_ask(enum question_kind, const struct buf *content);

#endif

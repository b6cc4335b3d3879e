/* web/calls.h: requests, as libmicrohttpd calls back about them. Its callbacks
 * are given to it by server.c. */
#ifndef RELEVO_WEB_CALLS_H
#define RELEVO_WEB_CALLS_H

#include <stddef.h>

#include "web/mhd.h"
#include "wire/msg.h"

/* The first thing that is known of a request: the state of it is made here. */
void *calls_on_uri(void *, const char *uri, struct MHD_Connection *);
enum MHD_Result calls_on_request(void *, struct MHD_Connection *,
                                 const char *url, const char *method,
                                 const char *version, const char *upload,
                                 size_t *upload_len, void **state);
void calls_on_completed(void *, struct MHD_Connection *, void **state,
                        enum MHD_RequestTerminationCode);

/* Main's answer to a question. */
void calls_answer(const struct msg_question *);
/* Those that have waited for main for long enough. */
void calls_give_up(void);
/* How many have been. */
uint64_t calls_answered(void);
/* None waits any more: the server is to be stopped. */
void calls_end(void);

#endif

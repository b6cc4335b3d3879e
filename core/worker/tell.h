/* worker/tell.h: what the worker says to main. Sent when the turn ends. */
#ifndef RELEVO_WORKER_TELL_H
#define RELEVO_WORKER_TELL_H

#include <stdint.h>

#include "base/log.h"
#include "model/result.h"
#include "wire/msg.h"

void tell_result(const struct result *);
void tell_trigger(const struct msg_trigger *);
void tell_ask_command(const struct msg_ask_command *);
/* check 0: none in particular. A plugin that says too much in a second is cut
 * short, and the loss counted. */
void tell_log(enum log_level, uint32_t check, const char *text);

#endif

/* worker/trigger.h: a probe wants another check probed: host->trigger().
 *
 * The plugin's callback is called once, or never: when the probe ends first, it
 * is forgotten. */
#ifndef RELEVO_WORKER_TRIGGER_H
#define RELEVO_WORKER_TRIGGER_H

#include <stdbool.h>
#include <stddef.h>

#include "relevo/plugin.h"
#include "wire/msg.h"

void trigger_ask(struct rlv_probe *, const char *check,
                 const struct rlv_pair *values, size_t count, rlv_trigger_fn *,
                 void *arg);
void trigger_answer(const struct msg_triggered *);
void trigger_forget(struct rlv_probe *); /* it is over */
/* One of its triggers ended so: the plugin may pass that on. */
bool trigger_ended_as(const struct rlv_probe *, enum rlv_fault);

#endif

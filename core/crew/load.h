/* crew/load.h: a check as workers are told of it. Used by load.c, and by
 * `relevo plugin test`, which keeps a worker of its own. */
#ifndef RELEVO_CREW_LOAD_H
#define RELEVO_CREW_LOAD_H

#include "model/spec.h"
#include "wire/msg.h"

/* of: the check that it is judged from, or 0; plugin: index of its path among
 * the message's. */
struct msg_check load_wire_check(const struct check_spec *, uint32_t check,
                                 uint32_t of, uint16_t plugin);

#endif

/* worker/judge.h: from what a probe observed to its outcome. */
#ifndef RELEVO_WORKER_JUDGE_H
#define RELEVO_WORKER_JUDGE_H

#include "worker/probe.h"

void judge_open(void);
void judge_close(void);
/* Fills in the result: outcome, fault, code, message, lines, observations,
 * evidence. Its duration is there already. Tells it, and before it one result
 * for each check that is derived from the probe's. */
void judge(struct rlv_probe *);
/* Whether all of these would be ok if the probe ended now; tells nothing. */
bool judge_is_well(struct rlv_probe *);

#endif

/* worker/judging.h: a probe, or a check derived from it, while it is judged:
 * what judge.c and judged.c share. */
#ifndef RELEVO_WORKER_JUDGING_H
#define RELEVO_WORKER_JUDGING_H

#include "expect/expect.h"
#include "worker/probe.h"

struct judging {
    struct rlv_probe *probe;
    const struct check *check; /* the probe's, or one derived from it */
    struct result *result;     /* of that check */
    const struct plugin *plugin;
    struct rlv_value *recorded; /* as in check->names; type 0: absent */
    const char **unrecorded;    /* likewise: why it could not be; NULL: none */
    struct rlv_value duration;
    struct rlv_value phases[RLV_PH_COUNT];
    struct expect_input input;
    bool trace;
    size_t false_expects, false_warns, errors;
    size_t unsaid_expects, unsaid_warns; /* of a derived check */
    const char *unsaid;  /* what the first of them reads and did not find */
    bool only_durations; /* all false lines of the sort that counts */
    const char *error;   /* the first that could not be judged: why */
};

/* Of a field, and of a key where it is a MAP; NULL: absent. arg: the judging.
 */
const struct rlv_value *judging_get(const void *arg, unsigned field,
                                    const char *key);
/* How many names the check records out of its answers. */
size_t judging_recorded_count(const struct names *);
/* Puts into the result what is observed, or kept as evidence. */
void judging_report_observations(struct judging *);
void judging_report_evidence(struct judging *);

#endif

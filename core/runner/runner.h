/* runner/runner.h: the role that runs scripts. */
#ifndef RELEVO_RUNNER_RUNNER_H
#define RELEVO_RUNNER_RUNNER_H

/* The role's whole life, with main at ROLE_FD_CHAN. Returns the process' exit
 * status, when main has gone and the last run has ended. */
int runner_main(void);

/* A unit of its own instead: mains connect to the socket, one at a time, and
 * the rules hold whatever they ask for. Until SIGTERM; keepers go on. */
struct runner_rules;
int runner_stand(const struct runner_rules *, int listener);

#endif

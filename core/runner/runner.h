/* runner/runner.h: the role that runs scripts. */
#ifndef RELEVO_RUNNER_RUNNER_H
#define RELEVO_RUNNER_RUNNER_H

/* The role's whole life, with main at ROLE_FD_CHAN. Returns the process' exit
 * status, when main has gone and the last run has ended. */
int runner_main(void);

#endif

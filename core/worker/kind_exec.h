/* worker/kind_exec.h: what a check's command came to. Called by worker.c. */
#ifndef RELEVO_WORKER_KIND_EXEC_H
#define RELEVO_WORKER_KIND_EXEC_H

#include <stdbool.h>
#include <stddef.h>

/* A MSG_COMMAND_DONE: observed, and its probe ended. false: nonsense. */
bool exec_done(const void *payload, size_t n);

#endif

/* model/outcome.h: what the keeper of a run left in the run's folder as
 * outcome.json. The keeper writes it (runner/folder.c), main reads it. */
#ifndef RELEVO_MODEL_OUTCOME_H
#define RELEVO_MODEL_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"

#define OUTCOME_FILE "outcome.json"
#define KEEPER_FILE \
    "keeper.json" /* who keeps the run: pid, pid_start, boot_id */

struct run_outcome {
    uint64_t run;
    int exit;   /* status; 128 + n when signal n ended it; -1: never started */
    int signal; /* that ended it; 0: none */
    bool timed_out, stopped;
    int64_t survivors_killed;     /* processes that outlived the script */
    int64_t left_behind;          /* processes that even SIGKILL did not end */
    int64_t started_us, ended_us; /* wall */
    const char *error;            /* why it could not be started; "" else */
    const char *sha256;           /* of the script; "" when it was not read */
    const char *findings;         /* a JSON array */
    const char *output; /* standard output, then standard error, marked */
    int64_t stdout_dropped, stderr_dropped; /* bytes beyond the cap */
};

/* Texts hang on the arena. The file may hold anything: a script running as
 * another user could have written it. */
bool outcome_parse(const char *text, size_t n, struct run_outcome *,
                   struct arena *, struct err *) MUST_CHECK;
bool outcome_read(const char *dir, struct run_outcome *, struct arena *,
                  struct err *) MUST_CHECK;

#endif

/* cli/trial.h: one worker that one plugin is tried in, seen from outside. For
 * `relevo plugin test`: whatever the plugin does, this process only looks on.
 *
 * Happy path: trial_new → trial_load → trial_probe, trial_look … → trial_end.
 * Ways it can fail: the worker dies or hangs: trial_load and trial_probe say
 * so, `how` says what was running; everything after that is false at once. */
#ifndef RELEVO_CLI_TRIAL_H
#define RELEVO_CLI_TRIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "model/result.h"
#include "model/spec.h"

struct trial_view { /* of the process, at some moment */
    long descriptors, threads, kib;
    char folder[512];
    char umask[16];
    char signals[64]; /* blocked, ignored, caught */
};

struct trial_sum { /* of the results so far */
    size_t asked, results, good;
    char fault[32];   /* of one that was not good; or "" */
    char breach[300]; /* of one whose fault is `plugin`: its message; or "" */
    size_t overdue;   /* ended by the host, past their deadline */
    size_t slow;      /* probes with a callback that kept all waiting */
    int64_t slowest_ns;
    char slow_in[32];
    char complaint[200]; /* the first line that says that it broke a rule */
    char locale[200];    /* likewise: it changed the locale */
};

struct trial;

struct trial *trial_new(const struct check_spec *);
void trial_free(struct trial *);
/* The process is there, without the plugin. */
bool trial_is_up(struct trial *) MUST_CHECK;
bool trial_load(struct trial *) MUST_CHECK;
/* So many at once; true: each had a result in time. */
bool trial_probe(struct trial *, size_t count) MUST_CHECK;
void trial_look(struct trial *, struct trial_view *);
/* Asks for so many probes, and a moment later tells the worker to end. true: it
 * let go of all and ended well. */
bool trial_end(struct trial *, size_t probes) MUST_CHECK;

const struct trial_sum *trial_sum(const struct trial *);
/* What became of the worker: "start: killed by signal 11 (…)"; or "". */
const char *trial_how(const struct trial *);

#endif

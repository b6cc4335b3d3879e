/* cli/probing.h: probes of a configuration without a daemon: vet has accepted
 * it, this process keeps the workers, nothing is stored.
 *
 * Every check that is asked for gets exactly one result, whatever becomes of
 * its worker; secrets are blotted out of it. */
#ifndef RELEVO_CLI_PROBING_H
#define RELEVO_CLI_PROBING_H

#include <stdbool.h>
#include <stddef.h>

#include "model/result.h"
#include "model/spec.h"

struct probing;

struct probing_options {
    /* asked[i]: conf->checks[i] gets a result. A derived one is judged from a
     * probe of its source, which need not be asked for. */
    const bool *asked;
    enum purpose purpose;
    unsigned flags; /* enum probe_flag */
    /* Called from time to time while probes run. May be NULL. */
    void (*progress)(void *arg, const struct probing *);
    void *arg;
};

/* For progress: how many probes ended, of how many, and which run. */
size_t probing_done(const struct probing *);
size_t probing_total(const struct probing *);
/* The i-th check whose probe runs; NULL past them. */
const struct check_spec *probing_running(const struct probing *, size_t i);

/* Returns when every one that was asked for has its result: results[i], which
 * the caller frees. results has conf->check_count places, all NULL before. */
void probing_run(struct conf *, const struct probing_options *,
                 struct result **results);

#endif

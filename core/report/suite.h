/* report/suite.h: what `relevo test` came to, and how it is told: one renderer
 * for each format, all over the same struct.
 *
 * Pure: no clock, no files, no process. Filled in by the command, judged by
 * suite_judge, then rendered any number of times. Names, titles, messages and
 * values are untrusted: each renderer makes them safe for its own format. */
#ifndef RELEVO_REPORT_SUITE_H
#define RELEVO_REPORT_SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/result.h"

enum suite_status {
    SUITE_PASSED,
    SUITE_DEGRADED, /* passes, with a mark */
    SUITE_FAILED,
    SUITE_UNKNOWN, /* the monitor could not look: counts as failed */
    SUITE_SKIPPED
};

struct suite_check { /* texts and the result are borrowed */
    const char *name, *plain_name;
    const char *environment;   /* "": none */
    const char *title, *owner; /* NULL: none */
    const char *plugin, *target;
    const char *of;   /* judged from this check's answer; NULL: probed itself */
    bool minor;       /* alone it does not fail the run */
    const char *skip; /* why it was not run; NULL: it was */
    const struct result *result; /* NULL when skipped */
    enum suite_status status;    /* of suite_judge */
};

struct suite_totals { /* passed + failed = run */
    size_t run, passed, failed, skipped;
    size_t degraded;       /* of those that passed */
    size_t minor, unknown; /* of those that failed; the rest are failures of
                              major checks */
    size_t breaking;       /* of those that failed: not of minor checks */
};

struct suite {
    int64_t started_us, duration_ns;
    struct suite_check *checks;
    size_t check_count;
    size_t disabled;       /* checks left out because of `enabled = false` */
    bool fail_on_degraded; /* a degraded check fails */
    double min_pass;       /* percent; negative: none is asked for */
    bool colour;           /* text only: for a terminal */
    /* of suite_judge */
    struct suite_totals totals;
    bool passed;
};

/* Every check's status, the totals and the verdict from what is given. */
void suite_judge(struct suite *);

const char *suite_status_name(enum suite_status); /* "passed", … */
/* Percent, one decimal; below 100 unless all passed. run must not be 0. */
double suite_rate(const struct suite_totals *);
/* What a user of the service waited for: latency, else the whole probe. */
int64_t suite_waited_ns(const struct result *);

/* Pieces of sentences that several formats share; all of them safe. */
void suite_put_counts(struct buf *, const struct suite *);  /* 10 of 11 passed
                                             (90.9 %), 1 minor failure; 2.3 s */
void suite_put_verdict(struct buf *, const struct suite *); /* failed: 90.9 %
                                                   passed, 95 % are wanted */
void suite_put_environments(struct buf *, const struct suite *);
/* fault and code: "error_response 503"; nothing when there is no fault. */
void suite_put_fault(struct buf *, const struct result *);
/* One line as it failed: status == 200 (503). Not cleaned. */
void suite_put_line(struct buf *, const struct judged_line *);

struct suite_renderer {
    const char *name; /* "junit": --format junit */
    void (*render)(const struct suite *, struct buf *);
};

extern const struct suite_renderer suite_renderers[];
extern const size_t suite_renderer_count;

void suite_text(const struct suite *, struct buf *);
void suite_markdown(const struct suite *, struct buf *);
void suite_junit(const struct suite *, struct buf *);
void suite_tap(const struct suite *, struct buf *);
void suite_json(const struct suite *, struct buf *);

#endif

/* model/result.h: what one probe came to. Made by a worker, carried by wire,
 * judged by the model, kept by the store. */
#ifndef RELEVO_MODEL_RESULT_H
#define RELEVO_MODEL_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "relevo/plugin.h"

enum outcome { OUTCOME_OK, OUTCOME_WARN, OUTCOME_FAIL, OUTCOME_UNKNOWN };
enum { OUTCOME_COUNT = OUTCOME_UNKNOWN + 1 };

/* Why the probe was made. Only the first three count for confirmation. */
enum purpose {
    PURPOSE_SCHEDULE,
    PURPOSE_CONFIRM,
    PURPOSE_PARENT,
    PURPOSE_VERIFY,
    PURPOSE_LOOK_AGAIN,
    PURPOSE_MANUAL,
    PURPOSE_TRIGGER,
    PURPOSE_SUITE,
    PURPOSE_TEST,
    PURPOSE_COUNT
};

enum result_flag {
    RESULT_LATE = 1, /* started well after it was due */
    RESULT_DISTURBED =
        2,               /* the monitor's own loop lagged: timings unreliable */
    RESULT_RETRIED = 4,  /* redone after the worker died */
    RESULT_TRUNCATED = 8 /* body or evidence was cut */
};

#define RESULT_CODE     32 /* bytes, NUL included */
#define RESULT_NO_PHASE (-1)

struct observation {
    const char *name; /* "latency", "header" */
    const char *key;  /* of a MAP field; else NULL */
    struct rlv_value value;
    bool recorded; /* stored with each result */
};

/* One expectation and what became of it. */
struct judged_line {
    const char *text;   /* as written: status == 200 */
    const char *values; /* as seen: "503"; "" when there is nothing to show */
    bool holds;
    bool warn; /* of warn_unless */
};

struct evidence {
    const char *label;
    const char *bytes; /* as received, not necessarily text */
    size_t len, dropped;
};

struct result {
    struct arena *arena; /* owns all below */
    uint64_t probe;      /* the dispatcher's number for this execution */
    uint32_t check;      /* stored id of the check */
    uint32_t generation; /* of the configuration */
    uint16_t node;
    enum purpose purpose;
    unsigned flags;
    int64_t started_us;  /* wall */
    int64_t started_ns;  /* monotonic */
    int64_t duration_ns; /* whole probe, measured by the host */
    enum outcome outcome;
    enum rlv_fault fault;
    char code[RESULT_CODE]; /* the protocol's word: ECONNREFUSED, 503; or "" */
    int sys_errno;          /* 0: none */
    const char *message;    /* one sentence; "" when all is well */
    int64_t
        phases_ns[RLV_PH_COUNT]; /* RESULT_NO_PHASE where it did not apply */
    struct observation *observations;
    size_t observation_count;
    struct judged_line *lines; /* the false ones; with trace all of them */
    size_t line_count;
    struct evidence *evidence; /* only with a failing result */
    size_t evidence_count;
};

struct result *result_new(void); /* phases absent, strings empty */
/* The same; so many bytes of the arena come with it, see arena_new_sized. */
struct result *result_new_sized(size_t bytes);
void result_free(struct result *); /* NULL is fine */
struct result *result_copy(const struct result *);

/* NULL: not observed. key NULL finds a plain field. */
const struct rlv_value *result_observation(const struct result *,
                                           const char *name, const char *key);

/* What a person wants to know of one that is not well: "refused ECONNREFUSED:
 * connection refused". */
const char *result_told(const struct result *, struct arena *);

const char *outcome_name(enum outcome);
const char *purpose_name(enum purpose);
bool purpose_counts(enum purpose); /* for confirmation */

#endif

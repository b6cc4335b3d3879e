/* model/record.h: what the model asks to be remembered, and what it is given
 * back at start. The store writes records; the model never sees SQL.
 *
 * Ids: checks, incidents and runs are numbered by the model within a node, from
 * one past the highest number in the store. In every face they are text:
 * "I-12", "R-7" (id_text). */
#ifndef RELEVO_MODEL_RECORD_H
#define RELEVO_MODEL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/result.h"
#include "model/spec.h"

enum check_state {
    STATE_PENDING,
    STATE_UP,
    STATE_DEGRADED,
    STATE_SUSPECT,
    STATE_DOWN,
    STATE_IMPACTED,
    STATE_UNKNOWN,
    STATE_PAUSED
};
enum { STATE_COUNT = STATE_PAUSED + 1 };

/* How safe a record must be before anyone may act on it. */
enum grade {
    GRADE_RELAXED, /* committed with its group; a power cut may lose the last
                      second */
    GRADE_DURABLE  /* committed with fsync before it counts as committed */
};

enum record_kind {
    RECORD_RESULT,     /* one probe's result */
    RECORD_CHECK,      /* a check's name got a number */
    RECORD_STATE,      /* the state of a check, whole: an upsert */
    RECORD_TRANSITION, /* one change of state: append */
    RECORD_INCIDENT,   /* an incident, whole: an upsert by number */
    RECORD_EVENT,      /* one line of an incident's timeline: append */
    RECORD_RUN,        /* a run of a runbook, whole: an upsert by number */
    RECORD_AUDIT,      /* append-only, hash-chained */
    RECORD_IMPACT,     /* a check that an incident's cause impacts: an upsert */
    RECORD_MARK,       /* something that a person says happened: append */
    RECORD_WINDOW,     /* a maintenance window, whole: an upsert by number */
    RECORD_BEAT        /* what a heartbeat waits for, whole: an upsert */
};
enum { RECORD_KINDS = RECORD_BEAT + 1 };

struct check_row {
    uint32_t check;
    const char *name, *environment, *plugin;
    uint32_t ordinal; /* among checks of its interval: fixes the phase */
};

/* Paused for as long as the configuration says `enabled = false`. */
#define PAUSED_DISABLED (-1)

/* Everything that must survive a restart exactly. */
struct state_row {
    uint32_t check;
    enum check_state state;
    int64_t since_us;               /* of the state */
    int32_t fails, goods, unknowns; /* in a row */
    uint64_t window;    /* last results as bits, newest lowest; 1: failed */
    uint64_t incident;  /* number of the open (or forming) one; 0: none */
    int64_t suspect_us; /* first failing result of the episode; 0: none */
    int64_t until_us;   /* paused: it ends by itself then; 0: it does not, or
                           PAUSED_DISABLED */
};

struct transition_row {
    uint32_t check;
    int64_t at_us;
    enum check_state from, to;
    enum rlv_fault fault;
    const char *code;
    const char *reason; /* "3 failing results in a row" */
};

enum incident_state { INCIDENT_OPEN, INCIDENT_ACKNOWLEDGED, INCIDENT_RESOLVED };

struct incident_row {
    uint64_t number;
    uint32_t check;
    enum incident_state state;
    int64_t began_us;    /* first failing result */
    int64_t opened_us;   /* confirmed */
    int64_t resolved_us; /* 0: not yet */
    enum rlv_fault fault;
    const char *code;
    const char *summary; /* one sentence: the confirming result's message */
    const char *cause;   /* title of the diagnosis' weightiest finding; or "" */
    uint32_t reopened;   /* times */
    int64_t acknowledged_us;            /* 0: not */
    const char *acknowledged_by, *note; /* "uid 1000", what was said; or "" */
};

struct event_row {
    uint64_t incident;
    uint32_t check;
    int64_t at_us;
    const char *event; /* "failing", "down", "diagnosis", "recovered", … */
    const char *text;
};

struct impact_row { /* key: incident and check */
    uint64_t incident;
    uint32_t check;
    int64_t since_us, until_us; /* until 0: it still is */
};

struct mark_row {
    int64_t at_us;
    const char *actor, *text;
    const char *environment; /* "": all of them */
};

/* A window that a person opened; those of the configuration are not stored. */
struct window_row {
    uint64_t number;
    int64_t from_us, until_us;
    int64_t ended_us;                         /* 0: not ended by hand */
    const char *checks, *tags, *environments; /* words with spaces; "": any */
    const char *actor, *reason;
};

struct beat_row { /* of a heartbeat */
    uint32_t check;
    int64_t from_us;   /* its next beat is expected by this one's time; 0: it
                          is not configured */
    int64_t last_us;   /* when the last one came; 0: none */
    int64_t missed_us; /* the first that was missed since; 0: none */
    const char *runs;  /* its job's latest runs, as beat_runs.c has them */
};

enum run_state {
    RUN_INTENDED, /* on disk; not yet told to the runner */
    RUN_STARTED,
    RUN_ENDED,
    RUN_HELD, /* a guardrail holds it back: held_by, reason */
    RUN_WOULD /* below its mode: what would have run */
};

enum run_verdict {
    VERDICT_NONE,
    VERDICT_DONE, /* a diagnosis or notice that did its work */
    VERDICT_FAILED,
    VERDICT_UNKNOWN, /* timed out, or its keeper died */
    VERDICT_FIXED,
    VERDICT_NOT_FIXED,
    VERDICT_MADE_WORSE,
    VERDICT_MOOT,
    VERDICT_SKIPPED,
    VERDICT_DENIED
};
enum { VERDICT_COUNT = VERDICT_DENIED + 1 };

struct run_row {
    uint64_t number;
    const char *runbook;
    enum runbook_kind kind;
    uint32_t check;
    uint64_t incident; /* 0: none yet */
    enum run_state state;
    enum run_verdict verdict;
    unsigned on; /* the one bit of enum runbook_on that asked for it */
    int64_t intended_us, started_us, ended_us; /* 0: not */
    int exit_status;                           /* -1: none; 128+n: signal n */
    const char *held_by, *reason;              /* "" when not held */
    const char *sha256; /* of the script that ran; "" before */
    int pid;            /* of the keeper; 0: none */
    int64_t pid_start;  /* field 22 of /proc/PID/stat: guards reuse */
    const char *boot_id;
    const char *findings; /* a JSON array, or "" */
    const char *output; /* redacted head and tail of stdout and stderr; or "" */
    enum rlv_fault fault; /* for the diagnosis' cooldown: per check and fault */
    /* A notice that failed is intended again, as another run. */
    int32_t attempt;       /* 1 for the first */
    uint64_t first;        /* number of the first attempt; 0: this is it */
    int64_t not_before_us; /* it waits until then; 0: it does not */
};

struct audit_row {
    int64_t at_us;
    const char *actor;  /* "relevo", "uid 1000" */
    const char *action; /* "config.load", "run.start", … */
    const char *object;
    const char *detail; /* JSON or text */
};

struct record {
    enum record_kind kind;
    enum grade grade;
    bool urgent; /* someone waits for its commit: do not gather first */
    bool more;   /* others of the same step follow: never commit between them */
    uint64_t sequence; /* grows by one from record to record; never 0 */
    union {
        struct result *result;
        struct check_row check;
        struct state_row state;
        struct transition_row transition;
        struct incident_row incident;
        struct event_row event;
        struct run_row run;
        struct audit_row audit;
        struct impact_row impact;
        struct mark_row mark;
        struct window_row window;
        struct beat_row beat;
    } as;
};

/* A copy that owns its texts (and its result), in one block. */
struct record *record_copy(const struct record *) MUST_CHECK;
void record_free(struct record *);
/* Moves its texts to an arena; a result is left where it is. */
void record_keep_texts(struct record *, struct arena *);

const char *state_name(enum check_state);
bool state_parse(const char *text, enum check_state *);
const char *incident_state_name(enum incident_state);
const char *run_state_name(enum run_state);
const char *verdict_name(enum run_verdict);

#define ID_TEXT 24
/* "I-12" or "R-7"; number 0 is "". Returns out. */
const char *id_text(char letter, uint64_t number, char out[ID_TEXT]);
/* Accepts "I-12", "i-12" and "12". */
bool id_parse(char letter, const char *text, uint64_t *number);

#endif

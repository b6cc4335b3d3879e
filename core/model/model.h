/* model/model.h: every decision, through one door.
 *
 * model_step(model, event, now) takes what happened and the time, and returns
 * what to do. The model has no clock, no I/O, no thread: the daemon, a replay
 * and a simulation drive it alike, and what it decides can be explained.
 *
 *   result ──► state (state.c) ──► incident (incident.c) ──► runs (run.c)
 *   tick   ──► schedule (schedule.c) ──► probes
 *
 * An action that must not happen before something is on disk names the sequence
 * of that record; the daemon performs it when the store has reported it. */
#ifndef RELEVO_MODEL_MODEL_H
#define RELEVO_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "model/beat.h"
#include "model/record.h"
#include "model/result.h"
#include "model/spec.h"
#include "model/trouble.h"

/* Probes may be asked for this long before they are due. */
#define MODEL_AHEAD_NS (100 * NS_PER_MS)
#define MODEL_NEVER    INT64_MAX

struct model;

/* -------------------------------------------------------------- events --- */

enum event_kind {
    EVENT_TICK,        /* the time that next_wake named has come */
    EVENT_CONFIG,      /* a new generation; the first one starts the watch */
    EVENT_RESULT,      /* a probe ended */
    EVENT_RUN_STARTED, /* the keeper of a run lives */
    EVENT_RUN_ENDED,   /* a run is over, or its keeper is lost */
    EVENT_PROBE_ASKED, /* someone wants a probe of this check now */
    EVENT_RUN_ASKED,   /* someone wants a runbook to run for this check now */
    EVENT_TROUBLE,     /* the monitor itself is in trouble, or out of it; after
                          the first EVENT_CONFIG */
    EVENT_PAUSE,       /* someone wants no probes of this check, or again */
    EVENT_ACKNOWLEDGE, /* someone has taken an incident */
    EVENT_MARK,        /* someone says that something happened */
    EVENT_WINDOW,      /* someone opens a maintenance window, or ends it */
    EVENT_TRIGGER,     /* a probe wants another check probed */
    EVENT_BEAT         /* the job of a heartbeat reports */
};

struct run_ending {
    uint64_t run;
    bool known;      /* false: the keeper is gone without an outcome */
    int exit_status; /* 128+n for signal n */
    bool timed_out;
    int64_t ended_us;
    const char *error;    /* it could not start: why; or "" */
    const char *sha256;   /* of the script */
    const char *findings; /* JSON array */
    const char *output;
    const char *headline; /* the weightiest finding's title; or "" */
};

/* Everything in it is borrowed for the step. */
struct trigger_ask {
    uint32_t asker;         /* the check that the asking probe is of */
    uint64_t probe, ticket; /* for the answer */
    const char *check;      /* as an option of the asking check names it */
    int64_t deadline_ns;    /* monotonic: nobody listens after that */
    struct rlv_dict values;
};

/* Everything in it is borrowed for the step. */
struct beat {
    uint32_t check;
    enum beat_kind kind; /* START, LOG, END or FAIL */
    int64_t exit;        /* of END */
    int64_t ran_us;      /* of END: how long it says that it ran; 0 */
    const char *rid;     /* names the run among those of its job; "" */
    const char *text;    /* what it says, or said; "" */
    uint64_t ticket;     /* for the answer */
};

struct event {
    enum event_kind kind;
    union {
        struct conf *conf; /* referenced by the model while it is in force */
        struct result *result; /* taken over by the model */
        struct {
            uint64_t run;
            int pid;
            int64_t pid_start;
            const char *boot_id;
        } run_started;
        struct run_ending run_ended;
        struct {
            uint32_t check;
            enum purpose purpose;
            bool trace; /* report everything it saw */
        } probe_asked;
        struct {
            uint32_t check;
            const struct runbook_spec *runbook; /* of the conf in force */
        } run_asked;
        struct trouble trouble;
        struct {
            uint32_t check;
            bool paused;      /* false: probed again */
            int64_t until_us; /* 0: until someone says so */
            const char *actor, *reason;
        } pause;
        struct {
            uint64_t incident;
            const char *actor, *note;
        } acknowledge;
        struct mark_row mark; /* its time is the step's */
        struct trigger_ask trigger;
        struct beat beat;
        struct window_row window; /* number 0: a new one; else it ends now */
    } as;
};

/* ------------------------------------------------------------- actions --- */

enum action_kind {
    ACTION_PROBE,
    ACTION_COMMIT,
    ACTION_RUN,
    ACTION_TELL,
    ACTION_ANSWER, /* to an EVENT_TRIGGER; each gets one, now or later */
    ACTION_HEARD   /* to an EVENT_BEAT, likewise */
};

enum tell_kind { TELL_STATE, TELL_INCIDENT, TELL_RUN, TELL_NOTE };

struct action {
    enum action_kind kind;
    const char *reason; /* why, in a few words; lives until the next step */
    uint64_t after; /* perform only when this sequence is committed; 0: now */
    union {
        struct {
            uint64_t probe;
            uint32_t check;
            enum purpose purpose;
            bool trace;
            int64_t due_ns;
            const struct rlv_dict *values; /* triggered: of its places; NULL */
        } probe;
        struct record record; /* borrowed until the next step: copy to keep */
        struct {
            const struct run_row *run; /* borrowed until the next step */
            const struct runbook_spec *runbook;
            const struct result *about; /* what called it; NULL: not known */
        } run;
        struct {
            enum tell_kind kind;
            uint32_t check; /* 0: none */
            const char *text;
        } tell;
        struct {
            uint64_t probe, ticket;
            enum rlv_fault fault;
            int64_t started_ns, ended_ns; /* 0: it was not probed */
            const char *text;
        } answer;
        struct {
            uint64_t ticket;
            const char *refusal; /* NULL: the beat counts, once it is stored */
        } heard;
    } as;
};

struct actions {
    const struct action *items;
    size_t count;
    int64_t next_wake_ns; /* monotonic; MODEL_NEVER */
};

struct model *model_new(uint16_t node);
void model_free(struct model *);

/* What the store remembers, before the first EVENT_CONFIG. */
void model_restore_check(struct model *, const struct check_row *);
void model_restore_state(struct model *, const struct state_row *);
void model_restore_incident(struct model *, const struct incident_row *);
void model_restore_run(struct model *, const struct run_row *);
void model_restore_impact(struct model *, const struct impact_row *);
void model_restore_window(struct model *, const struct window_row *);
void model_restore_beat(struct model *, const struct beat_row *);
/* The highest numbers ever given out, so that none is given twice. */
void model_restore_numbers(struct model *, uint32_t check, uint64_t incident,
                           uint64_t run, uint64_t window);

/* The returned actions, in order, live until the next call. */
struct actions model_step(struct model *, const struct event *, struct now);

/* --------------------------------------------------------------- views --- */

/* What faces may show of a check; borrowed until the next step. */
struct past { /* one earlier result, in short */
    int64_t at_us, duration_ns;
    enum outcome outcome;
    enum rlv_fault fault;
};
enum { MODEL_HISTORY = 20 };

struct check_view {
    const struct check_spec *spec;
    const struct check_row *row;
    const struct state_row *state;
    char count[24];            /* "2/3", or "" */
    const char *waits_for;     /* impacted: "db, redis"; else "" */
    const char *maintenance;   /* the window that it is in; NULL: none */
    bool acknowledged;         /* its incident is */
    const struct result *last; /* NULL: none yet in this life of main */
    const struct result *last_good;
    struct past history[MODEL_HISTORY]; /* newest first */
    size_t history_count;
};

size_t model_check_count(const struct model *); /* of the configuration */
bool model_check_at(const struct model *, size_t i, struct check_view *);
bool model_check_by_id(const struct model *, uint32_t check,
                       struct check_view *);
/* Also one that is no longer configured: its spec is NULL. */
bool model_check_known(const struct model *, uint32_t check,
                       struct check_view *);
bool model_check_by_name(const struct model *, const char *name,
                         struct check_view *);
/* The i-th trouble of the monitor itself that is on; false past it. */
bool model_trouble(const struct model *, size_t i, struct check_view *);
/* NULL: not open, forming or lately resolved. */
const struct incident_row *model_incident(const struct model *, uint64_t);
/* The headline and findings of the incident's latest ended diagnosis. */
const struct run_row *model_diagnosis(const struct model *, uint64_t incident);
/* The i-th remediation that would have run for the incident; NULL past it. */
const struct run_row *model_would_run(const struct model *, uint64_t incident,
                                      size_t i);
/* The i-th check that the incident's cause impacts now; NULL past it. */
const struct check_row *model_impact(const struct model *, uint64_t incident,
                                     size_t i);
/* The i-th notice that was given up after all its attempts; NULL past it. */
const struct run_row *model_dead_letter(const struct model *, size_t i);
/* The i-th window that is open or still to come, of those opened by hand; NULL
 * past it. */
const struct window_row *model_window(const struct model *, size_t i);
uint64_t model_last_window(const struct model *);

struct window_view {              /* of one by hand, or of the configuration */
    const struct window_row *row; /* NULL: of the configuration */
    const struct maintenance_spec *spec; /* NULL: by hand */
    int64_t from_us, until_us;           /* its present or next time */
    bool open;
    size_t checks; /* how many it covers now */
};
/* The i-th of both, by hand first. False past them. */
bool model_maintenance(const struct model *, size_t i, struct window_view *);
/* Why the monitor distrusts itself at that monotonic time, and for how long
 * still; NULL: it does not. */
const char *model_distrust(const struct model *, int64_t now_ns,
                           int64_t *left_ns);
/* Runs that are intended or started: for adoption after a restart. */
const struct run_row *model_live_run(const struct model *, size_t i);
uint64_t model_last_run(const struct model *);

#endif

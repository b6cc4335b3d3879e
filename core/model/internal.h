/* model/internal.h: what the files of the model share. Nobody else includes it.
 *
 * A node is one check of the configuration with everything known about it. An
 * episode begins with a check's first failing result; it gets the number of an
 * incident at once, so that diagnoses belong to it from the start, and becomes
 * a stored incident when the failure is confirmed. */
#ifndef RELEVO_MODEL_INTERNAL_H
#define RELEVO_MODEL_INTERNAL_H

#include "base/attr.h"
#include "base/heap.h"
#include "base/map.h"
#include "model/cron.h"
#include "model/model.h"

struct episode { /* an incident, open, forming or lately resolved */
    struct episode *next;
    struct incident_row row; /* texts owned by the episode */
    bool forming;            /* not confirmed yet: not stored */
    bool reopening;          /* forming again within its time */
    uint64_t diagnosis;      /* number of the latest ended diagnosis; 0 */
    struct impact *impacts;  /* owned; oldest first */
};

struct impact { /* a check that an episode's cause impacts, or impacted */
    struct impact *next;
    struct impact_row row;
};

struct window {
    struct window *next;
    struct window_row row; /* texts owned by the window */
};

struct node {
    struct heap_node due;          /* in model.queue, when scheduled */
    const struct check_spec *spec; /* NULL: no longer configured */
    struct check_row row;          /* texts owned by the node */
    struct state_row state;
    bool confirmed;   /* was declared down and has not recovered */
    uint64_t probing; /* number of the probe in flight; 0: none */
    struct {          /* a probe that someone wants when that one is over */
        bool wanted, trace;
        enum purpose purpose;
    } asked;
    uint32_t judged_from;  /* results of older generations do not count */
    int64_t probed_due_ns; /* when the last scheduled one was due */
    struct cron cron;      /* when spec->schedule says so */
    struct result *last, *last_good;
    struct past history[MODEL_HISTORY]; /* a ring: history_next is oldest */
    size_t history_count, history_next;
};

struct run { /* of a runbook; in one of the model's three lists */
    struct run *next;
    struct run_row row;   /* texts owned by the run */
    struct result *about; /* what called it; NULL: not known, or over */
    uint64_t sequence;    /* of the record that holds the intention */
};

struct run_list { /* oldest first */
    struct run *first, *last;
    size_t count;
};

struct model {
    uint16_t node_id;
    struct conf *conf; /* NULL before the first EVENT_CONFIG */
    struct node **nodes;
    size_t node_count, node_cap;
    struct map *by_name; /* name → node */
    struct heap queue;   /* nodes by due */
    struct episode *episodes;
    struct run_list waiting; /* intended, for a free place */
    struct run_list live;    /* given to be performed, or started */
    struct run_list past;    /* for cooldowns, and who was told what */
    int64_t tidied_us;
    struct window *windows; /* owned; opened by hand, not over */
    uint32_t last_check;
    uint64_t last_window;
    uint64_t last_incident, last_run, last_probe, sequence;
    bool has_cron;
    int64_t wall_offset_us; /* wall − monotonic, to see the wall clock jump */
    struct now now;         /* of this step */

    struct arena *scratch; /* of this step */
    struct action *actions;
    size_t action_count, action_cap;
};

/* model.c */
struct node *model_node(const struct model *, uint32_t check);
/* Appends an action. Texts must live until the next step. */
struct action *model_act(struct model *, enum action_kind, const char *reason);
/* Queues a record to be committed; returns its sequence. */
uint64_t model_commit(struct model *, enum grade, struct record);
void model_tell(struct model *, enum tell_kind, const struct node *,
                const char *fmt, ...) PRINTF(4, 5);
char *model_text(struct model *, const char *fmt, ...) PRINTF(2, 3);
/* Replaces an owned text (free()d) by a copy. */
void model_own(const char **text, const char *value);

/* schedule.c */
void schedule_config(struct model *, struct node *);
void schedule_next(struct model *, struct node *, const struct result *);
void schedule_tick(struct model *);
void schedule_ask(struct model *, struct node *, enum purpose, bool trace);
int64_t schedule_wake(const struct model *);

/* state.c */
struct state_change {
    bool changed; /* of state */
    bool counted; /* a count changed: worth storing */
    enum check_state from, to;
    const char *reason;
};
/* Pure: what one outcome does to a check's state. now_us stamps `since`. */
struct state_change state_step(struct state_row *, bool confirmed,
                               const struct check_spec *, enum outcome,
                               int64_t now_us);
/* "2/3", or "" where there is nothing to count. */
void state_count_text(const struct state_row *, const struct check_spec *,
                      char out[24]);

/* incident.c */
struct episode *incident_find(const struct model *, uint64_t number);
void incident_suspect(struct model *, struct node *, const struct result *);
void incident_down(struct model *, struct node *, const struct result *,
                   const char *reason);
void incident_recovered(struct model *, struct node *, const char *reason);
void incident_blip(struct model *, struct node *);
/* Still failing: says so when it fails otherwise than before. */
bool incident_still(struct model *, struct node *, const struct result *);
void incident_event(struct model *, const struct node *, const char *event,
                    const char *fmt, ...) PRINTF(4, 5);
void incident_diagnosed(struct model *, const struct run_row *,
                        const char *headline);
void incident_forget(struct model *); /* those resolved long ago */
void incident_removed(struct model *, struct node *);
void incident_resume(struct model *); /* after a restart: forming ones */

/* depend.c: what a check needs (`depends_on`), and derived checks. */
void depend_free(struct episode *); /* its impacts */

/* hush.c: pauses, maintenance windows, acknowledgements, marks. */
/* Text of the window that the check is in; NULL: none. */
const char *hush_window(const struct model *, const struct node *);
void hush_event(struct model *, const struct event *);
void hush_tick(struct model *);          /* pauses and windows that end */
int64_t hush_wake(const struct model *); /* monotonic; MODEL_NEVER */
void hush_free_all(struct model *);

/* match.c */
/* Pure: does this runbook ask to run for this check, result and occasion? */
bool match_runbook(const struct runbook_spec *, const struct check_spec *,
                   enum check_state, const struct result *,
                   enum runbook_on occasion);

/* occasion.c */
void run_occasion(struct model *, struct node *, enum runbook_on,
                  const struct result *);
void run_asked(struct model *, struct node *, const struct runbook_spec *);

/* run.c */
enum { RUN_QUEUE = 64 }; /* diagnoses that may wait */
#define RUN_IS_LIVE INT64_MAX

void run_intend(struct model *, const struct run_row *,
                const struct result *about);
void run_remember(struct model *, const struct run_row *); /* stored, too */
/* What is left of the cooldown per check and fault, or RUN_IS_LIVE. */
int64_t run_cooldown_us(const struct model *, const struct node *,
                        const struct runbook_spec *, enum rlv_fault);
size_t run_waiting_diagnoses(const struct model *);
/* The runbook was called when that incident's check went down. */
bool run_was_told(const struct model *, const struct runbook_spec *,
                  uint64_t incident);
void run_start_waiting(struct model *);
void run_started(struct model *, const struct event *);
void run_ended(struct model *, const struct run_ending *);
void run_tidy(struct model *); /* forgets what nothing needs any more */
void run_free_all(struct model *);

#endif

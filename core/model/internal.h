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
#include "model/trouble.h"

struct episode {             /* an incident, open, forming or lately resolved */
    struct incident_row row; /* texts owned by the episode */
    bool forming;            /* not confirmed yet: not stored */
    bool reopening;          /* forming again within its time */
    uint64_t diagnosis;      /* number of the latest ended diagnosis; 0 */
    struct impact *impacts;  /* owned; oldest first */
    struct impact *last_impact;
    int told_of_others; /* lines about them in its timeline */
    /* How far the wall clock was moved since these times of the row. */
    int64_t began_moved_us, resolved_moved_us;
};

struct impact { /* a check that an episode's cause impacts now */
    struct impact *prev, *next; /* of the episode */
    struct impact *other;       /* of the same check, of other episodes */
    struct episode *episode;
    struct impact_row row;
};

/* What a check is to those that need it. */
enum standing {
    STANDS_FINE,
    STANDS_MUTE, /* nobody measures it: it speaks for nothing */
    STANDS_SUSPECT,
    STANDS_DOWN,
    STANDS_IMPACTED
};

/* What those that a check needs say about its going down. */
enum parents {
    PARENTS_ALLOW, /* they are fine, or cannot say */
    PARENTS_WAIT,  /* one that matters is undecided */
    PARENTS_BLAME  /* one that it needs is down */
};

struct bond { /* a `struct need`, bound to nodes */
    struct node **parents;
    size_t count;
    bool any;
};

struct depend { /* of a node; see depend.c */
    /* of model.graph, made anew with each configuration */
    struct bond *bonds;
    size_t bond_count;
    struct node **children, **derived; /* who needs it; judged from it */
    size_t child_count, derived_count;
    struct node *source; /* NULL: probed itself */

    /* as a parent */
    enum standing standing; /* as its children know it */
    bool awaited;           /* a child waits for its next result */
    bool fell, queued;      /* its children are to hear of it */
    struct node *next_queued;
    int64_t counted_ns;   /* begin of its latest result that counts */
    enum outcome counted; /* and its outcome; 0 ns: none yet */

    /* as a child */
    bool waiting;              /* failing often enough; its parents decide */
    int64_t failing_ns;        /* begin of its first failing result; 0 */
    int64_t asked_ns;          /* when its parents were asked then */
    struct heap_node patience; /* in model.patience: it waits no longer */
    struct result *deferred;   /* owned; its diagnosis waits; NULL */
    int64_t deferred_until_ns;
    bool firing;            /* that diagnosis waits no longer */
    struct impact *impacts; /* one for each cause */
    const char *waits_for;  /* owned; NULL: nothing */
};

struct window { /* opened by hand */
    struct window *next;
    struct window_row row; /* texts owned by the window */
    const char *text;      /* "M-3 until 14:30"; owned */
    bool open;
};

struct planned { /* a window of the configuration: its present or next time */
    const struct maintenance_spec *spec;
    const char *name, *text; /* owned */
    int64_t from_us, until_us;
    bool open;
};

struct node {
    struct heap_node due;          /* in model.queue, when scheduled */
    const struct check_spec *spec; /* NULL: no longer configured */
    struct check_row row;          /* texts owned by the node */
    struct state_row state;
    bool confirmed;           /* was declared down and has not recovered */
    uint64_t latest_incident; /* its latest one that was confirmed; 0: none */
    uint64_t probing;         /* number of the probe in flight; 0: none */
    struct { /* a probe that someone wants when that one is over */
        bool wanted, trace;
        enum purpose purpose;
    } asked;
    uint32_t judged_from;    /* results of older generations do not count */
    uint64_t counts_from;    /* nor do those of earlier probes: it was paused */
    uint64_t bound_from;     /* earlier probes had another spec */
    const char *maintenance; /* text of the window that it is in, which owns
                                it; NULL: none */
    int64_t probed_due_ns;   /* when the last scheduled one was due */
    int64_t probing_ns;      /* when the probe in flight was due */
    int64_t held_back_ns;    /* since when distrust has; 0: it has not */
    bool catching_up;        /* its next probe makes up for those missed */
    uint64_t late;           /* number of the probe that did; 0: none */
    bool probing_counts;     /* and whether its result counts */
    struct {                 /* a probe that counts, as soon as may be */
        bool wanted;
        enum purpose purpose;
        int64_t last_ns; /* when it last was for its children */
    } hurry;
    struct heart *heart; /* of a heartbeat; NULL: it never was one */
    struct trigger *triggers, *triggered; /* waiting; under way; or NULL */
    int64_t turn_ns; /* when it was due, had it not been triggered */
    struct depend depend;
    struct cron cron; /* when spec->schedule says so */
    struct result *last, *last_good;
    struct past history[MODEL_HISTORY]; /* a ring: history_next is oldest */
    size_t history_count, history_next;
};

struct run { /* of a runbook; in one of the model's three lists */
    struct run *next;
    struct run_row row;   /* texts owned by the run */
    struct result *about; /* what called it; NULL: not known, or over */
    uint64_t sequence;    /* of the record that holds the intention */
    bool superseded; /* a notice that was intended again, after it had failed
                        or was held; or that is not true any more */
};

struct run_list { /* oldest first */
    struct run *first, *last;
    size_t count;
};

struct distrust {        /* of ourselves; see distrust.c */
    bool began;          /* there was a step before this one */
    int64_t awaited_ns;  /* when this step was to come; MODEL_NEVER */
    int64_t offset_us;   /* wall − monotonic, to see the wall clock jump */
    int64_t moved_us;    /* how far it has moved before this step; else 0 */
    bool stood_still;    /* we have, before this step */
    int64_t resumed_ns;  /* when we last had; 0: never */
    int64_t until_ns;    /* it lasts until then */
    int64_t begun_ns[3]; /* when it last began, newest last */
    bool is_new;         /* it began in this step */
    int64_t calm_ns;     /* a trouble that it made is over then; MODEL_NEVER */
    const char *why;     /* owned; NULL: it never was */
};

struct model {
    uint16_t node_id;
    struct conf *conf; /* NULL before the first EVENT_CONFIG */
    struct node **nodes;
    size_t node_count, node_cap;
    struct map *by_name;  /* name → node */
    struct heap queue;    /* nodes by due */
    struct heap patience; /* nodes that wait for others, by when they give up */
    struct arena *graph;  /* of the needs of conf */
    struct node *changed_first, *changed_last; /* their children shall hear */
    struct episode **episodes;                 /* owned; ordered by number */
    size_t episode_count, episode_cap;
    int64_t forget_due_ns;   /* when to look for what nothing needs any more */
    struct run_list waiting; /* intended, for a free place */
    struct run_list live;    /* given to be performed, or started */
    struct run_list past;    /* for cooldowns, and who was told what */
    int64_t tidied_us;
    int64_t outbox_looked_us, outbox_due_us; /* wall: when notices were looked
                                                at, and when next to */
    struct window *windows;  /* owned; opened by hand, not over; oldest first */
    struct planned *planned; /* owned; in the order of conf->maintenance */
    size_t planned_count;
    uint32_t planned_from; /* generation that `planned` is of; 0: none yet */
    int64_t settled_us, hush_due_us; /* wall: when windows and pauses were
                                        looked at, and when next to */
    uint32_t last_check;
    uint64_t last_window;
    uint64_t last_incident, last_run, last_probe, sequence;
    bool has_cron;
    int64_t cron_past_s; /* the wall clock was put back from then: what has a
                            fixed time until then has been */
    struct distrust distrust;
    struct now now; /* of this step */

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
/* A row of the audit, committed soon: somebody may look for it. */
void model_audit(struct model *, enum grade, const char *actor,
                 const char *action, const char *object, const char *detail);
void model_tell(struct model *, enum tell_kind, const struct node *,
                const char *fmt, ...) PRINTF(4, 5);
char *model_text(struct model *, const char *fmt, ...) PRINTF(2, 3);
/* Replaces an owned text (free()d) by a copy. */
void model_own(const char **text, const char *value);

/* Queues the check's present state. */
void model_store_state(struct model *, const struct node *, enum grade);
/* With its transition, where no result brought it about. */
void model_store_change(struct model *, const struct node *,
                        enum check_state from, const char *reason);
/* A check that was not known: its number is above all others. */
struct node *model_add_node(struct model *, const struct check_row *);

/* distrust.c: at the begin of a step; at its end. */
void distrust_look(struct model *);
void distrust_await(struct model *, int64_t wake_ns);
bool distrust_holds(const struct model *);
/* The check fails now, and does not go down for it yet. */
bool distrust_holds_back(struct model *, struct node *);
/* Of a step: whether it is a trouble by now, or not any more. */
void distrust_settle(struct model *);
void distrust_free(struct model *);

/* trigger.c */
void trigger_asked(struct model *, const struct trigger_ask *);
void trigger_next(struct model *, struct node *); /* the check may be free */
void trigger_result(struct model *, struct node *, const struct result *);
/* Those that wait end; "X is paused". */
void trigger_drop(struct model *, struct node *, const char *why);
void trigger_removed(struct model *, struct node *);
void trigger_free_node(struct node *);

/* beat.c: in schedule.c's place for heartbeats. */
void beat_config(struct model *, struct node *);
void beat_event(struct model *, const struct beat *);
void beat_due(struct model *,
              struct node *); /* its time in m->queue has come */
/* The report under way is judged; before the step's other records of it. */
void beat_judged(struct model *, struct node *);
void beat_arm(struct model *, struct node *); /* sets when it is due next */
/* It is watched again, or the clock was disturbed: nobody could beat. */
void beat_excuse(struct model *, struct node *);
void beat_disturbed(struct model *);
/* What its job said last is judged again: what it needs is decided. */
void beat_again(struct model *, struct node *);
void beat_removed(struct model *, struct node *);
void beat_free_node(struct node *);

/* beat_runs.c: the latest runs of a job, as far as they were reported. */
enum { BEAT_RUNS = 16 };
/* The year 10000: a stored time beyond is none. */
#define BEAT_LATEST_US (253402300800LL * US_PER_S)
struct beat_run {
    char rid[BEAT_RID + 1];
    int64_t started_us; /* 0: it did not say */
    int64_t ended_us;   /* 0: not so far */
    int64_t late_ns;    /* its start came so long after its time */
    bool missed;        /* it was told to last too long */
    char *log;          /* owned; NULL: it said nothing */
};
struct beat_runs { /* oldest first */
    struct beat_run items[BEAT_RUNS];
    size_t count;
};
struct beat_run *beat_runs_find(struct beat_runs *, const char *rid);
/* Where there is no room, one that is over goes, else the oldest. */
struct beat_run *beat_runs_add(struct beat_runs *, const char *rid);
/* The end of the text stays. */
void beat_run_log(struct beat_run *, const char *text);
void beat_runs_put(const struct beat_runs *, struct buf *);
/* As far as the text makes sense. */
void beat_runs_get(struct beat_runs *, const char *text);
void beat_runs_clear(struct beat_runs *);

/* generation.c: takes its own reference. */
void generation_begin(struct model *, struct conf *);

/* schedule.c */
void schedule_config(struct model *, struct node *);
void schedule_next(struct model *, struct node *, const struct result *);
void schedule_tick(struct model *);
/* Its number. The values are borrowed until its result. */
uint64_t schedule_trigger(struct model *, struct node *,
                          const struct rlv_dict *values);
/* In place of a probe a heartbeat's report is judged. Its number. The values
 * live until the next step. */
uint64_t schedule_report(struct model *, struct node *,
                         const struct rlv_dict *report, const char *reason);
void schedule_ask(struct model *, struct node *, enum purpose, bool trace);
/* A probe that counts and begins no earlier than since_ns, for a check that
 * needs this one: one that is on its way will do. */
void schedule_need(struct model *, struct node *, int64_t since_ns);
/* A probe that counts, at due_ns or before. */
void schedule_soon(struct model *, struct node *, int64_t due_ns);
int64_t schedule_wake(const struct model *);

/* state.c */
struct state_change {
    bool changed; /* of state */
    bool counted; /* a count changed: worth storing */
    enum check_state from, to;
    const char *reason;
};
/* Pure: what one outcome does to a check's state, as those that it needs allow.
 * now_us stamps `since`. */
struct state_change state_step(struct state_row *, bool confirmed,
                               const struct check_spec *, enum outcome,
                               enum parents, int64_t now_us);
/* Pure: suspect, and failing often enough to be down. */
bool state_is_ripe(const struct state_row *, const struct check_spec *);
/* Pure: what becomes of a ripe check when its parents have been decided. */
struct state_change state_decide(struct state_row *, enum parents,
                                 const struct check_spec *, int64_t now_us);
/* "2/3", or "" where there is nothing to count. */
void state_count_text(const struct state_row *, const struct check_spec *,
                      char out[24]);

/* incident.c */
struct episode *incident_find(const struct model *, uint64_t number);
void incident_suspect(struct model *, struct node *, const struct result *);
void incident_down(struct model *, struct node *, const struct result *,
                   const char *reason);
/* The monitor's own: open at once; and what is known of it now. */
void incident_trouble(struct model *, struct node *, const struct result *);
void incident_retell(struct model *, struct node *, const char *text);
void incident_recovered(struct model *, struct node *, const char *reason);
void incident_blip(struct model *, struct node *);
/* The check's failure has its cause elsewhere: no incident of its own. */
void incident_impacted(struct model *, struct node *, const char *reason);
/* Still failing: says so when it fails otherwise than before. */
bool incident_still(struct model *, struct node *, const struct result *);
void incident_event(struct model *, const struct node *, const char *event,
                    const char *fmt, ...) PRINTF(4, 5);
void incident_diagnosed(struct model *, const struct run_row *,
                        const char *headline);
void incident_forget(
    struct model *); /* those resolved long ago; now and then */
void incident_free_all(struct model *);
void incident_removed(struct model *, struct node *);
void incident_resume(struct model *); /* after a restart: forming ones */
void incident_clock_moved(struct model *, int64_t by_us);

/* need.c: what a check needs (`depends_on`), and what that says. Pure, but for
 * the graph. */
enum answer { SAYS_FINE, SAYS_NOTHING, SAYS_SUSPECT, SAYS_DOWN, UNANSWERED };

void need_bind(struct model *); /* makes the graph of the present generation */
/* Whose probes measure the check: its own, or its source's. */
const struct node *need_prober(const struct node *);
enum standing need_standing(const struct node *);
/* What a parent says to a child that fails. */
enum answer need_answer(const struct model *, const struct node *child,
                        const struct node *parent);
/* The parent is well, as far as one knows, and must be measured to say so. */
bool need_owes(const struct model *, const struct node *child,
               const struct node *parent);
/* Until when the child waits for an undecided parent. */
int64_t need_gives_up_ns(const struct model *, const struct node *child,
                         const struct node *parent);
/* What one need, or all of them, say. hasty: a suspect parent is as good as
 * down. */
enum parents need_judge_one(const struct model *, const struct node *,
                            const struct bond *, bool hasty);
enum parents need_judge(const struct model *, const struct node *, bool hasty);
/* "db is down, redis is impacted" or "db, redis": the parents because of which
 * the check is told so. */
const char *need_list(struct model *, const struct node *, enum parents,
                      bool with_state);

/* depend.c: what follows from it, and derived checks. */
void depend_config(struct model *); /* a new generation: binds its needs */
void depend_resume(struct model *); /* what waited goes on under it */
void depend_removed(struct model *, struct node *);
void depend_free_node(struct node *);
/* Before a result changes the state: what the parents allow. They are asked at
 * the first failing one. */
enum parents depend_ask(struct model *, struct node *, const struct result *);
/* After a step of the state: "…; db is down" for change->reason. */
const char *depend_reason(struct model *, const struct node *, enum parents,
                          const struct state_change *);
void depend_stepped(struct model *, struct node *, enum parents,
                    const struct state_change *, const struct result *);
/* The state or the latest result is another: those that need it shall hear. */
void depend_changed(struct model *, struct node *);
void depend_settle(struct model *); /* they hear; who waited long enough acts */
int64_t depend_wake(const struct model *); /* monotonic; MODEL_NEVER */
/* The occasion waits for the parents' answers and is kept for later. */
bool depend_defers(struct model *, struct node *, enum runbook_on,
                   const struct result *);
/* Why a runbook is held: the cause is elsewhere. NULL: it is not. */
const char *depend_holds(struct model *, struct node *,
                         const struct runbook_spec *, enum runbook_on);

/* impact.c: who is impacted by whom. */
/* Lists the check with the incidents of all its causes; true: they changed. */
bool impact_update(struct model *, struct node *, const struct result *,
                   const char *reason);
/* It is not impacted any more: why. */
void impact_over(struct model *, struct node *, const char *why);
/* The check that has the incident: itself, or the cause of its impact. */
struct node *impact_cause(const struct model *, struct node *);
/* A line in the incident's timeline about another check. */
void impact_event(struct model *, struct episode *, const char *event,
                  const char *text);
void impact_free(struct episode *);

/* model.c, for depend.c: decides a ripe check without another result. */
void model_decide(struct model *, struct node *, enum parents);

/* hush.c: pauses, acknowledgements, marks; windows through window.c. */
/* The result may change the state: the check is not paused, nor was it when
 * its probe began. */
bool hush_counts(const struct node *, const struct result *);
void hush_event(struct model *, const struct event *);
/* A new generation: what it enables, disables, and judges from paused checks.
 */
void hush_config(struct model *);
/* Pauses and windows that begin and end: before and after what a step does. */
void hush_tick(struct model *);
int64_t hush_wake(const struct model *); /* monotonic; MODEL_NEVER */
/* The check has left its window: what was held for it is made up for. */
void hush_ended(struct model *, struct node *);
/* Pauses and windows opened by hand last as long as was said. */
void hush_clock_moved(struct model *, int64_t by_us);
void hush_free_all(struct model *);

/* window.c: maintenance, by hand and of the configuration. */
void window_event(struct model *, const struct window_row *);
void window_clock_moved(struct model *, int64_t by_us);
/* Looks at every window anew, and when next to: m->hush_due_us. */
void window_settle(struct model *);
void window_free_all(struct model *);
/* "14:30" of the configuration's zone, with the date where it is not today's;
 * lives until the next step. */
const char *window_time(struct model *, int64_t wall_us);

/* match.c */
/* Pure: does this runbook ask to run for this check, result and occasion? */
bool match_runbook(const struct runbook_spec *, const struct check_spec *,
                   enum check_state, const struct result *,
                   enum runbook_on occasion);

/* Pure: does this notice want to hear of that trouble of the monitor itself? */
bool match_trouble(const struct runbook_spec *, const char *name,
                   const struct result *);

/* trouble.c */
void trouble_event(struct model *, const struct trouble *);

/* occasion.c */
/* What holds a notice for a time: its row's held_by. */
#define HELD_MAINTENANCE "maintenance"
#define HELD_ACTIVE      "active"

void run_occasion(struct model *, struct node *, enum runbook_on,
                  const struct result *);
/* The monitor itself is in trouble: notices only. */
void run_troubled(struct model *, struct node *, const struct result *);
/* The check's incident ended without a recovery: it is paused, or no longer
 * configured. */
void run_closed(struct model *, struct node *);
/* What held this notice is over. */
void run_made_up(struct model *, struct node *, const struct runbook_spec *,
                 const struct run_row *held);
void run_repeat(struct model *, struct node *, const struct runbook_spec *);
void run_asked(struct model *, struct node *, const struct runbook_spec *);

/* active.c. Pure. */
bool active_now(const struct runbook_spec *, const struct tz *,
                int64_t wall_us);
/* When its next span begins; INT64_MAX: it has none. */
int64_t active_next(const struct runbook_spec *, const struct tz *,
                    int64_t wall_us);

/* run_list.c */
struct run *run_new(const struct run_row *); /* a copy, in no list */
void run_free(struct run *);
void run_put_first(struct run_list *, struct run *);
void run_put_last(struct run_list *, struct run *);
void run_take_out(struct run_list *, struct run *);
struct run *run_find(const struct run_list *, uint64_t number); /* or NULL */
void run_free_all(struct model *);

/* run.c */
enum { RUN_QUEUE = 64 }; /* diagnoses that may wait */
#define RUN_IS_LIVE INT64_MAX

void run_intend(struct model *, const struct run_row *,
                const struct result *about);
/* Before everything that waits: the turn is still its own. */
void run_intend_again(struct model *, const struct run_row *,
                      const struct result *about);
void run_remember(struct model *, const struct run_row *); /* stored, too */
/* What is left of the cooldown per check and fault, or RUN_IS_LIVE. */
int64_t run_cooldown_us(const struct model *, const struct node *,
                        const struct runbook_spec *, enum rlv_fault);
size_t run_waiting_diagnoses(const struct model *);
void run_start_waiting(struct model *);
void run_started(struct model *, const struct event *);
void run_ended(struct model *, const struct run_ending *);
void run_tidy(struct model *); /* forgets what nothing needs any more */
/* Delays, cooldowns and durations of runs stay what they were. */
void run_clock_moved(struct model *, int64_t by_us);
void run_resume(struct model *); /* after a restart */

/* outbox.c */
/* That runbook's receiver got the incident's `down`, may have, or will, and no
 * `recovered` since: by notices with numbers below `before`. */
bool outbox_was_told(const struct model *, const char *runbook,
                     uint64_t incident, uint64_t before);
/* An ended run, or an incident, that a notice has still need of. */
bool outbox_needs(const struct model *, const struct run *);
bool outbox_needs_incident(const struct model *, uint64_t incident);
/* Number of the first attempt. */
uint64_t outbox_first(const struct run *);
/* Its time has come; else it is looked at again then. */
bool outbox_is_due(struct model *, const struct run *);
/* A notice ended (known: and its end was seen): it is intended again, or given
 * up. Returns what is to be added to its end's text. */
const char *outbox_ended(struct model *, struct run *, bool known);
void outbox_changed(struct model *); /* it is looked at within a second */
void outbox_clock_moved(struct model *);
void outbox_tick(struct model *);
int64_t outbox_wake(const struct model *); /* monotonic; MODEL_NEVER */

#endif

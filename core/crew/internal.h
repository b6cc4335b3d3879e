/* crew/internal.h: what the files of the crew share. */
#ifndef RELEVO_CREW_INTERNAL_H
#define RELEVO_CREW_INTERNAL_H

#include "crew/process.h"
#include "crew/crew.h"

/* A probe that was given to a worker and has not come back. */
struct flight {
    struct flight *next; /* in its worker's list, or in the waiting list */
    struct msg_probe probe;
    struct arena *arena; /* of the probe's values; NULL: it has none */
    int64_t sent_ns;
    unsigned apart;    /* to be redone alone, after so many others; 0: sent */
    struct held *held; /* derived.c: results that wait for its own */
};

struct worker {
    struct crew *crew;
    unsigned number;       /* 1, 2, … in messages */
    bool blocking;         /* runs one blocking probe at a time */
    struct process *child; /* NULL: dead, respawn_at says when it comes back */
    struct flight *flights;
    size_t flight_count;
    int64_t respawn_ns; /* 0: not waiting */
    int64_t back_off_ns;
    bool pinged;          /* and has not answered since */
    unsigned ticks;       /* of the watchdog, since the last ping or answer */
    unsigned weigh_ticks; /* since its memory was looked at */
};

struct crew_check { /* what the crew knows of a check */
    uint32_t check;
    const struct check_spec *spec;
    uint32_t of;     /* judged from this one's results; 0: it is probed */
    unsigned worker; /* index of its asynchronous worker */
    bool blocking;
};

struct web {                       /* the role web and its sockets; web.c */
    struct process *child;         /* NULL: dead, or not wanted */
    char *listen[WEB_LISTEN_MOST]; /* as written; NULL: no more */
    int sockets[WEB_LISTEN_MOST];  /* -1: not open, told why */
    bool wanted, told[WEB_LISTEN_MOST];
    struct buf load;    /* the last MSG_WEB, but for its sockets */
    int64_t respawn_ns; /* 0: not waiting */
    int64_t back_off_ns, retry_ns;
    unsigned unanswered; /* pulses */
};

struct crew {
    uv_loop_t *loop;
    struct crew_options options;
    struct crew_events events;
    struct worker *workers; /* the asynchronous ones, then the blocking ones */
    unsigned worker_count, blocking_count;
    unsigned used_count; /* of the asynchronous ones, by this generation */
    struct conf *conf;
    struct crew_check *checks; /* by number, ascending */
    size_t check_count;
    const struct crew_check **derived; /* by source, then parents first */
    size_t derived_count;
    struct offender *offenders;            /* quarantine.c */
    struct flight *waiting, **waiting_end; /* for a blocking worker */
    uv_timer_t watchdog;
    int64_t ticked_ns;  /* when it last looked */
    int64_t resumed_ns; /* when we had last stood still ourselves */
    struct process *runner;
    bool runner_greets; /* it is a unit, and has not said its version yet */
    struct buf allow;   /* the last MSG_ALLOW, for a new runner */
    bool barren;        /* told that no process can be started */
    int64_t runner_respawn_ns, runner_back_off_ns;
    bool runner_missed; /* told that there is none */
    bool runner_is_root;
    struct command *commands; /* command.c: under way */
    uint64_t last_order;
    char *user; /* main's, once it is asked for */
    struct web web;
    bool stopping;
};

/* workers.c */
void worker_start(struct worker *);
void worker_give(struct worker *, struct flight *);
const struct crew_check *crew_check(const struct crew *, uint32_t check);
/* Of that worker; NULL: none. */
const struct flight *crew_flight(const struct worker *, uint64_t probe);
void crew_pump_blocking(struct crew *);
void flight_free(struct flight *);

/* watchdog.c: looks at the workers until crew.watchdog is closed. */
void watchdog_start(struct crew *);

/* load.c */
void worker_send_load(struct worker *);

/* derived.c */
/* After crew.checks have changed. */
void derived_plan(struct crew *);
/* Takes over a result of that probe that is not of the check that was probed.
 * false: nonsense. */
bool derived_hold(const struct crew *, struct flight *, struct result *);
void derived_drop(struct flight *); /* what is held is not to be believed */
/* Takes over the result of a probe, gives it on, and before it those of the
 * checks that are derived. The flight may be NULL: then all are made up. */
void derived_give(struct crew *, struct flight *, struct result *);

/* obituary.c */
/* Callbacks that ended so shortly before the last one may have done it, too. */
#define SUSPECT_NS (20 * NS_PER_MS)
/* What a dead worker's probes come to: results, or flights to redo. True: it
 * is known who killed it. */
bool obituary(struct worker *, const char *how);

/* quarantine.c */
struct offender;
/* A worker died of this check, or, with 0, of this plugin: how. */
void quarantine_note(struct crew *, uint32_t check, const char *plugin,
                     const char *how, bool at_once);
/* Its probes are not to be made; text says why. */
bool quarantine_holds(const struct crew *, const struct crew_check *,
                      char *text, size_t size);
/* Its plugin is not even to be loaded. */
bool quarantine_bars(const struct crew *, const struct crew_check *);
/* The check has brought a result. */
void quarantine_pardon(struct crew *, const struct crew_check *);
/* A new configuration: nobody is held, but who was is still in trouble. */
void quarantine_try_again(struct crew *);
void quarantine_clear(struct crew *);
/* Now and then. True, once: a plugin that was held is to be loaded again. */
bool quarantine_tick(struct crew *, int64_t now_ns);
bool quarantine_is_of(const struct crew_check *, const char *plugin);

/* workers.c: gives a trouble on when it begins or ends; `told`: it is on. */
void crew_tell_trouble(struct crew *, bool *told, const struct trouble *);

/* command.c */
/* MSG_ASK_COMMAND, MSG_COMMAND_ENDED. false: nonsense. */
bool command_ask(struct worker *, const struct frame *);
bool command_ended(struct crew *, const struct frame *);
void commands_lost(struct crew *, const char *why); /* with the runner */
void commands_forget(struct worker *);              /* it has died */
/* The programs of all `exec` checks; room for one a check. How many. */
size_t command_programs(const struct conf *, const char **programs);

/* runner.c */
bool runner_is_here(const struct crew *);
/* Is here now; it is started where nobody has done so, as in a command. */
bool runner_wanted(struct crew *);
void runner_tick(struct crew *, int64_t now_ns);

/* web.c */
void web_open(struct crew *);
void web_tick(struct crew *, int64_t now_ns);
void web_free(struct crew *);

/* The delay before the next attempt, doubling from 100 ms to 10 s; a process
 * that lived for 10 s begins anew, and the first attempt is at once. */
int64_t crew_back_off(int64_t *back_off_ns, int64_t lived_ns);

#endif

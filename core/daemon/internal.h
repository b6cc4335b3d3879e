/* daemon/internal.h: what the files of role main share.
 *
 * One thread: the loop. The store's writer is another one; it reports through
 * `committed` and an async handle. On the loop's pool folders.c looks through
 * the runs' folders; it shares nothing but its limits. */
#ifndef RELEVO_DAEMON_INTERNAL_H
#define RELEVO_DAEMON_INTERNAL_H

#include <stdatomic.h>
#include <jansson.h>
#include <uv.h>

#include "base/log.h"
#include "base/proc.h"
#include "base/redact.h"
#include "crew/crew.h"
#include "daemon/daemon.h"
#include "model/model.h"
#include "store/store.h"

/* A run that waits for its intention to be stored, then for the runner, then
 * for the news that it has started. */
struct order { /* of a run; see perform.c */
    struct order *next;
    struct run_row run; /* its numbers; the texts are not ours */
    uint64_t after;
    struct conf *conf; /* a reference: `book` is of it */
    const struct runbook_spec *book;
    struct result *about; /* owned; NULL: none */
    int64_t made_ns;
    bool sent;
    struct buf payload; /* MSG_RUN; empty until it may be sent */
};

/* A keeper whose runner, or main, is gone; or its coming up. */
struct adopted {
    struct adopted *next;
    struct daemon *daemon;
    uint64_t run;
    int pidfd; /* -1: it has not said who it is so far */
    int64_t until_ns;
    uv_poll_t poll;   /* with a pidfd */
    uv_timer_t timer; /* without */
};

struct queued {
    struct queued *next;
    struct event event;
    char *object, *text; /* owned, of a trouble; else NULL */
};

struct daemon {
    uv_loop_t loop;
    const struct daemon_options *options;
    struct conf *conf;
    char state_dir[4096];
    char boot_id[PROC_BOOT_ID];
    const char *run_as; /* the user that we became: so do scripts; or NULL */
    struct model *model;
    struct crew *crew;
    struct store *store;
    struct redact *redact;
    struct control *control;
    uv_timer_t wake;
    uv_timer_t patience; /* perform.c's */
    uv_timer_t control_timer;
    int64_t wake_due_ns;    /* MODEL_NEVER: it is not set */
    uv_signal_t signals[3]; /* SIGTERM, SIGINT, SIGHUP */
    uv_async_t committed_async;
    _Atomic uint64_t committed;
    atomic_bool awaited; /* an order waits for a later one */
    struct order *orders;
    struct beat_wait *beats; /* beats.c's: to be answered */
    uint64_t last_beat;      /* ticket */
    struct adopted *adopted;
    struct folders *folders;
    struct alarms *alarms;
    char spare[256];         /* spare.c's folder; "": there is none */
    struct manager *manager; /* of services, such as systemd */
    uv_timer_t pulse;        /* web.c's */
    uint64_t writer_turns;   /* when it last looked */
    int64_t writer_moved_ns;
    int64_t spare_until_ns;
    struct queued *queued, **queued_end; /* events that came inside a step */
    bool stepping;
    struct reload_request *reload_requests; /* for the next reload */
    bool reloading, stopping;
    int exit_status;
};

/* daemon.c: hands an event to the model and performs what it answers. Inside
 * a step it is queued and follows; its texts must then outlive the step. */
void daemon_step(struct daemon *, const struct event *);
/* The monitor itself is in trouble, or out of it; reported again, nothing
 * happens. The texts are copied: it may come at any time after the first
 * configuration. */
void daemon_trouble(struct daemon *, const struct trouble *);
/* Performs the actions of a step taken outside daemon_step. */
void daemon_perform(struct daemon *, const struct actions *);
void daemon_stop(struct daemon *, const char *why);

/* state_dir.c, in this order. */
bool state_dir_open(struct daemon *, struct err *); /* and locks it */
/* As root only with a user to become, once nothing needs root any more. */
bool state_dir_become_user(struct daemon *, struct err *);
bool state_dir_make_runs(const struct daemon *, struct err *);

/* perform.c */
void perform(struct daemon *, const struct actions *);
void perform_committed(struct daemon *); /* orders whose intention is stored */
/* The runner has taken the order up, or refused it. */
void perform_order_done(struct daemon *, uint64_t run);
bool perform_has_order(const struct daemon *, uint64_t run);
/* The runner that had it is gone: to be sent again. False: there is none. */
bool perform_order_again(struct daemon *, uint64_t run);
void perform_free_orders(struct daemon *);
/* A timer that looks every second while orders, or beats, wait for the store;
 * from now on. */
void perform_patience(struct daemon *);
void perform_watch(struct daemon *);

/* beats.c: what jobs report. */
void beats_heard(struct daemon *, uint64_t ticket, uint64_t after,
                 const char *refusal);
void beats_answer(struct daemon *, uint64_t committed); /* who waits for it */
void beats_on_question(struct daemon *, const struct msg_question *);
void beats_free(struct daemon *);

/* context.c: the coded MSG_RUN for a run. */
void context_order(struct daemon *, const struct conf *, const struct run_row *,
                   const struct runbook_spec *, const struct result *about,
                   const char *dir, struct buf *payload);
/* STATE_DIR/runs/R-7, or where spare.c has it */
void context_run_dir(const struct daemon *, uint64_t run, char *out,
                     size_t size);

/* runs.c: what runs came to; adoption after a restart. */
void runs_on_started(void *arg, const struct msg_run_started *);
void runs_on_exited(void *arg, const struct msg_run_exited *);
void runs_on_runner_lost(void *arg);
void runs_on_runner_ready(void *arg);
/* A trace of it is in its folder: it was started, whatever the store knows. */
bool runs_was_begun(const struct daemon *, uint64_t run);
void runs_adopt(struct daemon *);
void runs_free(struct daemon *);

/* strays.c: ends what a run has left whose keeper is gone. */
void strays_end(struct daemon *, uint64_t run);

/* spare.c: folders of runs while the state directory takes none. */
bool spare_open(struct daemon *); /* false: no place, and it was said */
void spare_run_dir(const struct daemon *, uint64_t run, char *out, size_t size);
/* A run has left no outcome, or never began: for a while the folders of notices
 * are better made in memory. */
void spare_doubt(struct daemon *);
bool spare_is_better(const struct daemon *);
bool spare_has(const struct daemon *, uint64_t run);
void spare_forget(const struct daemon *, uint64_t run);
void spare_close(struct daemon *);

/* alarms.c: troubles with the history and with resources. */
void alarms_open(struct daemon *);
void alarms_on_store(void *daemon, enum store_news, const char *text);
void alarms_on_result(struct daemon *, const struct result *);
/* One that somebody else finds, and ends. */
void alarms_on_trouble(struct daemon *, const struct trouble *);
/* That trouble was on when main ended. */
void alarms_recall(struct daemon *, const struct trouble *);
void alarms_free(struct daemon *); /* once the store is closed */

/* folders.c: the runs' folders, kept as long as outputs are. */
struct folder_limits {
    uint64_t live;           /* the oldest run that lives; UINT64_MAX: none */
    int64_t before_us;       /* what was changed before it goes; 0: no bound */
    int64_t bytes;           /* of all together; 0: no bound */
    const atomic_bool *stop; /* leave off between two folders; or NULL */
};
/* The highest number of a run that has a folder; 0: none has. */
uint64_t folders_latest(const char *dir);
void folders_trim(const char *dir, const struct folder_limits *); /* blocks */
void folders_watch(struct daemon *);
void folders_stop(struct daemon *); /* soon; the loop ends it */
void folders_free(struct daemon *); /* once the loop is closed */

/* manager.c: how we fare, for a service manager. */
void manager_open(struct daemon *);
void manager_ready(struct daemon *); /* the first checks are loaded */
void manager_reloading(struct daemon *);
void manager_reloaded(struct daemon *, bool refused);
void manager_stopping(struct daemon *);
void manager_free(struct daemon *); /* once the loop is closed */

/* web.c: what main does for the page. */
void web_start(struct daemon *); /* the first checks are loaded */
void web_on_question(void *daemon, const struct msg_question *);
/* The addresses: "addresses" of `status`. */
json_t *web_addresses(const struct daemon *);

/* reload.c */
void reload_apply(struct daemon *, struct conf *);
/* From now on its secrets are blotted out of logs and results. */
void reload_redact(struct daemon *, const struct conf *);
/* Starts a reload; done(arg, NULL) when the new generation is in force, else
 * the errors as text. */
void reload_start(struct daemon *, void (*done)(void *arg, const char *errors),
                  void *arg);
void reload_log(enum log_level, const char *text); /* a line each */
void reload_free(struct daemon *);

/* control.c */
struct control *control_open(struct daemon *, struct err *);
void control_close(struct control *); /* NULL is fine */
/* A result that a client asked for goes to it, too. */
void control_result(struct daemon *, const struct result *);

#endif

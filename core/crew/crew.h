/* crew/crew.h: the processes that main keeps: workers, blocking workers, the
 * runner. Starts, feeds, watches, kills and reaps them; used by the daemon and
 * by commands that probe without one.
 *
 * Promise: every probe that crew_probe was given ends in exactly one call of
 * events.result, whatever happens to the worker: the probe whose callback
 * killed or hung it ends as `plugin`, the others are redone once, those that
 * had changed something at their target end as `cancelled`. Right before it
 * come results of the same probe number, one for each check that is derived
 * from the probed one (check_spec.source), a parent before what needs it. */
#ifndef RELEVO_CREW_CREW_H
#define RELEVO_CREW_CREW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "model/result.h"
#include "model/spec.h"
#include "model/trouble.h"
#include "wire/msg.h"

struct crew_events {
    void (*result)(void *arg, struct result *); /* taken over */
    void (*run_started)(void *arg, const struct msg_run_started *);
    void (*run_exited)(void *arg, const struct msg_run_exited *);
    /* May be NULL. Lost: it tells nothing more of its runs, their keepers go
     * on. Ready: a new one takes orders. */
    void (*runner_lost)(void *arg);
    void (*runner_ready)(void *arg);
    /* May be NULL. A plugin or the probes of a check are held back, or not any
     * more. */
    void (*trouble)(void *arg, const struct trouble *);
    /* May be NULL. A probe of the check `asker` wants another one probed:
     * crew_answer says what came of it. Borrowed. */
    void (*trigger)(void *arg, uint32_t asker, const struct msg_trigger *);
    /* May be NULL. The web role asks what only main knows; crew_answer_web
     * answers, now or later. Borrowed. */
    void (*question)(void *arg, const struct msg_question *);
    void *arg;
};

struct crew_options {
    unsigned workers;      /* 0: min(cores, 4) */
    unsigned blocking;     /* most processes for blocking probes */
    const char *runner;    /* the socket of one that is there; NULL: our own */
    const char *state_dir; /* for the web role; borrowed */
};

struct crew;

struct crew *crew_new(uv_loop_t *, const struct crew_options *,
                      const struct crew_events *);
/* With the rights that main has then: after it gave up what it does not need.
 */
void crew_start_workers(struct crew *);
/* Ends every process but the runner's keepers, at once. NULL is fine. The loop
 * must run once more for handles to close. */
void crew_free(struct crew *);

/* Gives the workers a generation. ids[i] is the number of conf->checks[i]. The
 * conf is referenced until the next one comes. */
void crew_load(struct crew *, struct conf *, const uint32_t *ids);
/* That trouble was on when main ended: it lasts until the plugin, or the check,
 * has brought results again, or is no longer configured. After crew_load. */
void crew_recall(struct crew *, const struct trouble *);
/* A derived check is not probed: its source is. */
void crew_probe(struct crew *, const struct msg_probe *);

/* Goes to the worker that asked, if that still waits for it. */
void crew_answer(struct crew *, const struct msg_triggered *);

/* The runner: started first, before privileges are dropped. One that is a unit
 * of its own is connected to, now or as soon as it is there. */
bool crew_start_runner(struct crew *, struct err *) MUST_CHECK;
void crew_allow(struct crew *, const struct conf *);
/* order: a coded struct msg_run. false: there is no runner at the moment. */
bool crew_run(struct crew *, const struct buf *order) MUST_CHECK;
void crew_stop_run(struct crew *, uint64_t run);

/* The web role. First what takes root's rights, before they are dropped; then
 * the rest, now and with each new generation. */
void crew_open_web(struct crew *, const struct conf *);
void crew_serve(struct crew *, const struct conf *);
void crew_answer_web(struct crew *, const struct msg_question *answer);
/* To the web role, every second: it ends when it does not answer. */
void crew_pulse(struct crew *, const struct msg_pulse *);
/* Where the i-th address is reached: "http://127.0.0.1:8970"; "" where it could
 * not be opened so far. NULL past the last. */
const char *crew_web_url(const struct crew *, size_t i, char *out, size_t size);

#endif

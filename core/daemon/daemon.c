/* daemon/daemon.c: role main: the loop that turns events into model steps.
 *
 * Happy path:
 *   1. configuration read, plugins vetted (prepare.c); runner started
 *   2. store opened, what it remembers given to the model
 *   3. first EVENT_CONFIG: the watch begins
 *   4. results, time and runs go to model_step; perform.c does what it says
 *   5. SIGTERM: workers end, the store is drained; keepers of runs go on.
 * Ways it can fail: a wrong configuration ends a start and never a running
 * daemon; a store that cannot write queues in memory and says so; children that
 * die are replaced by the crew. Main itself may be killed at any time: the next
 * one rebuilds its state from the store. */
#include "daemon/daemon.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enclose.h"
#include "base/failpoint.h"
#include "base/fs.h"
#include "base/human.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/internal.h"
#include "daemon/places.h"
#include "daemon/prepare.h"
#include "daemon/scrub.h"

#define CONTROL_MS 5000

/* Larger blocks go back to the system when they are freed; glibc would raise
 * that by itself, and keep what a script's output once took. */
enum { LARGE_BLOCK = 128 * 1024 };

/* --------------------------------------------------------------- steps --- */

static void on_wake(uv_timer_t *timer)
{
    struct event tick = {.kind = EVENT_TICK};
    daemon_step(timer->data, &tick);
}

/* The model asks well ahead of the first probe. Waking a little later sends
 * more of them at once, and results that come in before then spare it. */
#define WAKE_SLACK_NS (20 * NS_PER_MS)

static void set_wake(struct daemon *d, int64_t next_wake_ns)
{
    d->wake_due_ns = next_wake_ns;
    if (next_wake_ns == MODEL_NEVER) {
        uv_timer_stop(&d->wake);
        return;
    }
    int64_t in_ns = next_wake_ns - clock_mono_ns() + WAKE_SLACK_NS;
    uint64_t ms = in_ns <= 0 ? 0 : (uint64_t)(in_ns / NS_PER_MS) + 1;
    uv_update_time(&d->loop);
    uv_timer_start(&d->wake, on_wake, ms, 0);
}

static void one_step(struct daemon *d, const struct event *e)
{
    (void)FAILPOINT("main.step");
    struct actions actions = model_step(d->model, e, clock_now());
    set_wake(d, actions.next_wake_ns);
    perform(d, &actions);
}

static void run_queue(struct daemon *d)
{
    while (d->queued != NULL) {
        struct queued *q = d->queued;
        d->queued = q->next;
        if (d->queued == NULL)
            d->queued_end = &d->queued;
        one_step(d, &q->event);
        free(q->object);
        free(q->text);
        free(q);
    }
    d->stepping = false;
}

static struct queued *queue_event(struct daemon *d, const struct event *e)
{
    struct queued *q = xcalloc(1, sizeof *q);
    q->event = *e;
    *d->queued_end = q;
    d->queued_end = &q->next;
    return q;
}

void daemon_step(struct daemon *d, const struct event *e)
{
    if (d->stepping) {
        queue_event(d, e);
        return;
    }
    d->stepping = true;
    one_step(d, e);
    run_queue(d);
}

/* Its text may name what a setting says, and be stored. */
void daemon_trouble(struct daemon *d, const struct trouble *t)
{
    struct event e = {.kind = EVENT_TROUBLE, .as.trouble = *t};
    struct buf safe = {0};
    redact_text(d->redact, t->text, strlen(t->text), &safe);
    e.as.trouble.text = buf_text(&safe);
    if (!d->stepping) {
        daemon_step(d, &e);
    } else {
        struct queued *q = queue_event(d, &e);
        q->event.as.trouble.object = q->object = xstrdup(t->object);
        q->event.as.trouble.text = q->text = xstrdup(buf_text(&safe));
    }
    buf_free(&safe);
}

void daemon_perform(struct daemon *d, const struct actions *actions)
{
    must(!d->stepping);
    d->stepping = true;
    set_wake(d, actions->next_wake_ns);
    perform(d, actions);
    run_queue(d);
}

static void on_result(void *arg, struct result *r)
{
    struct daemon *d = arg;
    scrub_result(d->redact, r);
    control_result(d, r);
    alarms_on_result(d, r);
    struct event e = {.kind = EVENT_RESULT, .as.result = r};
    daemon_step(d, &e);
}

/* Comes from the loop, never inside a step: what it holds is borrowed. */
static void on_trigger(void *arg, uint32_t asker, const struct msg_trigger *t)
{
    struct daemon *d = arg;
    must(!d->stepping);
    struct event e = {.kind = EVENT_TRIGGER,
                      .as.trigger = {.asker = asker,
                                     .probe = t->probe,
                                     .ticket = t->ticket,
                                     .check = t->check,
                                     .deadline_ns = t->deadline_ns,
                                     .values = t->values}};
    daemon_step(d, &e);
}

static void on_crew_trouble(void *arg, const struct trouble *t)
{
    if (t->kind == TROUBLE_OF_RESOURCES)
        alarms_on_trouble(arg, t);
    else
        daemon_trouble(arg, t);
}

static void on_committed(void *arg, uint64_t sequence)
{
    struct daemon *d = arg;
    atomic_store(&d->committed, sequence);
    if (atomic_load(&d->awaited))
        uv_async_send(&d->committed_async);
}

static void on_committed_async(uv_async_t *async)
{
    perform_committed(async->data);
}

/* ------------------------------------------------------------- signals --- */

void daemon_stop(struct daemon *d, const char *why)
{
    if (d->stopping)
        return;
    d->stopping = true;
    log_info("stopping: %s", why);
    manager_stopping(d);
    uv_stop(&d->loop);
}

static void on_reloaded(void *arg, const char *errors)
{
    (void)arg;
    if (errors == NULL)
        return;
    log_error("the new configuration is refused, the old one stays:");
    reload_log(LOG_LEVEL_ERROR, errors);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct daemon *d = handle->data;
    if (number == SIGHUP)
        reload_start(d, on_reloaded, NULL);
    else
        daemon_stop(d, number == SIGINT ? "interrupted" : "terminated");
}

static void watch_signals(struct daemon *d)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        uv_signal_init(&d->loop, &d->signals[i]);
        d->signals[i].data = d;
        uv_signal_start(&d->signals[i], on_signal, numbers[i]);
    }
    signal(SIGPIPE, SIG_IGN);
}

/* --------------------------------------------------------------- start --- */

/* What a disk refuses now it may take later: the watch begins without. */
static bool or_later(const struct err *err)
{
    if (!fs_is_refusal(err->sys))
        return false;
    log_error("%s; going on without it", err->text);
    return true;
}

/* A diagnosis that a power cut made the store forget has left its folder: no
 * other run gets that number, or it would be given that one's outcome. */
static void restore_numbers(struct daemon *d, const struct store_snapshot *s)
{
    char runs[4200];
    snprintf(runs, sizeof runs, "%s/runs", d->state_dir);
    uint64_t last_run = folders_latest(runs);
    if (last_run < s->last_run)
        last_run = s->last_run;
    model_restore_numbers(d->model, s->last_check, s->last_incident, last_run,
                          s->last_window);
}

static void restore(struct daemon *d, const struct store_snapshot *s)
{
    for (size_t i = 0; i < s->check_count; i++)
        model_restore_check(d->model, &s->checks[i]);
    for (size_t i = 0; i < s->state_count; i++)
        model_restore_state(d->model, &s->states[i]);
    for (size_t i = 0; i < s->incident_count; i++)
        model_restore_incident(d->model, &s->incidents[i]);
    for (size_t i = 0; i < s->run_count; i++) {
        /* Intended notices are sent anew, but not those under way. */
        struct run_row *row = &s->runs[i];
        if (row->state == RUN_INTENDED && row->kind == RUNBOOK_NOTIFY &&
            runs_was_begun(d, row->number))
            row->state = RUN_STARTED;
        model_restore_run(d->model, row);
    }
    for (size_t i = 0; i < s->impact_count; i++)
        model_restore_impact(d->model, &s->impacts[i]);
    for (size_t i = 0; i < s->window_count; i++)
        model_restore_window(d->model, &s->windows[i]);
    for (size_t i = 0; i < s->beat_count; i++)
        model_restore_beat(d->model, &s->beats[i]);
    restore_numbers(d, s);
}

static bool open_store(struct daemon *d, struct err *err)
{
    struct store_options options = {.dir = d->state_dir,
                                    .committed = on_committed,
                                    .trouble = alarms_on_store,
                                    .arg = d,
                                    .keep = d->conf->history};
    d->store = store_open(&options, err);
    if (d->store == NULL)
        return false;
    struct store_snapshot snapshot;
    if (!store_load(d->store, clock_wall_us(), &snapshot, err))
        return false;
    restore(d, &snapshot);
    store_snapshot_free(&snapshot);
    return true;
}

static void recall_trouble(struct daemon *d, const struct trouble *t)
{
    crew_recall(d->crew, t);
    alarms_recall(d, t);
}

/* Troubles that were on when main died: whoever knows that sort says whether
 * they still are. */
static void recall_troubles(struct daemon *d)
{
    struct check_view v;
    struct trouble t = {.over = true};
    for (size_t i = 0; model_trouble(d->model, i, &v); i++)
        if (trouble_parse(v.row, &t.kind, &t.object))
            recall_trouble(d, &t);
}

/* Without a control socket the watch goes on; it is tried again. */
static void on_control_timer(uv_timer_t *timer)
{
    struct daemon *d = timer->data;
    struct err err;
    if (d->control == NULL)
        d->control = control_open(d, &err);
    if (d->control == NULL)
        return;
    log_info("the control socket is open");
    uv_timer_stop(timer);
}

static bool open_control(struct daemon *d, struct err *err)
{
    uv_timer_init(&d->loop, &d->control_timer);
    d->control_timer.data = d;
    d->control = control_open(d, err);
    if (d->control == NULL && or_later(err))
        uv_timer_start(&d->control_timer, on_control_timer, CONTROL_MS,
                       CONTROL_MS);
    else if (d->control == NULL)
        return false;
    return true;
}

static void say_started(const struct daemon *d)
{
    char checks[HUMAN_TEXT];
    if (enclose_abi() == 0)
        log_warn("this kernel has no Landlock: plugins reach every file that "
                 "Relevo's user reaches");
    log_info("watching %s from %s, state in %s",
             human_count(d->conf->check_count, "check", checks), d->conf->file,
             d->state_dir);
}

/* Everything between a checked configuration and the first probe. The runner
 * comes first: it keeps the privileges that main gives up. */
static bool start(struct daemon *d, struct err *err)
{
    struct crew_options crew = {.workers = (unsigned)d->conf->workers,
                                .blocking = (unsigned)d->conf->blocking,
                                .runner = d->conf->runner,
                                .state_dir = d->state_dir};
    struct crew_events events = {.result = on_result,
                                 .run_started = runs_on_started,
                                 .run_exited = runs_on_exited,
                                 .runner_lost = runs_on_runner_lost,
                                 .runner_ready = runs_on_runner_ready,
                                 .trouble = on_crew_trouble,
                                 .trigger = on_trigger,
                                 .question = web_on_question,
                                 .arg = d};
    reload_redact(d, d->conf);
    if (!state_dir_open(d, err))
        return false;
    uv_async_init(&d->loop, &d->committed_async, on_committed_async);
    uv_timer_init(&d->loop, &d->wake);
    d->committed_async.data = d->wake.data = d;
    alarms_open(d);
    perform_patience(d);
    d->crew = crew_new(&d->loop, &crew, &events);
    if (!crew_start_runner(d->crew, err))
        return false;
    crew_open_web(d->crew, d->conf);
    if (!state_dir_become_user(d, err) ||
        (!state_dir_make_runs(d, err) && !or_later(err)) || !open_store(d, err))
        return false;
    crew_start_workers(d->crew);
    if (!open_control(d, err))
        return false;
    watch_signals(d);
    reload_apply(d, d->conf);
    recall_troubles(d);
    runs_adopt(d);
    folders_watch(d);
    say_started(d);
    web_start(d);
    manager_ready(d);
    return true;
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

/* Nothing is decided any more once the loop has stopped: what the closing
 * handles still report goes nowhere. */
static void finish(struct daemon *d)
{
    d->stopping = true;
    folders_stop(d);
    while (d->reloading) /* its vet processes answer or are given up on */
        uv_run(&d->loop, UV_RUN_ONCE);
    reload_free(d);
    control_close(d->control);
    runs_free(d);
    crew_free(d->crew);
    perform_free_orders(d);
    beats_free(d);
    if (d->store != NULL)
        store_close(d->store);
    uv_walk(&d->loop, close_handle, NULL);
    while (uv_run(&d->loop, UV_RUN_ONCE) != 0)
        ;
    uv_loop_close(&d->loop);
    folders_free(d);
    alarms_free(d);
    spare_close(d);
    manager_free(d);
    model_free(d->model);
    log_set_redact(NULL);
    redact_free(d->redact);
    conf_unref(d->conf);
}

int daemon_run(const struct daemon_options *options)
{
    struct daemon d = {.options = options};
    d.queued_end = &d.queued;
    struct err err;
    log_init("main");
    mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
    signal(SIGHUP, SIG_IGN); /* until we can follow it */
    uv_loop_init(&d.loop);
    manager_open(&d);
    proc_boot_id(d.boot_id);
    d.model = model_new(0);
    struct conf_source source =
        places_source(options->file, options->state_dir);
    d.conf = prepare_now(&d.loop, &source, 1);
    if (d.conf == NULL) {
        d.exit_status = 2;
    } else if (start(&d, &err)) {
        uv_run(&d.loop, UV_RUN_DEFAULT);
    } else {
        log_error("%s", err.text);
        d.exit_status = err.code == ERR_CONFIG ? 2 : 3;
    }
    finish(&d);
    return d.exit_status;
}

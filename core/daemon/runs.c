/* daemon/runs.c: what runs came to, and the keepers of an earlier main.
 *
 * A keeper writes its outcome into the run's folder and exits; the runner tells
 * us. When main was restarted in between, there is no one to tell: the new main
 * finds live runs in the store, and the keeper, if it still lives (pid, start
 * time, boot), is watched through a pidfd. A run whose keeper is gone without
 * an outcome is unknown; it is never started again by itself. */
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon/internal.h"
#include "model/finding.h"
#include "model/outcome.h"

static void tell_model(struct daemon *d, const struct run_ending *end)
{
    struct event e = {.kind = EVENT_RUN_ENDED, .as.run_ended = *end};
    daemon_step(d, &e);
}

void runs_lost(struct daemon *d, uint64_t run, const char *why)
{
    struct run_ending end = {.run = run,
                             .known = why != NULL,
                             .exit_status = -1,
                             .error = why == NULL ? "" : why,
                             .sha256 = "",
                             .findings = "",
                             .output = "",
                             .headline = ""};
    tell_model(d, &end);
}

/* Reads DIR/outcome.json; without one the run is unknown. */
static void finish(struct daemon *d, uint64_t run, const char *why)
{
    char dir[4200];
    struct err err;
    struct run_outcome o;
    struct arena *arena = arena_new();
    context_run_dir(d, run, dir, sizeof dir);
    if (outcome_read(dir, &o, arena, &err)) {
        struct run_ending end = {
            .run = run,
            .known = true,
            .exit_status = o.exit,
            .timed_out = o.timed_out,
            .ended_us = o.ended_us,
            .error = o.error,
            .sha256 = o.sha256,
            .findings = o.findings,
            .output = o.output,
            .headline = finding_weightiest(o.findings, arena)};
        tell_model(d, &end);
    } else {
        log_warn("run R-%llu left no outcome: %s", (unsigned long long)run,
                 why[0] ? why : err.text);
        runs_lost(d, run, why[0] ? why : NULL);
    }
    arena_free(arena);
}

static void tell_started(struct daemon *d, uint64_t run, int pid,
                         int64_t pid_start)
{
    struct event e = {.kind = EVENT_RUN_STARTED};
    e.as.run_started.run = run;
    e.as.run_started.pid = pid;
    e.as.run_started.pid_start = pid_start;
    e.as.run_started.boot_id = d->boot_id;
    daemon_step(d, &e);
}

void runs_on_started(void *arg, const struct msg_run_started *m)
{
    tell_started(arg, m->run, m->pid, m->pid_start);
}

void runs_on_exited(void *arg, const struct msg_run_exited *m)
{
    finish(arg, m->run, m->text);
}

/* --------------------------------------------------------------- adoption --- */

static void on_adopted_closed(uv_handle_t *handle)
{
    struct adopted *a = handle->data;
    close(a->pidfd);
    free(a);
}

static void on_adopted_exit(uv_poll_t *handle, int status, int events)
{
    struct adopted *a = handle->data;
    struct daemon *d = a->daemon;
    (void)status;
    (void)events;
    uv_poll_stop(handle);
    for (struct adopted **link = &d->adopted; *link; link = &(*link)->next)
        if (*link == a) {
            *link = a->next;
            break;
        }
    uint64_t run = a->run;
    uv_close((uv_handle_t *)handle, on_adopted_closed);
    finish(d, run, "");
}

static bool watch_keeper(struct daemon *d, uint64_t run, pid_t pid)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0)
        return false;
    struct adopted *a = xcalloc(1, sizeof *a);
    a->daemon = d;
    a->run = run;
    a->pidfd = pidfd;
    a->next = d->adopted;
    d->adopted = a;
    must(uv_poll_init(&d->loop, &a->poll, pidfd) == 0);
    a->poll.data = a;
    uv_poll_start(&a->poll, UV_READABLE, on_adopted_exit);
    return true;
}

/* The keeper's own note, for a run whose start we did not hear of. */
static bool read_keeper(struct daemon *d, uint64_t run, int *pid,
                        int64_t *start, bool *this_boot)
{
    char path[4300], dir[4200];
    struct buf text = {0};
    context_run_dir(d, run, dir, sizeof dir);
    snprintf(path, sizeof path, "%s/%s", dir, KEEPER_FILE);
    json_t *o = NULL;
    if (fs_read(path, 4096, &text, NULL))
        o = json_loadb(buf_text(&text), text.len, 0, NULL);
    buf_free(&text);
    *pid = (int)json_integer_value(json_object_get(o, "pid"));
    *start = json_integer_value(json_object_get(o, "pid_start"));
    *this_boot = str_eq(json_string_value(json_object_get(o, "boot_id")),
                        d->boot_id);
    json_decref(o);
    return *pid > 0;
}

static void adopt(struct daemon *d, const struct run_row *row)
{
    uint64_t run = row->number;
    int pid = row->pid;
    int64_t start = row->pid_start;
    bool this_boot = str_eq(row->boot_id, d->boot_id);
    if (row->state == RUN_INTENDED &&
        read_keeper(d, run, &pid, &start, &this_boot))
        tell_started(d, run, pid, start);
    if (pid > 0 && this_boot && proc_is_alive(pid, start) &&
        watch_keeper(d, run, pid)) {
        log_info("adopted run R-%llu, keeper %d", (unsigned long long)run, pid);
        return;
    }
    finish(d, run, pid > 0 ? "" : "Relevo ended before the run began");
}

/* Adopting changes the list of live runs: the numbers are taken first. */
void runs_adopt(struct daemon *d)
{
    size_t n = 0;
    while (model_live_run(d->model, n) != NULL)
        n++;
    uint64_t *numbers = xcalloc(n + 1, sizeof *numbers);
    for (size_t i = 0; i < n; i++)
        numbers[i] = model_live_run(d->model, i)->number;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; model_live_run(d->model, k) != NULL; k++)
            if (model_live_run(d->model, k)->number == numbers[i]) {
                adopt(d, model_live_run(d->model, k));
                break;
            }
    free(numbers);
}

void runs_free(struct daemon *d)
{
    while (d->adopted != NULL) {
        struct adopted *a = d->adopted;
        d->adopted = a->next;
        uv_poll_stop(&a->poll);
        uv_close((uv_handle_t *)&a->poll, on_adopted_closed);
    }
}

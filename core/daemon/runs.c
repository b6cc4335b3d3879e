/* daemon/runs.c: what runs came to, and the keepers of an earlier main.
 *
 * A keeper writes its outcome into the run's folder and exits; the runner tells
 * us. When main was restarted in between, there is no one to tell: the new main
 * finds live runs in the store, and the keeper, if it still lives (pid, start
 * time, boot), is watched through a pidfd.
 *
 * Happy path: MSG_RUN_STARTED, MSG_RUN_EXITED → outcome.json is read and told
 * to the model. After a restart: the run is adopted → its keeper exits → the
 * same. Ways it can fail: there is no outcome: the run is unknown, its secrets
 * are removed and its processes ended; it is never started again by itself. The
 * runner dies: its runs are adopted like those of an earlier main. The folder
 * is there but nobody has signed it yet: waited for, 5 s. The order was never
 * read: it is given again, or, from an earlier main, it is known not to have
 * begun. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon/internal.h"
#include "model/finding.h"
#include "model/outcome.h"

#define NOTE_NS      (5 * NS_PER_S)
#define NOTE_TICK_MS 20

static void tell_model(struct daemon *d, const struct run_ending *end)
{
    struct event e = {.kind = EVENT_RUN_ENDED, .as.run_ended = *end};
    daemon_step(d, &e);
}

static struct run_ending unfinished(uint64_t run, bool known, const char *why)
{
    return (struct run_ending){.run = run,
                               .known = known,
                               .exit_status = -1,
                               .error = why,
                               .sha256 = "",
                               .findings = "",
                               .output = "",
                               .headline = ""};
}

/* It never began: that much is known. */
static void end_unstarted(struct daemon *d, uint64_t run, const char *why)
{
    struct run_ending end = unfinished(run, true, why);
    tell_model(d, &end);
}

/* It began; what it did is not known, and it is never started again. Its keeper
 * could not remove its secrets. */
static void end_unknown(struct daemon *d, uint64_t run, const char *why)
{
    char dir[4200], secrets[4300];
    context_run_dir(d, run, dir, sizeof dir);
    snprintf(secrets, sizeof secrets, "%s/secrets", dir);
    fs_remove_tree(secrets);
    if (access(secrets, F_OK) == 0)
        log_warn("%s cannot be removed: it holds secrets", secrets);
    log_warn("run R-%llu left no outcome%s%s", (unsigned long long)run,
             why[0] ? ": " : "", why);
    strays_end(d, run);
    struct run_ending end = unfinished(run, false, why);
    tell_model(d, &end);
}

/* Reads DIR/outcome.json; without one the run is unknown. True: it began, and
 * has left how it ended. */
static bool finish(struct daemon *d, uint64_t run, const char *why)
{
    char dir[4200];
    struct err err;
    struct run_outcome o;
    struct arena *arena = arena_new();
    context_run_dir(d, run, dir, sizeof dir);
    bool found = outcome_read(dir, &o, arena, &err);
    bool well = found && o.exit >= 0;
    if (found) {
        struct run_ending end = {.run = run,
                                 .known = true,
                                 .exit_status = o.exit,
                                 .timed_out = o.timed_out,
                                 .ended_us = o.ended_us,
                                 .error = o.error,
                                 .sha256 = o.sha256,
                                 .findings = o.findings,
                                 .output = o.output,
                                 .headline =
                                     finding_weightiest(o.findings, arena)};
        tell_model(d, &end);
    } else {
        end_unknown(d, run, why);
    }
    spare_forget(d, run);
    arena_free(arena);
    return well;
}

bool runs_was_begun(const struct daemon *d, uint64_t run)
{
    char dir[4200];
    context_run_dir(d, run, dir, sizeof dir);
    return access(dir, F_OK) == 0;
}

static const struct run_row *live_run(const struct daemon *d, uint64_t run)
{
    const struct run_row *row;
    for (size_t i = 0; (row = model_live_run(d->model, i)) != NULL; i++)
        if (row->number == run)
            return row;
    return NULL;
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
    (void)FAILPOINT("daemon.before_started");
    perform_order_done(arg, m->run);
    tell_started(arg, m->run, m->pid, m->pid_start);
}

static void adopt(struct daemon *, uint64_t run);

void runs_on_exited(void *arg, const struct msg_run_exited *m)
{
    const struct run_row *row = live_run(arg, m->run);
    bool started = row != NULL && row->state == RUN_STARTED;
    (void)FAILPOINT("daemon.before_ended");
    perform_order_done(arg, m->run);
    bool well = false;
    if (m->has_outcome || started) {
        well = finish(arg, m->run, m->text);
    } else if (runs_was_begun(arg, m->run)) {
        adopt(arg, m->run); /* by the runner of an earlier main */
        well = true;
    } else {
        end_unstarted(arg, m->run, m->text);
    }
    /* What our own runner could not begin, or bring to an end, the disk may
     * have refused; not what somebody killed. */
    if (!well && !m->killed)
        spare_doubt(arg);
}

/* ------------------------------------------------------------ adoption --- */

static void on_adopted_closed(uv_handle_t *handle)
{
    struct adopted *a = handle->data;
    if (a->pidfd >= 0)
        close(a->pidfd);
    free(a);
}

static void let_go(struct adopted *a)
{
    struct adopted **link = &a->daemon->adopted;
    while (*link != a)
        link = &(*link)->next;
    *link = a->next;
    uv_handle_t *handle =
        a->pidfd >= 0 ? (uv_handle_t *)&a->poll : (uv_handle_t *)&a->timer;
    uv_close(handle, on_adopted_closed);
}

static bool is_adopted(const struct daemon *d, uint64_t run)
{
    const struct adopted *a = d->adopted;
    while (a != NULL && a->run != run)
        a = a->next;
    return a != NULL;
}

static struct adopted *new_adopted(struct daemon *d, uint64_t run, int pidfd)
{
    struct adopted *a = xcalloc(1, sizeof *a);
    a->daemon = d;
    a->run = run;
    a->pidfd = pidfd;
    a->next = d->adopted;
    d->adopted = a;
    return a;
}

static void on_adopted_exit(uv_poll_t *handle, int status, int events)
{
    struct adopted *a = handle->data;
    struct daemon *d = a->daemon;
    uint64_t run = a->run;
    (void)status;
    (void)events;
    let_go(a);
    finish(d, run, "its keeper was lost");
}

static bool watch_keeper(struct daemon *d, uint64_t run, pid_t pid)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0)
        return false;
    struct adopted *a = new_adopted(d, run, pidfd);
    must(uv_poll_init(&d->loop, &a->poll, pidfd) == 0);
    a->poll.data = a;
    uv_poll_start(&a->poll, UV_READABLE, on_adopted_exit);
    log_info("adopted run R-%llu, keeper %d", (unsigned long long)run, pid);
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
    if (fs_read_own(path, 4096, &text, NULL))
        o = json_loadb(buf_text(&text), text.len, 0, NULL);
    buf_free(&text);
    *pid = (int)json_integer_value(json_object_get(o, "pid"));
    *start = json_integer_value(json_object_get(o, "pid_start"));
    *this_boot =
        str_eq(json_string_value(json_object_get(o, "boot_id")), d->boot_id);
    json_decref(o);
    return *pid > 0;
}

/* True: the keeper has said who it is, and lives or has ended. */
static bool adopt_by_note(struct daemon *d, uint64_t run)
{
    int pid;
    int64_t start;
    bool this_boot;
    if (!read_keeper(d, run, &pid, &start, &this_boot))
        return false;
    tell_started(d, run, pid, start);
    if (!this_boot || !proc_is_alive(pid, start) || !watch_keeper(d, run, pid))
        finish(d, run, "its keeper was lost");
    return true;
}

static void on_note_timer(uv_timer_t *timer)
{
    struct adopted *a = timer->data;
    struct daemon *d = a->daemon;
    uint64_t run = a->run;
    bool over = clock_mono_ns() >= a->until_ns;
    if (adopt_by_note(d, run))
        let_go(a);
    else if (over) {
        let_go(a);
        finish(d, run, "its keeper was lost before it had begun");
    }
}

/* The folder is made first, by whoever starts the run; the keeper signs it a
 * moment later. */
static void wait_for_note(struct daemon *d, uint64_t run)
{
    struct adopted *a = new_adopted(d, run, -1);
    a->until_ns = clock_mono_ns() + NOTE_NS;
    uv_timer_init(&d->loop, &a->timer);
    a->timer.data = a;
    uv_timer_start(&a->timer, on_note_timer, NOTE_TICK_MS, NOTE_TICK_MS);
}

/* Makes the folder itself: a runner that reads the order so late is refused.
 * False: it was made already. */
static bool fence(const struct daemon *d, uint64_t run)
{
    char dir[4200];
    context_run_dir(d, run, dir, sizeof dir);
    return mkdir(dir, 0700) == 0 || errno != EEXIST;
}

static void adopt(struct daemon *d, uint64_t run)
{
    const struct run_row *row = live_run(d, run);
    if (row == NULL || is_adopted(d, run))
        return;
    if (row->pid > 0) {
        bool lives = str_eq(row->boot_id, d->boot_id) &&
                     proc_is_alive(row->pid, row->pid_start) &&
                     watch_keeper(d, run, row->pid);
        if (!lives)
            finish(d, run, "its keeper was lost");
    } else if (adopt_by_note(d, run)) {
        return;
    } else if (runs_was_begun(d, run)) {
        wait_for_note(d, run);
    } else if (perform_order_again(d, run)) {
        return; /* the runner died before it read the order */
    } else if (fence(d, run)) {
        end_unstarted(d, run, "Relevo ended before the run began");
    } else {
        wait_for_note(d, run);
    }
}

/* Adopting changes the list of live runs: the numbers are taken first. */
static void adopt_all(struct daemon *d, bool runner_lost)
{
    size_t n = 0;
    while (model_live_run(d->model, n) != NULL)
        n++;
    uint64_t *numbers = xcalloc(n + 1, sizeof *numbers);
    for (size_t i = 0; i < n; i++)
        numbers[i] = model_live_run(d->model, i)->number;
    for (size_t i = 0; i < n; i++)
        if (runner_lost || !perform_has_order(d, numbers[i]))
            adopt(d, numbers[i]);
    free(numbers);
}

void runs_adopt(struct daemon *d) { adopt_all(d, false); }

void runs_on_runner_lost(void *arg)
{
    struct daemon *d = arg;
    if (!d->stopping)
        adopt_all(d, true);
}

void runs_on_runner_ready(void *arg) { perform_committed(arg); }

void runs_free(struct daemon *d)
{
    while (d->adopted != NULL)
        let_go(d->adopted);
}

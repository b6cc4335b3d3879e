/* crew/runner.c: main's end of the runner. It is started once, before main
 * drops privileges, and again when it dies; its keepers go on without it. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "crew/internal.h"

#define RUNNER_QUEUE_BYTES (64u << 20)

static bool on_log(const struct frame *f)
{
    struct msg_log log;
    struct arena *arena = arena_new();
    bool ok = msg_get_log(f->payload, f->len, arena, &log);
    if (ok)
        log_at((enum log_level)log.level, "runner: %s", log.text);
    arena_free(arena);
    return ok;
}

static bool on_started(struct crew *c, const struct frame *f)
{
    struct msg_run_started m;
    if (!msg_get_run_started(f->payload, f->len, &m))
        return false;
    c->events.run_started(c->events.arg, &m);
    return true;
}

static bool on_exited(struct crew *c, const struct frame *f)
{
    struct msg_run_exited m;
    struct arena *arena = arena_new();
    bool ok = msg_get_run_exited(f->payload, f->len, arena, &m);
    if (ok)
        c->events.run_exited(c->events.arg, &m);
    arena_free(arena);
    return ok;
}

static bool on_frame(void *arg, const struct frame *f)
{
    switch (f->type) {
    case MSG_LOG: return on_log(f);
    case MSG_RUN_STARTED: return on_started(arg, f);
    case MSG_RUN_EXITED: return on_exited(arg, f);
    default: return false;
    }
}

static void on_death(void *arg, struct process *child, const char *how)
{
    struct crew *c = arg;
    int64_t now = clock_mono_ns();
    c->runner = NULL;
    if (c->stopping)
        return;
    log_error("the runner was lost: %s; its scripts go on", how);
    c->runner_respawn_ns =
        now + 1 +
        crew_back_off(&c->runner_back_off_ns, now - process_born_ns(child));
    if (c->events.runner_lost != NULL)
        c->events.runner_lost(c->events.arg);
}

bool crew_start_runner(struct crew *c, struct err *err)
{
    struct process_options options = {.role = "runner",
                                      .label = "runner",
                                      .new_session = true,
                                      .queue_bytes = RUNNER_QUEUE_BYTES,
                                      .on_frame = on_frame,
                                      .on_death = on_death,
                                      .arg = c};
    c->runner_respawn_ns = 0;
    c->runner = process_start(c->loop, &options, err);
    if (c->runner == NULL)
        return false;
    if (c->allow.len > 0)
        process_send(c->runner, MSG_ALLOW, 0, &c->allow);
    return true;
}

void runner_tick(struct crew *c, int64_t now_ns)
{
    struct err err;
    if (c->runner != NULL)
        process_wake(c->runner);
    if (c->runner != NULL || c->runner_respawn_ns == 0 ||
        now_ns < c->runner_respawn_ns)
        return;
    if (!crew_start_runner(c, &err)) {
        log_error("%s", err.text);
        c->runner_respawn_ns =
            now_ns + 1 + crew_back_off(&c->runner_back_off_ns, 0);
    } else if (c->events.runner_ready != NULL) {
        c->events.runner_ready(c->events.arg);
    }
}

void crew_allow(struct crew *c, const struct conf *conf)
{
    const char **paths = xcalloc(conf->runbook_count + 1, sizeof *paths);
    for (size_t i = 0; i < conf->runbook_count; i++)
        paths[i] = conf->runbooks[i].path;
    struct msg_allow allow = {{paths, conf->runbook_count}};
    buf_clear(&c->allow);
    msg_put_allow(&c->allow, &allow);
    free(paths);
    if (c->runner != NULL)
        process_send(c->runner, MSG_ALLOW, conf->generation, &c->allow);
}

bool crew_run(struct crew *c, const struct buf *order)
{
    if (c->runner == NULL)
        return false;
    process_send(c->runner, MSG_RUN, 0, order);
    return true;
}

void crew_stop_run(struct crew *c, uint64_t run)
{
    struct buf payload = {0};
    msg_put_stop_run(&payload, run);
    if (c->runner != NULL)
        process_send(c->runner, MSG_STOP_RUN, 0, &payload);
    buf_free(&payload);
}

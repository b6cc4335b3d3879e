/* crew/runner.c: main's end of the runner. Either our own: it is started once,
 * before main drops privileges, and again when it dies. Or a unit of its own,
 * with a socket where we connect: it says its version first, and one of another
 * version gets no orders. Its keepers go on without it, in either case.
 *
 * Happy path: started or connected to → MSG_ALLOW → an order → started, exited.
 * Ways it can fail: it dies or hangs up: runner_lost, a new one after a delay,
 * then runner_ready. Its unit is not there, or of another version: said, tried
 * again, orders wait (crew_run says false). Whoever listens on the socket is
 * not to be trusted: no order goes there. It was stopped: it is woken. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "crew/internal.h"

#define RUNNER_QUEUE_BYTES (64u << 20)

/* A moment without it, as in an upgrade, is no trouble. */
#define MISSED_NS NS_PER_S

static void tell_missed(struct crew *c, const char *why)
{
    char text[320];
    if (c->runner_back_off_ns <= MISSED_NS)
        return;
    snprintf(text, sizeof text, "%.250s; runbooks wait for the runner", why);
    const struct trouble t = {TROUBLE_OF_RESOURCES, "runner", false, text};
    crew_tell_trouble(c, &c->runner_missed, &t);
}

static void tell_here(struct crew *c)
{
    const struct trouble t = {TROUBLE_OF_RESOURCES, "runner", true,
                              "the runner is here again"};
    crew_tell_trouble(c, &c->runner_missed, &t);
}

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

/* It may have been updated before us, or after. */
static bool on_hello(struct crew *c, const struct frame *f)
{
    const char *version;
    struct arena *arena = arena_new();
    bool ok =
        c->runner_greets && msg_get_text(f->payload, f->len, arena, &version);
    if (ok && strcmp(version, RELEVO_VERSION) != 0) {
        char why[160];
        snprintf(why, sizeof why,
                 "it is Relevo %.32s, this is " RELEVO_VERSION
                 ": restart relevo-runner and relevo",
                 version);
        process_kill(c->runner, why);
    } else if (ok) {
        c->runner_greets = false;
        tell_here(c);
        if (c->allow.len > 0)
            process_send(c->runner, MSG_ALLOW, 0, &c->allow);
        if (c->events.runner_ready != NULL)
            c->events.runner_ready(c->events.arg);
    }
    arena_free(arena);
    return ok;
}

static bool on_frame(void *arg, const struct frame *f)
{
    switch (f->type) {
    case MSG_HELLO: return on_hello(arg, f);
    case MSG_LOG: return on_log(f);
    case MSG_RUN_STARTED: return on_started(arg, f);
    case MSG_RUN_EXITED: return on_exited(arg, f);
    case MSG_COMMAND_ENDED: return command_ended(arg, f);
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
    commands_lost(c, "the runner was lost while the command ran");
    c->runner_respawn_ns =
        now + 1 +
        crew_back_off(&c->runner_back_off_ns, now - process_born_ns(child));
    if (c->runner_greets)
        tell_missed(c, how);
    if (c->events.runner_lost != NULL)
        c->events.runner_lost(c->events.arg);
}

static int connect_to(const char *path, struct err *err)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof to.sun_path) {
        err_set(err, ERR_CONFIG, 0, "runner: %s is too long for a socket",
                path);
        return -1;
    }
    memcpy(to.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) != 0) {
        err_set(err, ERR_IO, errno, "the runner at %s", path);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

/* Who listens is root, or we ourselves: the scripts' secrets go there. */
static bool is_trusted(int fd, struct err *err)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
        (peer.uid == 0 || peer.uid == geteuid()))
        return true;
    return err_set(err, ERR_DENIED, 0,
                   "the runner's socket belongs neither to root nor to us");
}

static bool start_own(struct crew *c, const struct process_options *options,
                      struct err *err)
{
    c->runner = process_start(c->loop, options, err);
    if (c->runner == NULL)
        return false;
    tell_here(c);
    if (c->allow.len > 0)
        process_send(c->runner, MSG_ALLOW, 0, &c->allow);
    return true;
}

/* It may come later: runbooks wait for it. */
static void start_unit(struct crew *c, const struct process_options *options)
{
    struct err err;
    int fd = connect_to(c->options.runner, &err);
    if (fd >= 0 && is_trusted(fd, &err)) {
        c->runner_greets = true;
        c->runner = process_attach(c->loop, options, fd);
        return;
    }
    if (fd >= 0)
        close(fd);
    if (c->runner_back_off_ns == 0) /* once */
        log_error("%s; runbooks wait for it", err.text);
    c->runner_respawn_ns =
        clock_mono_ns() + 1 + crew_back_off(&c->runner_back_off_ns, 0);
    tell_missed(c, err.text);
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
    c->runner_is_root =
        c->options.runner == NULL && (c->runner_is_root || geteuid() == 0);
    if (c->options.runner == NULL)
        return start_own(c, &options, err);
    start_unit(c, &options);
    return true;
}

bool runner_is_here(const struct crew *c)
{
    return c->runner != NULL && !c->runner_greets;
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
        if (!c->runner_missed)
            log_error("%s; trying again", err.text);
        c->runner_respawn_ns =
            now_ns + 1 + crew_back_off(&c->runner_back_off_ns, 0);
        tell_missed(c, err.text);
    } else if (runner_is_here(c) && c->events.runner_ready != NULL) {
        c->events.runner_ready(c->events.arg);
    }
}

void crew_allow(struct crew *c, const struct conf *conf)
{
    const char **paths = xcalloc(conf->runbook_count + 1, sizeof *paths);
    for (size_t i = 0; i < conf->runbook_count; i++)
        paths[i] = conf->runbooks[i].path;
    const char **programs = xcalloc(conf->check_count + 1, sizeof *programs);
    size_t count = command_programs(conf, programs);
    struct msg_allow allow = {{paths, conf->runbook_count}, {programs, count}};
    buf_clear(&c->allow);
    msg_put_allow(&c->allow, &allow);
    free(paths);
    free(programs);
    if (runner_is_here(c))
        process_send(c->runner, MSG_ALLOW, conf->generation, &c->allow);
}

bool runner_wanted(struct crew *c)
{
    struct err err;
    bool begun = c->runner != NULL || c->runner_respawn_ns != 0;
    if (!begun && !crew_start_runner(c, &err))
        log_error("%s", err.text);
    if (!begun)
        crew_allow(c, c->conf);
    return runner_is_here(c);
}

bool crew_run(struct crew *c, const struct buf *order)
{
    if (!runner_is_here(c))
        return false;
    process_send(c->runner, MSG_RUN, 0, order);
    return true;
}

void crew_stop_run(struct crew *c, uint64_t run)
{
    struct buf payload = {0};
    msg_put_stop_run(&payload, run);
    if (runner_is_here(c))
        process_send(c->runner, MSG_STOP_RUN, 0, &payload);
    buf_free(&payload);
}

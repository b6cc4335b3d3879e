/* cli/trial.c: see trial.h. One loop, run until what is waited for has come or
 * its time is over; the black-box page is looked at every LOOK_MS. */
#include "cli/trial.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "crew/load.h"
#include "crew/process.h"
#include "model/catalog.h"
#include "model/fault.h"

enum { LOOK_MS = 10, GENERATION = 1, CHECK = 1 };
#define UP_NS       (5 * NS_PER_S) /* to start, or to end */
#define LATE_NS     (5 * NS_PER_S) /* after the deadline: it hangs */
#define SLOW_NS     (50 * NS_PER_MS)
#define STUCK_NS    (1 * NS_PER_S)
#define MOMENT_NS   (5 * NS_PER_MS)
#define QUEUE_BYTES (64u << 20)
#define HOST_ENDED  "the plugin did not end the probe itself"

struct trial {
    uv_loop_t loop;
    uv_timer_t timer;
    const struct check_spec *spec;
    struct process *worker; /* NULL: dead */
    bool answered, loaded;
    uint64_t probe;        /* the last one */
    int64_t slow_since_ns; /* begin of the slow callback that was counted */
    struct trial_sum sum;
    char how[400];
    bool ended_well;
};

const struct trial_sum *trial_sum(const struct trial *t) { return &t->sum; }

const char *trial_how(const struct trial *t) { return t->how; }

/* -------------------------------------------------------------- frames --- */

static void take_result(struct trial *t, const struct result *r)
{
    struct trial_sum *s = &t->sum;
    s->results++;
    s->overdue += strstr(r->message, HOST_ENDED) != NULL;
    if (r->fault == RLV_F_NONE || r->fault == RLV_F_MISMATCH ||
        r->fault == RLV_F_SLOW)
        s->good++;
    else
        snprintf(s->fault, sizeof s->fault, "%s", fault_name(r->fault));
    if (r->fault == RLV_F_PLUGIN && s->breach[0] == '\0')
        snprintf(s->breach, sizeof s->breach, "%s", r->message);
}

static bool on_result(struct trial *t, const struct frame *f)
{
    struct result *r = msg_get_result(f->payload, f->len);
    if (r != NULL)
        take_result(t, r);
    result_free(r);
    return r != NULL;
}

/* What the host says of the plugin begins with its name; its own lines belong
 * to the check. */
static bool on_log(struct trial *t, const struct frame *f)
{
    struct msg_log log;
    struct arena *arena = arena_new();
    bool ok = msg_get_log(f->payload, f->len, arena, &log);
    bool own = ok && (log.check != 0 || log.level != LOG_LEVEL_ERROR);
    if (ok && !own && strstr(log.text, "changed the locale") != NULL)
        snprintf(t->sum.locale, sizeof t->sum.locale, "%s", log.text);
    else if (ok && !own && t->sum.complaint[0] == '\0')
        snprintf(t->sum.complaint, sizeof t->sum.complaint, "%s", log.text);
    arena_free(arena);
    return ok;
}

/* There is one check here only, and it is not to be probed twice at once. */
static bool on_trigger(struct trial *t, const struct frame *f)
{
    struct msg_trigger ask;
    struct buf payload = {0};
    struct arena *arena = arena_new();
    bool ok = msg_get_trigger(f->payload, f->len, arena, &ask);
    if (ok) {
        msg_put_triggered(
            &payload,
            &(struct msg_triggered){.probe = ask.probe,
                                    .ticket = ask.ticket,
                                    .fault = RLV_F_CANCELLED,
                                    .text = "nothing can be triggered here"});
        process_send(t->worker, MSG_TRIGGERED, GENERATION, &payload);
    }
    buf_free(&payload);
    arena_free(arena);
    return ok;
}

static bool on_frame(void *arg, const struct frame *f)
{
    struct trial *t = arg;
    switch (f->type) {
    case MSG_PONG: return t->answered = true;
    case MSG_LOADED: return t->loaded = true;
    case MSG_RESULT: return on_result(t, f);
    case MSG_TRIGGER: return on_trigger(t, f);
    case MSG_LOG: return on_log(t, f);
    default: return false;
    }
}

static const char *running(const struct blackbox *box)
{
    uint32_t newest = atomic_load(&box->newest) % BLACKBOX_RECENT;
    bool runs = atomic_load(&box->entered_ns) != 0;
    return blackbox_callback_text(
        runs ? atomic_load(&box->callback)
             : atomic_load(&box->recent[newest].callback));
}

static void on_death(void *arg, struct process *worker, const char *how)
{
    struct trial *t = arg;
    const struct blackbox *box = process_blackbox(worker);
    bool runs = atomic_load(&box->entered_ns) != 0;
    t->ended_well = str_eq(how, "exited with status 0") && !runs;
    snprintf(t->how, sizeof t->how, "%s %s: the worker %s",
             runs ? "in" : "soon after", running(box), how);
    t->worker = NULL;
}

/* --------------------------------------------------------------- loop --- */

/* A blocking plugin keeps nobody waiting; loading and init are judged as a
 * whole. */
static void watch_callback(struct trial *t)
{
    const struct blackbox *box = process_blackbox(t->worker);
    int64_t entered = atomic_load(&box->entered_ns);
    uint32_t callback = atomic_load(&box->callback);
    int64_t took = clock_mono_ns() - entered;
    if (entered == 0 || callback <= BLACKBOX_INIT ||
        callback == BLACKBOX_BLOCKING || took < SLOW_NS)
        return;
    t->sum.slow += entered != t->slow_since_ns;
    t->slow_since_ns = entered;
    if (took > t->sum.slowest_ns) {
        t->sum.slowest_ns = took;
        snprintf(t->sum.slow_in, sizeof t->sum.slow_in, "%s",
                 blackbox_callback_text(callback));
    }
    if (took > STUCK_NS)
        process_kill(t->worker, "the callback did not return within 1 s");
}

static void on_timer(uv_timer_t *timer)
{
    struct trial *t = timer->data;
    if (t->worker != NULL)
        watch_callback(t);
}

/* Until *done, the worker's death, or the time. */
static void wait_for(struct trial *t, const bool *done, int64_t limit_ns)
{
    int64_t end = clock_mono_ns() + limit_ns;
    while (t->worker != NULL && !*done && clock_mono_ns() < end)
        uv_run(&t->loop, UV_RUN_ONCE);
}

static void tell(struct trial *t, uint16_t type, struct buf *payload)
{
    if (t->worker != NULL)
        process_send(t->worker, type, GENERATION, payload);
    buf_free(payload);
}

/* ------------------------------------------------------------ lifetime --- */

/* So that descriptors and folder can be seen from here. */
static void start(struct trial *t)
{
    struct process_options options = {.role = "worker",
                                      .label = "worker",
                                      .blackbox = true,
                                      .queue_bytes = QUEUE_BYTES,
                                      .on_frame = on_frame,
                                      .on_death = on_death,
                                      .arg = t};
    struct err err;
    setenv("RELEVO_DUMPABLE", "1", 1);
    t->worker = process_start(&t->loop, &options, &err);
    if (t->worker == NULL)
        snprintf(t->how, sizeof t->how, "%s", err.text);
}

struct trial *trial_new(const struct check_spec *spec)
{
    struct trial *t = xcalloc(1, sizeof *t);
    t->spec = spec;
    must(uv_loop_init(&t->loop) == 0);
    uv_timer_init(&t->loop, &t->timer);
    t->timer.data = t;
    uv_timer_start(&t->timer, on_timer, LOOK_MS, LOOK_MS);
    start(t);
    return t;
}

void trial_free(struct trial *t)
{
    if (t->worker != NULL)
        process_destroy(t->worker);
    uv_close((uv_handle_t *)&t->timer, NULL);
    uv_run(&t->loop, UV_RUN_DEFAULT);
    uv_loop_close(&t->loop);
    free(t);
}

bool trial_is_up(struct trial *t)
{
    struct buf nothing = {0};
    tell(t, MSG_PING, &nothing);
    wait_for(t, &t->answered, UP_NS);
    return t->worker != NULL && t->answered;
}

bool trial_load(struct trial *t)
{
    struct buf payload = {0};
    const char *path = catalog_origin(t->spec->catalog);
    struct msg_check check = load_wire_check(t->spec, CHECK, 0, 0);
    struct msg_load load = {
        .plugins = {&path, 1}, .checks = &check, .check_count = 1};
    msg_put_load(&payload, &load);
    tell(t, MSG_LOAD, &payload);
    wait_for(t, &t->loaded, UP_NS);
    if (t->worker != NULL && !t->loaded)
        snprintf(t->how, sizeof t->how, "in %s: no end within 5 s",
                 running(process_blackbox(t->worker)));
    return t->worker != NULL && t->loaded;
}

/* -------------------------------------------------------------- probes --- */

static void ask(struct trial *t, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct buf payload = {0};
        struct msg_probe probe = {.probe = ++t->probe,
                                  .check = CHECK,
                                  .purpose = PURPOSE_MANUAL,
                                  .due_ns = clock_mono_ns()};
        msg_put_probe(&payload, &probe);
        tell(t, MSG_PROBE, &payload);
    }
    t->sum.asked += count;
}

/* Those of a blocking plugin run one after another. */
bool trial_probe(struct trial *t, size_t count)
{
    size_t in_turn = t->spec->catalog->blocking ? count : 1;
    int64_t limit =
        (int64_t)in_turn * (t->spec->timeout_ns + LATE_NS) + clock_mono_ns();
    ask(t, count);
    while (t->worker != NULL && t->sum.results < t->sum.asked &&
           clock_mono_ns() < limit)
        uv_run(&t->loop, UV_RUN_ONCE);
    if (t->worker != NULL && t->sum.results < t->sum.asked)
        snprintf(t->how, sizeof t->how,
                 "in %s: no result, 5 s past the "
                 "deadline",
                 running(process_blackbox(t->worker)));
    return t->worker != NULL && t->sum.results == t->sum.asked;
}

bool trial_end(struct trial *t, size_t probes)
{
    bool never = false;
    ask(t, probes);
    wait_for(t, &never, MOMENT_NS);
    if (t->worker == NULL)
        return false;
    process_hang_up(t->worker);
    wait_for(t, &never, UP_NS);
    if (t->worker != NULL)
        snprintf(t->how, sizeof t->how, "it does not end within 5 s");
    return t->worker == NULL && t->ended_well;
}

/* ---------------------------------------------------------------- look --- */

static long count_descriptors(pid_t pid)
{
    char path[40];
    long n = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    while (dir != NULL && readdir(dir) != NULL)
        n++;
    if (dir != NULL)
        closedir(dir);
    return n;
}

/* Without the two that libc keeps for its threads: it catches one when the
 * first thread starts, be it the host's own that looks a name up. */
static void add_signals(struct trial_view *v, unsigned long long set)
{
    size_t used = strlen(v->signals);
    snprintf(v->signals + used, sizeof v->signals - used, "%llx ",
             set & ~(1ull << 31 | 1ull << 32));
}

static void read_status(pid_t pid, struct trial_view *v)
{
    char path[40], line[256];
    unsigned long long set;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "Threads: %ld", &v->threads) == 1 ||
            sscanf(line, "VmRSS: %ld", &v->kib) == 1 ||
            sscanf(line, "Umask: %15s", v->umask) == 1)
            continue;
        if (sscanf(line, "SigBlk: %llx", &set) == 1 ||
            sscanf(line, "SigIgn: %llx", &set) == 1 ||
            sscanf(line, "SigCgt: %llx", &set) == 1)
            add_signals(v, set);
    }
    if (f != NULL)
        fclose(f);
}

void trial_look(struct trial *t, struct trial_view *v)
{
    char path[40];
    *v = (struct trial_view){0};
    if (t->worker == NULL)
        return;
    pid_t pid = process_pid(t->worker);
    v->descriptors = count_descriptors(pid);
    read_status(pid, v);
    snprintf(path, sizeof path, "/proc/%d/cwd", (int)pid);
    ssize_t n = readlink(path, v->folder, sizeof v->folder - 1);
    v->folder[n < 0 ? 0 : n] = '\0';
}

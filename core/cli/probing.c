/* cli/probing.c: see probing.h.
 *
 * Happy path: the workers start and get the configuration; as many probes as
 * may run at once are handed out, each result makes room for the next; results
 * of derived checks come before those of their sources; a probe that triggers
 * another check waits for one of that, which is given to nobody else.
 * Ways it can fail: a worker dies (the crew redoes the probe or accuses it), a
 * worker says nothing in time (the probe ends as unknown here). */
#include "cli/probing.h"

#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "crew/crew.h"
#include "daemon/scrub.h"

enum { AT_ONCE = 64, MOST_WORKERS = 4 };
#define TICK_MS 100
/* Beyond twice its timeout (its worker may die and it is redone): for a worker
 * to come back. */
#define GRACE_NS (5 * NS_PER_S)

enum step { STEP_NONE, STEP_WAITING, STEP_RUNNING, STEP_DONE };

struct trigger { /* a probe waits for one of another check */
    struct trigger *next;
    struct arena *arena;    /* holds this, and the values */
    size_t target;          /* index of that check */
    uint64_t probe, ticket; /* for the answer */
    struct rlv_dict values;
    uint64_t made; /* number of its own probe; 0: that check is busy */
};

struct probing {
    uv_loop_t loop;
    uv_timer_t timer;
    struct crew *crew;
    struct conf *conf;
    const struct probing_options *options;
    struct redact *redact;
    uint32_t *ids;
    enum step *steps;   /* of conf->checks[i], where it is probed itself */
    int64_t *limits_ns; /* of those that run: no result after this */
    struct result **results;
    size_t running[AT_ONCE]; /* indexes of those */
    size_t running_count;
    size_t total, done;
    size_t missing;           /* results that are still to come */
    struct trigger *triggers; /* of probes that run; oldest first */
    uint64_t last_probe;
};

size_t probing_done(const struct probing *p) { return p->done; }

size_t probing_total(const struct probing *p) { return p->total; }

const struct check_spec *probing_running(const struct probing *p, size_t n)
{
    return n < p->running_count ? &p->conf->checks[p->running[n]] : NULL;
}

static size_t source_of(const struct probing *p, size_t i)
{
    const struct check_spec *source = p->conf->checks[i].source;
    return source == NULL ? i : (size_t)(source - p->conf->checks);
}

/* ------------------------------------------------------------- results --- */

static void keep(struct probing *p, size_t i, struct result *r)
{
    if (!p->options->asked[i] || p->results[i] != NULL) {
        result_free(r);
        return;
    }
    scrub_result(p->redact, r);
    p->results[i] = r;
    p->missing--;
}

static struct result *unknown(const struct probing *p, size_t i,
                              const char *message)
{
    struct result *r = result_new();
    struct now now = clock_now();
    r->check = p->ids[i];
    r->purpose = p->options->purpose;
    r->started_us = now.wall_us;
    r->started_ns = now.mono_ns;
    r->outcome = OUTCOME_UNKNOWN;
    r->fault = RLV_F_PLUGIN;
    r->message = arena_strdup(r->arena, message);
    return r;
}

/* The probe of that check is over. */
static void land(struct probing *p, size_t i)
{
    if (p->steps[i] != STEP_RUNNING)
        return;
    p->steps[i] = STEP_DONE;
    p->done++;
    size_t k = 0;
    while (p->running[k] != i)
        k++;
    p->running[k] = p->running[--p->running_count];
}

/* What a worker owes for too long ends here, and what is derived from it. */
static void give_up(struct probing *p, int64_t now)
{
    for (size_t i = 0; i < p->conf->check_count; i++) {
        size_t source = source_of(p, i);
        if (p->steps[source] == STEP_RUNNING && now > p->limits_ns[source] &&
            p->options->asked[i] && p->results[i] == NULL)
            keep(p, i, unknown(p, i, "the worker gave no result in time"));
    }
    for (size_t k = p->running_count; k-- > 0;)
        if (now > p->limits_ns[p->running[k]])
            land(p, p->running[k]);
}

/* ------------------------------------------------------------ triggers --- */

static bool is_triggered(const struct probing *p, size_t i)
{
    for (const struct trigger *t = p->triggers; t != NULL; t = t->next)
        if (t->target == i && t->made != 0)
            return true;
    return false;
}

/* Those whose check is not under way, neither for itself nor for another. */
static void start_triggers(struct probing *p)
{
    for (struct trigger *t = p->triggers; t != NULL; t = t->next) {
        if (t->made != 0 || p->steps[t->target] == STEP_RUNNING ||
            is_triggered(p, t->target))
            continue;
        t->made = ++p->last_probe;
        struct msg_probe probe = {.probe = t->made,
                                  .check = p->ids[t->target],
                                  .purpose = PURPOSE_TRIGGER,
                                  .flags = p->options->flags,
                                  .due_ns = clock_mono_ns(),
                                  .values = t->values};
        crew_probe(p->crew, &probe);
        return; /* the list may have changed; the loop comes again */
    }
}

static void answer(struct probing *p, uint64_t probe, uint64_t ticket,
                   enum rlv_fault fault, const struct result *r,
                   const char *text)
{
    bool made = r != NULL && r->duration_ns > 0;
    crew_answer(p->crew,
                &(struct msg_triggered){
                    .probe = probe,
                    .ticket = ticket,
                    .fault = fault,
                    .started_ns = made ? r->started_ns : 0,
                    .ended_ns = made ? r->started_ns + r->duration_ns : 0,
                    .text = text});
}

static size_t target_of(const struct probing *p, uint32_t asker,
                        const char *name)
{
    const struct check_spec *spec = &p->conf->checks[asker - 1];
    for (size_t i = 0; i < spec->trigger_count; i++)
        if (str_eq(spec->triggers[i]->plain_name, name))
            return (size_t)(spec->triggers[i] - p->conf->checks);
    return p->conf->check_count;
}

static void on_trigger(void *arg, uint32_t asker, const struct msg_trigger *m)
{
    struct probing *p = arg;
    size_t target = target_of(p, asker, m->check);
    if (target == p->conf->check_count) {
        answer(p, m->probe, m->ticket, RLV_F_CONFIG, NULL,
               "no option of the check names that one");
        return;
    }
    if (p->conf->checks[target].disabled) {
        answer(p, m->probe, m->ticket, RLV_F_CONFIG, NULL,
               "it has enabled = false");
        return;
    }
    struct arena *arena = arena_new();
    struct trigger *t = arena_alloc(arena, sizeof *t), **link = &p->triggers;
    *t = (struct trigger){.arena = arena,
                          .target = target,
                          .probe = m->probe,
                          .ticket = m->ticket,
                          .values = option_copy_dict(&m->values, arena)};
    while (*link != NULL)
        link = &(*link)->next;
    *link = t;
}

/* true: the result is of a triggered probe; it was given to who waits for it.
 */
static bool land_triggered(struct probing *p, struct result *r)
{
    struct trigger **link = &p->triggers;
    while (*link != NULL && (*link)->made != r->probe)
        link = &(*link)->next;
    struct trigger *t = *link;
    if (t == NULL)
        return r->purpose == PURPOSE_TRIGGER;
    if (r->check != p->ids[t->target])
        return true; /* derived from it */
    *link = t->next;
    bool well = r->outcome == OUTCOME_OK || r->outcome == OUTCOME_WARN;
    scrub_result(p->redact, r);
    const char *text =
        arena_printf(t->arena, "%s: %s", p->conf->checks[t->target].name,
                     result_told(r, t->arena));
    answer(p, t->probe, t->ticket, well ? RLV_F_NONE : r->fault, r, text);
    arena_free(t->arena);
    return true;
}

static void free_triggers(struct probing *p)
{
    while (p->triggers != NULL) {
        struct trigger *t = p->triggers;
        p->triggers = t->next;
        arena_free(t->arena);
    }
}

/* -------------------------------------------------------- handing out --- */

static bool is_blocking(const struct check_spec *c)
{
    return c->catalog != NULL && c->catalog->blocking;
}

/* The limits of the configuration leave room for this one. */
static bool has_room(const struct probing *p, const struct check_spec *c)
{
    int64_t same_target = 0, blocking = 0;
    for (size_t k = 0; k < p->running_count; k++) {
        const struct check_spec *other = &p->conf->checks[p->running[k]];
        same_target += str_eq(other->target, c->target);
        blocking += is_blocking(other);
    }
    return p->running_count < AT_ONCE &&
           (p->conf->target_probes == 0 ||
            same_target < p->conf->target_probes) &&
           (!is_blocking(c) || blocking < p->conf->blocking);
}

static void hand_out(struct probing *p)
{
    for (size_t i = 0; i < p->conf->check_count && p->running_count < AT_ONCE;
         i++) {
        const struct check_spec *c = &p->conf->checks[i];
        if (p->steps[i] != STEP_WAITING || is_triggered(p, i) ||
            !has_room(p, c))
            continue;
        int64_t now = clock_mono_ns();
        struct msg_probe probe = {.probe = ++p->last_probe,
                                  .check = p->ids[i],
                                  .purpose = p->options->purpose,
                                  .flags = p->options->flags,
                                  .due_ns = now};
        p->steps[i] = STEP_RUNNING;
        p->limits_ns[i] = now + 2 * c->timeout_ns + GRACE_NS;
        p->running[p->running_count++] = i;
        crew_probe(p->crew, &probe); /* may give its result at once */
    }
}

static void on_result(void *arg, struct result *r)
{
    struct probing *p = arg;
    size_t i = (size_t)r->check - 1;
    if (land_triggered(p, r)) {
        result_free(r);
        return;
    }
    land(p, i);
    keep(p, i, r);
}

static void on_tick(uv_timer_t *timer)
{
    struct probing *p = timer->data;
    give_up(p, clock_mono_ns());
    if (p->options->progress != NULL)
        p->options->progress(p->options->arg, p);
}

/* ------------------------------------------------------------ lifetime --- */

static unsigned workers_for(const struct probing *p)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t n = p->conf->workers > 0 ? (size_t)p->conf->workers
               : cores < 1          ? 1
                                    : (size_t)cores;
    n = p->conf->workers == 0 && n > MOST_WORKERS ? MOST_WORKERS : n;
    n = n > p->total ? p->total : n;
    return n < 1 ? 1 : (unsigned)n;
}

static void plan(struct probing *p)
{
    size_t n = p->conf->check_count;
    for (size_t i = 0; i < n; i++) {
        p->ids[i] = (uint32_t)i + 1;
        if (!p->options->asked[i])
            continue;
        p->missing++;
        size_t source = source_of(p, i);
        p->total += p->steps[source] == STEP_NONE;
        p->steps[source] = STEP_WAITING;
    }
}

static void start(struct probing *p)
{
    struct crew_options options = {.workers = workers_for(p),
                                   .blocking = (unsigned)p->conf->blocking};
    struct crew_events events = {
        .result = on_result, .trigger = on_trigger, .arg = p};
    uv_loop_init(&p->loop);
    p->timer.data = p;
    uv_timer_init(&p->loop, &p->timer);
    uv_timer_start(&p->timer, on_tick, TICK_MS, TICK_MS);
    p->redact = redact_new(p->conf->secrets, p->conf->secret_count);
    log_set_redact(p->redact); /* of what plugins print */
    p->crew = crew_new(&p->loop, &options, &events);
    crew_start_workers(p->crew);
    crew_load(p->crew, p->conf, p->ids);
}

static void stop(struct probing *p)
{
    crew_free(p->crew);
    free_triggers(p);
    uv_close((uv_handle_t *)&p->timer, NULL);
    uv_run(&p->loop, UV_RUN_DEFAULT); /* until the handles are closed */
    uv_loop_close(&p->loop);
    log_set_redact(NULL);
    redact_free(p->redact);
}

static void probe_all(struct probing *p)
{
    start(p);
    while (p->missing > 0) {
        hand_out(p);
        start_triggers(p);
        if (p->missing > 0)
            uv_run(&p->loop, UV_RUN_ONCE);
    }
    if (p->options->progress != NULL)
        p->options->progress(p->options->arg, p);
    stop(p);
}

void probing_run(struct conf *conf, const struct probing_options *options,
                 struct result **results)
{
    size_t n = conf->check_count + 1;
    struct probing p = {.conf = conf,
                        .options = options,
                        .results = results,
                        .ids = xcalloc(n, sizeof *p.ids),
                        .steps = xcalloc(n, sizeof *p.steps),
                        .limits_ns = xcalloc(n, sizeof *p.limits_ns)};
    plan(&p);
    if (p.missing > 0)
        probe_all(&p);
    free(p.ids);
    free(p.steps);
    free(p.limits_ns);
}

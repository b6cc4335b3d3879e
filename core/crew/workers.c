/* crew/workers.c: feeding the workers, and a new one for each that dies. See
 * crew.h; watchdog.c looks after those that do not die by themselves.
 *
 * A check stays with its worker (load.c), so that kept connections and caches
 * of its scope are found again. Blocking checks go to whichever blocking worker
 * is free; when none is, they wait in order.
 *
 * Happy path: crew_probe → a flight in the list of its worker, and MSG_PROBE →
 * MSG_RESULT: the flight lands, the result is given on with those derived from
 * it.
 * Ways it can fail: the probe cannot be made (the check is gone, has no value
 * or is held back): a result at once, made here. The worker dies: obituary.c
 * decides which flights end and which are sent to the next one, started at
 * once, or after a delay when it dies again and again. No process can be
 * started: told as a trouble, tried again. Its result comes after it was given
 * up on: dropped. It sends nonsense: process.c kills it. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "crew/internal.h"

#define APART_NS           (2 * SUSPECT_NS)
#define WORKER_QUEUE_BYTES (64u << 20)

/* -------------------------------------------------------------- checks --- */

const struct crew_check *crew_check(const struct crew *c, uint32_t check)
{
    for (size_t lo = 0, hi = c->check_count; lo < hi;) {
        size_t mid = (lo + hi) / 2;
        if (c->checks[mid].check == check)
            return &c->checks[mid];
        if (c->checks[mid].check < check)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

static struct worker *worker_of(struct crew *c, const struct crew_check *check)
{
    return &c->workers[check->worker];
}

/* -------------------------------------------------------------- probes --- */

static void send_probe(struct worker *w, struct flight *f)
{
    struct buf payload = {0};
    msg_put_probe(&payload, &f->probe);
    process_send(w->child, MSG_PROBE, w->crew->conf->generation, &payload);
    buf_free(&payload);
    f->sent_ns = clock_mono_ns();
}

void worker_give(struct worker *w, struct flight *f)
{
    f->next = w->flights;
    f->sent_ns = clock_mono_ns();
    w->flights = f;
    w->flight_count++;
    if (w->child != NULL) /* else sent when it is back: worker_start */
        send_probe(w, f);
}

/* A result for a probe that no worker could make. */
static void unmade(struct crew *c, const struct msg_probe *probe,
                   enum rlv_fault fault, const char *message)
{
    struct result *r = result_new();
    r->probe = probe->probe;
    r->check = probe->check;
    r->purpose = probe->purpose;
    r->generation = c->conf->generation;
    struct now now = clock_now();
    r->started_us = now.wall_us;
    r->started_ns = now.mono_ns;
    r->outcome = OUTCOME_UNKNOWN;
    r->fault = fault;
    r->message = arena_strdup(r->arena, message);
    derived_give(c, NULL, r);
}

void crew_pump_blocking(struct crew *c)
{
    for (unsigned i = 0; i < c->blocking_count && c->waiting != NULL; i++) {
        struct worker *w = &c->workers[c->worker_count + i];
        if (w->flight_count > 0 || w->respawn_ns != 0)
            continue;
        struct flight *f = c->waiting;
        c->waiting = f->next;
        if (c->waiting == NULL)
            c->waiting_end = &c->waiting;
        if (w->child == NULL)
            worker_start(w);
        worker_give(w, f);
    }
}

static void wait_for_blocking(struct crew *c, struct flight *f)
{
    f->next = NULL;
    *c->waiting_end = f;
    c->waiting_end = &f->next;
    crew_pump_blocking(c);
}

void crew_probe(struct crew *c, const struct msg_probe *probe)
{
    const struct crew_check *check = crew_check(c, probe->check);
    if (check == NULL) {
        unmade(c, probe, RLV_F_CANCELLED, "the check is no longer configured");
        return;
    }
    char text[200];
    if (check->of != 0) {
        snprintf(text, sizeof text, "it is judged from the results of %s",
                 check->spec->source->name);
        unmade(c, probe, RLV_F_CANCELLED, text);
        return;
    }
    if (check->spec->missing != NULL) {
        snprintf(text, sizeof text, "%s has no value", check->spec->missing);
        unmade(c, probe, RLV_F_CONFIG, text);
        return;
    }
    if (quarantine_holds(c, check, text, sizeof text)) {
        unmade(c, probe, RLV_F_PLUGIN, text);
        return;
    }
    struct flight *f = xcalloc(1, sizeof *f);
    f->probe = *probe;
    if (probe->values.count > 0) {
        f->arena = arena_new();
        f->probe.values = option_copy_dict(&probe->values, f->arena);
    }
    if (check->blocking)
        wait_for_blocking(c, f);
    else
        worker_give(worker_of(c, check), f);
}

static struct flight *find_flight(const struct worker *w, uint64_t probe)
{
    struct flight *f = w->flights;
    while (f != NULL && f->probe.probe != probe)
        f = f->next;
    return f;
}

const struct flight *crew_flight(const struct worker *w, uint64_t probe)
{
    return find_flight(w, probe);
}

static void land(struct worker *w, struct flight *f)
{
    struct flight **link = &w->flights;
    while (*link != f)
        link = &(*link)->next;
    *link = f->next;
    w->flight_count--;
}

/* -------------------------------------------------------------- frames --- */

void flight_free(struct flight *f)
{
    derived_drop(f);
    if (f->arena != NULL)
        arena_free(f->arena);
    free(f);
}

static bool on_result(struct worker *w, const struct frame *f)
{
    struct result *r = msg_get_result(f->payload, f->len);
    if (r == NULL)
        return false;
    r->generation = f->generation;
    struct flight *flight = find_flight(w, r->probe);
    if (flight == NULL) {
        result_free(r); /* its worker was given up on; it was redone */
        return true;
    }
    if (r->check != flight->probe.check)
        return derived_hold(w->crew, flight, r);
    land(w, flight);
    if (r->fault != RLV_F_PLUGIN)
        quarantine_pardon(w->crew, crew_check(w->crew, r->check));
    derived_give(w->crew, flight, r);
    flight_free(flight);
    if (w->blocking)
        crew_pump_blocking(w->crew);
    return true;
}

static bool on_trigger(struct worker *w, const struct frame *f)
{
    struct msg_trigger m;
    struct crew *c = w->crew;
    struct arena *arena = arena_new();
    bool ok = msg_get_trigger(f->payload, f->len, arena, &m);
    const struct flight *asker = ok ? find_flight(w, m.probe) : NULL;
    if (asker != NULL && c->events.trigger != NULL)
        c->events.trigger(c->events.arg, asker->probe.check, &m);
    else if (asker != NULL)
        crew_answer(c, &(struct msg_triggered){
                           .probe = m.probe,
                           .ticket = m.ticket,
                           .fault = RLV_F_CANCELLED,
                           .text = "nothing can be triggered here"});
    arena_free(arena);
    return ok;
}

static struct worker *worker_with(const struct crew *c, uint64_t probe)
{
    for (unsigned i = 0; i < c->worker_count; i++)
        if (find_flight(&c->workers[i], probe) != NULL)
            return &c->workers[i];
    return NULL;
}

void crew_answer(struct crew *c, const struct msg_triggered *m)
{
    struct worker *w = worker_with(c, m->probe);
    if (w == NULL || w->child == NULL)
        return; /* the asking probe is over, or is begun again */
    struct buf payload = {0};
    msg_put_triggered(&payload, m);
    process_send(w->child, MSG_TRIGGERED, c->conf->generation, &payload);
    buf_free(&payload);
}

static bool on_log(struct worker *w, const struct frame *f)
{
    struct msg_log log;
    struct arena *arena = arena_new();
    bool ok = msg_get_log(f->payload, f->len, arena, &log);
    const struct crew_check *check = ok ? crew_check(w->crew, log.check) : NULL;
    if (ok)
        log_at((enum log_level)log.level, "worker %u: %s%s%s", w->number,
               check ? check->spec->name : "", check ? ": " : "", log.text);
    arena_free(arena);
    return ok;
}

/* It cannot do its work in the view of the files that it has. */
static bool on_retire(struct worker *w, const struct frame *f)
{
    const char *why;
    struct arena *arena = arena_new();
    bool ok = msg_get_text(f->payload, f->len, arena, &why);
    if (ok)
        process_kill_for(w->child, BLAME_NOBODY, why);
    arena_free(arena);
    return ok;
}

/* The worker is ready: what is suspected of the death of the one before is
 * redone so that each is alone. */
static void send_apart(struct worker *w)
{
    int64_t now = clock_mono_ns();
    for (struct flight *f = w->flights; f != NULL; f = f->next) {
        if (f->apart == 0)
            continue;
        f->probe.due_ns = now + f->apart * APART_NS;
        f->apart = 0;
        send_probe(w, f);
    }
}

static bool on_frame(void *arg, const struct frame *f)
{
    struct worker *w = arg;
    w->pinged = false; /* whatever it says, it lives */
    switch (f->type) {
    case MSG_PONG: return true;
    case MSG_LOADED: send_apart(w); return true;
    case MSG_RESULT: return on_result(arg, f);
    case MSG_LOG: return on_log(arg, f);
    case MSG_RETIRE: return on_retire(arg, f);
    case MSG_TRIGGER: return on_trigger(arg, f);
    case MSG_ASK_COMMAND: return command_ask(arg, f);
    default: return false;
    }
}

/* ------------------------------------------------------------ lifetime --- */

int64_t crew_back_off(int64_t *back_off_ns, int64_t lived_ns)
{
    if (lived_ns > 10 * NS_PER_S)
        *back_off_ns = 0;
    int64_t delay = *back_off_ns;
    *back_off_ns = delay == 0 ? 100 * NS_PER_MS : delay * 2;
    if (*back_off_ns > 10 * NS_PER_S)
        *back_off_ns = 10 * NS_PER_S;
    return delay;
}

static void on_death(void *arg, struct process *child, const char *how)
{
    struct worker *w = arg;
    int64_t now = clock_mono_ns();
    if (w->crew->stopping) {
        w->child = NULL;
        return;
    }
    commands_forget(w);
    /* Who is known to kill workers is held back instead of the worker. */
    bool accused = obituary(w, how);
    w->child = NULL;
    int64_t delay = 0;
    if (!accused)
        delay = crew_back_off(&w->back_off_ns, now - process_born_ns(child));
    if (delay > 0 || (w->blocking && w->flight_count == 0))
        w->respawn_ns = now + delay;
    else
        worker_start(w);
    if (w->blocking)
        crew_pump_blocking(w->crew);
}

void crew_tell_trouble(struct crew *c, bool *told, const struct trouble *t)
{
    /* Before the first configuration there is nobody to be told. */
    if (*told != t->over || c->conf == NULL || c->events.trouble == NULL)
        return;
    *told = !t->over;
    c->events.trouble(c->events.arg, t);
}

/* A process could be started (NULL), or not. */
static void tell_birth(struct crew *c, const struct err *err)
{
    if (err != NULL && !c->barren)
        log_error("%s; trying again", err->text);
    const struct trouble t = {
        .kind = TROUBLE_OF_RESOURCES,
        .object = "processes",
        .over = err == NULL,
        .text = err != NULL ? err->text : "processes can be started again"};
    crew_tell_trouble(c, &c->barren, &t);
}

static void resend_flights(struct worker *w)
{
    for (struct flight *f = w->flights; f != NULL; f = f->next)
        if (f->apart == 0)
            send_probe(w, f);
}

void worker_start(struct worker *w)
{
    char label[24];
    struct err err;
    snprintf(label, sizeof label, "worker %u", w->number);
    struct process_options options = {.role = "worker",
                                      .label = label,
                                      .blackbox = true,
                                      .listen = true,
                                      .queue_bytes = WORKER_QUEUE_BYTES,
                                      .on_frame = on_frame,
                                      .on_death = on_death,
                                      .arg = w};
    w->respawn_ns = 0;
    w->pinged = false;
    w->child = process_start(w->crew->loop, &options, &err);
    tell_birth(w->crew, w->child == NULL ? &err : NULL);
    if (w->child == NULL) {
        w->respawn_ns =
            clock_mono_ns() + crew_back_off(&w->back_off_ns, 0) + NS_PER_MS;
        return;
    }
    worker_send_load(w);
    resend_flights(w);
}

static unsigned default_workers(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores > 4 ? 4 : (unsigned)cores;
}

struct crew *crew_new(uv_loop_t *loop, const struct crew_options *options,
                      const struct crew_events *events)
{
    struct crew *c = xcalloc(1, sizeof *c);
    c->loop = loop;
    c->options = *options;
    c->events = *events;
    c->worker_count = options->workers ? options->workers : default_workers();
    c->blocking_count = options->blocking;
    c->waiting_end = &c->waiting;
    unsigned all = c->worker_count + c->blocking_count;
    c->workers = xcalloc(all, sizeof *c->workers);
    for (unsigned i = 0; i < all; i++) {
        c->workers[i].crew = c;
        c->workers[i].number = i + 1;
        c->workers[i].blocking = i >= c->worker_count;
    }
    web_open(c);
    watchdog_start(c);
    return c;
}

void crew_start_workers(struct crew *c)
{
    for (unsigned i = 0; i < c->worker_count; i++)
        worker_start(&c->workers[i]);
}

static void free_flights(struct flight *f)
{
    while (f != NULL) {
        struct flight *next = f->next;
        flight_free(f);
        f = next;
    }
}

static void on_watchdog_closed(uv_handle_t *handle) { free(handle->data); }

void crew_free(struct crew *c)
{
    if (c == NULL)
        return;
    c->stopping = true;
    for (unsigned i = 0; i < c->worker_count + c->blocking_count; i++) {
        commands_forget(&c->workers[i]);
        if (c->workers[i].child != NULL)
            process_destroy(c->workers[i].child);
        free_flights(c->workers[i].flights);
    }
    free_flights(c->waiting);
    if (c->runner != NULL)
        process_release(c->runner); /* it ends when its keepers have */
    web_free(c);
    free(c->workers);
    free(c->checks);
    free(c->derived);
    quarantine_clear(c);
    free(c->user);
    buf_free(&c->allow);
    conf_unref(c->conf);
    uv_timer_stop(&c->watchdog);
    uv_close((uv_handle_t *)&c->watchdog, on_watchdog_closed);
}

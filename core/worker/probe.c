/* worker/probe.c: the life of one probe. See probe.h.
 *
 * Happy path: main asks for it up to 100 ms ahead; its timer starts it when it
 * is due; the plugin observes and calls done(); it is judged, told, released.
 * Ways it can fail: the check is not known here, or its plugin is broken: the
 * result says so at once. The plugin does not end it: 50 ms after the deadline
 * we do. The worker is told to end: it is released without a result. */
#include "worker/probe.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/err.h"
#include "base/human.h"
#include "base/log.h"
#include "worker/box.h"
#include "worker/judge.h"
#include "worker/resolve.h"
#include "worker/target.h"
#include "worker/tell.h"
#include "worker/trigger.h"

#define MAGIC        0x65626f72u
#define LATE_NS      (100 * NS_PER_MS)
#define DISTURBED_NS (20 * NS_PER_MS) /* as in worker.c */

enum {
    REST = 64,         /* structs that are over before one is used again */
    PROBE_BYTES = 2400 /* what a good one takes from its arena */
};

static struct rlv_probe *in_flight;
static struct rlv_probe *over, **over_end = &over;
static size_t over_count;
static size_t running;

/* ------------------------------------------------------------- structs --- */

static struct rlv_probe *take(void)
{
    struct rlv_probe *p = over;
    if (over_count > REST) {
        over = p->next;
        over_count--;
        if (over == NULL)
            over_end = &over;
    } else {
        p = xmalloc(sizeof *p);
    }
    *p = (struct rlv_probe){
        .magic = MAGIC, .next = in_flight, .link = &in_flight};
    if (in_flight != NULL)
        in_flight->link = &p->next;
    in_flight = p;
    return p;
}

static void rest(struct rlv_probe *p)
{
    *p->link = p->next;
    if (p->next != NULL)
        p->next->link = p->link;
    p->next = NULL;
    *over_end = p;
    over_end = &p->next;
    over_count++;
}

bool probe_is_live(const struct rlv_probe *p, const char *function)
{
    if (p != NULL && p->magic == MAGIC && p->state == PROBE_RUNNING)
        return true;
    char text[160];
    snprintf(text, sizeof text, "plugin %s: %s() for %s",
             plugin_name(box_plugin()), function,
             p == NULL || p->magic != MAGIC ? "what is no probe"
                                            : "a probe that is over");
    tell_log(LOG_LEVEL_ERROR, 0, text);
    return false;
}

/* ----------------------------------------------------------------- end --- */

static void start_soon(struct rlv_probe *);

static void release(struct rlv_probe *p)
{
    loop_timer_stop(&p->timer);
    p->state = PROBE_ENDING;
    resolve_forget(p);
    trigger_forget(p);
    scope_release(&p->scope);
    target_leave(p->check->target, p, start_soon);
    check_unref(p->check);
    result_free(p->result);
    p->state = PROBE_OVER;
    p->result = NULL;
    p->check = NULL;
    rest(p);
}

/* How long others were served before us in this turn. */
static int64_t waited_in_turn_ns(const struct rlv_probe *p)
{
    int64_t since = p->result->started_ns > loop_turn_ns()
                        ? p->result->started_ns
                        : loop_turn_ns();
    return box_entered_ns() - since;
}

void probe_finish(struct rlv_probe *p)
{
    struct result *r = p->result;
    if (!p->reported)
        r->duration_ns = clock_mono_ns() - r->started_ns;
    p->state = PROBE_ENDING;
    running--;
    if (waited_in_turn_ns(p) > DISTURBED_NS)
        p->stalled_ns += waited_in_turn_ns(p);
    if (p->stalled_ns > 0)
        r->flags |= RESULT_DISTURBED;
    struct box_frame before =
        box_enter(BLACKBOX_JUDGE, p->check->plugin, p->ask.probe);
    judge(p);
    box_leave(&before);
    release(p);
}

static struct rlv_probe *probe_of(struct loop_timer *t)
{
    char *at = (char *)t - offsetof(struct rlv_probe, timer);
    return (struct rlv_probe *)(void *)at;
}

static void on_overdue(struct loop_timer *t)
{
    struct rlv_probe *p = probe_of(t);
    char limit[HUMAN_TEXT];
    probe_fault(p, RLV_F_TIMEOUT, "", 0,
                "no answer within %s; the plugin did not end the probe itself",
                human_duration(p->check->timeout_ns, limit));
    probe_finish(p);
}

/* --------------------------------------------------------------- start --- */

static void begin(struct rlv_probe *p)
{
    struct result *r = p->result;
    r->started_us = clock_wall_us();
    r->started_ns = clock_mono_ns();
    if (p->ask.due_ns > 0 && r->started_ns - p->ask.due_ns > LATE_NS)
        r->flags |= RESULT_LATE;
    p->deadline_ns = r->started_ns + p->check->timeout_ns;
    p->state = PROBE_RUNNING;
    running++;
}

/* Why it cannot be made at all; NULL: it can. */
static const char *obstacle(const struct check *c, enum rlv_fault *fault)
{
    if (c->plugin->broken != NULL)
        load_look_again(c->plugin);
    *fault = c->plugin->broken != NULL ? RLV_F_PLUGIN : RLV_F_CONFIG;
    return c->plugin->broken != NULL ? c->plugin->broken : c->broken;
}

static void run_blocking(struct rlv_probe *p, const void *conf)
{
    const struct check *c = p->check;
    struct box_frame before =
        box_enter(BLACKBOX_BLOCKING, c->plugin, p->ask.probe);
    c->plugin->table->blocking(p, conf);
    box_leave(&before);
    probe_finish(p);
}

/* The probe may be over when this returns. */
static void run(struct rlv_probe *p, const void *conf)
{
    const struct check *c = p->check;
    if (c->plugin->table->blocking != NULL) {
        run_blocking(p, conf);
        return;
    }
    p->timer.fire = on_overdue;
    loop_timer_set(&p->timer, p->deadline_ns + PROBE_GRACE_NS);
    struct box_frame before =
        box_enter(BLACKBOX_START, c->plugin, p->ask.probe);
    c->plugin->table->start(p, conf);
    (void)FAILPOINT("worker.mid_probe");
    box_leave(&before);
}

static void start(struct rlv_probe *p)
{
    enum rlv_fault fault;
    begin(p);
    const char *why = obstacle(p->check, &fault);
    const void *conf = why != NULL ? NULL
                                   : load_conf(p->check, &p->ask.values,
                                               p->result->arena, &why);
    if (why == NULL) {
        const struct catalog *catalog = p->check->plugin->catalog;
        p->plain =
            scope_alloc(&p->scope, catalog->field_count * sizeof *p->plain);
        run(p, conf);
        return;
    }
    probe_fault(p, fault, "", 0, "%s", why);
    probe_finish(p);
}

static void on_place(struct loop_timer *t) { start(probe_of(t)); }

/* A place is free for it. Not at once: the caller is ending another probe. */
static void start_soon(struct rlv_probe *p)
{
    p->timer.fire = on_place;
    loop_timer_set(&p->timer, 0);
}

static void on_due(struct loop_timer *t)
{
    struct rlv_probe *p = probe_of(t);
    if (target_enter(p->check->target, p))
        start(p);
}

/* Main asks only for what it has told us of before: this is a bug in it, or a
 * reload that crossed the question. */
static void unknown(const struct msg_probe *ask, uint32_t generation)
{
    struct result *r = result_new();
    r->probe = ask->probe;
    r->check = ask->check;
    r->purpose = ask->purpose;
    r->generation = generation;
    r->started_us = clock_wall_us();
    r->started_ns = clock_mono_ns();
    r->outcome = OUTCOME_UNKNOWN;
    r->fault = RLV_F_CANCELLED;
    r->message = "the check is not loaded";
    tell_result(r);
    result_free(r);
}

/* Main asks its source instead. */
static void refuse(const struct check *c)
{
    char text[200];
    snprintf(text, sizeof text,
             "it was to be probed, but is judged from the results of %s",
             c->source_name);
    tell_log(LOG_LEVEL_ERROR, c->id, text);
}

void probe_ask(const struct msg_probe *ask, uint32_t generation)
{
    struct check *c = load_check(ask->check);
    if (c == NULL) {
        unknown(ask, generation);
        return;
    }
    if (c->source != NULL) {
        refuse(c);
        return;
    }
    struct rlv_probe *p = take();
    struct result *r = p->result = result_new_sized(PROBE_BYTES);
    p->ask = *ask;
    p->ask.values = option_copy_dict(&ask->values, r->arena);
    p->check = c;
    c->refs++;
    p->keyed_end = &p->keyed;
    p->pieces_end = &p->pieces;
    scope_init(&p->scope, c->plugin, p, ask->probe, r->arena);
    r->probe = ask->probe;
    r->check = ask->check;
    r->purpose = ask->purpose;
    r->generation = generation;
    r->flags = ask->flags & PROBE_RETRIED ? RESULT_RETRIED : 0;
    p->timer.fire = on_due;
    loop_timer_set(&p->timer, ask->due_ns);
}

/* ----------------------------------------------------------------- all --- */

bool probe_is_running(void) { return running > 0; }

struct rlv_probe *probe_find(uint64_t number)
{
    struct rlv_probe *p = in_flight;
    while (p != NULL && (p->ask.probe != number || p->state != PROBE_RUNNING))
        p = p->next;
    return p;
}

void probe_disturb_all(uint64_t but, int64_t stalled_ns)
{
    for (struct rlv_probe *p = in_flight; p != NULL; p = p->next)
        if (p->state == PROBE_RUNNING && p->ask.probe != but)
            p->stalled_ns += stalled_ns;
}

void probe_close(void)
{
    while (in_flight != NULL)
        release(in_flight);
    while (over != NULL) {
        struct rlv_probe *p = over;
        over = p->next;
        free(p);
    }
    over_end = &over;
    over_count = running = 0;
}

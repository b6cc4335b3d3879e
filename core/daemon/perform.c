/* daemon/perform.c: carries out what the model decided, in its order.
 *
 * Happy path: a record goes to the store's queue; a probe to the crew; a line
 * to standard output. A run waits until the store has reported the record that
 * holds its intention: then its order is coded, with what is known by that time
 * (an API that turns out to be impacted in the next result stands in the notice
 * about its database), and handed to the runner from perform_committed. While
 * there is no runner it waits for the next one; it is kept until the runner
 * says that the run has started.
 *
 * Ways it can fail: the store commits nothing: a notice goes out after three
 * seconds all the same, from a folder in memory (spare.c); anything else waits
 * until its intention is stored. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon/internal.h"

#define PATIENCE_NS      (3 * NS_PER_S)
#define LITTLE_NS        (1 * NS_PER_S)
#define PATIENCE_TICK_MS 1000

static void on_patience(uv_timer_t *);

static void perform_probe(struct daemon *d, const struct action *a)
{
    struct msg_probe probe = {.probe = a->as.probe.probe,
                              .check = a->as.probe.check,
                              .purpose = a->as.probe.purpose,
                              .flags = a->as.probe.trace ? PROBE_TRACE : 0,
                              .due_ns = a->as.probe.due_ns};
    if (a->as.probe.values != NULL)
        probe.values = *a->as.probe.values;
    crew_probe(d->crew, &probe);
}

static void perform_answer(struct daemon *d, const struct action *a)
{
    crew_answer(d->crew,
                &(struct msg_triggered){.probe = a->as.answer.probe,
                                        .ticket = a->as.answer.ticket,
                                        .fault = a->as.answer.fault,
                                        .started_ns = a->as.answer.started_ns,
                                        .ended_ns = a->as.answer.ended_ns,
                                        .text = a->as.answer.text});
}

static void perform_commit(struct daemon *d, const struct action *a)
{
    store_append(d->store, record_copy(&a->as.record));
}

static void perform_run(struct daemon *d, const struct action *a)
{
    struct order *o = xcalloc(1, sizeof *o), **link = &d->orders;
    o->run = *a->as.run.run;
    o->after = a->after;
    o->conf = conf_ref(d->conf);
    o->book = a->as.run.runbook;
    o->made_ns = clock_mono_ns();
    if (a->as.run.about != NULL)
        o->about = result_copy(a->as.run.about);
    while (*link != NULL)
        link = &(*link)->next;
    *link = o;
    perform_watch(d);
}

void perform_watch(struct daemon *d)
{
    if (!uv_is_active((uv_handle_t *)&d->patience))
        uv_timer_start(&d->patience, on_patience, PATIENCE_TICK_MS,
                       PATIENCE_TICK_MS);
}

/* One line per event: time, check, what. */
static void perform_tell(struct daemon *d, const struct action *a)
{
    struct check_view v;
    char when[CLOCK_TEXT];
    const char *name = "";
    if (d->options->quiet)
        return;
    if (model_check_known(d->model, a->as.tell.check, &v))
        name = v.row->name;
    struct buf line = {0}, clean = {0};
    buf_addf(&line, "%s  %-12s %s", clock_format_short(clock_wall_us(), when),
             name, a->as.tell.text);
    struct buf safe = {0};
    redact_text(d->redact, line.data, line.len, &safe);
    str_clean_buf(&clean, buf_text(&safe), safe.len, false);
    puts(buf_text(&clean));
    fflush(stdout);
    buf_free(&line);
    buf_free(&safe);
    buf_free(&clean);
}

void perform(struct daemon *d, const struct actions *actions)
{
    for (size_t i = 0; i < actions->count; i++) {
        const struct action *a = &actions->items[i];
        switch (a->kind) {
        case ACTION_PROBE: perform_probe(d, a); break;
        case ACTION_COMMIT: perform_commit(d, a); break;
        case ACTION_RUN: perform_run(d, a); break;
        case ACTION_TELL: perform_tell(d, a); break;
        case ACTION_ANSWER: perform_answer(d, a); break;
        case ACTION_HEARD:
            beats_heard(d, a->as.heard.ticket, a->after, a->as.heard.refusal);
            break;
        }
    }
    perform_committed(d);
}

static void free_order(struct order *o)
{
    buf_free(&o->payload);
    result_free(o->about);
    conf_unref(o->conf);
    free(o);
}

static void send_order(struct daemon *d, struct order *o, bool is_stored)
{
    char dir[4200];
    bool notice = o->run.kind == RUNBOOK_NOTIFY;
    if (!is_stored || (notice && spare_is_better(d) && spare_open(d)))
        spare_run_dir(d, o->run.number, dir, sizeof dir);
    else
        context_run_dir(d, o->run.number, dir, sizeof dir);
    (void)FAILPOINT("daemon.before_order");
    if (o->payload.len == 0)
        context_order(d, o->conf, &o->run, o->book, o->about, dir, &o->payload);
    o->sent = crew_run(d->crew, &o->payload);
}

/* At least once is what a notice is promised: it does not wait for a disk that
 * is full or stands still. What may start only once does. One that has waited
 * for its turn that long already waits a little only: commits that stall delay
 * notices once, not each; but a commit on its way is worth waiting for, since
 * who goes out before it may go out twice. */
static bool is_overdue(const struct order *o)
{
    int64_t waited_ns = clock_mono_ns() - o->made_ns;
    int64_t intended_us = clock_wall_us() - o->run.intended_us;
    return o->run.kind == RUNBOOK_NOTIFY &&
           (waited_ns > PATIENCE_NS ||
            (waited_ns > LITTLE_NS && intended_us > PATIENCE_NS / NS_PER_US));
}

/* What is awaited is said before `committed` is read: the writer's thread does
 * it the other way round, so that one of the two sees the other. */
void perform_committed(struct daemon *d)
{
    atomic_store(&d->awaited, d->orders != NULL || d->beats != NULL);
    uint64_t committed = atomic_load(&d->committed);
    beats_answer(d, committed);
    for (struct order *o = d->orders; o != NULL; o = o->next) {
        bool is_stored = o->after <= committed;
        if (!o->sent && (is_stored || (is_overdue(o) && spare_open(d))))
            send_order(d, o, is_stored);
    }
}

static void on_patience(uv_timer_t *timer)
{
    struct daemon *d = timer->data;
    perform_committed(d);
    if (d->orders == NULL && d->beats == NULL)
        uv_timer_stop(timer);
}

void perform_patience(struct daemon *d)
{
    uv_timer_init(&d->loop, &d->patience);
    d->patience.data = d;
}

void perform_order_done(struct daemon *d, uint64_t run)
{
    for (struct order **link = &d->orders; *link; link = &(*link)->next)
        if ((*link)->run.number == run) {
            struct order *o = *link;
            *link = o->next;
            free_order(o);
            return;
        }
}

static struct order *find_order(const struct daemon *d, uint64_t run)
{
    struct order *o = d->orders;
    while (o != NULL && o->run.number != run)
        o = o->next;
    return o;
}

bool perform_has_order(const struct daemon *d, uint64_t run)
{
    return find_order(d, run) != NULL;
}

bool perform_order_again(struct daemon *d, uint64_t run)
{
    struct order *o = find_order(d, run);
    if (o != NULL)
        o->sent = false;
    return o != NULL;
}

void perform_free_orders(struct daemon *d)
{
    while (d->orders != NULL) {
        struct order *o = d->orders;
        d->orders = o->next;
        free_order(o);
    }
}

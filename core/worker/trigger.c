/* worker/trigger.c: see trigger.h.
 *
 * Happy path: host->trigger() → MSG_TRIGGER to main, which has the other check
 * probed wherever that one lives → MSG_TRIGGERED → what it came to becomes
 * evidence, and the plugin's callback is called.
 * Ways it can fail: the asking probe ends first: the answer finds nobody. The
 * plugin asks for nonsense: the fault `plugin`, and no question. Main always
 * answers: when the other check cannot be probed, with the reason. */
#include "worker/trigger.h"

#include <string.h>

#include "base/clock.h"
#include "model/fault.h"
#include "worker/box.h"
#include "worker/load.h"
#include "worker/probe.h"
#include "worker/tell.h"

enum { MOST_AT_ONCE = 16 }; /* of one probe */

/* In the probe's scope; listed in its probe until it is answered. */
struct trigger {
    struct trigger *next;
    uint64_t ticket;
    rlv_trigger_fn *fn;
    void *arg;
};

static struct trigger *all_of(struct rlv_probe *p, size_t *count)
{
    *count = 0;
    for (const struct trigger *t = p->triggers; t != NULL; t = t->next)
        ++*count;
    return p->triggers;
}

/* The clock of all workers, and never the same twice: an answer to the worker
 * before this one finds no question. */
static uint64_t next_ticket(void)
{
    static uint64_t last;
    uint64_t now = (uint64_t)clock_mono_ns();
    last = now > last ? now : last + 1;
    return last;
}

/* Why main would take it for nonsense; NULL: it is fine. */
static const char *flaw_of(const char *check, const struct rlv_pair *values,
                           size_t count, rlv_trigger_fn *fn)
{
    if (check == NULL || fn == NULL || (values == NULL && count > 0))
        return "it triggered with NULL";
    if (count > TRIGGER_VALUES)
        return "it triggered with more than 16 values";
    for (size_t i = 0; i < count; i++) {
        if (values[i].key == NULL || values[i].value == NULL)
            return "it triggered with a value that is NULL";
        if (strlen(values[i].value) > TRIGGER_VALUE_BYTES ||
            strlen(values[i].key) > PROBE_KEY)
            return "it triggered with a value of more than 4 KiB";
    }
    return NULL;
}

void trigger_ask(struct rlv_probe *p, const char *check,
                 const struct rlv_pair *values, size_t count,
                 rlv_trigger_fn *fn, void *arg)
{
    size_t others;
    const char *flaw = flaw_of(check, values, count, fn);
    struct trigger *before = all_of(p, &others);
    if (flaw == NULL && others >= MOST_AT_ONCE)
        flaw = "it triggered more than 16 checks at once";
    if (flaw != NULL) {
        probe_breach(p, "%s", flaw);
        return;
    }
    struct trigger *t = scope_alloc(&p->scope, sizeof *t);
    *t = (struct trigger){before, next_ticket(), fn, arg};
    p->triggers = t;
    tell_trigger(&(struct msg_trigger){.probe = p->ask.probe,
                                       .ticket = t->ticket,
                                       .check = check,
                                       .deadline_ns = p->deadline_ns,
                                       .values = {values, count}});
}

/* The question, no longer listed; NULL: nobody waits for that any more. */
static struct trigger *take(const struct msg_triggered *m,
                            struct rlv_probe **asker)
{
    struct rlv_probe *p = *asker = probe_find(m->probe);
    struct trigger **link = p == NULL ? NULL : &p->triggers;
    while (link != NULL && *link != NULL && (*link)->ticket != m->ticket)
        link = &(*link)->next;
    if (link == NULL || *link == NULL)
        return NULL;
    struct trigger *t = *link;
    *link = t->next;
    return t;
}

void trigger_answer(const struct msg_triggered *m)
{
    struct rlv_probe *p;
    struct trigger *t = take(m, &p);
    if (t == NULL)
        return;
    p->trigger_faults[m->fault] = true;
    if (m->fault != RLV_F_NONE)
        probe_evidence(p, "trigger", m->text, strlen(m->text));
    struct box_frame before =
        box_enter(BLACKBOX_TRIGGER, p->check->plugin, p->ask.probe);
    t->fn(t->arg, m->fault, m->started_ns, m->ended_ns);
    box_leave(&before);
}

void trigger_forget(struct rlv_probe *p) { p->triggers = NULL; }

bool trigger_ended_as(const struct rlv_probe *p, enum rlv_fault fault)
{
    return (unsigned)fault < PROBE_FAULTS && p->trigger_faults[fault];
}

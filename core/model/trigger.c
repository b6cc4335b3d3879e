/* model/trigger.c: a probe of one check wants another one probed, with values:
 * a message that a client waits for is published by somebody else.
 *
 * The result is recorded for the triggered check like any other; as it was not
 * asked for by its schedule, it does not count for its state. A check is never
 * under way twice: who comes second waits for its turn, after what the schedule
 * and people want.
 *
 * Happy path: trigger_asked → it is that check's turn: schedule_trigger → its
 * result: trigger_result answers → trigger_next.
 * Ways it can fail, each an answer with a fault and a sentence: the asking
 * check is gone, or may not trigger that one, or that one is not enabled
 * (`config`); that one is paused or no longer configured (`cancelled`); its
 * turn does not come before the asking probe's deadline (`timeout`). Its worker
 * dies: the crew has the probe redone, or makes a result. Main dies: so do all
 * workers, with their questions. */
#include "model/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

struct trigger {
    struct trigger *next; /* of those that wait for the same check */
    struct arena *arena;  /* holds this, and the values */
    uint64_t probe, ticket;
    int64_t deadline_ns;
    struct rlv_dict values;
    uint64_t made; /* number of the probe that it is under way as; 0: waits */
};

static struct action *answer(struct model *m, uint64_t probe, uint64_t ticket,
                             enum rlv_fault fault, const char *text)
{
    struct action *a = model_act(m, ACTION_ANSWER, "triggered");
    a->as.answer.probe = probe;
    a->as.answer.ticket = ticket;
    a->as.answer.fault = fault;
    a->as.answer.text = text;
    return a;
}

static void end(struct model *m, struct trigger *t, enum rlv_fault fault,
                const char *text)
{
    answer(m, t->probe, t->ticket, fault, text);
    arena_free(t->arena);
}

/* What its options name: nothing else, or triggers could go round in circles.
 */
static struct node *target_of(const struct model *m, const struct node *asker,
                              const char *name)
{
    const struct check_spec *spec = asker->spec;
    for (size_t i = 0; i < spec->trigger_count; i++)
        if (str_eq(spec->triggers[i]->plain_name, name))
            return map_get(m->by_name, spec->triggers[i]->name);
    return NULL;
}

static void enqueue(struct node *n, const struct trigger_ask *ask)
{
    struct arena *arena = arena_new();
    struct trigger *t = arena_alloc(arena, sizeof *t), **link = &n->triggers;
    *t = (struct trigger){.arena = arena,
                          .probe = ask->probe,
                          .ticket = ask->ticket,
                          .deadline_ns = ask->deadline_ns,
                          .values = option_copy_dict(&ask->values, arena)};
    while (*link != NULL)
        link = &(*link)->next;
    *link = t;
}

/* NULL: it may be probed. */
static const char *refusal_of(struct model *m, const struct node *asker,
                              const struct node *n,
                              const struct trigger_ask *ask,
                              enum rlv_fault *fault)
{
    *fault = RLV_F_CANCELLED;
    bool named = n != NULL && n->spec != NULL;
    if (!named && ask->probe < asker->bound_from)
        return model_text(m, "%s was configured anew meanwhile",
                          asker->row.name);
    if (named && !n->spec->disabled)
        return n->state.state == STATE_PAUSED
                   ? model_text(m, "%s is paused", n->row.name)
                   : NULL;
    *fault = RLV_F_CONFIG;
    return named ? model_text(m, "%s has enabled = false", n->row.name)
                 : model_text(m, "no option of %s names the check \"%s\"",
                              asker->row.name, ask->check);
}

void trigger_asked(struct model *m, const struct trigger_ask *ask)
{
    const struct node *asker = model_node(m, ask->asker);
    if (asker == NULL || asker->spec == NULL) {
        answer(m, ask->probe, ask->ticket, RLV_F_CANCELLED,
               "the check that triggers is no longer configured");
        return;
    }
    struct node *n = target_of(m, asker, ask->check);
    enum rlv_fault fault = RLV_F_NONE;
    const char *why = refusal_of(m, asker, n, ask, &fault);
    if (why != NULL) {
        answer(m, ask->probe, ask->ticket, fault, why);
        return;
    }
    enqueue(n, ask);
    trigger_next(m, n);
}

/* A probe that is due at once goes first. */
static bool is_free(const struct model *m, const struct node *n)
{
    return n->probing == 0 &&
           !(heap_has(&n->due) && n->due.due <= m->now.mono_ns);
}

void trigger_next(struct model *m, struct node *n)
{
    while (n->triggers != NULL && n->triggered == NULL && is_free(m, n)) {
        struct trigger *t = n->triggers;
        n->triggers = t->next;
        if (t->deadline_ns <= m->now.mono_ns) {
            end(m, t, RLV_F_TIMEOUT,
                model_text(m, "%s was under way all the time", n->row.name));
            continue;
        }
        n->triggered = t;
        t->made = schedule_trigger(m, n, &t->values);
    }
}

void trigger_result(struct model *m, struct node *n, const struct result *r)
{
    struct trigger *t = n->triggered;
    if (t == NULL || t->made != r->probe)
        return;
    bool well = r->outcome == OUTCOME_OK || r->outcome == OUTCOME_WARN;
    const char *text =
        well ? ""
             : model_text(m, "%s: %s", n->row.name, result_told(r, m->scratch));
    struct action *a =
        answer(m, t->probe, t->ticket, well ? RLV_F_NONE : r->fault, text);
    if (r->duration_ns > 0) { /* else none was made */
        a->as.answer.started_ns = r->started_ns;
        a->as.answer.ended_ns = r->started_ns + r->duration_ns;
    }
    n->triggered = NULL;
    arena_free(t->arena);
}

void trigger_drop(struct model *m, struct node *n, const char *why)
{
    while (n->triggers != NULL) {
        struct trigger *t = n->triggers;
        n->triggers = t->next;
        end(m, t, RLV_F_CANCELLED, model_text(m, "%s is %s", n->row.name, why));
    }
}

void trigger_removed(struct model *m, struct node *n)
{
    static const char why[] = "no longer configured";
    if (n->triggered != NULL)
        end(m, n->triggered, RLV_F_CANCELLED,
            model_text(m, "%s is %s", n->row.name, why));
    n->triggered = NULL;
    trigger_drop(m, n, why);
}

void trigger_free_node(struct node *n)
{
    if (n->triggered != NULL)
        arena_free(n->triggered->arena);
    while (n->triggers != NULL) {
        struct trigger *t = n->triggers;
        n->triggers = t->next;
        arena_free(t->arena);
    }
}

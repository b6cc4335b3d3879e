/* model/run_list.c: the runs that the model remembers, what a restart makes of
 * them, and what faces may see of them. A run is in one of three lists, the
 * oldest first: it waits, it is live, or it is remembered for cooldowns and for
 * who was told. Called from run.c. */
#include "model/internal.h"

#include <stdlib.h>

#include "base/mem.h"

static void own_texts(struct run_row *to, const struct run_row *from)
{
    to->runbook = to->held_by = to->reason = to->sha256 = to->boot_id =
        to->findings = to->output = NULL;
    model_own(&to->runbook, from->runbook);
    model_own(&to->held_by, from->held_by);
    model_own(&to->reason, from->reason);
    model_own(&to->sha256, from->sha256);
    model_own(&to->boot_id, from->boot_id);
    model_own(&to->findings, from->findings);
    model_own(&to->output, from->output);
}

void run_free(struct run *run)
{
    const char **texts[] = {&run->row.runbook, &run->row.held_by,
                            &run->row.reason,  &run->row.sha256,
                            &run->row.boot_id, &run->row.findings,
                            &run->row.output};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        free((void *)(uintptr_t)*texts[i]);
    result_free(run->about);
    free(run);
}

static void free_list(struct run *run)
{
    while (run != NULL) {
        struct run *next = run->next;
        run_free(run);
        run = next;
    }
}

void run_free_all(struct model *m)
{
    free_list(m->waiting.first);
    free_list(m->live.first);
    free_list(m->past.first);
    m->waiting = m->live = m->past = (struct run_list){0};
}

struct run *run_new(const struct run_row *row)
{
    struct run *run = xcalloc(1, sizeof *run);
    run->row = *row;
    own_texts(&run->row, row);
    return run;
}

void run_put_last(struct run_list *list, struct run *run)
{
    run->next = NULL;
    if (list->first == NULL)
        list->first = run;
    else
        list->last->next = run;
    list->last = run;
    list->count++;
}

void run_put_first(struct run_list *list, struct run *run)
{
    run->next = list->first;
    list->first = run;
    if (list->last == NULL)
        list->last = run;
    list->count++;
}

void run_take_out(struct run_list *list, struct run *run)
{
    struct run *before = NULL;
    for (struct run *r = list->first; r != run; r = r->next)
        before = r;
    if (before == NULL)
        list->first = run->next;
    else
        before->next = run->next;
    if (list->last == run)
        list->last = before;
    list->count--;
}

struct run *run_find(const struct run_list *list, uint64_t number)
{
    struct run *run = list->first;
    while (run != NULL && run->row.number != number)
        run = run->next;
    return run;
}

/* ------------------------------------------------------------- restart --- */

/* Earlier attempts at the same notice. */
static void supersede(struct model *m, const struct run *run)
{
    for (struct run *r = m->past.first; r != NULL; r = r->next)
        if (r->row.kind == RUNBOOK_NOTIFY &&
            outbox_first(r) == outbox_first(run))
            r->superseded = true;
}

/* Its turn is that of its first attempt. */
static void put_by_first(struct run_list *list, struct run *run)
{
    struct run *before = NULL;
    for (struct run *r = list->first;
         r != NULL && outbox_first(r) < outbox_first(run); r = r->next)
        before = r;
    if (before == NULL) {
        run_put_first(list, run);
        return;
    }
    run->next = before->next;
    before->next = run;
    if (list->last == before)
        list->last = run;
    list->count++;
}

/* A notice that was only intended is sent (again): at least once. A diagnosis
 * that may have begun counts as live until the daemon has looked for it. */
void model_restore_run(struct model *m, const struct run_row *row)
{
    struct run *run = run_new(row);
    struct episode *e = incident_find(m, row->incident);
    if (e != NULL && row->kind == RUNBOOK_DIAGNOSE && row->state == RUN_ENDED &&
        row->number > e->diagnosis)
        e->diagnosis = row->number;
    bool live = row->state == RUN_INTENDED || row->state == RUN_STARTED;
    bool unsent = row->state == RUN_INTENDED && row->kind == RUNBOOK_NOTIFY;
    if (row->first != 0)
        supersede(m, run);
    if (unsent)
        put_by_first(&m->waiting, run);
    else
        run_put_last(live ? &m->live : &m->past, run);
}

/* --------------------------------------------------------------- views --- */

const struct run_row *model_live_run(const struct model *m, size_t i)
{
    for (const struct run *run = m->live.first; run != NULL; run = run->next)
        if (i-- == 0)
            return &run->row;
    return NULL;
}

const struct run_row *model_would_run(const struct model *m, uint64_t incident,
                                      size_t i)
{
    for (const struct run *run = m->past.first; run != NULL; run = run->next)
        if (run->row.state == RUN_WOULD && run->row.incident == incident &&
            i-- == 0)
            return &run->row;
    return NULL;
}

const struct run_row *model_diagnosis(const struct model *m, uint64_t incident)
{
    const struct episode *e = incident_find(m, incident);
    const struct run *run = e == NULL ? NULL : run_find(&m->past, e->diagnosis);
    return run == NULL ? NULL : &run->row;
}

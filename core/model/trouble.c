/* model/trouble.c: the monitor's own troubles as incidents. See trouble.h;
 * called from model.c.
 *
 * Each has a node of its own without a spec: nothing probes it, nothing depends
 * on it, no availability is computed of it. Happy path: it begins: an incident
 * opens, notices that match go out → it is over: the incident is resolved, and
 * who was told hears so. Only notices are called: there is no target that a
 * diagnosis could look at or a remediation could mend.
 * Ways it can fail: it is reported again while it is on: at most a line in its
 * timeline. Main dies
 * while it is on: the incident is restored as open, and who knows that kind of
 * trouble says whether it still is. */
#include "model/trouble.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "model/internal.h"

static const struct {
    const char *name;
    enum rlv_fault fault;
} kinds[TROUBLE_KINDS] = {
    [TROUBLE_OF_PLUGIN] = {"plugin", RLV_F_PLUGIN},
    [TROUBLE_OF_PROBES] = {"probes", RLV_F_PLUGIN},
    [TROUBLE_OF_HISTORY] = {"history", RLV_F_RESOURCE},
    [TROUBLE_OF_RESOURCES] = {"resources", RLV_F_RESOURCE},
    [TROUBLE_OF_TIME] = {"time", RLV_F_RESOURCE},
};

const char *trouble_kind_name(enum trouble_kind kind)
{
    return kinds[kind].name;
}

bool trouble_is(const struct check_row *row)
{
    return str_eq(row->plugin, TROUBLE_PLUGIN) &&
           str_starts(row->name, TROUBLE_PREFIX);
}

bool trouble_parse(const struct check_row *row, enum trouble_kind *kind,
                   const char **object)
{
    if (!trouble_is(row))
        return false;
    const char *rest = row->name + strlen(TROUBLE_PREFIX);
    for (size_t i = 0; i < TROUBLE_KINDS; i++) {
        size_t n = strlen(kinds[i].name);
        if (strncmp(rest, kinds[i].name, n) != 0 || rest[n] != ':')
            continue;
        *kind = (enum trouble_kind)i;
        *object = rest + n + 1;
        return true;
    }
    return false; /* stored by a newer version */
}

static struct node *node_of(struct model *m, const struct trouble *t)
{
    const char *name =
        model_text(m, TROUBLE_PREFIX "%s:%s", kinds[t->kind].name, t->object);
    struct node *n = map_get(m->by_name, name);
    if (n != NULL || t->over)
        return n;
    struct check_row row = {.check = m->last_check + 1,
                            .name = name,
                            .environment = "",
                            .plugin = TROUBLE_PLUGIN};
    n = model_add_node(m, &row);
    struct record r = {.kind = RECORD_CHECK, .as.check = n->row};
    model_commit(m, GRADE_DURABLE, r);
    return n;
}

static void set_state(struct model *m, struct node *n, enum check_state state)
{
    n->state.state = state;
    n->state.since_us = m->now.wall_us;
    model_store_state(m, n, GRADE_DURABLE);
}

/* What notices are told as the result that called them. */
static struct result *result_of(const struct model *m, const struct node *n,
                                const struct trouble *t)
{
    struct result *r = result_new();
    r->check = n->row.check;
    r->started_us = m->now.wall_us;
    r->started_ns = m->now.mono_ns;
    r->outcome = OUTCOME_UNKNOWN;
    r->fault = kinds[t->kind].fault;
    r->message = arena_strdup(r->arena, t->text);
    return r;
}

static void begin(struct model *m, struct node *n, const struct trouble *t)
{
    struct result *r = result_of(m, n, t);
    n->confirmed = true;
    incident_trouble(m, n, r);
    set_state(m, n, STATE_DOWN);
    run_troubled(m, n, r);
    result_free(r);
}

static void end(struct model *m, struct node *n, const struct trouble *t)
{
    incident_recovered(m, n, t->text);
    run_closed(m, n);
    n->state.incident = 0;
    n->state.suspect_us = 0;
    set_state(m, n, STATE_UP);
}

void trouble_event(struct model *m, const struct trouble *t)
{
    struct node *n = node_of(m, t);
    if (n == NULL || (t->over && !n->confirmed))
        return;
    if (t->over)
        end(m, n, t);
    else if (n->confirmed)
        incident_retell(m, n, t->text);
    else
        begin(m, n, t);
}

bool model_trouble(const struct model *m, size_t i, struct check_view *v)
{
    for (size_t k = 0; k < m->node_count; k++)
        if (m->nodes[k]->confirmed && trouble_is(&m->nodes[k]->row) && i-- == 0)
            return model_check_known(m, m->nodes[k]->row.check, v);
    return false;
}

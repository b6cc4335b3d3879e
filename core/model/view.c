/* model/view.c: what others may see of a check: borrowed until the next step.
 * See model.h. */
#include "model/internal.h"

static void view(const struct model *m, const struct node *n,
                 struct check_view *v)
{
    const struct episode *e = incident_find(m, n->state.incident);
    *v = (struct check_view){
        .spec = n->spec,
        .waits_for = n->depend.waits_for == NULL ? "" : n->depend.waits_for,
        .maintenance = n->maintenance,
        .acknowledged = e != NULL && e->row.state == INCIDENT_ACKNOWLEDGED,
        .row = &n->row,
        .state = &n->state,
        .last = n->last,
        .last_good = n->last_good,
        .history_count = n->history_count};
    if (n->spec != NULL)
        state_count_text(&n->state, n->spec, v->count);
    for (size_t i = 0; i < n->history_count; i++)
        v->history[i] = n->history[(n->history_next + MODEL_HISTORY - 1 - i) %
                                   MODEL_HISTORY];
}

size_t model_check_count(const struct model *m)
{
    return m->conf == NULL ? 0 : m->conf->check_count;
}

bool model_check_at(const struct model *m, size_t i, struct check_view *v)
{
    return i < model_check_count(m) &&
           model_check_by_name(m, m->conf->checks[i].name, v);
}

static bool view_configured(const struct model *m, const struct node *n,
                            struct check_view *v)
{
    if (n == NULL || n->spec == NULL)
        return false;
    view(m, n, v);
    return true;
}

bool model_check_by_id(const struct model *m, uint32_t check,
                       struct check_view *v)
{
    return view_configured(m, model_node(m, check), v);
}

bool model_check_known(const struct model *m, uint32_t check,
                       struct check_view *v)
{
    const struct node *n = model_node(m, check);
    if (n != NULL)
        view(m, n, v);
    return n != NULL;
}

bool model_check_by_name(const struct model *m, const char *name,
                         struct check_view *v)
{
    return view_configured(m, map_get(m->by_name, name), v);
}

uint64_t model_last_run(const struct model *m) { return m->last_run; }

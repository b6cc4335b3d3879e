/* model/depend.c: what a check needs (`depends_on`), and derived checks. */
#include "model/internal.h"

#include <stdlib.h>

void depend_free(struct episode *e)
{
    while (e->impacts != NULL) {
        struct impact *i = e->impacts;
        e->impacts = i->next;
        free(i);
    }
}

void model_restore_impact(struct model *m, const struct impact_row *row)
{
    (void)m;
    (void)row;
}

const struct check_row *model_impact(const struct model *m, uint64_t incident,
                                     size_t i)
{
    const struct episode *e = incident_find(m, incident);
    const struct impact *impact = e == NULL ? NULL : e->impacts;
    for (; impact != NULL; impact = impact->next)
        if (impact->row.until_us == 0 && i-- == 0) {
            const struct node *n = model_node(m, impact->row.check);
            return n == NULL ? NULL : &n->row;
        }
    return NULL;
}

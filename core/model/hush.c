/* model/hush.c: pauses, maintenance windows, acknowledgements, marks. */
#include "model/internal.h"

#include <stdlib.h>

const char *hush_window(const struct model *m, const struct node *n)
{
    (void)m;
    (void)n;
    return NULL;
}

void hush_event(struct model *m, const struct event *e)
{
    (void)m;
    (void)e;
}

void hush_tick(struct model *m) { (void)m; }

int64_t hush_wake(const struct model *m)
{
    (void)m;
    return MODEL_NEVER;
}

void hush_free_all(struct model *m)
{
    while (m->windows != NULL) {
        struct window *w = m->windows;
        m->windows = w->next;
        free(w);
    }
}

void model_restore_window(struct model *m, const struct window_row *row)
{
    (void)m;
    (void)row;
}

const struct window_row *model_window(const struct model *m, size_t i)
{
    for (const struct window *w = m->windows; w != NULL; w = w->next)
        if (i-- == 0)
            return &w->row;
    return NULL;
}

uint64_t model_last_window(const struct model *m) { return m->last_window; }

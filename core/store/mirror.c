/* store/mirror.c: see mirror.h. */
#include "store/mirror.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

enum {
    MOST_CHECKS = 1 << 20, /* a number beyond is no number that we gave */
    MOST_RUNS = 256        /* that have ended; older ones are forgotten */
};
#define REOPEN_US (600 * US_PER_S)

static void list_remove(struct mirror_list *l, size_t i)
{
    record_free(l->items[i]);
    l->count--;
    memmove(l->items + i, l->items + i + 1, (l->count - i) * sizeof *l->items);
}

static void list_free(struct mirror_list *l)
{
    while (l->count > 0)
        list_remove(l, l->count - 1);
    free(l->items);
    *l = (struct mirror_list){0};
}

void mirror_free(struct mirror *m)
{
    for (size_t i = 0; i < m->check_count; i++)
        free(m->checks[i].texts);
    free(m->checks);
    list_free(&m->incidents);
    list_free(&m->runs);
    *m = (struct mirror){0};
}

static struct mirror_check *check_at(struct mirror *m, uint32_t check)
{
    if (check >= MOST_CHECKS)
        return NULL;
    if (check >= m->check_count) {
        size_t n = (size_t)check + 1 + check / 2;
        m->checks = xrealloc(m->checks, n * sizeof *m->checks);
        memset(m->checks + m->check_count, 0,
               (n - m->check_count) * sizeof *m->checks);
        m->check_count = n;
    }
    return &m->checks[check];
}

static const char *pack_text(char **at, const char *s)
{
    if (s == NULL)
        return NULL;
    char *copy = *at;
    *at = stpcpy(copy, s) + 1;
    return copy;
}

static size_t text_size(const char *s) { return s == NULL ? 0 : strlen(s) + 1; }

static void note_check(struct mirror *m, const struct check_row *row)
{
    struct mirror_check *c = check_at(m, row->check);
    if (c == NULL)
        return;
    char *texts = xmalloc(text_size(row->name) + text_size(row->environment) +
                          text_size(row->plugin));
    char *at = texts;
    c->row = *row;
    c->row.name = pack_text(&at, row->name);
    c->row.environment = pack_text(&at, row->environment);
    c->row.plugin = pack_text(&at, row->plugin);
    free(c->texts);
    c->texts = texts;
    c->known = true;
}

static void note_state(struct mirror *m, const struct state_row *row)
{
    struct mirror_check *c = check_at(m, row->check);
    if (c == NULL)
        return;
    c->state = *row;
    c->has_state = true;
}

static uint64_t number_of(const struct record *r)
{
    return r->kind == RECORD_RUN ? r->as.run.number : r->as.incident.number;
}

/* Replaces the record of the same number, or appends. */
static void list_put(struct mirror_list *l, struct record *r)
{
    for (size_t i = l->count; i-- > 0;)
        if (number_of(l->items[i]) == number_of(r)) {
            record_free(l->items[i]);
            l->items[i] = r;
            return;
        }
    l->items = xgrow(l->items, l->count, &l->cap, sizeof *l->items);
    l->items[l->count++] = r;
}

static void forget_incidents(struct mirror_list *l)
{
    int64_t since_us = clock_wall_us() - REOPEN_US;
    for (size_t i = l->count; i-- > 0;) {
        int64_t end_us = l->items[i]->as.incident.resolved_us;
        if (end_us != 0 && end_us < since_us)
            list_remove(l, i);
    }
}

static void forget_runs(struct mirror_list *l)
{
    size_t ended = 0;
    for (size_t i = l->count; i-- > 0;)
        if (l->items[i]->as.run.state > RUN_ENDED ||
            (l->items[i]->as.run.state == RUN_ENDED && ++ended > MOST_RUNS))
            list_remove(l, i);
}

void mirror_note(struct mirror *m, struct record **record)
{
    struct record *r = *record;
    switch (r->kind) {
    case RECORD_CHECK: note_check(m, &r->as.check); break;
    case RECORD_STATE: note_state(m, &r->as.state); break;
    case RECORD_INCIDENT:
        list_put(&m->incidents, r);
        forget_incidents(&m->incidents);
        *record = NULL;
        break;
    case RECORD_RUN:
        list_put(&m->runs, r);
        forget_runs(&m->runs);
        *record = NULL;
        break;
    default: break;
    }
}

void mirror_load(struct mirror *m, const struct store_snapshot *s)
{
    for (size_t i = 0; i < s->check_count; i++)
        note_check(m, &s->checks[i]);
    for (size_t i = 0; i < s->state_count; i++)
        note_state(m, &s->states[i]);
    for (size_t i = 0; i < s->incident_count; i++) {
        struct record r = {.kind = RECORD_INCIDENT,
                           .as.incident = s->incidents[i]};
        list_put(&m->incidents, record_copy(&r));
    }
    for (size_t i = 0; i < s->run_count; i++) {
        struct record r = {.kind = RECORD_RUN, .as.run = s->runs[i]};
        list_put(&m->runs, record_copy(&r));
    }
    forget_runs(&m->runs);
}

static int each_of(const struct mirror_list *l,
                   int (*fn)(void *, const struct record *), void *arg)
{
    int rc = 0;
    for (size_t i = 0; i < l->count && rc == 0; i++)
        rc = fn(arg, l->items[i]);
    return rc;
}

int mirror_each(const struct mirror *m,
                int (*fn)(void *, const struct record *), void *arg)
{
    int rc = 0;
    for (size_t i = 0; i < m->check_count && rc == 0; i++) {
        const struct mirror_check *c = &m->checks[i];
        struct record check = {.kind = RECORD_CHECK, .as.check = c->row};
        struct record state = {.kind = RECORD_STATE, .as.state = c->state};
        if (c->known)
            rc = fn(arg, &check);
        if (c->has_state && rc == 0)
            rc = fn(arg, &state);
    }
    if (rc == 0)
        rc = each_of(&m->incidents, fn, arg);
    return rc != 0 ? rc : each_of(&m->runs, fn, arg);
}

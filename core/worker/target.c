/* worker/target.c: see target.h. */
#include "worker/target.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "worker/probe.h"

struct target {
    struct target *next; /* of the same slot */
    char *name;
    uint64_t hash;
    uint32_t refs, running;
    struct rlv_probe *waiting, **waiting_end;
};

enum { SLOTS = 1024 };

static struct target *slots[SLOTS];
static uint32_t limit;

void target_set_limit(uint32_t most) { limit = most; }

struct target *target_ref(const char *name)
{
    uint64_t hash = str_hash(name, strlen(name));
    struct target **slot = &slots[hash % SLOTS], *t = *slot;
    while (t != NULL && (t->hash != hash || !str_eq(t->name, name)))
        t = t->next;
    if (t == NULL) {
        t = xcalloc(1, sizeof *t);
        t->name = xstrdup(name);
        t->hash = hash;
        t->waiting_end = &t->waiting;
        t->next = *slot;
        *slot = t;
    }
    t->refs++;
    return t;
}

void target_unref(struct target *t)
{
    if (--t->refs > 0)
        return;
    must(t->waiting == NULL && t->running == 0);
    struct target **link = &slots[t->hash % SLOTS];
    while (*link != t)
        link = &(*link)->next;
    *link = t->next;
    free(t->name);
    free(t);
}

static bool has_place(const struct target *t)
{
    return limit == 0 || t->running < limit;
}

bool target_enter(struct target *t, struct rlv_probe *p)
{
    if (t->waiting == NULL && has_place(t)) {
        t->running++;
        p->place = PLACE_HELD;
        return true;
    }
    p->place = PLACE_AWAITED;
    p->next_waiting = NULL;
    *t->waiting_end = p;
    t->waiting_end = &p->next_waiting;
    return false;
}

static void unlink_waiting(struct target *t, struct rlv_probe *p)
{
    struct rlv_probe **link = &t->waiting;
    while (*link != p)
        link = &(*link)->next_waiting;
    *link = p->next_waiting;
    if (*link == NULL)
        t->waiting_end = link;
}

void target_leave(struct target *t, struct rlv_probe *p,
                  void (*begin)(struct rlv_probe *))
{
    if (p->place == PLACE_AWAITED)
        unlink_waiting(t, p);
    else if (p->place == PLACE_HELD)
        t->running--;
    p->place = PLACE_NONE;
    while (t->waiting != NULL && has_place(t)) {
        struct rlv_probe *first = t->waiting;
        unlink_waiting(t, first);
        t->running++;
        first->place = PLACE_HELD;
        begin(first);
    }
}

/* worker/scope.c: see scope.h. */
#include "worker/scope.h"

#include "worker/box.h"
#include "worker/load.h"

struct deferred {
    struct deferred *next;
    void (*fn)(void *);
    void *arg;
};

void scope_init(struct rlv_scope *s, struct plugin *plugin,
                struct rlv_probe *owner, uint64_t probe, struct arena *arena)
{
    *s = (struct rlv_scope){
        .plugin = plugin, .owner = owner, .probe = probe, .arena = arena};
}

void *scope_alloc(struct rlv_scope *s, size_t n)
{
    if (s->arena == NULL)
        s->arena = arena_new();
    return arena_alloc(s->arena, n);
}

void scope_defer(struct rlv_scope *s, void (*fn)(void *), void *arg)
{
    struct deferred *d = scope_alloc(s, sizeof *d);
    *d = (struct deferred){s->deferred, fn, arg};
    s->deferred = d;
}

/* Last first; one that is added meanwhile comes next. */
static void run_deferred(struct rlv_scope *s)
{
    while (s->deferred != NULL) {
        struct deferred *d = s->deferred;
        s->deferred = d->next;
        struct box_frame before =
            box_enter(BLACKBOX_DEFER, s->plugin, s->probe);
        d->fn(d->arg);
        box_leave(&before);
    }
}

void scope_release(struct rlv_scope *s)
{
    if (s->state != SCOPE_OPEN)
        return;
    s->state = SCOPE_ENDING;
    if (s->watches != NULL)
        watch_mute_all(s);
    run_deferred(s);
    if (s->watches != NULL)
        watch_end_all(s);
    if (s->owner == NULL)
        arena_free(s->arena);
    s->arena = NULL;
    s->state = SCOPE_OVER;
}

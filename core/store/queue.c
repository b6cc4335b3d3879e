/* store/queue.c: see queue.h. */
#include "store/queue.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

enum { RECORD_BYTES = 600 }; /* of a record, its arena and its place here */

static size_t text_bytes(const char *s) { return s == NULL ? 0 : strlen(s); }

static size_t record_bytes(const struct record *r)
{
    size_t n = RECORD_BYTES;
    switch (r->kind) {
    case RECORD_RESULT: return n + arena_bytes(r->as.result->arena);
    case RECORD_RUN:
        return n + text_bytes(r->as.run.findings) +
               text_bytes(r->as.run.output) + text_bytes(r->as.run.reason);
    case RECORD_EVENT: return n + text_bytes(r->as.event.text);
    case RECORD_AUDIT: return n + text_bytes(r->as.audit.detail);
    case RECORD_MARK: return n + text_bytes(r->as.mark.text);
    case RECORD_WINDOW: return n + text_bytes(r->as.window.reason);
    case RECORD_BEAT: return n + text_bytes(r->as.beat.runs);
    default: return n;
    }
}

static enum queue_class class_of(const struct record *r)
{
    if (r->kind != RECORD_RESULT || r->grade == GRADE_DURABLE)
        return QUEUE_KEEP;
    return r->as.result->outcome == OUTCOME_OK ? QUEUE_GOOD_RESULT
                                               : QUEUE_OTHER_RESULT;
}

static bool is_pressing(const struct record *r)
{
    return r->urgent || r->grade == GRADE_DURABLE;
}

void queue_init(struct queue *q, size_t limit)
{
    pthread_condattr_t attr;
    *q = (struct queue){.limit = limit, .batch_bytes = QUEUE_BATCH_BYTES};
    pthread_mutex_init(&q->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&q->wake, &attr);
    pthread_condattr_destroy(&attr);
}

static void free_queued(struct queued *n)
{
    record_free(n->record);
    free(n);
}

void queue_fini(struct queue *q)
{
    for (struct queued *n = q->waiting.first, *next; n != NULL; n = next) {
        next = n->next;
        free_queued(n);
    }
    pthread_cond_destroy(&q->wake);
    pthread_mutex_destroy(&q->lock);
}

static void unlink_queued(struct queue *q, struct queued *n)
{
    struct batch *w = &q->waiting;
    *(n->prev == NULL ? &w->first : &n->prev->next) = n->next;
    *(n->next == NULL ? &w->last : &n->next->prev) = n->prev;
    w->count--;
    w->bytes -= n->bytes;
    /* Both lists keep the order of arrival, so it is the first of its class. */
    q->class_first[n->class] = n->next_of_class;
    if (q->class_first[n->class] == NULL)
        q->class_last[n->class] = NULL;
    if (is_pressing(n->record))
        q->pressing--;
}

static void link_queued(struct queue *q, struct queued *n)
{
    struct batch *w = &q->waiting;
    n->prev = w->last;
    *(w->last == NULL ? &w->first : &w->last->next) = n;
    w->last = n;
    w->count++;
    w->bytes += n->bytes;
    struct queued *last = q->class_last[n->class];
    *(last == NULL ? &q->class_first[n->class] : &last->next_of_class) = n;
    q->class_last[n->class] = n;
    if (is_pressing(n->record))
        q->pressing++;
}

/* Returns what was dropped, to be freed without the lock. */
static struct queued *make_room(struct queue *q)
{
    struct queued *dropped = NULL;
    int class = QUEUE_GOOD_RESULT;
    while (class < QUEUE_KEEP && q->waiting.bytes > q->limit) {
        struct queued *n = q->class_first[class];
        if (n == NULL) {
            class ++;
            continue;
        }
        unlink_queued(q, n);
        q->dropped++;
        n->next = dropped;
        dropped = n;
    }
    return dropped;
}

/* The first one waits, and the others of its step are there. */
static bool has_step(const struct queue *q)
{
    return q->waiting.first != NULL && q->waiting.first->step < q->step;
}

static bool is_worth(const struct queue *q)
{
    return has_step(q) && (q->pressing > 0 || q->waiting.count >= QUEUE_GATHER);
}

void queue_append(struct queue *q, struct record *r)
{
    struct queued *n = xcalloc(1, sizeof *n);
    n->record = r;
    n->bytes = record_bytes(r);
    n->class = class_of(r);
    pthread_mutex_lock(&q->lock);
    bool had_step = has_step(q), was_worth = is_worth(q);
    if (q->waiting.count == 0)
        q->gather_ns = clock_mono_ns() + QUEUE_GATHER_NS;
    n->step = q->step;
    link_queued(q, n);
    if (!r->more)
        q->step++;
    struct queued *dropped = make_room(q);
    if (has_step(q) != had_step || is_worth(q) != was_worth)
        pthread_cond_broadcast(&q->wake);
    pthread_mutex_unlock(&q->lock);
    for (struct queued *next; dropped != NULL; dropped = next) {
        next = dropped->next;
        free_queued(dropped);
    }
}

static void wait_until(struct queue *q, int64_t ns)
{
    struct timespec t = {ns / NS_PER_S, ns % NS_PER_S};
    pthread_cond_timedwait(&q->wake, &q->lock, &t);
}

static bool is_ready(const struct queue *q, int64_t now_ns)
{
    return q->closing || is_worth(q) || (has_step(q) && now_ns >= q->gather_ns);
}

/* A batch ends where a step ends; when closing, what is there is all there
 * will be. */
static bool goes_on(const struct queue *q, const struct batch *b)
{
    const struct queued *n = q->waiting.first;
    if (n == NULL || (n->step == q->step && !q->closing))
        return false;
    return (b->count < QUEUE_BATCH && b->bytes < q->batch_bytes) ||
           n->step == b->last->step;
}

static void take_first(struct queue *q, struct batch *b)
{
    struct queued *n = q->waiting.first;
    unlink_queued(q, n);
    n->next = NULL;
    n->prev = b->last;
    *(b->last == NULL ? &b->first : &b->last->next) = n;
    b->last = n;
    b->count++;
    b->bytes += n->bytes;
    b->durable |= n->record->grade == GRADE_DURABLE;
}

void queue_take(struct queue *q, int64_t until_ns, struct batch *b)
{
    *b = (struct batch){0};
    pthread_mutex_lock(&q->lock);
    for (;;) {
        int64_t now_ns = clock_mono_ns();
        if (is_ready(q, now_ns) || now_ns >= until_ns)
            break;
        bool gathering = has_step(q) && q->gather_ns < until_ns;
        wait_until(q, gathering ? q->gather_ns : until_ns);
    }
    while (goes_on(q, b))
        take_first(q, b);
    q->gather_ns = 0; /* what is left has waited long enough */
    pthread_mutex_unlock(&q->lock);
}

void queue_done(struct batch *b)
{
    for (struct queued *n = b->first, *next; n != NULL; n = next) {
        next = n->next;
        free_queued(n);
    }
    *b = (struct batch){0};
}

bool queue_is_pressing(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    bool pressing = q->pressing > 0 || q->closing;
    pthread_mutex_unlock(&q->lock);
    return pressing;
}

bool queue_is_closing(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    bool closing = q->closing;
    pthread_mutex_unlock(&q->lock);
    return closing;
}

bool queue_is_empty(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    bool empty = q->waiting.first == NULL;
    pthread_mutex_unlock(&q->lock);
    return empty;
}

void queue_close(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closing = true;
    pthread_cond_broadcast(&q->wake);
    pthread_mutex_unlock(&q->lock);
}

void queue_pause(struct queue *q, int64_t ns)
{
    int64_t until_ns = clock_mono_ns() + ns;
    pthread_mutex_lock(&q->lock);
    while (!q->closing && clock_mono_ns() < until_ns)
        wait_until(q, until_ns);
    pthread_mutex_unlock(&q->lock);
}

uint64_t queue_dropped(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    uint64_t n = q->dropped;
    pthread_mutex_unlock(&q->lock);
    return n;
}

/* store/queue.h: records on their way to the writer thread, in order, bounded
 * by bytes. Any thread appends, one takes. */
#ifndef RELEVO_STORE_QUEUE_H
#define RELEVO_STORE_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "model/record.h"

#define QUEUE_GATHER_NS   (500 * NS_PER_MS)
#define QUEUE_BATCH_BYTES ((size_t)16 << 20)

enum {
    QUEUE_GATHER = 2000, /* so many relaxed records are not gathered longer */
    QUEUE_BATCH = 4000   /* records in one batch, but for its last step's */
};

/* What may be dropped, first to last. */
enum queue_class {
    QUEUE_GOOD_RESULT,
    QUEUE_OTHER_RESULT,
    QUEUE_KEEP, /* never */
    QUEUE_CLASSES
};

struct queued {
    struct queued *next, *prev, *next_of_class;
    struct record *record;
    uint64_t step; /* records of one step share it */
    size_t bytes;
    enum queue_class class;
};

struct batch {
    struct queued *first, *last;
    size_t count, bytes;
    bool durable;
};

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct batch waiting;
    struct queued *class_first[QUEUE_CLASSES], *class_last[QUEUE_CLASSES];
    size_t pressing;    /* durable or urgent ones that wait */
    uint64_t step;      /* the one whose last record has not come yet */
    size_t limit;       /* bytes; the batch that was taken is beside it */
    size_t batch_bytes; /* in one batch, about; of the taking thread */
    int64_t gather_ns;  /* when gathering ends */
    uint64_t dropped;
    bool closing;
};

void queue_init(struct queue *, size_t limit);
void queue_fini(struct queue *); /* frees what is left */
void queue_append(struct queue *, struct record *);
/* Waits until a batch is worth writing, until_ns has come or the queue is
 * closing; the batch may be empty. It holds whole steps only (record.more). */
void queue_take(struct queue *, int64_t until_ns, struct batch *);
/* Frees the batch, with the records that were not taken out of it. */
void queue_done(struct batch *);
/* A durable or urgent record waits, or the queue is closing. */
bool queue_is_pressing(struct queue *);
bool queue_is_closing(struct queue *);
bool queue_is_empty(struct queue *); /* but for the batch that was taken */
void queue_close(struct queue *);
/* Waits ns, or until the queue is closing. */
void queue_pause(struct queue *, int64_t ns);
uint64_t queue_dropped(struct queue *);

#endif

/* store/store.h: the history, as the daemon writes it and reads it at start.
 *
 * The store is reached by a table of functions (store/backend.h); the one
 * implementation is SQLite: one file, one writer thread. Appending never waits
 * for the disk: records queue in memory up to a bound, the writer commits them
 * in groups and in order. Other processes read through store/reader.h.
 *
 * What of a good result is kept: every number in it and its recorded
 * observations. Phases, observations that are not recorded and lines are kept
 * with any other result, and with a good one that has a fault, code, errno,
 * message, line or evidence all the same. Bodies are never kept. */
#ifndef RELEVO_STORE_STORE_H
#define RELEVO_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "model/record.h"
#include "model/spec.h"

struct store;

#define STORE_FILE        "history.db"
#define STORE_QUEUE_BYTES ((size_t)64 << 20)

/* What is told about it, beside a sentence. */
enum store_news {
    STORE_REFUSED,  /* the disk refuses; what comes waits in memory */
    STORE_WRITES,   /* it takes what comes again */
    STORE_LOSES,    /* results are being dropped */
    STORE_LOST,     /* no more; how many the sentence says */
    STORE_REPLACED, /* the file was set aside, a new one begun */
    STORE_REMARK    /* anything else */
};

struct store_options {
    const char *dir; /* the state directory; made with 0700 if missing */
    uint16_t node;   /* of the rows that this process writes */
    /* On the writer thread (trouble also on the caller's, while opening). */
    void (*committed)(void *arg, uint64_t sequence); /* and all before it */
    /* Once per change. */
    void (*trouble)(void *arg, enum store_news, const char *text);
    void *arg;
    size_t queue_bytes;       /* 0: STORE_QUEUE_BYTES */
    size_t hot_rows;          /* results kept unpacked; 0: 100,000 */
    int64_t hot_ns;           /* for how long; 0: ten minutes */
    int64_t close_ns;         /* store_close tries for so long; 0: 5 s */
    int64_t purge_ns;         /* between two passes by age; 0: ten minutes */
    struct history_spec keep; /* all 0: everything, for ever */
};

/* Opens or makes DIR/history.db, brings it to the present schema and starts
 * the writer. A file that is corrupt or not ours is renamed to
 * history.db.corrupt-TIME, told, and a new one begun; so is one that somebody
 * removes or replaces while it is open. A disk that refuses (full, read-only)
 * is told; the writer goes on trying. NULL with *err: the
 * folder cannot be made, the path is no regular file, may not be read, or was
 * written by a newer version. */
struct store *store_open(const struct store_options *, struct err *) MUST_CHECK;

/* Takes the record (made by record_copy). Never blocks on the disk. When the
 * queue is full the oldest good results go first, then other results; nothing
 * else is ever dropped. */
void store_append(struct store *, struct record *);

/* What is kept from now on. Any thread. */
void store_keep(struct store *, const struct history_spec *);

/* Commits what is queued, checkpoints, ends the thread. A disk that refuses
 * is given up after close_ns. NULL is fine. */
void store_close(struct store *);

/* Records dropped because the queue was full or the disk refused. Any
 * thread. */
uint64_t store_lost(const struct store *);

/* How the writer fares. Any thread. */
struct store_pulse {
    uint64_t turns; /* grows as it goes on: batches, attempts, housekeeping */
    bool waits;     /* for records, or for a disk that refuses */
};
struct store_pulse store_pulse(const struct store *);

/* All that is needed to rebuild the model. */
struct store_snapshot {
    struct check_row *checks;
    size_t check_count;
    struct state_row *states;
    size_t state_count;
    struct incident_row *incidents; /* open, or resolved within ten minutes */
    size_t incident_count;
    /* Intended or started, all of the last 24 hours that ran, and the most
     * recent that ran of each runbook, check and fault; oldest first. */
    struct run_row *runs;
    size_t run_count;
    struct impact_row *impacts; /* not over */
    size_t impact_count;
    struct beat_row *beats;
    size_t beat_count;
    struct window_row *windows; /* that have not ended */
    size_t window_count;
    /* The highest ever given out. */
    uint64_t last_incident, last_run, last_window;
    uint32_t last_check;
    struct arena *arena; /* owns all of it */
};

/* At start, before the first append. now_us: wall clock. Empty where the disk
 * refuses and there is no history yet. */
bool store_load(struct store *, int64_t now_us, struct store_snapshot *,
                struct err *) MUST_CHECK;
void store_snapshot_free(struct store_snapshot *);

#endif

/* store/rollup.h: results counted by minute, hour and day (UTC).
 *
 * A rollup counts the results that the watch itself asked for: of the schedule,
 * of a confirmation, of a parent. Those that somebody asked for by hand, that
 * verify a runbook or that belong to a test say nothing about how often a
 * service works. A result belongs to the period in which its probe began.
 *
 * Its time is what a user waits for: the observation `latency`; else, when the
 * answer was good or nearly so, the probe's duration. A failure without an
 * answer has none: how quickly a connection is refused is no response time.
 *
 * They are written by the transaction that packs the results that they count
 * (pack.c) and never rebuilt; a reader adds what still lies in `hot`. So each
 * committed result is counted exactly once, at any instant. */
#ifndef RELEVO_STORE_ROLLUP_H
#define RELEVO_STORE_ROLLUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/human.h"
#include "model/result.h"
#include "model/sketch.h"

enum resolution { RESOLUTION_MINUTE, RESOLUTION_HOUR, RESOLUTION_DAY };
enum { RESOLUTION_COUNT = RESOLUTION_DAY + 1 };

struct rollup {
    int64_t from_us; /* when the period begins */
    uint64_t counts[OUTCOME_COUNT];
    uint64_t timed;                 /* how many of them have a time */
    int64_t sum_ns, min_ns, max_ns; /* 0 while timed is 0 */
    struct sketch sketch;           /* of the times */
};

const char *resolution_name(enum resolution); /* "minute" */
bool resolution_parse(const char *text, enum resolution *);
int64_t resolution_us(enum resolution); /* length of a period */
/* The beginning of the period that holds it. */
int64_t resolution_floor(enum resolution, int64_t at_us);

/* That shows a range of so many microseconds in a table of readable length. */
enum resolution resolution_for(int64_t span_us);

uint64_t rollup_total(const struct rollup *); /* results of any outcome */
/* Those that say something about the target: all but the unknown ones. */
uint64_t rollup_measured(const struct rollup *);
uint64_t rollup_good(const struct rollup *); /* ok and warn */
/* Of the times; 0 while there is none. */
int64_t rollup_percentile(const struct rollup *, unsigned percent);
/* "99.98 %" of the measured ones were good: never rounded up, so 100 only where
 * all were; "" where nothing was measured. Returns out. */
const char *rollup_share(const struct rollup *, char out[HUMAN_TEXT]);
/* Adds `from` to a sum, whose from_us stays and whose sketch has its arena. */
void rollup_sum(struct rollup *into, const struct rollup *from);

/* Periods of one check in order of time. */
struct rollup_set {
    enum resolution resolution;
    struct arena *arena; /* holds all of it */
    struct rollup *items;
    size_t count, cap;
};

struct sample;

/* Counts the result, if it is one that counts. */
void rollup_set_add(struct rollup_set *, const struct sample *);
/* Adds the rollup to the period that holds its beginning. */
void rollup_set_merge(struct rollup_set *, const struct rollup *);

/* A row's bytes: the periods of one block. */
void rollup_put(struct buf *, enum resolution, int64_t block_us,
                const struct rollup *, size_t count);
/* Merges the block's periods into a set of that resolution. false: damaged. */
bool rollup_get(struct rollup_set *, int64_t block_us, const void *,
                size_t n) MUST_CHECK;
/* The block of a row that holds it; how long a block is. */
int64_t rollup_block(enum resolution, int64_t at_us);
int64_t rollup_block_us(enum resolution);

struct db;

extern const char *const rollup_tables[RESOLUTION_COUNT];

/* Inside the writer's transaction: adds these results to the rows of all
 * resolutions. An SQLite code. */
int rollup_write(struct db *, uint16_t node, uint32_t check,
                 const struct sample *, size_t count, struct arena *);

#endif

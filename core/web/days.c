/* web/days.c: see days.h.
 *
 * An hour that ended an hour ago or more is settled: it changes only by a clock
 * that was set or by what is deleted. Settled hours are read anew once in a
 * minute and kept as they are, with the sum of their times; the two hours since
 * are read anew once in ten seconds, and added. Each result lies in one hour,
 * so it is counted once, whenever either was read. */
#include "web/days.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define FRESH_US   (10 * US_PER_S)
#define SETTLED_US (60 * US_PER_S)

enum { RECENT_HOURS = 2 };

/* The settled hours of one check. */
struct settled {
    uint32_t check;
    struct rollup *items; /* without sketches */
    size_t count;
    struct rollup sum;
};

static struct {
    struct arena *arena;
    struct settled *items; /* by number */
    size_t count, cap;
    int64_t at_us, since_us; /* when it was read, and from when on */
} settled;

static struct {
    struct arena *arena;
    struct day *items; /* by number */
    size_t count, cap;
    int64_t at_us, since_us;
} kept;

static bool is_within(int64_t at_us, int64_t now_us, int64_t most_us)
{
    return now_us >= at_us && now_us - at_us < most_us;
}

static int by_number(const void *a, const void *b)
{
    /* The number is the first member of both. */
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Adds the hours to a sum, and copies them without sketches. */
static void add_hours(const struct rollup_set *set, struct rollup *sum,
                      struct rollup *to)
{
    for (size_t i = 0; i < set->count; i++) {
        rollup_sum(sum, &set->items[i]);
        to[i] = set->items[i];
        to[i].sketch = (struct sketch){0};
    }
}

/* -------------------------------------------------------------- settled --- */

static void settled_forget(void)
{
    arena_free(settled.arena);
    settled.arena = NULL;
    settled.count = 0;
}

static void take_settled(void *arg, const struct check_periods *from)
{
    struct settled s = {.check = from->check,
                        .count = from->set.count,
                        .sum.sketch.arena = from->set.arena};
    struct sketch *sketch = &s.sum.sketch;
    (void)arg;
    s.items = arena_alloc(settled.arena, (s.count + 1) * sizeof *s.items);
    add_hours(&from->set, &s.sum, s.items);
    sketch->buckets = arena_memdup(settled.arena, sketch->buckets,
                                   sketch->count * sizeof *sketch->buckets);
    sketch->cap = sketch->count;
    sketch->arena = settled.arena;
    settled.items = xgrow(settled.items, settled.count, &settled.cap, sizeof s);
    settled.items[settled.count++] = s;
}

static bool read_settled(struct reader *reader, int64_t now_us,
                         int64_t since_us, int64_t until_us, struct err *err)
{
    const struct periods_taker taker = {take_settled, NULL};
    if (settled.arena != NULL && settled.since_us == since_us &&
        is_within(settled.at_us, now_us, SETTLED_US))
        return true;
    settled_forget();
    settled.arena = arena_new();
    settled.at_us = now_us;
    settled.since_us = since_us;
    if (reader_all_periods(reader, since_us, until_us, RESOLUTION_HOUR, &taker,
                           err))
        return true;
    settled_forget();
    return false;
}

/* ------------------------------------------------------------------ all --- */

static void kept_forget(void)
{
    arena_free(kept.arena);
    kept.arena = NULL;
    kept.count = 0;
}

static void take_recent(void *arg, const struct check_periods *from)
{
    static const struct settled none;
    struct rollup sum = {.sketch.arena = from->set.arena};
    const struct settled *before =
        settled.count == 0 ? NULL
                           : bsearch(&from->check, settled.items, settled.count,
                                     sizeof *settled.items, by_number);
    (void)arg;
    if (before == NULL)
        before = &none;
    size_t n = before->count + from->set.count;
    struct day day = {.check = from->check, .count = n};
    day.items = arena_alloc(kept.arena, (n + 1) * sizeof *day.items);
    if (before->count > 0)
        memcpy(day.items, before->items, before->count * sizeof *day.items);
    rollup_sum(&sum, &before->sum);
    add_hours(&from->set, &sum, day.items + before->count);
    day.timed = sum.timed > 0;
    day.p50_ns = day.timed ? rollup_percentile(&sum, 50) : 0;
    day.p95_ns = day.timed ? rollup_percentile(&sum, 95) : 0;
    kept.items = xgrow(kept.items, kept.count, &kept.cap, sizeof day);
    kept.items[kept.count++] = day;
}

bool days_read(struct reader *reader, int64_t now_us, int64_t *since_us,
               struct err *err)
{
    const struct periods_taker taker = {take_recent, NULL};
    int64_t hour_us = resolution_us(RESOLUTION_HOUR);
    int64_t until_us = resolution_floor(RESOLUTION_HOUR, now_us) + hour_us;
    int64_t recent_us = until_us - RECENT_HOURS * hour_us;
    *since_us = until_us - DAY_HOURS * hour_us;
    if (kept.arena != NULL && kept.since_us == *since_us &&
        is_within(kept.at_us, now_us, FRESH_US))
        return true;
    kept_forget();
    if (!read_settled(reader, now_us, *since_us, recent_us, err))
        return false;
    kept.arena = arena_new();
    kept.at_us = now_us;
    kept.since_us = *since_us;
    if (reader_all_periods(reader, recent_us, until_us, RESOLUTION_HOUR, &taker,
                           err))
        return true;
    kept_forget();
    return false;
}

const struct day *days_find(uint32_t check)
{
    return kept.count == 0 ? NULL
                           : bsearch(&check, kept.items, kept.count,
                                     sizeof *kept.items, by_number);
}

void days_forget(void)
{
    kept_forget();
    settled_forget();
}

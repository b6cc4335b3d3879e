/* web/days.c: see days.h. */
#include "web/days.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

#define FRESH_US (10 * US_PER_S)

struct days {
    struct arena *arena;
    struct day *items; /* by number */
    size_t count, cap;
    int64_t at_us, since_us; /* when it was read, and from when on */
};

static struct days kept;

static void days_free(struct days *d)
{
    arena_free(d->arena);
    free(d->items);
}

static void take(void *arg, const struct check_periods *from)
{
    struct days *d = arg;
    struct rollup sum = {.sketch.arena = from->set.arena};
    size_t n = from->set.count;
    struct day day = {.check = from->check, .count = n};
    day.items = arena_alloc(d->arena, (n + 1) * sizeof *day.items);
    for (size_t i = 0; i < n; i++) {
        rollup_sum(&sum, &from->set.items[i]);
        day.items[i] = from->set.items[i];
        day.items[i].sketch = (struct sketch){0};
    }
    day.timed = sum.timed > 0;
    day.p50_ns = day.timed ? rollup_percentile(&sum, 50) : 0;
    day.p95_ns = day.timed ? rollup_percentile(&sum, 95) : 0;
    d->items = xgrow(d->items, d->count, &d->cap, sizeof *d->items);
    d->items[d->count++] = day;
}

bool days_read(struct reader *reader, int64_t now_us, int64_t *since_us,
               struct err *err)
{
    int64_t hour_us = resolution_us(RESOLUTION_HOUR);
    int64_t until_us = resolution_floor(RESOLUTION_HOUR, now_us) + hour_us;
    *since_us = until_us - DAY_HOURS * hour_us;
    if (kept.arena != NULL && kept.since_us == *since_us &&
        now_us >= kept.at_us && now_us - kept.at_us < FRESH_US)
        return true;
    struct days fresh = {
        .arena = arena_new(), .at_us = now_us, .since_us = *since_us};
    const struct periods_taker taker = {take, &fresh};
    bool ok = reader_all_periods(reader, *since_us, until_us, RESOLUTION_HOUR,
                                 &taker, err);
    if (!ok) {
        days_free(&fresh);
        return false;
    }
    days_free(&kept);
    kept = fresh;
    return true;
}

static int by_number(const void *key, const void *item)
{
    uint32_t x = *(const uint32_t *)key, y = ((const struct day *)item)->check;
    return x < y ? -1 : x > y;
}

const struct day *days_find(uint32_t check)
{
    return kept.count == 0 ? NULL
                           : bsearch(&check, kept.items, kept.count,
                                     sizeof *kept.items, by_number);
}

/* web/days.c: see days.h. */
#include "web/days.h"

#include <malloc.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

#define FRESH_US (10 * US_PER_S)

static struct {
    struct arena *arena;
    struct day *days; /* by number */
    size_t count;
    int64_t at_us, since_us; /* when it was read, and from when on */
} kept;

static void keep(const struct check_periods *from, struct day *to,
                 struct arena *scratch)
{
    struct rollup sum = {.sketch.arena = scratch};
    size_t n = from->set.count;
    *to = (struct day){.check = from->check, .count = n};
    to->items = arena_alloc(kept.arena, (n + 1) * sizeof *to->items);
    for (size_t i = 0; i < n; i++) {
        rollup_sum(&sum, &from->set.items[i]);
        to->items[i] = from->set.items[i];
        to->items[i].sketch = (struct sketch){0};
    }
    to->timed = sum.timed > 0;
    to->p50_ns = to->timed ? rollup_percentile(&sum, 50) : 0;
    to->p95_ns = to->timed ? rollup_percentile(&sum, 95) : 0;
}

static void keep_all(const struct check_periods *all, size_t count,
                     struct arena *scratch)
{
    arena_free(kept.arena);
    kept.arena = arena_new();
    kept.days = arena_alloc(kept.arena, (count + 1) * sizeof *kept.days);
    kept.count = count;
    for (size_t i = 0; i < count; i++)
        keep(&all[i], &kept.days[i], scratch);
}

bool days_read(struct reader *reader, int64_t now_us, int64_t *since_us,
               struct err *err)
{
    struct check_periods *all;
    size_t count;
    int64_t hour_us = resolution_us(RESOLUTION_HOUR);
    int64_t until_us = resolution_floor(RESOLUTION_HOUR, now_us) + hour_us;
    *since_us = until_us - DAY_HOURS * hour_us;
    if (kept.arena != NULL && kept.since_us == *since_us &&
        now_us >= kept.at_us && now_us - kept.at_us < FRESH_US)
        return true;
    struct arena *scratch = arena_new();
    bool ok = reader_all_periods(reader, scratch, *since_us, until_us,
                                 RESOLUTION_HOUR, &all, &count, err);
    if (ok) {
        keep_all(all, count, scratch);
        kept.at_us = now_us;
        kept.since_us = *since_us;
    }
    arena_free(scratch);
    malloc_trim(0); /* many times what is kept: back to the system */
    return ok;
}

static int by_number(const void *key, const void *item)
{
    uint32_t x = *(const uint32_t *)key, y = ((const struct day *)item)->check;
    return x < y ? -1 : x > y;
}

const struct day *days_find(uint32_t check)
{
    return kept.count == 0 ? NULL
                           : bsearch(&check, kept.days, kept.count,
                                     sizeof *kept.days, by_number);
}

/* store/rollup.c: rollups in memory and as bytes. See rollup.h.
 *
 * A block is its version and then, for each of its periods that has results,
 *   how many periods lie between it and the one before
 *   the number of results << 2 | some have no time << 1 | some are not ok
 *   if so: how many are warn, fail, unknown
 *   if so: how many have a time
 *   one time:  that
 *   two:       the least, the greatest above it
 *   more:      these two, the sum above count times the least, the sketch
 * all as varints. */
#include "store/rollup.h"

#include <stdio.h>
#include <string.h>

#include "base/civil.h"
#include "base/clock.h"
#include "base/str.h"
#include "store/code.h"
#include "store/sample.h"

enum { ROLLUP_VERSION = 1 };
enum { NOT_ALL_OK = 1, NOT_ALL_TIMED = 2, TOTAL_SHIFT = 2 };
enum { EXACT = 2 /* times that least and greatest tell all about */ };

static const struct {
    const char *name;
    int64_t length_us;
    int64_t periods; /* in a block */
} resolutions[RESOLUTION_COUNT] = {
    [RESOLUTION_MINUTE] = {"minute", 60 * US_PER_S, 15},
    [RESOLUTION_HOUR] = {"hour", 3600 * US_PER_S, 1},
    [RESOLUTION_DAY] = {"day", 86400 * US_PER_S, 1},
};

const char *resolution_name(enum resolution r) { return resolutions[r].name; }

bool resolution_parse(const char *text, enum resolution *out)
{
    for (unsigned i = 0; i < RESOLUTION_COUNT; i++)
        if (str_eq(resolutions[i].name, text)) {
            *out = (enum resolution)i;
            return true;
        }
    return false;
}

int64_t resolution_us(enum resolution r) { return resolutions[r].length_us; }

enum resolution resolution_for(int64_t span_us)
{
    enum { MOST_PERIODS = 72 };
    unsigned r = 0;
    while (r + 1 < RESOLUTION_COUNT &&
           span_us / resolutions[r].length_us > MOST_PERIODS)
        r++;
    return (enum resolution)r;
}

int64_t resolution_floor(enum resolution r, int64_t at_us)
{
    int64_t us = resolutions[r].length_us;
    return civil_floor_div(at_us, us) * us;
}

int64_t rollup_block_us(enum resolution r)
{
    return resolutions[r].length_us * resolutions[r].periods;
}

int64_t rollup_block(enum resolution r, int64_t at_us)
{
    int64_t us = rollup_block_us(r);
    return civil_floor_div(at_us, us) * us;
}

/* ------------------------------------------------------------------ sums ---
 */

uint64_t rollup_total(const struct rollup *r)
{
    uint64_t n = 0;
    for (int i = 0; i < OUTCOME_COUNT; i++)
        n += r->counts[i];
    return n;
}

uint64_t rollup_measured(const struct rollup *r)
{
    return rollup_total(r) - r->counts[OUTCOME_UNKNOWN];
}

uint64_t rollup_good(const struct rollup *r)
{
    return r->counts[OUTCOME_OK] + r->counts[OUTCOME_WARN];
}

int64_t rollup_percentile(const struct rollup *r, unsigned percent)
{
    int64_t ns = sketch_percentile(&r->sketch, percent);
    return ns < r->min_ns ? r->min_ns : ns > r->max_ns ? r->max_ns : ns;
}

const char *rollup_share(const struct rollup *r, char out[HUMAN_TEXT])
{
    uint64_t of = rollup_measured(r);
    out[0] = '\0';
    if (of > 0) {
        uint64_t basis = rollup_good(r) * 10000 / of;
        snprintf(out, HUMAN_TEXT, "%llu.%02llu %%",
                 (unsigned long long)(basis / 100),
                 (unsigned long long)(basis % 100));
    }
    return out;
}

static void add_times(struct rollup *r, uint64_t timed, int64_t sum_ns,
                      int64_t min_ns, int64_t max_ns)
{
    if (timed == 0)
        return;
    r->min_ns = r->timed == 0 || min_ns < r->min_ns ? min_ns : r->min_ns;
    r->max_ns = r->timed == 0 || max_ns > r->max_ns ? max_ns : r->max_ns;
    r->timed += timed;
    r->sum_ns = (int64_t)((uint64_t)r->sum_ns + (uint64_t)sum_ns);
}

void rollup_sum(struct rollup *into, const struct rollup *from)
{
    for (int i = 0; i < OUTCOME_COUNT; i++)
        into->counts[i] += from->counts[i];
    add_times(into, from->timed, from->sum_ns, from->min_ns, from->max_ns);
    sketch_merge(&into->sketch, &from->sketch);
}

static void reserve(struct rollup_set *set)
{
    if (set->count < set->cap)
        return;
    set->cap = set->cap == 0 ? 4 : set->cap * 2;
    struct rollup *more = arena_alloc(set->arena, set->cap * sizeof *more);
    if (set->count > 0)
        memcpy(more, set->items, set->count * sizeof *more);
    set->items = more;
}

/* The period that holds it, made if it is not there. Results come in order of
 * time but for clocks that were set. */
static struct rollup *period_of(struct rollup_set *set, int64_t at_us)
{
    int64_t from_us = resolution_floor(set->resolution, at_us);
    size_t i = set->count;
    while (i > 0 && set->items[i - 1].from_us > from_us)
        i--;
    if (i > 0 && set->items[i - 1].from_us == from_us)
        return &set->items[i - 1];
    reserve(set);
    memmove(set->items + i + 1, set->items + i,
            (set->count - i) * sizeof *set->items);
    set->items[i] =
        (struct rollup){.from_us = from_us, .sketch.arena = set->arena};
    set->count++;
    return &set->items[i];
}

/* false: nobody got an answer, or a heartbeat came without its start. */
static bool time_of(const struct sample *s, int64_t *ns)
{
    for (size_t i = 0; i < s->observation_count; i++) {
        const struct observation *o = &s->observations[i];
        if (o->value.type != RLV_T_DURATION || !str_eq(o->name, "latency"))
            continue;
        *ns = o->value.as.i < 0 ? 0 : o->value.as.i;
        return true;
    }
    *ns = s->duration_ns < 0 ? 0 : s->duration_ns;
    return *ns > 0 && (s->outcome == OUTCOME_OK || s->outcome == OUTCOME_WARN);
}

void rollup_set_add(struct rollup_set *set, const struct sample *s)
{
    int64_t ns;
    if (!purpose_counts(s->purpose))
        return;
    struct rollup *r = period_of(set, s->started_us);
    r->counts[s->outcome]++;
    if (!time_of(s, &ns))
        return;
    add_times(r, 1, ns, ns, ns);
    sketch_add(&r->sketch, ns, 1);
}

void rollup_set_merge(struct rollup_set *set, const struct rollup *from)
{
    rollup_sum(period_of(set, from->from_us), from);
}

/* ----------------------------------------------------------------- bytes ---
 */

static void put_period(struct buf *b, const struct rollup *r)
{
    uint64_t total = rollup_total(r);
    bool bad = total != r->counts[OUTCOME_OK], untimed = total != r->timed;
    code_put_uint(b, total << TOTAL_SHIFT | (bad ? NOT_ALL_OK : 0u) |
                         (untimed ? NOT_ALL_TIMED : 0u));
    for (int i = OUTCOME_OK + 1; i < OUTCOME_COUNT && bad; i++)
        code_put_uint(b, r->counts[i]);
    if (untimed)
        code_put_uint(b, r->timed);
    if (r->timed > 0)
        code_put_uint(b, (uint64_t)r->min_ns);
    if (r->timed > 1)
        code_put_uint(b, (uint64_t)r->max_ns - (uint64_t)r->min_ns);
    if (r->timed > EXACT) {
        code_put_uint(b, (uint64_t)r->sum_ns - r->timed * (uint64_t)r->min_ns);
        sketch_put(b, &r->sketch);
    }
}

void rollup_put(struct buf *b, enum resolution resolution, int64_t block_us,
                const struct rollup *items, size_t count)
{
    int64_t next_us = block_us;
    code_put_uint(b, ROLLUP_VERSION);
    for (size_t i = 0; i < count; i++) {
        int64_t skipped_us = items[i].from_us - next_us;
        code_put_uint(b, (uint64_t)(skipped_us / resolution_us(resolution)));
        put_period(b, &items[i]);
        next_us = items[i].from_us + resolution_us(resolution);
    }
}

static void get_times(struct code_reader *in, struct rollup *r)
{
    r->min_ns = r->timed > 0 ? (int64_t)code_uint(in) : 0;
    uint64_t span = r->timed > 1 ? code_uint(in) : 0;
    r->max_ns = (int64_t)((uint64_t)r->min_ns + span);
    if (r->timed > EXACT) {
        r->sum_ns = (int64_t)(code_uint(in) + r->timed * (uint64_t)r->min_ns);
        const unsigned char *from = in->at;
        if (in->bad || !sketch_get(&r->sketch, &from, in->left))
            in->bad = true;
        else
            code_take(in, (size_t)(from - in->at));
    } else if (r->timed > 0) {
        r->sum_ns = (int64_t)((uint64_t)r->min_ns * r->timed + span);
        sketch_add(&r->sketch, r->min_ns, 1);
        sketch_add(&r->sketch, r->max_ns, r->timed - 1);
    }
    if (r->min_ns < 0 || r->max_ns < r->min_ns)
        in->bad = true;
}

static void get_period(struct code_reader *in, struct rollup *r)
{
    uint64_t head = code_uint(in), total = head >> TOTAL_SHIFT, bad = 0;
    for (int i = OUTCOME_OK + 1; i < OUTCOME_COUNT && (head & NOT_ALL_OK); i++)
        bad += r->counts[i] = code_uint(in);
    r->counts[OUTCOME_OK] = total - bad;
    r->timed = head & NOT_ALL_TIMED ? code_uint(in) : total;
    if (bad > total || r->timed > total)
        in->bad = true;
    if (!in->bad)
        get_times(in, r);
}

/* Merges it; it lies on the set's own arena and may be taken as it is. */
static void adopt(struct rollup_set *set, const struct rollup *from)
{
    struct rollup *period = period_of(set, from->from_us);
    int64_t from_us = period->from_us;
    if (rollup_total(period) > 0) {
        rollup_sum(period, from);
        return;
    }
    *period = *from;
    period->from_us = from_us;
}

bool rollup_get(struct rollup_set *set, int64_t block_us, const void *bytes,
                size_t n)
{
    struct code_reader in = code_reader(bytes, n, set->arena);
    int64_t length_us = resolution_us(set->resolution), at_us = block_us;
    int64_t end_us = block_us + rollup_block_us(set->resolution);
    if (code_uint(&in) != ROLLUP_VERSION)
        return false;
    while (!in.bad && in.left > 0) {
        uint64_t skipped = code_uint(&in);
        if (skipped >= (uint64_t)((end_us - at_us) / length_us))
            return false;
        at_us += (int64_t)skipped * length_us;
        struct rollup r = {.from_us = at_us, .sketch.arena = set->arena};
        get_period(&in, &r);
        if (!in.bad)
            adopt(set, &r);
        at_us += length_us;
    }
    return !in.bad;
}

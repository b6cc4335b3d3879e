/* model/sketch.c: see sketch.h. */
#include "model/sketch.h"

#include <string.h>

enum {
    SUB_BITS = 5, /* 2^5 buckets an octave */
    SUBS = 1 << SUB_BITS,
    MOST_INDEX = SUBS * (64 - SUB_BITS)
};

/* --------------------------------------------------------------- buckets ---
 */

static uint32_t index_of(int64_t value)
{
    if (value < SUBS)
        return value < 0 ? 0 : (uint32_t)value;
    unsigned octave = 63 - (unsigned)__builtin_clzll((uint64_t)value);
    uint64_t sub = (uint64_t)value >> (octave - SUB_BITS);
    return SUBS * (octave - SUB_BITS) + (uint32_t)sub;
}

/* The middle of the bucket. */
static int64_t value_of(uint32_t index)
{
    if (index < 2 * SUBS)
        return index;
    unsigned shift = index / SUBS - 1;
    int64_t low = (int64_t)(SUBS + index % SUBS) << shift;
    return low + ((INT64_C(1) << shift) / 2);
}

/* Where the index is, or would be. */
static size_t place_of(const struct sketch *s, uint32_t index)
{
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (s->buckets[middle].index < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void reserve(struct sketch *s, size_t n)
{
    if (n <= s->cap)
        return;
    size_t cap = s->cap * 2 > n ? s->cap * 2 : n + 2;
    struct sketch_bucket *more = arena_alloc(s->arena, cap * sizeof *more);
    if (s->count > 0)
        memcpy(more, s->buckets, s->count * sizeof *more);
    s->buckets = more;
    s->cap = cap;
}

void sketch_add(struct sketch *s, int64_t value, uint64_t times)
{
    uint32_t index = index_of(value);
    size_t i = place_of(s, index);
    if (times == 0)
        return;
    if (i < s->count && s->buckets[i].index == index) {
        s->buckets[i].count += times;
        return;
    }
    reserve(s, s->count + 1);
    memmove(s->buckets + i + 1, s->buckets + i,
            (s->count - i) * sizeof *s->buckets);
    s->buckets[i] = (struct sketch_bucket){index, times};
    s->count++;
}

/* Those of which there is a bucket; returns how many there are not of. */
static size_t add_known(struct sketch *into, const struct sketch *from)
{
    size_t fresh = 0;
    for (size_t n = 0, at = 0; n < from->count; n++) {
        while (at < into->count &&
               into->buckets[at].index < from->buckets[n].index)
            at++;
        if (at < into->count &&
            into->buckets[at].index == from->buckets[n].index)
            into->buckets[at].count += from->buckets[n].count;
        else
            fresh++;
    }
    return fresh;
}

void sketch_merge(struct sketch *into, const struct sketch *from)
{
    if (into->count == 0 && from->count > 0) {
        reserve(into, from->count);
        memcpy(into->buckets, from->buckets,
               from->count * sizeof *into->buckets);
        into->count = from->count;
        return;
    }
    size_t fresh = add_known(into, from), i = into->count, k = from->count;
    if (fresh == 0)
        return;
    reserve(into, into->count + fresh);
    into->count += fresh;
    /* From the end, so that nothing is overwritten that is still needed. */
    for (size_t to = into->count; k > 0; to--) {
        const struct sketch_bucket *theirs = &from->buckets[k - 1];
        bool ours = i > 0 && into->buckets[i - 1].index >= theirs->index;
        bool both = ours && into->buckets[i - 1].index == theirs->index;
        into->buckets[to - 1] = ours ? into->buckets[i - 1] : *theirs;
        i -= ours;
        k -= !ours || both;
    }
}

uint64_t sketch_count(const struct sketch *s)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s->count; i++)
        n += s->buckets[i].count;
    return n;
}

int64_t sketch_percentile(const struct sketch *s, unsigned percent)
{
    uint64_t total = sketch_count(s), seen = 0;
    uint64_t rank = total / 100 * percent + (total % 100 * percent + 99) / 100;
    for (size_t i = 0; i < s->count; i++) {
        seen += s->buckets[i].count;
        if (seen >= rank)
            return value_of(s->buckets[i].index);
    }
    return s->count == 0 ? 0 : value_of(s->buckets[s->count - 1].index);
}

/* ---------------------------------------------------------------- packed ---
 */

static void put_uint(struct buf *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        buf_addc(b, (char)(v | 0x80));
    buf_addc(b, (char)v);
}

void sketch_put(struct buf *b, const struct sketch *s)
{
    uint64_t next = 0;
    put_uint(b, s->count);
    for (size_t i = 0; i < s->count; i++) {
        const struct sketch_bucket *k = &s->buckets[i];
        bool many = k->count > 1;
        put_uint(b, (k->index - next) << 1 | many);
        if (many)
            put_uint(b, k->count - 2);
        next = (uint64_t)k->index + 1;
    }
}

static bool get_uint(const unsigned char **at, const unsigned char *end,
                     uint64_t *v)
{
    *v = 0;
    for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
        unsigned char byte = *(*at)++;
        *v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

bool sketch_get(struct sketch *s, const unsigned char **bytes, size_t n)
{
    const unsigned char *end = *bytes + n;
    uint64_t count, distance, many, next = 0;
    if (!get_uint(bytes, end, &count) || count > MOST_INDEX)
        return false;
    reserve(s, count);
    for (s->count = 0; s->count < count; s->count++) {
        if (!get_uint(bytes, end, &distance))
            return false;
        many = 0;
        if ((distance & 1) != 0 &&
            (!get_uint(bytes, end, &many) || many > UINT32_MAX))
            return false;
        if ((distance >> 1) >= MOST_INDEX - next)
            return false;
        next += distance >> 1;
        s->buckets[s->count] = (struct sketch_bucket){
            (uint32_t)next, (distance & 1) != 0 ? many + 2 : 1};
        next++;
    }
    return true;
}

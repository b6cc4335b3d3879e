/* store/column.c: see column.h. */
#include "store/column.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { VIEWS = 3, LEAST_RUN = 1 };
enum coding { CODING_VARINT, CODING_BITS, CODING_RUNS, CODINGS };

/* One view of the column: `heads` numbers written first, then the rest. */
struct view {
    uint64_t *rest;
    size_t count;
    int64_t least;
    unsigned width; /* bits of the greatest above the least */
};

static void differences(uint64_t *v, size_t from, size_t count)
{
    for (size_t i = count; i-- > from;)
        v[i] -= v[i - 1];
}

static unsigned bit_width(uint64_t v)
{
    return v == 0 ? 0 : 64 - (unsigned)__builtin_clzll(v);
}

static void measure(struct view *v)
{
    int64_t least = 0, most = 0;
    for (size_t i = 0; i < v->count; i++) {
        int64_t x = (int64_t)v->rest[i];
        if (i == 0 || x < least)
            least = x;
        if (i == 0 || x > most)
            most = x;
    }
    v->least = least;
    v->width = bit_width((uint64_t)most - (uint64_t)least);
}

static size_t bits_bytes(size_t count, unsigned width)
{
    return (count * width + 7) / 8;
}

static size_t coded_length(const struct view *v, enum coding coding)
{
    size_t n = 0;
    if (coding == CODING_BITS)
        return code_uint_length(code_zigzag((uint64_t)v->least)) + 1 +
               bits_bytes(v->count, v->width);
    if (coding == CODING_VARINT) {
        for (size_t i = 0; i < v->count; i++)
            n += code_uint_length(code_zigzag(v->rest[i]));
        return n;
    }
    for (size_t i = 0, run; i < v->count; i += run) {
        for (run = 1; i + run < v->count && v->rest[i + run] == v->rest[i];)
            run++;
        n += code_uint_length(code_zigzag(v->rest[i])) + code_uint_length(run);
    }
    return n;
}

static void put_bits(struct buf *b, const struct view *v)
{
    code_put_int(b, v->least);
    buf_addc(b, (char)v->width);
    size_t bytes = bits_bytes(v->count, v->width), bit = 0;
    buf_reserve(b, bytes);
    unsigned char *out = (unsigned char *)b->data + b->len;
    memset(out, 0, bytes + 1);
    for (size_t i = 0; i < v->count; i++) {
        uint64_t x = v->rest[i] - (uint64_t)v->least;
        for (unsigned done = 0; done < v->width;) {
            unsigned shift = bit & 7;
            out[bit / 8] |= (unsigned char)(x >> done << shift);
            unsigned step = 8 - shift;
            if (step > v->width - done)
                step = v->width - done;
            done += step;
            bit += step;
        }
    }
    b->len += bytes;
}

static void put_coded(struct buf *b, const struct view *v, enum coding coding)
{
    if (coding == CODING_BITS) {
        put_bits(b, v);
        return;
    }
    for (size_t i = 0, run; i < v->count; i += run) {
        run = 1;
        if (coding == CODING_RUNS)
            while (i + run < v->count && v->rest[i + run] == v->rest[i])
                run++;
        code_put_uint(b, code_zigzag(v->rest[i]));
        if (coding == CODING_RUNS)
            code_put_uint(b, run);
    }
}

/* Makes the three views one after another in the same array, so it is gone
 * through twice: once to measure, once to write the best. */
static size_t make_view(struct view *v, uint64_t *work, const uint64_t *values,
                        size_t count, size_t heads)
{
    memcpy(work, values, count * sizeof *work);
    for (size_t i = 0; i < heads; i++)
        differences(work, i + 1, count);
    v->rest = work + heads;
    v->count = count - heads;
    measure(v);
    size_t n = 0;
    for (size_t i = 0; i < heads; i++)
        n += code_uint_length(code_zigzag(work[i]));
    return n;
}

void column_put(struct buf *b, const uint64_t *values, size_t count)
{
    uint64_t *work = xmalloc(count * sizeof *work);
    struct view v;
    size_t best = SIZE_MAX, best_heads = 0;
    enum coding best_coding = CODING_VARINT;
    for (size_t heads = 0; heads < VIEWS && heads <= count; heads++) {
        size_t head_bytes = make_view(&v, work, values, count, heads);
        for (int c = 0; c < CODINGS; c++) {
            size_t n = head_bytes + coded_length(&v, (enum coding)c);
            if (n >= best)
                continue;
            best = n;
            best_heads = heads;
            best_coding = (enum coding)c;
        }
    }
    make_view(&v, work, values, count, best_heads);
    buf_addc(b, (char)(best_heads | (unsigned)best_coding << 2));
    for (size_t i = 0; i < best_heads; i++)
        code_put_uint(b, code_zigzag(work[i]));
    put_coded(b, &v, best_coding);
    free(work);
}

static void get_bits(struct code_reader *r, uint64_t *out, size_t count)
{
    uint64_t least = (uint64_t)code_int(r);
    const unsigned char *p = code_take(r, 1);
    unsigned width = p == NULL ? 0 : *p;
    if (width > 64)
        r->bad = true;
    const unsigned char *in = code_take(r, bits_bytes(count, width));
    if (in == NULL)
        return;
    size_t bit = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t x = 0;
        for (unsigned done = 0; done < width;) {
            unsigned shift = bit & 7, step = 8 - shift;
            if (step > width - done)
                step = width - done;
            uint64_t part = (uint64_t)(in[bit / 8] >> shift);
            x |= (part & ((1u << step) - 1)) << done;
            done += step;
            bit += step;
        }
        out[i] = x + least;
    }
}

static void get_runs(struct code_reader *r, uint64_t *out, size_t count)
{
    for (size_t i = 0; i < count && !r->bad;) {
        uint64_t v = code_unzigzag(code_uint(r)), run = code_uint(r);
        if (run < LEAST_RUN || run > count - i) {
            r->bad = true;
            return;
        }
        while (run-- > 0)
            out[i++] = v;
    }
}

uint64_t *column_get(struct code_reader *r, size_t count)
{
    uint64_t *v = arena_alloc(r->arena, count * sizeof *v);
    const unsigned char *p = code_take(r, 1);
    size_t heads = p == NULL ? 0 : *p & 3;
    unsigned coding = p == NULL ? 0 : *p >> 2;
    if (p == NULL || heads >= VIEWS || heads > count || coding >= CODINGS) {
        r->bad = true;
        return v;
    }
    for (size_t i = 0; i < heads; i++)
        v[i] = code_unzigzag(code_uint(r));
    if (coding == CODING_BITS)
        get_bits(r, v + heads, count - heads);
    else if (coding == CODING_RUNS)
        get_runs(r, v + heads, count - heads);
    else
        for (size_t i = heads; i < count; i++)
            v[i] = code_unzigzag(code_uint(r));
    for (size_t h = heads; h-- > 0;)
        for (size_t i = h + 1; i < count; i++)
            v[i] += v[i - 1];
    return v;
}

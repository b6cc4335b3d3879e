/* store/chunk.c: many samples of one check as one block of bytes.
 *
 *   version, last − first started_us
 *   columns: started_us, started_ns − 1000·started_us, duration_ns, probe,
 *            generation, bits (outcome, purpose, has_detail, flags)
 *   shapes:  which observations (name, key, type) a sample has; most chunks
 *            have one; a column says which sample has which
 *   texts:   every text value once
 *   for each shape and each of its observations a column of its values: the
 *            number's bits, or the text's place in the list
 *
 * Bodies are never recorded, so a text's length fits a chunk. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "store/code.h"
#include "store/column.h"
#include "store/sample.h"

enum {
    CHUNK_VERSION = 1,
    MOST_VALUES = 1 << 22 /* in a chunk: more is not what we wrote */
};
enum { PURPOSE_SHIFT = 2, DETAIL_SHIFT = 6, FLAGS_SHIFT = 7 };

_Static_assert(OUTCOME_COUNT <= 4 && PURPOSE_COUNT <= 16, "bits of a sample");

struct text {
    const char *s;
    size_t n;
    uint64_t hash;
};

struct packer {
    struct buf *out;
    const struct sample *samples;
    size_t count;
    uint64_t *column; /* of count numbers */
    uint64_t *shape_of;
    const struct sample **shapes; /* one that has it, each */
    size_t shape_count, shape_cap;
    struct text *texts;
    size_t text_count, text_cap;
};

static uint64_t bits_of(const struct sample *s)
{
    return (uint64_t)s->outcome | (uint64_t)s->purpose << PURPOSE_SHIFT |
           (uint64_t)s->has_detail << DETAIL_SHIFT |
           (uint64_t)s->flags << FLAGS_SHIFT;
}

static uint64_t clock_offset(const struct sample *s)
{
    return (uint64_t)s->started_ns - (uint64_t)s->started_us * 1000;
}

static void put_numbers(struct packer *p)
{
#define COLUMN(expression)                           \
    do {                                             \
        for (size_t i = 0; i < p->count; i++) {      \
            const struct sample *s = &p->samples[i]; \
            p->column[i] = (uint64_t)(expression);   \
        }                                            \
        column_put(p->out, p->column, p->count);     \
    } while (0)
    COLUMN(s->started_us);
    COLUMN(clock_offset(s));
    COLUMN(s->duration_ns);
    COLUMN(s->probe);
    COLUMN(s->generation);
    COLUMN(bits_of(s));
#undef COLUMN
}

static bool same_shape(const struct sample *a, const struct sample *b)
{
    if (a->observation_count != b->observation_count)
        return false;
    for (size_t i = 0; i < a->observation_count; i++) {
        const struct observation *x = &a->observations[i];
        const struct observation *y = &b->observations[i];
        if (x->value.type != y->value.type || !str_eq(x->name, y->name) ||
            !str_eq(x->key, y->key))
            return false;
    }
    return true;
}

static void find_shapes(struct packer *p)
{
    for (size_t i = 0; i < p->count; i++) {
        size_t k = p->shape_count;
        while (k > 0 && !same_shape(p->shapes[k - 1], &p->samples[i]))
            k--;
        if (k == 0) {
            p->shapes = xgrow(p->shapes, p->shape_count, &p->shape_cap,
                              sizeof *p->shapes);
            p->shapes[p->shape_count++] = &p->samples[i];
            k = p->shape_count;
        }
        p->shape_of[i] = k - 1;
    }
}

static void put_shapes(struct packer *p)
{
    code_put_uint(p->out, p->shape_count);
    for (size_t k = 0; k < p->shape_count; k++) {
        const struct sample *s = p->shapes[k];
        code_put_uint(p->out, s->observation_count);
        for (size_t i = 0; i < s->observation_count; i++) {
            code_put_text(p->out, s->observations[i].name);
            code_put_text(p->out, s->observations[i].key);
            code_put_uint(p->out, s->observations[i].value.type);
        }
    }
    column_put(p->out, p->shape_of, p->count);
}

static size_t text_index(struct packer *p, const struct rlv_value *v)
{
    uint64_t hash = str_hash(v->as.s, v->len);
    for (size_t i = p->text_count; i-- > 0;) {
        const struct text *t = &p->texts[i];
        if (t->hash == hash && t->n == v->len &&
            memcmp(t->s, v->as.s, v->len) == 0)
            return i;
    }
    p->texts = xgrow(p->texts, p->text_count, &p->text_cap, sizeof *p->texts);
    p->texts[p->text_count] = (struct text){v->as.s, v->len, hash};
    return p->text_count++;
}

/* The values of one observation over the samples of one shape. */
static void put_values(struct packer *p, size_t shape, size_t slot,
                       struct buf *out)
{
    size_t n = 0;
    for (size_t i = 0; i < p->count; i++) {
        if (p->shape_of[i] != shape)
            continue;
        const struct rlv_value *v = &p->samples[i].observations[slot].value;
        p->column[n++] =
            code_is_text(v->type) ? text_index(p, v) : code_value_bits(v);
    }
    column_put(out, p->column, n);
}

void chunk_put(struct buf *out, const struct sample *samples, size_t count)
{
    struct packer p = {.out = out, .samples = samples, .count = count};
    p.column = xmalloc(count * sizeof *p.column);
    p.shape_of = xmalloc(count * sizeof *p.shape_of);
    code_put_uint(out, CHUNK_VERSION);
    code_put_uint(out, (uint64_t)samples[count - 1].started_us -
                           (uint64_t)samples[0].started_us);
    put_numbers(&p);
    find_shapes(&p);
    put_shapes(&p);
    struct buf values = {0};
    for (size_t k = 0; k < p.shape_count; k++)
        for (size_t i = 0; i < p.shapes[k]->observation_count; i++)
            put_values(&p, k, i, &values);
    code_put_uint(out, p.text_count);
    for (size_t i = 0; i < p.text_count; i++)
        code_put_bytes(out, p.texts[i].s, p.texts[i].n);
    buf_add(out, values.data, values.len);
    buf_free(&values);
    free(p.texts);
    free(p.shapes);
    free(p.shape_of);
    free(p.column);
}

bool chunk_end(const void *bytes, size_t n, int64_t first_us, int64_t *last_us)
{
    struct code_reader r = code_reader(bytes, n, NULL);
    bool known = code_uint(&r) == CHUNK_VERSION;
    *last_us = (int64_t)((uint64_t)first_us + code_uint(&r));
    return known && !r.bad;
}

/* ------------------------------------------------------------- reading --- */

static void get_numbers(struct code_reader *r, struct sample *s, size_t count)
{
    const uint64_t *started = column_get(r, count);
    const uint64_t *offset = column_get(r, count);
    const uint64_t *duration = column_get(r, count);
    const uint64_t *probe = column_get(r, count);
    const uint64_t *generation = column_get(r, count);
    const uint64_t *bits = column_get(r, count);
    for (size_t i = 0; i < count; i++) {
        s[i].started_us = (int64_t)started[i];
        s[i].started_ns = (int64_t)(offset[i] + started[i] * 1000);
        s[i].duration_ns = (int64_t)duration[i];
        s[i].probe = probe[i];
        s[i].generation = (uint32_t)generation[i];
        s[i].outcome = (enum outcome)(bits[i] & 3);
        uint64_t purpose = bits[i] >> PURPOSE_SHIFT & 15;
        if (purpose >= PURPOSE_COUNT)
            r->bad = true;
        s[i].purpose = (enum purpose)(purpose % PURPOSE_COUNT);
        s[i].has_detail = (bits[i] >> DETAIL_SHIFT & 1) != 0;
        s[i].flags = (uint32_t)(bits[i] >> FLAGS_SHIFT);
    }
}

struct shape {
    struct observation *fields; /* without values */
    size_t count, samples;
};

static struct shape *get_shapes(struct code_reader *r, size_t *count)
{
    *count = code_count(r);
    struct shape *shapes = arena_alloc(r->arena, *count * sizeof *shapes);
    for (size_t k = 0; k < *count && !r->bad; k++) {
        size_t n = code_count(r);
        shapes[k].fields =
            arena_alloc(r->arena, n * sizeof(struct observation));
        shapes[k].count = n;
        for (size_t i = 0; i < n; i++) {
            struct observation *o = &shapes[k].fields[i];
            o->name = code_text_or_empty(r);
            o->key = code_text(r);
            o->value.type = (uint32_t)code_uint(r);
            o->recorded = true;
            if (o->value.type == 0 || o->value.type > RLV_T_ANY)
                r->bad = true;
        }
    }
    return shapes;
}

/* Gives each sample its observations, still without values. */
static const uint64_t *get_shape_column(struct code_reader *r,
                                        struct sample *samples, size_t count,
                                        struct shape *shapes,
                                        size_t shape_count)
{
    const uint64_t *of = column_get(r, count);
    size_t values = 0;
    for (size_t i = 0; i < count && !r->bad; i++) {
        if (of[i] >= shape_count ||
            (values += shapes[of[i]].count) > MOST_VALUES) {
            r->bad = true;
            break;
        }
        struct shape *shape = &shapes[of[i]];
        shape->samples++;
        samples[i].observations = arena_memdup(
            r->arena, shape->fields, shape->count * sizeof *shape->fields);
        samples[i].observation_count = shape->count;
    }
    return of;
}

static struct rlv_value *get_texts(struct code_reader *r, size_t *count)
{
    *count = code_count(r);
    struct rlv_value *texts = arena_alloc(r->arena, *count * sizeof *texts);
    for (size_t i = 0; i < *count && !r->bad; i++) {
        size_t n;
        texts[i].as.s = code_bytes(r, &n);
        texts[i].len = (uint32_t)n;
    }
    return texts;
}

static struct rlv_value value_at(struct code_reader *r, uint32_t type,
                                 uint64_t bits, const struct rlv_value *texts,
                                 size_t text_count)
{
    if (!code_is_text(type))
        return code_value_from_bits(type, bits);
    if (bits >= text_count) {
        r->bad = true;
        return rlv_text("");
    }
    struct rlv_value v = texts[bits];
    v.type = type;
    return v;
}

bool chunk_get(const void *bytes, size_t n, size_t count, struct arena *a,
               struct sample **out)
{
    struct code_reader r = code_reader(bytes, n, a);
    if (code_uint(&r) != CHUNK_VERSION || count == 0 || count > CHUNK_MOST)
        return false;
    code_uint(&r);
    struct sample *samples = arena_alloc(a, count * sizeof *samples);
    size_t shape_count, text_count;
    get_numbers(&r, samples, count);
    struct shape *shapes = get_shapes(&r, &shape_count);
    const uint64_t *of =
        get_shape_column(&r, samples, count, shapes, shape_count);
    const struct rlv_value *texts = get_texts(&r, &text_count);
    for (size_t k = 0; k < shape_count && !r.bad; k++)
        for (size_t slot = 0; slot < shapes[k].count && !r.bad; slot++) {
            const uint64_t *v = column_get(&r, shapes[k].samples);
            for (size_t i = 0; i < count; i++)
                if (of[i] == k) {
                    struct rlv_value *value =
                        &samples[i].observations[slot].value;
                    *value = value_at(&r, value->type, *v++, texts, text_count);
                }
        }
    *out = samples;
    return !r.bad && r.left == 0;
}

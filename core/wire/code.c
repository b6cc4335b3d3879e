/* wire/code.c: see code.h. */
#include "wire/code.h"

#include <string.h>

static void put_le(struct buf *b, uint64_t v, size_t bytes)
{
    unsigned char out[8];
    for (size_t i = 0; i < bytes; i++)
        out[i] = (unsigned char)(v >> (8 * i));
    buf_add(b, out, bytes);
}

void wire_put_u8(struct buf *b, uint8_t v) { put_le(b, v, 1); }
void wire_put_u16(struct buf *b, uint16_t v) { put_le(b, v, 2); }
void wire_put_u32(struct buf *b, uint32_t v) { put_le(b, v, 4); }
void wire_put_u64(struct buf *b, uint64_t v) { put_le(b, v, 8); }
void wire_put_i64(struct buf *b, int64_t v) { put_le(b, (uint64_t)v, 8); }

void wire_put_f64(struct buf *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    put_le(b, bits, 8);
}

void wire_put_bytes(struct buf *b, const void *bytes, size_t n)
{
    wire_put_u32(b, (uint32_t)n);
    buf_add(b, bytes, n);
}

#define NULL_TEXT UINT32_MAX

void wire_put_text(struct buf *b, const char *s)
{
    if (s == NULL)
        wire_put_u32(b, NULL_TEXT);
    else
        wire_put_bytes(b, s, strlen(s));
}

static bool is_text(uint32_t type)
{
    return type == RLV_T_TEXT || type == RLV_T_BODY;
}

void wire_put_value(struct buf *b, const struct rlv_value *v)
{
    wire_put_u8(b, (uint8_t)v->type);
    if (is_text(v->type))
        wire_put_bytes(b, v->as.s, v->len);
    else if (v->type == RLV_T_REAL || v->type == RLV_T_PERCENT)
        wire_put_f64(b, v->as.d);
    else
        wire_put_i64(b, v->as.i);
}

void wire_put_list(struct buf *b, const struct rlv_list *list)
{
    wire_put_u32(b, (uint32_t)list->count);
    for (size_t i = 0; i < list->count; i++)
        wire_put_text(b, list->items[i]);
}

struct wire_reader wire_reader(const void *bytes, size_t n, struct arena *a)
{
    return (struct wire_reader){bytes, n, false, a};
}

/* The next n bytes, or NULL with the reader marked bad. */
static const unsigned char *take(struct wire_reader *r, size_t n)
{
    if (r->bad || n > r->left) {
        r->bad = true;
        return NULL;
    }
    const unsigned char *p = r->at;
    r->at += n;
    r->left -= n;
    return p;
}

static uint64_t get_le(struct wire_reader *r, size_t bytes)
{
    const unsigned char *p = take(r, bytes);
    uint64_t v = 0;
    for (size_t i = 0; p != NULL && i < bytes; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

uint8_t wire_u8(struct wire_reader *r) { return (uint8_t)get_le(r, 1); }
uint16_t wire_u16(struct wire_reader *r) { return (uint16_t)get_le(r, 2); }
uint32_t wire_u32(struct wire_reader *r) { return (uint32_t)get_le(r, 4); }
uint64_t wire_u64(struct wire_reader *r) { return get_le(r, 8); }
int64_t wire_i64(struct wire_reader *r) { return (int64_t)get_le(r, 8); }

double wire_f64(struct wire_reader *r)
{
    uint64_t bits = get_le(r, 8);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static const char *copy_out(struct wire_reader *r, size_t n)
{
    const unsigned char *p = take(r, n);
    return p == NULL ? "" : arena_strndup(r->arena, (const char *)p, n);
}

const char *wire_bytes(struct wire_reader *r, size_t *n)
{
    uint32_t len = wire_u32(r);
    const char *bytes = copy_out(r, len);
    *n = r->bad ? 0 : len;
    return bytes;
}

const char *wire_text(struct wire_reader *r)
{
    uint32_t len = wire_u32(r);
    if (len == NULL_TEXT)
        return NULL;
    const char *text = copy_out(r, len);
    if (!r->bad && strlen(text) != len)
        r->bad = true; /* a text has no NUL inside */
    return text;
}

const char *wire_text_or(struct wire_reader *r, const char *fallback)
{
    const char *text = wire_text(r);
    return text != NULL ? text : fallback;
}

struct rlv_value wire_value(struct wire_reader *r)
{
    struct rlv_value v = {0};
    v.type = wire_u8(r);
    if (v.type < RLV_T_BOOL || v.type > RLV_T_BODY)
        r->bad = true;
    if (is_text(v.type)) {
        size_t n;
        v.as.s = wire_bytes(r, &n);
        v.len = (uint32_t)n;
    } else if (v.type == RLV_T_REAL || v.type == RLV_T_PERCENT) {
        v.as.d = wire_f64(r);
    } else {
        v.as.i = wire_i64(r);
    }
    return v;
}

struct rlv_list wire_list(struct wire_reader *r)
{
    uint32_t n = wire_count(r, 4);
    const char **items = arena_alloc(r->arena, n * sizeof *items);
    for (uint32_t i = 0; i < n; i++)
        items[i] = wire_text_or(r, "");
    return (struct rlv_list){items, n};
}

void wire_put_dict(struct buf *b, const struct rlv_dict *d)
{
    wire_put_u32(b, (uint32_t)d->count);
    for (size_t i = 0; i < d->count; i++) {
        wire_put_text(b, d->pairs[i].key);
        wire_put_text(b, d->pairs[i].value);
    }
}

struct rlv_dict wire_dict(struct wire_reader *r)
{
    uint32_t n = wire_count(r, 8);
    struct rlv_pair *pairs = arena_alloc(r->arena, n * sizeof *pairs);
    for (uint32_t i = 0; i < n; i++) {
        pairs[i].key = wire_text_or(r, "");
        pairs[i].value = wire_text_or(r, "");
    }
    return (struct rlv_dict){pairs, n};
}

uint32_t wire_count(struct wire_reader *r, size_t least)
{
    uint32_t n = wire_u32(r);
    if (r->bad || n > r->left / least) {
        r->bad = true;
        return 0;
    }
    return n;
}

bool wire_done(const struct wire_reader *r) { return !r->bad && r->left == 0; }

/* store/code.c: see code.h. */
#include "store/code.h"

#include <string.h>

size_t code_uint_length(uint64_t v)
{
    size_t n = 1;
    while (v >= 0x80) {
        v >>= 7;
        n++;
    }
    return n;
}

void code_put_uint(struct buf *b, uint64_t v)
{
    unsigned char out[CODE_VARINT];
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        out[n++] = (unsigned char)(v | 0x80);
    out[n++] = (unsigned char)v;
    buf_add(b, out, n);
}

void code_put_int(struct buf *b, int64_t v)
{
    code_put_uint(b, code_zigzag((uint64_t)v));
}

void code_put_bytes(struct buf *b, const void *bytes, size_t n)
{
    code_put_uint(b, n);
    buf_add(b, bytes, n);
}

void code_put_text(struct buf *b, const char *s)
{
    if (s == NULL) {
        code_put_uint(b, 0);
        return;
    }
    size_t n = strlen(s);
    code_put_uint(b, n + 1);
    buf_add(b, s, n);
}

struct code_reader code_reader(const void *bytes, size_t n, struct arena *a)
{
    return (struct code_reader){bytes, n, false, a};
}

const unsigned char *code_take(struct code_reader *r, size_t n)
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

uint64_t code_uint(struct code_reader *r)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        const unsigned char *p = code_take(r, 1);
        if (p == NULL)
            return 0;
        v |= (uint64_t)(*p & 0x7f) << shift;
        if (*p < 0x80)
            return v;
    }
    r->bad = true;
    return 0;
}

int64_t code_int(struct code_reader *r)
{
    return (int64_t)code_unzigzag(code_uint(r));
}

const char *code_bytes(struct code_reader *r, size_t *n)
{
    size_t length = code_uint(r);
    const unsigned char *p = code_take(r, length);
    *n = p == NULL ? 0 : length;
    return arena_strndup(r->arena, p == NULL ? "" : (const char *)p, *n);
}

const char *code_text(struct code_reader *r)
{
    size_t length = code_uint(r);
    if (length == 0)
        return NULL;
    const unsigned char *p = code_take(r, length - 1);
    return p == NULL ? NULL
                     : arena_strndup(r->arena, (const char *)p, length - 1);
}

const char *code_text_or_empty(struct code_reader *r)
{
    const char *s = code_text(r);
    return s == NULL ? "" : s;
}

size_t code_count(struct code_reader *r)
{
    size_t n = code_uint(r);
    if (n > r->left) {
        r->bad = true;
        return 0;
    }
    return n;
}

bool code_is_text(uint32_t type)
{
    return type == RLV_T_TEXT || type == RLV_T_BODY;
}

static bool is_real(uint32_t type)
{
    return type == RLV_T_REAL || type == RLV_T_PERCENT;
}

uint64_t code_value_bits(const struct rlv_value *v)
{
    uint64_t bits = (uint64_t)v->as.i;
    if (is_real(v->type))
        memcpy(&bits, &v->as.d, sizeof bits);
    return bits;
}

struct rlv_value code_value_from_bits(uint32_t type, uint64_t bits)
{
    struct rlv_value v = {.type = type};
    if (is_real(type))
        memcpy(&v.as.d, &bits, sizeof bits);
    else
        v.as.i = (int64_t)bits;
    return v;
}

void code_put_value(struct buf *b, const struct rlv_value *v)
{
    code_put_uint(b, v->type);
    if (code_is_text(v->type))
        code_put_bytes(b, v->as.s, v->len);
    else
        code_put_uint(b, code_zigzag(code_value_bits(v)));
}

struct rlv_value code_value(struct code_reader *r)
{
    uint64_t type = code_uint(r);
    if (type == 0 || type > RLV_T_ANY) {
        r->bad = true;
        return rlv_text("");
    }
    if (!code_is_text((uint32_t)type))
        return code_value_from_bits((uint32_t)type,
                                    code_unzigzag(code_uint(r)));
    size_t n;
    struct rlv_value v = {.type = (uint32_t)type};
    v.as.s = code_bytes(r, &n);
    v.len = (uint32_t)n;
    return v;
}

/* store/code.h: values as few bytes: varints (LEB128), signed ones zigzag
 * first, bytes after their length. The bytes of `detail` and `chunk` are made
 * of these. Reading never goes past the end: the first field that does not fit
 * marks the reader bad and reads as zero from then on, so a decoder looks once
 * at its end. */
#ifndef RELEVO_STORE_CODE_H
#define RELEVO_STORE_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/mem.h"
#include "relevo/plugin.h"

#define CODE_VARINT 10 /* bytes at most */

static inline uint64_t code_zigzag(uint64_t v)
{
    return (v << 1) ^ (0 - (v >> 63));
}
static inline uint64_t code_unzigzag(uint64_t z)
{
    return (z >> 1) ^ (0 - (z & 1));
}

size_t code_uint_length(uint64_t);
void code_put_uint(struct buf *, uint64_t);
void code_put_int(struct buf *, int64_t);
void code_put_bytes(struct buf *, const void *, size_t n);
void code_put_text(struct buf *, const char *); /* NULL stays NULL */

struct code_reader {
    const unsigned char *at;
    size_t left;
    bool bad;
    struct arena *arena; /* owns what is read out */
};

struct code_reader code_reader(const void *bytes, size_t n, struct arena *);
uint64_t code_uint(struct code_reader *);
int64_t code_int(struct code_reader *);
const char *code_bytes(struct code_reader *, size_t *n); /* NUL behind it */
const char *code_text(struct code_reader *);             /* may be NULL */
const char *code_text_or_empty(struct code_reader *);
/* The next n bytes in place, or NULL. */
const unsigned char *code_take(struct code_reader *, size_t n);
/* A count of elements of at least one byte each, else bad. */
size_t code_count(struct code_reader *);

bool code_is_text(uint32_t type);
/* The eight bytes of a number, whatever its type. */
uint64_t code_value_bits(const struct rlv_value *);
struct rlv_value code_value_from_bits(uint32_t type, uint64_t bits);
void code_put_value(struct buf *, const struct rlv_value *);
struct rlv_value code_value(struct code_reader *);

#endif

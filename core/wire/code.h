/* wire/code.h: values as bytes, field by field, little endian.
 *
 * Writing appends to a buf. Reading never goes past the end: the first field
 * that does not fit marks the reader bad and reads as zero from then on, so a
 * decoder checks once, at its end (wire_done). */
#ifndef RELEVO_WIRE_CODE_H
#define RELEVO_WIRE_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/mem.h"
#include "relevo/plugin.h"

void wire_put_u8(struct buf *, uint8_t);
void wire_put_u16(struct buf *, uint16_t);
void wire_put_u32(struct buf *, uint32_t);
void wire_put_u64(struct buf *, uint64_t);
void wire_put_i64(struct buf *, int64_t);
void wire_put_f64(struct buf *, double);
void wire_put_bytes(struct buf *, const void *, size_t n); /* length first */
void wire_put_text(struct buf *, const char *);            /* NULL stays NULL */
void wire_put_value(struct buf *, const struct rlv_value *);
void wire_put_list(struct buf *, const struct rlv_list *);
void wire_put_dict(struct buf *, const struct rlv_dict *);

struct wire_reader {
    const unsigned char *at;
    size_t left;
    bool bad;
    struct arena *arena; /* owns what is read out; may be NULL for numbers */
};

struct wire_reader wire_reader(const void *bytes, size_t n, struct arena *);
uint8_t wire_u8(struct wire_reader *);
uint16_t wire_u16(struct wire_reader *);
uint32_t wire_u32(struct wire_reader *);
uint64_t wire_u64(struct wire_reader *);
int64_t wire_i64(struct wire_reader *);
double wire_f64(struct wire_reader *);
const char *wire_bytes(struct wire_reader *, size_t *n); /* NUL-ended copy */
const char *wire_text(struct wire_reader *);             /* may be NULL */
const char *wire_text_or(struct wire_reader *, const char *fallback);
struct rlv_value wire_value(struct wire_reader *);
struct rlv_list wire_list(struct wire_reader *);
struct rlv_dict wire_dict(struct wire_reader *);
/* A count of elements that take at least `least` bytes each, else bad. */
uint32_t wire_count(struct wire_reader *, size_t least);
/* Everything was read, and nothing was missing. */
bool wire_done(const struct wire_reader *);

#endif

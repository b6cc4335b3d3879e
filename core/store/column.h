/* store/column.h: a column of 64-bit numbers in few bytes.
 *
 * Three views of the numbers (as they are, differences, differences of
 * differences; all modulo 2^64, so that nothing overflows) times three codings
 * (varints, bits of one width above the least, runs): the shortest of the nine
 * is written, after one byte that names it. */
#ifndef RELEVO_STORE_COLUMN_H
#define RELEVO_STORE_COLUMN_H

#include <stddef.h>
#include <stdint.h>

#include "store/code.h"

/* count is not written: the reader must know it. */
void column_put(struct buf *, const uint64_t *values, size_t count);
/* An array on the reader's arena; all zero when the reader turns bad. */
uint64_t *column_get(struct code_reader *, size_t count);

#endif

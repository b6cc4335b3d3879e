/* model/sketch.h: many durations as one small histogram: counts in buckets of
 * logarithmic width, from which any percentile is read with a known error, and
 * which are merged by addition. Used by the store's rollups.
 *
 * Each octave has 32 buckets of one width and a value reads as the middle of
 * its bucket: at most 1/64, 1.6 %, from what it was; values below 64 are exact.
 * The bucket layout is HdrHistogram's (G. Tene, hdrhistogram.org), the promise
 * of a relative error and the merging are DDSketch's (Masson, Rim, Lee:
 * "DDSketch", PVLDB 12, 2019).
 *
 * Packed: the number of buckets, then for each the distance from the one before
 * and its count, as varints (LEB128), a count of one in the distance's lowest
 * bit. */
#ifndef RELEVO_MODEL_SKETCH_H
#define RELEVO_MODEL_SKETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/mem.h"

#define SKETCH_ERROR (1.0 / 64) /* relative, of a percentile */

struct sketch_bucket {
    uint32_t index;
    uint64_t count; /* never 0 */
};

struct sketch {
    struct sketch_bucket *buckets; /* by index, ascending; on the arena */
    size_t count, cap;
    struct arena *arena; /* of the caller; set it, the rest is zero to begin */
};

/* A negative value counts as 0. times 0 adds nothing. */
void sketch_add(struct sketch *, int64_t value, uint64_t times);
void sketch_merge(struct sketch *into, const struct sketch *from);
uint64_t sketch_count(const struct sketch *);
/* The smallest value that at least so many of a hundred do not exceed; 0 for
 * an empty one. */
int64_t sketch_percentile(const struct sketch *, unsigned percent);

void sketch_put(struct buf *, const struct sketch *);
/* From n bytes at *bytes on, into an empty sketch; *bytes moves behind it.
 * false: that is no sketch. */
bool sketch_get(struct sketch *, const unsigned char **bytes,
                size_t n) MUST_CHECK;

#endif

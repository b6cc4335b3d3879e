/* store/sample.h: a result in the form that `hot` and `chunk` hold, and what
 * goes beside it into `detail`. Used by the writer and by readers. */
#ifndef RELEVO_STORE_SAMPLE_H
#define RELEVO_STORE_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/result.h"

struct sample {
    int64_t started_us, started_ns, duration_ns;
    uint64_t probe;
    uint32_t generation;
    uint32_t flags;
    enum outcome outcome;
    enum purpose purpose;
    bool has_detail;                  /* a row of `detail` belongs to it */
    struct observation *observations; /* the recorded ones */
    size_t observation_count;
};

/* The numbers of a result; its observations stay the result's own, all of
 * them: sample_put_observations picks the recorded ones. */
struct sample sample_of(const struct result *);
/* Appends nothing when none is recorded. */
void sample_put_observations(struct buf *, const struct result *);
bool sample_get_observations(struct sample *, const void *, size_t n,
                             struct arena *) MUST_CHECK;
/* A result on the arena (its own arena is NULL). */
struct result *sample_result(const struct sample *, uint16_t node,
                             uint32_t check, struct arena *);

/* Phases, all observations, lines. */
void detail_put(struct buf *, const struct result *);
bool detail_get(struct result *, const void *, size_t n,
                struct arena *) MUST_CHECK;
void detail_put_evidence(struct buf *, const struct result *);
bool detail_get_evidence(struct result *, const void *, size_t n,
                         struct arena *) MUST_CHECK;

#define CHUNK_MOST 65536
/* Samples of one check in order of time as one block of bytes: 1 to
 * CHUNK_MOST of them. */
void chunk_put(struct buf *, const struct sample *, size_t count);
/* started_us of the last sample. */
bool chunk_end(const void *, size_t n, int64_t first_us,
               int64_t *last_us) MUST_CHECK;
/* false: the bytes are not a chunk of that many samples. */
bool chunk_get(const void *, size_t n, size_t count, struct arena *,
               struct sample **) MUST_CHECK;

#endif

/* runner/capture.h: one of a script's outputs: read to the end, so that the
 * script never blocks, redacted, and kept up to a cap: the first quarter of it
 * and the last three. Used by the keeper. */
#ifndef RELEVO_RUNNER_CAPTURE_H
#define RELEVO_RUNNER_CAPTURE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/redact.h"

struct capture {
    /* private */
    struct redact_stream redaction;
    struct buf clean; /* redacted, about to be kept */
    struct buf head;
    char *tail; /* a ring */
    size_t head_cap, tail_cap;
    uint64_t total; /* bytes after redaction */
};

void capture_init(struct capture *, size_t cap, const struct redact *);
void capture_add(struct capture *, const char *bytes, size_t n);
/* Ends it. What was kept as a JSON string (a new reference), with a line where
 * bytes are missing, and their number. Frees what it held. */
json_t *capture_end(struct capture *, uint64_t *dropped) MUST_CHECK;

/* A JSON string of any bytes: what is not UTF-8, and NUL, as U+FFFD. */
json_t *capture_string(const char *bytes, size_t n) MUST_CHECK;

#endif

/* base/human.h: durations, sizes and percentages as people write them.
 *
 * Parsing names what is wrong and suggests; printing is what parsing accepts.
 */
#ifndef RELEVO_BASE_HUMAN_H
#define RELEVO_BASE_HUMAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

#define HUMAN_TEXT 40

/* "250ms", "30s", "5m", "1h30m", "14d", "2w"; units us ms s m h d w; a bare
 * "0" is fine, any other bare number is not. Never negative. Nanoseconds. */
bool human_parse_duration(const char *text, int64_t *ns,
                          struct err *) MUST_CHECK;
/* "512", "4KiB", "1MiB", "2GB" (powers of ten for KB MB GB). Bytes. */
bool human_parse_size(const char *text, int64_t *bytes,
                      struct err *) MUST_CHECK;

/* The multiplier of a unit for the expression language, or false: duration
 * units to nanoseconds, size units to bytes. */
bool human_duration_unit(const char *unit, size_t n, int64_t *ns);
bool human_size_unit(const char *unit, size_t n, int64_t *bytes);

/* Exact where short ("1m30s", "250ms"), else three digits ("1.23ms"). */
const char *human_duration(int64_t ns, char out[HUMAN_TEXT]);
/* For people who wait: "14.2s", "3m 5s", "2h 10m", "5d 3h". */
const char *human_elapsed(int64_t ns, char out[HUMAN_TEXT]);
const char *human_size(int64_t bytes, char out[HUMAN_TEXT]);
/* "1 check", "4 checks", of a word whose plural takes an s. */
const char *human_count(uint64_t n, const char *what, char out[HUMAN_TEXT]);

#endif

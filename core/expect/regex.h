/* expect/regex.h: a compiled pattern whose work is bounded.
 *
 * PCRE2 with limits on steps, depth and memory, so that neither a careless
 * pattern nor a hostile answer can hold up a worker. */
#ifndef RELEVO_EXPECT_REGEX_H
#define RELEVO_EXPECT_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct regex;

/* NULL with *offset (into the pattern) and why, in PCRE2's words. */
struct regex *regex_compile(const char *pattern, size_t n, bool nocase,
                            size_t *offset, char *why, size_t size);
void regex_free(struct regex *); /* NULL is fine */

/* 1: matches, 0: does not, -1: gave up (*err says why). Bytes that are not
 * UTF-8 match nothing and hinder nothing. */
int regex_match(const struct regex *, const char *s, size_t n, struct err *);

#endif

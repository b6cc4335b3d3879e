/* base/str.h: small questions about text. */
#ifndef RELEVO_BASE_STR_H
#define RELEVO_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

bool str_eq(const char *a, const char *b); /* NULL equals only NULL */
/* The same, and how long it takes says nothing about where they differ. */
bool str_eq_secret(const char *secret, const char *given);
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);

/* Shell-like pattern over the whole text: * ? [a-z]; case counts. */
bool str_glob(const char *pattern, const char *text);

/* The candidate nearest to `word`, or NULL when none is near enough to be a
 * slip of the hand (Damerau-Levenshtein distance at most a third of the
 * length). candidate(arg, i) returns NULL past the end. */
const char *str_nearest(const char *word,
                        const char *(*candidate)(const void *arg, size_t i),
                        const void *arg);
/* The same over a NULL-ended array. */
const char *str_nearest_of(const char *word, const char *const *candidates);

/* Copies text for a terminal or a log: control characters, invalid UTF-8 and
 * bidirectional overrides become \xNN or \uNNNN. Always ends with NUL, cuts
 * at a whole character. Returns out. */
char *str_clean(char *out, size_t size, const char *s, size_t n);
void str_clean_buf(struct buf *out, const char *s, size_t n,
                   bool keep_newlines);

/* Length of the valid UTF-8 character at s (n bytes left), or 0. */
size_t str_utf8(const char *s, size_t n, uint32_t *codepoint);
/* Copies n bytes into out with invalid sequences, and NUL, which JSON readers
 * refuse, as U+FFFD: valid UTF-8. */
void str_to_utf8(struct buf *out, const char *s, size_t n);
/* Copies JSON with all that str_clean would change in it as \uNNNN, which means
 * the same to whoever parses it; newlines between values stay. */
void str_clean_json(struct buf *out, const char *json);

uint64_t str_hash(const void *bytes, size_t n); /* FNV-1a, 64 bit */

/* A whole decimal integer, nothing around it. */
bool str_to_i64(const char *s, int64_t *out);
bool str_to_double(const char *s, double *out); /* finite */

#endif

/* kit/script.h: what plugins share that carry out steps of a configuration:
 * values captured on the way and filled into later texts, regular expressions
 * within limits, bytes in hex, durations.
 *
 * Pure, but for memory. Whatever comes from a peer and is filled in again is
 * quoted for where it goes. */
#ifndef KIT_SCRIPT_H
#define KIT_SCRIPT_H

#include <relevo/plugin.h>

#include "kit/init.h"

/* ------------------------------------------------------------------ values */

/* Captured values by name. */
struct kit_values {
    struct rlv_pair *pairs; /* owned, as the texts are */
    size_t count;
};
KIT_EXPORT void kit_values_set(struct kit_values *, const char *name,
                               const char *value, size_t len);
KIT_EXPORT void kit_values_fini(struct kit_values *);

enum kit_quoting { KIT_QUOTE_NONE, KIT_QUOTE_JSON, KIT_QUOTE_REGEX };
/* The text with each {{name}} filled in, and {{{{ as {{; the caller frees.
 * NULL: a name has no value, and *missing points at it. */
KIT_EXPORT char *kit_values_fill(const struct kit_values *, const char *text,
                                 enum kit_quoting, const char **missing);

/* NULL, or what the name of a capture is not: "a name". */
KIT_EXPORT const char *kit_capture_flaw(const char *name);
/* The first {{name}} in step n (from 0) that no step before it captures, and
 * that is not `always`; NULL: there is none. */
KIT_EXPORT const char *kit_script_unknown(const struct rlv_steps *, size_t n,
                                          const char *always, size_t *len);

/* ------------------------------------------------------------------- regex */

struct kit_regex;

/* The place of a match, and of its first group, or of all where it has none. */
struct kit_match {
    size_t start, end, group, group_len;
};

/* NULL: why is filled. Bytes that are no UTF-8 match nothing. */
KIT_EXPORT struct kit_regex *kit_regex_new(const char *text, char *why,
                                           size_t size);
/* From `from` on; a match that takes too many steps is none. */
KIT_EXPORT bool kit_regex_find(const struct kit_regex *, const char *bytes,
                               size_t len, size_t from, struct kit_match *);
KIT_EXPORT void kit_regex_free(struct kit_regex *); /* NULL is fine */

/* ------------------------------------------------------------------- texts */

/* Bytes out of "00 ff"; -1: no hex digits, an odd number of them, or more than
 * there is room for. */
KIT_EXPORT ptrdiff_t kit_unhex(const char *text, uint8_t *out, size_t size);
/* "500ms", "2s", "1m": one number and one unit. */
KIT_EXPORT bool kit_read_time(const char *text, int64_t *ns);

#endif

/* base/redact.h: blots secrets out of text that is kept or shown.
 *
 * Two nets. Known values of at least 4 bytes, wherever they stand, also as
 * they look URL-encoded (RFC 3986), in base64 (RFC 4648, at any alignment) and
 * inside a JSON string (RFC 8259). And what looks like a secret: the password
 * in ://user:PASSWORD@, the rest of a line after "Authorization:", the value
 * of password=…, token=… and "password": "…". Every byte that belongs to a
 * match goes, overlapping matches too; each run of them becomes REDACTED. */
#ifndef RELEVO_BASE_REDACT_H
#define RELEVO_BASE_REDACT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define REDACTED "[secret]"

struct redact;

/* Values are copied. White space at their ends does not count; a value of
 * several lines is also looked for line by line. */
struct redact *redact_new(const char *const *values, size_t n);
void redact_free(struct redact *); /* NULL is fine */

/* Appends the n bytes of text to out, without the secrets. NULL knows no
 * values and still looks for what looks like one. */
void redact_text(const struct redact *, const char *text, size_t n,
                 struct buf *out);
/* Length of the text without a known value that was cut off at its end: at
 * least 4 bytes of its beginning. For text that is known to be cut. */
size_t redact_cut(const struct redact *, const char *text, size_t n);
/* What stands behind a name such as this is a secret: "access_token". */
bool redact_names_secret(const char *name, size_t n);
/* A known value occurs in it. */
bool redact_finds(const struct redact *, const char *text, size_t n);

/* The same over chunks: what redact_stream_add and redact_stream_end append
 * to out is what redact_text would have made of all of it at once, wherever
 * the chunks were cut. Begin with {.redact = r}. */
struct redact_stream {
    const struct redact *redact; /* borrowed; may be NULL */
    /* private */
    struct buf pending;
    size_t covered;      /* bytes from here on that belong to a match */
    size_t guess_in;     /* bytes until a guessed secret begins */
    size_t guess_length; /* of it, where that is known */
    unsigned char until; /* what ends an open-ended one */
    bool inside;         /* the byte before was blotted out */
    bool escaped;
};

void redact_stream_add(struct redact_stream *, const char *bytes, size_t n,
                       struct buf *out);
void redact_stream_end(struct redact_stream *, struct buf *out); /* frees */

#endif

/* base/buf.h: a growable run of bytes, always followed by a NUL that is not
 * counted, so that text in it can be printed. Zero-initialise to begin. */
#ifndef RELEVO_BASE_BUF_H
#define RELEVO_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

#include "base/attr.h"

struct buf {
    char *data; /* NULL while empty */
    size_t len, cap;
};

void buf_free(struct buf *);  /* leaves it empty and usable */
void buf_clear(struct buf *); /* keeps the memory */
void buf_reserve(struct buf *, size_t more);
void buf_add(struct buf *, const void *bytes, size_t n);
void buf_addc(struct buf *, char c);
void buf_adds(struct buf *, const char *s);
void buf_addf(struct buf *, const char *fmt, ...) PRINTF(2, 3);
void buf_addv(struct buf *, const char *fmt, va_list);
void buf_drop(struct buf *, size_t n);    /* removes the first n bytes */
const char *buf_text(const struct buf *); /* "" while empty */
char *buf_take(struct buf *) MUST_CHECK;  /* the caller frees; buf is empty */

#endif

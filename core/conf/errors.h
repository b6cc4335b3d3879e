/* conf/errors.h: everything that is wrong with a configuration, collected.
 *
 * One mistake does not hide the next: reading goes on, and what was found is
 * told at once, in the order of the file. Made by the caller of conf_read,
 * filled by all of conf/ (and with what plugins say about their options). The
 * first 100 errors and 100 warnings are kept, the rest is counted; what is
 * found once in each environment is told once. No message can hold a secret:
 * known ones are blotted out on the way in. */
#ifndef RELEVO_CONF_ERRORS_H
#define RELEVO_CONF_ERRORS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "model/option.h"

enum { CONF_ERRORS_KEPT = 100 };

struct conf_message {
    struct place place; /* file NULL: of no file */
    const char *text;   /* further lines show the source */
};

struct conf_errors;

struct conf_errors *conf_errors_new(void) MUST_CHECK;
void conf_errors_free(struct conf_errors *); /* NULL is fine */

void conf_error(struct conf_errors *, struct place, const char *fmt, ...)
    PRINTF(3, 4);
void conf_warn(struct conf_errors *, struct place, const char *fmt, ...)
    PRINTF(3, 4);
/* From now on this value is "***" in every message. Shorter ones than four
 * bytes are left alone: they would blot out half the text. Copied. */
void conf_errors_hide(struct conf_errors *, const char *secret);

size_t conf_errors_count(const struct conf_errors *); /* found, not kept */
size_t conf_errors_warnings(const struct conf_errors *);
/* NULL past the last one kept. */
const struct conf_message *conf_errors_at(const struct conf_errors *, size_t i);
const struct conf_message *conf_errors_warning(const struct conf_errors *,
                                               size_t i);

/* "file:line:col: text" or "text", without newline. */
void conf_message_write(const struct conf_message *, struct buf *out);
/* All errors, a line each, then how many more there are; then the same for the
 * warnings, each after "warning: ". */
void conf_errors_write(const struct conf_errors *, struct buf *out);

#endif

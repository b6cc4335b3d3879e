/* cli/observed.h: observations written by hand as JSON, for `relevo expect`.
 *
 * {"status": 503, "latency": "620ms", "header": {"etag": "x"}, "body": {…}}:
 * each member is a field of the plugin, its value of the field's type. A
 * duration is a text with its unit or a number of milliseconds, a size a text
 * with its unit or a number of bytes, a time a text (RFC 3339), a body a text
 * or JSON; null is absent. A map may be called by its plural ("headers"). A
 * RESULT as --json prints it is understood too: its observations count. */
#ifndef RELEVO_CLI_OBSERVED_H
#define RELEVO_CLI_OBSERVED_H

#include <jansson.h>

#include "base/err.h"
#include "base/mem.h"
#include "expect/expect.h"
#include "model/catalog.h"

struct observed;

/* The catalog with the names that a RESULT has recorded beside the plugin's
 * fields. A shallow copy on the arena; it borrows from both. */
const struct catalog *observed_names(const struct catalog *, const json_t *,
                                     struct arena *);
/* On the arena. NULL with *err naming the member and what was expected. */
struct observed *observed_read(const struct catalog *, const json_t *,
                               struct arena *, struct err *) MUST_CHECK;
/* For struct expect_input: get, with the observed as its arg. */
const struct rlv_value *observed_get(const void *observed, unsigned field,
                                     const char *key);

#endif

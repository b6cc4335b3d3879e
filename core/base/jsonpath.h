/* base/jsonpath.h: finds one value inside a JSON document.
 *
 * The small common part of jq's and RFC 9535's notation: `.db`,
 * `.components.db.status`, `$.checks[0]["a.b"].up`, `.log[-1]`; `.` or `$`
 * alone is the whole document. No wildcards: a path names one value. */
#ifndef RELEVO_BASE_JSONPATH_H
#define RELEVO_BASE_JSONPATH_H

#include <jansson.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

struct jsonpath;

/* NULL with *err (ERR_CONFIG) saying what was expected and *offset (may be
 * NULL) the byte of text where. The caller frees. */
struct jsonpath *jsonpath_parse(const char *text, size_t *offset,
                                struct err *) MUST_CHECK;
void jsonpath_free(struct jsonpath *); /* NULL is fine */

/* Borrowed from root; NULL where the path leads nowhere: a missing key, an
 * index beyond the end, a key asked of a list. A JSON null is an answer. */
const json_t *jsonpath_get(const struct jsonpath *, const json_t *root);

#endif

/* cli/matrix.h: the state of every check as components by environments, for
 * `relevo status --matrix`. */
#ifndef RELEVO_CLI_MATRIX_H
#define RELEVO_CLI_MATRIX_H

#include <jansson.h>

#include "base/buf.h"

/* "waits for db": of a CHECK that is impacted, without its own environment;
 * else nothing. */
void matrix_put_waits(struct buf *, const json_t *check);
/* checks: a list of CHECK, as `status --json` has them. */
json_t *matrix_json(const json_t *checks);
/* To standard output, in blocks of at most `columns` characters; 0: in one. */
void matrix_print(const json_t *checks, int columns);

#endif

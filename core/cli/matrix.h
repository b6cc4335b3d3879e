/* cli/matrix.h: the state of every check as components by environments, for
 * `relevo status --matrix`. */
#ifndef RELEVO_CLI_MATRIX_H
#define RELEVO_CLI_MATRIX_H

#include <jansson.h>

/* checks: a list of CHECK, as `status --json` has them. */
json_t *matrix_json(const json_t *checks);
/* To standard output, in blocks of at most `columns` characters; 0: in one. */
void matrix_print(const json_t *checks, int columns);

#endif

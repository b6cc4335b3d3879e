/* cli/window.h: maintenance windows in words, for the commands that show them.
 */
#ifndef RELEVO_CLI_WINDOW_H
#define RELEVO_CLI_WINDOW_H

#include <jansson.h>

#include "base/buf.h"

/* Of the answer to maintenance.start: "all 12 checks". One static buffer. */
const char *window_covers(const json_t *answer);
/* Of a window's "match": "api or db, environment staging". Not cleaned. */
void window_put_selection(struct buf *, const json_t *match);

#endif

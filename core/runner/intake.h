/* runner/intake.h: what comes in on a script's descriptor 3, as a list of
 * findings: cut into lines, parsed, redacted, bounded. Used by the keeper. */
#ifndef RELEVO_RUNNER_INTAKE_H
#define RELEVO_RUNNER_INTAKE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/redact.h"

struct intake {
    /* private */
    const struct redact *redact;
    struct buf line;
    bool too_long; /* the rest of the line is thrown away */
    json_t *list;
    size_t bytes;  /* of the lines in it */
    size_t beyond; /* findings beyond the bound */
};

void intake_init(struct intake *, const struct redact *); /* borrowed */
void intake_add(struct intake *, const char *bytes, size_t n);
/* Ends it, a last line without newline included: the list, a new reference. */
json_t *intake_end(struct intake *) MUST_CHECK;

#endif

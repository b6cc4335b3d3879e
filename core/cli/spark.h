/* cli/spark.h: numbers as a line of blocks, as high as each is. */
#ifndef RELEVO_CLI_SPARK_H
#define RELEVO_CLI_SPARK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* The terminal shows UTF-8: the locale says so, and it is not "dumb". */
bool spark_has_blocks(void);
/* Appends a character for each value, from the least (lowest) to the greatest;
 * below zero: a gap. `low` is what counts as nothing. */
void spark_put(struct buf *, const double *values, size_t count, double low,
               bool blocks);

#endif

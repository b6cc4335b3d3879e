/* lib/vectors.h: test vectors that others wrote, as JSON: from $RELEVO_VECTORS,
 * else beside the source; the test is skipped, and says so, where they are
 * absent. For unit tests. */
#ifndef RELEVO_TESTS_VECTORS_H
#define RELEVO_TESTS_VECTORS_H

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"

UNUSED static json_t *vectors_load(const char *file)
{
    char path[600];
    const char *dir = getenv("RELEVO_VECTORS");
    const char *source = getenv("RELEVO_SOURCE");
    if (dir != NULL)
        snprintf(path, sizeof path, "%s/%s", dir, file);
    else
        snprintf(path, sizeof path, "%s%s../shared/vectors/%s",
                 source == NULL ? "" : source, source == NULL ? "" : "/", file);
    json_t *rows = json_load_file(path, 0, NULL);
    if (rows == NULL) {
        print_message("skipped: no %s\n", path);
        skip();
    }
    return rows;
}

#endif

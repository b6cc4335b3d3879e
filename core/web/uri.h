/* web/uri.h: path and query of a request, strictly: what is not exactly a path
 * is refused, so that no two readings of it exist. Pure. */
#ifndef RELEVO_WEB_URI_H
#define RELEVO_WEB_URI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

enum { URI_SEGMENTS = 16, URI_PAIRS = 16 };

struct uri_pair {
    const char *name, *value;
};

struct uri {
    const char *segments[URI_SEGMENTS]; /* decoded; none is empty */
    size_t segment_count;               /* 0: "/" */
    struct uri_pair pairs[URI_PAIRS];
    size_t pair_count;
};

/* Refused (false): no path in front ("http://…", "*"), an empty segment, "."
 * or "..", an escape that is none, a decoded NUL or control character, a
 * slash that is hidden in an escape, invalid UTF-8, too many parts. One slash
 * at the end is fine. Texts hang on the arena. */
bool uri_parse(const char *text, struct arena *, struct uri *);
/* NULL: it is not given. */
const char *uri_query(const struct uri *, const char *name);

#endif

/* base/tz.h: the rules of a time zone as data.
 *
 * Loading reads one TZif file (RFC 8536); everything else is a pure function
 * over what was loaded, so that pure code may ask. A `const struct tz *` that
 * is NULL reads as UTC everywhere. Seconds are since 1970 UTC; "local seconds"
 * are what a wall clock shows, counted as if it were in UTC. */
#ifndef RELEVO_BASE_TZ_H
#define RELEVO_BASE_TZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct tz;

/* "Europe/Madrid" from $TZDIR or /usr/share/zoneinfo; "UTC" and "+05:30" need
 * no file. NULL with *err set: a bad name (ERR_CONFIG), no such zone
 * (ERR_NOT_FOUND, with a suggestion), unreadable (ERR_IO), or not a TZif file
 * that we can follow (ERR_PROTOCOL). The caller frees. */
struct tz *tz_load(const char *name, struct err *) MUST_CHECK;
/* The same from the bytes of a TZif file. */
struct tz *tz_parse(const char *name, const void *bytes, size_t n,
                    struct err *) MUST_CHECK;
void tz_free(struct tz *); /* NULL is fine */
const char *tz_name(const struct tz *);

/* A stretch of time with one offset. */
struct tz_span {
    int64_t begin_s, end_s; /* [begin, end); INT64_MIN and INT64_MAX: open */
    int32_t offset_s;       /* east of UTC */
    bool is_dst;
    const char *abbreviation; /* borrowed from the zone */
};

struct tz_span tz_span(const struct tz *, int64_t utc_s);
int32_t tz_offset(const struct tz *, int64_t utc_s);

enum tz_fit {
    TZ_ONCE,
    TZ_SKIPPED, /* the clock jumped over it */
    TZ_REPEATED /* the clock shows it more than once */
};

/* When a wall clock shows these local seconds: the first and the last moment
 * (equal for TZ_ONCE); both are the jump itself for TZ_SKIPPED. */
enum tz_fit tz_from_local(const struct tz *, int64_t local_s, int64_t *first_s,
                          int64_t *last_s);

#define TZ_TEXT 48
/* RFC 3339 with the zone's offset: 2026-03-29T03:00:00+02:00, or Z for UTC.
 * RFC 3339 has no offsets with seconds: such a time is written in UTC. Returns
 * out. */
const char *tz_format(const struct tz *, int64_t utc_s, char *out, size_t size);

#endif

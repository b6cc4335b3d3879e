/* store/hot.h: a row of `hot` read as a sample: the one place that knows its
 * columns. Used by the packing and by readers. */
#ifndef RELEVO_STORE_HOT_H
#define RELEVO_STORE_HOT_H

#include <sqlite3.h>

#include "store/sample.h"

#define HOT_COLUMNS                                                     \
    "started_us, started_ns, duration_ns, probe, generation, outcome, " \
    "purpose, "                                                         \
    "flags, has_detail, observations"

/* What a rollup counts by, check_id behind it: half the columns, and most of
 * what a scan costs is columns. */
#define HOT_COUNTED_COLUMNS \
    "started_us, duration_ns, outcome, purpose, observations"
enum { HOT_COUNTED = 5 };

/* From a row of SELECT HOT_COUNTED_COLUMNS; what is not in it is 0. As
 * hot_read. */
bool hot_read_counted(sqlite3_stmt *, struct arena *,
                      struct sample *) MUST_CHECK;

/* From a row of SELECT HOT_COLUMNS. false: the observations' bytes are
 * damaged; the sample has none then. */
bool hot_read(sqlite3_stmt *, struct arena *, struct sample *) MUST_CHECK;

#endif

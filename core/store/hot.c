/* store/hot.c: see hot.h. */
#include "store/hot.h"

bool hot_read(sqlite3_stmt *q, struct arena *a, struct sample *s)
{
    *s = (struct sample){
        .started_us = sqlite3_column_int64(q, 0),
        .started_ns = sqlite3_column_int64(q, 1),
        .duration_ns = sqlite3_column_int64(q, 2),
        .probe = (uint64_t)sqlite3_column_int64(q, 3),
        .generation = (uint32_t)sqlite3_column_int64(q, 4),
        .outcome = (enum outcome)(sqlite3_column_int(q, 5) & 3),
        .purpose =
            (enum purpose)((unsigned)sqlite3_column_int(q, 6) % PURPOSE_COUNT),
        .flags = (uint32_t)sqlite3_column_int64(q, 7),
        .has_detail = sqlite3_column_int(q, 8) != 0,
    };
    const void *blob = sqlite3_column_blob(q, 9);
    size_t n = (size_t)sqlite3_column_bytes(q, 9);
    if (sample_get_observations(s, blob, n, a))
        return true;
    s->observation_count = 0;
    return false;
}

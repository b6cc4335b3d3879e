/* store/hot.c: see hot.h. */
#include "store/hot.h"

static enum outcome outcome_at(sqlite3_stmt *q, int column)
{
    return (enum outcome)(sqlite3_column_int(q, column) & 3);
}

static enum purpose purpose_at(sqlite3_stmt *q, int column)
{
    return (enum purpose)((unsigned)sqlite3_column_int(q, column) %
                          PURPOSE_COUNT);
}

static bool take_observations(sqlite3_stmt *q, int column, struct arena *a,
                              struct sample *s)
{
    const void *blob = sqlite3_column_blob(q, column);
    size_t n = (size_t)sqlite3_column_bytes(q, column);
    if (sample_get_observations(s, blob, n, a))
        return true;
    s->observation_count = 0;
    return false;
}

bool hot_read_counted(sqlite3_stmt *q, struct arena *a, struct sample *s)
{
    *s = (struct sample){
        .started_us = sqlite3_column_int64(q, 0),
        .duration_ns = sqlite3_column_int64(q, 1),
        .outcome = outcome_at(q, 2),
        .purpose = purpose_at(q, 3),
    };
    return take_observations(q, 4, a, s);
}

bool hot_read(sqlite3_stmt *q, struct arena *a, struct sample *s)
{
    *s = (struct sample){
        .started_us = sqlite3_column_int64(q, 0),
        .started_ns = sqlite3_column_int64(q, 1),
        .duration_ns = sqlite3_column_int64(q, 2),
        .probe = (uint64_t)sqlite3_column_int64(q, 3),
        .generation = (uint32_t)sqlite3_column_int64(q, 4),
        .outcome = outcome_at(q, 5),
        .purpose = purpose_at(q, 6),
        .flags = (uint32_t)sqlite3_column_int64(q, 7),
        .has_detail = sqlite3_column_int(q, 8) != 0,
    };
    return take_observations(q, 9, a, s);
}

/* postgres/value.h: a column's text as a typed value. */
#ifndef POSTGRES_VALUE_H
#define POSTGRES_VALUE_H

#include "postgres/postgres.h"

/* Of a result in text format, with intervalstyle iso_8601, datestyle ISO and
 * timezone UTC. Points into the result. False: NULL, or a date without end. */
bool value_of(const PGresult *, int row, int column, struct rlv_value *);

/* "P1DT2H3M4.5S" in nanoseconds; a month is 30 days, a year 365.25. False: it
 * is none, or too long. */
bool value_interval(const char *text, int64_t *ns);
/* "2026-11-28 23:45:00.123+00" in microseconds since 1970; without an offset it
 * is taken for UTC. False: it is none. */
bool value_time(const char *text, int64_t *us);

#endif

/* postgres/value.c: a column's text as a typed value, by the type that the
 * server says the column has. Pure; called by query.c. */
#include "postgres/value.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* From pg_type.dat; these never change. */
enum type {
    TYPE_BOOL = 16,
    TYPE_INT8 = 20,
    TYPE_INT2 = 21,
    TYPE_INT4 = 23,
    TYPE_OID = 26,
    TYPE_FLOAT4 = 700,
    TYPE_FLOAT8 = 701,
    TYPE_DATE = 1082,
    TYPE_TIMESTAMP = 1114,
    TYPE_TIMESTAMPTZ = 1184,
    TYPE_INTERVAL = 1186,
    TYPE_NUMERIC = 1700
};

#define SECOND_NS 1e9
#define DAY_S     86400.0
#define LONGEST_S 9.2e9 /* that fits into 63 bits of nanoseconds */

static double seconds_of(char unit, bool time)
{
    switch (unit) {
    case 'Y': return 365.25 * DAY_S;
    case 'M': return time ? 60 : 30 * DAY_S;
    case 'W': return 7 * DAY_S;
    case 'D': return DAY_S;
    case 'H': return 3600;
    case 'S': return 1;
    default: return -1;
    }
}

bool value_interval(const char *text, int64_t *ns)
{
    bool time = false;
    double sum = 0;
    if (*text++ != 'P')
        return false;
    while (*text) {
        char *end;
        if (*text == 'T') {
            time = true;
            text++;
            continue;
        }
        double n = strtod(text, &end);
        double unit_s = end == text ? -1 : seconds_of(*end, time);
        if (unit_s < 0)
            return false;
        sum += n * unit_s;
        text = end + 1;
    }
    if (!(fabs(sum) < LONGEST_S))
        return false;
    *ns = (int64_t)llround(sum * SECOND_NS);
    return true;
}

/* "+02", "+02:30", "-07:52:58" */
static bool offset_of(const char *text, int64_t *offset_s)
{
    int parts[3] = {0}, sign = *text == '-' ? -1 : 1;
    *offset_s = 0;
    if (!*text)
        return true;
    if (*text != '+' && *text != '-')
        return false;
    for (size_t i = 0; i < 3; i++) {
        char *end;
        parts[i] = (int)strtol(text + 1, &end, 10);
        text = end;
        if (*text != ':')
            break;
    }
    *offset_s = sign * (parts[0] * 3600 + parts[1] * 60 + parts[2]);
    return !*text;
}

bool value_time(const char *text, int64_t *us)
{
    struct tm tm = {0};
    const char *at = strptime(text, "%Y-%m-%d", &tm);
    double fraction = 0;
    int64_t offset_s;
    if (at && *at == ' ')
        at = strptime(at, " %H:%M:%S", &tm);
    if (at && *at == '.') {
        char *end;
        fraction = strtod(at, &end);
        at = end;
    }
    if (!at || !offset_of(at, &offset_s)) /* "infinity", "… BC" */
        return false;
    *us = ((int64_t)timegm(&tm) - offset_s) * 1000000 +
          (int64_t)llround(fraction * 1e6);
    return true;
}

static bool number_of(const char *text, double *number)
{
    char *end;
    *number = strtod(text, &end);
    return end != text && !*end && isfinite(*number);
}

static bool integer_of(const char *text, int64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoll(text, &end, 10);
    return end != text && !*end && !errno;
}

/* What does not look as its type should is a text. */
bool value_of(const PGresult *result, int row, int column,
              struct rlv_value *value)
{
    const char *text = PQgetvalue(result, row, column);
    int64_t i = 0;
    double d;
    if (PQgetisnull(result, row, column))
        return false;
    *value = rlv_text_n(text, (size_t)PQgetlength(result, row, column));
    switch ((int)PQftype(result, column)) {
    case TYPE_BOOL: *value = rlv_bool(*text == 't'); break;
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
    case TYPE_OID:
        if (integer_of(text, &i))
            *value = rlv_int(i);
        break;
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
    case TYPE_NUMERIC:
        if (!number_of(text, &d))
            return false; /* NaN, infinity: nothing to compare with */
        *value = rlv_real(d);
        break;
    case TYPE_INTERVAL:
        if (value_interval(text, &i))
            *value = rlv_duration(i);
        break;
    case TYPE_DATE:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        if (!value_time(text, &i))
            return false;
        *value = rlv_time(i);
        break;
    default: break;
    }
    return true;
}

/* base/civil.h: days since 1970-01-01 and Gregorian dates, without a clock, a
 * zone or the C library's time functions, so that pure code may use it. */
#ifndef RELEVO_BASE_CIVIL_H
#define RELEVO_BASE_CIVIL_H

#include <stdbool.h>
#include <stdint.h>

#define CIVIL_DAY_S     86400LL
#define CIVIL_CYCLE_DAY 146097LL /* the calendar repeats after 400 years */

struct civil {
    int64_t year; /* astronomical: 0 is 1 BC */
    int month;    /* 1-12 */
    int day;      /* 1-31 */
};

/* Month and day must be in range. */
int64_t civil_to_days(int64_t year, int month, int day);
struct civil civil_from_days(int64_t days);
int civil_weekday(int64_t days); /* 0 is Sunday */
bool civil_is_leap(int64_t year);
int civil_month_days(int64_t year, int month);
/* Division that rounds down, for seconds before 1970. */
int64_t civil_floor_div(int64_t a, int64_t b);

#endif

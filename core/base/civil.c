/* base/civil.c: see civil.h. The method of H. Hinnant, "chrono-compatible
 * low-level date algorithms": years begin in March, so that the leap day is
 * the last one. */
#include "base/civil.h"

enum { DAYS_TO_EPOCH = 719468 }; /* 0000-03-01 to 1970-01-01 */

int64_t civil_floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

int64_t civil_to_days(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = civil_floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 -
                         year_of_era / 100 + day_of_year + day - 1;
    return era * CIVIL_CYCLE_DAY + day_of_era - DAYS_TO_EPOCH;
}

struct civil civil_from_days(int64_t days)
{
    days += DAYS_TO_EPOCH;
    int64_t era = civil_floor_div(days, CIVIL_CYCLE_DAY);
    int64_t day = days - era * CIVIL_CYCLE_DAY;
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    int64_t month = (5 * day + 2) / 153;
    struct civil c = {
        .year = year + era * 400 + (month >= 10),
        .month = (int)(month < 10 ? month + 3 : month - 9),
        .day = (int)(day - (153 * month + 2) / 5 + 1),
    };
    return c;
}

int civil_weekday(int64_t days)
{
    return (int)(days + 4 - 7 * civil_floor_div(days + 4, 7));
}

bool civil_is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int civil_month_days(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && civil_is_leap(year));
}

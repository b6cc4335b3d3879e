/* model/cron.c: the next time of a cron expression; see cron.h. Reading one is
 * in cron_parse.c. */
#include "model/cron.h"

#include "base/civil.h"

static const int64_t first_s = -62135596800; /* 0001-01-01 */
static const int64_t last_s = 253402300799;  /* 9999-12-31T23:59:59 */

bool cron_equal(const struct cron *a, const struct cron *b)
{
    return a->minutes == b->minutes && a->hours == b->hours &&
           a->days == b->days && a->months == b->months &&
           a->weekdays == b->weekdays && a->both_days == b->both_days &&
           a->follows_wall == b->follows_wall;
}

static bool has_day(const struct cron *c, int day, int weekday)
{
    bool by_day = c->days >> day & 1, by_weekday = c->weekdays >> weekday & 1;
    return c->both_days ? by_day && by_weekday : by_day || by_weekday;
}

/* The first matching minute of a day from `from` on, or -1. */
static int minute_from(const struct cron *c, int from)
{
    for (int hour = from / 60, minute = from % 60; hour < 24;
         hour++, minute = 0) {
        if (!(c->hours >> hour & 1))
            continue;
        uint64_t rest = c->minutes >> minute;
        if (rest != 0)
            return hour * 60 + minute + __builtin_ctzll(rest);
    }
    return -1;
}

/* The first matching local second in [from, limit). */
static bool local_from(const struct cron *c, int64_t from, int64_t limit,
                       int64_t *found)
{
    int64_t minutes = civil_floor_div(from + 59, 60);
    int64_t day = civil_floor_div(minutes, 1440);
    int minute = (int)(minutes - day * 1440);
    while (day * CIVIL_DAY_S < limit) {
        struct civil date = civil_from_days(day);
        if (!(c->months >> date.month & 1)) {
            day += civil_month_days(date.year, date.month) - date.day + 1;
            minute = 0;
            continue;
        }
        int m = has_day(c, date.day, civil_weekday(day))
                    ? minute_from(c, minute)
                    : -1;
        if (m >= 0) {
            *found = day * CIVIL_DAY_S + m * 60;
            return *found < limit;
        }
        day++;
        minute = 0;
    }
    return false;
}

/* Every moment whose local time matches: one stretch of constant offset after
 * the other. */
static int64_t next_on_wall(const struct cron *c, const struct tz *tz,
                            int64_t from, int64_t limit)
{
    while (from < limit) {
        struct tz_span span = tz_span(tz, from);
        int64_t end = span.end_s < limit ? span.end_s : limit;
        int64_t local;
        if (local_from(c, from + span.offset_s, end + span.offset_s, &local))
            return local - span.offset_s;
        from = end;
    }
    return CRON_NEVER;
}

/* Every matching local time, once: when the clock first shows it, or at the
 * jump that skips it. Local times before the one of `after` are past; those of
 * a repeated hour turn out to be. */
static int64_t next_fixed(const struct cron *c, const struct tz *tz,
                          int64_t after, int64_t limit)
{
    int64_t local = after + tz_offset(tz, after);
    while (local_from(c, local, limit, &local)) {
        int64_t first, last;
        tz_from_local(tz, local, &first, &last);
        if (first > after)
            return first;
        local += 60;
    }
    return CRON_NEVER;
}

int64_t cron_next(const struct cron *c, const struct tz *tz,
                  int64_t after_utc_seconds)
{
    int64_t after = after_utc_seconds < first_s ? first_s : after_utc_seconds;
    if (after >= last_s)
        return CRON_NEVER;
    int64_t limit = after + CIVIL_CYCLE_DAY * CIVIL_DAY_S;
    if (limit > last_s)
        limit = last_s;
    return c->follows_wall ? next_on_wall(c, tz, after + 1, limit)
                           : next_fixed(c, tz, after, limit);
}

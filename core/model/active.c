/* model/active.c: the hours in which a runbook may run (`active`), in the zone
 * of the configuration. Pure. A span whose end is not after its begin goes on
 * into the next day ("22:00-06:00"). */
#include "model/internal.h"

#include "base/civil.h"
#include "base/tz.h"

enum { DAY_S = 24 * 60 * 60, WEEK_DAYS = 7, MINUTE_S = 60 };

/* 0 is Monday; the first of January 1970 was a Thursday. */
static int weekday(int64_t day)
{
    int64_t since_monday = day + 3;
    return (int)(since_monday -
                 civil_floor_div(since_monday, WEEK_DAYS) * WEEK_DAYS);
}

static bool begins_on(const struct active_span *s, int64_t day)
{
    return (s->days & (1U << weekday(day))) != 0;
}

static bool covers(const struct active_span *s, int64_t day, int minute)
{
    if (s->from < s->to)
        return begins_on(s, day) && s->from <= minute && minute < s->to;
    return (begins_on(s, day) && s->from <= minute) ||
           (begins_on(s, day - 1) && minute < s->to);
}

bool active_now(const struct runbook_spec *book, const struct tz *zone,
                int64_t wall_us)
{
    int64_t at_s = civil_floor_div(wall_us, US_PER_S);
    int64_t local_s = at_s + tz_offset(zone, at_s);
    int64_t day = civil_floor_div(local_s, DAY_S);
    int minute = (int)(local_s - day * DAY_S) / MINUTE_S;
    for (size_t i = 0; i < book->active_count; i++)
        if (covers(&book->active[i], day, minute))
            return true;
    return book->active_count == 0;
}

/* The span's begin on that local day; where the clock jumps over it, the
 * jump. */
static int64_t begin_us(const struct active_span *s, const struct tz *zone,
                        int64_t day)
{
    int64_t first_s, last_s;
    tz_from_local(zone, day * DAY_S + (int64_t)s->from * MINUTE_S, &first_s,
                  &last_s);
    return first_s * US_PER_S;
}

int64_t active_next(const struct runbook_spec *book, const struct tz *zone,
                    int64_t wall_us)
{
    int64_t next = INT64_MAX;
    int64_t at_s = civil_floor_div(wall_us, US_PER_S);
    int64_t today = civil_floor_div(at_s + tz_offset(zone, at_s), DAY_S);
    for (size_t i = 0; i < book->active_count; i++)
        for (int64_t day = today; day <= today + WEEK_DAYS; day++) {
            const struct active_span *s = &book->active[i];
            int64_t us = begins_on(s, day) ? begin_us(s, zone, day) : INT64_MAX;
            if (us > wall_us && us < next)
                next = us;
        }
    return next;
}

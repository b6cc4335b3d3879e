/* base/tz.c: asks a zone's rules; see tz.h. Reads nothing. */
#include "base/tz.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/civil.h"
#include "base/tz_impl.h"

static const struct tz utc = {
    .name = "UTC",
    .is_utc = true,
    .types = (struct tz_type[]){{0, false, "UTC"}},
    .type_count = 1,
};

/* Keeps sums of seconds far from overflow; that year has eleven digits. */
static int64_t clamp(int64_t s)
{
    const int64_t far = INT64_C(1) << 58;
    return s < -far ? -far : s > far ? far : s;
}

void tz_free(struct tz *z)
{
    if (z == NULL)
        return;
    free(z->types);
    free(z->at_s);
    free(z->type_of);
    free(z);
}

const char *tz_name(const struct tz *z) { return z ? z->name : utc.name; }

/* Days since 1970 of the change in that year. */
static int64_t change_day(const struct tz_change *c, int64_t year)
{
    if (c->kind == 'D')
        return civil_to_days(year, 1, 1) + c->day;
    if (c->kind == 'J')
        return civil_to_days(year, 1, 1) + c->day - 1 +
               (civil_is_leap(year) && c->day >= 60);
    int64_t first = civil_to_days(year, c->month, 1);
    int day = (c->day - civil_weekday(first) + 7) % 7 + 7 * (c->week - 1);
    if (day >= civil_month_days(year, c->month))
        day -= 7;
    return first + day;
}

static int64_t change_at(const struct tz_change *c, int64_t year,
                         int32_t offset_before)
{
    return change_day(c, year) * CIVIL_DAY_S + c->time_s - offset_before;
}

/* Narrows the span by one change: what begins there is `is_dst`. */
static void narrow(struct tz_span *span, int64_t utc_s, int64_t at, bool is_dst)
{
    if (at > utc_s) {
        if (at < span->end_s)
            span->end_s = at;
    } else if (at >= span->begin_s) {
        span->begin_s = at;
        span->is_dst = is_dst;
    }
}

/* A rule's time may lie a week outside of its day (RFC 8536, 3.3.1), hence
 * the neighbouring years. Where a summer ends as the next begins, the summer
 * goes on: it is asked last. */
static struct tz_span rule_span(const struct tz_rule *r, int64_t utc_s)
{
    struct tz_span span = {.begin_s = INT64_MIN, .end_s = INT64_MAX};
    if (r->has_dst) {
        int64_t days = civil_floor_div(utc_s, CIVIL_DAY_S);
        int64_t year = civil_from_days(days).year;
        for (int64_t y = year - 2; y <= year + 2; y++)
            narrow(&span, utc_s, change_at(&r->to_standard, y, r->dst.offset_s),
                   false);
        for (int64_t y = year - 2; y <= year + 2; y++)
            narrow(&span, utc_s, change_at(&r->to_dst, y, r->standard.offset_s),
                   true);
    }
    const struct tz_type *t = span.is_dst ? &r->dst : &r->standard;
    span.offset_s = t->offset_s;
    span.abbreviation = t->abbreviation;
    return span;
}

/* How many transitions are at or before that moment. */
static size_t passed(const struct tz *z, int64_t utc_s)
{
    size_t low = 0, high = z->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (z->at_s[mid] <= utc_s)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct tz_span tz_span(const struct tz *z, int64_t utc_s)
{
    if (z == NULL)
        z = &utc;
    utc_s = clamp(utc_s);
    size_t i = passed(z, utc_s);
    if (i == z->count && z->rule.present) {
        struct tz_span span = rule_span(&z->rule, utc_s);
        if (i > 0 && span.begin_s < z->at_s[i - 1])
            span.begin_s = z->at_s[i - 1];
        return span;
    }
    const struct tz_type *t = &z->types[i > 0 ? z->type_of[i - 1] : 0];
    return (struct tz_span){
        .begin_s = i > 0 ? z->at_s[i - 1] : INT64_MIN,
        .end_s = i < z->count ? z->at_s[i] : INT64_MAX,
        .offset_s = t->offset_s,
        .is_dst = t->is_dst,
        .abbreviation = t->abbreviation,
    };
}

int32_t tz_offset(const struct tz *z, int64_t utc_s)
{
    return tz_span(z, utc_s).offset_s;
}

enum tz_fit tz_from_local(const struct tz *z, int64_t local_s, int64_t *first_s,
                          int64_t *last_s)
{
    local_s = clamp(local_s);
    int64_t jump = 0;
    int found = 0;
    bool jumped = false;
    struct tz_span span = tz_span(z, local_s - TZ_OFFSET_MOST);
    for (;; span = tz_span(z, span.end_s)) {
        int64_t at = local_s - span.offset_s;
        if (at >= span.begin_s && at < span.end_s) {
            *last_s = at;
            if (found++ == 0)
                *first_s = at;
        } else if (at < span.begin_s && !jumped) {
            jumped = true;
            jump = span.begin_s;
        }
        if (span.end_s > local_s - TZ_OFFSET_LEAST)
            break;
    }
    if (found == 0)
        *first_s = *last_s = jump;
    return found == 0 ? TZ_SKIPPED : found == 1 ? TZ_ONCE : TZ_REPEATED;
}

const char *tz_format(const struct tz *z, int64_t utc_s, char *out, size_t size)
{
    utc_s = clamp(utc_s);
    int32_t offset = tz_offset(z, utc_s);
    bool zulu = z == NULL || z->is_utc || offset % 60 != 0;
    int64_t local = utc_s + (zulu ? 0 : offset);
    int64_t days = civil_floor_div(local, CIVIL_DAY_S);
    int second = (int)(local - days * CIVIL_DAY_S);
    struct civil c = civil_from_days(days);
    char suffix[8] = "Z";
    int minutes = abs(offset / 60);
    if (!zulu)
        snprintf(suffix, sizeof suffix, "%c%02d:%02d", offset < 0 ? '-' : '+',
                 minutes / 60 % 100, minutes % 60);
    snprintf(out, size, "%04lld-%02d-%02dT%02d:%02d:%02d%s", (long long)c.year,
             c.month, c.day, second / 3600, second / 60 % 60, second % 60,
             suffix);
    return out;
}

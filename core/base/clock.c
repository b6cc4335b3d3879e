/* base/clock.c: see clock.h. */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/civil.h"

int64_t clock_mono_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

int64_t clock_wall_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * US_PER_S + t.tv_nsec / NS_PER_US;
}

struct now clock_now(void)
{
    return (struct now){clock_mono_ns(), clock_wall_us()};
}

static void split(int64_t wall_us, time_t *seconds, int *millis)
{
    int64_t s = wall_us / US_PER_S, us = wall_us % US_PER_S;
    if (us < 0) {
        us += US_PER_S;
        s--;
    }
    *seconds = (time_t)s;
    *millis = (int)(us / US_PER_MS);
}

const char *clock_format(int64_t wall_us, char out[CLOCK_TEXT])
{
    time_t s;
    int ms;
    struct tm tm;
    split(wall_us, &s, &ms);
    if (gmtime_r(&s, &tm) == NULL)
        memset(&tm, 0, sizeof tm);
    snprintf(out, CLOCK_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
             tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
             tm.tm_min, tm.tm_sec, ms);
    return out;
}

const char *clock_format_short(int64_t wall_us, char out[CLOCK_TEXT])
{
    time_t s;
    int ms;
    struct tm tm;
    split(wall_us, &s, &ms);
    if (localtime_r(&s, &tm) == NULL)
        memset(&tm, 0, sizeof tm);
    strftime(out, CLOCK_TEXT, "%H:%M:%S", &tm);
    return out;
}

/* Whether text begins with the shape, in which 0 stands for any digit. */
static bool has_shape(const char *text, const char *shape)
{
    for (; *shape != '\0'; shape++, text++)
        if (*shape == '0' ? *text < '0' || *text > '9' : *text != *shape)
            return false;
    return true;
}

/* Reads "Z" or "+hh:mm"; returns the offset in seconds east of UTC. */
static bool parse_offset(const char *s, int *east)
{
    *east = 0;
    if ((s[0] == 'Z' || s[0] == 'z') && s[1] == '\0')
        return true;
    if ((s[0] != '+' && s[0] != '-') || !has_shape(s + 1, "00:00") ||
        s[6] != '\0')
        return false;
    int h = (s[1] - '0') * 10 + s[2] - '0', m = (s[4] - '0') * 10 + s[5] - '0';
    if (h > 23 || m > 59)
        return false;
    *east = (h * 60 + m) * 60 * (s[0] == '-' ? -1 : 1);
    return true;
}

bool clock_parse(const char *text, int64_t *wall_us)
{
    struct tm tm = {0};
    if (!has_shape(text, "0000-00-00T00:00:00"))
        return false;
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (rest == NULL || tm.tm_sec > 60 ||
        tm.tm_mday > civil_month_days(tm.tm_year + 1900, tm.tm_mon + 1))
        return false;
    int64_t fraction = 0, unit = US_PER_S / 10;
    if (*rest == '.' && !has_shape(rest, ".0"))
        return false;
    if (*rest == '.')
        for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
            fraction += (*rest - '0') * unit;
    int east;
    if (!parse_offset(rest, &east))
        return false;
    *wall_us = ((int64_t)timegm(&tm) - east) * US_PER_S + fraction;
    return true;
}

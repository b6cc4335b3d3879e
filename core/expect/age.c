/* expect/age.c: the times that age() understands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "base/clock.h"
#include "expect/tree.h"

/* RFC 9110, 5.6.7, the form that is sent: Sun, 06 Nov 1994 08:49:37 GMT. */
static bool parse_http_date(const char *text, int64_t *us)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char weekday[4], month[4];
    int day, year, hour, minute, second, used = 0;
    int got =
        sscanf(text, "%3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n",
               weekday, &day, month, &year, &hour, &minute, &second, &used);
    const char *at = got == 7 ? strstr(months, month) : NULL;
    if (used == 0 || text[used] != '\0' || at == NULL || (at - months) % 3 != 0)
        return false;
    int number = (int)(at - months) / 3 + 1;
    if (strlen(month) != 3 || year < 0 || day < 1 ||
        day > civil_month_days(year, number) || hour < 0 || hour > 23 ||
        minute < 0 || minute > 59 || second < 0 || second > 60)
        return false;
    *us = (civil_to_days(year, number, day) * CIVIL_DAY_S + hour * 3600 +
           minute * 60 + second) *
          US_PER_S;
    return true;
}

/* Seconds since 1970, from 10^11 on (the year 5138) milliseconds: both are
 * common in JSON, and as texts in headers and Redis. */
static double since_1970_us(double number)
{
    return number >= 1e11 ? number * 1e3 : number * 1e6;
}

/* Fewer digits than those of 1973 are something else: a year, a count. */
static bool parse_number(const char *text, int64_t *us)
{
    size_t digits = strspn(text, "0123456789");
    if (digits < 9 || digits > 13 || text[digits] != '\0')
        return false;
    *us = (int64_t)since_1970_us((double)strtoll(text, NULL, 10));
    return true;
}

static bool parse_text(const struct value *v, int64_t *us)
{
    char text[64];
    if (v->len >= sizeof text)
        return false;
    memcpy(text, v->as.s, v->len);
    text[v->len] = '\0';
    return strlen(text) == v->len &&
           (clock_parse(text, us) || parse_http_date(text, us) ||
            parse_number(text, us));
}

static bool to_time_us(const struct value *v, double *us)
{
    int64_t parsed;
    double number = type_is_real(v->type) ? v->as.d : (double)v->as.i;
    switch (v->type) {
    case TYPE_TIME: *us = number; return true;
    case TYPE_INT:
    case TYPE_REAL: *us = since_1970_us(number); break;
    case TYPE_TEXT:
        if (!parse_text(v, &parsed))
            return false;
        *us = (double)parsed;
        break;
    default: return false;
    }
    return true;
}

bool value_age(struct value *v, int64_t now_us)
{
    double us;
    if (!to_time_us(v, &us))
        return false;
    double ns = ((double)now_us - us) * 1e3;
    if (!(ns > -9.2e18 && ns < 9.2e18))
        return false;
    *v = (struct value){.type = TYPE_DURATION, .as.i = (int64_t)ns};
    return true;
}

/* conf/active.c: small texts of runbooks that are more than one value:
 * "Mon-Fri 09:00-18:00" and "2 per 24h". Called by runbook.c. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/human.h"
#include "base/str.h"
#include "conf/draft.h"

enum { DAYS = 7, ALL_DAYS = 0x7f, DAY_MINUTES = 24 * 60 };

static const char form[] =
    "such as \"Mon-Fri 09:00-18:00\", \"Sat,Sun 10:00-16:00\" or "
    "\"22:00-06:00\"";

static const char *const day_names[DAYS] = {"mon", "tue", "wed", "thu",
                                            "fri", "sat", "sun"};

/* "Mon" and "Monday"; moves the text behind it. -1: no day. */
static int take_day(const char **at)
{
    static const char *const rest[DAYS] = {"day", "sday",  "nesday", "rsday",
                                           "day", "urday", "day"};
    for (int d = 0; d < DAYS; d++) {
        size_t n = strlen(rest[d]);
        if (strncasecmp(*at, day_names[d], 3) != 0)
            continue;
        *at += 3;
        if (strncasecmp(*at, rest[d], n) == 0)
            *at += n;
        return isalpha((unsigned char)**at) ? -1 : d;
    }
    return -1;
}

/* "Mon-Fri,Sun"; a range may go over the end of the week. */
static bool take_days(const char **at, uint8_t *days)
{
    for (;; (*at)++) {
        int first = take_day(at), last = first;
        if (first >= 0 && **at == '-') {
            (*at)++;
            last = take_day(at);
        }
        if (first < 0 || last < 0)
            return false;
        for (int d = first;; d = (d + 1) % DAYS) {
            *days |= (uint8_t)(1u << d);
            if (d == last)
                break;
        }
        if (**at != ',')
            return true;
    }
}

static bool is_digit(char c) { return isdigit((unsigned char)c) != 0; }

/* "09:00", "9:30", "24:00"; no signs, no spaces. */
static bool take_time(const char **at, int16_t *minutes)
{
    const char *s = *at;
    int hour = 0, minute;
    for (int i = 0; i < 2 && is_digit(*s); i++)
        hour = hour * 10 + (*s++ - '0');
    if (s == *at || s[0] != ':' || !is_digit(s[1]) || !is_digit(s[2]))
        return false;
    minute = (s[1] - '0') * 10 + (s[2] - '0');
    if (minute > 59 || hour * 60 + minute > DAY_MINUTES)
        return false;
    *at = s + 3;
    *minutes = (int16_t)(hour * 60 + minute);
    return true;
}

bool active_parse(const char *text, struct active_span *span, struct err *err)
{
    const char *at = text;
    *span = (struct active_span){.days = 0};
    if (!isdigit((unsigned char)*at)) {
        if (!take_days(&at, &span->days))
            return err_set(err, ERR_CONFIG, 0,
                           "\"%s\": days are Mon Tue Wed Thu Fri Sat Sun, %s",
                           text, form);
        if (*at != ' ')
            return err_set(err, ERR_CONFIG, 0,
                           "\"%s\": after the days come the hours, %s", text,
                           form);
        at += strspn(at, " ");
    } else
        span->days = ALL_DAYS;
    if (!take_time(&at, &span->from) || *at++ != '-' ||
        !take_time(&at, &span->to) || *at != '\0')
        return err_set(err, ERR_CONFIG, 0,
                       "\"%s\": hours are from 00:00 to 24:00, %s", text, form);
    if (span->from == span->to || span->from == DAY_MINUTES)
        return err_set(err, ERR_CONFIG, 0, "\"%s\" is no time at all", text);
    return true;
}

bool budget_parse(const char *text, int64_t *count, int64_t *ns,
                  struct err *err)
{
    const char *per = strstr(text, " per ");
    char number[24];
    if (per != NULL && per - text < (int)sizeof number) {
        snprintf(number, sizeof number, "%.*s", (int)(per - text), text);
        if (str_to_i64(number, count) && *count > 0 && *count <= 1000000 &&
            human_parse_duration(per + 5, ns, NULL) && *ns > 0)
            return true;
    }
    return err_set(err, ERR_CONFIG, 0,
                   "\"%s\" is not of the form \"2 per 24h\"", text);
}

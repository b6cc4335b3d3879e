/* base/tz_rule.c: reads the footer of a TZif file, which says how a zone goes
 * on after its last listed transition: "CET-1CEST,M3.5.0,M10.5.0/3". POSIX
 * calls this the TZ variable; RFC 8536, 3.3.1 allows hours from -167 to 167.
 * Called by tz_file.c. */
#include "base/tz_impl.h"

#include <ctype.h>
#include <string.h>

/* Reads 1 to 3 digits, at most `most`. */
static bool read_number(const char **s, int most, int *value)
{
    int n = 0;
    *value = 0;
    for (; n < 3 && isdigit((unsigned char)**s); n++, (*s)++)
        *value = *value * 10 + (**s - '0');
    return n > 0 && *value <= most;
}

/* "CET" or "<+0530>". */
static bool read_name(const char **s, struct tz_type *t)
{
    bool quoted = **s == '<';
    const char *begin = *s + quoted, *end = begin;
    while (isalpha((unsigned char)*end) ||
           (quoted &&
            (isdigit((unsigned char)*end) || *end == '+' || *end == '-')))
        end++;
    size_t n = (size_t)(end - begin);
    if (n < 3 || n >= sizeof t->abbreviation || (quoted && *end != '>'))
        return false;
    memcpy(t->abbreviation, begin, n);
    t->abbreviation[n] = '\0';
    *s = end + quoted;
    return true;
}

/* "[+-]hh[:mm[:ss]]" as seconds. */
static bool read_time(const char **s, int most_hours, int32_t *seconds)
{
    int sign = **s == '-' ? -1 : 1, hours, minutes = 0, rest = 0;
    if (**s == '+' || **s == '-')
        (*s)++;
    if (!read_number(s, most_hours, &hours))
        return false;
    if (**s == ':' && ((*s)++, !read_number(s, 59, &minutes)))
        return false;
    if (**s == ':' && ((*s)++, !read_number(s, 59, &rest)))
        return false;
    *seconds = sign * (hours * 3600 + minutes * 60 + rest);
    return true;
}

/* POSIX counts west of Greenwich. */
static bool read_offset(const char **s, struct tz_type *t)
{
    if (!read_time(s, 24, &t->offset_s))
        return false;
    t->offset_s = -t->offset_s;
    return true;
}

static bool read_day(const char **s, struct tz_change *c)
{
    c->kind = 'D';
    if (**s == 'J') {
        c->kind = 'J';
        (*s)++;
        return read_number(s, 365, &c->day) && c->day >= 1;
    }
    if (**s != 'M')
        return read_number(s, 365, &c->day);
    c->kind = 'M';
    (*s)++;
    return read_number(s, 12, &c->month) && c->month >= 1 && *(*s)++ == '.' &&
           read_number(s, 5, &c->week) && c->week >= 1 && *(*s)++ == '.' &&
           read_number(s, 6, &c->day);
}

static bool read_change(const char **s, struct tz_change *c)
{
    if (*(*s)++ != ',' || !read_day(s, c))
        return false;
    c->time_s = 2 * 3600;
    if (**s != '/')
        return true;
    (*s)++;
    return read_time(s, 167, &c->time_s);
}

bool tz_rule_parse(const char *text, struct tz_rule *rule)
{
    struct tz_rule r = {.present = true};
    const char *s = text;
    if (!read_name(&s, &r.standard) || !read_offset(&s, &r.standard))
        return false;
    if (*s != '\0') {
        r.has_dst = r.dst.is_dst = true;
        if (!read_name(&s, &r.dst))
            return false;
        r.dst.offset_s = r.standard.offset_s + 3600;
        if (*s != ',' && !read_offset(&s, &r.dst))
            return false;
        if (!read_change(&s, &r.to_dst) || !read_change(&s, &r.to_standard) ||
            *s != '\0')
            return false;
    }
    *rule = r;
    return true;
}

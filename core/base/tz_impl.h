/* base/tz_impl.h: what tz.c (asking) and tz_file.c (loading) share. */
#ifndef RELEVO_BASE_TZ_IMPL_H
#define RELEVO_BASE_TZ_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 8536, 3.2: more than -25 and less than 26 hours. */
#define TZ_OFFSET_LEAST (-89999)
#define TZ_OFFSET_MOST  93599

struct tz_type {
    int32_t offset_s;
    bool is_dst;
    char abbreviation[16];
};

/* When in a year the clock changes, in local time before the change. */
struct tz_change {
    char kind;       /* 'J': day 1-365 without 29 Feb; 'D': day 0-365; 'M' */
    int day;         /* of the year; for 'M' the weekday, 0 is Sunday */
    int week, month; /* 'M' only; week 5 is the last */
    int32_t time_s;
};

/* The footer: what goes on after the last listed transition. */
struct tz_rule {
    bool present, has_dst;
    struct tz_type standard, dst;
    struct tz_change to_dst, to_standard;
};

struct tz {
    char name[64];
    bool is_utc;
    struct tz_type *types;  /* at least one; 0 is before the first transition */
    int64_t *at_s;          /* ascending */
    unsigned char *type_of; /* type from at_s[i] on */
    size_t type_count, count;
    struct tz_rule rule;
};

/* POSIX TZ as RFC 8536, 3.3.1 extends it. */
bool tz_rule_parse(const char *text, struct tz_rule *);

#endif

/* model/cron.h: cron expressions of five fields, as Debian's cron reads them.
 *
 * Pure: the zone's rules come as data. See docs/cron.md for the dialect.
 *
 * A job whose minute or hour field begins with '*' follows the wall clock: it
 * does not run in an hour that is skipped and runs again in one that is
 * repeated. Any other job runs at fixed times: what a jump of the clock skips
 * runs once, right after the jump; what it repeats runs the first time only.
 * The source of both rules is cron(8) of Debian. */
#ifndef RELEVO_MODEL_CRON_H
#define RELEVO_MODEL_CRON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/tz.h"

#define CRON_NEVER INT64_MAX

/* Bit n is set where value n matches. Copy and compare freely. */
struct cron {
    uint64_t minutes;  /* 0-59 */
    uint32_t hours;    /* 0-23 */
    uint32_t days;     /* 1-31 */
    uint16_t months;   /* 1-12 */
    uint8_t weekdays;  /* 0-6, 0 is Sunday */
    bool both_days;    /* a day field begins with '*': both must match */
    bool follows_wall; /* the minute or hour field begins with '*' */
};

/* "30 2 * * mon-fri" or "@daily". The error names the field, the value and
 * what is allowed (ERR_CONFIG). A date that no year has ("0 0 30 2 *") is
 * refused too; only then *cron is filled nevertheless, and cron_next gives
 * CRON_NEVER for it. */
bool cron_parse(const char *text, struct cron *, struct err *) MUST_CHECK;

bool cron_equal(const struct cron *, const struct cron *);

/* The first time strictly after that, in seconds since 1970 UTC; CRON_NEVER
 * where none comes within the 400 years after which the calendar repeats, or
 * before the year 10000. A NULL zone is UTC. */
int64_t cron_next(const struct cron *, const struct tz *,
                  int64_t after_utc_seconds);

#endif

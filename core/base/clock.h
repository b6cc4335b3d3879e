/* base/clock.h: the only place that reads clocks, and times as text.
 *
 * Monotonic nanoseconds measure; wall microseconds since 1970 UTC are what
 * people see. The model never reads either: it is told. */
#ifndef RELEVO_BASE_CLOCK_H
#define RELEVO_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NS_PER_US 1000LL
#define NS_PER_MS 1000000LL
#define NS_PER_S  1000000000LL
#define US_PER_MS 1000LL
#define US_PER_S  1000000LL

struct now {
    int64_t mono_ns;
    int64_t wall_us;
};

int64_t clock_mono_ns(void);
int64_t clock_wall_us(void);
struct now clock_now(void);

#define CLOCK_TEXT 32
/* RFC 3339 in UTC with milliseconds: 2026-03-28T00:00:00.000Z. Returns out. */
const char *clock_format(int64_t wall_us, char out[CLOCK_TEXT]);
/* "HH:MM:SS" of the local zone, for lines that a person watches. */
const char *clock_format_short(int64_t wall_us, char out[CLOCK_TEXT]);
/* RFC 3339 with Z or an offset; fractions optional. */
bool clock_parse(const char *text, int64_t *wall_us);

#endif

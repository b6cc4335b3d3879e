/* Reads any text as a cron expression and any bytes as a zone, and asks for
 * the next times: they must ascend, and be what the expression says.
 *
 * Input: the expression, up to a NUL, then the bytes of a TZif file (none, or
 * broken ones: UTC). */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/cron.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whether the clock shows a minute and an hour that match. */
static bool shows_match(const struct cron *c, const struct tz *tz, int64_t t)
{
    int64_t local = t + tz_offset(tz, t);
    int64_t minute = civil_floor_div(local, 60);
    int64_t in_day = minute - civil_floor_div(minute, 1440) * 1440;
    return local == minute * 60 && c->minutes >> in_day % 60 & 1 &&
           c->hours >> in_day / 60 & 1;
}

static void check_times(const struct cron *c, const struct tz *tz, int64_t from)
{
    for (int i = 0; i < 4; i++) {
        int64_t t = cron_next(c, tz, from);
        must(t > from);
        if (t == CRON_NEVER)
            return;
        bool jump = tz_span(tz, t).begin_s == t;
        must(shows_match(c, tz, t) || (jump && !c->follows_wall));
        from = t;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cron c;
    struct err err = {0};
    char *text = xstrndup((const char *)data, size);
    size_t n = strlen(text);
    bool good = cron_parse(text, &c, &err);
    must(good || err.text[0] != '\0');
    if (good) {
        struct tz *tz = n < size
                            ? tz_parse("Fuzz", data + n + 1, size - n - 1, NULL)
                            : NULL;
        check_times(&c, tz, 0);
        check_times(&c, tz, 1774656000);
        check_times(&c, tz, INT64_MIN);
        tz_free(tz);
    }
    free(text);
    return 0;
}

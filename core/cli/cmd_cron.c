/* cli/cmd_cron.c: `relevo cron EXPR`: the next times that a cron expression
 * names, in a time zone; the same code that schedules checks. */
#include <stdio.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "model/cron.h"

enum { DEFAULT_COUNT = 5, MOST = 100000 };

struct question {
    struct cron cron;
    struct tz *zone; /* NULL: UTC */
    int64_t from_s;  /* times after it */
    int64_t count;
};

static int64_t floor_seconds(int64_t us)
{
    return us / US_PER_S - (us % US_PER_S < 0 ? 1 : 0);
}

static int parse(struct question *q, const struct args *args)
{
    struct err err;
    int64_t from_us = clock_wall_us();
    const char *zone = args_get(args, "timezone");
    const char *from = args_get(args, "from");
    const char *count = args_get(args, "count");
    if (!cron_parse(args->words[0], &q->cron, &err))
        return cli_fail(EXIT_USAGE, "%s", err.text);
    if (from != NULL && !clock_parse(from, &from_us))
        return cli_fail(EXIT_USAGE,
                        "--from: \"%s\" is not a time; expected RFC 3339, "
                        "such as 2026-03-28T00:00:00Z",
                        from);
    if (count != NULL &&
        (!str_to_i64(count, &q->count) || q->count < 1 || q->count > MOST))
        return cli_fail(EXIT_USAGE,
                        "--count: \"%s\" is not a whole number from 1 to %d",
                        count, MOST);
    q->from_s = floor_seconds(from_us);
    if (zone != NULL && (q->zone = tz_load(zone, &err)) == NULL)
        return cli_fail(EXIT_USAGE, "--timezone: %s", err.text);
    return EXIT_FINE;
}

static int answer(const struct question *q, bool json)
{
    json_t *all = json_array();
    int64_t t = q->from_s;
    for (int64_t i = 0; i < q->count; i++) {
        char text[TZ_TEXT];
        t = cron_next(&q->cron, q->zone, t);
        if (t == CRON_NEVER)
            break;
        json_array_append_new(
            all, json_string(tz_format(q->zone, t, text, sizeof text)));
        if (!json)
            puts(text);
    }
    bool none = json_array_size(all) == 0;
    if (json)
        out_json(all);
    else
        json_decref(all);
    return none ? cli_fail(EXIT_FINDINGS, "no such time comes any more")
                : EXIT_FINE;
}

int cmd_cron(const struct args *args)
{
    struct question q = {.count = DEFAULT_COUNT};
    int status = parse(&q, args);
    if (status == EXIT_FINE)
        status = answer(&q, args_has(args, "json"));
    tz_free(q.zone);
    return status;
}

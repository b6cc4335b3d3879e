/* web/api_history.c: /api/v1/history/CHECK: its results, newest first, as
 * `relevo history CHECK --json` prints them. */
#include <string.h>

#include "base/clock.h"
#include "report/json.h"
#include "web/handlers.h"

enum { FEWEST = 20, MOST = 1000 };

/* ?since=, ?before=: false: answered. */
static bool take_time(const struct web_request *q, struct web_response *r,
                      const char *name, int64_t *us)
{
    const char *text = web_query(q, name);
    if (text == NULL || clock_parse(text, us))
        return true;
    response_error(
        r, 400, "%s: expected a time such as 2026-03-28T00:00:00.000Z", name);
    return false;
}

void api_history_handle(const struct web_request *q, struct web_response *r)
{
    struct reader_window w = {0};
    struct check_row row;
    struct result **results;
    size_t count;
    struct err err;
    if (!web_limit(q, r, FEWEST, MOST, &w.limit) ||
        !take_time(q, r, "since", &w.since_us) ||
        !take_time(q, r, "before", &w.before_us))
        return;
    struct reader *reader = web_reader(r);
    if (reader == NULL)
        return;
    if (!reader_check(reader, q->arena, web_param(q, "check"), &row, &err)) {
        web_not_read(r, &err, "no such check");
        return;
    }
    w.check = row.check;
    if (!reader_history(reader, q->arena, &w, &results, &count, &err)) {
        web_not_read(r, &err, "no such check");
        return;
    }
    json_t *all = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(all, report_result(results[i], row.name));
    response_json(r, all);
}

/* web/api_status.c: /api/v1/status: what `relevo status --json` prints. */
#include "report/json.h"
#include "web/handlers.h"
#include "web/status.h"

static json_t *checks_json(const struct web_request *q)
{
    json_t *all = json_array();
    for (size_t i = 0; i < q->status->check_count; i++)
        json_array_append_new(all, report_check(&q->status->checks[i]));
    return all;
}

static json_t *troubles_json(const struct status *s)
{
    json_t *all = json_array();
    for (size_t i = 0; i < s->trouble_count; i++) {
        const struct msg_trouble *t = &s->troubles[i];
        json_array_append_new(
            all, report_trouble(&t->row, &t->state,
                                t->incident.number == 0 ? NULL : &t->incident));
    }
    return all;
}

void api_status_handle(const struct web_request *q, struct web_response *r)
{
    const struct status *s = q->status;
    if (s == NULL) {
        response_error(r, 503, "the scheduler does not answer");
        return;
    }
    response_json(r, json_pack("{s:o, s:o}", "checks", checks_json(q),
                               "troubles", troubles_json(s)));
}

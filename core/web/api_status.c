/* web/api_status.c: /api/v1/status: what `relevo status --json` prints. */
#include "report/json.h"
#include "web/handlers.h"
#include "web/status.h"

static const char *check_name(const struct status *s, uint32_t check)
{
    for (size_t i = 0; i < s->check_count; i++)
        if (s->checks[i].row->check == check)
            return s->checks[i].row->name;
    return "";
}

static json_t *checks_json(const struct web_request *q)
{
    json_t *all = json_array();
    for (size_t i = 0; i < q->status->check_count; i++)
        json_array_append_new(all, report_check(&q->status->checks[i]));
    return all;
}

/* What is in memory is a number: the run itself is in the history. */
static json_t *letters_json(const struct web_request *q, struct web_response *r)
{
    json_t *all = json_array();
    struct reader *reader = q->status->letter_count == 0 ? NULL : web_reader(r);
    for (size_t i = 0; reader != NULL && i < q->status->letter_count; i++) {
        struct run_row row;
        if (!reader_run(reader, q->arena, q->status->letters[i], &row, NULL))
            continue;
        json_t *run = report_run(&row, check_name(q->status, row.check));
        json_object_del(run, "output");
        json_array_append_new(all, run);
    }
    return all;
}

static json_t *distrust_json(const struct status *s)
{
    if (s->distrust == NULL)
        return json_null();
    return json_pack("{s:s, s:o}", "reason", s->distrust, "left_ms",
                     report_ms(s->distrust_ns));
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
    json_t *letters = letters_json(q, r);
    r->status = 200; /* also where the history cannot be read */
    response_json(r, json_pack("{s:o, s:o, s:o, s:o}", "checks", checks_json(q),
                               "troubles", troubles_json(s), "distrust",
                               distrust_json(s), "dead_letters", letters));
}

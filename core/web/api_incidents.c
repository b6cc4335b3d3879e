/* web/api_incidents.c: /api/v1/incidents and one of them, as `relevo incident
 * list` and `show` print them with --json. */
#include "report/json.h"
#include "report/story_read.h"
#include "web/handlers.h"
#include "web/status.h"

enum { FEWEST = 20, MOST = 200 };

/* What stories are read from; false: answered. */
static bool open_source(const struct web_request *q, struct web_response *r,
                        struct story_source *s)
{
    struct err err;
    struct check_row *checks;
    *s = (struct story_source){.reader = web_reader(r), .arena = q->arena};
    if (s->reader == NULL)
        return false;
    if (!reader_checks(s->reader, s->arena, &checks, &s->check_count, &err))
        return web_not_read(r, &err, "");
    s->checks = checks;
    return true;
}

static json_t *incident_json(const struct story_source *s,
                             const struct incident_row *row)
{
    struct story_impact *impacts;
    size_t count;
    json_t *o = report_incident(row, story_check_name(s, row->check));
    if (story_impacts(s, row->number, &impacts, &count, NULL))
        json_object_set_new(o, "impact", story_impacts_json(impacts, count));
    return o;
}

void api_incidents_handle(const struct web_request *q, struct web_response *r)
{
    struct story_source s;
    struct incident_row *rows;
    struct err err;
    size_t limit, count;
    uint64_t before = 0;
    const char *text = web_query(q, "before");
    if (!web_limit(q, r, FEWEST, MOST, &limit))
        return;
    if (text != NULL && !id_parse('I', text, &before)) {
        response_error(r, 400, "before: expected an incident such as I-12");
        return;
    }
    if (!open_source(q, r, &s))
        return;
    if (!reader_incidents(s.reader, q->arena, before, limit, &rows, &count,
                          &err)) {
        web_not_read(r, &err, "");
        return;
    }
    json_t *all = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(all, incident_json(&s, &rows[i]));
    response_json(r, all);
}

void api_incident_handle(const struct web_request *q, struct web_response *r)
{
    struct story story = {.now_us = q->now_us};
    struct story_source s;
    struct err err;
    uint64_t number;
    if (!id_parse('I', web_param(q, "id"), &number) || number == 0) {
        response_error(r, 404, "no such incident");
        return;
    }
    if (!open_source(q, r, &s))
        return;
    if (!reader_incident(s.reader, q->arena, number, &story.row, &err) ||
        !story_read(&s, &story, &err)) {
        web_not_read(r, &err, "no such incident");
        return;
    }
    const struct check_view *v =
        q->status == NULL ? NULL : status_check(q->status, story.check);
    json_t *about = v == NULL ? NULL : report_check(v);
    story_about(about, q->arena, &story);
    response_json(r, story_json(&story));
    json_decref(about);
}

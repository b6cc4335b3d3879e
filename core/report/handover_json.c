/* report/handover_json.c: the handover as JSON; its shape is in
 * docs/commands.md. See handover.h. */
#include "report/handover.h"

#include <string.h>

#include "report/json.h"

static json_t *text_of(const char *s)
{
    return report_text(s == NULL ? "" : s, s == NULL ? 0 : strlen(s));
}

static json_t *incidents_json(const struct handover_incident *list, size_t n)
{
    json_t *all = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(all, report_incident(list[i].row, list[i].check));
    return all;
}

static json_t *runs_json(const struct handover_run *list, size_t n)
{
    json_t *all = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(all, report_run(list[i].row, list[i].check));
    return all;
}

static json_t *pauses_json(const struct handover *h)
{
    json_t *all = json_array();
    for (size_t i = 0; i < h->paused_count; i++) {
        const struct handover_pause *pause = &h->paused[i];
        json_array_append_new(
            all,
            json_pack("{s:o, s:o, s:o, s:o}", "check", text_of(pause->check),
                      "since", report_time(pause->since_us), "until",
                      report_time(pause->until_us > 0 ? pause->until_us : 0),
                      "why", text_of(pause->why)));
    }
    return all;
}

static json_t *windows_json(const struct handover *h)
{
    json_t *all = json_array();
    for (size_t i = 0; i < h->windows_count; i++) {
        const struct handover_window *w = &h->windows[i];
        json_array_append_new(
            all, json_pack("{s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "id",
                           text_of(w->id), "open", (int)w->open, "from",
                           report_time(w->from_us), "until",
                           report_time(w->until_us), "what", text_of(w->what),
                           "by", text_of(w->by), "reason", text_of(w->reason)));
    }
    return all;
}

static json_t *marks_json(const struct handover *h)
{
    json_t *all = json_array();
    for (size_t i = 0; i < h->mark_count; i++) {
        const struct mark_row *mark = &h->marks[i];
        json_array_append_new(
            all,
            json_pack("{s:o, s:o, s:o, s:o}", "at", report_time(mark->at_us),
                      "by", text_of(mark->actor), "environment",
                      text_of(mark->environment), "text", text_of(mark->text)));
    }
    return all;
}

static json_t *flaps_json(const struct handover *h)
{
    json_t *all = json_array();
    for (size_t i = 0; i < h->flaps_count; i++)
        json_array_append_new(
            all, json_pack("{s:o, s:I}", "check", text_of(h->flaps[i].check),
                           "times", (json_int_t)h->flaps[i].times));
    return all;
}

json_t *handover_json(const struct handover *h)
{
    json_t *o = json_object();
    json_object_set_new(o, "since", report_time(h->since_us));
    json_object_set_new(o, "until", report_time(h->now_us));
    json_object_set_new(o, "environment",
                        h->environment == NULL ? json_null()
                                               : text_of(h->environment));
    json_object_set_new(o, "open", incidents_json(h->open, h->open_count));
    json_object_set_new(o, "resolved",
                        incidents_json(h->resolved, h->resolved_count));
    json_object_set_new(o, "dead_letters", runs_json(h->dead, h->dead_count));
    json_object_set_new(o, "paused", pauses_json(h));
    json_object_set_new(o, "maintenance", windows_json(h));
    json_object_set_new(o, "marks", marks_json(h));
    json_object_set_new(o, "would_have_run",
                        runs_json(h->would, h->would_count));
    json_object_set_new(o, "held", runs_json(h->held, h->held_count));
    json_object_set_new(o, "flaps", flaps_json(h));
    return o;
}

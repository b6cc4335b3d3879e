/* report/story_json.c: an incident with all that is known of it, as JSON: the
 * shape that docs/commands.md describes. See story.h. */
#include <string.h>

#include "report/json.h"
#include "report/story.h"

json_t *story_impacts_json(const struct story_impact *impacts, size_t count)
{
    json_t *all = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(
            all,
            json_pack("{s:o, s:o, s:o}", "check",
                      report_text(impacts[i].check, strlen(impacts[i].check)),
                      "since", report_time(impacts[i].since_us), "until",
                      report_time(impacts[i].until_us)));
    return all;
}

static void add_about(json_t *o, const struct story *s)
{
    json_t *links = json_object();
    for (size_t i = 0; i < s->link_count; i++)
        json_object_set_new(
            links, s->links[i].name,
            report_text(s->links[i].url, strlen(s->links[i].url)));
    json_object_set_new(o, "title", report_text(s->title, strlen(s->title)));
    json_object_set_new(o, "owner", report_text(s->owner, strlen(s->owner)));
    json_object_set_new(o, "links", links);
}

json_t *story_json(const struct story *s)
{
    json_t *o = report_incident(&s->row, s->check);
    json_t *timeline = json_array(), *runs = json_array();
    for (size_t i = 0; i < s->event_count; i++)
        json_array_append_new(timeline, report_event(&s->events[i]));
    for (size_t i = 0; i < s->run_count; i++)
        json_array_append_new(runs, report_run(&s->runs[i], s->check));
    add_about(o, s);
    json_object_set_new(o, "impact",
                        story_impacts_json(s->impacts, s->impact_count));
    json_object_set_new(o, "timeline", timeline);
    json_object_set_new(o, "runs", runs);
    json_object_set_new(o, "result",
                        s->first == NULL ? json_null()
                                         : report_result(s->first, s->check));
    if (s->again != NULL)
        json_object_set_new(o, "latest", report_result(s->again, s->check));
    return o;
}

/* report/story_read.c: see story_read.h. */
#include "report/story_read.h"

#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "report/json.h"

enum { MARKS_BEFORE_S = 60 * 60, LATEST_AMONG = 200 };

static const struct check_row *row_of(const struct story_source *p,
                                      uint32_t check)
{
    for (size_t i = 0; i < p->check_count; i++)
        if (p->checks[i].check == check)
            return &p->checks[i];
    return NULL;
}

const char *story_check_name(const struct story_source *p, uint32_t check)
{
    const struct check_row *row = row_of(p, check);
    return row == NULL ? "" : row->name;
}

static bool is_of(const struct story_source *p, uint32_t check,
                  const char *environment)
{
    const struct check_row *row = row_of(p, check);
    return row != NULL && str_eq(row->environment, environment);
}

/* The failing result with which it began; what came first of those that are
 * still kept, where that one is not. NULL: none is. */
static bool first_result(const struct story_source *p,
                         const struct incident_row *row, struct result **first,
                         struct err *err)
{
    struct reader_window w = {.check = row->check,
                              .since_us = row->began_us,
                              .before_us = row->resolved_us};
    struct result **results;
    size_t count;
    if (!reader_result(p->reader, p->arena, row->check, row->began_us, first,
                       err))
        return false;
    if (*first != NULL)
        return true;
    if (!reader_history(p->reader, p->arena, &w, &results, &count, err))
        return false;
    while (*first == NULL && count-- > 0)
        if (results[count]->outcome == OUTCOME_FAIL)
            *first = results[count];
    return true;
}

/* A failure that came back need not be the one that it was. */
static bool latest_result(const struct story_source *p,
                          const struct incident_row *row,
                          struct result **latest, struct err *err)
{
    struct reader_window w = {.check = row->check,
                              .since_us = row->began_us,
                              .before_us = row->resolved_us,
                              .limit = LATEST_AMONG};
    struct result **results;
    size_t count;
    if (row->reopened == 0)
        return true;
    if (!reader_history(p->reader, p->arena, &w, &results, &count, err))
        return false;
    for (size_t i = 0; i < count && *latest == NULL; i++)
        if (results[i]->outcome == OUTCOME_FAIL)
            *latest = results[i];
    return true;
}

bool story_impacts(const struct story_source *p, uint64_t incident,
                   struct story_impact **impacts, size_t *count,
                   struct err *err)
{
    struct impact_row *rows;
    if (!reader_impact(p->reader, p->arena, incident, &rows, count, err))
        return false;
    *impacts = arena_alloc(p->arena, (*count + 1) * sizeof **impacts);
    for (size_t i = 0; i < *count; i++)
        (*impacts)[i] =
            (struct story_impact){story_check_name(p, rows[i].check),
                                  rows[i].since_us, rows[i].until_us};
    return true;
}

/* Where its time belongs: behind all that is of the same time, since what one
 * step did stays in its order. There is room. */
static void insert_event(struct event_row *all, size_t *count,
                         struct event_row row)
{
    size_t i = (*count)++;
    for (; i > 0 && all[i - 1].at_us > row.at_us; i--)
        all[i] = all[i - 1];
    all[i] = row;
}

/* Marks of its environment from an hour before it until its end stand in the
 * timeline: a release is often what did it. */
static bool add_marks(const struct story_source *p, struct story *s,
                      struct err *err)
{
    struct mark_row *marks;
    size_t count, n = s->event_count;
    int64_t before_us = story_is_open(s) ? s->now_us : s->row.resolved_us;
    if (!reader_marks(p->reader, p->arena,
                      s->row.began_us - MARKS_BEFORE_S * US_PER_S,
                      before_us + 1, &marks, &count, err))
        return false;
    struct event_row *all =
        arena_alloc(p->arena, (n + count + 1) * sizeof *all);
    for (size_t i = 0; i < n; i++)
        all[i] = s->events[i];
    for (size_t i = count; i-- > 0;)
        if (marks[i].environment[0] == '\0' ||
            is_of(p, s->row.check, marks[i].environment))
            insert_event(all, &n,
                         (struct event_row){s->row.number, s->row.check,
                                            marks[i].at_us, "mark",
                                            arena_printf(p->arena, "by %s: %s",
                                                         marks[i].actor,
                                                         marks[i].text)});
    s->events = all;
    s->event_count = n;
    return true;
}

bool story_read(const struct story_source *p, struct story *s, struct err *err)
{
    s->check = story_check_name(p, s->row.check);
    return reader_events(p->reader, p->arena, s->row.number, &s->events,
                         &s->event_count, err) &&
           reader_incident_runs(p->reader, p->arena, s->row.number, &s->runs,
                                &s->run_count, err) &&
           story_impacts(p, s->row.number, &s->impacts, &s->impact_count,
                         err) &&
           add_marks(p, s, err) && first_result(p, &s->row, &s->first, err) &&
           latest_result(p, &s->row, &s->again, err);
}

void story_about(const json_t *check, struct arena *arena, struct story *s)
{
    json_t *links = json_object_get(check, "links"), *url;
    const char *name;
    s->title = report_member(check, "title");
    s->owner = report_member(check, "owner");
    s->links =
        arena_alloc(arena, (json_object_size(links) + 1) * sizeof *s->links);
    json_object_foreach (links, name, url) {
        const char *target = json_string_value(url);
        s->links[s->link_count++] =
            (struct story_link){name, target == NULL ? "" : target};
    }
}

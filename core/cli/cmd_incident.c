/* cli/cmd_incident.c: `relevo incident list` and `relevo incident show`, from
 * the store; no daemon is needed. What a person reads is in incident_page.c. */
#include <stdio.h>

#include "base/clock.h"
#include "base/human.h"
#include "base/str.h"
#include "cli/incident_page.h"
#include "cli/out.h"
#include "cli/listing.h"
#include "model/fault.h"
#include "report/json.h"

/* ---------------------------------------------------------------- list --- */

static void add_row(struct table *t, const struct ledger *p, const void *found)
{
    const struct incident_row *row = found;
    char id[ID_TEXT], lasted[HUMAN_TEXT];
    bool open = row->state != INCIDENT_RESOLVED;
    int64_t end_us = open ? clock_wall_us() : row->resolved_us;
    table_cell(t, "%s", id_text('I', row->number, id));
    table_cell(t, "%s", ledger_name(p, row->check));
    table_cell(t, "%s", incident_state_name(row->state));
    table_cell(t, "%s", out_time(row->opened_us));
    table_cell(t, "%s%s",
               human_elapsed((end_us - row->began_us) * NS_PER_US, lasted),
               open ? " so far" : "");
    table_cell(t, "%s%s%s", fault_name(row->fault), row->code[0] ? " " : "",
               row->code);
    table_cell(t, "%s", row->cause[0] ? row->cause : row->summary);
}

static bool read_rows(struct ledger *p, uint64_t before, size_t limit,
                      const void **rows, size_t *count, struct err *err)
{
    struct incident_row *found;
    bool ok = reader_incidents(p->reader, p->arena, before, limit, &found,
                               count, err);
    *rows = ok ? found : NULL;
    return ok;
}

static uint64_t number_of(const void *row)
{
    return ((const struct incident_row *)row)->number;
}

static uint32_t check_of(const void *row)
{
    return ((const struct incident_row *)row)->check;
}

static json_t *row_json(const struct ledger *p, const void *found)
{
    const struct incident_row *row = found;
    return report_incident(row, ledger_name(p, row->check));
}

static const char *const head[] = {
    "ID", "CHECK", "STATE", "OPENED", "LASTED", "FAULT", "CAUSE OR MESSAGE"};
static const struct listing incidents = {"no incidents so far",
                                         head,
                                         ARRAY_LEN(head),
                                         sizeof(struct incident_row),
                                         read_rows,
                                         number_of,
                                         check_of,
                                         add_row,
                                         row_json};

int cmd_incident_list(const struct args *args)
{
    return listing_run(&incidents, args);
}

/* ---------------------------------------------------------------- show --- */

/* The failing result with which it began; what came first of those that are
 * still kept, where that one is not. NULL: none is. */
static bool first_result(struct ledger *p, const struct incident_row *row,
                         struct result **first, struct err *err)
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

static bool read_story(struct ledger *p, struct story *s, struct err *err)
{
    s->check = ledger_name(p, s->row.check);
    return reader_events(p->reader, p->arena, s->row.number, &s->events,
                         &s->event_count, err) &&
           reader_incident_runs(p->reader, p->arena, s->row.number, &s->runs,
                                &s->run_count, err) &&
           first_result(p, &s->row, &s->first, err);
}

static json_t *story_json(const struct story *s)
{
    json_t *o = report_incident(&s->row, s->check);
    json_t *timeline = json_array(), *runs = json_array();
    for (size_t i = 0; i < s->event_count; i++)
        json_array_append_new(timeline, report_event(&s->events[i]));
    for (size_t i = 0; i < s->run_count; i++)
        json_array_append_new(runs, report_run(&s->runs[i], s->check));
    json_object_set_new(o, "timeline", timeline);
    json_object_set_new(o, "runs", runs);
    json_object_set_new(o, "result",
                        s->first == NULL ? json_null()
                                         : report_result(s->first, s->check));
    return o;
}

static int no_incident(struct ledger *p, uint64_t number)
{
    struct incident_row latest;
    char id[ID_TEXT], last[ID_TEXT];
    if (!reader_incident(p->reader, p->arena, 0, &latest, NULL))
        return cli_fail(EXIT_INTERNAL, "no incidents so far");
    return cli_fail(EXIT_USAGE,
                    "no incident %s; the latest is %s (a failure that passed "
                    "before it was confirmed has none)",
                    id_text('I', number, id),
                    id_text('I', latest.number, last));
}

static int show(struct ledger *p, uint64_t number, bool json)
{
    struct story s = {.now_us = clock_wall_us()};
    struct err err;
    if (!reader_incident(p->reader, p->arena, number, &s.row, &err))
        return err.code == ERR_NOT_FOUND
                   ? no_incident(p, number)
                   : cli_fail(EXIT_INTERNAL, "%s", err.text);
    if (!read_story(p, &s, &err))
        return cli_fail(EXIT_INTERNAL, "%s", err.text);
    if (json)
        out_json(story_json(&s));
    else
        incident_page(&s);
    return EXIT_FINE;
}

int cmd_incident_show(const struct args *args)
{
    uint64_t number = 0;
    struct ledger ledger;
    if (args->word_count > 0 && !id_parse('I', args->words[0], &number))
        return cli_fail(EXIT_USAGE,
                        "\"%s\" is not an incident; expected I-12 or 12",
                        args->words[0]);
    int status = ledger_open(&ledger, args);
    if (status != EXIT_FINE)
        return status;
    status = show(&ledger, number, args_has(args, "json"));
    ledger_close(&ledger);
    return status;
}

/* cli/cmd_incident.c: `relevo incident list` and `relevo incident show`, from
 * the store; no daemon is needed. What a person reads is in incident_page.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/human.h"
#include "base/str.h"
#include "cli/incident_page.h"
#include "cli/incident_read.h"
#include "cli/out.h"
#include "cli/listing.h"
#include "model/fault.h"
#include "report/json.h"

enum { IMPACTS_SHOWN = 2 };

/* ---------------------------------------------------------------- list --- */

/* A list says less rather than nothing when they cannot be read. */
static const struct story_impact *impacts_of(const struct ledger *p,
                                             const struct incident_row *row,
                                             size_t *count)
{
    struct story_impact *impacts = NULL;
    struct err err;
    struct story_source source = ledger_source(p);
    if (!story_impacts(&source, row->number, &impacts, count, &err))
        *count = 0;
    return impacts;
}

/* "api, web and 3 more" */
static void add_impact(struct table *t, const struct ledger *p,
                       const struct incident_row *row)
{
    size_t count, shown;
    const struct story_impact *impacts = impacts_of(p, row, &count);
    struct buf text = {0};
    for (shown = 0; shown < count && shown < IMPACTS_SHOWN; shown++)
        buf_addf(&text, "%s%s", shown > 0 ? ", " : "", impacts[shown].check);
    if (shown < count)
        buf_addf(&text, " and %zu more", count - shown);
    table_cell(t, "%s", buf_text(&text));
    buf_free(&text);
}

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
    add_impact(t, p, row);
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
    json_t *o = report_incident(row, ledger_name(p, row->check));
    size_t count;
    const struct story_impact *impacts = impacts_of(p, row, &count);
    json_object_set_new(o, "impact", story_impacts_json(impacts, count));
    return o;
}

static const char *const head[] = {"ID",     "CHECK",           "STATE",
                                   "OPENED", "LASTED",          "IMPACT",
                                   "FAULT",  "CAUSE OR MESSAGE"};
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

/* The newest of an environment; 0: there is none. False: told in err. */
static bool latest_of(struct ledger *p, const char *environment,
                      uint64_t *number, struct err *err)
{
    const void **rows;
    size_t count;
    if (!listing_read(&incidents, p, environment, 1, &rows, &count, err))
        return false;
    *number = count > 0 ? number_of(rows[0]) : 0;
    free(rows);
    return true;
}

static void print_story(const struct args *args, const struct story *s)
{
    if (args_has(args, "json")) {
        out_json(story_json(s));
    } else if (str_eq(args_get(args, "format"), "markdown")) {
        struct buf text = {0};
        story_markdown(s, &text);
        fputs(buf_text(&text), stdout);
        buf_free(&text);
    } else {
        incident_page(s);
    }
}

static int show(struct ledger *p, const struct args *args, uint64_t number)
{
    struct story s = {.now_us = clock_wall_us()};
    struct err err;
    const char *environment = args_get(args, "env");
    if (!ledger_environment(p, environment, &err))
        return cli_fail(EXIT_USAGE, "%s", err.text);
    if (number == 0 && environment != NULL) {
        if (!latest_of(p, environment, &number, &err))
            return cli_fail(EXIT_INTERNAL, "%s", err.text);
        if (number == 0)
            return cli_fail(EXIT_INTERNAL, "no incidents in %s so far",
                            environment);
    }
    if (!reader_incident(p->reader, p->arena, number, &s.row, &err))
        return err.code == ERR_NOT_FOUND
                   ? no_incident(p, number)
                   : cli_fail(EXIT_INTERNAL, "%s", err.text);
    struct story_source source = ledger_source(p);
    if (!story_read(&source, &s, &err))
        return cli_fail(EXIT_INTERNAL, "%s", err.text);
    json_t *about = incident_about(args, p->arena, &s);
    print_story(args, &s);
    json_decref(about);
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
    int status = cli_page_format(args);
    if (status == EXIT_FINE)
        status = ledger_open(&ledger, args);
    if (status != EXIT_FINE)
        return status;
    status = show(&ledger, args, number);
    ledger_close(&ledger);
    return status;
}

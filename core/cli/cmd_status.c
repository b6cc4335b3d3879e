/* cli/cmd_status.c: `relevo status`: the state of every check, from the daemon
 * when it runs, else as the store last knew it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/human.h"
#include "base/str.h"
#include "cli/ask.h"
#include "cli/ledger.h"
#include "cli/matrix.h"
#include "cli/out.h"
#include "model/naming.h"
#include "model/trouble.h"
#include "report/json.h"

struct status { /* lists */
    json_t *checks;
    json_t *troubles; /* of the monitor itself */
    json_t *letters;  /* notices that were given up */
    json_t *distrust; /* an object: why it distrusts itself; or empty */
    json_t *web;      /* an object: where the page is; or empty */
};

/* Each item of the answer goes to its list. False: told in err. */
static bool from_daemon(const char *state_dir, const struct args *args,
                        struct status *s, struct err *err)
{
    json_t *request = ask_request("status", args), *item;
    json_t *all = ask_list(state_dir, request, err);
    size_t i;
    json_array_foreach (all, i, item) {
        json_t *letter = json_object_get(item, "dead_letter");
        json_t *trouble = json_object_get(item, "trouble");
        json_t *distrust = json_object_get(item, "distrust");
        json_t *web = json_object_get(item, "web");
        if (distrust != NULL)
            json_object_update(s->distrust, distrust);
        else if (web != NULL)
            json_object_update(s->web, web);
        else if (letter != NULL)
            json_array_append(s->letters, letter);
        else if (trouble != NULL)
            json_array_append(s->troubles, trouble);
        else
            json_array_append(s->checks, item);
    }
    json_decref(all);
    return all != NULL;
}

static json_t *stored_check(const struct check_row *row,
                            const struct state_row *state)
{
    char id[ID_TEXT];
    id_text('I', state->incident, id);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:n}", "name",
                     row->name, "environment", row->environment, "plugin",
                     row->plugin, "state", state_name(state->state), "count",
                     "", "since", report_time(state->since_us), "incident",
                     id[0] ? json_string(id) : json_null(), "until",
                     report_pause_end(state), "last");
}

static json_t *stored_trouble(struct reader *reader, struct arena *arena,
                              const struct check_row *row,
                              const struct state_row *state)
{
    struct incident_row incident;
    struct err err;
    bool found =
        reader_incident(reader, arena, state->incident, &incident, &err);
    return report_trouble(row, state, found ? &incident : NULL);
}

static void add_stored(struct reader *reader, struct arena *arena,
                       const struct check_row *row,
                       const struct state_row *state, struct status *s)
{
    if (!trouble_is(row))
        json_array_append_new(s->checks, stored_check(row, state));
    else if (state->state == STATE_DOWN)
        json_array_append_new(s->troubles,
                              stored_trouble(reader, arena, row, state));
}

static bool from_store(const char *state_dir, struct status *s, struct err *err)
{
    struct reader *reader = ledger_reader(state_dir, err);
    if (reader == NULL)
        return false;
    struct arena *arena = arena_new();
    struct check_row *checks;
    struct state_row *states;
    size_t check_count, state_count;
    bool ok = reader_checks(reader, arena, &checks, &check_count, err) &&
              reader_states(reader, arena, &states, &state_count, err);
    for (size_t i = 0; ok && i < check_count; i++)
        for (size_t k = 0; k < state_count; k++)
            if (states[k].check == checks[i].check)
                add_stored(reader, arena, &checks[i], &states[k], s);
    arena_free(arena);
    reader_close(reader);
    return ok;
}

/* ----------------------------------------------------------- selection --- */

static bool at_check(const void *arg, size_t i, struct named *out)
{
    const json_t *check = json_array_get(arg, i);
    if (check == NULL)
        return false;
    *out = (struct named){report_member(check, "name"),
                          report_member(check, "environment")};
    return true;
}

/* Only what was asked for; a word that means nothing is an error. Takes `all`
 * over. */
static json_t *select_checks(const struct args *args, json_t *all,
                             struct err *err)
{
    struct naming names = {all, at_check, ""};
    const char *environment = args_get(args, "env");
    size_t count = json_array_size(all);
    bool *chosen = xcalloc(count + 1, sizeof *chosen);
    bool ok = args->word_count > 0 || count == 0 ||
              naming_choose(&names, "*", environment, chosen, err);
    for (size_t i = 0; ok && i < args->word_count; i++)
        ok = naming_choose(&names, args->words[i], environment, chosen, err);
    json_t *some = ok ? json_array() : NULL;
    for (size_t i = 0; ok && i < count; i++)
        if (chosen[i])
            json_array_append(some, json_array_get(all, i));
    free(chosen);
    json_decref(all);
    return some;
}

/* ---------------------------------------------------------------- text --- */

/* What stands beside the state: "waits for db", "manual", "until 15:00",
 * "enabled = false", "maintenance M-3 until 14:30", "acknowledged". */
static void put_notes(struct buf *out, const json_t *check)
{
    int64_t until = 0;
    const char *window = report_member(check, "maintenance");
    matrix_put_waits(out, check);
    if (json_is_true(json_object_get(check, "manual")))
        buf_addf(out, "%smanual", out->len > 0 ? ", " : "");
    if (json_is_false(json_object_get(check, "enabled")))
        buf_addf(out, "%senabled = false", out->len > 0 ? ", " : "");
    if (clock_parse(report_member(check, "until"), &until))
        buf_addf(out, "%suntil %s", out->len > 0 ? ", " : "", out_clock(until));
    if (window[0] != '\0')
        buf_addf(out, "%smaintenance %s", out->len > 0 ? ", " : "", window);
    if (json_is_true(json_object_get(check, "acknowledged")))
        buf_addf(out, "%sacknowledged", out->len > 0 ? ", " : "");
}

static void put_last(struct buf *out, const json_t *check)
{
    const json_t *last = json_object_get(check, "last");
    const char *fault = report_member(last, "fault");
    const char *code = report_member(last, "code");
    bool bad = fault[0] && !str_eq(fault, "none");
    buf_addf(out, "%s%s%s%s%s", bad ? fault : "", bad && code[0] ? " " : "",
             bad ? code : "", bad ? ": " : "", report_member(last, "message"));
}

static void print_check(struct table *t, const json_t *check, bool notes)
{
    const json_t *ms = json_object_get(
        json_object_get(json_object_get(check, "last"), "observations"),
        "latency");
    int64_t since = 0;
    char latency[HUMAN_TEXT];
    struct buf text = {0};
    bool known = clock_parse(report_member(check, "since"), &since);
    table_cell(t, "%s", report_member(check, "name"));
    table_cell(t, "%s", report_member(check, "state"));
    table_cell(t, "%s", report_member(check, "count"));
    table_cell(t, "%s", known ? out_since(since) : "");
    if (notes) {
        put_notes(&text, check);
        table_cell(t, "%s", buf_text(&text));
        buf_clear(&text);
    }
    if (json_is_number(ms))
        table_cell(
            t, "%s",
            human_duration((int64_t)(json_number_value(ms) * 1e6), latency));
    else
        table_cell(t, "-");
    put_last(&text, check);
    table_cell(t, "%s", buf_text(&text));
    buf_free(&text);
}

static bool has_notes(const json_t *checks)
{
    struct buf text = {0};
    size_t i;
    json_t *check;
    json_array_foreach (checks, i, check) {
        put_notes(&text, check);
    }
    bool any = text.len > 0;
    buf_free(&text);
    return any;
}

static void print_table(const json_t *checks)
{
    static const char *const head[] = {"CHECK", "STATE",   "COUNT",
                                       "SINCE", "LATENCY", "LAST RESULT"};
    static const char *const with_notes[] = {
        "CHECK", "STATE", "COUNT", "SINCE", "NOTE", "LATENCY", "LAST RESULT"};
    bool notes = has_notes(checks);
    struct table *t = notes ? table_begin(with_notes, ARRAY_LEN(with_notes))
                            : table_begin(head, ARRAY_LEN(head));
    size_t i;
    json_t *check;
    json_array_foreach (checks, i, check) {
        print_check(t, check, notes);
    }
    table_print(t);
}

static size_t count_in(const json_t *checks, const char *state)
{
    size_t i, n = 0;
    json_t *check;
    json_array_foreach (checks, i, check) {
        n += str_eq(report_member(check, "state"), state);
    }
    return n;
}

/* "12 checks, 1 down, 2 impacted, 1 paused" */
static void print_totals(const json_t *checks)
{
    static const char *const told[] = {"suspect", "impacted", "unknown",
                                       "paused"};
    char count[HUMAN_TEXT];
    printf("\n%s, %zu down",
           human_count(json_array_size(checks), "check", count),
           count_in(checks, "down"));
    for (size_t i = 0; i < ARRAY_LEN(told); i++)
        if (count_in(checks, told[i]) > 0)
            printf(", %zu %s", count_in(checks, told[i]), told[i]);
    putchar('\n');
}

/* The one check that was asked for by name: what else is known of it. */
static void print_about(const json_t *check)
{
    const char *title = report_member(check, "title"), *name;
    const char *owner = report_member(check, "owner");
    json_t *links = json_object_get(check, "links"), *url;
    if (title[0] != '\0')
        printf("title  %s\n", out_line(title));
    if (owner[0] != '\0')
        printf("owner  %s\n", out_line(owner));
    json_object_foreach (links, name, url) {
        printf("link   %s: %s\n", out_line(name),
               out_line(json_string_value(url)));
    }
}

static void print_letters(const json_t *letters)
{
    size_t i;
    json_t *run;
    if (json_array_size(letters) == 0)
        return;
    printf("\n%s\n", out_colour(RED, "Notices that were given up"));
    json_array_foreach (letters, i, run) {
        const char *incident = report_member(run, "incident");
        printf("  %s  %s for %s%s%s: %s\n", report_member(run, "id"),
               out_line(report_member(run, "runbook")),
               out_line(report_member(run, "check")), incident[0] ? ", " : "",
               incident, out_line(report_member(run, "reason")));
    }
}

/* What is wrong with the monitor itself comes first: what follows may be less
 * than it seems. */
static void print_troubles(const json_t *troubles)
{
    size_t i;
    json_t *trouble;
    if (json_array_size(troubles) == 0)
        return;
    printf("%s\n", out_colour(RED, "Relevo itself is in trouble"));
    json_array_foreach (troubles, i, trouble) {
        printf("  %s  %s: %s\n", report_member(trouble, "incident"),
               out_line(report_member(trouble, "name")),
               out_line(report_member(trouble, "message")));
    }
    putchar('\n');
}

static void print_distrust(const json_t *distrust)
{
    char left[HUMAN_TEXT];
    double ms = json_number_value(json_object_get(distrust, "left_ms"));
    if (json_object_size(distrust) > 0)
        printf("Relevo distrusts itself for %s more: %s. No check goes down "
               "meanwhile.\n\n",
               human_elapsed((int64_t)(ms * NS_PER_MS), left),
               out_line(report_member(distrust, "reason")));
}

/* ------------------------------------------------------------- command --- */

static int show(const struct args *args, const struct status *s)
{
    json_t *checks = s->checks;
    bool json = args_has(args, "json");
    int status = count_in(checks, "down") > 0 ? EXIT_FINDINGS : EXIT_FINE;
    if (args_has(args, "matrix") && json) {
        out_json(matrix_json(checks));
    } else if (json) {
        json_t *distrust =
            json_object_size(s->distrust) > 0 ? s->distrust : NULL;
        out_json(json_pack("{s:O, s:O, s:O?, s:O, s:O}", "checks", checks,
                           "troubles", s->troubles, "distrust", distrust,
                           "dead_letters", s->letters, "web", s->web));
    } else {
        print_troubles(s->troubles);
        print_distrust(s->distrust);
        if (args_has(args, "matrix"))
            matrix_print(checks, out_columns());
        else
            print_table(checks);
        print_totals(checks);
        if (args->word_count == 1 && json_array_size(checks) == 1)
            print_about(json_array_get(checks, 0));
        print_letters(s->letters);
    }
    return status;
}

int cmd_status(const struct args *args)
{
    struct err err;
    const char *dir = cli_state_dir(args);
    struct status s = {json_array(), json_array(), json_array(), json_object(),
                       json_object()};
    bool known = from_daemon(dir, args, &s, &err);
    int status = EXIT_INTERNAL;
    if (!known && err.code == ERR_NOT_FOUND) {
        struct err absent = err;
        known = from_store(dir, &s, &err);
        if (known)
            fprintf(stderr, "relevo: %s; this is what was stored\n",
                    absent.text);
    }
    if (known) {
        status = EXIT_USAGE;
        s.checks = select_checks(args, s.checks, &err);
    }
    status = !known || s.checks == NULL ? cli_fail(status, "%s", err.text)
                                        : show(args, &s);
    json_decref(s.checks);
    json_decref(s.troubles);
    json_decref(s.letters);
    json_decref(s.distrust);
    json_decref(s.web);
    return status;
}

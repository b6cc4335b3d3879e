/* cli/cmd_status.c: `relevo status`: the state of every check, from the daemon
 * when it runs, else as the store last knew it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "report/json.h"
#include "store/reader.h"

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s == NULL ? "" : s;
}

/* Items until {"end": true}; NULL: told in err. */
static json_t *from_daemon(const char *state_dir, struct err *err)
{
    struct ask *ask = ask_open(state_dir, err);
    if (ask == NULL)
        return NULL;
    json_t *list = json_array(), *item = NULL;
    bool ok = ask_send(ask, json_pack("{s:s}", "command", "status"), err);
    while (ok && (item = ask_next(ask, err)) != NULL &&
           json_object_get(item, "end") == NULL) {
        ok = json_object_get(item, "error") == NULL;
        if (!ok)
            err_set(err, ERR_DENIED, 0, "%s", text(item, "error"));
        json_array_append_new(list, item);
    }
    ok = ok && item != NULL;
    if (ok)
        json_decref(item);
    ask_close(ask);
    if (ok)
        return list;
    json_decref(list);
    return NULL;
}

static json_t *stored_check(const struct check_row *row,
                            const struct state_row *state)
{
    char id[ID_TEXT];
    id_text('I', state->incident, id);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:n}", "name",
                     row->name, "environment", row->environment, "plugin",
                     row->plugin, "state", state_name(state->state), "count",
                     "", "since", report_time(state->since_us), "incident",
                     id[0] ? json_string(id) : json_null(), "last");
}

static json_t *from_store(const char *state_dir, struct err *err)
{
    struct reader *reader = reader_open(state_dir, 0, err);
    if (reader == NULL)
        return NULL;
    struct arena *arena = arena_new();
    struct check_row *checks;
    struct state_row *states;
    size_t check_count, state_count;
    json_t *list = NULL;
    if (reader_checks(reader, arena, &checks, &check_count, err) &&
        reader_states(reader, arena, &states, &state_count, err)) {
        list = json_array();
        for (size_t i = 0; i < check_count; i++)
            for (size_t k = 0; k < state_count; k++)
                if (states[k].check == checks[i].check)
                    json_array_append_new(list,
                                          stored_check(&checks[i], &states[k]));
    }
    arena_free(arena);
    reader_close(reader);
    return list;
}

static bool is_wanted(const struct args *args, const char *name)
{
    for (size_t i = 0; i < args->word_count; i++)
        if (str_glob(args->words[i], name))
            return true;
    return args->word_count == 0;
}

/* Only what was asked for; a name that matches nothing is an error. */
static json_t *select_checks(const struct args *args, json_t *all)
{
    json_t *chosen = json_array(), *check;
    size_t i;
    json_array_foreach (all, i, check)
        if (is_wanted(args, text(check, "name")))
            json_array_append(chosen, check);
    json_decref(all);
    return chosen;
}

static void print_check(struct table *t, const json_t *check)
{
    const json_t *last = json_object_get(check, "last");
    const char *fault = text(last, "fault"), *code = text(last, "code");
    const json_t *ms =
        json_object_get(json_object_get(last, "observations"), "latency");
    int64_t since = 0;
    clock_parse(text(check, "since"), &since);
    table_cell(t, "%s", text(check, "name"));
    table_cell(t, "%s", text(check, "state"));
    table_cell(t, "%s", text(check, "count"));
    table_cell(t, "%s", out_since(since));
    if (json_is_number(ms))
        table_cell(t, "%.3gms", json_number_value(ms));
    else
        table_cell(t, "-");
    bool bad = fault[0] && !str_eq(fault, "none");
    table_cell(t, "%s%s%s%s%s", bad ? fault : "", bad && code[0] ? " " : "",
               bad ? code : "", bad ? ": " : "", text(last, "message"));
}

static int print_checks(const json_t *checks)
{
    size_t i, down = 0;
    json_t *check;
    struct table *t = table_new(6);
    static const char *const head[] = {"CHECK", "STATE",   "COUNT",
                                       "SINCE", "LATENCY", "LAST RESULT"};
    for (size_t c = 0; c < ARRAY_LEN(head); c++)
        table_cell(t, "%s", head[c]);
    json_array_foreach (checks, i, check) {
        print_check(t, check);
        down += str_eq(text(check, "state"), "down");
    }
    table_print(t);
    printf("\n%zu checks, %zu down\n", json_array_size(checks), down);
    return down > 0 ? EXIT_FINDINGS : EXIT_FINE;
}

static int count_down(const json_t *checks)
{
    size_t i;
    json_t *check;
    json_array_foreach (checks, i, check)
        if (str_eq(text(check, "state"), "down"))
            return EXIT_FINDINGS;
    return EXIT_FINE;
}

int cmd_status(const struct args *args)
{
    struct err err;
    const char *dir = cli_state_dir(args);
    json_t *checks = from_daemon(dir, &err);
    if (checks == NULL && err.code == ERR_NOT_FOUND) {
        fprintf(stderr, "relevo: %s; this is what was stored\n", err.text);
        checks = from_store(dir, &err);
    }
    if (checks == NULL)
        return cli_fail(EXIT_INTERNAL, "%s", err.text);
    checks = select_checks(args, checks);
    if (args->word_count > 0 && json_array_size(checks) == 0) {
        json_decref(checks);
        return cli_fail(EXIT_USAGE, "no check is named \"%s\"", args->words[0]);
    }
    int status;
    if (args_has(args, "json")) {
        status = count_down(checks);
        out_json(json_pack("{s:o}", "checks", checks));
    } else {
        status = print_checks(checks);
        json_decref(checks);
    }
    return status;
}

/* cli/cmd_maintenance.c: `relevo maintenance start|end|list`: windows that the
 * daemon opens, ends and lists. */
#include <stdio.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/ask.h"
#include "cli/out.h"
#include "cli/window.h"
#include "report/json.h"

const char *window_covers(const json_t *answer)
{
    static char text[64];
    long long n = json_integer_value(json_object_get(answer, "checks"));
    snprintf(text, sizeof text, "%s%lld check%s",
             json_is_true(json_object_get(answer, "everything")) ? "all " : "",
             n, n == 1 ? "" : "s");
    return text;
}

static void print_started(const json_t *answer)
{
    int64_t until = 0;
    const char *id = report_member(answer, "window");
    bool known = clock_parse(report_member(answer, "until"), &until);
    printf("%s is open for %s until %s; relevo maintenance end %s ends it\n",
           id, window_covers(answer), known ? out_clock(until) : "?", id);
}

int cmd_maintenance_start(const struct args *args)
{
    json_t *request = ask_request("maintenance.start", args);
    ask_add_checks(request, args, args->word_count);
    ask_add_tags(request, args);
    ask_add_text(request, args, "reason");
    int status = ask_add_for(request, args);
    if (status == EXIT_FINE && !args_has(args, "for"))
        status =
            cli_fail(EXIT_USAGE, "--for DURATION is needed: how long it lasts");
    if (status == EXIT_FINE)
        return ask_and_print(args, request, print_started);
    json_decref(request);
    return status;
}

static void print_ended(const json_t *answer)
{
    printf("%s has ended\n", report_member(answer, "ended"));
}

int cmd_maintenance_end(const struct args *args)
{
    json_t *request = ask_request("maintenance.end", args);
    ask_add_word(request, "window", args->words[0]);
    return ask_and_print(args, request, print_ended);
}

/* ---------------------------------------------------------------- list --- */

static void add_selection(struct buf *out, const json_t *match,
                          const char *member, const char *what)
{
    size_t i;
    json_t *word;
    json_array_foreach (json_object_get(match, member), i, word)
        buf_addf(out, "%s%s%s",
                 i > 0          ? " or "
                 : out->len > 0 ? ", "
                                : "",
                 i == 0 ? what : "", json_string_value(word));
}

void window_put_selection(struct buf *out, const json_t *match)
{
    add_selection(out, match, "check", "");
    add_selection(out, match, "tags", "tag ");
    add_selection(out, match, "environments", "environment ");
    if (out->len == 0)
        buf_adds(out, "everything");
}

static void add_time(struct table *t, const json_t *window, const char *member)
{
    int64_t at = 0;
    bool known = clock_parse(report_member(window, member), &at);
    table_cell(t, "%s", known ? out_clock(at) : "");
}

static void add_window(struct table *t, const json_t *window)
{
    struct buf what = {0};
    window_put_selection(&what, json_object_get(window, "match"));
    const char *by = json_string_value(json_object_get(window, "by"));
    table_cell(t, "%s", report_member(window, "id"));
    table_cell(t, "%s", report_member(window, "state"));
    add_time(t, window, "from");
    add_time(t, window, "until");
    table_cell(
        t, "%lld",
        (long long)json_integer_value(json_object_get(window, "checks")));
    table_cell(t, "%s", buf_text(&what));
    table_cell(t, "%s", by == NULL ? "the configuration" : by);
    table_cell(t, "%s", report_member(window, "reason"));
    buf_free(&what);
}

static void print_windows(const json_t *windows)
{
    static const char *const head[] = {"WINDOW", "STATE", "FROM", "UNTIL",
                                       "CHECKS", "WHAT",  "BY",   "REASON"};
    size_t i;
    json_t *window;
    if (json_array_size(windows) == 0) {
        puts("no maintenance is open or to come");
        return;
    }
    struct table *t = table_begin(head, ARRAY_LEN(head));
    json_array_foreach (windows, i, window) {
        add_window(t, window);
    }
    table_print(t);
}

int cmd_maintenance_list(const struct args *args)
{
    struct err err;
    json_t *windows = ask_list(cli_state_dir(args),
                               ask_request("maintenance.list", args), &err);
    if (windows == NULL)
        return cli_fail(err.code == ERR_DENIED ? EXIT_USAGE : EXIT_INTERNAL,
                        "%s", err.text);
    if (args_has(args, "json")) {
        out_json(windows);
    } else {
        print_windows(windows);
        json_decref(windows);
    }
    return EXIT_FINE;
}

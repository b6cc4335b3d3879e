/* cli/cmd_pause.c: what a person says to the watch in a word: `relevo pause`,
 * `resume`, `mark`, `incident acknowledge`. The daemon does it, or refuses; it
 * writes who asked into its audit. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/ask.h"
#include "cli/out.h"
#include "report/json.h"

/* "staging/api, staging/db" */
static const char *names_of(const json_t *list, struct buf *out)
{
    size_t i;
    json_t *name;
    json_array_foreach (list, i, name)
        buf_addf(out, "%s%s", i > 0 ? ", " : "", json_string_value(name));
    return out_line(buf_text(out));
}

static void print_paused(const json_t *answer, const char *member)
{
    struct buf names = {0};
    int64_t until = 0;
    const char *all = names_of(json_object_get(answer, member), &names);
    if (str_eq(member, "resumed"))
        printf("resumed: %s\n", all);
    else if (clock_parse(report_member(answer, "until"), &until))
        printf("paused until %s: %s\n", out_clock(until), all);
    else
        printf("paused until relevo resume: %s\n", all);
    buf_free(&names);
}

/* The answer has the same name as what was done. */
static int pause_or_resume(const struct args *args, const char *command,
                           const char *member)
{
    json_t *answer, *request = ask_request(command, args);
    ask_add_checks(request, args, args->word_count);
    ask_add_text(request, args, "reason");
    int status = ask_add_for(request, args);
    if (status != EXIT_FINE) {
        json_decref(request);
        return status;
    }
    status = ask_daemon(args, request, &answer);
    if (status != EXIT_FINE)
        return status;
    if (args_has(args, "json")) {
        out_json(answer);
    } else {
        print_paused(answer, member);
        json_decref(answer);
    }
    return EXIT_FINE;
}

int cmd_pause(const struct args *args)
{
    return pause_or_resume(args, "pause", "paused");
}

int cmd_resume(const struct args *args)
{
    return pause_or_resume(args, "resume", "resumed");
}

int cmd_incident_acknowledge(const struct args *args)
{
    json_t *answer, *request = ask_request("acknowledge", args);
    json_object_set_new(request, "incident",
                        report_text(args->words[0], strlen(args->words[0])));
    ask_add_text(request, args, "note");
    int status = ask_daemon(args, request, &answer);
    if (status != EXIT_FINE)
        return status;
    if (args_has(args, "json")) {
        out_json(answer);
        return EXIT_FINE;
    }
    int64_t at = 0;
    bool known = clock_parse(report_member(answer, "at"), &at);
    printf("%s %s acknowledged by %s%s%s\n", report_member(answer, "incident"),
           json_is_true(json_object_get(answer, "already")) ? "was already"
                                                            : "is",
           out_line(report_member(answer, "by")), known ? " at " : "",
           known ? out_clock(at) : "");
    json_decref(answer);
    return EXIT_FINE;
}

int cmd_mark(const struct args *args)
{
    json_t *answer, *request = ask_request("mark", args);
    json_object_set_new(request, "text",
                        report_text(args->words[0], strlen(args->words[0])));
    int status = ask_daemon(args, request, &answer);
    if (status != EXIT_FINE)
        return status;
    if (args_has(args, "json")) {
        out_json(answer);
        return EXIT_FINE;
    }
    puts("marked");
    json_decref(answer);
    return EXIT_FINE;
}

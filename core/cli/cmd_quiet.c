/* cli/cmd_quiet.c: what a person says to the watch in a word: `relevo pause`,
 * `resume`, `mark`, `incident acknowledge`. The daemon does it, or refuses; it
 * writes who asked into its audit. */
#include <stdio.h>

#include "base/clock.h"
#include "cli/ask.h"
#include "cli/out.h"
#include "report/json.h"

enum { NAMES_SHOWN = 10 };

/* "staging/api, staging/db and 7 more" */
static const char *names_of(const json_t *list, struct buf *out)
{
    size_t i;
    json_t *name;
    json_array_foreach (list, i, name) {
        if (i < NAMES_SHOWN)
            buf_addf(out, "%s%s", i > 0 ? ", " : "", json_string_value(name));
    }
    if (i > NAMES_SHOWN)
        buf_addf(out, " and %zu more", i - NAMES_SHOWN);
    return out_line(buf_text(out));
}

static void print_paused(const json_t *answer)
{
    struct buf names = {0};
    int64_t until = 0;
    const char *all = names_of(json_object_get(answer, "paused"), &names);
    if (clock_parse(report_member(answer, "until"), &until))
        printf("paused until %s: %s\n", out_clock(until), all);
    else
        printf("paused until relevo resume: %s\n", all);
    buf_free(&names);
}

static void print_resumed(const json_t *answer)
{
    struct buf names = {0};
    printf("resumed: %s\n",
           names_of(json_object_get(answer, "resumed"), &names));
    buf_free(&names);
}

static json_t *request_for(const struct args *args, const char *command)
{
    json_t *request = ask_request(command, args);
    ask_add_checks(request, args, args->word_count);
    ask_add_text(request, args, "reason");
    return request;
}

int cmd_pause(const struct args *args)
{
    json_t *request = request_for(args, "pause");
    int status = ask_add_for(request, args);
    if (status == EXIT_FINE)
        return ask_and_print(args, request, print_paused);
    json_decref(request);
    return status;
}

int cmd_resume(const struct args *args)
{
    return ask_and_print(args, request_for(args, "resume"), print_resumed);
}

static void print_acknowledged(const json_t *answer)
{
    int64_t at = 0;
    bool known = clock_parse(report_member(answer, "at"), &at);
    bool already = json_is_true(json_object_get(answer, "already"));
    printf("%s %s acknowledged by %s%s%s\n", report_member(answer, "incident"),
           already ? "was already" : "is",
           out_line(report_member(answer, "by")), known ? " at " : "",
           known ? out_clock(at) : "");
}

int cmd_incident_acknowledge(const struct args *args)
{
    json_t *request = ask_request("acknowledge", args);
    ask_add_word(request, "incident", args->words[0]);
    ask_add_text(request, args, "note");
    return ask_and_print(args, request, print_acknowledged);
}

static void print_marked(const json_t *answer)
{
    (void)answer;
    puts("marked");
}

int cmd_mark(const struct args *args)
{
    json_t *request = ask_request("mark", args);
    ask_add_word(request, "text", args->words[0]);
    return ask_and_print(args, request, print_marked);
}

/* cli/cmd_maintenance_run.c: `relevo maintenance run … -- COMMAND`: a window
 * that lasts as long as a command.
 *
 * Happy path: the daemon opens a window that is bound to our connection; the
 * command runs (child.c); we end the window and leave with its exit status.
 *
 * Ways it can fail:
 * - no daemon: the command is not run, unless --anyway is given. A wrong
 *   --state-dir would otherwise have the deployment watched as an outage;
 * - we are killed: the connection closes, and the daemon ends the window;
 * - the daemon restarts meanwhile: the window is stored and stays open; it is
 *   ended over a new connection, else it ends by itself after --for. */
#include <stdio.h>

#include "base/mem.h"
#include "cli/ask.h"
#include "cli/child.h"
#include "cli/window.h"
#include "report/json.h"

enum { LONGEST_MS = 4 * 60 * 60 * 1000 };

/* -------------------------------------------------------------- window --- */

static json_t *start_request(const struct args *args)
{
    json_t *request = ask_request("maintenance.start", args);
    ask_add_checks(request, args, args->rest);
    ask_add_tags(request, args);
    /* Its arguments may hold secrets: only what it is called. */
    ask_add_word(request, "reason", args->words[args->rest]);
    ask_add_text(request, args, "reason");
    json_object_set_new(request, "for_ms", json_integer(LONGEST_MS));
    json_object_set_new(request, "bound", json_true());
    return request;
}

/* An exit status; *ask is NULL when there is no window and none is needed. */
static int open_window(const struct args *args, struct ask **ask, char *window,
                       size_t size)
{
    struct err err;
    json_t *request = start_request(args), *answer = NULL;
    int status = ask_add_for(request, args);
    *ask = status == EXIT_FINE ? ask_open(cli_state_dir(args), &err) : NULL;
    if (*ask == NULL)
        json_decref(request);
    else if ((answer = ask_one(*ask, request, &err)) == NULL) {
        ask_close(*ask);
        *ask = NULL;
    }
    if (status != EXIT_FINE)
        return status;
    if (answer != NULL) {
        snprintf(window, size, "%s", report_member(answer, "window"));
        fprintf(stderr, "relevo: maintenance %s for %s\n", window,
                window_covers(answer));
        json_decref(answer);
        return EXIT_FINE;
    }
    if (err.code == ERR_DENIED)
        return cli_fail(EXIT_USAGE, "%s", err.text);
    if (!args_has(args, "anyway"))
        return cli_fail(EXIT_INTERNAL,
                        "%s; the command was not run (--anyway runs it "
                        "without a window)",
                        err.text);
    cli_fail(EXIT_FINE, "%s; the command runs without a window", err.text);
    return EXIT_FINE;
}

static json_t *end_request(const struct args *args, const char *window)
{
    json_t *request = ask_request("maintenance.end", args);
    ask_add_word(request, "window", window);
    json_object_del(request, "environment");
    return request;
}

/* Over its own connection, or a new one where the daemon was restarted. */
static void end_window(const struct args *args, struct ask *ask,
                       const char *window)
{
    struct err err;
    json_t *answer = ask_one(ask, end_request(args, window), &err);
    ask_close(ask);
    if (answer == NULL && err.code != ERR_DENIED &&
        (ask = ask_open(cli_state_dir(args), &err)) != NULL) {
        answer = ask_one(ask, end_request(args, window), &err);
        ask_close(ask);
    }
    if (answer == NULL)
        cli_fail(EXIT_FINE, "maintenance %s was not ended: %s", window,
                 err.text);
    json_decref(answer);
}

int cmd_maintenance_run(const struct args *args)
{
    struct ask *ask;
    char window[64] = "";
    if (args->rest == args->word_count)
        return cli_fail(EXIT_USAGE, "the command stands after --: relevo "
                                    "maintenance run [NAME]… -- COMMAND "
                                    "[ARG]…");
    if (args_has(args, "json"))
        return cli_fail(EXIT_USAGE, "--json: what is printed is the command's");
    int status = open_window(args, &ask, window, sizeof window);
    if (status != EXIT_FINE)
        return status;
    status = child_run(args->words + args->rest, NULL);
    if (ask != NULL)
        end_window(args, ask, window);
    return status;
}

/* cli/cmd_runbook_run.c: `relevo runbook run NAME --check CHECK`: by the
 * daemon, which has the runner; what comes of it is in `relevo runbook log`. */
#include <stdio.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "report/json.h"

int cmd_runbook_run(const struct args *args)
{
    struct err err;
    const char *check = args_get(args, "check");
    if (check == NULL)
        return cli_fail(EXIT_USAGE, "--check NAME is needed: a runbook runs "
                                    "for a check");
    struct ask *ask = ask_open(cli_state_dir(args), &err);
    if (ask == NULL)
        return cli_fail(EXIT_INTERNAL, "%s", err.text);
    json_t *answer = NULL;
    if (ask_send(ask,
                 json_pack("{s:s, s:o, s:o}", "command", "runbook.run",
                           "runbook",
                           report_text(args->words[0], strlen(args->words[0])),
                           "check", report_text(check, strlen(check))),
                 &err))
        answer = ask_next(ask, &err);
    ask_close(ask);
    if (answer == NULL)
        return cli_fail(EXIT_INTERNAL, "%s", err.text);
    const char *refused = json_string_value(json_object_get(answer, "error"));
    const char *run = json_string_value(json_object_get(answer, "run"));
    int status = EXIT_FINE;
    if (refused != NULL)
        status = cli_fail(EXIT_USAGE, "%s", refused);
    else
        printf("%s started; see relevo runbook log\n", run == NULL ? "" : run);
    json_decref(answer);
    return status;
}

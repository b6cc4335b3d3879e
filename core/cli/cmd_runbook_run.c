/* cli/cmd_runbook_run.c: `relevo runbook run NAME --check CHECK`: by the
 * daemon, which has the runner; what comes of it is in `relevo runbook log`. */
#include <stdio.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "report/json.h"

int cmd_runbook_run(const struct args *args)
{
    const char *check = args_get(args, "check");
    if (check == NULL)
        return cli_fail(EXIT_USAGE, "--check NAME is needed: a runbook runs "
                                    "for a check");
    json_t *answer, *request = ask_request("runbook.run", args);
    json_object_set_new(request, "runbook",
                        report_text(args->words[0], strlen(args->words[0])));
    json_object_set_new(request, "check", report_text(check, strlen(check)));
    int status = ask_daemon(args, request, &answer);
    if (status != EXIT_FINE)
        return status;
    printf("%s started; see relevo runbook log\n",
           report_member(answer, "run"));
    json_decref(answer);
    return EXIT_FINE;
}

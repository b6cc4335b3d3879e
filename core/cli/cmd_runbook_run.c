/* cli/cmd_runbook_run.c: `relevo runbook run NAME --check CHECK`: by the
 * daemon, which has the runner; what comes of it is in `relevo runbook log`. */
#include <stdio.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "report/json.h"

static void print_started(const json_t *answer)
{
    printf("%s started; see relevo runbook log\n",
           report_member(answer, "run"));
}

int cmd_runbook_run(const struct args *args)
{
    const char *check = args_get(args, "check");
    if (check == NULL)
        return cli_fail(EXIT_USAGE, "--check NAME is needed: a runbook runs "
                                    "for a check");
    json_t *request = ask_request("runbook.run", args);
    ask_add_word(request, "runbook", args->words[0]);
    ask_add_word(request, "check", check);
    return ask_and_print(args, request, print_started);
}

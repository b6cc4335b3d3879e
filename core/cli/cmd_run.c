/* cli/cmd_run.c: `relevo run` and `relevo reload`: the daemon and a word to it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "daemon/daemon.h"

int cmd_run(const struct args *args)
{
    const char *state_dir = args_get(args, "state-dir");
    if (state_dir == NULL)
        state_dir = getenv("RELEVO_STATE_DIR");
    struct daemon_options options = {.file = cli_config(args),
                                     .state_dir = state_dir,
                                     .quiet = args_has(args, "quiet")};
    int status = daemon_run(&options);
    clearerr(stdout); /* a lost line of the log is no failure of the watch */
    return status;
}

int cmd_reload(const struct args *args)
{
    struct err err;
    json_t *answer = NULL;
    struct ask *ask = ask_open(cli_state_dir(args), &err);
    if (ask == NULL)
        return cli_fail(EXIT_INTERNAL, "%s", err.text);
    bool ok = ask_send(ask, json_pack("{s:s}", "command", "reload"), &err) &&
              (answer = ask_next(ask, &err)) != NULL;
    ask_close(ask);
    if (!ok)
        return cli_fail(EXIT_INTERNAL, "%s", err.text);
    const char *refused = json_string_value(json_object_get(answer, "error"));
    if (refused != NULL)
        fprintf(stderr, "%s%s", refused,
                refused[0] && refused[strlen(refused) - 1] == '\n' ? "" : "\n");
    else
        puts("reloaded");
    int status = refused != NULL ? EXIT_USAGE : EXIT_FINE;
    json_decref(answer);
    return status;
}

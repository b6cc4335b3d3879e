/* cli/cmd_runner.c: `relevo runner`: the runner as a unit of its own, started
 * by systemd with its socket (packaging/relevo-runner.service). Never started
 * by the daemon: that starts its own. */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "runner/runner.h"
#include "runner/rules.h"

enum { FIRST_LISTEN_FD = 3 };

/* systemd's protocol of socket activation: exactly one, meant for us. */
static bool was_given_socket(void)
{
    const char *count = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
    int64_t whose;
    bool ours = count != NULL && str_eq(count, "1") && pid != NULL &&
                str_to_i64(pid, &whose) && whose == getpid();
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDNAMES");
    return ours;
}

static struct rlv_list all_of(const struct args *args, const char *name)
{
    size_t n = 0;
    while (args_nth(args, name, n) != NULL)
        n++;
    const char **items = xcalloc(n + 1, sizeof *items);
    for (size_t i = 0; i < n; i++)
        items[i] = args_nth(args, name, i);
    return (struct rlv_list){items, n};
}

int cmd_runner(const struct args *args)
{
    struct runner_rules rules = {.daemon = args_get(args, "daemon"),
                                 .runs = args_get(args, "runs")};
    if (rules.daemon == NULL || rules.runs == NULL ||
        args_nth(args, "scripts", 0) == NULL)
        return cli_fail(EXIT_USAGE,
                        "--daemon, --runs and --scripts are needed");
    const struct passwd *p = getpwnam(rules.daemon);
    if (p == NULL)
        return cli_fail(EXIT_USAGE, "user \"%s\" does not exist", rules.daemon);
    rules.daemon_uid = p->pw_uid;
    if (!was_given_socket())
        return cli_fail(EXIT_USAGE, "no socket was handed over: this is for "
                                    "systemd, see relevo-runner.socket");
    rules.scripts = all_of(args, "scripts");
    rules.users = all_of(args, "user");
    int status = runner_stand(&rules, FIRST_LISTEN_FD);
    free((void *)(uintptr_t)rules.scripts.items);
    free((void *)(uintptr_t)rules.users.items);
    return status;
}

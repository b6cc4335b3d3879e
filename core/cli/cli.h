/* cli/cli.h: the command line: one table of commands, one file per command.
 *
 * A row names a command, its options and its help; parsing, `relevo help`, the
 * manual page and completion are made from the rows. Exit statuses: 0 fine,
 * 1 findings, 2 usage or configuration error, 3 internal or no daemon. */
#ifndef RELEVO_CLI_CLI_H
#define RELEVO_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum { EXIT_FINE = 0, EXIT_FINDINGS = 1, EXIT_USAGE = 2, EXIT_INTERNAL = 3 };

struct cli_option {
    const char *name;  /* "state-dir": --state-dir */
    char letter;       /* 'c': -c; or 0 */
    const char *value; /* "FILE" when it takes one; NULL: a switch */
    bool repeats;
    const char *help;
};

struct command;

struct given {
    const char *name, *value;
};

/* What was given on the line; texts are argv's. */
struct args {
    const struct command *command;
    const struct given *given;
    size_t given_count;
    const char **words; /* positional; NULL-ended */
    size_t word_count;
    size_t rest; /* the first word that stood after "--"; word_count: none */
};

struct command {
    const char *name;   /* "incident show" */
    const char *words;  /* "[ID]": shown in the usage line */
    size_t least, most; /* positional words */
    const char *summary;
    const struct cli_option *options; /* ended by a NULL name; or NULL */
    int (*run)(const struct args *);
    const char *more;    /* further lines of help; or NULL */
    bool by_environment; /* --env has a meaning for it */
    bool text_only;      /* --json has none */
};

extern const struct command commands[];
extern const size_t command_count;
extern const struct cli_option cli_global_options[];

/* The whole program. */
int cli_main(int argc, char **argv);

/* The value of an option; "" for a switch that was given; NULL: not given. */
const char *args_get(const struct args *, const char *name);
/* The i-th value of an option that repeats; NULL past it. */
const char *args_nth(const struct args *, const char *name, size_t i);
bool args_has(const struct args *, const char *name);

/* The state directory for commands that read: --state-dir,
 * $RELEVO_STATE_DIR, what the configuration says, else the default. */
const char *cli_state_dir(const struct args *);
/* -c, $RELEVO_CONFIG, or NULL: to be searched. */
const char *cli_config(const struct args *);

/* Prints "relevo: text" to standard error; returns status. */
int cli_fail(int status, const char *fmt, ...) PRINTF(2, 3);

/* --format of a page that is text or markdown. An exit status. */
int cli_page_format(const struct args *) MUST_CHECK;

int cmd_run(const struct args *);
int cmd_check(const struct args *);
int cmd_test(const struct args *);
int cmd_status(const struct args *);
int cmd_history(const struct args *);
int cmd_incident_list(const struct args *);
int cmd_incident_show(const struct args *);
int cmd_incident_acknowledge(const struct args *);
int cmd_pause(const struct args *);
int cmd_resume(const struct args *);
int cmd_beat(const struct args *);
int cmd_mark(const struct args *);
int cmd_maintenance_start(const struct args *);
int cmd_maintenance_end(const struct args *);
int cmd_maintenance_list(const struct args *);
int cmd_maintenance_run(const struct args *);
int cmd_report_handover(const struct args *);
int cmd_runbook_list(const struct args *);
int cmd_runbook_log(const struct args *);
int cmd_runbook_run(const struct args *);
int cmd_plugin_list(const struct args *);
int cmd_plugin_describe(const struct args *);
int cmd_plugin_test(const struct args *);
int cmd_fault_list(const struct args *);
int cmd_init(const struct args *);
int cmd_config_check(const struct args *);
int cmd_config_show(const struct args *);
int cmd_cron(const struct args *);
int cmd_expect(const struct args *);
int cmd_db_stats(const struct args *);
int cmd_db_check(const struct args *);
int cmd_db_backup(const struct args *);
int cmd_reload(const struct args *);
int cmd_runner(const struct args *);
int cmd_completion(const struct args *);
int cmd_version(const struct args *);
int cmd_help(const struct args *);

#endif

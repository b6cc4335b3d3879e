/* cli/commands.c: the table of commands and what all of them share. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/enclose.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/manual.h"
#include "cli/out.h"
#include "conf/conf.h"
#include "daemon/places.h"

// clang-format off
const struct cli_option cli_global_options[] = {
    {"config",    'c', "FILE", false, "the configuration (default ./relevo.cfg, then /etc/relevo/relevo.cfg)"},
    {"state-dir", 0,   "DIR",  false, "where history and control socket lie"},
    {"env",       0,   "NAME", false, "only this environment"},
    {"json",      0,   NULL,   false, "machine-readable output"},
    {"help",      'h', NULL,   false, "this help"},
    {"version",   'V', NULL,   false, "print the version"},
    {NULL, 0, NULL, false, NULL},
};

static const struct cli_option run_options[] = {
    {"quiet", 'q', NULL, false, "print no line for each event"},
    {NULL, 0, NULL, false, NULL},
};

static const struct cli_option beat_options[] = {
    {"start", 0, NULL,   false, "a run begins"},
    {"fail",  0, NULL,   false, "it failed"},
    {"exit",  0, "N",    false, "it ended with this exit status; other than 0, it failed"},
    {"log",   0, "TEXT", false, "what it has to say; goes with the end of the run, or before it"},
    {"rid",   0, "ID",   false, "the name of this run, where several overlap: the same in all its beats"},
    {NULL, 0, NULL, false, NULL},
};

static const struct cli_option runner_options[] = {
    {"daemon",  0, "USER", false, "who may connect, and as whom scripts run"},
    {"runs",    0, "DIR",  false, "the folder of a run is made in there only"},
    {"scripts", 0, "DIR",  true,  "scripts in there only"},
    {"user",    0, "USER", true,  "as whom they may run, beside the daemon's"},
    {NULL, 0, NULL, false, NULL},
};

static const struct cli_option check_options[] = {
    {"expect", 'e', "EXPR", true,  "an expectation, beside or instead of the configured ones"},
    {"trace",  't', NULL,   false, "phases, observations, what each line saw, evidence"},
    {"local",  0,   NULL,   false, "do not ask the daemon; nothing is stored"},
    {NULL, 0, NULL, false, NULL},
};

static const struct cli_option test_options[] = {
    {"tag",      0,   "TAG",    true,  "only checks with this tag; several: any of them"},
    {"format",   'f', "FORMAT", true,  "text (default), markdown, junit, tap or json"},
    {"output",   'o', "FILE",   true,  "write the report there: the first FILE is for the first FORMAT, and so on"},
    {"min-pass", 0,   "PERCENT", false, "fail when fewer have passed: 90%"},
    {"fail-on",  0,   "degraded", false, "a degraded check fails"},
    {NULL, 0, NULL, false, NULL},
};

static const struct cli_option plugin_test_options[] = {
    {"set",     's', "OPTION=VALUE", true,  "an option of the plugin; {target} in it is HOST:PORT"},
    {"timeout", 0,   "DURATION",     false, "the deadline of its probes (default 1s)"},
    {NULL, 0, NULL, false, NULL},
};

static const struct cli_option history_options[] = {
    {"limit", 'n', "COUNT",    false, "how many results (default 20)"},
    {"since", 0,   "DURATION", false, "only the last DURATION: 1h, 7d"},
    {"by",    0,   "PERIOD",   false, "count by minute, hour or day (by itself when --since is over 2d)"},
    {NULL, 0, NULL, false, NULL},
};

static const struct cli_option list_options[] = {
    {"limit", 'n', "COUNT", false, "how many (default 20)"},
    {NULL, 0, NULL, false, NULL},
};

static const struct cli_option status_options[] = {
    {"matrix", 'm', NULL, false, "components by environments"},
    {NULL, 0, NULL, false, NULL},
};

static const struct cli_option incident_options[] = {
    {"format", 'f', "FORMAT", false, "text (default), or markdown: a post-mortem to fill in"},
    {NULL, 0, NULL, false, NULL},
};

static const struct cli_option acknowledge_options[] = {
    {"note", 0, "TEXT", false, "what is said with it"},
    {NULL, 0, NULL, false, NULL},
};

static const struct cli_option pause_options[] = {
    {"for",    0, "DURATION", false, "resumed by itself after that (default: not)"},
    {"reason", 0, "TEXT",     false, "why; it is kept with it"},
    {NULL, 0, NULL, false, NULL},
};

static const struct cli_option resume_options[] = {
    {"reason", 0, "TEXT", false, "why; it is kept with it"},
    {NULL, 0, NULL, false, NULL},
};

static const struct cli_option window_options[] = {
    {"tag",    0, "TAG",      true,  "only checks with this tag; several: any of them"},
    {"for",    0, "DURATION", false, "how long it lasts"},
    {"reason", 0, "TEXT",     false, "why; it is kept with it"},
    {NULL, 0, NULL, false, NULL},
};

static const struct cli_option window_run_options[] = {
    {"tag",    0, "TAG",      true,  "only checks with this tag; several: any of them"},
    {"for",    0, "DURATION", false, "the window's end, if the command has not ended by then (default 4h)"},
    {"reason", 0, "TEXT",     false, "why (default: the command's name)"},
    {"anyway", 0, NULL,       false, "run the command even if no daemon can be reached"},
    {NULL, 0, NULL, false, NULL},
};

static const struct cli_option handover_options[] = {
    {"since",  0,   "DURATION", false, "the time that is handed over (default 8h)"},
    {"format", 'f', "FORMAT",   false, "text (default) or markdown"},
    {NULL, 0, NULL, false, NULL},
};

static const struct cli_option run_by_hand_options[] = {
    {"check", 0, "NAME", false, "the check that it runs for"},
    {NULL, 0, NULL, false, NULL},
};

static const struct cli_option cron_options[] = {
    {"timezone", 0,   "ZONE",  false, "IANA name (default UTC)"},
    {"from",     0,   "TIME",  false, "RFC 3339 (default now)"},
    {"count",    'n', "COUNT", false, "how many times (default 5)"},
    {NULL, 0, NULL, false, NULL},
};

static const struct cli_option expect_options[] = {
    {"with",   0, "FILE", false, "JSON: {\"status\": 503, \"latency\": \"620ms\", \"body\": \"…\"}; - is standard input"},
    {"plugin", 0, "NAME", false, "whose fields (default http)"},
    {NULL, 0, NULL, false, NULL},
};

static const struct cli_option config_check_options[] = {
    {"strict", 0, NULL, false, "a secret or a variable without a value is an error"},
    {NULL, 0, NULL, false, NULL},
};

static const struct cli_option help_options[] = {
    {"man", 0, NULL, false, "the whole manual page instead, for man(1)"},
    {NULL, 0, NULL, false, NULL},
};

static const struct cli_option config_options[] = {
    {"docs",   0, NULL, false, "print docs/config.md, made from the option tables"},
    {"timing", 0, NULL, false, "when each check is probed, and how soon an outage is noticed"},
    {NULL, 0, NULL, false, NULL},
};

const struct command commands[] = {
    {"run",             "",              0, 0, "watch: the daemon, in the foreground", run_options, cmd_run, NULL, false, true},
    {"check",           "NAME|URL",      1, 1, "probe once and tell everything", check_options, cmd_check,
     "A URL needs no configuration. Exit status 1 when the result is not ok.\n", true},
    {"test",            "[NAME|GLOB]…",  0, 999, "probe every check once, as a gate for a delivery", test_options, cmd_test,
     "No daemon is needed, nothing is stored. Exit status: 0 passed (a minor\n"
     "check may have failed); 1 a check failed or is unknown, or fewer than\n"
     "--min-pass passed; 2 usage or configuration error; 3 nothing was run, or a\n"
     "report could not be written.\n", true},
    {"status",          "[NAME]…",       0, 999, "the state of every check", status_options, cmd_status,
     "NAME may be a glob; without environment it means the check in each of them.\n", true},
    {"history",         "CHECK",         1, 1, "results of a check, newest first", history_options, cmd_history, NULL, true},
    {"incident list",   "",              0, 0, "incidents, newest first", list_options, cmd_incident_list, NULL, true},
    {"incident show",   "[ID]",          0, 1, "an incident with timeline and findings (default: the latest)", incident_options, cmd_incident_show, NULL, true},
    {"incident acknowledge", "ID",       1, 1, "say that somebody has taken it: no notice is repeated", acknowledge_options, cmd_incident_acknowledge, NULL},
    {"pause",           "NAME…",         1, 64, "no probes of these checks for now", pause_options, cmd_pause,
     "NAME may be a glob. A check that is down has its incident closed: nobody\n"
     "measures it. What is judged from a check (of) is paused with it.\n", true},
    {"resume",          "NAME…",         1, 64, "probe them again, at once", resume_options, cmd_resume, NULL, true},
    {"mark",            "TEXT",          1, 1, "note that something happened, such as a release", NULL, cmd_mark, NULL, true},
    {"beat",            "NAME [-- COMMAND…]", 1, 9999, "a job reports itself, or a command is run and reported", beat_options, cmd_beat,
     "Without an option the job is done. With a COMMAND its start and end are\n"
     "reported, with its exit status, how long it ran and the end of what it\n"
     "printed; signals are passed on, and the exit status is the command's (128+n\n"
     "for signal n; 126, 127: it could not be started). Where no daemon answers,\n"
     "standard error says so, and the command runs all the same.\n", true},
    {"maintenance start", "[NAME]…",     0, 64, "no notices and no remediation for a while", window_options, cmd_maintenance_start,
     "Checks go on being measured. Without NAME, --tag or --env it is for all of\n"
     "them. NAME may be a glob. --for is needed.\n", true},
    {"maintenance end", "ID",            1, 1, "end a window before its time", NULL, cmd_maintenance_end, NULL},
    {"maintenance list", "",             0, 0, "windows that are open or to come", NULL, cmd_maintenance_list, NULL, true},
    {"maintenance run", "[NAME]… -- COMMAND…", 1, 9999, "maintenance for as long as a command runs", window_run_options, cmd_maintenance_run,
     "The window is open before the command starts, and ends with it, or when this\n"
     "process dies. Signals are passed on; the exit status is the command's (128+n\n"
     "for signal n; 126, 127: it could not be started). If no daemon can be reached\n"
     "the command is not run (exit status 3), unless --anyway is given.\n", true, true},
    {"runbook list",    "",              0, 0, "the configured runbooks", NULL, cmd_runbook_list, NULL, true},
    {"runbook log",     "",              0, 0, "what ran, was held, or would have run", list_options, cmd_runbook_log, NULL, true},
    {"runbook run",     "NAME",          1, 1, "run a diagnosis or notice now", run_by_hand_options, cmd_runbook_run, NULL, true},
    {"report handover", "",              0, 0, "what the next one on call must know", handover_options, cmd_report_handover, NULL, true},
    {"plugin list",     "",              0, 0, "the plugins that are there", NULL, cmd_plugin_list, NULL},
    {"plugin describe", "NAME|FILE.so",  1, 1, "a plugin's manual, from its tables", NULL, cmd_plugin_describe, NULL},
    {"plugin test",     "NAME|FILE.so",  1, 1, "does a plugin keep what the interface asks of it", plugin_test_options, cmd_plugin_test,
     "It is opened and probed in processes of its own, some thirty times. Where a\n"
     "--set holds {target} (or {target.host}, {target.port}), all of it is done\n"
     "twice: with an address where nobody listens, and one that accepts and never\n"
     "answers. Exit status 1: a contract is broken.\n"},
    {"fault list",      "",              0, 0, "every fault, whom it blames, what it means", NULL, cmd_fault_list, NULL},
    {"init",            "[URL]…",        0, 999, "write a first configuration, with comments", NULL, cmd_init,
     "It is written to ./relevo.cfg, or where -c or RELEVO_CONFIG say, with one\n"
     "check for each URL, and passes `relevo config check`. A file that is there is\n"
     "never changed (exit status 2). A URL with a user or password in it is not\n"
     "written: the file names a variable of the environment for it.\n", false, true},
    {"config check",    "",              0, 0, "is the configuration right, and how soon is an outage noticed", config_check_options, cmd_config_check, NULL, true},
    {"config show",     "",              0, 0, "the configuration with every value and its origin, secrets hidden", config_options, cmd_config_show, NULL, true, true},
    {"cron",            "EXPR",          1, 1, "the next times of a cron expression", cron_options, cmd_cron, NULL},
    {"expect",          "EXPR",          1, 1, "evaluate an expectation", expect_options, cmd_expect, NULL},
    {"db stats",        "",              0, 0, "the history's file: sizes, rows, what is kept", NULL, cmd_db_stats, NULL},
    {"db check",        "",              0, 0, "is the history's file sound", NULL, cmd_db_check,
     "SQLite's own check; every packed result and every rollup is decoded and\n"
     "they are compared; the audit's chain. Exit status 1 with findings.\n"},
    {"db backup",       "FILE",          1, 1, "copy the history while the daemon runs", NULL, cmd_db_backup,
     "FILE must not be there; it appears whole, looked through, or not at all.\n"},
    {"reload",          "",              0, 0, "have the daemon read its configuration again", NULL, cmd_reload, NULL, false, true},
    {"runner",          "",              0, 0, "run scripts for the daemon, as a unit of its own", runner_options, cmd_runner,
     "For relevo-runner.service: it takes its socket from systemd.\n", false, true},
    {"completion",      "SHELL",         1, 1, "print a completion script for a shell: bash", NULL, cmd_completion,
     "To try it: . <(relevo completion bash)\n", false, true},
    {"version",         "",              0, 0, "print the version", NULL, cmd_version, NULL},
    {"help",            "[COMMAND]…",    0, 3, "this help, or that of a command", help_options, cmd_help, NULL, false, true},
};
// clang-format on

const size_t command_count = ARRAY_LEN(commands);

/* ---------------------------------------------------------------- help --- */

static void print_options(const struct cli_option *table)
{
    for (; table != NULL && table->name != NULL; table++) {
        char left[64], letter[8] = "    ";
        if (table->letter != 0)
            snprintf(letter, sizeof letter, "-%c, ", table->letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, table->name,
                 table->value ? " " : "", table->value ? table->value : "");
        printf("  %-24s ", left);
        out_wrapped(table->help, 27);
        putchar('\n');
    }
}

static void help_of(const struct command *command)
{
    printf("relevo %s%s%s\n\n%s\n", command->name, command->words[0] ? " " : "",
           command->words, command->summary);
    if (command->more != NULL)
        fputs(command->more, stdout);
    if (command->options != NULL) {
        puts("\nOptions:");
        print_options(command->options);
    }
    puts("\nGlobal options:");
    print_options(cli_global_options);
}

static void help_all(void)
{
    puts("Relevo: a synthetic monitor with failover runbooks.\n\n"
         "usage: relevo [-c FILE] COMMAND …\n");
    for (size_t i = 0; i < command_count; i++) {
        const char *name = commands[i].name, *words = commands[i].words;
        int pad = 36 - out_width(name) - out_width(words);
        printf("  %s %s%*s", name, words, pad > 1 ? pad : 1, "");
        out_wrapped(commands[i].summary, 39);
        putchar('\n');
    }
    puts("\nGlobal options:");
    print_options(cli_global_options);
    puts(
        "\nExit status: 0 fine; 1 findings (a check is down, a result is not "
        "ok);\n2 usage or configuration error; 3 internal error or no daemon.");
}

int cmd_help(const struct args *args)
{
    char name[80] = "";
    if (args_has(args, "man")) {
        manual_print();
        return EXIT_FINE;
    }
    for (size_t i = 0; i < args->word_count; i++)
        snprintf(name + strlen(name), sizeof name - strlen(name), "%s%s",
                 i ? " " : "", args->words[i]);
    if (name[0] == '\0') {
        help_all();
        return EXIT_FINE;
    }
    bool found = false;
    for (size_t i = 0; i < command_count; i++) {
        size_t n = strlen(name);
        if (strncmp(commands[i].name, name, n) != 0 ||
            (commands[i].name[n] != '\0' && commands[i].name[n] != ' '))
            continue;
        if (found)
            puts("");
        help_of(&commands[i]);
        found = true;
    }
    return found ? EXIT_FINE
                 : cli_fail(EXIT_USAGE, "no command \"%s\"; see relevo help",
                            name);
}

int cmd_version(const struct args *args)
{
    if (args_has(args, "json"))
        out_json(json_pack("{s:s, s:i}", "version", RELEVO_VERSION, "landlock",
                           enclose_abi()));
    else
        puts("relevo " RELEVO_VERSION);
    return EXIT_FINE;
}

/* ----------------------------------------------------------- locations --- */

const char *cli_config(const struct args *args)
{
    const char *file = args_get(args, "config");
    if (file == NULL)
        file = getenv("RELEVO_CONFIG");
    return file != NULL && file[0] != '\0' ? file : NULL;
}

/* What the configuration says, if there is one; mistakes in it do not matter
 * to somebody who only wants to read. One that was named must be readable. */
static const char *configured_state_dir(const struct args *args)
{
    static char dir[4096];
    struct conf_source source = places_source(cli_config(args), NULL);
    struct conf_errors *errors = conf_errors_new();
    struct conf_draft *draft = conf_read(&source, errors);
    if (draft != NULL)
        snprintf(dir, sizeof dir, "%s", conf_draft_state_dir(draft));
    if (draft == NULL && source.file != NULL) {
        struct buf text = {0};
        conf_errors_write(errors, &text);
        fputs(buf_text(&text), stderr);
        exit(EXIT_USAGE);
    }
    conf_draft_free(draft);
    conf_errors_free(errors);
    return dir[0] != '\0' ? dir : NULL;
}

static const char *default_state_dir(void)
{
    static char dir[4096];
    const char *in_build = places_state_dir(), *home;
    if (in_build != NULL)
        return in_build;
    if (geteuid() == 0)
        return "/var/lib/relevo";
    if ((home = getenv("XDG_STATE_HOME")) != NULL && home[0] == '/')
        snprintf(dir, sizeof dir, "%s/relevo", home);
    else
        snprintf(dir, sizeof dir, "%s/.local/state/relevo",
                 (home = getenv("HOME")) != NULL ? home : "");
    return dir;
}

const char *cli_state_dir(const struct args *args)
{
    const char *dir = args_get(args, "state-dir");
    if (dir == NULL)
        dir = getenv("RELEVO_STATE_DIR");
    if (dir == NULL || dir[0] == '\0')
        dir = configured_state_dir(args);
    return dir != NULL ? dir : default_state_dir();
}

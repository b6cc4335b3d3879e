/* cli/manual.c: see manual.h. */
#include "cli/manual.h"

#include <stdio.h>

#include "base/str.h"
#include "cli/cli.h"

/* A backslash and a hyphen mean something to troff, and so do a full stop and
 * an apostrophe at the beginning of a line. */
static void put_text(const char *text)
{
    bool begins = true;
    for (; *text != '\0'; text++) {
        if (begins && (*text == '.' || *text == '\''))
            fputs("\\&", stdout);
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else
            putchar(*text);
        begins = *text == '\n';
    }
}

static void put_line(const char *text)
{
    put_text(text);
    putchar('\n');
}

static void put_options(const struct cli_option *o)
{
    for (; o != NULL && o->name != NULL; o++) {
        fputs(".TP\n", stdout);
        if (o->letter != 0)
            printf("\\fB\\-%c\\fR, ", o->letter);
        fputs("\\fB\\-\\-", stdout);
        put_text(o->name);
        fputs("\\fR", stdout);
        if (o->value != NULL) {
            fputs(" \\fI", stdout);
            put_text(o->value);
            fputs("\\fR", stdout);
        }
        putchar('\n');
        put_line(o->help);
    }
}

static void put_command(const struct command *c)
{
    printf(".SS \"relevo %s\"\n", c->name);
    if (c->words[0] != '\0') {
        fputs("Words: \\fI", stdout);
        put_text(c->words);
        fputs("\\fR\n.PP\n", stdout);
    }
    put_line(c->summary);
    if (c->more != NULL) {
        fputs(".PP\n", stdout);
        put_text(c->more);
    }
    put_options(c->options);
}

static const char head[] =
    ".SH NAME\n"
    "relevo \\- synthetic monitor with failover runbooks\n"
    ".SH SYNOPSIS\n"
    ".B relevo\n"
    "[\\fB\\-c\\fR \\fIFILE\\fR] \\fICOMMAND\\fR ...\n"
    ".SH DESCRIPTION\n"
    "Relevo probes HTTP APIs, databases and gateways on a schedule, keeps "
    "their\n"
    "history in one SQLite file, and when a check fails it runs the runbook\n"
    "that fits the failure. \\fBrelevo run\\fR is the daemon; the other\n"
    "commands ask it, read its history, or work without it.\n"
    ".PP\n"
    "Global options may stand before or after the command.\n"
    ".SH \"GLOBAL OPTIONS\"\n";

static const char tail[] =
    ".SH \"EXIT STATUS\"\n"
    "0: fine. 1: findings (a check is down, a result is not ok). 2: usage or\n"
    "configuration error. 3: internal error, or no daemon.\n"
    ".SH ENVIRONMENT\n"
    ".TP\n.B RELEVO_CONFIG\nThe configuration, where \\fB\\-c\\fR does not "
    "name "
    "one.\n"
    ".TP\n.B RELEVO_STATE_DIR\nThe state directory, where "
    "\\fB\\-\\-state\\-dir\\fR does not name one.\n"
    ".TP\n.B NO_COLOR\nNo colours, if it is set.\n"
    ".SH FILES\n"
    ".TP\n.I /etc/relevo/relevo.cfg\nThe system's configuration.\n"
    ".TP\n.I /var/lib/relevo\nThe system's history and the runs of scripts.\n"
    ".TP\n.I /run/relevo/control.sock\nThe control socket of the system's "
    "daemon.\n";

void manual_print(void)
{
    puts(".TH RELEVO 1 \"\" \"relevo " RELEVO_VERSION "\" \"User Commands\"");
    fputs(head, stdout);
    put_options(cli_global_options);
    puts(".SH COMMANDS");
    for (size_t i = 0; i < command_count; i++)
        put_command(&commands[i]);
    fputs(tail, stdout);
}

/* cli/args.c: from argv to a command of the table and its arguments.
 *
 * Global options may stand before or after the command; "--" ends options. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"

const char *args_nth(const struct args *a, const char *name, size_t i)
{
    for (size_t k = 0; k < a->given_count; k++)
        if (str_eq(a->given[k].name, name) && i-- == 0)
            return a->given[k].value;
    return NULL;
}

/* The last one given wins. */
const char *args_get(const struct args *a, const char *name)
{
    const char *value = NULL;
    for (size_t k = 0; k < a->given_count; k++)
        if (str_eq(a->given[k].name, name))
            value = a->given[k].value;
    return value;
}

bool args_has(const struct args *a, const char *name)
{
    return args_get(a, name) != NULL;
}

int cli_fail(int status, const char *fmt, ...)
{
    char text[2000], clean[2200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    str_clean(clean, sizeof clean, text, strlen(text));
    fprintf(stderr, "relevo: %s\n", clean);
    return status;
}

int cli_page_format(const struct args *args)
{
    static const char *const formats[] = {"text", "markdown", NULL};
    const char *word = args_get(args, "format");
    if (word == NULL || str_eq(word, formats[0]) || str_eq(word, formats[1]))
        return EXIT_FINE;
    const char *near = str_nearest_of(word, formats);
    return cli_fail(
        EXIT_USAGE, "--format: \"%s\"; expected text or markdown%s%s%s", word,
        near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

/* ------------------------------------------------------------- options --- */

static const struct cli_option *find_in(const struct cli_option *table,
                                        const char *name, size_t n, char letter)
{
    for (; table != NULL && table->name != NULL; table++)
        if ((letter != 0 && table->letter == letter) ||
            (letter == 0 && strlen(table->name) == n &&
             memcmp(table->name, name, n) == 0))
            return table;
    return NULL;
}

static const struct cli_option *find_option(const struct command *command,
                                            const char *name, size_t n,
                                            char letter)
{
    const struct cli_option *own =
        command == NULL ? NULL : find_in(command->options, name, n, letter);
    return own != NULL ? own : find_in(cli_global_options, name, n, letter);
}

static const char *nth_option(const void *arg, size_t i)
{
    const struct command *command = arg;
    size_t own = 0;
    while (command != NULL && command->options != NULL &&
           command->options[own].name != NULL)
        own++;
    return i < own ? command->options[i].name
                   : cli_global_options[i - own].name;
}

struct parse {
    int argc, at;
    char **argv;
    struct given *given;
    size_t given_count;
    const char **words;
    size_t word_count, rest;
};

/* One option at argv[at]; false: said why. With a NULL command only global
 * options are known, and others are left for later. */
static bool take_option(struct parse *p, const struct command *command)
{
    const char *arg = p->argv[p->at];
    const char *name = arg + (arg[1] == '-' ? 2 : 1);
    size_t n = strcspn(name, "=");
    char letter = arg[1] == '-' ? 0 : arg[1];
    const struct cli_option *o = find_option(command, name, n, letter);
    if (o == NULL) {
        char word[64];
        snprintf(word, sizeof word, "%.*s", (int)n, name);
        const char *near = str_nearest(word, nth_option, command);
        cli_fail(EXIT_USAGE, "unknown option %s%s%s%s", arg,
                 near ? "; did you mean --" : "", near ? near : "",
                 near ? "?" : "");
        return false;
    }
    const char *value = "";
    bool attached = letter == 0 ? name[n] == '=' : arg[2] != '\0';
    if (o->value != NULL && attached)
        value = letter == 0 ? name + n + 1 : arg + 2;
    else if (o->value != NULL && p->at + 1 < p->argc)
        value = p->argv[++p->at];
    else if (o->value != NULL || attached) {
        cli_fail(EXIT_USAGE,
                 o->value ? "--%s needs a value: --%s %s"
                          : "--%s takes no value",
                 o->name, o->name, o->value);
        return false;
    }
    p->given[p->given_count++] = (struct given){o->name, value};
    return true;
}

/* ------------------------------------------------------------ commands --- */

/* "incident show": as many words as the name has. */
static const struct command *find_command(char **argv, int argc, int at,
                                          int *used)
{
    for (size_t i = 0; i < command_count; i++) {
        const char *name = commands[i].name, *space = strchr(name, ' ');
        size_t first = space == NULL ? strlen(name) : (size_t)(space - name);
        if (strlen(argv[at]) != first || memcmp(argv[at], name, first) != 0)
            continue;
        *used = 1;
        if (space == NULL)
            return &commands[i];
        *used = 2;
        if (at + 1 < argc && str_eq(argv[at + 1], space + 1))
            return &commands[i];
    }
    return NULL;
}

static const char *nth_command(const void *arg, size_t i)
{
    (void)arg;
    return i < command_count ? commands[i].name : NULL;
}

/* "relevo incident" without a second word: which there are. */
static int unknown_command(const char *first, const char *second)
{
    char typed[80];
    size_t n = strlen(first);
    struct buf list = {0};
    for (size_t i = 0; i < command_count; i++)
        if (strncmp(commands[i].name, first, n) == 0 &&
            commands[i].name[n] == ' ')
            buf_addf(&list, "%s%s", list.len ? ", " : "", commands[i].name);
    snprintf(typed, sizeof typed, "%s%s%s", first,
             list.len && second ? " " : "", list.len && second ? second : "");
    const char *near = str_nearest(typed, nth_command, NULL);
    if (near != NULL && !str_eq(near, first))
        cli_fail(EXIT_USAGE, "unknown command \"%s\"; did you mean \"%s\"?",
                 typed, near);
    else if (list.len > 0)
        cli_fail(EXIT_USAGE, "\"%s\" needs one of: %s", first, list.data);
    else
        cli_fail(EXIT_USAGE, "unknown command \"%s\"; see relevo help", typed);
    buf_free(&list);
    return EXIT_USAGE;
}

static bool is_option(const char *arg)
{
    return arg[0] == '-' && arg[1] != '\0' && !str_eq(arg, "--");
}

/* Fills p with everything after the command. */
static bool take_rest(struct parse *p, const struct command *command)
{
    bool options_end = false;
    for (; p->at < p->argc; p->at++) {
        const char *arg = p->argv[p->at];
        if (!options_end && str_eq(arg, "--"))
            options_end = true;
        else if (!options_end && is_option(arg)) {
            if (!take_option(p, command))
                return false;
        } else {
            p->words[p->word_count++] = arg;
        }
        if (!options_end)
            p->rest = p->word_count;
    }
    return true;
}

static int run_command(struct parse *p, const struct command *command)
{
    struct args args = {.command = command,
                        .given = p->given,
                        .given_count = p->given_count,
                        .words = p->words,
                        .word_count = p->word_count,
                        .rest = p->rest};
    if (args_has(&args, "help"))
        return cmd_help(&(struct args){
            .words = (const char *[]){command->name, NULL}, .word_count = 1});
    if (p->word_count < command->least || p->word_count > command->most)
        return cli_fail(EXIT_USAGE, "usage: relevo %s %s", command->name,
                        command->words);
    if (args_has(&args, "env") && !command->by_environment)
        return cli_fail(EXIT_USAGE,
                        "relevo %s is not of an environment: "
                        "--env has no meaning here",
                        command->name);
    if (args_has(&args, "json") && command->text_only)
        return cli_fail(EXIT_USAGE, "relevo %s prints text only, no JSON",
                        command->name);
    return command->run(&args);
}

static int parse_and_run(struct parse *p)
{
    while (p->at < p->argc && is_option(p->argv[p->at])) {
        if (!take_option(p, NULL))
            return EXIT_USAGE;
        p->at++;
    }
    bool version = p->given_count > 0 &&
                   str_eq(p->given[p->given_count - 1].name, "version");
    if (version)
        return cmd_version(&(struct args){0});
    if (p->at >= p->argc)
        return cmd_help(&(struct args){0});
    int used = 0;
    const struct command *command =
        find_command(p->argv, p->argc, p->at, &used);
    if (command == NULL)
        return unknown_command(p->argv[p->at],
                               p->at + 1 < p->argc ? p->argv[p->at + 1] : NULL);
    p->at += used;
    return take_rest(p, command) ? run_command(p, command) : EXIT_USAGE;
}

/* What could not be written is no answer: a full disk, a closed stream. */
static int finish_output(int status)
{
    bool whole = fflush(stdout) == 0 && !ferror(stdout);
    if (whole || status == EXIT_INTERNAL)
        return status;
    return cli_fail(EXIT_INTERNAL, "standard output could not be written");
}

int cli_main(int argc, char **argv)
{
    struct parse p = {.argc = argc, .at = 1, .argv = argv};
    p.given = xcalloc((size_t)argc + 1, sizeof *p.given);
    p.words = xcalloc((size_t)argc + 1, sizeof *p.words);
    int status = parse_and_run(&p);
    free(p.given);
    free(p.words);
    return finish_output(status);
}

/* cli/cmd_completion.c: `relevo completion bash`: a completion script, made
 * from the table of commands, so that it knows exactly what this program does.
 * It needs nothing but bash itself: no bash-completion functions, no running of
 * relevo while somebody types. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/cli.h"

static const char head[] =
    "# bash completion for relevo, made by `relevo completion bash`\n"
    "_relevo() {\n"
    "    local word name='' i valued options firsts seconds\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} "
    "prev=${COMP_WORDS[COMP_CWORD-1]}\n";

/* The command's name is the words that are neither an option nor its value,
 * two at most. */
static const char find_name[] =
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if [[ $word == -- ]]; then\n"
    "            mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "            return\n"
    "        elif [[ \" $valued \" == *\" $word \"* ]]; then\n"
    "            ((++i))\n"
    "        elif [[ $word != -* && ( -z $name || $name != *' '* ) ]]; then\n"
    "            name+=${name:+ }$word\n"
    "        fi\n"
    "    done\n"
    "    if [[ \" $valued \" == *\" $prev \"* ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "        return\n"
    "    fi\n";

static const char tail[] =
    "    if [[ $cur == -* ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
    "    elif [[ -z $name ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$firsts\" -- \"$cur\")\n"
    "    elif [[ -n $seconds ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$seconds\" -- \"$cur\")\n"
    "    else\n"
    "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "    fi\n"
    "}\n"
    "complete -o filenames -F _relevo relevo\n";

static void put_options(const struct cli_option *o, bool only_with_value)
{
    for (; o != NULL && o->name != NULL; o++) {
        if (only_with_value && o->value == NULL)
            continue;
        printf(" --%s", o->name);
        if (o->letter != 0)
            printf(" -%c", o->letter);
    }
}

/* "incident show" → "incident"; "run" → "run" */
static int first_word(const char *name) { return (int)strcspn(name, " "); }

static bool is_first_of_its_kind(size_t i)
{
    size_t n = (size_t)first_word(commands[i].name);
    for (size_t j = 0; j < i; j++)
        if ((size_t)first_word(commands[j].name) == n &&
            memcmp(commands[j].name, commands[i].name, n) == 0)
            return false;
    return true;
}

static void put_firsts(void)
{
    printf("    firsts='");
    for (size_t i = 0; i < command_count; i++)
        if (is_first_of_its_kind(i))
            printf(" %.*s", first_word(commands[i].name), commands[i].name);
    puts("'");
}

/* What may follow the first word of commands of two. */
static void put_seconds(const char *name)
{
    size_t n = (size_t)first_word(name);
    printf("    '%.*s') seconds='", (int)n, name);
    for (size_t i = 0; i < command_count; i++)
        if (strncmp(commands[i].name, name, n) == 0 &&
            commands[i].name[n] == ' ')
            printf(" %s", commands[i].name + n + 1);
    puts("' ;;");
}

static void put_command(const struct command *c)
{
    if (c->options == NULL)
        return;
    /* A command of one word may have words after it. */
    printf("    '%s'%s%s%s) options+='", c->name,
           strchr(c->name, ' ') == NULL ? " | '" : "",
           strchr(c->name, ' ') == NULL ? c->name : "",
           strchr(c->name, ' ') == NULL ? " '*" : "");
    put_options(c->options, false);
    puts("' ;;");
}

static void put_bash(void)
{
    fputs(head, stdout);
    printf("    valued='");
    put_options(cli_global_options, true);
    for (size_t i = 0; i < command_count; i++)
        put_options(commands[i].options, true);
    puts("'");
    printf("    options='");
    put_options(cli_global_options, false);
    puts("'");
    put_firsts();
    fputs(find_name, stdout);
    puts("    case $name in");
    for (size_t i = 0; i < command_count; i++)
        put_command(&commands[i]);
    puts("    esac\n    case $name in");
    for (size_t i = 0; i < command_count; i++)
        if (strchr(commands[i].name, ' ') != NULL && is_first_of_its_kind(i))
            put_seconds(commands[i].name);
    puts("    esac");
    fputs(tail, stdout);
}

int cmd_completion(const struct args *args)
{
    if (!str_eq(args->words[0], "bash"))
        return cli_fail(EXIT_USAGE, "completion for \"%s\" is not known; bash",
                        args->words[0]);
    put_bash();
    return EXIT_FINE;
}

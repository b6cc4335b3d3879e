/* What a plugin itself costs: its probes in the least host there is (host.h).
 *
 *     bench_plugin FILE COUNT IN_FLIGHT RATE [NAME=VALUE…]
 *
 * A VALUE of the form {a=b}{c=d} is a list of groups: steps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "host.h"
#include "plug/plug.h"

/* Cuts text at the first sign, and returns what comes after it. */
static char *cut(char *text, char sign)
{
    char *at = strchr(text, sign);
    if (at == NULL) {
        fprintf(stderr, "\"%s\" has no %c\n", text, sign);
        exit(2);
    }
    *at = '\0';
    return at + 1;
}

static struct raw read_steps(char *text, struct arena *arena)
{
    size_t n = strlen(text);
    struct rlv_dict *steps = arena_alloc(arena, n * sizeof *steps);
    struct raw raw = {.type = RAW_STEPS, .steps = {steps, 0}};
    while (*text == '{') {
        struct rlv_pair *pair = arena_alloc(arena, sizeof *pair);
        char *after = cut(text, '}');
        char *value = cut(text + 1, '=');
        *pair = (struct rlv_pair){text + 1, value};
        steps[raw.steps.count++] = (struct rlv_dict){pair, 1};
        text = after;
    }
    return raw;
}

static struct setting read_setting(char *word, struct arena *arena)
{
    char *value = cut(word, '=');
    struct setting s = {.name = word,
                        .value = {.type = RAW_TEXT, .text = value}};
    if (*value == '{')
        s.value = read_steps(value, arena);
    else if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0)
        s.value.type = RAW_BOOL;
    else if (strspn(value, "0123456789") == strlen(value) && *value != '\0')
        s.value.type = RAW_INT;
    return s;
}

int main(int argc, char **argv)
{
    struct err err;
    struct arena *arena = arena_new();
    if (argc < 5) {
        fprintf(stderr, "usage: bench_plugin FILE COUNT IN_FLIGHT RATE "
                        "[NAME=VALUE...]\n");
        return 2;
    }
    size_t count = (size_t)argc - 5;
    struct setting *settings =
        arena_alloc(arena, (count + 1) * sizeof *settings);
    for (size_t i = 0; i < count; i++)
        settings[i] = read_setting(argv[5 + i], arena);
    struct plug *plug = plug_open(argv[1], &err);
    void *conf = plug == NULL ? NULL
                              : plug_fill(plug, settings, count, NULL, arena,
                                          NULL, &err);
    if (conf == NULL || plug_table(plug)->init(&bench_host) != 0) {
        fprintf(stderr, "%s: %s\n", argv[1], err.text);
        return 2;
    }
    struct load load = {plug_table(plug)->start, conf, atol(argv[2]),
                        atol(argv[3]), atol(argv[4])};
    return bench_run(&load);
}

/* main.c: one program, several roles. Started by a person it is a command
 * (cli/); main starts it again with --role for the others (design: every role
 * has a fresh address space). */
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "base/harden.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "runner/runner.h"
#include "vet/vet.h"
#include "web/web.h"
#include "worker/worker.h"

static const struct {
    const char *name;
    int (*main)(void);
    int oom_score; /* we before main */
} roles[] = {
    {"worker", worker_main, 200},
    {"vet", vet_main, 200},
    {"runner", runner_main, 100},
    {"web", web_main, 300},
};

/* Started with one of them closed, what is opened next would take its place:
 * our messages in the history's file. Opened for reading, so that what is
 * written there fails rather than vanishes. */
static void fill_standard_streams(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

static int be_role(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(roles); i++)
        if (str_eq(name, roles[i].name)) {
            harden_oom(roles[i].oom_score);
            harden_memory();
            return roles[i].main();
        }
    fprintf(stderr, "relevo: no role \"%s\"\n", name);
    return EXIT_USAGE;
}

/* Where a library would hand us a NULL that we cannot do anything about, or end
 * the process without a word, it ends as ours does. */
static void share_memory(void)
{
    json_set_alloc_funcs(xmalloc, free);
    uv_replace_allocator(xmalloc, xrealloc, xcalloc, free);
}

int main(int argc, char **argv)
{
    fill_standard_streams();
    share_memory();
    if (argc == 3 && str_eq(argv[1], "--role"))
        return be_role(argv[2]);
    harden_memory();
    return cli_main(argc, argv);
}

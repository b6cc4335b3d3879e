/* A plugin that looks at what is none of its business, and says how that went:
 * for tests of what a worker's process may. */
#define _GNU_SOURCE /* strerrorname_np */
#include <errno.h>
#include <fcntl.h>
#include <relevo/plugin.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>

struct conf {
    const char *act, *path;
};

static const struct rlv_option options[] = {
    {"act", RLV_STRING, 0, offsetof(struct conf, act), "read", NULL, "what"},
    {"path", RLV_STRING, 0, offsetof(struct conf, path), "", NULL,
     "a file; PARENT in it: the number of main"},
};

static const struct rlv_field fields[] = {
    {"answer", RLV_T_TEXT, RLV_RECORDED, "", "how it went"},
};

static const struct rlv_host *h;

static void answer(struct rlv_probe *p, int status)
{
    h->observe(p, 0, rlv_text(status == 0 ? "done" : strerrorname_np(errno)));
}

static void open_it(struct rlv_probe *p, const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    answer(p, fd < 0 ? -1 : 0);
    if (fd >= 0)
        close(fd);
}

/* All that a command prints, on one line. */
static void run(struct rlv_probe *p, const char *command)
{
    char text[400];
    FILE *f = popen(command, "re");
    size_t n = f == NULL ? 0 : fread(text, 1, sizeof text - 1, f);
    for (size_t i = 0; i < n; i++)
        if (text[i] == '\n' || text[i] == '\t')
            text[i] = ' ';
    text[n] = '\0';
    if (f != NULL)
        pclose(f);
    h->observe(p, 0, rlv_text(text));
}

static void put_parent(const char *path, char *out, size_t size)
{
    const char *at = strstr(path, "PARENT");
    if (at == NULL)
        snprintf(out, size, "%s", path);
    else
        snprintf(out, size, "%.*s%d%s", (int)(at - path), path, (int)getppid(),
                 at + 6);
}

static void start(struct rlv_probe *p, const void *conf)
{
    const struct conf *c = conf;
    char path[4096];
    put_parent(c->path, path, sizeof path);
    if (strcmp(c->act, "read") == 0)
        open_it(p, path, O_RDONLY);
    else if (strcmp(c->act, "write") == 0)
        open_it(p, path, O_WRONLY | O_CREAT);
    else if (strcmp(c->act, "remove") == 0)
        answer(p, unlink(path));
    else if (strcmp(c->act, "run") == 0)
        run(p, path);
    else if (strcmp(c->act, "signal") == 0)
        answer(p, kill(getppid(), 0));
    else if (strcmp(c->act, "trace") == 0)
        answer(p, (int)ptrace(PTRACE_SEIZE, getppid(), NULL, NULL));
    else if (strcmp(c->act, "print") == 0)
        answer(p,
               dprintf(2, "it is %s!\x1b[31m\x9b\a\r\nand %s", path, path) < 0);
    h->done(p);
}

/* Prints it, too: the secrets of a configuration that is not taken yet. */
static bool validate(const void *conf, const char **option, char *why,
                     size_t size)
{
    const struct conf *c = conf;
    (void)option;
    (void)why;
    (void)size;
    if (strcmp(c->act, "print") == 0)
        dprintf(2, "so it is %s\n", c->path);
    return true;
}

static int init(const struct rlv_host *host)
{
    h = host;
    return 0;
}

RLV_PLUGIN(.name = "snoop", .version = "1", .summary = "looks everywhere",
           RLV_OPTIONS(struct conf, options), RLV_FIELDS(fields), .init = init,
           .validate = validate, .start = start);

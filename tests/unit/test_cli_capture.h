/* tests/unit/test_cli_capture.h: runs a command of the program in this process
 * and keeps what it printed. */
#ifndef TEST_CLI_CAPTURE_H
#define TEST_CLI_CAPTURE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "cli/cli.h"

struct captured {
    int status;
    struct buf out, err;
};

static int divert(int fd, const char *path)
{
    int old = dup(fd);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (old < 0 || file < 0 || dup2(file, fd) < 0)
        abort();
    close(file);
    return old;
}

static void restore(int fd, int old)
{
    dup2(old, fd);
    close(old);
}

/* words is NULL-ended, without the program's name. Files go into dir. */
static inline struct captured capture(const char *dir, const char *const *words)
{
    struct captured c = {0};
    char out[300], err[300];
    char *argv[32] = {(char *)(uintptr_t) "relevo"};
    int argc = 1;
    for (; words[argc - 1] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    snprintf(out, sizeof out, "%s/out", dir);
    snprintf(err, sizeof err, "%s/err", dir);
    fflush(NULL);
    int old_out = divert(STDOUT_FILENO, out);
    int old_err = divert(STDERR_FILENO, err);
    c.status = cli_main(argc, argv);
    fflush(NULL);
    restore(STDOUT_FILENO, old_out);
    restore(STDERR_FILENO, old_err);
    if (!fs_read(out, 1 << 20, &c.out, NULL) ||
        !fs_read(err, 1 << 20, &c.err, NULL))
        abort();
    return c;
}

static inline void captured_free(struct captured *c)
{
    buf_free(&c->out);
    buf_free(&c->err);
}

/* Both texts are printed when it is not there. */
static inline bool says(const struct buf *text, const char *part)
{
    if (strstr(buf_text(text), part) != NULL)
        return true;
    fprintf(stderr, "expected \"%s\" in:\n%s\n", part, buf_text(text));
    return false;
}

#define RUN(dir, ...) capture(dir, (const char *const[]){__VA_ARGS__, NULL})

#endif

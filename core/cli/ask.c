/* cli/ask.c: see ask.h. Blocking, with a time limit on silence. */
#include "cli/ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "daemon/daemon.h"

/* A probe's timeout may be long; silence beyond this is a daemon that hangs. */
enum { SILENCE_S = 120 };

struct ask {
    int fd;
    struct buf in;
};

/* A connected socket, or -1 with errno. */
static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 &&
        connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        fd = -1;
    }
    return fd;
}

struct ask *ask_open(const char *state_dir, struct err *err)
{
    char path[4300];
    int fd = -1;
    for (size_t i = 0;
         fd < 0 && daemon_control_path(state_dir, i, path, sizeof path); i++)
        fd = connect_to(path);
    if (fd < 0) {
        bool none = errno == ENOENT || errno == ECONNREFUSED;
        err_set(err, none ? ERR_NOT_FOUND : ERR_IO, none ? 0 : errno,
                none ? "no daemon runs on %s; start it with relevo run"
                     : "control socket of %s",
                state_dir);
        return NULL;
    }
    struct timeval silence = {.tv_sec = SILENCE_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence);
    struct ask *a = xcalloc(1, sizeof *a);
    a->fd = fd;
    return a;
}

void ask_close(struct ask *a)
{
    if (a == NULL)
        return;
    close(a->fd);
    buf_free(&a->in);
    free(a);
}

bool ask_send(struct ask *a, json_t *request, struct err *err)
{
    char *text = json_dumps(request, JSON_COMPACT);
    json_decref(request);
    char *line = xasprintf("%s\n", text);
    bool ok = fs_write_all(a->fd, line, strlen(line));
    if (!ok)
        err_set(err, ERR_IO, errno, "writing to the daemon");
    free(text);
    free(line);
    return ok;
}

static bool read_more(struct ask *a, struct err *err)
{
    char chunk[8192];
    ssize_t n;
    do
        n = read(a->fd, chunk, sizeof chunk);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        buf_add(&a->in, chunk, (size_t)n);
    else
        err_set(err, ERR_IO, n < 0 ? errno : 0, "the daemon did not answer");
    return n > 0;
}

json_t *ask_next(struct ask *a, struct err *err)
{
    char *end;
    while (a->in.len == 0 ||
           (end = memchr(a->in.data, '\n', a->in.len)) == NULL)
        if (!read_more(a, err))
            return NULL;
    size_t n = (size_t)(end - a->in.data);
    json_t *answer = json_loadb(a->in.data, n, 0, NULL);
    buf_drop(&a->in, n + 1);
    if (answer == NULL)
        err_set(err, ERR_PROTOCOL, 0, "the daemon sent no JSON");
    return answer;
}

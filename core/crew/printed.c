/* crew/printed.c: see printed.h. */
#include "crew/printed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

enum {
    CHUNK = 16 * 1024,
    LAST_CHUNKS = 4,     /* of one that has ended */
    LONGEST = 8 * 1024,  /* of a line; the log shows less */
    LINES_A_SECOND = 200 /* a sanitizer's report passes */
};

struct printed {
    uv_poll_t poll;
    const char *label;
    const struct redact *redact;
    int fd;
    struct buf line;
    int64_t second;
    unsigned lines, left_out; /* in that second; since it was told */
};

static void tell_left_out(struct printed *p)
{
    if (p->left_out > 0)
        log_warn("%s: printed %u more lines", p->label, p->left_out);
    p->left_out = 0;
}

static void tell_line(struct printed *p)
{
    struct buf clean = {0};
    redact_text(p->redact, p->line.data, p->line.len, &clean);
    log_warn("%s: printed: %s", p->label, buf_text(&clean));
    buf_free(&clean);
}

static void end_line(struct printed *p)
{
    int64_t second = clock_mono_ns() / NS_PER_S;
    if (second != p->second) {
        tell_left_out(p);
        p->lines = 0;
    }
    p->second = second;
    if (p->line.len == 0)
        return;
    if (p->lines++ < LINES_A_SECOND)
        tell_line(p);
    else
        p->left_out++;
    buf_clear(&p->line);
}

/* NUL would end the line in the log: a secret behind it is not looked for, but
 * not shown either. */
static void take(struct printed *p, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bytes[i] == '\n')
            end_line(p);
        else if (p->line.len < LONGEST)
            buf_addc(&p->line, bytes[i] == '\0' ? ' ' : bytes[i]);
}

/* false: nothing more at the moment, or for ever. */
static bool read_some(struct printed *p)
{
    char chunk[CHUNK];
    ssize_t n = read(p->fd, chunk, sizeof chunk);
    if (n > 0)
        take(p, chunk, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        uv_poll_stop(&p->poll);
    return n == (ssize_t)sizeof chunk;
}

static void on_readable(uv_poll_t *handle, int status, int events)
{
    (void)status;
    (void)events;
    read_some(handle->data);
}

static void on_closed(uv_handle_t *handle) { free(handle->data); }

struct printed *printed_new(uv_loop_t *loop, const char *label,
                            const struct redact *redact, int *theirs,
                            struct err *err)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) {
        err_set(err, ERR_IO, errno, "pipe");
        return NULL;
    }
    struct printed *p = xcalloc(1, sizeof *p);
    p->label = label;
    p->redact = redact;
    p->fd = fds[0];
    *theirs = fds[1];
    must(uv_poll_init(loop, &p->poll, p->fd) == 0);
    p->poll.data = p;
    uv_poll_start(&p->poll, UV_READABLE | UV_DISCONNECT, on_readable);
    return p;
}

void printed_end(struct printed *p)
{
    if (p == NULL)
        return;
    for (int i = 0; i < LAST_CHUNKS && read_some(p); i++)
        ;
    end_line(p);
    tell_left_out(p);
    uv_poll_stop(&p->poll);
    close(p->fd);
    buf_free(&p->line);
    uv_close((uv_handle_t *)&p->poll, on_closed);
}

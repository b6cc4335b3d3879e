/* daemon/control.c: the control socket.
 *
 * A request is one JSON object on a line, {"command": "status"}; the answer is
 * one object on a line, or one an item and {"end": true} last. A line is at
 * most 64 KiB. Who asks is known by SO_PEERCRED: root and our own user may do
 * everything, members of the socket's group may read, others are refused.
 *
 * Happy path: accept → a line → its command answers (commands.c) → more lines.
 * Ways it can fail: nonsense (answered with an error), too long a line (the
 * same, then closed), a client that leaves (its wait for a probe is forgotten,
 * a window that is bound to it ends), one that does not read (nothing more is
 * read from it while UNSENT_MOST bytes wait; it makes room when another wants
 * its place), one too many (told so). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon/client.h"
#include "report/json.h"

enum {
    REQUEST_MOST = 64 * 1024,
    UNSENT_MOST = 128 * 1024,
    CLIENTS_MOST = 64,
    BACKLOG = 128
};

enum right { MAY_NOTHING, MAY_READ, MAY_CHANGE };

/* ------------------------------------------------------------- answers --- */

/* The last of its handles is closed: the server's or a client's. */
static void release(struct control *control)
{
    if (--control->open_handles == 0)
        free(control);
}

static void on_client_closed(uv_handle_t *handle)
{
    struct client *c = handle->data;
    struct client **link = &c->control->clients;
    while (*link != c)
        link = &(*link)->next;
    *link = c->next;
    c->control->client_count--;
    release(c->control);
    buf_free(&c->in);
    buf_free(&c->out);
    free(c);
}

static void drop(struct client *c)
{
    if (c->closing)
        return;
    c->closing = true;
    windows_client_left(c);
    beats_client_left(c);
    uv_close((uv_handle_t *)&c->pipe, on_client_closed);
}

struct sending {
    uv_write_t request;
    struct client *client;
    struct buf text;
};

static void serve(struct client *);

static void on_written(uv_write_t *request, int status)
{
    struct sending *a = request->data;
    struct client *c = a->client;
    c->unsent -= a->text.len;
    buf_free(&a->text);
    free(a);
    if (status < 0)
        drop(c);
    else
        serve(c);
}

/* Takes over the reference. Sent by client_flush. */
void client_answer(struct client *c, json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    must(text != NULL);
    buf_add(&c->out, text, strlen(text));
    buf_add(&c->out, "\n", 1);
    free(text);
}

void client_flush(struct client *c)
{
    if (c->out.len == 0 || c->closing)
        return;
    struct sending *a = xcalloc(1, sizeof *a);
    a->client = c;
    a->text = c->out;
    a->request.data = a;
    c->out = (struct buf){0};
    c->unsent += a->text.len;
    uv_buf_t out = uv_buf_init(a->text.data, (unsigned)a->text.len);
    if (uv_write(&a->request, (uv_stream_t *)&c->pipe, &out, 1, on_written)) {
        c->unsent -= a->text.len;
        buf_free(&a->text);
        free(a);
        drop(c);
    }
}

void client_refuse(struct client *c, const char *text)
{
    client_answer(c,
                  json_pack("{s:o}", "error", report_text(text, strlen(text))));
}

bool client_is_there(const struct control *control, const struct client *c)
{
    for (const struct client *i = control->clients; i != NULL; i = i->next)
        if (i == c)
            return !c->closing;
    return false;
}

static void handle(struct client *c, const char *line, size_t n)
{
    struct request request;
    const char *refusal = request_parse(line, n, c->may_change, &request);
    if (refusal != NULL) {
        client_refuse(c, refusal);
    } else {
        command_run(c, &request);
        request_fini(&request);
    }
    client_flush(c);
}

/* ------------------------------------------------------------ requests --- */

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
    (void)handle;
    (void)size;
    *out = uv_buf_init(xmalloc(4096), 4096);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
    struct client *c = stream->data;
    if (n > 0)
        buf_add(&c->in, bytes->base, (size_t)n);
    free(bytes->base);
    if (n < 0)
        drop(c);
    else
        serve(c);
}

/* While it does not read, it is not read from: what it gets stays bounded. */
static void pause_or_go_on(struct client *c)
{
    bool pause = c->unsent > UNSENT_MOST;
    if (c->closing || pause == c->paused)
        return;
    c->paused = pause;
    if (pause)
        uv_read_stop((uv_stream_t *)&c->pipe);
    else
        uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
}

static void turn_away(struct client *c, const char *why)
{
    client_refuse(c, why);
    client_flush(c);
    drop(c);
}

static void serve(struct client *c)
{
    char *end = NULL;
    while (!c->closing && c->in.len > 0 && c->unsent <= UNSENT_MOST &&
           (end = memchr(c->in.data, '\n', c->in.len)) != NULL) {
        size_t len = (size_t)(end - c->in.data);
        handle(c, c->in.data, len);
        buf_drop(&c->in, len + 1);
    }
    if (!c->closing && c->in.len > REQUEST_MOST &&
        memchr(c->in.data, '\n', REQUEST_MOST + 1) == NULL)
        turn_away(c, "the line is longer than 64 KiB");
    pause_or_go_on(c);
}

static enum right rights_of(const struct control *control,
                            const uv_pipe_t *pipe, uid_t *uid)
{
    uv_os_fd_t fd;
    struct ucred peer;
    struct stat st;
    socklen_t len = sizeof peer;
    if (uv_fileno((const uv_handle_t *)pipe, &fd) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
        return MAY_NOTHING;
    *uid = peer.uid;
    if (peer.uid == 0 || peer.uid == getuid())
        return MAY_CHANGE;
    /* The socket's mode lets only its group in; the group may read. */
    if (stat(control->path, &st) == 0 && (st.st_mode & S_IROTH) == 0)
        return MAY_READ;
    return MAY_NOTHING;
}

/* One that does not read what it asked for makes room for another. */
static bool make_place(struct control *control)
{
    if (control->client_count <= CLIENTS_MOST)
        return true;
    for (struct client *c = control->clients; c != NULL; c = c->next)
        if (c->paused && !c->closing) {
            drop(c);
            return true;
        }
    return false;
}

static void on_connection(uv_stream_t *server, int status)
{
    struct control *control = server->data;
    if (status < 0)
        return;
    struct client *c = xcalloc(1, sizeof *c);
    c->control = control;
    c->next = control->clients;
    control->clients = c;
    control->client_count++;
    control->open_handles++;
    uv_pipe_init(server->loop, &c->pipe, 0);
    c->pipe.data = c;
    if (uv_accept(server, (uv_stream_t *)&c->pipe) != 0) {
        drop(c);
        return;
    }
    enum right right = rights_of(control, &c->pipe, &c->uid);
    c->may_change = right == MAY_CHANGE;
    if (right == MAY_NOTHING)
        turn_away(c, "only root, the daemon's own user and the group of its "
                     "socket may ask it");
    else if (!make_place(control))
        turn_away(c, "too many ask at once");
    else
        uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
}

/* ------------------------------------------------------------ lifetime --- */

bool daemon_control_path(const char *state_dir, size_t i, char *out,
                         size_t size)
{
    bool systems_own = str_eq(state_dir, "/var/lib/relevo");
    if (systems_own && i == 0)
        snprintf(out, size, "/run/relevo/control.sock");
    else if (i == (systems_own ? 1u : 0u))
        snprintf(out, size, "%s/control.sock", state_dir);
    else
        return false;
    return true;
}

/* The first place whose folder we may write in. */
static void choose_path(const char *state_dir, char *out, size_t size)
{
    for (size_t i = 0; daemon_control_path(state_dir, i, out, size); i++) {
        char *slash = strrchr(out, '/');
        *slash = '\0';
        bool usable = access(out, W_OK) == 0;
        *slash = '/';
        if (usable)
            return;
    }
}

static void on_server_closed(uv_handle_t *handle) { release(handle->data); }

struct control *control_open(struct daemon *d, struct err *err)
{
    char path[4300];
    struct control *control = xcalloc(1, sizeof *control);
    choose_path(d->state_dir, path, sizeof path);
    if (strlen(path) >= sizeof control->path) {
        free(control);
        err_set(err, ERR_LIMIT, 0,
                "%s is too long for a socket (at most 107 bytes): choose a "
                "shorter --state-dir",
                path);
        return NULL;
    }
    control->daemon = d;
    memcpy(control->path, path, strlen(path) + 1);
    unlink(path); /* ours is the lock on the state directory */
    uv_pipe_init(&d->loop, &control->server, 0);
    control->server.data = control;
    control->open_handles = 1;
    mode_t old = umask(0117);
    int failed = uv_pipe_bind(&control->server, path);
    umask(old);
    if (failed == 0)
        failed =
            uv_listen((uv_stream_t *)&control->server, BACKLOG, on_connection);
    if (failed != 0) {
        err_set(err, ERR_IO, -failed, "control socket %s", path);
        uv_close((uv_handle_t *)&control->server, on_server_closed);
        return NULL;
    }
    return control;
}

void control_close(struct control *control)
{
    if (control == NULL)
        return;
    unlink(control->path);
    control->daemon->control = NULL;
    for (struct client *c = control->clients; c != NULL; c = c->next)
        drop(c);
    uv_close((uv_handle_t *)&control->server, on_server_closed);
}

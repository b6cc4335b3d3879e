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

#include "base/clock.h"
#include "base/human.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/out.h"
#include "daemon/daemon.h"
#include "report/json.h"

/* A probe's timeout may be long; silence beyond this is a daemon that hangs. */
enum { SILENCE_S = 120 };

struct ask {
    int fd;
    struct buf in;
};

/* A connected socket, or -1 with errno. Where too many wait to be taken up,
 * connecting takes as long as that. */
static int connect_to(const char *path, int silence_s)
{
    struct timeval silence = {.tv_sec = silence_s};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &silence, sizeof silence);
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
    return ask_open_within(state_dir, SILENCE_S, err);
}

struct ask *ask_open_within(const char *state_dir, int silence_s,
                            struct err *err)
{
    char path[4300];
    int fd = -1;
    for (size_t i = 0;
         fd < 0 && daemon_control_path(state_dir, i, path, sizeof path); i++)
        fd = connect_to(path, silence_s);
    if (fd < 0) {
        bool none = errno == ENOENT || errno == ECONNREFUSED;
        err_set(err, none ? ERR_NOT_FOUND : ERR_IO, none ? 0 : errno,
                none ? "no daemon runs on %s; start it with relevo run"
                     : "control socket of %s",
                state_dir);
        return NULL;
    }
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

/* A daemon that is gone is an error, not the end of this process. */
static bool send_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return false;
        bytes += sent;
        n -= (size_t)sent;
    }
    return true;
}

bool ask_send(struct ask *a, json_t *request, struct err *err)
{
    char *text = json_dumps(request, JSON_COMPACT);
    json_decref(request);
    char *line = xasprintf("%s\n", text);
    bool ok = send_all(a->fd, line, strlen(line));
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

/* ------------------------------------------------------------ requests --- */

static json_t *text_json(const char *s) { return report_text(s, strlen(s)); }

json_t *ask_request(const char *command, const struct args *args)
{
    const char *environment = args_get(args, "env");
    json_t *request = json_pack("{s:s}", "command", command);
    if (environment != NULL)
        ask_add_word(request, "environment", environment);
    return request;
}

void ask_add_word(json_t *request, const char *member, const char *text)
{
    json_object_set_new(request, member, text_json(text));
}

void ask_add_text(json_t *request, const struct args *args, const char *option)
{
    const char *text = args_get(args, option);
    if (text != NULL)
        ask_add_word(request, option, text);
}

void ask_add_tags(json_t *request, const struct args *args)
{
    json_t *tags = json_array();
    const char *value;
    for (size_t i = 0; (value = args_nth(args, "tag", i)) != NULL; i++)
        while (*value != '\0') {
            size_t n = strcspn(value, ",");
            json_array_append_new(tags, report_text(value, n));
            value += n + (value[n] == ',');
        }
    json_object_set_new(request, "tags", tags);
}

int ask_add_for(json_t *request, const struct args *args)
{
    int64_t ns;
    struct err err;
    const char *text = args_get(args, "for");
    if (text == NULL)
        return EXIT_FINE;
    if (!human_parse_duration(text, &ns, &err))
        return cli_fail(EXIT_USAGE, "--for: %s", err.text);
    if (ns < NS_PER_MS)
        return cli_fail(EXIT_USAGE, "--for: %s is no time at all", text);
    json_object_set_new(request, "for_ms", json_integer(ns / NS_PER_MS));
    return EXIT_FINE;
}

void ask_add_checks(json_t *request, const struct args *args, size_t words)
{
    json_t *checks = json_array();
    for (size_t i = 0; i < words; i++)
        json_array_append_new(checks, text_json(args->words[i]));
    json_object_set_new(request, "checks", checks);
}

/* ------------------------------------------------------------- answers --- */

/* A refusal: takes the answer over. */
static bool is_refused(json_t *answer, struct err *err)
{
    const char *why = json_string_value(json_object_get(answer, "error"));
    if (why == NULL)
        return false;
    err_set(err, ERR_DENIED, 0, "%s", why);
    json_decref(answer);
    return true;
}

json_t *ask_one(struct ask *a, json_t *request, struct err *err)
{
    json_t *answer = NULL;
    if (ask_send(a, request, err))
        answer = ask_next(a, err);
    return answer == NULL || is_refused(answer, err) ? NULL : answer;
}

int ask_daemon(const struct args *args, json_t *request, json_t **answer)
{
    struct err err;
    struct ask *ask = ask_open(cli_state_dir(args), &err);
    *answer = NULL;
    if (ask != NULL)
        *answer = ask_one(ask, request, &err);
    else
        json_decref(request);
    ask_close(ask);
    if (*answer != NULL)
        return EXIT_FINE;
    return cli_fail(err.code == ERR_DENIED ? EXIT_USAGE : EXIT_INTERNAL, "%s",
                    err.text);
}

int ask_and_print(const struct args *args, json_t *request,
                  void (*print)(const json_t *))
{
    json_t *answer;
    int status = ask_daemon(args, request, &answer);
    if (status != EXIT_FINE)
        return status;
    if (args_has(args, "json")) {
        out_json(answer);
    } else {
        print(answer);
        json_decref(answer);
    }
    return EXIT_FINE;
}

json_t *ask_list(const char *state_dir, json_t *request, struct err *err)
{
    struct ask *ask = ask_open(state_dir, err);
    json_t *list = json_array(), *item = NULL;
    if (ask == NULL)
        json_decref(request);
    else
        item = ask_one(ask, request, err);
    while (item != NULL && json_object_get(item, "end") == NULL) {
        json_array_append_new(list, item);
        item = ask_next(ask, err);
        if (item != NULL && is_refused(item, err))
            item = NULL;
    }
    ask_close(ask);
    if (item == NULL) {
        json_decref(list);
        return NULL;
    }
    json_decref(item);
    return list;
}

/* crew/web.c: main's end of the web role, and the sockets that it serves.
 *
 * The sockets are opened here and inherited by the process: who asks while it
 * is started anew waits in the socket's queue, and a port that is taken is told
 * by main, once, in plain words.
 *
 * Happy path: sockets opened → started with them → MSG_WEB → a pulse each
 * second, answered with PONG; questions go to events.question.
 * Ways it can fail: an address is taken: said, tried again every five seconds.
 * It dies: started again after a delay; the watch goes on. It answers no pulse
 * for ten seconds, or sends nonsense: killed. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/listen.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "crew/internal.h"

enum { QUEUE_BYTES = 16 << 20, UNANSWERED_MOST = 10, FIRST_FREE_PORT = 1024 };
#define RETRY_NS (5 * NS_PER_S)

/* ------------------------------------------------------------- sockets --- */

void web_open(struct crew *c)
{
    for (size_t i = 0; i < WEB_LISTEN_MOST; i++)
        c->web.sockets[i] = -1;
}

static void close_socket(struct web *w, size_t i)
{
    char url[LISTEN_URL];
    if (w->sockets[i] < 0)
        return;
    listen_url(w->sockets[i], url);
    if (str_starts(url, "unix:"))
        unlink(url + strlen("unix:"));
    close(w->sockets[i]);
    w->sockets[i] = -1;
}

static void forget_socket(struct web *w, size_t i)
{
    close_socket(w, i);
    free(w->listen[i]);
    w->listen[i] = NULL;
    w->told[i] = false;
}

/* Takes up the addresses of the list; one that stays keeps its socket. True:
 * something has changed. */
static bool take_addresses(struct web *w, const struct rlv_list *list)
{
    bool changed = false;
    for (size_t i = 0; i < WEB_LISTEN_MOST; i++) {
        const char *text = i < list->count ? list->items[i] : NULL;
        if (str_eq(w->listen[i], text))
            continue;
        changed = true;
        forget_socket(w, i);
        w->listen[i] = text == NULL ? NULL : xstrdup(text);
    }
    return changed;
}

static unsigned port_of(const struct listen_at *at)
{
    if (at->address.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)&at->address)->sin_port);
    if (at->address.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&at->address)->sin6_port);
    return FIRST_FREE_PORT;
}

static bool open_socket(struct web *w, size_t i, const struct listen_at *at)
{
    struct err err;
    char url[LISTEN_URL];
    w->sockets[i] = listen_open(at, &err);
    if (w->sockets[i] >= 0) {
        log_info("the page is at %s", listen_url(w->sockets[i], url));
        w->told[i] = false;
        return true;
    }
    if (!w->told[i])
        log_warn("no page at %s: %s; the watch goes on, and it is tried again "
                 "every 5 s (web = { listen = … } chooses another address)",
                 w->listen[i], err.text);
    w->told[i] = true;
    return false;
}

/* Those that are not open; only the privileged: before root's rights are
 * dropped. True: one was opened. */
static bool open_sockets(struct web *w, bool only_privileged)
{
    bool opened = false;
    for (size_t i = 0; i < WEB_LISTEN_MOST && w->listen[i] != NULL; i++) {
        struct listen_at at;
        if (w->sockets[i] >= 0 || !listen_parse(w->listen[i], &at, NULL))
            continue;
        unsigned port = port_of(&at);
        if (!only_privileged || (port > 0 && port < FIRST_FREE_PORT))
            opened |= open_socket(w, i, &at);
    }
    return opened;
}

const char *crew_web_url(const struct crew *c, size_t i, char *out, size_t size)
{
    char url[LISTEN_URL] = "";
    if (i >= WEB_LISTEN_MOST || c->web.listen[i] == NULL)
        return NULL;
    if (c->web.sockets[i] >= 0)
        listen_url(c->web.sockets[i], url);
    snprintf(out, size, "%s", url);
    return out;
}

/* ------------------------------------------------------------- process --- */

static bool on_log(const struct frame *f)
{
    struct msg_log log;
    struct arena *arena = arena_new();
    bool ok = msg_get_log(f->payload, f->len, arena, &log);
    if (ok)
        log_at((enum log_level)log.level, "web: %s", log.text);
    arena_free(arena);
    return ok;
}

static bool on_question(struct crew *c, const struct frame *f)
{
    struct msg_question question;
    struct arena *arena = arena_new();
    bool ok = msg_get_question(f->payload, f->len, arena, &question);
    if (ok && c->events.question != NULL)
        c->events.question(c->events.arg, &question);
    arena_free(arena);
    return ok;
}

static bool on_frame(void *arg, const struct frame *f)
{
    struct crew *c = arg;
    switch (f->type) {
    case MSG_LOG: return on_log(f);
    case MSG_PONG: c->web.unanswered = 0; return true;
    case MSG_QUESTION: return on_question(c, f);
    default: return false;
    }
}

static void respawn_later(struct web *w, int64_t lived_ns)
{
    w->respawn_ns =
        clock_mono_ns() + 1 + crew_back_off(&w->back_off_ns, lived_ns);
}

static void on_death(void *arg, struct process *child, const char *how)
{
    struct crew *c = arg;
    c->web.child = NULL;
    if (c->stopping || !c->web.wanted)
        return;
    log_error("the page's process was lost: %s; the watch goes on", how);
    respawn_later(&c->web, clock_mono_ns() - process_born_ns(child));
}

static size_t list_sockets(const struct web *w,
                           struct spawn_fd fds[WEB_LISTEN_MOST])
{
    size_t n = 0;
    for (size_t i = 0; i < WEB_LISTEN_MOST; i++)
        if (w->sockets[i] >= 0) {
            fds[n] = (struct spawn_fd){w->sockets[i], ROLE_FD_LISTEN + (int)n};
            n++;
        }
    return n;
}

static void start_web(struct crew *c)
{
    struct spawn_fd fds[WEB_LISTEN_MOST];
    struct web *w = &c->web;
    struct err err;
    struct process_options options = {.role = "web",
                                      .label = "web",
                                      .listen = true,
                                      .new_session = true,
                                      .fds = fds,
                                      .fd_count = list_sockets(w, fds),
                                      .queue_bytes = QUEUE_BYTES,
                                      .on_frame = on_frame,
                                      .on_death = on_death,
                                      .arg = c};
    w->respawn_ns = 0;
    w->unanswered = 0;
    if (options.fd_count == 0)
        return; /* web_tick tries to open them */
    w->child = process_start(c->loop, &options, &err);
    if (w->child == NULL) {
        log_error("%s; trying again", err.text);
        respawn_later(w, 0);
        return;
    }
    process_send(w->child, MSG_WEB, 0, &w->load);
}

/* It is to be another one: with other sockets, or none at all. */
static void end_web(struct crew *c)
{
    if (c->web.child != NULL)
        process_destroy(c->web.child);
    c->web.child = NULL;
}

void crew_open_web(struct crew *c, const struct conf *conf)
{
    if (!conf->web.enabled || conf->web.missing != NULL)
        return;
    take_addresses(&c->web, &conf->web.listen);
    open_sockets(&c->web, true);
}

static void put_load(struct crew *c, const struct conf *conf)
{
    struct msg_web m = {c->options.state_dir, conf->web.hosts, conf->web.token,
                        conf->timezone};
    buf_clear(&c->web.load);
    msg_put_web(&c->web.load, &m);
}

void crew_serve(struct crew *c, const struct conf *conf)
{
    struct web *w = &c->web;
    const struct rlv_list none = {0};
    w->wanted = conf->web.enabled && conf->web.missing == NULL;
    if (conf->web.missing != NULL)
        log_error("no page: web.token: %s is missing", conf->web.missing);
    bool changed = take_addresses(w, w->wanted ? &conf->web.listen : &none);
    changed |= open_sockets(w, false);
    put_load(c, conf);
    if (changed)
        end_web(c);
    if (w->child != NULL)
        process_send(w->child, MSG_WEB, 0, &w->load);
    else if (w->wanted && w->respawn_ns == 0)
        start_web(c);
}

void web_tick(struct crew *c, int64_t now_ns)
{
    struct web *w = &c->web;
    if (!w->wanted)
        return;
    if (now_ns >= w->retry_ns) {
        w->retry_ns = now_ns + RETRY_NS;
        if (open_sockets(w, false)) {
            end_web(c);
            start_web(c);
        }
    }
    if (w->child != NULL)
        process_wake(w->child);
    else if (w->respawn_ns != 0 && now_ns >= w->respawn_ns)
        start_web(c);
}

void web_free(struct crew *c)
{
    end_web(c);
    for (size_t i = 0; i < WEB_LISTEN_MOST; i++)
        forget_socket(&c->web, i);
    buf_free(&c->web.load);
}

/* ------------------------------------------------------------ messages --- */

void crew_pulse(struct crew *c, const struct msg_pulse *pulse)
{
    struct web *w = &c->web;
    struct buf payload = {0};
    if (w->child == NULL)
        return;
    if (w->unanswered++ > UNANSWERED_MOST) {
        process_kill(w->child, "it does not answer");
        return;
    }
    msg_put_pulse(&payload, pulse);
    process_send(w->child, MSG_PULSE, 0, &payload);
    buf_free(&payload);
}

void crew_answer_web(struct crew *c, const struct msg_question *answer)
{
    struct buf payload = {0};
    if (c->web.child == NULL)
        return; /* who asked is gone */
    msg_put_question(&payload, answer);
    process_send(c->web.child, MSG_ANSWER, 0, &payload);
    buf_free(&payload);
}

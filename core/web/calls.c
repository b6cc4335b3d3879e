/* web/calls.c: requests: from libmicrohttpd's callbacks to a handler's answer;
 * all on one thread.
 *
 * Happy path: its head is there → guard.c admits it → its body → main is asked,
 * where that is needed, and the request suspended meanwhile → the handler → the
 * answer, after which the connection is closed.
 * Ways it can fail: it is refused (an answer, too), its body is too long (413),
 * main does not answer within two seconds: what was known before is shown, or
 * 503. */
#include "web/calls.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "web/guard.h"
#include "web/handlers.h"
#include "web/link.h"
#include "web/server.h"
#include "web/status.h"

#define BODY_NS   (10 * NS_PER_S)
#define ANSWER_NS (60 * NS_PER_S)
#define ASKING_NS (2 * NS_PER_S)

struct call {                   /* one request */
    struct web_request request; /* first: web_ask */
    struct web_response response;
    struct buf body;
    bool begun, too_long, has_uri;
    /* While main is asked it is suspended, and in the list. */
    struct call *next_waiting;
    struct MHD_Connection *connection;
    int64_t give_up_ns;
    bool waits_for_status, tried_status;
    uint64_t ticket; /* of its own question; 0: it has none */
    const void *answer;
    size_t answer_len;
    bool refused; /* response is ready */
};

static struct call *waiting;
static uint64_t answered;

/* ------------------------------------------------------------- answers --- */

static void add_header(struct MHD_Response *m, const char *name,
                       const char *value)
{
    if (value != NULL)
        mhd.MHD_add_response_header(m, name, value);
}

/* Of every answer. The page has one stylesheet, of its own; nothing else is
 * loaded, run, framed or sent anywhere. */
static void add_headers(struct MHD_Response *m, const struct web_response *r)
{
    char refresh[16];
    add_header(m, "Content-Type", r->type == NULL ? WEB_TEXT : r->type);
    add_header(m, "Content-Language", r->language);
    add_header(m, "Vary", r->language == NULL ? NULL : "Accept-Language");
    if (r->refresh_s > 0) {
        snprintf(refresh, sizeof refresh, "%u", r->refresh_s);
        add_header(m, "Refresh", refresh);
    }
    add_header(m, "Allow", r->allow);
    add_header(m, "WWW-Authenticate",
               r->challenge ? "Basic realm=\"Relevo\", charset=\"UTF-8\""
                            : NULL);
    add_header(m, "Cache-Control", r->may_cache ? "max-age=3600" : "no-store");
    add_header(m, "Content-Security-Policy",
               "default-src 'none'; style-src 'self'; img-src 'self'; "
               "form-action 'self'; frame-ancestors 'none'; base-uri 'none'");
    add_header(m, "X-Content-Type-Options", "nosniff");
    add_header(m, "X-Frame-Options", "DENY");
    add_header(m, "Referrer-Policy", "no-referrer");
    add_header(m, "Cross-Origin-Resource-Policy", "same-origin");
    add_header(m, "Connection", "close"); /* one request each: head.h */
}

/* To a person with a browser a refusal is a page, too. */
static void make_readable(const struct web_request *q, struct web_response *r)
{
    const char *accept = web_header(q, "Accept");
    bool is_page = q->route == NULL || str_eq(q->route->type, WEB_HTML);
    if (r->status < 400 || !is_page || !str_eq(r->type, WEB_TEXT) ||
        accept == NULL || strstr(accept, "text/html") == NULL)
        return;
    char *text = arena_strndup(q->arena, buf_text(&r->body),
                               strcspn(buf_text(&r->body), "\n"));
    page_error_handle(q, r, text);
}

static enum MHD_Result answer(struct MHD_Connection *c, struct call *call)
{
    struct web_response *r = &call->response;
    make_readable(&call->request, r);
    answered++;
    size_t len = r->body.len;
    if (r->status == 0)
        r->status = 200;
    struct MHD_Response *m = mhd.MHD_create_response_from_buffer(
        len, len == 0 ? NULL : buf_take(&r->body),
        len == 0 ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_FREE);
    must(m != NULL);
    add_headers(m, r);
    enum MHD_Result queued = mhd.MHD_queue_response(c, r->status, m);
    mhd.MHD_destroy_response(m);
    return queued;
}

/* ------------------------------------------------------------ requests --- */

const char *web_header(const struct web_request *q, const char *name)
{
    return mhd.MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND,
                                           name);
}

/* The first thing that is known of a request: the state of it is made here. */
void *calls_on_uri(void *arg, const char *uri, struct MHD_Connection *c)
{
    struct call *call = xcalloc(1, sizeof *call);
    (void)arg;
    call->request.arena = arena_new();
    call->request.connection = c;
    call->has_uri = uri_parse(uri, call->request.arena, &call->request.uri);
    return call;
}

void calls_on_completed(void *arg, struct MHD_Connection *c, void **state,
                        enum MHD_RequestTerminationCode code)
{
    struct call *call = *state;
    (void)arg;
    (void)code;
    *state = NULL;
    server_set_deadline(c, BODY_NS);
    if (call == NULL)
        return;
    arena_free(call->request.arena);
    buf_free(&call->response.body);
    buf_free(&call->body);
    free(call);
}

/* ------------------------------------------------------ questions to main ---
 */

static void wait_for_main(struct MHD_Connection *c, struct call *call)
{
    call->connection = c;
    call->give_up_ns = clock_mono_ns() + ASKING_NS;
    call->next_waiting = waiting;
    waiting = call;
    mhd.MHD_suspend_connection(c);
}

static void go_on(struct call *call)
{
    struct call **link = &waiting;
    while (*link != call)
        link = &(*link)->next_waiting;
    *link = call->next_waiting;
    call->waits_for_status = false;
    mhd.MHD_resume_connection(call->connection);
}

/* The first in the list of whom that is true. */
static struct call *find_waiting(bool (*is_it)(const struct call *, int64_t),
                                 int64_t value)
{
    struct call *call = waiting;
    while (call != NULL && !is_it(call, value))
        call = call->next_waiting;
    return call;
}

static bool is_for_status(const struct call *call, int64_t unused)
{
    (void)unused;
    return call->waits_for_status;
}

static bool has_ticket(const struct call *call, int64_t ticket)
{
    return call->ticket == (uint64_t)ticket;
}

static bool is_late(const struct call *call, int64_t now_ns)
{
    return now_ns > call->give_up_ns;
}

void calls_answer(const struct msg_question *answer)
{
    struct call *call;
    if (answer->kind == QUESTION_STATUS) {
        if (!status_take(answer))
            return;
        while ((call = find_waiting(is_for_status, 0)) != NULL)
            go_on(call);
        return;
    }
    call = find_waiting(has_ticket, (int64_t)answer->ticket);
    if (call == NULL)
        return; /* it was given up */
    call->answer =
        arena_memdup(call->request.arena, answer->content, answer->len);
    call->answer_len = answer->len;
    go_on(call);
}

/* Main does not answer: what was known before is shown, or 503. */
void calls_give_up(void)
{
    struct call *call;
    int64_t now_ns = clock_mono_ns();
    while ((call = find_waiting(is_late, now_ns)) != NULL) {
        if (call->waits_for_status) {
            status_give_up();
        } else {
            response_error(&call->response, 503,
                           "the scheduler does not answer");
            call->refused = true;
        }
        go_on(call);
    }
}

void web_ask(const struct web_request *q, enum question_kind kind,
             const struct buf *content)
{
    struct call *call = (struct call *)(uintptr_t)q; /* its first member */
    call->ticket = link_ask(kind, content);
}

const void *web_answer(const struct web_request *q, size_t *len)
{
    const struct call *call = (const struct call *)q;
    *len = call->answer_len;
    return call->answer;
}

static enum MHD_Result begin(struct MHD_Connection *c, struct call *call,
                             const char *method, const char *version)
{
    const struct guard_facts facts = {method, version, server_is_over_path(c),
                                      call->has_uri};
    call->begun = true;
    server_set_deadline(c, BODY_NS);
    if (guard_admits(&call->request, &facts, &call->response))
        return MHD_YES;
    server_set_deadline(c, ANSWER_NS);
    return answer(c, call);
}

/* True: it has set out to ask main what the route needs. */
static bool lacks_status(struct MHD_Connection *c, struct call *call)
{
    if ((call->request.route->needs & NEEDS_STATUS) == 0 ||
        call->tried_status || status_is_fresh())
        return false;
    call->tried_status = call->waits_for_status = true;
    status_want();
    wait_for_main(c, call);
    return true;
}

static void handle(struct call *call)
{
    struct web_request *q = &call->request;
    bool needs_status = (q->route->needs & NEEDS_STATUS) != 0;
    q->now_us = clock_wall_us();
    q->body = buf_text(&call->body);
    q->body_len = call->body.len;
    q->status = needs_status ? status_now() : NULL;
    if (call->too_long)
        response_error(&call->response, 413, "the body is longer than 100 KiB");
    else
        q->route->handle(q, &call->response);
}

static enum MHD_Result finish(struct MHD_Connection *c, struct call *call)
{
    server_set_deadline(c, ANSWER_NS);
    if (!call->refused) {
        if (lacks_status(c, call))
            return MHD_YES;
        handle(call);
        if (call->ticket != 0 && call->answer == NULL) {
            wait_for_main(c, call);
            return MHD_YES;
        }
    }
    return answer(c, call);
}

enum MHD_Result calls_on_request(void *arg, struct MHD_Connection *c,
                                 const char *url, const char *method,
                                 const char *version, const char *upload,
                                 size_t *upload_len, void **state)
{
    struct call *call = *state;
    (void)arg;
    (void)url;
    if (call == NULL)
        return MHD_NO;
    if (!call->begun)
        return begin(c, call, method, version);
    if (*upload_len == 0)
        return finish(c, call);
    call->too_long |= call->body.len + *upload_len > BODY_MOST;
    if (!call->too_long)
        buf_add(&call->body, upload, *upload_len);
    *upload_len = 0;
    return MHD_YES;
}

uint64_t calls_answered(void) { return answered; }

void calls_end(void)
{
    while (waiting != NULL)
        go_on(waiting);
}

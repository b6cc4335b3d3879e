/* websocket/handshake.c: the opening handshake of one connection: the request
 * goes, the answer comes in pieces and is taken or refused. What the request
 * says, and what is wrong with an answer, is upgrade.c's.
 *
 * Owns the answer's head and what is kept of a refusal's body. Called by
 * link.c.
 *
 * Happy path: handshake_ask() → handshake_take() until the head is complete, a
 * 101 that holds → session_opened().
 *
 * Ways it can fail: another status (its body is read for evidence, then
 * session_refused); a 101 that is none; no HTTP; a head without end. That
 * nothing comes is the deadline's to say, that the peer hangs up link.c's. */
#include "websocket/link.h"

#include <stdlib.h>
#include <string.h>

#define REFUSAL_NS 500000000ll /* how long its body is waited for */

void handshake_ask(struct link *link)
{
    struct session *session = link->session;
    static char request[WS_HEAD_MAX * 4]; /* one thread, and only until sent */
    upgrade_key(link->key);
    size_t n = upgrade_request(session->conf, &session->target, link->key,
                               request, sizeof request);
    link->asked_ns = websocket_host->now();
    link->state = LINK_UPGRADING;
    if (!n)
        session_fail(session, RLV_F_CONFIG, "headers",
                     "the upgrade request is longer than %d KiB",
                     (int)(sizeof request / 1024));
    else if (!link_write(link, request, n))
        session_fail(session, RLV_F_RESOURCE, "ENOMEM",
                     "the upgrade request cannot be sent");
}

static void on_refusal_time(void *arg, int events)
{
    struct link *link = arg;
    (void)events;
    session_refused(link->session, link);
    session_settle(link->session);
}

/* Some of a refusal's body comes with it mostly; the rest is waited for a
 * little, since it often says why. */
static void refuse(struct link *link, size_t head)
{
    char length[24];
    link->body_len = link->head_len - head;
    link->head_len = head;
    link->content_length = upgrade_header(link->head, head, "content-length",
                                          length, sizeof length)
                               ? strtoll(length, NULL, 10)
                               : -1;
    if (link->content_length >= 0 &&
        (int64_t)link->body_len >= link->content_length) {
        session_refused(link->session, link);
        return;
    }
    link->state = LINK_REFUSED;
    link_timer(link, &link->patience, REFUSAL_NS, on_refusal_time);
}

static void accept_upgrade(struct link *link, size_t head)
{
    struct session *session = link->session;
    struct flaw flaw;
    size_t rest = link->head_len - head;
    link->head_len = head;
    if (!upgrade_verify(session->conf, link->key, link->head, head, &flaw)) {
        session_fail(session, flaw.fault, flaw.code, "%s: %s",
                     kit_stream_peer(link->stream), flaw.text);
        return;
    }
    if (!frames_begin(link))
        return;
    link->state = LINK_OPEN;
    watchful_begin(&link->watchful, link->answered_ns);
    session_opened(session, link);
    /* What came in one piece with the answer. */
    if (rest && !session_is_over(session))
        frames_feed(link, link->head + head, rest);
}

static void answered(struct link *link, size_t head)
{
    link->answered_ns = websocket_host->now();
    link->status = upgrade_status(link->head, head);
    if (link->status == 101)
        accept_upgrade(link, head);
    else if (link->status)
        refuse(link, head);
    else
        session_fail(link->session, RLV_F_PROTOCOL, "status_line",
                     "%s: the answer to the upgrade request is no HTTP",
                     kit_stream_peer(link->stream));
}

/* 1xx other than 101 would be followed by the answer proper; nobody sends one
 * to a GET. Returns how many bytes were taken. */
size_t handshake_take(struct link *link, const char *bytes, size_t n)
{
    size_t room = WS_HEAD_MAX + WS_EXCERPT - link->head_len - link->body_len;
    if (!link->head)
        link->head = kit_malloc(WS_HEAD_MAX + WS_EXCERPT);
    size_t take = n < room ? n : room;
    memcpy(link->head + link->head_len + link->body_len, bytes, take);
    if (link->state == LINK_REFUSED) {
        link->body_len += take;
        if (link->body_len >= WS_EXCERPT || take < n ||
            (link->content_length >= 0 &&
             (int64_t)link->body_len >= link->content_length))
            session_refused(link->session, link);
        return n;
    }
    link->head_len += take;
    size_t head = upgrade_head_length(link->head, link->head_len);
    if (head)
        answered(link, head);
    else if (link->head_len >= WS_HEAD_MAX)
        session_fail(link->session, RLV_F_PROTOCOL, "header_size",
                     "%s: the answer to the upgrade request has headers of "
                     "over %d KiB",
                     kit_stream_peer(link->stream), WS_HEAD_MAX / 1024);
    else if (link->head_len >= 7 && memcmp(link->head, "HTTP/1.", 7) != 0)
        answered(link, link->head_len);
    return take;
}

/* websocket/link.c: one connection: its stream, and the messages that wait.
 *
 * Owns the stream, the messages that no step has taken yet, and the memory of
 * the whole link. Called by session.c and play.c; calls session.c for whatever
 * happens, and never ends the session from inside wslay.
 *
 * Happy path: link_open() → KIT_OPEN: handshake_ask() → bytes go to
 * handshake_take() until that has a 101, then to frames_feed(), messages come
 * back through link_deliver() and go to the session, or wait for a step →
 * frames_bye(), the peer's close → link_close().
 *
 * Ways it can fail: the stream fails or ends (session_lost); what handshake.c
 * and frames.c find wrong. Of a peer that sends without end only so much is
 * taken in one turn of the loop, for it may be thousands of frames. */
#include "websocket/link.h"

#include <stdlib.h>

#define PIECE       4096
#define TURN_BYTES  65536 /* in one turn of the loop: so many, */
#define TURN_FRAMES 500   /* or so many frames */

void link_timer(struct link *link, struct rlv_watch **timer, int64_t after_ns,
                rlv_event_fn *fn)
{
    struct rlv_probe *probe = link->session->probe;
    if (*timer)
        websocket_host->rearm(*timer, 0, after_ns);
    else
        *timer = websocket_host->timer(websocket_host->probe_scope(probe),
                                       after_ns, fn, link);
}

bool link_write(struct link *link, const void *bytes, size_t n)
{
    return link->stream && kit_stream_send(link->stream, bytes, n);
}

/* ------------------------------------------------------------ messages --- */

struct message *link_take(struct link *link)
{
    struct message *message = link->first;
    if (message) {
        link->first = message->next;
        link->waiting -= message->len;
        if (!link->first)
            link->last = NULL;
    }
    return message;
}

void link_forget(struct link *link)
{
    for (struct message *m; (m = link_take(link));)
        free(m);
}

/* Messages that no step takes go, oldest first, beyond the limit of one. */
static void keep(struct link *link, struct message *message)
{
    size_t most = (size_t)link->session->conf->max_message;
    while (link->first && link->waiting + message->len > most)
        free(link_take(link));
    if (link->last)
        link->last->next = message;
    else
        link->first = message;
    link->last = message;
    link->waiting += message->len;
}

void link_deliver(struct link *link, struct message *message)
{
    link->messages++;
    link->bytes += message->len;
    watchful_message(&link->watchful, link->session->conf, message);
    session_message(link->session, link, &message);
    if (message)
        keep(link, message);
    play_look(link->session, link);
}

/* --------------------------------------------------------------- stream -- */

static void take_bytes(struct link *link, const char *bytes, size_t n)
{
    while (n && !session_is_over(link->session)) {
        size_t took = n;
        if (link->state == LINK_OPEN || link->state == LINK_CLOSING)
            frames_feed(link, bytes, n);
        else if (link->state == LINK_UPGRADING || link->state == LINK_REFUSED)
            took = handshake_take(link, bytes, n);
        bytes += took;
        n -= took;
    }
}

static void lost(struct link *link, bool orderly)
{
    if (link->state == LINK_CLOSED)
        return;
    if (link->state == LINK_REFUSED)
        session_refused(link->session, link);
    else
        session_lost(link->session, link, orderly);
}

static void read_on(void *arg, int events);

static void read_stream(struct link *link)
{
    char piece[PIECE];
    uint64_t before = link->frames;
    for (size_t turn = 0; !session_is_over(link->session);) {
        if (turn >= TURN_BYTES || link->frames - before >= TURN_FRAMES) {
            link_timer(link, &link->more, 0, read_on);
            return;
        }
        ptrdiff_t n = kit_stream_receive(link->stream, piece, sizeof piece);
        if (n == KIT_EMPTY)
            return;
        if (n < 0) {
            lost(link, n == KIT_CLOSED);
            return;
        }
        take_bytes(link, piece, (size_t)n);
        turn += (size_t)n;
    }
}

static void read_on(void *arg, int events)
{
    struct link *link = arg;
    (void)events;
    read_stream(link);
    session_settle(link->session);
}

static void on_stream(void *arg, enum kit_event event)
{
    struct link *link = arg;
    switch (event) {
    case KIT_OPEN: handshake_ask(link); break;
    case KIT_READABLE: read_stream(link); break;
    case KIT_SENT: frames_flush(link); break;
    case KIT_FAILED: lost(link, false); break;
    }
    session_settle(link->session);
}

void link_open(struct link *link, unsigned address)
{
    struct session *session = link->session;
    session->at.address = address;
    link->state = LINK_CONNECTING;
    link->stream =
        kit_stream_open(websocket_host->probe_scope(session->probe),
                        session->probe, &session->at, on_stream, link);
}

void link_close(struct link *link)
{
    kit_stream_close(link->stream);
    if (link->patience)
        websocket_host->unwatch(link->patience);
    if (link->more)
        websocket_host->unwatch(link->more);
    if (link->ws)
        wslay_event_context_free(link->ws);
    link_forget(link);
    free(link->part);
    free(link->head);
    link->stream = NULL;
    link->patience = link->more = NULL;
    link->ws = NULL;
    link->part = link->head = NULL;
}

/* websocket/link.c: one connection: the stream, the handshake, the frames, the
 * messages.
 *
 * Owns the stream, wslay's context, the message that is being received and
 * those that wait. Calls session.c for whatever happens, and never ends the
 * session from inside wslay.
 *
 * Happy path: link_open → KIT_OPEN: the request is sent → the answer's head is
 * complete and a 101 → session_opened() → bytes go to wslay, frames come back
 * through on_frame/on_chunk/on_message, messages to session_message() →
 * link_bye(), the peer's close → session_closed() → link_close().
 *
 * Ways it can fail: the stream fails or ends (session_lost); another status
 * than 101 (its body is read for evidence, then session_refused); a 101 that is
 * none (upgrade_verify); a frame that breaks the protocol: the peer is told
 * so by a close of ours, the fault has its code; a message longer than allowed;
 * a peer that floods with pings or endless fragments. Of one that sends without
 * end only so much is taken in one turn of the loop, for it may be thousands of
 * frames. */
#include "websocket/websocket.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/head.h"

#define PIECE         4096
#define TURN_BYTES    65536       /* in one turn of the loop: so many, */
#define TURN_FRAMES   500         /* or so many frames */
#define PINGS_MAX     1000        /* at once, and then ten a second */
#define FRAGMENTS_MAX (1u << 17)  /* of one message */
#define REFUSAL_NS    500000000ll /* how long its body is waited for */

/* One handle, whatever often it is set. */
static void set_timer(struct link *link, struct rlv_watch **timer,
                      int64_t after_ns, rlv_event_fn *fn)
{
    struct rlv_probe *probe = link->session->probe;
    if (*timer)
        websocket_host->rearm(*timer, 0, after_ns);
    else
        *timer = websocket_host->timer(websocket_host->probe_scope(probe),
                                       after_ns, fn, link);
}

/* ------------------------------------------------------------- closing --- */

static bool send_raw(struct link *link, const void *bytes, size_t n)
{
    return link->stream && kit_stream_send(link->stream, bytes, n);
}

/* Past wslay, which has ideas of its own of what codes there are: 1012 to 1014
 * came after it. */
static void send_close(struct link *link, uint16_t code, const char *reason)
{
    unsigned char frame[2 + 4 + 2 + WS_REASON_MAX];
    size_t len = code ? 2 : 0, words = 0;
    if (link->close_sent)
        return;
    unsigned char *mask = frame + 2, *body = frame + 6;
    RAND_bytes(mask, 4);
    body[0] = (unsigned char)(code >> 8);
    body[1] = (unsigned char)code;
    if (code && reason)
        words = strnlen(reason, WS_REASON_MAX);
    if (words)
        memcpy(body + 2, reason, words);
    len += words;
    for (size_t i = 0; i < len; i++)
        body[i] ^= mask[i % 4];
    frame[0] = 0x88;
    frame[1] = (unsigned char)(0x80 | len);
    link->close_sent = send_raw(link, frame, 6 + len);
}

/* The peer broke the protocol: it is told so, and that is the end. */
static void break_off(struct link *link, uint16_t code, const char *what)
{
    char text[8];
    send_close(link, code, NULL);
    link->state = LINK_CLOSED;
    snprintf(text, sizeof text, "%u", code);
    session_fail(link->session, RLV_F_PROTOCOL, text, "%s: closed with %u, %s",
                 what, code, verdict_close_text(code));
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

static void take_message(struct link *link, bool binary)
{
    struct message *message = kit_malloc(sizeof *message + link->part_len + 1);
    *message = (struct message){.at_ns = websocket_host->now(),
                                .binary = binary,
                                .len = link->part_len};
    if (link->part_len)
        memcpy(message->bytes, link->part, link->part_len);
    message->bytes[message->len] = '\0';
    link->part_len = link->fragments = 0;
    link->messages++;
    link->bytes += message->len;
    link->excerpt_len = message->len < sizeof link->excerpt
                            ? message->len
                            : sizeof link->excerpt;
    memcpy(link->excerpt, message->bytes, link->excerpt_len);
    watchful_message(&link->watchful, link->session->conf, message);
    session_message(link->session, link, &message);
    if (message)
        keep(link, message);
    play_look(link->session, link);
}

/* -------------------------------------------------------- wslay's calls -- */

static ssize_t on_receive(wslay_event_context_ptr ws, uint8_t *buf, size_t len,
                          int flags, void *arg)
{
    struct link *link = arg;
    (void)flags;
    if (!link->raw_len || session_is_over(link->session)) {
        wslay_event_set_error(ws, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    size_t n = len < link->raw_len ? len : link->raw_len;
    memcpy(buf, link->raw, n);
    link->raw += n;
    link->raw_len -= n;
    return (ssize_t)n;
}

static ssize_t on_send(wslay_event_context_ptr ws, const uint8_t *data,
                       size_t len, int flags, void *arg)
{
    (void)flags;
    if (send_raw(arg, data, len))
        return (ssize_t)len;
    wslay_event_set_error(ws, WSLAY_ERR_WOULDBLOCK);
    return -1;
}

static int on_mask(wslay_event_context_ptr ws, uint8_t *buf, size_t len,
                   void *arg)
{
    (void)ws;
    (void)arg;
    return RAND_bytes(buf, (int)len) == 1 ? 0 : -1;
}

static void on_frame(wslay_event_context_ptr ws,
                     const struct wslay_event_on_frame_recv_start_arg *frame,
                     void *arg)
{
    struct link *link = arg;
    (void)ws;
    link->opcode = frame->opcode;
    link->frames++;
    if (frame->opcode == WSLAY_CONNECTION_CLOSE)
        link->close_len = 0;
    else if (!wslay_is_ctrl_frame(frame->opcode))
        link->fragments++;
}

static void grow(struct link *link, size_t n)
{
    if (link->part_len + n <= link->part_size)
        return;
    size_t size = link->part_size ? link->part_size : 4096;
    while (size < link->part_len + n)
        size *= 2;
    link->part = kit_realloc(link->part, size);
    link->part_size = size;
}

/* Messages are put together here and not by wslay, which would hold each
 * fragment of a byte as a piece of memory of its own. */
static void on_chunk(wslay_event_context_ptr ws,
                     const struct wslay_event_on_frame_recv_chunk_arg *chunk,
                     void *arg)
{
    struct link *link = arg;
    size_t most = (size_t)link->session->conf->max_message;
    size_t n = chunk->data_length;
    if (link->opcode == WSLAY_CONNECTION_CLOSE) {
        if (link->close_len + n <= sizeof link->close_payload) {
            memcpy(link->close_payload + link->close_len, chunk->data, n);
            link->close_len += n;
        }
        return;
    }
    if (wslay_is_ctrl_frame(link->opcode) || !n || link->too_big)
        return;
    if (link->part_len + n > most || link->fragments > FRAGMENTS_MAX) {
        link->too_big = true;
        wslay_event_shutdown_read(ws);
        return;
    }
    grow(link, n);
    memcpy(link->part + link->part_len, chunk->data, n);
    link->part_len += n;
}

/* RFC 6455 section 7.4, and what IANA has added since. */
static bool code_is_valid(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static void on_frame_end(wslay_event_context_ptr ws, void *arg)
{
    struct link *link = arg;
    if (link->opcode != WSLAY_CONNECTION_CLOSE)
        return;
    const unsigned char *payload = link->close_payload;
    size_t n = link->close_len;
    unsigned code = n >= 2 ? (unsigned)payload[0] << 8 | payload[1] : 1005;
    link->bad_close = n == 1 || (n >= 2 && !code_is_valid(code));
    wslay_event_shutdown_read(ws);
    if (link->bad_close)
        return;
    link->close_code = (uint16_t)code;
    if (n > 2)
        memcpy(link->close_reason, payload + 2, n - 2);
}

static void on_message(wslay_event_context_ptr ws,
                       const struct wslay_event_on_msg_recv_arg *message,
                       void *arg)
{
    struct link *link = arg;
    (void)ws;
    /* After our close only the peer's counts. */
    if (link->state != LINK_OPEN || session_is_over(link->session)) {
        link->part_len = link->fragments = 0;
        return;
    }
    switch (message->opcode) {
    case WSLAY_TEXT_FRAME: take_message(link, false); break;
    case WSLAY_BINARY_FRAME: take_message(link, true); break;
    case WSLAY_PING: link->pings++; break;
    case WSLAY_PONG:
        play_pong(link->session, link, message->msg, message->msg_length);
        break;
    default: break;
    }
}

/* --------------------------------------------------------------- frames -- */

static bool frames_begin(struct link *link)
{
    static const struct wslay_event_callbacks calls = {
        on_receive, on_send,      on_mask,   on_frame,
        on_chunk,   on_frame_end, on_message};
    int64_t most = link->session->conf->max_message;
    if (wslay_event_context_client_init(&link->ws, &calls, link)) {
        session_fail(link->session, RLV_F_RESOURCE, "ENOMEM",
                     "no memory for a connection");
        return false;
    }
    wslay_event_config_set_no_buffering(link->ws, 1);
    /* It counts control frames, too, and those may always have 125 bytes. */
    wslay_event_config_set_max_recv_msg_length(
        link->ws, most < 125 ? 125 : (uint64_t)most);
    return true;
}

static void flush(struct link *link)
{
    if (link->close_sent || !link->ws)
        return;
    if (wslay_event_send(link->ws))
        session_fail(link->session, RLV_F_RESOURCE, "ENOMEM",
                     "no memory to send a message");
}

/* What wslay thinks of it, it says in the close that it would send. */
static void frames_broken(struct link *link, int rc)
{
    if (rc == WSLAY_ERR_NOMEM) {
        session_fail(link->session, RLV_F_RESOURCE, "ENOMEM",
                     "no memory for a message");
        return;
    }
    if (link->bad_close) {
        break_off(link, WSLAY_CODE_PROTOCOL_ERROR,
                  "the close frame is not valid");
        return;
    }
    if (link->too_big) {
        break_off(link, WSLAY_CODE_MESSAGE_TOO_BIG,
                  link->fragments > FRAGMENTS_MAX
                      ? "a message of endless fragments"
                      : "a message longer than max_message");
        return;
    }
    uint16_t code = WSLAY_CODE_PROTOCOL_ERROR;
    if (rc == 0 && !link->close_sent && !wslay_event_send(link->ws) &&
        wslay_event_get_close_sent(link->ws)) {
        link->close_sent = true;
        code = wslay_event_get_status_code_sent(link->ws);
    }
    break_off(link, code,
              code == WSLAY_CODE_MESSAGE_TOO_BIG
                  ? "a message longer than max_message"
              : code == WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA
                  ? "a text that is not UTF-8"
                  : "a frame that breaks the protocol");
}

/* The peer's close frame came: answered, if it was the first. */
static void frames_closed(struct link *link)
{
    send_close(link, link->close_code == 1005 ? 0 : link->close_code, NULL);
    link->clean = link->close_sent;
    link->state = LINK_CLOSED;
    session_closed(link->session, link);
}

static bool is_flooded(const struct link *link)
{
    int64_t open_s = (websocket_host->now() - link->answered_ns) / 1000000000ll;
    return link->pings > PINGS_MAX + 10 * (uint64_t)open_s;
}

static void frames_feed(struct link *link, const void *bytes, size_t n)
{
    link->raw = bytes;
    link->raw_len = n;
    int rc = wslay_event_recv(link->ws);
    if (session_is_over(link->session))
        return;
    if (link->close_code)
        frames_closed(link);
    else if (rc || !wslay_event_get_read_enabled(link->ws))
        frames_broken(link, rc);
    else if (is_flooded(link))
        break_off(link, WSLAY_CODE_POLICY_VIOLATION, "a flood of pings");
    else if (link->fragments > FRAGMENTS_MAX)
        break_off(link, WSLAY_CODE_MESSAGE_TOO_BIG,
                  "a message of endless fragments");
    else
        flush(link);
}

static void queue(struct link *link, uint8_t opcode, const void *bytes,
                  size_t len)
{
    struct wslay_event_msg message = {opcode, bytes, len};
    if (link->state != LINK_OPEN)
        return;
    link->sent_ns = websocket_host->now();
    if (wslay_event_queue_msg(link->ws, &message) == WSLAY_ERR_NOMEM)
        session_fail(link->session, RLV_F_RESOURCE, "ENOMEM",
                     "no memory for a message of %zu bytes", len);
    else
        flush(link);
}

void link_send(struct link *link, bool binary, const void *bytes, size_t len)
{
    queue(link, binary ? WSLAY_BINARY_FRAME : WSLAY_TEXT_FRAME, bytes, len);
}

void link_ping(struct link *link, const char *payload)
{
    queue(link, WSLAY_PING, payload, strlen(payload));
}

/* Not into the midst of a frame that the peer does not take: then it sees the
 * connection go. */
void link_bye(struct link *link, uint16_t code, const char *reason)
{
    if (link->state != LINK_OPEN)
        return;
    flush(link);
    if (!wslay_event_want_write(link->ws))
        send_close(link, code, reason);
    link->state = LINK_CLOSING;
}

/* ------------------------------------------------------------- handshake - */

static void ask(struct link *link)
{
    struct session *session = link->session;
    char *request = kit_malloc(WS_HEAD_MAX * 4);
    upgrade_key(link->key);
    size_t n = upgrade_request(session->conf, &session->target, link->key,
                               request, WS_HEAD_MAX * 4);
    link->asked_ns = websocket_host->now();
    link->state = LINK_UPGRADING;
    if (!n)
        session_fail(session, RLV_F_CONFIG, "headers",
                     "the upgrade request is longer than %d KiB",
                     WS_HEAD_MAX * 4 / 1024);
    else if (!send_raw(link, request, n))
        session_fail(session, RLV_F_RESOURCE, "ENOMEM",
                     "the upgrade request cannot be sent");
    free(request);
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
    set_timer(link, &link->patience, REFUSAL_NS, on_refusal_time);
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
static size_t take_head(struct link *link, const char *bytes, size_t n)
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

/* --------------------------------------------------------------- stream -- */

static void take_bytes(struct link *link, const char *bytes, size_t n)
{
    while (n && !session_is_over(link->session)) {
        size_t took = n;
        if (link->state == LINK_OPEN || link->state == LINK_CLOSING)
            frames_feed(link, bytes, n);
        else if (link->state == LINK_UPGRADING || link->state == LINK_REFUSED)
            took = take_head(link, bytes, n);
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
            set_timer(link, &link->more, 0, read_on);
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
    case KIT_OPEN: ask(link); break;
    case KIT_READABLE: read_stream(link); break;
    case KIT_SENT: flush(link); break;
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

/* websocket/frames.c: the frames of one connection, over wslay: messages put
 * together, pings answered, closing.
 *
 * Owns wslay's context, the message that is being received and the peer's close
 * frame. Called by link.c with what the stream received, by play.c and
 * session.c with what is to be sent.
 *
 * Happy path: frames_feed() → wslay → on_frame/on_chunk/on_message →
 * link_deliver() or play_pong(); the peer's close → session_closed().
 *
 * Ways it can fail: a frame that breaks the protocol: the peer is told so by a
 * close of ours, the fault has its code; a message longer than allowed; a peer
 * that floods with pings or endless fragments. Each is noted in wslay's
 * callbacks, and said once wslay has returned. */
#include "websocket/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PINGS_MAX     1000       /* at once, and then ten a second */
#define FRAGMENTS_MAX (1u << 17) /* of one message */

/* ------------------------------------------------------------- closing --- */

/* Past wslay, which has ideas of its own of what codes there are: 1012 to 1014
 * came after it. */
static void send_close(struct link *link, uint16_t code, const char *reason)
{
    unsigned char frame[2 + 4 + 2 + WS_REASON_MAX];
    size_t len = code ? 2 : 0, words = 0;
    if (link->close_sent)
        return;
    unsigned char *mask = frame + 2, *body = frame + 6;
    upgrade_random(mask, 4);
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
    link->close_sent = link_write(link, frame, 6 + len);
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

static bool write_held(struct link *link)
{
    if (link->held_len && !link_write(link, link->held, link->held_len))
        return false;
    link->held_len = 0;
    return true;
}

/* wslay sends a frame's head by itself, which would be a system call and a
 * packet of its own: it is held back until some payload comes, or nothing. */
static bool write_with_held(struct link *link, const uint8_t *data, size_t len)
{
    uint8_t both[WS_FRAME_HEAD + 4096];
    if (!link->held_len && len <= sizeof link->held) {
        memcpy(link->held, data, len);
        link->held_len = len;
        return true;
    }
    if (!link->held_len || link->held_len + len > sizeof both)
        return write_held(link) && link_write(link, data, len);
    memcpy(both, link->held, link->held_len);
    memcpy(both + link->held_len, data, len);
    if (!link_write(link, both, link->held_len + len))
        return false;
    link->held_len = 0;
    return true;
}

static ssize_t on_send(wslay_event_context_ptr ws, const uint8_t *data,
                       size_t len, int flags, void *arg)
{
    (void)flags;
    if (write_with_held(arg, data, len))
        return (ssize_t)len;
    wslay_event_set_error(ws, WSLAY_ERR_WOULDBLOCK);
    return -1;
}

static int on_mask(wslay_event_context_ptr ws, uint8_t *buf, size_t len,
                   void *arg)
{
    (void)ws;
    (void)arg;
    upgrade_random(buf, len);
    return 0;
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
    link->excerpt_len = message->len < sizeof link->excerpt
                            ? message->len
                            : sizeof link->excerpt;
    memcpy(link->excerpt, message->bytes, link->excerpt_len);
    link_deliver(link, message);
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

/* -------------------------------------------------- to and from the peer - */

bool frames_begin(struct link *link)
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

/* What the kernel takes of what waits. False: no memory. */
static bool send_waiting(struct link *link)
{
    if (wslay_event_send(link->ws))
        return false;
    write_held(link);
    return true;
}

void frames_flush(struct link *link)
{
    if (link->close_sent || !link->ws)
        return;
    if (!send_waiting(link))
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
    if (rc == 0 && !link->close_sent && send_waiting(link) &&
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

void frames_feed(struct link *link, const void *bytes, size_t n)
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
        frames_flush(link);
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
        frames_flush(link);
}

void frames_send(struct link *link, bool binary, const void *bytes, size_t len)
{
    queue(link, binary ? WSLAY_BINARY_FRAME : WSLAY_TEXT_FRAME, bytes, len);
}

void frames_ping(struct link *link, const char *payload)
{
    queue(link, WSLAY_PING, payload, strlen(payload));
}

/* Not into the midst of a frame that the peer does not take: then it sees the
 * connection go. */
void frames_bye(struct link *link, uint16_t code, const char *reason)
{
    if (link->state != LINK_OPEN)
        return;
    frames_flush(link);
    if (!link->held_len && !wslay_event_want_write(link->ws))
        send_close(link, code, reason);
    link->state = LINK_CLOSING;
}

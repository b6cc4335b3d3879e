/* websocket/link.h: one connection, as its own files and the session see it.
 *
 *   link.c       its stream; the messages that wait
 *   handshake.c  the opening handshake: asks, takes the answer
 *   frames.c     frames and closing, over wslay
 */
#ifndef WEBSOCKET_LINK_H
#define WEBSOCKET_LINK_H

#include <wslay/wslay.h>

#include "websocket/websocket.h"

#define WS_FRAME_HEAD 14 /* bytes at most: length and mask included */

enum link_state {
    LINK_IDLE,       /* not begun */
    LINK_CONNECTING, /* until the stream is open */
    LINK_UPGRADING,  /* until the answer's head is complete */
    LINK_REFUSED,    /* no 101; its body is still read */
    LINK_OPEN,
    LINK_CLOSING, /* our close was sent, the peer's is awaited */
    LINK_CLOSED   /* both were, or the connection is gone */
};

struct link {
    struct session *session;
    unsigned number; /* from 1 */
    enum link_state state;
    struct kit_stream *stream;
    struct rlv_watch *patience; /* with the body of a refusal; or NULL */
    struct rlv_watch *more;     /* reading goes on at the next turn; or NULL */
    wslay_event_context_ptr ws;
    char key[WS_KEY];

    char *head; /* of the answer, then what of its body is kept */
    size_t head_len, body_len;
    int64_t content_length; /* -1: not said */
    int status;
    int64_t asked_ns, answered_ns;

    const uint8_t *raw; /* received, not yet with wslay */
    size_t raw_len;
    uint8_t held[WS_FRAME_HEAD]; /* of a frame that is being sent */
    size_t held_len;
    uint8_t opcode; /* of the frame that is being received */
    char *part;     /* the message that is being received */
    size_t part_len, part_size, fragments;
    bool too_big;
    struct message *first, *last; /* arrived and not yet received by a step */
    size_t waiting;               /* bytes of these */

    uint64_t frames, messages, bytes, pings;
    struct watchful watchful;
    char excerpt[WS_EXCERPT]; /* of the last message */
    size_t excerpt_len;

    bool settled;        /* in the present step */
    int64_t sent_ns;     /* the last send or ping; 0: answered */
    int64_t delivery_ns; /* of what others sent, or was triggered; -1: none */

    unsigned char close_payload[2 + WS_REASON_MAX];
    size_t close_len;
    uint16_t close_code; /* the peer's; 0: none yet */
    char close_reason[WS_REASON_MAX + 1];
    bool bad_close;         /* the peer's is not valid */
    bool close_sent, clean; /* ours; and both */
};

/* link.c */
void link_open(struct link *, unsigned address);
void link_close(struct link *); /* at once, and memory */
/* The oldest message that waits, now the caller's to free; or NULL. */
struct message *link_take(struct link *);
void link_forget(struct link *); /* all that wait */
/* For handshake.c and frames.c: bytes to the peer (false: too many wait); a
 * whole message, now the link's; a timer with one handle, however often set. */
bool link_write(struct link *, const void *, size_t);
void link_deliver(struct link *, struct message *);
void link_timer(struct link *, struct rlv_watch **, int64_t after_ns,
                rlv_event_fn *);

/* handshake.c: sends the upgrade request; takes bytes of the answer, and
 * returns how many. On a 101 the link is open and its session told; what came
 * with it has gone to frames_feed(). */
void handshake_ask(struct link *);
size_t handshake_take(struct link *, const char *, size_t);

/* frames.c. False: it has told the session. */
bool frames_begin(struct link *);
void frames_feed(struct link *, const void *, size_t);
void frames_flush(struct link *); /* what waits and the kernel takes */
/* These queue, and send what the kernel takes. */
void frames_send(struct link *, bool binary, const void *, size_t);
void frames_ping(struct link *, const char *payload);
void frames_bye(struct link *, uint16_t code, const char *reason);

#endif

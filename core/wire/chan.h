/* wire/chan.h: frames between two roles over a SOCK_SEQPACKET socket.
 *
 * A packet holds one or more frames, each {type, flags, generation, length}
 * and payload; what is queued between two flushes travels together, which is
 * what makes any rate affordable. A packet is at most 32 KiB; a payload that
 * does not fit travels as a sealed memfd. The queue is bounded: chan_send
 * fails when the peer does not read. The channel knows no event loop: its
 * owner polls chan_fd() and calls chan_receive and chan_flush.
 *
 * Happy path: chan_send… chan_flush → peer's chan_receive calls fn per frame.
 * Ways it can fail: the peer is gone (CHAN_CLOSED), the peer sent nonsense
 * (CHAN_BROKEN: kill it, do not argue), the queue is full (chan_send). */
#ifndef RELEVO_WIRE_CHAN_H
#define RELEVO_WIRE_CHAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define CHAN_PACKET  (32 * 1024)
#define CHAN_LARGEST (256u << 20) /* of a memfd payload */

struct chan;

struct frame {
    uint16_t type;
    uint32_t generation;
    const void *payload; /* gone when the callback returns */
    size_t len;
};

enum chan_status { CHAN_OPEN, CHAN_CLOSED, CHAN_BROKEN };

/* false: the frame is nonsense, the channel counts as broken. */
typedef bool chan_frame_fn(void *arg, const struct frame *);

/* Takes the descriptor, makes it non-blocking. queue_limit in bytes. */
struct chan *chan_new(int fd, size_t queue_limit);
void chan_free(struct chan *); /* closes; NULL is fine */
int chan_fd(const struct chan *);
/* No more in either direction: the next chan_receive finds it closed. */
void chan_shut(const struct chan *); /* NULL is fine */

/* Queues one frame. false: the queue is full, nothing was queued. */
bool chan_send(struct chan *, uint16_t type, uint32_t generation,
               const struct buf *payload) MUST_CHECK;
/* Sends what the socket takes. */
enum chan_status chan_flush(struct chan *, struct err *);
bool chan_wants_write(const struct chan *);
/* Reads what is there and calls fn for each frame in order. The channel must
 * not be freed inside fn. */
enum chan_status chan_receive(struct chan *, chan_frame_fn *, void *arg,
                              struct err *);

/* A connected pair of descriptors, both close-on-exec. */
bool chan_pair(int fds[2], struct err *) MUST_CHECK;

#endif

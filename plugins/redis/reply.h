/* redis/reply.h: bytes to replies, within limits, and what replies mean. Pure.
 */
#ifndef REDIS_REPLY_H
#define REDIS_REPLY_H

#include <hiredis/hiredis.h>
#include <relevo/plugin.h>

enum reader_state {
    READER_EMPTY,  /* no whole reply yet */
    READER_REPLY,  /* one */
    READER_BROKEN, /* no RESP: reader_error() */
    READER_LARGE,  /* a reply beyond the limits */
    READER_SHORT   /* of memory */
};

/* Bytes in, replies out. Holds no more than a reply of max_bytes and
 * max_items, whatever lengths the peer announces. */
struct reader {
    redisReader *own; /* NULL: not begun */
    redisReplyObjectFunctions functions;
    size_t max_bytes, max_items;
    size_t bytes, items; /* of the reply that is being read */
    bool large;
};

void reader_init(struct reader *, size_t max_bytes, size_t max_items);
void reader_fini(struct reader *);
void reader_feed(struct reader *, const void *, size_t);
/* On READER_REPLY *reply is the caller's: freeReplyObject(). */
enum reader_state reader_next(struct reader *, redisReply **reply);
const char *reader_error(const struct reader *);

struct verdict {
    enum rlv_fault fault;
    char code[32]; /* the first word of the error */
};
/* What an error reply says, in the words of the fault list. */
struct verdict verdict_of(const redisReply *error);
/* The server does not know the command, or does not give it to this user: how
 * managed servers refuse what they do not offer. */
bool verdict_is_refusal(const redisReply *error);
/* Of an error's text, as much as may be shown: Redis repeats the arguments of
 * a command that it does not know, and AUTH has a password among them. */
#define ERROR_SHOWN 300
size_t error_shown(const redisReply *error);
/* "string", "integer", "array", "nil", "status", "error" */
const char *reply_type(const redisReply *);
/* A status or string with that text. */
bool reply_is(const redisReply *, const char *text);

#endif

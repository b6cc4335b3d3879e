/* redis/session.h: one connection to the target. */
#ifndef REDIS_SESSION_H
#define REDIS_SESSION_H

#include "kit/stream.h"
#include "redis/reply.h"

struct run;
struct session;
typedef void session_ready_fn(struct run *);
/* reply is gone on return */
typedef void session_reply_fn(struct run *, const redisReply *reply);

struct pending {
    const char *name;        /* "PING", for messages; lives longer than this */
    session_reply_fn *reply; /* NULL: whatever it is, it is passed over */
};

/* A connection to the target. Replies come in the order of commands. */
struct session {
    struct run *run;           /* NULL: kept, between two probes */
    struct kit_stream *stream; /* NULL: closed */
    struct reader reader;
    char *out; /* commands of this turn, sent together at its end */
    size_t out_len, out_size;
    struct pending pending[16];
    unsigned first, count;
    unsigned sent; /* of these, how many have left: no other has a reply */
    unsigned generation; /* of the stream: how often one was closed */
    unsigned greetings;  /* replies to AUTH and SELECT still to come */
    int64_t greeted_ns;  /* when the greeting was sent; 0: none was needed */
    session_ready_fn *ready;
    session_reply_fn *push; /* what comes without being asked for; or NULL */
    bool selects;           /* it needs the database of the options */
    bool reused;            /* it was there before this probe */
    bool answered;          /* a reply came in this probe */
    /* An error that was passed over. "max number of clients reached" comes
     * unasked, and so as the reply to whatever was sent first. */
    struct verdict aside;
    char aside_text[ERROR_SHOWN + 1];
};

/* Begins to connect in scope; ready() is called when commands may follow. */
void session_open(struct session *, struct run *, struct rlv_scope *scope,
                  unsigned address);
void session_close(struct session *); /* also one that was never opened */
void session_fini(struct session *);  /* and memory */
/* The command is sent with all others of this turn of the loop. */
void session_command(struct session *session, const char *name,
                     session_reply_fn *reply, size_t argc,
                     const char *const *argv);
#define SESSION_COMMAND(session, name, reply, ...)                          \
    session_command(session, name, reply,                                   \
                    sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), \
                    (const char *const[]){__VA_ARGS__})
void session_flush(struct session *);
/* What it waits for, "PING"; NULL: nothing. */
const char *session_waits(const struct session *);
/* A kept one serves this probe: as ready. */
void session_resume(struct session *, struct run *);
bool session_is_idle(const struct session *);

#endif

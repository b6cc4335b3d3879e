/* redis/redis.h: what the files of the redis plugin share.
 *
 *   redis.c      the tables and their validation
 *   target.c     where to go and as whom: the url, or host, port, …
 *   allow.c      which commands a check may run
 *   reply.c      hiredis' reader within limits; what an error reply means
 *   session.c    one connection: AUTH, commands and their replies in order
 *   run.c        one probe: connect, the operations in order, end
 *   operation.c  ping, setget, command, time
 *   pubsub.c     the round trip of a message over two connections; publish
 *   observe.c    info, sentinel, cluster: what a server says of itself
 *   info.c       the text of INFO, and its typed observations
 */
#ifndef REDIS_REDIS_H
#define REDIS_REDIS_H

#include <hiredis/hiredis.h>
#include <relevo/plugin.h>

#include "kit/stream.h"

#define REDIS_NONCE 33 /* bytes of a nonce's text, its NUL included */

struct redis_conf {
    const char *url; /* NULL: host and port and so on */
    const char *host;
    int64_t port;
    const char *username, *password;
    int64_t db;
    int64_t tls; /* of host and port */
    struct kit_net net;
    const char *client_name;
    struct rlv_list operations, command;
    int64_t pings;
    int64_t allow_write;
    const char *key_prefix;
    int64_t ttl_ns;
    const char *channel; /* NULL: one of our own */
    const char *message;
    int64_t sharded;
    const char *master_name;
    int64_t keep_alive;
    int64_t max_reply; /* bytes */
};

enum redis_field {
    FIELD_LATENCY,
    FIELD_PING,
    FIELD_PING_MIN,
    FIELD_SETGET,
    FIELD_PUBSUB,
    FIELD_PUBLISH,
    FIELD_RECEIVERS,
    FIELD_REPLY,
    FIELD_REPLY_TYPE,
    FIELD_REPLY_LENGTH,
    FIELD_REPLY_NIL,
    FIELD_ITEM,
    FIELD_CLOCK_SKEW,
    FIELD_ROLE,
    FIELD_LINK,
    FIELD_LINK_DOWN,
    FIELD_SYNC_IN_PROGRESS,
    FIELD_REPLICAS,
    FIELD_GOOD_REPLICAS,
    FIELD_LAG_BYTES,
    FIELD_LAG,
    FIELD_USED_MEMORY,
    FIELD_MEMORY,
    FIELD_MEMORY_POLICY,
    FIELD_FRAGMENTATION,
    FIELD_EVICTED,
    FIELD_EXPIRED,
    FIELD_REJECTED,
    FIELD_LOADING,
    FIELD_BGSAVE_STATUS,
    FIELD_SAVE_AGE,
    FIELD_CHANGES,
    FIELD_AOF_WRITE_STATUS,
    FIELD_AOF_REWRITE_STATUS,
    FIELD_FORK,
    FIELD_CONNECTED,
    FIELD_CLIENTS,
    FIELD_BLOCKED,
    FIELD_COMMANDS,
    FIELD_ERRORS,
    FIELD_OPS,
    FIELD_HIT_RATIO,
    FIELD_SLOWLOG,
    FIELD_SLOW_COMMANDS,
    FIELD_KEYS,
    FIELD_KEYSPACE,
    FIELD_VERSION,
    FIELD_MODE,
    FIELD_UPTIME,
    FIELD_RUN_ID,
    FIELD_RESTARTED,
    FIELD_INFO,
    FIELD_QUORUM,
    FIELD_MASTER_ADDRESS,
    FIELD_MASTER_FLAGS,
    FIELD_MASTER_DOWN,
    FIELD_SENTINELS,
    FIELD_MASTER_REPLICAS,
    FIELD_CLUSTER_STATE,
    FIELD_SLOTS_ASSIGNED,
    FIELD_SLOTS_OK,
    FIELD_SLOTS_FAIL,
    FIELD_NODES,
    FIELD_REFUSED,
    FIELD_IP,
    FIELD_TLS_VERSION,
    FIELD_CERT_EXPIRY
};

extern const struct rlv_host *redis_host;

/* ------------------------------------------------------------------ target */

/* Strings belong to the options, or lie in text. */
struct target {
    const char *host;      /* NULL: unix_path */
    const char *unix_path; /* or NULL */
    uint16_t port;
    bool tls;
    int64_t db;
    const char *username, *password; /* or NULL */
    char text[4096];                 /* what was decoded out of a url */
};

/* False: why is filled, and *option named. */
bool target_read(struct target *, const struct redis_conf *,
                 const char **option, char *why, size_t size);

/* ------------------------------------------------------- allowed commands */

/* False: a check may not run it; why says so. */
bool allow_command(const struct rlv_list *command, char *why, size_t size);

/* ----------------------------------------------------------------- replies */

enum reader_state {
    READER_EMPTY,  /* no whole reply yet */
    READER_REPLY,  /* one */
    READER_BROKEN, /* no RESP: reader_error() */
    READER_LARGE   /* a reply beyond the limits */
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
/* False: the limits are reached; reader_next() says so, too. */
bool reader_feed(struct reader *, const void *, size_t);
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

/* -------------------------------------------------------------------- INFO */

struct info_line {
    const char *name, *value; /* not NUL-ended */
    size_t name_len, value_len;
};

/* The lines of an INFO or CLUSTER INFO, which it points into. */
struct info {
    struct info_line lines[512];
    size_t count;
};

void info_parse(struct info *, const char *text, size_t len);
const struct info_line *info_find(const struct info *, const char *name);
bool info_number(const struct info *, const char *name, int64_t *number);
/* "keys" out of "keys=3,expires=0,avg_ttl=0". */
bool info_part(const struct info_line *, const char *name, int64_t *number);
/* How far replicas are behind; false: there is nobody to be behind. */
bool info_lag_bytes(const struct info *, int64_t *bytes);
bool info_lag_s(const struct info *, int64_t *seconds);
bool info_good_replicas(const struct info *, int64_t *count);
/* Observes all of an INFO; db is the one whose keys are counted. */
void info_observe(struct rlv_probe *, const struct info *, int64_t db);
void info_observe_cluster(struct rlv_probe *, const struct info *);
/* The lines that say something, as evidence; returns the bytes written. */
size_t info_text(const struct info *, char *text, size_t size);

/* ---------------------------------------------------------------- sessions */

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
void session_command(struct session *, const char *name, session_reply_fn *,
                     size_t argc, const char *const *argv);
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

/* -------------------------------------------------------------------- runs */

/* One probe. Lives in the probe's scope. */
struct run {
    struct rlv_probe *probe;
    const struct redis_conf *conf;
    struct target target;
    struct kept *kept;    /* what the check keeps; NULL before it is needed */
    struct session *main; /* own, or kept's */
    struct session own, subscriber;
    struct session *speaking;    /* whose reply is being taken */
    bool over;                   /* done() at the end of this turn */
    bool faulted;                /* with a fault */
    unsigned address, addresses; /* all_addresses: at, of */

    size_t operation;       /* the present one's place in the options */
    int64_t began_ns;       /* when it began */
    int64_t sent_ns;        /* the command that is timed */
    int64_t latency_ns;     /* of the first operation; -1: none yet */
    bool observed;          /* anything at all */
    struct verdict refusal; /* the first refused command's */
    char refused[160];      /* all of them: "INFO, SLOWLOG LEN" */

    unsigned pings;          /* done */
    int64_t ping_ns[100];    /* each */
    char nonce[REDIS_NONCE]; /* this probe's own */
    char *key;               /* setget's */
    char *channel;           /* pubsub's */
    int64_t published_ns;    /* when the reply to PUBLISH came; 0: not yet */
    int64_t delivered_ns;    /* when the message came; 0: not yet */
    unsigned others;         /* messages that were not ours */
    unsigned awaited;        /* replies of the present operation to come */
};

/* What a check keeps from one probe to the next. */
struct kept {
    struct session session;
    uint64_t identity;   /* of the target that session leads to */
    bool registered;     /* session_fini is deferred */
    int64_t not_after_s; /* of the handshake that made it; 0: none */
    char tls_version[12];
    char run_id[48]; /* of the server, the last time */
};

void redis_start(struct rlv_probe *, const void *conf);
/* Every entry from the loop ends with this: it sends what has gathered, and
 * ends the probe if it is over. The run may be gone after it. */
void run_settle(struct run *);
void run_fault(struct run *, enum rlv_fault, const char *code, const char *fmt,
               ...) RLV_PRINTF(4, 5);
/* The stream broke, or the peer ended it. */
void run_lost(struct run *, struct session *);
void run_ready(struct run *);
/* The present operation is done, having taken so long; -1: nothing measured. */
void run_next(struct run *, int64_t took_ns);
/* False: an error reply, which is the probe's fault from now on. */
bool run_accepts(struct run *, const redisReply *, const char *name);
/* False: an error reply; if the server refuses the command, then what it would
 * have shown is absent, else it is the fault. */
bool run_tolerates(struct run *, const redisReply *, const char *name);
/* The reply is of no type that the command could have. */
void run_misfit(struct run *, const redisReply *, const char *name);
struct kept *run_kept(struct run *);
char *run_text(struct run *, const char *a, const char *b);

/* -------------------------------------------------------------- operations */

struct operation {
    const char *name;
    void (*begin)(struct run *);
};
/* NULL: there is none of that name. */
const struct operation *operation_find(const char *name);
#define REDIS_OPERATIONS \
    "ping, setget, pubsub, publish, info, command, time, sentinel, cluster"
/* The nth operation of a check; NULL: no more. */
const struct operation *operation_nth(const struct redis_conf *, size_t n);
bool operation_listed(const struct redis_conf *, const char *name);

void operation_ping(struct run *);
void operation_setget(struct run *);
void operation_command(struct run *);
void operation_time(struct run *);
void operation_pubsub(struct run *);
void operation_publish(struct run *);
void operation_info(struct run *);
void operation_sentinel(struct run *);
void operation_cluster(struct run *);

#endif

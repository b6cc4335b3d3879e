/* redis/run.h: one probe, and the operations that it carries out. */
#ifndef REDIS_RUN_H
#define REDIS_RUN_H

#include "redis/redis.h"
#include "redis/session.h"
#include "redis/target.h"

#define REDIS_NONCE 33 /* bytes of a nonce's text, its NUL included */

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
    uint64_t identity; /* of the target that session leads to */
    bool registered;   /* session_fini is deferred */
    char run_id[48];   /* of the server, the last time */
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

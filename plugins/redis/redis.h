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

#include <relevo/plugin.h>

#include "kit/facts.h"
#include "kit/stream.h"

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
    const char *message; /* NULL: a nonce */
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
    FIELD_NUMBER,
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
    FIELD_TLS /* and so on: kit/facts.h */
};

extern const struct rlv_host *redis_host;

#endif

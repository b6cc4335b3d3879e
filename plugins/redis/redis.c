/* redis/redis.c: checks of Redis and of what speaks its protocol. The tables
 * of the plugin: options, fields, default expectations; and what tables cannot
 * say.
 *
 * Everything that happens at run time begins in run.c. */
#include "redis/run.h"

#include <stdio.h>
#include <string.h>

#ifndef RELEVO_VERSION
#define RELEVO_VERSION "0"
#endif

const struct rlv_host *redis_host;

// clang-format off
#define OPT(kind, name, flags, field, fallback, limits, help) \
    {name, kind, flags, offsetof(struct redis_conf, field), fallback, limits, help}
static const struct rlv_option options[] = {
    OPT(RLV_STRING,   "url", RLV_SECRET_PARTS, url, NULL, NULL,
        "redis://[user:password@]host[:port][/db], rediss:// for TLS, unix:///path[?db=N]; without it host, port, … count."),
    OPT(RLV_STRING,   "host", 0, host, NULL, NULL,
        "Where no url is given: a name, an address, or the path of a unix socket, which begins with /."),
    OPT(RLV_INT,      "port", 0, port, "6379", "1..65535",
        "The port of host."),
    OPT(RLV_STRING,   "username", 0, username, NULL, NULL,
        "User of the server's ACL; without one AUTH has only the password."),
    OPT(RLV_SECRET,   "password", 0, password, NULL, NULL,
        "Password; comes before the one in the url."),
    OPT(RLV_INT,      "db", 0, db, "0", "0..65535",
        "Number of the database, where no url names it."),
    OPT(RLV_STRING,   "client_name", 0, client_name, "relevo", NULL,
        "Name of the connection, as CLIENT LIST shows it; \"\" for none."),
    OPT(RLV_LIST,     "operations", 0, operations, NULL, NULL,
        "What is done, in this order: " REDIS_OPERATIONS "; ping if nothing is said."),
    OPT(RLV_INT,      "pings", 0, pings, "3", "1..100",
        "How many PINGs the operation ping sends, one after the other."),
    OPT(RLV_LIST,     "command", 0, command, NULL, NULL,
        "A command that only reads, a word an item: [\"LLEN\", \"jobs\"]; done last, unless operations place it."),
    OPT(RLV_BOOL,     "allow_write", 0, allow_write, "false", NULL,
        "Whether setget may write a key of its own, and a message may go to channel."),
    OPT(RLV_STRING,   "key_prefix", 0, key_prefix, "relevo:", NULL,
        "What keys and channels of our own begin with; a random name follows."),
    OPT(RLV_DURATION, "ttl", 0, ttl_ns, "60s", "1s..1h",
        "When the key of setget ends by itself, should the probe not come to delete it."),
    OPT(RLV_STRING,   "channel", 0, channel, NULL, NULL,
        "Channel of publish; of pubsub, where it is not to be one of our own."),
    OPT(RLV_STRING,   "message", 0, message, NULL, NULL,
        "What publish sends, and pubsub in place of a random text; {{nonce}} stands for that of the check that triggered this one."),
    OPT(RLV_BOOL,     "sharded", 0, sharded, "false", NULL,
        "Whether pubsub and publish are those of a cluster's shards: SSUBSCRIBE, SPUBLISH."),
    OPT(RLV_STRING,   "master_name", 0, master_name, NULL, NULL,
        "The name that a sentinel knows the primary by; sentinel asks about it."),
    OPT(RLV_BOOL,     "keep_alive", 0, keep_alive, "false", NULL,
        "Use the connection of the last probe where it still stands, instead of a new one each time."),
    OPT(RLV_SIZE,     "max_reply", 0, max_reply, "1MiB", "1KiB..64MiB",
        "The largest reply that is taken; a larger one is a fault."),
    OPT(RLV_BOOL,     "tls.enabled", 0, tls, "false", NULL,
        "Whether to speak TLS to host; a url says it by rediss://."),
    KIT_NET_OPTIONS(redis_conf, net),
};

static const struct rlv_field fields[] = {
    [FIELD_LATENCY]          = {"latency", RLV_T_DURATION, RLV_RECORDED, "",
        "The commands of the first operation, without connecting: the median of ping, for instance."},
    [FIELD_PING]             = {"ping", RLV_T_DURATION, RLV_RECORDED, "",
        "ping: the median of all."},
    [FIELD_PING_MIN]         = {"ping_min", RLV_T_DURATION, 0, "",
        "ping: the quickest."},
    [FIELD_SETGET]           = {"setget", RLV_T_DURATION, RLV_RECORDED, "",
        "setget: SET, GET and DEL, one after the other."},
    [FIELD_PUBSUB]           = {"pubsub", RLV_T_DURATION, RLV_RECORDED, "",
        "pubsub: from PUBLISH on one connection until the message is there on the other."},
    [FIELD_PUBLISH]          = {"publish", RLV_T_DURATION, RLV_RECORDED, "",
        "publish: until the reply to PUBLISH."},
    [FIELD_RECEIVERS]        = {"receivers", RLV_T_INT, RLV_RECORDED, "",
        "pubsub, publish: how many the server says that it gave the message to."},
    [FIELD_REPLY]            = {"reply", RLV_T_ANY, 0, "",
        "command: an integer, or a text; absent for an array and for nil."},
    [FIELD_NUMBER]           = {"number", RLV_T_INT, RLV_RECORDED, "",
        "command: a reply that is an integer, or a text that is one."},
    [FIELD_REPLY_TYPE]       = {"reply_type", RLV_T_TEXT, 0, "",
        "command: status, string, integer, array, nil or error."},
    [FIELD_REPLY_LENGTH]     = {"reply_length", RLV_T_INT, 0, "",
        "command: bytes of a text, items of an array."},
    [FIELD_REPLY_NIL]        = {"reply_nil", RLV_T_BOOL, 0, "",
        "command: whether the reply is nil, because there is no such key for instance."},
    [FIELD_ITEM]             = {"item", RLV_T_MAP, RLV_COSTLY, "",
        "command: an item of an array: item('0'), item('2.1'); by name where names and values alternate: item('0.pending')."},
    [FIELD_CLOCK_SKEW]       = {"clock_skew", RLV_T_DURATION, RLV_RECORDED, "",
        "time: how far the server's clock is ahead of ours; negative: behind."},
    [FIELD_ROLE]             = {"role", RLV_T_TEXT, RLV_RECORDED, "",
        "info: master, slave or sentinel, as Redis calls them."},
    [FIELD_LINK]             = {"link", RLV_T_TEXT, RLV_RECORDED, "",
        "info: of a replica: up or down, its link to the primary."},
    [FIELD_LINK_DOWN]        = {"link_down", RLV_T_DURATION, 0, "",
        "info: how long that link has been down."},
    [FIELD_SYNC_IN_PROGRESS] = {"sync_in_progress", RLV_T_BOOL, 0, "",
        "info: of a replica: whether it is taking over the whole data set."},
    [FIELD_REPLICAS]         = {"replicas", RLV_T_INT, RLV_RECORDED, "",
        "info: replicas that are connected."},
    [FIELD_GOOD_REPLICAS]    = {"good_replicas", RLV_T_INT, RLV_RECORDED, "",
        "info: those that are online, and within min-replicas-max-lag where min-replicas-to-write is set."},
    [FIELD_LAG_BYTES]        = {"lag_bytes", RLV_T_SIZE, RLV_RECORDED, "",
        "info: of a primary: what the last of its replicas has not acknowledged; of a replica: received and not yet applied."},
    [FIELD_LAG]              = {"lag", RLV_T_DURATION, RLV_RECORDED, "",
        "info: since a replica was last heard of, the longest; of a replica: its primary. In whole seconds."},
    [FIELD_USED_MEMORY]      = {"used_memory", RLV_T_SIZE, RLV_RECORDED, "",
        "info: memory in use."},
    [FIELD_MEMORY]           = {"memory", RLV_T_PERCENT, RLV_RECORDED, "",
        "info: used_memory of maxmemory; absent where no limit is set."},
    [FIELD_MEMORY_POLICY]    = {"memory_policy", RLV_T_TEXT, 0, "",
        "info: what happens at the limit: noeviction, allkeys-lru, …"},
    [FIELD_FRAGMENTATION]    = {"fragmentation", RLV_T_REAL, RLV_RECORDED, "",
        "info: resident memory as a multiple of used memory."},
    [FIELD_EVICTED]          = {"evicted_keys", RLV_T_INT, RLV_RECORDED | RLV_COUNTER, "",
        "info: keys evicted for lack of memory."},
    [FIELD_EXPIRED]          = {"expired_keys", RLV_T_INT, RLV_COUNTER, "",
        "info: keys whose time ran out."},
    [FIELD_REJECTED]         = {"rejected_connections", RLV_T_INT, RLV_RECORDED | RLV_COUNTER, "",
        "info: connections turned away at maxclients."},
    [FIELD_LOADING]          = {"loading", RLV_T_BOOL, 0, "",
        "info: whether the data set is being read from disk."},
    [FIELD_BGSAVE_STATUS]    = {"bgsave_status", RLV_T_TEXT, RLV_RECORDED, "",
        "info: ok or err, the last snapshot."},
    [FIELD_SAVE_AGE]         = {"save_age", RLV_T_DURATION, RLV_RECORDED, "",
        "info: since the last snapshot that succeeded, or the start."},
    [FIELD_CHANGES]          = {"changes", RLV_T_INT, 0, "",
        "info: changes since the last snapshot."},
    [FIELD_AOF_WRITE_STATUS] = {"aof_write_status", RLV_T_TEXT, RLV_RECORDED, "",
        "info: ok or err, the last write to the append-only file; absent where it is off."},
    [FIELD_AOF_REWRITE_STATUS] = {"aof_rewrite_status", RLV_T_TEXT, 0, "",
        "info: ok or err, its last rewrite; absent where it is off."},
    [FIELD_FORK]             = {"fork", RLV_T_DURATION, 0, "",
        "info: how long the last fork held the server."},
    [FIELD_CONNECTED]        = {"connected_clients", RLV_T_INT, RLV_RECORDED, "",
        "info: clients connected."},
    [FIELD_CLIENTS]          = {"clients", RLV_T_PERCENT, RLV_RECORDED, "",
        "info: connected_clients of maxclients."},
    [FIELD_BLOCKED]          = {"blocked_clients", RLV_T_INT, RLV_RECORDED, "",
        "info: clients that wait in a blocking command."},
    [FIELD_COMMANDS]         = {"commands", RLV_T_INT, RLV_RECORDED | RLV_COUNTER, "",
        "info: commands since the start."},
    [FIELD_ERRORS]           = {"errors", RLV_T_INT, RLV_RECORDED | RLV_COUNTER, "",
        "info: error replies since the start."},
    [FIELD_OPS]              = {"ops_per_sec", RLV_T_INT, 0, "",
        "info: commands a second, as the server sees it."},
    [FIELD_HIT_RATIO]        = {"hit_ratio", RLV_T_PERCENT, 0, "",
        "info: look-ups that found a key, since the start."},
    [FIELD_SLOWLOG]          = {"slowlog", RLV_T_INT, RLV_COSTLY, "",
        "info: entries in the slow log, which has a limit."},
    [FIELD_SLOW_COMMANDS]    = {"slow_commands", RLV_T_INT, RLV_COSTLY | RLV_COUNTER, "",
        "info: entries ever made in the slow log since the start."},
    [FIELD_KEYS]             = {"keys", RLV_T_INT, RLV_RECORDED, "",
        "info: keys in the database of the check."},
    [FIELD_KEYSPACE]         = {"keyspace", RLV_T_MAP, 0, "",
        "info: keys of a database that has any: keyspace('db3')."},
    [FIELD_VERSION]          = {"version", RLV_T_TEXT, 0, "",
        "info: version of the server."},
    [FIELD_MODE]             = {"mode", RLV_T_TEXT, 0, "",
        "info: standalone, sentinel or cluster."},
    [FIELD_UPTIME]           = {"uptime", RLV_T_DURATION, RLV_RECORDED, "",
        "info: since the server's start."},
    [FIELD_RUN_ID]           = {"run_id", RLV_T_TEXT, 0, "",
        "info: of this life of the server; another after each start."},
    [FIELD_RESTARTED]        = {"restarted", RLV_T_BOOL, RLV_RECORDED, "",
        "info: whether run_id is another than in the probe before; absent in the first."},
    [FIELD_INFO]             = {"info", RLV_T_MAP, RLV_COSTLY, "",
        "info: any line by its name: info('used_memory_rss'), info('errorstat_MISCONF')."},
    [FIELD_QUORUM]           = {"quorum", RLV_T_BOOL, RLV_RECORDED, "",
        "sentinel: whether enough sentinels can be reached for a failover."},
    [FIELD_MASTER_ADDRESS]   = {"master_address", RLV_T_TEXT, RLV_RECORDED, "",
        "sentinel: address:port of the present primary."},
    [FIELD_MASTER_FLAGS]     = {"master_flags", RLV_T_TEXT, 0, "",
        "sentinel: master, and s_down, o_down, failover_in_progress, …"},
    [FIELD_MASTER_DOWN]      = {"master_down", RLV_T_BOOL, RLV_RECORDED, "",
        "sentinel: whether the primary is held for down, by this sentinel or by the quorum."},
    [FIELD_SENTINELS]        = {"sentinels", RLV_T_INT, RLV_RECORDED, "",
        "sentinel: sentinels that watch the primary, this one too."},
    [FIELD_MASTER_REPLICAS]  = {"master_replicas", RLV_T_INT, 0, "",
        "sentinel: replicas of the primary, as the sentinel knows them."},
    [FIELD_CLUSTER_STATE]    = {"cluster_state", RLV_T_TEXT, RLV_RECORDED, "",
        "cluster: ok or fail."},
    [FIELD_SLOTS_ASSIGNED]   = {"slots_assigned", RLV_T_INT, RLV_RECORDED, "",
        "cluster: of 16384, those that have a node."},
    [FIELD_SLOTS_OK]         = {"slots_ok", RLV_T_INT, RLV_RECORDED, "",
        "cluster: those whose node is well."},
    [FIELD_SLOTS_FAIL]       = {"slots_fail", RLV_T_INT, RLV_RECORDED, "",
        "cluster: those whose node is down."},
    [FIELD_NODES]            = {"nodes", RLV_T_INT, 0, "",
        "cluster: nodes that this one knows, itself too."},
    [FIELD_REFUSED]          = {"refused", RLV_T_TEXT, 0, "",
        "Commands that the server does not offer; what they would have shown is absent."},
    [FIELD_IP]               = {"ip", RLV_T_TEXT, 0, "",
        "The address that answered; absent for a unix socket."},
    KIT_FACT_FIELDS(FIELD_TLS),
};
// clang-format on

static const char *const expects[] = {"reply_type != 'error'", "link == 'up'",
                                      "cluster_state == 'ok'", "quorum",
                                      "not master_down",       NULL};
static const char *const warn_unless[] = {
    "cert_expiry > 14d", "bgsave_status == 'ok'", "aof_write_status == 'ok'",
    "clients < 80%", NULL};

/* ------------------------------------------------------------- validation - */

/* A url with a {{name}} in it is complete only at run time. */
static bool check_target(const struct redis_conf *conf, const char **option,
                         char *why, size_t size)
{
    struct target target = {0};
    if (conf->url && strstr(conf->url, "{{"))
        return true;
    if (!target_read(&target, conf, option, why, size))
        return false;
    if (target.username && !target.password) {
        *option = "password";
        snprintf(why, size, "username without password");
        return false;
    }
    return true;
}

static bool check_operations(const struct redis_conf *conf, const char **option,
                             char *why, size_t size)
{
    const struct rlv_list *list = &conf->operations;
    *option = "operations";
    for (size_t i = 0; i < list->count; i++) {
        if (operation_find(list->items[i]))
            continue;
        snprintf(why, size,
                 "there is no operation \"%.40s\"; there are " REDIS_OPERATIONS,
                 list->items[i]);
        return false;
    }
    if (operation_listed(conf, "setget") && !conf->allow_write) {
        snprintf(why, size,
                 "setget writes a key of its own; it needs allow_write = true");
        return false;
    }
    if (operation_listed(conf, "command") && !conf->command.count) {
        snprintf(why, size, "the operation command needs a command");
        return false;
    }
    if (operation_listed(conf, "sentinel") && !conf->master_name) {
        snprintf(why, size,
                 "the operation sentinel needs master_name, such as mymaster");
        return false;
    }
    return true;
}

/* Options that ask for each other, or for nothing. */
static bool check_together(const struct redis_conf *conf, const char **option,
                           char *why, size_t size)
{
    bool publish = operation_listed(conf, "publish");
    *option = "channel";
    if (conf->channel && !publish && !operation_listed(conf, "pubsub")) {
        snprintf(why, size,
                 "channel is that of pubsub and publish, and operations have "
                 "neither");
        return false;
    }
    if (publish && (!conf->channel || !conf->message)) {
        *option = "operations";
        snprintf(why, size, "the operation publish needs channel and message");
        return false;
    }
    if (conf->message && !conf->channel) {
        *option = "message";
        snprintf(why, size, "message is sent on channel, which is not given");
        return false;
    }
    if (conf->channel && !conf->allow_write) {
        snprintf(why, size,
                 "subscribers of \"%.60s\" would get our messages; "
                 "it needs allow_write = true",
                 conf->channel);
        return false;
    }
    *option = "keep_alive";
    if (conf->keep_alive && conf->net.all_addresses) {
        snprintf(why, size, "keep_alive and all_addresses exclude each other");
        return false;
    }
    *option = "client_name";
    if (strpbrk(conf->client_name, " \r\n")) {
        snprintf(why, size, "client_name may have no spaces or line breaks");
        return false;
    }
    return true;
}

static bool validate(const void *arg, const char **option, char *why,
                     size_t size)
{
    const struct redis_conf *conf = arg;
    if (!check_target(conf, option, why, size) ||
        !check_operations(conf, option, why, size) ||
        !check_together(conf, option, why, size))
        return false;
    *option = "command";
    if (conf->command.count && !allow_command(&conf->command, why, size))
        return false;
    return kit_net_validate(&conf->net, option, why, size);
}

static int init(const struct rlv_host *host)
{
    redis_host = host;
    return kit_init(host);
}

RLV_PLUGIN(.name = "redis", .version = RELEVO_VERSION,
           .summary = "Redis and its kin: ping, writes, pub/sub, any reading "
                      "command, INFO, sentinel, cluster",
           RLV_OPTIONS(struct redis_conf, options), RLV_FIELDS(fields),
           .expects = expects, .warn_unless = warn_unless, .init = init,
           .validate = validate, .start = redis_start);

/* redis/allow.c: which commands a check may run.
 *
 * A list of what is safe, not of what is not: servers and modules learn new
 * commands. All of these read, none blocks, and none shows credentials (CONFIG
 * GET does). Pure; called when the configuration is loaded. */
#include "redis/target.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name, *parts; /* NULL: any arguments */
} allowed[] = {
    {"ACL", "WHOAMI"},
    {"BITCOUNT", NULL},
    {"BITPOS", NULL},
    {"CLIENT", "GETNAME|ID|INFO|LIST"},
    {"CLUSTER", "COUNTKEYSINSLOT|INFO|KEYSLOT|LINKS|MYID|NODES|SHARDS|SLOTS"},
    {"DBSIZE", NULL},
    {"ECHO", NULL},
    {"EXISTS", NULL},
    {"EXPIRETIME", NULL},
    {"FUNCTION", "LIST|STATS"},
    {"GET", NULL},
    {"GETBIT", NULL},
    {"GETRANGE", NULL},
    {"HEXISTS", NULL},
    {"HGET", NULL},
    {"HGETALL", NULL},
    {"HKEYS", NULL},
    {"HLEN", NULL},
    {"HMGET", NULL},
    {"HSTRLEN", NULL},
    {"HVALS", NULL},
    {"INFO", NULL},
    {"LASTSAVE", NULL},
    {"LATENCY", "DOCTOR|HISTOGRAM|HISTORY|LATEST"},
    {"LINDEX", NULL},
    {"LLEN", NULL},
    {"LPOS", NULL},
    {"LRANGE", NULL},
    {"MEMORY", "DOCTOR|STATS|USAGE"},
    {"MGET", NULL},
    {"MODULE", "LIST"},
    {"OBJECT", "ENCODING|FREQ|IDLETIME|REFCOUNT"},
    {"PEXPIRETIME", NULL},
    {"PING", NULL},
    {"PTTL", NULL},
    {"PUBSUB", "CHANNELS|NUMPAT|NUMSUB|SHARDCHANNELS|SHARDNUMSUB"},
    {"ROLE", NULL},
    {"SCARD", NULL},
    {"SCRIPT", "EXISTS"},
    {"SENTINEL", "CKQUORUM|GET-MASTER-ADDR-BY-NAME|MASTER|MASTERS|MYID|"
                 "REPLICAS|SENTINELS|SLAVES"},
    {"SISMEMBER", NULL},
    {"SLOWLOG", "GET|LEN"},
    {"SMEMBERS", NULL},
    {"SMISMEMBER", NULL},
    {"STRLEN", NULL},
    {"TIME", NULL},
    {"TTL", NULL},
    {"TYPE", NULL},
    {"XINFO", "CONSUMERS|GROUPS|STREAM"},
    {"XLEN", NULL},
    {"XPENDING", NULL},
    {"XRANGE", NULL},
    {"XREVRANGE", NULL},
    {"ZCARD", NULL},
    {"ZCOUNT", NULL},
    {"ZLEXCOUNT", NULL},
    {"ZMSCORE", NULL},
    {"ZRANGE", NULL},
    {"ZRANGEBYSCORE", NULL},
    {"ZRANK", NULL},
    {"ZREVRANK", NULL},
    {"ZSCORE", NULL},
};

/* Among "A|B|C". */
static bool is_among(const char *word, const char *words)
{
    size_t len = strlen(word);
    for (const char *at = words; *at;) {
        size_t n = strcspn(at, "|");
        if (n == len && !strncasecmp(at, word, n))
            return true;
        at += n + (at[n] == '|');
    }
    return false;
}

bool allow_command(const struct rlv_list *command, char *why, size_t size)
{
    const char *name = command->items[0];
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        if (strcasecmp(allowed[i].name, name) != 0)
            continue;
        if (!allowed[i].parts ||
            (command->count > 1 &&
             is_among(command->items[1], allowed[i].parts)))
            return true;
        snprintf(why, size, "of %s a check may run only %s %s", allowed[i].name,
                 allowed[i].name, allowed[i].parts);
        return false;
    }
    snprintf(why, size,
             "%.64s is not among the commands that a check may run, which only "
             "read (docs/redis.md lists them)%s",
             name,
             strpbrk(name, " \t")
                 ? "; each word is an item of its own: [\"LLEN\", "
                   "\"jobs\"]"
                 : "");
    return false;
}

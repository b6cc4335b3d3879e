/* redis/info.c: the text of INFO, and what it says as typed observations.
 *
 * One table says which field is which line; what needs two lines or more has a
 * function. Called by observe.c. A line that is missing, of another server or
 * version, leaves its field absent. */
#include "redis/info.h"
#include "redis/redis.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND_NS 1000000000ll
#define US_NS     1000ll

/* ------------------------------------------------------------------- lines */

void info_parse(struct info *info, const char *text, size_t len)
{
    const char *end = text + len;
    info->count = 0;
    while (text < end &&
           info->count < sizeof info->lines / sizeof *info->lines) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        const char *next = stop ? stop + 1 : end;
        stop = stop ? stop : end;
        if (stop > text && stop[-1] == '\r')
            stop--;
        const char *colon = memchr(text, ':', (size_t)(stop - text));
        if (colon && colon > text && *text != '#')
            info->lines[info->count++] =
                (struct info_line){text, colon + 1, (size_t)(colon - text),
                                   (size_t)(stop - colon - 1)};
        text = next;
    }
}

const struct info_line *info_find(const struct info *info, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < info->count; i++)
        if (info->lines[i].name_len == len &&
            !memcmp(info->lines[i].name, name, len))
            return &info->lines[i];
    return NULL;
}

/* A whole number and nothing else; of such a size that two can be subtracted.
 */
static bool whole(const char *text, size_t len, int64_t *number)
{
    char copy[24], *end;
    if (!len || len >= sizeof copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    errno = 0;
    *number = strtoll(copy, &end, 10);
    return !*end && !errno && copy[0] != ' ' && *number > -INT64_MAX / 2 &&
           *number < INT64_MAX / 2;
}

static bool real(const struct info_line *line, double *number)
{
    char copy[40], *end;
    size_t len = line->value_len;
    if (!len || len >= sizeof copy)
        return false;
    memcpy(copy, line->value, len);
    copy[len] = '\0';
    if (copy[strspn(copy, "0123456789+-.e")])
        return false;
    *number = strtod(copy, &end);
    return !*end && end > copy;
}

bool info_number(const struct info *info, const char *name, int64_t *number)
{
    const struct info_line *line = info_find(info, name);
    return line && whole(line->value, line->value_len, number);
}

bool info_part(const struct info_line *line, const char *name, int64_t *number)
{
    size_t want = strlen(name);
    const char *at = line->value, *end = at + line->value_len;
    while (at < end) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma ? comma : end;
        if ((size_t)(stop - at) > want && at[want] == '=' &&
            !memcmp(at, name, want))
            return whole(at + want + 1, (size_t)(stop - at) - want - 1, number);
        at = comma ? comma + 1 : end;
    }
    return false;
}

static bool line_is(const struct info *info, const char *name, const char *is)
{
    const struct info_line *line = info_find(info, name);
    return line && line->value_len == strlen(is) &&
           !memcmp(line->value, is, line->value_len);
}

/* ------------------------------------------------------------- replication */

/* The lines "slave0:ip=…,port=…,state=online,offset=70,lag=1" of a primary. */
static const struct info_line *replica_nth(const struct info *info, unsigned n)
{
    char name[24];
    snprintf(name, sizeof name, "slave%u", n);
    return info_find(info, name);
}

static bool is_online(const struct info_line *line)
{
    return memmem(line->value, line->value_len, "state=online", 12) != NULL;
}

/* Of a primary: the replica that is furthest behind. Of a replica: what it has
 * received and not yet applied; how far it is behind its primary it cannot
 * know. */
bool info_lag_bytes(const struct info *info, int64_t *bytes)
{
    int64_t head, at, read;
    if (line_is(info, "role", "slave")) {
        if (!info_number(info, "slave_read_repl_offset", &read) ||
            !info_number(info, "slave_repl_offset", &at))
            return false;
        *bytes = read > at ? read - at : 0;
        return true;
    }
    bool any = false;
    if (!info_number(info, "master_repl_offset", &head))
        return false;
    const struct info_line *line;
    for (unsigned i = 0; (line = replica_nth(info, i)); i++) {
        if (!info_part(line, "offset", &at))
            continue;
        int64_t behind = head > at ? head - at : 0;
        *bytes = any && *bytes > behind ? *bytes : behind;
        any = true;
    }
    return any;
}

/* Since the replica was last heard of; of a replica: its primary. */
bool info_lag_s(const struct info *info, int64_t *seconds)
{
    if (line_is(info, "role", "slave"))
        return info_number(info, "master_last_io_seconds_ago", seconds) &&
               *seconds >= 0;
    bool any = false;
    int64_t lag;
    const struct info_line *line;
    for (unsigned i = 0; (line = replica_nth(info, i)); i++) {
        if (!info_part(line, "lag", &lag) || lag < 0)
            continue;
        *seconds = any && *seconds > lag ? *seconds : lag;
        any = true;
    }
    return any;
}

/* Redis counts them by itself only where min-replicas-to-write asks for it. */
bool info_good_replicas(const struct info *info, int64_t *count)
{
    if (info_number(info, "min_slaves_good_slaves", count))
        return true;
    if (!info_find(info, "connected_slaves"))
        return false;
    const struct info_line *line;
    *count = 0;
    for (unsigned i = 0; (line = replica_nth(info, i)); i++)
        *count += is_online(line);
    return true;
}

/* ------------------------------------------------------------- observation */

enum as { AS_TEXT, AS_INT, AS_SIZE, AS_SECONDS, AS_MICROS, AS_BOOL, AS_REAL };

struct row {
    enum redis_field field;
    const char *name;
    enum as as;
};

// clang-format off
static const struct row rows[] = {
    {FIELD_ROLE,               "role",                          AS_TEXT},
    {FIELD_LINK,               "master_link_status",            AS_TEXT},
    {FIELD_LINK_DOWN,          "master_link_down_since_seconds", AS_SECONDS},
    {FIELD_SYNC_IN_PROGRESS,   "master_sync_in_progress",       AS_BOOL},
    {FIELD_REPLICAS,           "connected_slaves",              AS_INT},
    {FIELD_USED_MEMORY,        "used_memory",                   AS_SIZE},
    {FIELD_MEMORY_POLICY,      "maxmemory_policy",              AS_TEXT},
    {FIELD_FRAGMENTATION,      "mem_fragmentation_ratio",       AS_REAL},
    {FIELD_EVICTED,            "evicted_keys",                  AS_INT},
    {FIELD_EXPIRED,            "expired_keys",                  AS_INT},
    {FIELD_REJECTED,           "rejected_connections",          AS_INT},
    {FIELD_LOADING,            "loading",                       AS_BOOL},
    {FIELD_BGSAVE_STATUS,      "rdb_last_bgsave_status",        AS_TEXT},
    {FIELD_CHANGES,            "rdb_changes_since_last_save",   AS_INT},
    {FIELD_FORK,               "latest_fork_usec",              AS_MICROS},
    {FIELD_CONNECTED,          "connected_clients",             AS_INT},
    {FIELD_BLOCKED,            "blocked_clients",               AS_INT},
    {FIELD_COMMANDS,           "total_commands_processed",      AS_INT},
    {FIELD_ERRORS,             "total_error_replies",           AS_INT},
    {FIELD_OPS,                "instantaneous_ops_per_sec",     AS_INT},
    {FIELD_VERSION,            "redis_version",                 AS_TEXT},
    {FIELD_MODE,               "redis_mode",                    AS_TEXT},
    {FIELD_UPTIME,             "uptime_in_seconds",             AS_SECONDS},
    {FIELD_RUN_ID,             "run_id",                        AS_TEXT},
};

static const struct row aof_rows[] = {
    {FIELD_AOF_WRITE_STATUS,   "aof_last_write_status",         AS_TEXT},
    {FIELD_AOF_REWRITE_STATUS, "aof_last_bgrewrite_status",     AS_TEXT},
};

static const struct row cluster_rows[] = {
    {FIELD_CLUSTER_STATE,      "cluster_state",                 AS_TEXT},
    {FIELD_SLOTS_ASSIGNED,     "cluster_slots_assigned",        AS_INT},
    {FIELD_SLOTS_OK,           "cluster_slots_ok",              AS_INT},
    {FIELD_SLOTS_FAIL,         "cluster_slots_fail",            AS_INT},
    {FIELD_NODES,              "cluster_known_nodes",           AS_INT},
};
// clang-format on

static bool value_as(const struct info_line *line, enum as as,
                     struct rlv_value *value)
{
    int64_t n = 0;
    double d;
    if (as == AS_TEXT) {
        *value = rlv_text_n(line->value, line->value_len);
        return line->value_len > 0;
    }
    if (as == AS_REAL) {
        if (!real(line, &d))
            return false;
        *value = rlv_real(d);
        return true;
    }
    if (!whole(line->value, line->value_len, &n))
        return false;
    switch (as) {
    case AS_SIZE: *value = rlv_size(n); break;
    case AS_BOOL: *value = rlv_bool(n != 0); break;
    case AS_SECONDS:
    case AS_MICROS: /* -1: not known */
        if (n < 0 || n > INT64_MAX / SECOND_NS)
            return false;
        *value = rlv_duration(n * (as == AS_SECONDS ? SECOND_NS : US_NS));
        break;
    default: *value = rlv_int(n);
    }
    return true;
}

static void observe_rows(struct rlv_probe *probe, const struct info *info,
                         const struct row *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct info_line *line = info_find(info, all[i].name);
        struct rlv_value value;
        if (line && value_as(line, all[i].as, &value))
            redis_host->observe(probe, all[i].field, value);
    }
}
#define OBSERVE_ROWS(probe, info, all) \
    observe_rows(probe, info, all, sizeof(all) / sizeof *(all))

/* part of whole in percent; absent where there is no whole: no limit set. */
static void observe_share(struct rlv_probe *probe, enum redis_field field,
                          const struct info *info, const char *part,
                          const char *limit)
{
    int64_t n, max;
    if (info_number(info, part, &n) && info_number(info, limit, &max) &&
        max > 0)
        redis_host->observe(probe, field,
                            rlv_real(100.0 * (double)n / (double)max));
}

static void observe_replication(struct rlv_probe *probe,
                                const struct info *info)
{
    int64_t n;
    if (info_good_replicas(info, &n))
        redis_host->observe(probe, FIELD_GOOD_REPLICAS, rlv_int(n));
    if (info_lag_bytes(info, &n))
        redis_host->observe(probe, FIELD_LAG_BYTES, rlv_size(n));
    if (info_lag_s(info, &n) && n < INT64_MAX / SECOND_NS)
        redis_host->observe(probe, FIELD_LAG, rlv_duration(n * SECOND_NS));
}

/* By the server's own clock where it tells it. */
static void observe_save_age(struct rlv_probe *probe, const struct info *info)
{
    int64_t saved_s, now_us, now_s = (int64_t)time(NULL), age_s;
    if (info_number(info, "server_time_usec", &now_us))
        now_s = now_us / 1000000;
    if (info_number(info, "rdb_last_save_time", &saved_s) && saved_s > 0 &&
        (age_s = now_s - saved_s) >= 0 && age_s < INT64_MAX / SECOND_NS)
        redis_host->observe(probe, FIELD_SAVE_AGE,
                            rlv_duration(age_s * SECOND_NS));
}

static void observe_hit_ratio(struct rlv_probe *probe, const struct info *info)
{
    int64_t hits, misses;
    if (info_number(info, "keyspace_hits", &hits) &&
        info_number(info, "keyspace_misses", &misses) && hits >= 0 &&
        misses >= 0 && (hits || misses))
        redis_host->observe(
            probe, FIELD_HIT_RATIO,
            rlv_real(100.0 * (double)hits / ((double)hits + (double)misses)));
}

/* Lines "db0:keys=3,expires=0,avg_ttl=0"; an empty database has none. */
static void observe_keyspace(struct rlv_probe *probe, const struct info *info,
                             int64_t db)
{
    char own[24], name[24];
    int64_t keys = 0, n;
    snprintf(own, sizeof own, "db%lld", (long long)db);
    for (size_t i = 0; i < info->count; i++) {
        const struct info_line *line = &info->lines[i];
        if (line->name_len < 3 || line->name_len >= sizeof name ||
            memcmp(line->name, "db", 2) != 0 || !info_part(line, "keys", &n))
            continue;
        memcpy(name, line->name, line->name_len);
        name[line->name_len] = '\0';
        redis_host->observe_key(probe, FIELD_KEYSPACE, name, rlv_int(n));
        if (strcmp(name, own) == 0)
            keys = n;
    }
    if (info_find(info, "keyspace_hits")) /* it is no sentinel */
        redis_host->observe(probe, FIELD_KEYS, rlv_int(keys));
}

/* Any line by its name: info('used_memory_rss'). */
static void observe_all(struct rlv_probe *probe, const struct info *info)
{
    char name[64];
    for (size_t i = 0; i < info->count; i++) {
        const struct info_line *line = &info->lines[i];
        struct rlv_value value = rlv_text_n(line->value, line->value_len);
        if (line->name_len >= sizeof name)
            continue;
        memcpy(name, line->name, line->name_len);
        name[line->name_len] = '\0';
        if (!value_as(line, AS_INT, &value))
            value_as(line, AS_REAL, &value);
        redis_host->observe_key(probe, FIELD_INFO, name, value);
    }
}

void info_observe(struct rlv_probe *probe, const struct info *info, int64_t db)
{
    OBSERVE_ROWS(probe, info, rows);
    if (line_is(info, "aof_enabled", "1"))
        OBSERVE_ROWS(probe, info, aof_rows);
    observe_share(probe, FIELD_MEMORY, info, "used_memory", "maxmemory");
    observe_share(probe, FIELD_CLIENTS, info, "connected_clients",
                  "maxclients");
    observe_replication(probe, info);
    observe_save_age(probe, info);
    observe_hit_ratio(probe, info);
    observe_keyspace(probe, info, db);
    if (redis_host->wants(probe, FIELD_INFO))
        observe_all(probe, info);
}

/* Zeros say little, and half of all lines are such. */
size_t info_text(const struct info *info, char *text, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < info->count; i++) {
        const struct info_line *line = &info->lines[i];
        size_t n = (size_t)(line->value + line->value_len - line->name);
        bool zero = line->value_len == 1 && *line->value == '0';
        if (zero || n + 1 > size - len)
            continue;
        memcpy(text + len, line->name, n);
        text[len + n] = '\n';
        len += n + 1;
    }
    return len;
}

void info_observe_cluster(struct rlv_probe *probe, const struct info *info)
{
    OBSERVE_ROWS(probe, info, cluster_rows);
}

/* tests/unit/test_redis_info.c: what an INFO says, as typed observations; of
 * a primary, a replica, a sentinel, a cluster node, and of texts that are
 * none. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis/info.h"
#include "redis/redis.h"

#define FIELDS (FIELD_TLS + KIT_FACT_COUNT)

static struct rlv_value seen[FIELDS]; /* type 0: not observed */
static char keyed[64][64];            /* "keyspace db0 3" */
static size_t keyed_count;
static bool wants_all;

static void observe(struct rlv_probe *probe, unsigned field,
                    struct rlv_value value)
{
    (void)probe;
    assert_in_range(field, 0, FIELDS - 1);
    seen[field] = value;
}

static void observe_key(struct rlv_probe *probe, unsigned field,
                        const char *key, struct rlv_value value)
{
    (void)probe;
    assert_true(keyed_count < 64);
    if (value.type == RLV_T_INT)
        snprintf(keyed[keyed_count++], 64, "%u %s %lld", field, key,
                 (long long)value.as.i);
    else if (value.type == RLV_T_REAL)
        snprintf(keyed[keyed_count++], 64, "%u %s %g", field, key, value.as.d);
    else
        snprintf(keyed[keyed_count++], 64, "%u %s %.*s", field, key,
                 (int)value.len, value.as.s);
}

static bool wants(const struct rlv_probe *probe, unsigned field)
{
    (void)probe;
    return wants_all || field != FIELD_INFO;
}

static const struct rlv_host host = {
    .observe = observe, .observe_key = observe_key, .wants = wants};

/* From memory of exactly its size, without a NUL at its end. */
static void info(const char *text, bool cluster)
{
    static struct info lines;
    size_t len = strlen(text);
    char *copy = malloc(len + 1);
    memcpy(copy, text, len);
    copy = realloc(copy, len ? len : 1);
    redis_host = &host;
    memset(seen, 0, sizeof seen);
    keyed_count = 0;
    info_parse(&lines, copy, len);
    if (cluster)
        info_observe_cluster(NULL, &lines);
    else
        info_observe(NULL, &lines, 3);
    free(copy);
}

static void is_int(enum redis_field field, enum rlv_type type, int64_t n)
{
    if (seen[field].type != (uint32_t)type || seen[field].as.i != n)
        fail_msg("field %d: type %u value %lld, wanted %d %lld", field,
                 seen[field].type, (long long)seen[field].as.i, type,
                 (long long)n);
}

static void is_share(enum redis_field field, double wanted)
{
    assert_int_equal(seen[field].type, RLV_T_REAL);
    assert_true(seen[field].as.d > wanted - 0.01 &&
                seen[field].as.d < wanted + 0.01);
}

static void is_absent(enum redis_field field)
{
    if (seen[field].type)
        fail_msg("field %d is observed: %lld", field,
                 (long long)seen[field].as.i);
}

static bool has_key(const char *text)
{
    for (size_t i = 0; i < keyed_count; i++)
        if (strcmp(strchr(keyed[i], ' ') + 1, text) == 0)
            return true;
    return false;
}

#define S 1000000000ll

static void of_a_primary(void **state)
{
    (void)state;
    info("# Server\r\nredis_version:7.0.15\r\nuptime_in_seconds:90\r\n"
         "server_time_usec:2000000000\r\n# Clients\r\nconnected_clients:5\r\n"
         "maxclients:10\r\nblocked_clients:2\r\n# Memory\r\nused_memory:250\r\n"
         "maxmemory:1000\r\nmem_fragmentation_ratio:1.25\r\n"
         "rdb_last_save_time:1940\r\nrdb_last_bgsave_status:ok\r\n"
         "aof_enabled:0\r\naof_last_write_status:ok\r\n"
         "evicted_keys:7\r\nkeyspace_hits:3\r\nkeyspace_misses:1\r\n"
         "latest_fork_usec:1500\r\nloading:0\r\n"
         "role:master\r\nconnected_slaves:2\r\n"
         "slave0:ip=::1,port=1,state=online,offset=70,lag=1\r\n"
         "slave1:ip=::1,port=2,state=wait_bgsave,offset=10,lag=4\r\n"
         "master_repl_offset:100\r\n# Keyspace\r\n"
         "db0:keys=1,expires=0,avg_ttl=0\r\ndb3:keys=8,expires=1,avg_ttl=0\r\n",
         false);
    is_int(FIELD_UPTIME, RLV_T_DURATION, 90 * S);
    is_int(FIELD_SAVE_AGE, RLV_T_DURATION, 60 * S);
    is_int(FIELD_USED_MEMORY, RLV_T_SIZE, 250);
    is_int(FIELD_EVICTED, RLV_T_INT, 7);
    is_int(FIELD_FORK, RLV_T_DURATION, 1500000);
    is_int(FIELD_LOADING, RLV_T_BOOL, 0);
    is_int(FIELD_REPLICAS, RLV_T_INT, 2);
    is_int(FIELD_GOOD_REPLICAS, RLV_T_INT, 1);
    is_int(FIELD_LAG_BYTES, RLV_T_SIZE, 90);
    is_int(FIELD_LAG, RLV_T_DURATION, 4 * S);
    is_int(FIELD_KEYS, RLV_T_INT, 8);
    is_share(FIELD_MEMORY, 25.0);
    is_share(FIELD_CLIENTS, 50.0);
    is_share(FIELD_HIT_RATIO, 75.0);
    is_absent(FIELD_LINK);
    is_absent(FIELD_AOF_WRITE_STATUS); /* it is off */
    assert_true(has_key("db0 1") && has_key("db3 8"));
    assert_int_equal(keyed_count, 2);
}

static void of_a_replica(void **state)
{
    (void)state;
    info("role:slave\r\nmaster_link_status:down\r\n"
         "master_link_down_since_seconds:12\r\nmaster_sync_in_progress:1\r\n"
         "master_last_io_seconds_ago:-1\r\nslave_read_repl_offset:90\r\n"
         "slave_repl_offset:70\r\nconnected_slaves:0\r\n"
         "master_repl_offset:70\r\naof_enabled:1\r\n"
         "aof_last_write_status:err\r\nmin_slaves_good_slaves:0\r\n",
         false);
    is_int(FIELD_LINK_DOWN, RLV_T_DURATION, 12 * S);
    is_int(FIELD_SYNC_IN_PROGRESS, RLV_T_BOOL, 1);
    is_int(FIELD_LAG_BYTES, RLV_T_SIZE, 20);
    is_int(FIELD_GOOD_REPLICAS, RLV_T_INT, 0);
    is_absent(FIELD_LAG); /* it was never heard of */
    assert_int_equal(seen[FIELD_AOF_WRITE_STATUS].type, RLV_T_TEXT);
}

static void without_limits_there_are_no_shares(void **state)
{
    (void)state;
    info("used_memory:5\r\nmaxmemory:0\r\nconnected_clients:1\r\n"
         "role:master\r\nkeyspace_hits:0\r\nkeyspace_misses:0\r\n"
         "master_repl_offset:5\r\n",
         false);
    is_absent(FIELD_MEMORY);
    is_absent(FIELD_CLIENTS);
    is_absent(FIELD_HIT_RATIO);
    is_absent(FIELD_LAG_BYTES); /* nobody to be behind */
    is_int(FIELD_KEYS, RLV_T_INT, 0);
}

/* A server may say anything: nothing of it overflows. */
static void numbers_too_large_are_none(void **state)
{
    (void)state;
    info("server_time_usec:4000000000000000000\r\nrdb_last_save_time:1\r\n"
         "uptime_in_seconds:9223372036854775807\r\nrole:master\r\n"
         "connected_slaves:1\r\n"
         "slave0:ip=::1,port=1,state=online,offset=-9223372036854775808,"
         "lag=4000000000000000000\r\n"
         "master_repl_offset:4611686018427387903\r\n",
         false);
    is_absent(FIELD_SAVE_AGE);
    is_absent(FIELD_UPTIME);
    is_absent(FIELD_LAG_BYTES);
    is_absent(FIELD_LAG);
}

static void of_a_sentinel(void **state)
{
    (void)state;
    info(
        "redis_mode:sentinel\r\n# Sentinel\r\nsentinel_masters:1\r\n"
        "master0:name=m,status=ok,address=127.0.0.1:1,slaves=1,sentinels=3\r\n",
        false);
    is_absent(FIELD_KEYS);
    is_absent(FIELD_ROLE);
    is_absent(FIELD_GOOD_REPLICAS);
}

static void of_a_cluster(void **state)
{
    (void)state;
    info("cluster_state:ok\r\ncluster_slots_assigned:16384\r\n"
         "cluster_slots_fail:0\r\ncluster_known_nodes:3\r\n",
         true);
    is_int(FIELD_SLOTS_ASSIGNED, RLV_T_INT, 16384);
    is_int(FIELD_SLOTS_FAIL, RLV_T_INT, 0);
    is_int(FIELD_NODES, RLV_T_INT, 3);
}

static void any_line_by_its_name(void **state)
{
    (void)state;
    wants_all = true;
    info("redis_version:7.0.15\r\nused_memory_rss:12\r\nratio:1.50\r\n"
         "errorstat_MISCONF:count=3\r\n",
         false);
    wants_all = false;
    assert_true(has_key("redis_version 7.0.15"));
    assert_true(has_key("used_memory_rss 12"));
    assert_true(has_key("ratio 1.5"));
    assert_true(has_key("errorstat_MISCONF count=3"));
}

static void nonsense_is_absent(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        ":",
        "\r\n\r\n",
        "role",
        "used_memory:\r\nmaxmemory:abc\r\nuptime_in_seconds:-5\r\n",
        "uptime_in_seconds:99999999999999999999999\r\n",
        "uptime_in_seconds:9223372036854775807\r\nused_memory: 5\r\n",
        "slave0:offset=,lag=\r\nmaster_repl_offset:x\r\n",
        "db:keys=1\r\ndb0:keys=\r\ndb0000000000000000000000000000:keys=1\r\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        info(texts[i], false);
        for (int field = 0; field < FIELDS; field++)
            if (seen[field].type)
                fail_msg("\"%s\": field %d is observed", texts[i], field);
        assert_int_equal(keyed_count, 0);
    }
}

static void as_evidence(void **state)
{
    (void)state;
    static struct info lines;
    static const char text[] = "# Stats\r\na:1\r\nb:0\r\n\r\nc:xyz\r\nd:00";
    char kept[16];
    info_parse(&lines, text, sizeof text - 1);
    size_t n = info_text(&lines, kept, sizeof kept);
    assert_int_equal(n, 15);
    assert_memory_equal(kept, "a:1\nc:xyz\nd:00\n", n);
    n = info_text(&lines, kept, 9); /* what does not fit is left out */
    assert_int_equal(n, 9);
    assert_memory_equal(kept, "a:1\nd:00\n", n);
}

static void too_many_lines_are_cut(void **state)
{
    (void)state;
    static char text[16 * 1024];
    size_t len = 0;
    for (int i = 0; i < 1000; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "a%d:1\n", i);
    snprintf(text + len, sizeof text - len, "used_memory:5\n");
    info(text, false);
    is_absent(FIELD_USED_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_primary),
        cmocka_unit_test(of_a_replica),
        cmocka_unit_test(without_limits_there_are_no_shares),
        cmocka_unit_test(numbers_too_large_are_none),
        cmocka_unit_test(of_a_sentinel),
        cmocka_unit_test(of_a_cluster),
        cmocka_unit_test(any_line_by_its_name),
        cmocka_unit_test(nonsense_is_absent),
        cmocka_unit_test(as_evidence),
        cmocka_unit_test(too_many_lines_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* redis/operation.c: the operations that need one connection and no more than
 * a few commands: ping, setget, command, time; and the table of all.
 *
 * Each begins by sending a command and ends with run_next(); the functions in
 * between take the replies. Called by run.c and, with replies, by session.c. */
#include "redis/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct operation operations[] = {
    {"ping", operation_ping},       {"setget", operation_setget},
    {"pubsub", operation_pubsub},   {"publish", operation_publish},
    {"info", operation_info},       {"command", operation_command},
    {"time", operation_time},       {"sentinel", operation_sentinel},
    {"cluster", operation_cluster},
};

const struct operation *operation_find(const char *name)
{
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (strcmp(operations[i].name, name) == 0)
            return &operations[i];
    return NULL;
}

bool operation_listed(const struct redis_conf *conf, const char *name)
{
    for (size_t i = 0; i < conf->operations.count; i++)
        if (strcmp(conf->operations.items[i], name) == 0)
            return true;
    return false;
}

/* What is listed; then `command`, which need not be; else ping. */
const struct operation *operation_nth(const struct redis_conf *conf, size_t n)
{
    size_t listed = conf->operations.count;
    if (n < listed)
        return operation_find(conf->operations.items[n]);
    bool command = conf->command.count && !operation_listed(conf, "command");
    if (n > listed || (listed && !command))
        return NULL;
    return operation_find(command ? "command" : "ping");
}

static int64_t since(int64_t start_ns) { return redis_host->now() - start_ns; }

/* -------------------------------------------------------------------- ping */

static int by_size(const void *a, const void *b)
{
    int64_t one = *(const int64_t *)a, other = *(const int64_t *)b;
    return (one > other) - (one < other);
}

static void ping(struct run *run);

static void on_pong(struct run *run, const redisReply *reply)
{
    if (!run_accepts(run, reply, "PING"))
        return;
    if (!reply_is(reply, "PONG")) {
        run_misfit(run, reply, "PING");
        return;
    }
    run->ping_ns[run->pings++] = since(run->sent_ns);
    if (run->address) {
        run_next(run, -1);
    } else if (run->pings < run->conf->pings) {
        ping(run);
    } else {
        qsort(run->ping_ns, run->pings, sizeof *run->ping_ns, by_size);
        int64_t median_ns = run->ping_ns[run->pings / 2];
        redis_host->observe(run->probe, FIELD_PING, rlv_duration(median_ns));
        redis_host->observe(run->probe, FIELD_PING_MIN,
                            rlv_duration(run->ping_ns[0]));
        run_next(run, median_ns);
    }
}

static void ping(struct run *run)
{
    run->sent_ns = redis_host->now();
    SESSION_COMMAND(run->main, "PING", on_pong, "PING");
}

void operation_ping(struct run *run)
{
    run->pings = 0;
    ping(run);
}

/* ------------------------------------------------------------------ setget */

static void on_deleted(struct run *run, const redisReply *reply)
{
    if (!run_accepts(run, reply, "DEL"))
        return;
    if (reply->type != REDIS_REPLY_INTEGER) {
        run_misfit(run, reply, "DEL");
        return;
    }
    int64_t took_ns = since(run->sent_ns);
    redis_host->observe(run->probe, FIELD_SETGET, rlv_duration(took_ns));
    run_next(run, took_ns);
}

static void on_got(struct run *run, const redisReply *reply)
{
    if (!run_accepts(run, reply, "GET"))
        return;
    if (!reply_is(reply, run->nonce)) {
        run_fault(run, RLV_F_PROTOCOL, "value",
                  "%s answered GET with %s, not with what SET had stored",
                  kit_stream_peer(run->main->stream), reply_type(reply));
        return;
    }
    SESSION_COMMAND(run->main, "DEL", on_deleted, "DEL", run->key);
}

static void on_set(struct run *run, const redisReply *reply)
{
    if (!run_accepts(run, reply, "SET"))
        return;
    if (reply_is(reply, "OK"))
        SESSION_COMMAND(run->main, "GET", on_got, "GET", run->key);
    else
        run_misfit(run, reply, "SET");
}

/* NX: a key that is somebody else's is never touched, however unlikely. If the
 * probe ends before DEL, the key ends by itself. */
void operation_setget(struct run *run)
{
    char ttl_ms[24];
    run->key = run_text(run, run->conf->key_prefix, run->nonce);
    snprintf(ttl_ms, sizeof ttl_ms, "%lld",
             (long long)(run->conf->ttl_ns / 1000000));
    redis_host->effects(run->probe);
    SESSION_COMMAND(run->main, "SET", on_set, "SET", run->key, run->nonce, "NX",
                    "PX", ttl_ms);
}

/* ----------------------------------------------------------------- command */

static void observe_item(struct run *run, const char *key,
                         const redisReply *item)
{
    struct rlv_value value;
    if (item->type == REDIS_REPLY_INTEGER)
        value = rlv_int(item->integer);
    else if (item->type == REDIS_REPLY_STRING ||
             item->type == REDIS_REPLY_STATUS)
        value = rlv_text_n(item->str, item->len);
    else
        return;
    redis_host->observe_key(run->probe, FIELD_ITEM, key, value);
}

/* An array of names and values by turns, as HGETALL and XINFO give. */
static bool is_pairs(const redisReply *array)
{
    for (size_t i = 0; i < array->elements; i += 2)
        if (array->element[i]->type != REDIS_REPLY_STRING ||
            array->element[i]->len > 64)
            return false;
    return array->elements && array->elements % 2 == 0;
}

/* item('0'), item('2.1'), item('0.pending'); depth bounds the keys' length. */
static void observe_items(struct run *run, const redisReply *array,
                          const char *path, unsigned depth)
{
    bool pairs = is_pairs(array);
    char key[256];
    for (size_t i = 0; i < array->elements && i < 256; i++) {
        const redisReply *item = array->element[i];
        snprintf(key, sizeof key, "%s%s%zu", path, *path ? "." : "", i);
        observe_item(run, key, item);
        if (item->type == REDIS_REPLY_ARRAY && depth < 3)
            observe_items(run, item, key, depth + 1);
        if (!pairs || i % 2 == 0)
            continue;
        const redisReply *name = array->element[i - 1];
        snprintf(key, sizeof key, "%s%s%.*s", path, *path ? "." : "",
                 (int)name->len, name->str);
        observe_item(run, key, item);
    }
}

/* A counter that is kept as a text: "42". */
static bool number_of(const redisReply *reply, int64_t *number)
{
    char *end;
    if (reply->type != REDIS_REPLY_STRING || !reply->len || reply->len > 20 ||
        strspn(reply->str, "-0123456789") != reply->len)
        return false;
    errno = 0;
    *number = strtoll(reply->str, &end, 10);
    return !*end && !errno;
}

static void observe_reply(struct run *run, const redisReply *reply)
{
    int64_t number = reply->integer;
    struct rlv_probe *probe = run->probe;
    bool text = reply->type != REDIS_REPLY_INTEGER &&
                reply->type != REDIS_REPLY_ARRAY &&
                reply->type != REDIS_REPLY_NIL;
    redis_host->observe(probe, FIELD_REPLY_TYPE, rlv_text(reply_type(reply)));
    redis_host->observe(probe, FIELD_REPLY_NIL,
                        rlv_bool(reply->type == REDIS_REPLY_NIL));
    if (reply->type == REDIS_REPLY_INTEGER)
        redis_host->observe(probe, FIELD_REPLY, rlv_int(number));
    if (reply->type == REDIS_REPLY_INTEGER || number_of(reply, &number))
        redis_host->observe(probe, FIELD_NUMBER, rlv_int(number));
    if (reply->type == REDIS_REPLY_ARRAY) {
        redis_host->observe(probe, FIELD_REPLY_LENGTH,
                            rlv_int((int64_t)reply->elements));
        if (redis_host->wants(probe, FIELD_ITEM))
            observe_items(run, reply, "", 0);
    }
    if (!text)
        return;
    redis_host->observe(probe, FIELD_REPLY, rlv_text_n(reply->str, reply->len));
    redis_host->observe(probe, FIELD_REPLY_LENGTH,
                        rlv_int((int64_t)reply->len));
    redis_host->evidence(probe, "reply", reply->str, reply->len);
}

/* An error is what the command came to, and judged like any other reply; a
 * default line of the plugin says that it is not good. */
static void on_reply(struct run *run, const redisReply *reply)
{
    int64_t took_ns = since(run->sent_ns);
    if (reply->type == REDIS_REPLY_ERROR) {
        struct verdict verdict = verdict_of(reply);
        redis_host->hint(
            run->probe, verdict.fault, verdict.code, "%s answered %s: %.*s",
            kit_stream_peer(run->main->stream), run->conf->command.items[0],
            (int)error_shown(reply), reply->str);
    }
    observe_reply(run, reply);
    run_next(run, took_ns);
}

void operation_command(struct run *run)
{
    session_command(run->main, run->conf->command.items[0], on_reply,
                    run->conf->command.count, run->conf->command.items);
}

/* -------------------------------------------------------------------- time */

static bool time_part(const redisReply *reply, size_t i, int64_t *value)
{
    const redisReply *part = reply->element[i];
    if (part->type != REDIS_REPLY_STRING || !part->len || part->len > 15 ||
        strspn(part->str, "0123456789") != part->len)
        return false;
    *value = strtoll(part->str, NULL, 10);
    return true;
}

/* The server looked at its clock about half way between question and answer. */
static void on_time(struct run *run, const redisReply *reply)
{
    int64_t took_ns = since(run->sent_ns), s, us;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (!run_tolerates(run, reply, "TIME")) {
        run_next(run, -1);
        return;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        !time_part(reply, 0, &s) || !time_part(reply, 1, &us) ||
        s > INT32_MAX * 4ll) {
        run_misfit(run, reply, "TIME");
        return;
    }
    int64_t theirs_ns = s * 1000000000ll + us * 1000;
    int64_t ours_ns = now.tv_sec * 1000000000ll + now.tv_nsec - took_ns / 2;
    redis_host->observe(run->probe, FIELD_CLOCK_SKEW,
                        rlv_duration(theirs_ns - ours_ns));
    run_next(run, took_ns);
}

void operation_time(struct run *run)
{
    SESSION_COMMAND(run->main, "TIME", on_time, "TIME");
}

/* redis/observe.c: the operations that ask a server about itself: info,
 * sentinel, cluster.
 *
 * Their commands are sent together; the operation is done when all replies are
 * there. Managed servers refuse some of these: what they would have shown is
 * then absent, and the check is not red for it. Called by run.c and, with
 * replies, by session.c. */
#include "redis/info.h"
#include "redis/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One reply of the operation is in; the last ends it. */
static void arrived(struct run *run)
{
    if (!--run->awaited)
        run_next(run, run->observed ? redis_host->now() - run->sent_ns : -1);
}

/* False: nothing to be read out of it. */
static bool is_text(struct run *run, const redisReply *reply, const char *name)
{
    if (!run_tolerates(run, reply, name))
        return false;
    if (reply->type == REDIS_REPLY_STRING)
        return true;
    run_misfit(run, reply, name);
    return false;
}

/* Kept with a failing result. */
static void keep_text(struct run *run, const char *label,
                      const struct info *info)
{
    char text[4096];
    redis_host->evidence(run->probe, label, text,
                         info_text(info, text, sizeof text));
}

/* -------------------------------------------------------------------- info */

/* A server that was started anew has another run_id, even if nobody saw it
 * being away. Nothing is said about it the first time. */
static void observe_restart(struct run *run, const struct info *info)
{
    const struct info_line *line = info_find(info, "run_id");
    struct kept *kept = run_kept(run);
    if (!line || !line->value_len || line->value_len >= sizeof kept->run_id)
        return;
    bool same = strlen(kept->run_id) == line->value_len &&
                !memcmp(kept->run_id, line->value, line->value_len);
    if (*kept->run_id)
        redis_host->observe(run->probe, FIELD_RESTARTED, rlv_bool(!same));
    memcpy(kept->run_id, line->value, line->value_len);
    kept->run_id[line->value_len] = '\0';
}

static void on_info(struct run *run, const redisReply *reply)
{
    static struct info info; /* 16 KiB; one thread */
    if (is_text(run, reply, "INFO")) {
        info_parse(&info, reply->str, reply->len);
        info_observe(run->probe, &info, run->target.db);
        observe_restart(run, &info);
        keep_text(run, "info", &info);
        run->observed = true;
    }
    arrived(run);
}

static void on_slowlog_len(struct run *run, const redisReply *reply)
{
    if (run_tolerates(run, reply, "SLOWLOG LEN")) {
        if (reply->type == REDIS_REPLY_INTEGER)
            redis_host->observe(run->probe, FIELD_SLOWLOG,
                                rlv_int(reply->integer));
        else
            run_misfit(run, reply, "SLOWLOG LEN");
    }
    arrived(run);
}

/* Its entries are numbered from 0 since the start: the newest one's number
 * counts them also where old ones have left the log. */
static void on_slowlog_get(struct run *run, const redisReply *reply)
{
    if (run_tolerates(run, reply, "SLOWLOG GET")) {
        const redisReply *entry =
            reply->type == REDIS_REPLY_ARRAY && reply->elements
                ? reply->element[0]
                : NULL;
        if (reply->type != REDIS_REPLY_ARRAY)
            run_misfit(run, reply, "SLOWLOG GET");
        else if (!entry)
            redis_host->observe(run->probe, FIELD_SLOW_COMMANDS, rlv_int(0));
        else if (entry->type == REDIS_REPLY_ARRAY && entry->elements &&
                 entry->element[0]->type == REDIS_REPLY_INTEGER)
            redis_host->observe(run->probe, FIELD_SLOW_COMMANDS,
                                rlv_int(entry->element[0]->integer + 1));
    }
    arrived(run);
}

void operation_info(struct run *run)
{
    run->awaited = 1;
    SESSION_COMMAND(run->main, "INFO", on_info, "INFO");
    if (redis_host->wants(run->probe, FIELD_SLOWLOG)) {
        run->awaited++;
        SESSION_COMMAND(run->main, "SLOWLOG LEN", on_slowlog_len, "SLOWLOG",
                        "LEN");
    }
    if (redis_host->wants(run->probe, FIELD_SLOW_COMMANDS)) {
        run->awaited++;
        SESSION_COMMAND(run->main, "SLOWLOG GET", on_slowlog_get, "SLOWLOG",
                        "GET", "1");
    }
}

/* ---------------------------------------------------------------- sentinel */

/* NOQUORUM is what the command is there to tell: observed, and judged by the
 * line `quorum`. */
static void on_quorum(struct run *run, const redisReply *reply)
{
    bool lacks = reply->type == REDIS_REPLY_ERROR &&
                 strcmp(verdict_of(reply).code, "NOQUORUM") == 0;
    if (lacks)
        redis_host->hint(run->probe, RLV_F_ERROR_RESPONSE, "NOQUORUM", "%.*s",
                         (int)error_shown(reply), reply->str);
    if (lacks || run_tolerates(run, reply, "SENTINEL CKQUORUM")) {
        redis_host->observe(run->probe, FIELD_QUORUM, rlv_bool(!lacks));
        run->observed = true;
    }
    arrived(run);
}

static void observe_master(struct run *run, const char *name,
                           const redisReply *value)
{
    int64_t n = strtol(value->str, NULL, 10); /* 0 where it is no number */
    if (strcmp(name, "num-other-sentinels") == 0) {
        redis_host->observe(run->probe, FIELD_SENTINELS, rlv_int(n + 1));
    } else if (strcmp(name, "num-slaves") == 0) {
        redis_host->observe(run->probe, FIELD_MASTER_REPLICAS, rlv_int(n));
    } else if (strcmp(name, "flags") == 0) {
        bool down = memmem(value->str, value->len, "s_down", 6) ||
                    memmem(value->str, value->len, "o_down", 6);
        redis_host->observe(run->probe, FIELD_MASTER_FLAGS,
                            rlv_text_n(value->str, value->len));
        redis_host->observe(run->probe, FIELD_MASTER_DOWN, rlv_bool(down));
    }
}

/* Names and values by turns. */
static void on_master(struct run *run, const redisReply *reply)
{
    if (run_tolerates(run, reply, "SENTINEL MASTER")) {
        for (size_t i = 0; i + 1 < reply->elements; i += 2) {
            const redisReply *name = reply->element[i];
            const redisReply *value = reply->element[i + 1];
            if (name->type == REDIS_REPLY_STRING &&
                value->type == REDIS_REPLY_STRING)
                observe_master(run, name->str, value);
        }
        run->observed = true;
    }
    arrived(run);
}

static void on_address(struct run *run, const redisReply *reply)
{
    if (run_tolerates(run, reply, "SENTINEL GET-MASTER-ADDR-BY-NAME") &&
        reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
        reply->element[0]->type == REDIS_REPLY_STRING &&
        reply->element[1]->type == REDIS_REPLY_STRING) {
        char address[300];
        snprintf(address, sizeof address, "%.255s:%.8s", reply->element[0]->str,
                 reply->element[1]->str);
        redis_host->observe(run->probe, FIELD_MASTER_ADDRESS,
                            rlv_text(address));
    }
    arrived(run);
}

void operation_sentinel(struct run *run)
{
    const char *name = run->conf->master_name;
    run->awaited = 3;
    SESSION_COMMAND(run->main, "SENTINEL CKQUORUM", on_quorum, "SENTINEL",
                    "CKQUORUM", name);
    SESSION_COMMAND(run->main, "SENTINEL GET-MASTER-ADDR-BY-NAME", on_address,
                    "SENTINEL", "GET-MASTER-ADDR-BY-NAME", name);
    SESSION_COMMAND(run->main, "SENTINEL MASTER", on_master, "SENTINEL",
                    "MASTER", name);
}

/* ----------------------------------------------------------------- cluster */

static void on_cluster(struct run *run, const redisReply *reply)
{
    static struct info info;
    if (is_text(run, reply, "CLUSTER INFO")) {
        info_parse(&info, reply->str, reply->len);
        info_observe_cluster(run->probe, &info);
        keep_text(run, "cluster", &info);
        run->observed = true;
    }
    arrived(run);
}

void operation_cluster(struct run *run)
{
    run->awaited = 1;
    SESSION_COMMAND(run->main, "CLUSTER INFO", on_cluster, "CLUSTER", "INFO");
}

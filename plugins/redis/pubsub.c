/* redis/pubsub.c: the round trip of a message: SUBSCRIBE on a connection of
 * its own, PUBLISH on the main one, and the message must arrive; and publish,
 * which sends a message to others and leaves it at that.
 *
 * Happy path: operation_pubsub() opens the second session → it is ready:
 * SUBSCRIBE → confirmed: PUBLISH → the number of receivers on the one session,
 * the message on the other, in either order → both are there: done.
 *
 * Ways it can fail: as any session; the second connection may be one too many
 * for the server; the message may never come: the deadline then says
 * `deliver`. Called by run.c. */
#include "redis/run.h"

#include <string.h>

#define OTHERS_MAX 10000

static const struct words {
    const char *subscribe, *publish, *message;
} words[] = {{"SUBSCRIBE", "PUBLISH", "message"},
             {"SSUBSCRIBE", "SPUBLISH", "smessage"}};

static const struct words *words_of(const struct run *run)
{
    return &words[run->conf->sharded != 0];
}

static const char *payload_of(const struct run *run)
{
    return run->conf->message ? run->conf->message : run->nonce;
}

static void arrive(struct run *run)
{
    if (!run->published_ns || !run->delivered_ns)
        return;
    int64_t took_ns = run->delivered_ns - run->sent_ns;
    int64_t after_ns = run->delivered_ns - run->published_ns;
    redis_host->phase(run->probe, RLV_PH_DELIVER, after_ns > 0 ? after_ns : 0);
    redis_host->observe(run->probe, FIELD_PUBSUB, rlv_duration(took_ns));
    session_close(&run->subscriber);
    run_next(run, took_ns);
    run->published_ns = 0; /* of this operation; see run_next() */
}

/* Nobody else knows a channel of our own. On others' there may be many, but
 * not without end: the one peer must not keep the worker busy. */
static void other_message(struct run *run)
{
    const char *peer = kit_stream_peer(run->subscriber.stream);
    if (!run->conf->channel)
        run_fault(run, RLV_F_PROTOCOL, "unasked",
                  "%s sent a message on %s that is not ours", peer,
                  run->channel);
    else if (++run->others > OTHERS_MAX)
        run_fault(run, RLV_F_PROTOCOL, "flood",
                  "%s sent %d other messages on %s beside ours", peer,
                  OTHERS_MAX, run->channel);
}

/* What comes on the second session without being asked for: messages, also of
 * others where the channel is not our own. */
static void on_push(struct run *run, const redisReply *reply)
{
    bool message = reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
                   reply_is(reply->element[0], words_of(run)->message) &&
                   reply_is(reply->element[1], run->channel);
    if (!message) {
        if (run_accepts(run, reply, words_of(run)->subscribe))
            run_misfit(run, reply, words_of(run)->subscribe);
        return;
    }
    if (run->delivered_ns || !reply_is(reply->element[2], payload_of(run))) {
        other_message(run);
        return;
    }
    run->delivered_ns = redis_host->now();
    arrive(run);
}

/* False: it ended the probe. */
static bool published(struct run *run, const redisReply *reply)
{
    int64_t now_ns = redis_host->now();
    if (!run_accepts(run, reply, words_of(run)->publish))
        return false;
    if (reply->type != REDIS_REPLY_INTEGER) {
        run_misfit(run, reply, words_of(run)->publish);
        return false;
    }
    run->published_ns = now_ns;
    redis_host->phase(run->probe, RLV_PH_PUBLISH, now_ns - run->sent_ns);
    redis_host->observe(run->probe, FIELD_RECEIVERS, rlv_int(reply->integer));
    return true;
}

static void on_published(struct run *run, const redisReply *reply)
{
    if (published(run, reply))
        arrive(run);
}

static void on_subscribed(struct run *run, const redisReply *reply)
{
    const struct words *words_now = words_of(run);
    if (!run_accepts(run, reply, words_now->subscribe))
        return;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 ||
        !reply_is(reply->element[1], run->channel)) {
        run_misfit(run, reply, words_now->subscribe);
        return;
    }
    redis_host->phase(run->probe, RLV_PH_SUBSCRIBE,
                      redis_host->now() - run->sent_ns);
    run->subscriber.push = on_push;
    run->sent_ns = redis_host->now();
    SESSION_COMMAND(run->main, words_now->publish, on_published,
                    words_now->publish, run->channel, payload_of(run));
}

static void on_ready(struct run *run)
{
    run->sent_ns = redis_host->now();
    SESSION_COMMAND(&run->subscriber, words_of(run)->subscribe, on_subscribed,
                    words_of(run)->subscribe, run->channel);
}

void operation_pubsub(struct run *run)
{
    run->channel = run->conf->channel
                       ? run_text(run, run->conf->channel, "")
                       : run_text(run, run->conf->key_prefix, run->nonce);
    run->published_ns = run->delivered_ns = 0;
    run->others = 0;
    run->subscriber.ready = on_ready;
    run->subscriber.push = NULL;
    if (run->conf->channel)
        redis_host->effects(run->probe);
    session_open(&run->subscriber, run, redis_host->probe_scope(run->probe), 0);
}

static void on_posted(struct run *run, const redisReply *reply)
{
    if (!published(run, reply))
        return;
    int64_t took_ns = run->published_ns - run->sent_ns;
    redis_host->observe(run->probe, FIELD_PUBLISH, rlv_duration(took_ns));
    run_next(run, took_ns);
    run->published_ns = 0;
}

void operation_publish(struct run *run)
{
    const char *publish = words_of(run)->publish;
    redis_host->effects(run->probe);
    SESSION_COMMAND(run->main, publish, on_posted, publish, run->conf->channel,
                    run->conf->message);
}

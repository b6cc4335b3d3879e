/* redis/session.c: one connection to the target, from dialling to the replies.
 *
 * Owns a stream of the kit, the reader, the commands that wait to be sent and
 * the list of those that wait for their replies. Called by run.c and the
 * operations; calls back into them with each reply.
 *
 * Happy path: session_open() → KIT_OPEN: greet() sends AUTH and SELECT, if
 * there is need, and CLIENT SETNAME → their replies: ready() → commands are
 * gathered by session_command() and leave in session_flush() → KIT_READABLE:
 * each whole reply goes to the command that has waited longest.
 *
 * Ways it can fail: the stream does (run_lost); what comes is no RESP, is
 * larger than max_reply, or nobody asked for it; AUTH or SELECT is refused.
 * All of these end the probe. A reply may end it at any time: then whatever
 * else has come is left unread. */
#include "redis/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/init.h"

#define ITEMS_MAX 65536 /* of the arrays of one reply */
#define PENDING_MAX \
    (sizeof((struct session *)0)->pending / sizeof(struct pending))
#define RECEIVED_MAX 256
/* hiredis had no memory: nor has the kit, and the worker ends, or by now there
 * is some. */
#define COMMAND_SPARE 65536

/* ---------------------------------------------------------------- commands */

static void gather(struct session *session, const void *bytes, size_t n)
{
    if (session->out_len + n > session->out_size) {
        session->out_size = (session->out_len + n) * 2;
        session->out = kit_realloc(session->out, session->out_size);
    }
    memcpy(session->out + session->out_len, bytes, n);
    session->out_len += n;
}

void session_command(struct session *session, const char *name,
                     session_reply_fn *reply, size_t argc,
                     const char *const *argv)
{
    char *text = NULL;
    int n;
    while ((n = redisFormatCommandArgv(&text, (int)argc, (const char **)argv,
                                       NULL)) < 0)
        free(kit_malloc(COMMAND_SPARE));
    if (session->count == PENDING_MAX)
        abort(); /* more at once than any operation sends */
    gather(session, text, (size_t)n);
    redisFreeCommand(text);
    size_t last = (session->first + session->count++) % PENDING_MAX;
    session->pending[last] = (struct pending){name, reply};
}

void session_flush(struct session *session)
{
    size_t n = session->out_len;
    session->out_len = 0;
    session->sent = session->count;
    if (n && session->stream &&
        !kit_stream_send(session->stream, session->out, n))
        run_fault(session->run, RLV_F_CONFIG, "command",
                  "the command is too large to be sent: %zu bytes", n);
}

const char *session_waits(const struct session *session)
{
    for (unsigned i = 0; i < session->count; i++) {
        const struct pending *pending =
            &session->pending[(session->first + i) % PENDING_MAX];
        if (pending->reply)
            return pending->name;
    }
    return NULL;
}

bool session_is_idle(const struct session *session)
{
    return session->stream && !session->count && !session->out_len &&
           !session->reader.bytes;
}

/* ---------------------------------------------------------------- greeting */

static void greeted(struct run *run)
{
    struct session *session = run->speaking;
    if (--session->greetings)
        return;
    redis_host->phase(run->probe, RLV_PH_AUTH,
                      redis_host->now() - session->greeted_ns);
    session->ready(run);
}

/* A server without a password answers AUTH with a plain ERR; that is about
 * credentials all the same. */
static void on_auth(struct run *run, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR) {
        struct verdict verdict = verdict_of(reply);
        if (verdict.fault == RLV_F_ERROR_RESPONSE &&
            strcmp(verdict.code, "ERR") == 0)
            verdict.fault = RLV_F_AUTH;
        run_fault(run, verdict.fault, verdict.code, "%s answered AUTH: %.*s",
                  kit_stream_peer(run->speaking->stream),
                  (int)error_shown(reply), reply->str);
        return;
    }
    greeted(run);
}

static void on_select(struct run *run, const redisReply *reply)
{
    if (run_accepts(run, reply, "SELECT"))
        greeted(run);
}

static void greet(struct session *session)
{
    struct run *run = session->run;
    const struct target *target = &run->target;
    char db[24];
    session->greeted_ns = redis_host->now();
    if (target->password && target->username) {
        session->greetings++;
        SESSION_COMMAND(session, "AUTH", on_auth, "AUTH", target->username,
                        target->password);
    } else if (target->password) {
        session->greetings++;
        SESSION_COMMAND(session, "AUTH", on_auth, "AUTH", target->password);
    }
    if (target->db && session->selects) {
        session->greetings++;
        snprintf(db, sizeof db, "%lld", (long long)target->db);
        SESSION_COMMAND(session, "SELECT", on_select, "SELECT", db);
    }
    /* A server that does not know it may say so: nothing is lost. */
    if (*run->conf->client_name)
        SESSION_COMMAND(session, "CLIENT SETNAME", NULL, "CLIENT", "SETNAME",
                        run->conf->client_name);
    if (!session->greetings)
        session->ready(run);
}

/* ----------------------------------------------------------------- replies */

static void unasked(struct session *session, const redisReply *reply)
{
    struct run *run = session->run;
    const char *peer = kit_stream_peer(session->stream);
    run->speaking = session;
    if (session->push) {
        session->push(run, reply);
    } else if (reply->type == REDIS_REPLY_ERROR) {
        struct verdict verdict = verdict_of(reply);
        run_fault(run, verdict.fault, verdict.code, "%s said: %.*s", peer,
                  (int)error_shown(reply), reply->str);
    } else {
        run_fault(run, RLV_F_PROTOCOL, "unasked",
                  "%s sent a reply (%s) that no command had asked for", peer,
                  reply_type(reply));
    }
}

static void deliver(struct session *session, const redisReply *reply)
{
    if (!session->sent) {
        unasked(session, reply);
        return;
    }
    struct pending pending = session->pending[session->first];
    session->first = (session->first + 1) % PENDING_MAX;
    session->count--;
    session->sent--;
    session->run->speaking = session;
    if (pending.reply) {
        session->answered = true;
        pending.reply(session->run, reply);
    } else if (reply->type == REDIS_REPLY_ERROR) {
        size_t len = error_shown(reply);
        session->aside = verdict_of(reply);
        memcpy(session->aside_text, reply->str, len);
        session->aside_text[len] = '\0';
    }
}

static void garbage(struct session *session, const char *bytes, size_t n,
                    enum reader_state state)
{
    struct run *run = session->run;
    const char *peer = kit_stream_peer(session->stream);
    const char *waits = session_waits(session);
    if (state == READER_LARGE) {
        run_fault(run, RLV_F_PROTOCOL, "reply_size",
                  "the reply of %s to %s is larger than max_reply (%lld "
                  "bytes) or has over %d items",
                  peer, waits ? waits : "nothing",
                  (long long)run->conf->max_reply, ITEMS_MAX);
        return;
    }
    if (state == READER_SHORT) {
        run_fault(run, RLV_F_RESOURCE, "ENOMEM",
                  "no memory for the reply of %s to %s", peer,
                  waits ? waits : "nothing");
        return;
    }
    redis_host->evidence(run->probe, "received", bytes,
                         n < RECEIVED_MAX ? n : RECEIVED_MAX);
    run_fault(run, RLV_F_PROTOCOL, "resp", "%s speaks no RESP: %s", peer,
              reader_error(&session->reader));
}

/* False: nothing more is to be read: a reply has ended the probe, or the
 * session, or begun it anew on another stream. */
static bool digest(struct session *session, const char *bytes, size_t n)
{
    struct run *run = session->run;
    unsigned generation = session->generation;
    redisReply *reply;
    enum reader_state state;
    reader_feed(&session->reader, bytes, n);
    while ((state = reader_next(&session->reader, &reply)) == READER_REPLY) {
        deliver(session, reply);
        freeReplyObject(reply);
        if (run->over || session->generation != generation)
            return false;
    }
    if (state == READER_EMPTY)
        return true;
    garbage(session, bytes, n, state);
    return false;
}

static void receive(struct session *session)
{
    static char bytes[16 * 1024]; /* one thread, and never re-entered */
    ptrdiff_t n;
    do {
        n = kit_stream_receive(session->stream, bytes, sizeof bytes);
        if (n == KIT_EMPTY)
            return;
        if (n < 0) {
            run_lost(session->run, session);
            return;
        }
    } while (digest(session, bytes, (size_t)n));
}

/* ------------------------------------------------------------------ stream */

static void on_event(void *arg, enum kit_event event)
{
    struct session *session = arg;
    struct run *run = session->run;
    switch (event) {
    case KIT_OPEN: greet(session); break;
    case KIT_READABLE: receive(session); break;
    case KIT_SENT: break;
    case KIT_FAILED: run_lost(run, session); break;
    }
    run_settle(run);
}

void session_open(struct session *session, struct run *run,
                  struct rlv_scope *scope, unsigned address)
{
    const struct target *target = &run->target;
    struct kit_peer_at at = {.host = target->host,
                             .port = target->port,
                             .unix_path = target->unix_path,
                             .tls = target->tls,
                             .address = address,
                             .net = &run->conf->net};
    session_close(session);
    session->run = run;
    session->reused = session->answered = false;
    session->aside_text[0] = '\0';
    reader_init(&session->reader, (size_t)run->conf->max_reply, ITEMS_MAX);
    session->stream =
        kit_stream_open(scope, run->probe, &at, on_event, session);
}

void session_resume(struct session *session, struct run *run)
{
    session->run = run;
    session->reused = true;
    session->answered = false;
    kit_stream_lend(session->stream, run->probe, on_event, session);
}

void session_close(struct session *session)
{
    kit_stream_close(session->stream);
    reader_fini(&session->reader);
    session->stream = NULL;
    session->generation++;
    session->first = session->count = session->sent = session->greetings = 0;
    session->out_len = 0;
}

void session_fini(struct session *session)
{
    session_close(session);
    free(session->out);
    session->out = NULL;
    session->out_size = 0;
}

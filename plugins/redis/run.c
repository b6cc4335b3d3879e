/* redis/run.c: one probe, from start to done.
 *
 * Owns the run (in the probe's scope) and what a check keeps between probes
 * (struct kept). Called by the host, by sessions and by operations.
 *
 * Happy path: redis_start() opens a session, or takes the kept one → run_ready
 * begins the first operation → each ends with run_next(), which begins the
 * next → none is left: with all_addresses the other addresses of the name
 * follow, each on a session of its own that must answer PING → finish().
 *
 * Ways it can fail: the stream, before or after it stood (run_lost); an error
 * reply (run_accepts); the deadline (on_deadline). A kept connection that the
 * server closed meanwhile is no failure: the probe begins again on a new one.
 * The host ends the probe at any time: release() undoes all of it.
 *
 * done() releases the run; so whoever decides that it is over only says so,
 * and run_settle(), the last step of every entry from the loop, ends it. */
#include "redis/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/* ------------------------------------------------------------------- texts */

char *run_text(struct run *run, const char *a, const char *b)
{
    size_t size = strlen(a) + strlen(b) + 1;
    char *text = redis_host->alloc(redis_host->probe_scope(run->probe), size);
    snprintf(text, size, "%s%s", a, b);
    return text;
}

static void make_nonce(struct run *run)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char random[(REDIS_NONCE - 1) / 2];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        abort(); /* cannot be for so few bytes */
    for (size_t i = 0; i < sizeof random; i++) {
        run->nonce[2 * i] = digits[random[i] >> 4];
        run->nonce[2 * i + 1] = digits[random[i] & 15];
    }
}

/* -------------------------------------------------------------------- ends */

void run_fault(struct run *run, enum rlv_fault fault, const char *code,
               const char *fmt, ...)
{
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    redis_host->fault(run->probe, fault, code, 0, "%s", text);
    run->over = run->faulted = true;
}

/* What a failed handshake has shown is worth seeing, too. */
static void observe_connection(struct run *run)
{
    struct kit_stream *stream = run->main->stream;
    if (stream)
        kit_facts_observe(run->probe, FIELD_TLS,
                          kit_stream_certificate(stream));
}

void run_settle(struct run *run)
{
    if (!run->over) {
        session_flush(run->main);
        session_flush(&run->subscriber);
    }
    if (!run->over)
        return;
    observe_connection(run);
    redis_host->done(run->probe);
}

static struct session *session_late(struct run *run)
{
    struct session *other = &run->subscriber;
    if (other->stream &&
        (!kit_stream_is_open(other->stream) || session_waits(other)))
        return other;
    return session_waits(run->main) || !other->stream ? run->main : other;
}

static void on_deadline(void *arg, int events)
{
    (void)events;
    struct run *run = arg;
    struct session *late = session_late(run);
    const char *waits = session_waits(late);
    int64_t since_ns = run->published_ns ? run->published_ns : run->sent_ns;
    char doing[400];
    if (late == &run->subscriber && run->published_ns) {
        waits = "deliver";
        snprintf(doing, sizeof doing, "the message published on %.300s",
                 run->channel);
    } else {
        snprintf(doing, sizeof doing, "the reply to %s",
                 waits ? waits : "nothing");
    }
    if (late->stream && kit_stream_is_open(late->stream) && run->began_ns)
        redis_host->phase(run->probe,
                          run->published_ns ? RLV_PH_DELIVER : RLV_PH_WAIT,
                          redis_host->now() - since_ns);
    kit_stream_fault_deadline(late->stream, waits ? waits : "wait", doing);
    run->over = run->faulted = true;
    run_settle(run);
}

static void finish(struct run *run)
{
    const char *ip = run->main->stream ? kit_stream_ip(run->main->stream) : "";
    if (!run->observed && *run->refused) {
        run_fault(run, run->refusal.fault, run->refusal.code,
                  "the server refuses what this check asks for: %s",
                  run->refused);
        return;
    }
    if (*run->refused)
        redis_host->observe(run->probe, FIELD_REFUSED, rlv_text(run->refused));
    if (run->latency_ns >= 0)
        redis_host->observe(run->probe, FIELD_LATENCY,
                            rlv_duration(run->latency_ns));
    if (*ip)
        redis_host->observe(run->probe, FIELD_IP, rlv_text(ip));
    run->over = true;
}

/* ----------------------------------------------------------------- replies */

static void fault_reply(struct run *run, const redisReply *reply,
                        const char *name)
{
    struct verdict verdict = verdict_of(reply);
    redis_host->evidence(run->probe, "reply", reply->str, reply->len);
    run_fault(run, verdict.fault, verdict.code, "%s answered %s: %.*s",
              kit_stream_peer(run->speaking->stream), name,
              (int)error_shown(reply), reply->str);
}

bool run_accepts(struct run *run, const redisReply *reply, const char *name)
{
    if (reply->type == REDIS_REPLY_ERROR)
        fault_reply(run, reply, name);
    return reply->type != REDIS_REPLY_ERROR;
}

bool run_tolerates(struct run *run, const redisReply *reply, const char *name)
{
    size_t len = strlen(run->refused);
    if (!verdict_is_refusal(reply))
        return run_accepts(run, reply, name);
    if (!len)
        run->refusal = verdict_of(reply);
    snprintf(run->refused + len, sizeof run->refused - len, "%s%s",
             len ? ", " : "", name);
    return false;
}

void run_misfit(struct run *run, const redisReply *reply, const char *name)
{
    run_fault(run, RLV_F_PROTOCOL, "reply", "%s answered %s with %s \"%.*s\"",
              kit_stream_peer(run->speaking->stream), name, reply_type(reply),
              (int)(reply->str ? reply->len < 100 ? reply->len : 100 : 0),
              reply->str ? reply->str : "");
}

/* -------------------------------------------------------------- operations */

static void begin(struct run *run)
{
    const struct operation *operation =
        operation_nth(run->conf, run->operation);
    run->began_ns = run->sent_ns = redis_host->now();
    if (run->address)
        operation_ping(run); /* the other addresses of all_addresses */
    else if (operation)
        operation->begin(run);
    else
        finish(run);
}

static void next_address(struct run *run)
{
    if (!run->address)
        run->addresses = kit_stream_addresses(run->main->stream);
    if (++run->address >= run->addresses) {
        finish(run);
        return;
    }
    run->began_ns = 0;
    session_open(run->main, run, redis_host->probe_scope(run->probe),
                 run->address);
}

void run_next(struct run *run, int64_t took_ns)
{
    if (run->over)
        return;
    if (took_ns >= 0)
        run->observed = true;
    if (took_ns >= 0 && run->latency_ns < 0)
        run->latency_ns = took_ns;
    if (!run->published_ns) /* pubsub has phases of its own */
        redis_host->phase(run->probe, RLV_PH_WAIT,
                          redis_host->now() - run->began_ns);
    if (!run->address)
        run->operation++;
    if (run->address || (run->conf->net.all_addresses &&
                         !operation_nth(run->conf, run->operation)))
        next_address(run);
    else
        begin(run);
}

void run_ready(struct run *run) { begin(run); }

/* ----------------------------------------------------------------- session */

static void open_main(struct run *run)
{
    bool keep = run->conf->keep_alive;
    run->main->ready = run_ready;
    run->main->selects = true;
    session_open(run->main, run,
                 keep ? redis_host->check_scope(run->probe)
                      : redis_host->probe_scope(run->probe),
                 0);
}

void run_lost(struct run *run, struct session *session)
{
    const char *waits = session_waits(session);
    char doing[80];
    if (session->reused && !session->answered) {
        session_close(&run->subscriber);
        run->began_ns = 0;
        open_main(run);
        return;
    }
    if (*session->aside_text && !session->answered) {
        run_fault(run, session->aside.fault, session->aside.code,
                  "%s said: %s, and closed the connection",
                  kit_stream_peer(session->stream), session->aside_text);
        return;
    }
    if (session == &run->subscriber && !waits)
        waits = "PUBLISH, or its message";
    snprintf(doing, sizeof doing, "the reply to %s", waits ? waits : "nothing");
    kit_stream_fault(session->stream, doing);
    run->over = run->faulted = true;
}

static void fini_kept(void *arg) { session_fini(arg); }

struct kept *run_kept(struct run *run)
{
    if (!run->kept)
        run->kept = redis_host->keep(run->probe, sizeof *run->kept);
    return run->kept;
}

/* FNV-1a of all that decides where a connection leads and as whom. */
static uint64_t identity_of(const struct target *target)
{
    char numbers[40];
    snprintf(numbers, sizeof numbers, "%u %d %lld", target->port, target->tls,
             (long long)target->db);
    const char *const parts[] = {target->host, target->unix_path,
                                 target->username, target->password, numbers};
    uint64_t hash = 14695981039346656037ull;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        for (const char *at = parts[i] ? parts[i] : "\1"; *at; at++)
            hash = (hash ^ (unsigned char)*at) * 1099511628211ull;
        hash *= 1099511628211ull;
    }
    return hash;
}

static void take_kept(struct run *run)
{
    struct kept *kept = run_kept(run);
    uint64_t identity = identity_of(&run->target);
    run->main = &kept->session;
    if (!kept->registered) {
        redis_host->defer(redis_host->check_scope(run->probe), fini_kept,
                          &kept->session);
        kept->registered = true;
    }
    bool stands = kept->session.stream && kept->identity == identity &&
                  !kit_stream_dead(kept->session.stream);
    kept->identity = identity;
    if (!stands) {
        open_main(run);
        return;
    }
    session_resume(run->main, run);
    run_ready(run);
}

/* Also when the host ends the probe. */
static void release(void *arg)
{
    struct run *run = arg;
    struct session *main = run->main;
    session_fini(&run->subscriber);
    if (main == &run->own) {
        session_fini(main);
        return;
    }
    if (run->over && !run->faulted && session_is_idle(main))
        kit_stream_lend(main->stream, NULL, NULL, NULL);
    else
        session_close(main);
    main->run = NULL;
}

/* ------------------------------------------------------------------- start */

void redis_start(struct rlv_probe *probe, const void *conf)
{
    struct rlv_scope *scope = redis_host->probe_scope(probe);
    struct run *run = redis_host->alloc(scope, sizeof *run);
    const char *option;
    char why[200];
    run->probe = probe;
    run->conf = conf;
    run->main = &run->own;
    run->latency_ns = -1;
    redis_host->defer(scope, release, run);
    if (!target_read(&run->target, conf, &option, why, sizeof why)) {
        redis_host->fault(probe, RLV_F_CONFIG, option, 0, "%s", why);
        redis_host->done(probe);
        return;
    }
    make_nonce(run);
    redis_host->timer(scope, redis_host->deadline(probe) - redis_host->now(),
                      on_deadline, run);
    if (run->conf->keep_alive)
        take_kept(run);
    else
        open_main(run);
    run_settle(run);
}

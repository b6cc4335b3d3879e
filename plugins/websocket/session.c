/* websocket/session.c: one probe, from start to done.
 *
 * Owns the session (in the probe's scope) and its links. Called by the host,
 * and by link.c and play.c for whatever happens.
 *
 * Happy path: websocket_start() reads the url and opens all links →
 * session_opened() for each; when all are → play.c does the steps →
 * session_played() → the trigger, if there is one: that check's end and the
 * arrival on each link, in either order → hold → each open link says goodbye,
 * session_closed() → over, or all of it once more for the next address.
 *
 * Ways it can fail: a link that is not opened, refused or lost; one that is
 * closed by the peer when no step expects that; a step; the triggered check;
 * the deadline, in any stage. Each ends in session_fail(), which only notes it:
 * session_settle(), last in every entry from the loop, tells the host. The
 * host ends the probe at any time: release() is deferred and undoes all. */
#include "websocket/link.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOODBYE_NS 1000000000ll /* the peer's close is waited for so long */

static void begin_trigger(struct session *);
static void begin_hold(struct session *);
static void begin_close(struct session *);
static void connect_all(struct session *);

static void release(void *arg)
{
    struct session *session = arg;
    for (unsigned i = 0; i < session->link_count; i++)
        link_close(&session->links[i]);
    pattern_fini(&session->pattern);
    kit_values_fini(&session->values);
    free(session->shown);
}

/* --------------------------------------------------------------- ending -- */

void flaw_set(struct flaw *flaw, enum rlv_fault fault, const char *code,
              const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    flaw->fault = fault;
    snprintf(flaw->code, sizeof flaw->code, "%s", code);
    vsnprintf(flaw->text, sizeof flaw->text, fmt, args);
    va_end(args);
}

void session_fail(struct session *session, enum rlv_fault fault,
                  const char *code, const char *fmt, ...)
{
    char text[sizeof session->flaw.text];
    va_list args;
    if (session_is_over(session))
        return;
    verdict_phase(session);
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    flaw_set(&session->flaw, fault, code, "%s", text);
    session->stage = STAGE_OVER;
}

/* As session_fail(), for what the stream says better. */
static void fail_stream(struct session *session, struct link *link,
                        const char *doing)
{
    if (session_is_over(session))
        return;
    verdict_phase(session);
    kit_stream_fault(link->stream, doing);
    session->told = true;
    session->stage = STAGE_OVER;
}

void session_settle(struct session *session)
{
    const struct flaw *flaw = &session->flaw;
    if (session->stage == STAGE_AGAIN) {
        session->address++;
        session->step_at = 0;
        session->triggered = false;
        session->published_ns = session->publish_end_ns = session->sent_ns = 0;
        connect_all(session);
    }
    if (session->stage != STAGE_OVER)
        return;
    if (flaw->fault && !session->told)
        websocket_host->fault(session->probe, flaw->fault, flaw->code, 0, "%s",
                              flaw->text);
    verdict_observe(session);
    /* Nobody waits for the answer, but no server need call it a loss. */
    for (unsigned i = 0; i < session->link_count; i++)
        frames_bye(&session->links[i], 1001, NULL);
    websocket_host->done(session->probe);
}

static void enter(struct session *session, enum stage stage)
{
    verdict_phase(session);
    session_clock(session, -1);
    session->stage = stage;
    session->stage_ns = websocket_host->now();
}

static bool all_are(const struct session *session, enum link_state state)
{
    for (unsigned i = 0; i < session->link_count; i++)
        if (session->links[i].state < state)
            return false;
    return true;
}

/* All went well with this address; perhaps there is another. */
static void finish(struct session *session)
{
    struct kit_stream *stream = session->links[0].stream;
    unsigned addresses = stream ? kit_stream_addresses(stream) : 0;
    if (!session->conf->net.all_addresses ||
        session->address + 1 >= addresses) {
        enter(session, STAGE_OVER);
        return;
    }
    /* Not here: a link may be in the midst of its frames. */
    enter(session, STAGE_AGAIN);
}

bool session_is_over(const struct session *session)
{
    return session->stage >= STAGE_AGAIN;
}

/* ---------------------------------------------------------------- clock -- */

static void on_deadline(void *arg, int events)
{
    struct session *session = arg;
    (void)events;
    if (session->stage == STAGE_CLOSE)
        enter(session, STAGE_OVER);
    else
        verdict_deadline(session);
    session_settle(session);
}

static void on_clock(void *arg, int events)
{
    struct session *session = arg;
    (void)events;
    if (session->stage == STAGE_STEPS)
        play_time(session);
    else if (session->stage == STAGE_HOLD)
        begin_close(session);
    else if (session->stage == STAGE_CLOSE)
        finish(session);
    session_settle(session);
}

void session_clock(struct session *session, int64_t after_ns)
{
    struct rlv_scope *scope = websocket_host->probe_scope(session->probe);
    if (session->clock)
        websocket_host->rearm(session->clock, 0, after_ns);
    else if (after_ns >= 0)
        session->clock =
            websocket_host->timer(scope, after_ns, on_clock, session);
}

/* -------------------------------------------------------------- trigger -- */

static const char *fault_text(enum rlv_fault fault)
{
    switch (fault) {
#define X(number, NAME, name, blame, who, text) \
    case RLV_F_##NAME: return text;
        RLV_FAULT_MAP(X)
#undef X
    }
    return "unknown";
}

/* Both may come first: the end of the publishing check, the last arrival. */
static void look_at_delivery(struct session *session)
{
    if (session->stage != STAGE_TRIGGER || !session->triggered)
        return;
    for (unsigned i = 0; i < session->link_count; i++)
        if (session->links[i].state == LINK_OPEN &&
            session->links[i].delivery_ns < 0)
            return;
    begin_hold(session);
}

static void on_triggered(void *arg, enum rlv_fault fault, int64_t started_ns,
                         int64_t ended_ns)
{
    struct session *session = arg;
    /* Both are 0 where it was not made. */
    session->published_ns = started_ns ? started_ns : session->stage_ns;
    session->publish_end_ns = ended_ns ? ended_ns : websocket_host->now();
    if (fault != RLV_F_NONE) {
        session_fail(session, fault, "publish",
                     "the check \"%s\", which publishes the message, failed: "
                     "%s",
                     session->conf->trigger, fault_text(fault));
    } else {
        session->triggered = true;
        for (unsigned i = 0; i < session->link_count; i++)
            if (session->links[i].delivery_ns >= 0)
                session->links[i].delivery_ns -=
                    session->published_ns - session->stage_ns;
        look_at_delivery(session);
    }
    session_settle(session);
}

static void begin_trigger(struct session *session)
{
    enter(session, STAGE_TRIGGER);
    /* What came before was not triggered. */
    for (unsigned i = 0; i < session->link_count; i++) {
        link_forget(&session->links[i]);
        session->links[i].delivery_ns = -1;
    }
    if (!websocket_host->trigger) {
        session_fail(session, RLV_F_CONFIG, "trigger",
                     "no other check can be run from here");
        return;
    }
    websocket_host->trigger(session->probe, session->conf->trigger,
                            session->values.pairs, session->values.count,
                            on_triggered, session);
}

void session_message(struct session *session, struct link *link,
                     struct message **message)
{
    struct message *m = *message;
    if (session->stage != STAGE_TRIGGER || link->delivery_ns >= 0 ||
        !memmem(m->bytes, m->len, session->nonce, strlen(session->nonce)))
        return;
    /* Until that check's end is known, from when it was asked for. */
    link->delivery_ns = m->at_ns - (session->triggered ? session->published_ns
                                                       : session->stage_ns);
    free(session->shown);
    session->shown = m;
    *message = NULL;
    look_at_delivery(session);
}

/* --------------------------------------------------------------- stages -- */

void session_opened(struct session *session, struct link *link)
{
    (void)link;
    if (session->stage != STAGE_CONNECT || !all_are(session, LINK_OPEN))
        return;
    enter(session, STAGE_STEPS);
    play_next(session);
}

void session_played(struct session *session)
{
    if (session->conf->trigger)
        begin_trigger(session);
    else
        begin_hold(session);
}

static void begin_hold(struct session *session)
{
    enter(session, STAGE_HOLD);
    if (session->conf->hold_ns)
        session_clock(session, session->conf->hold_ns);
    else
        begin_close(session);
}

static void begin_close(struct session *session)
{
    enter(session, STAGE_CLOSE);
    int64_t now = websocket_host->now();
    for (unsigned i = 0; i < session->link_count; i++) {
        watchful_end(&session->links[i].watchful, now);
        frames_bye(&session->links[i], 1000, NULL);
    }
    if (all_are(session, LINK_CLOSED))
        finish(session);
    else
        session_clock(session, GOODBYE_NS);
}

void session_refused(struct session *session, struct link *link)
{
    if (session_is_over(session))
        return;
    session->refused = link;
    enter(session, STAGE_OVER);
}

static void fail_closed(struct session *session, const struct link *link)
{
    char code[8], after[64] = "";
    snprintf(code, sizeof code, "%u", link->close_code);
    if (session->stage == STAGE_HOLD)
        snprintf(after, sizeof after, " after it was held for %.2f s",
                 (double)(websocket_host->now() - session->stage_ns) / 1e9);
    else if (session->stage == STAGE_STEPS)
        snprintf(after, sizeof after, " in step %zu", session->step_at + 1);
    session_fail(session, verdict_close(link->close_code), code,
                 "%s closed connection %u%s with %u, %s%s%s",
                 kit_stream_peer(link->stream), link->number, after,
                 link->close_code, verdict_close_text(link->close_code),
                 *link->close_reason ? ": " : "", link->close_reason);
}

void session_closed(struct session *session, struct link *link)
{
    if (session->stage == STAGE_CLOSE) {
        if (all_are(session, LINK_CLOSED))
            finish(session);
    } else if (play_awaits_close(session, link)) {
        play_look(session, link);
    } else {
        fail_closed(session, link);
    }
}

static void lost_unanswered(struct session *session, struct link *link)
{
    const char *peer = kit_stream_peer(link->stream);
    if (link->head_len)
        session_fail(session, RLV_F_PROTOCOL, "incomplete",
                     "%s closed the connection within its answer to the "
                     "upgrade request",
                     peer);
    else
        session_fail(session, RLV_F_CLOSED, "closed",
                     "%s closed the connection without an answer to the "
                     "upgrade request",
                     peer);
}

void session_lost(struct session *session, struct link *link, bool orderly)
{
    bool upgraded = link->state >= LINK_OPEN;
    bool awaited =
        session->stage == STAGE_CLOSE || play_awaits_close(session, link);
    if (orderly && !upgraded) {
        lost_unanswered(session, link);
    } else if (upgraded && (orderly || awaited)) {
        link->close_code = 1006;
        link->state = LINK_CLOSED;
        session_closed(session, link);
    } else {
        fail_stream(session, link,
                    upgraded ? "a message" : "the answer to the upgrade");
    }
}

/* ---------------------------------------------------------------- start -- */

static void make_nonce(char nonce[WS_NONCE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[WS_NONCE - 1];
    upgrade_random(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        nonce[i] = digits[bytes[i] % 16];
    nonce[sizeof bytes] = '\0';
}

static bool changes_something(const struct websocket_conf *conf)
{
    for (size_t i = 0; i < conf->steps.count; i++) {
        struct step step;
        char why[8];
        if (step_read(&step, &conf->steps.steps[i], why, sizeof why) &&
            verb_sends(step.verb))
            return true;
    }
    return conf->trigger != NULL;
}

static void connect_all(struct session *session)
{
    session->stage = STAGE_CONNECT;
    session->stage_ns = websocket_host->now();
    for (unsigned i = 0; i < session->link_count; i++) {
        link_close(&session->links[i]);
        session->links[i] = (struct link){
            .session = session, .number = i + 1, .delivery_ns = -1};
    }
    for (unsigned i = 0; i < session->link_count; i++)
        link_open(&session->links[i], session->address);
}

static bool begin(struct session *session)
{
    char why[300];
    if (!target_read(&session->target, session->conf->url, why, sizeof why)) {
        session_fail(session, RLV_F_CONFIG, "url", "%s", why);
        return false;
    }
    session->at = (struct kit_peer_at){.host = session->target.host,
                                       .port = session->target.port,
                                       .unix_path = session->conf->unix_socket,
                                       .tls = session->target.tls,
                                       .net = &session->conf->net};
    make_nonce(session->nonce);
    kit_values_set(&session->values, "nonce", session->nonce,
                   strlen(session->nonce));
    return true;
}

void websocket_start(struct rlv_probe *probe, const void *arg)
{
    struct rlv_scope *scope = websocket_host->probe_scope(probe);
    struct session *session = websocket_host->alloc(scope, sizeof *session);
    session->probe = probe;
    session->conf = arg;
    session->started_ns = websocket_host->now();
    session->exchange_ns = session->ping_ns = -1;
    session->link_count = (unsigned)session->conf->connections;
    session->links = websocket_host->alloc(scope, session->link_count *
                                                      sizeof *session->links);
    websocket_host->defer(scope, release, session);
    if (begin(session)) {
        if (changes_something(session->conf))
            websocket_host->effects(probe);
        websocket_host->timer(
            scope, websocket_host->deadline(probe) - session->started_ns,
            on_deadline, session);
        connect_all(session);
    }
    session_settle(session);
}

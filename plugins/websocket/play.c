/* websocket/play.c: the steps of a session, one after the other.
 *
 * A step is begun on all links that it is for, and over when each of them is
 * settled: has sent, received, waited. Called by session.c when all links are
 * open, by link.c for each message and pong, and by the session's clock.
 *
 * Happy path: play_next() begins steps until one has to wait → play_look(),
 * play_pong() or play_time() settle its links → play_next()… →
 * session_played().
 *
 * Ways it can fail: what is awaited does not come within the step's time, or
 * by the deadline (play_waits() says what it was); something else comes where
 * only that may; something comes where nothing may; another close code. */
#include "websocket/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool concerns(const struct session *session, const struct link *link)
{
    switch (session->step.on) {
    case ON_FIRST: return link->number == 1;
    case ON_OTHERS: return link->number != 1;
    default: return true;
    }
}

static bool is_close(enum verb verb)
{
    return verb == VERB_CLOSE || verb == VERB_EXPECT_CLOSE;
}

bool play_awaits_close(const struct session *session, const struct link *link)
{
    return session->stage == STAGE_STEPS && is_close(session->step.verb) &&
           concerns(session, link) && !link->settled;
}

static bool all_settled(const struct session *session)
{
    for (unsigned i = 0; i < session->link_count; i++)
        if (!session->links[i].settled)
            return false;
    return true;
}

/* --------------------------------------------------------------- timing -- */

static void slowest(int64_t *of, int64_t ns)
{
    if (ns > *of)
        *of = ns;
}

/* What a link receives answers what it sent last, or what another did. */
static void time_message(struct session *session, struct link *link,
                         const struct message *message)
{
    int64_t since = link->sent_ns ? link->sent_ns : session->sent_ns;
    if (!since || message->at_ns < since)
        return;
    slowest(&session->exchange_ns, message->at_ns - since);
    if (!link->sent_ns)
        slowest(&link->delivery_ns, message->at_ns - since);
    link->sent_ns = 0;
}

/* -------------------------------------------------------------- looking -- */

static void take(struct session *session, struct link *link,
                 struct message *message)
{
    time_message(session, link, message);
    free(session->shown);
    session->shown = message;
    link->settled = true;
}

static void refuse(struct session *session, const struct link *link,
                   const struct message *message, const char *awaited)
{
    int shown = (int)(message->len < 120 ? message->len : 120);
    session_fail(session, RLV_F_PROTOCOL, "unexpected",
                 "step %zu: on connection %u came %s \"%.*s\"%s, where %s was "
                 "awaited",
                 session->step_at + 1, link->number,
                 message->binary ? "bytes" : "the message", shown,
                 message->bytes, message->len > 120 ? "…" : "", awaited);
}

static void look_for_message(struct session *session, struct link *link)
{
    for (struct message *m; !link->settled && (m = link_take(link));) {
        if (pattern_matches(&session->pattern, m, &session->values)) {
            take(session, link, m);
            return;
        }
        if (!session->step.ignore_others) {
            refuse(session, link, m, verb_name(session->step.verb));
            free(m);
            return;
        }
        free(m);
    }
}

static void look_for_close(struct session *session, struct link *link)
{
    const uint16_t *wanted = session->step.expect;
    if (link->state != LINK_CLOSED)
        return;
    link->settled = *wanted == 0;
    for (size_t i = 0; i < CLOSE_CODES && wanted[i]; i++)
        link->settled |= wanted[i] == link->close_code;
    if (link->settled)
        return;
    char code[8];
    snprintf(code, sizeof code, "%u", link->close_code);
    enum rlv_fault fault = verdict_close(link->close_code);
    session_fail(session, fault, code,
                 "step %zu: connection %u was closed with %u, %s, in place of "
                 "%u%s%s",
                 session->step_at + 1, link->number, link->close_code,
                 verdict_close_text(link->close_code), *wanted,
                 *link->close_reason ? ": " : "", link->close_reason);
}

static void look(struct session *session, struct link *link)
{
    enum verb verb = session->step.verb;
    if (verb_receives(verb))
        look_for_message(session, link);
    else if (verb == VERB_RECEIVE_NONE && link->first)
        refuse(session, link, link->first, "none");
    else if (is_close(verb))
        look_for_close(session, link);
}

static void advance(struct session *session)
{
    if (session->stage != STAGE_STEPS || !all_settled(session))
        return;
    session->step_at++;
    play_next(session);
}

void play_look(struct session *session, struct link *link)
{
    if (session->stage != STAGE_STEPS || link->settled)
        return;
    look(session, link);
    advance(session);
}

void play_pong(struct session *session, struct link *link, const void *payload,
               size_t len)
{
    bool ours = len == strlen(session->nonce) &&
                memcmp(payload, session->nonce, len) == 0;
    if (session->stage != STAGE_STEPS || session->step.verb != VERB_PING ||
        link->settled || !ours)
        return;
    int64_t took = websocket_host->now() - link->sent_ns;
    slowest(&session->ping_ns, took);
    slowest(&session->exchange_ns, took);
    link->sent_ns = 0;
    link->settled = true;
    advance(session);
}

/* ------------------------------------------------------------ beginning -- */

static void fail_step(struct session *session, const char *why)
{
    session_fail(session, RLV_F_CONFIG, "steps", "step %zu: %s",
                 session->step_at + 1, why);
}

static bool is_json(const char *text)
{
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
    bool is = json != NULL;
    json_decref(json);
    return is;
}

static void send_all(struct session *session, bool binary, const void *bytes,
                     size_t len)
{
    session->sent_ns = websocket_host->now();
    for (unsigned i = 0; i < session->link_count; i++) {
        struct link *link = &session->links[i];
        if (concerns(session, link))
            frames_send(link, binary, bytes, len);
        link->settled = true;
    }
}

static void begin_send(struct session *session)
{
    const struct step *step = &session->step;
    bool json = step->verb == VERB_SEND_JSON;
    const char *missing;
    char *text =
        kit_values_fill(&session->values, step->text,
                        json ? KIT_QUOTE_JSON : KIT_QUOTE_NONE, &missing);
    if (!text) {
        fail_step(session,
                  missing ? "a {{name}} in it has no value" : "out of memory");
    } else if (json && !is_json(text)) {
        fail_step(session, "what it sends is not JSON once its {{names}} are "
                           "filled in");
    } else if (step->verb == VERB_SEND_HEX) {
        ptrdiff_t n = kit_unhex(text, (uint8_t *)text, strlen(text));
        if (n < 0)
            fail_step(session, "what it sends is not pairs of hex digits");
        else
            send_all(session, true, text, (size_t)n);
    } else {
        send_all(session, step->binary, text, strlen(text));
    }
    free(text);
}

static void begin_receive(struct session *session)
{
    char why[200];
    pattern_fini(&session->pattern);
    if (!pattern_prepare(&session->pattern, &session->step, &session->values,
                         why, sizeof why))
        fail_step(session, why);
}

static void begin_on(struct session *session, struct link *link)
{
    const struct step *step = &session->step;
    bool gone = link->state == LINK_CLOSED && !is_close(step->verb);
    link->settled = !concerns(session, link) || gone;
    if (gone && step->on != ON_ALL && concerns(session, link))
        fail_step(session, "the connection that it is for was closed before");
    if (link->settled)
        return;
    if (step->verb == VERB_PING)
        frames_ping(link, session->nonce);
    else if (step->verb == VERB_CLOSE)
        frames_bye(link, step->close_code, step->reason);
}

static void begin_step(struct session *session)
{
    enum verb verb = session->step.verb;
    session->step_ns = websocket_host->now();
    session_clock(session, session->step.time_ns);
    if (verb_sends(verb)) {
        begin_send(session);
        return;
    }
    if (verb_receives(verb))
        begin_receive(session);
    for (unsigned i = 0; i < session->link_count; i++)
        begin_on(session, &session->links[i]);
    for (unsigned i = 0; i < session->link_count; i++)
        if (session->stage == STAGE_STEPS && !session->links[i].settled)
            look(session, &session->links[i]);
}

/* False: there are no more. Without any, a ping shows that frames pass. */
static bool read_step(struct session *session)
{
    const struct rlv_steps *steps = &session->conf->steps;
    char why[360];
    if (!steps->count && !session->step_at && !session->conf->trigger) {
        session->step = (struct step){.verb = VERB_PING, .time_ns = -1};
        return true;
    }
    if (session->step_at >= steps->count)
        return false;
    if (!step_read(&session->step, &steps->steps[session->step_at], why,
                   sizeof why))
        fail_step(session, why);
    return true;
}

void play_next(struct session *session)
{
    for (; read_step(session); session->step_at++) {
        if (session->stage == STAGE_STEPS)
            begin_step(session);
        if (session->stage != STAGE_STEPS || !all_settled(session))
            return;
    }
    session_played(session);
}

/* ----------------------------------------------------------------- time -- */

static const struct link *first_unsettled(const struct session *session)
{
    for (unsigned i = 0; i < session->link_count; i++)
        if (!session->links[i].settled)
            return &session->links[i];
    return &session->links[0];
}

static void say_last(const struct link *link, char *text, size_t size)
{
    if (!link->messages)
        snprintf(text, size, "none came");
    else
        snprintf(text, size, "the last one was \"%.*s\"%s",
                 (int)(link->excerpt_len < 120 ? link->excerpt_len : 120),
                 link->excerpt, link->excerpt_len > 120 ? "…" : "");
}

void play_waits(const struct session *session, struct flaw *flaw)
{
    const struct step *step = &session->step;
    const struct link *link = first_unsettled(session);
    const char *verb = verb_name(step->verb);
    double s = (double)(websocket_host->now() - session->step_ns) / 1e9;
    char last[200];
    say_last(link, last, sizeof last);
    if (verb_receives(step->verb))
        flaw_set(flaw, RLV_F_TIMEOUT, verb,
                 "step %zu: %s \"%.100s\": no such message on connection %u in "
                 "%.2f s; %s",
                 session->step_at + 1, verb, step->text, link->number, s, last);
    else if (step->verb == VERB_PING)
        flaw_set(flaw, RLV_F_TIMEOUT, verb,
                 "no answer to a ping on connection %u in %.2f s", link->number,
                 s);
    else if (is_close(step->verb))
        flaw_set(flaw, RLV_F_TIMEOUT, verb,
                 "step %zu: connection %u was not closed by the server in "
                 "%.2f s",
                 session->step_at + 1, link->number, s);
    else
        flaw_set(flaw, RLV_F_CONFIG, "steps",
                 "step %zu: the time limit ended its %s: timeout must be "
                 "longer than all that the steps wait",
                 session->step_at + 1, verb);
}

void play_time(struct session *session)
{
    enum verb verb = session->step.verb;
    if (verb != VERB_WAIT && verb != VERB_RECEIVE_NONE) {
        struct flaw flaw;
        play_waits(session, &flaw);
        session_fail(session, flaw.fault, flaw.code, "%s", flaw.text);
        return;
    }
    for (unsigned i = 0; i < session->link_count; i++)
        session->links[i].settled = true;
    advance(session);
}

/* websocket/verdict.c: what a session comes to, in the words of the host:
 * faults of close codes and of the deadline, phases, observations, evidence.
 *
 * Called by session.c; changes nothing of the session but its fault. */
#include "websocket/link.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "kit/head.h"

/* ---------------------------------------------------------- close codes -- */

// clang-format off
static const struct {
    uint16_t code;
    enum rlv_fault fault;
    const char *text;
} closes[] = {
    {1000, RLV_F_CLOSED,         "normal closure"},
    {1001, RLV_F_CLOSED,         "going away"},
    {1002, RLV_F_PROTOCOL,       "protocol error"},
    {1003, RLV_F_PROTOCOL,       "unsupported data"},
    {1005, RLV_F_CLOSED,         "no status"},
    {1006, RLV_F_CLOSED,         "dropped without a close frame"},
    {1007, RLV_F_PROTOCOL,       "invalid payload"},
    {1008, RLV_F_FORBIDDEN,      "policy violation"},
    {1009, RLV_F_PROTOCOL,       "message too big"},
    {1010, RLV_F_PROTOCOL,       "extension required"},
    {1011, RLV_F_ERROR_RESPONSE, "internal error"},
    {1012, RLV_F_STARTING,       "service restart"},
    {1013, RLV_F_OVERLOADED,     "try again later"},
    {1014, RLV_F_ERROR_RESPONSE, "bad gateway"},
    {3000, RLV_F_AUTH,           "unauthorized"},
    {3003, RLV_F_FORBIDDEN,      "forbidden"},
    {4401, RLV_F_AUTH,           "unauthorized, by custom"},
    {4403, RLV_F_FORBIDDEN,      "forbidden, by custom"},
    {4429, RLV_F_OVERLOADED,     "too many requests, by custom"},
};
// clang-format on

enum rlv_fault verdict_close(uint16_t code)
{
    for (size_t i = 0; i < sizeof closes / sizeof *closes; i++)
        if (closes[i].code == code)
            return closes[i].fault;
    return RLV_F_ERROR_RESPONSE;
}

const char *verdict_close_text(uint16_t code)
{
    for (size_t i = 0; i < sizeof closes / sizeof *closes; i++)
        if (closes[i].code == code)
            return closes[i].text;
    return "a code of the application";
}

/* ------------------------------------------------------------- deadline -- */

static double seconds_since(int64_t ns)
{
    return (double)(websocket_host->now() - ns) / 1e9;
}

static void deadline_connect(struct session *session)
{
    const struct link *link = &session->links[0];
    for (unsigned i = 0; i < session->link_count; i++)
        if (session->links[i].state < LINK_OPEN)
            link = &session->links[i];
    if (link->state == LINK_CONNECTING) {
        verdict_phase(session);
        kit_stream_fault_deadline(link->stream, "connect", "the connection");
        session->told = true;
        session->stage = STAGE_OVER;
        return;
    }
    session_fail(session, RLV_F_TIMEOUT, "upgrade",
                 "connected to %s, no %sanswer to the upgrade request in "
                 "%.2f s",
                 kit_stream_peer(link->stream),
                 link->head_len ? "complete " : "",
                 seconds_since(link->asked_ns));
}

static void deadline_trigger(struct session *session)
{
    unsigned missing = 0;
    if (!session->triggered) {
        session_fail(session, RLV_F_TIMEOUT, "publish",
                     "the check \"%s\", which publishes the message, has not "
                     "ended in %.2f s",
                     session->conf->trigger, seconds_since(session->stage_ns));
        return;
    }
    for (unsigned i = session->link_count; i > 0; i--)
        if (session->links[i - 1].state == LINK_OPEN &&
            session->links[i - 1].delivery_ns < 0)
            missing = i;
    session_fail(session, RLV_F_TIMEOUT, "deliver",
                 "subscribed and published, but the message did not arrive on "
                 "connection %u in %.2f s",
                 missing, seconds_since(session->publish_end_ns));
}

static void deadline_hold(struct session *session)
{
    int64_t all =
        websocket_host->deadline(session->probe) - session->started_ns;
    if (session->conf->hold_ns >= all)
        session_fail(session, RLV_F_CONFIG, "hold",
                     "the time limit of %.2f s ended the hold: timeout must "
                     "be longer than hold",
                     (double)all / 1e9);
    else
        session_fail(session, RLV_F_TIMEOUT, "hold",
                     "connecting and the steps took so long that the time "
                     "limit ended the hold after %.2f s",
                     seconds_since(session->stage_ns));
}

void verdict_deadline(struct session *session)
{
    struct flaw flaw;
    switch (session->stage) {
    case STAGE_CONNECT: deadline_connect(session); break;
    case STAGE_STEPS:
        play_waits(session, &flaw);
        session_fail(session, flaw.fault, flaw.code, "%s", flaw.text);
        break;
    case STAGE_TRIGGER: deadline_trigger(session); break;
    case STAGE_HOLD: deadline_hold(session); break;
    case STAGE_CLOSE:
    case STAGE_AGAIN:
    case STAGE_OVER: break;
    }
}

/* --------------------------------------------------------------- phases -- */

static void phase_upgrade(struct session *session)
{
    int64_t slowest = -1;
    for (unsigned i = 0; i < session->link_count; i++) {
        const struct link *link = &session->links[i];
        int64_t end =
            link->answered_ns ? link->answered_ns : websocket_host->now();
        if (link->asked_ns && end - link->asked_ns > slowest)
            slowest = end - link->asked_ns;
    }
    if (slowest >= 0)
        websocket_host->phase(session->probe, RLV_PH_WAIT, slowest);
}

static void phase_trigger(struct session *session)
{
    int64_t now = websocket_host->now(), arrived = 0;
    if (!session->publish_end_ns) {
        websocket_host->phase(session->probe, RLV_PH_PUBLISH,
                              now - session->stage_ns);
        return;
    }
    websocket_host->phase(session->probe, RLV_PH_PUBLISH,
                          session->publish_end_ns - session->published_ns);
    if (!session->triggered)
        return;
    for (unsigned i = 0; i < session->link_count; i++) {
        int64_t after = session->links[i].delivery_ns;
        int64_t at = after < 0 ? now : session->published_ns + after;
        arrived = at > arrived ? at : arrived;
    }
    int64_t took = arrived - session->publish_end_ns;
    websocket_host->phase(session->probe, RLV_PH_DELIVER, took > 0 ? took : 0);
}

void verdict_phase(struct session *session)
{
    int64_t took = websocket_host->now() - session->stage_ns;
    switch (session->stage) {
    case STAGE_CONNECT: phase_upgrade(session); break;
    case STAGE_STEPS:
        websocket_host->phase(
            session->probe,
            session->conf->trigger ? RLV_PH_SUBSCRIBE : RLV_PH_RECEIVE, took);
        break;
    case STAGE_TRIGGER: phase_trigger(session); break;
    case STAGE_HOLD:
    case STAGE_CLOSE:
    case STAGE_AGAIN:
    case STAGE_OVER: break;
    }
}

/* --------------------------------------------------------- observations -- */

static void observe(struct session *session, enum websocket_field field,
                    struct rlv_value value)
{
    websocket_host->observe(session->probe, field, value);
}

static void observe_headers(struct session *session, const struct link *link)
{
    struct kit_header header;
    for (size_t at = 0;
         kit_header_next(link->head, link->head_len, &at, &header);) {
        char name[128];
        if (header.name_len >= sizeof name)
            continue;
        memcpy(name, header.name, header.name_len);
        name[header.name_len] = '\0';
        websocket_host->observe_key(session->probe, FIELD_HEADER, name,
                                    rlv_text_n(header.value, header.value_len));
    }
}

static void observe_answer(struct session *session, const struct link *link)
{
    char subprotocol[128];
    if (!link->status)
        return;
    observe(session, FIELD_STATUS, rlv_int(link->status));
    observe(session, FIELD_HANDSHAKE,
            rlv_duration(link->answered_ns - link->asked_ns));
    if (link->status == 101 &&
        upgrade_header(link->head, link->head_len, "sec-websocket-protocol",
                       subprotocol, sizeof subprotocol))
        observe(session, FIELD_SUBPROTOCOL, rlv_text(subprotocol));
    if (websocket_host->wants(session->probe, FIELD_HEADER))
        observe_headers(session, link);
}

static void observe_traffic(struct session *session)
{
    int64_t messages = 0, bytes = 0, pings = 0, gap = 0, age = 0;
    int64_t missing = 0, disordered = 0;
    bool aged = false, numbered = false;
    for (unsigned i = 0; i < session->link_count; i++) {
        const struct link *link = &session->links[i];
        const struct watchful *w = &link->watchful;
        messages += (int64_t)link->messages;
        bytes += (int64_t)link->bytes;
        pings += (int64_t)link->pings;
        gap = w->gap_ns > gap ? w->gap_ns : gap;
        age = w->aged && (!aged || w->age_ns > age) ? w->age_ns : age;
        aged |= w->aged;
        numbered |= w->numbered;
        if (__builtin_add_overflow(missing, w->missing, &missing))
            missing = INT64_MAX;
        disordered += w->disordered;
    }
    observe(session, FIELD_MESSAGES, rlv_int(messages));
    observe(session, FIELD_BYTES, rlv_size(bytes));
    observe(session, FIELD_SERVER_PINGS, rlv_int(pings));
    observe(session, FIELD_GAP, rlv_duration(gap));
    if (aged)
        observe(session, FIELD_AGE, rlv_duration(age));
    if (numbered) {
        observe(session, FIELD_MISSING, rlv_int(missing));
        observe(session, FIELD_DISORDERED, rlv_int(disordered));
    }
}

/* Of each link; and of all, once all have it. */
static int64_t observe_delivery(struct session *session)
{
    int64_t slowest = -1;
    for (unsigned i = 0; i < session->link_count; i++) {
        const struct link *link = &session->links[i];
        char number[12];
        if (link->delivery_ns < 0)
            continue;
        snprintf(number, sizeof number, "%u", link->number);
        websocket_host->observe_key(session->probe, FIELD_ARRIVAL, number,
                                    rlv_duration(link->delivery_ns));
        if (link->delivery_ns > slowest)
            slowest = link->delivery_ns;
    }
    bool complete = !session->flaw.fault && !session->told;
    if (slowest >= 0 && complete)
        observe(session, FIELD_DELIVERY, rlv_duration(slowest));
    return complete ? slowest : -1;
}

static void observe_latency(struct session *session, int64_t delivery)
{
    const struct link *link = &session->links[0];
    int64_t latency = session->exchange_ns;
    if (session->conf->trigger)
        latency = delivery;
    else if (latency < 0 && link->answered_ns)
        latency = link->answered_ns - session->started_ns;
    if (session->ping_ns >= 0)
        observe(session, FIELD_PING, rlv_duration(session->ping_ns));
    if (latency >= 0)
        observe(session, FIELD_LATENCY, rlv_duration(latency));
}

static void observe_close(struct session *session)
{
    const struct link *closed = NULL;
    bool clean = true;
    for (unsigned i = 0; i < session->link_count; i++) {
        const struct link *link = &session->links[i];
        clean &= link->clean;
        if (link->close_code && !closed)
            closed = link;
    }
    observe(session, FIELD_CLEAN, rlv_bool(clean));
    if (!closed)
        return;
    observe(session, FIELD_CLOSE_CODE, rlv_int(closed->close_code));
    if (*closed->close_reason)
        observe(session, FIELD_CLOSE_REASON, rlv_text(closed->close_reason));
}

static void observe_stream(struct session *session, const struct link *link)
{
    if (!link->stream)
        return;
    const char *ip = kit_stream_ip(link->stream);
    if (*ip)
        observe(session, FIELD_IP, rlv_text(ip));
    kit_facts_observe(session->probe, FIELD_TLS,
                      kit_stream_certificate(link->stream));
}

static void observe_texts(struct session *session)
{
    const struct message *shown = session->shown;
    if (!shown)
        shown = session->links[0].last;
    if (shown && websocket_host->wants(session->probe, FIELD_MESSAGE))
        observe(session, FIELD_MESSAGE, rlv_body(shown->bytes, shown->len));
    for (size_t i = 0; i < session->values.count; i++)
        if (strcmp(session->values.pairs[i].key, "nonce") != 0)
            websocket_host->observe_key(
                session->probe, FIELD_VALUE, session->values.pairs[i].key,
                rlv_text(session->values.pairs[i].value));
}

/* -------------------------------------------------------------- evidence - */

static void hint(struct session *session)
{
    char code[16];
    long status = session->refused->status;
    snprintf(code, sizeof code, "%ld", status);
    websocket_host->hint(
        session->probe,
        status < 400 ? RLV_F_PROTOCOL : kit_status_fault(status), code,
        "no upgrade: %ld %s", status, kit_status_text(status));
}

static void evidence(struct session *session)
{
    struct link *link =
        session->refused ? session->refused : &session->links[0];
    struct rlv_probe *probe = session->probe;
    char request[1024];
    int n = snprintf(request, sizeof request, "GET %s://%s%s",
                     session->target.tls ? "wss" : "ws",
                     session->target.authority, session->target.resource);
    websocket_host->evidence(probe, "request", request,
                             (size_t)n < sizeof request ? (size_t)n
                                                        : sizeof request - 1);
    if (link->body_len)
        websocket_host->evidence(probe, "body", link->head + link->head_len,
                                 link->body_len);
    if (link->head_len)
        websocket_host->evidence(
            probe, "response", link->head,
            kit_head_hide_cookies(link->head, link->head_len));
    if (link->excerpt_len)
        websocket_host->evidence(probe, "message", link->excerpt,
                                 link->excerpt_len);
}

void verdict_observe(struct session *session)
{
    const struct link *link =
        session->refused ? session->refused : &session->links[0];
    observe_answer(session, link);
    observe_stream(session, link);
    if (link->status == 101) {
        observe_traffic(session);
        observe_latency(session, observe_delivery(session));
        observe_close(session);
        observe_texts(session);
    }
    if (session->refused)
        hint(session);
    if (session->target.authority)
        evidence(session);
}

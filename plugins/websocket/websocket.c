/* websocket/websocket.c: checks of WebSocket services. The tables of the
 * plugin: options, fields, default expectations; and what tables cannot say.
 *
 * Everything that happens at run time begins in session.c. */
#include "websocket/websocket.h"

#include <stdio.h>
#include <string.h>

#include "kit/head.h"

#ifndef RELEVO_VERSION
#define RELEVO_VERSION "0"
#endif

const struct rlv_host *websocket_host;

// clang-format off
#define OPT(kind, name, flags, field, fallback, limits, help) \
    {name, kind, flags, offsetof(struct websocket_conf, field), fallback, limits, help}
static const struct rlv_option options[] = {
    OPT(RLV_STRING,   "url", RLV_REQUIRED | RLV_SECRET_PARTS, url, NULL, NULL,
        "Where to connect: ws:// or wss://, host, path."),
    OPT(RLV_DICT,     "headers", 0, headers, NULL, NULL,
        "Headers of the upgrade request, by name."),
    OPT(RLV_STRING,   "origin", 0, origin, NULL, NULL,
        "The Origin header: the site that a browser would come from."),
    OPT(RLV_LIST,     "subprotocols", 0, subprotocols, NULL, NULL,
        "Subprotocols to offer, the preferred one first; which one was agreed on is observed."),
    OPT(RLV_STRING,   "username", 0, username, NULL, NULL,
        "User name for basic authentication."),
    OPT(RLV_SECRET,   "password", 0, password, NULL, NULL,
        "Password for basic authentication."),
    OPT(RLV_SECRET,   "bearer", 0, bearer, NULL, NULL,
        "Token, sent as Authorization: Bearer."),
    OPT(RLV_STEPS,    "steps", RLV_OWN_PLACES, steps, NULL, NULL,
        "What to do once connected, in order; without any: one ping."),
    OPT(RLV_INT,      "connections", 0, connections, "1", "1..64",
        "How many connections to open; a step's `on` says which of them it is for."),
    OPT(RLV_STRING,   "trigger", RLV_CHECK_REF, trigger, NULL, NULL,
        "After the steps, run this other check with {{nonce}}, and time the arrival of a message that holds it."),
    OPT(RLV_DURATION, "hold", 0, hold_ns, "0s", "0s..24h",
        "After all that, stay connected for so long; being dropped meanwhile is a failure."),
    OPT(RLV_STRING,   "sequence", 0, sequence, NULL, NULL,
        "JSON path to a number in each message that grows by one: missing and disordered count what does not."),
    OPT(RLV_STRING,   "timestamp", 0, timestamp, NULL, NULL,
        "JSON path to the time at which a message was made: message_age is its age at arrival."),
    OPT(RLV_SIZE,     "max_message", 0, max_message, "1MiB", "1B..64MiB",
        "A longer message ends the connection with close code 1009, and is a failure."),
    OPT(RLV_STRING,   "user_agent", 0, user_agent, "relevo/" RELEVO_VERSION, NULL,
        "The User-Agent header."),
    OPT(RLV_STRING,   "host_header", 0, host_header, NULL, NULL,
        "The Host header, where it is not the host of the url."),
    OPT(RLV_STRING,   "unix_socket", 0, unix_socket, NULL, NULL,
        "Connect to this socket in place of the url's host and port."),
    KIT_NET_OPTIONS(websocket_conf, net),
};

static const struct rlv_field fields[] = {
    [FIELD_STATUS]       = {"status", RLV_T_INT, RLV_RECORDED, "",
        "Status code of the answer to the upgrade request; 101 is the one wanted."},
    [FIELD_LATENCY]      = {"latency", RLV_T_DURATION, RLV_RECORDED, "",
        "The slowest round trip of the steps; with trigger the delivery; without either until the upgrade."},
    [FIELD_HANDSHAKE]    = {"handshake", RLV_T_DURATION, RLV_RECORDED, "",
        "From the upgrade request to its answer."},
    [FIELD_HEADER]       = {"header", RLV_T_MAP, RLV_NOCASE | RLV_COSTLY, "",
        "A header of that answer by name: header('server')."},
    [FIELD_SUBPROTOCOL]  = {"subprotocol", RLV_T_TEXT, 0, "",
        "The subprotocol that the server chose; absent if it chose none."},
    [FIELD_MESSAGE]      = {"message", RLV_T_BODY, RLV_COSTLY, "",
        "The message that a step received last, or that was triggered."},
    [FIELD_VALUE]        = {"value", RLV_T_MAP, 0, "",
        "What a step captured, by name: value('id')."},
    [FIELD_MESSAGES]     = {"messages", RLV_T_INT, RLV_RECORDED, "",
        "How many messages came, on all connections."},
    [FIELD_BYTES]        = {"bytes", RLV_T_SIZE, 0, "",
        "How long they were, together."},
    [FIELD_PING]         = {"ping", RLV_T_DURATION, RLV_RECORDED, "",
        "The slowest answer to a ping of the steps."},
    [FIELD_SERVER_PINGS] = {"server_pings", RLV_T_INT, 0, "",
        "How many pings the server sent."},
    [FIELD_GAP]          = {"gap", RLV_T_DURATION, RLV_RECORDED, "",
        "The longest time without a message, on any connection."},
    [FIELD_AGE]          = {"message_age", RLV_T_DURATION, RLV_RECORDED, "",
        "The oldest message's age at its arrival, by timestamp."},
    [FIELD_MISSING]      = {"missing", RLV_T_INT, RLV_RECORDED, "",
        "Numbers left out, by sequence."},
    [FIELD_DISORDERED]   = {"disordered", RLV_T_INT, RLV_RECORDED, "",
        "Messages whose number is not above that of the one before, by sequence."},
    [FIELD_DELIVERY]     = {"delivery", RLV_T_DURATION, RLV_RECORDED, "",
        "From the start of the triggered check to the arrival on the last connection; or from a send to what others received for it."},
    [FIELD_ARRIVAL]      = {"arrival", RLV_T_MAP, 0, "",
        "Likewise of one connection, by its number: arrival('2')."},
    [FIELD_CLOSE_CODE]   = {"close_code", RLV_T_INT, 0, "",
        "The server's close code; 1005 if it gave none, 1006 if it dropped the connection."},
    [FIELD_CLOSE_REASON] = {"close_reason", RLV_T_TEXT, 0, "",
        "The server's reason beside it."},
    [FIELD_CLEAN]        = {"clean", RLV_T_BOOL, 0, "",
        "Whether each close was answered by the other side's."},
    [FIELD_IP]           = {"ip", RLV_T_TEXT, 0, "",
        "The address that answered."},
    KIT_FACT_FIELDS(FIELD_TLS),
};
// clang-format on

static const char *const expects[] = {"status == 101", NULL};
static const char *const warn_unless[] = {"cert_expiry > 14d", NULL};

/* ------------------------------------------------------------ validation - */

static bool check_target(const struct websocket_conf *conf, char *why,
                         size_t size)
{
    struct target target;
    return strstr(conf->url, "{{") ||
           target_read(&target, conf->url, why, size);
}

static bool check_path(const char *path, char *why, size_t size)
{
    if (!path || path_is_valid(path))
        return true;
    snprintf(why, size, "\"%s\" is no path such as .data.seq or .list[0].at",
             path);
    return false;
}

static bool validate(const void *arg, const char **option, char *why,
                     size_t size)
{
    const struct websocket_conf *conf = arg;
    const char *broken = NULL;
    if (!kit_auth_validate(conf->username, conf->password, conf->bearer, option,
                           why, size))
        return false;
    if (!check_target(conf, why, size))
        broken = "url";
    else if (!steps_check(conf, why, size))
        broken = "steps";
    else if (!check_path(conf->sequence, why, size))
        broken = "sequence";
    else if (!check_path(conf->timestamp, why, size))
        broken = "timestamp";
    else
        broken = upgrade_flaw(conf, why, size);
    if (broken)
        *option = broken;
    return !broken && kit_net_validate(&conf->net, option, why, size);
}

static int init(const struct rlv_host *host)
{
    websocket_host = host;
    return kit_init(host);
}

RLV_PLUGIN(.name = "websocket", .version = RELEVO_VERSION,
           .summary = "WebSocket services: upgrade, messages, delivery, "
                      "liveness, certificate",
           RLV_OPTIONS(struct websocket_conf, options), RLV_FIELDS(fields),
           .expects = expects, .warn_unless = warn_unless, .init = init,
           .validate = validate, .start = websocket_start);

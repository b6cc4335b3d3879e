/* tcp/tcp.c: checks of whatever listens on a TCP port or a unix socket, with
 * TLS or without. The tables of the plugin: options, fields, default
 * expectations; and what tables cannot say.
 *
 * Everything that happens at run time begins in run.c. */
#include "tcp/tcp.h"

#include <stdio.h>
#include <string.h>

#ifndef RELEVO_VERSION
#define RELEVO_VERSION "0"
#endif

const struct rlv_host *tcp_host;

// clang-format off
#define OPT(kind, name, flags, field, fallback, limits, help) \
    {name, kind, flags, offsetof(struct tcp_conf, field), fallback, limits, help}
static const struct rlv_option options[] = {
    OPT(RLV_STRING, "url", RLV_REQUIRED, url, NULL, NULL,
        "Where to connect: tcp://host:port, tls://host:port, or unix:///path."),
    OPT(RLV_ENUM,   "starttls", 0, starttls, "none", TCP_STARTTLS,
        "Begin without TLS and agree on it as this protocol does; the steps follow within TLS."),
    OPT(RLV_STEPS,  "steps", RLV_OWN_PLACES, steps, NULL, NULL,
        "What to say and to wait for once connected, in order."),
    OPT(RLV_SIZE,   "max_received", 0, max_received, "64KiB", "1KiB..16MiB",
        "The most that is taken from the peer while something is waited for."),
    OPT(RLV_LIST,   "tls.pin_sha256", 0, pins, NULL, NULL,
        "The server's key must be one of these: SHA-256 of its SubjectPublicKeyInfo, in base64 or hex."),
    KIT_NET_OPTIONS(tcp_conf, net),
};

static const struct rlv_field fields[] = {
    [FIELD_LATENCY]     = {"latency", RLV_T_DURATION, RLV_RECORDED, "",
        "The slowest answer to what a step has sent; without such a step: until the connection, with its TLS, stood."},
    [FIELD_BANNER]      = {"banner", RLV_T_TEXT, RLV_RECORDED | RLV_COSTLY, "",
        "The first line that the peer said; without steps it is waited for where a line asks for it."},
    [FIELD_RECEIVED]    = {"received", RLV_T_BODY, 0, "",
        "All that the peer said until the last step was done."},
    [FIELD_BYTES]       = {"bytes", RLV_T_SIZE, 0, "",
        "How much that was."},
    [FIELD_VALUE]       = {"value", RLV_T_MAP, 0, "",
        "What a step captured: value('NAME')."},
    [FIELD_IP]          = {"ip", RLV_T_TEXT, 0, "",
        "The address that answered; absent for a unix socket."},
    [FIELD_CERT_PIN]    = {"cert_pin", RLV_T_TEXT, 0, "",
        "SHA-256 of the server's public key, in base64, as tls.pin_sha256 takes it."},
    KIT_FACT_FIELDS(FIELD_TLS),
};
// clang-format on

static const char *const warn_unless[] = {"cert_expiry > 14d", NULL};

/* A text with a {{name}} in it is complete only at run time. */
static bool check_target(const struct tcp_conf *conf, const char **option,
                         char *why, size_t size)
{
    struct target target;
    bool known = !strstr(conf->url, "{{");
    *option = "url";
    if (known && !target_read(&target, conf->url, why, size))
        return false;
    *option = "starttls";
    if (known && conf->starttls && target.tls) {
        snprintf(why, size,
                 "tls:// speaks TLS from the start, where starttls begins "
                 "without: write tcp:// or leave starttls out");
        return false;
    }
    *option = "tls.pin_sha256";
    if (known && conf->pins.count && !target.tls && !conf->starttls) {
        snprintf(why, size,
                 "no key is shown without TLS: write tls:// or starttls");
        return false;
    }
    return true;
}

static bool check_pins(const struct rlv_list *pins, char *why, size_t size)
{
    uint8_t pin[KIT_PIN];
    for (size_t i = 0; i < pins->count; i++) {
        if (strstr(pins->items[i], "{{") || target_pin(pins->items[i], pin))
            continue;
        snprintf(why, size,
                 "\"%.100s\" is no SHA-256: 44 characters of base64, or 64 hex "
                 "digits; `relevo check tls://host:port` shows a server's as "
                 "cert_pin",
                 pins->items[i]);
        return false;
    }
    return true;
}

static bool validate(const void *arg, const char **option, char *why,
                     size_t size)
{
    const struct tcp_conf *conf = arg;
    if (!check_target(conf, option, why, size))
        return false;
    if (!check_pins(&conf->pins, why, size))
        return false;
    *option = "steps";
    if (!steps_check(&conf->steps, why, size))
        return false;
    return kit_net_validate(&conf->net, option, why, size);
}

static int init(const struct rlv_host *host)
{
    tcp_host = host;
    return kit_init(host);
}

RLV_PLUGIN(.name = "tcp", .version = RELEVO_VERSION,
           .summary = "Anything on a TCP port or a unix socket: connect, TLS, "
                      "STARTTLS, send and receive",
           RLV_OPTIONS(struct tcp_conf, options), RLV_FIELDS(fields),
           .warn_unless = warn_unless, .init = init, .validate = validate,
           .start = tcp_start);

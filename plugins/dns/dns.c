/* dns/dns.c: checks of the DNS: what a server, or the system's resolver, says
 * of a name. The tables of the plugin: options, fields, default expectations;
 * and what tables cannot say.
 *
 * Everything that happens at run time begins in run.c. */
#include "dns/dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef RELEVO_VERSION
#define RELEVO_VERSION "0"
#endif

const struct rlv_host *dns_host;

// clang-format off
#define OPT(kind, name, flags, field, fallback, limits, help) \
    {name, kind, flags, offsetof(struct dns_conf, field), fallback, limits, help}
static const struct rlv_option options[] = {
    OPT(RLV_STRING, "url", 0, url, NULL, NULL,
        "dns://server/name?type=TYPE, or dns:///name to ask the system's resolver; without it name, type and server count."),
    OPT(RLV_STRING, "name", 0, name, NULL, NULL,
        "The name to ask for; with type PTR also an address."),
    OPT(RLV_ENUM,   "type", 0, type, "A", DNS_TYPES,
        "The type of the records to ask for, where no url names it."),
    OPT(RLV_STRING, "server", 0, server, NULL, NULL,
        "Whom to ask: a name or an address, with :port where it is not 53; without it the system's resolver."),
    OPT(RLV_ENUM,   "protocol", 0, protocol, "udp", "udp|tcp",
        "How to ask; after an answer that was cut short, udp asks again by tcp, as every resolver does."),
    OPT(RLV_BOOL,   "recursion", 0, recursion, "true", NULL,
        "Whether the server is to ask others; a server of its own zone needs it not."),
};

static const struct rlv_field fields[] = {
    [FIELD_LATENCY]       = {"latency", RLV_T_DURATION, RLV_RECORDED, "",
        "From the question to the answer."},
    [FIELD_RCODE]         = {"rcode", RLV_T_TEXT, RLV_RECORDED, "",
        "NOERROR, NXDOMAIN, SERVFAIL, REFUSED, …"},
    [FIELD_ANSWERS]       = {"answers", RLV_T_TEXT, RLV_RECORDED, "",
        "The records of the type asked for, sorted, as zone files have them, with ', ' between; absent without any."},
    [FIELD_ANSWER]        = {"answer", RLV_T_MAP, 0, "",
        "How long a record may be kept: answer('192.0.2.1') > 1m; absent where there is no such record."},
    [FIELD_COUNT]         = {"count", RLV_T_INT, RLV_RECORDED, "",
        "How many there are; absent where rcode is not NOERROR."},
    [FIELD_TTL]           = {"ttl", RLV_T_DURATION, RLV_RECORDED, "",
        "How long they may be kept, the least of all."},
    [FIELD_ALIAS]         = {"alias", RLV_T_TEXT, 0, "",
        "Where the name leads by CNAME; absent where it is none."},
    [FIELD_SERIAL]        = {"serial", RLV_T_INT, RLV_RECORDED, "",
        "Type SOA: the serial number of the zone."},
    [FIELD_AUTHORITATIVE] = {"authoritative", RLV_T_BOOL, 0, "",
        "Whether the server answers for its own zone."},
    [FIELD_RETRIES]       = {"retries", RLV_T_INT, RLV_RECORDED, "",
        "How often the question had to be asked again, because no answer came."},
    [FIELD_SERVER]        = {"server", RLV_T_TEXT, 0, "",
        "Who was asked."},
};
// clang-format on

static const char *const expects[] = {"rcode == 'NOERROR'", "count >= 1", NULL};

static bool has_place(const char *text) { return text && strstr(text, "{{"); }

/* A text with a {{name}} in it is complete only at run time. */
static bool validate(const void *arg, const char **option, char *why,
                     size_t size)
{
    const struct dns_conf *conf = arg;
    struct target target;
    return has_place(conf->url) || has_place(conf->name) ||
           has_place(conf->server) ||
           target_read(&target, conf, option, why, size);
}

static int init(const struct rlv_host *host)
{
    dns_host = host;
    int wrong = kit_init(host);
    return wrong ? wrong
                 : ares_library_init_mem(ARES_LIB_INIT_ALL, kit_malloc, free,
                                         kit_realloc);
}

RLV_PLUGIN(.name = "dns", .version = RELEVO_VERSION,
           .summary = "What the DNS says of a name: records, their age, or "
                      "that there is none",
           RLV_OPTIONS(struct dns_conf, options), RLV_FIELDS(fields),
           .expects = expects, .init = init, .validate = validate,
           .start = dns_start);

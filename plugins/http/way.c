/* http/way.c: where a hop's connection is led: to the unix socket, the proxy,
 * another host (connect_to), one of the addresses of the name.
 *
 * Owns nothing but the lists of addresses, which hang on the fetch until
 * request_release(). Called by fetch.c, for each hop anew.
 *
 * Happy path: way_choose() finds out what is to be dialled; way_begin()
 * resolves it, on the worker's pool, unless it is an address or the options
 * give it, and goes on to fetch_transfer(), which calls way_lead().
 *
 * With all_addresses the whole probe is made again by each address of the name,
 * one after the other (fetch.c).
 *
 * Ways it can fail: the name does not resolve; an address of the wrong family;
 * an option that was completed at run time and is none now. */
#include "http/http.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ------------------------------------------------------------ connect_to - */

/* host:port:host:port, IPv6 in brackets, any of them may be empty. */
struct leading {
    const char *from, *from_port, *to, *to_port;
    int from_len, from_port_len, to_len, to_port_len;
};

static const char *take_host(const char *at, const char **host, int *len)
{
    const char *end = *at == '[' ? strchr(at, ']') : at + strcspn(at, ":");
    if (end && *at == '[')
        end++;
    *host = at;
    *len = end ? (int)(end - at) : 0;
    return end && *end == ':' ? end + 1 : NULL;
}

static const char *take_port(const char *at, const char **port, int *len)
{
    *port = at;
    *len = (int)strspn(at, "0123456789");
    return *len <= 5 && strtoul(at, NULL, 10) <= 65535 ? at + *len : NULL;
}

static bool leading_parse(const char *at, struct leading *l)
{
    if ((at = take_host(at, &l->from, &l->from_len)))
        at = take_port(at, &l->from_port, &l->from_port_len);
    if (!at || *at++ != ':' || !(at = take_host(at, &l->to, &l->to_len)))
        return false;
    at = take_port(at, &l->to_port, &l->to_port_len);
    return at && !*at && (l->to_len || l->to_port_len) &&
           l->to_len < (int)sizeof((struct way *)0)->host;
}

static bool leads(const struct leading *l, const char *host, uint16_t port)
{
    return (!l->from_len || ((size_t)l->from_len == strlen(host) &&
                             !strncasecmp(l->from, host, strlen(host)))) &&
           (!l->from_port_len || strtoul(l->from_port, NULL, 10) == port);
}

static void lead_elsewhere(struct fetch *fetch)
{
    const struct rlv_list *list = &fetch->conf->connect_to;
    struct way *way = &fetch->way;
    struct leading l;
    for (size_t i = 0; i < list->count; i++) {
        if (!leading_parse(list->items[i], &l) ||
            !leads(&l, fetch->target.host, fetch->target.port))
            continue;
        if (l.to_len)
            snprintf(way->to_host, sizeof way->to_host, "%.*s", l.to_len, l.to);
        if (l.to_port_len)
            way->to_port = (uint16_t)strtoul(l.to_port, NULL, 10);
        way->elsewhere = true;
        return;
    }
}

/* ---------------------------------------------------------------- choice - */

bool way_uses_tls(const struct fetch *fetch)
{
    return fetch->target.https || (fetch->way.proxied && fetch->way.proxy.tls);
}

bool way_choose(struct fetch *fetch)
{
    const struct http_conf *conf = fetch->conf;
    struct way *way = &fetch->way;
    char why[200];
    *way = (struct way){.to_port = fetch->target.port};
    if (conf->unix_socket && fetch_at_origin(fetch)) {
        way->unix_path = conf->unix_socket;
        return true;
    }
    snprintf(way->to_host, sizeof way->to_host, "%s", fetch->target.host);
    lead_elsewhere(fetch);
    way->proxied = conf->net.proxy && *conf->net.proxy;
    if (way->proxied &&
        !kit_proxy_parse(&way->proxy, conf->net.proxy, why, sizeof why))
        return false;
    snprintf(way->host, sizeof way->host, "%s",
             way->proxied ? way->proxy.host : way->to_host);
    way->port = way->proxied ? way->proxy.port : way->to_port;
    way->literal = target_is_literal(way->host);
    return true;
}

/* libcurl asks for the name in the URL, wherever it is led. */
bool way_lead(struct fetch *fetch)
{
    const struct way *way = &fetch->way;
    if (way->unix_path || (!way->elsewhere && !fetch_is_renamed(fetch)))
        return true;
    return kit_list_add(&fetch->connect_to, "::%s:%u", way->to_host,
                        (unsigned)way->to_port);
}

/* ------------------------------------------------------------- addresses - */

/* libcurl's form is "+host:port:address,address"; the plus sign makes the
 * entry go away by itself. */
static void connect_by(struct fetch *fetch, const char *addresses)
{
    if (kit_list_add(&fetch->addresses, "+%s:%u:%s", fetch->way.host,
                     fetch->way.port, addresses))
        fetch_transfer(fetch);
    else
        fetch_fail(fetch, RLV_F_RESOURCE, "ENOMEM", "out of memory");
}

/* Each is probed only of the host that was asked for. */
static bool takes_each(const struct fetch *fetch)
{
    return fetch->conf->net.all_addresses && fetch_at_origin(fetch);
}

static void on_resolved(void *arg, int gai,
                        const struct sockaddr_storage *addresses, size_t count)
{
    struct fetch *fetch = arg;
    char list[KIT_ADDRESSES_SIZE];
    if (!fetch->asks_token) /* whose time is that of auth */
        http_host->phase(fetch->probe, RLV_PH_DNS,
                         http_host->now() - fetch->stage_ns);
    if (gai || !count) {
        fault_resolve(fetch, gai);
        http_host->done(fetch->probe);
        return;
    }
    unsigned found = kit_addresses_text(list, sizeof list, addresses, count,
                                        takes_each(fetch), fetch->address);
    if (takes_each(fetch))
        fetch->address_count = found;
    connect_by(fetch, list);
}

/* The one of them that is to be probed. */
static void connect_by_each(struct fetch *fetch, const char *addresses)
{
    const char *at = addresses, *comma;
    fetch->address_count = 1;
    for (; (comma = strchr(at, ',')); at = comma + 1, fetch->address_count++)
        if (fetch->address_count > fetch->address)
            break;
    char one[100];
    snprintf(one, sizeof one, "%.*s", (int)strcspn(at, ","), at);
    if (comma)
        fetch->address_count = fetch->address + 2; /* there is more */
    connect_by(fetch, one);
}

/* The addresses that the option `resolve` gives, or NULL. */
static const char *fixed_addresses(const struct fetch *fetch)
{
    char prefix[300];
    int n = snprintf(prefix, sizeof prefix, "%s:%u:", fetch->way.host,
                     fetch->way.port);
    const struct rlv_list *list = &fetch->conf->resolve;
    for (size_t i = 0; i < list->count; i++)
        if (!strncasecmp(list->items[i], prefix, (size_t)n))
            return list->items[i] + n;
    return NULL;
}

static bool family_fits(const struct fetch *fetch)
{
    int64_t family = fetch->conf->net.ip_family;
    return family == KIT_FAMILY_ANY ||
           (family == KIT_FAMILY_6) == (fetch->way.host[0] == '[');
}

static void resolve(struct fetch *fetch)
{
    static const int families[] = {[KIT_FAMILY_ANY] = AF_UNSPEC,
                                   [KIT_FAMILY_4] = AF_INET,
                                   [KIT_FAMILY_6] = AF_INET6};
    fetch->stage = STAGE_RESOLVE;
    fetch->stage_ns = http_host->now();
    http_host->resolve(fetch->probe, fetch->way.host, fetch->way.port,
                       families[fetch->conf->net.ip_family], on_resolved,
                       fetch);
}

void way_begin(struct fetch *fetch)
{
    const struct way *way = &fetch->way;
    const char *fixed = NULL;
    if (way->literal && !family_fits(fetch)) {
        fetch_fail(fetch, RLV_F_CONFIG, "ip_family",
                   "the address is not of the family that ip_family asks for");
        return;
    }
    if (fetch->conf->resolve.count && !way->unix_path && !way->literal)
        fixed = fixed_addresses(fetch);
    if (fixed && takes_each(fetch))
        connect_by_each(fetch, fixed);
    else if (fixed)
        connect_by(fetch, fixed);
    else if (way->unix_path || way->literal)
        fetch_transfer(fetch);
    else
        resolve(fetch);
}

/* ------------------------------------------------------------ validation - */

static bool check_resolve(const struct rlv_list *list, char *why, size_t size)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *item = list->items[i];
        const char *colon = strchr(item, ':');
        size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
        if (!colon || colon == item || !digits || colon[1 + digits] != ':' ||
            !colon[2 + digits]) {
            snprintf(why, size,
                     "\"%s\" is not of the form host:port:address, such as "
                     "example.com:443:192.0.2.7",
                     item);
            return false;
        }
    }
    return true;
}

static bool check_connect_to(const struct rlv_list *list, char *why,
                             size_t size)
{
    struct leading l;
    for (size_t i = 0; i < list->count; i++) {
        if (!strstr(list->items[i], "{{") &&
            !leading_parse(list->items[i], &l)) {
            snprintf(why, size,
                     "\"%s\" is not of the form host:port:host:port, such as "
                     "example.com:443:backend-2.internal:8443",
                     list->items[i]);
            return false;
        }
    }
    return true;
}

/* The unix socket takes the place of the network. */
static bool check_unix(const struct http_conf *conf, char *why, size_t size)
{
    const char *path = conf->unix_socket;
    const char *other = conf->net.proxy           ? "proxy"
                        : conf->connect_to.count  ? "connect_to"
                        : conf->net.all_addresses ? "all_addresses"
                                                  : NULL;
    const char *flaw =
        path && !strstr(path, "{{") ? kit_unix_path_flaw(path) : NULL;
    if (flaw)
        snprintf(why, size, "%s", flaw);
    else if (path && other)
        snprintf(why, size, "unix_socket and %s exclude each other", other);
    return !path || (!flaw && !other);
}

bool way_validate(const struct http_conf *conf, const char **option, char *why,
                  size_t size)
{
    if (!kit_net_validate(&conf->net, option, why, size))
        return false;
    if (conf->keep_alive && conf->net.all_addresses) {
        *option = "all_addresses";
        snprintf(why, size, "keep_alive and all_addresses exclude each other");
        return false;
    }
    *option = "resolve";
    if (!check_resolve(&conf->resolve, why, size))
        return false;
    *option = "connect_to";
    if (!check_connect_to(&conf->connect_to, why, size))
        return false;
    *option = "unix_socket";
    if (!check_unix(conf, why, size))
        return false;
    *option = NULL;
    return true;
}

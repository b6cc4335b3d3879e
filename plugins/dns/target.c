/* dns/target.c: what is asked for, and whom.
 *
 * dns://server:port/name?type=MX says it all (RFC 4501); or the options name,
 * type and server do. Pure; called when the configuration is loaded, and by
 * each probe. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dns/dns.h"

static bool flaw(char *why, size_t size, const char *text)
{
    snprintf(why, size, "%s", text);
    return false;
}

/* ------------------------------------------------------------------- parts */

static bool take_type(struct target *target, const char *text, size_t len)
{
    static const struct {
        const char *name;
        int number;
    } types[] = {
#define X(name, number) {#name, number},
        DNS_TYPE_MAP(X)
#undef X
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strlen(types[i].name) == len &&
            strncasecmp(types[i].name, text, len) == 0) {
            target->type = types[i].name;
            target->number = types[i].number;
            return true;
        }
    }
    return false;
}

/* The option's number is its word's place in DNS_TYPES. */
static void take_type_option(struct target *target, int64_t type)
{
    const char *at = DNS_TYPES;
    for (; type > 0; type--)
        at += strcspn(at, "|") + 1;
    take_type(target, at, strcspn(at, "|"));
}

/* 192.0.2.1, [2001:db8::1]:5353, ns.example.com:53, 2001:db8::1 */
static bool take_server(struct target *target, const char *text, size_t len,
                        char *why, size_t size)
{
    char all[DNS_NAME + 16];
    unsigned char any[sizeof(struct in6_addr)];
    target->port = 53;
    if (len >= sizeof all)
        return flaw(why, size, "the server is too long");
    snprintf(all, sizeof all, "%.*s", (int)len, text);
    char *host = all, *port = strrchr(all, ':');
    char *bracket = *all == '[' ? strchr(all, ']') : NULL;
    if (inet_pton(AF_INET6, all, any) == 1 || (bracket && !bracket[1]))
        port = NULL;
    if (port && strspn(port + 1, "0123456789") == strlen(port + 1)) {
        unsigned long number =
            strlen(port + 1) < 6 ? strtoul(port + 1, NULL, 10) : 0;
        if (!number || number > 65535)
            return flaw(why, size,
                        "the server's port is not a number from 1 to 65535");
        target->port = (uint16_t)number;
        *port = '\0';
    } else if (port) {
        return flaw(why, size,
                    "the server is a name or an address, with a port where it "
                    "is not 53: 192.0.2.1, [2001:db8::1]:5353, ns.example.com");
    }
    if (bracket) {
        *bracket = '\0';
        host++;
    }
    snprintf(target->server, sizeof target->server, "%s", host);
    return !host[strcspn(host, " []/,@")] ||
           flaw(why, size, "the server is not a name or an address");
}

/* d.c.b.a.in-addr.arpa of a.b.c.d, and the like of IPv6. */
static void reverse(char *name, size_t size)
{
    unsigned char a[sizeof(struct in6_addr)];
    size_t n = 0;
    if (inet_pton(AF_INET, name, a) == 1) {
        snprintf(name, size, "%u.%u.%u.%u.in-addr.arpa", a[3], a[2], a[1],
                 a[0]);
    } else if (inet_pton(AF_INET6, name, a) == 1) {
        for (int i = 15; i >= 0; i--)
            n += (size_t)snprintf(name + n, size - n, "%x.%x.", a[i] & 15,
                                  a[i] >> 4);
        snprintf(name + n, size - n, "ip6.arpa");
    }
}

static bool take_name(struct target *target, const char *text, size_t len,
                      char *why, size_t size)
{
    if (!len)
        return flaw(why, size, "no name to ask for");
    if (len >= sizeof target->name ||
        strcspn(text, " /?#@:") < len) { /* an IPv6 address has colons */
        unsigned char any[sizeof(struct in6_addr)];
        char address[INET6_ADDRSTRLEN];
        snprintf(address, sizeof address, "%.*s", (int)len, text);
        if (len >= sizeof address || inet_pton(AF_INET6, address, any) != 1)
            return flaw(why, size, "what is asked for is no name");
    }
    snprintf(target->name, sizeof target->name, "%.*s", (int)len, text);
    return true;
}

/* --------------------------------------------------------------------- url */

static bool take_query(struct target *target, const char *query, char *why,
                       size_t size)
{
    if (!*query)
        return true;
    if (!strncasecmp(query, "?type=", 6) &&
        take_type(target, query + 6, strlen(query + 6)))
        return true;
    return flaw(why, size,
                "after the name a URL may say ?type=TYPE, with one of "
                "A AAAA CNAME MX NS SOA TXT SRV PTR CAA");
}

static bool take_url(struct target *target, const char *url, char *why,
                     size_t size)
{
    if (strncasecmp(url, "dns://", 6) != 0)
        return flaw(why, size,
                    "a URL is dns://server/name?type=TYPE; dns:///name asks "
                    "the system's resolver");
    const char *server = url + 6;
    size_t len = strcspn(server, "/?");
    const char *name = server + len + (server[len] == '/');
    size_t name_len = strcspn(name, "?");
    if (server[len] != '/')
        return flaw(why, size,
                    "the URL names nothing to ask for: "
                    "dns://server/name?type=TYPE");
    return (!len || take_server(target, server, len, why, size)) &&
           take_name(target, name, name_len, why, size) &&
           take_query(target, name + name_len, why, size);
}

bool target_read(struct target *target, const struct dns_conf *conf,
                 const char **option, char *why, size_t size)
{
    *target = (struct target){.port = 53};
    take_type_option(target, conf->type);
    *option = "url";
    if (conf->url && (conf->name || conf->server))
        return flaw(why, size, "url, and name or server, exclude each other");
    if (conf->url) {
        if (!take_url(target, conf->url, why, size))
            return false;
    } else if (!conf->name) {
        *option = "name";
        return flaw(why, size, "neither url nor name is given");
    } else {
        *option = "server";
        if (conf->server &&
            !take_server(target, conf->server, strlen(conf->server), why, size))
            return false;
        *option = "name";
        if (!take_name(target, conf->name, strlen(conf->name), why, size))
            return false;
    }
    if (target->number == 12)
        reverse(target->name, sizeof target->name);
    return true;
}

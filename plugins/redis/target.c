/* redis/target.c: where a check goes and as whom.
 *
 * A url has the last word on host, port, path, TLS and database; where it is
 * absent, and it may be an optional secret, the options host, port, tls and db
 * say it. username and password of the options come before those in the url.
 * Pure; called when the configuration is loaded, and by each probe. */
#include "redis/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DB_MAX 65535

struct parse {
    struct target *target;
    size_t used; /* of target->text */
    char *why;
    size_t size;
};

static bool flaw(struct parse *parse, const char *why)
{
    snprintf(parse->why, parse->size, "%s", why);
    return false;
}

static int hex(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c | 0x20) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* A part of the url, with %XX decoded, into the target's text. */
static const char *decode(struct parse *parse, const char *from, size_t len)
{
    char *start = parse->target->text + parse->used, *to = start;
    if (len >= sizeof parse->target->text - parse->used) {
        flaw(parse, "the url is too long");
        return NULL;
    }
    for (size_t i = 0; i < len; i++) {
        int high = -1, low = -1;
        if (from[i] == '%' && i + 2 < len) {
            high = hex(from[i + 1]);
            low = hex(from[i + 2]);
        }
        if (from[i] == '%' && (high < 0 || low < 0 || high + low == 0)) {
            flaw(parse, "a % in the url is not followed by two hex digits; "
                        "write %25 for one that is meant");
            return NULL;
        }
        *to++ = high >= 0 ? (char)(high * 16 + low) : from[i];
        i += high >= 0 ? 2 : 0;
    }
    *to++ = '\0';
    parse->used += (size_t)(to - start);
    return start;
}

static bool number(const char *from, size_t len, long max, long *value)
{
    if (!len || len > 5 || strspn(from, "0123456789") < len)
        return false;
    *value = strtol(from, NULL, 10);
    return *value <= max;
}

static bool read_db(struct parse *parse, const char *from, size_t len)
{
    long db;
    if (!number(from, len, DB_MAX, &db))
        return flaw(parse,
                    "the database in the url is not a number, as it is in "
                    "redis://host:6379/0");
    parse->target->db = db;
    return true;
}

static bool read_user(struct parse *parse, const char *from, size_t len)
{
    const char *colon = memchr(from, ':', len);
    size_t name = colon ? (size_t)(colon - from) : len;
    if (name && !(parse->target->username = decode(parse, from, name)))
        return false;
    return !colon ||
           (parse->target->password = decode(parse, colon + 1, len - name - 1));
}

static bool read_host(struct parse *parse, const char *from, size_t len)
{
    const char *host = from, *end = from + len, *after;
    if (len && *from == '[') {
        const char *bracket = memchr(from, ']', len);
        if (!bracket)
            return flaw(parse, "the url has a [ without a ]");
        host = from + 1;
        after = bracket + 1;
        parse->target->host = decode(parse, host, (size_t)(bracket - host));
    } else {
        after = memchr(from, ':', len);
        after = after ? after : end;
        parse->target->host = decode(parse, host, (size_t)(after - host));
    }
    if (!parse->target->host)
        return false;
    if (!*parse->target->host)
        return flaw(parse, "the url names no host");
    long port = 6379;
    if (after < end &&
        (*after != ':' ||
         !number(after + 1, (size_t)(end - after - 1), 65535, &port) || !port))
        return flaw(parse,
                    "the port in the url is not a number from 1 to 65535");
    parse->target->port = (uint16_t)port;
    return true;
}

static bool read_query(struct parse *parse, const char *query)
{
    if (!query)
        return true;
    if (strncmp(query, "db=", 3) != 0)
        return flaw(parse, "the url has parameters; the only one there is, is "
                           "?db=NUMBER");
    return read_db(parse, query + 3, strlen(query + 3));
}

/* After the scheme: [user[:password]@]host[:port][/db][?db=N] */
static bool read_net(struct parse *parse, const char *from)
{
    size_t len = strcspn(from, "/?");
    const char *rest = from + len, *query = strchr(rest, '?');
    const char *at = memrchr(from, '@', len);
    if (at && !read_user(parse, from, (size_t)(at - from)))
        return false;
    size_t skip = at ? (size_t)(at + 1 - from) : 0;
    if (!read_host(parse, from + skip, len - skip))
        return false;
    size_t path = query ? (size_t)(query - rest) : strlen(rest);
    if (path > 1 && !read_db(parse, rest + 1, path - 1))
        return false;
    return read_query(parse, query ? query + 1 : NULL);
}

/* [user[:password]@]/path[?db=N] */
static bool read_unix(struct parse *parse, const char *from)
{
    size_t len = strcspn(from, "?"), user = strcspn(from, "/");
    const char *at = memrchr(from, '@', user);
    if (at && !read_user(parse, from, (size_t)(at - from)))
        return false;
    if (user == strlen(from) || (user && !at))
        return flaw(parse, "the url of a unix socket is unix:///path/to/it");
    parse->target->unix_path = decode(parse, from + user, len - user);
    return parse->target->unix_path &&
           read_query(parse, from[len] ? from + len + 1 : NULL);
}

static bool read_url(struct parse *parse, const char *url)
{
    if (!strncasecmp(url, "unix://", 7))
        return read_unix(parse, url + 7);
    if (!strncasecmp(url, "redis://", 8))
        return read_net(parse, url + 8);
    if (!strncasecmp(url, "rediss://", 9)) {
        parse->target->tls = true;
        return read_net(parse, url + 9);
    }
    return flaw(parse, "the url begins with none of redis:// rediss:// "
                       "unix://");
}

bool target_read(struct target *target, const struct redis_conf *conf,
                 const char **option, char *why, size_t size)
{
    struct parse parse = {.target = target, .why = why, .size = size};
    target->db = conf->db;
    if (conf->url) {
        *option = "url";
        if (!read_url(&parse, conf->url))
            return false;
    } else if (!conf->host || !*conf->host) {
        *option = "host";
        snprintf(why, size, "neither url nor host is given");
        return false;
    } else if (*conf->host == '/') {
        target->unix_path = conf->host;
    } else {
        target->host = conf->host;
        target->port = (uint16_t)conf->port;
        target->tls = conf->tls;
    }
    if (target->unix_path && strlen(target->unix_path) >= 108) {
        *option = conf->url ? "url" : "host";
        snprintf(why, size, "the path of a unix socket has at most 107 bytes");
        return false;
    }
    if (conf->username)
        target->username = conf->username;
    if (conf->password)
        target->password = conf->password;
    return true;
}

/* http/http.c: checks of HTTP and HTTPS services. The tables of the plugin:
 * options, fields, default expectations; and what tables cannot say.
 *
 * Everything that happens at run time begins in fetch.c. */
#include "http/http.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#ifndef RELEVO_VERSION
#define RELEVO_VERSION "0"
#endif

const struct rlv_host *http_host;

#define METHODS "GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS"

// clang-format off
#define OPT(kind, name, flags, field, fallback, limits, help) \
    {name, kind, flags, offsetof(struct http_conf, field), fallback, limits, help}
static const struct rlv_option options[] = {
    OPT(RLV_STRING,   "url", RLV_REQUIRED | RLV_SECRET_PARTS, url, NULL, NULL,
        "What to ask for: http:// or https://, host, path."),
    OPT(RLV_ENUM,     "method", 0, method, "GET", METHODS,
        "The request method; others than GET, HEAD and OPTIONS are never sent twice."),
    OPT(RLV_DICT,     "headers", 0, headers, NULL, NULL,
        "Request headers, by name."),
    OPT(RLV_STRING,   "body", 0, body, NULL, NULL,
        "The request body, sent as JSON if it begins with { or [ and headers name no Content-Type."),
    OPT(RLV_STRING,   "body_file", 0, body_file, NULL, NULL,
        "The request body is what this file holds, up to 16 MiB."),
    OPT(RLV_DICT,     "form", 0, form, NULL, NULL,
        "The request body is a form with these fields (application/x-www-form-urlencoded)."),
    OPT(RLV_STEPS,    "multipart", 0, multipart, NULL, NULL,
        "The request body is a form of these parts (multipart/form-data): name, and value or file, filename, type."),
    OPT(RLV_DICT,     "cookies", 0, cookies, NULL, NULL,
        "Cookies to send, by name."),
    OPT(RLV_ENUM,     "auth", 0, auth, "basic", "basic|digest",
        "How username and password are shown."),
    OPT(RLV_STRING,   "username", 0, username, NULL, NULL,
        "User name for basic or digest authentication."),
    OPT(RLV_SECRET,   "password", 0, password, NULL, NULL,
        "The password to it."),
    OPT(RLV_SECRET,   "bearer", 0, bearer, NULL, NULL,
        "Token, sent as Authorization: Bearer."),
    OPT(RLV_STRING,   "oauth2.token_url", 0, token_url, NULL, NULL,
        "Where a token is to be had by OAuth 2.0 client credentials; it is sent as bearer."),
    OPT(RLV_STRING,   "oauth2.client_id", 0, client_id, NULL, NULL,
        "Who asks for the token."),
    OPT(RLV_SECRET,   "oauth2.client_secret", 0, client_secret, NULL, NULL,
        "The secret to it."),
    OPT(RLV_LIST,     "oauth2.scopes", 0, scopes, NULL, NULL,
        "What the token is to be good for."),
    OPT(RLV_STRING,   "oauth2.audience", 0, audience, NULL, NULL,
        "Whom the token is meant for, where the endpoint wants to know."),
    OPT(RLV_DICT,     "oauth2.params", 0, token_params, NULL, NULL,
        "More fields of the request for the token."),
    OPT(RLV_ENUM,     "oauth2.auth_method", 0, auth_method, "client_secret_basic", "client_secret_basic|client_secret_post",
        "How the secret is shown: as basic authentication, or among the fields."),
    OPT(RLV_BOOL,     "follow_redirects", 0, follow_redirects, "true", NULL,
        "Whether to go on to where a 301, 302, 303, 307 or 308 points."),
    OPT(RLV_INT,      "max_redirects", 0, max_redirects, "5", "0..50",
        "How many redirects to follow before giving up."),
    OPT(RLV_BOOL,     "allow_downgrade", 0, allow_downgrade, "false", NULL,
        "Whether a redirect may lead from https to http."),
    OPT(RLV_ENUM,     "http_version", 0, http_version, "auto", "auto|1.1|2",
        "auto: HTTP/2 where the server offers it within TLS; 2 without TLS: spoken at once."),
    OPT(RLV_BOOL,     "keep_alive", 0, keep_alive, "false", NULL,
        "Reuse the connection of the last probe where it still stands, instead of a new one each time."),
    OPT(RLV_SIZE,     "max_body", 0, max_body, "1MiB", "0B..64MiB",
        "Read no more of the answer's body than this, counted after decompression."),
    OPT(RLV_BOOL,     "compression", 0, compression, "true", NULL,
        "Accept compressed answers and unpack them."),
    OPT(RLV_BOOL,     "health", 0, health, "false", NULL,
        "Read the body as a health page of any usual form: health, component('db'), component_error('db')."),
    OPT(RLV_STRING,   "user_agent", 0, user_agent, "relevo/" RELEVO_VERSION, NULL,
        "The User-Agent header."),
    OPT(RLV_STRING,   "host_header", 0, host_header, NULL, NULL,
        "The Host header, where it is not the host of the url."),
    OPT(RLV_LIST,     "resolve", 0, resolve, NULL, NULL,
        "Addresses to use instead of asking DNS: \"host:port:address\"."),
    OPT(RLV_LIST,     "connect_to", 0, connect_to, NULL, NULL,
        "Hosts to connect to instead: \"host:port:other-host:other-port\"; what is empty fits all, or stays."),
    OPT(RLV_STRING,   "unix_socket", 0, unix_socket, NULL, NULL,
        "Connect to this unix socket instead of the url's host: a path, or @name."),
    KIT_NET_OPTIONS(http_conf, net),
};

static const struct rlv_field fields[] = {
    [FIELD_STATUS]        = {"status", RLV_T_INT, RLV_RECORDED, "",
        "Status code of the last response."},
    [FIELD_LATENCY]       = {"latency", RLV_T_DURATION, RLV_RECORDED, "",
        "From the start of the probe to the last byte, redirects included."},
    [FIELD_BODY]          = {"body", RLV_T_BODY, RLV_COSTLY, "",
        "The body, unpacked, at most max_body."},
    [FIELD_HEADER]        = {"header", RLV_T_MAP, RLV_NOCASE | RLV_COSTLY, "",
        "A response header by name: header('content-type')."},
    [FIELD_SIZE]          = {"size", RLV_T_SIZE, RLV_RECORDED, "",
        "Bytes of the body, unpacked, as far as it was read."},
    [FIELD_TRUNCATED]     = {"truncated", RLV_T_BOOL, 0, "",
        "Whether the body was longer than max_body and was cut there."},
    [FIELD_REDIRECTS]     = {"redirects", RLV_T_INT, 0, "",
        "How many redirects were followed."},
    [FIELD_URL_EFFECTIVE] = {"url_effective", RLV_T_TEXT, 0, "",
        "The URL that answered in the end, without credentials."},
    [FIELD_IP]            = {"ip", RLV_T_TEXT, 0, "",
        "The address that answered."},
    [FIELD_HTTP_VERSION]  = {"http_version", RLV_T_TEXT, 0, "",
        "1.0, 1.1 or 2, as spoken by the server."},
    [FIELD_SHA256]        = {"sha256", RLV_T_TEXT, RLV_COSTLY, "",
        "SHA-256 of the body as far as it was read, in hexadecimal."},
    [FIELD_CHANGED]       = {"changed", RLV_T_BOOL, RLV_COSTLY, "",
        "Whether the body is another one than in the probe before."},
    [FIELD_HEALTH]        = {"health", RLV_T_TEXT, RLV_RECORDED, "",
        "With health = true, what the page says of the whole: ok, degraded, fail, unknown, or its own word."},
    [FIELD_COMPONENT]     = {"component", RLV_T_MAP, RLV_RECORDED, "",
        "Likewise of each part: component('db') is ok, degraded, fail, unknown, or the text that stands there."},
    [FIELD_COMPONENT_ERROR] = {"component_error", RLV_T_MAP, RLV_RECORDED, "",
        "What the page says is wrong with a part that is not ok."},
    [FIELD_CERT_EXPIRY_OF] = {"cert_expiry_of", RLV_T_MAP, RLV_NOCASE | RLV_COSTLY, "",
        "Until the certificate of a host on the way expires: cert_expiry_of('sso.example.com'), with its port where that is not 443."},
    [FIELD_RETRY_AFTER]   = {"retry_after", RLV_T_DURATION, 0, "",
        "How long the server asks to wait (Retry-After, seconds or a date); absent where it does not."},
    KIT_FACT_FIELDS(FIELD_TLS),
};
// clang-format on

static const char *const expects[] = {"status in 200..299", NULL};
static const char *const warn_unless[] = {"cert_expiry > 14d", NULL};

const char *http_method_name(enum http_method method)
{
    static const char *const names[] = {"GET",   "HEAD",   "POST",   "PUT",
                                        "PATCH", "DELETE", "OPTIONS"};
    return names[method];
}

/* ------------------------------------------------------------ validation - */

const char *http_broken_option(const struct http_conf *conf)
{
    const struct rlv_pair texts[] = {{"user_agent", conf->user_agent},
                                     {"host_header", conf->host_header},
                                     {"bearer", conf->bearer}};
    return kit_broken_text(texts, sizeof texts / sizeof *texts);
}

static bool check_headers(const struct http_conf *conf, const char **option,
                          char *why, size_t size)
{
    const char *broken = http_broken_option(conf);
    if (broken) {
        *option = broken;
        snprintf(why, size, "%s has a line break in its value", broken);
        return false;
    }
    for (size_t i = 0; i < conf->headers.count; i++) {
        const struct rlv_pair *header = &conf->headers.pairs[i];
        const char *flaw = kit_header_flaw(header);
        if (!flaw && conf->bearer && !strcasecmp(header->key, "authorization"))
            flaw = "is given twice: here and by bearer";
        if (flaw) {
            *option = "headers";
            snprintf(why, size, "\"%s\" %s", header->key, flaw);
            return false;
        }
    }
    return true;
}

/* A url with a {{name}} in it is complete only at run time. */
static bool check_url(const struct http_conf *conf, const char **option,
                      char *why, size_t size)
{
    if (strstr(conf->url, "{{"))
        return true;
    struct target target = {0};
    bool ok = target_parse(&target, conf->url, why, size);
    target_fini(&target);
    if (!ok)
        *option = "url";
    return ok;
}

static bool validate(const void *arg, const char **option, char *why,
                     size_t size)
{
    const struct http_conf *conf = arg;
    return auth_validate(conf, option, why, size) &&
           oauth_validate(conf, option, why, size) &&
           body_validate(conf, option, why, size) &&
           check_url(conf, option, why, size) &&
           check_headers(conf, option, why, size) &&
           way_validate(conf, option, why, size);
}

static int init(const struct rlv_host *host)
{
    http_host = host;
    return kit_init(host);
}

RLV_PLUGIN(.name = "http", .version = RELEVO_VERSION,
           .summary = "HTTP and HTTPS services: status, body, headers, timing, "
                      "certificate",
           RLV_OPTIONS(struct http_conf, options), RLV_FIELDS(fields),
           .expects = expects, .warn_unless = warn_unless, .init = init,
           .validate = validate, .start = http_start);

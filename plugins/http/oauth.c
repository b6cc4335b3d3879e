/* http/oauth.c: a token by OAuth 2.0 client credentials (RFC 6749 section 4.4).
 *
 * Owns the token that a check keeps, on the heap, until the check's scope ends.
 * Called by fetch.c: a probe without a token that is still good asks for one
 * first, as a hop of its own and within its own time limit.
 *
 * Happy path: oauth_begin() sends the fetch to token_url; request.c has
 * oauth_set() put the request together; fetch_transferred() calls
 * oauth_answered(), which reads the token and keeps it.
 *
 * Ways it can fail: as any hop can (fault.c, which names the token endpoint);
 * the endpoint refuses, and says why; its answer is no token. The body of its
 * answer is no evidence: it may hold a token. A token that the server refuses
 * with 401 is forgotten, and asked for anew by the next probe. */
#include "http/http.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SECOND    1000000000ll /* nanoseconds */
#define UNSAID_S  300          /* it is good for, where nothing is said */
#define MOST_S    86400        /* kept no longer, whatever is said */
#define TOKEN_MAX (16 * 1024)

/* ------------------------------------------------------------------ kept - */

static uint64_t mix(uint64_t hash, const char *text)
{
    for (; text && *text; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return (hash ^ 0xff) * 1099511628211u; /* FNV-1a */
}

/* Values that are filled in at run time may make it another client's. */
static uint64_t print_of(const struct http_conf *conf)
{
    uint64_t hash = mix(14695981039346656037u, conf->token_url);
    hash = mix(mix(hash, conf->client_id), conf->client_secret);
    hash = mix(hash, conf->audience);
    for (size_t i = 0; i < conf->scopes.count; i++)
        hash = mix(hash, conf->scopes.items[i]);
    for (size_t i = 0; i < conf->token_params.count; i++)
        hash = mix(mix(hash, conf->token_params.pairs[i].key),
                   conf->token_params.pairs[i].value);
    return hash;
}

static struct token *kept(struct fetch *fetch)
{
    struct kept *kept = http_host->keep(fetch->probe, sizeof *kept);
    return &kept->token;
}

static void forget(void *arg)
{
    struct token *token = arg;
    free(token->text);
    token->text = NULL;
}

void oauth_forget(struct fetch *fetch) { kept(fetch)->until_ns = 0; }

static void keep(struct fetch *fetch, const char *text, int64_t good_s)
{
    struct token *token = kept(fetch);
    if (!token->deferred)
        http_host->defer(http_host->check_scope(fetch->probe), forget, token);
    token->deferred = true;
    free(token->text);
    token->text = kit_strdup(text);
    token->print = print_of(fetch->conf);
    /* Not to the last moment: it has to arrive, too. */
    token->until_ns = http_host->now() + (good_s - good_s / 10) * SECOND;
}

/* -------------------------------------------------------------- question - */

bool oauth_begin(struct fetch *fetch)
{
    char why[200];
    const struct token *token = kept(fetch);
    if (token->text && token->until_ns > http_host->now() &&
        token->print == print_of(fetch->conf)) {
        fetch->token = fetch_text(fetch, token->text);
        return false;
    }
    fetch->asks_token = true;
    fetch->stage_ns = fetch->started_ns = http_host->now();
    target_fini(&fetch->target);
    if (target_parse(&fetch->target, fetch->conf->token_url, why, sizeof why))
        fetch_hop(fetch);
    else
        fetch_fail(fetch, RLV_F_CONFIG, "oauth2.token_url", why);
    return true;
}

static void add_scopes(struct fetch *fetch, CURL *easy)
{
    const struct rlv_list *scopes = &fetch->conf->scopes;
    struct bytes text = {0};
    for (size_t i = 0; i < scopes->count; i++) {
        if (i)
            bytes_append(&text, " ", 1);
        bytes_append(&text, scopes->items[i], strlen(scopes->items[i]));
    }
    bytes_append(&text, "", 1);
    if (scopes->count)
        body_add_field(&fetch->sent, easy, "scope", text.at);
    free(text.at);
}

/* As a user's name and password, each encoded like a form's field before (RFC
 * 6749 section 2.3.1). */
static void set_basic(const struct http_conf *conf, CURL *easy)
{
    char *id = curl_easy_escape(easy, conf->client_id, 0);
    char *secret = curl_easy_escape(easy, conf->client_secret, 0);
    curl_easy_setopt(easy, CURLOPT_USERNAME, id);
    curl_easy_setopt(easy, CURLOPT_PASSWORD, secret);
    curl_free(id);
    curl_free(secret);
}

bool oauth_set(struct fetch *fetch, CURL *easy)
{
    const struct http_conf *conf = fetch->conf;
    struct bytes *form = &fetch->sent;
    body_add_field(form, easy, "grant_type", "client_credentials");
    add_scopes(fetch, easy);
    if (conf->audience)
        body_add_field(form, easy, "audience", conf->audience);
    for (size_t i = 0; i < conf->token_params.count; i++)
        body_add_field(form, easy, conf->token_params.pairs[i].key,
                       conf->token_params.pairs[i].value);
    if (conf->auth_method == HTTP_SECRET_BASIC) {
        set_basic(conf, easy);
    } else {
        body_add_field(form, easy, "client_id", conf->client_id);
        body_add_field(form, easy, "client_secret", conf->client_secret);
    }
    body_send(easy, form->at, form->len);
    if (!kit_list_add(&fetch->headers, "Accept: application/json") ||
        !kit_list_add(&fetch->headers, "Expect:"))
        return false;
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fetch->headers);
    return true;
}

/* ---------------------------------------------------------------- answer - */

static const char *text_of(const json_t *answer, const char *name)
{
    const char *text = json_string_value(json_object_get(answer, name));
    return text ? text : "";
}

/* The reason is the endpoint's own word: invalid_client, invalid_scope, …. */
static void refused(struct fetch *fetch, const char *peer, long status,
                    const json_t *answer)
{
    char code[32];
    const char *error = text_of(answer, "error");
    const char *more = text_of(answer, "error_description");
    bool ours = *error && status >= 400 && status < 500 && status != 429;
    snprintf(code, sizeof code, "%ld", status);
    http_host->fault(fetch->probe,
                     ours            ? RLV_F_AUTH
                     : status >= 400 ? kit_status_fault(status)
                                     : RLV_F_PROTOCOL,
                     ours ? error : code, 0,
                     "%s answered %ld %s%s%.100s%s%.150s", peer, status,
                     kit_status_text(status), *error ? ": " : "", error,
                     *more ? ": " : "", more);
}

static void not_a_token(struct fetch *fetch, const char *peer, const char *what)
{
    http_host->fault(fetch->probe, RLV_F_PROTOCOL, "token", 0,
                     "answer of %s: %s", peer, what);
}

/* Some send it as a text. */
static int64_t good_for_s(const json_t *answer)
{
    const json_t *value = json_object_get(answer, "expires_in");
    double s = json_is_string(value) ? strtod(json_string_value(value), NULL)
                                     : json_number_value(value);
    return !value || json_is_null(value) || s != s ? UNSAID_S
           : s <= 0                                ? 0
           : s < MOST_S                            ? (int64_t)s
                                                   : MOST_S;
}

static bool fits_header(const char *token)
{
    for (const char *c = token; *c; c++)
        if (*c <= ' ' || *c > '~')
            return false;
    return true;
}

/* False: the fault is set. */
static bool take(struct fetch *fetch, const char *peer, const json_t *answer)
{
    const char *token = text_of(answer, "access_token");
    const char *type = text_of(answer, "token_type");
    if (!*token)
        not_a_token(fetch, peer,
                    "no JSON of at most 64 KiB with an access_token");
    else if (*type && strcasecmp(type, "bearer"))
        not_a_token(fetch, peer, "its token_type is not Bearer");
    else if (strlen(token) > TOKEN_MAX || !fits_header(token))
        not_a_token(fetch, peer, "the access_token fits into no header");
    else {
        keep(fetch, token, good_for_s(answer));
        fetch->token = fetch_text(fetch, token);
        return true;
    }
    return false;
}

bool oauth_answered(struct fetch *fetch, CURLcode rc)
{
    char peer[600];
    long status = 0;
    const struct bytes *body = &fetch->handle->body;
    http_host->phase(fetch->probe, RLV_PH_AUTH,
                     http_host->now() - fetch->started_ns);
    if (rc != CURLE_OK && !(rc == CURLE_WRITE_ERROR && fetch->cut)) {
        fault_transfer(fetch, rc);
        return false;
    }
    curl_easy_getinfo(fetch->handle->transfer.easy, CURLINFO_RESPONSE_CODE,
                      &status);
    fault_peer_text(fetch, peer, sizeof peer);
    if (fault_proxy_auth(fetch, status))
        return false;
    json_t *answer = json_loadb(body->at ? body->at : "", body->len, 0, NULL);
    bool ok = status == 200 && take(fetch, peer, answer);
    if (status != 200)
        refused(fetch, peer, status, answer);
    json_decref(answer);
    if (body->len)
        memset(body->at, 0, body->len);
    fetch->asks_token = false;
    return ok;
}

/* ------------------------------------------------------------- no traces - */

static void blot(struct bytes *bytes, const char *token, size_t len)
{
    char *at = bytes->at, *found;
    size_t left = bytes->len;
    while (left >= len && (found = memmem(at, left, token, len))) {
        memset(found, '*', len);
        left -= (size_t)(found + len - at);
        at = found + len;
    }
}

/* A server may echo what it got. */
void oauth_hide(struct fetch *fetch)
{
    size_t len = fetch->token ? strlen(fetch->token) : 0;
    if (len) {
        blot(&fetch->handle->head, fetch->token, len);
        blot(&fetch->handle->body, fetch->token, len);
    }
}

/* ------------------------------------------------------------ validation - */

bool oauth_validate(const struct http_conf *conf, const char **option,
                    char *why, size_t size)
{
    struct target target = {0};
    *option = "oauth2.token_url";
    if (!conf->token_url) {
        bool given = conf->client_id || conf->client_secret || conf->audience ||
                     conf->scopes.count || conf->token_params.count;
        if (given)
            snprintf(why, size, "oauth2 needs its token_url");
        else
            *option = NULL;
        return !given;
    }
    bool ok = strstr(conf->token_url, "{{") ||
              target_parse(&target, conf->token_url, why, size);
    target_fini(&target);
    if (!ok)
        return false;
    *option = !conf->client_id       ? "oauth2.client_id"
              : !conf->client_secret ? "oauth2.client_secret"
                                     : NULL;
    if (*option) {
        snprintf(why, size, "%s is missing: oauth2 needs both", *option);
        return false;
    }
    if (!conf->bearer && !conf->username)
        return true;
    *option = "oauth2.token_url";
    snprintf(why, size, "oauth2 and %s exclude each other",
             conf->bearer ? "bearer" : "username");
    return false;
}

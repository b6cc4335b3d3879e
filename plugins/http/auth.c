/* http/auth.c: who we are: basic, digest, a bearer token; and cookies, which
 * last from hop to hop of one probe.
 *
 * Owns nothing but the jar of cookies, which hangs on the fetch until
 * auth_release(). Called by fetch.c and request.c. All of it is for the origin
 * only, but for cookies that a server has set: those go where it said. */
#include "http/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ----------------------------------------------------------- credentials - */

/* Credentials in the URL leave it, so that no text made of it shows them; the
 * options of that name come first. */
void auth_take(struct fetch *fetch)
{
    CURLU *url = fetch->target.url;
    char *user = NULL, *password = NULL;
    fetch->username = fetch->conf->username;
    fetch->password = fetch->conf->password;
    curl_url_get(url, CURLUPART_USER, &user, CURLU_URLDECODE);
    curl_url_get(url, CURLUPART_PASSWORD, &password, CURLU_URLDECODE);
    if (user && !fetch->username && !fetch->conf->bearer && !fetch->token) {
        fetch->username = fetch_text(fetch, user);
        fetch->password = password ? fetch_text(fetch, password) : NULL;
    }
    if (user)
        curl_url_set(url, CURLUPART_USER, NULL, 0);
    if (password)
        curl_url_set(url, CURLUPART_PASSWORD, NULL, 0);
    curl_free(user);
    curl_free(password);
}

static bool is_digest(const struct fetch *fetch)
{
    return fetch->conf->auth == HTTP_AUTH_DIGEST && fetch->username &&
           fetch_at_origin(fetch);
}

void auth_set(struct fetch *fetch, CURL *easy)
{
    fetch->responses = 0;
    if (!fetch->username || !fetch_at_origin(fetch))
        return;
    curl_easy_setopt(easy, CURLOPT_USERNAME, fetch->username);
    curl_easy_setopt(easy, CURLOPT_PASSWORD,
                     fetch->password ? fetch->password : "");
    if (!is_digest(fetch))
        return;
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_DIGEST);
    /* The second request goes over the connection of the first. */
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 0L);
}

/* After the challenge the connection is not to be kept, as otherwise. */
void auth_on_status(struct fetch *fetch, const char *line, size_t len)
{
    const char *blank = memchr(line, ' ', len);
    bool challenge = blank && len - (size_t)(blank - line) > 3 &&
                     memcmp(blank + 1, "401", 3) == 0;
    if (is_digest(fetch) && !fetch->conf->keep_alive &&
        (!challenge || fetch->responses++))
        curl_easy_setopt(fetch->handle->transfer.easy, CURLOPT_FORBID_REUSE,
                         1L);
}

bool auth_headers(struct fetch *fetch)
{
    const char *token = fetch->token ? fetch->token : fetch->conf->bearer;
    return !token || !fetch_at_origin(fetch) ||
           kit_list_add(&fetch->headers, "Authorization: Bearer %s", token);
}

/* --------------------------------------------------------------- cookies - */

/* A header of that name would be sent beside the cookies that were set. */
static const char *own_header(const struct http_conf *conf)
{
    for (size_t i = 0; i < conf->headers.count; i++)
        if (!strcasecmp(conf->headers.pairs[i].key, "cookie"))
            return conf->headers.pairs[i].value;
    return NULL;
}

static void add_cookie(struct bytes *to, const char *name, const char *value)
{
    if (to->len)
        bytes_append(to, "; ", 2);
    bytes_append(to, name, strlen(name));
    if (value) {
        bytes_append(to, "=", 1);
        bytes_append(to, value, strlen(value));
    }
}

void cookies_set(struct fetch *fetch, CURL *easy)
{
    const struct rlv_dict *own = &fetch->conf->cookies;
    const char *header = own_header(fetch->conf);
    struct bytes text = {0};
    if (fetch->conf->follow_redirects)
        curl_easy_setopt(easy, CURLOPT_COOKIEFILE, ""); /* takes them */
    for (const struct curl_slist *at = fetch->jar; at; at = at->next)
        curl_easy_setopt(easy, CURLOPT_COOKIELIST, at->data);
    if (!fetch_at_origin(fetch) || (!header && !own->count))
        return;
    if (header)
        add_cookie(&text, header, NULL);
    for (size_t i = 0; i < own->count; i++)
        add_cookie(&text, own->pairs[i].key, own->pairs[i].value);
    bytes_append(&text, "", 1);
    curl_easy_setopt(easy, CURLOPT_COOKIE, text.at);
    free(text.at);
}

/* libcurl has judged them: for which hosts, paths, how long. */
void cookies_take(struct fetch *fetch)
{
    struct curl_slist *jar = NULL;
    curl_easy_getinfo(fetch->handle->transfer.easy, CURLINFO_COOKIELIST, &jar);
    cookies_drop(fetch);
    fetch->jar = jar;
}

void cookies_drop(struct fetch *fetch)
{
    curl_slist_free_all(fetch->jar);
    fetch->jar = NULL;
}

/* ------------------------------------------------------------ validation - */

static bool check_cookies(const struct rlv_dict *cookies, char *why,
                          size_t size)
{
    for (size_t i = 0; i < cookies->count; i++) {
        const struct rlv_pair *cookie = &cookies->pairs[i];
        if (kit_header_flaw(cookie) || strchr(cookie->value, ';')) {
            snprintf(why, size,
                     "\"%s\" is no cookie: a name, and a value without line "
                     "breaks and semicolons",
                     cookie->key);
            return false;
        }
    }
    return true;
}

bool auth_validate(const struct http_conf *conf, const char **option, char *why,
                   size_t size)
{
    if (!kit_auth_validate(conf->username, conf->password, conf->bearer, option,
                           why, size))
        return false;
    if (conf->auth == HTTP_AUTH_DIGEST && (conf->bearer || conf->token_url)) {
        *option = "auth";
        snprintf(why, size,
                 "digest goes with username and password, not with "
                 "a token");
        return false;
    }
    if (!check_cookies(&conf->cookies, why, size)) {
        *option = "cookies";
        return false;
    }
    return true;
}

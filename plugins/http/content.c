/* http/content.c: what is made of the body: its hash, whether that is another
 * one than in the probe before, and what it says as a health page (health.c).
 *
 * Owns the digest of a fetch, while somebody reads a field that needs it, and
 * what was read of a health page, where the check asks for that; and the last
 * hash, in the check's own block. Called by answer.c as the body comes in. A
 * fetch begins anew at every hop: only the last answer counts. */
#include "http/http.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

void content_begin(struct fetch *fetch)
{
    content_end(fetch);
    if (!http_host->wants(fetch->probe, FIELD_SHA256) &&
        !http_host->wants(fetch->probe, FIELD_CHANGED))
        return;
    fetch->digest = EVP_MD_CTX_new();
    if (fetch->digest && !EVP_DigestInit_ex(fetch->digest, EVP_sha256(), NULL))
        content_end(fetch);
}

void content_add(struct fetch *fetch, const char *at, size_t n)
{
    if (fetch->digest)
        EVP_DigestUpdate(fetch->digest, at, n);
}

/* ------------------------------------------------------------------- hash - */

/* The first probe of a check in a worker has nothing to compare with. */
static bool is_another(struct fetch *fetch, const unsigned char *hash)
{
    struct kept *kept = http_host->keep(fetch->probe, sizeof *kept);
    bool other = kept->hashed && memcmp(kept->hash, hash, HTTP_HASH) != 0;
    memcpy(kept->hash, hash, HTTP_HASH);
    kept->hashed = true;
    return other;
}

static void observe_hash(struct fetch *fetch)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    char text[2 * HTTP_HASH];
    if (!fetch->digest || !EVP_DigestFinal_ex(fetch->digest, hash, NULL))
        return;
    for (size_t i = 0; i < HTTP_HASH; i++) {
        text[2 * i] = "0123456789abcdef"[hash[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[hash[i] & 15];
    }
    http_host->observe(fetch->probe, FIELD_SHA256,
                       rlv_text_n(text, sizeof text));
    http_host->observe(fetch->probe, FIELD_CHANGED,
                       rlv_bool(is_another(fetch, hash)));
}

/* ----------------------------------------------------------------- health - */

size_t content_needs(const struct fetch *fetch)
{
    return fetch->conf->health ? HEALTH_BODY : 0;
}

static void observe_component(struct fetch *fetch, const struct component *c)
{
    http_host->observe_key(fetch->probe, FIELD_COMPONENT, c->name,
                           rlv_text(c->state));
    if (c->error)
        http_host->observe_key(fetch->probe, FIELD_COMPONENT_ERROR, c->name,
                               rlv_text(c->error));
}

static void observe_health(struct fetch *fetch)
{
    const struct bytes *body = &fetch->handle->body;
    struct rlv_scope *scope = http_host->probe_scope(fetch->probe);
    struct health *health = http_host->alloc(scope, sizeof *health);
    if (fetch->body_bytes > HEALTH_BODY ||
        !health_read(health, body->at ? body->at : "", body->len)) {
        http_host->log(fetch->probe, RLV_LOG_INFO,
                       "the body is no health page of a known form");
        return;
    }
    fetch->health = health;
    http_host->observe(fetch->probe, FIELD_HEALTH, rlv_text(health->state));
    for (size_t i = 0; i < health->count; i++)
        observe_component(fetch, &health->components[i]);
}

bool content_is_bad(const struct fetch *fetch, char *text, size_t size)
{
    const struct health *health = fetch->health;
    text[0] = '\0';
    if (!health || !health_is_bad(health))
        return false;
    const struct component *cause = health_cause(health);
    if (!cause)
        snprintf(text, size, "its health is %.100s", health->state);
    else
        snprintf(text, size, "%s is %.150s%s%.150s", cause->name, cause->state,
                 cause->error ? ": " : "", cause->error ? cause->error : "");
    return true;
}

/* -------------------------------------------------------------------- all - */

void content_end(struct fetch *fetch)
{
    EVP_MD_CTX_free(fetch->digest);
    fetch->digest = NULL;
    if (fetch->health)
        health_end(fetch->health);
    fetch->health = NULL;
}

void content_observe(struct fetch *fetch)
{
    observe_hash(fetch);
    if (fetch->conf->health)
        observe_health(fetch);
}

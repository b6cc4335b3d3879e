/* websocket/upgrade.c: the opening handshake (RFC 6455 section 4): the
 * request, and the answer held against it.
 *
 * Pure but for the random key. Called by handshake.c, and by websocket.c for
 * what would break the request. The answer is judged as a strict client must:
 * 101, Upgrade, Connection, the right Accept, nothing that was not asked for.
 */
#include "websocket/websocket.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "kit/head.h"

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

/* ------------------------------------------------------------------- key - */

/* The kernel's, which costs a third of OpenSSL's. So few bytes always come at
 * once, where it has such a call at all. */
void upgrade_random(void *bytes, size_t n)
{
    if (getrandom(bytes, n, 0) != (ssize_t)n)
        RAND_bytes(bytes, (int)n);
}

void upgrade_key(char key[WS_KEY])
{
    unsigned char bytes[16];
    upgrade_random(bytes, sizeof bytes);
    EVP_EncodeBlock((unsigned char *)key, bytes, sizeof bytes);
}

void upgrade_accept(const char *key, char accept[29])
{
    char text[WS_KEY + sizeof GUID];
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    int n = snprintf(text, sizeof text, "%s" GUID, key);
    EVP_Digest(text, (size_t)n, digest, &len, EVP_sha1(), NULL);
    EVP_EncodeBlock((unsigned char *)accept, digest, 20);
}

/* --------------------------------------------------------------- request - */

struct writer {
    char *at;
    size_t len, size;
};

RLV_PRINTF(2, 3)
static void put(struct writer *out, const char *fmt, ...)
{
    size_t room = out->size - out->len;
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(out->at + out->len, room, fmt, args);
    va_end(args);
    /* One that does not fit fills it, and then nothing else fits. */
    out->len += n < 0 || (size_t)n >= room ? room : (size_t)n;
}

static bool given(const struct websocket_conf *conf, const char *name)
{
    for (size_t i = 0; i < conf->headers.count; i++)
        if (!strcasecmp(conf->headers.pairs[i].key, name))
            return true;
    return false;
}

static void put_basic(struct writer *out, const char *user,
                      const char *password)
{
    size_t size = strlen(user) + (password ? strlen(password) : 0) + 2;
    char *plain = kit_malloc(size), *coded = kit_malloc(size * 4 / 3 + 5);
    int n = snprintf(plain, size, "%s:%s", user, password ? password : "");
    EVP_EncodeBlock((unsigned char *)coded, (unsigned char *)plain, n);
    put(out, "Authorization: Basic %s\r\n", coded);
    free(coded);
    free(plain);
}

static void put_auth(struct writer *out, const struct websocket_conf *conf,
                     const struct target *target)
{
    if (conf->bearer)
        put(out, "Authorization: Bearer %s\r\n", conf->bearer);
    else if (conf->username)
        put_basic(out, conf->username, conf->password);
    else if (target->username && !given(conf, "authorization"))
        put_basic(out, target->username, target->password);
}

static void put_offers(struct writer *out, const struct websocket_conf *conf)
{
    for (size_t i = 0; i < conf->subprotocols.count; i++)
        put(out, "%s%s",
            i ? ", " : "Sec-WebSocket-Protocol: ", conf->subprotocols.items[i]);
    if (conf->subprotocols.count)
        put(out, "\r\n");
}

size_t upgrade_request(const struct websocket_conf *conf,
                       const struct target *target, const char *key, char *at,
                       size_t size)
{
    struct writer out = {at, 0, size};
    put(&out, "GET %s HTTP/1.1\r\n", target->resource);
    if (!given(conf, "host"))
        put(&out, "Host: %s\r\n",
            conf->host_header ? conf->host_header : target->authority);
    put(&out,
        "Upgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n",
        key);
    if (conf->origin)
        put(&out, "Origin: %s\r\n", conf->origin);
    if (!given(conf, "user-agent") && *conf->user_agent)
        put(&out, "User-Agent: %s\r\n", conf->user_agent);
    put_offers(&out, conf);
    put_auth(&out, conf, target);
    for (size_t i = 0; i < conf->headers.count; i++)
        put(&out, "%s: %s\r\n", conf->headers.pairs[i].key,
            conf->headers.pairs[i].value);
    put(&out, "\r\n");
    return out.len < size ? out.len : 0;
}

/* -------------------------------------------------------------- options -- */

static const char *header_flaw(const struct websocket_conf *conf,
                               const struct rlv_pair *header)
{
    static const struct {
        const char *name, *flaw;
    } own[] = {
        {"upgrade", "is the handshake's own"},
        {"connection", "is the handshake's own"},
        {"sec-websocket-key", "is the handshake's own"},
        {"sec-websocket-version", "is the handshake's own"},
        {"sec-websocket-extensions", "would offer what is not spoken here"},
        {"sec-websocket-protocol", "is what the option subprotocols is for"},
        {"origin", "is what the option origin is for"},
    };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (!strcasecmp(header->key, own[i].name))
            return own[i].flaw;
    if ((conf->bearer || conf->username) &&
        !strcasecmp(header->key, "authorization"))
        return "is given twice: here and by bearer or username";
    return kit_header_flaw(header);
}

static const char *broken_text(const struct websocket_conf *conf)
{
    const struct rlv_pair texts[] = {{"origin", conf->origin},
                                     {"user_agent", conf->user_agent},
                                     {"host_header", conf->host_header},
                                     {"bearer", conf->bearer}};
    return kit_broken_text(texts, sizeof texts / sizeof *texts);
}

const char *upgrade_flaw(const struct websocket_conf *conf, char *why,
                         size_t size)
{
    const char *broken = broken_text(conf);
    if (broken) {
        snprintf(why, size, "%s has a line break in its value", broken);
        return broken;
    }
    for (size_t i = 0; i < conf->headers.count; i++) {
        const char *flaw = header_flaw(conf, &conf->headers.pairs[i]);
        if (flaw) {
            snprintf(why, size, "\"%s\" %s", conf->headers.pairs[i].key, flaw);
            return "headers";
        }
    }
    for (size_t i = 0; i < conf->subprotocols.count; i++) {
        struct rlv_pair token = {conf->subprotocols.items[i], ""};
        if (kit_header_flaw(&token)) {
            snprintf(why, size, "\"%s\" is not the name of a subprotocol",
                     token.key);
            return "subprotocols";
        }
    }
    return NULL;
}

/* ---------------------------------------------------------------- answer - */

size_t upgrade_head_length(const char *bytes, size_t len)
{
    const char *end = memmem(bytes, len, "\r\n\r\n", 4);
    return end ? (size_t)(end - bytes) + 4 : 0;
}

int upgrade_status(const char *head, size_t len)
{
    if (len < 13 || memcmp(head, "HTTP/1.", 7) || head[8] != ' ' ||
        (head[12] != ' ' && head[12] != '\r'))
        return 0;
    int status = 0;
    for (int i = 9; i < 12; i++) {
        if (head[i] < '0' || head[i] > '9')
            return 0;
        status = status * 10 + head[i] - '0';
    }
    return status;
}

/* The only header of that name; twice is as bad as never. */
static unsigned count_header(const char *head, size_t len, const char *name,
                             struct kit_header *found)
{
    struct kit_header header;
    unsigned n = 0;
    for (size_t at = 0; kit_header_next(head, len, &at, &header);) {
        if (kit_header_is(&header, name)) {
            *found = header;
            n++;
        }
    }
    return n;
}

bool upgrade_header(const char *head, size_t len, const char *name, char *out,
                    size_t size)
{
    struct kit_header header;
    if (!count_header(head, len, name, &header))
        return false;
    snprintf(out, size, "%.*s", (int)header.value_len, header.value);
    return true;
}

/* Connection is a list of tokens, over one line or several. */
static bool says_upgrade(const char *head, size_t len)
{
    struct kit_header header;
    for (size_t at = 0; kit_header_next(head, len, &at, &header);) {
        if (!kit_header_is(&header, "connection"))
            continue;
        for (size_t i = 0; i < header.value_len;) {
            const char *word = header.value + i;
            size_t n = 0;
            while (i + n < header.value_len && !strchr(" \t,", word[n]))
                n++;
            if (n == 7 && !strncasecmp(word, "upgrade", 7))
                return true;
            i += n + 1;
        }
    }
    return false;
}

static bool verify_accept(const char *key, const char *head, size_t len,
                          struct flaw *flaw)
{
    char wanted[29];
    struct kit_header header;
    unsigned n = count_header(head, len, "sec-websocket-accept", &header);
    upgrade_accept(key, wanted);
    if (n == 1 && header.value_len == 28 && !memcmp(header.value, wanted, 28))
        return true;
    if (n == 1)
        flaw_set(flaw, RLV_F_PROTOCOL, "accept",
                 "the answer's Sec-WebSocket-Accept is wrong: a cache or a "
                 "proxy answers, or no WebSocket server");
    else
        flaw_set(flaw, RLV_F_PROTOCOL, "accept",
                 "the answer has %u headers Sec-WebSocket-Accept in place of "
                 "one",
                 n);
    return false;
}

static bool verify_subprotocol(const struct websocket_conf *conf,
                               const char *head, size_t len, struct flaw *flaw)
{
    struct kit_header header = {0};
    unsigned n = count_header(head, len, "sec-websocket-protocol", &header);
    for (size_t i = 0; n == 1 && i < conf->subprotocols.count; i++)
        if (strlen(conf->subprotocols.items[i]) == header.value_len &&
            !memcmp(conf->subprotocols.items[i], header.value,
                    header.value_len))
            return true;
    if (n)
        flaw_set(flaw, RLV_F_PROTOCOL, "subprotocol",
                 "the server chose the subprotocol \"%.*s\", which was not "
                 "offered",
                 (int)(header.value_len < 80 ? header.value_len : 80),
                 header.value);
    return n == 0;
}

bool upgrade_verify(const struct websocket_conf *conf, const char *key,
                    const char *head, size_t len, struct flaw *flaw)
{
    struct kit_header header = {0};
    if (memcmp(head, "HTTP/1.1", 8) != 0)
        flaw_set(flaw, RLV_F_PROTOCOL, "status_line",
                 "the answer is not of HTTP/1.1");
    else if (count_header(head, len, "upgrade", &header) != 1 ||
             header.value_len != 9 ||
             strncasecmp(header.value, "websocket", 9) != 0)
        flaw_set(flaw, RLV_F_PROTOCOL, "upgrade",
                 "101 without \"Upgrade: websocket\"");
    else if (!says_upgrade(head, len))
        flaw_set(flaw, RLV_F_PROTOCOL, "connection",
                 "101 without \"Connection: Upgrade\"");
    else if (!verify_accept(key, head, len, flaw))
        return false;
    else if (count_header(head, len, "sec-websocket-extensions", &header))
        flaw_set(flaw, RLV_F_PROTOCOL, "extensions",
                 "the server chose the extension \"%.*s\", which was not "
                 "offered",
                 (int)(header.value_len < 80 ? header.value_len : 80),
                 header.value);
    else
        return verify_subprotocol(conf, head, len, flaw);
    return false;
}

/* tcp/target.c: where a check goes, and the keys that it may meet there.
 *
 * Pure; called when the configuration is loaded, and by each probe. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tcp/tcp.h"

/* ------------------------------------------------------------------- url - */

static bool flaw(char *why, size_t size, const char *text)
{
    snprintf(why, size, "%s", text);
    return false;
}

static bool read_port(struct target *target, const char *text)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long port = digits < 6 ? strtoul(text, NULL, 10) : 0;
    target->port = (uint16_t)port;
    return digits && !text[digits] && port > 0 && port <= 65535;
}

/* host:port, [v6]:port; a slash at the end is a browser's habit. */
static bool read_authority(struct target *target, char *why, size_t size)
{
    char *host = target->text, *end = strrchr(target->text, ':');
    size_t len = strlen(host);
    if (len && host[len - 1] == '/')
        host[len - 1] = '\0';
    if (strpbrk(host, "/?#@"))
        return flaw(why, size,
                    "a URL is scheme://host:port and nothing else: what is "
                    "said to the peer stands in steps");
    char *bracket = strchr(host, ']');
    if (!end || (bracket && end < bracket))
        return flaw(why, size,
                    "the URL names no port: tcp://host:port, tls://host:port");
    if (*host == '[' && bracket + 1 == end) {
        host++;
        *bracket = '\0';
    } else if (*host == '[' || strchr(host, ':') != end) {
        return flaw(why, size,
                    "an IPv6 address stands in brackets: tcp://[::1]:25");
    }
    *end = '\0';
    target->host = host;
    if (!*host)
        return flaw(why, size, "the URL names no host");
    return read_port(target, end + 1) ||
           flaw(why, size,
                "the port in the URL is not a number from 1 to 65535");
}

bool target_read(struct target *target, const char *url, char *why, size_t size)
{
    const char *rest = strstr(url, "://");
    memset(target, 0, offsetof(struct target, text));
    if (!rest || strlen(rest + 3) >= sizeof target->text)
        return flaw(why, size,
                    rest ? "the URL is too long"
                         : "a URL begins with tcp://, tls:// or unix://");
    strcpy(target->text, rest + 3);
    size_t scheme = (size_t)(rest - url);
    if (scheme == 4 && !strncasecmp(url, "unix", 4)) {
        target->unix_path = target->text;
        return *target->text == '/' ||
               flaw(why, size,
                    "the URL of a unix socket is unix:///path/to/it");
    }
    target->tls = scheme == 3 && !strncasecmp(url, "tls", 3);
    if (!target->tls && (scheme != 3 || strncasecmp(url, "tcp", 3) != 0))
        return flaw(why, size, "a URL begins with tcp://, tls:// or unix://");
    return read_authority(target, why, size);
}

/* ------------------------------------------------------------------- pins - */

bool target_pin(const char *text, uint8_t pin[KIT_PIN])
{
    uint8_t bytes[KIT_PIN + 1];
    if (!strncmp(text, "sha256//", 8))
        text += 8;
    if (strlen(text) != 44)
        return kit_unhex(text, pin, KIT_PIN) == KIT_PIN;
    if (text[43] != '=' ||
        EVP_DecodeBlock(bytes, (const unsigned char *)text, 44) != KIT_PIN + 1)
        return false;
    memcpy(pin, bytes, KIT_PIN);
    return true;
}

/* cli/url_text.c: see url_text.h. */
#include "cli/url_text.h"

#include <ctype.h>
#include <string.h>

#include "base/str.h"

enum { LONGEST_NAME = 48 };

void url_add_quoted(struct buf *out, const char *text)
{
    buf_addc(out, '"');
    for (const char *s = text; *s != '\0'; s++) {
        if (*s == '"' || *s == '\\')
            buf_addc(out, '\\');
        else if (str_starts(s, "${"))
            buf_addc(out, '$');
        else if (str_starts(s, "{{")) {
            buf_adds(out, "{{{"); /* a literal one, with what follows */
            s++;
        }
        buf_addc(out, *s);
    }
    buf_addc(out, '"');
}

/* The authority of RFC 3986, 3.2. */
static const char *authority(const char *url, size_t *len)
{
    const char *start = strstr(url, "://");
    start = start == NULL ? url : start + 3;
    *len = strcspn(start, "/?#\\");
    return start;
}

static const char *after_user(const char *url, size_t *len)
{
    const char *start = authority(url, len);
    const char *at = memrchr(start, '@', *len);
    if (at == NULL)
        return start;
    *len -= (size_t)(at + 1 - start);
    return at + 1;
}

bool url_has_user(const char *url)
{
    size_t len;
    const char *start = authority(url, &len);
    return memrchr(start, '@', len) != NULL;
}

/* Small letters and digits; what is between them becomes one '-'. */
static void add_words(struct buf *out, const char *s, size_t n, size_t begin)
{
    for (size_t i = 0; i < n && out->len - begin < LONGEST_NAME; i++) {
        bool plain = isalnum((unsigned char)s[i]) != 0;
        if (plain)
            buf_addc(out, (char)tolower((unsigned char)s[i]));
        else if (out->len > begin && out->data[out->len - 1] != '-')
            buf_addc(out, '-');
    }
}

static bool is_address(const char *host, size_t len)
{
    return len == 0 || host[0] == '[' ||
           strspn(host, "0123456789.") >= strcspn(host, ":/?#");
}

void url_add_name(struct buf *out, const char *url)
{
    size_t begin = out->len, len;
    const char *host = after_user(url, &len);
    const char *path = host + len;
    if (len > 4 && strncasecmp(host, "www.", 4) == 0) {
        host += 4;
        len -= 4;
    }
    if (is_address(host, len) || !isalpha((unsigned char)host[0])) {
        buf_adds(out, "host-");
        add_words(out, host, len, begin);
    } else {
        size_t label = strcspn(host, ".:/?#");
        const char *port = memchr(host, ':', len);
        add_words(out, host, label < len ? label : len, begin);
        if (port != NULL)
            add_words(out, port, (size_t)(host + len - port), begin);
    }
    add_words(out, path, strcspn(path, "?#"), begin);
    while (out->len > begin && out->data[out->len - 1] == '-')
        out->data[--out->len] = '\0';
}

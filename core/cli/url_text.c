/* cli/url_text.c: see url_text.h. */
#include "cli/url_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/url.h"
#include "conf/tables.h"

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
    struct url parts;
    url_cut(url, &parts);
    size_t begin = out->len, len = parts.host.len;
    const char *host = parts.host.at;
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
    add_words(out, parts.rest, strcspn(parts.rest, "?#"), begin);
    while (out->len > begin && out->data[out->len - 1] == '-')
        out->data[--out->len] = '\0';
}

/* app-health: APP_HEALTH_URL. */
static char *variable_of(const char *name)
{
    char *variable = xasprintf("%s_URL", name);
    for (char *s = variable; *s != '\0'; s++)
        *s = *s == '-' ? '_' : (char)toupper((unsigned char)*s);
    return variable;
}

char *url_add_setting(struct buf *out, const char *url, const char *name)
{
    int port;
    if (!url_holds_secret(url)) {
        buf_adds(out, "url = ");
        url_add_quoted(out, url);
        buf_addc(out, ';');
        return NULL;
    }
    char *variable = variable_of(name);
    buf_addf(out, "plugin = \"%s\"; url = { env = \"%s\"; };",
             table_scheme(url, &port), variable);
    return variable;
}

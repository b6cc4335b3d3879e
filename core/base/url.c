/* base/url.c: see url.h. */
#include "base/url.h"

#include <ctype.h>
#include <string.h>

#include "base/redact.h"

static struct span between(const char *from, const char *to)
{
    return (struct span){from, (size_t)(to - from)};
}

/* host or host:port; what stands after the colon is no port in the first half
 * of a password that has a "/" in it. */
static bool may_be_host(struct span s)
{
    const char *colon = memchr(s.at, ':', s.len);
    if (colon == NULL || *s.at == '[')
        return true;
    size_t port = (size_t)(s.at + s.len - colon - 1);
    return strspn(colon + 1, "0123456789") >= port;
}

/* The '@' behind user and password; NULL: there are none. */
static const char *find_at(struct span authority)
{
    const char *at = memrchr(authority.at, '@', authority.len);
    return at == NULL && !may_be_host(authority) ? strrchr(authority.at, '@')
                                                 : at;
}

void url_cut(const char *text, struct url *url)
{
    const char *start = strstr(text, "://");
    start = start == NULL ? text : start + 3;
    *url = (struct url){.host = {start, strcspn(start, "/?#\\")}};
    const char *at = find_at(url->host);
    if (at != NULL) {
        url->user = between(start, at);
        url->host = (struct span){at + 1, strcspn(at + 1, "/?#\\")};
        const char *colon = memchr(start, ':', url->user.len);
        if (colon != NULL)
            url->password = between(colon + 1, at);
    }
    url->rest = url->host.at + url->host.len;
}

/* A token is also given as the user of an empty password. */
static void tell_user(const struct url *url, url_secret_fn *fn, void *arg)
{
    struct span user = url->user;
    if (url->password.len > 0) {
        fn(arg, URL_PASSWORD, url->password);
        return;
    }
    if (url->password.at != NULL)
        user.len--;
    if (user.len > 0)
        fn(arg, URL_USER, user);
}

void url_each_secret(const char *text, url_secret_fn *fn, void *arg)
{
    struct url url;
    url_cut(text, &url);
    tell_user(&url, fn, arg);
    const char *s = url.rest + strcspn(url.rest, "?#");
    while (*s != '\0') {
        struct span name = {s + 1, strcspn(s + 1, "=&;?#")};
        s = name.at + name.len;
        if (*s != '=')
            continue;
        struct span value = {s + 1, strcspn(s + 1, "&;?#")};
        s = value.at + value.len;
        if (value.len > 0 && redact_names_secret(name.at, name.len))
            fn(arg, URL_PARAMETER, value);
    }
}

static void note_one(void *arg, enum url_secret kind, struct span part)
{
    (void)kind;
    (void)part;
    *(bool *)arg = true;
}

bool url_holds_secret(const char *text)
{
    bool any = false;
    url_each_secret(text, note_one, &any);
    return any;
}

struct blotting {
    struct buf *out;
    const char *from; /* what is not copied yet */
};

static void blot(void *arg, enum url_secret kind, struct span part)
{
    struct blotting *b = arg;
    (void)kind;
    buf_add(b->out, b->from, (size_t)(part.at - b->from));
    buf_adds(b->out, "***");
    b->from = part.at + part.len;
}

void url_add_blotted(struct buf *out, const char *text)
{
    struct blotting b = {out, text};
    url_each_secret(text, blot, &b);
    buf_adds(out, b.from);
}

static int hex(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c == '\0' ? NULL : strchr(digits, tolower(c));
    return at == NULL ? -1 : (int)(at - digits);
}

void url_add_decoded(struct buf *out, struct span part)
{
    for (size_t i = 0; i < part.len; i++) {
        bool coded = part.at[i] == '%' && i + 2 < part.len;
        int high = coded ? hex(part.at[i + 1]) : -1;
        int low = coded ? hex(part.at[i + 2]) : -1;
        if (high >= 0 && low >= 0 && high + low > 0) {
            buf_addc(out, (char)(high << 4 | low));
            i += 2;
        } else
            buf_addc(out, part.at[i]);
    }
}

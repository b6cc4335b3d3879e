/* base/redact_forms.c: the forms a secret takes on its way into a text.
 * Called by redact_new. */
#include "base/redact_impl.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

struct sink {
    redact_form_fn *fn;
    void *arg;
};

static void give(const struct sink *s, struct buf *form)
{
    s->fn(s->arg, buf_text(form), form->len);
    buf_clear(form);
}

/* RFC 3986 section 2.3; `keep` are further bytes that the encoder spares. */
static void url_encode(struct buf *out, const char *s, size_t n,
                       const char *keep, const char *hex, const char *space)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == ' ')
            buf_adds(out, space);
        else if ((c < 0x80 && isalnum(c)) ||
                 (c != 0 && (strchr("-._~", c) || strchr(keep, c)))) {
            buf_addc(out, (char)c);
        } else {
            char escaped[3] = {'%', hex[c >> 4], hex[c & 15]};
            buf_add(out, escaped, sizeof escaped);
        }
    }
}

static const char *const hex_digits[] = {"0123456789ABCDEF",
                                         "0123456789abcdef"};

/* Encoders differ: whole (curl, jq), sparing "/" (Python), sparing what
 * JavaScript's encodeURIComponent spares; %2f or %2F; "+" in forms. */
static void url_forms(const struct sink *s, const char *value, size_t n)
{
    static const char *const keeps[] = {"", "/", "!'()*"};
    static const char *const spaces[] = {"%20", "+"};
    struct buf form = {0};
    for (size_t k = 0; k < ARRAY_LEN(keeps); k++)
        for (size_t h = 0; h < ARRAY_LEN(hex_digits); h++)
            for (size_t p = 0; p < ARRAY_LEN(spaces); p++) {
                url_encode(&form, value, n, keeps[k], hex_digits[h], spaces[p]);
                give(s, &form);
            }
    buf_free(&form);
}

static void json_unit(struct buf *out, uint32_t unit, const char *hex)
{
    char escaped[6] = {'\\',
                       'u',
                       hex[unit >> 12 & 15],
                       hex[unit >> 8 & 15],
                       hex[unit >> 4 & 15],
                       hex[unit & 15]};
    buf_add(out, escaped, sizeof escaped);
}

/* RFC 8259 section 7. `ascii`: beyond ASCII as \uNNNN, pairs above U+FFFF. */
static void json_escape(struct buf *out, const char *s, size_t n, bool slash,
                        bool ascii, const char *hex)
{
    static const char named[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\";
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        size_t len = str_utf8(s + i, n - i, &c);
        const char *name = len == 1 && c != 0 ? strchr(named, (int)c) : NULL;
        if (name != NULL || (c == '/' && slash)) {
            buf_addc(out, '\\');
            buf_addc(out, name != NULL ? letters[name - named] : '/');
        } else if (len > 0 && (c < 0x20 || (ascii && c > 0x7e))) {
            if (c > 0xffff)
                json_unit(out, 0xd800 + ((c - 0x10000) >> 10), hex);
            json_unit(out, c > 0xffff ? 0xdc00 + (c & 0x3ff) : c, hex);
        } else {
            buf_add(out, s + i, len > 0 ? len : 1);
        }
        i += len > 0 ? len : 1;
    }
}

static void json_forms(const struct sink *s, const char *value, size_t n)
{
    struct buf form = {0};
    for (unsigned i = 0; i < 8; i++) {
        json_escape(&form, value, n, (i & 1) != 0, (i & 2) != 0,
                    hex_digits[i >> 2]);
        give(s, &form);
    }
    buf_free(&form);
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "abcdefghijklmnopqrstuvwxyz"
                                    "0123456789+/";

/* The 6-bit group that begins at that bit of `skip` unknown bytes and s. */
static char base64_digit(const char *s, size_t n, size_t skip, size_t bit)
{
    unsigned pair = 0;
    for (size_t i = 0; i < 2; i++) {
        size_t at = bit / 8 + i;
        unsigned byte =
            at < skip || at - skip >= n ? 0 : (unsigned char)s[at - skip];
        pair = pair << 8 | byte;
    }
    return base64_digits[pair >> (10 - bit % 8) & 63];
}

/* Inside a longer text ("user:secret") the value may begin at any of three
 * alignments; only digits made of its bits alone are looked for. */
static void base64_forms(const struct sink *s, const char *value, size_t n)
{
    struct buf form = {0};
    for (size_t skip = 0; skip < 3; skip++) {
        size_t first = (8 * skip + 5) / 6, end = 8 * (skip + n) / 6;
        for (unsigned url = 0; url < 2; url++) {
            for (size_t i = first; i < end; i++) {
                char c = base64_digit(value, n, skip, 6 * i);
                if (url != 0)
                    c = (char)(c == '+' ? '-' : c == '/' ? '_' : c);
                buf_addc(&form, c);
            }
            give(s, &form);
        }
    }
    for (size_t i = 0; 6 * i < 8 * n; i++)
        buf_addc(&form, base64_digit(value, n, 0, 6 * i));
    while (form.len % 4 != 0)
        buf_addc(&form, '=');
    give(s, &form);
    buf_free(&form);
}

void redact_each_form(const char *value, size_t n, redact_form_fn *fn,
                      void *arg)
{
    struct sink s = {fn, arg};
    fn(arg, value, n);
    url_forms(&s, value, n);
    json_forms(&s, value, n);
    base64_forms(&s, value, n);
}

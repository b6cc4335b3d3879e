/* runner/capture.c: see capture.h. */
#include "runner/capture.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

void capture_init(struct capture *c, size_t cap, const struct redact *r)
{
    *c = (struct capture){.redaction = {.redact = r}};
    c->head_cap = cap / 4;
    c->tail_cap = cap - c->head_cap;
    c->tail = xmalloc(c->tail_cap);
}

static void keep_tail(struct capture *c, const char *bytes, size_t n)
{
    if (n > c->tail_cap) { /* only the last of them stay */
        c->total += n - c->tail_cap;
        bytes += n - c->tail_cap;
        n = c->tail_cap;
    }
    while (n > 0) {
        size_t at = (size_t)((c->total - c->head_cap) % c->tail_cap);
        size_t part = c->tail_cap - at < n ? c->tail_cap - at : n;
        memcpy(c->tail + at, bytes, part);
        c->total += part;
        bytes += part;
        n -= part;
    }
}

static void keep(struct capture *c)
{
    const char *bytes = buf_text(&c->clean);
    size_t n = c->clean.len, room = c->head_cap - c->head.len;
    size_t first = n < room ? n : room;
    buf_add(&c->head, bytes, first);
    c->total += first;
    keep_tail(c, bytes + first, n - first);
    buf_clear(&c->clean);
}

void capture_add(struct capture *c, const char *bytes, size_t n)
{
    redact_stream_add(&c->redaction, bytes, n, &c->clean);
    keep(c);
}

static void append_tail(const struct capture *c, struct buf *out)
{
    size_t beyond = (size_t)(c->total - c->head.len);
    if (beyond <= c->tail_cap) {
        buf_add(out, c->tail, beyond);
        return;
    }
    if (c->tail_cap == 0)
        return;
    size_t at = beyond % c->tail_cap;
    buf_add(out, c->tail + at, c->tail_cap - at);
    buf_add(out, c->tail, at);
}

json_t *capture_string(const char *bytes, size_t n)
{
    struct buf text = {0};
    str_to_utf8(&text, bytes, n);
    json_t *string = json_stringn(buf_text(&text), text.len);
    buf_free(&text);
    return string;
}

json_t *capture_end(struct capture *c, uint64_t *dropped)
{
    redact_stream_end(&c->redaction, &c->clean);
    keep(c);
    uint64_t kept = c->head_cap + c->tail_cap;
    *dropped = c->total > kept ? c->total - kept : 0;
    struct buf text = c->head;
    if (*dropped > 0)
        buf_addf(&text, "\n[%llu bytes dropped]\n",
                 (unsigned long long)*dropped);
    append_tail(c, &text);
    json_t *string = capture_string(buf_text(&text), text.len);
    buf_free(&text);
    buf_free(&c->clean);
    free(c->tail);
    *c = (struct capture){0};
    return string;
}

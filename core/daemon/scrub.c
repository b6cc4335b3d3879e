/* daemon/scrub.c: see scrub.h. A target may send our own secrets back (a header
 * echoed in a body, a password in an error text). Whatever a worker reports
 * passes here before it is stored, shown or handed to a script. */
#include "daemon/scrub.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* A text so long may have been cut by whoever made it, in the middle of a
 * secret. */
enum { MAYBE_CUT = 200 };

#define ELLIPSIS "\xe2\x80\xa6" /* what shows a value puts where it cuts it */

static void add_uncut(const struct redact *redact, const char *text, size_t n,
                      struct buf *out)
{
    size_t whole = redact_cut(redact, text, n);
    buf_add(out, text, whole);
    if (whole < n)
        buf_add(out, REDACTED, strlen(REDACTED));
}

/* Beginnings of secrets before an ellipsis and at the end of a long text. */
static void scrub_cuts(const struct redact *redact, const char *text, size_t n,
                       struct buf *out)
{
    const char *end = text + n, *cut;
    bool is_long = n >= MAYBE_CUT;
    while ((cut = memmem(text, (size_t)(end - text), ELLIPSIS, 3)) != NULL) {
        add_uncut(redact, text, (size_t)(cut - text), out);
        buf_add(out, ELLIPSIS, 3);
        text = cut + 3;
    }
    if (is_long)
        add_uncut(redact, text, (size_t)(end - text), out);
    else
        buf_add(out, text, (size_t)(end - text));
}

/* The text without secrets; the very same pointer when it has none. */
static const char *scrub(const struct redact *redact, struct arena *arena,
                         const char *text, size_t n, size_t *len)
{
    struct buf known = {0}, out = {0};
    redact_text(redact, text, n, &known);
    scrub_cuts(redact, buf_text(&known), known.len, &out);
    *len = out.len;
    const char *kept = text;
    if (out.len != n || memcmp(buf_text(&out), text, n) != 0)
        kept = arena_strndup(arena, buf_text(&out), out.len);
    buf_free(&known);
    buf_free(&out);
    return kept;
}

static const char *scrub_text(const struct redact *redact, struct arena *arena,
                              const char *text)
{
    size_t len;
    return text[0] == '\0' ? text
                           : scrub(redact, arena, text, strlen(text), &len);
}

static void scrub_observation(const struct redact *redact, struct arena *arena,
                              struct observation *o)
{
    if (o->key != NULL)
        o->key = scrub_text(redact, arena, o->key);
    if (o->value.type != RLV_T_TEXT && o->value.type != RLV_T_BODY)
        return;
    size_t len;
    o->value.as.s = scrub(redact, arena, o->value.as.s, o->value.len, &len);
    o->value.len = (uint32_t)len;
}

void scrub_result(const struct redact *redact, struct result *r)
{
    struct arena *a = r->arena;
    r->message = scrub_text(redact, a, r->message);
    size_t code = strlen(r->code);
    if (redact_finds(redact, r->code, code) ||
        redact_cut(redact, r->code, code) < code)
        snprintf(r->code, sizeof r->code, "%s", REDACTED);
    for (size_t i = 0; i < r->observation_count; i++)
        scrub_observation(redact, a, &r->observations[i]);
    for (size_t i = 0; i < r->line_count; i++) {
        r->lines[i].text = scrub_text(redact, a, r->lines[i].text);
        r->lines[i].values = scrub_text(redact, a, r->lines[i].values);
    }
    for (size_t i = 0; i < r->evidence_count; i++) {
        struct evidence *e = &r->evidence[i];
        e->bytes = scrub(redact, a, e->bytes, e->len, &e->len);
    }
}

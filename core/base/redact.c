/* base/redact.c: see redact.h.
 *
 * One pass over the text decides at each byte whether a match begins there; it
 * looks ahead as far as the longest match may reach, never back. So a stream
 * only has to hold back that many bytes. */
#include "base/redact.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/redact_impl.h"

enum {
    LEAST = 4,       /* bytes of a value that can be looked for */
    LEAST_LINE = 8,  /* of a line of a longer value */
    BUCKETS = 1024,  /* a power of two */
    USERINFO = 1024, /* bytes in which ://user:PASSWORD@ must end */
    MOST_SPACES = 8  /* between a word and its value */
};

struct needle {
    struct needle *next; /* of the same bucket */
    size_t len;
    char bytes[];
};

struct redact {
    struct needle *buckets[BUCKETS];
    bool starts[256]; /* some needle begins with this byte */
    size_t longest;
};

/* -------------------------------------------------- what must be known --- */

static size_t bucket_of(const char *s)
{
    uint32_t head;
    memcpy(&head, s, sizeof head);
    return head * 2654435761u >> 22; /* Knuth's multiplicative hash */
}

static void add_needle(void *arg, const char *bytes, size_t n)
{
    struct redact *r = arg;
    if (n < LEAST)
        return;
    struct needle **at = &r->buckets[bucket_of(bytes)];
    for (struct needle *old = *at; old != NULL; old = old->next)
        if (old->len == n && memcmp(old->bytes, bytes, n) == 0)
            return;
    struct needle *new = xmalloc(sizeof *new + n);
    memcpy(new->bytes, bytes, n);
    new->len = n;
    new->next = *at;
    *at = new;
    r->starts[(unsigned char)bytes[0]] = true;
    if (n > r->longest)
        r->longest = n;
}

static void trim(const char **s, size_t *n)
{
    while (*n > 0 && isspace((unsigned char)(*s)[*n - 1]))
        --*n;
    while (*n > 0 && isspace((unsigned char)**s)) {
        ++*s;
        --*n;
    }
}

static void add_lines(struct redact *r, const char *value, size_t n)
{
    const char *end = value + n;
    while (value < end) {
        const char *newline = memchr(value, '\n', (size_t)(end - value));
        const char *line = value;
        size_t len = (size_t)((newline != NULL ? newline : end) - value);
        value += len + 1;
        trim(&line, &len);
        if (len >= LEAST_LINE)
            add_needle(r, line, len);
    }
}

struct redact *redact_new(const char *const *values, size_t n)
{
    struct redact *r = xcalloc(1, sizeof *r);
    for (size_t i = 0; i < n; i++) {
        const char *value = values[i];
        size_t len = strlen(value);
        trim(&value, &len);
        if (len < LEAST)
            continue;
        redact_each_form(value, len, add_needle, r);
        if (memchr(value, '\n', len) != NULL)
            add_lines(r, value, len);
    }
    return r;
}

void redact_free(struct redact *r)
{
    for (size_t i = 0; r != NULL && i < BUCKETS; i++)
        while (r->buckets[i] != NULL) {
            struct needle *next = r->buckets[i]->next;
            free(r->buckets[i]);
            r->buckets[i] = next;
        }
    free(r);
}

/* Length of the longest known value at s, or 0. */
static size_t match_known(const struct redact *r, const char *s, size_t n)
{
    size_t best = 0;
    if (r == NULL || n < LEAST || !r->starts[(unsigned char)s[0]])
        return 0;
    for (struct needle *k = r->buckets[bucket_of(s)]; k != NULL; k = k->next)
        if (k->len > best && k->len <= n && memcmp(k->bytes, s, k->len) == 0)
            best = k->len;
    return best;
}

/* Some value begins with these n bytes. */
static bool begins_known(const struct redact *r, const char *s, size_t n)
{
    if (!r->starts[(unsigned char)s[0]])
        return false;
    for (struct needle *k = r->buckets[bucket_of(s)]; k != NULL; k = k->next)
        if (k->len > n && memcmp(k->bytes, s, n) == 0)
            return true;
    return false;
}

size_t redact_cut(const struct redact *r, const char *text, size_t n)
{
    if (r == NULL)
        return n;
    size_t from = n > r->longest ? n - r->longest : 0;
    for (size_t i = from; i + LEAST <= n; i++)
        if (begins_known(r, text + i, n - i))
            return i;
    return n;
}

bool redact_finds(const struct redact *r, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (match_known(r, text + i, n - i) > 0)
            return true;
    return false;
}

/* -------------------------------------------- what looks like a secret --- */

/* Where an open-ended match ends; the byte that ends it is not part of it. */
enum until {
    UNTIL_NOTHING,
    UNTIL_LINE,
    UNTIL_TOKEN,
    UNTIL_SINGLE,   /* ' */
    UNTIL_DOUBLE,   /* " */
    UNTIL_BACKSLASH /* \" of JSON inside a JSON string */
};

struct guess {
    size_t after;  /* bytes from here to the secret */
    size_t length; /* of it; 0: open-ended */
    enum until until;
};

struct cursor {
    const char *at;
    size_t left;
};

static bool skip_char(struct cursor *c, char wanted)
{
    if (c->left == 0 || *c->at != wanted)
        return false;
    c->at++;
    c->left--;
    return true;
}

static void skip_spaces(struct cursor *c)
{
    for (int i = 0; i < MOST_SPACES && skip_char(c, ' '); i++)
        continue;
}

static enum until skip_quote(struct cursor *c)
{
    if (skip_char(c, '"'))
        return UNTIL_DOUBLE;
    if (skip_char(c, '\''))
        return UNTIL_SINGLE;
    if (c->left >= 2 && c->at[0] == '\\' && c->at[1] == '"') {
        c->at += 2;
        c->left -= 2;
        return UNTIL_BACKSLASH;
    }
    return UNTIL_NOTHING;
}

static const struct {
    const char *word;
    bool header; /* "word: value to the end of the line", no "word=value" */
} words[] = {
    {"authorization", true}, {"password", false},   {"passwd", false},
    {"token", false},        {"secret", false},     {"api_key", false},
    {"apikey", false},       {"access_key", false},
};

/* After the word: `=value`, `="value"`, `": "value"`, or a header's colon. */
static bool guess_value(struct cursor *c, bool header, enum until *until)
{
    if (!header && skip_char(c, '=')) {
        *until = skip_quote(c);
        if (*until == UNTIL_NOTHING)
            *until = UNTIL_TOKEN;
        return true;
    }
    enum until name_quote = skip_quote(c);
    skip_spaces(c);
    if (!skip_char(c, ':'))
        return false;
    skip_spaces(c);
    *until = skip_quote(c);
    if (*until == UNTIL_NOTHING && header)
        *until = UNTIL_LINE;
    return header || (name_quote != UNTIL_NOTHING && *until != UNTIL_NOTHING);
}

/* The words are letters and "_", so one bit makes them lower case. */
static size_t match_word(const char *s, size_t n, const char *word)
{
    size_t i = 0;
    while (i < n && word[i] != '\0' && (s[i] | 0x20) == (word[i] | 0x20))
        i++;
    return word[i] == '\0' ? i : 0;
}

bool redact_names_secret(const char *name, size_t n)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t len = strlen(words[i].word);
        if (len <= n && match_word(name + n - len, len, words[i].word) == len)
            return true;
    }
    return false;
}

static bool guess_word(const char *s, size_t n, struct guess *g)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t len = match_word(s, n, words[i].word);
        if (len == 0)
            continue;
        struct cursor c = {s + len, n - len};
        if (!guess_value(&c, words[i].header, &g->until))
            return false;
        g->after = (size_t)(c.at - s);
        return true;
    }
    return false;
}

/* ://user:PASSWORD@ (RFC 3986 section 3.2.1). The last @ before the path
 * counts: passwords hold @ where people forget to encode it. */
static bool guess_userinfo(const char *s, size_t n, struct guess *g)
{
    size_t colon = 0, at = 0;
    if (n < 3 || memcmp(s, "://", 3) != 0)
        return false;
    for (size_t i = 3; i < n && i < USERINFO; i++) {
        if (s[i] == '\0' || strchr("/?#<>\"' \t\r\n", s[i]) != NULL)
            break;
        if (s[i] == ':' && colon == 0)
            colon = i;
        if (s[i] == '@')
            at = i;
    }
    if (colon == 0 || at <= colon + 1)
        return false;
    g->after = colon + 1;
    g->length = at - colon - 1;
    return true;
}

static bool guess_at(const char *s, size_t n, struct guess *g)
{
    *g = (struct guess){0};
    switch (*s) {
    case ':': return guess_userinfo(s, n, g);
    case 'a':
    case 'A':
    case 'p':
    case 'P':
    case 's':
    case 'S':
    case 't':
    case 'T': return guess_word(s, n, g);
    default: return false;
    }
}

static bool guess_may_start(char c)
{
    return c != '\0' && strchr(":aApPsStT", c) != NULL;
}

/* Does this byte end the open-ended match? */
static bool ends(enum until until, bool escaped, char c)
{
    if (c == '\n' || c == '\r')
        return true;
    switch (until) {
    case UNTIL_TOKEN: return c == '\0' || strchr(" \t&;,\"'>", c) != NULL;
    case UNTIL_SINGLE: return c == '\'' && !escaped;
    case UNTIL_DOUBLE: return c == '"' && !escaped;
    case UNTIL_BACKSLASH: return c == '\\' || c == '"';
    case UNTIL_NOTHING:
    case UNTIL_LINE: break;
    }
    return false;
}

/* -------------------------------------------------------------- passes --- */

static size_t look_ahead(const struct redact *r)
{
    return r != NULL && r->longest > USERINFO ? r->longest : USERINFO;
}

static bool is_covered(const struct redact_stream *s)
{
    return s->covered > 0 || (s->until != UNTIL_NOTHING && s->guess_in == 0);
}

/* One byte at `at`: begins and ends matches, keeps or blots it out. */
static void step(struct redact_stream *s, const char *at, size_t left,
                 struct buf *out)
{
    if (s->guess_in > 0 && --s->guess_in == 0 && s->guess_length > s->covered)
        s->covered = s->guess_length;
    if (s->until != UNTIL_NOTHING && s->guess_in == 0) {
        if (ends(s->until, s->escaped, *at))
            s->until = UNTIL_NOTHING;
        s->escaped = *at == '\\' && !s->escaped;
    }
    size_t known = match_known(s->redact, at, left);
    if (known > s->covered)
        s->covered = known;
    struct guess g;
    if (s->guess_in == 0 && s->until == UNTIL_NOTHING &&
        guess_at(at, left, &g)) {
        s->guess_in = g.after;
        s->guess_length = g.length;
        s->until = (unsigned char)g.until;
        s->escaped = false;
    }
    bool covered = is_covered(s);
    if (covered && !s->inside)
        buf_adds(out, REDACTED);
    else if (!covered)
        buf_addc(out, *at);
    s->inside = covered;
    if (s->covered > 0)
        s->covered--;
}

/* Bytes from `at` on at which nothing begins, while no match is going on. */
static size_t plain_bytes(const struct redact_stream *s, const char *at,
                          size_t n)
{
    size_t i = 0;
    if (s->covered > 0 || s->until != UNTIL_NOTHING || s->guess_in > 0)
        return 0;
    while (i < n && !guess_may_start(at[i]) &&
           (s->redact == NULL || !s->redact->starts[(unsigned char)at[i]]))
        i++;
    return i;
}

/* Decides the first `n` of the `len` bytes at `text`. */
static void decide(struct redact_stream *s, const char *text, size_t n,
                   size_t len, struct buf *out)
{
    for (size_t i = 0; i < n;) {
        size_t plain = plain_bytes(s, text + i, n - i);
        if (plain > 0) {
            buf_add(out, text + i, plain);
            s->inside = false;
            i += plain;
            continue;
        }
        step(s, text + i, len - i, out);
        i++;
    }
}

void redact_stream_add(struct redact_stream *s, const char *bytes, size_t n,
                       struct buf *out)
{
    buf_add(&s->pending, bytes, n);
    size_t ahead = look_ahead(s->redact);
    if (s->pending.len <= ahead)
        return;
    size_t ready = s->pending.len - ahead;
    decide(s, s->pending.data, ready, s->pending.len, out);
    buf_drop(&s->pending, ready);
}

void redact_stream_end(struct redact_stream *s, struct buf *out)
{
    decide(s, buf_text(&s->pending), s->pending.len, s->pending.len, out);
    buf_free(&s->pending);
}

void redact_text(const struct redact *r, const char *text, size_t n,
                 struct buf *out)
{
    struct redact_stream s = {.redact = r};
    decide(&s, text, n, n, out);
}

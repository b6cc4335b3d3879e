/* conf/guess.c: see guess.h. */
#include "conf/guess.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

enum { LOOK_BACK = 3 };

static const char *bytes(const struct guess *g, const struct token *t)
{
    return g->words->text.data + t->offset;
}

static bool is_mark(const struct guess *g, const struct token *t, char c)
{
    return t->type == TOKEN_MARK && *bytes(g, t) == c;
}

static bool is_first(const struct guess *g, const struct token *t)
{
    return t == g->words->tokens;
}

static bool touch(const struct token *a, const struct token *b)
{
    return a->offset + a->len == b->offset;
}

static bool report(const struct guess *g, struct place place, const char *text)
{
    struct buf shown = {0};
    words_show_line(g->words, place, &shown);
    conf_error(g->errors, place, "%s%s", text, buf_text(&shown));
    buf_free(&shown);
    return false;
}

/* Where a text ran over a line's end shortly before, its quote is missing. */
static const struct token *open_text(const struct guess *g,
                                     const struct token *t)
{
    for (int i = 0; i <= LOOK_BACK; i++, t--) {
        if (t->type == TOKEN_TEXT && memchr(bytes(g, t), '\n', t->len) != NULL)
            return t;
        if (is_first(g, t))
            return NULL;
    }
    return NULL;
}

bool guess_fail(const struct guess *g, const struct token *t, const char *fmt,
                ...)
{
    const struct token *text = open_text(g, t);
    if (text != NULL)
        return report(g, text->place,
                      "this text goes on over the end of its line: is its "
                      "closing quote missing?");
    struct buf message = {0};
    va_list args;
    va_start(args, fmt);
    buf_addv(&message, fmt, args);
    va_end(args);
    report(g, t->place, buf_text(&message));
    buf_free(&message);
    return false;
}

static const char *found_text(const struct guess *g, const struct token *t,
                              char out[40])
{
    if (t->type == TOKEN_END)
        return "the end of the file";
    struct buf word = {0};
    buf_addf(&word, "%s%.*s%s", t->type == TOKEN_TEXT ? "" : "\"",
             (int)(t->len < 24 ? t->len : 24), bytes(g, t),
             t->type == TOKEN_TEXT ? "" : "\"");
    str_clean(out, 40, word.data, word.len);
    buf_free(&word);
    return out;
}

/* "30s", "1h30m", "4KiB": a number and what touches it on the right. */
static bool fail_unquoted(const struct guess *g, const struct token *first)
{
    const struct token *last = first;
    while (last[1].type != TOKEN_END && last[1].type != TOKEN_MARK &&
           last[1].type != TOKEN_TEXT && touch(last, last + 1))
        last++;
    int n = (int)(last->offset + last->len - first->offset);
    return guess_fail(g, first, "%.*s needs quotes: \"%.*s\"", n,
                      bytes(g, first), n, bytes(g, first));
}

static bool is_number(const struct token *t)
{
    return t->type == TOKEN_INT || t->type == TOKEN_REAL;
}

/* "http://h; x = "5s": a word touches the quote that was to open the next. */
static bool after_text(const struct guess *g, const struct token *t)
{
    return !is_first(g, t) && t[-1].type == TOKEN_TEXT && touch(t - 1, t);
}

static bool fail_text(const struct guess *g, const struct token *text)
{
    return guess_fail(g, text,
                      "this text ends right before a word: is its "
                      "closing quote missing?");
}

static bool fail_unclosed(const struct guess *g, const struct token *open,
                          const char *block, const struct token *end)
{
    if (open_text(g, end) != NULL)
        return guess_fail(g, end, "never closed");
    if (g->suspect != NULL) {
        open = g->suspect;
        block = g->suspect_name;
    }
    return guess_fail(g, open,
                      "the block %s%s%sthat opens in line %d is never closed: "
                      "a \"}\" is missing",
                      block == NULL ? "" : "\"", block == NULL ? "" : block,
                      block == NULL ? "" : "\" ", open->place.line);
}

bool guess_name(const struct guess *g, const struct token *open,
                const char *block, const struct token *found)
{
    char word[40];
    const struct token *before = is_first(g, found) ? NULL : found - 1;
    if (found->type == TOKEN_END)
        return fail_unclosed(g, open, block, found);
    if (is_mark(g, found, '}'))
        return guess_fail(g, found,
                          "no block is open that this \"}\" could "
                          "close");
    if (is_mark(g, found, ';') || is_mark(g, found, ','))
        return guess_fail(g, found,
                          "nothing stands before this \"%c\": remove it",
                          *bytes(g, found));
    if (found->type == TOKEN_TEXT && is_mark(g, found + 1, '='))
        return guess_fail(g, found, "a name is written without quotes");
    if (found->type == TOKEN_TEXT && is_mark(g, found + 1, ':'))
        return guess_fail(g, found,
                          "a name is written without quotes: this "
                          "is not JSON");
    if (after_text(g, found))
        return fail_text(g, found - 1);
    if (is_number(found) && before != NULL && before->type != TOKEN_MARK &&
        touch(before, found))
        return fail_unquoted(g, before);
    if (is_number(found))
        return guess_fail(g, found, "a name begins with a letter");
    if (is_mark(g, found, ')') || is_mark(g, found, ']'))
        return guess_fail(g, found,
                          "no list is open that this \"%c\" could close",
                          *bytes(g, found));
    return guess_fail(g, found, "a name is expected here, not %s",
                      found_text(g, found, word));
}

bool guess_equals(const struct guess *g, const struct token *name,
                  const struct token *found)
{
    char word[40];
    int n = (int)name->len;
    if (!is_first(g, name) && is_number(name - 1) && touch(name - 1, name))
        return fail_unquoted(g, name - 1);
    if (after_text(g, name))
        return fail_text(g, name - 1);
    if (found->type == TOKEN_REAL && touch(name, found))
        return guess_fail(g, name,
                          "a name has letters, digits, \"-\" and \"_\"; what "
                          "is inside %.*s is written %.*s = { … }",
                          n, bytes(g, name), n, bytes(g, name));
    if (found->type != TOKEN_MARK || is_mark(g, found, '{') ||
        is_mark(g, found, '[') || is_mark(g, found, '('))
        return guess_fail(g, found->type == TOKEN_END ? name : found,
                          "\"=\" is missing after \"%.*s\"", n, bytes(g, name));
    return guess_fail(g, found, "\"=\" is expected after \"%.*s\", not %s", n,
                      bytes(g, name), found_text(g, found, word));
}

/* An unquoted word: what was probably meant, up to the end of the value. */
static bool fail_word(const struct guess *g, const char *name,
                      const struct token *t)
{
    static const char *const yes[] = {"yes", "on", "no", "off", NULL};
    int n = (int)t->len;
    for (size_t i = 0; yes[i] != NULL; i++)
        if (strlen(yes[i]) == t->len &&
            strncasecmp(yes[i], bytes(g, t), t->len) == 0)
            return guess_fail(g, t, "%.*s is not a value: write %s", n,
                              bytes(g, t), i < 2 ? "true" : "false");
    size_t whole = strcspn(bytes(g, t), ";,\n)]} \t\"");
    n = (int)(whole > t->len && whole < 80 ? whole : t->len);
    if (name == NULL)
        return guess_fail(g, t, "text needs quotes: \"%.*s\"", n, bytes(g, t));
    return guess_fail(g, t, "text needs quotes: %s = \"%.*s\"", name, n,
                      bytes(g, t));
}

bool guess_value(const struct guess *g, const char *name,
                 const struct token *found)
{
    char word[40];
    if (found->type == TOKEN_NAME)
        return fail_word(g, name, found);
    if (name == NULL)
        return guess_fail(g, found, "a value is expected here, not %s",
                          found_text(g, found, word));
    if (found->type == TOKEN_END)
        return guess_fail(g, found - 1, "the value of \"%s\" is missing", name);
    return guess_fail(g, found, "the value of \"%s\" is missing: this is %s",
                      name, found_text(g, found, word));
}

bool guess_separator(const struct guess *g, const struct token *open,
                     char closer, const struct token *found)
{
    char word[40];
    if (is_number(found - 1) && found->type == TOKEN_NAME &&
        touch(found - 1, found))
        return fail_unquoted(g, found - 1);
    if (after_text(g, found) && found->type != TOKEN_MARK)
        return fail_text(g, found - 1);
    bool value = found->type == TOKEN_INT || found->type == TOKEN_REAL ||
                 found->type == TOKEN_BOOL || is_mark(g, found, '{') ||
                 is_mark(g, found, '(') || is_mark(g, found, '[');
    if (value)
        return guess_fail(g, found, "a \",\" is missing before this value");
    if (is_mark(g, found, ';') &&
        (found[1].type == TOKEN_TEXT || is_number(found + 1)))
        return guess_fail(g, found,
                          "values of a list are separated by \",\", "
                          "not by \";\"");
    return guess_fail(g, found,
                      "\"%c\" is missing: the \"%c\" of line %d is not closed "
                      "before %s",
                      closer, *bytes(g, open), open->place.line,
                      found_text(g, found, word));
}

/* The column of the first token in the token's line. */
static int indent_of(const struct guess *g, const struct token *t)
{
    while (!is_first(g, t) && t[-1].place.line == t->place.line &&
           t[-1].place.file == t->place.file)
        t--;
    return t->place.column;
}

void guess_note_close(struct guess *g, const struct token *open,
                      const char *block, const struct token *close)
{
    bool leads = indent_of(g, close) == close->place.column;
    if (g->suspect != NULL || !leads || close->place.line == open->place.line)
        return;
    if (indent_of(g, open) > close->place.column) {
        g->suspect = open;
        g->suspect_name = block;
    }
}

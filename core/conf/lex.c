/* conf/lex.c: see lex.h. The rules are those of libconfig 1.5's scanner. */
#include "conf/lex.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

enum { DEEPEST_INCLUDE = 10 };

struct lexer { /* one open file; includes make a chain */
    struct words *words;
    struct conf_errors *errors;
    const char *name;
    const char *at, *end, *line_start;
    const char *copied; /* up to here the text is in words->text */
    int line, depth;
    const char *counted; /* up to here, of this line, in column */
    int column;
    struct place comment; /* that never closes; line 0: none */
};

/* A column is characters, not bytes: what an editor shows. It is counted on
 * from the last one asked for: all of a configuration may be one line. */
static struct place place_of(struct lexer *x, const char *at)
{
    if (x->counted < x->line_start || x->counted > at) {
        x->counted = x->line_start;
        x->column = 1;
    }
    for (; x->counted < at; x->counted++)
        x->column += ((unsigned char)*x->counted & 0xc0) != 0x80;
    return (struct place){x->name, x->line, x->column};
}

static bool complain(const struct lexer *x, struct place place,
                     const char *text)
{
    struct buf shown = {0};
    words_show_line(x->words, place, &shown);
    conf_error(x->errors, place, "%s%s", text, buf_text(&shown));
    buf_free(&shown);
    return false;
}

static void newline(struct lexer *x)
{
    x->line++;
    x->line_start = ++x->at;
}

static void skip_line(struct lexer *x)
{
    const char *stop = memchr(x->at, '\n', (size_t)(x->end - x->at));
    x->at = stop == NULL ? x->end : stop;
}

static void skip_block(struct lexer *x)
{
    struct place opened = place_of(x, x->at);
    x->at += 2;
    while (x->at < x->end && !str_starts(x->at, "*/"))
        if (*x->at == '\n')
            newline(x);
        else
            x->at++;
    if (x->at < x->end)
        x->at += 2;
    else
        x->comment = opened;
}

static void skip_blank(struct lexer *x)
{
    while (x->at < x->end)
        if (*x->at == '\n')
            newline(x);
        else if (*x->at == ' ' || *x->at == '\t' || *x->at == '\f' ||
                 *x->at == '\r')
            x->at++;
        else if (*x->at == '#' || str_starts(x->at, "//"))
            skip_line(x);
        else if (str_starts(x->at, "/*"))
            skip_block(x);
        else
            return;
}

static void add_token(struct lexer *x, enum token_type type, const char *start,
                      struct place place)
{
    struct words *w = x->words;
    w->tokens = xgrow(w->tokens, w->count, &w->cap, sizeof *w->tokens);
    w->tokens[w->count++] = (struct token){
        type, (uint32_t)(w->text.len + (size_t)(start - x->copied)),
        (uint32_t)(x->at - start), place};
}

/* Token i is a text, and a word begins where it ends. */
static bool touches_word(const struct words *w, size_t i)
{
    const struct token *t = &w->tokens[i];
    return t->type == TOKEN_TEXT && i + 1 < w->count &&
           t[1].type != TOKEN_MARK && t[1].offset == t->offset + t->len;
}

/* The missing quote is rarely at the last one: the first text that runs over
 * the end of a line is the likelier place. */
static bool complain_open_text(const struct lexer *x, struct place place)
{
    const struct words *w = x->words;
    for (size_t i = 0; i < w->count; i++) {
        const struct token *t = &w->tokens[i];
        if (t->place.file == x->name && t->place.line == place.line &&
            touches_word(w, i))
            return complain(x, t->place,
                            "this text ends right before a word: is its "
                            "closing quote missing?");
        const char *text = w->text.data != NULL && t->offset < w->text.len
                               ? w->text.data + t->offset
                               : x->copied + (t->offset - w->text.len);
        if (t->type == TOKEN_TEXT && t->place.file == x->name &&
            memchr(text, '\n', t->len) != NULL)
            return complain(x, t->place,
                            "this text goes on over the end of its line: is "
                            "its closing quote missing?");
    }
    return complain(x, place, "the quote that opens here is never closed");
}

static bool lex_text(struct lexer *x)
{
    const char *start = x->at++;
    struct place place = place_of(x, start);
    while (x->at < x->end && *x->at != '"') {
        if (*x->at == '\\' && x->at + 1 < x->end && x->at[1] != '\n')
            x->at++;
        if (*x->at == '\n')
            newline(x);
        else
            x->at++;
    }
    if (x->at >= x->end)
        return complain_open_text(x, place);
    x->at++;
    add_token(x, TOKEN_TEXT, start, place);
    return true;
}

static void lex_name(struct lexer *x)
{
    const char *start = x->at;
    while (x->at < x->end && (isalnum((unsigned char)*x->at) || *x->at == '*' ||
                              *x->at == '-' || *x->at == '_'))
        x->at++;
    size_t n = (size_t)(x->at - start);
    bool is_bool = (n == 4 && strncasecmp(start, "true", 4) == 0) ||
                   (n == 5 && strncasecmp(start, "false", 5) == 0);
    add_token(x, is_bool ? TOKEN_BOOL : TOKEN_NAME, start, place_of(x, start));
}

static const char *digits(const char *s)
{
    while (isdigit((unsigned char)*s))
        s++;
    return s;
}

/* "e5", "E-3": past it, or s. */
static const char *exponent(const char *s)
{
    if (*s != 'e' && *s != 'E')
        return s;
    const char *first = s + 1 + (s[1] == '-' || s[1] == '+');
    const char *stop = digits(first);
    return stop == first ? s : stop;
}

static const char *longs(const char *s)
{
    return s + (*s == 'L') + (s[0] == 'L' && s[1] == 'L');
}

/* The longest number at s, or s. */
static const char *number(const char *s, enum token_type *type)
{
    *type = TOKEN_INT;
    if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X') &&
        isxdigit((unsigned char)s[2])) {
        for (s += 2; isxdigit((unsigned char)*s);)
            s++;
        return longs(s);
    }
    const char *first = s + (*s == '-' || *s == '+'), *stop = digits(first);
    if (*stop == '.') {
        *type = TOKEN_REAL;
        return exponent(digits(stop + 1));
    }
    if (stop == first)
        return s;
    if (exponent(stop) != stop) {
        *type = TOKEN_REAL;
        return exponent(stop);
    }
    return longs(stop);
}

static bool complain_character(struct lexer *x)
{
    static const struct {
        const char *found, *text;
    } known[] = {
        {"'", "texts stand in double quotes"},
        {"\xe2\x80\x9c", "use plain double quotes \" here"},
        {"\xe2\x80\x9d", "use plain double quotes \" here"},
        {"\xe2\x80\x9e", "use plain double quotes \" here"},
        {"\xc2\xa0", "this is a no-break space: use a plain one"},
        {"\xef\xbb\xbf", "this is a byte-order mark: remove it"},
        {"%", "a percentage stands in quotes: \"90%\""},
        {"$", "a variable stands inside quotes: \"${name}\""},
        {"/", "a path stands in quotes: \"/etc/relevo\""},
        {"_", "a name begins with a letter"},
        {"@", "only @include \"file\" at the beginning of a line is known"},
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (str_starts(x->at, known[i].found))
            return complain(x, place_of(x, x->at), known[i].text);
    return complain(x, place_of(x, x->at),
                    "this character has no meaning here; texts stand in "
                    "double quotes");
}

static void flush(struct lexer *x)
{
    buf_add(&x->words->text, x->copied, (size_t)(x->at - x->copied));
    x->copied = x->at;
}

static bool lex_file(struct words *, struct source_file, struct conf_errors *,
                     const struct lexer *outer);

static const char *beside(struct arena *arena, const char *file,
                          const char *name)
{
    const char *slash = strrchr(file, '/');
    if (name[0] == '/' || slash == NULL)
        return name;
    return arena_printf(arena, "%.*s/%s", (int)(slash - file), file, name);
}

/* At "@include": follows it. */
static bool lex_include(struct lexer *x)
{
    struct place place = place_of(x, x->at);
    struct arena *arena = x->words->arena;
    flush(x);
    const char *open = x->at + strlen("@include");
    open += strspn(open, " \t");
    const char *close = *open == '"' ? strpbrk(open + 1, "\"\n") : NULL;
    if (close == NULL || *close != '"')
        return complain_character(x);
    if (x->depth >= DEEPEST_INCLUDE)
        return complain(x, place,
                        "includes are nested too deep: does this "
                        "file include itself?");
    const char *name =
        beside(arena, x->name,
               arena_strndup(arena, open + 1, (size_t)(close - open - 1)));
    struct source_file file;
    struct err err = {0};
    if (!source_read(name, arena, &file, &err))
        return complain(x, place, err.text);
    x->at = x->copied = close + 1;
    return lex_file(x->words, file, x->errors, x);
}

static bool at_line_start(const struct lexer *x)
{
    const char *s = x->line_start;
    return s + strspn(s, " \t") == x->at;
}

static bool lex_one(struct lexer *x)
{
    const char *start = x->at;
    enum token_type type;
    if (*start == '"')
        return lex_text(x);
    if (isalpha((unsigned char)*start) || *start == '*') {
        lex_name(x);
        return true;
    }
    if (str_starts(start, "@include") && at_line_start(x))
        return lex_include(x);
    const char *stop = number(start, &type);
    if (stop == start && strchr("=:;,{}()[]", *start) != NULL) {
        stop = start + 1;
        type = TOKEN_MARK;
    }
    if (stop == start)
        return complain_character(x);
    x->at = stop;
    add_token(x, type, start, place_of(x, start));
    return true;
}

static bool lex_file(struct words *w, struct source_file file,
                     struct conf_errors *errors, const struct lexer *outer)
{
    w->files = xgrow(w->files, w->file_count, &w->file_cap, sizeof *w->files);
    w->files[w->file_count++] = file;
    struct lexer x = {.words = w,
                      .errors = errors,
                      .name = file.name,
                      .at = file.text,
                      .end = file.text + file.len,
                      .line_start = file.text,
                      .copied = file.text,
                      .line = 1,
                      .depth = outer == NULL ? 0 : outer->depth + 1};
    if (memchr(file.text, '\0', file.len) != NULL)
        return complain(&x, (struct place){file.name, 1, 1},
                        "the file holds NUL bytes: it is not text");
    if (str_starts(file.text, "\xef\xbb\xbf"))
        return complain(&x, place_of(&x, x.at),
                        "the file begins with a byte-order mark (the bytes EF "
                        "BB BF): save it as UTF-8 without one");
    for (skip_blank(&x); x.at < x.end; skip_blank(&x))
        if (!lex_one(&x))
            return false;
    if (x.comment.line > 0)
        return complain(&x, x.comment,
                        "the comment that opens here is never closed");
    if (outer == NULL)
        add_token(&x, TOKEN_END, x.at, place_of(&x, x.at));
    flush(&x);
    buf_addc(&w->text, '\n');
    return true;
}

bool words_read(struct words *w, struct source_file file,
                struct conf_errors *errors)
{
    return lex_file(w, file, errors, NULL);
}

void words_free(struct words *w)
{
    buf_free(&w->text);
    free(w->tokens);
    free(w->files);
}

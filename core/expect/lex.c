/* expect/lex.c: see lex.h. */
#include "expect/lex.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/human.h"
#include "base/str.h"

static bool is_word_start(char c)
{
    return isalpha((unsigned char)c) || c == '_';
}

/* A hyphen belongs to a name (there is no subtraction) if more follows. */
static size_t word_length(const char *s)
{
    size_t n = 0;
    while (isalnum((unsigned char)s[n]) || s[n] == '_' ||
           (s[n] == '-' && n > 0 && isalnum((unsigned char)s[n + 1])))
        n++;
    return n;
}

/* ------------------------------------------------------------- numbers --- */

/* What people write where the language says it shorter. */
static const char *const unit_aliases[][2] = {
    {"msec", "ms"},   {"msecs", "ms"}, {"millis", "ms"},       {"usec", "us"},
    {"sec", "s"},     {"secs", "s"},   {"second", "s"},        {"seconds", "s"},
    {"min", "m"},     {"mins", "m"},   {"minute", "m"},        {"minutes", "m"},
    {"hr", "h"},      {"hrs", "h"},    {"hour", "h"},          {"hours", "h"},
    {"day", "d"},     {"days", "d"},   {"week", "w"},          {"weeks", "w"},
    {"byte", "B"},    {"bytes", "B"},  {"k", "KiB"},           {"kb", "KB"},
    {"kib", "KiB"},   {"mb", "MB"},    {"mib", "MiB"},         {"g", "GiB"},
    {"gb", "GB"},     {"gib", "GiB"},  {"tb", "TB"},           {"tib", "TiB"},
    {"percent", "%"}, {"pct", "%"},    {"milliseconds", "ms"},
};

static const char *const unit_names[] = {"us",  "ms",  "s",   "m",  "h",  "d",
                                         "w",   "B",   "KB",  "MB", "GB", "KiB",
                                         "MiB", "GiB", "TiB", NULL};

static const char *unit_alias(const char *word)
{
    for (size_t i = 0; i < ARRAY_LEN(unit_aliases); i++)
        if (strcasecmp(word, unit_aliases[i][0]) == 0)
            return unit_aliases[i][1];
    return NULL;
}

static bool wrong_unit(struct lexer *x, unsigned at, const char *word)
{
    const char *meant = unit_alias(word);
    if (meant == NULL)
        meant = str_nearest_of(word, unit_names);
    if (meant != NULL)
        return expect_refuse(x->error, at,
                             "unknown unit \"%.40s\"; did you mean \"%s\"?",
                             word, meant);
    return expect_refuse(x->error, at,
                         "unknown unit \"%.40s\"; there are us ms s m h d w, B "
                         "KB MB GB KiB MiB GiB, %%",
                         word);
}

/* Adds number × factor to an amount in nanoseconds or bytes. */
static bool add_amount(struct lexer *x, unsigned at, double number,
                       int64_t factor, int64_t *sum)
{
    double amount = number * (double)factor + (double)*sum;
    if (amount > 9.2e18)
        return expect_refuse(x->error, at, "the number is too large");
    *sum += (int64_t)llround(number * (double)factor);
    return true;
}

/* Digits with at most one dot; "200..299" ends before the dots. */
static bool read_digits(struct lexer *x, double *number, bool *whole)
{
    const char *s = x->text + x->pos;
    size_t n = strspn(s, "0123456789");
    *whole = true;
    if (s[n] == '.' && isdigit((unsigned char)s[n + 1])) {
        *whole = false;
        n += 1 + strspn(s + n + 1, "0123456789");
    }
    if (n > 40)
        return expect_refuse(x->error, x->pos, "the number is too long");
    char digits[48];
    memcpy(digits, s, n);
    digits[n] = '\0';
    *number = strtod(digits, NULL);
    x->pos += (unsigned)n;
    return true;
}

/* The unit at s, if one is; anything else directly after the digits is an
 * error, after a blank it is the parser's. */
static bool find_unit(struct lexer *x, char unit[48], bool *attached)
{
    const char *s = x->text + x->pos;
    size_t blanks = strspn(s, " \t");
    size_t n = 0;
    while (isalpha((unsigned char)s[blanks + n]) || (s[blanks + n] & 0x80))
        n++;
    unit[0] = '\0';
    *attached = blanks == 0;
    if (n == 0 || n >= 48)
        return n == 0 || expect_refuse(x->error, x->pos, "unknown unit");
    memcpy(unit, s + blanks, n);
    unit[n] = '\0';
    int64_t factor;
    bool known = human_duration_unit(unit, n, &factor) ||
                 human_size_unit(unit, n, &factor);
    bool joined = s[blanks + n] == '_' ||
                  (isdigit((unsigned char)s[blanks + n]) && !*attached);
    if (known && !joined) {
        x->pos += (unsigned)(blanks + n);
        return true;
    }
    if (*attached || unit_alias(unit) != NULL)
        return wrong_unit(x, x->pos + (unsigned)blanks, unit);
    unit[0] = '\0';
    return true;
}

/* "1h30m": further terms stand directly after the first. */
static bool read_terms(struct lexer *x, double number, char unit[48],
                       struct value *v)
{
    unsigned at = x->token.at;
    int64_t factor, sum = 0;
    bool is_duration = human_duration_unit(unit, strlen(unit), &factor);
    v->type = is_duration ? TYPE_DURATION : TYPE_SIZE;
    for (;;) {
        if (!(is_duration ? human_duration_unit
                          : human_size_unit)(unit, strlen(unit), &factor))
            return expect_refuse(x->error, x->pos - (unsigned)strlen(unit),
                                 "the unit \"%s\" does not fit the one before",
                                 unit);
        if (!add_amount(x, at, number, factor, &sum))
            return false;
        v->as.i = sum;
        if (!isdigit((unsigned char)x->text[x->pos]))
            return true;
        bool whole, attached;
        if (!read_digits(x, &number, &whole) || !find_unit(x, unit, &attached))
            return false;
        if (unit[0] == '\0')
            return expect_refuse(x->error, x->pos, "a unit is missing here");
    }
}

static bool read_amount(struct lexer *x, struct value *v)
{
    double number;
    bool whole, attached;
    char unit[48];
    unsigned at = x->pos;
    if (!read_digits(x, &number, &whole))
        return false;
    size_t blanks = strspn(x->text + x->pos, " \t");
    if (x->text[x->pos + blanks] == '%') {
        x->pos += (unsigned)blanks + 1;
        v->type = TYPE_PERCENT;
        v->as.d = number;
        return true;
    }
    if (!find_unit(x, unit, &attached))
        return false;
    if (unit[0] != '\0')
        return read_terms(x, number, unit, v);
    if (!whole) {
        v->type = TYPE_REAL;
        v->as.d = number;
        return true;
    }
    if (number > 9.2e18)
        return expect_refuse(x->error, at, "the number is too large");
    v->type = TYPE_INT;
    v->as.i = strtoll(x->text + at, NULL, 10);
    return true;
}

static bool lex_number(struct lexer *x)
{
    bool negative = x->text[x->pos] == '-';
    x->pos += negative;
    struct value *v = &x->token.value;
    if (!read_amount(x, v))
        return false;
    if (negative && (v->type == TYPE_REAL || v->type == TYPE_PERCENT))
        v->as.d = -v->as.d;
    else if (negative)
        v->as.i = -v->as.i;
    x->token.kind = TOKEN_VALUE;
    return true;
}

/* --------------------------------------------------------------- texts --- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t put_utf8(char *out, unsigned c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    out[0] = (char)(0xe0 | c >> 12);
    out[1] = (char)(0x80 | (c >> 6 & 0x3f));
    out[2] = (char)(0x80 | (c & 0x3f));
    return 3;
}

/* \xHH is a byte, \uHHHH a character (no surrogates). */
static bool read_hex(struct lexer *x, unsigned at, char kind, char *out,
                     size_t *n)
{
    int digits = kind == 'x' ? 2 : 4;
    unsigned c = 0;
    for (int i = 0; i < digits; i++) {
        int d = hex_digit(x->text[x->pos]);
        if (d < 0)
            return expect_refuse(x->error, at, "\\%c needs %d hex digits", kind,
                                 digits);
        c = c << 4 | (unsigned)d;
        x->pos++;
    }
    if (c >= 0xd800 && c < 0xe000)
        return expect_refuse(
            x->error, at, "\\u%04x is half a character; write it as it is", c);
    if (kind == 'x')
        out[(*n)++] = (char)c;
    else
        *n += put_utf8(out + *n, c);
    return true;
}

static bool read_escape(struct lexer *x, char *out, size_t *n)
{
    static const char from[] = "ntr\\'\"/", to[] = "\n\t\r\\'\"/";
    unsigned at = x->pos - 1;
    char c = x->text[x->pos++];
    const char *plain = c == '\0' ? NULL : strchr(from, c);
    if (plain != NULL) {
        out[(*n)++] = to[plain - from];
        return true;
    }
    if (c == 'x' || c == 'u')
        return read_hex(x, at, c, out, n);
    return expect_refuse(x->error, at,
                         "unknown escape \"\\%.1s\"; there are \\n \\t \\r "
                         "\\\\ \\' \\\" \\xHH \\uHHHH",
                         isprint((unsigned char)c) ? &x->text[at + 1] : "");
}

static bool lex_text(struct lexer *x)
{
    char quote = x->text[x->pos++];
    char *out = arena_alloc(x->arena, strlen(x->text + x->pos) + 1);
    size_t n = 0;
    while (x->text[x->pos] != quote) {
        char c = x->text[x->pos];
        if (c == '\0')
            return expect_refuse(x->error, x->token.at,
                                 "the text that begins here does not end");
        x->pos++;
        if (c != '\\')
            out[n++] = c;
        else if (!read_escape(x, out, &n))
            return false;
    }
    x->pos++;
    x->token.kind = TOKEN_VALUE;
    x->token.value.type = TYPE_TEXT;
    x->token.value.len = n;
    x->token.value.as.s = out;
    return true;
}

/* /…/ with \/ for a slash, which means a slash to PCRE2 too: escapes stay, so
 * that its offsets are ours. */
static bool lex_regex(struct lexer *x)
{
    unsigned begin = ++x->pos;
    for (char c; (c = x->text[x->pos]) != '/'; x->pos++) {
        if (c == '\\' && x->text[x->pos + 1] != '\0')
            x->pos++;
        else if (c == '\0')
            return expect_refuse(x->error, x->token.at,
                                 "the regex that begins here does not end");
    }
    const char *out = arena_strndup(x->arena, x->text + begin, x->pos - begin);
    x->pos++;
    x->token.kind = TOKEN_REGEX;
    x->token.text = out;
    for (; isalnum((unsigned char)x->text[x->pos]); x->pos++) {
        if (x->text[x->pos] != 'i')
            return expect_refuse(x->error, x->pos,
                                 "unknown regex flag \"%c\"; there is i (case "
                                 "does not count), others are written (?s) in "
                                 "the pattern",
                                 x->text[x->pos]);
        x->token.nocase = true;
    }
    return true;
}

/* ------------------------------------------------------------- symbols --- */

static const struct {
    const char *text;
    enum operator op;
    bool negated;
} operators[] = {
    {"==", OP_EQ, false}, {"!=", OP_NE, false},   {"<=", OP_LE, false},
    {">=", OP_GE, false}, {"!~", OP_MATCH, true}, {"<", OP_LT, false},
    {">", OP_GT, false},  {"~", OP_MATCH, false},
};

static bool lex_operator(struct lexer *x)
{
    const char *s = x->text + x->pos;
    size_t n = strspn(s, "=!<>~&|");
    char word[8];
    memcpy(word, s, n < sizeof word ? n : 0);
    word[n < sizeof word ? n : 0] = '\0';
    const char *meant = operator_meant(word);
    if (meant != NULL)
        return expect_refuse(x->error, x->pos,
                             "unknown operator \"%s\"; did you mean \"%s\"?",
                             word, meant);
    for (size_t i = 0; i < ARRAY_LEN(operators); i++)
        if (strcmp(word, operators[i].text) == 0) {
            x->token.kind = TOKEN_OPERATOR;
            x->token.op = operators[i].op;
            x->token.negated = operators[i].negated;
            x->token.text = operators[i].text;
            x->pos += (unsigned)n;
            return true;
        }
    return expect_refuse(x->error, x->pos, "unknown operator \"%.*s\"",
                         (int)(n < 20 ? n : 20), s);
}

static bool lex_symbol(struct lexer *x)
{
    static const char *const symbols[] = {"(", ")", "[", "]", ",", ".."};
    const char *s = x->text + x->pos;
    for (size_t i = 0; i < ARRAY_LEN(symbols); i++)
        if (str_starts(s, symbols[i])) {
            x->token.kind = TOKEN_SYMBOL;
            x->token.text = symbols[i];
            x->pos += (unsigned)strlen(symbols[i]);
            return true;
        }
    if (*s == '.' && isdigit((unsigned char)s[1]))
        return expect_refuse(x->error, x->pos,
                             "a number begins with a digit: write 0%.*s",
                             (int)strspn(s, ".0123456789"), s);
    uint32_t codepoint = 0;
    size_t n = str_utf8(s, strlen(s), &codepoint);
    bool is_quote = codepoint >= 0x2018 && codepoint <= 0x201f;
    if (n > 1 || (n == 1 && isprint((unsigned char)*s)))
        return expect_refuse(
            x->error, x->pos, "unexpected \"%.*s\"%s", (int)n, s,
            is_quote ? "; a text stands in plain quotes, \' or \"" : "");
    return expect_refuse(x->error, x->pos, "unexpected byte 0x%02x",
                         (unsigned)(unsigned char)*s);
}

static bool lex_word(struct lexer *x)
{
    size_t n = word_length(x->text + x->pos);
    x->token.kind = TOKEN_WORD;
    x->token.text = arena_strndup(x->arena, x->text + x->pos, n);
    x->pos += (unsigned)n;
    return true;
}

static bool lex_token(struct lexer *x)
{
    char c = x->text[x->pos], next = c == '\0' ? '\0' : x->text[x->pos + 1];
    if (c == '\0')
        return true;
    if (is_word_start(c))
        return lex_word(x);
    if (isdigit((unsigned char)c) || (c == '-' && isdigit((unsigned char)next)))
        return lex_number(x);
    if (c == '\'' || c == '"')
        return lex_text(x);
    if (c == '/')
        return lex_regex(x);
    if (strchr("=!<>~&|", c) != NULL)
        return lex_operator(x);
    return lex_symbol(x);
}

bool lex_next(struct lexer *x)
{
    x->last_end = x->token.end;
    x->pos += (unsigned)strspn(x->text + x->pos, " \t\r\n");
    x->token = (struct token){.kind = TOKEN_END, .at = x->pos};
    if (!lex_token(x))
        return false;
    x->token.end = x->pos;
    return true;
}

bool lex_is(const struct lexer *x, const char *symbol_or_word)
{
    return (x->token.kind == TOKEN_SYMBOL || x->token.kind == TOKEN_WORD) &&
           strcmp(x->token.text, symbol_or_word) == 0;
}

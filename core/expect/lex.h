/* expect/lex.h: cuts an expression into tokens, one ahead of the parser. */
#ifndef RELEVO_EXPECT_LEX_H
#define RELEVO_EXPECT_LEX_H

#include "expect/tree.h"

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,   /* text: the word */
    TOKEN_VALUE,  /* value: a number with its unit, or a text */
    TOKEN_REGEX,  /* text: the pattern */
    TOKEN_SYMBOL, /* text: ( ) [ ] , .. */
    TOKEN_OPERATOR
};

struct token {
    enum token_kind kind;
    unsigned at, end; /* bytes [at, end) of the text */
    const char *text;
    struct value value;
    bool nocase;      /* REGEX */
    enum operator op; /* OPERATOR */
    bool negated;     /* OPERATOR: !~ */
};

struct lexer {
    const char *text;
    unsigned pos, last_end; /* last_end: of the token before this one */
    struct token token;     /* the current one */
    struct arena *arena;
    struct expect_error *error;
};

/* Moves on to the next token; false: it is none, *error says why. */
bool lex_next(struct lexer *);
bool lex_is(const struct lexer *, const char *symbol_or_word);

#endif

/* expect/parse.c: tokens to a tree, by recursive descent.
 *
 *   or     : and { "or" and }
 *   and    : not { "and" not }
 *   not    : "not" not | compare
 *   compare: "exists" operand | operand [ operator operand ]
 *   operand: "(" or ")" | literal [ ".." literal ] | regex | "[" operands "]"
 *          | name [ "(" operands ")" ] */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "expect/lex.h"

struct parser {
    struct lexer lexer;
    struct expect *expect;
    struct expect_error *error;
    unsigned depth;
};

static struct node *parse_or(struct parser *);
static struct node *parse_operand(struct parser *);

bool expect_refuse(struct expect_error *error, unsigned at, const char *fmt,
                   ...)
{
    if (error == NULL || error->column != 0)
        return false;
    error->column = (int)at + 1;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(error->text, sizeof error->text, fmt, ap);
    va_end(ap);
    return false;
}

static struct node *node_new(struct parser *p, enum node_kind kind, unsigned at)
{
    struct node *n = arena_alloc(p->expect->arena, sizeof *n);
    n->kind = kind;
    n->at = at;
    return n;
}

static bool advance(struct parser *p) { return lex_next(&p->lexer); }

/* The current token as the user wrote it. */
static const char *found(struct parser *p)
{
    const struct token *t = &p->lexer.token;
    if (t->kind == TOKEN_END)
        return "the end";
    char clean[64];
    str_clean(clean, sizeof clean, p->lexer.text + t->at, t->end - t->at);
    return arena_printf(p->expect->arena, "\"%s\"", clean);
}

static struct node *expected(struct parser *p, const char *what)
{
    const struct token *t = &p->lexer.token;
    expect_refuse(p->error, t->at, "expected %s, found %s", what, found(p));
    return NULL;
}

static bool accept_symbol(struct parser *p, const char *symbol,
                          const char *what)
{
    if (!lex_is(&p->lexer, symbol)) {
        expected(p, what);
        return false;
    }
    return advance(p);
}

/* Guards the recursion; every way down that can repeat passes here. */
static bool enter(struct parser *p)
{
    if (++p->depth <= EXPECT_DEPTH)
        return true;
    return expect_refuse(p->error, p->lexer.token.at,
                         "nested more than %d deep", EXPECT_DEPTH);
}

/* ------------------------------------------------------------ operands --- */

static bool is_literal_word(const char *word)
{
    return strcmp(word, "true") == 0 || strcmp(word, "false") == 0;
}

static struct node *literal(struct parser *p, struct value value)
{
    struct node *n = node_new(p, NODE_LITERAL, p->lexer.token.at);
    n->end = p->lexer.token.end;
    n->value = value;
    n->type = value.type;
    return advance(p) ? n : NULL;
}

static struct node *parse_literal(struct parser *p)
{
    struct node *low = literal(p, p->lexer.token.value);
    if (low == NULL || !lex_is(&p->lexer, ".."))
        return low;
    if (!advance(p))
        return NULL;
    if (p->lexer.token.kind != TOKEN_VALUE)
        return expected(p, "the upper end of the range");
    struct node *range = node_new(p, NODE_RANGE, low->at);
    range->left = low;
    range->type = TYPE_RANGE;
    range->right = literal(p, p->lexer.token.value);
    if (range->right == NULL)
        return NULL;
    range->end = range->right->end;
    return range;
}

static struct node *parse_regex(struct parser *p)
{
    const struct token *t = &p->lexer.token;
    size_t offset;
    char why[160];
    struct regex *regex = regex_compile(t->text, strlen(t->text), t->nocase,
                                        &offset, why, sizeof why);
    if (regex == NULL) {
        expect_refuse(p->error, t->at + 1 + (unsigned)offset,
                      "the regex is wrong here: %s", why);
        return NULL;
    }
    struct expect *e = p->expect;
    e->regexes =
        xgrow(e->regexes, e->regex_count, &e->regex_cap, sizeof *e->regexes);
    e->regexes[e->regex_count++] = regex;
    struct node *n = node_new(p, NODE_REGEX, t->at);
    n->end = t->end;
    n->type = TYPE_REGEX;
    n->regex = regex;
    return advance(p) ? n : NULL;
}

/* Operands between commas up to `close`, into node->items. */
static bool parse_items(struct parser *p, struct node *n, const char *close)
{
    size_t cap = 0;
    struct node **items = NULL;
    bool good = enter(p);
    while (good && !lex_is(&p->lexer, close)) {
        struct node *item = parse_operand(p);
        good = item != NULL;
        if (!good)
            break;
        items = xgrow(items, n->item_count, &cap, sizeof(struct node *));
        items[n->item_count++] = item;
        if (lex_is(&p->lexer, ","))
            good = advance(p);
        else if (!lex_is(&p->lexer, close))
            good = expected(p, "\",\" or the closing bracket") != NULL;
    }
    p->depth--;
    if (good && items != NULL)
        n->items = arena_memdup(p->expect->arena, items,
                                n->item_count * sizeof(struct node *));
    free(items);
    if (!good || !advance(p))
        return false;
    n->end = p->lexer.last_end;
    return true;
}

static struct node *parse_list(struct parser *p)
{
    struct node *n = node_new(p, NODE_LIST, p->lexer.token.at);
    n->type = TYPE_LIST;
    if (!advance(p) || !parse_items(p, n, "]"))
        return NULL;
    if (n->item_count > 0)
        return n;
    expect_refuse(p->error, n->at, "the list is empty");
    return NULL;
}

static struct node *parse_name(struct parser *p)
{
    const struct token *t = &p->lexer.token;
    if (is_literal_word(t->text))
        return literal(
            p, (struct value){.type = TYPE_BOOL, .as.i = t->text[0] == 't'});
    if (expect_is_reserved(t->text))
        return expected(p, "a field, a function or a value");
    struct node *n = node_new(p, NODE_NAME, t->at);
    n->end = t->end;
    n->name = t->text;
    if (!advance(p))
        return NULL;
    if (!lex_is(&p->lexer, "("))
        return n;
    n->kind = NODE_CALL;
    return advance(p) && parse_items(p, n, ")") ? n : NULL;
}

static struct node *parse_group(struct parser *p)
{
    if (!enter(p) || !advance(p))
        return NULL;
    struct node *n = parse_or(p);
    if (n == NULL || !accept_symbol(p, ")", "\")\""))
        return NULL;
    p->depth--;
    return n;
}

static struct node *parse_operand(struct parser *p)
{
    switch (p->lexer.token.kind) {
    case TOKEN_VALUE: return parse_literal(p);
    case TOKEN_REGEX: return parse_regex(p);
    case TOKEN_WORD: return parse_name(p);
    case TOKEN_SYMBOL:
        if (lex_is(&p->lexer, "("))
            return parse_group(p);
        if (lex_is(&p->lexer, "["))
            return parse_list(p);
        break;
    case TOKEN_END:
    case TOKEN_OPERATOR: break;
    }
    return expected(p, "a field, a function or a value");
}

/* --------------------------------------------------------------- logic --- */

/* `contains`, `not in`, `==` … at the current token; false: none is there or
 * (the error is set) it is broken. */
static bool take_operator(struct parser *p, struct node *n)
{
    const struct token *t = &p->lexer.token;
    n->op_at = t->at;
    if (t->kind == TOKEN_OPERATOR) {
        n->op = t->op;
        n->negated = t->negated;
        return advance(p);
    }
    if (t->kind != TOKEN_WORD)
        return false;
    if (strcmp(t->text, "not") == 0) {
        n->negated = true;
        if (!advance(p))
            return false;
        if (t->kind == TOKEN_WORD && operator_of_word(t->text, &n->op))
            return advance(p);
        expected(p, "in, contains, starts_with or ends_with after not");
        return false;
    }
    return operator_of_word(t->text, &n->op) && advance(p);
}

static struct node *parse_exists(struct parser *p)
{
    struct node *n = node_new(p, NODE_EXISTS, p->lexer.token.at);
    n->type = TYPE_BOOL;
    if (!advance(p))
        return NULL;
    n->left = parse_operand(p);
    n->end = p->lexer.last_end;
    return n->left == NULL ? NULL : n;
}

static struct node *parse_compare(struct parser *p)
{
    if (lex_is(&p->lexer, "exists"))
        return parse_exists(p);
    struct node *left = parse_operand(p);
    if (left == NULL)
        return NULL;
    struct node *n = node_new(p, NODE_COMPARE, left->at);
    n->type = TYPE_BOOL;
    n->left = left;
    if (!take_operator(p, n))
        return p->error->column == 0 ? left : NULL;
    n->right = parse_operand(p);
    if (n->right == NULL)
        return NULL;
    n->end = p->lexer.last_end;
    struct node more = {0};
    unsigned at = p->lexer.token.at;
    if (take_operator(p, &more)) {
        expect_refuse(p->error, at,
                      "comparisons do not chain: write a < b and b < c");
        return NULL;
    }
    return p->error->column == 0 ? n : NULL;
}

static struct node *parse_not(struct parser *p)
{
    if (!lex_is(&p->lexer, "not"))
        return parse_compare(p);
    struct node *n = node_new(p, NODE_NOT, p->lexer.token.at);
    n->type = TYPE_BOOL;
    if (!enter(p) || !advance(p) || (n->left = parse_not(p)) == NULL)
        return NULL;
    p->depth--;
    n->end = p->lexer.last_end;
    return n;
}

static struct node *parse_chain(struct parser *p, const char *word,
                                enum node_kind kind,
                                struct node *(*parse_part)(struct parser *))
{
    struct node *left = parse_part(p);
    if (left == NULL)
        return NULL;
    while (lex_is(&p->lexer, word)) {
        struct node *n = node_new(p, kind, left->at);
        n->type = TYPE_BOOL;
        n->left = left;
        if (!advance(p) || (n->right = parse_part(p)) == NULL)
            return NULL;
        n->end = p->lexer.last_end;
        left = n;
    }
    return left;
}

static struct node *parse_and(struct parser *p)
{
    return parse_chain(p, "and", NODE_AND, parse_not);
}

static struct node *parse_or(struct parser *p)
{
    return parse_chain(p, "or", NODE_OR, parse_and);
}

/* Something stands after a whole expression. */
static void refuse_rest(struct parser *p, const struct node *before)
{
    const struct token *t = &p->lexer.token;
    const char *meant = t->kind == TOKEN_WORD ? operator_meant(t->text) : NULL;
    static const char *const words[] = {"and",         "or",        "contains",
                                        "starts_with", "ends_with", NULL};
    if (meant == NULL && t->kind == TOKEN_WORD)
        meant = str_nearest_of(t->text, words);
    if (lex_is(&p->lexer, "exists"))
        expect_refuse(p->error, t->at,
                      "exists stands before what it asks for: exists %.*s",
                      (int)(before->end - before->at),
                      p->lexer.text + before->at);
    else if (meant != NULL)
        expect_refuse(p->error, t->at,
                      "unknown operator \"%.40s\"; did you mean \"%s\"?",
                      t->text, meant);
    else
        expected(p, before->kind <= NODE_COMPARE
                        ? "and, or, or the end"
                        : "an operator such as == or contains");
}

struct node *tree_parse(struct expect *e, struct expect_error *error)
{
    struct parser p = {
        .lexer = {.text = e->text, .arena = e->arena, .error = error},
        .expect = e,
        .error = error,
    };
    if (!advance(&p))
        return NULL;
    if (p.lexer.token.kind == TOKEN_END) {
        expect_refuse(error, 0, "the expression is empty");
        return NULL;
    }
    struct node *root = parse_or(&p);
    if (root == NULL)
        return NULL;
    if (p.lexer.token.kind != TOKEN_END) {
        refuse_rest(&p, root);
        return NULL;
    }
    return root;
}

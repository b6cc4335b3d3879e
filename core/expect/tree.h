/* expect/tree.h: an expression as a tree, shared by the files of this layer.
 *
 * parse.c builds it, type.c fills in types, fields and functions, eval.c and
 * explain.c walk it. Everything but the regexes hangs on the arena. */
#ifndef RELEVO_EXPECT_TREE_H
#define RELEVO_EXPECT_TREE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/jsonpath.h"
#include "base/mem.h"
#include "expect/expect.h"
#include "expect/range.h"
#include "expect/regex.h"

/* The types of fields, and those that only expressions have. */
enum type {
    TYPE_NONE = 0,
    TYPE_BOOL = RLV_T_BOOL,
    TYPE_INT = RLV_T_INT,
    TYPE_REAL = RLV_T_REAL,
    TYPE_DURATION = RLV_T_DURATION,
    TYPE_SIZE = RLV_T_SIZE,
    TYPE_PERCENT = RLV_T_PERCENT,
    TYPE_TIME = RLV_T_TIME,
    TYPE_TEXT = RLV_T_TEXT,
    TYPE_BODY = RLV_T_BODY,
    TYPE_MAP = RLV_T_MAP,
    TYPE_ANY = RLV_T_ANY,
    TYPE_COUNT, /* len(): compares with numbers and with sizes */
    TYPE_JSON,  /* json(): any that is never a duration or a percentage */
    TYPE_TREE,  /* at run time: a JSON list or object */
    TYPE_LIST,
    TYPE_RANGE,
    TYPE_REGEX
};

struct value {
    enum type type;
    size_t len; /* TEXT and BODY */
    union {
        int64_t i;
        double d;
        const char *s;
        const json_t *tree;
    } as;
};

enum operator{
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_MATCH,
    OP_IN,
    OP_CONTAINS,
    OP_STARTS,
    OP_ENDS
};

enum node_kind {
    NODE_OR,
    NODE_AND,
    NODE_NOT,
    NODE_EXISTS,
    NODE_COMPARE, /* up to here: true or false */
    NODE_NAME,    /* a plain field */
    NODE_CALL, /* name(…), until type.c knows which of the next two it is */
    NODE_KEY,  /* header('etag') */
    NODE_FUNCTION,
    NODE_LITERAL,
    NODE_RANGE, /* left..right */
    NODE_LIST,
    NODE_REGEX
};

struct function;

struct node {
    enum node_kind kind;
    enum type type;
    unsigned at, end; /* where in the text it stands: bytes [at, end) */
    struct node *left, *right; /* NOT and EXISTS: left alone */
    struct node **items;       /* LIST; arguments of CALL and FUNCTION */
    size_t item_count;
    enum operator op; /* COMPARE */
    bool negated;     /* COMPARE: !~, not in, not contains … */
    unsigned op_at;
    const char *name; /* NAME, CALL */
    unsigned field;   /* NAME, KEY; json(): the body */
    const char *key;  /* KEY */
    const struct function *function;
    struct jsonpath *path;            /* json() */
    const struct nagios_range *range; /* within() */
    struct regex *regex;              /* REGEX; LITERAL of a regex */
    struct value value;               /* LITERAL */
};

struct read {
    unsigned field;
    const char *key;
};

struct expect {
    struct arena *arena;
    const char *text;
    struct node *root;
    struct node *first_history; /* a history function, or NULL */
    struct read *reads;
    size_t read_count, read_cap;
    struct regex **regexes; /* owned, as are the paths */
    size_t regex_count, regex_cap;
    struct jsonpath **paths;
    size_t path_count, path_cap;
    unsigned comparisons, duration_comparisons;
};

/* ---------------------------------------------------------------- load --- */

/* Keeps the first error; returns false. */
bool expect_refuse(struct expect_error *, unsigned at, const char *fmt, ...)
    PRINTF(3, 4);

struct node *tree_parse(struct expect *, struct expect_error *);
bool tree_type(struct expect *, const struct expect_scope *, bool condition,
               struct expect_error *);

/* --------------------------------------------------------------- words --- */

enum function_kind {
    FUNCTION_JSON,
    FUNCTION_LEN,
    FUNCTION_LOWER,
    FUNCTION_AGE,
    FUNCTION_WITHIN,
    FUNCTION_HISTORY
};

struct function {
    struct expect_word word;
    enum function_kind kind;
    unsigned least, most; /* arguments */
    enum type result;     /* TYPE_NONE: that of the first argument */
};

const struct function *function_find(const char *name);
const char *function_suggest(const char *name);

/* The operator that a word is, such as contains; false: none. */
bool operator_of_word(const char *word, enum operator*);
const char *operator_name(enum operator);
/* What people coming from other languages meant: "&&" is "and". */
const char *operator_meant(const char *word);
const char *type_words(enum type); /* "a duration" */

/* --------------------------------------------------------------- judge --- */

struct expect_cache {
    json_t *root; /* NULL: the body is no JSON */
    bool tried;
};

/* One evaluation. Begin with {.in = in, .err = err}. */
struct run {
    const struct expect_input *in;
    struct err *err;
    struct arena *scratch;   /* made when needed */
    struct expect_cache own; /* where the caller keeps none */
    bool failed;
};

void run_end(struct run *);
/* false: absent, or run->failed. */
bool run_operand(struct run *, const struct node *, struct value *);
enum expect_verdict run_truth(struct run *, const struct node *);
/* The body as JSON; NULL: it is none, or absent. */
const json_t *run_json(struct run *, unsigned body_field);

/* Which kinds compare with each other. */
enum value_class {
    CLASS_NONE,
    CLASS_BOOL,
    CLASS_NUMBER,
    CLASS_DURATION,
    CLASS_PERCENT,
    CLASS_TIME,
    CLASS_TEXT
};

enum value_class type_class(enum type);
bool type_is_real(enum type); /* it is in as.d */
/* false: they do not compare. *order is negative, 0 or positive. */
bool value_order(const struct value *, const struct value *, int *order);
bool value_of_json(const json_t *, struct value *); /* false: null */
bool value_contains(const struct value *whole, const struct value *part);
/* The time that it is becomes the duration since then; false: it is none. */
bool value_age(struct value *, int64_t now_us);

#endif

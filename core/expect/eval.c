/* expect/eval.c: true or false. Nothing is allocated for a plain comparison.
 *
 * An absent value makes its comparison false, whatever the operator; so do two
 * values of kinds that do not compare. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "expect/tree.h"

enum { MOST_VALUE = 4096 }; /* bytes of a text that expect_yield keeps */

void run_end(struct run *r)
{
    json_decref(r->own.root);
    arena_free(r->scratch);
}

/* ------------------------------------------------------------ operands --- */

static bool run_get(struct run *r, unsigned field, const char *key,
                    struct value *out)
{
    const struct rlv_value *v = r->in->get(r->in->arg, field, key);
    if (v == NULL)
        return false;
    out->type = (enum type)v->type;
    out->len = v->len;
    if (type_is_real(out->type))
        out->as.d = v->as.d;
    else if (type_class(out->type) == CLASS_TEXT)
        out->as.s = v->as.s != NULL ? v->as.s : "";
    else
        out->as.i = v->as.i;
    return true;
}

/* Numbers beyond 64 bits would make all of it "no JSON": then as reals. */
static json_t *parse_json(const char *s, size_t n)
{
    size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
    if (n >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0)
        s += 3, n -= 3;
    json_error_t error;
    json_t *root = json_loadb(s, n, flags, &error);
    if (root == NULL && json_error_code(&error) == json_error_numeric_overflow)
        root = json_loadb(s, n, flags | JSON_DECODE_INT_AS_REAL, &error);
    return root;
}

const json_t *run_json(struct run *r, unsigned body_field)
{
    struct expect_cache *cache = r->in->cache != NULL ? r->in->cache : &r->own;
    struct value body;
    if (!cache->tried) {
        cache->tried = true;
        if (run_get(r, body_field, NULL, &body) &&
            type_class(body.type) == CLASS_TEXT)
            cache->root = parse_json(body.as.s, body.len);
    }
    return cache->root;
}

static bool run_lower(struct run *r, struct value *v)
{
    if (type_class(v->type) != CLASS_TEXT)
        return false;
    if (r->scratch == NULL)
        r->scratch = arena_new();
    char *lower = arena_strndup(r->scratch, v->as.s, v->len);
    for (size_t i = 0; i < v->len; i++)
        if (lower[i] >= 'A' && lower[i] <= 'Z')
            lower[i] = (char)(lower[i] - 'A' + 'a');
    v->type = TYPE_TEXT;
    v->as.s = lower;
    return true;
}

static bool run_len(struct value *v)
{
    size_t n = v->len;
    if (v->type == TYPE_TREE)
        n = json_is_object(v->as.tree) ? json_object_size(v->as.tree)
                                       : json_array_size(v->as.tree);
    else if (type_class(v->type) != CLASS_TEXT)
        return false;
    *v = (struct value){.type = TYPE_COUNT, .as.i = (int64_t)n};
    return true;
}

/* In base units, as a plugin's own thresholds are. */
static bool run_within(const struct nagios_range *range, struct value *v)
{
    enum value_class class = type_class(v->type);
    if (class != CLASS_NUMBER && class != CLASS_DURATION &&
        class != CLASS_PERCENT)
        return false;
    double x = type_is_real(v->type) ? v->as.d : (double)v->as.i;
    if (class == CLASS_DURATION)
        x /= (double)NS_PER_S;
    *v = (struct value){.type = TYPE_BOOL,
                        .as.i = !nagios_range_alerts(range, x)};
    return true;
}

static bool run_function(struct run *r, const struct node *n, struct value *out)
{
    if (n->function->kind == FUNCTION_JSON) {
        const json_t *root = run_json(r, n->field);
        const json_t *at = root == NULL ? NULL : jsonpath_get(n->path, root);
        return at != NULL && value_of_json(at, out);
    }
    if (!run_operand(r, n->items[0], out))
        return false;
    switch (n->function->kind) {
    case FUNCTION_LEN: return run_len(out);
    case FUNCTION_LOWER: return run_lower(r, out);
    case FUNCTION_AGE: return value_age(out, r->in->now_us);
    case FUNCTION_WITHIN: return run_within(n->range, out);
    case FUNCTION_JSON:
    case FUNCTION_HISTORY: break;
    }
    return false;
}

bool run_operand(struct run *r, const struct node *n, struct value *out)
{
    switch (n->kind) {
    case NODE_NAME: return run_get(r, n->field, NULL, out);
    case NODE_KEY: return run_get(r, n->field, n->key, out);
    case NODE_LITERAL: *out = n->value; return true;
    case NODE_FUNCTION: return run_function(r, n, out);
    case NODE_OR:
    case NODE_AND:
    case NODE_NOT:
    case NODE_EXISTS:
    case NODE_COMPARE:
        *out = (struct value){.type = TYPE_BOOL,
                              .as.i = run_truth(r, n) == EXPECT_TRUE};
        return !r->failed;
    case NODE_CALL:
    case NODE_RANGE:
    case NODE_LIST:
    case NODE_REGEX: break;
    }
    return false;
}

/* --------------------------------------------------------- comparisons --- */

enum answer { NO, YES, NEITHER }; /* NEITHER: false, and so is its negation */

static enum answer in_item(struct run *r, const struct value *v,
                           const struct node *item)
{
    struct value other;
    int order, upper;
    if (item->kind == NODE_RANGE) {
        if (!value_order(v, &item->left->value, &order) ||
            !value_order(v, &item->right->value, &upper))
            return NEITHER;
        return order >= 0 && upper <= 0 ? YES : NO;
    }
    if (!run_operand(r, item, &other) || !value_order(v, &other, &order))
        return NEITHER;
    return order == 0 ? YES : NO;
}

/* NEITHER where it could be compared with nothing in the list. */
static enum answer answer_in(struct run *r, const struct value *v,
                             const struct node *right)
{
    enum answer all = NEITHER;
    if (right->kind == NODE_RANGE)
        return in_item(r, v, right);
    for (size_t i = 0; i < right->item_count; i++) {
        enum answer one = in_item(r, v, right->items[i]);
        if (one == YES)
            return YES;
        if (one == NO)
            all = NO;
    }
    return all;
}

static enum answer answer_match(struct run *r, const struct value *v,
                                const struct node *right)
{
    if (type_class(v->type) != CLASS_TEXT)
        return NEITHER;
    int rc = regex_match(right->regex, v->as.s, v->len, r->err);
    r->failed |= rc < 0;
    return rc > 0 ? YES : NO;
}

static enum answer answer_inside(enum operator op, const struct value *a,
                                 const struct value *b)
{
    if (op == OP_CONTAINS) {
        bool fits = a->type == TYPE_TREE ? type_class(b->type) != CLASS_NONE
                                         : type_class(a->type) == CLASS_TEXT &&
                                               b->type == TYPE_TEXT;
        return !fits ? NEITHER : value_contains(a, b) ? YES : NO;
    }
    if (type_class(a->type) != CLASS_TEXT || b->type != TYPE_TEXT)
        return NEITHER;
    if (b->len > a->len)
        return NO;
    const char *at = op == OP_STARTS ? a->as.s : a->as.s + a->len - b->len;
    return b->len == 0 || memcmp(at, b->as.s, b->len) == 0 ? YES : NO;
}

static enum answer answer_order(enum operator op, const struct value *a,
                                const struct value *b)
{
    int order;
    if (op <= OP_NE && type_class(a->type) == CLASS_TEXT && a->len != b->len &&
        type_class(b->type) == CLASS_TEXT)
        return op == OP_NE ? YES : NO; /* cheaper than to put them in order */
    if (!value_order(a, b, &order))
        return NEITHER;
    switch (op) {
    case OP_EQ: return order == 0 ? YES : NO;
    case OP_NE: return order != 0 ? YES : NO;
    case OP_LT: return order < 0 ? YES : NO;
    case OP_LE: return order <= 0 ? YES : NO;
    case OP_GT: return order > 0 ? YES : NO;
    case OP_GE: return order >= 0 ? YES : NO;
    case OP_MATCH:
    case OP_IN:
    case OP_CONTAINS:
    case OP_STARTS:
    case OP_ENDS: break;
    }
    return NEITHER;
}

static enum answer run_answer(struct run *r, const struct node *n)
{
    struct value a, b;
    if (!run_operand(r, n->left, &a))
        return NEITHER;
    if (n->op == OP_IN)
        return answer_in(r, &a, n->right);
    if (n->op == OP_MATCH)
        return answer_match(r, &a, n->right);
    if (!run_operand(r, n->right, &b))
        return NEITHER;
    return n->op < OP_MATCH ? answer_order(n->op, &a, &b)
                            : answer_inside(n->op, &a, &b);
}

/* --------------------------------------------------------------- truth --- */

static enum expect_verdict verdict(const struct run *r, bool truth)
{
    return r->failed ? EXPECT_ERROR : truth ? EXPECT_TRUE : EXPECT_FALSE;
}

/* A field that is true or false by itself. */
static enum expect_verdict truth_of_value(struct run *r, const struct node *n)
{
    struct value v;
    bool there = run_operand(r, n, &v);
    return verdict(r, there && v.type == TYPE_BOOL && v.as.i != 0);
}

enum expect_verdict run_truth(struct run *r, const struct node *n)
{
    struct value unused;
    enum expect_verdict left;
    switch (n->kind) {
    case NODE_OR:
        left = run_truth(r, n->left);
        return left == EXPECT_FALSE ? run_truth(r, n->right) : left;
    case NODE_AND:
        left = run_truth(r, n->left);
        return left == EXPECT_TRUE ? run_truth(r, n->right) : left;
    case NODE_NOT:
        left = run_truth(r, n->left);
        return left == EXPECT_ERROR ? left : verdict(r, left == EXPECT_FALSE);
    case NODE_EXISTS: return verdict(r, run_operand(r, n->left, &unused));
    case NODE_COMPARE:
        return verdict(r, run_answer(r, n) == (n->negated ? NO : YES));
    default: return truth_of_value(r, n);
    }
}

enum expect_verdict expect_eval(const struct expect *e,
                                const struct expect_input *in, struct err *err)
{
    struct run r = {.in = in, .err = err};
    enum expect_verdict truth = run_truth(&r, e->root);
    run_end(&r);
    return truth;
}

/* ----------------------------------------------------- what is not known ---
 */

static bool lacks(struct run *r, const struct node *n)
{
    struct value unused;
    if (n == NULL)
        return false;
    if (n->kind == NODE_NAME || n->kind == NODE_KEY || n->kind == NODE_FUNCTION)
        return !run_operand(r, n, &unused);
    for (size_t i = 0; i < n->item_count; i++)
        if (lacks(r, n->items[i]))
            return true;
    return lacks(r, n->left) || lacks(r, n->right);
}

/* Kleene's logic: NEITHER is "not known". */
static enum answer known(struct run *r, const struct node *n)
{
    enum answer left, right, decides = n->kind == NODE_OR ? YES : NO;
    switch (n->kind) {
    case NODE_OR:
    case NODE_AND:
        left = known(r, n->left);
        right = known(r, n->right);
        if (left == decides || right == decides)
            return decides;
        return left == NEITHER || right == NEITHER ? NEITHER : left;
    case NODE_NOT:
        left = known(r, n->left);
        return left == NEITHER ? NEITHER : left == YES ? NO : YES;
    case NODE_EXISTS: return run_truth(r, n) == EXPECT_TRUE ? YES : NO;
    default:
        if (run_truth(r, n) == EXPECT_TRUE)
            return YES;
        return lacks(r, n) ? NEITHER : NO;
    }
}

bool expect_is_undecided(const struct expect *e, const struct expect_input *in)
{
    struct run r = {.in = in};
    enum answer answer = known(&r, e->root);
    run_end(&r);
    return answer == NEITHER;
}

bool expect_is_observed(const struct expect *e, const struct expect_input *in)
{
    for (size_t i = 0; i < e->read_count; i++)
        if (in->get(in->arg, e->reads[i].field, e->reads[i].key) == NULL)
            return false;
    return true;
}

/* ------------------------------------------------------------- a value --- */

/* A list or an object as compact JSON, in the arena. */
static struct rlv_value tree_text(struct arena *arena, const json_t *tree)
{
    char *text = json_dumps(tree, JSON_COMPACT);
    size_t n = text == NULL ? 0 : strlen(text);
    if (n > MOST_VALUE)
        n = MOST_VALUE;
    struct rlv_value v =
        rlv_text_n(arena_strndup(arena, text == NULL ? "" : text, n), n);
    free(text);
    return v;
}

static struct rlv_value keep_value(struct arena *arena, const struct value *v)
{
    if (v->type == TYPE_TREE)
        return tree_text(arena, v->as.tree);
    if (type_class(v->type) == CLASS_TEXT) {
        size_t n = v->len < MOST_VALUE ? v->len : MOST_VALUE;
        return rlv_text_n(arena_strndup(arena, v->as.s, n), n);
    }
    if (v->type == TYPE_COUNT)
        return rlv_int(v->as.i);
    if (!type_is_real(v->type))
        return rlv_i64((enum rlv_type)v->type, v->as.i);
    struct rlv_value real = rlv_real(v->as.d);
    real.type = (uint32_t)v->type;
    return real;
}

bool expect_yield(const struct expect *e, const struct expect_input *in,
                  struct arena *arena, struct rlv_value *out, struct err *err)
{
    struct run r = {.in = in, .err = err};
    if (err != NULL)
        *err = (struct err){0};
    struct value v;
    bool there = run_operand(&r, e->root, &v);
    if (there)
        *out = keep_value(arena, &v);
    run_end(&r);
    return there;
}

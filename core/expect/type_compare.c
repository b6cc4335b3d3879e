/* expect/type_compare.c: whether the two sides of an operator fit. */
#include "base/clock.h"
#include "base/human.h"
#include "base/str.h"
#include "expect/type.h"

/* "500" where 500ms was meant, "'200'" where 200 was. */
static bool refuse_literal(struct typer *t, const struct node *other,
                           const struct node *literal)
{
    const char *name = type_source(t, other), *wrote = type_source(t, literal);
    const char *is = type_words(other->type);
    if (type_is_bare_number(literal) &&
        (other->type == TYPE_DURATION || other->type == TYPE_PERCENT))
        return expect_refuse(t->error, literal->at,
                             "%s is %s: write %s%s, not %s", name, is, wrote,
                             other->type == TYPE_DURATION ? "ms" : "%", wrote);
    const char *inner = literal->type == TYPE_TEXT ? literal->value.as.s : "x";
    int64_t whole;
    double real;
    bool quoted = (type_class(other->type) == CLASS_NUMBER &&
                   (str_to_double(inner, &real) ||
                    human_parse_size(inner, &whole, NULL))) ||
                  (other->type == TYPE_DURATION &&
                   human_parse_duration(inner, &whole, NULL)) ||
                  (other->type == TYPE_BOOL && expect_is_reserved(inner));
    return expect_refuse(
        t->error, literal->at, "%s is %s and %s %s: they do not compare%s%s%s",
        name, is, wrote, type_words(literal->type), quoted ? "; write " : "",
        quoted ? inner : "", quoted ? " without quotes" : "");
}

static bool refuse_pair(struct typer *t, const struct node *a,
                        const struct node *b)
{
    if (a->type == TYPE_JSON || b->type == TYPE_JSON) {
        const struct node *other = a->type == TYPE_JSON ? b : a;
        return expect_refuse(t->error, other->at,
                             "json() never yields %s: JSON knows numbers, "
                             "texts, true and false",
                             type_words(other->type));
    }
    if (b->kind == NODE_LITERAL)
        return refuse_literal(t, a, b);
    if (a->kind == NODE_LITERAL)
        return refuse_literal(t, b, a);
    return expect_refuse(t->error, b->at,
                         "%s is %s and %s %s: they do not compare",
                         type_source(t, a), type_words(a->type),
                         type_source(t, b), type_words(b->type));
}

static bool json_may_be(enum value_class class)
{
    return class == CLASS_BOOL || class == CLASS_NUMBER || class == CLASS_TEXT;
}

/* A text beside a time is read as one, here, once. */
static bool literal_to_time(struct typer *t, struct node *n)
{
    int64_t us;
    if (!clock_parse(n->value.as.s, &us))
        return expect_refuse(t->error, n->at,
                             "%s is not a time such as "
                             "'2026-03-28T12:00:00Z'",
                             type_source(t, n));
    n->type = n->value.type = TYPE_TIME;
    n->value.as.i = us;
    return true;
}

static bool check_pair(struct typer *t, struct node *a, struct node *b)
{
    enum value_class ca = type_class(a->type), cb = type_class(b->type);
    if (ca == CLASS_TIME && cb == CLASS_TEXT && b->kind == NODE_LITERAL)
        return literal_to_time(t, b);
    if (cb == CLASS_TIME && ca == CLASS_TEXT && a->kind == NODE_LITERAL)
        return literal_to_time(t, a);
    bool a_open = type_is_open(a->type), b_open = type_is_open(b->type);
    if ((ca == CLASS_NONE && !a_open) || (cb == CLASS_NONE && !b_open))
        return refuse_pair(t, a, b);
    if (a_open && b_open)
        return true;
    if (a->type == TYPE_JSON)
        return json_may_be(cb) || refuse_pair(t, a, b);
    if (b->type == TYPE_JSON)
        return json_may_be(ca) || refuse_pair(t, a, b);
    return a_open || b_open || ca == cb || refuse_pair(t, a, b);
}

static bool check_order(struct typer *t, struct node *n)
{
    if (n->right->type == TYPE_LIST || n->right->type == TYPE_RANGE)
        return expect_refuse(t->error, n->op_at,
                             "%s does not take %s; did you mean \"in\"?",
                             operator_name(n->op), type_words(n->right->type));
    if (n->right->type == TYPE_REGEX)
        return expect_refuse(t->error, n->op_at,
                             "%s does not take a regex; did you mean \"~\"?",
                             operator_name(n->op));
    if (!check_pair(t, n->left, n->right))
        return false;
    const struct node *odd =
        n->left->type == TYPE_BOOL || n->left->type == TYPE_BODY ? n->left
                                                                 : n->right;
    if (n->op != OP_EQ && n->op != OP_NE &&
        (odd->type == TYPE_BOOL || odd->type == TYPE_BODY))
        return expect_refuse(
            t->error, n->op_at, "%s does not order %s: %s is %s",
            operator_name(n->op),
            odd->type == TYPE_BOOL ? "true and false" : "bodies",
            type_source(t, odd), type_words(odd->type));
    return true;
}

static bool check_match(struct typer *t, struct node *n)
{
    const char *name = n->negated ? "!~" : "~";
    if (n->right->type != TYPE_REGEX)
        return expect_refuse(t->error, n->right->at,
                             "%s takes a regex: write /…/, not %s", name,
                             type_source(t, n->right));
    if (type_is_open(n->left->type) || type_class(n->left->type) == CLASS_TEXT)
        return true;
    return expect_refuse(t->error, n->left->at,
                         "%s looks into a text: %s is %s", name,
                         type_source(t, n->left), type_words(n->left->type));
}

static bool check_in(struct typer *t, struct node *n)
{
    struct node *right = n->right;
    if (right->type != TYPE_LIST && right->type != TYPE_RANGE)
        return expect_refuse(t->error, right->at,
                             "in takes a range such as 200..299 or a list such "
                             "as [200, 204], not %s",
                             type_source(t, right));
    struct node **items = right->kind == NODE_LIST ? right->items : &right;
    size_t count = right->kind == NODE_LIST ? right->item_count : 1;
    for (size_t i = 0; i < count; i++) {
        struct node *item = items[i];
        bool range = item->kind == NODE_RANGE;
        if (!check_pair(t, n->left, range ? item->left : item) ||
            (range && !check_pair(t, n->left, item->right)))
            return false;
    }
    return true;
}

static bool check_inside(struct typer *t, struct node *n)
{
    const struct node *whole = n->left, *part = n->right;
    const char *name = operator_name(n->op);
    bool part_fits = type_is_open(part->type) || part->type == TYPE_TEXT ||
                     (n->op == OP_CONTAINS && type_is_open(whole->type) &&
                      json_may_be(type_class(part->type)));
    if (!type_is_open(whole->type) && type_class(whole->type) != CLASS_TEXT)
        return expect_refuse(t->error, whole->at,
                             "%s looks into a text: %s is %s", name,
                             type_source(t, whole), type_words(whole->type));
    if (part->type == TYPE_REGEX)
        return expect_refuse(t->error, part->at,
                             "%s takes a text; for a regex write ~", name);
    if (!part_fits)
        return expect_refuse(t->error, part->at,
                             "%s takes a text in quotes: %s is %s", name,
                             type_source(t, part), type_words(part->type));
    return true;
}

bool type_check_compare(struct typer *t, struct node *n)
{
    enum type left = n->left->type;
    if (left == TYPE_REGEX || left == TYPE_LIST || left == TYPE_RANGE)
        return expect_refuse(
            t->error, n->left->at, "%s stands right of the operator, as in %s",
            type_words(left),
            left == TYPE_REGEX ? "body ~ /ready/" : "status in 200..299");
    switch (n->op) {
    case OP_MATCH: return check_match(t, n);
    case OP_IN: return check_in(t, n);
    case OP_CONTAINS:
    case OP_STARTS:
    case OP_ENDS: return check_inside(t, n);
    case OP_EQ:
    case OP_NE:
    case OP_LT:
    case OP_LE:
    case OP_GT:
    case OP_GE: break;
    }
    return check_order(t, n);
}

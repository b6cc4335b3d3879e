/* expect/type.c: types from the leaves up, and whether the parts fit. */
#include "expect/type.h"

#include "base/str.h"

const char *type_source(struct typer *t, const struct node *n)
{
    char clean[64];
    str_clean(clean, sizeof clean, t->expect->text + n->at, n->end - n->at);
    return arena_strdup(t->expect->arena, clean);
}

bool type_is_open(enum type type)
{
    return type == TYPE_ANY || type == TYPE_JSON;
}

bool type_is_bare_number(const struct node *n)
{
    return n->kind == NODE_LITERAL &&
           (n->type == TYPE_INT || n->type == TYPE_REAL);
}

bool type_is_observed(const struct node *n)
{
    return n->kind == NODE_NAME || n->kind == NODE_KEY ||
           n->kind == NODE_FUNCTION;
}

static bool reads_duration(const struct node *n)
{
    if (n->kind == NODE_RANGE)
        return n->left->type == TYPE_DURATION;
    if (n->kind == NODE_LIST)
        return reads_duration(n->items[0]);
    return n->type == TYPE_DURATION;
}

/* cert_expiry > 14d, 14d < cert_expiry: too little of it is not slowness. */
static bool is_lower_limit(const struct node *n)
{
    bool greater = n->op == OP_GT || n->op == OP_GE;
    bool less = n->op == OP_LT || n->op == OP_LE;
    return (greater && n->right->kind == NODE_LITERAL) ||
           (less && n->left->kind == NODE_LITERAL);
}

static bool type_compare(struct typer *t, struct node *n)
{
    if (!type_node(t, n->left) || !type_node(t, n->right) ||
        !type_check_compare(t, n))
        return false;
    t->expect->comparisons++;
    t->expect->duration_comparisons +=
        (reads_duration(n->left) || reads_duration(n->right)) &&
        !is_lower_limit(n);
    return true;
}

/* n stands where true or false is asked for. */
static bool type_condition(struct typer *t, struct node *n)
{
    if (!type_node(t, n))
        return false;
    if (n->kind <= NODE_COMPARE)
        return true;
    t->expect->comparisons++;
    if (n->type == TYPE_BOOL || type_is_open(n->type))
        return true;
    return expect_refuse(t->error, n->at,
                         "%s is %s, not a condition: compare it with "
                         "something, or write exists %s",
                         type_source(t, n), type_words(n->type),
                         type_source(t, n));
}

static bool type_exists(struct typer *t, struct node *n)
{
    if (!type_node(t, n->left))
        return false;
    t->expect->comparisons++;
    return type_is_observed(n->left) ||
           expect_refuse(t->error, n->left->at,
                         "exists asks for something observed: %s is always "
                         "there",
                         type_source(t, n->left));
}

static bool type_range(struct typer *t, struct node *n)
{
    struct node *low = n->left, *high = n->right;
    int order;
    if (type_class(low->type) != type_class(high->type)) {
        bool bare = type_is_bare_number(low) && !type_is_bare_number(high);
        const char *advice =
            type_is_bare_number(low) || type_is_bare_number(high)
                ? "; both need the unit"
                : "";
        return expect_refuse(t->error, bare ? low->at : high->at,
                             "the ends of the range do not fit: %s and %s%s",
                             type_words(low->type), type_words(high->type),
                             advice);
    }
    if (type_class(low->type) == CLASS_TEXT)
        return expect_refuse(t->error, n->at, "a range is of numbers");
    if (value_order(&low->value, &high->value, &order) && order > 0)
        return expect_refuse(t->error, n->at,
                             "the range is upside down: the lower end stands "
                             "first");
    return true;
}

static bool type_list(struct typer *t, struct node *n)
{
    for (size_t i = 0; i < n->item_count; i++) {
        struct node *item = n->items[i];
        if (!type_node(t, item))
            return false;
        if (item->kind == NODE_LIST || item->kind == NODE_REGEX)
            return expect_refuse(t->error, item->at,
                                 "a list holds values and ranges, not %s",
                                 type_words(item->type));
    }
    return true;
}

bool type_node(struct typer *t, struct node *n)
{
    switch (n->kind) {
    case NODE_OR:
    case NODE_AND:
        return type_condition(t, n->left) && type_condition(t, n->right);
    case NODE_NOT: return type_condition(t, n->left);
    case NODE_EXISTS: return type_exists(t, n);
    case NODE_COMPARE: return type_compare(t, n);
    case NODE_NAME: return type_name(t, n);
    case NODE_CALL: return type_call(t, n);
    case NODE_RANGE: return type_range(t, n);
    case NODE_LIST: return type_list(t, n);
    case NODE_KEY:
    case NODE_FUNCTION:
    case NODE_LITERAL:
    case NODE_REGEX: break;
    }
    return true;
}

bool tree_type(struct expect *e, const struct expect_scope *scope,
               bool condition, struct expect_error *error)
{
    struct typer t = {e, scope, error};
    struct node *root = e->root;
    if (condition)
        return type_condition(&t, root);
    if (!type_node(&t, root))
        return false;
    if (root->kind == NODE_LIST || root->kind == NODE_RANGE ||
        root->kind == NODE_REGEX)
        return expect_refuse(error, root->at, "%s alone is not a value",
                             type_words(root->type));
    return true;
}

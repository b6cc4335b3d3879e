/* expect/value.c: how values compare with each other. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "expect/tree.h"

enum value_class type_class(enum type type)
{
    switch (type) {
    case TYPE_BOOL: return CLASS_BOOL;
    case TYPE_INT:
    case TYPE_REAL:
    case TYPE_SIZE:
    case TYPE_COUNT: return CLASS_NUMBER;
    case TYPE_DURATION: return CLASS_DURATION;
    case TYPE_PERCENT: return CLASS_PERCENT;
    case TYPE_TIME: return CLASS_TIME;
    case TYPE_TEXT:
    case TYPE_BODY: return CLASS_TEXT;
    case TYPE_NONE:
    case TYPE_MAP:
    case TYPE_ANY:
    case TYPE_JSON:
    case TYPE_TREE:
    case TYPE_LIST:
    case TYPE_RANGE:
    case TYPE_REGEX: break;
    }
    return CLASS_NONE;
}

static int sign(bool less, bool more) { return more - less; }

static size_t digits_at(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n && isdigit((unsigned char)s[i]))
        i++;
    return i;
}

/* Two runs of digits as numbers of any length. */
static int digits_order(const char *a, size_t n, const char *b, size_t m)
{
    while (n > 0 && *a == '0')
        a++, n--;
    while (m > 0 && *b == '0')
        b++, m--;
    return n != m ? sign(n<m, n> m) : memcmp(a, b, n);
}

static int bytes_order(const struct value *a, const struct value *b)
{
    size_t least = a->len < b->len ? a->len : b->len;
    int order = least > 0 ? memcmp(a->as.s, b->as.s, least) : 0;
    return order != 0 ? order : sign(a->len<b->len, a->len> b->len);
}

/* Bytewise, but digits count as a number, so that '7.10' is after '7.9'. */
static int text_order(const struct value *a, const struct value *b)
{
    const char *s = a->as.s, *t = b->as.s;
    size_t n = a->len, m = b->len;
    while (n > 0 && m > 0) {
        size_t i = digits_at(s, n), j = digits_at(t, m);
        int order = i > 0 && j > 0
                        ? digits_order(s, i, t, j)
                        : (int)(unsigned char)*s - (int)(unsigned char)*t;
        if (order != 0)
            return order;
        i = i > 0 ? i : 1;
        j = j > 0 ? j : 1;
        s += i, n -= i;
        t += j, m -= j;
    }
    return n != m ? sign(n<m, n> m) : bytes_order(a, b);
}

bool type_is_real(enum type type)
{
    return type == TYPE_REAL || type == TYPE_PERCENT;
}

/* long double holds every int64_t, so that no large number is rounded. */
static bool number_order(const struct value *a, const struct value *b,
                         int *order)
{
    if (!type_is_real(a->type) && !type_is_real(b->type)) {
        *order = sign(a->as.i<b->as.i, a->as.i> b->as.i);
        return true;
    }
    long double x = type_is_real(a->type) ? a->as.d : (long double)a->as.i;
    long double y = type_is_real(b->type) ? b->as.d : (long double)b->as.i;
    *order = sign(x<y, x> y);
    return !isnan(x) && !isnan(y);
}

bool value_order(const struct value *a, const struct value *b, int *order)
{
    enum value_class class = type_class(a->type);
    if (class == CLASS_NONE || class != type_class(b->type))
        return false;
    if (class != CLASS_TEXT)
        return number_order(a, b, order);
    *order = text_order(a, b);
    return true;
}

bool value_of_json(const json_t *json, struct value *v)
{
    switch (json_typeof(json)) {
    case JSON_NULL: return false;
    case JSON_TRUE:
    case JSON_FALSE:
        *v = (struct value){.type = TYPE_BOOL, .as.i = json_is_true(json)};
        return true;
    case JSON_INTEGER:
        *v = (struct value){.type = TYPE_INT, .as.i = json_integer_value(json)};
        return true;
    case JSON_REAL:
        *v = (struct value){.type = TYPE_REAL, .as.d = json_real_value(json)};
        return true;
    case JSON_STRING:
        *v = (struct value){.type = TYPE_TEXT,
                            .len = json_string_length(json),
                            .as.s = json_string_value(json)};
        return true;
    case JSON_OBJECT:
    case JSON_ARRAY: break;
    }
    *v = (struct value){.type = TYPE_TREE, .as.tree = json};
    return true;
}

/* A list contains an equal item, an object a key. */
static bool tree_contains(const json_t *tree, const struct value *part)
{
    if (json_is_object(tree))
        return part->type == TYPE_TEXT &&
               json_object_getn(tree, part->as.s, part->len) != NULL;
    for (size_t i = 0; i < json_array_size(tree); i++) {
        struct value item;
        int order;
        if (value_of_json(json_array_get(tree, i), &item) &&
            value_order(&item, part, &order) && order == 0)
            return true;
    }
    return false;
}

bool value_contains(const struct value *whole, const struct value *part)
{
    if (whole->type == TYPE_TREE)
        return tree_contains(whole->as.tree, part);
    return type_class(whole->type) == CLASS_TEXT && part->type == TYPE_TEXT &&
           (part->len == 0 ||
            memmem(whole->as.s, whole->len, part->as.s, part->len) != NULL);
}

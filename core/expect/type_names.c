/* expect/type_names.c: fields, map keys and functions: what a name means. */
#include <ctype.h>
#include <string.h>

#include "base/str.h"
#include "expect/type.h"

enum { LISTED_BYTES = 120 }; /* of field names in a message */

static const char *nth_field(const void *arg, size_t i)
{
    const struct expect_scope *scope = arg;
    return i < scope->field_count ? scope->fields[i].name : NULL;
}

static int find_field(const struct expect_scope *scope, const char *name)
{
    for (size_t i = 0; i < scope->field_count; i++)
        if (strcmp(scope->fields[i].name, name) == 0)
            return (int)i;
    return -1;
}

static void add_read(struct expect *e, unsigned field, const char *key)
{
    e->reads = xgrow(e->reads, e->read_count, &e->read_cap, sizeof *e->reads);
    e->reads[e->read_count++] = (struct read){field, key};
}

/* "status, latency, header, …" */
static const char *list_fields(struct typer *t)
{
    struct buf names = {0};
    for (size_t i = 0; i < t->scope->field_count; i++) {
        if (names.len > LISTED_BYTES) {
            buf_adds(&names, ", …");
            break;
        }
        buf_addf(&names, "%s%s", i > 0 ? ", " : "", t->scope->fields[i].name);
    }
    const char *list = arena_strdup(t->expect->arena, buf_text(&names));
    buf_free(&names);
    return list;
}

static bool unknown_name(struct typer *t, const struct node *n)
{
    const char *near = str_nearest(n->name, nth_field, t->scope);
    if (near != NULL)
        return expect_refuse(t->error, n->at,
                             "unknown field \"%.60s\"; did you mean \"%s\"?",
                             n->name, near);
    if (function_find(n->name) != NULL)
        return expect_refuse(t->error, n->at, "%s is a function: write %s",
                             n->name, function_find(n->name)->word.form);
    if (strcmp(n->name, "null") == 0 || strcmp(n->name, "nil") == 0)
        return expect_refuse(t->error, n->at,
                             "there is no %s; to ask whether something is "
                             "there, write exists or not exists",
                             n->name);
    if (t->scope->field_count == 0)
        return expect_refuse(t->error, n->at,
                             "unknown field \"%.60s\"; nothing is observed "
                             "here",
                             n->name);
    return expect_refuse(t->error, n->at,
                         "unknown field \"%.60s\"; there are %s (a text needs "
                         "quotes)",
                         n->name, list_fields(t));
}

bool type_name(struct typer *t, struct node *n)
{
    int field = find_field(t->scope, n->name);
    if (field < 0)
        return unknown_name(t, n);
    n->field = (unsigned)field;
    n->type = (enum type)t->scope->fields[field].type;
    if (n->type == TYPE_MAP)
        return expect_refuse(t->error, n->at, "%s is a map: write %s('key')",
                             n->name, n->name);
    add_read(t->expect, n->field, NULL);
    return true;
}

static const char *map_key(struct typer *t, const struct value *v, bool nocase)
{
    char *key = arena_strndup(t->expect->arena, v->as.s, v->len);
    for (char *c = key; nocase && *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    return key;
}

static bool type_key(struct typer *t, struct node *n, unsigned field)
{
    const struct rlv_field *f = &t->scope->fields[field];
    const struct node *key = n->item_count == 1 ? n->items[0] : NULL;
    if (key == NULL || key->kind != NODE_LITERAL || key->type != TYPE_TEXT)
        return expect_refuse(t->error, key != NULL ? key->at : n->at,
                             "%s needs one key in quotes: %s('key')", n->name,
                             n->name);
    if (memchr(key->value.as.s, '\0', key->value.len) != NULL)
        return expect_refuse(t->error, key->at, "a key has no NUL in it");
    n->kind = NODE_KEY;
    n->type = TYPE_ANY;
    n->field = field;
    n->key = map_key(t, &key->value, (f->flags & RLV_NOCASE) != 0);
    add_read(t->expect, field, n->key);
    return true;
}

/* ----------------------------------------------------------- functions --- */

static bool wrong_argument(struct typer *t, const struct node *n,
                           const struct node *arg, const char *takes)
{
    return expect_refuse(t->error, arg->at, "%s() takes %s, as in %s; %s is %s",
                         n->name, takes, n->function->word.form,
                         type_source(t, arg), type_words(arg->type));
}

static bool type_json(struct typer *t, struct node *n)
{
    const struct node *arg = n->items[0];
    if (arg->kind != NODE_LITERAL || arg->type != TYPE_TEXT)
        return wrong_argument(t, n, arg, "a path in quotes");
    size_t body = 0, offset = 0;
    while (body < t->scope->field_count &&
           t->scope->fields[body].type != RLV_T_BODY)
        body++;
    if (body == t->scope->field_count)
        return expect_refuse(t->error, n->at,
                             "json() looks into the body, and no body is "
                             "observed here");
    struct err err = {0};
    n->path = memchr(arg->value.as.s, '\0', arg->value.len) != NULL
                  ? NULL
                  : jsonpath_parse(arg->value.as.s, &offset, &err);
    if (n->path == NULL)
        return expect_refuse(t->error, arg->at + 1 + (unsigned)offset, "%s",
                             err.text[0] != '\0' ? err.text
                                                 : "a path has no NUL in it");
    struct expect *e = t->expect;
    e->paths = xgrow(e->paths, e->path_count, &e->path_cap, sizeof *e->paths);
    e->paths[e->path_count++] = n->path;
    n->field = (unsigned)body;
    add_read(e, n->field, NULL);
    return true;
}

static bool type_plain_function(struct typer *t, struct node *n)
{
    const struct node *arg = n->items[0];
    bool is_text = arg->type == TYPE_TEXT || type_is_open(arg->type);
    bool fits = n->function->kind == FUNCTION_AGE
                    ? is_text || arg->type == TYPE_TIME
                    : is_text || arg->type == TYPE_BODY;
    if (type_is_observed(arg) && fits)
        return true;
    return wrong_argument(t, n, arg,
                          n->function->kind == FUNCTION_AGE
                              ? "an observed time"
                              : "an observed text or body");
}

static bool type_history(struct typer *t, struct node *n)
{
    const struct node *arg = n->items[0];
    enum value_class class = type_class(arg->type);
    bool is_prev = strcmp(n->name, "prev") == 0;
    bool fits = type_is_open(arg->type) || class == CLASS_NUMBER ||
                class == CLASS_DURATION || class == CLASS_PERCENT ||
                (is_prev && class != CLASS_NONE);
    if ((arg->kind != NODE_NAME && arg->kind != NODE_KEY) || !fits)
        return wrong_argument(t, n, arg, "a field that is a number");
    if (n->item_count == 2 && (n->items[1]->kind != NODE_LITERAL ||
                               n->items[1]->type != TYPE_DURATION))
        return wrong_argument(t, n, n->items[1], "a duration second");
    if (t->expect->first_history == NULL)
        t->expect->first_history = n;
    return true;
}

static bool type_within(struct typer *t, struct node *n)
{
    const struct node *arg = n->items[0], *text = n->items[1];
    enum value_class class = type_class(arg->type);
    bool fits = type_is_open(arg->type) || class == CLASS_NUMBER ||
                class == CLASS_DURATION || class == CLASS_PERCENT;
    if (!type_is_observed(arg) || !fits)
        return wrong_argument(t, n, arg, "an observed number");
    if (text->kind != NODE_LITERAL || text->type != TYPE_TEXT)
        return wrong_argument(t, n, text, "a range in quotes second");
    struct nagios_range range;
    if (!nagios_range_parse(text->value.as.s, text->value.len, &range))
        return expect_refuse(t->error, text->at,
                             "%s is no Nagios range such as '10:20', '~:5' or "
                             "'@0:1'",
                             type_source(t, text));
    n->range = arena_memdup(t->expect->arena, &range, sizeof range);
    return true;
}

static bool unknown_function(struct typer *t, struct node *n, int field)
{
    if (field >= 0)
        return expect_refuse(
            t->error, n->at,
            "%s is %s, not a map or a function: write %s "
            "without parentheses",
            n->name, type_words((enum type)t->scope->fields[field].type),
            n->name);
    const char *near = function_suggest(n->name);
    if (near == NULL)
        near = str_nearest(n->name, nth_field, t->scope);
    if (near == NULL)
        return expect_refuse(t->error, n->at, "unknown function \"%.60s\"",
                             n->name);
    return expect_refuse(t->error, n->at,
                         "unknown function \"%.60s\"; did you mean \"%s\"?",
                         n->name, near);
}

bool type_call(struct typer *t, struct node *n)
{
    int field = find_field(t->scope, n->name);
    if (field >= 0 && t->scope->fields[field].type == RLV_T_MAP)
        return type_key(t, n, (unsigned)field);
    const struct function *f = function_find(n->name);
    if (f == NULL)
        return unknown_function(t, n, field);
    n->kind = NODE_FUNCTION;
    n->function = f;
    if (n->item_count < f->least || n->item_count > f->most)
        return expect_refuse(t->error, n->at,
                             "%s() takes %u argument%s, as in %s", n->name,
                             f->most, f->most == 1 ? "" : "s", f->word.form);
    for (size_t i = 0; i < n->item_count; i++)
        if (!type_node(t, n->items[i]))
            return false;
    n->type = f->result != TYPE_NONE ? f->result : n->items[0]->type;
    switch (f->kind) {
    case FUNCTION_JSON: return type_json(t, n);
    case FUNCTION_HISTORY: return type_history(t, n);
    case FUNCTION_WITHIN: return type_within(t, n);
    case FUNCTION_LEN:
    case FUNCTION_LOWER:
    case FUNCTION_AGE: break;
    }
    return type_plain_function(t, n);
}

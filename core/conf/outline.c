/* conf/outline.c: see outline.h. The grammar is libconfig 1.5's. */
#include "conf/outline.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/str.h"
#include "conf/guess.h"

enum { DEEPEST = 32, MANY = 16 };

struct parser {
    struct guess g; /* words, errors, position: what guess.c looks at */
    struct arena *arena;
    int depth;
    bool duplicates;
};

static const struct token *peek(const struct parser *p)
{
    return &p->g.words->tokens[p->g.at];
}

static const struct token *take(struct parser *p)
{
    const struct token *t = peek(p);
    if (t->type != TOKEN_END)
        p->g.at++;
    return t;
}

static char mark(const struct parser *p, const struct token *t)
{
    return t->type == TOKEN_MARK ? p->g.words->text.data[t->offset] : '\0';
}

static char *token_text(const struct parser *p, const struct token *t)
{
    return arena_strndup(p->arena, p->g.words->text.data + t->offset, t->len);
}

void node_append(struct node *group, struct node *child)
{
    child->next = NULL;
    child->parent = group;
    if (group->last == NULL)
        group->first = child;
    else
        group->last->next = child;
    group->last = child;
    group->count++;
}

void node_set_aside(struct node *group, struct node *child)
{
    struct node *before = NULL;
    for (struct node *n = group->first; n != child; n = n->next)
        before = n;
    if (before == NULL)
        group->first = child->next;
    else
        before->next = child->next;
    if (group->last == child)
        group->last = before;
    group->count--;
    child->next = group->absent;
    group->absent = child;
}

struct node *node_find_absent(const struct node *group, const char *name)
{
    struct node *n = group == NULL ? NULL : group->absent;
    while (n != NULL && !str_eq(n->name, name))
        n = n->next;
    return n;
}

struct node *node_clone(const struct node *from, struct node *parent,
                        struct arena *arena)
{
    struct node *to = arena_memdup(arena, from, sizeof *from);
    to->parent = parent;
    to->first = to->last = to->next = NULL;
    to->count = 0;
    for (const struct node *n = from->first; n != NULL; n = n->next)
        node_append(to, node_clone(n, to, arena));
    return to;
}

struct node *node_find(const struct node *group, const char *name)
{
    if (group == NULL)
        return NULL;
    for (struct node *n = group->first; n != NULL; n = n->next)
        if (str_eq(n->name, name))
            return n;
    return NULL;
}

struct node *node_item(struct node *list, size_t i)
{
    if (list == NULL || (list->type != NODE_LIST && list->type != NODE_ARRAY))
        return i == 0 ? list : NULL;
    struct node *n = list->first;
    while (n != NULL && i-- > 0)
        n = n->next;
    return n;
}

const char *node_written(const struct node *n)
{
    return n->written != NULL ? n->written : n->text;
}

const char *node_kind(const struct node *n)
{
    static const char *const kinds[] = {
        [NODE_GROUP] = "a group { }",  [NODE_LIST] = "a list ( )",
        [NODE_ARRAY] = "an array [ ]", [NODE_TEXT] = "text",
        [NODE_INT] = "a whole number", [NODE_REAL] = "a number",
        [NODE_BOOL] = "true or false"};
    return n->is_secret ? "a secret" : kinds[n->type];
}

static bool parse_value(struct parser *, struct node *);

/* ------------------------------------------------------------- scalars --- */

/* libconfig cuts what does not fit into 32 or 64 bits without a word. */
static bool read_int(struct parser *p, const struct token *t, struct node *n)
{
    char *text = token_text(p, t), *end;
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    errno = 0;
    long long value = strtoll(text, &end, hex ? 16 : 10);
    if (errno == ERANGE)
        return guess_fail(&p->g, t, "%s is too large a number", text);
    n->text = arena_printf(p->arena, "%lld", value);
    return true;
}

static bool read_real(struct parser *p, const struct token *t, struct node *n)
{
    double value;
    n->text = token_text(p, t);
    if (str_to_double(n->text, &value))
        return true;
    return guess_fail(&p->g, t, "%s is not a number that can be held", n->text);
}

/* Texts side by side are one text, which in a list is rarely meant. */
static void read_text(struct parser *p, const struct token *t, struct node *n)
{
    bool in_list = n->name == NULL;
    n->plain = memchr(p->g.words->text.data + t->offset, '\\', t->len) == NULL;
    while (peek(p)->type == TOKEN_TEXT) {
        n->plain = false;
        if (in_list)
            conf_warn(p->g.errors, peek(p)->place,
                      "two texts without a comma between them become one");
        take(p);
    }
}

static bool read_scalar(struct parser *p, struct node *n)
{
    const struct token *t = take(p);
    switch (t->type) {
    case TOKEN_TEXT:
        n->type = NODE_TEXT;
        read_text(p, t, n);
        return true;
    case TOKEN_INT: n->type = NODE_INT; return read_int(p, t, n);
    case TOKEN_REAL: n->type = NODE_REAL; return read_real(p, t, n);
    case TOKEN_BOOL:
        n->type = NODE_BOOL;
        n->text = t->len == 4 ? "true" : "false";
        return true;
    default: return guess_value(&p->g, n->name, t);
    }
}

/* --------------------------------------------------------------- lists --- */

static struct node *new_node(struct parser *p, const struct token *t)
{
    struct node *n = arena_alloc(p->arena, sizeof *n);
    n->key = n->at = t->place;
    n->from = t->offset;
    return n;
}

static uint32_t end_of_last(const struct parser *p)
{
    const struct token *t = &p->g.words->tokens[p->g.at - 1];
    return t->offset + t->len;
}

static bool is_long(const struct parser *p, const struct node *n)
{
    return n->type == NODE_INT && p->g.words->text.data[n->to - 1] == 'L';
}

/* An array takes plain values, all of one type. */
static bool fits_array(struct parser *p, const struct node *array,
                       const struct node *n, const struct token *t)
{
    if (n->type <= NODE_ARRAY)
        return guess_fail(&p->g, t,
                          "an array [ ] holds plain values only; a list ( ) "
                          "may hold %s",
                          node_kind(n));
    const struct node *first = array->first;
    if (first != NULL &&
        (first->type != n->type || is_long(p, first) != is_long(p, n)))
        return guess_fail(&p->g, t,
                          "all values of an array [ ] are of one type; a list "
                          "( ) may mix them");
    return true;
}

static bool parse_list(struct parser *p, struct node *list, char closer)
{
    const struct token *open = take(p);
    if (mark(p, peek(p)) == closer) {
        take(p);
        return true;
    }
    for (;;) {
        const struct token *t = peek(p);
        struct node *n = new_node(p, t);
        if (mark(p, t) == closer && list->count > 0)
            return guess_fail(&p->g, t - 1, "remove the comma before \"%c\"",
                              closer);
        if (!parse_value(p, n) || (closer == ']' && !fits_array(p, list, n, t)))
            return false;
        node_append(list, n);
        t = peek(p);
        if (mark(p, t) != ',' && mark(p, t) != closer)
            return guess_separator(&p->g, open, closer, t);
        take(p);
        if (mark(p, t) == closer)
            return true;
    }
}

/* -------------------------------------------------------------- groups --- */

static bool parse_settings(struct parser *, struct node *group,
                           const struct token *open);

static bool parse_value(struct parser *p, struct node *n)
{
    const struct token *t = peek(p);
    bool ok;
    n->at = t->place;
    if (++p->depth > DEEPEST)
        return guess_fail(&p->g, t, "blocks are nested too deep");
    switch (mark(p, t)) {
    case '{':
        n->type = NODE_GROUP;
        take(p);
        ok = parse_settings(p, n, t);
        break;
    case '(':
        n->type = NODE_LIST;
        ok = parse_list(p, n, ')');
        break;
    case '[':
        n->type = NODE_ARRAY;
        ok = parse_list(p, n, ']');
        break;
    default: ok = read_scalar(p, n); break;
    }
    p->depth--;
    n->to = end_of_last(p);
    return ok;
}

static struct node *parse_setting(struct parser *p)
{
    const struct token *name = take(p);
    struct node *n = new_node(p, name);
    n->name = token_text(p, name);
    char equals = mark(p, peek(p));
    if (equals != '=' && equals != ':') {
        guess_equals(&p->g, name, peek(p));
        return NULL;
    }
    take(p);
    if (!parse_value(p, n))
        return NULL;
    if (mark(p, peek(p)) == ';' || mark(p, peek(p)) == ',')
        take(p);
    return n;
}

/* Large groups are looked up in a map, which is made when they become so. */
static struct node *known(struct node *group, struct map **map,
                          const char *name)
{
    if (group->count < MANY)
        return node_find(group, name);
    if (*map == NULL) {
        *map = map_new();
        for (struct node *n = group->first; n != NULL; n = n->next)
            map_set(*map, n->name, n);
    }
    return map_get(*map, name);
}

static void add_setting(struct parser *p, struct node *group, struct map **map,
                        struct node *n)
{
    const struct node *first = known(group, map, n->name);
    if (first != NULL) {
        conf_error(p->g.errors, n->key,
                   "\"%s\" stands twice in the same block; the first one is "
                   "at %s:%d:%d",
                   n->name, first->key.file, first->key.line,
                   first->key.column);
        p->duplicates = true;
        return;
    }
    node_append(group, n);
    if (*map != NULL)
        map_set(*map, n->name, n);
}

static bool parse_settings(struct parser *p, struct node *group,
                           const struct token *open)
{
    struct map *map = NULL;
    bool ok = true;
    for (;;) {
        const struct token *t = peek(p);
        bool done = open == NULL ? t->type == TOKEN_END : mark(p, t) == '}';
        if (done)
            break;
        struct node *n = NULL;
        if (t->type == TOKEN_NAME)
            n = parse_setting(p);
        else
            guess_name(&p->g, open, group->name, t);
        if (n == NULL) {
            ok = false;
            break;
        }
        add_setting(p, group, &map, n);
    }
    map_free(map);
    if (ok && open != NULL) {
        guess_note_close(&p->g, open, group->name, peek(p));
        take(p);
    }
    return ok;
}

struct node *outline_parse(const struct words *words, struct arena *arena,
                           struct conf_errors *errors)
{
    struct parser p = {.g = {.words = words, .errors = errors}, .arena = arena};
    struct node *root = arena_alloc(arena, sizeof *root);
    root->type = NODE_GROUP;
    root->key = root->at = words->tokens[0].place;
    if (!parse_settings(&p, root, NULL) || p.duplicates)
        return NULL;
    return root;
}

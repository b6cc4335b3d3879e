/* conf/values.c: libconfig reads the values of an outline.
 *
 * It compares each new name with every name of its group: 10,000 checks in one
 * group take it seconds. So large groups are handed to it in pieces; that no
 * name stands twice is known by then. */
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/outline.h"

enum { PIECE = 64, ROOM = 64 << 10, ROOM_PER_BYTE = 64 };

struct reader {
    const struct words *words;
    struct arena *arena;
    struct conf_errors *errors;
};

static bool types_agree(const struct node *n, int type)
{
    switch (n->type) {
    case NODE_GROUP: return type == CONFIG_TYPE_GROUP;
    case NODE_LIST: return type == CONFIG_TYPE_LIST;
    case NODE_ARRAY: return type == CONFIG_TYPE_ARRAY;
    case NODE_TEXT: return type == CONFIG_TYPE_STRING;
    case NODE_INT: return type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
    case NODE_REAL: return type == CONFIG_TYPE_FLOAT;
    case NODE_BOOL: return type == CONFIG_TYPE_BOOL;
    }
    return false;
}

static bool disagree(struct reader *r, const struct node *n)
{
    conf_error(r->errors, n->at, "this value cannot be read");
    return false;
}

static bool take_value(struct reader *r, struct node *n,
                       const config_setting_t *s)
{
    if (s == NULL || !types_agree(n, config_setting_type(s)))
        return disagree(r, n);
    if (n->type == NODE_TEXT)
        n->text = arena_strdup(r->arena, config_setting_get_string(s));
    if (n->type > NODE_ARRAY)
        return true;
    if ((size_t)config_setting_length(s) != n->count)
        return disagree(r, n);
    unsigned i = 0;
    for (struct node *child = n->first; child != NULL; child = child->next)
        if (!take_value(r, child, config_setting_get_elem(s, i++)))
            return false;
    return true;
}

static bool take_piece(struct reader *r, const config_t *config,
                       struct node *first, size_t count)
{
    const config_setting_t *root = config_root_setting(config);
    for (unsigned i = 0; i < count; i++, first = first->next)
        if (!take_value(r, first, config_setting_get_elem(root, i)))
            return false;
    return true;
}

/* libconfig looks at the result of none of its allocations. Where there is no
 * memory for what it will take, we end in our own way (mem.h), not of a signal
 * in its code. */
static void see_that_there_is_room(size_t length)
{
    free(xmalloc(ROOM + length * ROOM_PER_BYTE));
}

static bool read_piece(struct reader *r, struct node *first, size_t count,
                       const struct node *last)
{
    char *text =
        xstrndup(r->words->text.data + first->from, last->to - first->from);
    config_t config;
    see_that_there_is_room(last->to - first->from);
    config_init(&config);
    bool ok = config_read_string(&config, text) == CONFIG_TRUE;
    if (ok) {
        ok = take_piece(r, &config, first, count);
    } else {
        struct place place = first->key;
        place.line += config_error_line(&config) - 1;
        place.column = 0;
        conf_error(r->errors, place, "%s", config_error_text(&config));
    }
    config_destroy(&config);
    free(text);
    return ok;
}

static bool read_members(struct reader *r, struct node *group)
{
    for (struct node *n = group->first; n != NULL; n = n->next) {
        struct node *first = n;
        size_t count = 1;
        for (; count < PIECE && n->next != NULL; count++)
            n = n->next;
        if (!read_piece(r, first, count, n))
            return false;
    }
    return true;
}

bool values_read(const struct words *words, struct node *root,
                 struct arena *arena, struct conf_errors *errors)
{
    struct reader r = {words, arena, errors};
    for (struct node *n = root->first; n != NULL; n = n->next) {
        bool ok = n->type == NODE_GROUP ? read_members(&r, n)
                                        : read_piece(&r, n, 1, n);
        if (!ok)
            return false;
    }
    return true;
}

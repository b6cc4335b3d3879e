/* expect/expect.c: making, asking and freeing a struct expect. */
#include "expect/expect.h"

#include <stdlib.h>
#include <string.h>

#include "expect/tree.h"

static bool load(struct expect *e, const struct expect_scope *scope,
                 bool condition, struct expect_error *error)
{
    if (strlen(e->text) > EXPECT_TEXT_LIMIT)
        return expect_refuse(error, EXPECT_TEXT_LIMIT,
                             "the expression is longer than %d bytes",
                             EXPECT_TEXT_LIMIT);
    e->root = tree_parse(e, error);
    if (e->root == NULL || !tree_type(e, scope, condition, error))
        return false;
    if (e->first_history != NULL)
        return expect_refuse(error, e->first_history->at,
                             "%s() is not in this version",
                             e->first_history->name);
    return true;
}

static struct expect *parse(const char *text, const struct expect_scope *scope,
                            bool condition, struct expect_error *error)
{
    struct expect_error unread;
    if (error == NULL)
        error = &unread;
    *error = (struct expect_error){0};
    struct arena *arena = arena_new();
    struct expect *e = arena_alloc(arena, sizeof *e);
    e->arena = arena;
    e->text = arena_strdup(arena, text);
    if (load(e, scope, condition, error))
        return e;
    expect_free(e);
    return NULL;
}

struct expect *expect_parse(const char *text, const struct expect_scope *scope,
                            struct expect_error *error)
{
    return parse(text, scope, true, error);
}

struct expect *expect_parse_value(const char *text,
                                  const struct expect_scope *scope,
                                  struct expect_error *error)
{
    return parse(text, scope, false, error);
}

void expect_free(struct expect *e)
{
    if (e == NULL)
        return;
    for (size_t i = 0; i < e->regex_count; i++)
        regex_free(e->regexes[i]);
    for (size_t i = 0; i < e->path_count; i++)
        jsonpath_free(e->paths[i]);
    free(e->regexes);
    free(e->paths);
    free(e->reads);
    arena_free(e->arena);
}

const char *expect_text(const struct expect *e) { return e->text; }

enum rlv_type expect_type(const struct expect *e)
{
    switch (e->root->type) {
    case TYPE_COUNT: return RLV_T_INT;
    case TYPE_JSON: return RLV_T_ANY;
    case TYPE_BODY: return RLV_T_TEXT;
    default: return (enum rlv_type)e->root->type;
    }
}

bool expect_reads(const struct expect *e, unsigned field)
{
    for (size_t i = 0; i < e->read_count; i++)
        if (e->reads[i].field == field)
            return true;
    return false;
}

bool expect_read_at(const struct expect *e, size_t i, unsigned *field,
                    const char **key)
{
    if (i >= e->read_count)
        return false;
    *field = e->reads[i].field;
    *key = e->reads[i].key;
    return true;
}

bool expect_only_durations(const struct expect *e)
{
    return e->comparisons > 0 && e->comparisons == e->duration_comparisons;
}

bool expect_uses_history(const struct expect *e)
{
    return e->first_history != NULL;
}

struct expect_cache *expect_cache_new(void)
{
    return xcalloc(1, sizeof(struct expect_cache));
}

void expect_cache_clear(struct expect_cache *cache)
{
    json_decref(cache->root);
    *cache = (struct expect_cache){0};
}

void expect_cache_free(struct expect_cache *cache)
{
    if (cache == NULL)
        return;
    expect_cache_clear(cache);
    free(cache);
}

/* base/jsonpath.c: see jsonpath.h. */
#include "base/jsonpath.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { MOST_STEPS = 64, MOST_DIGITS = 9 };

/* Into an object by key, or into a list by index (from its end if negative). */
struct step {
    const char *key; /* NULL: by index */
    int64_t index;
};

struct jsonpath {
    struct arena *arena; /* owns the keys and this */
    size_t count;
    struct step steps[MOST_STEPS];
};

struct reader {
    const char *text, *at;
    struct jsonpath *path;
    struct err *err;
};

static bool refuse(struct reader *r, const char *expected)
{
    return err_set(r->err, ERR_CONFIG, 0, "path \"%.80s\": %s", r->text,
                   expected);
}

static bool add_step(struct reader *r, const char *key, int64_t index)
{
    if (r->path->count == MOST_STEPS)
        return err_set(r->err, ERR_CONFIG, 0, "path is longer than %d steps",
                       MOST_STEPS);
    r->path->steps[r->path->count++] = (struct step){key, index};
    return true;
}

/* .name: anything up to the next dot or bracket. */
static bool read_name(struct reader *r)
{
    size_t n = strcspn(r->at, ".[]\"'");
    if (n == 0 || r->at[n] == '"' || r->at[n] == '\'')
        return refuse(r, n == 0 ? "a name must follow the dot"
                                : "a name with quotes in it is written "
                                  "[\"name\"]");
    const char *key = arena_strndup(r->path->arena, r->at, n);
    r->at += n;
    return add_step(r, key, 0);
}

/* The text up to the closing quote; a backslash keeps the next byte as it is.
 */
static bool read_quoted(struct reader *r)
{
    char quote = *r->at++;
    char *key = arena_alloc(r->path->arena, strlen(r->at) + 1);
    size_t n = 0;
    while (*r->at != quote) {
        if (*r->at == '\\' && r->at[1] != '\0')
            r->at++;
        if (*r->at == '\0')
            return refuse(r, "the quoted name does not end");
        key[n++] = *r->at++;
    }
    r->at++;
    return add_step(r, key, 0);
}

static bool read_index(struct reader *r)
{
    bool from_end = *r->at == '-';
    const char *digits = r->at + from_end;
    size_t n = strspn(digits, "0123456789");
    if (n == 0 || n > MOST_DIGITS)
        return refuse(r, "in brackets stands an index such as [0] or [-1], or "
                         "a quoted name such as [\"a.b\"]");
    int64_t index = strtoll(digits, NULL, 10);
    if (from_end && index == 0)
        return refuse(r, "the last item is [-1]");
    r->at = digits + n;
    return add_step(r, NULL, from_end ? -index : index);
}

static bool read_bracket(struct reader *r)
{
    bool quoted = *r->at == '"' || *r->at == '\'';
    if (!(quoted ? read_quoted(r) : read_index(r)))
        return false;
    if (*r->at != ']')
        return refuse(r, "expected \"]\"");
    r->at++;
    return true;
}

static bool read_steps(struct reader *r)
{
    bool dollar = *r->at == '$';
    r->at += dollar;
    if (!dollar && *r->at != '.' && *r->at != '[')
        return refuse(r, *r->at == '\0'
                             ? "is empty; \".\" is the whole document"
                             : "must begin with a dot, as in \".db\"");
    if (strcmp(r->at, ".") == 0) {
        r->at++;
        return true;
    }
    while (*r->at != '\0') {
        char c = *r->at;
        if (c != '.' && c != '[')
            return refuse(r, "expected \".name\" or \"[0]\"");
        r->at++;
        if (c == '.' && *r->at == '[')
            continue; /* jq's .[0] */
        if (!(c == '.' ? read_name(r) : read_bracket(r)))
            return false;
    }
    return true;
}

struct jsonpath *jsonpath_parse(const char *text, size_t *offset,
                                struct err *err)
{
    struct arena *arena = arena_new();
    struct jsonpath *path = arena_alloc(arena, sizeof *path);
    path->arena = arena;
    struct reader r = {text, text, path, err};
    if (read_steps(&r))
        return path;
    if (offset != NULL)
        *offset = (size_t)(r.at - text);
    arena_free(arena);
    return NULL;
}

void jsonpath_free(struct jsonpath *path)
{
    if (path != NULL)
        arena_free(path->arena);
}

static const json_t *follow(const struct step *step, const json_t *at)
{
    if (step->key != NULL)
        return json_object_get(at, step->key); /* NULL for what is no object */
    size_t n = json_array_size(at);
    uint64_t distance =
        (uint64_t)(step->index < 0 ? -step->index : step->index);
    if (step->index >= 0)
        return json_array_get(at, (size_t)distance);
    return distance > n ? NULL : json_array_get(at, n - (size_t)distance);
}

const json_t *jsonpath_get(const struct jsonpath *path, const json_t *root)
{
    const json_t *at = root;
    for (size_t i = 0; i < path->count && at != NULL; i++)
        at = follow(&path->steps[i], at);
    return at;
}

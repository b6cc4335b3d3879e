/* websocket/path.c: one value inside a JSON document.
 *
 * The notation of the expectation language, `.a.b[0]["c d"]`, `$.a`, `.`; read
 * anew for each document, since messages are few. Pure. */
#include "websocket/websocket.h"

#include <stdlib.h>
#include <string.h>

struct part {
    const char *key; /* NULL: index */
    size_t len;
    long index;
};

static bool read_bracket(const char **at, struct part *part)
{
    const char *s = *at + 1;
    if (*s == '"') {
        const char *end = strchr(s + 1, '"');
        if (!end || end[1] != ']')
            return false;
        *part = (struct part){.key = s + 1, .len = (size_t)(end - s - 1)};
        *at = end + 2;
        return true;
    }
    char *end;
    const char *digits = s + (*s == '-');
    if (*digits < '0' || *digits > '9')
        return false;
    *part = (struct part){.index = strtol(s, &end, 10)};
    if (*end != ']')
        return false;
    *at = end + 1;
    return true;
}

/* The part at *at, which is not the end. */
static bool read_part(const char **at, struct part *part)
{
    if (**at == '[')
        return read_bracket(at, part);
    if (**at != '.')
        return false;
    size_t len = strcspn(*at + 1, ".[");
    *part = (struct part){.key = *at + 1, .len = len};
    *at += len + 1;
    return len > 0;
}

static const char *begin(const char *path)
{
    path += *path == '$';
    if (!strcmp(path, "."))
        return path + 1;
    return *path == '.' && path[1] == '[' ? path + 1 : path;
}

bool path_is_valid(const char *path)
{
    struct part part;
    bool any = *path != '\0';
    for (const char *at = begin(path); *at && any;)
        any = read_part(&at, &part);
    return any;
}

static const json_t *step_into(const json_t *value, const struct part *part)
{
    if (part->key)
        return json_object_getn(value, part->key, part->len);
    long count = (long)json_array_size(value);
    long index = part->index < 0 ? count + part->index : part->index;
    return index < 0 ? NULL : json_array_get(value, (size_t)index);
}

const json_t *path_get(const char *path, const json_t *root)
{
    struct part part;
    for (const char *at = begin(path); *at && root;)
        root = read_part(&at, &part) ? step_into(root, &part) : NULL;
    return root;
}

char *path_text(const json_t *value)
{
    return json_is_string(value)
               ? kit_strdup(json_string_value(value))
               : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
}

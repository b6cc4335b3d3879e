/* daemon/request.c: see request.h. The lines come from anybody who may open the
 * socket: any bytes at all. */
#include "daemon/request.h"

#include <string.h>

#include "base/attr.h"
#include "base/str.h"

static const struct {
    const char *name;
    bool changes;
} kinds[] = {
#define X(NAME, name, changes) {name, changes},
    REQUEST_MAP(X)
#undef X
};

static size_t kind_of(const char *name)
{
    size_t i = 0;
    while (i < ARRAY_LEN(kinds) && !str_eq(kinds[i].name, name))
        i++;
    return i;
}

const char *request_parse(const char *line, size_t n, bool may_change,
                          struct request *out)
{
    json_error_t error;
    json_t *object = json_loadb(line, n, JSON_REJECT_DUPLICATES, &error);
    const char *name = json_string_value(json_object_get(object, "command"));
    size_t kind = name == NULL ? 0 : kind_of(name);
    const char *refusal = NULL;
    if (name == NULL)
        refusal = "expected one JSON object a line: {\"command\": \"status\"}";
    else if (kind == ARRAY_LEN(kinds))
        refusal = "unknown command";
    else if (kinds[kind].changes && !may_change)
        refusal = "only root and the daemon's own user may do that";
    if (refusal != NULL)
        json_decref(object);
    else
        *out = (struct request){(enum request_kind)kind, object};
    return refusal;
}

void request_fini(struct request *r) { json_decref(r->object); }

const char *request_text(const struct request *r, const char *name)
{
    return json_string_value(json_object_get(r->object, name));
}

/* ------------------------------------------------------------- members --- */

static bool bad(const char **refusal, const char *why)
{
    *refusal = why;
    return false;
}

bool request_saying(const struct request *r, const char *name,
                    const char **text, const char **refusal)
{
    const json_t *member = json_object_get(r->object, name);
    *text = "";
    if (member == NULL || json_is_null(member))
        return true;
    if (!json_is_string(member))
        return bad(refusal, "reason, note, text, environment: expected a text");
    if (json_string_length(member) > REQUEST_SAYING)
        return bad(refusal, "the text is longer than 500 bytes");
    *text = json_string_value(member);
    return true;
}

bool request_words(const struct request *r, const char *name,
                   struct request_words *out, const char **refusal)
{
    const json_t *list = json_object_get(r->object, name), *word;
    size_t i;
    out->count = 0;
    if (list == NULL || json_is_null(list))
        return true;
    if (!json_is_array(list) || json_array_size(list) > REQUEST_WORDS)
        return bad(refusal, "checks, tags: expected a list of at most 64 "
                            "names or globs");
    json_array_foreach (list, i, word) {
        const char *text = json_string_value(word);
        if (text == NULL || text[0] == '\0' || strlen(text) > REQUEST_SAYING ||
            strpbrk(text, " \t\n") != NULL)
            return bad(refusal, "checks, tags: a name has no spaces and is "
                                "not empty");
        out->items[out->count++] = text;
    }
    return true;
}

bool request_for(const struct request *r, int64_t *us, const char **refusal)
{
    const json_t *ms = json_object_get(r->object, "for_ms");
    const int64_t most_ms = (int64_t)3660 * 24 * 60 * 60 * 1000;
    *us = 0;
    if (ms == NULL || json_is_null(ms))
        return true;
    if (!json_is_integer(ms) || json_integer_value(ms) <= 0 ||
        json_integer_value(ms) > most_ms)
        return bad(refusal, "for_ms: expected milliseconds above 0, at most "
                            "ten years");
    *us = json_integer_value(ms) * 1000;
    return true;
}

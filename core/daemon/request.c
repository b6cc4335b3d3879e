/* daemon/request.c: see request.h. The lines come from anybody who may open the
 * socket: any bytes at all. */
#include "daemon/request.h"

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

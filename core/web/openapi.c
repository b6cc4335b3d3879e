/* web/openapi.c: /api/v1/openapi.json: the table of routes as an OpenAPI 3.1
 * document. What is HIDDEN is left out: pages for people. */
#include <string.h>

#include "base/attr.h"
#include "base/str.h"
#include "report/json.h"
#include "web/handlers.h"

/* ------------------------------------------------------------- schemas --- */

enum shape { TEXT, TIME, NUMBER, OBJECT, LIST, REF, REFS };

/* What stands in docs/commands.md, as far as tools may rely on it. */
static const struct {
    const char *schema, *member;
    enum shape shape;
    const char *of; /* the schema that REF and REFS mean */
} members[] = {
    {"Status", "checks", REFS, "Check"},
    {"Status", "troubles", LIST, NULL},
    {"Status", "distrust", OBJECT, NULL},
    {"Status", "dead_letters", REFS, "Run"},
    {"Check", "name", TEXT, NULL},
    {"Check", "environment", TEXT, NULL},
    {"Check", "plugin", TEXT, NULL},
    {"Check", "state", TEXT, NULL},
    {"Check", "count", TEXT, NULL},
    {"Check", "since", TIME, NULL},
    {"Check", "incident", TEXT, NULL},
    {"Check", "last", REF, "Result"},
    {"Result", "check", TEXT, NULL},
    {"Result", "at", TIME, NULL},
    {"Result", "outcome", TEXT, NULL},
    {"Result", "fault", TEXT, NULL},
    {"Result", "code", TEXT, NULL},
    {"Result", "errno", NUMBER, NULL},
    {"Result", "message", TEXT, NULL},
    {"Result", "duration_ms", NUMBER, NULL},
    {"Result", "phases", OBJECT, NULL},
    {"Result", "observations", OBJECT, NULL},
    {"Result", "expectations", LIST, NULL},
    {"Incident", "id", TEXT, NULL},
    {"Incident", "check", TEXT, NULL},
    {"Incident", "state", TEXT, NULL},
    {"Incident", "opened", TIME, NULL},
    {"Incident", "resolved", TIME, NULL},
    {"Incident", "fault", TEXT, NULL},
    {"Incident", "code", TEXT, NULL},
    {"Incident", "impact", LIST, NULL},
    {"Incident", "timeline", LIST, NULL},
    {"Incident", "runs", REFS, "Run"},
    {"Run", "id", TEXT, NULL},
    {"Run", "runbook", TEXT, NULL},
    {"Run", "kind", TEXT, NULL},
    {"Run", "incident", TEXT, NULL},
    {"Run", "started", TIME, NULL},
    {"Run", "ended", TIME, NULL},
    {"Run", "exit", NUMBER, NULL},
    {"Run", "verdict", TEXT, NULL},
    {"Run", "held_by", TEXT, NULL},
    {"Run", "reason", TEXT, NULL},
    {"Run", "findings", LIST, NULL},
    {"Error", "error", TEXT, NULL},
};

static json_t *ref_to(const char *schema)
{
    char text[80];
    snprintf(text, sizeof text, "#/components/schemas/%s", schema);
    return json_pack("{s:s}", "$ref", text);
}

static json_t *shape_json(enum shape shape, const char *of)
{
    switch (shape) {
    case TEXT: return json_pack("{s:[s, s]}", "type", "string", "null");
    case TIME:
        return json_pack("{s:[s, s], s:s}", "type", "string", "null", "format",
                         "date-time");
    case NUMBER: return json_pack("{s:[s, s]}", "type", "number", "null");
    case OBJECT: return json_pack("{s:[s, s]}", "type", "object", "null");
    case LIST: return json_pack("{s:s}", "type", "array");
    case REF:
        return json_pack("{s:[o, {s:s}]}", "anyOf", ref_to(of), "type", "null");
    case REFS:
        return json_pack("{s:s, s:o}", "type", "array", "items", ref_to(of));
    }
    return json_object();
}

static json_t *schemas_json(void)
{
    json_t *all = json_object();
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        json_t *schema = json_object_get(all, members[i].schema);
        if (schema == NULL) {
            schema = json_pack("{s:s, s:{}}", "type", "object", "properties");
            json_object_set_new(all, members[i].schema, schema);
        }
        json_object_set_new(json_object_get(schema, "properties"),
                            members[i].member,
                            shape_json(members[i].shape, members[i].of));
    }
    return all;
}

/* --------------------------------------------------------------- paths --- */

static void add_parameter(json_t *all, const char *name, size_t n,
                          const char *in)
{
    json_array_append_new(all, json_pack("{s:o, s:s, s:b, s:{s:s}}", "name",
                                         report_text(name, n), "in", in,
                                         "required", str_eq(in, "path"),
                                         "schema", "type", "string"));
}

/* The path as OpenAPI writes it, {check...} being {check}; its places and the
 * route's query become parameters. */
static void add_parameters(const struct route *route, struct buf *path,
                           json_t *all)
{
    for (const char *at = route->path; *at != '\0';) {
        size_t n = strcspn(at, "{");
        buf_add(path, at, n);
        at += n;
        if (*at == '\0')
            break;
        n = strcspn(at, ".}");
        buf_addf(path, "%.*s}", (int)n, at);
        add_parameter(all, at + 1, n - 1, "path");
        at += strcspn(at, "}") + 1;
    }
    for (const char *at = route->query == NULL ? "" : route->query;
         *at != '\0';) {
        size_t n = strcspn(at, " ");
        add_parameter(all, at, n, "query");
        at += n + strspn(at + n, " ");
    }
}

static json_t *content_json(const struct route *route)
{
    const char *name = route->schema;
    json_t *schema = name == NULL ? json_pack("{s:s}", "type", "string")
                     : str_ends(name, "[]") ? NULL
                                            : ref_to(name);
    if (schema == NULL) {
        char item[40];
        snprintf(item, sizeof item, "%.*s", (int)strlen(name) - 2, name);
        schema = shape_json(REFS, item);
    }
    return json_pack("{s:{s:o}}", route->type, "schema", schema);
}

static json_t *operation_json(const struct route *route, json_t *parameters)
{
    json_t *o = json_pack(
        "{s:s, s:O, s:{s:{s:s, s:o}, s:{s:s}}}", "summary", route->summary,
        "parameters", parameters, "responses", "200", "description",
        route->summary, "content", content_json(route), "default",
        "description", "what is wrong with the request, or with the monitor");
    if ((route->needs & OPEN_TO_ALL) != 0)
        json_object_set_new(o, "security", json_array());
    return o;
}

static void add_route(json_t *paths, const struct route *route)
{
    struct buf path = {0};
    json_t *parameters = json_array(), *item = json_object();
    add_parameters(route, &path, parameters);
    if ((route->methods & GET) != 0)
        json_object_set_new(item, "get", operation_json(route, parameters));
    if ((route->methods & POST) != 0)
        json_object_set_new(item, "post", operation_json(route, parameters));
    json_object_set_new(paths, buf_text(&path), item);
    json_decref(parameters);
    buf_free(&path);
}

void openapi_handle(const struct web_request *q, struct web_response *r)
{
    json_t *paths = json_object();
    const struct route *route;
    (void)q;
    for (size_t i = 0; (route = route_at(i)) != NULL; i++)
        if ((route->needs & HIDDEN) == 0)
            add_route(paths, route);
    response_json(
        r, json_pack("{s:s, s:{s:s, s:s, s:s}, s:o, s:{s:o, s:{s:{s:s, s:s}, "
                     "s:{s:s, s:s}}}, s:[{}, {s:[]}, {s:[]}]}",
                     "openapi", "3.1.0", "info", "title", "Relevo", "version",
                     RELEVO_VERSION, "description",
                     "What Relevo sees. It can only be read, but for beats.",
                     "paths", paths, "components", "schemas", schemas_json(),
                     "securitySchemes", "bearer", "type", "http", "scheme",
                     "bearer", "basic", "type", "http", "scheme", "basic",
                     "security", "bearer", "basic"));
}

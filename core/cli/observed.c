/* cli/observed.c: see observed.h. */
#include "cli/observed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/human.h"
#include "base/str.h"

struct entry {
    unsigned field;
    const char *key; /* of a map; else NULL */
    struct rlv_value value;
};

struct observed {
    const struct catalog *catalog;
    struct arena *arena;
    struct entry *entries;
    size_t count, most;
};

/* -------------------------------------------------------------- values --- */

static bool expected(const char *what, struct err *err)
{
    return err_set(err, ERR_USAGE, 0, "expected %s", what);
}

static bool to_duration(const json_t *v, struct rlv_value *out, struct err *err)
{
    *out = rlv_duration(0);
    if (json_is_number(v) && json_number_value(v) >= 0 &&
        json_number_value(v) < 9e12) {
        out->as.i = (int64_t)(json_number_value(v) * (double)NS_PER_MS);
        return true;
    }
    if (!json_is_string(v))
        return expected("a duration such as \"620ms\", or a number of "
                        "milliseconds",
                        err);
    return human_parse_duration(json_string_value(v), &out->as.i, err);
}

static bool to_size(const json_t *v, struct rlv_value *out, struct err *err)
{
    *out = rlv_size(json_integer_value(v));
    if (json_is_integer(v))
        return true;
    if (!json_is_string(v))
        return expected("a size such as \"4KiB\", or a number of bytes", err);
    return human_parse_size(json_string_value(v), &out->as.i, err);
}

/* "97.5%" or 97.5. */
static bool to_percent(const json_t *v, struct rlv_value *out, struct err *err)
{
    char text[HUMAN_TEXT] = "";
    *out = rlv_real(json_number_value(v));
    out->type = RLV_T_PERCENT;
    if (json_is_number(v))
        return true;
    if (json_is_string(v))
        snprintf(text, sizeof text, "%s", json_string_value(v));
    size_t n = strlen(text);
    if (n > 0 && text[n - 1] == '%')
        text[n - 1] = '\0';
    return str_to_double(text, &out->as.d) ||
           expected("a percentage such as \"97.5%\"", err);
}

static bool to_time(const json_t *v, struct rlv_value *out, struct err *err)
{
    *out = rlv_time(0);
    return (json_is_string(v) &&
            clock_parse(json_string_value(v), &out->as.i)) ||
           expected("a time in RFC 3339 such as \"2026-03-28T00:00:00Z\"", err);
}

static struct rlv_value text_value(const json_t *v)
{
    return rlv_text_n(json_string_value(v), json_string_length(v));
}

/* A body that is written as JSON is what a server would have sent for it. */
static bool to_body(struct arena *arena, const json_t *v, struct rlv_value *out)
{
    if (json_is_string(v)) {
        *out = text_value(v);
        out->type = RLV_T_BODY;
        return true;
    }
    char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
    must(text != NULL);
    *out = rlv_body(arena_strdup(arena, text), strlen(text));
    free(text);
    return true;
}

static bool to_any(const json_t *v, struct rlv_value *out, struct err *err)
{
    switch (json_typeof(v)) {
    case JSON_TRUE:
    case JSON_FALSE: *out = rlv_bool(json_is_true(v)); return true;
    case JSON_INTEGER: *out = rlv_int(json_integer_value(v)); return true;
    case JSON_REAL: *out = rlv_real(json_real_value(v)); return true;
    case JSON_STRING: *out = text_value(v); return true;
    default: return expected("a text, a number, true or false", err);
    }
}

static bool to_value(struct arena *arena, unsigned type, const json_t *v,
                     struct rlv_value *out, struct err *err)
{
    switch (type) {
    case RLV_T_BOOL:
        *out = rlv_bool(json_is_true(v));
        return json_is_boolean(v) || expected("true or false", err);
    case RLV_T_INT:
        *out = rlv_int(json_integer_value(v));
        return json_is_integer(v) || expected("a whole number", err);
    case RLV_T_REAL:
        *out = rlv_real(json_number_value(v));
        return json_is_number(v) || expected("a number", err);
    case RLV_T_DURATION: return to_duration(v, out, err);
    case RLV_T_SIZE: return to_size(v, out, err);
    case RLV_T_PERCENT: return to_percent(v, out, err);
    case RLV_T_TIME: return to_time(v, out, err);
    case RLV_T_TEXT:
        return json_is_string(v) ? (*out = text_value(v), true)
                                 : expected("a text", err);
    case RLV_T_BODY: return to_body(arena, v, out);
    default: return to_any(v, out, err);
    }
}

/* ------------------------------------------------------------- members --- */

/* "headers" is header where that is a map. -1: no such field. */
static int field_of(const struct catalog *c, const char *name)
{
    char singular[64];
    size_t n = strlen(name);
    int field = catalog_field(c, name);
    if (field >= 0 || n < 2 || n >= sizeof singular || name[n - 1] != 's')
        return field;
    snprintf(singular, n, "%s", name);
    field = catalog_field(c, singular);
    return field >= 0 && c->fields[field].type == RLV_T_MAP ? field : -1;
}

static bool add(struct observed *o, unsigned field, const char *key,
                unsigned type, const json_t *v, struct err *err)
{
    struct entry entry = {.field = field, .key = key};
    if (json_is_null(v))
        return true;
    if (!to_value(o->arena, type, v, &entry.value, err))
        return false;
    must(o->count < o->most);
    o->entries[o->count++] = entry;
    return true;
}

/* Phases are durations, whatever else is in a map is what it looks like. */
static bool add_map(struct observed *o, unsigned field, const json_t *v,
                    struct err *err)
{
    const char *key;
    json_t *item;
    bool phases = (int)field == catalog_phase(o->catalog);
    if (json_is_null(v))
        return true;
    if (!json_is_object(v))
        return expected("an object, key to value", err);
    json_object_foreach ((json_t *)(uintptr_t)v, key, item) {
        if (!add(o, field, key, phases ? RLV_T_DURATION : RLV_T_ANY, item, err))
            return err_wrap(err, "%s", key);
    }
    return true;
}

static bool add_member(struct observed *o, const char *name, const json_t *v,
                       struct err *err)
{
    const struct catalog *c = o->catalog;
    int field = field_of(c, name);
    if (field < 0) {
        const char *near = catalog_suggest_field(c, name);
        return err_set(err, ERR_USAGE, 0, "%s has no field \"%s\"%s%s%s",
                       c->name, name, near ? "; did you mean \"" : "",
                       near ? near : "", near ? "\"?" : "");
    }
    unsigned type = c->fields[field].type;
    bool ok = type == RLV_T_MAP ? add_map(o, (unsigned)field, v, err)
                                : add(o, (unsigned)field, NULL, type, v, err);
    return ok || err_wrap(err, "\"%s\"", name);
}

const struct catalog *observed_names(const struct catalog *c,
                                     const json_t *given, struct arena *arena)
{
    const char *name;
    json_t *item, *members = json_object_get(given, "observations");
    size_t most = c->field_count + json_object_size(members);
    struct rlv_field *fields = arena_alloc(arena, most * sizeof *fields);
    struct catalog *more = arena_memdup(arena, c, sizeof *c);
    memcpy(fields, c->fields, c->field_count * sizeof *fields);
    more->fields = fields;
    json_object_foreach (members, name, item) {
        if (field_of(c, name) < 0)
            fields[more->field_count++] = (struct rlv_field){
                .name = name, .type = RLV_T_ANY, .unit = "", .help = ""};
    }
    return more;
}

static size_t count_values(const json_t *members)
{
    const char *key;
    json_t *item;
    size_t n = 0;
    json_object_foreach ((json_t *)(uintptr_t)members, key, item) {
        n += 1 + json_object_size(item);
    }
    return n;
}

struct observed *observed_read(const struct catalog *c, const json_t *given,
                               struct arena *arena, struct err *err)
{
    const char *name;
    json_t *item;
    const json_t *inner = json_object_get(given, "observations");
    const json_t *members = json_is_object(inner) ? inner : given;
    if (!json_is_object(members)) {
        err_set(err, ERR_USAGE, 0, "expected a JSON object: field to value");
        return NULL;
    }
    struct observed *o = arena_alloc(arena, sizeof *o);
    o->catalog = c;
    o->arena = arena;
    o->most = count_values(members);
    o->entries = arena_alloc(arena, (o->most + 1) * sizeof *o->entries);
    json_object_foreach ((json_t *)(uintptr_t)members, name, item) {
        if (!add_member(o, name, item, err))
            return NULL;
    }
    return o;
}

const struct rlv_value *observed_get(const void *observed, unsigned field,
                                     const char *key)
{
    const struct observed *o = observed;
    bool nocase = o->catalog->fields[field].flags & RLV_NOCASE;
    for (size_t i = 0; i < o->count; i++) {
        const struct entry *e = &o->entries[i];
        if (e->field != field || (e->key == NULL) != (key == NULL))
            continue;
        if (key == NULL ||
            (nocase ? strcasecmp(e->key, key) == 0 : str_eq(e->key, key)))
            return &e->value;
    }
    return NULL;
}

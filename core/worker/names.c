/* worker/names.c: see names.h. */
#include "worker/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"

/* What makes two sets the same: the recorded names and their expressions. The
 * length first, since an expression may hold any character. */
static void add_key(struct buf *key, const struct record_spec *records,
                    size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_addf(key, "%zu %s=%s\n", strlen(records[i].expression),
                 records[i].name, records[i].expression);
}

static void free_names(struct names *s)
{
    for (size_t i = 0; i < s->record_count; i++)
        expect_free(s->records[i]);
    map_free(s->lines);
    arena_free(s->arena);
    free(s);
}

/* An expression may use what was recorded before it. */
static bool add_record(struct names *s, struct rlv_field *fields,
                       const struct record_spec *record,
                       struct expect_error *error)
{
    struct expect *e = expect_parse_value(record->expression, &s->scope, error);
    if (e == NULL)
        return false;
    s->records[s->record_count++] = e;
    fields[s->scope.field_count++] =
        (struct rlv_field){.name = arena_strdup(s->arena, record->name),
                           .type = (uint16_t)expect_type(e),
                           .flags = RLV_RECORDED,
                           .unit = "",
                           .help = ""};
    return true;
}

/* A set that records nothing has the very fields of the catalog. */
static struct rlv_field *take_fields(struct names *s,
                                     const struct names *source, size_t more)
{
    const struct expect_scope *from = source ? &source->scope : &s->scope;
    struct rlv_field *fields =
        arena_alloc(s->arena, (from->field_count + more) * sizeof *fields);
    memcpy(fields, from->fields, from->field_count * sizeof *fields);
    for (size_t i = s->observed; i < from->field_count; i++)
        fields[i].name = arena_strdup(s->arena, fields[i].name);
    s->scope = (struct expect_scope){fields, from->field_count};
    s->inherited = s->scope.field_count - s->observed;
    return fields;
}

static struct names *make(const struct catalog *catalog,
                          const struct names *source,
                          const struct record_spec *records, size_t n,
                          struct arena *arena, const char **why)
{
    struct expect_error error;
    struct names *s = xcalloc(1, sizeof *s);
    s->arena = arena_new();
    s->lines = map_new();
    s->observed = catalog->field_count;
    s->scope = (struct expect_scope){catalog->fields, catalog->field_count};
    s->records = arena_alloc(s->arena, (n + 1) * sizeof(struct expect *));
    struct rlv_field *fields = NULL;
    if (source != NULL || n > 0)
        fields = take_fields(s, source, n);
    for (size_t i = 0; i < n; i++) {
        if (add_record(s, fields, &records[i], &error))
            continue;
        *why = arena_printf(arena, "record %s: \"%s\", column %d: %s",
                            records[i].name, records[i].expression,
                            error.column, error.text);
        free_names(s);
        return NULL;
    }
    return s;
}

struct names *names_ref(struct map *all, const struct catalog *catalog,
                        const struct names *source,
                        const struct record_spec *records, size_t n,
                        struct arena *arena, const char **why)
{
    struct buf key = {0};
    if (source != NULL)
        buf_addf(&key, "%sthen\n", source->key);
    add_key(&key, records, n);
    struct names *s = map_get(all, buf_text(&key));
    if (s == NULL) {
        s = make(catalog, source, records, n, arena, why);
        if (s != NULL) {
            s->key = arena_strdup(s->arena, buf_text(&key));
            map_set(all, s->key, s);
        }
    }
    buf_free(&key);
    if (s != NULL)
        s->refs++;
    return s;
}

void names_unref(struct names *s)
{
    if (s != NULL)
        s->refs--;
}

/* --------------------------------------------------------------- lines --- */

struct line *names_line(struct names *s, const char *text,
                        struct expect_error *error)
{
    struct line *l = map_get(s->lines, text);
    if (l == NULL) {
        struct expect *e = expect_parse(text, &s->scope, error);
        if (e == NULL)
            return NULL;
        l = xcalloc(1, sizeof *l);
        l->expect = e;
        map_set(s->lines, text, l);
    }
    l->refs++;
    return l;
}

static void sweep_lines(struct names *s)
{
    struct map *kept = map_new();
    for (size_t i = 0; i < map_count(s->lines); i++) {
        struct line *l = map_at(s->lines, i);
        if (l->refs > 0) {
            map_set(kept, map_key(s->lines, i), l);
            continue;
        }
        expect_free(l->expect);
        free(l);
    }
    map_free(s->lines);
    s->lines = kept;
}

struct map *names_sweep(struct map *all)
{
    struct map *kept = map_new();
    for (size_t i = 0; i < map_count(all); i++) {
        struct names *s = map_at(all, i);
        sweep_lines(s);
        if (s->refs > 0)
            map_set(kept, map_key(all, i), s);
        else
            free_names(s);
    }
    map_free(all);
    return kept;
}

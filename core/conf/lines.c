/* conf/lines.c: the expectations of a check, or the faults that it must have.
 *
 * Each own line is parsed against the plugin's fields. A default line of the
 * plugin stays unless an own line of the same sort reads the same field. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "conf/draft.h"
#include "expect/expect.h"
#include "model/fault.h"

struct own {
    struct expect **parsed;
    size_t count;
};

/* expect_error counts bytes from 1; an editor counts characters. */
struct place line_error_place(const struct node *n, int column)
{
    struct place place = n->at;
    if (!n->plain || n->text == NULL)
        return place;
    size_t len = strlen(n->text);
    for (size_t i = 0; i < (size_t)(column > 0 ? column : 1) && i <= len; i++)
        place.column += ((unsigned char)n->text[i] & 0xc0) != 0x80;
    return place;
}

static struct expect *parse_line(struct builder *b, const struct check_spec *c,
                                 struct node *n)
{
    struct expect_scope scope = {c->fields, c->field_count};
    struct expect_error error = {0};
    if (n->bad)
        return NULL;
    struct expect *e = expect_parse(n->text, &scope, &error);
    if (e != NULL)
        return e;
    const struct node *named = n->name == NULL ? n->parent : n;
    n->bad = true;
    conf_error(b->errors, line_error_place(n, error.column), "%s%s",
               node_path(named, b->draft->arena),
               n->secret ? "the line that holds a secret cannot be read"
                         : error.text);
    return NULL;
}

static void add_line(struct builder *b, struct lines *lines, const char *text,
                     struct place place, bool is_default)
{
    lines->items[lines->count++] = (struct line_spec){
        arena_strdup(b->conf->arena, text), place, is_default};
}

static void add_own_line(struct builder *b, const struct check_spec *c,
                         struct node *n, struct lines *lines, struct own *own)
{
    if (n->missing != NULL) {
        lines->missing = n->missing;
        return;
    }
    if (n->type <= NODE_ARRAY || n->text == NULL)
        return;
    if (c->catalog != NULL) {
        struct expect *e = parse_line(b, c, n);
        if (e == NULL)
            return;
        own->parsed[own->count++] = e;
    }
    add_line(b, lines, n->text, keep_place(b, n->at), false);
}

static bool share_field(const struct catalog *catalog, const struct expect *e,
                        const struct own *own)
{
    for (size_t i = 0; i < own->count; i++)
        for (unsigned f = 0; f < catalog->field_count; f++)
            if (expect_reads(e, f) && expect_reads(own->parsed[i], f))
                return true;
    return false;
}

static void add_default(struct builder *b, const struct catalog *catalog,
                        const char *text, struct lines *lines,
                        const struct own *own)
{
    struct expect_scope scope = {catalog->fields, catalog->field_count};
    struct expect_error error = {0};
    struct expect *e = expect_parse(text, &scope, &error);
    if (e == NULL)
        conf_error(b->errors, (struct place){0},
                   "plugin \"%s\": its default line \"%s\": %s", catalog->name,
                   text, error.text);
    else if (!share_field(catalog, e, own))
        add_line(b, lines, text, (struct place){0}, true);
    expect_free(e);
}

struct lines build_lines(struct builder *b, const struct check_spec *c,
                         struct node *own_node, const char *const *defaults)
{
    bool scalar = own_node != NULL && own_node->type > NODE_ARRAY;
    size_t n = own_node == NULL ? 0 : scalar ? 1 : own_node->count;
    size_t total = n;
    while (defaults != NULL && defaults[total - n] != NULL)
        total++;
    struct lines lines = {0};
    lines.items =
        arena_alloc(b->conf->arena, (total + 1) * sizeof *lines.items);
    struct own own = {xcalloc(n + 1, sizeof(struct expect *)), 0};
    if (scalar)
        add_own_line(b, c, own_node, &lines, &own);
    for (struct node *line = n == 0 || scalar ? NULL : own_node->first;
         line != NULL; line = line->next)
        add_own_line(b, c, line, &lines, &own);
    for (size_t i = 0; defaults != NULL && defaults[i] != NULL; i++)
        add_default(b, c->catalog, defaults[i], &lines, &own);
    for (size_t i = 0; i < own.count; i++)
        expect_free(own.parsed[i]);
    free(own.parsed);
    return lines;
}

/* -------------------------------------------------------- expect_fault --- */

/* Why a probe can never have it, or be blamed for it; NULL: it can. */
static const char *flaw_of(const struct fault_info *f)
{
    if (f == NULL || f->number == RLV_F_NONE)
        return "is not a fault (`relevo fault list` has all)";
    if (f->blame == RLV_BLAME_SELF)
        return "is the monitor's own: it says nothing about the target";
    if (f->core_only)
        return "is what an answer is called that came, and was not good: "
               "`expect` is for that";
    return NULL;
}

static void check_name(struct builder *b, struct node *list, size_t i,
                       const char *name)
{
    struct node *item = node_item(list, i), *n = item == NULL ? list : item;
    const struct fault_info *f = fault_by_name(name);
    const char *flaw = flaw_of(f);
    const char *near = f == NULL ? fault_suggest(name) : NULL;
    if (flaw != NULL)
        tell(b, n, "\"%s\" %s%s%s%s", n->secret ? "***" : name, flaw,
             near == NULL ? "" : "; did you mean \"", near == NULL ? "" : near,
             near == NULL ? "" : "\"?");
}

/* A line of the defaults gives way; one of the check, or of a template of it,
 * was meant for it. */
static void refuse_lines(struct builder *b, const struct settings *s,
                         const char *name)
{
    struct node *n = settings_given(s, name);
    const struct node *owner = n == NULL ? NULL : n->parent->parent;
    if (owner == NULL || n->bad ||
        (!str_eq(owner->name, "checks") && !str_eq(owner->name, "templates")))
        return;
    tell(b, n,
         "a check that must fail (expect_fault) has no answer to judge: leave "
         "`%s` out",
         name);
}

void finish_expect_fault(struct builder *b, struct settings *s)
{
    struct check_spec *c = &s->values.spec;
    struct node *n = settings_given(s, "expect_fault");
    if (c->expect_faults.count == 0 || n == NULL || n->bad)
        return;
    for (size_t i = 0; i < c->expect_faults.count; i++)
        check_name(b, n, i, c->expect_faults.items[i]);
    refuse_lines(b, s, "expect");
    refuse_lines(b, s, "warn_unless");
    c->expect_count = c->warn_count = 0;
}

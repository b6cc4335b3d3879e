/* conf/needs.c: `depends_on`: which checks a check needs.
 *
 * A term is a name or a pattern (each that fits is needed), { any = [ … ]; }
 * (one of them is enough) or { tags = [ … ]; } (each with one of these tags is
 * needed, but for the check itself). Names mean checks of the same environment;
 * one that only other environments have is no need here. Called once all checks
 * are built; cycles are errors that print their path.
 *
 * Thousands of checks may name the same pattern or tag: what a word means is
 * looked for once in each environment. */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/str.h"
#include "conf/draft.h"

struct meaning { /* of a pattern or a tag, in one environment */
    const struct check_spec **checks;
    size_t count;
};

struct finding {
    struct builder *b;
    struct check_spec *check;
    bool inherited;   /* the defaults or a template say it: it means others */
    size_t first;     /* index of the first check of the same environment */
    size_t count;     /* how many it has */
    struct map *here; /* their plain names → struct check_spec */
    struct map *meanings;   /* "n" and a pattern, or "t" and a tag → struct
                               meaning; of the same environment */
    struct map *everywhere; /* plain names of all environments */
    const struct check_spec **found; /* by this term; room for all */
    size_t found_count;
    size_t term, *found_by; /* number of the term that found each check last */
};

static const char *nth_name(const void *arg, size_t i)
{
    const struct finding *f = arg;
    const struct conf *c = f->b->conf;
    return i < f->count ? c->checks[f->first + i].plain_name : NULL;
}

static void add_found(struct finding *f, const struct check_spec *parent)
{
    size_t *term = &f->found_by[parent - f->b->conf->checks];
    if (*term == f->term)
        return;
    *term = f->term;
    f->found[f->found_count++] = parent;
}

static bool is_pattern(const char *word)
{
    return strpbrk(word, "*?[") != NULL;
}

static bool has_tag(const struct check_spec *c, const char *tag)
{
    for (size_t i = 0; i < c->tags.count; i++)
        if (str_eq(c->tags.items[i], tag))
            return true;
    return false;
}

static struct meaning *search(struct finding *f, char sort, const char *word)
{
    const struct check_spec *checks = &f->b->conf->checks[f->first];
    struct meaning *m = arena_alloc(f->b->draft->arena, sizeof *m);
    const struct check_spec **found = xcalloc(f->count + 1, sizeof *found);
    for (size_t i = 0; i < f->count; i++)
        if (sort == 't' ? has_tag(&checks[i], word)
                        : str_glob(word, checks[i].plain_name))
            found[m->count++] = &checks[i];
    m->checks =
        arena_memdup(f->b->draft->arena, found, m->count * sizeof *found);
    free(found);
    return m;
}

static const struct meaning *meaning_of(struct finding *f, char sort,
                                        const char *word)
{
    const char *key = arena_printf(f->b->draft->arena, "%c%s", sort, word);
    struct meaning *m = map_get(f->meanings, key);
    if (m == NULL) {
        m = search(f, sort, word);
        map_set(f->meanings, key, m);
    }
    return m;
}

/* Those that a pattern or a tag means, but for the check itself. */
static bool add_meaning(struct finding *f, char sort, const char *word)
{
    const struct meaning *m = meaning_of(f, sort, word);
    bool any = false;
    for (size_t i = 0; i < m->count; i++)
        if (m->checks[i] != f->check) {
            add_found(f, m->checks[i]);
            any = true;
        }
    return any;
}

static bool add_named(struct finding *f, const char *name)
{
    const struct check_spec *parent = map_get(f->here, name);
    if (parent == NULL || (f->inherited && parent == f->check))
        return false;
    add_found(f, parent);
    return true;
}

static bool is_elsewhere(const struct finding *f, const char *word)
{
    if (!is_pattern(word))
        return map_has(f->everywhere, word);
    for (size_t i = 0; i < map_count(f->everywhere); i++)
        if (str_glob(word, map_key(f->everywhere, i)))
            return true;
    return false;
}

/* A variable in it has no value here: what is needed is not known. */
static bool is_missing(struct finding *f, const struct node *n)
{
    if (n->missing != NULL && f->check->missing == NULL)
        f->check->missing = arena_strdup(f->b->conf->arena, n->missing);
    return n->missing != NULL;
}

static void find_by_name(struct finding *f, struct node *n)
{
    if (n->type != NODE_TEXT || n->secret) {
        tell(f->b, n, "the name of a check is text, not %s", node_kind(n));
        return;
    }
    if (is_missing(f, n))
        return;
    bool any = is_pattern(n->text) ? add_meaning(f, 'n', n->text)
                                   : add_named(f, n->text);
    if (any || is_elsewhere(f, n->text))
        return;
    const char *near = str_nearest(n->text, nth_name, f);
    tell(f->b, n, "there is no check \"%s\"%s%s%s", n->text,
         near == NULL ? "" : "; did you mean \"", near == NULL ? "" : near,
         near == NULL ? "" : "\"?");
}

static void find_by_tag(struct finding *f, struct node *n)
{
    if (n->type != NODE_TEXT || n->secret) {
        tell(f->b, n, "a tag is text, not %s", node_kind(n));
        return;
    }
    if (is_missing(f, n))
        return;
    if (!add_meaning(f, 't', n->text) && !n->warned)
        conf_warn(f->b->errors, n->at, "%sno other check has the tag \"%s\"",
                  node_path(n->name ? n : n->parent, f->b->draft->arena),
                  n->text);
    n->warned = true;
}

static void find_all(struct finding *f, struct node *list,
                     void (*find)(struct finding *, struct node *))
{
    if (list->type > NODE_ARRAY || list->type == NODE_GROUP)
        find(f, list);
    else
        for (struct node *n = list->first; n != NULL; n = n->next)
            find(f, n);
}

/* --------------------------------------------------------------- terms --- */

static void keep_need(struct finding *f, bool any, const char *text)
{
    struct arena *arena = f->b->conf->arena;
    if (f->found_count == 0)
        return;
    struct need *need = &f->check->needs[f->check->need_count++];
    struct buf names = {0};
    for (size_t i = 0; i < f->found_count; i++)
        buf_addf(&names, "%s%s",
                 i > 0 ? ", "
                 : any ? "any of "
                       : "",
                 f->found[i]->plain_name);
    *need = (struct need){
        .text = arena_strdup(arena, text != NULL ? text : buf_text(&names)),
        .parents =
            arena_memdup(arena, f->found, f->found_count * sizeof *f->found),
        .parent_count = f->found_count,
        .any = any};
    buf_free(&names);
}

static void begin_term(struct finding *f)
{
    f->found_count = 0;
    f->term++;
}

static void take_group(struct finding *f, struct node *group)
{
    static const char *const known[] = {"any", "tags", NULL};
    for (struct node *n = group->first; n != NULL; n = n->next) {
        bool any = str_eq(n->name, "any");
        begin_term(f);
        if (any)
            find_all(f, n, find_by_name);
        else if (str_eq(n->name, "tags"))
            find_all(f, n, find_by_tag);
        else {
            const char *near = str_nearest_of(n->name, known);
            tell(f->b, n, "\"%s\" is neither \"any\" nor \"tags\"%s%s%s",
                 n->name, near == NULL ? "" : "; did you mean \"",
                 near == NULL ? "" : near, near == NULL ? "" : "\"?");
        }
        keep_need(f, any, NULL);
    }
    if (group->first == NULL)
        tell(f->b, group,
             "{ any = [\"a\", \"b\"]; } or { tags = [\"x\"]; }: "
             "this group is empty");
}

static void take_term(struct finding *f, struct node *n)
{
    begin_term(f);
    if (n->type == NODE_GROUP && !n->is_secret) {
        take_group(f, n);
        return;
    }
    find_by_name(f, n);
    keep_need(f, false, n->bad || is_pattern(n->text) ? NULL : n->text);
}

static size_t most_terms(const struct node *list)
{
    size_t n = 1;
    for (const struct node *c = list->first; c != NULL; c = c->next)
        n += 1 + c->count;
    return n;
}

static void take_needs(struct finding *f, struct node *list)
{
    f->check->needs =
        arena_alloc(f->b->conf->arena,
                    (most_terms(list) + list->count) * sizeof(struct need));
    if (list->type > NODE_ARRAY || list->type == NODE_GROUP)
        take_term(f, list);
    else
        for (struct node *n = list->first; n != NULL; n = n->next)
            take_term(f, n);
}

/* -------------------------------------------------------------- cycles --- */

/* Its parents, term by term. */
static const struct check_spec *nth_parent(const struct check_spec *c, size_t i)
{
    size_t need = 0;
    while (need < c->need_count && i >= c->needs[need].parent_count)
        i -= c->needs[need++].parent_count;
    return need < c->need_count ? c->needs[need].parents[i] : NULL;
}

/* ----------------------------------------------------------------- all --- */

/* The checks from `first` on that are of one environment. */
static void enter_environment(struct finding *f, size_t first)
{
    const struct conf_draft *d = f->b->draft;
    const struct draft_environment *e = d->all[first].environment;
    map_free(f->here);
    map_free(f->meanings);
    f->here = map_new();
    f->meanings = map_new();
    f->first = first;
    for (f->count = 0; first + f->count < d->check_count &&
                       d->all[first + f->count].environment == e;
         f->count++) {
        struct check_spec *c = &f->b->conf->checks[first + f->count];
        map_set(f->here, c->plain_name, c);
    }
}

void build_needs(struct builder *b)
{
    const struct conf_draft *d = b->draft;
    size_t n = d->check_count;
    struct finding f = {.b = b, .everywhere = map_new()};
    f.found = xcalloc(n + 1, sizeof *f.found);
    f.found_by = xcalloc(n + 1, sizeof *f.found_by);
    for (size_t i = 0; i < n; i++)
        map_set(f.everywhere, b->conf->checks[i].plain_name, NULL);
    for (size_t i = 0; i < n; i++) {
        struct node *list = draft_layered(&d->all[i], "depends_on");
        if (i == f.first + f.count)
            enter_environment(&f, i);
        f.check = &b->conf->checks[i];
        f.inherited = list != NULL && list->parent != d->all[i].node;
        if (list != NULL && !list->bad)
            take_needs(&f, list);
    }
    free(f.found);
    free(f.found_by);
    map_free(f.here);
    map_free(f.meanings);
    map_free(f.everywhere);
    tell_cycles(b, nth_parent, "depends_on: it needs itself");
}

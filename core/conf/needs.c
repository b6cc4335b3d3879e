/* conf/needs.c: `depends_on`: which checks a check needs.
 *
 * A term is a name or a pattern (each that fits is needed), { any = [ … ]; }
 * (one of them is enough) or { tags = [ … ]; } (each with one of these tags is
 * needed, but for the check itself). Names mean checks of the same environment;
 * one that only other environments have is no need here. Called once all checks
 * are built; cycles are errors that print their path. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "conf/draft.h"

struct finding {
    struct builder *b;
    struct check_spec *check;
    bool inherited; /* the defaults or a template say it: it means others */
    size_t *first;  /* index of the first check of the same environment */
    size_t count;   /* how many it has */
    const struct check_spec **found; /* room for all of them */
    size_t found_count;
};

static const char *nth_name(const void *arg, size_t i)
{
    const struct finding *f = arg;
    const struct conf *c = f->b->conf;
    return i < f->count ? c->checks[*f->first + i].plain_name : NULL;
}

static void add_found(struct finding *f, const struct check_spec *parent)
{
    for (size_t i = 0; i < f->found_count; i++)
        if (f->found[i] == parent)
            return;
    f->found[f->found_count++] = parent;
}

static bool is_pattern(const char *word)
{
    return strpbrk(word, "*?[") != NULL;
}

static bool is_elsewhere(const struct conf *c, const char *word)
{
    for (size_t i = 0; i < c->check_count; i++)
        if (str_glob(word, c->checks[i].plain_name))
            return true;
    return false;
}

static void find_by_name(struct finding *f, struct node *n)
{
    struct conf *c = f->b->conf;
    size_t before = f->found_count;
    if (n->type != NODE_TEXT || n->secret) {
        tell(f->b, n, "the name of a check is text, not %s", node_kind(n));
        return;
    }
    for (size_t i = *f->first; i < *f->first + f->count; i++)
        if (str_glob(n->text, c->checks[i].plain_name) &&
            !((f->inherited || is_pattern(n->text)) &&
              &c->checks[i] == f->check))
            add_found(f, &c->checks[i]);
    if (f->found_count > before || is_elsewhere(c, n->text))
        return;
    const char *near = str_nearest(n->text, nth_name, f);
    tell(f->b, n, "there is no check \"%s\"%s%s%s", n->text,
         near == NULL ? "" : "; did you mean \"", near == NULL ? "" : near,
         near == NULL ? "" : "\"?");
}

static bool has_tag(const struct check_spec *c, const char *tag)
{
    for (size_t i = 0; i < c->tags.count; i++)
        if (str_eq(c->tags.items[i], tag))
            return true;
    return false;
}

static void find_by_tag(struct finding *f, struct node *n)
{
    struct conf *c = f->b->conf;
    size_t before = f->found_count;
    if (n->type != NODE_TEXT || n->secret) {
        tell(f->b, n, "a tag is text, not %s", node_kind(n));
        return;
    }
    for (size_t i = *f->first; i < *f->first + f->count; i++)
        if (has_tag(&c->checks[i], n->text) && &c->checks[i] != f->check)
            add_found(f, &c->checks[i]);
    if (f->found_count == before && !n->warned)
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

static void take_group(struct finding *f, struct node *group)
{
    static const char *const known[] = {"any", "tags", NULL};
    for (struct node *n = group->first; n != NULL; n = n->next) {
        bool any = str_eq(n->name, "any");
        f->found_count = 0;
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
    f->found_count = 0;
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

enum colour { WHITE, GREY, BLACK };

struct walk {
    struct builder *b;
    unsigned char *colours;
    const struct check_spec **path;
    size_t depth;
};

static void tell_cycle(struct walk *w, const struct check_spec *again)
{
    struct buf text = {0};
    size_t from = 0;
    while (w->path[from] != again)
        from++;
    for (size_t i = from; i < w->depth; i++)
        buf_addf(&text, "%s → ", w->path[i]->plain_name);
    conf_error(w->b->errors, again->place,
               "check \"%s\": depends_on: it needs itself: %s%s",
               again->plain_name, buf_text(&text), again->plain_name);
    buf_free(&text);
}

/* As deep as the longest chain; a chain is no longer than there are checks. */
static void visit(struct walk *w, const struct check_spec *c)
{
    const struct check_spec *all = w->b->conf->checks;
    unsigned char *colour = &w->colours[c - all];
    if (*colour == BLACK)
        return;
    if (*colour == GREY) {
        tell_cycle(w, c);
        return;
    }
    *colour = GREY;
    w->path[w->depth++] = c;
    for (size_t i = 0; i < c->need_count; i++)
        for (size_t k = 0; k < c->needs[i].parent_count; k++)
            visit(w, c->needs[i].parents[k]);
    w->depth--;
    *colour = BLACK;
}

static void check_cycles(struct builder *b)
{
    size_t n = b->conf->check_count;
    struct walk w = {b, xcalloc(n + 1, 1),
                     xcalloc(n + 1, sizeof(struct check_spec *)), 0};
    for (size_t i = 0; i < n; i++)
        visit(&w, &b->conf->checks[i]);
    free(w.colours);
    free(w.path);
}

/* ----------------------------------------------------------------- all --- */

void build_needs(struct builder *b)
{
    const struct conf_draft *d = b->draft;
    size_t first = 0, n = d->check_count;
    struct finding f = {.b = b, .first = &first};
    f.found = xcalloc(n + 1, sizeof *f.found);
    for (size_t i = 0; i < n; i++) {
        struct node *list = draft_layered(&d->all[i], "depends_on");
        if (i == 0 || d->all[i].environment != d->all[first].environment) {
            first = i;
            for (f.count = 0;
                 i + f.count < n &&
                 d->all[i + f.count].environment == d->all[i].environment;)
                f.count++;
        }
        f.check = &b->conf->checks[i];
        f.inherited = list != NULL && list->parent != d->all[i].node;
        if (list != NULL && !list->bad)
            take_needs(&f, list);
    }
    free(f.found);
    check_cycles(b);
}

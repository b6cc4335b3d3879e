/* conf/read.c: the files of a configuration, read and laid together.
 *
 * The main file, then conf.d/[*].cfg beside it in sorted order. Groups of the
 * same name at the top are one group over all files; anything that stands twice
 * is an error which names both places. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sha256.h"
#include "base/str.h"
#include "conf/draft.h"

struct reading {
    struct conf_draft *draft;
    struct conf_errors *errors;
    struct buf all; /* every byte read, for the digest */
    bool failed;
};

/* ------------------------------------------------------------- merging --- */

static bool may_merge(const struct node *a, const struct node *b, int depth)
{
    if (a->type != NODE_GROUP || b->type != NODE_GROUP)
        return false;
    return depth == 0 || (depth == 1 && str_eq(a->parent->name, "defaults"));
}

static void tell_also(struct reading *r, const struct node *one,
                      const struct node *other)
{
    const char *path = node_path(one, r->draft->arena);
    conf_error(r->errors, one->key,
               "%.*s is defined twice: here and at %s:%d:%d",
               (int)strlen(path) - 2, path, other->key.file, other->key.line,
               other->key.column);
}

static void merge(struct reading *r, struct node *into, struct node *from,
                  int depth)
{
    struct map *known = map_new();
    for (struct node *n = into->first; n != NULL; n = n->next)
        map_set(known, n->name, n);
    for (struct node *n = from->first, *next; n != NULL; n = next) {
        struct node *first = map_get(known, n->name);
        next = n->next;
        if (first == NULL)
            node_append(into, n);
        else if (may_merge(first, n, depth))
            merge(r, first, n, depth + 1);
        else {
            n->parent = first->parent;
            tell_also(r, n, first);
            tell_also(r, first, n);
        }
    }
    map_free(known);
}

/* --------------------------------------------------------------- files --- */

/* The path may be relative to where we are now. */
static void note_file(struct conf_draft *d, const char *path)
{
    char *absolute = realpath(path, NULL);
    if (absolute == NULL)
        return;
    d->files = xgrow(d->files, d->file_count, &d->file_cap, sizeof *d->files);
    d->files[d->file_count++] = arena_strdup(d->arena, absolute);
    free(absolute);
}

static void read_source(struct reading *r, struct source_file file)
{
    struct words words = {.arena = r->draft->arena};
    struct node *root = NULL;
    if (words_read(&words, file, r->errors))
        root = outline_parse(&words, r->draft->arena, r->errors);
    if (root != NULL && !values_read(&words, root, r->draft->arena, r->errors))
        root = NULL;
    for (size_t i = 0; i < words.file_count; i++) /* also those it includes */
        note_file(r->draft, words.files[i].name);
    buf_adds(&r->all, file.name);
    buf_addc(&r->all, '\0');
    buf_add(&r->all, words.text.data, words.text.len);
    words_free(&words);
    if (root == NULL)
        r->failed = true;
    else if (r->draft->root == NULL)
        r->draft->root = root;
    else
        merge(r, r->draft->root, root, 0);
}

static void read_file(struct reading *r, const char *name)
{
    struct source_file file;
    struct err err = {0};
    note_file(r->draft, name); /* also one that is no configuration */
    if (source_read(name, r->draft->arena, &file, &err)) {
        read_source(r, file);
        return;
    }
    conf_error(r->errors, (struct place){0}, "%s", err.text);
    r->failed = true;
}

static int is_config(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && str_ends(entry->d_name, ".cfg");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void read_folder(struct reading *r, const char *main_file)
{
    struct arena *arena = r->draft->arena;
    const char *slash = strrchr(main_file, '/');
    const char *dir = slash == NULL
                          ? "conf.d"
                          : arena_printf(arena, "%.*s/conf.d",
                                         (int)(slash - main_file), main_file);
    struct dirent **found;
    note_file(r->draft, dir);
    int n = scandir(dir, &found, is_config, by_name);
    if (n < 0 && errno != ENOENT && errno != ENOTDIR) {
        conf_error(r->errors, (struct place){0}, "cannot read \"%s\": %s", dir,
                   strerror(errno));
        r->failed = true;
    }
    for (int i = 0; i < n; i++) {
        read_file(r, arena_printf(arena, "%s/%s", dir, found[i]->d_name));
        free(found[i]);
    }
    if (n >= 0)
        free(found);
}

static const char *find_main(const struct conf_source *source,
                             struct conf_errors *errors)
{
    static const char *const places[] = {"relevo.cfg",
                                         "/etc/relevo/relevo.cfg"};
    if (source->file != NULL || source->text != NULL)
        return source->file != NULL ? source->file : "(text)";
    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        if (access(places[i], F_OK) == 0)
            return places[i];
    conf_error(errors, (struct place){0},
               "there is no configuration: neither ./relevo.cfg nor "
               "/etc/relevo/relevo.cfg; docs/guide.md shows one, -c FILE "
               "names another");
    return NULL;
}

static void note_location(struct conf_draft *d, const char *file, bool on_disk)
{
    char *absolute = on_disk ? realpath(file, NULL) : NULL;
    char here[PATH_MAX];
    if (absolute != NULL) {
        d->file = arena_strdup(d->arena, absolute);
        d->dir = arena_strndup(d->arena, absolute,
                               (size_t)(strrchr(absolute, '/') - absolute));
        if (*d->dir == '\0')
            d->dir = "/";
    } else {
        d->dir = arena_strdup(d->arena,
                              getcwd(here, sizeof here) == NULL ? "/" : here);
    }
    free(absolute);
}

struct node *draft_read_files(struct conf_draft *draft,
                              const struct conf_source *source,
                              struct conf_errors *errors)
{
    struct reading r = {draft, errors, {0}, false};
    const char *file = find_main(source, errors);
    if (file == NULL)
        return NULL;
    note_location(draft, file, source->text == NULL);
    if (source->text != NULL) {
        read_source(&r,
                    (struct source_file){arena_strdup(draft->arena, file),
                                         source->text, strlen(source->text)});
    } else {
        read_file(&r, file);
        read_folder(&r, file);
    }
    sha256_hex(r.all.data, r.all.len, draft->sha256);
    buf_free(&r.all);
    return r.failed ? NULL : draft->root;
}

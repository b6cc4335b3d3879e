/* plug/find.c: plugins by name in a list of folders; nothing is opened. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/str.h"
#include "plug/plug.h"

/* The library that our own plugins share lies beside them. */
#define KIT "relevo-kit"

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static int by_name(const void *a, const void *b)
{
    const struct plug_file *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Adds NAME.so of one folder, but for names that an earlier one had. */
static void list_dir(const char *dir, struct map *seen, struct arena *arena)
{
    DIR *d = opendir(dir);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.' || !str_ends(e->d_name, ".so"))
            continue;
        char *name = arena_strndup(arena, e->d_name, strlen(e->d_name) - 3);
        char *path = arena_printf(arena, "%s/%s", dir, e->d_name);
        if (!str_eq(name, KIT) && !map_has(seen, name) && is_file(path))
            map_set(seen, name, path);
    }
    if (d != NULL)
        closedir(d);
}

struct plug_file *plug_list(const struct rlv_list *dirs, struct arena *arena,
                            size_t *count)
{
    struct map *seen = map_new();
    for (size_t i = 0; i < dirs->count; i++)
        list_dir(dirs->items[i], seen, arena);
    *count = map_count(seen);
    struct plug_file *files = arena_alloc(arena, (*count + 1) * sizeof *files);
    for (size_t i = 0; i < *count; i++) {
        files[i].name = arena_strdup(arena, map_key(seen, i));
        files[i].path = map_at(seen, i);
    }
    map_free(seen);
    qsort(files, *count, sizeof *files, by_name);
    return files;
}

struct names {
    const struct plug_file *files;
    size_t count;
};

static const char *nth_name(const void *arg, size_t i)
{
    const struct names *n = arg;
    return i < n->count ? n->files[i].name : NULL;
}

static bool not_found(const struct rlv_list *dirs, const char *name,
                      struct err *err)
{
    struct arena *arena = arena_new();
    struct buf where = {0};
    struct names n;
    n.files = plug_list(dirs, arena, &n.count);
    for (size_t i = 0; i < dirs->count; i++)
        buf_addf(&where, "%s%s", i == 0 ? "" : ", ", dirs->items[i]);
    const char *near = str_nearest(name, nth_name, &n);
    if (near == NULL && n.count > 0 && n.count <= 12) {
        buf_adds(&where, "; there are: ");
        for (size_t i = 0; i < n.count; i++)
            buf_addf(&where, "%s%s", i == 0 ? "" : ", ", n.files[i].name);
    }
    err_set(err, ERR_NOT_FOUND, 0, "no plugin \"%s\" in %s%s%s%s", name,
            dirs->count == 0 ? "any folder: none is given" : buf_text(&where),
            near == NULL ? "" : "; did you mean \"", near == NULL ? "" : near,
            near == NULL ? "" : "\"?");
    buf_free(&where);
    arena_free(arena);
    return false;
}

bool plug_find(const struct rlv_list *dirs, const char *name, char *path,
               size_t size, struct err *err)
{
    if (*name == '\0' || strchr(name, '/') != NULL || name[0] == '.')
        return err_set(err, ERR_CONFIG, 0,
                       "\"%s\" is not the name of a plugin: a word such as "
                       "\"http\" is expected",
                       name);
    for (size_t i = 0; i < dirs->count && !str_eq(name, KIT); i++) {
        int n = snprintf(path, size, "%s/%s.so", dirs->items[i], name);
        if (n < 0 || (size_t)n >= size)
            return err_set(err, ERR_LIMIT, 0, "the path of %s is too long",
                           name);
        if (is_file(path))
            return true;
    }
    return not_found(dirs, name, err);
}

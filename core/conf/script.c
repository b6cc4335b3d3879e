/* conf/script.c: finds the file that a runbook's `script` names. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "conf/draft.h"

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* ---------------------------------------------------------- suggesting --- */

struct names {
    struct arena *arena;
    struct map *all; /* "http/diagnose" */
};

static void list_area(struct names *names, const char *dir, const char *area)
{
    DIR *open = opendir(arena_printf(names->arena, "%s/%s", dir, area));
    for (struct dirent *e = open == NULL ? NULL : readdir(open); e != NULL;
         e = readdir(open)) {
        const char *name = arena_printf(names->arena, "%s%s%s", area,
                                        *area == '\0' ? "" : "/", e->d_name);
        const char *path = arena_printf(names->arena, "%s/%s", dir, name);
        if (e->d_name[0] != '.' && is_file(path) && access(path, X_OK) == 0)
            map_set(names->all, name, NULL);
        else if (*area == '\0' && e->d_name[0] != '.' && !is_file(path))
            list_area(names, dir, e->d_name);
    }
    if (open != NULL)
        closedir(open);
}

static const char *nth_script(const void *arg, size_t i)
{
    const struct names *names = arg;
    return i < map_count(names->all) ? map_key(names->all, i) : NULL;
}

static void tell_absent(struct builder *b, struct node *script,
                        const char *looked)
{
    const struct rlv_list *dirs = &b->conf->runbook_dir;
    struct names names = {b->draft->arena, map_new()};
    for (size_t i = 0; i < dirs->count; i++)
        list_area(&names, dirs->items[i], "");
    const char *near = str_nearest(script->text, nth_script, &names);
    tell(b, script, "there is no script \"%s\"%s%s%s%s%s", script->text,
         *looked == '\0' ? "" : " in ", looked,
         near == NULL ? "" : "; did you mean \"", near == NULL ? "" : near,
         near == NULL ? "" : "\"?");
    map_free(names.all);
}

/* ------------------------------------------------------------- looking --- */

static const char *search(struct builder *b, const char *script,
                          struct buf *looked)
{
    const struct rlv_list *dirs = &b->conf->runbook_dir;
    if (script[0] == '/')
        return is_file(script) ? arena_strdup(b->conf->arena, script) : NULL;
    for (size_t i = 0; i < dirs->count; i++) {
        const char *path =
            arena_printf(b->conf->arena, "%s/%s", dirs->items[i], script);
        if (is_file(path))
            return path;
        buf_addf(looked, "%s%s", i == 0 ? "" : ", ", dirs->items[i]);
    }
    if (dirs->count == 0)
        buf_adds(looked, "runbook_dir, which names no folder");
    return NULL;
}

const char *find_script(struct builder *b, struct node *script)
{
    struct buf looked = {0};
    const char *path = search(b, script->text, &looked);
    if (path == NULL)
        tell_absent(b, script, buf_text(&looked));
    else if (access(path, X_OK) != 0) {
        tell(b, script, "%s is not executable: %s", path, strerror(errno));
        path = NULL;
    }
    buf_free(&looked);
    return path;
}

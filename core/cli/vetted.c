/* cli/vetted.c: see vetted.h. */
#include "cli/vetted.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/str.h"
#include "conf/conf.h"
#include "crew/vetting.h"
#include "daemon/places.h"
#include "model/kind.h"
#include "plug/plug.h"

/* ------------------------------------------------------------- folders --- */

static void copy_dirs(struct rlv_list *to, const struct rlv_list *from,
                      struct arena *arena)
{
    const char **items = arena_alloc(arena, (from->count + 1) * sizeof *items);
    for (size_t i = 0; i < from->count; i++)
        items[i] = arena_strdup(arena, from->items[i]);
    *to = (struct rlv_list){items, from->count};
}

static struct rlv_list default_dirs(void)
{
    const char *const *dirs = places_plugin_dirs();
    size_t n = 0;
    while (dirs[n] != NULL)
        n++;
    return (struct rlv_list){dirs, n};
}

/* Other mistakes in a configuration do not hide where plugins are; one that
 * was named and cannot be read does. */
static bool plugin_dirs(const struct args *args, struct arena *arena,
                        struct rlv_list *dirs)
{
    struct conf_source source = places_source(cli_config(args), NULL);
    struct conf_errors *errors = conf_errors_new();
    struct conf_draft *draft = conf_read(&source, errors);
    bool ok = draft != NULL || source.file == NULL;
    *dirs = default_dirs();
    if (draft != NULL && conf_draft_plugin_dirs(draft)->count > 0)
        copy_dirs(dirs, conf_draft_plugin_dirs(draft), arena);
    if (!ok) {
        struct buf text = {0};
        conf_errors_write(errors, &text);
        fputs(buf_text(&text), stderr);
        buf_free(&text);
    }
    conf_draft_free(draft);
    conf_errors_free(errors);
    return ok;
}

/* -------------------------------------------------------- descriptions --- */

struct asked {
    struct vetted *plugin;
    size_t *open;
};

static void on_vetted(void *arg, struct vet_answer *answer)
{
    struct asked *asked = arg;
    asked->plugin->catalog = answer->catalog;
    if (answer->catalog == NULL)
        snprintf(asked->plugin->error, sizeof asked->plugin->error, "%s",
                 answer->error[0] ? answer->error : "it did not say");
    --*asked->open;
}

/* All at once; waits for the last. */
static void describe(struct vetted *plugins, size_t count)
{
    uv_loop_t loop;
    size_t open = count;
    struct asked *asked = xcalloc(count + 1, sizeof *asked);
    must(uv_loop_init(&loop) == 0);
    for (size_t i = 0; i < count; i++) {
        struct msg_vet request = {.path = plugins[i].path, .describe = true};
        asked[i] = (struct asked){&plugins[i], &open};
        vet_plugin(&loop, &request, NULL, on_vetted, &asked[i]);
    }
    while (open > 0)
        uv_run(&loop, UV_RUN_ONCE);
    uv_run(&loop, UV_RUN_NOWAIT); /* lets the processes' handles close */
    uv_loop_close(&loop);
    free(asked);
}

static size_t kind_count(void)
{
    size_t n = 0;
    while (kind_nth(n) != NULL)
        n++;
    return n;
}

bool vetted_list(const struct args *args, struct arena *arena,
                 struct vetted **plugins, size_t *count)
{
    struct rlv_list dirs;
    if (!plugin_dirs(args, arena, &dirs))
        return false;
    struct plug_file *files = plug_list(&dirs, arena, count);
    *plugins = arena_alloc(arena, (kind_count() + *count) * sizeof **plugins);
    struct vetted *of_files = *plugins + kind_count();
    for (size_t i = 0; i < kind_count(); i++)
        (*plugins)[i] = (struct vetted){.name = kind_nth(i)->name,
                                        .catalog = kind_catalog(kind_nth(i))};
    for (size_t i = 0; i < *count; i++) {
        of_files[i].name = files[i].name;
        of_files[i].path = files[i].path;
    }
    describe(of_files, *count);
    *count += kind_count();
    return true;
}

void vetted_free(struct vetted *plugins, size_t count)
{
    for (size_t i = 0; i < count; i++)
        catalog_free(plugins[i].catalog);
}

/* ------------------------------------------------------------- by name --- */

static bool is_path(const char *word)
{
    return strchr(word, '/') != NULL || str_ends(word, ".so");
}

/* path has PATH_MAX bytes. */
static bool find(const struct args *args, struct arena *arena, const char *word,
                 char *path)
{
    struct rlv_list dirs;
    struct err err;
    if (is_path(word)) {
        if (realpath(word, path) != NULL)
            return true;
        cli_fail(EXIT_USAGE, "%s: %s", word, strerror(errno));
        return false;
    }
    if (!plugin_dirs(args, arena, &dirs))
        return false;
    if (plug_find(&dirs, word, path, PATH_MAX, &err))
        return true;
    cli_fail(EXIT_USAGE, "%s", err.text);
    return false;
}

bool vetted_look(const struct args *args, const char *word,
                 struct vetted *plugin)
{
    static char path[PATH_MAX];
    *plugin = (struct vetted){.name = word, .path = path};
    if (kind_find(word) != NULL) {
        cli_fail(EXIT_USAGE, "%s is built in: there is no file of it", word);
        return false;
    }
    struct arena *arena = arena_new();
    bool found = find(args, arena, word, path);
    if (found)
        describe(plugin, 1);
    arena_free(arena);
    return found;
}

struct catalog *vetted_find(const struct args *args, const char *word)
{
    struct vetted plugin;
    if (kind_find(word) != NULL)
        return kind_catalog(kind_find(word));
    if (vetted_look(args, word, &plugin) && plugin.catalog == NULL)
        cli_fail(EXIT_USAGE, "%s", plugin.error);
    return plugin.catalog;
}

/* cli/cmd_plugin.c: `relevo plugin list` and `relevo plugin describe`. */
#include <stdio.h>
#include <string.h>

#include "cli/out.h"
#include "cli/plugin_page.h"
#include "cli/vetted.h"
#include "report/json.h"

/* The file's name, or a built-in kind's, is what `plugin =` names. */
static void print_list(const struct vetted *plugins, size_t count)
{
    static const char *const head[] = {"PLUGIN", "VERSION", "SUMMARY", "PATH"};
    if (count == 0) {
        puts("there are no plugins");
        return;
    }
    struct table *t = table_begin(head, ARRAY_LEN(head));
    for (size_t i = 0; i < count; i++) {
        const struct catalog *c = plugins[i].catalog;
        table_cell(t, "%s", plugins[i].name);
        table_cell(t, "%s", c != NULL ? c->version : "unusable");
        table_cell(t, "%s", c != NULL ? c->summary : plugins[i].error);
        table_cell(t, "%s", plugins[i].path ? plugins[i].path : "built in");
    }
    table_print(t);
}

static json_t *text_of(const char *s) { return report_text(s, strlen(s)); }

static json_t *list_json(const struct vetted *plugins, size_t count)
{
    json_t *all = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *o =
            plugins[i].catalog != NULL
                ? plugin_page_json(plugins[i].catalog)
                : json_pack("{s:o, s:o}", "path", text_of(plugins[i].path),
                            "error", text_of(plugins[i].error));
        json_object_set_new(o, "name", text_of(plugins[i].name));
        json_array_append_new(all, o);
    }
    return all;
}

int cmd_plugin_list(const struct args *args)
{
    struct vetted *plugins;
    size_t count;
    int status = EXIT_FINE;
    struct arena *arena = arena_new();
    if (!vetted_list(args, arena, &plugins, &count)) {
        arena_free(arena);
        return EXIT_USAGE;
    }
    if (args_has(args, "json"))
        out_json(list_json(plugins, count));
    else
        print_list(plugins, count);
    for (size_t i = 0; i < count; i++)
        if (plugins[i].catalog == NULL)
            status = EXIT_FINDINGS;
    vetted_free(plugins, count);
    arena_free(arena);
    return status;
}

int cmd_plugin_describe(const struct args *args)
{
    struct catalog *c = vetted_find(args, args->words[0]);
    if (c == NULL)
        return EXIT_USAGE;
    if (args_has(args, "json")) {
        out_json(plugin_page_json(c));
    } else {
        struct buf page = {0};
        plugin_page(c, &page);
        fputs(buf_text(&page), stdout);
        buf_free(&page);
    }
    catalog_free(c);
    return EXIT_FINE;
}

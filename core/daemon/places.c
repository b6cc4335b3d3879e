/* daemon/places.c: see places.h. */
#include "daemon/places.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"

static struct {
    bool known;
    char plugin_dir[PATH_MAX], runbook_dir[PATH_MAX], state_dir[PATH_MAX];
    const char *plugin_dirs[2], *runbook_dirs[2];
} places;

/* "CMAKE_HOME_DIRECTORY:INTERNAL=/the/source" of a build folder's cache. */
static bool source_of(const char *dir, char *out, size_t size)
{
    static const char key[] = "\nCMAKE_HOME_DIRECTORY:INTERNAL=";
    char path[PATH_MAX];
    struct buf cache = {0};
    snprintf(path, sizeof path, "%s/CMakeCache.txt", dir);
    const char *at = NULL;
    if (fs_read(path, 4 << 20, &cache, NULL))
        at = strstr(buf_text(&cache), key);
    if (at != NULL) {
        at += sizeof key - 1;
        snprintf(out, size, "%.*s", (int)strcspn(at, "\r\n"), at);
    }
    buf_free(&cache);
    return at != NULL;
}

static void set_built(const char *dir, const char *source)
{
    snprintf(places.plugin_dir, PATH_MAX, "%s/plugins", dir);
    snprintf(places.runbook_dir, PATH_MAX, "%s/runbooks", source);
    const char *slash = strrchr(dir, '/');
    size_t parent = slash == NULL ? 0 : (size_t)(slash - dir);
    bool in_build = parent >= 6 && memcmp(dir + parent - 6, "/build", 6) == 0;
    snprintf(places.state_dir, PATH_MAX, "%.*s/run",
             (int)(in_build ? parent : strlen(dir)), dir);
}

static void set_installed(const char *dir)
{
    snprintf(places.plugin_dir, PATH_MAX, "%s/../lib/relevo/plugins", dir);
    snprintf(places.runbook_dir, PATH_MAX, "%s/../share/relevo/runbooks", dir);
}

static void find(void)
{
    char exe[PATH_MAX], source[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    exe[n < 0 ? 0 : n] = '\0';
    char *slash = strrchr(exe, '/');
    if (slash != NULL)
        *slash = '\0';
    if (source_of(exe, source, sizeof source))
        set_built(exe, source);
    else
        set_installed(exe);
    places.plugin_dirs[0] = places.plugin_dir;
    places.runbook_dirs[0] = places.runbook_dir;
    places.known = true;
}

struct conf_source places_source(const char *file, const char *state_dir)
{
    if (!places.known)
        find();
    return (struct conf_source){
        .file = file,
        .state_dir = state_dir,
        .web = getenv("RELEVO_WEB"),
        .default_state_dir = places.state_dir[0] ? places.state_dir : NULL,
        .plugin_dirs = places.plugin_dirs,
        .runbook_dirs = places.runbook_dirs};
}

const char *const *places_plugin_dirs(void)
{
    if (!places.known)
        find();
    return places.plugin_dirs;
}

const char *places_state_dir(void)
{
    if (!places.known)
        find();
    return places.state_dir[0] ? places.state_dir : NULL;
}

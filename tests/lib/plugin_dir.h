/* lib/plugin_dir.h: where the plugins of lib/plugins were built: beside the
 * test's own executable. */
#ifndef RELEVO_TESTS_PLUGIN_DIR_H
#define RELEVO_TESTS_PLUGIN_DIR_H

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

static inline const char *plugin_dir(struct arena *arena)
{
    char self[4000];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n < 0 ? 0 : n] = '\0';
    char *slash = strrchr(self, '/');
    if (slash != NULL)
        *slash = '\0';
    return arena_printf(arena, "%s/plugins", self);
}

static inline const char *plugin_path(struct arena *arena, const char *name)
{
    return arena_printf(arena, "%s/%s.so", plugin_dir(arena), name);
}

#endif

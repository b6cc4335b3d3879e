/* daemon/describe.c: see describe.h. A file holds a line that names the very
 * plugin it was made from, then the catalog as it travels between roles. */
#include "daemon/describe.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/str.h"
#include "wire/msg.h"

enum { LARGEST = 1 << 20 };

static bool identify(const char *path, struct buf *line)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return false;
    buf_addf(line, "relevo %s abi %d.%d %llu %lld %lld.%09ld %s\n",
             RELEVO_VERSION, RLV_ABI_MAJOR, RLV_ABI_MINOR,
             (unsigned long long)st.st_ino, (long long)st.st_size,
             (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, path);
    return true;
}

static void cache_path(const char *state_dir, const char *plugin, char *out,
                       size_t size)
{
    snprintf(out, size, "%s/catalogs/%016llx", state_dir,
             (unsigned long long)str_hash(plugin, strlen(plugin)));
}

struct catalog *describe_get(const char *state_dir, const char *plugin)
{
    char path[4300];
    struct buf line = {0}, kept = {0};
    struct catalog *found = NULL;
    cache_path(state_dir, plugin, path, sizeof path);
    if (identify(plugin, &line) && fs_read_own(path, LARGEST, &kept, NULL) &&
        kept.len > line.len && memcmp(kept.data, line.data, line.len) == 0)
        found = msg_get_catalog(kept.data + line.len, kept.len - line.len);
    buf_free(&line);
    buf_free(&kept);
    return found;
}

void describe_put(const char *state_dir, const struct catalog *c)
{
    char path[4300], dir[4300];
    struct buf all = {0};
    snprintf(dir, sizeof dir, "%s/catalogs", state_dir);
    cache_path(state_dir, c->path, path, sizeof path);
    if (identify(c->path, &all) && fs_mkdirs(dir, 0700, NULL)) {
        msg_put_catalog(&all, c);
        if (!fs_replace(path, all.data, all.len, 0600, NULL))
            remove(path);
    }
    buf_free(&all);
}

/* daemon/spare.c: a place for runs while the state directory takes none.
 *
 * A notice does not wait for ever for a disk that is full: it is sent although
 * its intention is not stored (perform.c), and its folder is made here, in
 * memory, because the full disk has no room for it either; so is that of one
 * whose last attempt could not begin, or left nothing though nobody killed its
 * keeper. Only its own main knows the place: a later one sends such a notice
 * again. Used by perform.c; context.c finds a run's folder here; a folder goes
 * with its run's end. */
#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "daemon/internal.h"

#define PREFIX   "relevo-runs-"
#define LEFT_US  (24 * 3600 * US_PER_S)
#define DOUBT_NS (600 * NS_PER_S)

/* What a main that was killed has left there, once it is old. */
static void sweep(const char *above)
{
    char copy[256], *paths[] = {copy, NULL};
    snprintf(copy, sizeof copy, "%s", above);
    FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
    for (FTSENT *e; tree != NULL && (e = fts_read(tree)) != NULL;) {
        if (e->fts_level != 1 || e->fts_info != FTS_D)
            continue;
        fts_set(tree, e, FTS_SKIP);
        int64_t changed_us = (int64_t)e->fts_statp->st_mtim.tv_sec * US_PER_S;
        if (str_starts(e->fts_name, PREFIX) &&
            e->fts_statp->st_uid == geteuid() &&
            changed_us < clock_wall_us() - LEFT_US)
            fs_remove_tree(e->fts_path);
    }
    if (tree != NULL)
        fts_close(tree);
}

static bool open_below(struct daemon *d, const char *above)
{
    if (above == NULL || above[0] != '/' || strchr(above, ':') != NULL ||
        strlen(above) > 128)
        return false;
    sweep(above);
    snprintf(d->spare, sizeof d->spare, "%s/" PREFIX "XXXXXX", above);
    /* x for all, as for STATE_DIR/runs: each run's folder is its user's. */
    if (mkdtemp(d->spare) != NULL && chmod(d->spare, 0711) == 0)
        return true;
    d->spare[0] = '\0';
    return false;
}

bool spare_open(struct daemon *d)
{
    struct stat st;
    if (d->spare[0] != '\0' && stat(d->spare, &st) == 0)
        return true;
    bool ok = open_below(d, getenv("RUNTIME_DIRECTORY")) ||
              open_below(d, getenv("XDG_RUNTIME_DIR")) ||
              open_below(d, "/dev/shm");
    if (!ok)
        log_error("no place in memory for the folders of runs: what waits for "
                  "the history waits on");
    return ok;
}

void spare_run_dir(const struct daemon *d, uint64_t run, char *out, size_t size)
{
    snprintf(out, size, "%s/R-%llu", d->spare, (unsigned long long)run);
}

void spare_doubt(struct daemon *d)
{
    d->spare_until_ns = clock_mono_ns() + DOUBT_NS;
}

bool spare_is_better(const struct daemon *d)
{
    return clock_mono_ns() < d->spare_until_ns;
}

bool spare_has(const struct daemon *d, uint64_t run)
{
    char dir[4200];
    if (d->spare[0] == '\0')
        return false;
    spare_run_dir(d, run, dir, sizeof dir);
    return access(dir, F_OK) == 0;
}

void spare_forget(const struct daemon *d, uint64_t run)
{
    char dir[4200];
    if (!spare_has(d, run))
        return;
    spare_run_dir(d, run, dir, sizeof dir);
    fs_remove_tree(dir);
}

/* A keeper that still lives keeps its folder. */
void spare_close(struct daemon *d)
{
    if (d->spare[0] != '\0')
        (void)rmdir(d->spare);
}

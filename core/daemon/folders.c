/* daemon/folders.c: how long the runs' folders stay for a look.
 *
 * What a run left is in the store; its folder with whatever the script wrote
 * stays as long as outputs do: history's age and bytes of outputs. Looked
 * through once an hour on a thread of the loop's pool, because a folder may
 * hold anything. Folders of runs that live, and of all after the oldest of
 * them, are not touched. Started and ended by daemon.c.
 *
 * Happy path: an hour is over → the oldest go until age and bytes are kept.
 * Ways it can fail: a folder cannot be read or removed: it stays, and is tried
 * again in an hour; there are very many: main, when it ends, waits for one
 * folder at most. */
#include <dirent.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "daemon/internal.h"
#include "store/age.h"

#define EVERY_MS 3600000
#define FIRST_MS 60000

struct folder {
    uint64_t run;
    int64_t bytes, changed_us;
};

struct folders {
    uv_work_t work;
    uv_timer_t timer;
    struct daemon *daemon;
    struct age age;
    bool working;
    char dir[4200];
    struct folder_limits limits; /* of the work under way */
    atomic_bool stop;
};

static int by_run(const void *a, const void *b)
{
    const struct folder *x = a, *y = b;
    return x->run < y->run ? -1 : x->run > y->run;
}

/* What everything below takes on the disk. */
static int64_t bytes_below(const char *path)
{
    char copy[4300], *paths[] = {copy, NULL};
    int64_t bytes = 0;
    snprintf(copy, sizeof copy, "%s", path);
    FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    for (FTSENT *e; tree != NULL && (e = fts_read(tree)) != NULL;)
        if (e->fts_info != FTS_DP && e->fts_info != FTS_NS)
            bytes += (int64_t)e->fts_statp->st_blocks * 512;
    if (tree != NULL)
        fts_close(tree);
    return bytes;
}

static void path_of(const char *dir, uint64_t run, char path[4300])
{
    snprintf(path, 4300, "%s/R-%llu", dir, (unsigned long long)run);
}

static bool is_stopped(const struct folder_limits *limits)
{
    return limits->stop != NULL && atomic_load(limits->stop);
}

static bool is_folder_of(const struct dirent *e, uint64_t *run)
{
    unsigned long long number;
    char rest;
    if (sscanf(e->d_name, "R-%llu%c", &number, &rest) != 1)
        return false;
    *run = number;
    return true;
}

/* A name that no run of ours can have is somebody's joke. */
uint64_t folders_latest(const char *where)
{
    uint64_t latest = 0, run;
    DIR *dir = opendir(where);
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;)
        if (is_folder_of(e, &run) && run > latest && run < UINT32_MAX)
            latest = run;
    if (dir != NULL)
        closedir(dir);
    return latest;
}

/* Those that may go, oldest first; to be freed. */
static struct folder *list(const char *where,
                           const struct folder_limits *limits, size_t *count)
{
    struct folder *all = NULL;
    size_t cap = 0;
    uint64_t run;
    char path[4300];
    struct stat st;
    *count = 0;
    DIR *dir = opendir(where);
    for (struct dirent *e;
         dir != NULL && !is_stopped(limits) && (e = readdir(dir)) != NULL;) {
        if (!is_folder_of(e, &run) || run >= limits->live)
            continue;
        path_of(where, run, path);
        if (lstat(path, &st) != 0)
            continue;
        all = xgrow(all, *count, &cap, sizeof *all);
        all[(*count)++] = (struct folder){
            run, bytes_below(path), (int64_t)st.st_mtim.tv_sec * US_PER_S};
    }
    if (dir != NULL)
        closedir(dir);
    if (*count > 0)
        qsort(all, *count, sizeof *all, by_run);
    return all;
}

void folders_trim(const char *dir, const struct folder_limits *limits)
{
    size_t count;
    int64_t sum = 0;
    char path[4300];
    struct folder *all = list(dir, limits, &count);
    for (size_t i = 0; i < count; i++)
        sum += all[i].bytes;
    for (size_t i = 0; i < count && !is_stopped(limits); i++) {
        bool old =
            limits->before_us != 0 && all[i].changed_us < limits->before_us;
        bool much = limits->bytes != 0 && sum > limits->bytes;
        if (!old && !much)
            continue;
        path_of(dir, all[i].run, path);
        fs_remove_tree(path);
        sum -= all[i].bytes;
    }
    free(all);
}

/* ------------------------------------------------------------- the watch ---
 */

static void look_through(uv_work_t *work)
{
    const struct folders *f = work->data;
    folders_trim(f->dir, &f->limits);
}

static void on_looked_through(uv_work_t *work, int status)
{
    struct folders *f = work->data;
    (void)status;
    f->working = false;
}

static uint64_t oldest_live(const struct daemon *d)
{
    uint64_t oldest = UINT64_MAX;
    const struct run_row *row;
    for (size_t i = 0; (row = model_live_run(d->model, i)) != NULL; i++)
        oldest = row->number < oldest ? row->number : oldest;
    return oldest;
}

static void on_timer(uv_timer_t *timer)
{
    struct folders *f = timer->data;
    const struct history_spec *keep = &f->daemon->conf->history;
    if (f->working)
        return;
    age_look(&f->age, clock_now());
    f->limits = (struct folder_limits){
        .live = oldest_live(f->daemon),
        .stop = &f->stop,
        .bytes = keep->outputs_bytes,
        .before_us =
            keep->outputs_ns == 0
                ? 0
                : age_before(&f->age, f->age.last.wall_us, keep->outputs_ns)};
    f->working = uv_queue_work(&f->daemon->loop, &f->work, look_through,
                               on_looked_through) == 0;
}

void folders_watch(struct daemon *d)
{
    struct folders *f = d->folders = xcalloc(1, sizeof *f);
    f->daemon = d;
    f->work.data = f;
    snprintf(f->dir, sizeof f->dir, "%s/runs", d->state_dir);
    uv_timer_init(&d->loop, &f->timer);
    f->timer.data = f;
    uv_timer_start(&f->timer, on_timer, FIRST_MS, EVERY_MS);
}

void folders_stop(struct daemon *d)
{
    if (d->folders != NULL)
        atomic_store(&d->folders->stop, true);
}

void folders_free(struct daemon *d)
{
    free(d->folders);
    d->folders = NULL;
}

/* A disk that loses power, under SQLite: for tests of store/.
 *
 *     crash_begin(&(struct crash_plan){…});   in a child process
 *     …                                       at the n-th operation it is over
 *
 * All goes to the real files, and beside them stands what would be there after
 * a power cut: each file as it was when last synced, and the writes, cuts and
 * names since then, of which at the cut a random part is done: by the sector of
 * 512 bytes, some of them torn or full of rubbish, in any mixture over the
 * files; a file may have grown without what was written there. The result is
 * left in the plan's folder, and the process ends there and then.
 *
 * As SQLite's own crash tests do it (src/test6.c), for the calls that SQLite
 * makes: a directory is synced with the first sync of a journal or a
 * write-ahead log made anew, or by a deletion that asks for it. The index of
 * the log (-shm) is rubbish or gone after the cut. */
#ifndef TEST_CRASHVFS_H
#define TEST_CRASHVFS_H

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum { CRASH_SECTOR = 512, CRASH_FILES = 8 };

struct crash_plan {
    uint64_t seed;
    long operations;  /* writes, cuts, syncs, deletions until the cut */
    const char *into; /* the folder for what is left */
    bool lies;        /* the disk says that it has synced and has not */
};

struct crash_write {
    struct crash_write *next;
    bool cuts; /* the file, to `at` bytes */
    size_t at, n;
    unsigned char *bytes;
};

struct crash_file {
    char name[64];
    unsigned char *synced; /* what is safe */
    size_t size;
    bool named;   /* its name is safe in the directory */
    bool deleted; /* its name is gone, perhaps not for good */
    bool fresh;   /* its first sync is to come, and syncs the directory */
    struct crash_write *first, **end;
};

struct crash_handle { /* SQLite's sqlite3_file, and the real one behind it */
    sqlite3_file base;
    struct crash_file *file;
    sqlite3_file *real;
};

static struct {
    struct crash_plan plan;
    sqlite3_vfs vfs, *real;
    pthread_mutex_t lock;
    struct crash_file files[CRASH_FILES];
    size_t count;
    uint64_t random;
} crash = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* splitmix64 */
static inline uint64_t crash_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline bool crash_chance(unsigned percent)
{
    return crash_random(&crash.random) % 100 < percent;
}

/* --------------------------------------------------------------- the cut ---
 */

struct crash_image {
    unsigned char *bytes;
    size_t size;
};

static inline void crash_resize(struct crash_image *i, size_t size)
{
    i->bytes = xrealloc(i->bytes, size + 1);
    if (size > i->size)
        memset(i->bytes + i->size, 0, size - i->size);
    i->size = size;
}

static inline void crash_apply_sector(struct crash_image *i,
                                      const unsigned char *from, size_t at,
                                      size_t n, unsigned chance)
{
    if (!crash_chance(chance)) {
        if (at + n > i->size && crash_chance(30))
            crash_resize(i, at + n); /* longer, without what belongs there */
        return;
    }
    if (at + n > i->size)
        crash_resize(i, at + n);
    memcpy(i->bytes + at, from, n);
    if (crash_chance(10)) /* the power went while it was being written */
        for (size_t k = crash_random(&crash.random) % n; k < n; k++)
            i->bytes[at + k] = (unsigned char)crash_random(&crash.random);
}

static inline void crash_apply(struct crash_image *i,
                               const struct crash_write *w, unsigned chance)
{
    if (w->cuts) {
        if (crash_chance(chance))
            crash_resize(i, w->at);
        return;
    }
    for (size_t done = 0; done < w->n;) {
        size_t n = CRASH_SECTOR - (w->at + done) % CRASH_SECTOR;
        if (n > w->n - done)
            n = w->n - done;
        crash_apply_sector(i, w->bytes + done, w->at + done, n, chance);
        done += n;
    }
}

static inline void crash_leave(const char *name, const void *bytes, size_t n)
{
    char *path = xasprintf("%s/%s", crash.plan.into, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n || close(fd) != 0)
        _exit(3);
    free(path);
}

static inline void crash_leave_file(const struct crash_file *f)
{
    static const unsigned chances[] = {0, 10, 50, 90, 100};
    struct crash_image i = {0};
    bool there = f->named;
    if (there == f->deleted) /* made or deleted, and nobody has synced that */
        there = crash_chance(50);
    if (!there)
        return;
    crash_resize(&i, f->size);
    if (f->size > 0)
        memcpy(i.bytes, f->synced, f->size);
    unsigned chance = chances[crash_random(&crash.random) % 5];
    for (const struct crash_write *w = f->first; w != NULL; w = w->next)
        crash_apply(&i, w, chance);
    crash_leave(f->name, i.bytes, i.size);
    free(i.bytes);
}

/* With the lock held, which is never given back. */
static inline void crash_now(void)
{
    uint64_t rubbish[512];
    for (size_t i = 0; i < crash.count; i++)
        crash_leave_file(&crash.files[i]);
    for (size_t i = 0; i < 512; i++)
        rubbish[i] = crash_random(&crash.random);
    if (crash_chance(50))
        crash_leave("history.db-shm", rubbish, sizeof rubbish);
    _exit(0);
}

static inline void crash_cut(void)
{
    pthread_mutex_lock(&crash.lock);
    crash_now();
}

static inline void crash_count(void)
{
    if (--crash.plan.operations <= 0)
        crash_now();
}

/* ------------------------------------------------------------ the record ---
 */

static inline void crash_note(struct crash_file *f, bool cuts, size_t at,
                              const void *bytes, size_t n)
{
    struct crash_write *w = xcalloc(1, sizeof *w);
    *w = (struct crash_write){.cuts = cuts, .at = at, .n = n};
    w->bytes = xrealloc(NULL, n + 1);
    if (n > 0)
        memcpy(w->bytes, bytes, n);
    *f->end = w;
    f->end = &w->next;
}

static inline void crash_drop_notes(struct crash_file *f)
{
    while (f->first != NULL) {
        struct crash_write *w = f->first;
        f->first = w->next;
        free(w->bytes);
        free(w);
    }
    f->end = &f->first;
}

/* All that was noted is safe. */
static inline void crash_settle(struct crash_file *f)
{
    struct crash_image i = {f->synced, f->size};
    for (const struct crash_write *w = f->first; w != NULL; w = w->next) {
        if (w->cuts || w->at + w->n > i.size)
            crash_resize(&i, w->at + w->n);
        memcpy(i.bytes + w->at, w->bytes, w->n);
    }
    f->synced = i.bytes;
    f->size = i.size;
    crash_drop_notes(f);
}

static inline void crash_forget(struct crash_file *f)
{
    crash_drop_notes(f);
    free(f->synced);
    f->synced = NULL;
    f->size = 0;
}

static inline void crash_settle_names(void)
{
    for (size_t i = 0; i < crash.count; i++) {
        struct crash_file *f = &crash.files[i];
        f->named = !f->deleted;
        if (f->deleted)
            crash_forget(f);
    }
}

static inline void crash_read_synced(struct crash_file *f, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        _exit(3);
    f->size = (size_t)st.st_size;
    f->synced = xrealloc(NULL, f->size + 1);
    if (read(fd, f->synced, f->size) != (ssize_t)f->size)
        _exit(3);
    close(fd);
}

/* An empty file has just been made: the store makes it before it opens it. */
static inline struct crash_file *crash_find(const char *path, int flags)
{
    const char *name = strrchr(path, '/') + 1;
    struct stat st;
    bool there = stat(path, &st) == 0 && st.st_size > 0;
    size_t i = 0;
    while (i < crash.count && strcmp(crash.files[i].name, name) != 0)
        i++;
    struct crash_file *f = &crash.files[i];
    bool is_new = i == crash.count;
    if (is_new) {
        must(crash.count++ < CRASH_FILES);
        snprintf(f->name, sizeof f->name, "%s", name);
        f->end = &f->first;
        f->named = there;
        if (there)
            crash_read_synced(f, path);
    } else if (f->deleted) {
        crash_forget(f);
    }
    if ((is_new || f->deleted) && !there)
        f->fresh = (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
    f->deleted = false;
    return f;
}

/* --------------------------------------------------------------- methods ---
 */

#define CRASH_REAL(file) (((struct crash_handle *)(void *)(file))->real)
#define CRASH_CALL(file, method, ...) \
    CRASH_REAL(file)->pMethods->method(CRASH_REAL(file), __VA_ARGS__)

static inline int crash_close(sqlite3_file *file)
{
    return CRASH_REAL(file)->pMethods->xClose(CRASH_REAL(file));
}

static inline int crash_read(sqlite3_file *file, void *out, int n,
                             sqlite3_int64 at)
{
    return CRASH_CALL(file, xRead, out, n, at);
}

static inline int crash_write(sqlite3_file *file, const void *bytes, int n,
                              sqlite3_int64 at)
{
    pthread_mutex_lock(&crash.lock);
    crash_note(((struct crash_handle *)(void *)file)->file, false, (size_t)at,
               bytes, (size_t)n);
    crash_count();
    int rc = CRASH_CALL(file, xWrite, bytes, n, at);
    pthread_mutex_unlock(&crash.lock);
    return rc;
}

static inline int crash_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    pthread_mutex_lock(&crash.lock);
    crash_note(((struct crash_handle *)(void *)file)->file, true, (size_t)size,
               NULL, 0);
    crash_count();
    int rc = CRASH_CALL(file, xTruncate, size);
    pthread_mutex_unlock(&crash.lock);
    return rc;
}

/* The cut may come in the middle of it, too. The real disk need not sync. */
static inline int crash_sync(sqlite3_file *file, int flags)
{
    struct crash_file *f = ((struct crash_handle *)(void *)file)->file;
    (void)flags;
    pthread_mutex_lock(&crash.lock);
    crash_count();
    if (!crash.plan.lies) {
        crash_settle(f);
        if (f->fresh)
            crash_settle_names();
        f->fresh = false;
    }
    pthread_mutex_unlock(&crash.lock);
    return SQLITE_OK;
}

static inline int crash_size(sqlite3_file *file, sqlite3_int64 *out)
{
    return CRASH_CALL(file, xFileSize, out);
}

static inline int crash_lock(sqlite3_file *file, int level)
{
    return CRASH_CALL(file, xLock, level);
}

static inline int crash_unlock(sqlite3_file *file, int level)
{
    return CRASH_CALL(file, xUnlock, level);
}

static inline int crash_reserved(sqlite3_file *file, int *out)
{
    return CRASH_CALL(file, xCheckReservedLock, out);
}

static inline int crash_control(sqlite3_file *file, int what, void *arg)
{
    return CRASH_CALL(file, xFileControl, what, arg);
}

static inline int crash_sector(sqlite3_file *file)
{
    return CRASH_REAL(file)->pMethods->xSectorSize(CRASH_REAL(file));
}

static inline int crash_device(sqlite3_file *file)
{
    return CRASH_REAL(file)->pMethods->xDeviceCharacteristics(CRASH_REAL(file));
}

static inline int crash_shm_map(sqlite3_file *file, int page, int size,
                                int extend, void volatile **out)
{
    return CRASH_CALL(file, xShmMap, page, size, extend, out);
}

static inline int crash_shm_lock(sqlite3_file *file, int at, int n, int flags)
{
    return CRASH_CALL(file, xShmLock, at, n, flags);
}

static inline void crash_shm_barrier(sqlite3_file *file)
{
    CRASH_REAL(file)->pMethods->xShmBarrier(CRASH_REAL(file));
}

static inline int crash_shm_unmap(sqlite3_file *file, int deletes)
{
    return CRASH_CALL(file, xShmUnmap, deletes);
}

/* Without memory-mapped reading (version 3), which nothing here uses. */
static const sqlite3_io_methods crash_methods = {
    .iVersion = 2,
    .xClose = crash_close,
    .xRead = crash_read,
    .xWrite = crash_write,
    .xTruncate = crash_truncate,
    .xSync = crash_sync,
    .xFileSize = crash_size,
    .xLock = crash_lock,
    .xUnlock = crash_unlock,
    .xCheckReservedLock = crash_reserved,
    .xFileControl = crash_control,
    .xSectorSize = crash_sector,
    .xDeviceCharacteristics = crash_device,
    .xShmMap = crash_shm_map,
    .xShmLock = crash_shm_lock,
    .xShmBarrier = crash_shm_barrier,
    .xShmUnmap = crash_shm_unmap,
};

static inline int crash_open(sqlite3_vfs *vfs, const char *path,
                             sqlite3_file *file, int flags, int *out)
{
    struct crash_handle *h = (struct crash_handle *)(void *)file;
    const int ours =
        SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL;
    (void)vfs;
    if (path == NULL || (flags & ours) == 0)
        return crash.real->xOpen(crash.real, path, file, flags, out);
    memset(h, 0, sizeof *h);
    h->real = (sqlite3_file *)(void *)(h + 1);
    pthread_mutex_lock(&crash.lock);
    struct crash_file *f = crash_find(path, flags);
    int rc = crash.real->xOpen(crash.real, path, h->real, flags, out);
    pthread_mutex_unlock(&crash.lock);
    if (rc != SQLITE_OK)
        return rc;
    h->file = f;
    h->base.pMethods = &crash_methods;
    return SQLITE_OK;
}

static inline int crash_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
    const char *name = strrchr(path, '/') + 1;
    (void)vfs;
    pthread_mutex_lock(&crash.lock);
    crash_count();
    for (size_t i = 0; i < crash.count; i++)
        if (strcmp(crash.files[i].name, name) == 0)
            crash.files[i].deleted = true;
    if (sync && !crash.plan.lies)
        crash_settle_names();
    int rc = crash.real->xDelete(crash.real, path, 0);
    pthread_mutex_unlock(&crash.lock);
    return rc;
}

/* From here on all files of this process are on that disk. */
static inline void crash_begin(const struct crash_plan *plan)
{
    crash.plan = *plan;
    crash.random = plan->seed;
    crash.real = sqlite3_vfs_find(NULL);
    crash.vfs = *crash.real;
    crash.vfs.pNext = NULL;
    crash.vfs.zName = "crash";
    crash.vfs.szOsFile += (int)sizeof(struct crash_handle);
    crash.vfs.xOpen = crash_open;
    crash.vfs.xDelete = crash_delete;
    sqlite3_vfs_register(&crash.vfs, 1);
}

#endif

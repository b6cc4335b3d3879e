/* A private folder with a store in it, for the tests of store/. */
#ifndef TEST_STORE_FIXTURE_H
#define TEST_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/reader.h"
#include "store/store.h"

struct fixture {
    char dir[64], file[96];
    struct store *store;
    struct store_options options;
    uint64_t sequence; /* last appended */
    _Atomic uint64_t committed;
    pthread_mutex_t lock; /* of trouble */
    char trouble[4000];
    struct arena *arena;
};

static void fixture_committed(void *arg, uint64_t sequence)
{
    atomic_store(&((struct fixture *)arg)->committed, sequence);
}

static void fixture_trouble(void *arg, enum store_news news, const char *text)
{
    (void)news;
    struct fixture *f = arg;
    pthread_mutex_lock(&f->lock);
    size_t n = strlen(f->trouble);
    snprintf(f->trouble + n, sizeof f->trouble - n, "%s\n", text);
    pthread_mutex_unlock(&f->lock);
}

/* Whether that was told so far. */
static inline bool fixture_told(struct fixture *f, const char *words)
{
    pthread_mutex_lock(&f->lock);
    bool told = strstr(f->trouble, words) != NULL;
    pthread_mutex_unlock(&f->lock);
    return told;
}

static inline int fixture_setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    strcpy(f->dir, "/tmp/relevo-store-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->file, sizeof f->file, "%s/history.db", f->dir);
    pthread_mutex_init(&f->lock, NULL);
    f->options = (struct store_options){.dir = f->dir,
                                        .node = 3,
                                        .committed = fixture_committed,
                                        .trouble = fixture_trouble,
                                        .arg = f};
    f->arena = arena_new();
    *state = f;
    return 0;
}

static inline void fixture_open(struct fixture *f)
{
    struct err err = {0};
    f->store = store_open(&f->options, &err);
    if (f->store == NULL)
        fail_msg("%s", err.text);
}

static inline void fixture_close(struct fixture *f)
{
    store_close(f->store);
    f->store = NULL;
}

static inline int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    store_close(f->store);
    DIR *dir = opendir(f->dir);
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        char path[400];
        snprintf(path, sizeof path, "%s/%s", f->dir, e->d_name);
        if (e->d_name[0] != '.' && remove(path) != 0)
            perror(path);
    }
    closedir(dir);
    rmdir(f->dir);
    arena_free(f->arena);
    pthread_mutex_destroy(&f->lock);
    free(f);
    return 0;
}

static inline uint64_t fixture_append(struct fixture *f, struct record r)
{
    r.sequence = ++f->sequence;
    store_append(f->store, record_copy(&r));
    return f->sequence;
}

static inline void fixture_sleep_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&t, NULL);
}

/* Until all that was appended is committed. */
static inline void fixture_sync(struct fixture *f)
{
    for (int i = 0; i < 20000; i++) {
        if (atomic_load(&f->committed) >= f->sequence)
            return;
        fixture_sleep_ms(1);
    }
    fail_msg("committed %llu of %llu",
             (unsigned long long)atomic_load(&f->committed),
             (unsigned long long)f->sequence);
}

/* A result on its own arena: free it. */
static inline struct result *fixture_result(uint32_t check, int64_t started_us,
                                            enum outcome outcome)
{
    struct result *r = result_new();
    r->node = 3;
    r->check = check;
    r->probe = (uint64_t)started_us % 977;
    r->started_us = started_us;
    r->started_ns = started_us * 1000 + 7;
    r->duration_ns = 1234567 + started_us % 1000;
    r->outcome = outcome;
    return r;
}

static inline void fixture_append_result(struct fixture *f, uint32_t check,
                                         int64_t started_us,
                                         enum outcome outcome)
{
    struct result *r = fixture_result(check, started_us, outcome);
    fixture_append(f, (struct record){.kind = RECORD_RESULT, .as.result = r});
    result_free(r);
}

static inline void fixture_append_audit(struct fixture *f, const char *object)
{
    struct record r = {.kind = RECORD_AUDIT,
                       .as.audit = {1700000000000000, "uid 1000",
                                    "runbook.hold", object, NULL}};
    fixture_append(f, r);
}

static inline struct reader *fixture_reader(struct fixture *f)
{
    struct err err = {0};
    struct reader *r = reader_open(f->dir, 3, &err);
    if (r == NULL)
        fail_msg("%s", err.text);
    return r;
}

/* Runs SQL on the file behind the store's back. */
static inline void fixture_sql(struct fixture *f, const char *sql)
{
    sqlite3 *db;
    char *why = NULL;
    assert_int_equal(sqlite3_open(f->file, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
    sqlite3_close(db);
}

static inline int64_t fixture_number(struct fixture *f, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_open(f->file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return n;
}

/* Files in the folder whose name contains that. */
static inline size_t fixture_files(struct fixture *f, const char *part)
{
    size_t n = 0;
    DIR *dir = opendir(f->dir);
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        n += strstr(e->d_name, part) != NULL;
    closedir(dir);
    return n;
}

#endif

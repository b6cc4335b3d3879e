/* store/writer_file.c: the writer's file: opened, taken stock of, and replaced
 * when it is damaged. On the writer thread, and on the caller's while
 * opening. */
#include "store/writer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"

void writer_tell(struct sqlite_store *s, enum store_news news, const char *fmt,
                 ...)
{
    if (s->options.trouble == NULL)
        return;
    char text[900];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    s->options.trouble(s->options.arg, news, text);
}

static int rewrite_one(void *arg, const struct record *r)
{
    struct sqlite_store *s = arg;
    return write_record(&s->db, s->options.node, r, &s->counters);
}

/* Fills a new file with what must not be forgotten. The audit begins anew; its
 * first row names the file that was set aside and where its chain ended. */
static int rewrite(struct sqlite_store *s, const char *aside,
                   const struct counters *before)
{
    char detail[128];
    snprintf(detail, sizeof detail, "row %llu, hash %s",
             (unsigned long long)before->audit,
             before->audit_hash[0] == '\0' ? "none" : before->audit_hash);
    struct record begun = {.kind = RECORD_AUDIT,
                           .as.audit = {clock_wall_us(), "relevo",
                                        "history.begin", aside, detail}};
    const struct counters none = {0};
    s->counters = *before;
    s->counters.audit = 0;
    s->counters.audit_hash[0] = '\0';
    s->counters.outputs_bytes = s->counters.swept_us = 0;
    s->counters.rollups_from = 0;
    int rc = db_exec(&s->db, "BEGIN IMMEDIATE");
    if (rc == SQLITE_OK)
        rc = rewrite_one(s, &begun);
    if (rc == SQLITE_OK)
        rc = mirror_each(&s->mirror, rewrite_one, s);
    if (rc == SQLITE_OK)
        rc = write_counters(&s->db, s->options.node, &none, &s->counters);
    if (rc == SQLITE_OK)
        rc = db_exec(&s->db, "COMMIT");
    if (rc != SQLITE_OK)
        db_exec(&s->db, "ROLLBACK");
    return rc;
}

/* What is known of hot and of the numbers, from the file. */
static int take_stock(struct sqlite_store *s)
{
    int64_t rows = 0;
    struct stat st = {0};
    (void)stat(s->path, &st);
    s->device = st.st_dev;
    s->inode = st.st_ino;
    int rc = write_load_counters(&s->db, s->options.node, &s->counters);
    if (rc == SQLITE_OK)
        rc = db_number(&s->db, "SELECT count(*) FROM hot", &rows);
    s->hot_rows = (uint64_t)rows;
    s->hot_since_ns = rows > 0 ? clock_mono_ns() : WRITER_NEVER;
    s->is_full = false;
    s->pack_interrupted = 0;
    wal_limit(s);
    return rc;
}

static enum db_failure open_file(struct sqlite_store *s, struct err *err)
{
    if (!fs_mkdirs(s->dir, 0700, err)) /* it may have been removed, too */
        return DB_REFUSED;
    enum db_failure failure = db_open_writer(&s->db, s->path, err);
    if (failure != DB_FINE)
        return failure;
    int rc = take_stock(s);
    if (rc == SQLITE_OK)
        return DB_FINE;
    failure = db_failure_now(&s->db, rc);
    db_err(&s->db, err, "reading it");
    db_close(&s->db);
    return failure;
}

bool writer_lost_file(const struct sqlite_store *s, struct err *err)
{
    struct stat st;
    bool there = stat(s->path, &st) == 0;
    if (there ? st.st_dev == s->device && st.st_ino == s->inode
              : errno != ENOENT)
        return false;
    err_set(err, ERR_IO, 0, "somebody %s it while it was open",
            there ? "replaced" : "removed");
    return true;
}

/* Closing the last connection empties the log into the file and removes it by
 * its name: what lies under that name now may be somebody else's. */
static void let_go(struct sqlite_store *s)
{
    struct err unused;
    if (s->db.handle != NULL && writer_lost_file(s, &unused))
        sqlite3_db_config(s->db.handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
                          NULL);
    db_close(&s->db);
}

enum db_failure writer_replace_file(struct sqlite_store *s, struct err *err)
{
    struct err why = *err;
    struct counters before = s->counters;
    char *aside = NULL;
    let_go(s);
    if (!db_set_aside(s->path, &aside, err))
        return DB_REFUSED;
    enum db_failure failure = open_file(s, err);
    int rc = SQLITE_OK;
    if (failure == DB_FINE)
        rc = rewrite(s, aside, &before);
    if (failure == DB_FINE && rc != SQLITE_OK) {
        db_err(&s->db, err, "beginning a new file");
        db_close(&s->db);
        failure = DB_REFUSED;
    }
    if (failure != DB_FINE)
        s->counters = before;
    writer_tell(s, STORE_REPLACED,
                "%s: damaged (%s): it is set aside as %s and a new history "
                "begins",
                s->path, why.text, aside);
    free(aside);
    return failure;
}

/* Opens, and replaces a damaged file. */
enum db_failure writer_open_file(struct sqlite_store *s, struct err *err)
{
    struct counters before = s->counters;
    enum db_failure failure = open_file(s, err);
    if (failure == DB_BROKEN) {
        s->counters = before;
        failure = writer_replace_file(s, err);
    }
    return failure;
}

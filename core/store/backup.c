/* store/backup.c: a copy of the file beside a daemon that writes it. See
 * upkeep.h.
 *
 * Happy path: one read transaction, so that the copy is of one instant; pages
 * are copied into FILE.partial; the copy is made a file of its own, without a
 * log, looked through, synced, and renamed.
 *
 * Ways it can fail: FILE is there, or appears meanwhile: nothing is written
 * over. The disk is full, the copy is not sound, somebody stops us:
 * FILE.partial is removed (after SIGKILL it stays, and a later backup to the
 * same name says so). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "store/read.h"
#include "store/upkeep.h"

enum { STEP_PAGES = 1024 };

struct copying {
    struct sqlite_reader *from;
    struct db to;
    const char *file;
    char *partial;
    void (*progress)(void *arg, int done, int of);
    void *arg;
};

static bool begin(struct copying *c, struct err *err)
{
    struct stat st;
    if (lstat(c->file, &st) == 0)
        return err_set(err, ERR_USAGE, 0,
                       "%s is there already: a backup never overwrites",
                       c->file);
    int fd = open(c->partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set(err, errno == EEXIST ? ERR_USAGE : ERR_IO, errno,
                       "make %s", c->partial);
    close(fd);
    return true;
}

static bool copy_pages(struct copying *c, struct err *err)
{
    sqlite3_backup *b =
        sqlite3_backup_init(c->to.handle, "main", c->from->db.handle, "main");
    int rc = SQLITE_OK;
    while (b != NULL && rc == SQLITE_OK) {
        rc = sqlite3_backup_step(b, STEP_PAGES);
        int of = sqlite3_backup_pagecount(b);
        if (c->progress != NULL)
            c->progress(c->arg, of - sqlite3_backup_remaining(b), of);
    }
    int finished = sqlite3_backup_finish(b);
    if (b != NULL && rc == SQLITE_DONE && finished == SQLITE_OK)
        return true;
    return db_err(&c->to, err, "copying it");
}

/* Without a log of its own it is one file, wherever it is put. */
static bool make_sound(struct copying *c, struct err *err)
{
    sqlite3_stmt *q = NULL;
    const char *text = NULL;
    int rc = db_exec(&c->to, "PRAGMA journal_mode = DELETE");
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(c->to.handle, "PRAGMA integrity_check(1)", -1,
                                &q, NULL);
    if (rc == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
        text = (const char *)sqlite3_column_text(q, 0);
    bool ok = text != NULL && strcmp(text, "ok") == 0;
    if (!ok && text != NULL)
        err_set(err, ERR_PROTOCOL, 0, "the copy is damaged: %.200s", text);
    else if (!ok)
        db_err(&c->to, err, "looking through the copy");
    sqlite3_finalize(q);
    return ok && db_check_version(&c->to, err) == DB_FINE;
}

static bool sync_folder(const char *file, struct err *err)
{
    const char *slash = strrchr(file, '/');
    char *dir = slash == NULL ? xstrdup(".")
                              : xstrndup(file, (size_t)(slash - file) + 1);
    bool ok = fs_sync(dir, err);
    free(dir);
    return ok;
}

static bool copy(struct copying *c, struct err *err)
{
    struct db *from = &c->from->db;
    int64_t any;
    int rc = sqlite3_open_v2(c->partial, &c->to.handle,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK)
        return db_err(&c->to, err, "opening the copy");
    if (db_exec(from, "BEGIN") != SQLITE_OK ||
        db_number(from, "SELECT count(*) FROM sqlite_schema", &any) !=
            SQLITE_OK)
        return reader_failed(c->from, err);
    return copy_pages(c, err) && make_sound(c, err);
}

bool sqlite_backup(struct reader *base, const char *file,
                   void (*progress)(void *arg, int done, int of), void *arg,
                   struct err *err)
{
    struct copying c = {.from = reader_self(base),
                        .file = file,
                        .partial = xasprintf("%s.partial", file),
                        .progress = progress,
                        .arg = arg};
    reader_begin(c.from);
    bool made = begin(&c, err);
    bool ok = made && copy(&c, err);
    db_close(&c.to);
    if (!sqlite3_get_autocommit(c.from->db.handle))
        db_exec(&c.from->db, "COMMIT");
    ok = ok && fs_sync(c.partial, err) && fs_rename_new(c.partial, file, err) &&
         sync_folder(file, err);
    if (made && !ok) {
        char *journal = xasprintf("%s-journal", c.partial);
        unlink(journal);
        unlink(c.partial);
        free(journal);
    }
    free(c.partial);
    return ok;
}

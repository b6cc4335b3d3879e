/* store/file.c: the file under a connection: opened with the right mode,
 * looked at, set aside when it is damaged. */
#include "store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"

/* A file with a log beside it was not closed cleanly; looking through all of
 * a large one would keep the watch from starting. */
#define LOOK_NS   (200 * NS_PER_MS)
#define LOOK_STEP 2000 /* virtual machine instructions between two looks */

enum { COPIED_PAGES = 8192 }; /* 32 MiB: well below a second */

static const char magic[] = "SQLite format 3"; /* with its NUL */
static const char *const parts[] = {"", "-wal", "-shm"};

static bool has_log(const char *path)
{
    struct stat st;
    char *log = xasprintf("%s-wal", path);
    bool found = stat(log, &st) == 0 && st.st_size > 0;
    free(log);
    return found;
}

/* A regular file of ours with 0600, made if it is missing. */
static enum db_failure make_file(const char *path, struct err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
    if (fd < 0) {
        int saved = errno;
        err_set(err, saved == EACCES ? ERR_DENIED : ERR_IO, saved, "open %s",
                path);
        return fs_is_refusal(saved) ? DB_REFUSED : DB_USAGE;
    }
    struct stat st;
    bool regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    if (regular && (st.st_mode & 077) != 0 && st.st_uid == geteuid())
        (void)!fchmod(fd, 0600);
    close(fd);
    if (regular)
        return DB_FINE;
    err_set(err, ERR_IO, 0, "%s: not a regular file", path);
    return DB_USAGE;
}

static int past_deadline(void *deadline_ns)
{
    return clock_mono_ns() > *(int64_t *)deadline_ns;
}

static enum db_failure look(struct db *db, struct err *err)
{
    int64_t deadline_ns = clock_mono_ns() + LOOK_NS;
    sqlite3_stmt *stmt = NULL;
    sqlite3_progress_handler(db->handle, LOOK_STEP, past_deadline,
                             &deadline_ns);
    int rc = sqlite3_prepare_v2(db->handle, "PRAGMA quick_check(1)", -1, &stmt,
                                NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    enum db_failure failure =
        rc == SQLITE_INTERRUPT ? DB_FINE : db_failure_of(rc);
    if (rc == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(stmt, 0);
        if (text == NULL || strcmp(text, "ok") != 0) {
            failure = DB_BROKEN;
            err_set(err, ERR_PROTOCOL, 0, "history: damaged: %.300s",
                    text == NULL ? "" : text);
        }
    } else if (failure != DB_FINE) {
        db_err(db, err, "looking through it");
    }
    sqlite3_finalize(stmt);
    sqlite3_progress_handler(db->handle, 0, NULL, NULL);
    return failure;
}

/* So that the file can be made shorter, which is decided when it is begun. One
 * of an older version is copied once when that is quick; a larger one stays as
 * it is: what becomes free in it is used again. */
static void let_shrink(struct db *db)
{
    int64_t mode = 0, pages = 0;
    if (db_number(db, "PRAGMA auto_vacuum", &mode) == SQLITE_OK && mode == 0 &&
        db_number(db, "PRAGMA page_count", &pages) == SQLITE_OK &&
        pages <= COPIED_PAGES &&
        db_exec(db, "PRAGMA auto_vacuum = INCREMENTAL") == SQLITE_OK)
        db_exec(db, "VACUUM");
}

static enum db_failure prepare_writer(struct db *db, bool unclean,
                                      struct err *err)
{
    static const char *const settings[] = {
        "PRAGMA auto_vacuum = INCREMENTAL", /* of a file without tables */
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = NORMAL",
        "PRAGMA temp_store = MEMORY",
    };
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_busy_timeout(db->handle, DB_BUSY_MS);
    /* Before anything is changed: it may be somebody else's. */
    enum db_failure failure = db_check_version(db, err);
    if (failure == DB_BROKEN || failure == DB_NEWER)
        return failure;
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        int rc = db_exec(db, settings[i]);
        if (rc != SQLITE_OK) {
            db_err(db, err, settings[i]);
            return db_failure_of(rc);
        }
    }
    failure = unclean ? look(db, err) : DB_FINE;
    if (failure == DB_FINE)
        failure = db_migrate(db, err);
    if (failure == DB_FINE)
        let_shrink(db);
    return failure;
}

enum db_failure db_open_writer(struct db *db, const char *path, struct err *err)
{
    memset(db, 0, sizeof *db);
    enum db_failure failure = make_file(path, err);
    if (failure != DB_FINE)
        return failure;
    bool unclean = has_log(path);
    int rc = sqlite3_open_v2(path, &db->handle,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        failure = prepare_writer(db, unclean, err);
    else {
        db_err(db, err, "opening it");
        failure = db_failure_of(rc);
    }
    if (failure != DB_FINE) {
        err_wrap(err, "%s", path);
        db_close(db);
    }
    return failure;
}

/* ------------------------------------------------------------- readers --- */

/* A path as a file: URI (RFC 8089 as SQLite reads it). */
static char *uri(const char *path, const char *query)
{
    struct buf out = {0};
    buf_adds(&out, "file:");
    for (const char *s = path; *s != '\0'; s++)
        if (strchr("?#% ", *s) != NULL)
            buf_addf(&out, "%%%02X", (unsigned)*s);
        else
            buf_addc(&out, *s);
    buf_addf(&out, "?%s", query);
    return buf_take(&out);
}

static int open_with(struct db *db, const char *path, const char *query)
{
    char *name = uri(path, query);
    int64_t version;
    int rc = sqlite3_open_v2(
        name, &db->handle,
        SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
    free(name);
    if (db->handle == NULL) /* not even memory for that */
        return rc;
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_busy_timeout(db->handle, DB_BUSY_MS);
    return rc == SQLITE_OK ? db_number(db, "PRAGMA user_version", &version)
                           : rc;
}

/* Root reads as the file's owner. Else what SQLite makes beside the file, the
 * log and its index, is root's for a moment, and a daemon that opens its
 * history in that moment cannot. Not where the owner does not get to: no daemon
 * of his is at work there. */
static int open_shared(struct db *db, const char *path, const struct stat *st)
{
    int rc = SQLITE_CANTOPEN;
    if (geteuid() == 0 && st->st_uid != 0) {
        gid_t gid = (gid_t)setfsgid(st->st_gid);
        setfsuid(st->st_uid);
        rc = open_with(db, path, "mode=ro");
        setfsuid(0);
        setfsgid(gid);
        if ((rc & 0xff) == SQLITE_CANTOPEN)
            db_close(db);
    }
    return (rc & 0xff) == SQLITE_CANTOPEN ? open_with(db, path, "mode=ro") : rc;
}

/* Begun, and nothing was ever committed: the first page, which is the schema's
 * (SQLite's file format, sections 1.3 and 1.6), has no cell, and the log holds
 * at most a header of its own. SQLite cannot say so where it may not write the
 * log's index: it tries for ten seconds and speaks of its locking protocol. */
static bool is_blank(const char *path)
{
    enum { LOG_HEADER = 32, KIND = 100, CELLS = 103, LEAF = 13, READ = 105 };
    unsigned char head[READ];
    char *log = xasprintf("%s-wal", path);
    struct stat st;
    bool no_log = stat(log, &st) != 0 || st.st_size <= LOG_HEADER;
    free(log);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    ssize_t n = pread(fd, head, sizeof head, 0);
    close(fd);
    bool no_schema = n == READ && memcmp(head, magic, sizeof magic) == 0 &&
                     head[KIND] == LEAF && head[CELLS] == 0 &&
                     head[CELLS + 1] == 0;
    return no_log && (n == 0 || no_schema);
}

bool db_open_reader(struct db *db, const char *path, struct err *err)
{
    memset(db, 0, sizeof *db);
    struct stat st;
    if (stat(path, &st) != 0)
        return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno,
                       "no history at %s", path);
    if (S_ISREG(st.st_mode) && is_blank(path))
        return err_set(err, ERR_NOT_FOUND, 0, "no history yet in %s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_IO, 0, "%s: not a regular file", path);
    int rc = open_shared(db, path, &st);
    int kind = rc & 0xff;
    if ((kind == SQLITE_READONLY || kind == SQLITE_CANTOPEN) &&
        !has_log(path)) {
        /* Closed cleanly, in a folder where we may not make the index of the
         * log: nobody writes, so the file may be read as it lies. */
        db_close(db);
        rc = open_with(db, path, "immutable=1");
    }
    bool ok = rc == SQLITE_OK || db_err(db, err, "opening it");
    ok = ok && db_check_version(db, err) == DB_FINE;
    if (!ok) {
        err_wrap(err, "%s", path);
        db_close(db);
    }
    return ok;
}

/* ----------------------------------------------------------- set aside --- */

static char *aside_name(const char *path)
{
    char when[32];
    time_t now = (time_t)(clock_wall_us() / US_PER_S);
    struct tm tm;
    strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
    char *name = xasprintf("%s.corrupt-%s", path, when);
    for (int i = 2; access(name, F_OK) == 0; i++) {
        free(name);
        name = xasprintf("%s.corrupt-%s-%d", path, when, i);
    }
    return name;
}

bool db_set_aside(const char *path, char **aside, struct err *err)
{
    char *name = aside_name(path);
    bool ok = true;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        char *from = xasprintf("%s%s", path, parts[i]);
        char *to = xasprintf("%s%s", name, parts[i]);
        if (rename(from, to) != 0 && errno != ENOENT)
            ok = err_set(err, ERR_IO, errno, "set aside %s", from);
        free(from);
        free(to);
    }
    if (aside != NULL && ok)
        *aside = name;
    else
        free(name);
    return ok;
}

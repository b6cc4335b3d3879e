/* store/wal.c: the write-ahead log, emptied, and bounded whatever readers do.
 *
 * SQLite cannot begin the log anew while somebody reads an older state of the
 * file. Our own readers end at a deadline; a foreign one, or one that was
 * stopped, may not. Then the log grows. When it has four times its size,
 * results are no longer written but counted as lost, and the process in the way
 * is named; states, incidents, runs and the audit go on being written: they are
 * few. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/human.h"
#include "base/mem.h"
#include "store/writer.h"

#define CHECKPOINT_NS  (3600 * NS_PER_S)
#define CHECKPOINT_MIN (10 * NS_PER_S) /* between two attempts */
#define STUCK_AGAIN_NS (1 * NS_PER_S)

enum {
    BUSY_MS = 100,
    BOUND = 4,
    PAGE = 4096,       /* SQLite's default, about */
    AUTO_PAGES = 1000, /* SQLite's default */
    /* Where readers lock the index of the log (SQLite's file format 2.3). */
    READ_LOCK_FIRST = 123,
    READ_LOCK_LAST = 127
};

void wal_limit(struct sqlite_store *s)
{
    struct buf sql = {0};
    int64_t bytes = s->retention.log_bytes;
    buf_addf(&sql,
             "PRAGMA journal_size_limit = %lld; PRAGMA wal_autocheckpoint = "
             "%lld",
             (long long)bytes,
             (long long)(bytes / 2 / PAGE < AUTO_PAGES ? bytes / 2 / PAGE
                                                       : AUTO_PAGES));
    db_exec(&s->db, sql.data);
    buf_free(&sql);
}

int64_t wal_bytes(const struct sqlite_store *s)
{
    struct stat st;
    return stat(s->wal, &st) == 0 ? st.st_size : 0;
}

void wal_empty(struct sqlite_store *s, int64_t now_ns)
{
    sqlite3_busy_timeout(s->db.handle, BUSY_MS);
    int rc = sqlite3_wal_checkpoint_v2(s->db.handle, NULL,
                                       SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(s->db.handle, DB_BUSY_MS);
    s->checkpoint_not_before_ns = now_ns + CHECKPOINT_MIN;
    if (rc == SQLITE_OK)
        s->checkpoint_ns = now_ns + CHECKPOINT_NS;
}

/* From the kernel's list: opening the index ourselves, only to ask, would drop
 * all our own locks on it when it is closed. 0: not found. */
static int find_reader(const struct sqlite_store *s)
{
    struct stat st;
    char line[200], *shm = xasprintf("%s-shm", s->path);
    bool known = stat(shm, &st) == 0;
    int pid, found = 0;
    uint64_t inode, first;
    free(shm);
    FILE *f = known ? fopen("/proc/locks", "re") : NULL;
    while (f != NULL && found == 0 && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "%*s POSIX %*s %*s %d %*x:%*x:%" SCNu64 " %" SCNu64,
                   &pid, &inode, &first) == 3 &&
            inode == st.st_ino && first >= READ_LOCK_FIRST &&
            first <= READ_LOCK_LAST && pid != getpid())
            found = pid;
    if (f != NULL)
        fclose(f);
    return found;
}

static void tell_stuck(struct sqlite_store *s, int64_t bytes)
{
    char who[80] = "a reader", name[40] = "", path[40], size[HUMAN_TEXT];
    int pid = find_reader(s);
    if (pid > 0) {
        snprintf(path, sizeof path, "/proc/%d/comm", pid);
        FILE *f = fopen(path, "re");
        if (f != NULL && fgets(name, sizeof name, f) != NULL)
            name[strcspn(name, "\n")] = '\0';
        if (f != NULL)
            fclose(f);
        snprintf(who, sizeof who, "process %d (%s)", pid, name);
    }
    writer_tell(s, STORE_LOSES,
                "history: %s has been reading for so long that the write-ahead "
                "log has grown to %s: until it ends, results are not kept",
                who, human_size(bytes, size));
}

bool wal_is_stuck(struct sqlite_store *s)
{
    struct retention *r = &s->retention;
    int64_t now_ns = clock_mono_ns(), most = BOUND * r->log_bytes;
    bool stuck = wal_bytes(s) > most;
    if (stuck && now_ns >= s->stuck_not_before_ns) {
        wal_empty(s, now_ns);
        s->stuck_not_before_ns = now_ns + STUCK_AGAIN_NS;
        stuck = wal_bytes(s) > most;
    }
    if (stuck && !r->log_is_stuck)
        tell_stuck(s, wal_bytes(s));
    if (!stuck && r->log_is_stuck)
        writer_tell(s, STORE_LOST,
                    "history: the reader has ended: results are kept again");
    r->log_is_stuck = stuck;
    return stuck;
}

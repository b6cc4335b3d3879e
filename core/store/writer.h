/* store/writer.h: the SQLite store's own struct, shared by writer.c (the
 * thread: commit and housekeeping), writer_file.c (its file), retain.c and
 * wal.c (its size). */
#ifndef RELEVO_STORE_WRITER_H
#define RELEVO_STORE_WRITER_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "store/backend.h"
#include "store/mirror.h"
#include "store/queue.h"
#include "store/retain.h"
#include "store/write.h"

#define WRITER_NEVER INT64_MAX

enum writer_doing { WRITER_WORKS, WRITER_WAITS_RECORDS, WRITER_WAITS_DISK };

struct sqlite_store {
    struct store base; /* first */
    struct store_options options;
    char *dir, *path, *wal;
    struct queue queue;
    pthread_t thread;
    atomic_uint_fast64_t refused; /* records lost to the disk */
    atomic_uint_fast64_t turns;   /* of its loop, and attempts */
    atomic_int doing;             /* enum writer_doing */

    pthread_mutex_t keep_lock; /* of what the next two say to the thread */
    struct history_spec keep;
    bool keep_changed;

    /* of the writer thread, once it runs */
    struct db db;
    dev_t device; /* the file's, while it is open */
    ino_t inode;
    struct counters counters;
    struct mirror mirror;
    struct retention retention;
    bool is_full; /* PRAGMA synchronous = FULL is set */
    uint64_t hot_rows;
    int64_t hot_since_ns; /* WRITER_NEVER while hot is empty */
    int64_t pack_not_before_ns, checkpoint_ns, checkpoint_not_before_ns;
    int64_t stuck_not_before_ns, retain_not_before_ns;
    int64_t give_up_ns; /* when closing; 0: not yet */
    int pack_interrupted;
    bool is_troubled;      /* told that the disk refuses */
    bool is_losing;        /* told that the queue is full */
    uint64_t lost_before;  /* when that began */
    uint64_t lost_counted; /* of this process, in counters.lost */
};

/* Opens the file; one that is damaged is set aside and a new one begun. */
enum db_failure writer_open_file(struct sqlite_store *, struct err *);
/* The file at hand is damaged, or no longer there, *err says how: a new one
 * takes its place, with what must not be forgotten. */
enum db_failure writer_replace_file(struct sqlite_store *, struct err *);
/* Somebody removed or replaced the file that is open: told in err. */
bool writer_lost_file(const struct sqlite_store *, struct err *);
void writer_tell(struct sqlite_store *, enum store_news, const char *fmt, ...)
    PRINTF(3, 4);

#endif

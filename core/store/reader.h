/* store/reader.h: the history, read-only, for any process beside the daemon.
 *
 * Statements are short and end at a deadline, so that no reader keeps the
 * write-ahead log from being emptied. What is returned hangs on the arena that
 * the caller gives; results must not be passed to result_free. Lists are
 * newest first. */
#ifndef RELEVO_STORE_READER_H
#define RELEVO_STORE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/record.h"
#include "store/rollup.h"

struct reader;

#define READER_DEADLINE_MS 2000

/* NULL with *err: ERR_NOT_FOUND when there is no history yet. Works without
 * the right to write in the folder. */
struct reader *reader_open(const char *dir, uint16_t node,
                           struct err *) MUST_CHECK;
void reader_close(struct reader *); /* NULL is fine */
/* For each call from now on; 0: READER_DEADLINE_MS. */
void reader_set_deadline(struct reader *, int64_t ms);

bool reader_checks(struct reader *, struct arena *, struct check_row **,
                   size_t *count, struct err *) MUST_CHECK;
/* ERR_NOT_FOUND when there is no such name. */
bool reader_check(struct reader *, struct arena *, const char *name,
                  struct check_row *, struct err *) MUST_CHECK;
bool reader_states(struct reader *, struct arena *, struct state_row **,
                   size_t *count, struct err *) MUST_CHECK;

/* A window of time over one check. */
struct reader_window {
    uint32_t check;
    int64_t since_us;  /* included; 0: from the beginning */
    int64_t before_us; /* not included; 0: no bound */
    size_t limit;      /* 0: no bound */
};

bool reader_history(struct reader *, struct arena *,
                    const struct reader_window *, struct result ***,
                    size_t *count, struct err *) MUST_CHECK;
/* NULL in *result: none at that very time. */
bool reader_result(struct reader *, struct arena *, uint32_t check,
                   int64_t started_us, struct result **,
                   struct err *) MUST_CHECK;
bool reader_transitions(struct reader *, struct arena *,
                        const struct reader_window *, struct transition_row **,
                        size_t *count, struct err *) MUST_CHECK;

/* When the newest result began, of any check, as exactly as is still known; 0:
 * there is none. */
bool reader_newest(struct reader *, int64_t *at_us, struct err *) MUST_CHECK;

/* The results of that window counted by period, packed or not; oldest first,
 * periods without results left out. The window is widened to whole periods;
 * its limit does not count. What was packed before rollups were written (a file
 * of an older version) is not in them: store_stats.rollups_from. */
bool reader_periods(struct reader *, struct arena *,
                    const struct reader_window *, enum resolution,
                    struct rollup **, size_t *count, struct err *) MUST_CHECK;

struct check_periods {
    uint32_t check;
    struct rollup_set set; /* as of reader_periods */
};

/* Borrowed during the call only, the set's arena too. */
struct periods_taker {
    void (*take)(void *arg, const struct check_periods *);
    void *arg;
};

/* The same of every check that the history knows, one by one, by ascending
 * number: for an overview, because what is not packed is scanned only once, and
 * no more than one check is in memory. false: what was given is not whole. */
bool reader_all_periods(struct reader *, int64_t since_us, int64_t before_us,
                        enum resolution, const struct periods_taker *,
                        struct err *) MUST_CHECK;

/* Newest first; resolved after since_us, or not yet. */
bool reader_incidents_of(struct reader *, struct arena *, uint32_t check,
                         int64_t since_us, struct incident_row **,
                         size_t *count, struct err *) MUST_CHECK;
/* before: only numbers below it; 0: no bound. limit 0: no bound. */
bool reader_incidents(struct reader *, struct arena *, uint64_t before,
                      size_t limit, struct incident_row **, size_t *count,
                      struct err *) MUST_CHECK;
/* number 0: the latest. ERR_NOT_FOUND when there is none. */
bool reader_incident(struct reader *, struct arena *, uint64_t number,
                     struct incident_row *, struct err *) MUST_CHECK;
/* Oldest first: a timeline. */
bool reader_events(struct reader *, struct arena *, uint64_t incident,
                   struct event_row **, size_t *count, struct err *) MUST_CHECK;

/* Oldest first: the checks that the incident's cause impacts, or impacted. */
bool reader_impact(struct reader *, struct arena *, uint64_t incident,
                   struct impact_row **, size_t *count,
                   struct err *) MUST_CHECK;
/* Newest first. 0: no bound. */
bool reader_marks(struct reader *, struct arena *, int64_t since_us,
                  int64_t before_us, struct mark_row **, size_t *count,
                  struct err *) MUST_CHECK;
/* Opened by hand; those that end after since_us. */
bool reader_windows(struct reader *, struct arena *, int64_t since_us,
                    struct window_row **, size_t *count,
                    struct err *) MUST_CHECK;

bool reader_runs(struct reader *, struct arena *, uint64_t before, size_t limit,
                 struct run_row **, size_t *count, struct err *) MUST_CHECK;
/* Oldest first. */
bool reader_incident_runs(struct reader *, struct arena *, uint64_t incident,
                          struct run_row **, size_t *count,
                          struct err *) MUST_CHECK;
bool reader_run(struct reader *, struct arena *, uint64_t number,
                struct run_row *, struct err *) MUST_CHECK;

struct audit_entry {
    uint64_t id; /* from 1, without gaps */
    struct audit_row row;
    const char *hash; /* store/audit.h says of what */
};

bool reader_audit(struct reader *, struct arena *, uint64_t before,
                  size_t limit, struct audit_entry **, size_t *count,
                  struct err *) MUST_CHECK;

struct audit_verdict {
    uint64_t rows;    /* that were looked at */
    uint64_t bad_id;  /* the first that does not fit; 0: the chain holds */
    const char *text; /* what is wrong with it; "" */
};

/* Walks the whole chain. false: it could not be read. */
bool reader_verify_audit(struct reader *, struct audit_verdict *,
                         struct err *) MUST_CHECK;

#endif

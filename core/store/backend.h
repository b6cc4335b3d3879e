/* store/backend.h: what an implementation of the store provides. Each begins
 * its own struct with the struct below. Included inside store/ only. */
#ifndef RELEVO_STORE_BACKEND_H
#define RELEVO_STORE_BACKEND_H

#include "store/reader.h"
#include "store/store.h"
#include "store/upkeep.h"

struct store_ops {
    void (*append)(struct store *, struct record *);
    void (*close)(struct store *);
    uint64_t (*lost)(const struct store *);
    struct store_pulse (*pulse)(const struct store *);
    bool (*load)(struct store *, int64_t now_us, struct store_snapshot *,
                 struct err *);
    void (*keep)(struct store *, const struct history_spec *);
};

struct store {
    const struct store_ops *ops;
};

/* Rows that a reader lists, by what they are asked for. Each is an array of
 * the row's struct. */
enum reader_list {
    LIST_CHECKS,         /* check_row */
    LIST_CHECK_BY_NAME,  /* check_row; name */
    LIST_STATES,         /* state_row */
    LIST_TRANSITIONS,    /* transition_row; number: check; since, before */
    LIST_INCIDENTS,      /* incident_row; before */
    LIST_INCIDENTS_OF,   /* incident_row; number: check; since: ends after */
    LIST_INCIDENT,       /* incident_row; the latest of since, before */
    LIST_EVENTS,         /* event_row; number: incident */
    LIST_RUNS,           /* run_row; before */
    LIST_RUN,            /* run_row; the latest of since, before */
    LIST_RUNS_OF,        /* run_row; number: incident */
    LIST_OPEN_INCIDENTS, /* incident_row; since: resolved after it */
    LIST_LIVE_RUNS,      /* run_row; since: intended after it */
    LIST_IMPACT,         /* impact_row; number: incident */
    LIST_OPEN_IMPACTS,   /* impact_row; not over */
    LIST_BEATS,          /* beat_row; all */
    LIST_MARKS,          /* mark_row; since, before */
    LIST_WINDOWS,        /* window_row; since: ends after it */
    LIST_COUNT
};

struct reader_query {
    enum reader_list list;
    const char *name;
    uint64_t number;
    int64_t since, before; /* 0: no bound */
    size_t limit;          /* 0: no bound */
};

struct reader_ops {
    void (*close)(struct reader *);
    void (*set_deadline)(struct reader *, int64_t ms);
    bool (*list)(struct reader *, struct arena *, const struct reader_query *,
                 void **rows, size_t *count, struct err *);
    bool (*history)(struct reader *, struct arena *,
                    const struct reader_window *, struct result ***,
                    size_t *count, struct err *);
    bool (*periods)(struct reader *, const struct reader_window *,
                    struct rollup_set *, struct err *);
    bool (*newest)(struct reader *, int64_t *at_us, struct err *);
    /* The window's check does not count. */
    bool (*all_periods)(struct reader *, const struct reader_window *,
                        enum resolution, const struct periods_taker *,
                        struct err *);
    bool (*audit)(struct reader *, struct arena *, uint64_t before,
                  size_t limit, struct audit_entry **, size_t *count,
                  struct err *);
    bool (*verify_audit)(struct reader *, struct audit_verdict *, struct err *);
    bool (*stats)(struct reader *, struct arena *, struct store_stats *,
                  struct err *);
    bool (*keeping)(struct reader *, struct store_stats *, struct err *);
    bool (*inspect)(struct reader *, struct inspection *, struct err *);
    bool (*backup)(struct reader *, const char *file,
                   void (*progress)(void *arg, int done, int of), void *arg,
                   struct err *);
};

struct reader {
    const struct reader_ops *ops;
};

struct store *sqlite_store_open(const struct store_options *, struct err *);
bool sqlite_load(const char *dir, uint16_t node, int64_t now_us,
                 struct store_snapshot *, struct err *);
struct reader *sqlite_reader_open(const char *dir, uint16_t node, struct err *);

#endif

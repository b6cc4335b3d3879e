/* tests/lib/past.h: a past for checks that were never probed: a history as the
 * writer would have left it, made in a second. For tests and benchmarks of what
 * is read from it.
 *
 * Results come every `interval_s` up to now: the last ten minutes lie in hot,
 * what is older is in the rollups of minutes, hours and days (as packing leaves
 * it; the chunks themselves are left out). Latency has a day and a night. Every
 * fifth check was down for 40 minutes some hours ago and has an incident with a
 * diagnosis for it; every seventh was slow for three hours. Nobody watched from
 * fourteen to twelve hours ago. */
#ifndef RELEVO_TESTS_PAST_H
#define RELEVO_TESTS_PAST_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "model/naming.h"
#include "store/db.h"
#include "store/rollup.h"
#include "store/rows.h"
#include "store/sample.h"
#include "store/store.h"

#define PAST_HOUR_US (3600 * US_PER_S)
#define PAST_HOT_US  (600 * US_PER_S)

struct past {
    struct db db;
    int64_t now_us, since_us, interval_us;
    const char *const *names;
    size_t count;
};

static inline void past_must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "past: %s\n", what);
    exit(3);
}

static inline void past_sql(struct past *p, const char *sql)
{
    past_must(db_exec(&p->db, sql) == SQLITE_OK, sqlite3_errmsg(p->db.handle));
}

static inline void past_row(struct past *p, enum record_kind kind,
                            const void *row)
{
    struct buf sql = {0};
    sqlite3_stmt *q;
    rows_insert_sql(row_table(kind), "", 0, &sql);
    past_must(sqlite3_prepare_v2(p->db.handle, sql.data, -1, &q, NULL) ==
                  SQLITE_OK,
              sqlite3_errmsg(p->db.handle));
    rows_bind(q, row_table(kind), 0, row);
    past_must(sqlite3_step(q) == SQLITE_DONE, sqlite3_errmsg(p->db.handle));
    sqlite3_finalize(q);
    buf_free(&sql);
}

static inline uint64_t past_noise(uint64_t i)
{
    i = (i ^ (i >> 31)) * UINT64_C(0x9e3779b97f4a7c15);
    return (i ^ (i >> 29)) % 1000;
}

static inline bool past_is_down(const struct past *p, size_t check,
                                int64_t at_us)
{
    int64_t began_us = p->now_us - (int64_t)(3 + check % 8) * PAST_HOUR_US;
    return check % 5 == 0 && at_us >= began_us &&
           at_us < began_us + 40 * 60 * US_PER_S;
}

static inline bool past_is_slow(const struct past *p, size_t check,
                                int64_t at_us)
{
    int64_t ago_us = p->now_us - at_us;
    return check % 7 == 1 && ago_us > 17 * PAST_HOUR_US &&
           ago_us < 20 * PAST_HOUR_US;
}

static inline struct sample past_sample(const struct past *p, size_t check,
                                        int64_t at_us, struct observation *o)
{
    double day = sin((double)(at_us / US_PER_S % 86400) * M_PI / 43200);
    double noise = (double)past_noise((uint64_t)at_us + check * 7919) / 1000.0;
    double ms = (18 + 9 * day + (double)(check % 11)) *
                (1 + 0.5 * noise * noise * noise);
    struct sample s = {.started_us = at_us,
                       .started_ns = at_us * 1000,
                       .duration_ns = (int64_t)(ms * 1.2e6),
                       .probe = (uint64_t)at_us,
                       .generation = 1,
                       .outcome = OUTCOME_OK};
    if (past_is_down(p, check, at_us)) {
        s.outcome = OUTCOME_FAIL;
        return s;
    }
    if (past_is_slow(p, check, at_us)) {
        s.outcome = OUTCOME_WARN;
        ms *= 9;
    }
    *o = (struct observation){"latency", NULL,
                              rlv_duration((int64_t)(ms * 1e6)), true};
    s.observations = o;
    s.observation_count = 1;
    return s;
}

/* Packed: into the rollups, a day at a time. */
static inline void past_pack(struct past *p, size_t check)
{
    size_t most = (size_t)(86400 * US_PER_S / p->interval_us) + 1, n = 0;
    struct sample *samples = xcalloc(most, sizeof *samples);
    struct observation *seen = xcalloc(most, sizeof *seen);
    int64_t end_us = p->now_us - PAST_HOT_US;
    for (int64_t at_us = p->since_us; at_us < end_us; at_us += p->interval_us) {
        int64_t ago_us = p->now_us - at_us;
        if (ago_us < 12 * PAST_HOUR_US || ago_us > 14 * PAST_HOUR_US) {
            samples[n] = past_sample(p, check, at_us, &seen[n]);
            n++;
        }
        if (n < most && at_us + p->interval_us < end_us)
            continue;
        struct arena *a = arena_new();
        past_must(rollup_write(&p->db, 0, (uint32_t)check + 1, samples, n, a) ==
                      SQLITE_OK,
                  sqlite3_errmsg(p->db.handle));
        arena_free(a);
        n = 0;
    }
    free(samples);
    free(seen);
}

static inline void past_hot(struct past *p, sqlite3_stmt *q, size_t check)
{
    for (int64_t at_us = p->now_us - PAST_HOT_US; at_us < p->now_us;
         at_us += p->interval_us) {
        struct observation o;
        struct sample s = past_sample(p, check, at_us, &o);
        struct result r = {.observations = s.observations,
                           .observation_count = s.observation_count};
        struct buf bytes = {0};
        sample_put_observations(&bytes, &r);
        sqlite3_bind_int64(q, 1, (int64_t)check + 1);
        sqlite3_bind_int64(q, 2, s.started_us);
        sqlite3_bind_int64(q, 3, s.started_ns);
        sqlite3_bind_int64(q, 4, s.duration_ns);
        sqlite3_bind_int64(q, 5, s.outcome);
        sqlite3_bind_blob(q, 6, bytes.data, (int)bytes.len, SQLITE_TRANSIENT);
        past_must(sqlite3_step(q) == SQLITE_DONE, sqlite3_errmsg(p->db.handle));
        sqlite3_reset(q);
        buf_free(&bytes);
    }
}

static inline void past_incident(struct past *p, size_t check, uint64_t number)
{
    int64_t began_us = p->now_us - (int64_t)(3 + check % 8) * PAST_HOUR_US;
    int64_t end_us = began_us + 40 * 60 * US_PER_S;
    struct incident_row row = {.number = number,
                               .check = (uint32_t)check + 1,
                               .state = INCIDENT_RESOLVED,
                               .began_us = began_us,
                               .opened_us = began_us + 20 * US_PER_S,
                               .resolved_us = end_us,
                               .fault = RLV_F_REFUSED,
                               .code = "ECONNREFUSED",
                               .summary = "connection refused",
                               .cause = "nothing listens on the port",
                               .acknowledged_by = "",
                               .note = ""};
    static const char findings[] =
        "[{\"t\":\"finding\",\"sev\":\"crit\",\"title\":\"nothing listens on "
        "the port\",\"detail\":\"no process holds 127.0.0.1:8080\",\"next\":"
        "\"systemctl status api\"},{\"t\":\"finding\",\"sev\":\"info\","
        "\"title\":\"the host answers\"}]";
    struct run_row run = {.number = number,
                          .runbook = "http-diagnose",
                          .kind = RUNBOOK_DIAGNOSE,
                          .check = row.check,
                          .incident = number,
                          .state = RUN_ENDED,
                          .verdict = VERDICT_DONE,
                          .on = ON_SUSPECT,
                          .intended_us = began_us + US_PER_S,
                          .started_us = began_us + US_PER_S,
                          .ended_us = began_us + 2 * US_PER_S,
                          .held_by = "",
                          .reason = "",
                          .sha256 = "",
                          .boot_id = "",
                          .findings = findings,
                          .output = "looking at 127.0.0.1:8080\nrefused\n",
                          .fault = RLV_F_REFUSED,
                          .attempt = 1};
    const struct event_row events[] = {
        {number, row.check, began_us, "failing", "connection refused"},
        {number, row.check, began_us + 20 * US_PER_S, "down",
         "3 failing results in a row"},
        {number, row.check, end_us, "recovered", "2 good results in a row"},
    };
    past_row(p, RECORD_INCIDENT, &row);
    past_row(p, RECORD_RUN, &run);
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        past_row(p, RECORD_EVENT, &events[i]);
}

static inline void past_check(struct past *p, size_t check)
{
    const char *name = p->names[check], *slash = strchr(name, '/');
    char *environment = xstrndup(slash == NULL ? "" : name,
                                 slash == NULL ? 0 : (size_t)(slash - name));
    struct check_row row = {(uint32_t)check + 1, name, environment, "http",
                            (uint32_t)check};
    struct state_row state = {.check = row.check,
                              .state = STATE_UP,
                              .since_us = p->since_us,
                              .goods = 9};
    past_row(p, RECORD_CHECK, &row);
    past_row(p, RECORD_STATE, &state);
    free(environment);
}

/* Fills a new history in dir. */
static inline void past_fill(const char *dir, const char *const *names,
                             size_t count, int days, int interval_s)
{
    struct past p = {.now_us = clock_wall_us(),
                     .interval_us = interval_s * US_PER_S,
                     .names = names,
                     .count = count};
    struct err err = {0};
    char path[4200];
    sqlite3_stmt *hot;
    uint64_t incidents = 0;
    p.since_us = p.now_us - days * 24 * PAST_HOUR_US;
    snprintf(path, sizeof path, "%s/%s", dir, STORE_FILE);
    past_must(fs_mkdirs(dir, 0700, &err), err.text);
    past_must(db_open_writer(&p.db, path, &err) == DB_FINE, err.text);
    past_sql(&p, "BEGIN");
    past_must(
        sqlite3_prepare_v2(
            p.db.handle,
            "INSERT INTO hot VALUES(0, ?1, ?2, ?3, ?4, ?2, 1, ?5, 0, 0, 0, ?6)",
            -1, &hot, NULL) == SQLITE_OK,
        sqlite3_errmsg(p.db.handle));
    for (size_t i = 0; i < count; i++) {
        past_check(&p, i);
        past_pack(&p, i);
        past_hot(&p, hot, i);
        if (i % 5 == 0)
            past_incident(&p, i, ++incidents);
    }
    sqlite3_finalize(hot);
    char counters[300];
    snprintf(counters, sizeof counters,
             "INSERT OR REPLACE INTO counter VALUES(0, 'check', %zu),"
             " (0, 'incident', %llu), (0, 'run', %llu)",
             count, (unsigned long long)incidents,
             (unsigned long long)incidents);
    past_sql(&p, counters);
    past_sql(&p, "COMMIT");
    db_close(&p.db);
}

#endif

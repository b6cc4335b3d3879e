/* store/store.c: the table of functions behind store.h and reader.h. The one
 * place that knows which implementation is in use. */
#include "store/store.h"

#include "store/backend.h"

struct store *store_open(const struct store_options *options, struct err *err)
{
    return sqlite_store_open(options, err);
}

void store_append(struct store *s, struct record *r) { s->ops->append(s, r); }

void store_keep(struct store *s, const struct history_spec *keep)
{
    s->ops->keep(s, keep);
}

void store_close(struct store *s)
{
    if (s != NULL)
        s->ops->close(s);
}

uint64_t store_lost(const struct store *s) { return s->ops->lost(s); }

struct store_pulse store_pulse(const struct store *s)
{
    return s->ops->pulse(s);
}

bool store_load(struct store *s, int64_t now_us, struct store_snapshot *out,
                struct err *err)
{
    return s->ops->load(s, now_us, out, err);
}

void store_snapshot_free(struct store_snapshot *s)
{
    arena_free(s->arena);
    *s = (struct store_snapshot){0};
}

struct reader *reader_open(const char *dir, uint16_t node, struct err *err)
{
    return sqlite_reader_open(dir, node, err);
}

void reader_close(struct reader *r)
{
    if (r != NULL)
        r->ops->close(r);
}

void reader_set_deadline(struct reader *r, int64_t ms)
{
    r->ops->set_deadline(r, ms > 0 ? ms : READER_DEADLINE_MS);
}

static bool list(struct reader *r, struct arena *a, struct reader_query query,
                 void *rows, size_t *count, struct err *err)
{
    void *found = NULL;
    bool ok = r->ops->list(r, a, &query, &found, count, err);
    *(void **)rows = found;
    return ok;
}

/* The one row that a query finds. */
#define ONE(row, what, ...)                                                  \
    void *rows;                                                              \
    size_t count;                                                            \
    if (!list(r, a, (struct reader_query){__VA_ARGS__}, &rows, &count, err)) \
        return false;                                                        \
    if (count == 0)                                                          \
        return err_set(err, ERR_NOT_FOUND, 0, "no such %s", what);           \
    *(row) = *(__typeof__(row))rows;                                         \
    return true

bool reader_checks(struct reader *r, struct arena *a, struct check_row **rows,
                   size_t *count, struct err *err)
{
    return list(r, a, (struct reader_query){.list = LIST_CHECKS}, rows, count,
                err);
}

bool reader_check(struct reader *r, struct arena *a, const char *name,
                  struct check_row *row, struct err *err)
{
    ONE(row, "check", .list = LIST_CHECK_BY_NAME, .name = name);
}

bool reader_states(struct reader *r, struct arena *a, struct state_row **rows,
                   size_t *count, struct err *err)
{
    return list(r, a, (struct reader_query){.list = LIST_STATES}, rows, count,
                err);
}

bool reader_history(struct reader *r, struct arena *a,
                    const struct reader_window *window,
                    struct result ***results, size_t *count, struct err *err)
{
    return r->ops->history(r, a, window, results, count, err);
}

bool reader_result(struct reader *r, struct arena *a, uint32_t check,
                   int64_t started_us, struct result **result, struct err *err)
{
    struct reader_window w = {check, started_us, started_us + 1, 1};
    struct result **found;
    size_t count;
    if (!r->ops->history(r, a, &w, &found, &count, err))
        return false;
    *result = count > 0 ? found[0] : NULL;
    return true;
}

bool reader_periods(struct reader *r, struct arena *a,
                    const struct reader_window *window,
                    enum resolution resolution, struct rollup **periods,
                    size_t *count, struct err *err)
{
    struct rollup_set set = {.resolution = resolution, .arena = a};
    bool ok = r->ops->periods(r, window, &set, err);
    *periods = ok ? set.items : NULL;
    *count = ok ? set.count : 0;
    return ok;
}

bool reader_newest(struct reader *r, int64_t *at_us, struct err *err)
{
    return r->ops->newest(r, at_us, err);
}

bool reader_all_periods(struct reader *r, int64_t since_us, int64_t before_us,
                        enum resolution resolution,
                        const struct periods_taker *taker, struct err *err)
{
    struct reader_window w = {.since_us = since_us, .before_us = before_us};
    return r->ops->all_periods(r, &w, resolution, taker, err);
}

bool reader_incidents_of(struct reader *r, struct arena *a, uint32_t check,
                         int64_t since_us, struct incident_row **rows,
                         size_t *count, struct err *err)
{
    struct reader_query query = {
        .list = LIST_INCIDENTS_OF, .number = check, .since = since_us};
    return list(r, a, query, rows, count, err);
}

bool reader_transitions(struct reader *r, struct arena *a,
                        const struct reader_window *w,
                        struct transition_row **rows, size_t *count,
                        struct err *err)
{
    struct reader_query query = {.list = LIST_TRANSITIONS,
                                 .number = w->check,
                                 .since = w->since_us,
                                 .before = w->before_us,
                                 .limit = w->limit};
    return list(r, a, query, rows, count, err);
}

bool reader_incidents(struct reader *r, struct arena *a, uint64_t before,
                      size_t limit, struct incident_row **rows, size_t *count,
                      struct err *err)
{
    struct reader_query query = {
        .list = LIST_INCIDENTS, .before = (int64_t)before, .limit = limit};
    return list(r, a, query, rows, count, err);
}

bool reader_incident(struct reader *r, struct arena *a, uint64_t number,
                     struct incident_row *row, struct err *err)
{
    ONE(row, "incident", .list = LIST_INCIDENT, .since = (int64_t)number,
        .before = number == 0 ? 0 : (int64_t)number + 1);
}

bool reader_events(struct reader *r, struct arena *a, uint64_t incident,
                   struct event_row **rows, size_t *count, struct err *err)
{
    struct reader_query query = {.list = LIST_EVENTS, .number = incident};
    return list(r, a, query, rows, count, err);
}

bool reader_impact(struct reader *r, struct arena *a, uint64_t incident,
                   struct impact_row **rows, size_t *count, struct err *err)
{
    struct reader_query query = {.list = LIST_IMPACT, .number = incident};
    return list(r, a, query, rows, count, err);
}

bool reader_marks(struct reader *r, struct arena *a, int64_t since_us,
                  int64_t before_us, struct mark_row **rows, size_t *count,
                  struct err *err)
{
    struct reader_query query = {
        .list = LIST_MARKS, .since = since_us, .before = before_us};
    return list(r, a, query, rows, count, err);
}

bool reader_windows(struct reader *r, struct arena *a, int64_t since_us,
                    struct window_row **rows, size_t *count, struct err *err)
{
    struct reader_query query = {.list = LIST_WINDOWS, .since = since_us};
    return list(r, a, query, rows, count, err);
}

bool reader_runs(struct reader *r, struct arena *a, uint64_t before,
                 size_t limit, struct run_row **rows, size_t *count,
                 struct err *err)
{
    struct reader_query query = {
        .list = LIST_RUNS, .before = (int64_t)before, .limit = limit};
    return list(r, a, query, rows, count, err);
}

bool reader_incident_runs(struct reader *r, struct arena *a, uint64_t incident,
                          struct run_row **rows, size_t *count, struct err *err)
{
    struct reader_query query = {.list = LIST_RUNS_OF, .number = incident};
    return list(r, a, query, rows, count, err);
}

bool reader_run(struct reader *r, struct arena *a, uint64_t number,
                struct run_row *row, struct err *err)
{
    ONE(row, "run", .list = LIST_RUN, .since = (int64_t)number,
        .before = number == 0 ? 0 : (int64_t)number + 1);
}

bool reader_audit(struct reader *r, struct arena *a, uint64_t before,
                  size_t limit, struct audit_entry **rows, size_t *count,
                  struct err *err)
{
    return r->ops->audit(r, a, before, limit, rows, count, err);
}

bool reader_verify_audit(struct reader *r, struct audit_verdict *verdict,
                         struct err *err)
{
    return r->ops->verify_audit(r, verdict, err);
}

bool reader_stats(struct reader *r, struct arena *a, struct store_stats *out,
                  struct err *err)
{
    return r->ops->stats(r, a, out, err);
}

bool reader_keeping(struct reader *r, struct store_stats *out, struct err *err)
{
    return r->ops->keeping(r, out, err);
}

bool reader_inspect(struct reader *r, struct inspection *i, struct err *err)
{
    return r->ops->inspect(r, i, err);
}

bool reader_backup(struct reader *r, const char *file,
                   void (*progress)(void *arg, int done, int of), void *arg,
                   struct err *err)
{
    return r->ops->backup(r, file, progress, arg, err);
}

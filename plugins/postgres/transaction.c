/* postgres/transaction.c: statements in a transaction of their own.
 *
 * It is read-only unless the check says otherwise, and has a statement_timeout
 * that ends a statement before the probe's deadline does. Both are of the
 * transaction and not of the session, because behind a pooler the session is
 * somebody else's a moment later; and all of it is one pipeline, so that it
 * costs one round trip. In libpq's extended protocol a text is one statement:
 * none can end the transaction and go on.
 *
 * Called by query.c and heartbeat.c, and with results by session.c. */
#include <stdio.h>
#include <string.h>

#include "postgres/run.h"

#define MS             1000000ll
#define STATEMENTS_MAX 4

/* The place of a result in the pipeline. */
enum place { PLACE_BEGIN, PLACE_LIMITS, PLACE_FIRST };

static const char limits[] = "SELECT set_config('statement_timeout', $1, true),"
                             " set_config('intervalstyle', 'iso_8601', true),"
                             " set_config('datestyle', 'ISO', true),"
                             " set_config('timezone', 'UTC', true)";

static void on_result(struct run *run, const PGresult *result)
{
    unsigned place = result ? run->results++ : 0;
    if (result && place < PLACE_FIRST)
        run_accepts(run, result, place == PLACE_BEGIN ? "BEGIN" : "set_config");
    else if (result && place == PLACE_FIRST + run->inside)
        run_accepts(run, result, "COMMIT");
    else
        run->on_inside(run, result);
}

void transaction_begin(struct run *run, const char *waiting, bool read_only,
                       const struct statement *statements, size_t count,
                       statement_fn *fn)
{
    struct statement all[STATEMENTS_MAX + 3];
    char timeout[24];
    const char *params[] = {timeout};
    int64_t left_ns =
        postgres_host->deadline(run->probe) - postgres_host->now();
    snprintf(timeout, sizeof timeout, "%lld",
             (long long)(left_ns / MS * 9 / 10 + 1));
    all[0] =
        (struct statement){read_only ? "BEGIN READ ONLY" : "BEGIN", NULL, 0};
    all[1] = (struct statement){limits, params, 1};
    memcpy(all + 2, statements, count * sizeof *statements);
    all[2 + count] = (struct statement){"COMMIT", NULL, 0};
    run->inside = (unsigned)count;
    run->on_inside = fn;
    run_pipeline(run, waiting, all, count + 3, on_result);
}

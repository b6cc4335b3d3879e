/* postgres/heartbeat.c: the write probe.
 *
 * A row of the table that the check names is written anew in each probe: a
 * server whose disk is full, or that is a standby, answers every reading query.
 * The row of the probe before shows how old the newest data is, also on a
 * standby or in a restored backup, where nobody writes. Called by run.c, and
 * with results by session.c. */
#include <stdio.h>
#include <string.h>

#include "postgres/run.h"
#include "postgres/value.h"

enum { RESULT_AGE, RESULT_WRITE };

static void observe_age(struct run *run, const PGresult *result)
{
    struct rlv_value age;
    if (PQntuples(result) == 1 && PQnfields(result) == 1 &&
        value_of(result, 0, 0, &age) && age.type == RLV_T_DURATION)
        postgres_host->observe(run->probe, FIELD_HEARTBEAT_AGE, age);
}

static void on_result(struct run *run, const PGresult *result)
{
    if (!result) {
        int64_t took_ns = postgres_host->now() - run->began_ns;
        if (run->conf->allow_write)
            postgres_host->observe(run->probe, FIELD_WRITE,
                                   rlv_duration(took_ns));
        run_next(run);
    } else if (run_accepts(run, result, run->waiting) && !run->heartbeats++) {
        observe_age(run, result);
    }
}

static char *sql_of(struct run *run, const char *before, const char *after)
{
    const char *table = run->conf->heartbeat;
    size_t size = strlen(before) + strlen(table) + strlen(after) + 1;
    char *sql =
        postgres_host->alloc(postgres_host->probe_scope(run->probe), size);
    snprintf(sql, size, "%s%s%s", before, table, after);
    return sql;
}

void heartbeat_begin(struct run *run)
{
    const struct postgres_conf *conf = run->conf;
    const char **name = postgres_host->alloc(
        postgres_host->probe_scope(run->probe), sizeof *name);
    if (!conf->heartbeat || run->session->console) {
        run_next(run);
        return;
    }
    *name = run->target.application_name;
    const struct statement statements[] = {
        {sql_of(run, "SELECT now() - at FROM ", " WHERE name = $1"), name, 1},
        {sql_of(run, "INSERT INTO ",
                " (name, at) VALUES ($1, now())"
                " ON CONFLICT (name) DO UPDATE SET at = now()"),
         name, 1}};
    if (conf->allow_write)
        postgres_host->effects(run->probe);
    transaction_begin(run, "the heartbeat", !conf->allow_write, statements,
                      conf->allow_write ? 2 : 1, on_result);
}

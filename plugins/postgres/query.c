/* postgres/query.c: the query of the check, and what is seen in its answer.
 *
 * It runs in a transaction (transaction.c). Without one, SELECT 1 is asked by
 * itself: nothing is to be feared of it. Called by run.c, and with results by
 * session.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres/run.h"
#include "postgres/value.h"

#define COLUMNS_MAX   256 /* of a row, that can be read */
#define CELLS_MAX     256 /* rows whose columns can be read */
#define EVIDENCE_ROWS 20

/* ------------------------------------------------------------------- values */

static void observe_row(struct run *run, const PGresult *result, int row)
{
    for (int column = 0; column < PQnfields(result) && column < COLUMNS_MAX;
         column++) {
        struct rlv_value value;
        char key[160];
        if (!value_of(result, row, column, &value))
            continue;
        if (row == 0)
            postgres_host->observe_key(run->probe, FIELD_VALUE,
                                       PQfname(result, column), value);
        snprintf(key, sizeof key, "%d.%s", row, PQfname(result, column));
        postgres_host->observe_key(run->probe, FIELD_CELL, key, value);
    }
}

/* The first rows, as psql would show them without a frame. */
static void keep_rows(struct run *run, const PGresult *result)
{
    char text[4096];
    size_t len = 0;
    int rows = PQntuples(result), columns = PQnfields(result);
    for (int row = -1; row < rows && row < EVIDENCE_ROWS; row++)
        for (int column = 0; column < columns && len + 1 < sizeof text;
             column++) {
            const char *value = row < 0 ? PQfname(result, column)
                                : PQgetisnull(result, row, column)
                                    ? "NULL"
                                    : PQgetvalue(result, row, column);
            int n = snprintf(text + len, sizeof text - len, "%.200s%s", value,
                             column + 1 < columns ? "|" : "\n");
            len += n > 0 ? (size_t)n : 0;
        }
    if (len >= sizeof text)
        len = sizeof text - 1;
    postgres_host->evidence(run->probe, "rows", text, len);
}

static void observe_result(struct run *run, const PGresult *result)
{
    int rows = PQntuples(result);
    const char *affected = PQcmdTuples((PGresult *)(uintptr_t)result);
    postgres_host->observe(run->probe, FIELD_ROWS, rlv_int(rows));
    if (*affected && PQresultStatus(result) == PGRES_COMMAND_OK)
        postgres_host->observe(run->probe, FIELD_AFFECTED,
                               rlv_int(strtoll(affected, NULL, 10)));
    if (rows > run->conf->max_rows) {
        run_fault(run, RLV_F_PROTOCOL, "rows",
                  "%s answered with %d rows, more than max_rows (%lld)",
                  run->session->peer, rows, (long long)run->conf->max_rows);
        return;
    }
    bool cells = postgres_host->wants(run->probe, FIELD_CELL);
    for (int row = 0; row < rows && row < (cells ? CELLS_MAX : 1); row++)
        observe_row(run, result, row);
    if (rows)
        keep_rows(run, result);
}

/* -------------------------------------------------------------------- query */

static void took(struct run *run)
{
    run->latency_ns = postgres_host->now() - run->began_ns;
}

static void on_ping(struct run *run, const PGresult *result)
{
    if (!result)
        run_next(run);
    else if (run_accepts(run, result, run->waiting))
        took(run);
}

static void on_rows(struct run *run, const PGresult *result)
{
    if (!result) {
        run_next(run);
    } else if (run_accepts(run, result, "the query")) {
        took(run);
        observe_result(run, result);
    }
}

void query_begin(struct run *run)
{
    const struct postgres_conf *conf = run->conf;
    const char *ping = run->session->console ? "SHOW VERSION" : "SELECT 1";
    const struct statement query = {conf->query, conf->params.items,
                                    conf->params.count};
    if (!conf->query)
        run_statement(run, ping, ping, on_ping);
    else if (run->session->console) /* knows no transactions */
        run_statement(run, "the query", conf->query, on_rows);
    else
        transaction_begin(run, "the query", conf->read_only, &query, 1,
                          on_rows);
}

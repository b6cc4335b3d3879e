/* postgres/sets.c: asks the server for sets of observations.
 *
 * Owns nothing: its state is in the run (struct sets_run) and in what the check
 * keeps. Called by run.c as the last step, and with results by session.c.
 *
 * Happy path: sets_begin() sees which sets are asked for → next() sends their
 * statements one by one → on_result() turns columns into observations, by the
 * tables alone → no statement is left: run_next().
 *
 * Ways it can fail: the server refuses a statement, does not know a view, or
 * takes longer than the statement may: its fields are absent, and `refused`
 * says why; no time is left: likewise, of all sets to come. A statement may
 * take sets_timeout, and at most half of the time that is left, so that one
 * slow set takes neither the probe nor all the others with it. A lost session
 * and the deadline are the run's. */
#include "postgres/sets.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres/run.h"

#define MS        1000000ll
#define SECOND_NS 1000000000ll
/* With less than this no statement is begun. */
#define LEFT_NS  (100 * MS)
#define KEYS_MAX 256 /* of a map */

struct column {
    enum set set;
    unsigned field;
    const char *name;
    enum rlv_type type; /* of the field */
    int as;             /* how the text is read: rlv_type, or SETS_CHANGED */
};

struct set_statement {
    enum set set;
    int from, below;       /* server_version_num; 0: any */
    const char *sql;       /* or of a console: */
    const char *const *by; /* the columns that make up a key */
};

static const char *const names[] = {
#define SETS_SET(set, help) #set,
#include "postgres/sets_table.h"
};

static const struct column columns[] = {
#define SETS_FIELD(set, NAME, name, type, flags, help) \
    {SET_##set, FIELD_##NAME, name, RLV_T_##type, RLV_T_##type},
#define SETS_SHOWN(set, NAME, name, column, type, as, flags, help) \
    {SET_##set, FIELD_##NAME, column, RLV_T_##type, as},
#include "postgres/sets_table.h"
};

static const struct set_statement statements[] = {
#define SETS_SQL(set, from, below, sql) {SET_##set, from, below, sql, NULL},
#define SETS_SHOW(set, command, ...) \
    {SET_##set, 0, 0, command, (const char *const[]){__VA_ARGS__, NULL}},
#include "postgres/sets_table.h"
};

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* ------------------------------------------------------------------ values */

static bool read_whole(const char *text, int64_t *n)
{
    char *end;
    errno = 0;
    *n = strtoll(text, &end, 10);
    return end != text && !*end && !errno;
}

static bool read_real(const char *text, double *d)
{
    char *end;
    *d = strtod(text, &end);
    return end != text && !*end && isfinite(*d);
}

/* Times and sizes below 0 are those of clocks and counters that were not read
 * at the same moment. */
static bool read_value(const char *text, int as, struct rlv_value *value)
{
    int64_t n = 0;
    double d;
    switch (as) {
    case RLV_T_TEXT: *value = rlv_text(text); return true;
    case RLV_T_BOOL: *value = rlv_bool(*text == 't'); return true;
    case RLV_T_PERCENT:
        if (!read_real(text, &d))
            return false;
        *value = rlv_real(d);
        return true;
    case RLV_T_DURATION:
        if (!read_real(text, &d) || d >= (double)(INT64_MAX / SECOND_NS))
            return false;
        *value = rlv_duration(d > 0 ? (int64_t)(d * 1e9) : 0);
        return true;
    case RLV_T_SIZE:
        if (!read_whole(text, &n))
            return false;
        *value = rlv_size(n > 0 ? n : 0);
        return true;
    default:
        if (!read_whole(text, &n))
            return false;
        *value = rlv_int(n);
        return true;
    }
}

/* Of several rows: the sum, or the greatest; of texts the first. */
static void fold(struct rlv_value *sum, const struct rlv_value *value, int as)
{
    switch (as) {
    case RLV_T_INT:
    case RLV_T_SIZE:
        if (__builtin_add_overflow(sum->as.i, value->as.i, &sum->as.i))
            sum->as.i = INT64_MAX;
        break;
    case RLV_T_DURATION:
        sum->as.i = sum->as.i > value->as.i ? sum->as.i : value->as.i;
        break;
    case RLV_T_PERCENT:
        sum->as.d = sum->as.d > value->as.d ? sum->as.d : value->as.d;
        break;
    default: break;
    }
}

/* Nothing is said about it the first time. */
static void observe_change(struct run *run, unsigned field, const char *text)
{
    struct sets_kept *kept = &run_kept(run)->sets;
    size_t i = 0;
    while (i + 1 < SETS_KEPT && *kept->last[i].text &&
           kept->last[i].field != field)
        i++;
    char *last = kept->last[i].text;
    size_t size = sizeof kept->last[i].text;
    if (*last)
        postgres_host->observe(run->probe, field,
                               rlv_bool(strncmp(last, text, size - 1) != 0));
    kept->last[i].field = field;
    snprintf(last, size, "%s", text);
}

/* ------------------------------------------------------------------ results */

/* The key of a row: its column "key", or of a console those of the statement,
 * "database/user". */
static void key_of(const struct set_statement *statement, const PGresult *rows,
                   int row, char *key, size_t size)
{
    static const char *const by_key[] = {"key", NULL};
    const char *const *by = statement->by ? statement->by : by_key;
    size_t len = 0;
    *key = '\0';
    for (; *by && len < size; by++) {
        int column = PQfnumber(rows, *by);
        if (column >= 0)
            len +=
                (size_t)snprintf(key + len, size - len, "%s%s", len ? "/" : "",
                                 PQgetvalue(rows, row, column));
    }
}

static void observe_map(struct run *run, const struct set_statement *statement,
                        const struct column *column, const PGresult *rows,
                        int at)
{
    char key[160];
    struct rlv_value value;
    for (int row = 0; row < PQntuples(rows) && row < KEYS_MAX; row++) {
        key_of(statement, rows, row, key, sizeof key);
        if (*key && !PQgetisnull(rows, row, at) &&
            read_value(PQgetvalue(rows, row, at), column->as, &value))
            postgres_host->observe_key(run->probe, column->field, key, value);
    }
}

static void observe_plain(struct run *run, const struct column *column,
                          const PGresult *rows, int at)
{
    struct rlv_value value, all;
    bool any = false;
    for (int row = 0; row < PQntuples(rows); row++) {
        if (PQgetisnull(rows, row, at) ||
            !read_value(PQgetvalue(rows, row, at), column->as, &value))
            continue;
        if (any)
            fold(&all, &value, column->as);
        else
            all = value;
        any = true;
    }
    if (any)
        postgres_host->observe(run->probe, column->field, all);
}

static void observe_column(struct run *run,
                           const struct set_statement *statement,
                           const struct column *column, const PGresult *rows)
{
    int at = PQfnumber(rows, column->name);
    if (at < 0 || !PQntuples(rows))
        return;
    if (column->type == RLV_T_MAP)
        observe_map(run, statement, column, rows, at);
    else if (column->as != SETS_CHANGED)
        observe_plain(run, column, rows, at);
    else if (*PQgetvalue(rows, 0, at))
        observe_change(run, column->field, PQgetvalue(rows, 0, at));
}

/* "slots (permission denied for function pg_ls_waldir), …" */
static void refuse(struct run *run, enum set set, const char *why)
{
    char *text = run->sets.refused;
    size_t len = strlen(text), size = sizeof run->sets.refused;
    snprintf(text + len, size - len, "%s%s (%s)", len ? ", " : "", names[set],
             why);
}

static void refuse_error(struct run *run, enum set set, const PGresult *error)
{
    const char *code = PQresultErrorField(error, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(error, PG_DIAG_MESSAGE_PRIMARY);
    char why[160];
    if (code && strcmp(code, "57014") == 0)
        snprintf(why, sizeof why, "no answer within %lld ms",
                 (long long)(run->sets.cap_ns / MS));
    else
        snprintf(why, sizeof why, "%.120s", text ? text : "an error");
    refuse(run, set, why);
}

static void next(struct run *run);

static void on_result(struct run *run, const PGresult *result)
{
    struct sets_run *sets = &run->sets;
    const struct set_statement *statement = &statements[sets->at - 1];
    ExecStatusType status = PQresultStatus(result);
    if (!result) {
        next(run);
        return;
    }
    if (status == PGRES_TUPLES_OK) {
        int refused = PQfnumber(result, "refused");
        for (size_t i = 0; i < LENGTH(columns); i++)
            if (columns[i].set == statement->set)
                observe_column(run, statement, &columns[i], result);
        if (refused >= 0 && PQntuples(result) &&
            !PQgetisnull(result, 0, refused))
            refuse(run, statement->set, PQgetvalue(result, 0, refused));
    } else if (status != PGRES_COMMAND_OK && !sets->failed) {
        sets->failed = true;
        refuse_error(run, statement->set, result);
    }
}

/* --------------------------------------------------------------- statements */

static bool is_listed(const struct rlv_list *list, enum set set)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], names[set]) == 0)
            return true;
    return false;
}

/* Of those that are asked for; a set for the other kind of server is said to
 * be refused only where it was asked for by its name. */
static bool is_due(struct run *run, const struct set_statement *statement)
{
    int version = PQserverVersion(run->session->conn);
    uint32_t bit = 1u << statement->set;
    if (!(run->sets.asked & bit))
        return false;
    if (run->session->console != (statement->by != NULL)) {
        run->sets.asked &= ~bit;
        if (is_listed(&run->conf->sets, statement->set))
            refuse(run, statement->set,
                   statement->by ? "this is no console of pgbouncer"
                                 : "this is a console of pgbouncer");
        return false;
    }
    return version >= statement->from &&
           (!statement->below || version < statement->below);
}

/* A role's own search_path counts for nothing. */
static void ask(struct run *run, const struct set_statement *statement)
{
    static const char before[] = "SET LOCAL statement_timeout = %lld; "
                                 "SET LOCAL transaction_read_only = on; "
                                 "SET LOCAL search_path = pg_catalog; "
                                 "SET LOCAL jit = off; %s";
    struct rlv_scope *scope = postgres_host->probe_scope(run->probe);
    size_t size = strlen(statement->sql) + sizeof before + 24;
    char *sql = postgres_host->alloc(scope, size);
    char *waiting = postgres_host->alloc(scope, 40);
    snprintf(waiting, 40, "the set %s", names[statement->set]);
    if (statement->by)
        snprintf(sql, size, "%s", statement->sql);
    else
        snprintf(sql, size, before, (long long)(run->sets.cap_ns / MS),
                 statement->sql);
    run->sets.failed = false;
    run_statement(run, waiting, sql, on_result);
}

static void finish(struct run *run)
{
    if (*run->sets.refused)
        postgres_host->observe(run->probe, FIELD_REFUSED,
                               rlv_text(run->sets.refused));
    run_next(run);
}

static void next(struct run *run)
{
    struct sets_run *sets = &run->sets;
    while (sets->at < LENGTH(statements)) {
        const struct set_statement *statement = &statements[sets->at++];
        if (!is_due(run, statement))
            continue;
        int64_t left_ns = postgres_host->deadline(run->probe) -
                          postgres_host->now() - LEFT_NS;
        if (left_ns < LEFT_NS) {
            sets->asked &= ~(1u << statement->set);
            refuse(run, statement->set, "no time was left");
            continue;
        }
        sets->cap_ns = run->conf->sets_timeout_ns < left_ns / 2
                           ? run->conf->sets_timeout_ns
                           : left_ns / 2;
        ask(run, statement);
        return;
    }
    finish(run);
}

void sets_begin(struct run *run)
{
    struct sets_run *sets = &run->sets;
    *sets = (struct sets_run){0};
    for (enum set set = 0; set < SET_COUNT; set++)
        if (is_listed(&run->conf->sets, set))
            sets->asked |= 1u << set;
    for (size_t i = 0; i < LENGTH(columns); i++)
        if (postgres_host->wants(run->probe, columns[i].field))
            sets->asked |= 1u << columns[i].set;
    next(run);
}

bool sets_validate(const struct rlv_list *sets, char *why, size_t size)
{
    for (size_t i = 0; i < sets->count; i++) {
        size_t k = 0;
        while (k < SET_COUNT && strcmp(sets->items[i], names[k]) != 0)
            k++;
        if (k < SET_COUNT)
            continue;
        size_t len = (size_t)snprintf(
            why, size, "there is no set \"%.40s\"; there are", sets->items[i]);
        for (k = 0; k < SET_COUNT && len < size; k++)
            len += (size_t)snprintf(why + len, size - len, "%s %s",
                                    k ? "," : "", names[k]);
        return false;
    }
    return true;
}

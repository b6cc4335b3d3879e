/* cli/cmd_history.c: `relevo history CHECK`: its results, newest first, from
 * the store; no daemon is needed. A long time is shown by period
 * (history_periods.c). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/human.h"
#include "base/str.h"
#include "cli/out.h"
#include "cli/history_periods.h"
#include "cli/ledger.h"
#include "model/fault.h"
#include "report/json.h"
#include "report/story.h"

enum { DEFAULT_LIMIT = 20 };

/* RESULT_NO_PHASE where the probe came to none. */
static int64_t latency_of(const struct result *r)
{
    const struct rlv_value *v = result_observation(r, "latency", NULL);
    return v != NULL && v->type == RLV_T_DURATION ? v->as.i : RESULT_NO_PHASE;
}

/* ---------------------------------------------------------------- text --- */

/* Of checks that follow a message; the store keeps them of what was not good.
 */
static bool has_journey(struct result *const *results, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = RLV_PH_SUBSCRIBE; k <= RLV_PH_DELIVER; k++)
            if (results[i]->phases_ns[k] != RESULT_NO_PHASE)
                return true;
    return false;
}

static void add_phases(struct table *t, const struct result *r)
{
    struct buf text = {0};
    story_put_phases(&text, r);
    table_cell(t, "%s", buf_text(&text));
    buf_free(&text);
}

static void add_row(struct table *t, const struct result *r, bool phases)
{
    char latency[HUMAN_TEXT] = "", duration[HUMAN_TEXT];
    int64_t ns = latency_of(r);
    if (ns >= 0)
        human_duration(ns, latency);
    table_cell(t, "%s", out_time(r->started_us));
    table_cell(t, "%s", outcome_name(r->outcome));
    table_cell(t, "%s", latency);
    table_cell(t, "%s", human_duration(r->duration_ns, duration));
    table_cell(t, "%s", r->fault == RLV_F_NONE ? "" : fault_name(r->fault));
    table_cell(t, "%s", r->code);
    if (phases)
        add_phases(t, r);
    table_cell(t, "%s", r->message == NULL ? "" : r->message);
}

static int compare_ns(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The smallest value that at least that share of them does not exceed. */
static const char *percentile(const int64_t *sorted, size_t n, size_t percent,
                              char out[HUMAN_TEXT])
{
    size_t rank = (n * percent + 99) / 100;
    return human_duration(sorted[rank > 0 ? rank - 1 : 0], out);
}

static void print_latencies(struct result *const *results, size_t count)
{
    int64_t *all = xcalloc(count + 1, sizeof *all);
    size_t n = 0;
    char p50[HUMAN_TEXT], p95[HUMAN_TEXT];
    for (size_t i = 0; i < count; i++)
        if (latency_of(results[i]) >= 0)
            all[n++] = latency_of(results[i]);
    qsort(all, n, sizeof *all, compare_ns);
    if (n > 0)
        printf("; latency p50 %s, p95 %s", percentile(all, n, 50, p50),
               percentile(all, n, 95, p95));
    free(all);
}

/* "20 results: 17 ok, 1 warn, 2 fail (85.0 % ok); latency p50 …" */
static void print_footer(struct result *const *results, size_t count)
{
    size_t of[OUTCOME_COUNT] = {0};
    for (size_t i = 0; i < count; i++)
        of[results[i]->outcome]++;
    printf("\n%zu result%s:", count, count == 1 ? "" : "s");
    const char *comma = "";
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        if (of[i] > 0) {
            printf("%s %zu %s", comma, of[i], outcome_name((enum outcome)i));
            comma = ",";
        }
    printf(" (%.1f %% ok)", 100.0 * (double)of[OUTCOME_OK] / (double)count);
    print_latencies(results, count);
    putchar('\n');
}

static void print_text(const char *check, struct result *const *results,
                       size_t count)
{
    static const char *const plain[] = {"TIME",  "OUTCOME", "LATENCY", "TOOK",
                                        "FAULT", "CODE",    "MESSAGE"};
    static const char *const journey[] = {"TIME",   "OUTCOME", "LATENCY",
                                          "TOOK",   "FAULT",   "CODE",
                                          "PHASES", "MESSAGE"};
    bool phases = has_journey(results, count);
    if (count == 0) {
        printf("no results of %s in that time\n", out_clean(check));
        return;
    }
    struct table *t = phases ? table_begin(journey, ARRAY_LEN(journey))
                             : table_begin(plain, ARRAY_LEN(plain));
    for (size_t i = 0; i < count; i++)
        add_row(t, results[i], phases);
    table_print(t);
    print_footer(results, count);
}

/* ------------------------------------------------------------- command --- */

static json_t *to_json(const char *check, struct result *const *results,
                       size_t count)
{
    json_t *all = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(all, report_result(results[i], check));
    return all;
}

/* With --since everything in that time, unless a limit is given too. */
static int window_of(const struct args *args, struct reader_window *w)
{
    int64_t ns;
    struct err err;
    const char *since = args_get(args, "since");
    w->limit = since == NULL ? DEFAULT_LIMIT : 0;
    if (since != NULL && !human_parse_duration(since, &ns, &err))
        return cli_fail(EXIT_USAGE, "--since: %s", err.text);
    if (since != NULL)
        w->since_us = clock_wall_us() - ns / NS_PER_US;
    return ledger_limit(args, &w->limit);
}

/* --json keeps its shape, and --limit counts results, unless --by is given. */
static bool is_by_period(const struct args *args, const struct reader_window *w)
{
    if (args_has(args, "by"))
        return true;
    return w->since_us != 0 && !args_has(args, "json") &&
           !args_has(args, "limit") &&
           clock_wall_us() - w->since_us > PERIODS_FROM_US;
}

static int show(struct ledger *p, const struct args *args,
                struct reader_window *w)
{
    struct result **results;
    size_t count;
    struct err err;
    const struct check_row *row = ledger_check(p, args, args->words[0]);
    if (row == NULL)
        return EXIT_USAGE;
    if (is_by_period(args, w))
        return history_periods(p, args, row, w->since_us);
    w->check = row->check;
    if (!reader_history(p->reader, p->arena, w, &results, &count, &err))
        return cli_fail(EXIT_INTERNAL, "%s", err.text);
    if (args_has(args, "json"))
        out_json(to_json(row->name, results, count));
    else
        print_text(row->name, results, count);
    return EXIT_FINE;
}

int cmd_history(const struct args *args)
{
    struct reader_window window = {0};
    struct ledger ledger;
    int status = window_of(args, &window);
    if (status == EXIT_FINE)
        status = ledger_open(&ledger, args);
    if (status != EXIT_FINE)
        return status;
    status = show(&ledger, args, &window);
    ledger_close(&ledger);
    return status;
}

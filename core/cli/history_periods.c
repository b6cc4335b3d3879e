/* cli/history_periods.c: see history_periods.h.
 *
 * Honest about what was not watched: a period without results is a gap, never
 * good; unknown results are shown, but say nothing about the target, so the
 * share of good ones leaves them out; no share is rounded up. */
#include "cli/history_periods.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/human.h"
#include "base/str.h"
#include "cli/out.h"
#include "cli/spark.h"
#include "report/json.h"
#include "store/upkeep.h"

enum { SPARK_WIDTH = 72, DATE = 10 /* characters */ };

struct page {
    const char *check;
    struct arena *arena;
    enum resolution by;
    int64_t since_us, until_us; /* whole periods */
    struct rollup *periods;     /* oldest first */
    size_t count;
    struct rollup *finer; /* of the next finer resolution; none by minute */
    size_t finer_count;
    struct store_stats keeping;
    bool cut; /* since_us was moved to where counting begins */
};

/* --------------------------------------------------------------- numbers ---
 */

static struct rollup total(const struct page *p)
{
    struct rollup sum = {.sketch.arena = p->arena};
    for (size_t i = 0; i < p->count; i++)
        rollup_sum(&sum, &p->periods[i]);
    return sum;
}

/* How many hours of that day (minutes of that hour) were measured. */
static unsigned watched(const struct page *p, int64_t from_us)
{
    unsigned n = 0;
    int64_t until_us = from_us + resolution_us(p->by);
    for (size_t i = 0; i < p->finer_count; i++)
        n += p->finer[i].from_us >= from_us && p->finer[i].from_us < until_us &&
             rollup_measured(&p->finer[i]) > 0;
    return n;
}

static unsigned parts(const struct page *p)
{
    return p->by == RESOLUTION_DAY ? 24 : 60;
}

/* ------------------------------------------------------------------ text ---
 */

/* Days are UTC's; shorter periods are shown in the local zone. */
static const char *label(const struct page *p, int64_t from_us)
{
    static char ring[4][CLOCK_TEXT];
    static unsigned next;
    char *text = ring[next++ % 4];
    if (p->by == RESOLUTION_DAY) {
        clock_format(from_us, text);
        text[DATE] = '\0';
    } else
        snprintf(text, CLOCK_TEXT, "%.16s", out_time(from_us));
    return text;
}

static void add_time(struct table *t, const struct rollup *r, unsigned percent)
{
    char text[HUMAN_TEXT];
    table_cell(t, "%s",
               r->timed == 0
                   ? ""
                   : human_duration(rollup_percentile(r, percent), text));
}

static void add_period(struct table *t, const struct page *p,
                       const struct rollup *r)
{
    char good_share[HUMAN_TEXT];
    table_cell(t, "%s", label(p, r->from_us));
    if (p->by != RESOLUTION_MINUTE)
        table_cell(t, "%u/%u %s", watched(p, r->from_us), parts(p),
                   p->by == RESOLUTION_DAY ? "h" : "min");
    for (int i = 0; i < OUTCOME_COUNT; i++)
        table_cell(t, "%llu", (unsigned long long)r->counts[i]);
    table_cell(t, "%s", rollup_share(r, good_share));
    add_time(t, r, 50);
    add_time(t, r, 95);
    add_time(t, r, 99);
}

/* From one period's end to another's beginning. */
static void add_gap(struct table *t, const struct page *p, int64_t from_us,
                    int64_t until_us)
{
    int64_t last_us = until_us - resolution_us(p->by);
    size_t cells = p->by == RESOLUTION_MINUTE ? 8 : 9;
    if (from_us >= until_us)
        return;
    if (from_us == last_us)
        table_cell(t, "%s", label(p, from_us));
    else
        table_cell(t, "%s to %s", label(p, from_us), label(p, last_us));
    /* Before the first there may have been some that are kept no longer. */
    table_cell(t, "%s",
               p->count > 0 && until_us <= p->periods[0].from_us
                   ? "nothing kept"
                   : "not watched");
    for (size_t i = 1; i < cells; i++)
        table_cell(t, "%s", "");
}

static void print_table(const struct page *p)
{
    static const char *const head[] = {"OK",   "WARN", "FAIL", "UNKNOWN",
                                       "GOOD", "P50",  "P95",  "P99"};
    bool by_minute = p->by == RESOLUTION_MINUTE;
    struct table *t = table_new(ARRAY_LEN(head) + (by_minute ? 1 : 2));
    int64_t until_us = p->until_us, length_us = resolution_us(p->by);
    table_cell(t, "%s",
               p->by == RESOLUTION_DAY    ? "DAY (UTC)"
               : p->by == RESOLUTION_HOUR ? "HOUR"
                                          : "MINUTE");
    if (!by_minute)
        table_cell(t, "WATCHED");
    for (size_t i = 0; i < ARRAY_LEN(head); i++)
        table_cell(t, "%s", head[i]);
    for (size_t i = p->count; i-- > 0;) {
        add_gap(t, p, p->periods[i].from_us + length_us, until_us);
        add_period(t, p, &p->periods[i]);
        until_us = p->periods[i].from_us;
    }
    add_gap(t, p, p->since_us, until_us);
    table_print(t);
}

/* A line of what was measured: so many periods a character that it fits. */
struct spark {
    double values[SPARK_WIDTH], least, most;
    size_t count;
    bool gaps;
};

static struct spark spark_of(const struct page *p,
                             double (*value)(const struct rollup *))
{
    int64_t length_us = resolution_us(p->by);
    int64_t slots = (p->until_us - p->since_us) / length_us;
    int64_t per = (slots + SPARK_WIDTH - 1) / SPARK_WIDTH;
    struct spark s = {.least = -1};
    s.count = (size_t)((slots + per - 1) / per);
    size_t i = 0;
    for (size_t k = 0; k < s.count; k++) {
        struct rollup sum = {.sketch.arena = p->arena};
        int64_t end_us = p->since_us + (int64_t)(k + 1) * per * length_us;
        for (; i < p->count && p->periods[i].from_us < end_us; i++)
            rollup_sum(&sum, &p->periods[i]);
        double v = s.values[k] = value(&sum);
        s.gaps |= v < 0;
        s.least = v >= 0 && (s.least < 0 || v < s.least) ? v : s.least;
        s.most = v > s.most ? v : s.most;
    }
    return s;
}

static double p95_of(const struct rollup *r)
{
    return r->timed == 0 ? -1 : (double)rollup_percentile(r, 95);
}

static double failed_of(const struct rollup *r)
{
    uint64_t of = rollup_measured(r);
    return of == 0 ? -1 : 100.0 * (double)(of - rollup_good(r)) / (double)of;
}

static void print_sparks(const struct page *p)
{
    bool blocks = spark_has_blocks();
    struct spark times = spark_of(p, p95_of), failed = spark_of(p, failed_of);
    struct buf line = {0};
    char low[HUMAN_TEXT], high[HUMAN_TEXT];
    if (times.least >= 0) {
        spark_put(&line, times.values, times.count, times.least, blocks);
        printf("\np95   |%s| %s to %s", buf_text(&line),
               human_duration((int64_t)times.least, low),
               human_duration((int64_t)times.most, high));
    }
    if (failed.most > 0) {
        buf_clear(&line);
        spark_put(&line, failed.values, failed.count, 0, blocks);
        printf("\nfailed|%s| %.3g to %.3g %%", buf_text(&line), failed.least,
               failed.most);
    }
    if (times.least >= 0 || failed.most > 0)
        printf("%s\n",
               times.gaps || failed.gaps ? "   (blank: no answer)" : "");
    buf_free(&line);
}

static void print_footer(const struct page *p)
{
    struct rollup sum = total(p);
    char text[HUMAN_TEXT];
    printf("\n%llu results in %zu of %lld %ss",
           (unsigned long long)rollup_total(&sum), p->count,
           (long long)((p->until_us - p->since_us) / resolution_us(p->by)),
           resolution_name(p->by));
    if (rollup_measured(&sum) > 0)
        printf(": %s of the %llu that were measured were good",
               rollup_share(&sum, text),
               (unsigned long long)rollup_measured(&sum));
    if (sum.timed > 0) {
        printf("; p50 %s", human_duration(rollup_percentile(&sum, 50), text));
        printf(", p95 %s", human_duration(rollup_percentile(&sum, 95), text));
        printf(", p99 %s", human_duration(rollup_percentile(&sum, 99), text));
        printf(", at most %s", human_duration(sum.max_ns, text));
    }
    putchar('\n');
    if (p->cut)
        printf("from %s on: what is older is not kept by %s\n",
               label(p, p->since_us), resolution_name(p->by));
}

static void print_text(const struct page *p)
{
    if (p->count == 0) {
        printf("no results of %s in that time\n", out_clean(p->check));
        return;
    }
    print_table(p);
    print_sparks(p);
    print_footer(p);
}

/* ------------------------------------------------------------------ JSON ---
 */

static json_t *ms_or_null(const struct rollup *r, int64_t ns)
{
    return r->timed == 0 ? json_null() : report_ms(ns);
}

static json_t *counts_json(const struct rollup *r)
{
    json_t *o = json_pack("{s:I}", "results", (json_int_t)rollup_total(r));
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        json_object_set_new(o, outcome_name((enum outcome)i),
                            json_integer((json_int_t)r->counts[i]));
    json_object_set_new(
        o, "good",
        rollup_measured(r) == 0
            ? json_null()
            : json_real((double)rollup_good(r) / (double)rollup_measured(r)));
    int64_t mean_ns = r->timed == 0 ? 0 : r->sum_ns / (int64_t)r->timed;
    json_object_set_new(o, "min_ms", ms_or_null(r, r->min_ns));
    json_object_set_new(o, "mean_ms", ms_or_null(r, mean_ns));
    json_object_set_new(o, "p50_ms", ms_or_null(r, rollup_percentile(r, 50)));
    json_object_set_new(o, "p95_ms", ms_or_null(r, rollup_percentile(r, 95)));
    json_object_set_new(o, "p99_ms", ms_or_null(r, rollup_percentile(r, 99)));
    json_object_set_new(o, "max_ms", ms_or_null(r, r->max_ns));
    return o;
}

static json_t *to_json(const struct page *p)
{
    json_t *periods = json_array();
    for (size_t i = p->count; i-- > 0;) {
        const struct rollup *r = &p->periods[i];
        json_t *o = counts_json(r);
        json_object_set_new(o, "at", report_time(r->from_us));
        if (p->by != RESOLUTION_MINUTE)
            json_object_set_new(o, "watched",
                                json_integer(watched(p, r->from_us)));
        json_array_append_new(periods, o);
    }
    struct rollup sum = total(p);
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "check", p->check, "by",
                     resolution_name(p->by), "since", report_time(p->since_us),
                     "until", report_time(p->until_us), "total",
                     counts_json(&sum), "periods", periods);
}

/* --------------------------------------------------------------- command ---
 */

static bool read_page(struct ledger *ledger, struct page *p, uint32_t check,
                      struct err *err)
{
    struct reader_window w = {
        .check = check, .since_us = p->since_us, .before_us = p->until_us};
    if (!reader_periods(ledger->reader, p->arena, &w, p->by, &p->periods,
                        &p->count, err))
        return false;
    return p->by == RESOLUTION_MINUTE ||
           reader_periods(ledger->reader, p->arena, &w,
                          (enum resolution)(p->by - 1), &p->finer,
                          &p->finer_count, err);
}

/* Not before what can be there: a gap would say that nobody watched. */
static void cut(struct page *p)
{
    const struct history_spec *k = &p->keeping.keep;
    const int64_t keep_ns[RESOLUTION_COUNT] = {k->minute_ns, k->hour_ns,
                                               k->day_ns};
    int64_t first_us = p->keeping.rollups_from_us;
    if (keep_ns[p->by] > 0) {
        int64_t kept_us = p->until_us - keep_ns[p->by] / NS_PER_US;
        first_us = kept_us > first_us ? kept_us : first_us;
    }
    first_us = resolution_floor(p->by, first_us);
    p->cut = first_us > p->since_us;
    if (p->cut)
        p->since_us = first_us;
}

static int64_t default_span_us(enum resolution by)
{
    static const int64_t periods[RESOLUTION_COUNT] = {60, 48, 30};
    return periods[by] * resolution_us(by);
}

int history_periods(struct ledger *ledger, const struct args *args,
                    const struct check_row *row, int64_t since_us)
{
    struct page p = {.check = row->name, .arena = ledger->arena};
    struct err err;
    int64_t now_us = clock_wall_us();
    const char *by = args_get(args, "by");
    if (by == NULL)
        p.by = resolution_for(now_us - since_us);
    else if (!resolution_parse(by, &p.by))
        return cli_fail(EXIT_USAGE, "--by: \"%s\" is not minute, hour or day",
                        by);
    if (args_has(args, "limit"))
        return cli_fail(EXIT_USAGE,
                        "--limit counts results; with --by use --since");
    if (since_us == 0)
        since_us = now_us - default_span_us(p.by);
    p.since_us = resolution_floor(p.by, since_us);
    p.until_us = resolution_floor(p.by, now_us) + resolution_us(p.by);
    if (!reader_keeping(ledger->reader, &p.keeping, &err))
        return cli_fail(EXIT_INTERNAL, "%s", err.text);
    cut(&p);
    if (!read_page(ledger, &p, row->check, &err))
        return cli_fail(EXIT_INTERNAL, "%s", err.text);
    if (args_has(args, "json"))
        out_json(to_json(&p));
    else
        print_text(&p);
    return EXIT_FINE;
}

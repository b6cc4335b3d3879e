/* What rollups add to the packing of results, and how quickly thirty days of
 * one check are read from them. Figures only, a JSON line each; no verdict.
 *
 *     bench_rollup
 *
 * Packing is measured as the writer does it, ten minutes of results at a time,
 * with rollups and without, in turn, on files of their own; the figure is the
 * median of five differences. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "store/db.h"
#include "store/reader.h"
#include "store/sample.h"
#include "store/store.h"
#include "store/write.h"

#define T0      INT64_C(1700000000000000)
#define TEN_MIN (600 * US_PER_S)
#define DAY     (86400 * US_PER_S)

enum { ROUNDS = 5, PACKINGS = 3 };

static void figure(const char *name, double value, const char *unit)
{
    printf("{\"figure\": \"store.%s\", \"value\": %.3f, \"unit\": \"%s\"}\n",
           name, value, unit);
}

static void must_work(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "%s\n", what);
    exit(3);
}

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static uint64_t noise(uint64_t i) { return i * 2654435761u % 800000; }

static struct result result_at(uint32_t check, int64_t at_us, uint64_t i,
                               struct observation o[2])
{
    struct result r = {.check = check,
                       .probe = i,
                       .generation = 1,
                       .message = "",
                       .started_us = at_us + (int64_t)(noise(i) % 300),
                       .duration_ns = 2000000 + (int64_t)noise(i),
                       .observations = o,
                       .observation_count = 2};
    r.started_ns = r.started_us * 1000 + 7;
    for (int k = 0; k < RLV_PH_COUNT; k++)
        r.phases_ns[k] = RESULT_NO_PHASE;
    o[0] = (struct observation){"status", NULL, rlv_int(200), true};
    o[1] = (struct observation){"latency", NULL,
                                rlv_duration(r.duration_ns - 100000), true};
    return r;
}

static void open_file(const char *dir, struct db *db)
{
    char path[200];
    struct err err = {0};
    snprintf(path, sizeof path, "%s/%s", dir, STORE_FILE);
    memset(db, 0, sizeof *db);
    must_work(db_open_writer(db, path, &err) == DB_FINE, err.text);
}

/* Results of ten minutes into hot. */
static void fill(struct db *db, unsigned checks, unsigned each, int64_t from_us)
{
    struct counters c = {0};
    struct observation o[2];
    must_work(db_exec(db, "BEGIN") == SQLITE_OK, "begin");
    for (unsigned i = 0; i < each; i++)
        for (uint32_t check = 1; check <= checks; check++) {
            struct result r = result_at(check, from_us + TEN_MIN / each * i,
                                        (uint64_t)i * checks + check, o);
            struct record record = {.kind = RECORD_RESULT};
            record.as.result = &r;
            must_work(write_record(db, 0, &record, &c) == SQLITE_OK, "write");
        }
    must_work(db_exec(db, "COMMIT") == SQLITE_OK, "commit");
}

/* CPU of packing a result. */
static double pack_us(unsigned checks, unsigned each, bool rollups)
{
    char dir[] = "/tmp/bench-rollup-XXXXXX";
    struct db db;
    double spent_us = 0;
    const struct pack_options options = {.insist = true, .rollups = rollups};
    must_work(mkdtemp(dir) != NULL, "folder");
    open_file(dir, &db);
    for (int k = 0; k < PACKINGS; k++) {
        fill(&db, checks, each, T0 + k * TEN_MIN);
        double from_us = cpu_us();
        must_work(pack(&db, &options) == SQLITE_OK, "pack");
        spent_us += cpu_us() - from_us;
    }
    db_close(&db);
    fs_remove_tree(dir);
    return spent_us / (double)checks / each / PACKINGS;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof *values, compare);
    return values[ROUNDS / 2];
}

static void packing(const char *name, unsigned checks, unsigned each)
{
    double without[ROUNDS], added[ROUNDS];
    char text[80];
    for (int i = 0; i < ROUNDS; i++) {
        without[i] = pack_us(checks, each, false);
        added[i] = pack_us(checks, each, true) - without[i];
    }
    snprintf(text, sizeof text, "pack.%s", name);
    figure(text, median(without), "us/result");
    snprintf(text, sizeof text, "rollups.%s", name);
    figure(text, median(added), "us/result");
}

/* --------------------------------------------------------------- reading ---
 */

static void write_month(struct db *db)
{
    must_work(db_exec(db, "BEGIN") == SQLITE_OK, "begin");
    for (int64_t at_us = T0; at_us < T0 + 30 * DAY; at_us += TEN_MIN) {
        struct sample samples[60];
        struct observation o[60][2];
        struct arena *a = arena_new();
        for (int i = 0; i < 60; i++) {
            struct result r = result_at(17, at_us + i * 10 * US_PER_S,
                                        (uint64_t)(at_us / 1000 + i), o[i]);
            samples[i] = sample_of(&r);
        }
        must_work(rollup_write(db, 0, 17, samples, 60, a) == SQLITE_OK,
                  "rollups");
        arena_free(a);
    }
    must_work(db_exec(db, "COMMIT") == SQLITE_OK, "commit");
}

/* CPU: what a read takes when nobody else wants the processor. */
static double read_ms(const char *dir, enum resolution by, size_t *periods,
                      int64_t *p95_ns)
{
    struct err err = {0};
    struct rollup *r;
    struct reader_window w = {
        .check = 17, .since_us = T0, .before_us = T0 + 30 * DAY};
    struct reader *reader = reader_open(dir, 0, &err);
    must_work(reader != NULL, err.text);
    struct arena *a = arena_new();
    double from_us = cpu_us();
    must_work(reader_periods(reader, a, &w, by, &r, periods, &err), err.text);
    struct rollup sum = {.sketch.arena = a};
    for (size_t i = 0; i < *periods; i++)
        rollup_sum(&sum, &r[i]);
    *p95_ns = sketch_percentile(&sum.sketch, 95);
    double ms = (cpu_us() - from_us) / 1e3;
    arena_free(a);
    reader_close(reader);
    return ms;
}

static void reading(void)
{
    static const enum resolution by[] = {RESOLUTION_DAY, RESOLUTION_HOUR,
                                         RESOLUTION_MINUTE};
    char dir[] = "/tmp/bench-rollup-XXXXXX", text[80];
    struct db db;
    size_t n;
    int64_t p95;
    must_work(mkdtemp(dir) != NULL, "folder");
    open_file(dir, &db);
    write_month(&db);
    fill(&db, 1000, 99, T0 + 30 * DAY - TEN_MIN); /* not packed yet */
    for (size_t k = 0; k < ARRAY_LEN(by); k++) {
        double ms[ROUNDS];
        for (int i = 0; i < ROUNDS; i++)
            ms[i] = read_ms(dir, by[k], &n, &p95);
        snprintf(text, sizeof text, "month.%s", resolution_name(by[k]));
        figure(text, median(ms), "ms");
    }
    db_close(&db);
    fs_remove_tree(dir);
}

int main(void)
{
    packing("1000_at_10s", 1000, 60);
    packing("10000_at_60s", 10000, 10);
    reading();
    return 0;
}

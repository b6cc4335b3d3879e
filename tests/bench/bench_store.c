/* How fast the writer takes results, how small they become, how quick one
 * check's last day is read. Figures only, a JSON line each; no verdict.
 *
 *     bench_store        400,000 results of 1,000 checks
 *     bench_store day    100 checks at 10 s for a day: 864,000 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/reader.h"
#include "store/store.h"

enum { INTERVAL_US = 10000000 };

static _Atomic uint64_t committed;

static void on_committed(void *arg, uint64_t sequence)
{
    (void)arg;
    committed = sequence;
}

static void on_trouble(void *arg, enum store_news news, const char *text)
{
    (void)news;
    (void)arg;
    fprintf(stderr, "%s\n", text);
}

static struct record *make(uint64_t i, uint64_t checks, struct observation *o)
{
    struct result r = {.check = (uint32_t)(i % checks) + 1,
                       .probe = i,
                       .generation = 1,
                       .message = "",
                       .observations = o,
                       .observation_count = 2};
    int64_t noise = (int64_t)(i * 2654435761u % 300);
    r.started_us = INT64_C(1700000000000000) +
                   (int64_t)(i / checks) * INTERVAL_US + noise +
                   (int64_t)(i % checks) * INTERVAL_US / (int64_t)checks;
    r.started_ns = r.started_us * 1000 + noise;
    r.duration_ns = 2000000 + (int64_t)(i * 40503u % 800000);
    for (int k = 0; k < RLV_PH_COUNT; k++)
        r.phases_ns[k] = RESULT_NO_PHASE;
    o[0] = (struct observation){"status", NULL, rlv_int(200), true};
    o[1] = (struct observation){"latency", NULL,
                                rlv_duration(r.duration_ns - noise), true};
    struct record record = {.kind = RECORD_RESULT, .sequence = i + 1};
    record.as.result = &r;
    return record_copy(&record);
}

static const char *group = "store";

static void figure(const char *name, double value, const char *unit)
{
    printf("{\"figure\": \"%s.%s\", \"value\": %.2f, \"unit\": \"%s\"}\n",
           group, name, value, unit);
}

static double cpu_s(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void write_all(struct store *s, uint64_t count, uint64_t checks)
{
    struct observation o[2];
    struct record **records = calloc(count, sizeof *records);
    for (uint64_t i = 0; i < count; i++)
        records[i] = make(i, checks, o);
    double cpu = cpu_s(CLOCK_PROCESS_CPUTIME_ID);
    int64_t from_ns = clock_mono_ns();
    for (uint64_t i = 0; i < count; i++)
        store_append(s, records[i]);
    int64_t appended_ns = clock_mono_ns() - from_ns;
    while (committed < count)
        usleep(1000);
    double took_s = (double)(clock_mono_ns() - from_ns) / 1e9;
    double cpu_each_s = (cpu_s(CLOCK_PROCESS_CPUTIME_ID) - cpu) / (double)count;
    figure("append", (double)appended_ns / 1e3 / (double)count, "us/result");
    figure("written", (double)count / took_s, "results/s");
    figure("cpu", cpu_each_s * 1e6, "us/result");
    free(records);
}

static void read_day(const char *dir)
{
    struct err err = {0};
    struct reader *r = reader_open(dir, 0, &err);
    struct arena *a = arena_new();
    struct result **results;
    size_t n;
    struct reader_window w = {.check = 17, .limit = 8640};
    int64_t from_ns = clock_mono_ns();
    double cpu = cpu_s(CLOCK_THREAD_CPUTIME_ID);
    if (r == NULL || !reader_history(r, a, &w, &results, &n, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(3);
    }
    double cpu_ms = (cpu_s(CLOCK_THREAD_CPUTIME_ID) - cpu) * 1e3;
    figure("read", (double)n, "results");
    figure("read_took", (double)(clock_mono_ns() - from_ns) / 1e6, "ms");
    figure("read_cpu", cpu_ms, "ms");
    arena_free(a);
    reader_close(r);
}

static void file_size(const char *dir, uint64_t count)
{
    char file[400];
    struct stat st;
    snprintf(file, sizeof file, "%s/%s", dir, STORE_FILE);
    if (stat(file, &st) == 0)
        figure("file", (double)st.st_size / (double)count, "bytes/result");
    unlink(file);
    rmdir(dir);
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/bench-store-XXXXXX";
    uint64_t count = 400000, checks = 1000;
    struct err err = {0};
    if (argc > 1 && strcmp(argv[1], "day") == 0) {
        group = "day";
        checks = 100;
        count = checks * 8640;
    }
    struct store_options o = {.dir = mkdtemp(dir),
                              .committed = on_committed,
                              .trouble = on_trouble,
                              .queue_bytes = (size_t)4 << 30};
    struct store *s = store_open(&o, &err);
    if (s == NULL) {
        fprintf(stderr, "%s\n", err.text);
        return 3;
    }
    write_all(s, count, checks);
    read_day(dir);
    store_close(s);
    file_size(dir, count);
    return 0;
}

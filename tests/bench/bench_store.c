/* How fast the writer takes results, how small they become, how quick one
 * check's last day is read. Figures only, a JSON line each; no verdict.
 *
 *     bench_store [FOLDER] [RESULTS] */
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

enum { CHECKS = 1000 };

static _Atomic uint64_t committed;

static void on_committed(void *arg, uint64_t sequence)
{
    (void)arg;
    committed = sequence;
}

static void on_trouble(void *arg, const char *text)
{
    (void)arg;
    fprintf(stderr, "%s\n", text);
}

static struct record *make(uint64_t i, struct observation *o)
{
    struct result r = {.check = (uint32_t)(i % CHECKS) + 1,
                       .probe = i,
                       .generation = 1,
                       .message = "",
                       .observations = o,
                       .observation_count = 2};
    int64_t noise = (int64_t)(i * 2654435761u % 300);
    r.started_us = INT64_C(1700000000000000) +
                   (int64_t)(i / CHECKS) * 10000000 + noise +
                   (int64_t)(i % CHECKS) * 10000;
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

static void figure(const char *name, double value, const char *unit,
                   const char *goal)
{
    printf("{\"figure\": \"store.%s\", \"value\": %.2f, \"unit\": \"%s\", "
           "\"goal\": \"%s\"}\n",
           name, value, unit, goal);
}

static double cpu_s(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void write_all(struct store *s, uint64_t count)
{
    struct observation o[2];
    struct record **records = calloc(count, sizeof *records);
    for (uint64_t i = 0; i < count; i++)
        records[i] = make(i, o);
    double cpu = cpu_s(CLOCK_PROCESS_CPUTIME_ID);
    int64_t from_ns = clock_mono_ns();
    for (uint64_t i = 0; i < count; i++)
        store_append(s, records[i]);
    int64_t appended_ns = clock_mono_ns() - from_ns;
    while (committed < count)
        usleep(1000);
    double took_s = (double)(clock_mono_ns() - from_ns) / 1e9;
    double cpu_each_s = (cpu_s(CLOCK_PROCESS_CPUTIME_ID) - cpu) / (double)count;
    figure("append", (double)appended_ns / 1e3 / (double)count, "us/result",
           "");
    figure("written", (double)count / took_s, "results/s", ">= 100000");
    figure("cpu", cpu_each_s * 1e6, "us/result", "");
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
    figure("read", (double)n, "results", "");
    figure("read_took", (double)(clock_mono_ns() - from_ns) / 1e6, "ms",
           "<= 10 for a day");
    figure("read_cpu", cpu_ms, "ms", "");
    arena_free(a);
    reader_close(r);
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/bench-store-XXXXXX";
    const char *where = argc > 1 ? argv[1] : mkdtemp(dir);
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 400000;
    struct err err = {0};
    struct store_options o = {.dir = where,
                              .committed = on_committed,
                              .trouble = on_trouble,
                              .queue_bytes = (size_t)2 << 30};
    struct store *s = store_open(&o, &err);
    if (s == NULL) {
        fprintf(stderr, "%s\n", err.text);
        return 3;
    }
    write_all(s, count);
    read_day(where);
    store_close(s);
    char file[400];
    struct stat st;
    snprintf(file, sizeof file, "%s/%s", where, STORE_FILE);
    if (stat(file, &st) == 0)
        figure("file", (double)st.st_size / (double)count, "bytes/result",
               "<= 48");
    if (argc < 2 && unlink(file) == 0)
        rmdir(dir);
    return 0;
}

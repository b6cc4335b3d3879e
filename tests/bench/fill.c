/* Fills a history as if CHECKS checks had been watched at INTERVAL seconds for
 * so many HOURS until now: c0, c1, … of the http plugin, one result in 500 bad.
 * With a second pair, c0 was watched at that interval and for so long instead.
 *
 *     bench_fill DIR CHECKS INTERVAL HOURS [INTERVAL HOURS]
 *
 * What it leaves is what a daemon leaves that has run all the while: all but
 * the last ten minutes packed and counted in rollups, these in hot. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/db.h"
#include "store/store.h"

#define HOT_US (600 * US_PER_S) /* what a daemon leaves unpacked at most */

struct fill {
    struct store *store;
    const char *dir;
    uint32_t checks;
    int64_t interval_s, since_us;   /* of all but c0 */
    int64_t interval0_s, since0_us; /* of c0 */
};

static _Atomic uint64_t committed;
static uint64_t sequence;

static void on_committed(void *arg, uint64_t upto)
{
    (void)arg;
    committed = upto;
}

static void on_trouble(void *arg, enum store_news news, const char *text)
{
    (void)arg;
    (void)news;
    fprintf(stderr, "%s\n", text);
}

/* The queue is bounded: what does not fit would be dropped. */
static void append(struct store *s, const struct record *record)
{
    struct record copy = *record;
    copy.sequence = ++sequence;
    store_append(s, record_copy(&copy));
    while (sequence - committed > 20000)
        usleep(200);
}

static void add_check(struct store *s, uint32_t check)
{
    char name[24];
    snprintf(name, sizeof name, "c%u", check - 1);
    struct record row = {.kind = RECORD_CHECK};
    row.as.check = (struct check_row){check, name, "", "http", check - 1};
    append(s, &row);
    struct record state = {.kind = RECORD_STATE};
    state.as.state = (struct state_row){
        .check = check, .state = STATE_UP, .since_us = clock_wall_us()};
    append(s, &state);
}

static void add_result(struct store *s, uint32_t check, int64_t at_us)
{
    struct observation o[2];
    struct result r = {.check = check,
                       .generation = 1,
                       .message = "",
                       .observations = o,
                       .observation_count = 2};
    uint64_t noise = (sequence * 2654435761u) % 800000;
    uint64_t slow = noise % 20 == 0 ? noise * 25 : 0; /* as answers are */
    bool bad = noise % 500 == 0;
    r.probe = sequence;
    r.started_us = at_us;
    r.started_ns = at_us * NS_PER_US;
    r.duration_ns = 2000000 + (int64_t)(noise + slow);
    r.outcome = bad ? OUTCOME_FAIL : OUTCOME_OK;
    r.fault = bad ? RLV_F_ERROR_RESPONSE : 0;
    for (int k = 0; k < RLV_PH_COUNT; k++)
        r.phases_ns[k] = RESULT_NO_PHASE;
    o[0] = (struct observation){"status", NULL, rlv_int(bad ? 503 : 200), true};
    o[1] = (struct observation){"latency", NULL, rlv_duration(r.duration_ns),
                                true};
    struct record record = {.kind = RECORD_RESULT};
    record.as.result = &r;
    append(s, &record);
}

static void open_store(struct fill *f, size_t hot_rows)
{
    struct err err = {0};
    struct store_options options = {.dir = f->dir,
                                    .committed = on_committed,
                                    .trouble = on_trouble,
                                    .hot_rows = hot_rows};
    f->store = store_open(&options, &err);
    if (f->store == NULL) {
        fprintf(stderr, "%s\n", err.text);
        exit(3);
    }
}

static void close_store(struct fill *f)
{
    while (committed < sequence)
        usleep(1000);
    store_close(f->store);
}

/* Each check in a second of its own. */
static void add_results(struct fill *f, int64_t from_us, int64_t to_us)
{
    for (int64_t at_us = from_us; at_us < to_us; at_us += US_PER_S) {
        int64_t s = at_us / US_PER_S;
        if (at_us >= f->since0_us && s % f->interval0_s == 0)
            add_result(f->store, 1, at_us);
        for (uint32_t i = 1; i < f->checks && at_us >= f->since_us; i++)
            if ((s + i) % f->interval_s == 0)
                add_result(f->store, i + 1, at_us + i * 500);
    }
}

static void wait_packed(const struct fill *f)
{
    struct db db = {0};
    struct err err = {0};
    char path[4096];
    int64_t rows = 1;
    while (committed < sequence)
        usleep(1000);
    snprintf(path, sizeof path, "%s/%s", f->dir, STORE_FILE);
    if (!db_open_reader(&db, path, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(3);
    }
    while (db_number(&db, "SELECT count(*) FROM hot", &rows) == SQLITE_OK &&
           rows > 0)
        usleep(10000);
    db_close(&db);
}

int main(int argc, char **argv)
{
    if (argc != 5 && argc != 7)
        return 2;
    int64_t now_us = clock_wall_us();
    int64_t hour_us = 3600 * US_PER_S;
    const char *const *first = (const char *const *)argv + (argc == 7 ? 5 : 3);
    struct fill f = {.dir = argv[1],
                     .checks = (uint32_t)atoi(argv[2]),
                     .interval_s = atoi(argv[3]),
                     .since_us = now_us - atoi(argv[4]) * hour_us,
                     .interval0_s = atoi(first[0]),
                     .since0_us = now_us - atoi(first[1]) * hour_us};
    int64_t from_us = f.since0_us < f.since_us ? f.since0_us : f.since_us;
    open_store(&f, 1);
    for (uint32_t check = 1; check <= f.checks; check++)
        add_check(f.store, check);
    add_results(&f, from_us, now_us - HOT_US);
    wait_packed(&f);
    close_store(&f);
    open_store(&f, 0);
    add_results(&f, now_us - HOT_US, now_us);
    close_store(&f);
    return 0;
}

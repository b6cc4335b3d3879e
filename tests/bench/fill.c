/* Fills a history as if CHECKS checks had been watched at INTERVAL seconds for
 * so many HOURS until now: c0, c1, … of the http plugin, one result in 500 bad.
 *
 *     bench_fill DIR CHECKS INTERVAL HOURS */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/store.h"

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
    bool bad = noise % 500 == 0;
    r.probe = sequence;
    r.started_us = at_us;
    r.started_ns = at_us * NS_PER_US;
    r.duration_ns = 2000000 + (int64_t)noise;
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

int main(int argc, char **argv)
{
    struct err err = {0};
    if (argc != 5)
        return 2;
    uint32_t checks = (uint32_t)atoi(argv[2]);
    int64_t step_us = atoi(argv[3]) * US_PER_S, now_us = clock_wall_us();
    struct store_options options = {
        .dir = argv[1], .committed = on_committed, .trouble = on_trouble};
    struct store *s = store_open(&options, &err);
    if (s == NULL) {
        fprintf(stderr, "%s\n", err.text);
        return 3;
    }
    for (uint32_t check = 1; check <= checks; check++)
        add_check(s, check);
    for (int64_t at_us = now_us - atoi(argv[4]) * 3600 * US_PER_S;
         at_us < now_us; at_us += step_us)
        for (uint32_t check = 1; check <= checks; check++)
            add_result(s, check, at_us + step_us / checks * (check - 1));
    while (committed < sequence)
        usleep(1000);
    store_close(s);
    return 0;
}

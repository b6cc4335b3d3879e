/* What the core itself spends on a good result, stage by stage, in nanoseconds
 * of CPU: the expectation, the message to main and back out of it, the model.
 *
 *     bench_micro        one JSON line a figure: the median of 7 rounds */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "expect/expect.h"
#include "model/model.h"
#include "wire/msg.h"

enum { ROUNDS = 7, EVALUATIONS = 300000, MESSAGES = 100000, STEPS = 100000 };
enum { CHECKS = 1000 };

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(const char *name, void (*fn)(long), long n)
{
    double rounds[ROUNDS];
    fn(n / 10);
    for (int i = 0; i < ROUNDS; i++) {
        double from = cpu_ns();
        fn(n);
        rounds[i] = (cpu_ns() - from) / (double)n;
    }
    qsort(rounds, ROUNDS, sizeof *rounds, compare);
    printf("{\"figure\": \"%s\", \"value\": %.0f, \"low\": %.0f, "
           "\"high\": %.0f, \"unit\": \"ns\", \"rounds\": %d}\n",
           name, rounds[ROUNDS / 2], rounds[0], rounds[ROUNDS - 1], ROUNDS);
    fflush(stdout);
}

/* ------------------------------------------------------------ expectation - */

static const struct rlv_field fields[] = {
    {"status", RLV_T_INT, RLV_RECORDED, "", ""},
    {"latency", RLV_T_DURATION, RLV_RECORDED, "", ""},
};
static struct rlv_value seen[2];
static struct expect *line;
static volatile long holds;

static const struct rlv_value *get(const void *arg, unsigned field,
                                   const char *key)
{
    (void)arg;
    (void)key;
    return &seen[field];
}

static struct expect *parse(const char *text)
{
    struct expect_scope scope = {fields, 2};
    struct expect_error error;
    struct expect *e = expect_parse(text, &scope, &error);
    if (e == NULL) {
        fprintf(stderr, "%s: %s\n", text, error.text);
        exit(3);
    }
    return e;
}

static void evaluate(long n)
{
    struct expect_input input = {.get = get};
    struct err err = {0};
    while (n-- > 0)
        holds += expect_eval(line, &input, &err) == EXPECT_TRUE;
}

static void expectations(void)
{
    seen[0] = rlv_int(200);
    seen[1] = rlv_duration(12 * NS_PER_MS);
    line = parse("status == 200");
    measure("expect.status", evaluate, EVALUATIONS);
    expect_free(line);
    line = parse("status in 200..299 and latency < 500ms");
    measure("expect.status_and_latency", evaluate, EVALUATIONS);
    expect_free(line);
}

/* ------------------------------------------------------------------- wire - */

static struct observation observed[4];

static struct result *good_result(uint64_t probe, uint32_t check, int64_t at_ns)
{
    struct result *r = result_new();
    r->probe = probe;
    r->check = check;
    r->generation = 1;
    r->started_ns = at_ns;
    r->started_us = at_ns / 1000;
    r->duration_ns = 1234567;
    r->phases_ns[RLV_PH_CONNECT] = 100000;
    r->phases_ns[RLV_PH_SEND] = 10000;
    r->phases_ns[RLV_PH_WAIT] = 900000;
    r->phases_ns[RLV_PH_RECEIVE] = 20000;
    observed[0] = (struct observation){"status", NULL, rlv_int(200), true};
    observed[1] =
        (struct observation){"latency", NULL, rlv_duration(1200000), true};
    observed[2] = (struct observation){"size", NULL, rlv_int(3), true};
    r->observations = observed;
    r->observation_count = 3;
    return r;
}

static void carry(long n)
{
    struct buf payload = {0};
    struct result *r = good_result(1, 1, NS_PER_S);
    while (n-- > 0) {
        buf_clear(&payload);
        msg_put_result(&payload, r);
        struct result *back = msg_get_result(payload.data, payload.len);
        if (back == NULL)
            abort();
        result_free(back);
    }
    result_free(r);
    buf_free(&payload);
}

/* ------------------------------------------------------------------ model - */

static struct model *model;
static struct now now = {1000 * NS_PER_S, 1700000000 * US_PER_S};

static void make_conf(void)
{
    struct conf *conf = calloc(1, sizeof *conf);
    conf->arena = arena_new();
    conf->refs = 1;
    conf->generation = 1;
    conf->checks = arena_alloc(conf->arena, CHECKS * sizeof *conf->checks);
    for (int i = 0; i < CHECKS; i++) {
        struct check_spec *c = &conf->checks[conf->check_count++];
        c->name = arena_printf(conf->arena, "check-%d", i);
        c->plugin = "http";
        c->target = c->name;
        c->interval_ns = c->down_interval_ns = 10 * NS_PER_S;
        c->retry_interval_ns = c->timeout_ns = 5 * NS_PER_S;
        c->failure_threshold = 3;
        c->success_threshold = 2;
        c->fingerprint = (uint64_t)i + 1;
    }
    struct event e = {.kind = EVENT_CONFIG, .as.conf = conf};
    model_step(model, &e, now);
    conf_unref(conf);
}

struct asked {
    uint64_t probe;
    uint32_t check;
    int64_t due_ns;
};

static size_t gather(const struct actions *a, struct asked *asked, size_t n)
{
    for (size_t i = 0; i < a->count && n < CHECKS; i++)
        if (a->items[i].kind == ACTION_PROBE)
            asked[n++] = (struct asked){a->items[i].as.probe.probe,
                                        a->items[i].as.probe.check,
                                        a->items[i].as.probe.due_ns};
    return n;
}

static void move_to(int64_t ns)
{
    if (ns <= now.mono_ns)
        return;
    now.wall_us += (ns - now.mono_ns) / NS_PER_US;
    now.mono_ns = ns;
}

/* Results answer probes in order; a tick when nothing is under way. The cost
 * of making the result is in it: there is no other way to hand one over. */
static void step(long n)
{
    static struct asked asked[CHECKS];
    static size_t count, next;
    while (n > 0) {
        if (next == count) {
            struct event tick = {.kind = EVENT_TICK};
            struct actions a = model_step(model, &tick, now);
            count = gather(&a, asked, 0);
            next = 0;
            if (count == 0)
                move_to(a.next_wake_ns);
            continue;
        }
        struct asked *p = &asked[next++];
        move_to(p->due_ns);
        struct event e = {.kind = EVENT_RESULT};
        e.as.result = good_result(p->probe, p->check, p->due_ns);
        struct actions a = model_step(model, &e, now);
        size_t kept = count - next;
        memmove(asked, asked + next, kept * sizeof *asked);
        next = 0;
        count = gather(&a, asked, kept);
        n--;
    }
}

int main(void)
{
    expectations();
    measure("wire.good_result", carry, MESSAGES);
    model = model_new(0);
    make_conf();
    measure("model.good_result", step, STEPS);
    model_free(model);
    return 0;
}

/* A blocking plugin that sleeps, for tests of core/worker: its fields have no
 * latency, so the core gives one. With `wrong` it calls what it must not. */
#include <relevo/plugin.h>
#include <time.h>

struct conf {
    int64_t sleep, wrong;
};

static const struct rlv_option options[] = {
    {"sleep", RLV_DURATION, 0, offsetof(struct conf, sleep), "10ms", NULL,
     "how long"},
    {"wrong", RLV_BOOL, 0, offsetof(struct conf, wrong), "false", NULL,
     "breaks the contract"},
};

static const struct rlv_field fields[] = {
    {"count", RLV_T_INT, RLV_RECORDED, "", "probes so far"},
};

static const struct rlv_host *h;

static int init(const struct rlv_host *host)
{
    h = host;
    return 0;
}

static void never(void *arg, int events)
{
    (void)arg;
    (void)events;
    __builtin_trap();
}

static void blocking(struct rlv_probe *p, const void *conf)
{
    const struct conf *c = conf;
    struct timespec t = {c->sleep / 1000000000, c->sleep % 1000000000};
    int64_t *count = h->keep(p, sizeof *count);
    nanosleep(&t, NULL);
    h->observe(p, 0, rlv_int(++*count));
    h->phase(p, RLV_PH_WAIT, c->sleep);
    if (c->wrong) {
        h->timer(h->check_scope(p), 0, never, NULL);
        h->done(p);
    }
}

RLV_PLUGIN(.name = "blocker", .version = "1", .summary = "sleeps",
           RLV_OPTIONS(struct conf, options), RLV_FIELDS(fields), .init = init,
           .blocking = blocking);

/* A plugin that does its worst where its option `act` says, for tests of the
 * whole program. Definitions make others of it: BLOCKING, CRASH_IN_INIT,
 * CRASH_IN_CONSTRUCTOR, MISSING_SYMBOL. */
#include <relevo/plugin.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#ifndef NAME
#define NAME "hostile"
#endif

struct conf {
    const char *act;
};

static const struct rlv_option options[] = {
    {"act", RLV_STRING, 0, offsetof(struct conf, act), "well", NULL, "what"},
};

static const struct rlv_field fields[] = {
    {"status", RLV_T_INT, RLV_RECORDED, "", "always 200"},
};

static const struct rlv_host *h;

static bool is(const struct conf *c, const char *act)
{
    return strcmp(c->act, act) == 0;
}

static void crash(void) { raise(SIGSEGV); }

static int init(const struct rlv_host *host)
{
    h = host;
#if defined(CRASH_IN_INIT)
    crash();
#endif
    return 0;
}

#if defined(CRASH_IN_CONSTRUCTOR)
__attribute__((constructor)) static void construct(void) { crash(); }
#endif

#if defined(MISSING_SYMBOL)
extern void there_is_no_such_function_anywhere(void);
__attribute__((constructor)) static void construct(void)
{
    there_is_no_such_function_anywhere();
}
#endif

#if defined(BLOCKING)
static void blocking(struct rlv_probe *p, const void *conf)
{
    struct timespec t = {3600, 0};
    if (is(conf, "sleep"))
        nanosleep(&t, NULL);
    if (is(conf, "crash"))
        crash();
    h->observe(p, 0, rlv_int(200));
}
#else
struct work {
    struct rlv_probe *probe;
    const struct conf *conf;
};

static void on_time(void *arg, int events)
{
    const struct work *w = arg;
    (void)events;
    if (is(w->conf, "crash-in-timer"))
        crash();
    for (volatile bool ever = is(w->conf, "loop"); ever;)
        ;
    h->observe(w->probe, 0, rlv_int(200));
    h->done(w->probe);
}

static void start(struct rlv_probe *p, const void *conf)
{
    struct work *w = h->alloc(h->probe_scope(p), sizeof *w);
    *w = (struct work){p, conf};
    if (is(conf, "crash"))
        crash();
    if (is(conf, "abort"))
        abort();
    if (is(conf, "exit"))
        exit(0);
    if (is(conf, "close"))
        for (int fd = 3; fd < 64; fd++)
            close(fd);
    h->timer(h->probe_scope(p), 1000000, on_time, w);
}
#endif

RLV_PLUGIN(.name = NAME, .version = "1", .summary = "does its worst",
           RLV_OPTIONS(struct conf, options), RLV_FIELDS(fields), .init = init,
#if defined(BLOCKING)
           .blocking = blocking
#else
           .start = start
#endif
);

/* A plugin that does its worst where its option `act` says, for tests of the
 * whole program. Definitions make others of it: BLOCKING, CRASH_IN_INIT,
 * HANG_IN_INIT, CRASH_IN_CONSTRUCTOR, MISSING_SYMBOL, OLDER_ABI, NEWER_ABI. */
#define _GNU_SOURCE
#include <locale.h>
#include <pthread.h>
#include <relevo/plugin.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
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

/* ----------------------------------------------------------------- acts --- */

static void crash(void) { raise(SIGSEGV); }

static void leave(void) { exit(0); }

static void leave_at_once(void) { _exit(0); }

static void loop(void)
{
    for (volatile bool ever = true; ever;)
        ;
}

/* Deeper and deeper; what it keeps on the stack is used, so stays there. */
static int dig(int depth)
{
    volatile char room[4096];
    room[depth % 4096] = (char)depth;
    return dig(depth + 1) + room[0];
}

static void overflow(void) { dig(0); }

/* As if there always were some; two of them, and it is through. */
static void leak(void)
{
    const size_t piece = 16 << 20;
    for (int i = 0; i < 128; i++)
        memset(malloc(piece), 1, piece);
}

static void leak_a_little(void)
{
    const size_t piece = 4 << 20;
    memset(malloc(piece), 1, piece);
}

static void close_all(void)
{
    for (int fd = 0; fd < 256; fd++)
        close(fd);
}

/* In the name of the host, to whoever listens. */
static void talk(void)
{
    for (int fd = 3; fd < 64; fd++)
        if (write(fd, "rubbish, rubbish, rubbish", 25) < 0)
            continue;
}

static void *crash_there(void *arg)
{
    crash();
    return arg;
}

static void *wait_there(void *arg)
{
    pause();
    return arg;
}

static void start_thread(void *(*what)(void *))
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, what, NULL) == 0)
        pthread_detach(thread);
}

static void crash_in_thread(void) { start_thread(crash_there); }

static void start_threads(void)
{
    for (int i = 0; i < 10; i++)
        start_thread(wait_there);
}

static void change_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    signal(SIGPIPE, SIG_DFL);
}

static void change_folder(void) { (void)!chdir("/"); }

static void change_mask(void) { umask(0); }

static void change_locale(void)
{
    if (setlocale(LC_ALL, "de_DE.UTF-8") == NULL)
        setlocale(LC_ALL, "C.UTF-8");
}

static void wait_long(void)
{
    struct timespec t = {3600, 0};
    nanosleep(&t, NULL);
}

static void wait_a_little(void)
{
    struct timespec t = {0, 200 * 1000000};
    nanosleep(&t, NULL);
}

static void open_one(void) { (void)!dup(STDERR_FILENO); }

static const struct {
    const char *name;
    void (*act)(void);
} acts[] = {
    {"crash", crash},
    {"abort", abort},
    {"exit", leave},
    {"_exit", leave_at_once},
    {"loop", loop},
    {"overflow", overflow},
    {"leak", leak},
    {"drip", leak_a_little},
    {"close", close_all},
    {"garbage", talk},
    {"thread-crash", crash_in_thread},
    {"threads", start_threads},
    {"signals", change_signals},
    {"cwd", change_folder},
    {"umask", change_mask},
    {"locale", change_locale},
    {"sleep", wait_long},
    {"nap", wait_a_little},
    {"descriptors", open_one},
};

/* "crash" is done in start() or blocking(), "timer:crash" in a timer. */
static void act(const char *name)
{
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        if (strcmp(acts[i].name, name) == 0)
            acts[i].act();
}

/* ----------------------------------------------------------- the plugin --- */

static int init(const struct rlv_host *host)
{
    h = host;
#if defined(CRASH_IN_INIT)
    crash();
#elif defined(HANG_IN_INIT)
    loop();
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
    const struct conf *c = conf;
    act(c->act);
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
    struct rlv_probe *p = w->probe;
    bool twice = is(w->conf, "twice");
    (void)events;
    if (strncmp(w->conf->act, "timer:", 6) == 0)
        act(w->conf->act + 6);
    h->observe(p, 0, rlv_int(200));
    h->done(p);
    if (twice)
        h->done(p);
}

static void on_late(void *arg, int events)
{
    (void)events;
    h->done(arg);
}

/* One millisecond; much later than the deadline, in a scope that outlives the
 * probe; or never. */
static void start(struct rlv_probe *p, const void *conf)
{
    struct work *w = h->alloc(h->probe_scope(p), sizeof *w);
    *w = (struct work){p, conf};
    act(w->conf->act);
    if (is(w->conf, "late"))
        h->timer(h->check_scope(p), h->deadline(p) - h->now() + 200000000,
                 on_late, p);
    else if (!is(w->conf, "never"))
        h->timer(h->probe_scope(p), 1000000, on_time, w);
}
#endif

#if defined(OLDER_ABI)
#undef RLV_ABI_MAJOR
#define RLV_ABI_MAJOR 0
#elif defined(NEWER_ABI)
#undef RLV_ABI_MINOR
#define RLV_ABI_MINOR 7
#endif

RLV_PLUGIN(.name = NAME, .version = "1", .summary = "does its worst",
           RLV_OPTIONS(struct conf, options), RLV_FIELDS(fields), .init = init,
#if defined(BLOCKING)
           .blocking = blocking
#else
           .start = start
#endif
);

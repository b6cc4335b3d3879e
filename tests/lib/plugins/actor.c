/* An asynchronous plugin that does what the option `act` says: for tests of
 * core/worker. Everything that plugin.h promises or forbids has an act. */
#include <errno.h>
#include <math.h>
#include <netdb.h>
#include <netinet/in.h>
#include <relevo/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct conf {
    const char *act, *text;
    int64_t after, number, spent;
};

enum {
    STATUS,
    LATENCY,
    BODY,
    HEADER,
    RATIO,
    NOTE,
    ANYTHING,
    EXPIRY,
    LOAD,
    BIG,
    ACTIVE,
    SEEN,
    DEAR
};

static const struct rlv_option options[] = {
    {"act", RLV_STRING, 0, offsetof(struct conf, act), "observe", NULL, "what"},
    {"text", RLV_STRING, 0, offsetof(struct conf, text), "", NULL, "a text"},
    {"after", RLV_DURATION, 0, offsetof(struct conf, after), "0", NULL, "when"},
    {"number", RLV_INT, 0, offsetof(struct conf, number), "200", NULL, "what"},
    {"spent", RLV_DURATION, 0, offsetof(struct conf, spent), "5ms", NULL,
     "the latency observed"},
};

static const struct rlv_field fields[] = {
    [STATUS] = {"status", RLV_T_INT, RLV_RECORDED, "", "the number"},
    [LATENCY] = {"latency", RLV_T_DURATION, RLV_RECORDED, "", "spent"},
    [BODY] = {"body", RLV_T_BODY, 0, "", "the text"},
    [HEADER] = {"header", RLV_T_MAP, RLV_NOCASE, "", "by name"},
    [RATIO] = {"ratio", RLV_T_REAL, 0, "", "a ratio"},
    [NOTE] = {"note", RLV_T_TEXT, RLV_COSTLY, "", "the text"},
    [ANYTHING] = {"anything", RLV_T_ANY, 0, "", "whatever"},
    [EXPIRY] = {"expiry", RLV_T_DURATION, 0, "", "never observed"},
    [LOAD] = {"load", RLV_T_PERCENT, 0, "", "a percentage"},
    [BIG] = {"big", RLV_T_SIZE, 0, "", "a size"},
    [ACTIVE] = {"active", RLV_T_BOOL, 0, "", "a truth"},
    [SEEN] = {"seen", RLV_T_TIME, 0, "", "a time"},
    [DEAR] = {"dear", RLV_T_INT, RLV_RECORDED | RLV_COSTLY, "", "the number"},
};

static const char *const expects[] = {"status in 200..299", NULL};
static const char *const warn_unless[] = {"expiry > 14d", NULL};

static const struct rlv_host *h;
static int released; /* calls deferred on scopes that ended */

struct work {
    struct rlv_probe *probe;
    const struct conf *conf;
    struct rlv_watch *watch, *timer;
    int fds[2];
    int64_t begun;
    int events, turn;
};

static bool is(const struct work *w, const char *act)
{
    return strcmp(w->conf->act, act) == 0;
}

static void observe_all(struct work *w)
{
    struct rlv_probe *p = w->probe;
    h->phase(p, RLV_PH_CONNECT, 1000000);
    h->phase(p, RLV_PH_CONNECT, 500000);
    h->phase(p, RLV_PH_WAIT, w->conf->spent);
    h->observe(p, STATUS, rlv_int(w->conf->number));
    h->observe(p, LATENCY, rlv_duration(w->conf->spent));
    h->observe(p, BODY, rlv_body(w->conf->text, strlen(w->conf->text)));
    h->observe_key(p, HEADER, "Content-Type", rlv_text("text/plain"));
    h->observe_key(p, HEADER, "content-type", rlv_text("text/html"));
    h->observe_key(p, HEADER, "age", rlv_int(7));
    h->observe(p, RATIO, rlv_real(0.25));
    if (h->wants(p, NOTE))
        h->observe(p, NOTE, rlv_text(w->conf->text));
    if (h->wants(p, DEAR))
        h->observe(p, DEAR, rlv_int(w->conf->number));
    h->observe(p, ANYTHING, rlv_bool(true));
    h->observe(p, LOAD, rlv_real(12.5));
    h->observe(p, BIG, rlv_size(1 << 20));
    h->observe(p, ACTIVE, rlv_bool(true));
    h->observe(p, SEEN, rlv_time(1700000000000000));
    h->evidence(p, "text", w->conf->text, strlen(w->conf->text));
}

static void deferred(void *arg)
{
    int *counter = arg;
    ++*counter;
}

static void must_not_fire(void *arg, int events)
{
    (void)arg;
    (void)events;
    abort(); /* its scope has ended */
}

/* ----------------------------------------------- what a scope promises --- */

static void last_call(void *arg)
{
    struct work *w = arg;
    h->rearm(w->timer, 0, 0);
    h->unwatch(w->timer);
    h->unwatch(w->watch);
    h->timer(h->probe_scope(w->probe), 0, must_not_fire, NULL);
    close(w->fds[0]);
    close(w->fds[1]);
    h->log(w->probe, RLV_LOG_INFO, "released");
}

static void on_pipe(void *arg, int events)
{
    struct work *w = arg;
    w->events |= events;
    h->rearm(w->watch, 0, 0);
    observe_all(w);
    h->observe(w->probe, STATUS, rlv_int(events));
    h->done(w->probe);
}

static void use_scope(struct work *w)
{
    if (pipe(w->fds) != 0 || write(w->fds[1], "x", 1) != 1)
        abort();
    struct rlv_scope *s = h->probe_scope(w->probe);
    h->defer(s, last_call, w);
    w->watch = h->watch(s, w->fds[0], RLV_READ | RLV_WRITE, on_pipe, w);
    w->timer = h->timer(s, 0, must_not_fire, w);
    h->rearm(w->timer, 0, 3600000000000);
    h->unwatch(h->timer(s, 0, must_not_fire, w));
}

static void on_hangup(void *arg, int events)
{
    struct work *w = arg;
    h->observe(w->probe, STATUS, rlv_int(events));
    close(w->fds[0]);
    h->done(w->probe);
}

static void hang_up(struct work *w)
{
    if (pipe(w->fds) != 0)
        abort();
    close(w->fds[1]);
    h->watch(h->probe_scope(w->probe), w->fds[0], RLV_READ, on_hangup, w);
}

static void on_bad_watch(void *arg, int events)
{
    struct work *w = arg;
    h->observe(w->probe, STATUS, rlv_int(events));
    h->done(w->probe);
}

/* ------------------------- a check's scope under a callback of its own --- */

struct cache {
    struct rlv_probe *probe;
    int uses;
};

static void on_cache(void *arg, int events)
{
    struct cache *c = arg;
    (void)events;
    h->observe(c->probe, STATUS, rlv_int(++c->uses));
    h->done(c->probe); /* the check may have been replaced meanwhile */
    c->probe = NULL;
    c->uses++;
}

static void use_cache(struct rlv_probe *p, const struct conf *conf)
{
    struct rlv_scope *s = h->check_scope(p);
    struct cache *c = h->alloc(s, sizeof *c);
    c->probe = p;
    h->timer(s, conf->after, on_cache, c);
}

/* ---------------------------------------------------------------- time --- */

static void spin(int64_t ns)
{
    for (int64_t until = h->now() + ns; h->now() < until;)
        ;
}

/* Turns of 0 ns each: they must not keep others from running. */
static void on_turn(void *arg, int events)
{
    struct work *w = arg;
    (void)events;
    if (++w->turn < 50) {
        h->rearm(w->timer, 0, 0);
        return;
    }
    observe_all(w);
    h->observe(w->probe, STATUS, rlv_int(w->turn));
    h->done(w->probe);
}

/* --------------------------------------------------------------- names --- */

static void on_addresses(void *arg, int gai, const struct sockaddr_storage *a,
                         size_t count)
{
    struct work *w = arg;
    if (w->turn == 0)
        abort(); /* called from within resolve() */
    h->observe(w->probe, STATUS, rlv_int(gai));
    h->observe(w->probe, ANYTHING, rlv_int((int64_t)count));
    if (count > 0 && a->ss_family == AF_INET)
        h->observe(w->probe, BIG,
                   rlv_size(ntohs(((const struct sockaddr_in *)a)->sin_port)));
    h->done(w->probe);
}

static void resolve(struct work *w)
{
    h->resolve(w->probe, w->conf->text, 8080, AF_INET, on_addresses, w);
    w->turn = 1;
}

/* -------------------------------------------- what breaks the contract --- */

static bool break_contract(struct work *w)
{
    struct rlv_probe *p = w->probe;
    if (is(w, "unknown-field"))
        h->observe(p, 77, rlv_int(1));
    else if (is(w, "wrong-type"))
        h->observe(p, STATUS, rlv_text("x"));
    else if (is(w, "no-key"))
        h->observe(p, HEADER, rlv_text("x"));
    else if (is(w, "null-key"))
        h->observe_key(p, HEADER, NULL, rlv_text("x"));
    else if (is(w, "core-fault"))
        h->fault(p, RLV_F_MISMATCH, NULL, 0, "I judge");
    else if (is(w, "no-fault"))
        h->fault(p, (enum rlv_fault)4711, NULL, 0, "?");
    else if (is(w, "phase"))
        h->phase(p, (enum rlv_phase)99, 1);
    else
        return false;
    h->fault(p, RLV_F_REFUSED, NULL, ECONNREFUSED, "too late");
    h->done(p);
    return true;
}

static void end_twice(struct work *w)
{
    struct rlv_probe *p = w->probe;
    observe_all(w);
    h->done(p); /* w is gone, too */
    h->done(p);
    h->observe(p, STATUS, rlv_int(500));
    h->fault(p, RLV_F_REFUSED, NULL, 0, "late");
    h->evidence(p, "late", "x", 1);
    h->phase(p, RLV_PH_DNS, 1);
    h->keep(p, 8);
    h->alloc(h->probe_scope(p), 8);
    h->timer(h->probe_scope(p), 0, must_not_fire, NULL);
    h->log(p, RLV_LOG_INFO, "late");
}

/* --------------------------------------------- faults and what is kept --- */

static void count_up(struct work *w)
{
    int *count = h->keep(w->probe, sizeof *count);
    if (++*count == 1)
        h->defer(h->check_scope(w->probe), deferred, &released);
    observe_all(w);
    h->observe(w->probe, ANYTHING, rlv_int(*count));
    h->observe(w->probe, BIG, rlv_size(released));
}

static void observe_much(struct work *w)
{
    static char much[40000];
    char key[400];
    memset(much, 'm', sizeof much);
    observe_all(w);
    h->observe(w->probe, NOTE, rlv_text_n(much, sizeof much));
    h->observe(w->probe, RATIO, rlv_real((double)NAN));
    for (int i = 0; i < 3000; i++) {
        snprintf(key, sizeof key, "k%d", i);
        h->observe_key(w->probe, HEADER, key, rlv_int(i));
    }
    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    h->observe_key(w->probe, HEADER, key, rlv_int(1));
    for (int i = 0; i < 5; i++)
        h->evidence(w->probe, "much", much, sizeof much);
    h->fault(w->probe, RLV_F_PROTOCOL,
             "a code that is far too long for the room that it has", 0,
             "%.2000s\x1b[31m", much);
}

static void act(struct work *w)
{
    struct rlv_probe *p = w->probe;
    if (is(w, "fault")) {
        h->fault(p, RLV_F_REFUSED, NULL, ECONNREFUSED, "connecting to %s",
                 w->conf->text);
        h->fault(p, RLV_F_TLS, NULL, 0, "a second one");
    } else if (is(w, "hint")) {
        observe_all(w);
        h->hint(p, RLV_F_ERROR_RESPONSE, "503", "the peer says %s",
                w->conf->text);
    } else if (is(w, "another")) {
        observe_all(w);
        h->hint(p, RLV_F_ERROR_RESPONSE, "503", "the first says so");
        if (h->another(p))
            h->observe(p, STATUS, rlv_int(w->conf->number + 1));
    } else if (is(w, "shortage")) {
        h->fault(p, RLV_F_UNREACHABLE, NULL, EMFILE, "socket");
    } else if (is(w, "self")) {
        h->fault(p, RLV_F_CONFIG, "NOPE", 0, "%s", w->conf->text);
    } else if (is(w, "much")) {
        observe_much(w);
    } else if (is(w, "keep")) {
        count_up(w);
    } else if (is(w, "spin")) {
        spin(w->conf->spent);
        observe_all(w);
    } else if (is(w, "log")) {
        observe_all(w);
        for (int i = 0; i < 200; i++)
            h->log(p, RLV_LOG_WARNING, "line %d\n\x1b[1m", i);
    } else if (is(w, "print")) {
        observe_all(w);
        printf("noise on standard output\n");
        fflush(stdout);
    } else if (is(w, "effects")) {
        h->effects(p);
        abort();
    } else {
        observe_all(w);
    }
    h->done(p);
}

static void on_time(void *arg, int events)
{
    struct work *w = arg;
    if (events != RLV_TIMER || h->now() < w->begun + w->conf->after)
        abort();
    if (is(w, "twice"))
        end_twice(w);
    else if (!break_contract(w))
        act(w);
}

static void start(struct rlv_probe *p, const void *conf)
{
    struct rlv_scope *s = h->probe_scope(p);
    struct work *w = h->alloc(s, sizeof *w);
    w->probe = p;
    w->conf = conf;
    w->begun = h->now();
    if (is(w, "hang"))
        h->timer(s, -1, must_not_fire, w);
    else if (is(w, "scope"))
        use_scope(w);
    else if (is(w, "hangup"))
        hang_up(w);
    else if (is(w, "bad-watch"))
        h->watch(s, -1, RLV_READ, on_bad_watch, w);
    else if (is(w, "resolve"))
        resolve(w);
    else if (is(w, "turns"))
        w->timer = h->timer(s, 0, on_turn, w);
    else if (is(w, "cache"))
        use_cache(p, conf);
    else if (is(w, "at-once"))
        act(w);
    else
        h->timer(s, w->conf->after, on_time, w);
}

static int init(const struct rlv_host *host)
{
    h = host;
    h->defer(h->worker_scope(), deferred, &released);
    return 0;
}

RLV_PLUGIN(.name = "actor", .version = "1", .summary = "does as it is told",
           RLV_OPTIONS(struct conf, options), RLV_FIELDS(fields),
           .expects = expects, .warn_unless = warn_unless, .init = init,
           .start = start);

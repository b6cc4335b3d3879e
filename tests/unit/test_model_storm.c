/* test_model_storm.c: a bad month at random: checks that need each other (three
 * deep, any of two, derived) fail and recover while somebody pauses, opens
 * windows, acknowledges, reloads with other checks, needs and runbooks, and the
 * watch is restarted, stands still, or is told a wrong time. After each step
 * what must always hold is looked at; at the end all is well again, and
 * everybody who heard of an outage has heard of its end. The numbers are
 * pseudo-random from a seed: a failure names it. RELEVO_SEED begins elsewhere,
 * RELEVO_LONG takes many more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/str.h"
#include "lib/world.h"

enum {
    SEEDS = 40,
    MANY_SEEDS = 2000,
    STEPS = 1500,
    CHECKS = 7,
    INCIDENTS = 4000
};

struct storm {
    struct world w;
    uint64_t random;
    unsigned seed;
    bool sick[CHECKS + 1]; /* what its probes find */
    bool calm;
    bool told[INCIDENTS];      /* a `down` was delivered, no `recovered` */
    struct conf *confs[STEPS]; /* every generation, to be freed */
    size_t conf_count;
};

static unsigned pick(struct storm *s, unsigned n)
{
    s->random = s->random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(s->random >> 33) % n;
}

/* ---------------------------------------------------------- generations --- */

static struct check_spec *add_check(struct storm *s, struct conf *c, unsigned i)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g"};
    struct check_spec *spec = &c->checks[c->check_count++];
    *spec = (struct check_spec){.name = names[i],
                                .plain_name = names[i],
                                .environment = "",
                                .severity = "major",
                                .plugin = "http",
                                .target = names[i],
                                .interval_ns = 10 * NS_PER_S,
                                .retry_interval_ns = 5 * NS_PER_S,
                                .down_interval_ns = 10 * NS_PER_S,
                                .timeout_ns = 5 * NS_PER_S,
                                .failure_threshold = 1 + pick(s, 3),
                                .success_threshold = 1 + pick(s, 2),
                                .fingerprint = i + 10 * pick(s, 3)};
    return spec;
}

static void add_need(struct storm *s, struct conf *c, struct check_spec *spec)
{
    size_t at = (size_t)(spec - c->checks);
    if (at == 0)
        return;
    struct need *n =
        &((struct need *)(uintptr_t)spec->needs)[spec->need_count++];
    n->any = pick(s, 2) == 0;
    n->parent_count = 1 + pick(s, 2);
    n->parents = arena_alloc(c->arena, 2 * sizeof *n->parents);
    for (size_t k = 0; k < n->parent_count; k++)
        n->parents[k] = &c->checks[pick(s, (unsigned)at)];
}

static void add_book(struct conf *c, const char *name, enum runbook_kind kind,
                     unsigned on)
{
    struct runbook_spec *b = &c->runbooks[c->runbook_count++];
    b->name = name;
    b->path = "/none";
    b->kind = kind;
    b->on = on;
    b->mode = AUTOMATION_AUTO;
    b->timeout_ns = 30 * NS_PER_S;
    b->cooldown_ns = kind == RUNBOOK_DIAGNOSE ? 60 * NS_PER_S : 0;
    b->repeat_ns = kind == RUNBOOK_NOTIFY ? 90 * NS_PER_S : 0;
}

/* Some checks, each needing some of those before it; whole: all of them. */
static struct conf *generation(struct storm *s, bool whole)
{
    struct conf *c = calloc(1, sizeof *c);
    c->arena = arena_new();
    c->refs = 1;
    c->generation = (uint32_t)s->conf_count + 1;
    c->automation = AUTOMATION_DIAGNOSE;
    c->checks = arena_alloc(c->arena, CHECKS * sizeof *c->checks);
    c->runbooks = arena_alloc(c->arena, 4 * sizeof *c->runbooks);
    for (unsigned i = 0; i < CHECKS; i++) {
        if (!whole && pick(s, 5) == 0)
            continue;
        struct check_spec *spec = add_check(s, c, i);
        spec->needs = arena_alloc(c->arena, 3 * sizeof *spec->needs);
        for (unsigned k = pick(s, 3); k > 0; k--)
            add_need(s, c, spec);
        if (i == 5 && spec != c->checks)
            spec->source = &c->checks[pick(s, (unsigned)(spec - c->checks))];
        if (!whole && pick(s, 12) == 0)
            spec->schedule = SCHEDULE_MANUAL;
    }
    add_book(c, "look", RUNBOOK_DIAGNOSE, ON_SUSPECT);
    add_book(c, "call", RUNBOOK_NOTIFY, ON_DOWN | ON_RECOVERED);
    s->confs[s->conf_count++] = c;
    return c;
}

static void reload(struct storm *s, bool whole)
{
    if (s->conf_count == STEPS)
        return;
    s->w.conf = generation(s, whole);
    world_config(&s->w);
}

/* --------------------------------------------------------- what must hold ---
 */

static const char *latest_texts(const struct storm *s)
{
    size_t skip = s->w.texts.len > 800 ? s->w.texts.len - 800 : 0;
    return buf_text(&s->w.texts) + skip;
}

#define HOLDS(s, what)                                              \
    do {                                                            \
        if (!(what))                                                \
            fail_msg("seed %u: not true: %s\n%s", (s)->seed, #what, \
                     latest_texts(s));                              \
    } while (0)

static size_t open_incidents(const struct model *m, uint32_t check)
{
    size_t n = 0;
    for (size_t i = 0; i < m->episode_count; i++) {
        const struct episode *e = m->episodes[i];
        n += e->row.check == check && !e->forming &&
             e->row.state != INCIDENT_RESOLVED;
    }
    return n;
}

static void look_at(const struct storm *s, const struct node *n)
{
    const struct model *m = s->w.model;
    enum check_state is = n->state.state;
    const struct episode *e = incident_find(m, n->state.incident);
    const char *waits = n->depend.waits_for == NULL ? "" : n->depend.waits_for;
    HOLDS(s, open_incidents(m, n->row.check) == (n->confirmed ? 1 : 0));
    HOLDS(s, !n->confirmed || (e != NULL && !e->forming));
    HOLDS(s, !n->confirmed || is == STATE_DOWN || is == STATE_UNKNOWN);
    HOLDS(s, is != STATE_DOWN || n->confirmed);
    HOLDS(s, is != STATE_SUSPECT || (e != NULL && e->forming));
    HOLDS(s, (is == STATE_IMPACTED) == (n->depend.impacts != NULL));
    HOLDS(s, is != STATE_IMPACTED || n->state.incident == 0);
    HOLDS(s, waits[0] == '\0' || is == STATE_IMPACTED || n->depend.waiting);
    HOLDS(s, n->spec != NULL || is == STATE_PENDING);
    HOLDS(s, is != STATE_PAUSED || !heap_has(&n->due));
}

/* Whatever runs belongs to an incident; nobody hears of an end without having
 * heard of the begin. */
static void look_at_run(struct storm *s, const struct run_row *row)
{
    HOLDS(s, row->incident != 0 && row->incident < INCIDENTS);
    if (row->kind == RUNBOOK_NOTIFY && row->on == ON_RECOVERED)
        HOLDS(s, s->told[row->incident]);
}

static void look(struct storm *s)
{
    const struct model *m = s->w.model;
    for (size_t i = 0; i < m->node_count; i++)
        if (!trouble_is(&m->nodes[i]->row))
            look_at(s, m->nodes[i]);
    for (size_t i = 0; i < s->w.last.count; i++)
        if (s->w.last.items[i].kind == ACTION_RUN)
            look_at_run(s, s->w.last.items[i].as.run.run);
}

/* --------------------------------------------------------------- events --- */

static void answer(struct storm *s, uint32_t probed, uint32_t check)
{
    bool bad = s->sick[check];
    bool blind = !s->calm && pick(s, 25) == 0;
    world_judged(&s->w, probed, check,
                 blind ? OUTCOME_UNKNOWN
                 : bad ? OUTCOME_FAIL
                       : OUTCOME_OK,
                 blind        ? RLV_F_RESOURCE
                 : !bad       ? RLV_F_NONE
                 : pick(s, 4) ? RLV_F_REFUSED
                              : RLV_F_TIMEOUT,
                 bad ? "ECONNREFUSED" : "");
    look(s);
}

/* A probe in flight ends, and what is judged from it. */
static void some_result(struct storm *s)
{
    uint32_t at = 1 + pick(s, CHECKS);
    const struct node *n = model_node(s->w.model, at);
    if (n == NULL || s->w.probe[at] == 0)
        return;
    uint64_t probe = s->w.probe[at];
    for (size_t i = 0; i < n->depend.derived_count; i++) {
        s->w.probe[at] = probe;
        answer(s, at, n->depend.derived[i]->row.check);
    }
    s->w.probe[at] = probe;
    answer(s, at, at);
}

static void end_run(struct storm *s, const struct run_row *row, bool well)
{
    well = well || row->attempt > 3; /* nothing is given up here */
    if (row->kind == RUNBOOK_NOTIFY && well)
        s->told[row->incident] = row->on != ON_RECOVERED;
    world_run_ends(&s->w, row->number, well ? 0 : 1, "");
    look(s);
}

static void pause_some(struct storm *s, bool paused)
{
    struct event e = {.kind = EVENT_PAUSE};
    e.as.pause.check = 1 + pick(s, CHECKS);
    e.as.pause.paused = paused;
    e.as.pause.until_us =
        pick(s, 2) ? 0 : s->w.now.wall_us + pick(s, 600) * US_PER_S;
    e.as.pause.actor = "ana";
    e.as.pause.reason = "";
    world_step(&s->w, &e);
}

static void window_some(struct storm *s)
{
    struct event e = {.kind = EVENT_WINDOW};
    e.as.window = (struct window_row){.until_us = s->w.now.wall_us +
                                                  (1 + pick(s, 300)) * US_PER_S,
                                      .checks = pick(s, 2) ? "a b" : "",
                                      .tags = "",
                                      .environments = "",
                                      .actor = "ana",
                                      .reason = ""};
    world_step(&s->w, &e);
}

static void acknowledge_some(struct storm *s)
{
    struct event e = {.kind = EVENT_ACKNOWLEDGE};
    e.as.acknowledge.incident = s->w.model->last_incident - pick(s, 3);
    e.as.acknowledge.actor = "ana";
    e.as.acknowledge.note = "";
    world_step(&s->w, &e);
}

static void restart(struct storm *s)
{
    struct world old = s->w;
    s->w.model = model_new(0);
    memset(s->w.probe, 0, sizeof s->w.probe);
    world_restart(&s->w, &old);
    for (const struct window *x = old.model->windows; x != NULL; x = x->next)
        model_restore_window(s->w.model, &x->row);
    s->w.model->last_probe = old.model->last_probe + 100;
    model_free(old.model);
    world_config(&s->w);
    look(s);
    for (const struct run_row *r; (r = model_live_run(s->w.model, 0)) != NULL;)
        end_run(s, r, pick(s, 2) == 0);
}

/* To when the model wants to be woken, or some seconds where it does not. */
static void wake(struct storm *s)
{
    HOLDS(s, s->w.last.next_wake_ns > s->w.now.mono_ns - NS_PER_S);
    if (s->w.last.next_wake_ns == MODEL_NEVER)
        world_pass(&s->w, 10 * NS_PER_S);
    else
        world_wake(&s->w);
}

/* The wall clock is set, far or near; mostly it is put right again later. */
static void set_clock(struct storm *s)
{
    static const int64_t by_s[] = {1,      3600,      -3600,     86400,
                                   -86400, 315360000, -315360000};
    struct event tick = {.kind = EVENT_TICK};
    int64_t right_us = 1700000000 * US_PER_S + s->w.now.mono_ns / NS_PER_US;
    if (s->w.now.wall_us != right_us && pick(s, 3) > 0)
        s->w.now.wall_us = right_us;
    else
        s->w.now.wall_us += by_s[pick(s, ARRAY_LEN(by_s))] * US_PER_S;
    world_step(&s->w, &tick);
}

static void something(struct storm *s)
{
    const struct run_row *live;
    switch (pick(s, 100)) {
    case 0: reload(s, false); break;
    case 1: restart(s); break;
    case 2: pause_some(s, true); break;
    case 3:
    case 4: pause_some(s, false); break;
    case 5: window_some(s); break;
    case 6: acknowledge_some(s); break;
    case 7:
    case 8: world_pass(&s->w, (int64_t)pick(s, 40) * NS_PER_S); break;
    case 9:
    case 10:
    case 11: s->sick[1 + pick(s, CHECKS)] = pick(s, 2) == 0; break;
    case 12: s->sick[1] = !s->sick[1]; break;
    case 13: set_clock(s); break;
    case 14: world_pass(&s->w, (int64_t)pick(s, 600) * NS_PER_S); break;
    default:
        live = model_live_run(s->w.model, 0);
        if (live != NULL && pick(s, 3) == 0)
            end_run(s, live, pick(s, 4) != 0);
        else if (pick(s, 3) == 0)
            wake(s);
        else
            some_result(s);
    }
    look(s);
}

/* ------------------------------------------------------------- the test --- */

static void calm_down(struct storm *s)
{
    memset(s->sick, 0, sizeof s->sick);
    s->calm = true;
    reload(s, true);
    look(s);
    for (uint32_t i = 1; i <= CHECKS; i++) {
        struct event e = {.kind = EVENT_PAUSE};
        e.as.pause.check = i;
        e.as.pause.actor = "ana";
        e.as.pause.reason = "";
        world_step(&s->w, &e);
        look(s);
    }
    for (int i = 0; i < 20000; i++) {
        const struct run_row *live = model_live_run(s->w.model, 0);
        if (live != NULL)
            end_run(s, live, true);
        else if (pick(s, 4) == 0)
            wake(s);
        else
            some_result(s);
        look(s);
    }
}

static void all_is_well(struct storm *s)
{
    const struct model *m = s->w.model;
    for (size_t i = 0; i < m->node_count; i++)
        HOLDS(s, m->nodes[i]->state.state == STATE_UP);
    HOLDS(s, m->waiting.count == 0 && m->live.count == 0);
    for (size_t i = 0; i < INCIDENTS; i++)
        if (s->told[i])
            fail_msg("seed %u: nobody was told of the end of I-%zu\n%s",
                     s->seed, i, latest_texts(s));
}

static void one_month(unsigned seed)
{
    struct storm *s = calloc(1, sizeof *s);
    s->seed = seed;
    s->random = seed * 2654435761u + 1;
    s->w.now = (struct now){1000 * NS_PER_S, 1700000000 * US_PER_S};
    s->w.model = model_new(0);
    s->w.conf = generation(s, true);
    world_config(&s->w);
    for (int i = 0; i < STEPS; i++)
        something(s);
    calm_down(s);
    all_is_well(s);
    model_free(s->w.model);
    for (size_t i = 0; i < s->conf_count; i++) {
        arena_free(s->confs[i]->arena);
        free(s->confs[i]);
    }
    buf_free(&s->w.log);
    buf_free(&s->w.texts);
    buf_free(&s->w.tells);
    free(s);
}

static void a_bad_month(void **unused)
{
    (void)unused;
    const char *from = getenv("RELEVO_SEED");
    unsigned seed = from == NULL ? 1 : (unsigned)strtoul(from, NULL, 10);
    unsigned end = seed + (getenv("RELEVO_LONG") ? MANY_SEEDS : SEEDS);
    for (; seed < end; seed++)
        one_month(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_bad_month)};
    return cmocka_run_group_tests_name("model_storm", tests, NULL, NULL);
}

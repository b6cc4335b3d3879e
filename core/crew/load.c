/* crew/load.c: which worker has which checks, and telling them. A check stays
 * with its worker over generations; what is derived is wherever its source is.
 * A blocking check is known to every blocking worker. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "crew/internal.h"
#include "crew/load.h"

/* What one worker does with ease: an eighth of a core; and the number of
 * checks from which it pays at the start that several take them in. */
enum { WORKER_PROBES_S = 1000, WORKER_CHECKS = 2500 };

/* ---------------------------------------------------------------- tell --- */

static bool is_for(const struct worker *w, const struct crew_check *check)
{
    if (w->blocking || check->blocking)
        return w->blocking && check->blocking;
    return check->worker == w->number - 1;
}

/* Origins of the catalogs in use. */
static uint16_t plugin_index(struct rlv_list *plugins, const char **items,
                             const char *path)
{
    for (size_t i = 0; i < plugins->count; i++)
        if (strcmp(items[i], path) == 0)
            return (uint16_t)i;
    items[plugins->count] = path;
    return (uint16_t)plugins->count++;
}

struct msg_check load_wire_check(const struct check_spec *s, uint32_t check,
                                 uint32_t of, uint16_t plugin)
{
    return (struct msg_check){
        .check = check,
        .of = of,
        .plugin = plugin,
        .name = s->name,
        .target = s->target,
        .timeout_ns = s->timeout_ns,
        .evidence_bytes = s->evidence_bytes,
        .fingerprint = s->fingerprint,
        .expects = s->expects,
        .warns = s->warns,
        .expect_count = s->expect_count,
        .warn_count = s->warn_count,
        .expect_faults = s->expect_faults,
        .records = s->records,
        .record_count = s->record_count,
        .settings = s->settings,
        .setting_count = s->setting_count,
    };
}

static bool is_sent(const struct worker *w, const struct crew_check *check)
{
    const struct check_spec *spec = check->spec;
    return is_for(w, check) && spec->missing == NULL && spec->catalog != NULL &&
           !quarantine_bars(w->crew, check);
}

static void add_check(struct msg_load *load, const char **paths,
                      const struct crew_check *check)
{
    uint16_t plugin = plugin_index(&load->plugins, paths,
                                   catalog_origin(check->spec->catalog));
    load->checks[load->check_count++] =
        load_wire_check(check->spec, check->check, check->of, plugin);
}

/* Only what this worker will probe: it sees no other check's secrets. What is
 * derived comes after all that is probed. */
void worker_send_load(struct worker *w)
{
    struct crew *c = w->crew;
    if (c->conf == NULL || w->child == NULL)
        return;
    struct arena *arena = arena_new();
    const char **paths =
        arena_alloc(arena, (c->conf->catalog_count + 1) * sizeof *paths);
    struct msg_load load = {.plugins = {paths, 0},
                            .denied = c->conf->private_paths,
                            .target_probes = (uint32_t)c->conf->target_probes};
    load.checks =
        arena_alloc(arena, (c->check_count + 1) * sizeof *load.checks);
    for (size_t i = 0; i < c->check_count; i++)
        if (c->checks[i].of == 0 && is_sent(w, &c->checks[i]))
            add_check(&load, paths, &c->checks[i]);
    for (size_t i = 0; i < c->derived_count; i++)
        if (is_sent(w, c->derived[i]) &&
            is_sent(w, crew_check(c, c->derived[i]->of)))
            add_check(&load, paths, c->derived[i]);
    struct buf payload = {0};
    msg_put_load(&payload, &load);
    process_send(w->child, MSG_LOAD, c->conf->generation, &payload);
    buf_free(&payload);
    arena_free(arena);
}

/* --------------------------------------------------------------- assign --- */

/* Checks of one target share a worker, which can then count how many probes
 * run against it at once; without such a limit they are spread. */
static unsigned home_of(const struct crew *c, const struct check_spec *spec,
                        uint32_t id)
{
    uint64_t key = spec->catalog == NULL || c->conf->target_probes == 0
                       ? id
                       : str_hash(spec->target, strlen(spec->target));
    return (unsigned)(key % c->used_count);
}

/* Where the configuration does not say how many workers there are, no more are
 * used than there is work for: each that is wakes up, and finds its caches
 * cold. */
static unsigned workers_for(const struct crew *c, const struct conf *conf)
{
    double probes_s = 0;
    must(c->worker_count > 0); /* crew_new */
    for (size_t i = 0; i < conf->check_count; i++) {
        const struct check_spec *s = &conf->checks[i];
        if (s->schedule == SCHEDULE_INTERVAL && s->source == NULL)
            probes_s += (double)NS_PER_S / (double)s->interval_ns;
    }
    unsigned by_rate = (unsigned)(probes_s / WORKER_PROBES_S);
    unsigned by_count = (unsigned)(conf->check_count / WORKER_CHECKS);
    unsigned wanted = 1 + (by_rate > by_count ? by_rate : by_count);
    return c->options.workers != 0 || wanted > c->worker_count ? c->worker_count
                                                               : wanted;
}

/* A derived one is wherever its source is. */
static struct crew_check know_check(const struct crew *c, const uint32_t *ids,
                                    size_t i)
{
    const struct check_spec *spec = &c->conf->checks[i];
    const struct check_spec *probed = spec->source ? spec->source : spec;
    uint32_t id = ids[probed - c->conf->checks];
    return (struct crew_check){.check = ids[i],
                               .spec = spec,
                               .of = spec->source ? id : 0,
                               .worker = home_of(c, probed, id),
                               .blocking = probed->catalog != NULL &&
                                           probed->catalog->blocking};
}

static int by_number(const void *a, const void *b)
{
    const struct crew_check *x = a, *y = b;
    return x->check < y->check ? -1 : x->check > y->check;
}

void crew_load(struct crew *c, struct conf *conf, const uint32_t *ids)
{
    struct conf *old = c->conf;
    quarantine_try_again(c);
    c->conf = conf_ref(conf);
    c->used_count = workers_for(c, conf);
    c->checks =
        xrealloc(c->checks, (conf->check_count + 1) * sizeof *c->checks);
    c->check_count = conf->check_count;
    for (size_t i = 0; i < conf->check_count; i++)
        c->checks[i] = know_check(c, ids, i);
    qsort(c->checks, c->check_count, sizeof *c->checks, by_number);
    derived_plan(c);
    for (unsigned i = 0; i < c->worker_count + c->blocking_count; i++)
        worker_send_load(&c->workers[i]);
    conf_unref(old);
}

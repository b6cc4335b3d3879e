/* crew/obituary.c: a worker has died; what becomes of its probes.
 *
 * The black-box page says which callback of which plugin was running, and for
 * which probe: that one ends as `plugin`. Where none was, or where the worker
 * was killed for what came over its channel, the last ones are suspects: see
 * find_suspects. Probes that had begun to change their target end as
 * `cancelled`. All others go to the new worker once more, flagged `retried`;
 * one that was retried already ends as `plugin` too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "crew/internal.h"

struct culprit {
    uint64_t probe; /* 0: none known */
    uint32_t callback;
    char plugin[32];
    bool suspected;                         /* no proof: it was the last one */
    uint64_t suspects[BLACKBOX_RECENT + 1]; /* probes in flight, of several */
    size_t suspect_count;
};

static bool is_in_flight(const struct worker *w, uint64_t probe)
{
    for (const struct flight *f = w->flights; f != NULL; f = f->next)
        if (f->probe.probe == probe)
            return true;
    return false;
}

static bool is_suspect(const struct culprit *c, uint64_t probe)
{
    for (size_t i = 0; i < c->suspect_count; i++)
        if (c->suspects[i] == probe)
            return true;
    return false;
}

static void add_suspect(const struct worker *w, struct culprit *c,
                        uint64_t probe)
{
    if (probe != 0 && is_in_flight(w, probe) && !is_suspect(c, probe))
        c->suspects[c->suspect_count++] = probe;
}

/* A descriptor that was closed, a word that was said in our name: the worker
 * dies a little after the callback that did it. One suspect is the culprit;
 * several are redone one by one, and will show who it is. */
static struct culprit find_suspects(const struct worker *w)
{
    const struct blackbox *box = process_blackbox(w->child);
    const struct blackbox_recent *last =
        &box->recent[atomic_load(&box->newest) % BLACKBOX_RECENT];
    struct culprit c = {.suspected = true};
    bool running = atomic_load(&box->entered_ns) != 0;
    uint64_t probe = atomic_load(running ? &box->probe : &last->probe);
    add_suspect(w, &c, probe);
    for (size_t i = 0; i < BLACKBOX_RECENT; i++)
        if (atomic_load(&box->recent[i].ended_ns) + SUSPECT_NS >
            atomic_load(&last->ended_ns))
            add_suspect(w, &c, atomic_load(&box->recent[i].probe));
    if (c.suspect_count != 1 || c.suspects[0] != probe)
        return c;
    c.probe = probe;
    c.callback = atomic_load(running ? &box->callback : &last->callback);
    return c;
}

static struct culprit find_culprit(const struct worker *w)
{
    const struct blackbox *box = process_blackbox(w->child);
    struct culprit c = {0};
    enum blame blame = process_blame(w->child);
    if (blame == BLAME_NOBODY)
        return c; /* whoever was running then has not done it */
    bool runs = atomic_load(&box->entered_ns) != 0;
    if (!runs && blame == BLAME_RUNNING)
        return c;
    if (!runs || blame == BLAME_LAST || atomic_load(&box->foreign) != 0) {
        c = find_suspects(w);
    } else {
        c.probe = atomic_load(&box->probe);
        c.callback = atomic_load(&box->callback);
    }
    memcpy(c.plugin, box->plugin, sizeof c.plugin);
    c.plugin[sizeof c.plugin - 1] = '\0';
    return c;
}

/* It was loading or initing: all of its checks are concerned. */
static bool is_coming_up(const struct culprit *c)
{
    return !c->suspected &&
           (c->callback == BLACKBOX_LOAD || c->callback == BLACKBOX_INIT);
}

static bool is_guilty(const struct worker *w, const struct flight *f,
                      const struct culprit *c)
{
    const struct crew_check *check = crew_check(w->crew, f->probe.check);
    if (is_coming_up(c))
        return check != NULL && quarantine_is_of(check, c->plugin);
    return c->probe == f->probe.probe ||
           (w->blocking && c->callback == BLACKBOX_BLOCKING);
}

/* "a timer callback in plugin http, worker 2 killed by signal 11 (…)" */
static void tell_how(char *text, size_t size, const struct worker *w,
                     const struct culprit *c, const char *how)
{
    snprintf(text, size, "%s%s in plugin %s, worker %u %s",
             c->suspected ? "probably " : "",
             blackbox_callback_text(c->callback), c->plugin, w->number, how);
}

/* Who is it that the worker died of? True: somebody is to blame. */
static bool accuse(struct worker *w, const struct culprit *c, const char *how)
{
    char text[400];
    if (c->callback == BLACKBOX_NONE || strcmp(c->plugin, "?") == 0)
        return false; /* in no plugin's code */
    tell_how(text, sizeof text, w, c, how);
    for (const struct flight *f = w->flights; f != NULL; f = f->next)
        if (!is_coming_up(c) && is_guilty(w, f, c)) {
            quarantine_note(w->crew, f->probe.check, c->plugin, text, false);
            return true;
        }
    quarantine_note(w->crew, 0, c->plugin, text, is_coming_up(c));
    return true;
}

static bool has_effects(const struct worker *w, uint64_t probe)
{
    const struct blackbox *box = process_blackbox(w->child);
    return atomic_load(&box->effects[probe % BLACKBOX_EFFECTS]) == probe;
}

static void end_probe(struct worker *w, const struct flight *f,
                      enum rlv_fault fault, const char *message)
{
    struct crew *c = w->crew;
    struct result *r = result_new();
    int64_t now = clock_mono_ns();
    int64_t since = f->sent_ns > f->probe.due_ns ? f->sent_ns : f->probe.due_ns;
    r->probe = f->probe.probe;
    r->check = f->probe.check;
    r->purpose = f->probe.purpose;
    r->generation = c->conf->generation;
    r->duration_ns = now > since ? now - since : 0;
    r->started_ns = now - r->duration_ns;
    r->started_us = clock_wall_us() - r->duration_ns / NS_PER_US;
    r->outcome = OUTCOME_UNKNOWN; /* all that is said here blames ourselves */
    r->fault = fault;
    r->message = arena_strdup(r->arena, message);
    derived_give(c, NULL, r);
}

/* It was redone, and has begun: a second worker died of something. */
static bool is_unlucky(const struct flight *f)
{
    return (f->probe.flags & PROBE_RETRIED) != 0 && f->apart == 0 &&
           f->probe.due_ns <= clock_mono_ns();
}

/* One probe of the dead; true: it is to be redone and stays a flight. */
static bool settle(struct worker *w, struct flight *f,
                   const struct culprit *culprit, const char *how,
                   unsigned *apart)
{
    char text[400];
    derived_drop(f);
    if (is_guilty(w, f, culprit)) {
        tell_how(text, sizeof text, w, culprit, how);
        end_probe(w, f, RLV_F_PLUGIN, text);
    } else if (has_effects(w, f->probe.probe)) {
        snprintf(text, sizeof text,
                 "worker %u %s; not redone: it may have changed its target",
                 w->number, how);
        end_probe(w, f, RLV_F_CANCELLED, text);
    } else if (is_unlucky(f)) {
        snprintf(text, sizeof text, "two workers in turn died: worker %u %s",
                 w->number, how);
        end_probe(w, f, RLV_F_PLUGIN, text);
    } else {
        f->probe.flags |= PROBE_RETRIED;
        if (is_suspect(culprit, f->probe.probe))
            f->apart = ++*apart;
        return true;
    }
    return false;
}

bool obituary(struct worker *w, const char *how)
{
    struct culprit culprit = find_culprit(w);
    if (culprit.callback != BLACKBOX_NONE)
        log_error("worker %u %s %s %s of plugin %s, %zu probes in flight",
                  w->number, how, culprit.suspected ? "soon after" : "while in",
                  blackbox_callback_text(culprit.callback), culprit.plugin,
                  w->flight_count);
    else
        log_error("worker %u %s, %zu probes in flight", w->number, how,
                  w->flight_count);
    bool accused = accuse(w, &culprit, how);
    struct flight *flights = w->flights;
    unsigned apart = 0;
    w->flights = NULL;
    w->flight_count = 0;
    while (flights != NULL) {
        struct flight *f = flights;
        flights = f->next;
        if (settle(w, f, &culprit, how, &apart)) {
            f->next = w->flights;
            w->flights = f;
            w->flight_count++;
        } else {
            flight_free(f);
        }
    }
    return accused;
}

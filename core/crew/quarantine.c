/* crew/quarantine.c: who kills workers again and again is held back.
 *
 * An offender is a check whose probes end workers, or a whole plugin: one that
 * cannot be loaded or inited, or that dies in a callback that belongs to no
 * probe. While one is held its probes end as `plugin` without being made, so
 * that a bad check costs the good ones beside it no more than a few workers.
 *
 * Happy path: a death is noted → at LEAST_DEATHS within WINDOW it is held (a
 * plugin that does not come up: at once), which is a trouble of the monitor
 * itself → its time is over, it gets another try → it brings results and no
 * death for as long again: it is pardoned, the trouble is over. A death before
 * that holds it for twice as long. What it brings in between wipes out nothing.
 * A new configuration gives all another try: whoever reloads may have repaired
 * it; main's death does so, too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/human.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "crew/internal.h"

#define WINDOW     (10 * 60 * NS_PER_S)
#define FIRST_HOLD (30 * NS_PER_S)
#define LAST_HOLD  (10 * 60 * NS_PER_S)

enum { LEAST_DEATHS = 3 };

struct offender {
    struct offender *next;
    uint32_t check;                  /* 0: the whole plugin */
    char *plugin;                    /* owned */
    char *object;                    /* owned: what its trouble is named by */
    int64_t deaths_ns[LEAST_DEATHS]; /* when: a ring, the oldest at `deaths` */
    unsigned deaths;                 /* since it was last given a new chance */
    int64_t until_ns, hold_ns;       /* 0: not held so far */
    int64_t clear_ns;                /* a result from then on pardons it */
    bool told;                       /* its trouble is on */
};

/* The black box knows a plugin by its name, or by its file before it has one.
 */
bool quarantine_is_of(const struct crew_check *check, const char *plugin)
{
    const struct catalog *c = check->spec->catalog;
    if (c == NULL || c->path == NULL || plugin[0] == '\0')
        return false;
    const char *slash = strrchr(c->path, '/');
    const char *file = slash == NULL ? c->path : slash + 1;
    size_t room = sizeof((struct blackbox *)NULL)->plugin - 1;
    return strncmp(c->name, plugin, room) == 0 ||
           strncmp(file, plugin, room) == 0;
}

static const char *name_of(const struct crew *c, const char *plugin)
{
    for (size_t i = 0; i < c->check_count; i++)
        if (quarantine_is_of(&c->checks[i], plugin))
            return c->checks[i].spec->catalog->name;
    return plugin;
}

static bool concerns(const struct offender *o, const struct crew_check *check)
{
    return o->check == 0 ? quarantine_is_of(check, o->plugin)
                         : o->check == check->check;
}

static struct offender *offender(struct crew *c, uint32_t check,
                                 const char *plugin)
{
    const struct crew_check *known = check == 0 ? NULL : crew_check(c, check);
    struct offender *o = c->offenders;
    while (o != NULL && (o->check != check || !str_eq(o->plugin, plugin)))
        o = o->next;
    if (o != NULL)
        return o;
    o = xcalloc(1, sizeof *o);
    o->check = check;
    o->plugin = xstrdup(plugin);
    o->object = xstrdup(known == NULL ? plugin : known->spec->name);
    o->next = c->offenders;
    c->offenders = o;
    return o;
}

static void free_offender(struct offender *o)
{
    free(o->plugin);
    free(o->object);
    free(o);
}

/* -------------------------------------------------------------- trouble --- */

static void tell(const struct crew *c, const struct offender *o, bool over,
                 const char *text)
{
    const struct trouble t = {.kind = o->check == 0 ? TROUBLE_OF_PLUGIN
                                                    : TROUBLE_OF_PROBES,
                              .object = o->object,
                              .over = over,
                              .text = text};
    if (c->events.trouble != NULL)
        c->events.trouble(c->events.arg, &t);
}

static void hold(struct crew *c, struct offender *o, int64_t now_ns,
                 const char *how)
{
    char time[HUMAN_TEXT], text[600];
    o->hold_ns = o->hold_ns == 0 ? FIRST_HOLD : o->hold_ns * 2;
    if (o->hold_ns > LAST_HOLD)
        o->hold_ns = LAST_HOLD;
    o->until_ns = now_ns + o->hold_ns;
    o->clear_ns = o->until_ns + o->hold_ns;
    human_elapsed(o->hold_ns, time);
    if (o->check == 0)
        snprintf(text, sizeof text,
                 "plugin %s is held back for %s: a worker died of it: %s",
                 o->plugin, time, how);
    else
        snprintf(text, sizeof text,
                 "the probes of %s are held back for %s: %u workers died of "
                 "them: %s",
                 o->object, time, o->deaths, how);
    log_error("%s", text);
    o->told = true;
    tell(c, o, false, text);
}

void quarantine_note(struct crew *c, uint32_t check, const char *plugin,
                     const char *how, bool at_once)
{
    int64_t now_ns = clock_mono_ns();
    struct offender *o = offender(c, check, name_of(c, plugin));
    o->deaths_ns[o->deaths++ % LEAST_DEATHS] = now_ns;
    int64_t oldest_ns = o->deaths_ns[o->deaths % LEAST_DEATHS];
    bool often = o->deaths >= LEAST_DEATHS && now_ns - oldest_ns <= WINDOW;
    bool held = now_ns < o->until_ns; /* several workers died at once */
    if (o->clear_ns < now_ns + FIRST_HOLD)
        o->clear_ns = now_ns + FIRST_HOLD;
    if (!held && (at_once || often || o->hold_ns != 0))
        hold(c, o, now_ns, how);
}

/* ----------------------------------------------------------------- held --- */

bool quarantine_holds(const struct crew *c, const struct crew_check *check,
                      char *text, size_t size)
{
    char left[HUMAN_TEXT];
    int64_t now_ns = clock_mono_ns();
    for (const struct offender *o = c->offenders; o != NULL; o = o->next) {
        if (now_ns >= o->until_ns || !concerns(o, check))
            continue;
        human_elapsed(o->until_ns - now_ns, left);
        snprintf(text, size,
                 "plugin %s is held back, workers died of it: tried again in "
                 "%s",
                 o->plugin, left);
        return true;
    }
    return false;
}

bool quarantine_bars(const struct crew *c, const struct crew_check *check)
{
    int64_t now_ns = clock_mono_ns();
    for (const struct offender *o = c->offenders; o != NULL; o = o->next)
        if (o->check == 0 && now_ns < o->until_ns && concerns(o, check))
            return true;
    return false;
}

/* --------------------------------------------------------------- pardon --- */

/* What is no trouble any more: why; NULL: it is, or never was. */
typedef const char *(*over)(const struct crew *, const struct offender *,
                            const struct crew_check *);

static void forget_if(struct crew *c, over is_over,
                      const struct crew_check *check)
{
    struct offender **link = &c->offenders;
    while (*link != NULL) {
        struct offender *o = *link;
        const char *why = is_over(c, o, check);
        if (why == NULL) {
            link = &o->next;
            continue;
        }
        *link = o->next;
        if (o->told)
            tell(c, o, true, why);
        free_offender(o);
    }
}

static const char *is_cleared(const struct crew *c, const struct offender *o,
                              const struct crew_check *check)
{
    (void)c;
    /* One that was never held is forgotten with its latest death. */
    int64_t from_ns = o->told ? o->clear_ns : o->clear_ns - FIRST_HOLD + WINDOW;
    bool cleared = concerns(o, check) && clock_mono_ns() >= from_ns;
    return cleared ? "it brings results again" : NULL;
}

void quarantine_pardon(struct crew *c, const struct crew_check *check)
{
    if (c->offenders != NULL && check != NULL)
        forget_if(c, is_cleared, check);
}

static const char *is_gone(const struct crew *c, const struct offender *o,
                           const struct crew_check *check)
{
    (void)check;
    bool found = o->check != 0 && crew_check(c, o->check) != NULL;
    for (size_t i = 0; o->check == 0 && !found && i < c->check_count; i++)
        found = concerns(o, &c->checks[i]);
    return found ? NULL : "it is no longer configured";
}

void quarantine_try_again(struct crew *c)
{
    for (struct offender *o = c->offenders; o != NULL; o = o->next) {
        o->until_ns = o->hold_ns = o->clear_ns = 0;
        o->deaths = 0;
    }
}

void crew_recall(struct crew *c, const struct trouble *t)
{
    uint32_t check = 0;
    if (t->kind == TROUBLE_OF_PROBES)
        check = UINT32_MAX; /* unless it is configured still */
    else if (t->kind != TROUBLE_OF_PLUGIN)
        return;
    for (size_t i = 0; check != 0 && i < c->check_count; i++)
        if (str_eq(c->checks[i].spec->name, t->object))
            check = c->checks[i].check;
    const struct crew_check *known = check == 0 ? NULL : crew_check(c, check);
    struct offender *o =
        offender(c, check, known == NULL ? t->object : known->spec->plugin);
    o->told = true;
    o->clear_ns = clock_mono_ns() + FIRST_HOLD;
}

void quarantine_clear(struct crew *c)
{
    while (c->offenders != NULL) {
        struct offender *o = c->offenders;
        c->offenders = o->next;
        free_offender(o);
    }
}

bool quarantine_tick(struct crew *c, int64_t now_ns)
{
    bool again = false;
    if (c->offenders != NULL && c->conf != NULL)
        forget_if(c, is_gone, NULL);
    for (struct offender *o = c->offenders; o != NULL; o = o->next)
        if (o->check == 0 && o->until_ns != 0 && now_ns >= o->until_ns) {
            o->until_ns = 0;
            again = true;
        }
    return again;
}

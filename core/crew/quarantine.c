/* crew/quarantine.c: who kills workers again and again is held back.
 *
 * An offender is a check whose probes end workers, or a whole plugin: one that
 * cannot be loaded or inited, or that dies in a callback that belongs to no
 * probe. While one is held its probes end as `plugin` without being made, so
 * that a bad check costs the good ones beside it no more than a few workers.
 *
 * Happy path: a death is noted → at LEAST_DEATHS in a row it is held (a plugin
 * that does not come up: at once) → its time is over, it gets another try → a
 * result pardons it, a death holds it for twice as long. A new configuration
 * pardons all: whoever reloads may have repaired it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/human.h"
#include "base/log.h"
#include "base/mem.h"
#include "crew/internal.h"

#define FIRST_HOLD (30 * NS_PER_S)
#define LAST_HOLD  (10 * 60 * NS_PER_S)

enum { LEAST_DEATHS = 3 };

struct offender {
    struct offender *next;
    uint32_t check; /* 0: the whole plugin */
    char plugin[32];
    unsigned deaths;           /* in a row */
    int64_t until_ns, hold_ns; /* 0: not held so far */
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
    size_t room = sizeof((struct offender *)NULL)->plugin - 1;
    return strncmp(c->name, plugin, room) == 0 ||
           strncmp(file, plugin, room) == 0;
}

static struct offender *find(struct crew *c, uint32_t check, const char *plugin)
{
    struct offender *o = c->offenders;
    while (o != NULL && (o->check != check || strcmp(o->plugin, plugin) != 0))
        o = o->next;
    return o;
}

static void hold(struct offender *o, int64_t now_ns)
{
    char text[HUMAN_TEXT];
    o->hold_ns = o->hold_ns == 0 ? FIRST_HOLD : o->hold_ns * 2;
    if (o->hold_ns > LAST_HOLD)
        o->hold_ns = LAST_HOLD;
    o->until_ns = now_ns + o->hold_ns;
    human_elapsed(o->hold_ns, text);
    if (o->check == 0)
        log_error("plugin %s is held back for %s: a worker died of it",
                  o->plugin, text);
    else
        log_error("a check of plugin %s is held back for %s: %u workers in a "
                  "row died of it",
                  o->plugin, text, o->deaths);
}

void quarantine_note(struct crew *c, uint32_t check, const char *plugin,
                     bool at_once)
{
    int64_t now_ns = clock_mono_ns();
    struct offender *o = find(c, check, plugin);
    if (o == NULL) {
        o = xcalloc(1, sizeof *o);
        o->check = check;
        snprintf(o->plugin, sizeof o->plugin, "%s", plugin);
        o->next = c->offenders;
        c->offenders = o;
    }
    o->deaths++;
    bool held = now_ns < o->until_ns; /* several workers died at once */
    if (!held && (at_once || o->deaths >= LEAST_DEATHS))
        hold(o, now_ns);
}

static bool concerns(const struct offender *o, const struct crew_check *check)
{
    return o->check == 0 ? quarantine_is_of(check, o->plugin)
                         : o->check == check->check;
}

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

static void forget_if(struct crew *c,
                      bool (*test)(const struct offender *,
                                   const struct crew_check *),
                      const struct crew_check *check)
{
    struct offender **link = &c->offenders;
    while (*link != NULL) {
        struct offender *o = *link;
        if (!test(o, check)) {
            link = &o->next;
            continue;
        }
        *link = o->next;
        free(o);
    }
}

/* A result that was on its way when the worker died pardons nobody. */
static bool is_cleared(const struct offender *o, const struct crew_check *check)
{
    return clock_mono_ns() >= o->until_ns && concerns(o, check);
}

static bool is_any(const struct offender *o, const struct crew_check *check)
{
    (void)o;
    (void)check;
    return true;
}

void quarantine_pardon(struct crew *c, const struct crew_check *check)
{
    if (c->offenders != NULL && check != NULL)
        forget_if(c, is_cleared, check);
}

void quarantine_clear(struct crew *c) { forget_if(c, is_any, NULL); }

bool quarantine_is_over(struct crew *c, int64_t now_ns)
{
    bool over = false;
    for (struct offender *o = c->offenders; o != NULL; o = o->next)
        if (o->check == 0 && o->until_ns != 0 && now_ns >= o->until_ns) {
            o->until_ns = 0;
            over = true;
        }
    return over;
}

/* model/window.c: maintenance: windows that a person opened, and those of the
 * configuration, recurring or once.
 *
 * Every window is looked at when one begins or ends, when one is opened by
 * hand, with a new configuration, and when the wall clock went back; in between
 * each check only points at the text of the window that it is in. Called from
 * hush.c. */
#include "model/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "base/human.h"
#include "base/mem.h"
#include "base/str.h"

enum { DAY_S = 24 * 60 * 60 };

/* ---------------------------------------------------------------- texts --- */

const char *window_time(struct model *m, int64_t wall_us)
{
    const struct tz *zone = m->conf == NULL ? NULL : m->conf->zone;
    int64_t at_s = civil_floor_div(wall_us, US_PER_S);
    int64_t now_s = civil_floor_div(m->now.wall_us, US_PER_S);
    int64_t local_s = at_s + tz_offset(zone, at_s);
    int64_t day = civil_floor_div(local_s, DAY_S);
    int minute = (int)(local_s - day * DAY_S) / 60;
    if (day == civil_floor_div(now_s + tz_offset(zone, now_s), DAY_S))
        return model_text(m, "%02d:%02d", minute / 60, minute % 60);
    struct civil date = civil_from_days(day);
    return model_text(m, "%04d-%02d-%02d %02d:%02d", (int)date.year, date.month,
                      date.day, minute / 60, minute % 60);
}

static const char *checks_text(struct model *m, size_t n)
{
    char text[HUMAN_TEXT];
    return model_text(m, "%s", human_count(n, "check", text));
}

/* ------------------------------------------------------------ selection --- */

/* "a b c" as a list on that arena. */
static struct rlv_list words_of(struct arena *arena, const char *text)
{
    size_t most = strlen(text) / 2 + 1;
    const char **words = arena_alloc(arena, most * sizeof *words);
    struct rlv_list list = {.items = words};
    for (const char *at = text + strspn(text, " "); *at != '\0';) {
        size_t n = strcspn(at, " ");
        words[list.count++] = arena_strndup(arena, at, n);
        at += n + strspn(at + n, " ");
    }
    return list;
}

struct selection { /* which checks a window covers */
    struct rlv_list checks, tags, environments;
};

static struct selection selection_of(struct arena *arena,
                                     const struct window_row *row)
{
    return (struct selection){words_of(arena, row->checks),
                              words_of(arena, row->tags),
                              words_of(arena, row->environments)};
}

static struct selection selection_planned(const struct maintenance_spec *spec)
{
    return (struct selection){spec->checks, spec->tags, spec->environments};
}

static bool is_selected(const struct selection *s, const struct check_spec *c)
{
    return check_is_selected(c, &s->checks, &s->tags, &s->environments);
}

static size_t count_checks(const struct model *m, const struct selection *s)
{
    size_t n = 0;
    for (size_t i = 0; i < m->conf->check_count; i++)
        n += is_selected(s, &m->conf->checks[i]);
    return n;
}

/* ---------------------------------------------------------- their times --- */

/* The last begin that is not after now, if it is not before `earliest`; else
 * CRON_NEVER. Looks back further and further, so that a frequent one is found
 * soon. */
static int64_t last_begin(const struct cron *cron, const struct tz *zone,
                          int64_t now_s, int64_t earliest_s)
{
    int64_t back_s = 60, begin;
    for (;; back_s *= 2) {
        int64_t from = now_s - back_s;
        if (from < earliest_s)
            from = earliest_s;
        begin = cron_next(cron, zone, from - 1);
        if (begin <= now_s)
            break;
        if (from == earliest_s)
            return CRON_NEVER;
    }
    for (int64_t next; (next = cron_next(cron, zone, begin)) <= now_s;)
        begin = next;
    return begin;
}

/* Sets the window's present time, or the next one; returns when to look
 * again. */
static int64_t plan_recurring(const struct model *m, struct planned *p)
{
    struct cron cron;
    int64_t now_s = civil_floor_div(m->now.wall_us, US_PER_S);
    int64_t lasts_us = p->spec->duration_ns / NS_PER_US;
    p->open = false;
    p->from_us = p->until_us = INT64_MAX;
    if (!cron_parse(p->spec->cron, &cron, NULL))
        return INT64_MAX;
    int64_t begin =
        last_begin(&cron, p->spec->zone, now_s, now_s - lasts_us / US_PER_S);
    int64_t next = cron_next(&cron, p->spec->zone, now_s);
    int64_t next_us = next == CRON_NEVER ? INT64_MAX : next * US_PER_S;
    p->open =
        begin != CRON_NEVER && m->now.wall_us < begin * US_PER_S + lasts_us;
    p->from_us = p->open ? begin * US_PER_S : next_us;
    if (p->from_us != INT64_MAX)
        p->until_us = p->from_us + lasts_us;
    return p->open && p->until_us < next_us ? p->until_us : next_us;
}

/* The next boundary of a window that is open from..until. */
static int64_t boundary(int64_t from_us, int64_t until_us, int64_t now_us)
{
    return now_us < from_us    ? from_us
           : now_us < until_us ? until_us
                               : INT64_MAX;
}

static int64_t plan(const struct model *m, struct planned *p)
{
    if (p->spec->cron != NULL)
        return plan_recurring(m, p);
    p->from_us = p->spec->from_us;
    p->until_us = p->spec->until_us;
    p->open = p->from_us <= m->now.wall_us && m->now.wall_us < p->until_us;
    return boundary(p->from_us, p->until_us, m->now.wall_us);
}

/* ------------------------------------------------------ a configuration --- */

static void free_planned(struct planned *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free((void *)(uintptr_t)list[i].name);
        free((void *)(uintptr_t)list[i].text);
    }
    free(list);
}

/* Windows keep by their name whether they have been told to be open. */
static void follow_config(struct model *m)
{
    struct planned *old = m->planned;
    size_t old_count = m->planned_count;
    if (m->planned_from == m->conf->generation)
        return;
    m->planned_from = m->conf->generation;
    m->planned_count = m->conf->maintenance_count;
    m->planned = xcalloc(m->planned_count + 1, sizeof *m->planned);
    for (size_t i = 0; i < m->planned_count; i++) {
        struct planned *p = &m->planned[i];
        p->spec = &m->conf->maintenance[i];
        model_own(&p->name, p->spec->name);
        model_own(&p->text, "");
        for (size_t k = 0; k < old_count; k++)
            if (str_eq(old[k].name, p->name))
                p->open = old[k].open;
    }
    for (size_t k = 0; k < old_count; k++) {
        bool gone = old[k].open;
        for (size_t i = 0; i < m->planned_count; i++)
            gone = gone && !str_eq(old[k].name, m->planned[i].name);
        if (gone)
            model_tell(m, TELL_NOTE, NULL,
                       "maintenance %s ends: it is no longer configured",
                       old[k].name);
    }
    free_planned(old, old_count);
}

/* ---------------------------------------------------------------- begin --- */

struct opening { /* a window that is open now */
    struct selection selection;
    const char *text;
    int64_t until_us;
};

struct openings {
    struct opening *items;
    size_t count;
};

static void tell_begin(struct model *m, const char *name,
                       const struct selection *s, int64_t until_us,
                       const char *reason)
{
    model_tell(m, TELL_NOTE, NULL, "maintenance %s %s: %s, until %s%s%s", name,
               m->settled_us == 0 ? "is open" : "begins",
               checks_text(m, count_checks(m, s)), window_time(m, until_us),
               reason[0] ? ": " : "", reason);
}

static void open_one(struct model *m, struct openings *all, const char *name,
                     const char **text, const struct selection *s,
                     int64_t until_us)
{
    model_own(text,
              model_text(m, "%s until %s", name, window_time(m, until_us)));
    all->items[all->count++] = (struct opening){*s, *text, until_us};
}

static int64_t settle_planned(struct model *m, struct openings *all)
{
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < m->planned_count; i++) {
        struct planned *p = &m->planned[i];
        bool was_open = p->open;
        int64_t next = plan(m, p);
        struct selection s = selection_planned(p->spec);
        if (next < due)
            due = next;
        if (p->open && !was_open)
            tell_begin(m, p->name, &s, p->until_us,
                       p->spec->reason == NULL ? "" : p->spec->reason);
        if (p->open)
            open_one(m, all, p->name, &p->text, &s, p->until_us);
        else if (was_open)
            model_tell(m, TELL_NOTE, NULL, "maintenance %s ends", p->name);
    }
    return due;
}

static void free_window(struct window *w)
{
    free((void *)(uintptr_t)w->row.checks);
    free((void *)(uintptr_t)w->row.tags);
    free((void *)(uintptr_t)w->row.environments);
    free((void *)(uintptr_t)w->row.actor);
    free((void *)(uintptr_t)w->row.reason);
    free((void *)(uintptr_t)w->text);
    free(w);
}

/* Those that are over are forgotten. */
static void drop_ended(struct model *m)
{
    char id[ID_TEXT];
    for (struct window **link = &m->windows, *w; (w = *link) != NULL;) {
        bool over = w->row.ended_us != 0 || w->row.until_us <= m->now.wall_us;
        if (!over) {
            link = &w->next;
            continue;
        }
        if (w->open)
            model_tell(m, TELL_NOTE, NULL, "maintenance %s ends",
                       id_text('M', w->row.number, id));
        *link = w->next;
        free_window(w);
    }
}

/* One that is open; when another one begins was said by the wall clock. */
void window_clock_moved(struct model *m, int64_t by_us)
{
    for (struct window *w = m->windows; w != NULL; w = w->next) {
        if (!w->open)
            continue;
        w->row.from_us += by_us;
        w->row.until_us += by_us;
        struct record r = {.kind = RECORD_WINDOW, .as.window = w->row};
        model_commit(m, GRADE_RELAXED, r);
    }
}

static int64_t settle_by_hand(struct model *m, struct openings *all)
{
    int64_t due = INT64_MAX;
    char id[ID_TEXT];
    for (struct window *w = m->windows; w != NULL; w = w->next) {
        bool was_open = w->open;
        int64_t next =
            boundary(w->row.from_us, w->row.until_us, m->now.wall_us);
        if (next < due)
            due = next;
        w->open = w->row.from_us <= m->now.wall_us;
        if (!w->open)
            continue;
        struct selection s = selection_of(m->scratch, &w->row);
        id_text('M', w->row.number, id);
        if (!was_open)
            tell_begin(m, id, &s, w->row.until_us, w->row.reason);
        open_one(m, all, id, &w->text, &s, w->row.until_us);
    }
    return due;
}

/* --------------------------------------------------------------- checks --- */

/* Of those that cover the check, the one that ends last. */
static const char *covered_by(const struct openings *all,
                              const struct check_spec *spec)
{
    const struct opening *best = NULL;
    for (size_t i = 0; i < all->count; i++)
        if (is_selected(&all->items[i].selection, spec) &&
            (best == NULL || all->items[i].until_us > best->until_us))
            best = &all->items[i];
    return best == NULL ? NULL : best->text;
}

/* Open incidents tell when their check comes under maintenance, except at our
 * start: it was told before. What was held for it is made up for at its end. */
static void mark_checks(struct model *m, const struct openings *all)
{
    for (size_t i = 0; i < m->node_count; i++) {
        struct node *n = m->nodes[i];
        bool was = n->maintenance != NULL;
        n->maintenance = n->spec == NULL ? NULL : covered_by(all, n->spec);
        bool is = n->maintenance != NULL;
        if (is && !was && m->settled_us != 0)
            incident_event(m, n, "maintenance", "begins: %s", n->maintenance);
        if (was && !is && n->spec != NULL)
            hush_ended(m, n);
    }
}

void window_settle(struct model *m)
{
    size_t by_hand = 0;
    follow_config(m);
    for (const struct window *w = m->windows; w != NULL; w = w->next)
        by_hand++;
    struct openings all = {0};
    all.items = arena_alloc(m->scratch, (by_hand + m->planned_count + 1) *
                                            sizeof *all.items);
    int64_t due = settle_planned(m, &all);
    drop_ended(m);
    int64_t other = settle_by_hand(m, &all);
    mark_checks(m, &all);
    m->hush_due_us = other < due ? other : due;
}

/* -------------------------------------------------------------- by hand --- */

static struct window *add_window(struct model *m, const struct window_row *row)
{
    struct window *w = xcalloc(1, sizeof *w), **link = &m->windows;
    w->row = *row;
    w->row.checks = w->row.tags = w->row.environments = w->row.actor =
        w->row.reason = NULL;
    model_own(&w->row.checks, row->checks);
    model_own(&w->row.tags, row->tags);
    model_own(&w->row.environments, row->environments);
    model_own(&w->row.actor, row->actor);
    model_own(&w->row.reason, row->reason);
    model_own(&w->text, "");
    while (*link != NULL)
        link = &(*link)->next;
    *link = w;
    return w;
}

void model_restore_window(struct model *m, const struct window_row *row)
{
    add_window(m, row);
    if (row->number > m->last_window)
        m->last_window = row->number;
}

/* "checks api*, tags smoke: the reason"; "everything". */
static const char *selection_text(struct model *m, const struct window_row *row)
{
    bool all = row->checks[0] == '\0' && row->tags[0] == '\0' &&
               row->environments[0] == '\0';
    return model_text(m, "%s%s%s%s%s%s%s until %s%s%s", all ? "everything" : "",
                      row->checks[0] ? "checks " : "", row->checks,
                      row->tags[0] ? " tags " : "", row->tags,
                      row->environments[0] ? " environments " : "",
                      row->environments, window_time(m, row->until_us),
                      row->reason[0] ? ": " : "", row->reason);
}

/* On disk before anyone is told that it holds; the audit says who. */
static void store_window(struct model *m, const struct window_row *row,
                         const char *actor, const char *action)
{
    char id[ID_TEXT];
    struct record r = {.kind = RECORD_WINDOW, .urgent = true};
    r.as.window = *row;
    model_commit(m, GRADE_DURABLE, r);
    model_audit(m, GRADE_DURABLE, actor, action, id_text('M', row->number, id),
                selection_text(m, row));
}

void window_event(struct model *m, const struct window_row *row)
{
    struct window *w = m->windows;
    if (row->number == 0) {
        w = add_window(m, row);
        w->row.number = ++m->last_window;
        if (w->row.from_us == 0)
            w->row.from_us = m->now.wall_us;
        store_window(m, &w->row, w->row.actor, "maintenance.start");
    } else {
        while (w != NULL && w->row.number != row->number)
            w = w->next;
        if (w == NULL)
            return;
        w->row.ended_us = m->now.wall_us;
        store_window(m, &w->row, row->actor, "maintenance.end");
    }
}

void window_free_all(struct model *m)
{
    while (m->windows != NULL) {
        struct window *w = m->windows;
        m->windows = w->next;
        free_window(w);
    }
    free_planned(m->planned, m->planned_count);
    m->planned = NULL;
    m->planned_count = 0;
}

/* ---------------------------------------------------------------- views --- */

const struct window_row *model_window(const struct model *m, size_t i)
{
    for (const struct window *w = m->windows; w != NULL; w = w->next)
        if (i-- == 0)
            return &w->row;
    return NULL;
}

uint64_t model_last_window(const struct model *m) { return m->last_window; }

static bool view_by_hand(const struct model *m, const struct window *w,
                         struct window_view *v)
{
    struct arena *arena = arena_new();
    struct selection s = selection_of(arena, &w->row);
    *v = (struct window_view){.row = &w->row,
                              .from_us = w->row.from_us,
                              .until_us = w->row.until_us,
                              .open = w->open,
                              .checks = count_checks(m, &s)};
    arena_free(arena);
    return true;
}

bool model_maintenance(const struct model *m, size_t i, struct window_view *v)
{
    for (const struct window *w = m->windows; w != NULL; w = w->next)
        if (i-- == 0)
            return view_by_hand(m, w, v);
    if (i >= m->planned_count)
        return false;
    const struct planned *p = &m->planned[i];
    struct selection s = selection_planned(p->spec);
    *v = (struct window_view){.spec = p->spec,
                              .from_us = p->from_us,
                              .until_us = p->until_us,
                              .open = p->open,
                              .checks = count_checks(m, &s)};
    return true;
}

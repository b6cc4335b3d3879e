/* cli/cmd_report.c: `relevo report handover`: what the next person on call must
 * know, from the history; the windows also from the daemon where it runs, which
 * knows those of the configuration. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/human.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/ask.h"
#include "cli/ledger.h"
#include "cli/out.h"
#include "cli/window.h"
#include "report/handover.h"
#include "report/json.h"

enum { DEFAULT_HOURS = 8, FLAPS_MOST = 5, FLAPS_LEAST = 2 };

/* What is gathered hangs on the ledger's arena. */
struct gather {
    struct ledger ledger;
    struct handover h;
    struct err err;
};

static bool is_wanted(const struct gather *g, uint32_t check)
{
    return ledger_is_of(&g->ledger, check, g->h.environment);
}

/* ----------------------------------------------------------- incidents --- */

static bool gather_incidents(struct gather *g)
{
    struct handover *h = &g->h;
    struct ledger *p = &g->ledger;
    struct incident_row *rows;
    size_t count;
    if (!reader_incidents(p->reader, p->arena, 0, 0, &rows, &count, &g->err))
        return false;
    h->open = arena_alloc(p->arena, (count + 1) * sizeof *h->open);
    h->resolved = arena_alloc(p->arena, (count + 1) * sizeof *h->resolved);
    for (size_t i = 0; i < count; i++) {
        struct handover_incident found = {&rows[i],
                                          ledger_name(p, rows[i].check)};
        if (!is_wanted(g, rows[i].check))
            continue;
        if (rows[i].state != INCIDENT_RESOLVED)
            h->open[h->open_count++] = found;
        else if (rows[i].resolved_us >= h->since_us)
            h->resolved[h->resolved_count++] = found;
    }
    return true;
}

/* ---------------------------------------------------------------- runs --- */

/* A later attempt of the same notice is among the rows, which are newest
 * first. */
static bool is_superseded(const struct run_row *rows, size_t i)
{
    uint64_t first = rows[i].first != 0 ? rows[i].first : rows[i].number;
    for (size_t k = 0; k < i; k++)
        if (rows[k].first == first)
            return true;
    return false;
}

static bool is_dead_letter(const struct run_row *rows, size_t i)
{
    return rows[i].kind == RUNBOOK_NOTIFY && rows[i].state == RUN_ENDED &&
           rows[i].verdict != VERDICT_DONE && rows[i].on != ON_ASKED &&
           !is_superseded(rows, i);
}

/* Every run of the time, newest first. */
static bool read_runs(struct gather *g, struct run_row **rows, size_t *count)
{
    struct ledger *p = &g->ledger;
    size_t limit = 256;
    do {
        limit *= 2;
        if (!ledger_runs(p, 0, limit, rows, count, &g->err))
            return false;
    } while (*count == limit &&
             (*rows)[*count - 1].intended_us >= g->h.since_us);
    while (*count > 0 && (*rows)[*count - 1].intended_us < g->h.since_us)
        --*count;
    return true;
}

static bool gather_runs(struct gather *g)
{
    struct handover *h = &g->h;
    struct ledger *p = &g->ledger;
    struct run_row *rows;
    size_t count;
    if (!read_runs(g, &rows, &count))
        return false;
    size_t size = (count + 1) * sizeof *h->would;
    h->would = arena_alloc(p->arena, size);
    h->held = arena_alloc(p->arena, size);
    h->dead = arena_alloc(p->arena, size);
    for (size_t i = 0; i < count; i++) {
        struct handover_run run = {&rows[i], ledger_name(p, rows[i].check)};
        if (!is_wanted(g, rows[i].check))
            continue;
        if (rows[i].state == RUN_WOULD)
            h->would[h->would_count++] = run;
        else if (rows[i].state == RUN_HELD)
            h->held[h->held_count++] = run;
        else if (is_dead_letter(rows, i))
            h->dead[h->dead_count++] = run;
    }
    return true;
}

/* -------------------------------------------------------- the silences --- */

/* Who paused it and why: of the step that did it. */
static const char *why_paused(struct gather *g, const struct state_row *state)
{
    struct reader_window w = {
        .check = state->check, .since_us = state->since_us, .limit = 1};
    struct transition_row *rows;
    size_t count;
    struct err err;
    if (!reader_transitions(g->ledger.reader, g->ledger.arena, &w, &rows,
                            &count, &err))
        return "";
    return count > 0 && rows[0].to == STATE_PAUSED ? rows[0].reason : "";
}

static bool gather_pauses(struct gather *g)
{
    struct handover *h = &g->h;
    struct ledger *p = &g->ledger;
    struct state_row *rows;
    size_t count;
    if (!reader_states(p->reader, p->arena, &rows, &count, &g->err))
        return false;
    h->paused = arena_alloc(p->arena, (count + 1) * sizeof *h->paused);
    for (size_t i = 0; i < count; i++)
        if (rows[i].state == STATE_PAUSED && is_wanted(g, rows[i].check))
            h->paused[h->paused_count++] = (struct handover_pause){
                ledger_name(p, rows[i].check), rows[i].since_us,
                rows[i].until_us, why_paused(g, &rows[i])};
    return true;
}

static bool gather_marks(struct gather *g)
{
    struct handover *h = &g->h;
    struct ledger *p = &g->ledger;
    struct mark_row *rows;
    size_t count;
    if (!reader_marks(p->reader, p->arena, h->since_us, 0, &rows, &count,
                      &g->err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (h->environment == NULL || rows[i].environment[0] == '\0' ||
            str_eq(rows[i].environment, h->environment))
            rows[h->mark_count++] = rows[i];
    h->marks = rows;
    return true;
}

static const char *what_of(struct gather *g, const json_t *match)
{
    struct buf what = {0};
    window_put_selection(&what, match);
    const char *text = arena_strdup(g->ledger.arena, buf_text(&what));
    buf_free(&what);
    return text;
}

static void add_stored(struct gather *g, const struct window_row *row)
{
    struct handover *h = &g->h;
    char id[ID_TEXT];
    json_t *match =
        json_pack("{s:o, s:o, s:o}", "check", report_words(row->checks), "tags",
                  report_words(row->tags), "environments",
                  report_words(row->environments));
    int64_t until_us = row->ended_us != 0 ? row->ended_us : row->until_us;
    bool ours = h->environment == NULL || row->environments[0] == '\0' ||
                str_eq(row->environments, h->environment);
    if (ours)
        h->windows[h->windows_count++] = (struct handover_window){
            arena_strdup(g->ledger.arena, id_text('M', row->number, id)),
            what_of(g, match),
            row->actor,
            row->reason,
            row->from_us,
            until_us,
            row->from_us <= h->now_us && h->now_us < until_us};
    json_decref(match);
}

/* Those of the configuration: by nobody. Its texts go to the arena. */
static void add_configured(struct gather *g, const json_t *window)
{
    struct handover *h = &g->h;
    struct arena *arena = g->ledger.arena;
    int64_t from = 0, until = 0;
    if (json_is_string(json_object_get(window, "by")) ||
        !clock_parse(report_member(window, "from"), &from) ||
        !clock_parse(report_member(window, "until"), &until))
        return;
    h->windows[h->windows_count++] = (struct handover_window){
        arena_strdup(arena, report_member(window, "id")),
        what_of(g, json_object_get(window, "match")),
        "the configuration",
        arena_strdup(arena, report_member(window, "reason")),
        from,
        until,
        str_eq(report_member(window, "state"), "open")};
}

static bool gather_windows(struct gather *g, const struct args *args)
{
    struct handover *h = &g->h;
    struct ledger *p = &g->ledger;
    struct window_row *rows;
    struct err silent;
    size_t count, i;
    json_t *window;
    if (!reader_windows(p->reader, p->arena, h->since_us, &rows, &count,
                        &g->err))
        return false;
    json_t *known = ask_list(cli_state_dir(args),
                             ask_request("maintenance.list", args), &silent);
    h->windows = arena_alloc(p->arena, (count + json_array_size(known) + 1) *
                                           sizeof *h->windows);
    for (i = 0; i < count; i++)
        add_stored(g, &rows[i]);
    json_array_foreach (known, i, window) {
        add_configured(g, window);
    }
    json_decref(known);
    return true;
}

/* --------------------------------------------------------------- flaps --- */

static int most_first(const void *a, const void *b)
{
    const struct handover_flap *x = a, *y = b;
    return x->times != y->times ? (x->times < y->times ? 1 : -1)
                                : strcmp(x->check, y->check);
}

/* Suspect, and up or degraded again without having been down. */
static bool count_flaps(struct gather *g, uint32_t check, size_t *times)
{
    struct reader_window w = {.check = check, .since_us = g->h.since_us};
    struct transition_row *rows;
    struct arena *arena = arena_new();
    size_t count;
    *times = 0;
    bool ok =
        reader_transitions(g->ledger.reader, arena, &w, &rows, &count, &g->err);
    for (size_t i = 0; ok && i < count; i++)
        *times += rows[i].from == STATE_SUSPECT &&
                  (rows[i].to == STATE_UP || rows[i].to == STATE_DEGRADED);
    arena_free(arena);
    return ok;
}

static bool gather_flaps(struct gather *g)
{
    struct handover *h = &g->h;
    struct ledger *p = &g->ledger;
    size_t times;
    h->flaps = arena_alloc(p->arena, (p->check_count + 1) * sizeof *h->flaps);
    for (size_t i = 0; i < p->check_count; i++) {
        if (!is_wanted(g, p->checks[i].check))
            continue;
        if (!count_flaps(g, p->checks[i].check, &times))
            return false;
        if (times >= FLAPS_LEAST)
            h->flaps[h->flaps_count++] =
                (struct handover_flap){p->checks[i].name, times};
    }
    qsort(h->flaps, h->flaps_count, sizeof *h->flaps, most_first);
    if (h->flaps_count > FLAPS_MOST)
        h->flaps_count = FLAPS_MOST;
    return true;
}

/* ------------------------------------------------------------- command --- */

static int period_of(const struct args *args, struct handover *h)
{
    int64_t ns = DEFAULT_HOURS * 3600 * NS_PER_S;
    struct err err;
    const char *since = args_get(args, "since");
    if (since != NULL && !human_parse_duration(since, &ns, &err))
        return cli_fail(EXIT_USAGE, "--since: %s", err.text);
    h->now_us = clock_wall_us();
    h->since_us = h->now_us - ns / NS_PER_US;
    h->environment = args_get(args, "env");
    h->clock = out_clock;
    return EXIT_FINE;
}

static void print(const struct args *args, const struct handover *h)
{
    struct buf text = {0};
    if (args_has(args, "json")) {
        out_json(handover_json(h));
        return;
    }
    if (str_eq(args_get(args, "format"), "markdown"))
        handover_markdown(h, &text);
    else
        handover_text(h, &text);
    fputs(buf_text(&text), stdout);
    buf_free(&text);
}

int cmd_report_handover(const struct args *args)
{
    struct gather g = {.h = {.environment = NULL}};
    int status = cli_page_format(args);
    if (status == EXIT_FINE)
        status = period_of(args, &g.h);
    if (status == EXIT_FINE)
        status = ledger_open(&g.ledger, args);
    if (status != EXIT_FINE)
        return status;
    if (!ledger_environment(&g.ledger, g.h.environment, &g.err))
        status = cli_fail(EXIT_USAGE, "%s", g.err.text);
    else if (gather_incidents(&g) && gather_runs(&g) && gather_pauses(&g) &&
             gather_marks(&g) && gather_windows(&g, args) && gather_flaps(&g))
        print(args, &g.h);
    else
        status = cli_fail(EXIT_INTERNAL, "%s", g.err.text);
    ledger_close(&g.ledger);
    return status;
}

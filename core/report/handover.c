/* report/handover.c: see handover.h. Text and Markdown are the same lists of
 * sentences; a dialect says how a title and a line look. */
#include "report/handover.h"

#include <string.h>

#include "base/str.h"
#include "model/fault.h"
#include "report/md.h"
#include "report/story.h"

struct page {
    const struct handover *h;
    struct buf *out;
    struct buf line; /* gathers here as it is, then is made safe */
    bool markdown;
};

/* -------------------------------------------------------------- pieces --- */

static void put_safe(struct page *p)
{
    if (p->markdown)
        md_text(p->out, buf_text(&p->line));
    else
        str_clean_buf(p->out, buf_text(&p->line), p->line.len, false);
    buf_clear(&p->line);
}

static void put_title(struct page *p, const char *title)
{
    buf_addf(p->out, p->markdown ? "\n## %s\n\n" : "\n%s\n", title);
}

/* The line that has gathered. */
static void put_item(struct page *p)
{
    buf_adds(p->out, p->markdown ? "- " : "  ");
    put_safe(p);
    buf_adds(p->out, "\n");
}

static void add_said(struct page *p, const char *text)
{
    if (text != NULL && text[0] != '\0')
        buf_addf(&p->line, ": %s", text);
}

/* ----------------------------------------------------------- incidents --- */

static void add_incident(struct page *p, const struct handover_incident *i)
{
    char id[ID_TEXT];
    const struct incident_row *row = i->row;
    bool open = row->state != INCIDENT_RESOLVED;
    buf_addf(&p->line, "%s %s %s ", id_text('I', row->number, id), i->check,
             open ? "is down since" : "was down from");
    buf_addf(&p->line, "%s%s", p->h->clock(row->began_us),
             open ? ", for " : " for ");
    story_put_elapsed(&p->line, row->began_us,
                      open ? p->h->now_us : row->resolved_us);
    buf_addf(&p->line, "; %s%s%s", fault_name(row->fault),
             row->code[0] ? " " : "", row->code);
    add_said(p, row->cause[0] ? row->cause : row->summary);
    if (row->acknowledged_us != 0) {
        buf_addf(&p->line, "; acknowledged by %s at %s", row->acknowledged_by,
                 p->h->clock(row->acknowledged_us));
        add_said(p, row->note);
    } else if (open) {
        buf_adds(&p->line, "; nobody has acknowledged it");
    }
    put_item(p);
}

static void put_incidents(struct page *p, const char *title,
                          const struct handover_incident *list, size_t count)
{
    put_title(p, title);
    for (size_t i = 0; i < count; i++)
        add_incident(p, &list[i]);
    if (count == 0) {
        buf_adds(&p->line, "none");
        put_item(p);
    }
}

/* --------------------------------------------------------- the silences --- */

static void put_pauses(struct page *p)
{
    const struct handover *h = p->h;
    if (h->paused_count > 0)
        put_title(p, "Paused checks");
    for (size_t i = 0; i < h->paused_count; i++) {
        const struct handover_pause *pause = &h->paused[i];
        buf_addf(&p->line, "%s since %s, until ", pause->check,
                 h->clock(pause->since_us));
        buf_adds(&p->line, pause->until_us == PAUSED_DISABLED ? "it is enabled"
                           : pause->until_us == 0 ? "somebody resumes it"
                                                  : h->clock(pause->until_us));
        buf_addf(&p->line, "%s%s", pause->why[0] ? ", " : "", pause->why);
        put_item(p);
    }
}

static void put_windows(struct page *p)
{
    const struct handover *h = p->h;
    if (h->windows_count > 0)
        put_title(p, "Maintenance");
    for (size_t i = 0; i < h->windows_count; i++) {
        const struct handover_window *w = &h->windows[i];
        buf_addf(&p->line, "%s %s from %s", w->id,
                 w->open                  ? "is open"
                 : w->from_us > h->now_us ? "is to come"
                                          : "was open",
                 h->clock(w->from_us));
        buf_addf(&p->line, " to %s, for %s, by %s", h->clock(w->until_us),
                 w->what, w->by);
        add_said(p, w->reason);
        put_item(p);
    }
}

static void put_marks(struct page *p)
{
    const struct handover *h = p->h;
    if (h->mark_count > 0)
        put_title(p, "Marks");
    for (size_t i = 0; i < h->mark_count; i++) {
        const struct mark_row *mark = &h->marks[i];
        buf_addf(&p->line, "%s by %s%s%s: %s", h->clock(mark->at_us),
                 mark->actor, mark->environment[0] ? ", " : "",
                 mark->environment, mark->text);
        put_item(p);
    }
}

/* ---------------------------------------------------------------- runs --- */

static void put_runs(struct page *p, const char *title,
                     const struct handover_run *list, size_t count)
{
    char id[ID_TEXT], incident[ID_TEXT];
    if (count > 0)
        put_title(p, title);
    for (size_t i = 0; i < count; i++) {
        const struct run_row *row = list[i].row;
        id_text('I', row->incident, incident);
        buf_addf(&p->line, "%s %s %s for %s%s%s", id_text('R', row->number, id),
                 p->h->clock(row->intended_us), row->runbook, list[i].check,
                 incident[0] ? ", " : "", incident);
        add_said(p, row->reason);
        put_item(p);
    }
}

static void put_flaps(struct page *p)
{
    const struct handover *h = p->h;
    if (h->flaps_count > 0)
        put_title(p, "Suspect and up again most often");
    for (size_t i = 0; i < h->flaps_count; i++) {
        buf_addf(&p->line, "%s: %zu times", h->flaps[i].check,
                 h->flaps[i].times);
        put_item(p);
    }
}

static void put_head(struct page *p)
{
    const struct handover *h = p->h;
    buf_adds(p->out, p->markdown ? "# " : "");
    buf_adds(&p->line, "Handover");
    if (h->environment != NULL)
        buf_addf(&p->line, " of %s", h->environment);
    put_safe(p);
    buf_adds(p->out, p->markdown ? "\n\n" : "\n");
    buf_addf(&p->line, "%s to %s (", h->clock(h->since_us),
             h->clock(h->now_us));
    story_put_elapsed(&p->line, h->since_us, h->now_us);
    buf_addf(&p->line, "): %zu open, %zu resolved", h->open_count,
             h->resolved_count);
    put_safe(p);
    buf_adds(p->out, "\n");
}

static void render(const struct handover *h, struct buf *out, bool markdown)
{
    struct page p = {.h = h, .out = out, .markdown = markdown};
    put_head(&p);
    put_incidents(&p, "Open incidents", h->open, h->open_count);
    put_incidents(&p, "Resolved", h->resolved, h->resolved_count);
    put_runs(&p, "Notices that were given up", h->dead, h->dead_count);
    put_pauses(&p);
    put_windows(&p);
    put_marks(&p);
    put_runs(&p, "Would have run", h->would, h->would_count);
    put_runs(&p, "Held back", h->held, h->held_count);
    put_flaps(&p);
    buf_free(&p.line);
}

void handover_text(const struct handover *h, struct buf *out)
{
    render(h, out, false);
}

void handover_markdown(const struct handover *h, struct buf *out)
{
    render(h, out, true);
}

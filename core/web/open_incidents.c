/* web/open_incidents.c: what is wrong now, as it stands on top of the overview:
 * each open incident with its fault, its cause and what its diagnosis found.
 * See page.h. */
#include "web/page.h"

#include <stdlib.h>

#include "base/mem.h"
#include "model/fault.h"

enum { SHOWN = 8, IMPACTS_SHOWN = 12, FINDINGS_SHOWN = 4 };

static void put_impact(struct page *p, const struct story *s)
{
    size_t shown = 0;
    for (size_t i = 0; i < s->impact_count && shown < IMPACTS_SHOWN; i++) {
        if (s->impacts[i].until_us != 0)
            continue;
        if (shown == 0) {
            html_markup(p->html, "<p class=\"impact\">");
            put_word(p, W_IMPACT);
            html_markup(p->html, ": ");
        } else {
            html_markup(p->html, ", ");
        }
        put_check_link(p, s->impacts[i].check, s->impacts[i].check);
        shown++;
    }
    if (shown > 0 && shown < s->impact_count)
        html_markup(p->html, ", …");
    if (shown > 0)
        html_markup(p->html, "</p>\n");
}

static void put_heading(struct page *p, const struct story *s)
{
    struct html *h = p->html;
    html_markup(h, "<h3>");
    put_incident_link(p, s->row.number);
    html_markup(h, " ");
    put_check_link(p, s->check, s->check);
    html_markup(h, " ");
    put_state(p, STATE_DOWN, "");
    html_markup(h, " <span class=\"when\">");
    PUT_WORDS(p, W_DOWN_FOR, text_elapsed_us(p, s->row.began_us, p->now_us));
    html_markup(h, " (");
    put_time(p, s->row.began_us);
    html_markup(h, ")</span>");
    if (s->row.state == INCIDENT_ACKNOWLEDGED) {
        html_markup(h, " <span class=\"flag acknowledged\">");
        PUT_WORDS(p, W_TAKEN_BY, s->row.acknowledged_by);
        html_markup(h, "</span>");
    }
    html_markup(h, "</h3>\n");
}

static void put_incident(struct page *p, const struct story *s)
{
    struct html *h = p->html;
    html_markup(h, "<li class=\"incident\">\n");
    put_heading(p, s);
    html_markup(h, "<p class=\"message\">");
    put_fault(p, fault_name(s->row.fault), s->row.code);
    html_markup(h, " ");
    html_text(h, s->row.summary);
    html_markup(h, "</p>\n");
    size_t before = html_length(h);
    put_findings(p, s, FINDINGS_SHOWN);
    if (html_length(h) == before && s->row.cause[0] != '\0') {
        html_markup(h, "<p class=\"cause\"><strong>");
        put_word(p, W_CAUSE);
        html_markup(h, ":</strong> ");
        html_text(h, s->row.cause);
        html_markup(h, "</p>\n");
    }
    put_impact(p, s);
    html_markup(h, "</li>\n");
}

/* What the card needs of it; the page of the incident shows all. */
static bool read_story(const struct page *p, struct story *s)
{
    struct story_source source = page_source(p);
    struct err err;
    s->check = story_check_name(&source, s->row.check);
    return reader_incident_runs(p->reader, p->arena, s->row.number, &s->runs,
                                &s->run_count, &err) &&
           story_impacts(&source, s->row.number, &s->impacts, &s->impact_count,
                         &err);
}

static int newest_first(const void *a, const void *b)
{
    const struct incident_row *x = a, *y = b;
    return x->number > y->number ? -1 : x->number < y->number;
}

/* Those of the checks that are shown; one that is only forming is not stored.
 */
static size_t open_ones(const struct page *p,
                        bool (*is_shown)(const void *, const struct fact *),
                        const void *arg, struct incident_row *rows)
{
    size_t n = 0;
    struct err err;
    for (size_t i = 0; i < p->facts.count; i++) {
        const struct fact *f = &p->facts.checks[i];
        if (f->incident != 0 && is_shown(arg, f) &&
            reader_incident(p->reader, p->arena, f->incident, &rows[n], &err) &&
            rows[n].state != INCIDENT_RESOLVED)
            n++;
    }
    qsort(rows, n, sizeof *rows, newest_first);
    return n;
}

void put_open_incidents(struct page *p,
                        bool (*is_shown)(const void *, const struct fact *),
                        const void *arg)
{
    struct html *h = p->html;
    if (p->reader == NULL)
        return;
    struct incident_row *rows =
        arena_alloc(p->arena, (p->facts.count + 1) * sizeof *rows);
    size_t count = open_ones(p, is_shown, arg, rows);
    if (count == 0)
        return;
    html_markup(h, "<section>\n<h2>");
    put_word(p, W_OPEN_INCIDENTS);
    html_markup(h, "</h2>\n<ul class=\"incidents\">\n");
    for (size_t i = 0; i < count && i < SHOWN; i++) {
        struct story s = {.row = rows[i], .now_us = p->now_us};
        if (read_story(p, &s))
            put_incident(p, &s);
    }
    html_markup(h, "</ul>\n");
    if (count > SHOWN) {
        html_markup(h, "<p><a");
        page_href(p, "/incidents", "");
        html_markup(h, ">");
        PUT_WORDS(p, W_MORE, text_number(p, count - SHOWN));
        html_markup(h, "</a></p>\n");
    }
    html_markup(h, "</section>\n");
}

/* web/incident_page.c: one incident: what happened, why, and what each runbook
 * said and did. See page.h. */
#include "web/page.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/fault.h"

enum { OUTPUT_LINES = 60, OUTPUT_BYTES = 8192 };

/* -------------------------------------------------------------------- top ---
 */

static void put_term(struct page *p, enum word term)
{
    html_markup(p->html, "<dt>");
    put_word(p, term);
    html_markup(p->html, "</dt><dd>");
}

static void put_times(struct page *p, const struct story *s)
{
    struct html *h = p->html;
    const struct incident_row *row = &s->row;
    put_term(p, W_BEGAN);
    put_time_long(p, row->began_us);
    html_markup(h, ", ");
    PUT_WORDS(p, W_CONFIRMED_AFTER,
              text_elapsed_us(p, row->began_us, row->opened_us));
    html_markup(h, "</dd>\n");
    if (row->resolved_us != 0) {
        put_term(p, W_RESOLVED);
        put_time_long(p, row->resolved_us);
        html_markup(h, "</dd>\n");
    }
    put_term(p, W_LASTED);
    html_text(h,
              text_elapsed_us(p, row->began_us,
                              story_is_open(s) ? p->now_us : row->resolved_us));
    if (story_is_open(s)) {
        html_markup(h, " ");
        put_word(p, W_SO_FAR);
    }
    if (row->reopened > 0) {
        html_markup(h, ", ");
        PUT_WORDS(p, W_REOPENED, text_number(p, row->reopened));
    }
    html_markup(h, "</dd>\n");
}

static void put_acknowledged(struct page *p, const struct incident_row *row)
{
    struct html *h = p->html;
    if (row->acknowledged_us == 0)
        return;
    put_term(p, W_ACKNOWLEDGED);
    put_time_long(p, row->acknowledged_us);
    html_textf(h, ", %s%s%s", row->acknowledged_by, row->note[0] ? ": " : "",
               row->note);
    html_markup(h, "</dd>\n");
}

static void put_cause(struct page *p, const struct story *s)
{
    struct buf cause = {0};
    story_put_cause(&cause, s);
    put_term(p, W_CAUSE);
    html_text_n(p->html, buf_text(&cause), cause.len);
    html_markup(p->html, "</dd>\n");
    buf_free(&cause);
}

static void put_about(struct page *p, const struct story *s)
{
    struct html *h = p->html;
    const struct incident_row *row = &s->row;
    html_markup(h, "<dl class=\"about\">\n");
    put_times(p, s);
    put_acknowledged(p, row);
    put_term(p, W_FAULT);
    put_fault(p, fault_name(row->fault), row->code);
    html_textf(h, " %s", fault_info(row->fault)->text);
    html_markup(h, "</dd>\n");
    if (row->summary[0] != '\0') {
        put_term(p, W_MESSAGE);
        html_text(h, row->summary);
        html_markup(h, "</dd>\n");
    }
    put_cause(p, s);
    if (s->owner != NULL && s->owner[0] != '\0') {
        put_term(p, W_OWNER);
        html_text(h, s->owner);
        html_markup(h, "</dd>\n");
    }
    html_markup(h, "</dl>\n");
}

static void put_impact(struct page *p, const struct story *s)
{
    struct html *h = p->html;
    if (s->impact_count == 0)
        return;
    html_markup(h, "<section>\n<h2>");
    put_word(p, W_IMPACT);
    html_markup(h, "</h2>\n<ul class=\"plain\">\n");
    for (size_t i = 0; i < s->impact_count; i++) {
        const struct story_impact *impact = &s->impacts[i];
        html_markup(h, "<li>");
        put_check_link(p, impact->check, impact->check);
        html_markup(h, " ");
        put_word(p, W_SINCE);
        html_markup(h, " ");
        put_time(p, impact->since_us);
        if (impact->until_us != 0) {
            html_markup(h, " ");
            put_word(p, W_UNTIL);
            html_markup(h, " ");
            put_time(p, impact->until_us);
        }
        html_markup(h, "</li>\n");
    }
    html_markup(h, "</ul>\n</section>\n");
}

/* --------------------------------------------------------------- timeline ---
 */

static void put_timeline(struct page *p, const struct story *s)
{
    static const enum word columns[] = {W_TIME, W_AFTER, W_EVENT,
                                        W_WHAT_HAPPENED};
    struct html *h = p->html;
    html_markup(h, "<section>\n<h2>");
    put_word(p, W_TIMELINE);
    html_markup(h, "</h2>\n");
    page_scroll_begin(p, W_TIMELINE);
    html_markup(h, "<table class=\"list timeline\">\n<thead><tr>");
    page_columns(p, columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < s->event_count; i++) {
        const struct event_row *e = &s->events[i];
        html_markup(h, "<tr><td>");
        put_time_long(p, e->at_us);
        html_markup(h, "</td>");
        page_cell(p, "number", say(p, W_AFTER));
        if (e->at_us >= s->row.began_us)
            html_text(h, text_elapsed_us(p, s->row.began_us, e->at_us));
        html_markup(h, "</td><td><code>");
        html_text(h, e->event);
        html_markup(h, "</code></td><td class=\"text\">");
        html_text(h, e->text);
        html_markup(h, "</td></tr>\n");
    }
    html_markup(h, "</tbody>\n</table>\n");
    page_scroll_end(p);
    html_markup(h, "</section>\n");
}

/* ------------------------------------------------------------------- runs ---
 */

static void put_output(struct page *p, const struct run_row *run)
{
    struct html *h = p->html;
    size_t len = strlen(run->output);
    size_t shown = len < OUTPUT_BYTES ? len : OUTPUT_BYTES;
    if (len == 0)
        return;
    html_markup(h, "<details><summary>");
    PUT_WORDS(p, W_OUTPUT_OF, run->runbook, text_id(p, 'R', run->number));
    html_markup(h, "</summary>\n<pre>");
    html_lines(h, run->output, shown, OUTPUT_LINES);
    html_markup(h, "</pre>\n");
    if (shown < len) {
        html_markup(h, "<p class=\"quiet\">");
        put_word(p, W_CUT);
        html_markup(h, "</p>\n");
    }
    html_markup(h, "</details>\n");
}

static const char *run_class(const struct run_row *run)
{
    if (run->state != RUN_ENDED)
        return run->state > RUN_ENDED ? "paused" : "pending";
    switch (run->verdict) {
    case VERDICT_DONE:
    case VERDICT_FIXED: return "up";
    case VERDICT_FAILED:
    case VERDICT_MADE_WORSE:
    case VERDICT_NOT_FIXED: return "down";
    default: return "unknown";
    }
}

static void put_run(struct page *p, const struct run_row *run)
{
    struct html *h = p->html;
    html_markup(h, "<tr><td>");
    html_text(h, text_id(p, 'R', run->number));
    html_markup(h, "</td><td>");
    html_text(h, runbook_kind_name(run->kind));
    html_markup(h, "</td><td>");
    html_text(h, run->runbook);
    html_markup(h, "</td><td><b class=\"state ");
    html_attr_value(h, run_class(run));
    html_markup(h, "\">");
    html_text(h, story_run_result(run));
    html_markup(h, "</b></td>");
    page_cell(p, "number", say(p, W_EXIT));
    if (run->exit_status >= 0)
        html_textf(h, "%d", run->exit_status);
    html_markup(h, "</td>");
    page_cell(p, "number", say(p, W_TOOK));
    if (run->started_us != 0 && run->ended_us != 0)
        html_text(h, text_elapsed_us(p, run->started_us, run->ended_us));
    html_markup(h, "</td><td class=\"text\">");
    html_textf(h, "%s%s%s", run->held_by,
               run->held_by[0] && run->reason[0] ? ": " : "", run->reason);
    html_markup(h, "</td></tr>\n");
}

static void put_runs(struct page *p, const struct story *s)
{
    static const enum word columns[] = {W_RUN,  W_KIND, W_RUNBOOK, W_RESULT,
                                        W_EXIT, W_TOOK, W_REASON};
    struct html *h = p->html;
    if (s->run_count == 0)
        return;
    html_markup(h, "<section>\n<h2>");
    put_word(p, W_RUNBOOKS);
    html_markup(h, "</h2>\n");
    page_scroll_begin(p, W_RUNBOOKS);
    html_markup(h, "<table class=\"list\">\n<thead><tr>");
    page_columns(p, columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < s->run_count; i++)
        put_run(p, &s->runs[i]);
    html_markup(h, "</tbody>\n</table>\n");
    page_scroll_end(p);
    for (size_t i = 0; i < s->run_count; i++)
        put_output(p, &s->runs[i]);
    html_markup(h, "</section>\n");
}

/* ------------------------------------------------------------------- page ---
 */

static void put_top(struct page *p, const struct story *s)
{
    struct html *h = p->html;
    html_markup(h, "<h1>");
    html_textf(h, "%s ", text_id(p, 'I', s->row.number));
    html_markup(h, "<span class=\"of\">");
    if (facts_find(&p->facts, s->check) != NULL)
        put_check_link(p, s->check, s->check);
    else
        html_text(h, s->check);
    html_markup(h, "</span> ");
    put_incident_state(p, s->row.state);
    html_markup(h, "</h1>\n");
    put_about(p, s);
}

static void put_finding_section(struct page *p, const struct story *s)
{
    html_markup(p->html, "<section>\n<h2>");
    put_word(p, W_FINDINGS);
    html_markup(p->html, "</h2>\n");
    size_t before = html_length(p->html);
    put_findings(p, s, SIZE_MAX);
    if (html_length(p->html) == before) {
        html_markup(p->html, "<p class=\"quiet\">");
        put_word(p, W_NO_FINDINGS);
        html_markup(p->html, "</p>\n");
    }
    html_markup(p->html, "</section>\n");
}

static void put_failure(struct page *p, enum word heading,
                        const struct result *r)
{
    if (r == NULL)
        return;
    html_markup(p->html, "<section>\n<h2>");
    put_word(p, heading);
    html_markup(p->html, "</h2>\n");
    put_result(p, NULL, r);
    html_markup(p->html, "</section>\n");
}

bool page_of_incident(struct page *p, uint64_t number)
{
    struct story s = {.now_us = p->now_us};
    struct story_source source = page_source(p);
    struct err err;
    if (p->reader == NULL || number == 0 ||
        !reader_incident(p->reader, p->arena, number, &s.row, &err))
        return false;
    if (!story_read(&source, &s, &err))
        p->no_reader = arena_strdup(p->arena, err.text);
    const struct fact *f = facts_find(&p->facts, s.check);
    s.owner = f == NULL ? NULL : f->owner;
    p->refreshes = story_is_open(&s);
    page_begin(
        p, arena_printf(p->arena, "%s %s", text_id(p, 'I', number), s.check));
    put_top(p, &s);
    put_finding_section(p, &s);
    put_impact(p, &s);
    put_timeline(p, &s);
    put_runs(p, &s);
    put_failure(p, W_FIRST_FAILURE, s.first);
    put_failure(p, W_LATEST_FAILURE, s.again);
    page_end(p);
    return true;
}

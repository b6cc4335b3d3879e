/* web/check_page.c: one check: how it is, what its last result saw, how it
 * fared (check_history.c), its latest results and incidents. See page.h. */
#include "web/page.h"

#include "base/clock.h"
#include "base/mem.h"
#include "model/fault.h"

enum { RESULTS_SHOWN = 20, INCIDENTS_SHOWN = 10 };

/* ------------------------------------------------------------------- top ---
 */

static void put_term(struct page *p, enum word term)
{
    html_markup(p->html, "<dt>");
    put_word(p, term);
    html_markup(p->html, "</dt><dd>");
}

static void put_links(struct page *p, const struct fact *f)
{
    struct html *h = p->html;
    for (size_t i = 0; i < f->link_count; i++) {
        if (i > 0)
            html_markup(h, ", ");
        if (!html_url_is_safe(f->links[i].url)) {
            html_textf(h, "%s: %s", f->links[i].name, f->links[i].url);
            continue;
        }
        html_markup(h, "<a rel=\"noreferrer noopener\"");
        html_attr(h, "href", f->links[i].url);
        html_markup(h, ">");
        html_text(h, f->links[i].name);
        html_markup(h, "</a>");
    }
}

static void put_tags(struct page *p, const struct fact *f)
{
    for (size_t i = 0; i < f->tag_count; i++) {
        html_markup(p->html, " <a class=\"tag\" href=\"/?tag=");
        html_url_query(p->html, f->tags[i]);
        page_handed_on(p, false);
        html_markup(p->html, "\">");
        html_text(p->html, f->tags[i]);
        html_markup(p->html, "</a>");
    }
}

static void put_about(struct page *p, const struct fact *f)
{
    struct html *h = p->html;
    html_markup(h, "<dl class=\"about\">\n");
    put_term(p, W_PLUGIN);
    html_text(h, f->plugin);
    if (f->interval_ns > 0) {
        html_markup(h, ", ");
        PUT_WORDS(p, W_EVERY, text_duration(p, f->interval_ns));
    }
    html_markup(h, "</dd>\n");
    if (f->environment[0] != '\0') {
        put_term(p, W_ENVIRONMENT);
        html_text(h, f->environment);
        html_markup(h, "</dd>\n");
    }
    if (f->owner[0] != '\0') {
        put_term(p, W_OWNER);
        html_text(h, f->owner);
        html_markup(h, "</dd>\n");
    }
    if (f->tag_count > 0) {
        put_term(p, W_TAGS);
        put_tags(p, f);
        html_markup(h, "</dd>\n");
    }
    if (f->link_count > 0) {
        put_term(p, W_LINKS);
        put_links(p, f);
        html_markup(h, "</dd>\n");
    }
    html_markup(h, "</dl>\n");
}

static void put_top(struct page *p, const struct fact *f)
{
    struct html *h = p->html;
    html_markup(h, "<h1>");
    html_text(h, f->name);
    html_markup(h, "</h1>\n");
    if (f->title[0] != '\0') {
        html_markup(h, "<p class=\"subtitle\">");
        html_text(h, f->title);
        html_markup(h, "</p>\n");
    }
    html_markup(h, "<p class=\"status\">");
    put_state(p, f->state, f->count);
    html_markup(h, " ");
    put_word(p, W_SINCE);
    html_markup(h, " ");
    put_time_long(p, f->since_us);
    html_markup(h, " <span class=\"when\">");
    PUT_WORDS(p, W_FOR, text_elapsed_us(p, f->since_us, p->now_us));
    html_markup(h, "</span>");
    put_flags(p, f);
    html_markup(h, "</p>\n");
    put_about(p, f);
}

/* ---------------------------------------------------------------- results ---
 */

static int64_t latency_of(const struct result *r)
{
    const struct rlv_value *v = result_observation(r, "latency", NULL);
    return v != NULL && v->type == RLV_T_DURATION ? v->as.i : RESULT_NO_PHASE;
}

static void put_recent(struct page *p, struct result *const *results,
                       size_t count)
{
    struct html *h = p->html;
    html_markup(h, "<section>\n<h2>");
    put_word(p, W_RECENT_RESULTS);
    html_markup(h, "</h2>\n");
    page_scroll_begin(p, W_RECENT_RESULTS);
    html_markup(h, "<table class=\"list results\">\n<thead><tr>");
    static const enum word columns[] = {W_TIME, W_RESULT, W_LATENCY, W_MESSAGE};
    page_columns(p, columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < count; i++) {
        const struct result *r = results[i];
        int64_t latency_ns = latency_of(r);
        html_markup(h, "<tr><td>");
        put_time_long(p, r->started_us);
        html_markup(h, "</td><td>");
        put_outcome(p, r->outcome);
        html_markup(h, "</td>");
        page_cell(p, "number", say(p, W_LATENCY));
        if (latency_ns >= 0)
            html_text(h, text_duration(p, latency_ns));
        html_markup(h, "</td><td class=\"text\">");
        put_fault(p, fault_name(r->fault), r->code);
        html_markup(h, " ");
        html_text(h, r->message);
        html_markup(h, "</td></tr>\n");
    }
    html_markup(h, "</tbody>\n</table>\n");
    page_scroll_end(p);
    html_markup(h, "</section>\n");
}

static void put_incidents(struct page *p, const struct incident_row *rows,
                          size_t count)
{
    html_markup(p->html, "<section>\n<h2>");
    put_word(p, W_INCIDENTS);
    html_markup(p->html, "</h2>\n");
    if (count == 0) {
        html_markup(p->html, "<p class=\"quiet\">");
        put_word(p, W_NO_INCIDENTS);
        html_markup(p->html, "</p>\n");
    } else {
        put_incident_table(
            p, rows, count < INCIDENTS_SHOWN ? count : INCIDENTS_SHOWN, false);
    }
    html_markup(p->html, "</section>\n");
}

/* ------------------------------------------------------------------- page ---
 */

static void read_results(struct page *p, const struct fact *f,
                         struct result ***results, size_t *count)
{
    struct reader_window w = {.check = f->check, .limit = RESULTS_SHOWN};
    struct err err;
    *count = 0;
    if (p->reader != NULL && f->check != 0 &&
        !reader_history(p->reader, p->arena, &w, results, count, &err))
        p->no_reader = arena_strdup(p->arena, err.text);
}

static void read_incidents(struct page *p, const struct fact *f,
                           struct incident_row **rows, size_t *count)
{
    int64_t since_us = p->now_us - 90 * 86400 * US_PER_S;
    struct err err;
    *count = 0;
    if (p->reader != NULL && f->check != 0 &&
        !reader_incidents_of(p->reader, p->arena, f->check, since_us, rows,
                             count, &err))
        p->no_reader = arena_strdup(p->arena, err.text);
}

/* Main has all that a good result observed, the history the evidence of one
 * that is not. */
static const struct result *latest(const struct fact *f,
                                   const struct result *stored)
{
    if (f->last == NULL ||
        (stored != NULL && stored->started_us >= f->last->started_us &&
         stored->outcome != OUTCOME_OK))
        return stored;
    return f->last;
}

bool page_of_check(struct page *p, const char *name)
{
    const struct fact *f = facts_find(&p->facts, name);
    struct result **results;
    struct incident_row *incidents;
    size_t count, among;
    if (f == NULL)
        return false;
    read_results(p, f, &results, &count);
    read_incidents(p, f, &incidents, &among);
    page_begin(p, f->name);
    put_top(p, f);
    put_last_result(p, f, latest(f, count > 0 ? results[0] : NULL));
    put_check_history(p, f, incidents, among);
    if (count > 0)
        put_recent(p, results, count);
    put_incidents(p, incidents, among);
    page_end(p);
    return true;
}

/* web/incident_list.c: incidents as a table, and the page that lists them all,
 * newest first. See page.h. */
#include "web/page.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/fault.h"

enum { PAGE_ROWS = 50 };

static void put_lasted(struct page *p, const struct incident_row *row)
{
    bool open = row->state != INCIDENT_RESOLVED;
    html_text(p->html, text_elapsed_us(p, row->began_us,
                                       open ? p->now_us : row->resolved_us));
    if (open) {
        html_markup(p->html, " ");
        put_word(p, W_SO_FAR);
    }
}

static void put_row(struct page *p, const struct incident_row *row, bool checks)
{
    struct html *h = p->html;
    struct story_source source = page_source(p);
    html_markup(h, "<tr><td>");
    put_incident_link(p, row->number);
    html_markup(h, "</td>");
    if (checks) {
        const char *name = story_check_name(&source, row->check);
        html_markup(h, "<td>");
        if (facts_find(&p->facts, name) != NULL)
            put_check_link(p, name, name);
        else
            html_text(h, name);
        html_markup(h, "</td>");
    }
    html_markup(h, "<td>");
    put_incident_state(p, row->state);
    html_markup(h, "</td>");
    page_cell(p, "number", say(p, W_BEGAN));
    put_time(p, row->began_us);
    html_markup(h, "</td>");
    page_cell(p, "number", say(p, W_LASTED));
    put_lasted(p, row);
    html_markup(h, "</td><td class=\"text\">");
    put_fault(p, fault_name(row->fault), row->code);
    html_markup(h, " ");
    html_text(h, row->cause[0] != '\0' ? row->cause : row->summary);
    html_markup(h, "</td></tr>\n");
}

void put_incident_table(struct page *p, const struct incident_row *rows,
                        size_t count, bool checks)
{
    static const enum word columns[] = {
        W_INCIDENT, W_CHECK, W_STATE, W_BEGAN, W_LASTED, W_CAUSE_OR_MESSAGE};
    static const enum word own[] = {W_INCIDENT, W_STATE, W_BEGAN, W_LASTED,
                                    W_CAUSE_OR_MESSAGE};
    struct html *h = p->html;
    page_scroll_begin(p, W_INCIDENTS);
    html_markup(h, "<table class=\"list\">\n<thead><tr>");
    page_columns(p, checks ? columns : own,
                 checks ? ARRAY_LEN(columns) : ARRAY_LEN(own));
    for (size_t i = 0; i < count; i++)
        put_row(p, &rows[i], checks);
    html_markup(h, "</tbody>\n</table>\n");
    page_scroll_end(p);
}

static void put_older(struct page *p, uint64_t before, bool first_page,
                      bool more)
{
    struct html *h = p->html;
    if (first_page && !more)
        return;
    html_markup(h, "<p class=\"pager\">");
    if (!first_page) {
        html_markup(h, "<a");
        page_href(p, "/incidents", "");
        html_markup(h, ">");
        put_word(p, W_NEWEST);
        html_markup(h, "</a> ");
    }
    if (more) {
        html_markup(h, "<a href=\"/incidents?before=");
        html_url_query(h, text_number(p, before));
        page_handed_on(p, false);
        html_markup(h, "\">");
        put_word(p, W_OLDER);
        html_markup(h, "</a>");
    }
    html_markup(h, "</p>\n");
}

void page_of_incidents(struct page *p)
{
    struct incident_row *rows = NULL;
    size_t count = 0;
    int64_t before = 0;
    struct err err;
    if (!str_to_i64(page_query(p, "before"), &before) || before < 0)
        before = 0;
    if (p->reader != NULL &&
        !reader_incidents(p->reader, p->arena, (uint64_t)before, PAGE_ROWS + 1,
                          &rows, &count, &err))
        p->no_reader = arena_strdup(p->arena, err.text);
    page_begin(p, say(p, W_INCIDENTS));
    html_markup(p->html, "<h1>");
    put_word(p, W_INCIDENTS);
    html_markup(p->html, "</h1>\n");
    size_t shown = count > PAGE_ROWS ? PAGE_ROWS : count;
    if (shown > 0) {
        put_incident_table(p, rows, shown, true);
    } else {
        html_markup(p->html, "<p class=\"quiet\">");
        put_word(p, W_NO_INCIDENTS);
        html_markup(p->html, "</p>\n");
    }
    put_older(p, shown > 0 ? rows[shown - 1].number : 0, before == 0,
              count > PAGE_ROWS);
    page_end(p);
}

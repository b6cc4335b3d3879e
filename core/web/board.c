/* web/board.c: the overview: what is wrong first, then every check, one row
 * each, with a column for each environment. See page.h.
 *
 * One reading of the history serves all rows (days.h). Filters come
 * by ?env=, ?tag= and ?show=problems, so that a view can be kept as a
 * bookmark. */
#include "web/days.h"
#include "web/page.h"

#include <string.h>

#include "base/clock.h"
#include "base/human.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"

struct board {
    struct page *page;
    const char *env, *tag; /* "" for all */
    bool problems;
    bool has_days;
    int64_t since_us; /* of the first hour */
    /* Rows by plain name, in the order of the configuration. */
    struct map *rows, *columns; /* name to where its number stands */
    size_t *numbers;
    const struct fact **cells; /* row by row; NULL: not there, or hidden */
};

/* ------------------------------------------------------------- selection ---
 */

static bool has_tag(const struct fact *f, const char *tag)
{
    for (size_t i = 0; i < f->tag_count; i++)
        if (str_eq(f->tags[i], tag))
            return true;
    return false;
}

static bool is_shown(const void *arg, const struct fact *f)
{
    const struct board *b = arg;
    return (b->env[0] == '\0' || str_eq(f->environment, b->env)) &&
           (b->tag[0] == '\0' || has_tag(f, b->tag)) &&
           (!b->problems || fact_is_problem(f));
}

static size_t number(struct map *names, const char *name, size_t *numbers)
{
    size_t *known = map_get(names, name);
    if (known != NULL)
        return *known;
    size_t next = map_count(names);
    numbers[next] = next;
    map_set(names, name, &numbers[next]);
    return next;
}

static void arrange(struct board *b)
{
    const struct facts *f = &b->page->facts;
    size_t n = f->count;
    b->rows = map_new();
    b->columns = map_new();
    b->numbers = arena_alloc(b->page->arena, (2 * n + 2) * sizeof *b->numbers);
    for (size_t i = 0; i < f->environment_count; i++)
        if (b->env[0] == '\0' || str_eq(f->environments[i], b->env))
            number(b->columns, f->environments[i], b->numbers + n + 1);
    for (size_t i = 0; i < n; i++)
        if (is_shown(b, &f->checks[i]))
            number(b->rows, f->checks[i].plain_name, b->numbers);
    size_t columns = map_count(b->columns);
    b->cells = arena_alloc(b->page->arena, (map_count(b->rows) * columns + 1) *
                                               sizeof *b->cells);
    for (size_t i = 0; i < n; i++)
        if (is_shown(b, &f->checks[i])) {
            const size_t *row = map_get(b->rows, f->checks[i].plain_name),
                         *column =
                             map_get(b->columns, f->checks[i].environment);
            b->cells[*row * columns + *column] = &f->checks[i];
        }
}

static void board_free(struct board *b)
{
    map_free(b->rows);
    map_free(b->columns);
}

/* -------------------------------------------------------------- history --- */

static void read_history(struct board *b)
{
    struct page *p = b->page;
    struct err err;
    if (p->reader == NULL)
        return;
    b->has_days = days_read(p->reader, p->now_us, &b->since_us, &err);
    if (!b->has_days)
        p->no_reader = arena_strdup(p->arena, err.text);
}

/* -------------------------------------------------------------- summary --- */

static size_t count_in(const struct facts *f, enum check_state state)
{
    size_t n = 0;
    for (size_t i = 0; i < f->count; i++)
        n += f->checks[i].state == state;
    return n;
}

static void put_summary(struct page *p)
{
    static const enum check_state order[] = {
        STATE_DOWN,     STATE_SUSPECT, STATE_IMPACTED, STATE_UNKNOWN,
        STATE_DEGRADED, STATE_UP,      STATE_PENDING,  STATE_PAUSED};
    struct html *h = p->html;
    html_markup(h, "<ul class=\"totals\">");
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        size_t n = count_in(&p->facts, order[i]);
        if (n == 0)
            continue;
        html_markup(h, "<li><b class=\"state ");
        html_attr_value(h, state_name(order[i]));
        html_markup(h, "\">");
        put_word(p, word_of_state(order[i]));
        html_textf(h, " %zu", n);
        html_markup(h, "</b></li>");
    }
    html_markup(h, "</ul>\n");
}

/* --------------------------------------------------------------- filter --- */

static void put_option(struct page *p, const char *value, const char *shown,
                       bool chosen)
{
    struct html *h = p->html;
    html_markup(h, "<option");
    html_attr(h, "value", value);
    if (chosen)
        html_markup(h, " selected");
    html_markup(h, ">");
    html_text(h, shown);
    html_markup(h, "</option>");
}

static void put_environments(const struct board *b)
{
    struct page *p = b->page;
    const struct facts *f = &p->facts;
    if (f->environment_count < 2)
        return;
    html_markup(p->html, "<label>");
    put_word(p, W_ENVIRONMENT);
    html_markup(p->html, " <select name=\"env\">");
    put_option(p, "", say(p, W_ANY), b->env[0] == '\0');
    for (size_t i = 0; i < f->environment_count; i++)
        if (f->environments[i][0] != '\0')
            put_option(p, f->environments[i], f->environments[i],
                       str_eq(f->environments[i], b->env));
    html_markup(p->html, "</select></label>\n");
}

static void put_tags(const struct board *b)
{
    struct page *p = b->page;
    struct map *tags = map_new();
    for (size_t i = 0; i < p->facts.count; i++)
        for (size_t k = 0; k < p->facts.checks[i].tag_count; k++)
            map_set(tags, p->facts.checks[i].tags[k], tags);
    if (map_count(tags) > 0) {
        html_markup(p->html, "<label>");
        put_word(p, W_TAG);
        html_markup(p->html, " <select name=\"tag\">");
        put_option(p, "", say(p, W_ANY), b->tag[0] == '\0');
        for (size_t i = 0; i < map_count(tags); i++)
            put_option(p, map_key(tags, i), map_key(tags, i),
                       str_eq(map_key(tags, i), b->tag));
        html_markup(p->html, "</select></label>\n");
    }
    map_free(tags);
}

static void put_filter(const struct board *b)
{
    struct page *p = b->page;
    struct html *h = p->html;
    html_markup(h, "<form class=\"filter\" action=\"/\">\n");
    if (p->language_asked) {
        html_markup(h, "<input type=\"hidden\" name=\"lang\"");
        html_attr(h, "value", language_tag(p->language));
        html_markup(h, ">");
    }
    put_environments(b);
    put_tags(b);
    html_markup(h, "<label>");
    put_word(p, W_SHOW);
    html_markup(h, " <select name=\"show\">");
    put_option(p, "", say(p, W_ANY), !b->problems);
    put_option(p, "problems", say(p, W_PROBLEMS), b->problems);
    html_markup(h, "</select></label>\n<button type=\"submit\">");
    put_word(p, W_FILTER_APPLY);
    html_markup(h, "</button>\n");
    if (b->env[0] != '\0' || b->tag[0] != '\0' || b->problems) {
        html_markup(h, "<a");
        page_href(p, "/", "");
        html_markup(h, ">");
        put_word(p, W_FILTER_CLEAR);
        html_markup(h, "</a>\n");
    }
    html_markup(h, "</form>\n");
}

/* ----------------------------------------------------------------- table ---
 */

static void put_times(struct page *p, const struct day *day)
{
    char text[HUMAN_TEXT];
    html_markup(p->html, "<span class=\"times\">");
    if (day->timed) {
        html_markup(p->html, "<abbr>p50</abbr> ");
        html_text(p->html, human_duration(day->p50_ns, text));
        html_markup(p->html, " <abbr>p95</abbr> ");
        html_text(p->html, human_duration(day->p95_ns, text));
    }
    html_markup(p->html, "</span>");
}

static void put_day(const struct board *b, const struct fact *f)
{
    const struct day *day = b->has_days ? days_find(f->check) : NULL;
    struct bar bar = {.since_us = b->since_us,
                      .slot_us = resolution_us(RESOLUTION_HOUR),
                      .slots = DAY_HOURS,
                      .span = W_LAST_24H};
    html_markup(b->page->html, "<span class=\"day\">");
    if (day != NULL) {
        bar.items = day->items;
        bar.count = day->count;
    }
    put_bar(b->page, &bar);
    if (day != NULL)
        put_times(b->page, day);
    html_markup(b->page->html, "</span>");
}

/* Why it is not well, in a few words. */
static void put_why(struct page *p, const struct fact *f)
{
    if (!fact_is_problem(f) || (f->fault[0] == '\0' && f->message[0] == '\0'))
        return;
    html_markup(p->html, "<span class=\"why\">");
    put_fault(p, f->fault, f->code);
    html_markup(p->html, " ");
    html_text(p->html, f->message);
    html_markup(p->html, "</span>");
}

static void put_cell(const struct board *b, const struct fact *f,
                     const char *environment)
{
    struct page *p = b->page;
    struct html *h = p->html;
    html_markup(h, "<td>");
    if (environment[0] != '\0') {
        html_markup(h, "<span class=\"where\">");
        html_text(h, environment);
        html_markup(h, "</span>");
    }
    if (f == NULL) {
        html_markup(h, "<span class=\"absent\">–</span></td>\n");
        return;
    }
    html_markup(h, "<a class=\"now\"");
    page_href(p, "/check/", f->name);
    html_markup(h, ">");
    put_state(p, f->state, f->count);
    html_markup(h, "</a> <span class=\"since\">");
    put_word(p, W_SINCE);
    html_markup(h, " ");
    put_time(p, f->since_us);
    html_markup(h, "</span>");
    put_flags(p, f);
    put_why(p, f);
    put_day(b, f);
    html_markup(h, "</td>\n");
}

static const struct fact *any_of_row(const struct board *b, size_t row)
{
    size_t columns = map_count(b->columns);
    const struct fact *f = NULL;
    for (size_t i = 0; i < columns && f == NULL; i++)
        f = b->cells[row * columns + i];
    return f;
}

static void put_row(const struct board *b, size_t row)
{
    struct page *p = b->page;
    struct html *h = p->html;
    size_t columns = map_count(b->columns);
    const struct fact *any = any_of_row(b, row);
    html_markup(h, "<tr><th scope=\"row\">");
    html_text(h, map_key(b->rows, row));
    if (any != NULL) {
        html_markup(h, " <span class=\"plugin\">");
        html_text(h, any->plugin);
        html_markup(h, "</span>");
    }
    if (any != NULL && any->title[0] != '\0') {
        html_markup(h, "<span class=\"title\">");
        html_text(h, any->title);
        html_markup(h, "</span>");
    }
    html_markup(h, "</th>\n");
    for (size_t i = 0; i < columns; i++)
        put_cell(b, b->cells[row * columns + i], map_key(b->columns, i));
    html_markup(h, "</tr>\n");
}

static void put_table(const struct board *b)
{
    struct page *p = b->page;
    struct html *h = p->html;
    page_scroll_begin(p, W_CHECKS);
    html_markup(h, "<table class=\"board\">\n<thead><tr><th scope=\"col\">");
    put_word(p, W_CHECK);
    html_markup(h, "</th>");
    for (size_t i = 0; i < map_count(b->columns); i++) {
        const char *name = map_key(b->columns, i);
        html_markup(h, "<th scope=\"col\">");
        html_text(h, name[0] != '\0' ? name : say(p, W_STATE));
        html_markup(h, "</th>");
    }
    html_markup(h, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < map_count(b->rows); i++)
        put_row(b, i);
    html_markup(h, "</tbody>\n</table>\n");
    page_scroll_end(p);
    put_bar_legend(p);
}

static void put_checks(const struct board *b)
{
    struct page *p = b->page;
    html_markup(p->html, "<section>\n<h2>");
    put_word(p, W_CHECKS);
    html_markup(p->html, "</h2>\n");
    if (p->facts.count > 0)
        put_filter(b);
    if (map_count(b->rows) > 0) {
        put_table(b);
    } else {
        html_markup(p->html, "<p class=\"quiet\">");
        put_word(p, p->facts.count == 0 ? W_NO_CHECKS : W_NONE_MATCH);
        html_markup(p->html, "</p>\n");
    }
    html_markup(p->html, "</section>\n");
}

/* ------------------------------------------------------ the monitor itself ---
 */

static void put_troubles(struct page *p)
{
    struct html *h = p->html;
    const struct facts *f = &p->facts;
    if (f->trouble_count == 0)
        return;
    html_markup(h, "<div class=\"notice bad\" role=\"alert\"><p><strong>");
    put_word(p, W_TROUBLE);
    html_markup(h, "</strong></p><ul>\n");
    for (size_t i = 0; i < f->trouble_count; i++) {
        html_markup(h, "<li>");
        put_incident_link(p, f->troubles[i].incident);
        html_textf(h, " %s: %s", f->troubles[i].name, f->troubles[i].message);
        html_markup(h, "</li>\n");
    }
    html_markup(h, "</ul></div>\n");
}

static void put_distrust(struct page *p)
{
    if (p->facts.distrust == NULL)
        return;
    html_markup(p->html, "<div class=\"notice\"><p>");
    PUT_WORDS(p, W_DISTRUST, text_elapsed(p, p->facts.distrust_ns),
              p->facts.distrust);
    html_markup(p->html, "</p></div>\n");
}

static void put_letters(struct page *p)
{
    struct html *h = p->html;
    const struct facts *f = &p->facts;
    struct story_source source = page_source(p);
    if (f->letter_count == 0)
        return;
    html_markup(h, "<div class=\"notice\"><p><strong>");
    put_word(p, W_LETTERS);
    html_markup(h, "</strong></p><ul>\n");
    for (size_t i = 0; i < f->letter_count; i++) {
        const struct fact_letter *l = &f->letters[i];
        html_markup(h, "<li>");
        html_textf(h, "%s %s ", l->run, l->runbook);
        PUT_WORDS(p, W_LETTER_FOR, story_check_name(&source, l->check));
        html_textf(h, ": %s", l->reason);
        html_markup(h, "</li>\n");
    }
    html_markup(h, "</ul></div>\n");
}

/* ------------------------------------------------------------------ page ---
 */

void page_of_board(struct page *p)
{
    struct board b = {.page = p,
                      .env = page_query(p, "env"),
                      .tag = page_query(p, "tag"),
                      .problems = str_eq(page_query(p, "show"), "problems")};
    read_history(&b);
    arrange(&b);
    page_begin(p, say(p, W_OVERVIEW));
    html_markup(p->html, "<h1 class=\"unseen\">");
    put_word(p, W_OVERVIEW);
    html_markup(p->html, "</h1>\n");
    put_troubles(p);
    put_distrust(p);
    put_summary(p);
    put_open_incidents(p, is_shown, &b);
    put_checks(&b);
    put_letters(p);
    page_end(p);
    board_free(&b);
}

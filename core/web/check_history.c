/* web/check_history.c: how a check fared over a day, a week and a quarter:
 * bars, shares, percentiles, outages, and the drawing of its latency. See
 * page.h.
 *
 * Honest about what was not watched: a period without results is not measured,
 * never good. */
#include "web/page.h"

#include "base/clock.h"
#include "base/human.h"
#include "base/mem.h"
#include "base/str.h"

struct span {
    enum word name, unit;
    const char *query; /* ?span= */
    enum resolution by;
    int periods; /* that it has */
    int slot;    /* periods a slot of the bar */
    enum resolution chart_by;
    int chart_slots;
};

static const struct span spans[] = {
    {W_LAST_24H, W_HOURS, "", RESOLUTION_HOUR, 24, 1, RESOLUTION_MINUTE, 96},
    {W_LAST_7D, W_HOURS, "7d", RESOLUTION_HOUR, 168, 4, RESOLUTION_HOUR, 168},
    {W_LAST_90D, W_DAYS, "90d", RESOLUTION_DAY, 90, 1, RESOLUTION_DAY, 90},
};

struct fared {
    const struct span *span;
    int64_t since_us, until_us;
    struct rollup *items;
    size_t count;
    struct rollup sum;
};

static bool read_periods(struct page *p, uint32_t check, enum resolution by,
                         int64_t since_us, int64_t until_us,
                         struct rollup **items, size_t *count)
{
    struct reader_window w = {
        .check = check, .since_us = since_us, .before_us = until_us};
    struct err err;
    *items = NULL;
    *count = 0;
    if (p->reader == NULL || check == 0)
        return false;
    if (reader_periods(p->reader, p->arena, &w, by, items, count, &err))
        return true;
    p->no_reader = arena_strdup(p->arena, err.text);
    return false;
}

static struct fared fared_over(struct page *p, uint32_t check,
                               const struct span *s)
{
    struct fared f = {.span = s, .sum.sketch.arena = p->arena};
    int64_t length_us = resolution_us(s->by);
    f.until_us = resolution_floor(s->by, p->now_us) + length_us;
    f.since_us = f.until_us - s->periods * length_us;
    if (read_periods(p, check, s->by, f.since_us, f.until_us, &f.items,
                     &f.count))
        for (size_t i = 0; i < f.count; i++)
            rollup_sum(&f.sum, &f.items[i]);
    return f;
}

static size_t measured_periods(const struct fared *f)
{
    size_t n = 0;
    for (size_t i = 0; i < f->count; i++)
        n += rollup_measured(&f->items[i]) > 0;
    return n;
}

/* From the incidents: what a person would call the outage. */
static int64_t downtime_us(const struct page *p, const struct fared *f,
                           const struct incident_row *rows, size_t count,
                           size_t *incidents)
{
    int64_t sum_us = 0;
    *incidents = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t from_us = rows[i].began_us;
        int64_t to_us =
            rows[i].resolved_us == 0 ? p->now_us : rows[i].resolved_us;
        from_us = from_us < f->since_us ? f->since_us : from_us;
        if (to_us > from_us) {
            sum_us += to_us - from_us;
            ++*incidents;
        }
    }
    return sum_us;
}

static void put_percentile(struct page *p, const struct rollup *r,
                           unsigned percent)
{
    page_cell(p, "number", arena_printf(p->arena, "p%u", percent));
    if (r->timed > 0)
        html_text(p->html, text_duration(p, rollup_percentile(r, percent)));
    else
        html_markup(p->html, "–");
    html_markup(p->html, "</td>");
}

static void put_span_bar(struct page *p, const struct fared *f)
{
    const struct span *s = f->span;
    struct bar bar = {.items = f->items,
                      .count = f->count,
                      .since_us = f->since_us,
                      .slot_us = s->slot * resolution_us(s->by),
                      .slots = (size_t)(s->periods / s->slot),
                      .span = s->name};
    html_markup(p->html, "<td class=\"wide\">");
    put_bar(p, &bar);
    html_markup(p->html, "</td>");
}

static void put_span(struct page *p, const struct fared *f,
                     const struct incident_row *incidents, size_t count)
{
    struct html *h = p->html;
    char share[HUMAN_TEXT];
    size_t among;
    int64_t down_us = downtime_us(p, f, incidents, count, &among);
    html_markup(h, "<tr><th scope=\"row\">");
    put_word(p, f->span->name);
    html_markup(h, "</th>");
    put_span_bar(p, f);
    page_cell(p, "number", say(p, W_GOOD_SHARE));
    html_text(h, rollup_share(&f->sum, share)[0] != '\0'
                     ? share
                     : say(p, W_NOT_MEASURED));
    html_markup(h, "</td>");
    page_cell(p, "number", say(p, W_MEASURED));
    PUT_WORDS(p, W_MEASURED_OF, text_number(p, measured_periods(f)),
              text_number(p, (uint64_t)f->span->periods),
              say(p, f->span->unit));
    html_markup(h, "</td>");
    page_cell(p, "number", say(p, W_DOWNTIME));
    if (among > 0)
        PUT_WORDS(p, W_DOWNTIME_IN, text_elapsed(p, down_us * NS_PER_US),
                  text_number(p, among));
    else
        html_markup(h, "–");
    html_markup(h, "</td>");
    put_percentile(p, &f->sum, 50);
    put_percentile(p, &f->sum, 95);
    put_percentile(p, &f->sum, 99);
    page_cell(p, "number", say(p, W_RESULTS));
    html_textf(h, "%llu", (unsigned long long)rollup_total(&f->sum));
    html_markup(h, "</td></tr>\n");
}

static void put_chart_choice(struct page *p, const struct span *chosen)
{
    struct html *h = p->html;
    html_markup(h, "<ul class=\"choice\">");
    for (size_t i = 0; i < ARRAY_LEN(spans); i++) {
        html_markup(h, "<li><a href=\"");
        html_url_path(h, p->path);
        html_markup(h, "?span=");
        html_url_query(h, spans[i].query[0] ? spans[i].query : "24h");
        page_handed_on(p, false);
        html_markup(h, "\"");
        if (&spans[i] == chosen)
            html_markup(h, " aria-current=\"true\"");
        html_markup(h, ">");
        put_word(p, spans[i].name);
        html_markup(h, "</a></li>");
    }
    html_markup(h, "</ul>\n");
}

static const struct span *chosen_span(const struct page *p)
{
    for (size_t i = 1; i < ARRAY_LEN(spans); i++)
        if (str_eq(page_query(p, "span"), spans[i].query))
            return &spans[i];
    return &spans[0];
}

/* By the minute where the span is a day: more than its bar has. */
static void put_latency(struct page *p, const struct fact *f,
                        const struct fared *all)
{
    const struct span *s = chosen_span(p);
    const struct fared *of = &all[s - spans];
    struct rollup *items = of->items;
    size_t count = of->count;
    html_markup(p->html, "<section>\n<h2>");
    put_word(p, W_LATENCY);
    html_markup(p->html, "</h2>\n");
    put_chart_choice(p, s);
    if (s->chart_by != s->by)
        read_periods(p, f->check, s->chart_by, of->since_us, of->until_us,
                     &items, &count);
    put_chart(p, &(struct bar){.items = items,
                               .count = count,
                               .since_us = of->since_us,
                               .slot_us = (of->until_us - of->since_us) /
                                          s->chart_slots,
                               .slots = (size_t)s->chart_slots,
                               .span = s->name});
    html_markup(p->html, "</section>\n");
}

static void put_head(struct page *p)
{
    static const enum word columns[] = {W_SPAN, W_HISTORY, W_GOOD_SHARE,
                                        W_MEASURED, W_DOWNTIME};
    struct html *h = p->html;
    html_markup(h, "<thead><tr>");
    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        html_markup(h, "<th scope=\"col\">");
        put_word(p, columns[i]);
        html_markup(h, "</th>");
    }
    html_markup(h, "<th scope=\"col\">p50</th><th scope=\"col\">p95</th>"
                   "<th scope=\"col\">p99</th><th scope=\"col\">");
    put_word(p, W_RESULTS);
    html_markup(h, "</th></tr></thead>\n<tbody>\n");
}

void put_check_history(struct page *p, const struct fact *f,
                       const struct incident_row *incidents, size_t count)
{
    struct html *h = p->html;
    struct fared all[ARRAY_LEN(spans)];
    html_markup(h, "<section>\n<h2>");
    put_word(p, W_HISTORY);
    html_markup(h, "</h2>\n");
    page_scroll_begin(p, W_HISTORY);
    html_markup(h, "<table class=\"spans\">\n");
    put_head(p);
    for (size_t i = 0; i < ARRAY_LEN(spans); i++) {
        all[i] = fared_over(p, f->check, &spans[i]);
        put_span(p, &all[i], incidents, count);
    }
    html_markup(h, "</tbody>\n</table>\n");
    page_scroll_end(p);
    html_markup(h, "</section>\n");
    put_latency(p, f, all);
}

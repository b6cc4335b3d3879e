/* web/chart.c: latency over time as a drawing without script. See page.h.
 *
 * Only what has no text is stretched (the drawing fills its box whatever its
 * width); the scales beside it are text of the page. A slot without an answer
 * is a gap in both lines, never a zero. */
#include "web/page.h"

#include "base/clock.h"
#include "base/mem.h"

enum { WIDTH = 1000, HEIGHT = 200 };

struct point {
    bool timed, failing;
    int64_t p50_ns, p95_ns;
};

struct chart {
    const struct bar *bar;
    struct point *points;                /* a slot each */
    int64_t top_ns;                      /* of the scale */
    int64_t least_ns, most_ns, worst_ns; /* of p50, of p95 */
    bool any;
};

/* The next of 1, 2, 5, 10, 20, … above it: a scale that can be read. */
static int64_t scale_above(int64_t ns)
{
    static const int64_t steps[] = {1, 2, 5};
    for (int64_t unit = NS_PER_US;; unit *= 10)
        for (size_t i = 0; i < ARRAY_LEN(steps); i++)
            if (steps[i] * unit >= ns || unit > INT64_MAX / 100)
                return steps[i] * unit;
}

static void add_point(struct chart *c, size_t slot, const struct rollup *sum)
{
    struct point *at = &c->points[slot];
    at->failing = sum->counts[OUTCOME_FAIL] > 0;
    at->timed = sum->timed > 0;
    if (!at->timed)
        return;
    at->p50_ns = rollup_percentile(sum, 50);
    at->p95_ns = rollup_percentile(sum, 95);
    c->least_ns =
        !c->any || at->p50_ns < c->least_ns ? at->p50_ns : c->least_ns;
    c->most_ns = at->p50_ns > c->most_ns ? at->p50_ns : c->most_ns;
    c->worst_ns = at->p95_ns > c->worst_ns ? at->p95_ns : c->worst_ns;
    c->any = true;
}

static struct chart chart_of(const struct page *p, const struct bar *b)
{
    struct chart c = {.bar = b};
    size_t i = 0;
    c.points = arena_alloc(p->arena, (b->slots + 1) * sizeof *c.points);
    while (i < b->count && b->items[i].from_us < b->since_us)
        i++;
    for (size_t k = 0; k < b->slots; k++) {
        struct rollup sum = {.sketch.arena = p->arena};
        int64_t end_us = b->since_us + (int64_t)(k + 1) * b->slot_us;
        for (; i < b->count && b->items[i].from_us < end_us; i++)
            rollup_sum(&sum, &b->items[i]);
        add_point(&c, k, &sum);
    }
    c.top_ns = scale_above(c.worst_ns);
    return c;
}

static double x_of(const struct chart *c, size_t slot)
{
    return ((double)slot + 0.5) * WIDTH / (double)c->bar->slots;
}

static double y_of(const struct chart *c, int64_t ns)
{
    return HEIGHT - (double)ns * HEIGHT / (double)c->top_ns;
}

/* A line through the slots, broken where nothing was timed; a slot alone
 * between two gaps is a short stroke. */
static void put_line(struct page *p, const struct chart *c, bool p95)
{
    bool drawn = false;
    for (size_t i = 0; i < c->bar->slots; i++) {
        const struct point *at = &c->points[i];
        if (at->timed)
            html_attr_valuef(p->html, drawn ? "L%.1f %.1f" : "M%.1f %.1fh1",
                             x_of(c, i),
                             y_of(c, p95 ? at->p95_ns : at->p50_ns));
        drawn = at->timed;
    }
}

static void put_failures(struct page *p, const struct chart *c)
{
    for (size_t i = 0; i < c->bar->slots; i++)
        if (c->points[i].failing)
            html_attr_valuef(p->html, "M%.1f %dh%.1f",
                             x_of(c, i) - 0.45 * WIDTH / (double)c->bar->slots,
                             HEIGHT - 3, 0.9 * WIDTH / (double)c->bar->slots);
}

static void put_drawing(struct page *p, const struct chart *c)
{
    struct html *h = p->html;
    html_markup(h, "<svg role=\"img\" viewBox=\"0 0 1000 200\""
                   " preserveAspectRatio=\"none\"");
    html_attr(h, "aria-label",
              FILL(p, W_CHART_LABEL, say(p, c->bar->span),
                   text_duration(p, c->least_ns), text_duration(p, c->most_ns),
                   text_duration(p, c->worst_ns)));
    html_markup(h, ">\n<path class=\"grid\" d=\"M0 .5h1000M0 50h1000M0 100h1000"
                   "M0 150h1000M0 199.5h1000\"/>\n<path class=\"p95\" d=\"");
    put_line(p, c, true);
    html_markup(h, "\"/>\n<path class=\"p50\" d=\"");
    put_line(p, c, false);
    html_markup(h, "\"/>\n<path class=\"failed\" d=\"");
    put_failures(p, c);
    html_markup(h, "\"/>\n</svg>\n");
}

static void put_y_scale(struct page *p, const struct chart *c)
{
    struct html *h = p->html;
    html_markup(h, "<div class=\"y\" aria-hidden=\"true\"><span>");
    html_text(h, text_duration(p, c->top_ns));
    html_markup(h, "</span><span>");
    html_text(h, text_duration(p, c->top_ns / 2));
    html_markup(h, "</span><span>0</span></div>\n");
}

static void put_x_scale(struct page *p, const struct bar *b)
{
    int64_t whole_us = (int64_t)b->slots * b->slot_us;
    html_markup(p->html, "<div class=\"x\">");
    for (int i = 0; i <= 4; i++) {
        int64_t at_us = b->since_us + whole_us / 4 * i;
        html_markup(p->html, "<span>");
        put_time(p, at_us < p->now_us ? at_us : p->now_us);
        html_markup(p->html, "</span>");
    }
    html_markup(p->html, "</div>\n");
}

static void put_key(struct page *p, const char *kind, const char *text)
{
    struct html *h = p->html;
    html_markup(h, "<span><svg aria-hidden=\"true\" viewBox=\"0 0 24 8\">"
                   "<path class=\"");
    html_attr_value(h, kind);
    html_markup(h, "\" d=\"M0 4h24\"/></svg>");
    html_text(h, text);
    html_markup(h, "</span> ");
}

void put_chart(struct page *p, const struct bar *b)
{
    struct html *h = p->html;
    struct chart c = chart_of(p, b);
    if (!c.any) {
        html_markup(h, "<p class=\"quiet\">");
        put_word(p, W_CHART_EMPTY);
        html_markup(h, "</p>\n");
        return;
    }
    html_markup(h, "<div class=\"chart\">\n");
    put_y_scale(p, &c);
    put_drawing(p, &c);
    put_x_scale(p, b);
    html_markup(h, "<p class=\"legend key\">");
    put_key(p, "p50", "p50");
    put_key(p, "p95", "p95");
    put_key(p, "failed", say(p, W_CHART_FAILURES));
    html_markup(h, "</p>\n</div>\n");
}

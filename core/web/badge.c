/* web/badge.c: /badge/CHECK.svg: its state, for a README or a wiki. */
#include <string.h>

#include "base/str.h"
#include "report/html.h"
#include "web/handlers.h"
#include "web/status.h"

enum { CHARACTER = 7, PADDING = 10, HEIGHT = 20 };

static const char *const colours[STATE_COUNT] = {
    [STATE_PENDING] = "#6e7781",  [STATE_UP] = "#1a7f37",
    [STATE_DEGRADED] = "#9a6700", [STATE_SUSPECT] = "#9a6700",
    [STATE_DOWN] = "#cf222e",     [STATE_IMPACTED] = "#bc4c00",
    [STATE_UNKNOWN] = "#6e7781",  [STATE_PAUSED] = "#6e7781"};

static size_t width_of(const char *text)
{
    size_t characters = 0;
    for (const char *c = text; *c != '\0'; c++)
        characters += ((unsigned char)*c & 0xc0) != 0x80;
    return characters * CHARACTER + PADDING;
}

static void put_box(struct html *h, size_t x, size_t width, const char *colour)
{
    html_markup(h, "<rect x=\"");
    html_textf(h, "%zu", x);
    html_markup(h, "\" width=\"");
    html_textf(h, "%zu", width);
    html_markup(h, "\" height=\"20\"");
    html_attr(h, "fill", colour);
    html_markup(h, "/>");
}

static void put_text(struct html *h, size_t x, const char *text)
{
    html_markup(h, "<text x=\"");
    html_textf(h, "%zu", x + PADDING / 2);
    html_markup(h, "\" y=\"14\" textLength=\"");
    html_textf(h, "%zu", width_of(text) - PADDING);
    html_markup(h, "\">");
    html_text(h, text);
    html_markup(h, "</text>");
}

static void put_badge(struct html *h, const char *name, const char *state,
                      const char *colour)
{
    size_t left = width_of(name), right = width_of(state);
    html_markup(h, "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" "
                   "height=\"20\" width=\"");
    html_textf(h, "%zu", left + right);
    html_markup(h, "\"><title>");
    html_textf(h, "%s: %s", name, state);
    html_markup(h, "</title>");
    put_box(h, 0, left, "#24292f");
    put_box(h, left, right, colour);
    html_markup(h, "<g fill=\"#ffffff\" font-size=\"11\" "
                   "font-family=\"Verdana,DejaVu Sans,sans-serif\">");
    put_text(h, 0, name);
    put_text(h, left, state);
    html_markup(h, "</g></svg>\n");
}

void badge_handle(const struct web_request *q, struct web_response *r)
{
    const char *file = web_param(q, "check");
    size_t n = strlen(file);
    if (q->status == NULL) {
        response_error(r, 503, "the scheduler does not answer");
        return;
    }
    const char *name = arena_strndup(q->arena, file, n < 4 ? 0 : n - 4);
    const struct check_view *v =
        str_ends(file, ".svg") ? status_check(q->status, name) : NULL;
    if (v == NULL) {
        response_error(r, 404, "no such check; expected /badge/CHECK.svg");
        return;
    }
    struct html *h = html_new();
    put_badge(h, name, state_name(v->state->state), colours[v->state->state]);
    r->body = html_take(h);
    html_free(h);
}

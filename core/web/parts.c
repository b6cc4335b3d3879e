/* web/parts.c: words, times, states and findings, as every page shows them. See
 * page.h. */
#include "web/page.h"

#include <string.h>

#include "base/civil.h"
#include "base/clock.h"
#include "base/human.h"
#include "base/str.h"
#include "model/finding.h"
#include "report/json.h"

/* ----------------------------------------------------------------- words ---
 */

const char *say(const struct page *p, enum word w)
{
    return word_in(p->language, w);
}

void put_word(struct page *p, enum word w) { html_text(p->html, say(p, w)); }

const char *fill_words(const struct page *p, enum word w,
                       const char *const *texts)
{
    struct buf b = {0};
    const char *at = say(p, w), *gap;
    for (; *texts != NULL && (gap = strstr(at, "{}")) != NULL; texts++) {
        buf_add(&b, at, (size_t)(gap - at));
        buf_adds(&b, *texts);
        at = gap + 2;
    }
    buf_adds(&b, at);
    const char *text = arena_strndup(p->arena, b.data, b.len);
    buf_free(&b);
    return text;
}

void put_words(struct page *p, enum word w, const char *const *texts)
{
    html_text(p->html, fill_words(p, w, texts));
}

/* ----------------------------------------------------------------- times ---
 */

static int64_t day_of(const struct page *p, int64_t at_us)
{
    int64_t s = civil_floor_div(at_us, US_PER_S);
    return civil_floor_div(s + tz_offset(p->zone, s), CIVIL_DAY_S);
}

/* "2026-11-28T14:30:07-03:00" apart. */
enum { DATE = 10, MINUTES = 16, SECONDS = 19 };

static void put_time_element(struct page *p, int64_t at_us, const char *shown)
{
    struct html *h = p->html;
    char text[TZ_TEXT];
    tz_format(p->zone, civil_floor_div(at_us, US_PER_S), text, sizeof text);
    html_markup(h, "<time");
    html_attr(h, "datetime", text);
    html_markup(h, " title=\"");
    html_attr_valuef(h, "%.10s %.8s %s", text, text + DATE + 1,
                     str_ends(text, "Z") ? "UTC" : text + SECONDS);
    html_markup(h, "\">");
    html_text(h, shown);
    html_markup(h, "</time>");
}

void put_time(struct page *p, int64_t at_us)
{
    char text[TZ_TEXT], shown[TZ_TEXT];
    tz_format(p->zone, civil_floor_div(at_us, US_PER_S), text, sizeof text);
    text[DATE] = ' ';
    bool today = day_of(p, at_us) == day_of(p, p->now_us);
    bool near = p->now_us - at_us < 300 * CIVIL_DAY_S * US_PER_S;
    const char *from = today ? text + DATE + 1 : near ? text + 5 : text;
    snprintf(shown, sizeof shown, "%.*s", (int)(text + MINUTES - from), from);
    put_time_element(p, at_us, shown);
}

void put_time_long(struct page *p, int64_t at_us)
{
    char text[TZ_TEXT];
    tz_format(p->zone, civil_floor_div(at_us, US_PER_S), text, sizeof text);
    text[DATE] = ' ';
    text[SECONDS] = '\0';
    put_time_element(p, at_us, text);
}

const char *text_elapsed(const struct page *p, int64_t ns)
{
    char text[HUMAN_TEXT];
    return arena_strdup(p->arena, human_elapsed(ns < 0 ? 0 : ns, text));
}

const char *text_elapsed_us(const struct page *p, int64_t from_us,
                            int64_t to_us)
{
    return text_elapsed(p, to_us > from_us ? (to_us - from_us) * NS_PER_US : 0);
}

const char *text_duration(const struct page *p, int64_t ns)
{
    char text[HUMAN_TEXT];
    return arena_strdup(p->arena, human_duration(ns, text));
}

const char *text_number(const struct page *p, uint64_t n)
{
    return arena_printf(p->arena, "%llu", (unsigned long long)n);
}

const char *text_id(const struct page *p, char letter, uint64_t number)
{
    char id[ID_TEXT];
    return arena_strdup(p->arena, id_text(letter, number, id));
}

/* ---------------------------------------------------------------- tables ---
 */

void page_scroll_begin(struct page *p, enum word label)
{
    html_markup(p->html, "<section class=\"scroll\" tabindex=\"0\"");
    html_attr(p->html, "aria-label", say(p, label));
    html_markup(p->html, ">");
}

void page_scroll_end(struct page *p) { html_markup(p->html, "</section>\n"); }

void page_cell(struct page *p, const char *kind, const char *label)
{
    html_markup(p->html, "<td");
    html_attr(p->html, "class", kind);
    html_attr(p->html, "data-label", label);
    html_markup(p->html, ">");
}

void page_columns(struct page *p, const enum word *columns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        html_markup(p->html, "<th scope=\"col\">");
        put_word(p, columns[i]);
        html_markup(p->html, "</th>");
    }
    html_markup(p->html, "</tr></thead>\n<tbody>\n");
}

/* ---------------------------------------------------------------- states ---
 */

void put_state(struct page *p, enum check_state state, const char *count)
{
    struct html *h = p->html;
    html_markup(h, "<b class=\"state ");
    html_attr_value(h, state_name(state));
    html_markup(h, "\">");
    put_word(p, word_of_state(state));
    if (count[0] != '\0')
        html_textf(h, " %s", count);
    html_markup(h, "</b>");
}

void put_outcome(struct page *p, enum outcome outcome)
{
    static const enum check_state like[OUTCOME_COUNT] = {
        [OUTCOME_OK] = STATE_UP,
        [OUTCOME_WARN] = STATE_DEGRADED,
        [OUTCOME_FAIL] = STATE_DOWN,
        [OUTCOME_UNKNOWN] = STATE_UNKNOWN};
    struct html *h = p->html;
    html_markup(h, "<b class=\"state ");
    html_attr_value(h, state_name(like[outcome]));
    html_markup(h, "\">");
    put_word(p, word_of_outcome(outcome));
    html_markup(h, "</b>");
}

void put_incident_state(struct page *p, enum incident_state state)
{
    struct html *h = p->html;
    html_markup(h, "<b class=\"state ");
    html_attr_value(h, state == INCIDENT_RESOLVED ? "up" : "down");
    html_markup(h, "\">");
    put_word(p, word_of_incident(state));
    html_markup(h, "</b>");
}

void put_check_link(struct page *p, const char *name, const char *shown)
{
    html_markup(p->html, "<a");
    page_href(p, "/check/", name);
    html_markup(p->html, ">");
    html_text(p->html, shown);
    html_markup(p->html, "</a>");
}

void put_incident_link(struct page *p, uint64_t number)
{
    const char *id = text_id(p, 'I', number);
    html_markup(p->html, "<a class=\"id\"");
    page_href(p, "/incident/", id);
    html_markup(p->html, ">");
    html_text(p->html, id);
    html_markup(p->html, "</a>");
}

static void put_flag(struct page *p, const char *kind, const char *text)
{
    struct html *h = p->html;
    html_markup(h, " <span class=\"flag ");
    html_attr_value(h, kind);
    html_markup(h, "\">");
    html_text(h, text);
    html_markup(h, "</span>");
}

void put_flags(struct page *p, const struct fact *f)
{
    if (f->waits_for[0] != '\0')
        put_flag(p, "waits", FILL(p, W_WAITS_FOR, f->waits_for));
    if (f->maintenance[0] != '\0')
        put_flag(p, "maintenance",
                 arena_printf(p->arena, "%s %s", say(p, W_MAINTENANCE),
                              f->maintenance));
    if (f->acknowledged)
        put_flag(p, "acknowledged", say(p, W_ACKNOWLEDGED));
    if (f->manual)
        put_flag(p, "manual", say(p, W_MANUAL));
    if (f->disabled)
        put_flag(p, "disabled", say(p, W_DISABLED));
    if (f->until_us != 0) {
        html_markup(p->html, " <span class=\"flag paused\">");
        put_word(p, W_UNTIL);
        html_markup(p->html, " ");
        put_time(p, f->until_us);
        html_markup(p->html, "</span>");
    }
}

void put_fault(struct page *p, const char *fault, const char *code)
{
    if (fault[0] == '\0' || str_eq(fault, "none"))
        return;
    html_markup(p->html, "<code class=\"fault\">");
    html_textf(p->html, "%s%s%s", fault, code[0] ? " " : "", code);
    html_markup(p->html, "</code>");
}

/* -------------------------------------------------------------- findings ---
 */

enum { TEXT_LINES = 12 };

static void put_prose(struct page *p, const char *kind, const char *text)
{
    struct html *h = p->html;
    if (text[0] == '\0')
        return;
    html_markup(h, "<p class=\"");
    html_attr_value(h, kind);
    html_markup(h, "\">");
    html_lines(h, text, strlen(text), TEXT_LINES);
    html_markup(h, "</p>");
}

static void put_finding(struct page *p, const json_t *o, const char *severity)
{
    struct html *h = p->html;
    const char *next = report_member(o, "next");
    html_markup(h, "<li><span class=\"severity ");
    html_attr_value(h, severity);
    html_markup(h, "\">");
    html_text(h, severity);
    html_markup(h, "</span><div>");
    put_prose(p, "title", report_member(o, "title"));
    put_prose(p, "detail", report_member(o, "detail"));
    if (next[0] != '\0') {
        html_markup(h, "<p class=\"next\"><span>");
        put_word(p, W_NEXT_STEP);
        html_markup(h, ":</span> ");
        html_lines(h, next, strlen(next), TEXT_LINES);
        html_markup(h, "</p>");
    }
    html_markup(h, "</div></li>\n");
}

static void put_remarks(struct page *p, const json_t *all)
{
    size_t i;
    json_t *item;
    json_array_foreach (all, i, item) {
        struct buf text = {0};
        story_put_remark(&text, item);
        if (text.len > 0) {
            html_markup(p->html, "<li class=\"remark\"><span></span><div>");
            put_prose(p, "detail", text.data);
            html_markup(p->html, "</div></li>\n");
        }
        buf_free(&text);
    }
}

static void put_more(struct page *p, uint64_t incident, size_t count)
{
    struct html *h = p->html;
    html_markup(h, "<li class=\"remark\"><span></span><div><a");
    page_href(p, "/incident/", text_id(p, 'I', incident));
    html_markup(h, ">");
    PUT_WORDS(p, W_MORE, text_number(p, count));
    html_markup(h, "</a></div></li>\n");
}

static void put_findings_of(struct page *p, const struct run_row *run,
                            size_t most)
{
    static const char *const severities[] = {FINDING_SEVERITIES};
    struct html *h = p->html;
    json_t *all = json_loads(run->findings, 0, NULL), *item;
    size_t i, shown = 0;
    if (json_array_size(all) > 0) {
        html_markup(h, "<p class=\"found\">");
        PUT_WORDS(p, W_FINDINGS_OF, run->runbook);
        html_textf(h, " (%s)", text_id(p, 'R', run->number));
        html_markup(h, "</p>\n<ul class=\"findings\">\n");
        for (size_t level = ARRAY_LEN(severities); level-- > 0;)
            json_array_foreach (all, i, item) {
                if (str_eq(report_member(item, "t"), "finding") &&
                    str_eq(report_member(item, "sev"), severities[level]) &&
                    shown++ < most)
                    put_finding(p, item, severities[level]);
            }
        if (shown > most)
            put_more(p, run->incident, shown - most);
        else
            put_remarks(p, all);
        html_markup(h, "</ul>\n");
    }
    json_decref(all);
}

void put_findings(struct page *p, const struct story *s, size_t most)
{
    for (size_t i = s->run_count; i-- > 0;)
        if (story_run_tells(s, i))
            put_findings_of(p, &s->runs[i], most);
}

/* web/result.c: one result with all that it saw: expectations, phases,
 * observations, evidence. See page.h. */
#include "web/page.h"

#include <string.h>

#include "base/clock.h"
#include "base/human.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/fault.h"

enum { EVIDENCE_LINES = 40, EVIDENCE_BYTES = 4096 };

static void put_value(struct page *p, const struct rlv_value *v)
{
    struct html *h = p->html;
    char text[HUMAN_TEXT];
    switch (v->type) {
    case RLV_T_BOOL: html_text(h, v->as.i != 0 ? "true" : "false"); break;
    case RLV_T_DURATION: html_text(h, human_duration(v->as.i, text)); break;
    case RLV_T_SIZE: html_text(h, human_size(v->as.i, text)); break;
    case RLV_T_TIME: put_time_long(p, v->as.i); break;
    case RLV_T_REAL: html_textf(h, "%g", v->as.d); break;
    case RLV_T_PERCENT: html_textf(h, "%g %%", v->as.d); break;
    case RLV_T_TEXT:
    case RLV_T_BODY: html_text_n(h, v->as.s, v->len); break;
    default: html_textf(h, "%lld", (long long)v->as.i); break;
    }
}

/* ----------------------------------------------------------- expectations ---
 */

static const struct judged_line *judged(const struct result *r,
                                        const struct fact_line *line)
{
    for (size_t i = 0; i < r->line_count; i++)
        if (r->lines[i].warn == line->warn &&
            str_eq(r->lines[i].text, line->text))
            return &r->lines[i];
    return NULL;
}

/* How long the field is that a line reads first: "latency" of "latency <
 * 500ms"; 0: it begins with a function over the whole answer. */
static size_t field_length(const char *line)
{
    size_t n = strspn(line, "abcdefghijklmnopqrstuvwxyz_0123456789");
    return line[n] == '(' ? 0 : n;
}

/* NULL: not observed. */
static const struct observation *first_read(const struct result *r,
                                            const char *line)
{
    size_t n = field_length(line);
    for (size_t i = 0; i < r->observation_count; i++)
        if (n > 0 && r->observations[i].key == NULL &&
            strlen(r->observations[i].name) == n &&
            strncmp(r->observations[i].name, line, n) == 0)
            return &r->observations[i];
    return NULL;
}

/* A line that is not among the false ones held, unless a fault kept all of them
 * from being judged, or it is a default line whose field was not observed. */
static bool held(const struct result *r, const char *line)
{
    return r->outcome != OUTCOME_UNKNOWN &&
           (r->outcome != OUTCOME_FAIL || r->line_count > 0) &&
           (field_length(line) == 0 || first_read(r, line) != NULL);
}

/* holds NULL: it was not judged. values: what a false one saw; of one that held
 * it is what it reads first. */
static void put_line(struct page *p, const struct result *r,
                     const struct fact_line *line, const bool *holds,
                     const char *values)
{
    struct html *h = p->html;
    const struct observation *seen =
        holds != NULL && *holds ? first_read(r, line->text) : NULL;
    html_markup(h, "<tr><td><b class=\"state ");
    html_attr_value(h, holds == NULL ? "pending"
                       : *holds      ? "up"
                       : line->warn  ? "degraded"
                                     : "down");
    html_markup(h, "\">");
    put_word(p, holds == NULL ? W_NOT_JUDGED : *holds ? W_HOLDS : W_FALSE_LINE);
    html_markup(h, "</b></td><td class=\"text\"><code>");
    if (line->warn)
        html_markup(h, "warn_unless ");
    html_text(h, line->text);
    html_markup(h, "</code></td><td class=\"text\">");
    html_text(h, values);
    if (values[0] == '\0' && seen != NULL)
        put_value(p, &seen->value);
    html_markup(h, "</td></tr>\n");
}

/* All lines of the check, where they are known; else the false ones, which are
 * what a result has. */
static void put_expectations(struct page *p, const struct fact *f,
                             const struct result *r)
{
    static const enum word columns[] = {W_RESULT, W_LINE, W_SAW};
    static const bool yes = true;
    struct html *h = p->html;
    bool all = f != NULL && f->line_count > 0;
    size_t count = all ? f->line_count : r->line_count;
    if (count == 0)
        return;
    html_markup(h, "<h3>");
    put_word(p, W_EXPECTATIONS);
    html_markup(h, "</h3>\n<table class=\"list lines\">\n<thead><tr>");
    page_columns(p, columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < count; i++) {
        struct fact_line own = {0};
        const struct judged_line *l;
        if (all) {
            own = f->lines[i];
            l = judged(r, &own);
        } else {
            l = &r->lines[i];
            own = (struct fact_line){l->text, l->warn};
        }
        put_line(p, r, &own,
                 l != NULL           ? &l->holds
                 : held(r, own.text) ? &yes
                                     : NULL,
                 l == NULL ? "" : l->values);
    }
    html_markup(h, "</tbody>\n</table>\n");
}

/* ----------------------------------------------------------------- phases ---
 */

static void put_phases(struct page *p, const struct result *r)
{
    struct html *h = p->html;
    int64_t sum_ns = 0;
    for (size_t i = 0; i < RLV_PH_COUNT; i++)
        sum_ns += r->phases_ns[i] > 0 ? r->phases_ns[i] : 0;
    if (sum_ns == 0)
        return;
    html_markup(h, "<h3>");
    put_word(p, W_PHASES);
    html_markup(h, "</h3>\n<dl class=\"phases\">\n");
    for (size_t i = 0; i < RLV_PH_COUNT; i++) {
        if (r->phases_ns[i] == RESULT_NO_PHASE)
            continue;
        html_markup(h, "<div><dt>");
        html_text(h, phase_names[i]);
        html_markup(h, "</dt><dd>");
        html_text(h, text_duration(p, r->phases_ns[i]));
        html_markup(h, " <svg aria-hidden=\"true\" viewBox=\"0 0 100 8\""
                       " preserveAspectRatio=\"none\"><rect height=\"8\""
                       " width=\"");
        html_attr_valuef(h, "%.1f",
                         100.0 * (double)r->phases_ns[i] / (double)sum_ns);
        html_markup(h, "\"/></svg></dd></div>\n");
    }
    html_markup(h, "</dl>\n");
}

/* ----------------------------------------------------------- observations ---
 */

static void put_observations(struct page *p, const struct result *r)
{
    struct html *h = p->html;
    if (r->observation_count == 0)
        return;
    html_markup(h, "<h3>");
    put_word(p, W_OBSERVATIONS);
    html_markup(h, "</h3>\n<dl class=\"observations\">\n");
    for (size_t i = 0; i < r->observation_count; i++) {
        const struct observation *o = &r->observations[i];
        html_markup(h, "<div><dt>");
        html_text(h, o->name);
        if (o->key != NULL)
            html_textf(h, "('%s')", o->key);
        html_markup(h, "</dt><dd>");
        put_value(p, &o->value);
        html_markup(h, "</dd></div>\n");
    }
    html_markup(h, "</dl>\n");
}

static void put_evidence(struct page *p, const struct evidence *e)
{
    struct html *h = p->html;
    size_t shown = e->len < EVIDENCE_BYTES ? e->len : EVIDENCE_BYTES;
    html_markup(h, "<h3>");
    PUT_WORDS(p, W_EVIDENCE, e->label, text_number(p, e->len + e->dropped));
    html_markup(h, "</h3>\n<pre>");
    html_lines(h, e->bytes, shown, EVIDENCE_LINES);
    html_markup(h, "</pre>\n");
    if (shown < e->len || e->dropped > 0) {
        html_markup(h, "<p class=\"quiet\">");
        put_word(p, W_EVIDENCE_CUT);
        html_markup(h, "</p>\n");
    }
}

void put_result(struct page *p, const struct fact *f, const struct result *r)
{
    struct html *h = p->html;
    html_markup(h, "<p class=\"status\">");
    put_outcome(p, r->outcome);
    html_markup(h, " ");
    put_time_long(p, r->started_us);
    html_markup(h, " <span class=\"when\">");
    put_word(p, W_TOOK);
    html_textf(h, " %s", text_duration(p, r->duration_ns));
    html_markup(h, "</span> ");
    put_fault(p, fault_name(r->fault), r->code);
    html_markup(h, "</p>\n");
    if (r->message[0] != '\0') {
        html_markup(h, "<p class=\"message\">");
        html_text(h, r->message);
        html_markup(h, "</p>\n");
    }
    html_markup(h, "<div class=\"saw\">\n<div>\n");
    put_expectations(p, f, r);
    put_phases(p, r);
    html_markup(h, "</div>\n<div>\n");
    put_observations(p, r);
    html_markup(h, "</div>\n</div>\n");
    for (size_t i = 0; i < r->evidence_count; i++)
        put_evidence(p, &r->evidence[i]);
}

void put_last_result(struct page *p, const struct fact *f,
                     const struct result *r)
{
    html_markup(p->html, "<section>\n<h2>");
    put_word(p, W_LAST_RESULT);
    html_markup(p->html, "</h2>\n");
    if (r == NULL) {
        html_markup(p->html, "<p class=\"quiet\">");
        put_word(p, W_NO_RESULT);
        html_markup(p->html, "</p>\n");
    } else {
        put_result(p, f, r);
    }
    html_markup(p->html, "</section>\n");
}

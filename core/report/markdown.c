/* report/markdown.c: a test report for a merge request, a wiki, a chat. See
 * suite.h. Untrusted text goes through md.h. */
#include "report/suite.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/human.h"
#include "base/mem.h"
#include "report/md.h"

enum { SLOWEST = 5 };

/* -------------------------------------------------------------- tables --- */

static const char *word_of(const struct suite_check *c)
{
    switch (c->status) {
    case SUITE_FAILED: return c->minor ? "failed (minor)" : "**failed**";
    case SUITE_UNKNOWN: return c->minor ? "unknown (minor)" : "**unknown**";
    default: return suite_status_name(c->status);
    }
}

static void put_status(struct buf *b, const struct suite_check *c)
{
    buf_adds(b, word_of(c));
}

static void put_name(struct buf *b, const struct suite_check *c)
{
    md_text(b, c->name);
}

static void put_title(struct buf *b, const struct suite_check *c)
{
    md_text(b, c->title == NULL ? "" : c->title);
}

static void put_owner(struct buf *b, const struct suite_check *c)
{
    md_text(b, c->owner == NULL ? "" : c->owner);
}

static void put_target(struct buf *b, const struct suite_check *c)
{
    md_text(b, c->target);
}

static void put_waited(struct buf *b, const struct suite_check *c)
{
    char text[HUMAN_TEXT];
    if (c->result != NULL)
        buf_adds(b, human_duration(suite_waited_ns(c->result), text));
}

static void put_duration(struct buf *b, const struct suite_check *c)
{
    char text[HUMAN_TEXT];
    buf_adds(b, human_duration(c->result->duration_ns, text));
}

static void put_why(struct buf *b, const struct suite_check *c)
{
    struct buf fault = {0};
    if (c->result == NULL) {
        md_text(b, c->skip);
        return;
    }
    suite_put_fault(&fault, c->result);
    md_text(b, buf_text(&fault));
    if (c->result->message[0] != '\0') {
        buf_adds(b, fault.len > 0 ? ": " : "");
        md_text(b, c->result->message);
    }
    buf_free(&fault);
}

struct column {
    const char *title;
    void (*put)(struct buf *, const struct suite_check *);
    bool is_number;
};

static const struct column result_columns[] = {
    {"Result", put_status, false}, {"Check", put_name, false},
    {"Title", put_title, false},   {"Owner", put_owner, false},
    {"Target", put_target, false}, {"Latency", put_waited, true},
    {"Why", put_why, false},
};

static const struct column slow_columns[] = {
    {"Check", put_name, false},
    {"Latency", put_waited, true},
    {"Whole probe", put_duration, true},
};

/* A column in which nothing would stand is left out. */
static bool is_empty(const struct column *column,
                     const struct suite_check *const *checks, size_t n)
{
    struct buf cell = {0};
    for (size_t i = 0; i < n && cell.len == 0; i++)
        column->put(&cell, checks[i]);
    bool empty = cell.len == 0;
    buf_free(&cell);
    return empty;
}

static void put_table(struct buf *b, const struct column *columns, size_t count,
                      const struct suite_check *const *checks, size_t n)
{
    bool *left_out = xcalloc(count, sizeof *left_out);
    for (size_t k = 0; k < count; k++) {
        left_out[k] = is_empty(&columns[k], checks, n);
        if (!left_out[k])
            buf_addf(b, "| %s ", columns[k].title);
    }
    buf_adds(b, "|\n");
    for (size_t k = 0; k < count; k++)
        if (!left_out[k])
            buf_adds(b, columns[k].is_number ? "|---:" : "|---");
    buf_adds(b, "|\n");
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < count; k++) {
            if (left_out[k])
                continue;
            buf_adds(b, "| ");
            columns[k].put(b, checks[i]);
            buf_addc(b, ' ');
        }
        buf_adds(b, "|\n");
    }
    free(left_out);
}

/* ------------------------------------------------------------ sections --- */

static void put_head(struct buf *b, const struct suite *s)
{
    const struct suite_totals *t = &s->totals;
    char at[CLOCK_TEXT];
    struct buf where = {0}, verdict = {0};
    suite_put_environments(&where, s);
    suite_put_verdict(&verdict, s);
    buf_adds(b, "# Relevo test");
    if (where.len > 0) {
        buf_adds(b, ": ");
        md_text(b, where.data);
    }
    buf_adds(b, "\n\n**");
    md_text(b, buf_text(&verdict));
    buf_adds(b, "**  \n");
    suite_put_counts(b, s);
    buf_adds(b, "\n\n| Passed | Failed | Skipped | Pass rate |");
    buf_adds(b, s->min_pass < 0 ? "" : " Wanted |");
    buf_adds(b, " Started |\n|---:|---:|---:|---:|");
    buf_adds(b, s->min_pass < 0 ? "" : "---:|");
    buf_addf(b, "---|\n| %zu | %zu | %zu | ", t->passed, t->failed, t->skipped);
    if (t->run > 0)
        buf_addf(b, "%.1f %% |", suite_rate(t));
    else
        buf_adds(b, "none |");
    if (s->min_pass >= 0)
        buf_addf(b, " %.10g %% |", s->min_pass);
    buf_addf(b, " %s |\n", clock_format(s->started_us, at));
    buf_free(&where);
    buf_free(&verdict);
}

static void put_results(struct buf *b, const struct suite *s)
{
    const struct suite_check **all = xcalloc(s->check_count + 1, sizeof *all);
    for (size_t i = 0; i < s->check_count; i++)
        all[i] = &s->checks[i];
    if (s->check_count > 0) {
        buf_adds(b, "\n## Results\n\n");
        put_table(b, result_columns, ARRAY_LEN(result_columns), all,
                  s->check_count);
    }
    free(all);
}

static void put_lines(struct buf *b, const struct result *r)
{
    for (size_t i = 0; i < r->line_count; i++) {
        struct buf text = {0};
        const struct judged_line *l = &r->lines[i];
        if (l->holds)
            continue;
        buf_addf(&text, "%s%s", l->warn ? "warn_unless " : "", l->text);
        buf_adds(b, "- ");
        md_code(b, buf_text(&text));
        if (l->values[0] != '\0') {
            buf_adds(b, " was ");
            md_code(b, l->values);
        }
        buf_addc(b, '\n');
        buf_free(&text);
    }
}

static void put_trouble(struct buf *b, const struct suite_check *c)
{
    buf_adds(b, "\n### ");
    md_text(b, c->name);
    if (c->title != NULL) {
        buf_adds(b, ": ");
        md_text(b, c->title);
    }
    buf_addf(b, "\n\n%s: ", word_of(c));
    put_why(b, c);
    if (c->owner != NULL) {
        buf_adds(b, " (owner: ");
        md_text(b, c->owner);
        buf_addc(b, ')');
    }
    buf_adds(b, "\n\n");
    put_lines(b, c->result);
}

/* One section of what was run and did not simply pass. */
static void put_troubles(struct buf *b, const struct suite *s,
                         const char *title, bool failed)
{
    for (size_t i = 0; i < s->check_count; i++) {
        const struct suite_check *c = &s->checks[i];
        bool fits =
            failed ? c->status == SUITE_FAILED || c->status == SUITE_UNKNOWN
                   : c->status == SUITE_DEGRADED;
        if (!fits)
            continue;
        buf_adds(b, title);
        title = "";
        put_trouble(b, c);
    }
}

static void put_skips(struct buf *b, const struct suite *s)
{
    const char *title = "\n## Skipped\n\n";
    for (size_t i = 0; i < s->check_count; i++) {
        const struct suite_check *c = &s->checks[i];
        if (c->status != SUITE_SKIPPED)
            continue;
        buf_addf(b, "%s- **", title);
        title = "";
        md_text(b, c->name);
        buf_adds(b, "**: ");
        md_text(b, c->skip);
        buf_addc(b, '\n');
    }
}

static int by_wait(const void *a, const void *b)
{
    const struct suite_check *const *x = a, *const *y = b;
    int64_t m = suite_waited_ns((*x)->result);
    int64_t n = suite_waited_ns((*y)->result);
    return m > n ? -1 : m < n ? 1 : strcmp((*x)->name, (*y)->name);
}

static void put_slowest(struct buf *b, const struct suite *s)
{
    const struct suite_check **ran = xcalloc(s->check_count + 1, sizeof *ran);
    size_t n = 0;
    for (size_t i = 0; i < s->check_count; i++)
        if (s->checks[i].result != NULL && s->checks[i].of == NULL)
            ran[n++] = &s->checks[i];
    if (n > 0) {
        qsort(ran, n, sizeof *ran, by_wait);
        buf_adds(b, "\n## Slowest\n\n");
        put_table(b, slow_columns, ARRAY_LEN(slow_columns), ran,
                  n < SLOWEST ? n : SLOWEST);
    }
    free(ran);
}

void suite_markdown(const struct suite *s, struct buf *b)
{
    put_head(b, s);
    put_results(b, s);
    put_troubles(b, s, "\n## Failures\n", true);
    put_troubles(b, s, "\n## Degraded\n", false);
    put_skips(b, s);
    put_slowest(b, s);
}

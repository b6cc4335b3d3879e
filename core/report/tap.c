/* report/tap.c: a test report in the Test Anything Protocol, version 14
 * (testanything.org/tap-version-14-specification.html). See suite.h. */
#include "report/suite.h"

#include <string.h>

#include "base/clock.h"
#include "base/str.h"

/* In a description "#" would begin a directive. */
static void put_text(struct buf *b, const char *text)
{
    struct buf clean = {0};
    str_clean_buf(&clean, text, strlen(text), false);
    for (size_t i = 0; i < clean.len; i++) {
        if (clean.data[i] == '#' || clean.data[i] == '\\')
            buf_addc(b, '\\');
        buf_addc(b, clean.data[i]);
    }
    buf_free(&clean);
}

/* A double-quoted scalar of YAML, on one line. */
static void put_quoted(struct buf *b, const char *text)
{
    struct buf clean = {0};
    str_clean_buf(&clean, text, strlen(text), false);
    buf_addc(b, '"');
    for (size_t i = 0; i < clean.len; i++) {
        if (clean.data[i] == '"' || clean.data[i] == '\\')
            buf_addc(b, '\\');
        buf_addc(b, clean.data[i]);
    }
    buf_addc(b, '"');
    buf_free(&clean);
}

static void put_member(struct buf *b, const char *name, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    buf_addf(b, "  %s: ", name);
    put_quoted(b, text);
    buf_addc(b, '\n');
}

/* A literal block of YAML: some parsers take a quoted member of a sequence that
 * holds a colon for a mapping. Each line begins with "- ", so that the block's
 * indentation is plain. */
static void put_lines(struct buf *b, const struct result *r)
{
    const char *title = "  lines: |\n";
    for (size_t i = 0; i < r->line_count; i++) {
        struct buf line = {0};
        if (r->lines[i].holds)
            continue;
        suite_put_line(&line, &r->lines[i]);
        buf_addf(b, "%s    - ", title);
        title = "";
        str_clean_buf(b, line.data, line.len, false);
        buf_addc(b, '\n');
        buf_free(&line);
    }
}

static void put_diagnostics(struct buf *b, const struct suite_check *c)
{
    struct buf fault = {0};
    suite_put_fault(&fault, c->result);
    buf_addf(b, "  ---\n  result: %s\n  severity: %s\n  duration_ms: %.3f\n",
             suite_status_name(c->status), c->minor ? "minor" : "major",
             (double)c->result->duration_ns / (double)NS_PER_MS);
    put_member(b, "title", c->title);
    put_member(b, "owner", c->owner);
    put_member(b, "target", c->target);
    put_member(b, "fault", buf_text(&fault));
    put_member(b, "message", c->result->message);
    put_lines(b, c->result);
    buf_adds(b, "  ...\n");
    buf_free(&fault);
}

void suite_tap(const struct suite *s, struct buf *b)
{
    buf_addf(b, "TAP version 14\n1..%zu\n", s->check_count);
    for (size_t i = 0; i < s->check_count; i++) {
        const struct suite_check *c = &s->checks[i];
        bool bad = c->status == SUITE_FAILED || c->status == SUITE_UNKNOWN;
        buf_addf(b, "%s %zu - ", bad ? "not ok" : "ok", i + 1);
        put_text(b, c->name);
        if (c->status == SUITE_SKIPPED) {
            buf_adds(b, " # SKIP ");
            put_text(b, c->skip);
        }
        buf_addc(b, '\n');
        if (c->status != SUITE_SKIPPED && c->status != SUITE_PASSED)
            put_diagnostics(b, c);
    }
    buf_adds(b, "# ");
    suite_put_counts(b, s);
    buf_addc(b, '\n');
}

/* report/text.c: a test report for a person at a terminal. See suite.h.
 *
 * One row a check; below what did not pass, its lines with the values seen. */
#include "report/suite.h"

#include <string.h>

#include "base/attr.h"
#include "base/human.h"
#include "base/str.h"

struct mark {
    const char *word, *colour; /* SGR parameters */
};

static struct mark mark_of(const struct suite_check *c)
{
    static const struct mark marks[] = {
        [SUITE_PASSED] = {"ok", "32"},
        [SUITE_DEGRADED] = {"degraded", "33"},
        [SUITE_FAILED] = {"FAILED", "31"},
        [SUITE_UNKNOWN] = {"UNKNOWN", "34"},
        [SUITE_SKIPPED] = {"skipped", "90"},
    };
    static const struct mark minor = {"minor", "33"};
    return c->status == SUITE_FAILED && c->minor ? minor : marks[c->status];
}

static int width_of(const char *s)
{
    int n = 0;
    for (; *s != '\0'; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

/* The text made safe, then spaces up to that width. */
static int put_padded(struct buf *b, const char *text, int width)
{
    struct buf clean = {0};
    str_clean_buf(&clean, text, strlen(text), false);
    int used = width_of(buf_text(&clean));
    if (b != NULL) {
        buf_addf(b, "%s%*s", buf_text(&clean), width > used ? width - used : 0,
                 "");
    }
    buf_free(&clean);
    return used;
}

static void put_clean(struct buf *b, const char *text)
{
    put_padded(b, text, 0);
}

static void put_mark(struct buf *b, const struct suite *s,
                     const struct suite_check *c)
{
    struct mark mark = mark_of(c);
    if (s->colour)
        buf_addf(b, "  \033[%sm%-9s\033[0m", mark.colour, mark.word);
    else
        buf_addf(b, "  %-9s", mark.word);
}

/* What stands at the end of a row: why it was skipped, or what went wrong. */
static void put_reason(struct buf *b, const struct suite_check *c)
{
    if (c->result == NULL) {
        put_clean(b, c->skip);
        return;
    }
    suite_put_fault(b, c->result);
    if (c->result->line_count == 0 && c->result->message[0] != '\0') {
        buf_adds(b, ": ");
        put_clean(b, c->result->message);
    }
}

static void put_lines(struct buf *b, const struct result *r)
{
    struct buf line = {0};
    for (size_t i = 0; i < r->line_count; i++) {
        if (r->lines[i].holds)
            continue;
        buf_clear(&line);
        suite_put_line(&line, &r->lines[i]);
        buf_adds(b, "              ");
        put_clean(b, buf_text(&line));
        buf_addc(b, '\n');
    }
    buf_free(&line);
}

static void put_who(struct buf *b, const struct suite_check *c)
{
    if (c->title == NULL && c->owner == NULL)
        return;
    buf_adds(b, "              ");
    if (c->title != NULL)
        put_clean(b, c->title);
    if (c->owner != NULL) {
        buf_adds(b, c->title != NULL ? " (owner: " : "owner: ");
        put_clean(b, c->owner);
        buf_adds(b, c->title != NULL ? ")" : "");
    }
    buf_addc(b, '\n');
}

static void put_check(struct buf *b, const struct suite *s,
                      const struct suite_check *c, int width)
{
    char took[HUMAN_TEXT] = "";
    put_mark(b, s, c);
    buf_adds(b, "  ");
    put_padded(b, c->name, width);
    if (c->result != NULL)
        human_duration(suite_waited_ns(c->result), took);
    buf_addf(b, "  %8s", took);
    if (c->status != SUITE_PASSED) {
        buf_adds(b, "  ");
        put_reason(b, c);
    }
    buf_addc(b, '\n');
    if (c->status != SUITE_PASSED && c->status != SUITE_SKIPPED) {
        put_who(b, c);
        put_lines(b, c->result);
    }
}

void suite_text(const struct suite *s, struct buf *b)
{
    int width = 0;
    for (size_t i = 0; i < s->check_count; i++) {
        int used = put_padded(NULL, s->checks[i].name, 0);
        width = used > width ? used : width;
    }
    for (size_t i = 0; i < s->check_count; i++)
        put_check(b, s, &s->checks[i], width);
    buf_adds(b, s->check_count > 0 ? "\n" : "");
    suite_put_counts(b, s);
    buf_addc(b, '\n');
    if (s->totals.run > 0) {
        suite_put_verdict(b, s);
        buf_addc(b, '\n');
    }
}

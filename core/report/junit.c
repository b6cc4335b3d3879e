/* report/junit.c: a test report as JUnit XML, in the dialect that Jenkins and
 * GitLab read: a testsuite for each environment, <failure> with the fault as
 * its type, <error> for what the monitor could not look at. See suite.h. */
#include "report/suite.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "model/fault.h"

/* str_clean_buf has made visible what XML 1.0 (2.2) forbids even as a
 * reference. */
static void put_escaped(struct buf *b, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        switch (s[i]) {
        case '&': buf_adds(b, "&amp;"); break;
        case '<': buf_adds(b, "&lt;"); break;
        case '>': buf_adds(b, "&gt;"); break;
        case '"': buf_adds(b, "&quot;"); break;
        default: buf_addc(b, s[i]);
        }
    }
}

static void put_text(struct buf *b, const char *text)
{
    struct buf clean = {0};
    str_clean_buf(&clean, text, strlen(text), false);
    put_escaped(b, buf_text(&clean), clean.len);
    buf_free(&clean);
}

static void put_attribute(struct buf *b, const char *name, const char *text)
{
    buf_addf(b, " %s=\"", name);
    put_text(b, text);
    buf_addc(b, '"');
}

static void put_time(struct buf *b, int64_t ns)
{
    buf_addf(b, " time=\"%.3f\"", (double)ns / (double)NS_PER_S);
}

/* Of one environment; NULL: of all. */
static bool is_of(const struct suite_check *c, const char *environment)
{
    return environment == NULL || str_eq(c->environment, environment);
}

static void put_counts(struct buf *b, const struct suite *s,
                       const char *environment)
{
    size_t tests = 0, failures = 0, errors = 0, skipped = 0;
    for (size_t i = 0; i < s->check_count; i++) {
        const struct suite_check *c = &s->checks[i];
        if (!is_of(c, environment))
            continue;
        tests++;
        failures += c->status == SUITE_FAILED;
        errors += c->status == SUITE_UNKNOWN;
        skipped += c->status == SUITE_SKIPPED;
    }
    buf_addf(b, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\"", tests,
             failures, errors);
    if (environment != NULL)
        buf_addf(b, " skipped=\"%zu\"", skipped);
}

/* ---------------------------------------------------------- a testcase --- */

static void put_lines(struct buf *b, const struct result *r, const char *indent)
{
    struct buf line = {0};
    for (size_t i = 0; i < r->line_count; i++) {
        if (r->lines[i].holds)
            continue;
        buf_clear(&line);
        suite_put_line(&line, &r->lines[i]);
        buf_adds(b, indent);
        put_text(b, buf_text(&line));
        buf_addc(b, '\n');
    }
    buf_free(&line);
}

static void put_trouble(struct buf *b, const struct suite_check *c)
{
    const char *element = c->status == SUITE_UNKNOWN ? "error" : "failure";
    const struct result *r = c->result;
    struct buf fault = {0};
    suite_put_fault(&fault, r);
    buf_addf(b, "      <%s", element);
    put_attribute(b, "type", fault_name(r->fault));
    put_attribute(b, "message", r->message);
    buf_adds(b, ">");
    put_text(b, buf_text(&fault));
    buf_addf(b, "\nseverity: %s\n", c->minor ? "minor" : "major");
    if (c->owner != NULL) {
        buf_adds(b, "owner: ");
        put_text(b, c->owner);
        buf_addc(b, '\n');
    }
    put_lines(b, r, "");
    buf_addf(b, "</%s>\n", element);
    buf_free(&fault);
}

static void put_outcome(struct buf *b, const struct suite_check *c)
{
    switch (c->status) {
    case SUITE_SKIPPED:
        buf_adds(b, "      <skipped");
        put_attribute(b, "message", c->skip);
        buf_adds(b, "/>\n");
        break;
    case SUITE_DEGRADED:
        buf_adds(b, "      <system-out>");
        put_text(b, c->result->message);
        buf_adds(b, "</system-out>\n");
        break;
    case SUITE_FAILED:
    case SUITE_UNKNOWN: put_trouble(b, c); break;
    case SUITE_PASSED: break;
    }
}

static void put_case(struct buf *b, const struct suite_check *c)
{
    buf_adds(b, "    <testcase");
    put_attribute(b, "name", c->plain_name);
    buf_adds(b, " classname=\"relevo");
    buf_adds(b, c->environment[0] != '\0' ? "." : "");
    put_text(b, c->environment);
    buf_addc(b, '"');
    put_time(b, c->result == NULL ? 0 : c->result->duration_ns);
    buf_adds(b, ">\n");
    put_outcome(b, c);
    if (c->title != NULL) {
        buf_adds(b, "      <system-out>");
        put_text(b, c->title);
        buf_adds(b, "</system-out>\n");
    }
    buf_adds(b, "    </testcase>\n");
}

/* --------------------------------------------------------- a testsuite --- */

static void put_property(struct buf *b, const char *name, const char *value)
{
    buf_adds(b, "      <property");
    put_attribute(b, "name", name);
    put_attribute(b, "value", value);
    buf_adds(b, "/>\n");
}

/* Each once, in the order of the checks. */
static void put_targets(struct buf *b, const struct suite *s,
                        const char *environment)
{
    for (size_t i = 0; i < s->check_count; i++) {
        const struct suite_check *c = &s->checks[i];
        bool again = c->target[0] == '\0' || !is_of(c, environment);
        for (size_t k = 0; k < i && !again; k++)
            again = is_of(&s->checks[k], environment) &&
                    str_eq(s->checks[k].target, c->target);
        if (!again)
            put_property(b, "target", c->target);
    }
}

static void put_properties(struct buf *b, const struct suite *s,
                           const char *environment)
{
    char number[40];
    buf_adds(b, "    <properties>\n");
    put_property(b, "relevo", RELEVO_VERSION);
    if (environment[0] != '\0')
        put_property(b, "environment", environment);
    if (s->totals.run > 0) {
        snprintf(number, sizeof number, "%.1f", suite_rate(&s->totals));
        put_property(b, "pass_rate", number);
    }
    if (s->min_pass >= 0) {
        snprintf(number, sizeof number, "%.10g", s->min_pass);
        put_property(b, "min_pass", number);
    }
    put_targets(b, s, environment);
    buf_adds(b, "    </properties>\n");
}

/* Seconds that the probes took together. */
static int64_t time_of(const struct suite *s, const char *environment)
{
    int64_t sum = 0;
    for (size_t i = 0; i < s->check_count; i++)
        if (is_of(&s->checks[i], environment) && s->checks[i].result != NULL)
            sum += s->checks[i].result->duration_ns;
    return sum;
}

static void put_suite(struct buf *b, const struct suite *s,
                      const char *environment)
{
    char at[CLOCK_TEXT];
    clock_format(s->started_us, at);
    buf_adds(b, "  <testsuite");
    put_attribute(b, "name", environment[0] != '\0' ? environment : "relevo");
    put_counts(b, s, environment);
    put_time(b, time_of(s, environment));
    buf_addf(b, " timestamp=\"%.19s\">\n", at); /* without zone: UTC */
    put_properties(b, s, environment);
    for (size_t i = 0; i < s->check_count; i++)
        if (is_of(&s->checks[i], environment))
            put_case(b, &s->checks[i]);
    buf_adds(b, "  </testsuite>\n");
}

void suite_junit(const struct suite *s, struct buf *b)
{
    buf_adds(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites "
                "name=\"relevo test\"");
    put_counts(b, s, NULL);
    put_time(b, s->duration_ns);
    buf_adds(b, ">\n");
    for (size_t i = 0; i < s->check_count; i++) {
        bool again = false;
        for (size_t k = 0; k < i && !again; k++)
            again = is_of(&s->checks[k], s->checks[i].environment);
        if (!again)
            put_suite(b, s, s->checks[i].environment);
    }
    buf_adds(b, "</testsuites>\n");
}

/* report/suite.c: what all formats of a test report share. See suite.h. */
#include "report/suite.h"

#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "model/fault.h"

const struct suite_renderer suite_renderers[] = {
    {"text", suite_text}, {"markdown", suite_markdown}, {"junit", suite_junit},
    {"tap", suite_tap},   {"json", suite_json},
};
const size_t suite_renderer_count = ARRAY_LEN(suite_renderers);

const char *suite_status_name(enum suite_status status)
{
    static const char *const names[] = {"passed", "degraded", "failed",
                                        "unknown", "skipped"};
    return names[status];
}

static enum suite_status status_of(const struct suite *s,
                                   const struct suite_check *c)
{
    if (c->result == NULL)
        return SUITE_SKIPPED;
    switch (c->result->outcome) {
    case OUTCOME_OK: return SUITE_PASSED;
    case OUTCOME_WARN:
        return s->fail_on_degraded ? SUITE_FAILED : SUITE_DEGRADED;
    case OUTCOME_FAIL: return SUITE_FAILED;
    default: return SUITE_UNKNOWN;
    }
}

static void count(struct suite_totals *t, const struct suite_check *c)
{
    t->run += c->status != SUITE_SKIPPED;
    t->skipped += c->status == SUITE_SKIPPED;
    t->passed += c->status == SUITE_PASSED || c->status == SUITE_DEGRADED;
    t->degraded += c->status == SUITE_DEGRADED;
    t->unknown += c->status == SUITE_UNKNOWN;
    t->minor += c->status == SUITE_FAILED && c->minor;
    t->failed += c->status == SUITE_FAILED || c->status == SUITE_UNKNOWN;
    t->breaking +=
        (c->status == SUITE_FAILED || c->status == SUITE_UNKNOWN) && !c->minor;
}

static bool is_enough(const struct suite *s)
{
    return (double)s->totals.passed * 100.0 >=
           s->min_pass * (double)s->totals.run - 1e-9;
}

void suite_judge(struct suite *s)
{
    s->totals = (struct suite_totals){0};
    for (size_t i = 0; i < s->check_count; i++) {
        s->checks[i].status = status_of(s, &s->checks[i]);
        count(&s->totals, &s->checks[i]);
    }
    s->passed = s->totals.run > 0 && s->totals.breaking == 0 && is_enough(s);
}

/* Rounded up to 100.0 a failure would be hidden. */
double suite_rate(const struct suite_totals *t)
{
    must(t->run > 0);
    double tenths = (double)t->passed * 1000.0 / (double)t->run + 0.5;
    int64_t rounded = (int64_t)tenths;
    if (rounded >= 1000 && t->passed < t->run)
        rounded = 999;
    return (double)rounded / 10.0;
}

int64_t suite_waited_ns(const struct result *r)
{
    const struct rlv_value *latency = result_observation(r, "latency", NULL);
    return latency != NULL && latency->type == RLV_T_DURATION ? latency->as.i
                                                              : r->duration_ns;
}

/* ----------------------------------------------------------- sentences --- */

static void put_part(struct buf *b, size_t n, const char *one, const char *many)
{
    if (n > 0)
        buf_addf(b, ", %zu %s", n, n == 1 ? one : many);
}

void suite_put_counts(struct buf *b, const struct suite *s)
{
    const struct suite_totals *t = &s->totals;
    if (t->run == 0)
        buf_adds(b, "nothing was run");
    else
        buf_addf(b, "%zu of %zu passed (%.1f %%)", t->passed, t->run,
                 suite_rate(t));
    put_part(b, t->failed - t->minor - t->unknown, "failure", "failures");
    put_part(b, t->minor, "minor failure", "minor failures");
    put_part(b, t->unknown, "unknown", "unknown");
    put_part(b, t->degraded, "degraded", "degraded");
    put_part(b, t->skipped, "skipped", "skipped");
    put_part(b, s->disabled, "disabled", "disabled");
    buf_addf(b, "; %.1f s", (double)s->duration_ns / (double)NS_PER_S);
}

void suite_put_verdict(struct buf *b, const struct suite *s)
{
    const struct suite_totals *t = &s->totals;
    if (s->passed) {
        buf_adds(b,
                 t->failed > 0 ? "passed: only minor checks failed" : "passed");
        return;
    }
    if (t->run == 0) {
        buf_adds(b, "nothing was run");
        return;
    }
    buf_adds(b, "failed");
    const char *joint = ": ";
    if (t->breaking > 0) {
        buf_addf(b, "%s%zu check%s did not pass", joint, t->breaking,
                 t->breaking == 1 ? "" : "s");
        joint = "; ";
    }
    if (!is_enough(s))
        buf_addf(b, "%s%.1f %% passed, %.10g %% are wanted", joint,
                 suite_rate(t), s->min_pass);
}

static bool is_named_before(const struct suite *s, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (str_eq(s->checks[k].environment, s->checks[i].environment))
            return true;
    return false;
}

void suite_put_environments(struct buf *b, const struct suite *s)
{
    const char *joint = "";
    for (size_t i = 0; i < s->check_count; i++) {
        const char *name = s->checks[i].environment;
        if (name[0] == '\0' || is_named_before(s, i))
            continue;
        buf_adds(b, joint);
        str_clean_buf(b, name, strlen(name), false);
        joint = ", ";
    }
}

void suite_put_fault(struct buf *b, const struct result *r)
{
    if (r->fault == RLV_F_NONE)
        return;
    buf_adds(b, fault_name(r->fault));
    if (r->code[0] != '\0') {
        buf_addc(b, ' ');
        str_clean_buf(b, r->code, strlen(r->code), false);
    }
}

void suite_put_line(struct buf *b, const struct judged_line *l)
{
    buf_addf(b, "%s%s", l->warn ? "warn_unless " : "", l->text);
    if (l->values[0] != '\0') /* "(absent)" has its own */
        buf_addf(b, l->values[0] == '(' ? " %s" : " (%s)", l->values);
}

/* report/suite_json.c: a test report for programs: a summary, and one RESULT
 * for each check with what the test made of it. See suite.h; the members are
 * documented in docs/commands.md. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "report/json.h"
#include "report/suite.h"

static json_t *text_or_null(const char *s)
{
    return s == NULL ? json_null() : report_text(s, strlen(s));
}

static void set(json_t *o, const char *name, json_t *value)
{
    json_object_set_new(o, name, value);
}

static void set_count(json_t *o, const char *name, size_t n)
{
    set(o, name, json_integer((json_int_t)n));
}

static json_t *environments_of(const struct suite *s)
{
    json_t *seen = json_object(), *list = json_array();
    for (size_t i = 0; i < s->check_count; i++) {
        json_t *name = text_or_null(s->checks[i].environment);
        const char *key = json_string_value(name);
        if (key[0] != '\0' && json_object_get(seen, key) == NULL) {
            set(seen, key, json_true());
            json_array_append(list, name);
        }
        json_decref(name);
    }
    json_decref(seen);
    return list;
}

static json_t *summary_of(const struct suite *s)
{
    const struct suite_totals *t = &s->totals;
    json_t *o = json_object();
    set(o, "verdict",
        json_string(t->run == 0 ? "nothing run"
                    : s->passed ? "passed"
                                : "failed"));
    set(o, "environments", environments_of(s));
    set(o, "started", report_time(s->started_us));
    set(o, "duration_ms", report_ms(s->duration_ns));
    set_count(o, "run", t->run);
    set_count(o, "passed", t->passed);
    set_count(o, "degraded", t->degraded);
    set_count(o, "failed", t->failed);
    set_count(o, "minor", t->minor);
    set_count(o, "unknown", t->unknown);
    set_count(o, "skipped", t->skipped);
    set_count(o, "disabled", s->disabled);
    set(o, "pass_rate", t->run == 0 ? json_null() : json_real(suite_rate(t)));
    set(o, "min_pass", s->min_pass < 0 ? json_null() : json_real(s->min_pass));
    set(o, "fail_on_degraded", json_boolean(s->fail_on_degraded));
    return o;
}

static json_t *check_of(const struct suite_check *c)
{
    json_t *o = json_object();
    if (c->result != NULL) {
        json_decref(o);
        o = report_result(c->result, c->name);
    } else {
        set(o, "check", text_or_null(c->name));
    }
    set(o, "status", json_string(suite_status_name(c->status)));
    set(o, "severity", json_string(c->minor ? "minor" : "major"));
    set(o, "skip", text_or_null(c->skip));
    set(o, "title", text_or_null(c->title));
    set(o, "owner", text_or_null(c->owner));
    set(o, "environment", text_or_null(c->environment));
    set(o, "plugin", text_or_null(c->plugin));
    set(o, "target", text_or_null(c->target));
    set(o, "of", text_or_null(c->of));
    return o;
}

void suite_json(const struct suite *s, struct buf *b)
{
    json_t *checks = json_array();
    for (size_t i = 0; i < s->check_count; i++)
        json_array_append_new(checks, check_of(&s->checks[i]));
    json_t *o = json_object();
    set(o, "summary", summary_of(s));
    set(o, "checks", checks);
    char *text = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(15));
    must(text != NULL);
    str_clean_json(b, text);
    buf_addc(b, '\n');
    free(text);
    json_decref(o);
}

/* tests/unit/test_report_fixture.h: suites to render: the one of the first
 * user, and one check whose every text is a given string. */
#ifndef TEST_REPORT_FIXTURE_H
#define TEST_REPORT_FIXTURE_H

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "report/suite.h"

enum { FIXTURE_CHECKS = 17 };

static inline struct result *
fixture_result(enum outcome outcome, const char *line, const char *values)
{
    struct result *r = result_new();
    r->outcome = outcome;
    r->started_us = 1774656000000000; /* 2026-03-28T00:00:00Z */
    r->duration_ns = 12 * NS_PER_MS;
    if (outcome == OUTCOME_OK)
        return r;
    r->fault = outcome == OUTCOME_UNKNOWN ? RLV_F_PLUGIN : RLV_F_MISMATCH;
    r->lines = arena_alloc(r->arena, sizeof *r->lines);
    r->lines[0] =
        (struct judged_line){arena_strdup(r->arena, line),
                             arena_strdup(r->arena, values), false, false};
    r->line_count = outcome != OUTCOME_UNKNOWN;
    r->message = arena_printf(r->arena, "%s (%s)", line, values);
    return r;
}

static inline void fixture_latency(struct result *r, int64_t ns)
{
    r->observations = arena_alloc(r->arena, sizeof *r->observations);
    r->observations[0].name = "latency";
    r->observations[0].value =
        (struct rlv_value){.type = RLV_T_DURATION, .as.i = ns};
    r->observation_count = 1;
}

/* 17 checks: 11 run, of which 9 are well, one is degraded and a minor one
 * fails; 6 are skipped. */
static inline struct suite *fixture_suite(void)
{
    static char names[FIXTURE_CHECKS][24];
    struct suite *s = xcalloc(1, sizeof *s);
    s->checks = xcalloc(FIXTURE_CHECKS, sizeof *s->checks);
    s->check_count = FIXTURE_CHECKS;
    s->min_pass = 90;
    s->duration_ns = 2300 * NS_PER_MS;
    s->started_us = 1774656000000000;
    for (int i = 0; i < FIXTURE_CHECKS; i++) {
        snprintf(names[i], sizeof names[i], "staging/check-%02d", i);
        struct suite_check *c = &s->checks[i];
        *c = (struct suite_check){.name = names[i],
                                  .plain_name = names[i] + 8,
                                  .environment = "staging",
                                  .plugin = "http",
                                  .target = "app.example.com:443"};
        if (i >= 11) {
            c->skip = "env \"STG_API_TOKEN\" is not set";
            continue;
        }
        struct result *r =
            i == 3   ? fixture_result(OUTCOME_FAIL, "status == 200", "503")
            : i == 5 ? fixture_result(OUTCOME_WARN, "latency < 200ms", "312ms")
                     : fixture_result(OUTCOME_OK, "", "");
        if (i == 5)
            r->lines[0].warn = true;
        fixture_latency(r, (i + 1) * NS_PER_MS);
        c->result = r;
    }
    s->checks[3].minor = true;
    s->checks[3].title = "The documentation can be read";
    s->checks[3].owner = "web team";
    suite_judge(s);
    return s;
}

/* One failing check; everything a target or a writer controls is `text`. */
static inline struct suite *fixture_named(const char *text)
{
    struct suite *s = xcalloc(1, sizeof *s);
    s->checks = xcalloc(2, sizeof *s->checks);
    s->check_count = 2;
    s->min_pass = -1;
    for (int i = 0; i < 2; i++)
        s->checks[i] = (struct suite_check){.name = text,
                                            .plain_name = text,
                                            .environment = text,
                                            .title = text,
                                            .owner = text,
                                            .plugin = "http",
                                            .target = text};
    struct result *r = fixture_result(OUTCOME_FAIL, text, text);
    snprintf(r->code, sizeof r->code, "%s", text);
    r->message = arena_strdup(r->arena, text);
    s->checks[0].result = r;
    s->checks[1].skip = text;
    suite_judge(s);
    return s;
}

static inline void fixture_free(struct suite *s)
{
    for (size_t i = 0; i < s->check_count; i++)
        result_free((struct result *)(uintptr_t)s->checks[i].result);
    free(s->checks);
    free(s);
}

/* An array of texts from the naughty strings and of our own; NULL-ended. */
static const char *const fixture_own[] = {
    "a | b\\| c \\\\| d",
    "`x` ``y`` ```",
    "line\nbreak\r\nand\ttab",
    "<script>alert(1)</script><!-- -->]]>&amp;",
    "\x1b[31mred\x1b[0m\x07",
    "\xe2\x80\xaetxt.exe\xe2\x80\xac",
    "\xff\xfe\xc3(\xed\xa0\x80",
    "\xef\xbf\xbe\xef\xbf\xbf\x01\x0b",
    "# TO"
    "DO later # SKIP now",
    "ok 1 - not\nBail out!",
    "**bold** _it_ [a](b) ![c](d) ~~e~~",
    "  ---\n  yaml: \"q\" \\\" '\n  ...",
    "\\",
    "\"",
    "",
    NULL,
};

/* The 515 naughty strings; NULL where the folder is absent. */
static inline json_t *fixture_strings(void)
{
    char path[600];
    const char *dir = getenv("RELEVO_VECTORS"), *source;
    if (dir != NULL)
        snprintf(path, sizeof path, "%s/strings/blns.json", dir);
    else if ((source = getenv("RELEVO_SOURCE")) != NULL)
        snprintf(path, sizeof path, "%s/../shared/vectors/strings/blns.json",
                 source);
    else
        snprintf(path, sizeof path, "../shared/vectors/strings/blns.json");
    json_t *list = json_load_file(path, JSON_ALLOW_NUL, NULL);
    if (list == NULL)
        printf("only our own strings: no %s\n", path);
    return list;
}

/* Calls each(text) for every string; how many. */
static inline size_t fixture_each(void (*each)(const char *text))
{
    size_t n = 0, i;
    json_t *list = fixture_strings(), *one;
    for (; fixture_own[n] != NULL; n++)
        each(fixture_own[n]);
    json_array_foreach (list, i, one) {
        each(json_string_value(one));
        n++;
    }
    json_decref(list);
    return n;
}

#endif

/* Outputs and findings in memory: caps, cuts, redaction. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/finding.h"
#include "runner/capture.h"
#include "runner/intake.h"

/* What is kept of the n bytes "abc…z" repeated, given in parts of `step`. */
static void assert_kept(size_t cap, size_t n, size_t step)
{
    struct capture c;
    struct buf all = {0}, expected = {0};
    uint64_t dropped;
    for (size_t i = 0; i < n; i++)
        buf_addc(&all, (char)('a' + i % 23));
    capture_init(&c, cap, NULL);
    for (size_t i = 0; i < n; i += step)
        capture_add(&c, all.data + i, n - i < step ? n - i : step);
    json_t *text = capture_end(&c, &dropped);
    if (n <= cap) {
        buf_add(&expected, all.data, n);
    } else {
        buf_add(&expected, all.data, cap / 4);
        buf_addf(&expected, "\n[%zu bytes dropped]\n", n - cap);
        buf_add(&expected, all.data + n - (cap - cap / 4), cap - cap / 4);
    }
    assert_string_equal(json_string_value(text), buf_text(&expected));
    assert_int_equal(dropped, n > cap ? n - cap : 0);
    json_decref(text);
    buf_free(&all);
    buf_free(&expected);
}

static void head_and_tail_are_kept(void **state)
{
    (void)state;
    for (size_t cap = 0; cap < 20; cap++)
        for (size_t n = 0; n < 60; n += 1 + n / 20)
            for (size_t step = 1; step < 70; step += 1 + step / 3)
                assert_kept(cap, n, step);
    assert_kept(4096, 100000, 777);
}

static void a_secret_at_the_cap_leaves_nothing(void **state)
{
    (void)state;
    static const char *const values[] = {"hunter2-hunter2"};
    struct redact *r = redact_new(values, 1);
    for (size_t before = 0; before < 60; before++) {
        struct capture c;
        uint64_t dropped;
        char filler[64];
        memset(filler, '.', sizeof filler);
        capture_init(&c, 40, r);
        capture_add(&c, filler, before);
        capture_add(&c, values[0], 7);
        capture_add(&c, values[0] + 7, strlen(values[0]) - 7);
        capture_add(&c, filler, 60 - before);
        json_t *text = capture_end(&c, &dropped);
        assert_null(strstr(json_string_value(text), "hunter"));
        assert_null(strstr(json_string_value(text), "er2"));
        json_decref(text);
    }
    redact_free(r);
}

static char *findings_of(const char *text, size_t n, size_t step,
                         const struct redact *r)
{
    struct intake in;
    intake_init(&in, r);
    for (size_t i = 0; i < n; i += step)
        intake_add(&in, text + i, n - i < step ? n - i : step);
    json_t *list = intake_end(&in);
    char *dump = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    return dump;
}

static void lines_may_be_cut_anywhere(void **state)
{
    (void)state;
    static const char text[] =
        "{\"t\":\"set\",\"key\":\"a\"}\n\n  \r\n{\"t\":\"set\",\"key\":\"b\"}\n"
        "bad\n{\"t\":\"set\",\"key\":\"c\"}";
    char *whole = findings_of(text, sizeof text - 1, sizeof text, NULL);
    assert_non_null(strstr(whole, "{\"t\":\"set\",\"key\":\"c\"}]"));
    for (size_t step = 1; step < sizeof text; step++) {
        char *parts = findings_of(text, sizeof text - 1, step, NULL);
        assert_string_equal(parts, whole);
        free(parts);
    }
    free(whole);
}

static void numbers_of_findings_are_bounded(void **state)
{
    (void)state;
    struct buf text = {0};
    json_t *list;
    for (int i = 0; i < 700; i++)
        buf_addf(&text, "{\"t\":\"set\",\"key\":\"%d\"}\n", i);
    char *dump = findings_of(text.data, text.len, 4096, NULL);
    list = json_loads(dump, 0, NULL);
    assert_int_equal(json_array_size(list), FINDINGS_MOST + 1);
    assert_non_null(strstr(dump, "\"runbook.too_many\""));
    assert_non_null(strstr(dump, "200 more findings were dropped"));
    json_decref(list);
    free(dump);
    buf_free(&text);
}

static void an_endless_line_is_one_warning(void **state)
{
    (void)state;
    struct buf text = {0};
    for (int i = 0; i < 100000; i++)
        buf_addc(&text, 'x');
    buf_adds(&text, "\n{\"t\":\"set\",\"key\":\"after\"}\n");
    char *dump = findings_of(text.data, text.len, 1000, NULL);
    json_t *list = json_loads(dump, 0, NULL);
    assert_int_equal(json_array_size(list), 2);
    assert_non_null(strstr(dump, "longer than 8192 bytes"));
    assert_non_null(strstr(dump, "\"after\""));
    json_decref(list);
    free(dump);
    buf_free(&text);
}

static void no_way_around_redaction(void **state)
{
    (void)state;
    static const char *const values[] = {"123456789", "top-secret",
                                         "a\",\"b\":\"c"};
    static const char *const lines[] = {
        "{\"t\":\"metric\",\"name\":\"n\",\"value\":123456789}",
        "{\"t\":\"set\",\"key\":\"t\\u006fp-secret\"}",
        "{\"t\":\"x\",\"top-secret\":[{\"y\":\"top-secret\"}]}",
        "{\"t\":\"set\",\"key\":\"a\",\"b\":\"c\"}",
        "top-secret",
        "{\"t\":top-secret}",
        "{\"t\":\"top-secret",
    };
    struct redact *r = redact_new(values, 3);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        char *dump = findings_of(lines[i], strlen(lines[i]), 5, r);
        assert_false(redact_finds(r, dump, strlen(dump)));
        assert_non_null(strstr(dump, REDACTED));
        assert_null(strstr(dump, "secret\\\""));
        free(dump);
    }
    redact_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_and_tail_are_kept),
        cmocka_unit_test(a_secret_at_the_cap_leaves_nothing),
        cmocka_unit_test(lines_may_be_cut_anywhere),
        cmocka_unit_test(numbers_of_findings_are_bounded),
        cmocka_unit_test(an_endless_line_is_one_warning),
        cmocka_unit_test(no_way_around_redaction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

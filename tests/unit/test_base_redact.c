/* Secrets are found wherever they stand and however a stream is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/redact.h"

static void assert_redacted(const struct redact *r, const char *text,
                            const char *expected)
{
    struct buf out = {0};
    redact_text(r, text, strlen(text), &out);
    assert_string_equal(buf_text(&out), expected);
    buf_free(&out);
}

static void every_form_of_a_value_is_found(void **state)
{
    (void)state;
    static const char *const values[] = {"p@ss/w\"rd é"};
    static const char *const forms[] = {
        "p@ss/w\"rd é",
        "p%40ss%2Fw%22rd%20%C3%A9",
        "p%40ss%2fw%22rd%20%c3%a9",
        "p%40ss/w%22rd+%C3%A9",
        "p@ss/w\\\"rd é",
        "p@ss\\/w\\\"rd \\u00e9",
        "p@ss/w\\\"rd \\u00E9",
        "cEBzcy93InJkIMOp",
    };
    struct redact *r = redact_new(values, 1);
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        char text[128];
        snprintf(text, sizeof text, "<%s>", forms[i]);
        assert_redacted(r, text, "<[secret]>");
    }
    redact_free(r);
}

/* base64 of "xyhunter22zz" and so on: the value at each alignment. */
static void base64_is_found_inside_longer_base64(void **state)
{
    (void)state;
    static const char *const values[] = {"hunter22"};
    static const char *const texts[] = {
        "aHVudGVyMjJ6eg==", "eGh1bnRlcjIyeno=", "eHlodW50ZXIyMnp6"};
    struct redact *r = redact_new(values, 1);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct buf out = {0};
        redact_text(r, texts[i], strlen(texts[i]), &out);
        assert_non_null(strstr(buf_text(&out), REDACTED));
        buf_free(&out);
    }
    redact_free(r);
}

static void short_values_and_white_space(void **state)
{
    (void)state;
    static const char *const values[] = {"abc", "", "  long-one\n"};
    struct redact *r = redact_new(values, 3);
    assert_redacted(r, "abc long-one;", "abc [secret];");
    redact_free(r);
}

static void overlapping_values_go_together(void **state)
{
    (void)state;
    static const char *const values[] = {"abcdef", "defghi", "abcd"};
    struct redact *r = redact_new(values, 3);
    assert_redacted(r, "-abcdefghi-abcd-abcdefabcdef-",
                    "-[secret]-[secret]-[secret]-");
    redact_free(r);
}

static void a_value_that_was_cut_off_is_found(void **state)
{
    (void)state;
    static const char *const values[] = {"correct-horse-battery"};
    struct redact *r = redact_new(values, 1);
    static const struct {
        const char *text;
        size_t rest;
    } cases[] = {
        {"it said: correct-hor", 9}, {"it said: corr", 9},
        {"it said: cor", 12},        {"correct-horse-batter", 0},
        {"it said: correct!", 17},   {"", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(redact_cut(r, cases[i].text, strlen(cases[i].text)),
                         cases[i].rest);
    assert_int_equal(redact_cut(NULL, "correct-hor", 11), 11);
    redact_free(r);
}

static void lines_of_a_long_value_are_found(void **state)
{
    (void)state;
    static const char *const values[] = {
        "-----BEGIN KEY-----\nMIIEvQIBADAN\nBgkqhkiG9w0B\n-----END KEY-----\n"};
    struct redact *r = redact_new(values, 1);
    assert_redacted(r, "1: MIIEvQIBADAN\n2: BgkqhkiG9w0B\n",
                    "1: [secret]\n2: [secret]\n");
    redact_free(r);
}

static void what_looks_like_a_secret_goes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"redis://user:pw@host:6379/0", "redis://user:[secret]@host:6379/0"},
        {"redis://:p@w@host", "redis://:[secret]@host"},
        {"http://host:80/a@b", "http://host:80/a@b"},
        {"http://user@host/", "http://user@host/"},
        {"> Authorization: Bearer abc\r\n> Accept: x",
         "> Authorization: [secret]\r\n> Accept: x"},
        {"authorization:Basic eA==", "authorization:[secret]"},
        {"{\"Authorization\": \"Bearer a\", \"b\": 1}",
         "{\"Authorization\": \"[secret]\", \"b\": 1}"},
        {"host=h password=x1 user=u", "host=h password=[secret] user=u"},
        {"PGPASSWORD='a b' psql", "PGPASSWORD='[secret]' psql"},
        {"?token=abc&x=1", "?token=[secret]&x=1"},
        {"{\"password\":\"a\\\"b\",\"c\":1}",
         "{\"password\":\"[secret]\",\"c\":1}"},
        {"\"{\\\"password\\\":\\\"x\\\"}\"",
         "\"{\\\"password\\\":\\\"[secret]\\\"}\""},
        {"password: authentication failed", "password: authentication failed"},
        {"password authentication failed", "password authentication failed"},
        {"password= next", "password= next"},
        {"invalid token: expired", "invalid token: expired"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_redacted(NULL, cases[i].text, cases[i].expected);
        assert_redacted(NULL, cases[i].expected, cases[i].expected);
    }
}

static const char *const stream_values[] = {"s3cr3t/value", "value-2",
                                            "multi\nline-secret"};
static const char stream_text[] =
    "begin s3cr3t/value-2 x s3cr3t%2Fvalue y redis://u:pa@h/ password=abc d\n"
    "Authorization: Bearer s3cr3t/value tail\nmulti\nline-secret s3cr3t/valu";

/* The text cut in two at every offset, once byte by byte. */
static void a_stream_does_not_leak_at_its_cuts(void **state)
{
    (void)state;
    struct redact *r = redact_new(stream_values, 3);
    struct buf whole = {0};
    size_t n = sizeof stream_text - 1;
    redact_text(r, stream_text, n, &whole);
    assert_null(strstr(whole.data, "s3cr3t/value"));
    for (size_t cut = 0; cut <= n; cut++) {
        struct redact_stream s = {.redact = r};
        struct buf out = {0};
        redact_stream_add(&s, stream_text, cut, &out);
        redact_stream_add(&s, stream_text + cut, n - cut, &out);
        redact_stream_end(&s, &out);
        assert_string_equal(buf_text(&out), whole.data);
        buf_free(&out);
    }
    struct redact_stream s = {.redact = r};
    struct buf out = {0};
    for (size_t i = 0; i < n; i++)
        redact_stream_add(&s, stream_text + i, 1, &out);
    redact_stream_end(&s, &out);
    assert_string_equal(buf_text(&out), whole.data);
    buf_free(&out);
    buf_free(&whole);
    redact_free(r);
}

/* Long texts of all sorts, cut anywhere: a value at every offset around the
 * bytes that a stream holds back. */
static void a_value_at_any_offset_of_a_long_stream(void **state)
{
    (void)state;
    struct redact *r = redact_new(stream_values, 3);
    char text[4096], expected[4096];
    for (size_t at = 900; at < 1200; at++) {
        struct redact_stream s = {.redact = r};
        struct buf out = {0};
        memset(text, 'p', sizeof text);
        memcpy(text + at, "s3cr3t/value", 12);
        for (size_t i = 0; i < sizeof text; i += 1000) {
            size_t left = sizeof text - i;
            redact_stream_add(&s, text + i, left < 1000 ? left : 1000, &out);
        }
        redact_stream_end(&s, &out);
        memset(expected, 'p', sizeof expected);
        memcpy(expected + at, REDACTED, strlen(REDACTED));
        assert_int_equal(out.len, sizeof text - 12 + strlen(REDACTED));
        assert_memory_equal(out.data, expected, out.len);
        buf_free(&out);
    }
    redact_free(r);
}

static void finds_only_known_values(void **state)
{
    (void)state;
    static const char *const values[] = {"12345678"};
    struct redact *r = redact_new(values, 1);
    assert_true(redact_finds(r, "x 12345678 y", 12));
    assert_false(redact_finds(r, "password=abc", 12));
    assert_false(redact_finds(NULL, "12345678", 8));
    redact_free(r);
}

/* Ten times slower than any machine that this runs on. */
static void many_bytes_pass_quickly(void **state)
{
    (void)state;
    struct redact *r = redact_new(stream_values, 3);
    struct redact_stream s = {.redact = r};
    struct buf out = {0};
    char chunk[8192];
    for (size_t i = 0; i < sizeof chunk; i++)
        chunk[i] = "a line of plain output, status=ok\n"[i % 34];
    int64_t begin_ns = clock_mono_ns();
    for (int i = 0; i < 512; i++) {
        redact_stream_add(&s, chunk, sizeof chunk, &out);
        buf_clear(&out);
    }
    redact_stream_end(&s, &out);
    int64_t took_ns = clock_mono_ns() - begin_ns;
    print_message("4 MiB in %lld us\n", (long long)(took_ns / NS_PER_US));
    assert_true(took_ns < 10 * NS_PER_S);
    buf_free(&out);
    redact_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_a_value_is_found),
        cmocka_unit_test(base64_is_found_inside_longer_base64),
        cmocka_unit_test(short_values_and_white_space),
        cmocka_unit_test(overlapping_values_go_together),
        cmocka_unit_test(a_value_that_was_cut_off_is_found),
        cmocka_unit_test(lines_of_a_long_value_are_found),
        cmocka_unit_test(what_looks_like_a_secret_goes),
        cmocka_unit_test(a_stream_does_not_leak_at_its_cuts),
        cmocka_unit_test(a_value_at_any_offset_of_a_long_stream),
        cmocka_unit_test(finds_only_known_values),
        cmocka_unit_test(many_bytes_pass_quickly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

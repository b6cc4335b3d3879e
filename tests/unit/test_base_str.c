/* Questions about text: nearness, patterns, cleaning, UTF-8, numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

static void test_comparing(void **state)
{
    (void)state;
    assert_true(str_eq(NULL, NULL));
    assert_false(str_eq(NULL, ""));
    assert_false(str_eq("", NULL));
    assert_true(str_eq("a", "a"));
    assert_true(str_starts("abc", "ab"));
    assert_true(str_starts("abc", ""));
    assert_false(str_starts("ab", "abc"));
    assert_true(str_ends("abc", "bc"));
    assert_false(str_ends("bc", "abc"));
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const words[] = {"interval",   "timeout", "expect",
                                        "depends_on", "url",     NULL};
    static const struct {
        const char *word, *expected;
    } rows[] = {
        {"intervall", "interval"},
        {"itnerval", "interval"},
        {"timeuot", "timeout"},
        {"expcet", "expect"},
        {"depend_on", "depends_on"},
        {"ulr", "url"},
        {"url", "url"},
        {"uri", "url"},
        {"x", NULL},
        {"", NULL},
        {"banana", NULL},
        {"ur", NULL},
        {"a-word-that-is-longer-than-any-option-could-ever-be-called", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *found = str_nearest_of(rows[i].word, words);
        if (!str_eq(found, rows[i].expected))
            fail_msg("\"%s\": \"%s\", expected \"%s\"", rows[i].word,
                     found ? found : "(none)",
                     rows[i].expected ? rows[i].expected : "(none)");
    }
    assert_null(str_nearest_of("abc", (const char *const[]){NULL}));
}

static void test_glob(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool matches;
    } rows[] = {
        {"*", "", true},
        {"*", "production/api", true},
        {"prod*/a?i", "production/api", true},
        {"api", "api", true},
        {"api", "API", false},
        {"api", "apis", false},
        {"?", "", false},
        {"[a-c]x", "bx", true},
        {"[a-c]x", "dx", false},
        {"[!a]", "b", true},
        {"a*b*c", "axxbyyc", true},
        {"[", "[", true},
        {"\\*", "*", true},
        {"\\*", "x", false},
        {"*.cfg", ".cfg", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_glob(rows[i].pattern, rows[i].text) != rows[i].matches)
            fail_msg("\"%s\" over \"%s\" is not %d", rows[i].pattern,
                     rows[i].text, rows[i].matches);
}

struct clean {
    const char *text;
    size_t n;
    const char *expected;
};
#define CLEAN(text, expected)           \
    {                                   \
        text, sizeof text - 1, expected \
    }

static void test_clean(void **state)
{
    (void)state;
    static const struct clean rows[] = {
        CLEAN("plain text", "plain text"),
        CLEAN("", ""),
        CLEAN("\x1b[31mred", "\\x1b[31mred"),
        CLEAN("a\nb\tc\r", "a\\x0ab\\x09c\\x0d"),
        CLEAN("nul\0inside", "nul\\x00inside"),
        CLEAN("\x7f", "\\x7f"),
        CLEAN("\xc2\x9b", "\\x9b"), /* CSI of the C1 set */
        CLEAN("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
              "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
        CLEAN("a\xe2\x80\xae"
              "b",
              "a\\u202eb"), /* right-to-left override */
        CLEAN("\xe2\x81\xa6x\xe2\x81\xa9", "\\u2066x\\u2069"),
        CLEAN("\xe2\x80\x8b", "\\u200b"),
        CLEAN("\xef\xbb\xbfx", "\\ufeffx"),
        CLEAN("\xff\xfe", "\\xff\\xfe"),
        CLEAN("\xc0\xaf", "\\xc0\\xaf"),          /* overlong */
        CLEAN("\xed\xa0\x80", "\\xed\\xa0\\x80"), /* surrogate */
        CLEAN("\xe2\x82", "\\xe2\\x82"),          /* cut short */
        CLEAN("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"),
    };
    char out[128];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_string_equal(str_clean(out, sizeof out, rows[i].text, rows[i].n),
                            rows[i].expected);
    struct buf b = {0};
    str_clean_buf(&b, "a\nb\tc\x1b", 6, true);
    assert_string_equal(buf_text(&b), "a\nb\tc\\x1b");
    buf_free(&b);
}

/* Whatever the size, the result is whole characters, ended, and a beginning
 * of the whole. */
static void test_clean_cuts_at_characters(void **state)
{
    (void)state;
    const char *text = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";
    size_t n = strlen(text);
    for (size_t size = 1; size <= n + 2; size++) {
        char *out = malloc(size);
        str_clean(out, size, text, n);
        size_t len = strlen(out);
        assert_true(len < size);
        assert_memory_equal(out, text, len);
        for (size_t i = 0, step; i < len; i += step) {
            uint32_t c;
            step = str_utf8(out + i, len - i, &c);
            if (step == 0)
                fail_msg("size %zu: cut inside a character", size);
        }
        free(out);
    }
    char untouched = 'x';
    str_clean(&untouched, 0, "abc", 3);
    assert_int_equal(untouched, 'x');
}

static void test_utf8_takes_every_character(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < 0x112000; c += c < 0x900 ? 1 : 113) {
        char s[4];
        size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
        for (size_t i = n; i-- > 1;)
            s[i] = (char)(0x80 | (c >> 6 * (n - 1 - i) & 0x3f));
        s[0] = (char)(lead[n] | c >> 6 * (n - 1));
        bool valid = c <= 0x10ffff && !(c >= 0xd800 && c < 0xe000);
        uint32_t back = 0;
        assert_int_equal(str_utf8(s, n, &back), valid ? n : 0);
        if (valid) {
            assert_int_equal(back, c);
            assert_int_equal(str_utf8(s, n - 1, &back), 0);
        }
    }
}

static void test_clean_json(void **state)
{
    (void)state;
    struct buf b = {0};
    str_clean_json(&b, "{\"a\":\"\xc3\xa9\xc2\x9b\xe2\x80\xae\x7f"
                       "\xf3\xa0\x81\x81\",\n\"b\":1}");
    assert_string_equal(buf_text(&b), "{\"a\":\"\xc3\xa9\\u009b\\u202e\\u007f"
                                      "\\udb40\\udc41\",\n\"b\":1}");
    buf_free(&b);
}

static void test_to_utf8(void **state)
{
    (void)state;
    struct buf b = {0};
    str_to_utf8(&b,
                "a\xff"
                "b\xe2\x82",
                5);
    assert_string_equal(buf_text(&b), "a\xef\xbf\xbd"
                                      "b\xef\xbf\xbd\xef\xbf\xbd");
    buf_free(&b);
}

static void test_i64(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      " 1",
                                      "1 ",
                                      "+1",
                                      "\t1",
                                      "\n1",
                                      "-",
                                      "--1",
                                      "- 1",
                                      "0x10",
                                      "1.0",
                                      "1e3",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "a"};
    int64_t v = 0;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (str_to_i64(bad[i], &v))
            fail_msg("\"%s\" was accepted as %lld", bad[i], (long long)v);
    assert_true(str_to_i64("-9223372036854775808", &v));
    assert_int_equal(v, INT64_MIN);
    assert_true(str_to_i64("9223372036854775807", &v));
    assert_int_equal(v, INT64_MAX);
    assert_true(str_to_i64("007", &v));
    assert_int_equal(v, 7);
}

static void test_double(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    " 1",   "\t1",   "1 ", "inf",
                                      "nan", "-inf", "1e999", "x",  "1.2.3"};
    double v = 0;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (str_to_double(bad[i], &v))
            fail_msg("\"%s\" was accepted as %g", bad[i], v);
    assert_true(str_to_double("-1.5e3", &v));
    assert_true(v > -1500.5 && v < -1499.5);
}

static void test_hash(void **state)
{
    (void)state;
    /* The published FNV-1a values. */
    assert_true(str_hash("", 0) == 0xcbf29ce484222325u);
    assert_true(str_hash("a", 1) == 0xaf63dc4c8601ec8cu);
    assert_true(str_hash("foobar", 6) == 0x85944171f73967e8u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comparing),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_glob),
        cmocka_unit_test(test_clean),
        cmocka_unit_test(test_clean_cuts_at_characters),
        cmocka_unit_test(test_utf8_takes_every_character),
        cmocka_unit_test(test_clean_json),
        cmocka_unit_test(test_to_utf8),
        cmocka_unit_test(test_i64),
        cmocka_unit_test(test_double),
        cmocka_unit_test(test_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

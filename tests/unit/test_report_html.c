/* HTML: whatever bytes a target sends, they stay text in their place, and the
 * document stays one that a parser takes without complaint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "report/html.h"

static const char *shown(struct html *h)
{
    static struct buf kept;
    buf_free(&kept);
    kept = html_take(h);
    html_free(h);
    return buf_text(&kept);
}

static const char *text_of(const char *s, size_t n)
{
    struct html *h = html_new();
    html_text_n(h, s, n);
    return shown(h);
}

static void text_is_escaped(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        size_t n; /* 0: up to the NUL */
        const char *out;
    } rows[] = {
        {"plain text, as it is", 0, "plain text, as it is"},
        {"<script>alert(1)</script>", 0,
         "&lt;script&gt;alert(1)&lt;/script&gt;"},
        {"a & b &amp; c", 0, "a &amp; b &amp;amp; c"},
        {"\" onload='x'", 0, "&quot; onload=&#39;x&#39;"},
        {"nul\0inside", 10, "nul\\x00inside"},
        {"bell\aescape\033[31m", 0, "bell\\x07escape\\x1b[31m"},
        {"line\nbreak\r\ttab", 0, "line\\x0abreak\\x0d\\x09tab"},
        {"c1 \xc2\x9b 31m", 0, "c1 \\x9b 31m"},
        {"not utf-8 \xff\xfe", 0, "not utf-8 \\xff\\xfe"},
        {"overlong \xc0\xbc", 0, "overlong \\xc0\\xbc"},
        {"lone surrogate \xed\xa0\x80", 0, "lone surrogate \\xed\\xa0\\x80"},
        {"bidi \xe2\x80\xae gnp.exe", 0, "bidi \\u202e gnp.exe"},
        {"isolate \xe2\x81\xa6", 0, "isolate \\u2066"},
        {"no character \xef\xb7\x90 \xef\xbf\xbf", 0,
         "no character \\ufdd0 \\uffff"},
        {"cut \xe2\x82", 0, "cut \\xe2\\x82"},
        {"\xc3\xb1 \xe2\x82\xac \xf0\x9f\x90\x98", 0,
         "\xc3\xb1 \xe2\x82\xac \xf0\x9f\x90\x98"},
        {"", 0, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(
            text_of(rows[i].in, rows[i].n > 0 ? rows[i].n : strlen(rows[i].in)),
            rows[i].out);
}

static void attributes_stay_in_their_quotes(void **state)
{
    (void)state;
    struct html *h = html_new();
    html_markup(h, "<a");
    html_attr(h, "title", "\"><img src=x onerror=alert(1)>");
    html_markup(h, ">");
    assert_string_equal(
        shown(h), "<a title=\"&quot;&gt;&lt;img src=x onerror=alert(1)&gt;\">");
}

static void urls_are_encoded(void **state)
{
    (void)state;
    struct html *h = html_new();
    html_markup(h, "<a href=\"/check/");
    html_url_path(h, "staging/a b\"<\xc3\xb1?#%");
    html_markup(h, "?tag=");
    html_url_query(h, "a/b&c=d'");
    html_markup(h, "\">");
    assert_string_equal(shown(h),
                        "<a href=\"/check/staging/a%20b%22%3C%C3%B1%3F%23%25"
                        "?tag=a%2Fb%26c%3Dd%27\">");
}

static void only_web_addresses_are_links(void **state)
{
    (void)state;
    assert_true(html_url_is_safe("https://wiki.example.com/a?b=c#d"));
    assert_true(html_url_is_safe("http://[::1]:80/"));
    assert_false(html_url_is_safe("javascript:alert(1)"));
    assert_false(html_url_is_safe(" https://a"));
    assert_false(html_url_is_safe("https://a\" onclick=\"x"));
    assert_false(html_url_is_safe("https://a b"));
    assert_false(html_url_is_safe("data:text/html,x"));
    assert_false(html_url_is_safe("HTTPS:x"));
    assert_false(html_url_is_safe(""));
}

static const char *lines_of(const char *s, size_t most)
{
    struct html *h = html_new();
    html_lines(h, s, strlen(s), most);
    return shown(h);
}

static void lines_are_kept_and_capped(void **state)
{
    (void)state;
    assert_string_equal(lines_of("a\r\n\tb<\n\033c\n\n", 9),
                        "a\n\tb&lt;\n\\x1bc");
    assert_string_equal(lines_of("a\nb\nc", 2), "a\nb\n…");
    assert_string_equal(lines_of("a\nb", 2), "a\nb");
    assert_string_equal(lines_of("", 2), "");
}

/* Whatever the bytes: valid UTF-8 without a control character, and none of the
 * characters that mean something. */
static void is_harmless(const char *out)
{
    size_t n = strlen(out);
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        size_t len = str_utf8(out + i, n - i, &c);
        assert_true(len > 0);
        assert_true(c >= 0x20 && (c < 0x7f || c >= 0xa0));
        assert_null(strchr("<>\"'", (int)c < 0x80 ? (int)c : 'a'));
        if (c == '&')
            assert_true(
                str_starts(out + i, "&amp;") || str_starts(out + i, "&lt;") ||
                str_starts(out + i, "&gt;") || str_starts(out + i, "&quot;") ||
                str_starts(out + i, "&#39;"));
        i += len;
    }
}

static void any_bytes_are_harmless(void **state)
{
    (void)state;
    static const char special[] = "<>&\"'\0\x1b\x7f\xc2\x9b\xe2\x80\xae\xed\xa0"
                                  "\x80\xf4\x90\xff/=;#";
    const char *given = getenv("RELEVO_SEED");
    unsigned seed = given == NULL ? 7u : (unsigned)strtoul(given, NULL, 10);
    print_message("RELEVO_SEED=%u\n", seed);
    for (int round = 0; round < 20000; round++) {
        char bytes[48];
        size_t n = (size_t)rand_r(&seed) % sizeof bytes;
        for (size_t i = 0; i < n; i++)
            bytes[i] = rand_r(&seed) % 3 == 0
                           ? (char)rand_r(&seed)
                           : special[(size_t)rand_r(&seed) % sizeof special];
        is_harmless(text_of(bytes, n));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_escaped),
        cmocka_unit_test(attributes_stay_in_their_quotes),
        cmocka_unit_test(urls_are_encoded),
        cmocka_unit_test(only_web_addresses_are_links),
        cmocka_unit_test(lines_are_kept_and_capped),
        cmocka_unit_test(any_bytes_are_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

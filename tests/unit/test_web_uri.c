/* Paths and queries: one reading of each, or none. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "base/attr.h"
#include "web/uri.h"

static void what_has_two_readings_is_refused(void **state)
{
    static const char *const bad[] = {
        "",           "*",
        "x",          "http://h/",
        "//",         "//a",
        "/a//b",      "/a//",
        "/.",         "/a/..",
        "/../a",      "/a/./b",
        "/%2e%2e/a",  "/%2E/a",
        "/a%2fb",     "/a%5cb",
        "/a\\b",      "/a%00",
        "/a%0a",      "/%7f",
        "/%",         "/%4",
        "/%zz",       "/a b",
        "/\xc3\xa9",  "/%ff",
        "/%c3",       "/a#b",
        "/a?x=%",     "/a?x=%0d%0a",
        "/a?x=1&x=2", "/?x=\x01",
        "/a?x=%ff",   "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct arena *arena = arena_new();
        struct uri u;
        if (uri_parse(bad[i], arena, &u))
            fail_msg("\"%s\" was taken", bad[i]);
        arena_free(arena);
    }
}

static void parts_come_decoded(void **state)
{
    struct arena *arena = arena_new();
    struct uri u;
    (void)state;
    assert_true(uri_parse("/check/staging/caf%C3%A9%20x/?limit=5&q=a+b%26&&e",
                          arena, &u));
    assert_int_equal(u.segment_count, 3);
    assert_string_equal(u.segments[0], "check");
    assert_string_equal(u.segments[2], "caf\xc3\xa9 x");
    assert_string_equal(uri_query(&u, "limit"), "5");
    assert_string_equal(uri_query(&u, "q"), "a b&");
    assert_string_equal(uri_query(&u, "e"), "");
    assert_null(uri_query(&u, "limi"));
    assert_true(uri_parse("/", arena, &u));
    assert_int_equal(u.segment_count, 0);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_two_readings_is_refused),
        cmocka_unit_test(parts_come_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The parts of a URL that may be secrets are found, however it is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/url.h"

static void secrets_are_blotted_out(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"redis://u:p4ss@h:1/0", "redis://u:***@h:1/0"},
        {"redis://:p4ss@h", "redis://:***@h"},
        {"redis://:p:4@ss@h", "redis://:***@h"},
        {"https://t0ken@h/a@b", "https://***@h/a@b"},
        {"https://t0ken:@h/", "https://***:@h/"},
        {"ws://h/?a=1&access_token=x&b=2", "ws://h/?a=1&access_token=***&b=2"},
        {"ws://h?TOKEN=x;password=y#secret=z",
         "ws://h?TOKEN=***;password=***#secret=***"},
        {"http://u:a@h/?api_key=b", "http://u:***@h/?api_key=***"},
        /* not encoded as it should be */
        {"redis://:p4/ss@h:1/0", "redis://:***@h:1/0"},
        {"redis://u:p4?s#s@h", "redis://u:***@h"},
        /* nothing in it */
        {"http://h:80/a@b?x=y&token=&key", "http://h:80/a@b?x=y&token=&key"},
        {"http://[fe80::1]/a@b", "http://[fe80::1]/a@b"},
        {"http://@h/", "http://@h/"},
        {"", ""},
        {"nothing", "nothing"},
        {"unix:///run/r.sock?db=1", "unix:///run/r.sock?db=1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = {0};
        url_add_blotted(&out, cases[i][0]);
        assert_string_equal(buf_text(&out), cases[i][1]);
        assert_int_equal(url_holds_secret(cases[i][0]),
                         strcmp(cases[i][0], cases[i][1]) != 0);
        buf_free(&out);
    }
}

static void the_host_is_what_follows(void **state)
{
    (void)state;
    struct url url;
    url_cut("redis://u:p4/ss@h:1/0", &url);
    assert_int_equal(url.host.len, 3);
    assert_memory_equal(url.host.at, "h:1", 3);
    assert_string_equal(url.rest, "/0");
    assert_memory_equal(url.password.at, "p4/ss", url.password.len);
    url_cut("h/x@y", &url);
    assert_null(url.user.at);
    assert_null(url.password.at);
    assert_int_equal(url.host.len, 1);
}

static void what_is_no_code_stays(void **state)
{
    (void)state;
    struct buf out = {0};
    const char *text = "p%40s%2f%zz%00%4";
    url_add_decoded(&out, (struct span){text, strlen(text)});
    assert_string_equal(buf_text(&out), "p@s/%zz%00%4");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_are_blotted_out),
        cmocka_unit_test(the_host_is_what_follows),
        cmocka_unit_test(what_is_no_code_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

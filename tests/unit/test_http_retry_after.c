/* When a server asks to be asked again: the forms of Retry-After. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "http/http.h"

#define NOW 784111777 /* Sun, 06 Nov 1994 08:49:37 GMT */

static int64_t after(const char *text)
{
    return retry_after_s(text, strlen(text), NOW);
}

static void test_seconds(void **state)
{
    (void)state;
    assert_int_equal(after("0"), 0);
    assert_int_equal(after("120"), 120);
    assert_int_equal(after("00000000120"), 120);
    assert_int_equal(after("99999999999999999999999999"), 3153600000);
}

static void test_dates(void **state)
{
    (void)state;
    assert_int_equal(after("Sun, 06 Nov 1994 08:50:37 GMT"), 60);
    assert_int_equal(after("Sunday, 06-Nov-94 08:50:37 GMT"), 60);
    assert_int_equal(after("Sun Nov  6 08:50:37 1994"), 60);
    assert_int_equal(after("Sun, 06 Nov 1994 08:49:00 GMT"), 0);
    assert_int_equal(after("Fri, 31 Dec 9999 23:59:59 GMT"), 3153600000);
}

static void test_what_is_none(void **state)
{
    static const char *const none[] = {
        "",
        "-1",
        "1.5",
        "1e3",
        "0x10",
        "12 ",
        "soon",
        "now",
        "Sun",

        "Sun, 99 Foo 1994 08:50:37 GMT",
        ("Sun, 06 Nov 1994 08:50:37 GMT and much more than a date can hold, "
         "as long as that")};
    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        print_message("%s\n", none[i]);
        assert_int_equal(after(none[i]), -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seconds),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

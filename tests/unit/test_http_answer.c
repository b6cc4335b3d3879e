/* tests/unit/test_http_answer.c: bytes as they come in, of which libcurl hands
 * on none at times: the whole of an empty answer's decompressed body, for one.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "http/http.h"

static void nothing_is_appended_to_nothing(void **state)
{
    (void)state;
    struct bytes bytes = {0};
    bytes_append(&bytes, "", 0);
    assert_int_equal(bytes.len, 0);
    bytes_append(&bytes, "ab", 2);
    bytes_append(&bytes, "", 0);
    bytes_append(&bytes, "c", 1);
    assert_int_equal(bytes.len, 3);
    assert_memory_equal(bytes.at, "abc", 3);
    free(bytes.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_appended_to_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

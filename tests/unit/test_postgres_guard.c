/* tests/unit/test_postgres_guard.c: how many rounds of SCRAM a server may ask
 * for, to the very last one, which would take a sanitizer's build too long to
 * compute in a test of the whole plugin. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "postgres/guard.h"

static bool few(const char *text)
{
    return guard_rounds_are_few((const unsigned char *)text, strlen(text));
}

static void rounds_have_a_limit(void **state)
{
    (void)state;
    assert_true(few("r=nonce,s=c2FsdA==,i=4096"));
    assert_true(few("r=nonce,s=c2FsdA==,i=32768"));
    assert_false(few("r=nonce,s=c2FsdA==,i=32769"));
    assert_false(few("r=nonce,s=c2FsdA==,i=99999999999999999999999"));
}

static void rounds_are_digits(void **state)
{
    (void)state;
    assert_false(few("r=nonce,s=c2FsdA==,i= 2147483647"));
    assert_false(few("r=nonce,s=c2FsdA==,i=+1"));
    assert_false(few("r=nonce,s=c2FsdA==,i=0x7fffffff"));
    assert_false(few("r=nonce,s=c2FsdA==,i=-1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounds_have_a_limit),
        cmocka_unit_test(rounds_are_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

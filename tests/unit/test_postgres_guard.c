/* tests/unit/test_postgres_guard.c: how many rounds of SCRAM a server may ask
 * for, and how many of them are computed on the loop, to the very last one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "postgres/guard.h"

static enum guard_says look(const char *text)
{
    return guard_rounds((const unsigned char *)text, strlen(text));
}

static void many_rounds_are_computed_away(void **state)
{
    (void)state;
    assert_int_equal(look("r=nonce,s=c2FsdA==,i=4096"), GUARD_PASS);
    assert_int_equal(look("r=nonce,s=c2FsdA==,i=8192"), GUARD_PASS);
    assert_int_equal(look("r=nonce,s=c2FsdA==,i=8193"), GUARD_AWAY);
    assert_int_equal(look("r=nonce,s=c2FsdA==,i=262144"), GUARD_AWAY);
}

static void rounds_have_a_limit(void **state)
{
    (void)state;
    assert_int_equal(look("r=nonce,s=c2FsdA==,i=262145"), GUARD_REFUSE);
    assert_int_equal(look("r=nonce,s=c2FsdA==,i=99999999999999999999999"),
                     GUARD_REFUSE);
}

static void rounds_are_digits(void **state)
{
    (void)state;
    assert_int_equal(look("r=nonce,s=c2FsdA==,i= 2147483647"), GUARD_REFUSE);
    assert_int_equal(look("r=nonce,s=c2FsdA==,i=+1"), GUARD_REFUSE);
    assert_int_equal(look("r=nonce,s=c2FsdA==,i=0x7fffffff"), GUARD_REFUSE);
    assert_int_equal(look("r=nonce,s=c2FsdA==,i=-1"), GUARD_REFUSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_rounds_are_computed_away),
        cmocka_unit_test(rounds_have_a_limit),
        cmocka_unit_test(rounds_are_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

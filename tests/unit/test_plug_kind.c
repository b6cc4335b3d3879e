/* The built-in kinds: their tables hold what a plugin's must. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "model/kind.h"
#include "plug/check.h"
#include "plug/plug.h"

static void test_tables(void **state)
{
    (void)state;
    size_t n = 0;
    for (; kind_nth(n) != NULL; n++) {
        struct err err = {0};
        struct catalog *c = kind_catalog(kind_nth(n));
        assert_null(c->path);
        assert_string_equal(catalog_origin(c), c->name);
        if (!check_tables(c, &err))
            fail_msg("%s: %s", c->name, err.text);
        for (size_t i = 0; i < c->option_count; i++)
            assert_true(str_ends(c->options[i].help, "."));
        assert_ptr_equal(kind_find(c->name), kind_nth(n));
        catalog_free(c);
    }
    assert_true(n > 0);
    assert_null(kind_find("http"));
}

/* A kind that is told how long a job took measures no probe. */
static void test_duration_of_its_own(void **state)
{
    (void)state;
    struct catalog *c = kind_catalog(&kind_heartbeat);
    assert_true((size_t)catalog_duration(c) < c->own_field_count);
    assert_int_equal(catalog_latency(c), -1);
    assert_true(catalog_phase(c) > 0);
    catalog_free(c);
}

static void test_opened(void **state)
{
    (void)state;
    struct plug *p = plug_builtin(&kind_heartbeat);
    assert_string_equal(plug_table(p)->name, "heartbeat");
    assert_null(plug_catalog(p)->path);
    assert_string_equal(plug_catalog(p)->expects[0], "exit == 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_duration_of_its_own),
        cmocka_unit_test(test_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

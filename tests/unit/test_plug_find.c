/* Plugins by name, without opening any. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "plug/plug.h"

static char one[] = "/tmp/find-one-XXXXXX", two[] = "/tmp/find-two-XXXXXX";
static const char *const both[] = {one, "/nowhere", two};
static const struct rlv_list dirs = {both, 3};
static struct arena *arena;

static void touch(const char *dir, const char *name)
{
    FILE *f = fopen(arena_printf(arena, "%s/%s", dir, name), "w");
    assert_non_null(f);
    fclose(f);
}

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    if (mkdtemp(one) == NULL || mkdtemp(two) == NULL)
        return -1;
    touch(one, "redis.so");
    touch(one, "relevo-kit.so");
    touch(one, "notes.txt");
    touch(one, ".hidden.so");
    touch(two, "redis.so");
    touch(two, "http.so");
    return mkdir(arena_printf(arena, "%s/folder.so", two), 0755);
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const names[] = {"redis.so", "relevo-kit.so",
                                        "notes.txt", ".hidden.so", "http.so"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        unlink(arena_printf(arena, "%s/%s", one, names[i]));
        unlink(arena_printf(arena, "%s/%s", two, names[i]));
    }
    rmdir(arena_printf(arena, "%s/folder.so", two));
    arena_free(arena);
    return rmdir(one) | rmdir(two);
}

static void test_find(void **state)
{
    (void)state;
    char path[256];
    struct err err;
    assert_true(plug_find(&dirs, "redis", path, sizeof path, &err));
    assert_string_equal(path, arena_printf(arena, "%s/redis.so", one));
    assert_true(plug_find(&dirs, "http", path, sizeof path, &err));
    assert_string_equal(path, arena_printf(arena, "%s/http.so", two));
}

static void does_not_find(const struct rlv_list *where, const char *name,
                          const char *says)
{
    char path[256];
    struct err err = {0};
    assert_false(plug_find(where, name, path, sizeof path, &err));
    if (strstr(err.text, says) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, says);
}

static void test_not_found(void **state)
{
    (void)state;
    does_not_find(&dirs, "htpp",
                  arena_printf(arena,
                               "no plugin \"htpp\" in %s, /nowhere, %s; did "
                               "you mean \"http\"?",
                               one, two));
    does_not_find(&dirs, "zookeeper", "; there are: http, redis");
    does_not_find(&dirs, "folder", "no plugin \"folder\"");
    does_not_find(&dirs, "relevo-kit", "no plugin \"relevo-kit\"");
    does_not_find(&dirs, "../x", "is not the name of a plugin");
    does_not_find(&dirs, "", "is not the name of a plugin");
    struct rlv_list none = {NULL, 0};
    does_not_find(&none, "http", "in any folder: none is given");
}

static void test_list(void **state)
{
    (void)state;
    size_t n;
    struct plug_file *files = plug_list(&dirs, arena, &n);
    assert_int_equal(n, 2);
    assert_string_equal(files[0].name, "http");
    assert_string_equal(files[1].name, "redis");
    assert_string_equal(files[1].path, arena_printf(arena, "%s/redis.so", one));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_not_found),
        cmocka_unit_test(test_list),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

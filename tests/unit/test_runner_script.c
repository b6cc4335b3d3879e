/* Which files are trusted to be run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "runner/script.h"

static char dir[64], path[160];

static int make_script(void **state)
{
    (void)state;
    struct err err;
    char folder[100];
    snprintf(dir, sizeof dir, "/tmp/relevo-script-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(folder, sizeof folder, "%s/sub", dir);
    snprintf(path, sizeof path, "%s/script", folder);
    return fs_mkdirs(folder, 0755, &err) &&
                   fs_replace(path, "#!/bin/sh\n", 10, 0755, &err)
               ? 0
               : -1;
}

static int remove_script(void **state)
{
    (void)state;
    char command[96];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

static void assert_refused(const char *script, const char *why)
{
    struct script s;
    struct err err = {0};
    assert_false(script_check(&s, script, geteuid(), &err));
    if (strstr(err.text, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, why);
}

static void a_good_script_is_hashed(void **state)
{
    (void)state;
    struct script s;
    struct err err = {0};
    char expected[SHA256_TEXT];
    if (!script_check(&s, path, geteuid(), &err))
        fail_msg("%s", err.text);
    sha256_hex("#!/bin/sh\n", 10, expected);
    assert_string_equal(s.sha256, expected);
    assert_string_equal(s.path, path);
    assert_true(script_is_same(&s));
}

static void a_change_after_the_check_is_seen(void **state)
{
    (void)state;
    struct script s;
    struct err err = {0};
    assert_true(script_check(&s, path, geteuid(), &err));
    assert_true(fs_replace(path, "#!/bin/ev\n", 10, 0755, &err));
    assert_false(script_is_same(&s)); /* same size: another inode and time */
    assert_true(script_check(&s, path, geteuid(), &err));
    assert_int_equal(unlink(path), 0);
    assert_false(script_is_same(&s));
}

static void modes_are_checked(void **state)
{
    (void)state;
    static const struct {
        mode_t file, folder;
        const char *why;
    } cases[] = {
        {0644, 0755, "is not executable (mode 0644)"},
        {0775, 0755, "is writable by its group (mode 0775)"},
        {0757, 0755, "is writable by others (mode 0757)"},
        {0755, 0775, "/sub is writable by its group (mode 0775)"},
        {0755, 0777, "/sub is writable by others (mode 0777)"},
    };
    char folder[100];
    snprintf(folder, sizeof folder, "%s/sub", dir);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(chmod(path, cases[i].file), 0);
        assert_int_equal(chmod(folder, cases[i].folder), 0);
        assert_refused(path, cases[i].why);
    }
}

static void only_files_are_run(void **state)
{
    (void)state;
    assert_refused(dir, "is not a regular file");
    assert_refused("/nonexistent/x", "/nonexistent/x: No such file");
    assert_refused("/dev/null", "/dev/null");
}

/* The link's own folder does not matter, that of its target does. */
static void links_are_resolved_first(void **state)
{
    (void)state;
    struct script s;
    struct err err = {0};
    char link[100];
    snprintf(link, sizeof link, "%s/link", dir);
    assert_int_equal(symlink("sub/script", link), 0);
    assert_true(script_check(&s, link, geteuid(), &err));
    assert_string_equal(s.path, path);
    assert_int_equal(chmod(path, 0777), 0);
    assert_refused(link, "/sub/script is writable by others");
}

static void owners_are_checked(void **state)
{
    (void)state;
    struct script s;
    struct err err = {0};
    if (geteuid() != 0) {
        print_message("skipped: needs root\n");
        skip();
    }
    assert_int_equal(chown(path, 65534, 0), 0);
    assert_refused(path, "belongs to uid 65534");
    assert_true(script_check(&s, path, 65534, &err)); /* run as its owner */
    assert_int_equal(chown(path, 0, 0), 0);
    assert_int_equal(chown(dir, 65534, 0), 0);
    assert_refused(path, "belongs to uid 65534");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_script, remove_script)
        TEST(a_good_script_is_hashed),  TEST(a_change_after_the_check_is_seen),
        TEST(modes_are_checked),        TEST(only_files_are_run),
        TEST(links_are_resolved_first), TEST(owners_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Whole files: read within a bound, replaced at once; folders made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"

static char dir[64];

static const char *in_dir(const char *name)
{
    static char path[160];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/relevo-fs-XXXXXX");
    return mkdtemp(dir) == NULL;
}

static int remove_dir(void **state)
{
    (void)state;
    char command[96];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct buf b = {0};
    struct err err = {0};
    struct stat st;
    assert_true(fs_replace(in_dir("a"), "one", 3, 0640, &err));
    assert_true(fs_replace(in_dir("a"), "two\0!", 5, 0640, &err));
    assert_true(fs_read(in_dir("a"), 5, &b, &err));
    assert_int_equal(b.len, 5);
    assert_memory_equal(b.data, "two\0!", 5);
    assert_int_equal(stat(in_dir("a"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_true(fs_sync(dir, &err));
    buf_free(&b);
}

static void nothing_is_left_of_a_failed_replace(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(mkdir(in_dir("folder"), 0700), 0);
    assert_int_equal(mkdir(in_dir("folder/x"), 0700), 0);
    assert_false(fs_replace(in_dir("folder"), "x", 1, 0600, &err));
    assert_non_null(strstr(err.text, "rename to folder"));
    assert_int_equal(rmdir(in_dir("folder/x")), 0);
    assert_int_equal(rmdir(in_dir("folder")), 0);
    assert_int_equal(rmdir(dir), 0); /* empty */
    assert_int_equal(mkdir(dir, 0700), 0);
}

static void reading_refuses_what_is_no_file(void **state)
{
    (void)state;
    struct buf b = {0};
    struct err err = {0};
    assert_false(fs_read(in_dir("missing"), 10, &b, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_false(fs_read(dir, 10, &b, &err));
    assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
    assert_false(fs_read(in_dir("fifo"), 10, &b, &err));
    assert_non_null(strstr(err.text, "not a regular file"));
    assert_true(fs_replace(in_dir("long"), "12345678901", 11, 0600, &err));
    assert_false(fs_read(in_dir("long"), 10, &b, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    buf_free(&b);
}

static void own_files_are_no_links(void **state)
{
    (void)state;
    struct buf b = {0};
    struct err err = {0};
    assert_true(fs_replace(in_dir("real"), "x", 1, 0600, &err));
    assert_int_equal(symlink("real", in_dir("link")), 0);
    assert_true(fs_read(in_dir("link"), 10, &b, &err));
    assert_false(fs_read_own(in_dir("link"), 10, &b, &err));
    assert_int_equal(err.code, ERR_IO);
    buf_free(&b);
}

static void folders_are_made_with_their_mode(void **state)
{
    (void)state;
    struct err err = {0};
    struct stat st;
    mode_t old = umask(077);
    assert_true(fs_mkdirs(in_dir("p/q//r"), 0755, &err));
    assert_true(fs_mkdirs(in_dir("p/q/r/"), 0700, &err));
    umask(old);
    assert_int_equal(stat(in_dir("p/q/r"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    assert_true(fs_replace(in_dir("file"), "x", 1, 0600, &err));
    assert_false(fs_mkdirs(in_dir("file/below"), 0700, &err));
    assert_true(fs_mkdirs("/", 0700, &err));
}

static void a_new_file_never_replaces_one(void **state)
{
    (void)state;
    struct buf b = {0};
    struct err err = {0};
    assert_true(fs_create(in_dir("a"), "one", 3, &err));
    assert_false(fs_create(in_dir("a"), "two", 3, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_true(fs_read(in_dir("a"), 5, &b, &err));
    assert_string_equal(buf_text(&b), "one");
    assert_int_equal(symlink("nowhere", in_dir("link")), 0);
    assert_false(fs_create(in_dir("link"), "two", 3, &err));
    assert_int_not_equal(access(in_dir("nowhere"), F_OK), 0);
    assert_int_equal(unlink(in_dir("a")), 0);
    assert_int_equal(unlink(in_dir("link")), 0);
    assert_int_equal(rmdir(dir), 0); /* nothing else is left */
    assert_int_equal(mkdir(dir, 0700), 0);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_read, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(nothing_is_left_of_a_failed_replace,
                                        make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(reading_refuses_what_is_no_file,
                                        make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(own_files_are_no_links, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(a_new_file_never_replaces_one, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(folders_are_made_with_their_mode,
                                        make_dir, remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

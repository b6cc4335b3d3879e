/* The runs' folders: by age, by size, oldest first; those of live runs and
 * what is no run's folder stay. */
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

#include "base/clock.h"
#include "base/fs.h"
#include "daemon/internal.h"

#define DAY_US (86400 * US_PER_S)

static char dir[64];

static int setup(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/relevo-runs-XXXXXX");
    return mkdtemp(dir) == NULL;
}

static int teardown(void **state)
{
    (void)state;
    fs_remove_tree(dir);
    return 0;
}

/* With so many KiB in a folder of its own inside, and so many days old. */
static void make_folder(const char *name, size_t kib, int days)
{
    char path[200], inner[220], file[240];
    struct err err;
    char *bytes = calloc(kib, 1024);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    snprintf(inner, sizeof inner, "%s/work", path);
    snprintf(file, sizeof file, "%s/dump", inner);
    assert_true(fs_mkdirs(inner, 0700, &err));
    memset(bytes, 'x', kib * 1024);
    assert_true(fs_replace(file, bytes, kib * 1024, 0600, &err));
    free(bytes);
    time_t then = (time_t)(clock_wall_us() / US_PER_S) - days * 86400;
    struct timespec times[2] = {{then, 0}, {then, 0}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static bool is_there(const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

static void test_old_ones_go(void **state)
{
    (void)state;
    struct folder_limits limits = {UINT64_MAX, clock_wall_us() - 90 * DAY_US,
                                   0};
    make_folder("R-1", 4, 100);
    make_folder("R-2", 4, 80);
    make_folder("R-3x", 4, 100);
    make_folder("notes", 4, 100);
    folders_trim(dir, &limits);
    assert_false(is_there("R-1"));
    assert_true(is_there("R-2"));
    assert_true(is_there("R-3x"));
    assert_true(is_there("notes"));
}

static void test_too_much_goes_oldest_first(void **state)
{
    (void)state;
    struct folder_limits limits = {UINT64_MAX, 0, 250 << 10, NULL};
    make_folder("R-9", 100, 0);
    make_folder("R-10", 100, 0);
    make_folder("R-11", 100, 0);
    make_folder("R-100", 4, 0);
    folders_trim(dir, &limits);
    assert_false(is_there("R-9")); /* by number, not by name */
    assert_true(is_there("R-10"));
    assert_true(is_there("R-11"));
    assert_true(is_there("R-100"));
}

static void test_live_ones_stay(void **state)
{
    (void)state;
    struct folder_limits limits = {2, clock_wall_us() - DAY_US, 1, NULL};
    make_folder("R-1", 4, 9);
    make_folder("R-2", 4, 9);
    make_folder("R-3", 4, 9);
    folders_trim(dir, &limits);
    assert_false(is_there("R-1"));
    assert_true(is_there("R-2"));
    assert_true(is_there("R-3"));
}

static void test_no_bound_and_no_folder(void **state)
{
    (void)state;
    struct folder_limits none = {UINT64_MAX, 0, 0, NULL};
    make_folder("R-1", 4, 1000);
    folders_trim(dir, &none);
    assert_true(is_there("R-1"));
    folders_trim("/nonexistent/runs", &none);
}

static void test_it_leaves_off_when_told(void **state)
{
    (void)state;
    atomic_bool stop = true;
    struct folder_limits limits = {UINT64_MAX, 0, 1, &stop};
    make_folder("R-1", 4, 1000);
    folders_trim(dir, &limits);
    assert_true(is_there("R-1"));
    stop = false;
    folders_trim(dir, &limits);
    assert_false(is_there("R-1"));
}

static void test_the_latest_one(void **state)
{
    (void)state;
    assert_int_equal(folders_latest("/nonexistent/runs"), 0);
    assert_int_equal(folders_latest(dir), 0);
    make_folder("R-9", 1, 0);
    make_folder("R-12", 1, 0);
    make_folder("R-13x", 1, 0);
    make_folder("notes", 1, 0);
    make_folder("R-99999999999999999999", 1, 0); /* nobody's, and too much */
    assert_int_equal(folders_latest(dir), 12);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_old_ones_go),
        CASE(test_too_much_goes_oldest_first),
        CASE(test_live_ones_stay),
        CASE(test_no_bound_and_no_folder),
        CASE(test_it_leaves_off_when_told),
        CASE(test_the_latest_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Opening plugins: whom to trust, what must hold of the tables, filling. */
#include <fcntl.h>
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

#include "base/fs.h"
#include "lib/plugin_dir.h"
#include "plug/plug.h"

#define TEXT(x)       #x
#define AS_TEXT(x)    TEXT(x)
#define VERSION(a, b) AS_TEXT(a) "." AS_TEXT(b)
#define OURS          VERSION(RLV_ABI_MAJOR, RLV_ABI_MINOR)

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void test_good(void **state)
{
    (void)state;
    struct err err;
    const char *path = plugin_path(arena, "good");
    struct plug *p = plug_open(path, &err);
    if (p == NULL)
        fail_msg("%s", err.text);
    assert_string_equal(plug_table(p)->name, "good");
    const struct catalog *c = plug_catalog(p);
    assert_string_equal(c->path, path);
    assert_string_equal(c->version, "1.2");
    assert_int_equal(c->option_count, 11);
    assert_int_equal(c->own_field_count, 3);
    assert_int_equal(c->field_count, 5); /* duration, phase; own latency */
    assert_string_equal(c->expects[0], "status == 200");
}

// clang-format off
static const struct {
    const char *name, *says;
} bad[] = {
    {"bad-no-symbol",  "it has no symbol relevo_plugin_v1: not a plugin of Relevo"},
    {"bad-next-major", "built for version 2 of the plugin interface, this Relevo has " OURS ": a newer Relevo is needed"},
    {"bad-magic",      "begins with 12345678 instead of 4f564c52"},
    {"bad-size",       "relevo_plugin_v1 has 32 bytes, at least"},
    {"bad-major",      "built for version 2." AS_TEXT(RLV_ABI_MINOR) " of the plugin interface, this Relevo has " OURS},
    {"bad-minor",      "built for version 1.7 of the plugin interface, this Relevo has " OURS ": a newer Relevo is needed"},
    {"bad-own",        "the name \"relevo\" is the monitor's own"},
    {"bad-both",       "both start and blocking are given: exactly one"},
    {"bad-neither",    "neither start nor blocking is given: exactly one"},
    {"bad-offset",     "option \"port\": 16 bytes at offset 8 do not fit a conf struct of 16 bytes"},
    {"bad-align",      "option \"port\": 8 bytes at offset 4 do not fit"},
    {"bad-overlap",    "option \"other\": stored where option \"port\" is stored"},
    {"bad-twice",      "option \"port\": declared twice"},
    {"bad-default",    "default of option \"port\": 0 is not within 1"},
    {"bad-enum",       "option \"port\": an ENUM needs its words"},
    {"bad-required",   "option \"port\": REQUIRED, and has a default"},
    {"bad-field",      "field \"status\": no type has the number 99"},
    {"bad-latency",    "field \"latency\": must be a DURATION"},
    {"bad-phase",      "field \"phase\": the name has a meaning in every check"},
    {"bad-expect",     "its default expect \"statu == 200\", column 1"},
    {"bad-name",       "the plugin's name \"Not A Word\""},
};
// clang-format on

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err = {0};
        const char *path = plugin_path(arena, bad[i].name);
        struct plug *p = plug_open(path, &err);
        print_message("%s\n", err.text);
        assert_null(p);
        assert_non_null(strstr(err.text, path));
        if (strstr(err.text, bad[i].says) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", err.text, bad[i].says);
    }
}

static void refuses(const char *path, const char *says)
{
    struct err err = {0};
    assert_null(plug_open(path, &err));
    if (strstr(err.text, says) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, says);
}

static void copy_file(const char *from, const char *to)
{
    struct buf bytes = {0};
    struct err err;
    assert_true(fs_read(from, 64u << 20, &bytes, &err));
    assert_true(fs_replace(to, bytes.data, bytes.len, 0755, &err));
    buf_free(&bytes);
}

static void test_trust(void **state)
{
    (void)state;
    char dir[] = "/tmp/plug-XXXXXX";
    struct err err;
    assert_non_null(mkdtemp(dir));
    const char *file = arena_printf(arena, "%s/mine.so", dir);
    const char *link = arena_printf(arena, "%s/link.so", dir);
    copy_file(plugin_path(arena, "good"), file);
    assert_int_equal(symlink(file, link), 0);

    refuses(arena_printf(arena, "%s/none.so", dir), "No such file");
    refuses(dir, "not a regular file");
    assert_int_equal(chmod(file, 0775), 0);
    refuses(file, "others than its owner may write it; run chmod go-w");
    refuses(link, "others than its owner may write it");
    assert_int_equal(chmod(file, 0757), 0);
    refuses(file, "others than its owner may write it");
    assert_int_equal(chmod(file, 0644), 0);
    assert_int_equal(chmod(dir, 0777), 0);
    refuses(file, "others than its owner may write the folder");
    /* Our own file in our own folder: the group may write that. */
    assert_int_equal(chmod(dir, 0775), 0);
    if (plug_open(file, &err) == NULL)
        fail_msg("%s", err.text);
    if (geteuid() == 0) {
        assert_int_equal(chown(file, 12345, 12345), 0);
        refuses(file, "it belongs to user 12345");
        assert_int_equal(chown(file, 0, 0), 0);
        assert_int_equal(chown(dir, 12345, 12345), 0);
        refuses(file, "belongs to user 12345");
    }
    unlink(link);
    unlink(file);
    rmdir(dir);
}

static void test_not_a_library(void **state)
{
    (void)state;
    char path[] = "/tmp/plug-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "text", 4), 4);
    close(fd);
    refuses(path, "file too short");
    unlink(path);
}

/* ------------------------------------------------------------- filling --- */

static struct setting text_setting(const char *name, const char *text)
{
    return (struct setting){.name = name,
                            .value = {.type = RAW_TEXT, .text = text}};
}

struct good_conf { /* as in lib/plugins/good.c */
    const char *host, *token;
    int64_t port, wait, limit, strict, method;
    double ratio;
    struct rlv_list words;
    struct rlv_dict labels;
    struct rlv_steps steps;
};

static void test_fill(void **state)
{
    (void)state;
    struct err err = {0};
    struct plug *p = plug_open(plugin_path(arena, "good"), &err);
    assert_non_null(p);
    struct setting settings[] = {text_setting("host", "example.org"),
                                 text_setting("wait", "250ms")};
    const struct setting *culprit;
    const struct good_conf *c =
        plug_fill(p, settings, 2, NULL, arena, &culprit, &err);
    if (c == NULL)
        fail_msg("%s", err.text);
    assert_string_equal(c->host, "example.org");
    assert_null(c->token);
    assert_int_equal(c->port, 80);
    assert_int_equal(c->wait, 250000000);
    assert_int_equal(c->limit, 4096);
    assert_int_equal(c->method, 1);
    assert_true(c->ratio == 0.5);
    assert_int_equal(c->words.count, 2);
    assert_string_equal(c->words.items[1], "b");

    settings[1] = text_setting("port", "70000");
    assert_null(plug_fill(p, settings, 2, NULL, arena, &culprit, &err));
    assert_ptr_equal(culprit, &settings[1]);
    assert_non_null(strstr(err.text, "70000 is not within 1"));
    assert_null(plug_fill(p, settings + 1, 0, NULL, arena, &culprit, &err));
    assert_null(culprit);
    assert_non_null(strstr(err.text, "\"host\" is missing"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),  cmocka_unit_test(test_bad),
        cmocka_unit_test(test_trust), cmocka_unit_test(test_not_a_library),
        cmocka_unit_test(test_fill),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

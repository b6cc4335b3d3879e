/* tests/unit/test_redis_target.c: where urls and options lead, and which
 * commands a check may run. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "redis/target.h"

static struct target target;
static char why[200];
static const char *option;

static bool leads(const char *url)
{
    struct redis_conf conf = {.url = url, .port = 6379};
    target = (struct target){0};
    return target_read(&target, &conf, &option, why, sizeof why);
}

static void is_at(const char *url, const char *host, unsigned port, bool tls,
                  int64_t db)
{
    if (!leads(url))
        fail_msg("%s: %s", url, why);
    assert_string_equal(target.host, host);
    assert_int_equal(target.port, port);
    assert_int_equal(target.tls, tls);
    assert_int_equal(target.db, db);
    assert_null(target.unix_path);
}

static void is_user(const char *url, const char *name, const char *password)
{
    if (!leads(url))
        fail_msg("%s: %s", url, why);
    if (name)
        assert_string_equal(target.username, name);
    else
        assert_null(target.username);
    if (password)
        assert_string_equal(target.password, password);
    else
        assert_null(target.password);
}

static void urls_lead_somewhere(void **state)
{
    (void)state;
    is_at("redis://h", "h", 6379, false, 0);
    is_at("REDIS://h/", "h", 6379, false, 0);
    is_at("rediss://h:1/15", "h", 1, true, 15);
    is_at("redis://[::1]:6380/3", "::1", 6380, false, 3);
    is_at("redis://[::1]", "::1", 6379, false, 0);
    is_at("redis://h?db=7", "h", 6379, false, 7);
    is_at("redis://h:65535/?db=7", "h", 65535, false, 7);
    is_at("redis://u:p@h:1", "h", 1, false, 0);
}

static void urls_have_credentials(void **state)
{
    (void)state;
    is_user("redis://h", NULL, NULL);
    is_user("redis://u:p@h", "u", "p");
    is_user("redis://:p@h", NULL, "p");
    is_user("redis://u@h", "u", NULL);
    is_user("redis://:a%40b%3Ac%2f@h", NULL, "a@b:c/");
    is_user("redis://u:a:b@h", "u", "a:b");
    is_user("redis://u:a@b@h", "u", "a@b");
    is_user("unix://u:p@/run/redis.sock", "u", "p");
}

static void urls_name_a_socket(void **state)
{
    (void)state;
    assert_true(leads("unix:///run/redis.sock?db=2"));
    assert_string_equal(target.unix_path, "/run/redis.sock");
    assert_null(target.host);
    assert_int_equal(target.db, 2);
    assert_true(leads("unix:///a%20b"));
    assert_string_equal(target.unix_path, "/a b");
}

static void bad_urls_are_explained(void **state)
{
    (void)state;
    static const struct {
        const char *url, *says;
    } all[] = {
        {"", "none of"},
        {"http://h", "none of"},
        {"redis:/h", "none of"},
        {"redis://", "no host"},
        {"redis://u:p@", "no host"},
        {"redis://:6379", "no host"},
        {"redis://[::1", "without a ]"},
        {"redis://h:0", "port"},
        {"redis://h:65536", "port"},
        {"redis://h:x", "port"},
        {"redis://h:", "port"},
        {"redis://[::1]6379", "port"},
        {"redis://h/x", "database"},
        {"redis://h/70000", "database"},
        {"redis://h?db=", "database"},
        {"redis://h?timeout=1", "parameters"},
        {"redis://u:%4@h", "hex digits"},
        {"redis://u:%zz@h", "hex digits"},
        {"redis://u:%00@h", "hex digits"},
        {"unix://run/redis.sock", "unix:///"},
        {"unix://", "unix:///"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (leads(all[i].url))
            fail_msg("%s leads to %s", all[i].url, target.host);
        if (!strstr(why, all[i].says))
            fail_msg("%s: %s", all[i].url, why);
        assert_string_equal(option, "url");
    }
}

static void long_urls_are_refused(void **state)
{
    (void)state;
    static char url[9000] = "redis://:";
    memset(url + 9, 'p', sizeof url - 12);
    strcpy(url + sizeof url - 3, "@h");
    assert_false(leads(url));
    assert_non_null(strstr(why, "too long"));
}

static void options_stand_in_for_the_url(void **state)
{
    (void)state;
    struct redis_conf conf = {.host = "h",
                              .port = 1,
                              .username = "u",
                              .password = "p",
                              .db = 4,
                              .tls = 1};
    target = (struct target){0};
    assert_true(target_read(&target, &conf, &option, why, sizeof why));
    assert_string_equal(target.host, "h");
    assert_true(target.tls);
    assert_int_equal(target.db, 4);
    assert_string_equal(target.password, "p");
    conf.host = "/run/redis.sock";
    target = (struct target){0};
    assert_true(target_read(&target, &conf, &option, why, sizeof why));
    assert_string_equal(target.unix_path, "/run/redis.sock");
    conf.host = NULL;
    assert_false(target_read(&target, &conf, &option, why, sizeof why));
    assert_string_equal(option, "host");
}

static void options_complete_the_url(void **state)
{
    (void)state;
    struct redis_conf conf = {.url = "redis://a:b@h/1", .password = "p"};
    target = (struct target){0};
    assert_true(target_read(&target, &conf, &option, why, sizeof why));
    assert_string_equal(target.username, "a");
    assert_string_equal(target.password, "p");
    assert_int_equal(target.db, 1);
}

/* ----------------------------------------------------------------- allowed */

#define ALLOWED(...)                                                         \
    allow_command(&(struct rlv_list){(const char *const[]){__VA_ARGS__},     \
                                     sizeof((const char *[]){__VA_ARGS__}) / \
                                         sizeof(char *)},                    \
                  why, sizeof why)

static void commands_that_only_read(void **state)
{
    (void)state;
    assert_true(ALLOWED("LLEN", "jobs"));
    assert_true(ALLOWED("get", "x"));
    assert_true(ALLOWED("XINFO", "groups", "x"));
    assert_true(ALLOWED("slowlog", "LEN"));
    assert_false(ALLOWED("SLOWLOG", "RESET"));
    assert_non_null(strstr(why, "GET|LEN"));
    assert_false(ALLOWED("SLOWLOG"));
    assert_false(ALLOWED("SET", "a", "b"));
    assert_non_null(strstr(why, "SET is not among"));
    assert_false(ALLOWED("KEYS", "*"));
    assert_false(ALLOWED("CONFIG", "GET", "requirepass"));
    assert_false(ALLOWED("LLEN jobs"));
    assert_non_null(strstr(why, "item of its own"));
    assert_false(ALLOWED(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_lead_somewhere),
        cmocka_unit_test(urls_have_credentials),
        cmocka_unit_test(urls_name_a_socket),
        cmocka_unit_test(bad_urls_are_explained),
        cmocka_unit_test(long_urls_are_refused),
        cmocka_unit_test(options_stand_in_for_the_url),
        cmocka_unit_test(options_complete_the_url),
        cmocka_unit_test(commands_that_only_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
